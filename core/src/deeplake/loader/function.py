"""Functions of the user, called sample by sample."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from typing import Any

from deeplake.loader.failure import transform_failed
from deeplake.loader.lot import Lot
from deeplake.transforms import ImageTransform


class Function:
    """A transform of samples or values, called one by one.

    Args:
        call: The user's. If it has a parameter ``rng``, it gets a ``numpy.random.Generator`` whose
            numbers depend on seed, epoch and row only.
    """

    __slots__ = ("_call", "_image", "_random")

    def __init__(self, call: Callable[..., Any]) -> None:
        self._call = call
        self._image = call if isinstance(call, ImageTransform) else None
        self._random = self._image is None and takes_rng(call)

    def mapped(self, values: Iterable[Any], what: str, lot: Lot) -> list[Any]:
        """What becomes of each value; an error says of which row.

        Args:
            values: One for each row.
            what: Whose transform it is, for messages.
            lot: The rows.
        """
        results: list[Any] = []
        call = self._call
        try:
            if self._image is not None:
                numbers = lot.uniform(self._image.draws)
                for i, value in enumerate(values):
                    results.append(self._image.apply(value, numbers[i : i + 1]))
            elif self._random:
                for position, value in zip(lot.positions.tolist(), values, strict=True):
                    results.append(call(value, rng=lot.dice.generator(position)))
            else:
                for value in values:
                    results.append(call(value))  # noqa: PERF401 - how far it came is needed below
        except Exception as error:
            raise transform_failed(error, what, int(lot.rows[len(results)])) from error
        return results


def takes_rng(call: Callable[..., Any]) -> bool:
    """Whether a function has a parameter ``rng``."""
    try:
        parameter = inspect.signature(call).parameters.get("rng")
    except (TypeError, ValueError):  # of some builtins nothing is known
        return False
    return parameter is not None and parameter.kind in (
        inspect.Parameter.POSITIONAL_OR_KEYWORD,
        inspect.Parameter.KEYWORD_ONLY,
    )


__all__ = ["Function", "takes_rng"]
