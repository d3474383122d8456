"""Malformed input whose checksums fit ends in a documented error, in bounded memory.

``DEEPLAKE_SOAK_FUZZ=1000000`` raises the number of inputs of each parser. All are samples, drawn from
blocks and objects of the golden datasets, and of one that is made here with every kind of chunk: some
of their numbers, names, columns or bytes are others, and then the checksums are made to fit, for what
fails at a checksum tests nothing else. Fewer inputs go through whole datasets, where everything that
leads to the forged block is forged too.
"""

from __future__ import annotations

import itertools
import json
import os
import random
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from functools import cache
from typing import Any

import numpy as np
import pytest
from tests.golden import spec_reader
from tests.golden.expected import V1_0, states

from deeplake.errors import (
    CorruptedSampleError,
    FormatError,
    PluginNotFoundError,
)
from deeplake.format import envelope, segment
from deeplake.format.builder import Run
from deeplake.format.codecs import Zlib
from deeplake.format.commit import Commit, Ref, SegmentRef
from deeplake.format.links import link_of
from deeplake.format.pieces import BLOB, TILED, piece_dtype
from deeplake.format.sequence_builder import SequenceBuilder, SequenceRun, none_rows
from deeplake.format.tiles import Directory
from deeplake.storage.memory import MemoryStore
from deeplake.types import joined
from deeplake.versioning.openchunk import OpenChunk, array_dtype, read_header
from deeplake.versioning.repository import Repository

from . import damage, mutation, tally
from .script import opened

INPUTS = int(os.environ.get("DEEPLAKE_SOAK_FUZZ", "20000"))
MEMORY = 1 << 30

Error = type[Exception]


@pytest.fixture(autouse=True)
def _bounded_memory() -> Iterator[None]:
    seeds()
    damage.Dataset.of(damage.objects_of(V1_0 / "kinds"), ["main"])  # starts the decoding threads
    with damage.bounded_memory(MEMORY):
        yield


@cache
def made() -> tuple[dict[str, bytes], list[bytes]]:
    """A dataset with kinds of chunks that the golden ones lack; its objects, and its chunks."""
    rng = np.random.default_rng(0)
    store = MemoryStore.named("fuzz-made", fresh=True)
    Repository(store).create()
    ds = opened(store)
    items = [[np.arange(k, dtype="i4") for k in (2, 0, 3)], [], None, [np.arange(4, dtype="i4")]]
    plain = [[np.arange(2, dtype="i4")] * 3, [np.arange(2, dtype="i4")]]
    for name, samples, options in (
        ("lists", items, {"htype": "sequence", "dtype": "int32"}),
        ("packed", items, {"htype": "sequence", "dtype": "int32", "chunk_compression": "zlib"}),
        ("deflated", items, {"htype": "sequence", "dtype": "int32", "sample_compression": "zlib"}),
        ("even", plain, {"htype": "sequence", "dtype": "int32"}),
        ("texts", [["a", "bc"], [], ["ä" * 9]], {"htype": "sequence[text]"}),
        ("tiled", [rng.integers(0, 255, (150, 90), "u1")], {"tiling_threshold": 4000}),
    ):
        tensor = ds.create_tensor(name, **options)
        tensor.extend(samples)
    ds.commit("made")
    blocks = []
    for draft in ds._checkout.session.by_name.values():
        for piece in draft.sealed().pieces():
            oid = "{:016x}{:016x}".format(*piece["object"].tolist())
            data = bytes(joined(store.get(f"data/{oid}")))
            first, last = int(piece["offset"]), int(piece["offset"] + piece["length"])
            blocks.append(data[first:last])
    assert {block[5] for block in blocks} == {mutation.SEQUENCE, mutation.TILE}
    blocks += [_linked(block) for block in blocks if block[5] == mutation.SEQUENCE]
    objects = {info.key: bytes(joined(store.get(info.key))) for info in store.list()}
    return objects, blocks


def _linked(block: bytes) -> bytes:
    """A chunk that says of its samples that they are links."""
    fields = list(mutation.CHUNK.unpack_from(block))
    fields[4] |= 8
    return mutation.repaired_chunk(mutation.CHUNK.pack(*fields) + block[96:])


@cache
def seeds() -> dict[str, list[bytes]]:
    """Blocks and objects of the golden datasets, by kind."""
    found: dict[str, list[bytes]] = {"chunk": [], "segment": [], "commit": [], "ref": [], "tag": []}
    versions = [(state.dataset, state.address) for state in states()]
    for name in ("kinds", "history", "indexed", "sequences", "links"):
        dataset = spec_reader.Dataset(V1_0 / name)
        for other, address in [*versions, ("sequences", "main"), ("links", "main")]:
            if other != name:
                continue
            for tensor in dataset.version(address).tensors.values():
                for oid, offset, length, *more in dataset.segments(tensor.meta):
                    if len(more) > 5:
                        continue  # a piece, which is in no block
                    found["segment"].append(dataset.object(f"data/{oid}")[offset : offset + length])
                for piece in tensor.pieces:
                    data = dataset.object(f"data/{piece.object}")
                    block = data[piece.offset : piece.offset + piece.length]
                    if len(block) < 20_000:
                        found["chunk"].append(block)
    objects, blocks = made()
    found["chunk"] += blocks
    found["ref"].append(objects["refs/heads/main"])
    for key, data in {
        **damage.objects_of(V1_0 / "history"),
        **{f"kinds/{k}": v for k, v in damage.objects_of(V1_0 / "kinds").items()},
    }.items():
        kind = data.split(b" ", 2)[1].decode() if "data/" not in key else ""
        if kind in found and len(data) < 20_000:
            found[kind].append(data)
    return {kind: sorted(set(blocks)) for kind, blocks in found.items()}


def run(
    what: str,
    parse: Callable[[bytes], object],
    inputs: Iterator[bytes],
    allowed: tuple[Error, ...] = (FormatError,),
) -> Counter[str]:
    """How inputs end: names of errors, and ``""``.

    Raises:
        AssertionError: One ended in an error that is not documented.
    """
    ends: Counter[str] = Counter()
    for number, data in enumerate(inputs):
        if number % 1000 == 999:
            tally.count(f"{what}", 1000)
        try:
            parse(data)
        except allowed as error:
            ends[type(error).__name__] += 1
        except BaseException as error:
            raise AssertionError(f"{type(error).__name__}: {error}: for {data!r:.4000}") from error
        else:
            ends[""] += 1
    return ends


def check_spread(ends: Counter[str], valid: float = 0.001) -> None:
    """The inputs are neither all refused at the door nor all harmless."""
    assert ends["FormatError"] > 0.05 * ends.total()
    assert ends[""] > valid * ends.total()


# ---------------------------------------------------------------------------------- the parsers
KIND_FLAGS = {mutation.TILE: TILED, 4: BLOB}
"""What a piece says of chunks of these kinds."""


def parse_chunk(block: bytes) -> None:
    """Everything that a reader does with a chunk up to the bytes of its samples."""
    piece = np.zeros(1, piece_dtype(0))[0]
    piece["length"] = len(block)
    piece["checksum"] = int.from_bytes(block[88:96], "little")
    piece["count"] = 1
    piece["flags"] = KIND_FLAGS.get(block[5], 0) if len(block) > 5 else 0
    header = read_header(memoryview(block), piece, "fuzz")
    payload = memoryview(block)[header.header_length :]
    opened = OpenChunk(header, payload, "0" * 32, 0, arrays=True)
    if header.kind == mutation.TILE:
        shape, itemsize = header.sample_shape(0), array_dtype(header).itemsize
        Directory.decode(opened.sample_bytes(0, None), shape, itemsize, "fuzz")
        return
    if header.sequences is not None:
        for row in {*range(min(header.rows, 8)), header.rows - 1} - {-1}:
            first, last = header.sequences.item_range(row)
            assert 0 <= first <= last <= header.n
            assert not header.sequences.is_null(row) or first == last
    for i in {*range(min(header.n, 8)), header.n - 1, header.n // 2}:
        if not 0 <= i < header.n:
            continue
        header.sample_shape(i)
        header.is_null(i)
        data = opened.sample_bytes(i, None)
        if opened.sample_codec is None:
            data = memoryview(opened.unpacked(i, data))
        if header.links:
            with suppress(CorruptedSampleError):
                link_of(data)
    if opened.array is not None and header.n:
        opened.array[0].copy()


def test_chunks() -> None:
    rng = random.Random(1)
    blocks = seeds()["chunk"]
    inputs = (mutation.chunk(rng, rng.choice(blocks)) for _ in range(INPUTS * 3 // 4))
    allowed = (FormatError, CorruptedSampleError, PluginNotFoundError)
    check_spread(run("chunks", parse_chunk, inputs, allowed))


@cache
def sequences() -> list[bytes]:
    """Chunks of sequences: of one shape, ragged, with None as item and as row, with each codec."""
    rng = np.random.default_rng(0)
    blocks = []
    codecs: list[dict[str, Any]] = [{}, {"codec": Zlib(), "chunk_codec": "zlib"}]
    for options, ragged, dtype in itertools.product(codecs, (False, True), ("|u1", "<i4", "str")):
        builder = SequenceBuilder(dtype, 1 << 20, **options)
        for row in range(12):
            count = row % 4 if ragged else 3
            items = []
            for item in range(count):
                size = 4 * (1 + item if ragged else 2)
                data = rng.integers(0, 100, size, "u1").tobytes()
                null = ragged and item == 2
                shape = (1,) if dtype == "str" else (size // np.dtype(dtype).itemsize,)
                items.append(Run(b"", 1, (0,), 0, null=True) if null else Run(data, 1, shape, size))
            run = SequenceRun(np.array([count]), tuple(items))
            builder.add(none_rows(1) if ragged and row == 4 else run, (1, row, 1, 0))
        block, _ = builder.build(2)
        blocks.append(b"".join(map(bytes, block.buffers)))
    for block in blocks:
        parse_chunk(block)
    return blocks


def test_chunks_of_sequences() -> None:
    rng = random.Random(8)
    blocks = sequences()
    inputs = (mutation.chunk(rng, rng.choice(blocks)) for _ in range(INPUTS // 4))
    allowed = (FormatError, CorruptedSampleError, PluginNotFoundError)
    check_spread(run("chunks of sequences", parse_chunk, inputs, allowed))


def test_chunk_bytes() -> None:
    """Without structure, and without checksums that fit."""
    rng = random.Random(2)
    blocks = [block for block in seeds()["chunk"] if len(block) < 2000]
    inputs = (mutation.scramble(rng, rng.choice(blocks)) for _ in range(INPUTS // 4))
    ends = run(
        "chunks, checksums as they come",
        parse_chunk,
        inputs,
        (FormatError, CorruptedSampleError, PluginNotFoundError),
    )
    assert ends["ChecksumError"] > ends.total() / 10


def test_segments() -> None:
    rng = random.Random(3)
    blocks = seeds()["segment"]
    inputs = (mutation.segment(rng, rng.choice(blocks)) for _ in range(INPUTS))
    check_spread(run("segments", lambda data: segment.decode(data, "fuzz"), inputs))


def parse_json(data: bytes) -> None:
    kind = data.split(b" ", 2)[1].decode()
    value = envelope.unwrap(kind, data, "fuzz")
    if kind == "ref":
        ref = Ref.from_json(value, "fuzz")
        ref.read_only_features
        Ref.from_json(ref.to_json(), "fuzz")
    elif kind == "commit":
        Commit.from_json(Commit.from_json(value, "fuzz").to_json(), "fuzz")


@pytest.mark.parametrize("kind", ["ref", "commit"])
def test_json_trees(kind: str) -> None:
    rng = random.Random(4)
    values = [envelope.unwrap(kind, data, "seed") for data in seeds()[kind] if len(data) < 5000]
    inputs = (
        mutation.envelope(kind, mutation.tree(rng, rng.choice(values))) for _ in range(INPUTS // 2)
    )
    check_spread(run(f"{kind}s", parse_json, inputs))


@pytest.mark.parametrize("kind", ["ref", "commit", "tag"])
def test_json_bytes(kind: str) -> None:
    rng = random.Random(5)
    blocks = [
        mutation.envelope(kind, envelope.unwrap(kind, data, "seed"))
        for data in seeds()[kind]
        if len(data) < 5000
    ]
    inputs = (mutation.json_bytes(rng, rng.choice(blocks)) for _ in range(INPUTS // 2))
    check_spread(run(f"{kind}s", parse_json, inputs))


def test_envelopes() -> None:
    rng = random.Random(6)
    blocks = [data for kind in ("ref", "commit", "tag") for data in seeds()[kind]]

    def damaged() -> bytes:
        line, _, body = rng.choice(blocks).partition(b"\n")
        return mutation.scramble(rng, line + b"\n") + body[: rng.choice((5, len(body)))]

    def parse(data: bytes) -> None:
        envelope.unwrap("ref", data, "fuzz")

    run("envelopes", parse, (damaged() for _ in range(INPUTS // 2)))


# ---------------------------------------------------------------------------- whole datasets
class Forge:
    """A dataset whose objects are replaced, with all that leads to them made to fit."""

    def __init__(self, name: str) -> None:
        self.objects = made()[0] if name == "made" else damage.objects_of(V1_0 / name)
        ref = self.objects["refs/heads/main"]
        self.ref = envelope.unwrap("ref", ref, "seed")
        self.tensors = [
            (number, reference)
            for number, tensor in enumerate(self.ref["inline"]["tensors"])
            for reference in tensor.get("segments", ())
            if len(reference) != 9
        ]

    def block(self, oid: str, offset: int, length: int) -> bytes:
        return self.objects[f"data/{oid}"][offset : offset + length]

    def pieces(self, reference: list[Any]) -> Any:
        """The pieces of a segment, or the one that a reference is."""
        if len(reference) > 8:
            return segment.single(SegmentRef.from_json(reference, "seed")).copy()
        return segment.decode(self.block(*reference[:3]), "seed").copy()

    def with_ref(self, ref: Any) -> dict[str, bytes]:
        return {**self.objects, "refs/heads/main": mutation.envelope("ref", ref)}

    def with_segment(self, tensor: int, reference: list[Any], block: bytes) -> dict[str, bytes]:
        """The dataset with another segment: its reference in the commit is made to fit."""
        oid = "e" * 32
        rows = int.from_bytes(block[40:48], "little")
        new = [oid, 0, len(block), int.from_bytes(block[8:12], "little"), rows]
        new += [block[48:56][::-1].hex(), *reference[6:8]]
        ref = json.loads(json.dumps(self.ref))
        meta = ref["inline"]["tensors"][tensor]
        meta["segments"] = [new if s == reference else s for s in meta["segments"]]
        meta["length"] = sum(s[4] for s in meta["segments"])
        return {**self.with_ref(ref), f"data/{oid}": block}

    def with_chunk(self, rng: random.Random) -> dict[str, bytes]:
        """The dataset with another chunk: its piece, segment and commit are made to fit."""
        tensor, reference = rng.choice(self.tensors)
        pieces = self.pieces(reference)
        piece = pieces[rng.randrange(len(pieces))]
        oid = "{:016x}{:016x}".format(*piece["object"].tolist())
        block = mutation.chunk(rng, self.block(oid, int(piece["offset"]), int(piece["length"])))
        piece["object"], piece["offset"], piece["length"] = (2**64 - 1, 0), 0, len(block)
        piece["checksum"] = int.from_bytes(block[88:96], "little")
        piece["header"] = min(int.from_bytes(block[12:16], "little"), len(block))
        found = segment.encode(pieces)
        forged = self.with_segment(tensor, reference, b"".join(map(bytes, found.buffers)))
        return {**forged, "data/" + "f" * 16 + "0" * 16: block}

    def another(self, rng: random.Random) -> dict[str, bytes]:
        how = rng.randrange(4)
        if how == 0:
            return self.with_ref(mutation.tree(rng, self.ref))
        if how == 1:
            tensor, reference = rng.choice(self.tensors)
            seed = b"".join(map(bytes, segment.encode(self.pieces(reference)).buffers))
            block = mutation.segment(rng, seed)
            return self.with_segment(tensor, reference, block)
        return self.with_chunk(rng)


ALLOWED = (*damage.DAMAGED, *damage.MISSING, CorruptedSampleError, PluginNotFoundError)


@pytest.mark.parametrize("name", ["history", "kinds", "indexed", "sequences", "made"])
def test_datasets(name: str) -> None:
    forge = Forge(name)
    rng = random.Random(7)

    def read(objects: Mapping[str, bytes]) -> None:
        store = damage.store_of(objects, mapping=rng.random() < 0.5)
        damage.content("mem://damaged@main")
        del store

    ends: Counter[str] = Counter()
    for number in range(max(INPUTS // (2000 if name == "kinds" else 500), 100)):
        tally.count("whole datasets")
        objects = forge.another(rng)
        try:
            read(objects)
        except ALLOWED as error:
            ends[type(error).__name__] += 1
        except BaseException as error:
            raise AssertionError(f"input {number}: {type(error).__name__}: {error}") from error
        else:
            ends[""] += 1
    assert ends[""] > ends.total() / 100
    assert ends["FormatError"] + ends["DatasetCorruptError"] > ends.total() / 10


# ---------------------------------------------------------------------------- planted defects
def test_finds_lengths_that_are_believed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Columns that end before they should."""
    from deeplake.format.column import HeaderReader

    def take(self: HeaderReader, size: int) -> memoryview:
        part = self.data[self.offset : self.offset + size]
        self.offset += size
        return part

    monkeypatch.setattr(HeaderReader, "take", take)
    with pytest.raises(AssertionError):
        test_chunks()


def test_finds_an_error_of_another_kind(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Zlib, "decompress", lambda self, data, size: zlib.decompress(data))
    with pytest.raises(AssertionError, match="zlib"):
        test_chunks()


def test_finds_sizes_that_are_not_added_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "deeplake.format.chunk._running", lambda sizes, total, what: np.cumsum(sizes.astype("i8"))
    )
    with pytest.raises(AssertionError):
        test_chunks()


@pytest.mark.parametrize("kind", ["ref", "commit"])
def test_finds_unchecked_types(monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    from deeplake.format import commit

    def getter(value: Mapping[str, Any], name: str) -> Callable[[str, Any], Any]:
        return lambda key, types: value.get(key)

    monkeypatch.setattr(commit, "_getter", getter)
    with pytest.raises(AssertionError):
        test_json_trees(kind)
