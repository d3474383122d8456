"""Contract suite of samplers.

A plugin's tests derive from it, name the class, and say which values it takes and what chance they
give each row::

    class TestWeighted(SamplerContract):
        sampler = Weighted
        values = ([1, 2, 3.5], np.arange(20))
        refused = ([1, -1], [0, 0], ["a", "b"])

        def chances(self, values):
            return values / values.sum()

pytest then runs every test below on it. Needs pytest and hypothesis.
"""

from __future__ import annotations

import math
import pickle
import random
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, ClassVar

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from deeplake.errors import WeightsError
from deeplake.spi import Plugin, Sampler
from deeplake.testing import strategies
from deeplake.testing.contract import PluginContract, environment

DRAWS = 200_000
"""Rows that frequencies are counted of."""

REPEATS = 5_000
"""Drawings whose first rows are counted."""

THREADS = 8

_IN_ANOTHER_PROCESS = """
import importlib, pickle, sys
import numpy as np
module, name, values, size, replace = pickle.load(sys.stdin.buffer)
sampler = importlib.import_module(module)
for part in name.split("."):
    sampler = getattr(sampler, part)
rng = np.random.Generator(np.random.Philox(5))
sys.stdout.buffer.write(
    pickle.dumps(sampler().order(values, size=size, replace=replace, rng=rng)))
"""

# The tests are inherited, so hypothesis sees one test run by several classes: that is meant.
_examples = settings(
    deadline=None,
    max_examples=60,
    suppress_health_check=[HealthCheck.differing_executors, HealthCheck.too_slow],
)


def surprising(counts: np.ndarray, chances: np.ndarray) -> str | None:
    """What is wrong with how often each of several things happened, in words, or None.

    Pearson's chi-square; things that are expected fewer than 5 times are counted together. Chance
    alone goes beyond the bound about once in a million tests.

    Args:
        counts: ``int[n]``: how often each happened.
        chances: ``float[n]``: how likely each was; they add up to 1.
    """
    impossible = np.flatnonzero((chances == 0) & (counts > 0))
    if len(impossible):
        return f"row {impossible[0]} has no chance and was drawn {counts[impossible[0]]} times"
    expected = chances * counts.sum()
    rare = expected < 5
    counts = np.append(counts[~rare], counts[rare].sum())
    expected = np.append(expected[~rare], expected[rare].sum())
    counts, expected = counts[expected > 0], expected[expected > 0]
    freedom = len(counts) - 1
    if freedom < 1:
        return None
    found = float(((counts - expected) ** 2 / expected).sum())
    # Quantile by Wilson and Hilferty (1931), for 4.8 standard deviations.
    step = 2 / (9 * freedom)
    bound = freedom * (1 - step + 4.8 * math.sqrt(step)) ** 3
    if found <= bound:
        return None
    worst = int(np.argmax((counts - expected) ** 2 / expected))
    return (
        f"chi-square is {found:.0f} with {freedom} degrees of freedom (at most {bound:.0f}): for "
        f"example {counts[worst]} instead of about {expected[worst]:.0f}"
    )


class SamplerContract(PluginContract):
    """Suite for a ``Sampler``.

    Attributes:
        sampler: The class under test.
        values: What ``order`` takes as ``weights``: one value a row, at least 2 rows each.
        refused: What it refuses.
        independent: With replacement, a draw does not depend on those before it; without, it takes
            rows that are left, in proportion to their chances. False for samplers that keep to shares.
        heavy: Modules that importing the sampler's module must not load.
    """

    sampler: ClassVar[type[Sampler]]
    values: ClassVar[Sequence[Any]]
    refused: ClassVar[Sequence[Any]] = ()
    independent: ClassVar[bool] = True
    heavy: ClassVar[tuple[str, ...]] = ()

    # ------------------------------------------------------------------ what the subclass knows
    def chances(self, values: np.ndarray) -> np.ndarray:
        """``float[n]``: how likely each row is when one is drawn. Default: as their values."""
        chances: np.ndarray = values / values.sum()
        return chances

    # ------------------------------------------------------------------ the class
    def plugin_class(self) -> type[Plugin]:
        return self.sampler

    # ------------------------------------------------------------------ what is returned
    def test_as_many_rows_as_asked_for(self) -> None:
        for values in self._values():
            n = len(values)
            for size in (0, 1, 2, n - 1, n, n + 1, 3 * n + 1):
                for replace in (True, False):
                    if replace or size <= n:
                        self._check(self._order(values, size, replace=replace), n, size)

    def test_no_row_twice_without_replacement(self) -> None:
        for values in self._values():
            n = len(values)
            for seed in range(20):
                for size in (1, 2, n // 2, n):
                    rows = self._order(values, size, replace=False, seed=seed)
                    assert len(set(rows.tolist())) == size, f"rows that come twice: {rows}"

    def test_one_row(self) -> None:
        for values in self._values():
            likely = int(np.argmax(self.chances(values)))
            for replace in (True, False):
                got = self._order(values[likely : likely + 1], 1, replace=replace)
                assert got.tolist() == [0]

    # ------------------------------------------------------------------ pure
    def test_the_generator_decides_and_nothing_else(self) -> None:
        sampler = self.sampler()
        for values in self._values():
            n = len(values)
            for replace in (True, False):
                random.seed(1)
                np.random.seed(1)
                first = sampler.order(values, size=n, replace=replace, rng=_rng(3)).tolist()
                random.seed(2)
                np.random.seed(2)
                sampler.order(values[: n // 2 + 1], size=1, replace=not replace, rng=_rng(4))
                again = sampler.order(values, size=n, replace=replace, rng=_rng(3)).tolist()
                assert again == first, "the same generator gave other rows"
                other = self.sampler().order(values, size=n, replace=replace, rng=_rng(3))
                assert other.tolist() == first, "another object gave other rows"

    def test_other_numbers_give_other_rows(self) -> None:
        values = max(self._values(), key=len)
        for replace in (True, False):
            drawn = {
                tuple(self._order(values, len(values), replace=replace, seed=seed).tolist())
                for seed in range(30)
            }
            assert len(drawn) > 1, "the rows do not depend on the generator"

    def test_a_generator_goes_on(self) -> None:
        values = max(self._values(), key=len)
        rng = _rng(0)
        drawn = {
            tuple(self.sampler().order(values, size=len(values), replace=True, rng=rng).tolist())
            for _ in range(30)
        }
        assert len(drawn) > 1, "it draws the same rows again from a generator that went on"

    def test_values_are_not_changed(self) -> None:
        for values in self._values():
            before = values.copy()
            for replace in (True, False):
                rows = self._order(values, len(values), replace=replace)
                np.testing.assert_array_equal(values, before)
                rows[:] = 0  # the result belongs to the caller
                np.testing.assert_array_equal(values, before)

    def test_any_array_will_do(self) -> None:
        for values in self._values():
            locked = values.copy()
            locked.flags.writeable = False
            n = len(values)
            for given_ in (locked, np.repeat(values, 2)[::2], values[::-1].copy()[::-1]):
                for replace in (True, False):
                    got = self._order(given_, n, replace=replace)
                    assert got.tolist() == self._order(values, n, replace=replace).tolist()

    def test_threads_do_not_disturb_each_other(self) -> None:
        sampler = self.sampler()
        values = max(self._values(), key=len)
        values = np.concatenate([values] * (1 + 20_000 // len(values)))

        def draw(seed: int) -> bytes:
            replace = bool(seed % 2)
            return sampler.order(values, size=5_000, replace=replace, rng=_rng(seed)).tobytes()

        alone = [draw(seed) for seed in range(THREADS)]
        with ThreadPoolExecutor(THREADS) as pool:
            for _ in range(5):
                assert list(pool.map(draw, range(THREADS))) == alone

    def test_another_process_draws_the_same_rows(self) -> None:
        cls = self.sampler
        values = max(self._values(), key=len)
        for replace in (True, False):
            asked = (cls.__module__, cls.__qualname__, values, len(values), replace)
            done = subprocess.run(
                [sys.executable, "-c", _IN_ANOTHER_PROCESS], env=environment(),
                input=pickle.dumps(asked), capture_output=True, check=False,
            )  # fmt: skip
            assert done.returncode == 0, done.stderr.decode()
            here = self._order(values, len(values), replace=replace, seed=5)
            assert pickle.loads(done.stdout).tolist() == here.tolist()

    # ------------------------------------------------------------------ chances
    def test_rows_come_as_often_as_they_should(self) -> None:
        for values in self._values():
            rows = self._order(values, DRAWS, replace=True)
            self._expect(values, rows, "with replacement")

    def test_what_is_drawn_first_is_drawn_by_chance(self) -> None:
        sampler = self.sampler()
        for values in self._values():
            for size, replace in ((1, True), (1, False), (min(5, len(values)), True)):
                rng = _rng(2)
                rows = [
                    int(sampler.order(values, size=size, replace=replace, rng=rng)[0])
                    for _ in range(REPEATS)
                ]
                self._expect(
                    values,
                    np.array(rows),
                    f"first of {size}, {'' if replace else 'no '}replacement",
                )

    def test_the_last_is_as_likely_as_the_first(self) -> None:
        """Rows that are drawn with replacement come in no order."""
        sampler, rng = self.sampler(), _rng(3)
        for values in self._values():
            n = min(20, 2 * len(values))
            rows = [
                int(sampler.order(values, size=n, replace=True, rng=rng)[-1])
                for _ in range(REPEATS)
            ]
            self._expect(values, np.array(rows), f"last of {n}")

    def test_the_second_is_drawn_from_those_left(self) -> None:
        """Without replacement, the pair (i, j) has the chance p(i) · p(j) / (1 - p(i))."""
        if not self.independent:
            return
        sampler, rng = self.sampler(), _rng(4)
        for values in self._values():
            chances = np.asarray(self.chances(values), float)
            if np.count_nonzero(chances) < 2 or len(values) > 40:
                continue
            n = len(chances)
            pairs = np.zeros((n, n))
            for i in np.flatnonzero(chances):
                pairs[i] = chances[i] * chances / (1 - chances[i])
                pairs[i, i] = 0
            rows = np.array(
                [sampler.order(values, size=2, replace=False, rng=rng) for _ in range(REPEATS)]
            )
            counts = np.bincount(rows[:, 0] * n + rows[:, 1], minlength=n * n)
            wrong = surprising(counts, pairs.ravel() / pairs.sum())
            assert wrong is None, f"pairs without replacement, values {values!r:.100}: {wrong}"

    def test_rows_without_a_chance_come_last(self) -> None:
        """Also without replacement: when nothing else is left."""
        for values in self._values():
            nothing = set(np.flatnonzero(np.asarray(self.chances(values)) == 0).tolist())
            rows = self._order(values, len(values), replace=False).tolist()
            likely = rows[: len(rows) - len(nothing)]
            assert not nothing & set(likely), f"rows without a chance come before others: {rows}"

    # ------------------------------------------------------------------ what is refused
    def test_values_without_sense_are_refused(self) -> None:
        for values in self.refused:
            for replace in (True, False):
                for size in (1, len(values)):
                    with pytest.raises(WeightsError, match=r"\w"):
                        self._order(np.asarray(values), size, replace=replace)

    @_examples
    @given(st.data())
    def test_anything_is_drawn_from_or_refused(self, data: st.DataObject) -> None:
        values = data.draw(
            strategies.arrays(shape=st.tuples(st.integers(1, 9)))
            | st.lists(st.text(max_size=3), min_size=1, max_size=9).map(np.array)
            | st.lists(
                st.none() | st.integers() | st.text(max_size=2) | st.floats(),
                min_size=1, max_size=9,
            ).map(lambda items: np.array([*items, None], object)[:-1])
        )  # fmt: skip
        replace = data.draw(st.booleans())
        size = data.draw(st.integers(0, 2 * len(values) if replace else len(values)))
        try:
            rows = self._order(values, size, replace=replace)
        except WeightsError:
            return
        self._check(rows, len(values), size)
        assert replace or len(set(rows.tolist())) == size

    # ------------------------------------------------------------------ doing it
    def _values(self) -> list[np.ndarray]:
        return [np.asarray(values) for values in self.values]

    def _order(self, values: np.ndarray, size: int, *, replace: bool, seed: int = 1) -> np.ndarray:
        return self.sampler().order(values, size=size, replace=replace, rng=_rng(seed))

    def _check(self, rows: Any, n: int, size: int) -> None:
        assert isinstance(rows, np.ndarray), f"rows are an array, not {type(rows).__name__}"
        assert rows.dtype == np.int64, f"rows are int64, not {rows.dtype}"
        assert rows.shape == (size,), f"{rows.shape} rows instead of {size}"
        assert size == 0 or 0 <= rows.min() <= rows.max() < n, f"not all of {rows} are below {n}"

    def _expect(self, values: np.ndarray, rows: np.ndarray, what: str) -> None:
        chances = np.asarray(self.chances(values), float)
        wrong = surprising(np.bincount(rows, minlength=len(values)), chances)
        assert wrong is None, f"{what}, values {values!r:.100}: {wrong}"


def _rng(seed: int) -> np.random.Generator:
    return np.random.Generator(np.random.Philox(seed))


__all__ = ["SamplerContract", "surprising"]
