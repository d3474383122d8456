"""The sampler suite passes on the built-in sampler, and its tests fail on twins that break it."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from typing import Any, ClassVar

import numpy as np
import pytest

from deeplake.dataset.weighted import Weighted
from deeplake.errors import WeightsError
from deeplake.spi import Sampler
from deeplake.testing.sampler import SamplerContract, surprising

REFUSED = ([1, -1, 2], [0, 0, 0], [1, float("nan")], [float("inf"), 1], ["1", "2"], [[1], [2]],
           np.array([None, 1], object), [1j, 2])  # fmt: skip


class WeightedSuite(SamplerContract):
    sampler = Weighted
    values = ([1, 2, 0, 4, 0, 0.5], np.array([3, 1, 2], np.uint8), np.arange(50) % 7, [True, False])
    refused = REFUSED
    heavy = ("pandas", "scipy", "torch", "fsspec")


class TestWeighted(WeightedSuite):
    pass


# --------------------------------------------------------------------------- broken twins
class WithoutApi(Weighted):
    api = None


class OfTheFuture(Weighted):
    api = (1, 99)


class Global(Weighted):
    """Takes its random numbers from elsewhere."""

    def order(self, weights: np.ndarray, **options: Any) -> np.ndarray:
        return super().order(
            weights, **{**options, "rng": np.random.default_rng(np.random.randint(1 << 30))}
        )


class Counting(Weighted):
    """Knows how often it was called."""

    def __init__(self) -> None:
        self.calls = 0

    def order(self, weights: np.ndarray, **options: Any) -> np.ndarray:
        self.calls += 1
        options["rng"].random(self.calls)
        return super().order(weights, **options)


class Frozen(Weighted):
    """Draws the same rows whatever the generator says."""

    def order(self, weights: np.ndarray, **options: Any) -> np.ndarray:
        return super().order(weights, **{**options, "rng": np.random.default_rng(0)})


class Rewinding(Weighted):
    """Takes no numbers from the generator, only what it was made of."""

    def order(self, weights: np.ndarray, **options: Any) -> np.ndarray:
        key = options["rng"].bit_generator.state["state"]["key"]
        return super().order(weights, **{**options, "rng": np.random.default_rng(key.tolist())})


class Normalising(Weighted):
    """Changes what it was given."""

    def order(self, weights: np.ndarray, **options: Any) -> np.ndarray:
        rows = super().order(weights, **options)
        if weights.flags.writeable:
            weights[:] = 1
        return rows


class Strided(Weighted):
    """Reads memory, not the array."""

    def order(self, weights: np.ndarray, **options: Any) -> np.ndarray:
        if weights.strides[:1] == (-weights.itemsize,):
            weights = weights[::-1]
        return super().order(weights, **options)


class Narrow(Weighted):
    def order(self, weights: np.ndarray, **options: Any) -> np.ndarray:
        return super().order(weights, **options).astype(np.int32)


class Listing(Weighted):
    def order(self, weights: np.ndarray, **options: Any) -> Any:
        return super().order(weights, **options).tolist()


class FromOne(Weighted):
    """Counts rows from 1."""

    def order(self, weights: np.ndarray, **options: Any) -> np.ndarray:
        return super().order(weights, **options) + 1


class Capped(Weighted):
    """Never more than there are."""

    def order(self, weights: np.ndarray, *, size: int, **options: Any) -> np.ndarray:
        return super().order(weights, size=min(size, len(weights)), **options)


class NeverNothing(Weighted):
    def order(self, weights: np.ndarray, *, size: int, **options: Any) -> np.ndarray:
        return super().order(weights, size=max(1, size), **options)


class Again(Weighted):
    """Forgets that rows must not be drawn again."""

    def order(self, weights: np.ndarray, *, replace: bool, **options: Any) -> np.ndarray:
        return super().order(weights, replace=True, **options)


class Even(Weighted):
    """Does not look at the weights."""

    def order(self, weights: np.ndarray, **options: Any) -> np.ndarray:
        super().order(weights, **options)
        return super().order(np.ones(len(weights)), **options)


class Squared(Weighted):
    def order(self, weights: np.ndarray, **options: Any) -> np.ndarray:
        super().order(weights, **options)
        return super().order(np.asarray(weights, float) ** 2, **options)


class AlmostFair(Weighted):
    """Row 0 is a tenth too likely."""

    def order(self, weights: np.ndarray, **options: Any) -> np.ndarray:
        super().order(weights, **options)
        favour = np.where(np.arange(len(weights)), 1, 1.1)
        return super().order(np.asarray(weights, float) * favour, **options)


class Generous(Weighted):
    """Gives each row a small chance."""

    def order(self, weights: np.ndarray, **options: Any) -> np.ndarray:
        super().order(weights, **options)
        return super().order(np.asarray(weights, float) + 0.01, **options)


class Sorted(Weighted):
    """Gives rows that are drawn with replacement in order."""

    def order(self, weights: np.ndarray, *, replace: bool, **options: Any) -> np.ndarray:
        rows = super().order(weights, replace=replace, **options)
        return np.sort(rows) if replace else rows


class Scaled(Weighted):
    """Without replacement, in the order of a number times the weight: the first is nearly right."""

    def order(
        self, weights: np.ndarray, *, size: int, replace: bool, rng: np.random.Generator
    ) -> np.ndarray:
        rows = super().order(weights, size=size, replace=replace, rng=rng)
        if replace or size < 2:
            return rows
        rest = np.setdiff1d(np.arange(len(weights)), rows[:1])
        zero = np.asarray(weights)[rest] == 0
        return np.append(rows[:1], rest[np.lexsort((rng.random(len(rest)), zero))][: size - 1])


class ZeroFirst(Weighted):
    """Rows without a chance come before others."""

    def order(self, weights: np.ndarray, *, replace: bool, **options: Any) -> np.ndarray:
        rows = super().order(weights, replace=replace, **options)
        if not replace and options["size"] == len(weights):
            return rows[::-1].copy()
        return rows


class Credulous(Weighted):
    """Takes what makes no sense."""

    def order(self, weights: np.ndarray, **options: Any) -> np.ndarray:
        if np.asarray(weights).dtype.kind in "if":
            weights = np.nan_to_num(np.abs(np.asarray(weights, float)))
        return super().order(weights, **options)


class Stumbling(Weighted):
    """Lets errors of a library through."""

    def order(self, weights: np.ndarray, **options: Any) -> np.ndarray:
        return super().order(np.asarray(weights).astype(np.float64), **options)


class Shared(Weighted):
    """Works in memory that all threads share."""

    scratch: ClassVar[dict[str, Any]] = {}

    def order(self, weights: np.ndarray, **options: Any) -> np.ndarray:
        self.scratch["rng"] = options["rng"]
        if threading.active_count() > 2:
            time.sleep(0.001)
        return super().order(weights, **{**options, "rng": self.scratch["rng"]})


class Hashing(Weighted):
    """Depends on hashes, which differ between processes."""

    def order(self, weights: np.ndarray, **options: Any) -> np.ndarray:
        options["rng"].random(1 + hash("seed") % 1009)
        return super().order(weights, **options)


def names_of(suite: type[SamplerContract]) -> Iterator[str]:
    return (name for name in dir(suite) if name.startswith("test_"))


FAULTS: dict[type[Sampler], str] = {
    WithoutApi: "test_states_what_the_registry_needs",
    OfTheFuture: "test_states_what_the_registry_needs",
    Global: "test_the_generator_decides_and_nothing_else",
    Counting: "test_the_generator_decides_and_nothing_else",
    Frozen: "test_other_numbers_give_other_rows",
    Rewinding: "test_a_generator_goes_on",
    Normalising: "test_values_are_not_changed",
    Strided: "test_any_array_will_do",
    Narrow: "test_as_many_rows_as_asked_for",
    Listing: "test_as_many_rows_as_asked_for",
    FromOne: "test_as_many_rows_as_asked_for",
    Capped: "test_as_many_rows_as_asked_for",
    NeverNothing: "test_as_many_rows_as_asked_for",
    Again: "test_no_row_twice_without_replacement",
    Even: "test_rows_come_as_often_as_they_should",
    Squared: "test_what_is_drawn_first_is_drawn_by_chance",
    AlmostFair: "test_rows_come_as_often_as_they_should",
    Generous: "test_rows_come_as_often_as_they_should",
    Sorted: "test_the_last_is_as_likely_as_the_first",
    Scaled: "test_the_second_is_drawn_from_those_left",
    ZeroFirst: "test_rows_without_a_chance_come_last",
    Credulous: "test_values_without_sense_are_refused",
    Stumbling: "test_anything_is_drawn_from_or_refused",
    Shared: "test_threads_do_not_disturb_each_other",
    Hashing: "test_another_process_draws_the_same_rows",
}
"""Twin -> the test that finds its fault."""


@pytest.mark.parametrize(("twin", "name"), FAULTS.items(), ids=lambda v: getattr(v, "__name__", v))
def test_a_twin_with_a_fault_is_found(twin: type[Sampler], name: str) -> None:
    suite = type("Suite", (WeightedSuite,), {"sampler": twin})
    # Hypothesis may find several: then they are a group.
    found = (AssertionError, TypeError, ValueError, pytest.fail.Exception, ExceptionGroup)
    with pytest.raises(found):
        getattr(suite(), name)()


def test_every_test_finds_a_fault() -> None:
    # One row is what a sampler of weights can hardly get wrong, and the import is tested elsewhere.
    rest = {
        "test_import_is_cheap",
        "test_one_row",
        "test_no_test_of_the_suite_is_missing",
    }
    assert set(names_of(WeightedSuite)) - rest == set(FAULTS.values())


def test_one_row_and_heavy_imports_are_found() -> None:
    class Empty(Weighted):
        def order(self, weights: np.ndarray, **options: Any) -> np.ndarray:
            if len(weights) == 1:
                raise WeightsError("one row is too few")
            return super().order(weights, **options)

    suite: Any = type("Suite", (WeightedSuite,), {"sampler": Empty, "heavy": ("numpy",)})()
    with pytest.raises(WeightsError):
        suite.test_one_row()
    with pytest.raises(AssertionError, match="loads"):
        suite.test_import_is_cheap()


# --------------------------------------------------------------------------- the statistic
def test_fair_counts_do_not_surprise() -> None:
    rng = np.random.default_rng(0)
    for n in (2, 3, 10, 300):
        chances = rng.dirichlet(np.full(n, 0.5))
        for _ in range(50):
            assert surprising(rng.multinomial(20_000, chances), chances) is None


def test_unfair_counts_surprise() -> None:
    assert "instead of about 500" in str(surprising(np.array([620, 380]), np.array([0.5, 0.5])))
    assert "no chance" in str(surprising(np.array([1, 99]), np.array([0.0, 1.0])))
    assert surprising(np.array([0, 100]), np.array([0.0, 1.0])) is None
