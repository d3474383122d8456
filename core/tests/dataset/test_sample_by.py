"""``ds.sample_by``: rows drawn by weight."""

from __future__ import annotations

import decimal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import optimize, stats

import deeplake
from deeplake import errors, plugins
from deeplake.dataset.drawing import drawn
from deeplake.dataset.weighted import Weighted
from deeplake.spi import Sampler
from deeplake.testing.sampler import surprising


@pytest.fixture
def ds() -> deeplake.Dataset:
    ds = deeplake.empty("mem://sample_by")
    ds.create_tensor("x", dtype="int64").extend(np.arange(100, 200))
    ds.create_tensor("words", htype="text").extend([f"row {i}" for i in range(100)])
    return ds


@pytest.fixture(autouse=True)
def _unseeded() -> Iterator[None]:
    yield
    deeplake.random.seed(None)


def rows(view: deeplake.Dataset) -> list[int]:
    return list(view.sample_indices)


# --------------------------------------------------------------------------- the view
def test_a_row_view_of_the_dataset(ds: deeplake.Dataset) -> None:
    view = ds.sample_by(np.arange(100))
    assert len(view) == 100
    assert view.is_view
    assert 0 not in rows(view)
    assert view.x.numpy().ravel().tolist() == [100 + i for i in rows(view)]
    assert view.words.data()["value"] == [f"row {i}" for i in rows(view)]
    assert list(view.tensors) == ["x", "words"]


@pytest.mark.parametrize("weights", [np.ones((100, 1)), np.ones((10, 10)), {1: 2}, None, 3])
def test_weights_are_one_number_a_row(ds: deeplake.Dataset, weights: Any) -> None:
    with pytest.raises(ValueError, match=r"."):
        ds.sample_by(weights)


@pytest.mark.parametrize("kind", [list, tuple, np.asarray, lambda w: np.asarray(w, np.float16),
                                  lambda w: np.asarray(w, np.uint8), lambda w: np.asarray(w, bool),
                                  lambda w: [decimal.Decimal(v) for v in w]])  # fmt: skip
def test_kinds_of_weights(ds: deeplake.Dataset, kind: Any) -> None:
    weights = [0] * 98 + [1, 1]
    assert set(rows(ds.sample_by(kind(weights), size=200))) == {98, 99}


def test_size(ds: deeplake.Dataset) -> None:
    ones = [1] * 100
    assert len(ds.sample_by(ones, size=7)) == 7
    assert len(ds.sample_by(ones, size=np.int64(1000))) == 1000
    assert len(ds.sample_by(ones, size=0)) == 0
    # Without replacement no more than there are.
    assert sorted(rows(ds.sample_by(ones, replace=False, size=1000))) == list(range(100))
    assert len(set(rows(ds.sample_by(ones, replace=False, size=60)))) == 60
    # None means the default.
    assert len(set(rows(ds.sample_by([0.0] * 99 + [1], replace=None)))) == 1


def test_rows_of_weight_0_come_last(ds: deeplake.Dataset) -> None:
    weights = np.zeros(100)
    weights[[3, 7, 11]] = [1, 1000, 5]
    everything = rows(ds.sample_by(weights, replace=False))
    assert sorted(everything) == list(range(100))
    assert sorted(everything[:3]) == [3, 7, 11]
    assert everything[3:] != sorted(everything[3:])


def test_views_of_views(ds: deeplake.Dataset) -> None:
    view = ds[50:60].sample_by([0] * 9 + [1])
    assert rows(view) == [59] * 10
    assert rows(ds[::-1].sample_by([1] + [0] * 99, size=2)) == [99, 99]
    assert rows(ds[[5, 2, 5]].sample_by([0, 1, 0], size=1)) == [2]
    assert rows(ds.sample_by([1] + [0] * 99).sample_by([1] * 100, size=3)) == [0, 0, 0]
    assert rows(ds[7].sample_by([2.0])) == [7]
    assert ds.sample_by([0] * 99 + [1])[4].x.numpy().tolist() == [199]


def test_a_drawn_view_can_be_saved_and_loaded(tmp_path: Path) -> None:
    ds = deeplake.empty(tmp_path / "ds")
    ds.create_tensor("x").extend(np.arange(500))
    ds.commit()
    view = ds.sample_by(np.arange(500))
    view.save_view(id="drawn", verbose=False)
    assert rows(deeplake.load(tmp_path / "ds").load_view("drawn")) == rows(view)
    for batch in view.dataloader().batch(500).numpy():
        assert [int(sample["x"].item()) for sample in batch] == rows(view)


def test_nothing_is_stored_by_an_error(tmp_path: Path) -> None:
    ds = deeplake.empty(tmp_path / "ds")
    ds.create_tensor("x").extend(np.arange(5))
    ds.commit()
    before = sorted((p, p.stat().st_mtime_ns) for p in (tmp_path / "ds").rglob("*"))
    with pytest.raises(errors.WeightsError):
        ds.sample_by([0] * 5)
    assert sorted((p, p.stat().st_mtime_ns) for p in (tmp_path / "ds").rglob("*")) == before


# --------------------------------------------------------------------------- the seed
def test_the_seed_decides(ds: deeplake.Dataset) -> None:
    weights = np.arange(100)
    assert rows(ds.sample_by(weights)) != rows(ds.sample_by(weights))
    deeplake.random.seed(9)
    first = rows(ds.sample_by(weights))
    assert rows(ds.sample_by(weights)) == first
    assert rows(ds[:].sample_by(weights)) == first
    deeplake.random.seed(10)
    assert rows(ds.sample_by(weights)) != first


def test_a_drawing_from_a_drawing_has_random_numbers_of_its_own(ds: deeplake.Dataset) -> None:
    deeplake.random.seed(9)
    once = ds.sample_by([1] * 100)
    positions = [rows(once).index(row) for row in rows(once.sample_by([1] * 100))]
    assert positions != [rows(once).index(once.sample_indices[p]) for p in rows(once)]


def test_numpys_own_seed_is_left_alone(ds: deeplake.Dataset) -> None:
    np.random.seed(3)
    before = np.random.get_state()[1].tolist()
    ds.sample_by([1] * 100)
    assert np.random.get_state()[1].tolist() == before


def test_processes_draw_the_same_rows() -> None:
    code = (
        "import deeplake, numpy as np\nfrom deeplake.dataset.drawing import drawn\n"
        "deeplake.random.seed(123)\n"
        "for replace in (True, False):\n"
        "    print(*drawn(np.arange(1000) % 17, range(1000), replace=replace, size=300))"
    )
    said = {
        subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True
        ).stdout
        for _ in range(2)
    }
    deeplake.random.seed(123)
    here = "".join(
        " ".join(map(str, drawn(np.arange(1000) % 17, range(1000), replace=r, size=300))) + "\n"
        for r in (True, False)
    )
    assert said == {here}


def test_what_a_seed_draws_does_not_change_with_releases() -> None:
    deeplake.random.seed(1)
    weights = np.arange(10)
    # Scripts rely on it: a change of these numbers is a change that the changelog has to name.
    assert drawn(weights, range(10)).tolist() == [7, 7, 7, 8, 7, 7, 2, 6, 4, 4]
    assert drawn(weights, range(10), replace=False).tolist() == [8, 5, 6, 7, 4, 1, 9, 3, 2, 0]


# --------------------------------------------------------------------------- errors
@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ([1] * 99, r"shape \(99,\) for 100 rows"),
        ([1] * 101, r"shape \(101,\) for 100 rows"),
        ([[1, 1]] * 100, r"shape \(100, 2\)"),
        ([], r"shape \(0,\)"),
        (3, r"shape \(\) for 100 rows"),
        ({1: 2}, r"shape \(\)"),
        ([[1], [1, 2]] * 50, "one number a row"),
        (["a"] * 100, "one number a row"),
        (np.array(["1", 2] * 50, object), "one number a row"),
        ([1j] * 100, "one number a row, not values of type complex128"),
        ([None] * 100, "one number a row"),
        (np.zeros(100, "M8[s]"), "one number a row"),
        ([0] * 100, "all weights are 0"),
        ([1] * 40 + [-1] * 60, r"that of row 40 is -1\.0, and there are 59 more like it"),
        ([1] * 99 + [np.nan], "finite numbers of at least 0: that of row 99 is nan"),
        ([1] * 99 + [np.inf], "that of row 99 is inf"),
        ([1] * 99 + [-np.inf], "that of row 99 is -inf"),
        ([1] * 99 + [10**400], "one number a row"),
    ],
)
@pytest.mark.parametrize("replace", [True, False])
def test_weights_that_make_no_sense(
    ds: deeplake.Dataset, weights: Any, message: str, replace: bool
) -> None:
    with pytest.raises(errors.WeightsError, match=message) as caught:
        ds.sample_by(weights, replace=replace)
    assert isinstance(caught.value, ValueError)
    assert isinstance(caught.value, errors.QueryError)
    assert caught.value.code == "weights"


@pytest.mark.parametrize("size", [-1, 1.5, "3", [3]])
def test_sizes_that_make_no_sense(ds: deeplake.Dataset, size: Any) -> None:
    with pytest.raises(ValueError, match="size"):
        ds.sample_by([1] * 100, size=size)


def test_nothing_to_draw_from(ds: deeplake.Dataset) -> None:
    for empty in (ds[:0], deeplake.empty("mem://nothing")):
        with pytest.raises(errors.WeightsError, match="there are no rows"):
            empty.sample_by([])


def test_missing_plugins_say_what_to_install(ds: deeplake.Dataset) -> None:
    with pytest.raises(errors.PluginNotFoundError, match="weigthed.*did you mean"):
        ds.sample_by([1] * 100, sampler="weigthed")


# --------------------------------------------------------------------------- samplers of others
class Last(Sampler, api=(1, 0)):
    """Always the last row."""

    answer: Any = None

    def order(
        self, weights: np.ndarray, *, size: int, replace: bool, rng: np.random.Generator
    ) -> np.ndarray:
        if self.answer is None:
            return np.full(size, len(weights) - 1)
        return self.answer  # type: ignore[no-any-return]


def test_a_sampler_of_ones_own(ds: deeplake.Dataset) -> None:
    with plugins.registered("sampler", "last", Last):
        assert rows(ds.sample_by(["any", "thing"] * 50, size=3, sampler="last")) == [99, 99, 99]
        loader = ds.dataloader().batch(2).sample_by([1] * 100, size=4, sampler="last")
        assert [int(sample["x"].item()) for batch in loader for sample in batch] == [199] * 4


@pytest.mark.parametrize(
    "answer",
    [[1, 2, 3], np.zeros(2, int), np.zeros((3, 1), int), np.zeros(3), np.array([0, 1, 100]),
     np.array([-1, 0, 1]), None, "abc"],
    ids=str,
)  # fmt: skip
def test_a_sampler_that_gives_no_rows_is_named(ds: deeplake.Dataset, answer: Any) -> None:
    class Odd(Last, api=(1, 0)):
        def order(self, weights: np.ndarray, **_: Any) -> np.ndarray:
            return answer  # type: ignore[no-any-return]

    with (
        plugins.registered("sampler", "odd", Odd),
        pytest.raises(errors.PluginContractError, match='sampler "odd" was asked for 3 of 100'),
    ):
        ds.sample_by([1] * 100, size=3, sampler="odd")


# --------------------------------------------------------------------------- far-off weights
@pytest.mark.parametrize("scale", [1e-320, 1e-300, 1.0, 1e300])
def test_only_ratios_count(scale: float) -> None:
    weights = np.array([0, 1, 2, 0, 5, 3], float)
    rng = np.random.default_rng
    for replace in (True, False):
        expected = Weighted().order(weights, size=6, replace=replace, rng=rng(1))
        got = Weighted().order(weights * scale, size=6, replace=replace, rng=rng(1))
        assert scale == 1e-320 or got.tolist() == expected.tolist()
        assert set(got) <= set(range(6))


def test_weights_far_apart() -> None:
    weights = np.array([5e-324, 0, 1e308, 1e-300, 0])
    order = Weighted().order(weights, size=5, replace=False, rng=np.random.default_rng(0))
    assert order[:3].tolist() == [2, 3, 0]
    assert set(order[3:].tolist()) == {1, 4}
    again = Weighted().order(weights, size=50, replace=True, rng=np.random.default_rng(0))
    assert set(again.tolist()) == {2}


def test_a_number_that_is_rounded_up_to_the_sum_draws_a_row_with_a_weight() -> None:
    class Highest(np.random.Generator):
        def random(self, size: Any = None, *args: Any, **kwargs: Any) -> Any:
            return np.full(size, np.nextafter(1, 0))

    weights = np.array([1.0] * 3 + [0.1] * 7 + [0, 0])
    rng = Highest(np.random.PCG64(0))
    assert set(Weighted().order(weights, size=20, replace=True, rng=rng).tolist()) == {9}


# --------------------------------------------------------------------------- a million draws
@pytest.mark.parametrize(
    "weights",
    [np.ones(1000), np.arange(1000.0), np.arange(1, 1001.0) ** -1.2, np.array([1e-3, 1, 1e3]),
     np.repeat([0, 1, 0, 5], 300)],
    ids=["even", "rising", "Zipf", "far apart", "with gaps"],
)  # fmt: skip
def test_a_million_draws_follow_the_weights(weights: np.ndarray) -> None:
    deeplake.random.seed(2026)
    rows = drawn(weights, range(len(weights)), size=1_000_000)
    counts = np.bincount(rows, minlength=len(weights))
    assert surprising(counts, weights / weights.sum()) is None
    likely = weights > 0
    expected = 1e6 * weights[likely] / weights.sum()
    p = stats.chisquare(counts[likely], expected).pvalue
    # Neither too far from what is expected nor too near.
    assert 1e-4 < p < 1 - 1e-4


def test_a_million_draws_without_replacement_follow_the_weights() -> None:
    # Half a million rows of two weights: how many heavy ones come among the first tenth is known.
    weights = np.repeat([1.0, 4.0], 500_000)
    deeplake.random.seed(2026)
    rows = drawn(weights, range(1_000_000), replace=False)
    assert len(np.unique(rows)) == 1_000_000
    first = rows[:100_000]
    # After time t, shares 1 - exp(-t) and 1 - exp(-4 t) are drawn, together a fifth of 1.
    t = optimize.brentq(lambda t: 2 - np.exp(-t) - np.exp(-4 * t) - 0.2, 0, 1)
    expected = 500_000 * (1 - np.exp(-4 * t))
    assert abs((first >= 500_000).sum() - expected) < 5 * np.sqrt(expected)


def test_a_tensor_of_weights(ds: deeplake.Dataset) -> None:
    ds.create_tensor("w", dtype="float64")
    ds.w.extend(np.array([0.0, 0.0, 2.0, 0.0]))
    for weights in (ds.w, ds.w.numpy()[:, 0], [0, 0, 1, 0]):
        assert list(ds.sample_by(weights, size=5).sample_indices) == [2] * 5
    with pytest.raises(deeplake.errors.WeightsError, match=r"shape \(2, 2\) for 4 rows"):
        ds.sample_by(np.ones((2, 2)))
