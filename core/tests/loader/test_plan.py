"""The order of rows is a pure function, complete, and the same for any number of ranks."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deeplake.loader import plan as plans
from deeplake.loader.plan import InOrder, Plan, Shuffled, shuffled


@st.composite
def orders(draw: st.DrawFn) -> Shuffled:
    length = draw(st.integers(0, 300))
    block = draw(st.integers(1, 40))
    window = draw(st.none() | st.integers(1, 100))
    return Shuffled(length, draw(st.integers(0, 2**70)), draw(st.integers(0, 5)), block, window)


# --------------------------------------------------------------------------- orders
@given(orders())
def test_every_position_comes_once(order: Shuffled) -> None:
    assert sorted(order.take(0, order.length).tolist()) == list(range(order.length))


@given(orders(), st.data())
def test_any_part_is_a_part_of_the_whole(order: Shuffled, data: st.DataObject) -> None:
    whole = order.take(0, order.length)
    fresh = Shuffled(order.length, order.seed, order.epoch, order.block, order.window)
    for _ in range(4):
        start = data.draw(st.integers(0, order.length))
        stop = data.draw(st.integers(start, order.length))
        assert fresh.take(start, stop).tolist() == whole[start:stop].tolist()


def test_seed_and_epoch_change_the_order() -> None:
    seen = {
        tuple(Shuffled(50, seed, epoch, block, window).take(0, 50).tolist())
        for seed in (0, 1, 2**64, 2**65)
        for epoch in range(3)
        for block, window in ((1, None), (4, 10))
    }
    assert len(seen) == 4 * 3 * 2


def test_orders_never_change_between_versions() -> None:
    # An epoch that was interrupted under one version goes on under another.
    assert Shuffled(10, 7, 0).take(0, 10).tolist() == GOLDEN_WHOLE
    assert Shuffled(20, 7, 3, 3, 7).take(0, 20).tolist() == GOLDEN_WINDOWS


GOLDEN_WHOLE = [5, 6, 7, 1, 2, 3, 8, 0, 4, 9]
GOLDEN_WINDOWS = [18, 1, 3, 4, 5, 2, 19, 0, 7, 10, 13, 8, 11, 14, 9, 12, 6, 17, 15, 16]


def test_windows_hold_whole_blocks() -> None:
    order = Shuffled(1000, 3, 0, block=10, window=95)
    positions = order.take(0, 1000)
    for start in range(0, 1000, 100):
        blocks, counts = np.unique(positions[start : start + 100] // 10, return_counts=True)
        assert len(blocks) == 10
        assert (counts == 10).all()


def test_one_window_is_a_uniform_permutation() -> None:
    # Where position 0 comes, over many seeds: chi-square with 15 degrees of freedom.
    places = [int(np.flatnonzero(Shuffled(16, s).take(0, 16) == 0)[0]) for s in range(3200)]
    counts = np.bincount(places, minlength=16)
    assert ((counts - 200) ** 2 / 200).sum() < 45  # p = 0.0001


def test_windows_mix_sorted_rows() -> None:
    # 100,000 rows in order of 100 classes, 5 % of them in a window of blocks: the first 1 % has all
    # but as many classes as rows drawn at random.
    order = Shuffled(100_000, 1, 0, block=10, window=5_000)
    assert len(set((order.take(0, 1_000) // 1_000).tolist())) >= 95


def test_granularity_follows_the_storage() -> None:
    local = shuffled(10_000, 1, 0)
    assert (local.block, local.window) == (1, None)
    remote = shuffled(40_000, 1, 0, row_bytes=100_000, buffer_bytes=2_200_000_000)
    assert (remote.block, remote.window) == (5, 22_000)
    files = shuffled(20_000, 1, 0, row_bytes=100_000, buffer_bytes=1_000_000_000)
    assert (files.block, files.window) == (2, 10_000)  # 4,096 blocks of 2.4
    little = shuffled(100_000, 1, 0, row_bytes=1_000, buffer_bytes=5_120_000)
    assert (little.block, little.window) == (16, 67_108)  # of 64 MB, 4,096 blocks
    tiny = shuffled(100_000_000, 1, 0, row_bytes=8, buffer_bytes=2_200_000_000)
    assert (tiny.block, tiny.window) == (
        4_096,
        1 << 24,
    )  # as many rows as are permuted, 4,096 blocks
    fits = shuffled(900, 1, 0, row_bytes=100_000, buffer_bytes=100_000_000)
    assert fits.window is None
    large = shuffled(5, 1, 0, row_bytes=10**9, buffer_bytes=10**8)
    assert (large.block, large.window) == (1, 1)


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plans, "MAX_WINDOW", 64)
    order = shuffled(1_000, 1, 0)
    assert (order.block, order.window) == (16, 64)
    assert sorted(order.take(0, 1_000).tolist()) == list(range(1_000))


def test_blocks_and_windows_are_at_least_one_row() -> None:
    for block, window in ((0, None), (1, 0)):
        with pytest.raises(ValueError, match="at least 1"):
            Shuffled(10, 0, 0, block, window)


# --------------------------------------------------------------------------- plans
def _plans(length: int, world: int, **options: int) -> list[Plan]:
    return [
        Plan(Shuffled(length, 5), rank=rank, world=world, **options)  # type: ignore[arg-type]
        for rank in range(world)
    ]


def _cases() -> Iterator[tuple[int, int, int, int, int]]:
    for length in (*range(12), 24, 37):
        for world in range(1, 10):
            for batch_size in (1, 2, 3, 7):
                for start in (0, 1, 5):
                    if start <= length:
                        yield length, world, batch_size, start, (start * 7) % 5


def test_ranks_are_disjoint_complete_and_take_equal_steps() -> None:
    for length, world, batch_size, start, offset in _cases():
        if 0 < length - start < world:
            with pytest.raises(ValueError, match="cannot be shared"):
                _plans(length, world, batch_size=batch_size, start=start)
            continue
        ranks = _plans(length, world, batch_size=batch_size, start=start, offset=offset)
        assert len({len(plan) for plan in ranks}) == 1
        batches = [plan.batch(step) for plan in ranks for step in range(len(plan))]
        seen = [position for batch in batches for position in batch.tolist()]
        assert len(seen) == len(set(seen)) == length - start
        # One more than asked for only where a batch of one row has no row to give away.
        assert all(1 <= len(batch) <= batch_size + (batch_size == 1) for batch in batches)


def test_drop_last_leaves_full_batches_only() -> None:
    for length, world, batch_size, start, offset in _cases():
        ranks = _plans(
            length, world, batch_size=batch_size, start=start, offset=offset, drop_last=True
        )
        steps = {len(plan) for plan in ranks}
        assert steps == {(length - start) // (batch_size * world)}
        batches = [plan.batch(step) for plan in ranks for step in range(len(plan))]
        assert all(len(batch) == batch_size for batch in batches)
        seen = [position for batch in batches for position in batch.tolist()]
        assert len(seen) == len(set(seen))


def test_steps_of_all_ranks_do_not_depend_on_their_number() -> None:
    alone = Plan(Shuffled(96, 5), batch_size=12)
    for world in (2, 3, 4, 6, 12):
        ranks = _plans(96, world, batch_size=12 // world)
        for step in range(len(alone)):
            together = np.stack([plan.batch(step) for plan in ranks], axis=1).ravel()
            assert together.tolist() == alone.batch(step).tolist()


def test_resuming_anywhere_gives_the_rest() -> None:
    whole = Plan(Shuffled(40, 5), batch_size=4, offset=13)
    rest = np.concatenate([whole.batch(step) for step in range(10)]).tolist()
    for start in range(41):
        for batch_size in (3, 4):
            plan = Plan(Shuffled(40, 5), batch_size=batch_size, offset=13, start=start)
            got = [p for step in range(len(plan)) for p in plan.batch(step).tolist()]
            assert got == rest[start:]


def test_bounds_are_where_the_next_step_begins() -> None:
    for length, world, batch_size, start, _ in _cases():
        if 0 < length - start < world:
            continue
        plan = Plan(InOrder(length), batch_size, start=start, world=world)
        ends = [plan.bounds(step) for step in range(len(plan))]
        assert [a for a, _ in ends] == [start, *(b for _, b in ends[:-1])][: len(ends)]
        if ends:
            assert ends[-1][1] == length


def test_offset_wraps_around() -> None:
    for offset in (0, 3, 9, 10, 27):
        plan = Plan(InOrder(10), 4, offset=offset)
        got = [p for step in range(len(plan)) for p in plan.batch(step).tolist()]
        assert got == [(offset + i) % 10 for i in range(10)]


def test_nothing_to_visit() -> None:
    for order in (InOrder(0), Shuffled(0, 1), Shuffled(0, 1, 0, 4, 4)):
        for world in (1, 3):
            assert len(Plan(order, 4, world=world, offset=3)) == 0
    assert len(Plan(InOrder(8), 4, start=8)) == 0
    with pytest.raises(IndexError, match="step 0 of an epoch of 0 steps"):
        Plan(InOrder(0)).batch(0)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"batch_size": 0}, "at least one row"),
        ({"rank": 2, "world": 2}, "rank 2 of 2"),
        ({"rank": -1}, "rank -1"),
        ({"start": 11}, "cannot go on after 11"),
        ({"start": -1}, "cannot go on after -1"),
        ({"world": 11}, "10 rows cannot be shared by 11 ranks"),
    ],
)
def test_numbers_out_of_range(options: dict[str, int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Plan(InOrder(10), **options)  # type: ignore[arg-type]
