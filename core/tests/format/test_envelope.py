"""JSON objects under a checksum: what is written is read, and nothing else is."""

from __future__ import annotations

import json
import subprocess
import sys
import zlib
from pathlib import Path
from typing import Any

import pytest
import xxhash
from hypothesis import given
from hypothesis import strategies as st

from deeplake.errors import ChecksumError, FormatError, UnsupportedFormatError
from deeplake.format.envelope import DICTIONARY, Base, encoded, unwrap, wrap
from deeplake.format.envelope import deflated as deflate
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
    assert wrap("view", {"ä": "\n🦆", "a": [1, 2.5, None]}) == line(body, "view")
    first, _, stored = wrap("ref", {"ä": "\n🦆", "a": [1, 2.5, None]}).partition(b"\n")
    assert first == line(stored)[: len(first) - 11] + b" deflate %d" % len(body)
    assert zlib.decompressobj(-15, DICTIONARY).decompress(stored) == body
    # Both forms are read.
    assert unwrap("ref", line(body), "x") == unwrap("ref", first + b"\n" + stored, "x")


def test_people_can_read_objects() -> None:
    done = subprocess.run(
        [sys.executable, "-X", "utf8", "-m", "deeplake.format.envelope"],
        input=wrap("ref", {"branch": "main", "ü": 1}), capture_output=True, check=True,
    )  # fmt: skip
    assert json.loads(done.stdout) == {"branch": "main", "ü": 1}


def deflated(body: bytes, size: int, more: bytes = b"") -> bytes:
    """An object whose line says that its JSON has ``size`` bytes."""
    deflate = zlib.compressobj(9, zlib.DEFLATED, -15, 9, 0, DICTIONARY)
    stored = deflate.compress(body) + deflate.flush() + more
    first, _, _ = line(stored).partition(b"\n")
    return first + b" deflate %d\n" % size + stored


@pytest.mark.parametrize("size", [0, 1, 8, 10, -1, -2, 1 << 20, 1 << 31])
def test_deflated_objects_have_the_size_that_they_say(size: int) -> None:
    assert unwrap("ref", deflated(b'{"a":123}', 9), "refs/x") == {"a": 123}
    with pytest.raises(FormatError, match="refs/x"):
        unwrap("ref", deflated(b'{"a":123}', size), "refs/x")


def test_deflated_objects_are_one_stream() -> None:
    with pytest.raises(FormatError, match="not one stream"):
        unwrap("ref", deflated(b"{}", 2, b"more"), "refs/x")
    with pytest.raises(FormatError, match="cannot be inflated"):
        bad = line(b"\xff" * 9).replace(b"\n", b" deflate 2\n", 1)
        unwrap("ref", bad, "refs/x")
    # Not more than it says is inflated, however much there is.
    with pytest.raises(FormatError, match="not one stream"):
        unwrap("ref", deflated(b" " * (1 << 26) + b"{}", 9), "refs/x")


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
        (line(b"{}", length=-2), "has 2 bytes after"),
        (line(b"{}", length=3), "has 2 bytes after"),
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
        unwrap("ref", line(b'{"a":1}').replace(b'"a"', b'"b"'), "refs/x")
    good = wrap("ref", {"a": 1})
    with pytest.raises(ChecksumError):
        unwrap("ref", good[:-1] + bytes([good[-1] ^ 1]), "refs/x")


def test_a_later_version_is_said_to_be_one() -> None:
    with pytest.raises(UnsupportedFormatError, match="upgrade"):
        unwrap("ref", line(b"{}", version="2"), "refs/x")


@given(data=st.binary(max_size=200))
def test_anything_else_is_a_format_error(data: bytes) -> None:
    with pytest.raises(FormatError):
        unwrap("ref", data, "x")


def test_the_dictionary_is_that_of_the_specification() -> None:
    spec = Path(__file__).parents[3] / "docs" / "spec" / "format-v1.md"
    section = spec.read_text(encoding="utf-8").split("## 2 JSON objects")[1].split("## 3 ")[0]
    lines = [line[4:] for line in section.splitlines() if line.startswith("    ")]
    assert (
        "".join(line for line in lines if not line.startswith("deeplake ")) == DICTIONARY.decode()
    )
    assert f"(of {len(DICTIONARY)} bytes" in section


def test_changes_of_a_base() -> None:
    before = encoded({"id": "a" * 40, "words": [f"word {i}" for i in range(50)]})
    value = {"id": "b" * 40, "words": [f"word {i}" for i in range(51)]}
    data = deflate("commit", encoded(value), Base("a" * 40, before))
    assert len(data) < len(wrap("commit", value)) - 50
    assert unwrap("commit", data, "x", {"a" * 40: before}.__getitem__) == value
    with pytest.raises(FormatError, match="a change of commit aaaa.*not given"):
        unwrap("commit", data, "x")
    with pytest.raises(ChecksumError):
        unwrap("commit", data, "x", lambda base: before[:-1] + b" ")
    with pytest.raises(FormatError, match="damaged"):
        unwrap("ref", data.replace(b" commit ", b" ref "), "x", lambda base: before)


def test_a_base_may_be_larger_than_a_dictionary() -> None:
    before = encoded({"id": "a" * 40, "numbers": list(range(20_000))})
    value = {"id": "b" * 40, "numbers": list(range(20_001))}
    data = deflate("commit", encoded(value), Base("a" * 40, before))
    assert unwrap("commit", data, "x", lambda base: before) == value


def test_people_can_read_changes() -> None:
    base = wrap("commit", {"id": "a" * 40, "x": 1})
    data = deflate(
        "commit",
        encoded({"id": "b" * 40, "x": 2}),
        Base("a" * 40, encoded({"id": "a" * 40, "x": 1})),
    )
    command = [sys.executable, "-m", "deeplake.format.envelope"]
    done = subprocess.run(command, input=base + data, capture_output=True, check=True)
    assert json.loads(done.stdout) == {"id": "b" * 40, "x": 2}
    done = subprocess.run(command, input=data, capture_output=True, check=False)
    assert done.returncode
    assert b"has to come first" in done.stderr
