"""Reads datasets of format 1.0 from a directory, written from ``docs/spec/format-v1.md`` alone.

It imports nothing of deeplake: that it finds what deeplake wrote proves that the specification says
everything. It is neither fast nor frugal; sections of the specification are named where they apply.

    python tests/golden/spec_reader.py DIRECTORY [BRANCH, TAG or COMMIT]
"""

from __future__ import annotations

import base64
import io
import json
import math
import re
import struct
import sys
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import lz4.block
import numpy as np
import xxhash
import zstandard
from PIL import Image


class Invalid(Exception):
    """What is stored is not a dataset of format 1."""


def check(holds: bool, what: str) -> None:
    if not holds:
        raise Invalid(what)


@dataclass
class File:
    """A sample that is a file of some format (section 4.4)."""

    data: bytes
    shape: tuple[int, ...]
    dtype: str
    codec: str


@dataclass
class Link:
    """A sample that is a link to a file elsewhere (section 4.10)."""

    link: dict[str, Any]
    shape: tuple[int, ...]
    dtype: str


@dataclass
class Piece:
    """A run of rows (section 5)."""

    object: str
    offset: int
    length: int
    header: int
    start: int
    count: int
    session: int
    counter: int
    edit: int
    checksum: int
    nulls: int
    flags: int
    min: int
    max: int
    domain: int
    low: tuple[int, ...]
    high: tuple[int, ...]


@dataclass
class Tensor:
    """A tensor of one version: the JSON of the commit, its pieces, and its rows."""

    meta: dict[str, Any]
    pieces: list[Piece]
    rows: list[Any]

    @property
    def row_ids(self) -> list[tuple[int, int]]:
        return [(p.session, p.counter + k) for p in self.pieces for k in range(p.count)]


@dataclass
class Version:
    """A version of a dataset."""

    commit: dict[str, Any]
    tensors: dict[str, Tensor]
    messages: list[str]


# ----------------------------------------------------------------------------- 2: JSON objects
DICTIONARY = (
    b'"sample_compression":"chunk_compression":"max_chunk_size":"tiling_threshold":"hidden":true,'
    b'"is_link":true,"is_sequence":true,"verify":false,"meta":{}"message":null,"commit":null,'
    b'"inline":null,"fence":1,"<i8""<f4""<i4""<f8""|b1""str""json""png""lz4""jpeg""htype":"text"'
    b'"htype":"bbox""htype":"generic""htype":"embedding"{"branch":"main","commit":"","dataset":"",'
    b'"format":[1,0],"head":"","inline":{"author":"public","branch":"main","groups":[],"id":"",'
    b'"info":{},"message":"","parents":[],"tensors":[{"dtype":"|u1","htype":"image","id":"",'
    b'"info":{"intrinsics":null},"length":,"name":"images","ndim":3,"segments":[["",0,[],[],2,'
    b'{"dtype":"<u4","htype":"class_label","id":"","info":{"class_names":[]},"length":1,"name":'
    b'"labels","ndim":1,"segments":[["",64,1,1,"",[1],[1]]]}],"time":17},"nonce":"","pending":"",'
    b'"read_features":[],"seq":,"write_features":[]}'
)


def envelope(data: bytes, kind: str, base: Callable[[str], bytes] | None = None) -> dict[str, Any]:
    return dict(json.loads(json_of(data, kind, base)))


def json_of(data: bytes, kind: str, base: Callable[[str], bytes] | None = None) -> bytes:
    line, newline, body = data.partition(b"\n")
    match = re.fullmatch(
        rb"deeplake ([a-z]+) (\d+) (0|[1-9]\d*) ([0-9a-f]{16})"
        rb"(?: deflate (0|[1-9]\d*)(?: ([0-9a-f]+))?)?",
        line,
    )
    if newline == b"" or match is None:
        raise Invalid("no envelope")
    check(match[1].decode() == kind, f"not a {kind}")
    check(match[2] == b"1", "another version")
    check(int(match[3]) == len(body), "another length")
    known = b""
    if match[6] is not None:
        check(kind == "commit" and base is not None, "no commit")
        assert base is not None
        known = base(match[6].decode())
    check(int(match[4], 16) == xxhash.xxh3_64_intdigest(body + known), "checksum")
    if match[5] is not None:
        stream = zlib.decompressobj(-15, (DICTIONARY + known)[-32768:])
        body = stream.decompress(body) + stream.flush()
        check(stream.eof and not stream.unused_data, "one stream")
        check(int(match[5]) == len(body), "length of the JSON")
    check(type(json.loads(body)) is dict, "no JSON object")
    return body


# ----------------------------------------------------------------------------------- 3: columns
class Cursor:
    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0

    def take(self, n: int) -> bytes:
        part = self.data[self.at : self.at + n]
        check(len(part) == n, "the header is too short")
        self.at += n
        return part

    def array(self, dtype: str, n: int) -> list[int]:
        width = np.dtype(dtype).itemsize
        return [int(x) for x in np.frombuffer(self.take(n * width), dtype)]

    def column(self, n: int) -> list[int]:
        width = self.take(1)[0]
        if width == 0:
            return self.array("<u8", 1) * n
        check(width in (1, 2, 4, 8), "width of a column")
        return self.array(f"<u{width}", n)


# ------------------------------------------------------------------------------ 4: chunk blocks
PROLOGUE = struct.Struct("<4s BBBB I I Q Q I H 2s 8s 16s 16s 8s Q")
FIXED, RAGGED, SEQUENCE, TILE, BLOB = range(5)


class Chunk:
    """A chunk block."""

    def __init__(self, block: bytes, checksum: int) -> None:
        check(len(block) >= 96, "no room for a chunk")
        (magic, version, self.kind, algorithm, flags, self.n, header, raw_length, stored_length,
         frame_size, ndim, zeros, dtype, sample_codec, chunk_codec, zeros8, own) = (
            PROLOGUE.unpack_from(block)
        )  # fmt: skip
        check(magic == b"DLCK" and version == 1 and algorithm == 1, "no chunk of version 1")
        check(self.kind <= BLOB, "kind of chunk")
        check(not flags & ~(15 if self.kind == SEQUENCE else 11), "flags of a chunk")
        self.links = bool(flags & 8)
        check(zeros == bytes(2) and zeros8 == bytes(8), "reserved bytes")
        check(header >= 96 and header % 64 == 0 and header <= len(block), "length of the header")
        check(xxhash.xxh3_64_intdigest(block[:88] + block[96:header]) == own, "header checksum")
        check(own == checksum, "another chunk than its piece says")
        check(header + stored_length == len(block), "length of the block")
        self.dtype = dtype.rstrip(b"\0").decode("ascii")
        self.sample_codec = sample_codec.rstrip(b"\0").decode("ascii")
        self.chunk_codec = chunk_codec.rstrip(b"\0").decode("ascii")

        cursor = Cursor(block[:header])
        cursor.at = 96
        self.rows = self.n
        self.items: list[int] | None = None
        self.null_rows = [False] * self.rows
        if self.kind == SEQUENCE:
            self.items = cursor.column(self.rows)
            self.n = sum(self.items)
            check(self.n <= 2**24, "items of a chunk")
        axes = [cursor.column(self.n) for _ in range(ndim)]
        self.shapes = [tuple(axis[i] for axis in axes) for i in range(self.n)]
        self.sizes = cursor.column(self.n)
        check(sum(self.sizes) == raw_length, "sizes of samples")
        self.decoded = cursor.column(self.n) if flags & 2 else None
        self.null = [False] * self.n
        if flags & 1:
            bits = cursor.take(-(-self.n // 8))
            self.null = [bool(bits[i // 8] >> (i % 8) & 1) for i in range(self.n)]
        if self.items is not None and flags & 4:
            bits = cursor.take(-(-self.rows // 8))
            self.null_rows = [bool(bits[i // 8] >> (i % 8) & 1) for i in range(self.rows)]
            none = [n for n, null in zip(self.items, self.null_rows, strict=True) if null]
            check(not any(none), "items of a sequence that is None")
        frames = self.n if frame_size == 0 else -(-raw_length // frame_size)
        if frame_size == 0:
            raw = self.sizes
        else:
            raw = [min(frame_size, raw_length - k * frame_size) for k in range(frames)]
        stored = cursor.column(frames) if self.chunk_codec else raw
        check(sum(stored) == stored_length, "sizes of frames")
        checksums = cursor.array("<u8", frames)
        rest = block[cursor.at : header]
        check(len(rest) < 64 and not any(rest), "padding")

        payload = []
        at = header
        for k in range(frames):
            frame = block[at : at + stored[k]]
            check(xxhash.xxh3_64_intdigest(frame) == checksums[k], "checksum of a frame")
            payload.append(inflate(self.chunk_codec, frame, raw[k]))
            at += stored[k]
        self.payload = b"".join(payload)
        check(len(self.payload) == raw_length, "length of the payload")
        if self.kind in (TILE, BLOB):
            size = 0 if self.kind == TILE else 1 << 20
            check(self.n == 1 and not flags and frame_size == size, "a chunk of one sample")
            check(not self.chunk_codec and bool(self.sample_codec) == (self.kind == BLOB), "codecs")
        if self.kind == FIXED:
            check(not flags and not self.sample_codec, "a fixed chunk that is not plain")
            check(len(set(self.shapes)) <= 1 and len(set(self.sizes)) <= 1, "a fixed chunk")

    def row(self, i: int, decode: Callable[[bytes, str], Any] | None) -> Any:
        """Row ``i``: a sample, or the list of items of a sequence."""
        if self.items is None:
            return self.sample(i, decode)
        if self.null_rows[i]:
            return None
        first = sum(self.items[:i])
        return [self.sample(j, decode) for j in range(first, first + self.items[i])]

    def sample(self, i: int, decode: Callable[[bytes, str], Any] | None) -> Any:
        """Sample ``i``; ``decode`` makes a value of its bytes, None: it is an array."""
        start = sum(self.sizes[:i])
        data = self.payload[start : start + self.sizes[i]]
        shape = self.shapes[i]
        if self.null[i]:
            check(data == b"", "None with bytes")
            return None
        if self.links:
            check(not self.sample_codec, "links with a sample codec")
            link = json.loads(data)
            check(isinstance(link, dict) and isinstance(link.get("path"), str), "a link")
            return Link(link, shape, self.dtype)
        if self.sample_codec in CODECS:
            if data:
                assert self.decoded is not None
                data = inflate(self.sample_codec, data, self.decoded[i])
        elif self.sample_codec and data:
            return File(data, shape, self.dtype, self.sample_codec)
        if decode is not None:
            return decode(data, self.dtype)
        dtype = np.dtype(self.dtype)
        check(math.prod(shape) * dtype.itemsize == len(data), "bytes of a sample")
        return np.frombuffer(data, dtype).reshape(shape)


# ------------------------------------------------------------------------------------ 4.4: codecs
def _zstd(data: bytes, size: int) -> bytes:
    check(zstandard.frame_content_size(data) == size, "size in a zstd frame")
    return zstandard.ZstdDecompressor().decompress(data, max_output_size=size)


CODECS: dict[str, Callable[[bytes, int], bytes]] = {
    "raw": lambda data, size: data,
    "zlib": lambda data, size: zlib.decompress(data),
    "lz4": lambda data, size: lz4.block.decompress(data, uncompressed_size=size),
    "zstd": _zstd,
}


def inflate(codec: str, data: bytes, size: int) -> bytes:
    result = CODECS[codec or "raw"](data, size)
    check(len(result) == size, f"length of {codec} data")
    return result


# --------------------------------------------------------------------------- 4.5: values of samples
def json_value(data: bytes, dtype: str = "") -> Any:
    return unescape(json.loads(data))


def unescape(value: Any) -> Any:
    if isinstance(value, list):
        return [unescape(entry) for entry in value]
    if not isinstance(value, dict):
        return value
    kind = value.get("$deeplake")
    if kind is None:
        return {
            (key[1:] if re.fullmatch(r"\$\$+deeplake", key) else key): unescape(entry)
            for key, entry in value.items()
        }
    if kind == "float":
        return {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}[value["data"]]
    raw = base64.b64decode(value["data"], validate=True)
    if kind == "bytes":
        return raw
    if kind == "ndarray":
        return np.frombuffer(raw, value["dtype"]).reshape(value["shape"])
    check(kind == "sample", f"an object of kind {kind}")
    return File(raw, (), "", value["compression"])


def polygons(data: bytes, dtype: str) -> list[np.ndarray]:
    if not data:
        return []
    count, ndim = struct.unpack_from("<II", data)
    points = np.frombuffer(data, "<u4", count, 8)
    values = np.frombuffer(data, dtype, offset=8 + 4 * count).reshape(-1, ndim)
    check(int(points.sum()) == len(values), "points of polygons")
    return np.split(values, np.cumsum(points)[:-1])


def decoder(meta: dict[str, Any]) -> Callable[[bytes, str], Any] | None:
    if meta["dtype"] == "str":
        return lambda data, dtype: data.decode("utf-8")
    if meta["dtype"] == "json":
        return json_value
    return polygons if meta["htype"] == "polygon" else None


# ----------------------------------------------------------------------------- 5: segment blocks
SEGMENT = struct.Struct("<4s BBBB I I I H B B Q Q Q Q I I")


def segment(block: bytes, checksum: int, level: int = 0) -> list[Piece]:
    (magic, version, stated, algorithm, flags, n, n_objects, n_sessions, ndim, statistics, zero,
     raw_length, stored_length, rows, own, n_chunks, n_edits) = SEGMENT.unpack_from(block)  # fmt: skip
    check(magic == b"DLSG" and version == 1 and algorithm == 1, "no segment of version 1")
    check(stated == level and flags < 2 and statistics < 2 and zero == 0, "kind of segment")
    check(len(block) == 64 + stored_length, "length of the segment")
    check(xxhash.xxh3_64_intdigest(block[:48] + block[56:]) == own, "segment checksum")
    check(own == checksum, "another segment than the commit says")
    check(1 <= n <= 4096, "number of pieces")
    body = zlib.decompress(block[64:]) if flags & 1 else block[64:]
    check(len(body) == raw_length, "length of the body")

    cursor = Cursor(body)
    objects = [cursor.array("<u8", 2) for _ in range(n_objects)]
    sessions = cursor.array("<u8", n_sessions)
    edits = cursor.array("<u8", n_edits)
    which, offset, length, header = (cursor.column(n_chunks) for _ in range(4))
    checksums = cursor.array("<u8", n_chunks)
    chunk, session, edit, count, counters, starts, nulls = (cursor.column(n) for _ in range(7))
    bounds = [(cursor.column(n), cursor.column(n)) for _ in range(ndim)]
    flag, low, high, domain = [0] * n, [0] * n, [0] * n, [0] * n
    if statistics:
        flag = cursor.array("u1", n)
        low, high, domain = (cursor.column(n) for _ in range(3))
    check(cursor.at == len(body), "bytes after the pieces")
    check(sum(count) == rows and min(count) > 0, "rows of the segment")
    pieces: list[Piece] = []
    latest: dict[tuple[int, int], Piece] = {}
    for i in range(n):
        c = chunk[i]
        counter = signed(counters[i])
        if pieces:
            counter += pieces[-1].counter + pieces[-1].count
        counter %= 2**64
        start = signed(starts[i])
        before = latest.get((c, edit[i]))
        if before is not None and edits[edit[i]] == 0:
            start += before.start + counter - before.counter
        elif before is not None:
            start += before.start + before.count
        check(counter < 2**48 and start % 2**64 < 2**24, "limits of a piece")
        piece = Piece(
            "".join(f"{word:016x}" for word in objects[which[c]]), offset[c] * 64, length[c],
            header[c], start % 2**64, count[i], sessions[session[i]], counter, edits[edit[i]],
            checksums[c], nulls[i], flag[i], low[i], high[i], domain[i],
            tuple(a[i] for a, _ in bounds), tuple(b[i] for _, b in bounds),
        )  # fmt: skip
        pieces.append(piece)
        latest[c, edit[i]] = piece
    return pieces


def signed(number: int) -> int:
    """A difference, as section 5.1 stores it."""
    return -(number // 2) - 1 if number % 2 else number // 2


# ------------------------------------------------------------------------- 6, 7: commits and refs
def one_piece(
    oid: str, offset: int, length: int, rows: int, checksum: str, low: list[int], high: list[int],
    level: int, header: int, start: int, session: str, counter: int, edit: str, nulls: int,
    *bounds: Any,
) -> Piece:  # fmt: skip
    """The piece that a reference of level 2 is (section 6.1)."""
    check(level == 2 and len(bounds) in (0, 4), "reference to a piece")
    flags, *values = bounds or (0, "0", "0", "0")
    return Piece(
        oid, offset, length, header, start, rows, int(session, 16), counter, int(edit, 16),
        int(checksum, 16), nulls, flags, *(int(value, 16) for value in values), tuple(low),
        tuple(high),
    )  # fmt: skip


TENSOR_DEFAULTS: dict[str, Any] = {
    "htype": "generic", "dtype": None, "ndim": None, "sample_compression": None,
    "chunk_compression": None, "is_sequence": False, "is_link": False, "hidden": False,
    "verify": True, "max_chunk_size": None, "tiling_threshold": None, "meta": {}, "info": {},
    "segments": [], "length": 0,
}  # fmt: skip
"""Section 6: what a key of a tensor is when it is absent."""


class Dataset:
    """A dataset in a directory."""

    def __init__(self, directory: str | Path) -> None:
        self.directory = Path(directory)
        marker = envelope(self.object("deeplake.json"), "marker")
        check(marker["format"][0] == 1 and marker["checksum"] == "xxh3-64", "another format")
        self.uuid = marker["uuid"]
        self.chunks: dict[tuple[str, int, int, int], Chunk] = {}

    def object(self, key: str) -> bytes:
        return self.directory.joinpath(*key.split("/")).read_bytes()

    def ref_key(self, name: str, kind: str) -> str:
        encoded = "".join(
            chr(byte) if re.match(rb"[a-z0-9_-]", bytes([byte])) else f"%{byte:02x}"
            for byte in name.encode()
        )
        return f"refs/{kind}/{encoded}"

    def ref(self, branch: str) -> dict[str, Any]:
        ref = envelope(self.object(self.ref_key(branch, "heads")), "ref")
        check(ref["format"][0] == 1 and not ref["read_features"], "a later format")
        check(ref["branch"] == branch and ref["dataset"] == self.uuid, "the ref of another branch")
        return ref

    def branches(self) -> list[str]:
        heads = [path.name for path in (self.directory / "refs" / "heads").iterdir()]
        return [re.sub("%(..)", lambda m: chr(int(m[1], 16)), h).encode("latin-1").decode()
                for h in heads]  # fmt: skip

    def commit(self, commit_id: str) -> dict[str, Any]:
        try:
            found = dict(json.loads(self.json_of_commit(commit_id)))
        except FileNotFoundError:
            refs = [self.ref(branch) for branch in self.branches()]
            found = next(r["inline"] for r in refs if r["head"] == commit_id)
        check(found["id"] == commit_id, "another commit")
        return found

    def json_of_commit(self, commit_id: str) -> bytes:
        return json_of(self.object(f"commits/{commit_id}"), "commit", self.json_of_commit)

    def head(self, address: str) -> dict[str, Any]:
        if re.fullmatch(r"[0-9a-f]{40}", address):
            return self.commit(address)
        try:
            ref = self.ref(address)
        except FileNotFoundError:
            tag = envelope(self.object(self.ref_key(address, "tags")), "tag")
            check(tag["name"] == address, "another tag")
            return self.commit(tag["commit"])
        if ref["inline"] is None:
            return self.commit(ref["head"])
        check(ref["inline"]["id"] == ref["head"], "another commit than the head")
        return dict(ref["inline"])

    def version(self, address: str = "main") -> Version:
        commit = self.head(address)
        tensors = {meta["name"]: self.tensor(meta) for meta in commit["tensors"]}
        check(len(tensors) == len(commit["tensors"]), "two tensors of one name")
        return Version(commit, tensors, self.messages(commit))

    def messages(self, commit: dict[str, Any]) -> list[str]:
        found = []
        while True:
            if commit["message"] is not None:
                found.append(commit["message"])
            if not commit["parents"]:
                return found
            commit = self.commit(commit["parents"][0])

    # -------------------------------------------------------------------------------- 8.2: rows
    def tensor(self, meta: dict[str, Any]) -> Tensor:
        meta = {**TENSOR_DEFAULTS, **meta}
        pieces = []
        for oid, offset, length, n, rows, checksum, low, high, *single in self.segments(meta):
            if single:
                pieces.append(one_piece(oid, offset, length, rows, checksum, low, high, *single))
                continue
            block = self.object(f"data/{oid}")[offset : offset + length]
            found = segment(block, int(checksum, 16))
            check(len(found) == n and sum(p.count for p in found) == rows, "rows of a segment")
            for piece in found:
                if len(piece.low) == len(low):
                    check(all(map(int.__le__, low, piece.low)), "least shape of a segment")
                    check(all(map(int.__ge__, high, piece.high)), "greatest shape of a segment")
            pieces += found
        check(sum(p.count for p in pieces) == meta["length"], "rows of a tensor")
        decode = decoder(meta)
        rows_found = []
        for piece in pieces:
            chunk = self.chunk(piece)
            kinds = {TILE: 4, BLOB: 8}
            check(piece.flags & 12 == kinds.get(chunk.kind, 0), "kind of a piece's chunk")
            if chunk.kind == TILE:
                check((piece.start, piece.count) == (0, 1), "rows of a sample in tiles")
                rows_found.append(self.tiled(chunk))
                continue
            check(piece.start + piece.count <= chunk.rows, "rows beyond a chunk")
            check((chunk.items is not None) == meta["is_sequence"], "a chunk of sequences")
            rows_found += [
                chunk.row(i, decode) for i in range(piece.start, piece.start + piece.count)
            ]
        return Tensor(meta, pieces, rows_found)

    def tiled(self, directory: Chunk) -> np.ndarray:
        """The sample that a directory of tiles leads to (section 4.8)."""
        shape, data = directory.shapes[0], directory.payload
        sides = [int(side) for side in np.frombuffer(data, "<u8", len(shape))]
        check(0 not in shape and 0 not in sides, "an axis of length 0")
        grid = [-(-size // side) for size, side in zip(shape, sides, strict=True)]
        check(len(data) == 8 * len(shape) + 48 * math.prod(grid), "number of tiles")
        sample = np.zeros(shape, directory.dtype)
        for number, place in enumerate(np.ndindex(*grid)):
            high, low, offset, length, header, zero, checksum = struct.unpack_from(
                "<QQQQIIQ", data, 8 * len(shape) + 48 * number
            )
            check(zero == 0 and header <= length and offset % 64 == 0, "record of a tile")
            if not length:
                continue
            box = tuple(slice(k * n, (k + 1) * n) for k, n in zip(place, sides, strict=True))
            block = self.object(f"data/{high:016x}{low:016x}")[offset : offset + length]
            check(len(block) == length, "an object that is cut short")
            chunk = Chunk(block, checksum)
            check(chunk.kind in (FIXED, RAGGED) and chunk.n == 1, "kind of a tile")
            check(chunk.dtype == directory.dtype and not chunk.null[0], "dtype of a tile")
            check(chunk.shapes[0] == sample[box].shape, "shape of a tile")
            tile = chunk.sample(0, None)
            if isinstance(tile, File):
                tile = np.asarray(Image.open(io.BytesIO(tile.data))).reshape(chunk.shapes[0])
            sample[box] = tile
        return sample

    def segments(self, meta: dict[str, Any]) -> list[list[Any]]:
        """References to segments, those in index blocks included (section 5.3)."""
        found = []
        for reference in meta["segments"]:
            if len(reference) == 8 or reference[8] == 2:
                found.append(reference)
                continue
            oid, offset, length, n, rows, checksum, _, _, level = reference
            check(level == 1, "level of a segment")
            block = self.object(f"data/{oid}")[offset : offset + length]
            members = segment(block, int(checksum, 16), level=1)
            check(len(members) == n and sum(m.count for m in members) == rows, "an index")
            for m in members:
                place = [m.object, m.offset, m.length]
                found.append([*place, m.counter, m.count, f"{m.checksum:016x}", m.low, m.high])
        return found

    def chunk(self, piece: Piece) -> Chunk:
        key = (piece.object, piece.offset, piece.length, piece.checksum)
        if key not in self.chunks:
            data = self.object(f"data/{piece.object}")
            block = data[piece.offset : piece.offset + piece.length]
            check(len(block) == piece.length, "an object that is cut short")
            check(piece.offset % 64 == 0, "alignment")
            self.chunks[key] = Chunk(block, piece.checksum)
        return self.chunks[key]


def main(directory: str, address: str = "main") -> None:
    version = Dataset(directory).version(address)
    print(f"{address}: {version.commit['id']}")
    for message in version.messages:
        print(f"  {message!r}")
    for name, tensor in version.tensors.items():
        meta = tensor.meta
        print(f"{name}: {meta['length']} x {meta['dtype']} ({meta['htype']}), "
              f"{len(tensor.pieces)} pieces")  # fmt: skip


if __name__ == "__main__":
    main(*sys.argv[1:])
