"""How well rows that are sorted by class are mixed, and how evenly places are taken."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import deeplake
from deeplake.loader import plan
from deeplake.loader.mixing import spread

ROWS = 100_000


@pytest.fixture(params=["mapped", "fetched"])
def sorted_rows(request: Any, tmp_path: Any) -> deeplake.Dataset:
    """100,000 rows in the order of 1,000 classes, 400 bytes each."""
    path = str(tmp_path / "ds")
    classes = 1_000
    ds = deeplake.empty(path)
    with ds:
        ds.create_tensor("x", max_chunk_size=1 << 20).extend(np.zeros((ROWS, 100), np.float32))
        ds.create_tensor("label").extend(np.arange(ROWS) * classes // ROWS)
    if request.param == "fetched":
        request.getfixturevalue("far")
    return deeplake.load(path)


def labels_of(loader: Any) -> np.ndarray:
    return np.concatenate([[s["label"][0] for s in batch] for batch in loader])


def chi_square(counts: np.ndarray) -> float:
    """Standard deviations above what is expected of counts that should all be the same."""
    expected = counts.mean()
    freedom = counts.size - 1
    return float((((counts - expected) ** 2 / expected).sum() - freedom) / np.sqrt(2 * freedom))


@pytest.mark.parametrize("least", [plan.LEAST, 0])
def test_class_sorted_rows(
    sorted_rows: deeplake.Dataset, least: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    deeplake.random.seed(3)
    monkeypatch.setattr(plan, "LEAST", least)
    classes = int(sorted_rows.label[-1].numpy()[0]) + 1
    # 40 MB of rows in a buffer of 5 %.
    loader = sorted_rows.dataloader().batch(1_000).shuffle(buffer_size=2)
    labels = labels_of(loader)
    assert np.bincount(labels).tolist() == [ROWS // classes] * classes
    # Of 1,000 rows drawn at random from 1,000 classes, 1,000 (1 - (1 - 1/1000)^1000) = 632 differ.
    distinct = [len(np.unique(labels[start : start + 1_000])) for start in range(0, ROWS, 1_000)]
    uniform = classes * (1 - (1 - 1 / classes) ** 1_000)
    assert abs(distinct[0] / uniform - 1) < 0.05
    # So everywhere: but for chance, whose standard deviation is 1.6 % for one stretch of them.
    assert abs(np.mean(distinct) / uniform - 1) < 0.01
    # Tenths of the classes by tenths of the epoch.
    table = np.zeros((10, 10))
    np.add.at(table, (labels // (classes // 10), np.arange(ROWS) // (ROWS // 10)), 1)
    assert abs(chi_square(table)) < 5


SIZES = [8, 400, 700, 1_300, 2_700, 4_000, 8_000, 8 << 10, 110_000, 400_000, 3 << 20]


@pytest.mark.parametrize("row_bytes", SIZES)
@pytest.mark.parametrize("classes", [10, 100, 1_000])
def test_rows_from_afar_are_mixed_as_if_drawn_at_random(classes: int, row_bytes: int) -> None:
    """100,000 of them, class by class, in a buffer of 5 % of the data."""
    shares = []
    for seed in range(5):
        order = plan.shuffled(
            ROWS, seed, 0, row_bytes=row_bytes, buffer_bytes=ROWS * row_bytes // 20
        )
        labels = order.take(0, 1_000) * classes // ROWS
        shares.append(len(np.unique(labels)) / (classes * (1 - (1 - 1 / classes) ** 1_000)))
    assert max(abs(share - 1) for share in shares) < 0.05
    assert spread(order, classes, 1_000) > 0.95
    assert order.window in (None, max(ROWS // 20, plan.LEAST // row_bytes))
    # Blocks that are smaller than this would be small parts of what is read for them.
    assert order.block * max(row_bytes, 8 << 10) >= 8 << 10


@pytest.mark.parametrize(("size", "share"), [(1, 0.01), (4, 0.05), (4, 0.9), (50, 0.5), (3, 1)])
def test_rows_of_a_block_come_as_if_drawn_from_all(size: int, share: float) -> None:
    """How often two rows of one block are among the first few of a window: half of a round."""
    blocks, pairs, windows = 1_000, 0, 40
    for window in range(windows):
        places = plan._mixed(3, 0, window, blocks, size, share)
        assert np.array_equal(np.sort(places), np.arange(blocks * size))
        counts = np.bincount(places[: blocks // 2] // size, minlength=blocks)
        pairs += int((counts * (counts - 1) // 2).sum())
    expected = windows * blocks * size * (size - 1) / 2 * (0.5 / size) ** 2 * share
    assert abs(pairs - expected) <= 6 * np.sqrt(expected + 1)


@pytest.mark.parametrize("buffer", [0.01, 0.05, 0.3, 2])
@pytest.mark.parametrize("blocks", [512, 4096])
def test_what_is_expected_of_an_order(
    buffer: float, blocks: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The estimate that ``explain`` shows, and what comes."""
    monkeypatch.setattr(plan, "LEAST", 0)
    monkeypatch.setattr(plan, "BLOCKS", blocks)
    for classes in (10, 100, 1_000):
        found, expected = [], []
        for seed in range(10):
            order = plan.shuffled(
                ROWS, seed, 0, row_bytes=4_000, buffer_bytes=int(ROWS * 4_000 * buffer)
            )
            labels = order.take(0, 1_000) * classes // ROWS
            found.append(len(np.unique(labels)) / (classes * (1 - (1 - 1 / classes) ** 1_000)))
            expected.append(spread(order, classes, 1_000))
        # Of blocks that are nearly as long as a class, many have rows of two: it is better than that.
        slack = 0.03 if order.block * 5 < ROWS // classes or order.window is None else 1.0
        assert -0.03 < np.mean(found) - expected[0] < slack
    assert spread(plan.InOrder(ROWS), 100, 1_000) == pytest.approx(0.01, rel=0.01)


@pytest.mark.parametrize("buffer_bytes", [None, 5_000])
def test_every_row_comes_at_any_place(
    buffer_bytes: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Over many seeds, each row of 128 comes equally often in each sixteenth of the epoch."""
    monkeypatch.setattr(plan, "BLOCKS", 8)
    monkeypatch.setattr(plan, "LEAST", 0)
    counts = np.zeros((128, 16))
    for seed in range(2_000):
        order = plan.shuffled(
            128, seed, 0, row_bytes=100, buffer_bytes=buffer_bytes, block_bytes=800
        )
        assert (order.block, order.window) == ((1, None) if buffer_bytes is None else (6, 50))
        rows = order.take(0, 128)
        counts[rows, np.arange(128) // 8] += 1
    assert abs(chi_square(counts)) < 5
    # Rows at one place do not tell of the next: differences of neighbours are spread as well.
    steps = np.zeros(16)
    for seed in range(400):
        rows = plan.shuffled(128, seed, 0).take(0, 128)
        np.add.at(steps, ((rows[1:] - rows[:-1]) % 128) // 8, 1)
    # 0 is no difference that there is.
    steps[0] *= 8 / 7
    assert abs(chi_square(steps)) < 5
