"""Where samples were read from: paths in headers of chunks, and headers that lie about them."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deeplake.errors import ChecksumError, DeepLakeError
from deeplake.format import column, origins
from deeplake.format.builder import ChunkBuilder, Run
from deeplake.format.chunk import ChunkHeader

PATHS = st.lists(
    st.just("")
    | st.text(max_size=12)
    | st.binary(max_size=12).map(os.fsdecode)
    | st.text(max_size=5).map("/data/träning/photos/".__add__),
    max_size=20,
)


def built(paths: list[str], **options: Any) -> bytes:
    builder = ChunkBuilder("|u1", 1 << 20, sample_codec="jpeg", **options)
    for i, path in enumerate(paths):
        builder.add(Run(bytes([i]), 1, (i, 1, 3), 1, origin=path), (1, i, 1, 0))
    block, _ = builder.build(3)
    return b"".join(map(bytes, block.buffers))


@given(PATHS)
def test_paths_come_back(paths: list[str]) -> None:
    data = origins.encode(paths)
    reader = column.HeaderReader(memoryview(data), 0, "x")
    found = origins.Origins.parse(reader, len(paths))
    kept = [path if origins.encoded(path) else "" for path in paths]
    assert [found[i] for i in range(len(paths))] == kept
    assert reader.offset == len(data)


@given(PATHS.filter(any))
def test_chunks_have_them(paths: list[str]) -> None:
    header = ChunkHeader(built(paths), "x")
    assert [header.origin(i) for i in range(len(paths))] == [
        path if origins.encoded(path) else "" for path in paths
    ]
    assert [header.sample_shape(i) for i in range(len(paths))] == [
        (i, 1, 3) for i in range(len(paths))
    ]


def test_chunks_without_any_are_as_they_were() -> None:
    header = ChunkHeader(built(["", ""]), "x")
    assert header.origin(1) == ""
    assert len(built(["", ""])) < len(built(["/a" * 40, ""]))


def test_what_all_begin_with_is_stored_once() -> None:
    paths = [f"/home/somebody/datasets/photographs/{i:05}.jpg" for i in range(1000)]
    assert len(origins.encode(paths)) < 12 * len(paths)


@pytest.mark.parametrize("path", ["x" * (origins.MAX_LENGTH + 1), "\ud800", "ü" * 20_000])
def test_what_is_no_path_is_left_out(path: str) -> None:
    header = ChunkHeader(built([path, "/a"]), "x")
    assert [header.origin(0), header.origin(1)] == ["", "/a"]


@given(st.data())
def test_headers_that_lie_are_refused(data: st.DataObject) -> None:
    paths = ["/a/b", "", "/a/cd"]
    raw = bytearray(origins.encode(paths))
    at = data.draw(st.integers(0, len(raw) - 1))
    raw[at] = data.draw(st.integers(0, 255))
    cut = raw[: data.draw(st.integers(0, len(raw)))]
    try:
        found = origins.Origins.parse(column.HeaderReader(memoryview(bytes(cut)), 0, "x"), 3)
    except DeepLakeError:
        return
    assert all(isinstance(found[i], str) for i in range(3))


def test_huge_sizes_are_refused_before_there_is_memory_for_them() -> None:
    for sizes in (column.constant(1 << 63, 4), column.encode(np.array([1, 1 << 40], np.uint64))):
        data = memoryview(b"\0\0" + sizes)
        with pytest.raises(DeepLakeError, match="a path of"):
            origins.Origins.parse(column.HeaderReader(data, 0, "x"), 2)


def test_a_changed_path_is_noticed() -> None:
    block = bytearray(built(["/photos/one.jpg"]))
    at = block.index(b"one.jpg")
    block[at] ^= 1
    with pytest.raises(ChecksumError):
        ChunkHeader(bytes(block), "x")


__all__: list[str] = []
