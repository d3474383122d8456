"""Chunk blocks: samples are found in them again, and only in those that were written."""

from __future__ import annotations

import itertools
import math
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import xxhash
from hypothesis import given
from hypothesis import strategies as st

from deeplake.errors import ChecksumError, CorruptedSampleError, FormatError, UnsupportedFormatError
from deeplake.format import chunk
from deeplake.format.chunk import FIXED, RAGGED, Block, ChunkHeader
from deeplake.format.codecs import Zlib

PROLOGUE = struct.Struct("<4sBBBBIIQQIHxx8s16s16s8xQ")
FIELDS = (
    *("magic", "version", "kind", "algorithm", "flags", "n", "header", "raw", "stored", "frame"),
    *("ndim", "dtype", "sample_codec", "chunk_codec", "checksum"),
)


def joined(block: Block) -> bytes:
    return b"".join(map(bytes, block.buffers))


def forged(block: bytes, **changes: Any) -> bytes:
    """The block with other fields in its prologue, and the checksum that belongs to them."""
    fields = dict(zip(FIELDS, PROLOGUE.unpack_from(block), strict=True)) | changes
    start = PROLOGUE.pack(*fields.values())[:88]
    header = min(int(fields["header"]), len(block))
    checksum = xxhash.xxh3_64_intdigest(start + block[96:header])
    return start + struct.pack("<Q", checksum) + block[96:]


@dataclass
class Samples:
    """Samples as they go into a block."""

    values: list[bytes]
    shapes: list[tuple[int, ...]]
    nulls: list[bool]
    decoded: list[int]

    def build(self, *, parts: Sequence[int] = (), zlib: bool = False, **options: Any) -> Block:
        """The block; ``parts``: after how many samples a new buffer begins."""
        bounds = [0, *sorted(parts), len(self.values)]
        buffers = [b"".join(self.values[a:b]) for a, b in itertools.pairwise(bounds)]
        ndim = len(self.shapes[0])
        codec: dict[str, Any] = {"codec": Zlib(), "chunk_codec": "zlib"} if zlib else {}
        return chunk.build(
            [buffer for buffer in buffers if buffer],
            n=len(self.values),
            dtype="|u1",
            shapes=np.array(self.shapes, np.uint64).reshape(-1, ndim),
            sizes=np.array([len(value) for value in self.values], np.uint64),
            nulls=np.array(self.nulls) if any(self.nulls) else None,
            decoded_sizes=np.array(self.decoded, np.uint64) if any(self.decoded) else None,
            **codec,
            **options,
        )


@st.composite
def samples(draw: st.DrawFn) -> Samples:
    """Few large samples, or many small ones, some of them None."""
    size = draw(st.sampled_from([0, 3, 100, 5000, 9000, 40000]))
    n = draw(st.integers(1, 4 if size > 5000 else 40))
    sizes = draw(st.lists(st.integers(0, size), min_size=n, max_size=n))
    rng = np.random.default_rng(draw(st.integers(0, 99)))
    nulls = draw(st.lists(st.booleans(), min_size=n, max_size=n)) if draw(st.booleans()) else []
    nulls = nulls or [False] * n
    values = [b"" if null else rng.bytes(k) for k, null in zip(sizes, nulls, strict=True)]
    ndim = draw(st.integers(1, 3))
    shapes = [(len(value), *rng.integers(0, 300, ndim - 1).tolist()) for value in values]
    decoded = [2 * len(value) for value in values] if draw(st.booleans()) else [0] * n
    return Samples(values, shapes, nulls, decoded)


def sample(block: bytes, header: ChunkHeader, i: int, codec: Zlib | None = None) -> bytes:
    """Sample ``i``, read as the specification says."""
    start, stop = header.raw_range(i)
    if start == stop:
        return b""
    first, last = header.frame_range(start, stop, i)
    a, b = header.stored_range(first, last)
    stored = memoryview(block)[header.header_length :][a:b]
    header.check(stored, first, last)
    raw = stored if codec is None else header.inflate(stored, first, last, codec)
    base = header.frame_start(first)
    return bytes(raw[start - base : stop - base])


@given(given=samples(), zlib=st.booleans(), data=st.data())
def test_round_trip(given: Samples, zlib: bool, data: st.DataObject) -> None:
    parts = data.draw(st.lists(st.integers(0, len(given.values)), max_size=3))
    built = given.build(parts=parts, zlib=zlib)
    block = joined(built)
    header = ChunkHeader(block, "x", built.checksum)
    assert len(block) == built.length == header.header_length + header.stored_length
    assert built.header_length == header.header_length
    assert header.header_length % 64 == 0
    assert header.n == len(given.values)
    codec = Zlib() if zlib else None
    order = data.draw(st.permutations(range(header.n)))
    for i in order:
        assert sample(block, header, i, codec) == given.values[i]
        assert header.sample_shape(i) == given.shapes[i]
        assert header.is_null(i) == given.nulls[i]
        if any(given.decoded):
            assert header.decoded_size(i) == given.decoded[i]
    assert header.shapes().tolist() == [list(shape) for shape in given.shapes]
    assert header.raw_ends().tolist() == np.cumsum([len(v) for v in given.values]).tolist()


@given(
    dtype=st.sampled_from(["|b1", "<i2", "<f8", "<c16"]),
    shape=st.lists(st.integers(0, 5), max_size=3).map(tuple),
    n=st.integers(1, 200),
    zlib=st.booleans(),
)
def test_arrays_of_one_shape(dtype: str, shape: tuple[int, ...], n: int, zlib: bool) -> None:
    array = np.arange(n * math.prod(shape)).astype(dtype).reshape(n, *shape)
    size = math.prod(shape) * array.itemsize
    codec: dict[str, Any] = {"codec": Zlib(), "chunk_codec": "zlib"} if zlib else {}
    payload = [array.tobytes()] if size else []
    built = chunk.build(payload, n=n, dtype=dtype, shapes=shape, sizes=size, **codec)
    block = joined(built)
    header = ChunkHeader(block, "x")
    assert (header.kind, header.shape, header.size) == (FIXED, shape, size)
    values = [
        np.frombuffer(sample(block, header, i, Zlib() if zlib else None), dtype) for i in range(n)
    ]
    assert np.array_equal(np.array(values).reshape(array.shape), array)
    # One shape costs the same, however many samples there are.
    frames = header.frames * (9 if zlib else 8)
    assert header.header_length <= 96 + 9 * len(shape) + 9 + 9 + frames + 64


def test_what_is_fixed() -> None:
    plain = {"n": 2, "dtype": "<i4", "shapes": (3,), "sizes": 12}
    payload = [bytes(24)]
    assert ChunkHeader(joined(chunk.build(payload, **plain)), "x").kind == FIXED  # type: ignore[arg-type]
    for changes in (
        {"nulls": np.array([False, True])},
        {"sample_codec": "zlib", "decoded_sizes": np.array([30, 30], np.uint64)},
        {"shapes": (4,)},
        {"dtype": "str"},
        {"shapes": np.array([[3], [2]], np.uint64)},
    ):
        built = chunk.build(payload, **(plain | changes))  # type: ignore[arg-type]
        assert ChunkHeader(joined(built), "x").kind == RAGGED


@pytest.mark.parametrize(
    ("size", "n", "zlib", "frame", "frames"),
    [
        (100, 10, False, 64 << 10, 1),
        (100, 1000, False, 64 << 10, 2),
        (8191, 3, False, 64 << 10, 1),
        (8192, 3, False, 0, 3),
        (1 << 20, 2, False, 0, 2),
        (1 << 20, 2, True, 256 << 10, 8),
        (10, 10, True, 256 << 10, 1),
        (0, 10, False, 64 << 10, 0),
    ],
)
def test_frames(size: int, n: int, zlib: bool, frame: int, frames: int) -> None:
    codec: dict[str, Any] = {"codec": Zlib(), "chunk_codec": "zlib"} if zlib else {}
    payload = [bytes(size * n)] if size else []
    built = chunk.build(payload, n=n, dtype="|u1", shapes=(size,), sizes=size, **codec)
    header = ChunkHeader(joined(built), "x")
    assert (header.frame_size, header.frames) == (frame, frames)


def test_a_random_read_inflates_one_frame() -> None:
    rows = np.random.default_rng(0).integers(0, 9, (1000, 2000), "u1")
    built = chunk.build(
        [rows.tobytes()], n=1000, dtype="|u1", shapes=(2000,), sizes=2000, codec=Zlib(),
        chunk_codec="zlib",
    )  # fmt: skip
    header = ChunkHeader(joined(built), "x")
    first, last = header.frame_range(*header.raw_range(500), 500)
    assert last - first == 1
    a, b = header.stored_range(first, last)
    assert b - a < header.stored_length / 5


def test_a_header_alone_is_enough_to_know_what_to_fetch() -> None:
    built = Samples([b"a" * 9000, b"b" * 9000], [(9000,)] * 2, [False] * 2, [0] * 2).build()
    header = ChunkHeader(joined(built)[: built.header_length], "x", built.checksum)
    assert header.stored_range(1, 2) == (9000, 18000)


def test_names_that_have_no_room() -> None:
    for names in ({"chunk_codec": "a" * 17}, {"sample_codec": "a" * 17}):
        options = {"n": 1, "dtype": "|u1", "shapes": (1,), "sizes": 1} | names
        with pytest.raises(FormatError, match="no room"):
            chunk.build([b"x"], **options)  # type: ignore[arg-type]


# ------------------------------------------------------------------------------ what is refused
@pytest.fixture(params=["fixed", "ragged", "compressed"])
def block(request: pytest.FixtureRequest) -> bytes:
    if request.param == "fixed":
        return joined(chunk.build([bytes(40)], n=10, dtype="<i4", shapes=(1,), sizes=4))
    values = [bytes([k]) * (k % 4) for k in range(10)]
    some = Samples(values, [(k % 4,) for k in range(10)], [k % 4 == 0 for k in range(10)], [0] * 10)
    return joined(some.build(zlib=request.param == "compressed"))


def test_every_byte_of_the_header_is_checked(block: bytes) -> None:
    length = ChunkHeader(block, "x").header_length
    for at in range(length):
        bad = block[:at] + bytes([block[at] ^ 1]) + block[at + 1 :]
        with pytest.raises(FormatError, match="data/x"):
            ChunkHeader(bad, "data/x")


def test_every_byte_of_the_payload_is_checked(block: bytes) -> None:
    header = ChunkHeader(block, "data/x")
    for at in range(header.header_length, len(block)):
        bad = block[:at] + bytes([block[at] ^ 0x80]) + block[at + 1 :]
        with pytest.raises(ChecksumError, match="data/x"):
            header.check(memoryview(bad)[header.header_length :], 0, header.frames)
    header.check(memoryview(block)[header.header_length :], 0, header.frames)


def test_a_header_cut_short(block: bytes) -> None:
    for length in range(ChunkHeader(block, "x").header_length):
        with pytest.raises(FormatError, match="data/x"):
            ChunkHeader(block[:length], "data/x")


def test_another_chunk_than_expected(block: bytes) -> None:
    own = ChunkHeader(block, "x").checksum
    ChunkHeader(block, "x", own)
    with pytest.raises(ChecksumError, match="not the one that belongs here"):
        ChunkHeader(block, "x", own ^ 1)


@pytest.mark.parametrize(
    "changes",
    [{"version": 2}, {"version": 0}, {"kind": 5}, {"algorithm": 2}, {"flags": 4}, {"flags": 255}],
)
def test_what_is_not_known_is_said_to_be(block: bytes, changes: dict[str, int]) -> None:
    with pytest.raises(UnsupportedFormatError, match="upgrade"):
        ChunkHeader(forged(block, **changes), "x")


FORGED = [
    *[{"n": n} for n in (0, 1, 9, 11, 100, 2**24, 2**24 + 1, 2**32 - 1)],
    *[{"header": n} for n in (0, 64, 95, 96, 97, 2**32 - 64, 2**32 - 1)],
    *[{"raw": n} for n in (0, 1, 39, 41, 2**38, 2**38 + 1, 2**63, 2**64 - 1)],
    *[{"stored": n} for n in (0, 1, 2**38, 2**38 + 1, 2**63, 2**64 - 1)],
    *[{"frame": n} for n in (0, 1, 2, 2**26, 2**26 + 1, 2**32 - 1)],
    *[{"ndim": n} for n in (0, 2, 32, 33, 65535)],
    *[{"flags": n} for n in (1, 2, 3)],
    *[
        {"dtype": b"\xff"},
        {"sample_codec": b"\x80"},
        {"chunk_codec": b"zlib"},
        {"chunk_codec": b""},
    ],
    *[{"n": 2**24, "raw": 0, "stored": 0}, {"raw": 2**38, "stored": 2**38, "frame": 1}],
]


@pytest.mark.parametrize("changes", FORGED, ids=str)
def test_forged_fields(block: bytes, changes: dict[str, Any]) -> None:
    """What fits its checksum and makes no sense is refused, or harmless."""
    bad = forged(block, **changes)
    try:
        header = ChunkHeader(bad, "data/x")
    except FormatError:
        with pytest.raises(FormatError, match="data/x"):
            ChunkHeader(bad, "data/x")
        return
    # It is consistent in itself; then everything that it says stays inside of what it has.
    codec = Zlib() if header.chunk_codec else None
    for i in range(min(header.n, 20)):
        assert 0 <= header.raw_range(i)[0] <= header.raw_range(i)[1] <= header.raw_length
        try:
            sample(bad, header, i, codec)
        except (FormatError, CorruptedSampleError):
            continue


def test_shapes_that_no_array_can_have() -> None:
    for shapes in (
        (2**32, 0),
        (2**31, 2**31, 0),
        np.array([[2**40], [0]], np.uint64),
        np.array([[2**31, 2**31], [0, 0]], np.uint64),
    ):
        built = chunk.build([], n=2, dtype="<i4", shapes=shapes, sizes=0)
        with pytest.raises(FormatError, match="not the shape of a sample"):
            ChunkHeader(joined(built), "x")
    # Great axes are no matter as long as no sample has all of them.
    wide = np.array([[2**31, 1, 0], [1, 2**31, 0], [0, 1, 2**20]], np.uint64)
    built = chunk.build([], n=3, dtype="<i4", shapes=wide, sizes=0)
    assert ChunkHeader(joined(built), "x").sample_shape(1) == (1, 2**31, 0)


def test_sizes_that_overflow() -> None:
    built = chunk.build(
        [b"ab"], n=2, dtype="|u1", shapes=np.array([[2], [0]], np.uint64),
        sizes=np.array([2, 0], np.uint64),
    )  # fmt: skip
    block = joined(built)
    # Two sizes of 8 bytes each whose sum is 2 again, modulo 2**64.
    arrays = b"\x01\x02\x00" + b"\x08" + struct.pack("<QQ", 2**63, 2**63 + 2)
    arrays += struct.pack("<Q", xxhash.xxh3_64_intdigest(b"ab"))
    header = arrays.ljust(64 - 96 % 64 + 64, b"\0")[: 128 - 96]
    bad = forged(block[:96] + header + b"ab", header=128)
    with pytest.raises(FormatError, match="sizes of samples"):
        ChunkHeader(bad, "x")


def test_a_size_before_compression_that_is_not_there() -> None:
    header = ChunkHeader(joined(chunk.build([b"a"], n=1, dtype="|u1", shapes=(1,), sizes=1)), "x")
    with pytest.raises(FormatError, match="does not say"):
        header.decoded_size(0)
    assert not header.has_decoded_sizes
