"""What worker processes are told to do, as bytes; what cannot be sent is named."""

from __future__ import annotations

import pickle
from typing import Any

from deeplake.errors import WorkerError
from deeplake.loader.spec import Transform
from deeplake.loader.worker import Recipe

REMEDY = (
    'define it at the top of a module, pip install "deeplake-core[processes]" (cloudpickle), or run '
    "it in threads: num_workers=0"
)


def pickled(recipe: Recipe) -> bytes:
    """The recipe as bytes.

    Raises:
        WorkerError: Something of it cannot be pickled: which, why, and what to do.
    """
    try:
        return _dumps(recipe)
    except Exception as error:
        raise _culprit(recipe, error) from error


def _dumps(value: Any) -> bytes:
    try:
        import cloudpickle  # type: ignore[import-untyped]
    except ImportError:
        data = pickle.dumps(value)
        if b"__main__" in data:
            raise pickle.PicklingError(
                "it is defined in the script that runs, which worker processes do not import"
            ) from None
        return data
    found: bytes = cloudpickle.dumps(value)
    return found


def _culprit(recipe: Recipe, error: Exception) -> WorkerError:
    """Names what cannot be pickled."""
    spec = recipe.spec
    transform = spec.transform or Transform()
    parts: dict[str, Any] = {
        f"the transform of tensor {name!r}": function
        for name, function in (transform.by_tensor or {}).items()
    }
    parts["the transform"] = transform.whole
    parts["collate_fn"] = spec.collate_fn
    for what, function in parts.items():
        try:
            _dumps(function)
        except Exception as why:  # noqa: BLE001 - it is told
            return WorkerError(
                f"{what}, {function!r}, cannot be sent to worker processes: {_said(why)}; {REMEDY}"
            )
    return WorkerError(f"the loader cannot be sent to worker processes: {_said(error)}; {REMEDY}")


def _said(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"


__all__ = ["REMEDY", "pickled"]
