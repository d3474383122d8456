"""Some rows of an epoch, and the random numbers that belong to them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Final, TypeAlias

import numpy as np

Rows: TypeAlias = np.ndarray[tuple[int], np.dtype[np.int64]]
"""``int64[n]``: row numbers of the dataset."""

_ROW: Final = np.uint64(0xD1B54A32D192ED03)
_NUMBER: Final = np.uint64(0x9E3779B97F4A7C15)
_STREAM: Final = 0xD1CE
"""Tells these random numbers from those of the order."""


@dataclass(frozen=True, slots=True)
class Dice:
    """Random numbers for each row of an epoch, whoever asks for them, and in whatever order.

    Attributes:
        seed: Seed, at least 0.
        epoch: Epoch.
    """

    seed: int
    epoch: int

    def uniform(self, positions: np.ndarray, draws: int) -> np.ndarray:
        """``float64[n, draws]``: numbers of at least 0 and below 1.

        Args:
            positions: Positions of the rows in the list that is loaded.
            draws: Numbers a row.
        """
        first, second = map(np.uint64, _key(self.seed, self.epoch))
        places = positions.astype(np.uint64)[:, None] * _ROW
        counters = places + np.arange(1, draws + 1, dtype=np.uint64) * _NUMBER
        words = _mixed(_mixed(counters ^ first) + second)
        return np.asarray((words >> np.uint64(11)) * (1.0 / (1 << 53)))

    def generator(self, position: int) -> np.random.Generator:
        """A generator for one row."""
        key = np.array(_key(self.seed, self.epoch), np.uint64)
        counter = np.array([0, 0, position, _STREAM], np.uint64)
        return np.random.Generator(np.random.Philox(key=key, counter=counter))


@lru_cache(maxsize=16)
def _key(seed: int, epoch: int) -> tuple[int, int]:
    """Two words that depend on both."""
    words = np.random.SeedSequence([seed, epoch, _STREAM]).generate_state(2, np.uint64)
    return int(words[0]), int(words[1])


def _mixed(words: np.ndarray) -> np.ndarray:
    """Words whose bits all depend on all bits of the given ones.

    Source: the finaliser of SplitMix64 (Steele, Lea, Flood 2014), with Stafford's constants.
    """
    words = (words ^ (words >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    words = (words ^ (words >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return np.asarray(words ^ (words >> np.uint64(31)))


@dataclass(frozen=True, slots=True)
class Lot:
    """Some rows of an epoch, for example those of a batch.

    Attributes:
        rows: Their numbers in the dataset.
        positions: Their positions in the list of rows that is loaded: what random numbers depend on,
            as the same row may be drawn several times.
        dice: The epoch's random numbers.
    """

    rows: Rows
    positions: Rows
    dice: Dice

    def __len__(self) -> int:
        return len(self.rows)

    def part(self, start: int, stop: int) -> Lot:
        """Some of them, one after the other."""
        return Lot(self.rows[start:stop], self.positions[start:stop], self.dice)

    def uniform(self, draws: int) -> np.ndarray:
        """``float64[n, draws]``: random numbers from 0 to 1."""
        return self.dice.uniform(self.positions, draws)


__all__ = ["Dice", "Lot", "Rows"]
