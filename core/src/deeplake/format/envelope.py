"""JSON objects under a checksum: the marker, refs and commits (spec, section 2).

One line of ASCII, then the JSON, so that ``cat`` shows everything::

    deeplake tag 1 112 8d1f0a3c5e9b7f42
    {"commit":"…","name":"…"}

Refs and commits are written with each change, most of it the same again and again: their JSON is
deflated, with a dictionary of the words that they have in common. ``python -m
deeplake.format.envelope < FILE`` shows them.
"""

from __future__ import annotations

import json
import sys
import zlib
from typing import Any

from deeplake.errors import ChecksumError, FormatError, UnsupportedFormatError
from deeplake.format.checksum import digest
from deeplake.types import Buffer

MAX_LINE = 128
MAX_JSON = 1 << 30
DEFLATED = frozenset({"ref", "commit"})
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
"""Preset dictionary of deflated JSON (spec, section 2): the longest matches are at its end."""


def wrap(kind: str, value: dict[str, Any]) -> bytes:
    """The object's bytes."""
    body = encoded(value)
    if kind in DEFLATED:
        deflate = zlib.compressobj(6, zlib.DEFLATED, -15, 9, zlib.Z_DEFAULT_STRATEGY, DICTIONARY)
        stored = deflate.compress(body) + deflate.flush()
        line = b"deeplake %s 1 %d %016x deflate %d\n"
        return line % (kind.encode(), len(stored), digest(stored), len(body)) + stored
    return b"deeplake %s 1 %d %016x\n" % (kind.encode(), len(body), digest(body)) + body


def encoded(value: dict[str, Any]) -> bytes:
    """The JSON of a value, in its one form."""
    return json.dumps(
        value, ensure_ascii=False, allow_nan=False, separators=(",", ":"), sort_keys=True
    ).encode()


def unwrap(kind: str, data: Buffer, name: str) -> dict[str, Any]:
    """The JSON value inside.

    Args:
        kind: Kind that is expected.
        data: The whole object.
        name: Key of the object, for messages.

    Raises:
        FormatError: Not such an object, or cut short.
        ChecksumError: The JSON is not what was written.
        UnsupportedFormatError: Written by a later major version of the format.
    """
    data = bytes(data)
    end = data.find(b"\n", 0, MAX_LINE)
    words = data[:end].split(b" ") if end >= 0 else []
    deflated = len(words) == 7 and words[5] == b"deflate"
    if (len(words) != 5 and not deflated) or words[0] != b"deeplake":
        raise FormatError(f"{name}: not a deeplake object (it starts with {data[:16]!r})")
    if words[2] != b"1":
        raise UnsupportedFormatError(
            f"{name}: written in envelope version {words[2].decode('ascii', 'replace')}, this "
            "version of deeplake reads 1; upgrade deeplake-core"
        )
    if words[1] != kind.encode():
        raise FormatError(
            f"{name}: holds a {words[1].decode('ascii', 'replace')} where a {kind} belongs"
        )
    try:
        length, checksum = int(words[3]), int(words[4], 16)
        size = int(words[6]) if deflated else length
    except ValueError as error:
        raise FormatError(f"{name}: its first line is damaged: {data[:end]!r}") from error
    line = b"deeplake %s 1 %d %016x" % (kind.encode(), length, checksum)
    if data[:end] != (line + b" deflate %d" % size if deflated else line):
        raise FormatError(f"{name}: its first line is damaged: {data[:end]!r}")
    body = data[end + 1 :]
    if not 0 <= size <= MAX_JSON or length > MAX_JSON or len(body) != length:
        raise FormatError(
            f"{name}: has {len(body)} bytes after its first line, which says {length}"
        )
    if digest(body) != checksum:
        raise ChecksumError(f"{name}: its bytes are not those that were written (checksum differs)")
    if deflated:
        body = _inflated(body, size, name)
    try:
        value = json.loads(body, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise FormatError(f"{name}: not valid JSON: {error}") from error
    if not isinstance(value, dict):
        raise FormatError(f"{name}: its JSON is a {type(value).__name__}, not an object")
    return value


def _inflated(body: bytes, size: int, name: str) -> bytes:
    """The JSON of a deflated object: at most as many bytes as its first line says."""
    inflate = zlib.decompressobj(-15, DICTIONARY)
    try:
        found = inflate.decompress(body, size + 1)
    except zlib.error as error:
        raise FormatError(f"{name}: cannot be inflated: {error}") from error
    if len(found) != size or not inflate.eof or inflate.unused_data:
        raise FormatError(f"{name}: is not one stream of {size} bytes")
    return found


def _no_constant(token: str) -> Any:
    raise ValueError(f"{token} is no JSON")


def _show(data: bytes) -> None:
    """Print an object for people."""
    kind = data.split(b" ", 2)[1:2]
    value = unwrap(kind[0].decode("ascii", "replace") if kind else "", data, "the input")
    print(json.dumps(value, indent=1, ensure_ascii=False))


__all__ = ["DEFLATED", "DICTIONARY", "encoded", "unwrap", "wrap"]

if __name__ == "__main__":
    _show(sys.stdin.buffer.read())
