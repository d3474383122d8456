"""Which samples are worked on together."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, overload

from deeplake.compute.source import Source
from deeplake.types import TensorSchema

SECONDS = 0.1
"""What a portion should take: much more than handing it over does, and little for a progress bar."""
GROWTH = 4
"""A portion has so many times the samples of those before it, at most."""
MOST = 4096
"""Samples of a portion, at most, and portions, at most, are this many and its square root and more."""
SLOTS = 1 << 14


@dataclass(frozen=True, slots=True)
class State:
    """What a tensor is like for who encodes samples for it: schema and info."""

    schema: TensorSchema
    info: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Portion:
    """Samples that a worker takes at a time.

    Attributes:
        start, stop: Their numbers.
        part: What of the input goes along (see ``Source.part``).
        states: The tensors for which the worker encodes, by name.
    """

    start: int
    stop: int
    part: Any
    states: Mapping[str, State]


class Portions(Sequence[Portion]):
    """The input in portions, each cut when it is asked for, by what those before it have shown.

    How many there are is fixed, so that any executor can run them; where all samples are given out
    before, those that are left over are empty, and nobody needs to ask for them.

    Args:
        source: The input.
        states: The tensors that workers encode for, as they are at the time.
        budget: Bytes that a portion's results may take, if several samples make it up.
        interval: Portions end at the multiples of this; 0 for anywhere.
    """

    def __init__(
        self, source: Source, states: Callable[[], Mapping[str, State]], budget: int, interval: int
    ) -> None:
        self._source = source
        self._states = states
        self._budget = max(budget, 1)
        self._total = len(source)
        self._interval = interval or max(self._total, 1)
        # An interval may cut a portion off: there is one more for each.
        ends = -(-self._total // self._interval)
        self._slots = min(self._total, SLOTS) + (ends if self._total > SLOTS else 0)
        self._cut: list[int] = [0]
        self._lock = threading.Lock()
        self._size = 1.0
        self._largest = 1

    def __len__(self) -> int:
        return self._slots

    @overload
    def __getitem__(self, slot: int) -> Portion: ...
    @overload
    def __getitem__(self, slot: slice) -> Sequence[Portion]: ...
    def __getitem__(self, slot: int | slice) -> Portion | Sequence[Portion]:
        if isinstance(slot, slice):
            return [self[i] for i in range(*slot.indices(len(self)))]
        if slot < 0:
            slot += len(self)
        if not 0 <= slot < len(self):
            raise IndexError(f"there are {len(self)} portions")
        with self._lock:
            while len(self._cut) < slot + 2:
                self._cut.append(self._next(self._cut[-1], len(self._cut) - 1))
            start, stop = self._cut[slot : slot + 2]
        part = self._source.part(start, stop)
        return Portion(start, stop, part, self._states() if stop > start else {})

    def _next(self, start: int, slot: int) -> int:
        """Where the portion ends that begins at ``start``."""
        left = self._slots - slot
        least = -(-(self._total - start) // left)
        size = max(int(self._size), least)
        if left == 1:
            return self._total
        end = min(start + size, self._total, (start // self._interval + 1) * self._interval)
        self._largest = max(self._largest, end - start)
        return end

    def learn(self, samples: int, nbytes: int, seconds: float) -> None:
        """Take note of how much a portion was."""
        if not samples:
            return
        fit = min(
            self._budget * samples / max(nbytes, 1), SECONDS * samples / max(seconds, 1e-9), MOST
        )
        with self._lock:
            self._size = max(1.0, min(fit, GROWTH * self._largest))


__all__ = ["Portion", "Portions", "State"]
