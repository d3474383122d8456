"""JSON objects under a checksum: the marker, refs and commits (spec, section 2).

One line of ASCII, then the JSON, so that ``cat`` shows everything::

    deeplake tag 1 112 8d1f0a3c5e9b7f42
    {"commit":"…","name":"…"}

Refs and commits are written with each change, most of it the same again and again: their JSON is
deflated, with a dictionary of the words that they have in common, and perhaps the JSON of an earlier
commit, the *base*. ``python -m deeplake.format.envelope < FILE`` shows them; bases go before what is
built on them (``cat BASE FILE | python -m …``).
"""

from __future__ import annotations

import json
import sys
import zlib
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from deeplake.errors import ChecksumError, FormatError, UnsupportedFormatError
from deeplake.format.checksum import digest
from deeplake.types import Buffer

MAX_LINE = 128
MAX_JSON = 1 << 30
WINDOW = 1 << 15
"""Bytes of a preset dictionary: no match is farther away."""
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


class Base(NamedTuple):
    """A commit whose JSON is in the dictionary of another one.

    Attributes:
        id: Id of the commit.
        body: Its JSON, as it is stored.
    """

    id: str
    body: bytes


Bases = Callable[[str], bytes]
"""Gives the JSON of the commit of an id."""


def wrap(kind: str, value: dict[str, Any]) -> bytes:
    """The object's bytes."""
    body = encoded(value)
    if kind in DEFLATED:
        return deflated(kind, body)
    return b"deeplake %s 1 %d %016x\n" % (kind.encode(), len(body), digest(body)) + body


def deflated(kind: str, body: bytes, base: Base | None = None) -> bytes:
    """The bytes of an object whose JSON is deflated.

    Args:
        kind: Its kind.
        body: Its JSON.
        base: The commit to build on.
    """
    known = b"" if base is None else base.body
    deflate = zlib.compressobj(
        6, zlib.DEFLATED, -15, 9, zlib.Z_DEFAULT_STRATEGY, _dictionary(known)
    )
    stored = deflate.compress(body) + deflate.flush()
    line = b"deeplake %s 1 %d %016x deflate %d" % (
        kind.encode(), len(stored), digest(stored, known), len(body)
    )  # fmt: skip
    return line + (b"\n" if base is None else b" %s\n" % base.id.encode()) + stored


def _dictionary(base: bytes) -> bytes:
    return (DICTIONARY + base)[-WINDOW:]


def encoded(value: dict[str, Any]) -> bytes:
    """The JSON of a value, in its one form."""
    return json.dumps(
        value, ensure_ascii=False, allow_nan=False, separators=(",", ":"), sort_keys=True
    ).encode()


def unwrap(kind: str, data: Buffer, name: str, bases: Bases | None = None) -> dict[str, Any]:
    """The JSON value inside.

    Args:
        kind: Kind that is expected.
        data: The whole object.
        name: Key of the object, for messages.
        bases: Asked for the base, if there is one.

    Raises:
        FormatError: Not such an object, or cut short.
        ChecksumError: The JSON is not what was written.
        UnsupportedFormatError: Written by a later major version of the format.
    """
    return parsed(json_of(kind, data, name, bases), name)


def json_of(kind: str, data: Buffer, name: str, bases: Bases | None = None) -> bytes:
    """The JSON inside, as bytes; arguments and errors are those of ``unwrap``."""
    data = bytes(data)
    end = data.find(b"\n", 0, MAX_LINE)
    words = data[:end].split(b" ") if end >= 0 else []
    deflate = len(words) in (7, 8) and words[5] == b"deflate"
    if (len(words) != 5 and not deflate) or words[0] != b"deeplake":
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
        size = int(words[6]) if deflate else length
        base = words[7].decode("ascii") if len(words) == 8 else ""
    except ValueError as error:
        raise FormatError(f"{name}: its first line is damaged: {data[:end]!r}") from error
    line = b"deeplake %s 1 %d %016x" % (kind.encode(), length, checksum)
    if deflate:
        line += b" deflate %d" % size
    if data[:end] != line + (f" {base}".encode() if base else b"") or (base and kind != "commit"):
        raise FormatError(f"{name}: its first line is damaged: {data[:end]!r}")
    body = data[end + 1 :]
    if not 0 <= size <= MAX_JSON or length > MAX_JSON or len(body) != length:
        raise FormatError(
            f"{name}: has {len(body)} bytes after its first line, which says {length}"
        )
    if base and bases is None:
        raise FormatError(f"{name}: is stored as a change of commit {base}, which is not given")
    known = bases(base) if base and bases is not None else b""
    if digest(body, known) != checksum:
        raise ChecksumError(f"{name}: its bytes are not those that were written (checksum differs)")
    return _inflated(body, size, known, name) if deflate else body


def parsed(body: bytes, name: str) -> dict[str, Any]:
    """The value of a JSON object.

    Raises:
        FormatError: It is none.
    """
    try:
        value = json.loads(body, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise FormatError(f"{name}: not valid JSON: {error}") from error
    if not isinstance(value, dict):
        raise FormatError(f"{name}: its JSON is a {type(value).__name__}, not an object")
    return value


def _inflated(body: bytes, size: int, base: bytes, name: str) -> bytes:
    """The JSON of a deflated object: at most as many bytes as its first line says."""
    inflate = zlib.decompressobj(-15, _dictionary(base))
    try:
        found = inflate.decompress(body, size + 1)
    except zlib.error as error:
        raise FormatError(f"{name}: cannot be inflated: {error}") from error
    if len(found) != size or not inflate.eof or inflate.unused_data:
        raise FormatError(f"{name}: is not one stream of {size} bytes")
    return found


def _no_constant(token: str) -> Any:
    raise ValueError(f"{token} is no JSON")


def _objects(data: bytes) -> Iterator[bytes]:
    """The objects that follow one another."""
    while data:
        line, _, _ = data[:MAX_LINE].partition(b"\n")
        words = line.split(b" ")
        length = int(words[3]) if len(words) > 3 and words[3].isdigit() else len(data)
        end = len(line) + 1 + length
        yield data[:end]
        data = data[end:]


def _show(data: bytes) -> None:
    """Print an object for people, the last one of the input."""
    bodies: dict[str, bytes] = {}

    def base(commit_id: str) -> bytes:
        if commit_id not in bodies:
            raise FormatError(f"the input: commits/{commit_id} has to come first: cat it, too")
        return bodies[commit_id]

    value: dict[str, Any] = {}
    for one in _objects(data) if data else (data,):
        word = one.split(b" ", 2)[1:2]
        kind = word[0].decode("ascii", "replace") if word else ""
        body = json_of(kind, one, "the input", base)
        value = parsed(body, "the input")
        bodies[str(value.get("id"))] = body
    print(json.dumps(value, indent=1, ensure_ascii=False))


__all__ = [
    "DEFLATED", "DICTIONARY", "Base", "Bases", "deflated", "encoded", "json_of", "parsed", "unwrap",
    "wrap",
]  # fmt: skip

if __name__ == "__main__":
    _show(sys.stdin.buffer.read())
