"""Damages bytes and JSON the way a clumsy or malicious writer would, and repairs the checksums."""

from __future__ import annotations

import copy
import json
import random
import struct
import zlib
from typing import Any

import numpy as np
import xxhash

NUMBERS = (
    *(0, 1, 2, 7, 8, 63, 64, 65, 95, 96, 127, 128, 255, 256, 4095, 4096, 4097, 65535, 65536),
    *(2**24 - 1, 2**24, 2**24 + 1, 2**26, 2**31 - 1, 2**31, 2**32 - 1, 2**38, 2**38 + 1, 2**40),
    *(2**48, 2**53, 2**62, 2**63 - 1, 2**63, 2**64 - 64, 2**64 - 1),
)
"""Where arithmetic tends to go wrong."""


def scramble(rng: random.Random, data: bytes) -> bytes:
    """Other bytes: flipped, overwritten, removed, doubled, cut."""
    out = bytearray(data)
    for _ in range(rng.choice((1, 1, 1, 2, 3, 8))):
        if not out:
            return bytes(out)
        at = rng.randrange(len(out))
        how = rng.randrange(8)
        if how <= 1:
            out[at] ^= 1 << rng.randrange(8)
        elif how == 2:
            out[at] = rng.choice((0, 1, 2, 4, 8, 0x7F, 0x80, 0xFF, rng.randrange(256)))
        elif how <= 5:
            number = rng.choice(NUMBERS)
            width = rng.choice((1, 2, 4, 8))
            at -= at % width if rng.random() < 0.7 else 0
            out[at : at + width] = (number % 256**width).to_bytes(width, "little")
        elif how == 6:
            del out[at : at + rng.choice((1, 2, 8, 64, len(out)))]
        else:
            part = out[at : at + rng.choice((1, 8, 64, 200))]
            out[at:at] = part
    return bytes(out)


# -------------------------------------------------------------------------------- chunk blocks
SEQUENCE = 2
TILE = 3
"""Kinds of chunks: lists of items, the directory of a sample in tiles."""
CHUNK = struct.Struct("<4s BBBB I I Q Q I H 2s 8s 16s 16s 8s Q")
DTYPES = (b"<i4", b"|u1", b"<f8", b"str", b"json", b"O", b"<M8", b"<U4", b"|V9", b"\xff\xff", b"")
CODECS = (b"", b"raw", b"zlib", b"lz4", b"zstd", b"png", b"jpeg", b"nothing", b"\xff")


def chunk(rng: random.Random, block: bytes) -> bytes:
    """A chunk block that is not as it was, with checksums that fit."""
    fields = list(CHUNK.unpack_from(block))
    header = fields[6]
    arrays, payload = block[96:header], block[header:]
    how = rng.randrange(6)
    if how == 0:
        payload = tiles(rng, payload) if fields[2] == TILE else scramble(rng, payload)
        if rng.random() < 0.7:
            fields[8] = len(payload)
    elif how <= 2:
        arrays = scramble(rng, arrays)
    if how >= 2 or rng.random() < 0.3:
        for _ in range(rng.choice((1, 1, 2, 3))):
            which = rng.choice((1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 13, 14))
            if which == 12:
                fields[which] = rng.choice(DTYPES)
            elif which > 12:
                fields[which] = rng.choice(CODECS)
            elif which == 2 or (which == 4 and rng.random() < 0.5):
                fields[which] = rng.randrange(16 if which == 4 else 6)
            else:
                bits = {5: 32, 6: 32, 7: 64, 8: 64, 9: 32, 10: 16}.get(which, 8)
                value = rng.choice((rng.choice(NUMBERS), fields[which] + rng.randint(-2, 2)))
                fields[which] = value % 2**bits
    if rng.random() < 0.8:
        # The length of the header fits again; the arrays in it are longer or shorter than they say.
        arrays += bytes(-len(arrays) % 64 + 32 if (96 + len(arrays)) % 64 else 0)
        arrays = arrays[: len(arrays) - (96 + len(arrays)) % 64]
        fields[6] = 96 + len(arrays)
    return repaired_chunk(CHUNK.pack(*fields) + arrays + payload)


def tiles(rng: random.Random, payload: bytes) -> bytes:
    """A directory of tiles with other numbers in it."""
    words = np.frombuffer(payload, "<u8").tolist()
    for _ in range(rng.choice((1, 1, 2))):
        at = rng.choice((rng.randrange(len(words)), rng.randrange(min(len(words), 12))))
        other = words[rng.randrange(len(words))]
        words[at] = (
            rng.choice((rng.choice(NUMBERS), words[at] + rng.choice((-1, 1)), other)) % 2**64
        )
    return np.array(words, "<u8").tobytes()[: rng.choice((len(payload), len(payload), -8))]


def repaired_chunk(block: bytes) -> bytes:
    """The block with the checksums that a reader expects, as far as they can be found."""
    if len(block) < 96:
        return block
    out = bytearray(block)
    header = CHUNK.unpack_from(block)[6]
    if 96 <= header <= len(block):
        at, sizes = _frames(block)
        payload = block[header:]
        for size in sizes:
            if at + 8 > header:
                break
            checksum = xxhash.xxh3_64_intdigest(payload[:size])
            out[at : at + 8] = checksum.to_bytes(8, "little")
            at, payload = at + 8, payload[size:]
    if header <= len(out):
        own = xxhash.xxh3_64_intdigest(bytes(out[:88]) + bytes(out[96:header]))
        out[88:96] = own.to_bytes(8, "little")
    return bytes(out)


def _frames(block: bytes) -> tuple[int, list[int]]:
    """Where the checksums of the frames begin, and the stored bytes of each (of the first few)."""
    fields = CHUNK.unpack_from(block)
    flags, n, header, raw, frame, ndim = (fields[k] for k in (4, 5, 6, 7, 9, 10))
    cursor = Cursor(block[:header])
    try:
        rows = n
        if fields[2] == SEQUENCE:
            n = sum(cursor.column(rows))
        for _ in range(ndim):
            cursor.column(n)
        sizes = cursor.column(n)
        if flags & 2:
            cursor.column(n)
        if flags & 1:
            cursor.skip(-(-n // 8))
        if flags & 4 and fields[2] == SEQUENCE:
            cursor.skip(-(-rows // 8))
        frames = -(-raw // frame) if frame else n
        if fields[14].strip(b"\0"):
            return cursor.at, cursor.column(frames)
        if frame:
            sizes = [min(frame, raw - k * frame) for k in range(min(frames, 4096))]
        return cursor.at, sizes
    except EOFError:
        return header, []


class Cursor:
    """Walks over the columns of a header; knows no more than the first few thousand values."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 96

    def skip(self, size: int) -> bytes:
        part = self.data[self.at : self.at + size]
        if len(part) < size:
            raise EOFError
        self.at += size
        return part

    def column(self, n: int) -> list[int]:
        width = self.skip(1)[0]
        if width == 0:
            return [int.from_bytes(self.skip(8), "little")] * min(n, 4096)
        if width not in (1, 2, 4, 8):
            raise EOFError
        return [int(x) for x in np.frombuffer(self.skip(n * width), f"<u{width}")]


# ------------------------------------------------------------------------------ segment blocks
SEGMENT = struct.Struct("<4s BBBB I I I H B B Q Q Q Q I I")


def segment(rng: random.Random, block: bytes) -> bytes:
    """A segment block that is not as it was, with a checksum that fits."""
    fields = list(SEGMENT.unpack_from(block))
    body = block[64:]
    how = rng.randrange(5)
    if how <= 2:
        packed = bool(fields[4] & 1)
        body = scramble(rng, zlib.decompress(body) if packed else body)
        if rng.random() < 0.8:
            fields[11] = len(body)
        fields[4] = rng.randrange(2)
        body = zlib.compress(body) if fields[4] else body
        if rng.random() < 0.9:
            fields[12] = len(body)
    if how == 3:
        body = scramble(rng, body)  # of a stream, mostly
        fields[12] = len(body)
    if how in (2, 4):
        which = rng.choice((1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 15, 16))
        bits = {5: 32, 6: 32, 7: 32, 8: 16, 11: 64, 12: 64, 13: 64, 15: 32, 16: 32}.get(which, 8)
        value = rng.choice((rng.choice(NUMBERS), fields[which] + rng.randint(-2, 2)))
        fields[which] = value % 2**bits
    start = SEGMENT.pack(*fields)
    own = xxhash.xxh3_64_intdigest(start[:48] + start[56:] + body)
    return start[:48] + own.to_bytes(8, "little") + start[56:] + body


# ------------------------------------------------------------------------------- JSON objects
STRANGE: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 1, 2**31, 2**63, 2**64, 2**70, 10**400, 0.5, -1e308, 1e400),
    *(float("nan"), "", "x", "main", "\0", "../../x", "ä" * 300, "0" * 32, "f" * 40, "<i4", "str"),
    *("|O", "<M8[ns]", "1" * 5000, [], {}, [[]], [0] * 9, {"": None}, {"x": {"y": [1]}}),
)


def tree(rng: random.Random, value: Any) -> Any:
    """JSON that is not as it was."""
    out = copy.deepcopy(value)
    for _ in range(rng.choice((1, 1, 1, 2, 4))):
        places = [(None, None), *_places(out)]
        holder, key = rng.choice(places[1:] or places)
        if holder is None:
            return rng.choice(STRANGE)
        how = rng.randrange(6)
        if how == 0:
            del holder[key]
        elif how == 1 and isinstance(holder, list):
            holder.append(copy.deepcopy(holder[key]))
        elif how == 2:
            _, (other, name) = None, rng.choice(places[1:])
            holder[key] = copy.deepcopy(other[name])
        elif how == 3 and type(holder[key]) is int:
            holder[key] += rng.choice((-1, 1, 2**32, -(2**33)))
        elif how == 4 and isinstance(holder[key], str) and holder[key]:
            text = holder[key]
            at = rng.randrange(len(text))
            holder[key] = text[:at] + rng.choice(("", "0", "g", "_", " ", "é")) + text[at + 1 :]
        else:
            holder[key] = copy.deepcopy(rng.choice(STRANGE))
    return out


def _places(value: Any) -> list[tuple[Any, Any]]:
    found: list[tuple[Any, Any]] = []
    queue = [value]
    while queue:
        node = queue.pop()
        keys = (
            node if isinstance(node, dict) else range(len(node)) if isinstance(node, list) else ()
        )
        for key in keys:
            found.append((node, key))
            queue.append(node[key])
    return found


def envelope(kind: str, value: Any) -> bytes:
    """The JSON under a checksum."""
    body = json.dumps(value, separators=(",", ":"), sort_keys=True).encode()
    return b"deeplake %s 1 %d %016x\n" % (
        kind.encode(), len(body), xxhash.xxh3_64_intdigest(body),
    ) + body  # fmt: skip


def json_bytes(rng: random.Random, data: bytes) -> bytes:
    """An enveloped object whose JSON text is damaged, under a checksum that fits."""
    line, _, body = data.partition(b"\n")
    kind = line.split(b" ")[1].decode()
    if rng.random() < 0.2:
        depth = rng.choice((10, 300, 5000, 100_000))
        body = b'{"x":' * depth + b"1" + b"}" * depth
    else:
        body = scramble(rng, body)
    checksum = xxhash.xxh3_64_intdigest(body)
    return b"deeplake %s 1 %d %016x\n" % (kind.encode(), len(body), checksum) + body


__all__ = ["chunk", "envelope", "json_bytes", "repaired_chunk", "scramble", "segment", "tree"]
