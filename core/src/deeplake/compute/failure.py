"""The error that users see when a transform fails."""

from __future__ import annotations

from typing import Any

from deeplake.compute.work import Failure
from deeplake.dataset.sample import Sample
from deeplake.errors import TransformError

SHOWN = 500
"""Characters of a sample that a message shows."""


def failed(failure: Failure, sample: Any, checkpoint: int | None) -> TransformError:
    """The error to raise from the one that a function raised.

    Args:
        failure: Which sample, and the error.
        sample: The sample.
        checkpoint: How many samples were processed at the last checkpoint; None: there are none.
    """
    error = failure.error
    text = f"Transform failed at index {failure.index} of the input data"
    if isinstance(sample, Sample) and sample.path:
        text += f" on the sample at path: '{sample.path}'"
    elif _is_plain(sample):
        shown = str(sample)
        text += f" on the item: {shown if len(shown) <= SHOWN else shown[:SHOWN] + '…'}"
    text += (
        f".{_resume(checkpoint)} See traceback for more details. {type(error).__name__}: {error} - If "
        "you wish to skip the samples that cause errors, please specify `ignore_errors=True`."
    )
    return TransformError(text, index=failure.index, sample=sample, samples_processed=checkpoint)


def broken(error: Exception, done: int, checkpoint: int | None) -> TransformError:
    """The error to raise where not a sample failed, but who works on them.

    Args:
        error: What the executor raised.
        done: How many samples were done before.
        checkpoint: As above.
    """
    return TransformError(
        f"Transform failed after {done} samples of the input data.{_resume(checkpoint)} "
        f"{type(error).__name__}: {error}",
        samples_processed=checkpoint,
    )


def _resume(checkpoint: int | None) -> str:
    if checkpoint is None:
        return ""
    return (
        f" Last checkpoint: {checkpoint} samples processed. You can slice the input to resume from "
        "this point."
    )


def _is_plain(value: Any, depth: int = 3) -> bool:
    """Whether a value says what it is in a few words."""
    if isinstance(value, (str, int, float, bool)):
        return True
    if not depth or not isinstance(value, (list, tuple, dict)) or len(value) > 100:
        return False
    parts = value.values() if isinstance(value, dict) else value
    return all(_is_plain(part, depth - 1) for part in parts)


__all__ = ["broken", "failed"]
