"""The builder: runs become one chunk, and pieces that say who is in it."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from deeplake.format.builder import ChunkBuilder, Run
from deeplake.format.checksum import digest
from deeplake.format.chunk import FIXED, MAX_SAMPLES, RAGGED, SAMPLE_FRAME, ChunkHeader
from deeplake.format.codecs import Zlib
from deeplake.format.pieces import DOMAIN, VALID, row_ids


def run_of(array: np.ndarray) -> Run:
    """Samples of one shape."""
    size = array[0].nbytes
    data = np.ascontiguousarray(array)
    buffer = memoryview(data.reshape(-1).view("u1")) if data.size else b""
    return Run(buffer, len(array), array.shape[1:], size, values=array)


NULL = Run(b"", 1, (0,), 0, null=True)


@st.composite
def many_runs(draw: st.DrawFn) -> list[tuple[Run, list[list[int] | None]]]:
    """Runs of int16 samples of one dimension, and the values that they hold."""
    found: list[tuple[Run, list[list[int] | None]]] = []
    for _ in range(draw(st.integers(1, 6))):
        n = draw(st.integers(1, 4))
        if draw(st.integers(0, 4)) == 0:
            found.append((Run(b"", n, (0,), 0, null=True), [None] * n))
            continue
        shape = (n, draw(st.integers(0, 3)))
        values = draw(st.lists(st.integers(-9, 9), min_size=shape[0] * shape[1], max_size=99))
        array = np.array(values[: shape[0] * shape[1]], "<i2").reshape(shape)
        found.append((run_of(array), [list(row) for row in array.tolist()]))
    return found


@given(runs=many_runs(), zlib=st.booleans(), data=st.data())
def test_everything_is_found_again(
    runs: list[tuple[Run, list[list[int] | None]]], zlib: bool, data: st.DataObject
) -> None:
    codec = {"chunk_codec": "zlib", "codec": Zlib()} if zlib else {}
    builder = ChunkBuilder("<i2", 1 << 20, **codec)  # type: ignore[arg-type]
    wanted: list[list[int] | None] = []
    ids: list[tuple[int, int]] = []
    counter = 0
    for run, values in runs:
        session = data.draw(st.integers(0, 1))
        counter += data.draw(st.integers(0, 1))
        builder.add(run, (session, counter, run.n, data.draw(st.integers(0, 1))))
        ids += [(session, counter + k) for k in range(run.n)]
        counter += run.n
        wanted += values
    assert builder.n == len(wanted)
    assert builder.nbytes == sum(2 * len(value) for value in wanted if value is not None)

    block, pieces = builder.build(1)
    header = ChunkHeader(b"".join(map(bytes, block.buffers)), "x", block.checksum)
    payload = b"".join(map(bytes, block.buffers))[header.header_length :]
    if zlib:
        payload = bytes(
            header.inflate(memoryview(payload), 0, header.frames, Zlib()) if payload else b""
        )
    for i, value in enumerate(wanted):
        assert header.is_null(i) == (value is None)
        a, b = header.raw_range(i)
        assert np.frombuffer(payload[a:b], "<i2").tolist() == (value or [])
        assert header.sample_shape(i) == (len(value or []),)

    assert row_ids(pieces).tolist() == [list(pair) for pair in ids]
    assert pieces["count"].sum() == len(wanted)
    assert pieces["start"].tolist() == (np.cumsum(pieces["count"]) - pieces["count"]).tolist()
    assert (pieces["length"] == block.length).all()
    assert (pieces["header"] == block.header_length).all()
    assert (pieces["checksum"] == block.checksum).all()
    for piece in pieces:
        part = wanted[int(piece["start"]) : int(piece["start"]) + int(piece["count"])]
        assert part.count(None) <= int(piece["nulls"]) <= len(part)
        lengths = [len(value or []) for value in part]
        assert int(piece["low"][0]) <= min(lengths)
        assert max(lengths) <= int(piece["high"][0])
        flat = [x for value in part for x in value or []]
        if int(piece["flags"]) & VALID:
            low = int(piece["min"].view("i8")) if flat else 0
            assert all(low <= x <= int(piece["max"].view("i8")) for x in flat)
            assert int(piece["flags"]) & DOMAIN
            assert all(int(piece["domain"]) >> (x - low) & 1 for x in flat)
        else:
            assert not flat


def test_rows_that_follow_each_other_are_one_piece() -> None:
    builder = ChunkBuilder("|u1", 1 << 20)
    one = run_of(np.zeros((2, 1), "u1"))
    for ids in ((5, 0, 2, 0), (5, 2, 2, 0), (5, 4, 2, 7), (5, 7, 2, 7), (6, 9, 2, 7)):
        builder.add(one, ids)
    assert builder.ids == [(5, 0, 4, 0), (5, 4, 2, 7), (5, 7, 2, 7), (6, 9, 2, 7)]
    assert len(builder.build(1)[1]) == 4


def test_room() -> None:
    builder = ChunkBuilder("|u1", 100)

    def room(size: int) -> int:
        return builder.room(Run(b"", 1, (size,), size))

    assert room(10) == 10
    assert room(1000) == 1  # there is a place for every sample
    builder.add(run_of(np.zeros((6, 10), "u1")), (0, 0, 6, 0))
    assert (room(10), room(40), room(41)) == (4, 1, 0)
    builder.add(run_of(np.zeros((4, 10), "u1")), (0, 6, 4, 0))
    assert room(10) == 0
    # Samples without bytes do not pile up for ever.
    assert 0 < ChunkBuilder("|u1", 100).room(Run(b"", 1, (), 0)) <= MAX_SAMPLES


@given(sizes=st.lists(st.integers(0, 12), min_size=1, max_size=30), target=st.integers(1, 25))
def test_many_at_once_are_cut_as_one_after_the_other(sizes: list[int], target: int) -> None:
    runs = [Run(bytes([k]) * size, 1, (size,), size) for k, size in enumerate(sizes)]
    ends = np.cumsum(sizes).tolist()
    start = 0
    while start < len(runs):
        together, alone = ChunkBuilder("|u1", target), ChunkBuilder("|u1", target)
        taken = together.add_ones(runs, ends, start, (1, start, 0, 0))
        for k in range(start, start + taken):
            assert alone.room(runs[k]) >= 1 or (alone.nbytes == target and not runs[k].size)
            alone.add(runs[k], (1, k, 1, 0))
        start += taken
        assert (together.n, together.nbytes, together.ids) == (alone.n, alone.nbytes, alone.ids)
        assert together.runs == alone.runs
        assert start == len(runs) or alone.room(runs[start]) == 0


def test_checksums_that_are_known_are_stored() -> None:
    files = [bytes([k]) * (SAMPLE_FRAME + k) for k in range(3)]
    sums = []
    for known in (True, False):
        builder = ChunkBuilder("|u1", 1 << 20, sample_codec="png")
        for k, file in enumerate(files):
            checksum = digest(file) if known else None
            run = Run(file, 1, (1, 1 + k), len(file), checksum=checksum)
            builder.add(run, (1, k, 1, 0))
        block, _ = builder.build(2)
        header = ChunkHeader(bytes(block.buffers[0]), "x")
        header.check(b"".join(files), 0, 3)
        sums.append(header.checksums.tolist())
    assert sums[0] == sums[1] == [digest(file) for file in files]


def test_checksums_of_small_samples_are_those_of_their_frames() -> None:
    builder = ChunkBuilder("|u1", 1 << 20, sample_codec="png")
    for k in range(3):
        builder.add(Run(b"abc", 1, (1, 1 + k), 3, checksum=digest(b"abc")), (1, k, 1, 0))
    block, _ = builder.build(2)
    header = ChunkHeader(bytes(block.buffers[0]), "x")
    assert header.checksums.tolist() == [digest(b"abcabcabc")]


def test_values_that_nobody_knows_have_no_bounds() -> None:
    builder = ChunkBuilder("<i2", 1 << 20)
    builder.add(run_of(np.ones((2, 3), "<i2")), (0, 0, 2, 0))
    builder.add(Run(bytes(6), 1, (3,), 6), (0, 2, 1, 0))
    assert (builder.build(1)[1]["flags"] == 0).all()


def test_what_is_no_array_is_never_taken_for_one() -> None:
    """Also if its bytes are as many as those of an array of its shape, or look like values."""
    run = run_of(np.ones((2, 3), "<f4"))
    for arrays, kind, flags in ((True, FIXED, VALID), (False, RAGGED, 0)):
        builder = ChunkBuilder("<f4", 1 << 20, arrays=arrays)
        builder.add(run, (0, 0, 2, 0))
        block, pieces = builder.build(1)
        assert ChunkHeader(b"".join(map(bytes, block.buffers)), "x").kind == kind
        assert pieces["flags"].tolist() == [flags]


def test_nulls_do_not_hide_bounds() -> None:
    builder = ChunkBuilder("<i2", 1 << 20)
    builder.add(run_of(np.full((2, 1), 3, "<i2")), (0, 0, 2, 0))
    builder.add(NULL, (0, 2, 1, 0))
    [piece] = builder.build(1)[1]
    assert (int(piece["flags"]), int(piece["min"]), int(piece["nulls"])) == (VALID | DOMAIN, 3, 1)
    assert (piece["low"].tolist(), piece["high"].tolist()) == ([0], [1])


def test_samples_before_the_first_real_one_get_its_dimensions() -> None:
    builder = ChunkBuilder("<i2", 1 << 20)
    builder.add(Run(b"", 2, (), 0, null=True), (0, 0, 2, 0))
    builder.add(run_of(np.ones((1, 2, 3), "<i2")), (0, 2, 1, 0))
    block, pieces = builder.build(2)
    header = ChunkHeader(b"".join(map(bytes, block.buffers)), "x")
    assert header.shapes().tolist() == [[0, 0], [0, 0], [2, 3]]
    assert (pieces["low"][0].tolist(), pieces["high"][0].tolist()) == ([0, 0], [2, 3])


def test_a_part_of_a_run() -> None:
    array = np.arange(12, dtype="<i2").reshape(6, 2)
    part = run_of(array).part(2, 5)
    assert (part.n, bytes(part.buffer)) == (3, array[2:5].tobytes())
    assert part.values is not None
    assert part.values.tolist() == array[2:5].tolist()
