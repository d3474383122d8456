"""What a loader promises its users, checked on any loader: that it goes on where it was."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import islice
from typing import Any

import numpy as np


def assert_resumable(
    make: Callable[[], Any], *, epochs: int = 1, positions: int | None = None
) -> None:
    """Check that a loader's state gives exactly the batches that were still to come.

    The state is taken after some batches of an epoch, loaded into a new loader, and what that gives is
    compared, to the last bit, with what the first loader would have given: the rest of the epoch and
    the epoch after it.

    Args:
        make: Makes a fresh loader, the same each time (seed what is random in it): of the kernel, of
            a framework's plugin, or
            anything else with ``state_dict`` and ``load_state_dict``.
        epochs: How many epochs are left off in the middle of.
        positions: In how many places of each; None: after every batch, and before the first.

    Raises:
        AssertionError: Where it goes on differently; the message names the batch.
    """
    whole = make()
    expected = [[_frozen(batch) for batch in whole] for _ in range(epochs + 1)]
    assert any(expected), "the loader gives no batches: there is nothing to compare"
    for epoch in range(epochs):
        count = len(expected[epoch])
        places = range(count + 1)
        if positions is not None and positions < count + 1:
            places = sorted({round(i * count / max(1, positions - 1)) for i in range(positions)})  # type: ignore[assignment]
        for place in places:
            state = _left(make(), epoch, place)
            loader = make()
            loader.load_state_dict(state)
            # After the last batch, the epoch may be over already, or give nothing more.
            rest = expected[epoch][place:]
            if rest:
                _same(loader, rest, f"epoch {epoch}, after {place} batches")
                _same(loader, expected[epoch + 1], f"the epoch after epoch {epoch}")


def _left(loader: Any, epoch: int, place: int) -> Any:
    """The state of a loader that was left in the middle of an epoch."""
    for _ in range(epoch):
        for _ in loader:
            continue
    batches = iter(loader)
    for _ in islice(batches, place):
        continue
    state = loader.state_dict()
    close = getattr(batches, "close", None)
    if close is not None:
        close()
    return state


def _same(loader: Any, expected: list[Any], where: str) -> None:
    got = [_frozen(batch) for batch in loader]
    for number, (mine, right) in enumerate(zip(got, expected, strict=False)):
        assert mine == right, f"{where}: batch {number} is another one"
    assert len(got) == len(expected), f"{where}: {len(got)} batches, not {len(expected)}"


def _frozen(value: Any) -> Any:
    """A batch as values that can be compared to the last bit."""
    if isinstance(value, Mapping):
        return tuple((key, _frozen(part)) for key, part in value.items())
    if isinstance(value, (list, tuple)):
        return tuple(map(_frozen, value))
    if isinstance(value, (str, bytes, int, float, bool, type(None))):
        return repr(value)
    array = np.asarray(value)
    data = repr(array.tolist()) if array.dtype == object else array.tobytes()
    return (str(array.dtype), array.shape, data)


__all__ = ["assert_resumable"]
