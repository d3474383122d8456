"""JSON objects under a checksum: the marker, refs and commits (spec, section 2).

One line of ASCII, then the JSON, so that ``cat`` shows everything::

    deeplake ref 1 412 8d1f0a3c5e9b7f42
    {"branch":"main","head":"…"}
"""

from __future__ import annotations

import json
from typing import Any

from deeplake.errors import ChecksumError, FormatError, UnsupportedFormatError
from deeplake.format.checksum import digest
from deeplake.types import Buffer

MAX_LINE = 128
MAX_JSON = 1 << 30


def wrap(kind: str, value: dict[str, Any]) -> bytes:
    """The object's bytes."""
    body = json.dumps(
        value, ensure_ascii=False, allow_nan=False, separators=(",", ":"), sort_keys=True
    ).encode()
    return b"deeplake %s 1 %d %016x\n" % (kind.encode(), len(body), digest(body)) + body


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
    if len(words) != 5 or words[0] != b"deeplake":
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
    except ValueError as error:
        raise FormatError(f"{name}: its first line is damaged: {data[:end]!r}") from error
    if data[: end + 1] != b"deeplake %s 1 %d %016x\n" % (kind.encode(), length, checksum):
        raise FormatError(f"{name}: its first line is damaged: {data[:end]!r}")
    body = data[end + 1 :]
    if length > MAX_JSON or len(body) != length:
        raise FormatError(
            f"{name}: has {len(body)} bytes of JSON where its first line says {length}"
        )
    if digest(body) != checksum:
        raise ChecksumError(f"{name}: its bytes are not those that were written (checksum differs)")
    try:
        value = json.loads(body, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise FormatError(f"{name}: not valid JSON: {error}") from error
    if not isinstance(value, dict):
        raise FormatError(f"{name}: its JSON is a {type(value).__name__}, not an object")
    return value


def _no_constant(token: str) -> Any:
    raise ValueError(f"{token} is no JSON")


__all__ = ["unwrap", "wrap"]
