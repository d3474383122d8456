"""JSON objects under a checksum: what is written is read, and nothing else is."""

from __future__ import annotations

from typing import Any

import pytest
import xxhash
from hypothesis import given
from hypothesis import strategies as st

from deeplake.errors import ChecksumError, FormatError, UnsupportedFormatError
from deeplake.format.envelope import unwrap, wrap
from deeplake.testing.strategies import json_values, texts

OBJECTS = st.dictionaries(texts(max_size=8), json_values(), max_size=4)


def line(body: bytes, kind: str = "ref", version: str = "1", length: object = None) -> bytes:
    length = len(body) if length is None else length
    checksum = xxhash.xxh3_64_intdigest(body)
    return f"deeplake {kind} {version} {length} {checksum:016x}\n".encode() + body


@given(value=OBJECTS)
def test_round_trip(value: dict[str, Any]) -> None:
    assert unwrap("commit", wrap("commit", value), "x") == value


def test_the_bytes_are_those_of_the_specification() -> None:
    body = '{"a":[1,2.5,null],"ä":"\\n🦆"}'.encode()
    assert wrap("ref", {"ä": "\n🦆", "a": [1, 2.5, None]}) == line(body)


def test_not_finite_numbers_are_not_written() -> None:
    with pytest.raises(ValueError, match="JSON"):
        wrap("ref", {"a": float("nan")})


@given(value=OBJECTS, data=st.data())
def test_no_byte_can_change(value: dict[str, Any], data: st.DataObject) -> None:
    good = wrap("ref", value)
    at = data.draw(st.integers(0, len(good) - 1))
    mask = data.draw(st.integers(1, 255))
    bad = good[:at] + bytes([good[at] ^ mask]) + good[at + 1 :]
    with pytest.raises(FormatError, match="refs/x"):
        unwrap("ref", bad, "refs/x")


@given(value=OBJECTS, data=st.data())
def test_no_byte_can_be_missing_or_added(value: dict[str, Any], data: st.DataObject) -> None:
    good = wrap("ref", value)
    for bad in (good[: data.draw(st.integers(0, len(good) - 1))], good + b" ", good + good):
        with pytest.raises(FormatError, match="refs/x"):
            unwrap("ref", bad, "refs/x")


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        (b"", "not a deeplake object"),
        (b"\x89PNG\r\n\x1a\n", "not a deeplake object"),
        (b"deeplake ref 1 2 0", "not a deeplake object"),
        (b"x" * 1000 + b"\n{}", "not a deeplake object"),
        (line(b"{}", kind="commit"), "holds a commit where a ref belongs"),
        (line(b"{}", length="02"), "first line is damaged"),
        (line(b"{}", length="+2"), "first line is damaged"),
        (line(b"{}", length="2_0"), "first line is damaged"),
        (line(b"{}", length="x"), "first line is damaged"),
        (line(b"{}", length=-2), "2 bytes of JSON"),
        (line(b"{}", length=3), "2 bytes of JSON"),
        (line(b"[]"), "a list, not an object"),
        (line(b"null"), "a NoneType, not an object"),
        (line(b"{"), "not valid JSON"),
        (line(b'{"a":NaN}'), "not valid JSON"),
        (line(b'{"a":-Infinity}'), "not valid JSON"),
        (line(b'{"a":"\xff"}'), "not valid JSON"),
        (line(b'{"a":' * 100_000 + b"1" + b"}" * 100_000), "not valid JSON"),
        (line(b'{"a":' + b"1" * 5000 + b"}"), "not valid JSON"),
    ],
)
def test_what_is_refused(bad: bytes, words: str) -> None:
    with pytest.raises(FormatError, match=words) as caught:
        unwrap("ref", bad, "refs/x")
    assert "refs/x" in str(caught.value)


def test_a_checksum_that_differs_is_said_to() -> None:
    with pytest.raises(ChecksumError):
        unwrap("ref", wrap("ref", {"a": 1}).replace(b'"a"', b'"b"'), "refs/x")


def test_a_later_version_is_said_to_be_one() -> None:
    with pytest.raises(UnsupportedFormatError, match="upgrade"):
        unwrap("ref", line(b"{}", version="2"), "refs/x")


@given(data=st.binary(max_size=200))
def test_anything_else_is_a_format_error(data: bytes) -> None:
    with pytest.raises(FormatError):
        unwrap("ref", data, "x")
