"""Texts that contain a text, found in the bytes of all of them: as Python finds it in each."""

from __future__ import annotations

import random
from collections.abc import Sequence

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deeplake_query_tql import search
from deeplake_query_tql.search import found_in

LETTERS = "ab☃é\U0001f600\0 "


def _same(texts: Sequence[str | None], wanted: str, offset: int = 0) -> None:
    array = pa.array(texts, pa.large_utf8())[offset:]
    expected = [text is not None and wanted in text for text in texts[offset:]]
    assert found_in(array, wanted).tolist() == expected


@settings(max_examples=500, deadline=None)
@given(
    st.lists(st.none() | st.text(LETTERS, max_size=12), max_size=40),
    st.text(LETTERS, min_size=1, max_size=5),
    st.integers(0, 5),
)
def test_as_python_finds_it(texts: list[str | None], wanted: str, offset: int) -> None:
    _same(texts, wanted, min(offset, len(texts)))


@pytest.mark.parametrize("block", [8, 64, 1024])
@pytest.mark.parametrize("length", [1, 2, 3, 5])
def test_blocks_meet_anywhere(monkeypatch: pytest.MonkeyPatch, block: int, length: int) -> None:
    """What is looked for lies across the ends of blocks, is frequent or rare, and ends the last text."""
    monkeypatch.setattr(search, "BLOCK", block)
    monkeypatch.setattr(search, "_kept", type(search._kept)())  # of the other size
    rng = random.Random(7)
    for letters in ("ab", "abcdefghijklmnopqrstuvwxyz"):
        texts = ["".join(rng.choices(letters, k=rng.randrange(90))) for _ in range(300)]
        texts[-1] += "b" * length
        for wanted in ("b" * length, "".join(rng.choices(letters, k=length)), "#" * length):
            _same(texts, wanted)
            _same(texts, wanted, 7)


def test_texts_of_one_length() -> None:
    """Some bytes are looked at to learn which are rare: never the same place of each text."""
    texts = [f"{number:07d} kobi {number % 7}" for number in range(100_000)]
    _same(texts, "kobi 3")
    _same(texts, "0000123")


def test_surrogates_and_texts_that_hold_nothing() -> None:
    _same(["", "", None, ""], "a")
    _same([None, None], "a")
    assert found_in(pa.array(["a", "", None], pa.large_utf8()), "").tolist() == [True, True, False]
    assert found_in(pa.array(["a"], pa.large_utf8()), "\ud800").tolist() == [False]
    assert found_in(pa.array([], pa.large_utf8()), "a").tolist() == []
    assert found_in(pa.array(["xay", None, "b"], pa.utf8()), "a").tolist() == [True, False, False]
