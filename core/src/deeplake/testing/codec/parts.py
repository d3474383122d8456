"""Tests of items of one axis that are decoded alone."""

from __future__ import annotations

import io
from contextlib import suppress
from functools import partial
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deeplake.errors import CorruptedSampleError
from deeplake.testing.codec.base import (
    THREADS,
    examples,
    rotted,
    same,
    spread,
    together,
)
from deeplake.testing.codec.suite import SampleSuite
from deeplake.types import SampleHeader


class PartTests(SampleSuite):
    """For codecs with ``parts``."""

    def test_parts_are_refused_where_there_are_none(self) -> None:
        if self.codec.parts:
            return
        codec, data = self.codec(), self._smallest()
        with pytest.raises(NotImplementedError):
            codec.decode_part(io.BytesIO(data), slice(0, 1), header=codec.probe(data))

    @examples
    @given(data=st.data())
    def test_parts_are_items_of_the_whole(self, data: st.DataObject) -> None:
        codec = self.codec()
        if not codec.parts:
            return
        name = data.draw(st.sampled_from(sorted(self._encoded())))
        encoded = self._encoded()[name]
        whole, header = self._whole(name)
        length = whole.shape[codec.axis]
        part = data.draw(st.one_of(st.slices(length), _any_slices(length)))
        bare = SampleHeader(header.shape, header.dtype)
        result = codec.decode_part(io.BytesIO(encoded), part, header=bare)
        assert same(result, self._taken(whole, part)), f"{name}: {part}"
        assert result.flags.writeable, f"{name}: the caller owns the array"

    @examples
    @given(data=st.data())
    def test_items_anywhere_are_items_of_the_whole(self, data: st.DataObject) -> None:
        codec = self.codec()
        if not codec.scattered:
            return
        name = data.draw(st.sampled_from(sorted(self._encoded())))
        whole, header = self._whole(name)
        numbers = st.integers(0, whole.shape[codec.axis] - 1)
        items = sorted(data.draw(st.sets(numbers, min_size=1, max_size=9)))
        bare = SampleHeader(header.shape, header.dtype)
        result = codec.decode_some(io.BytesIO(self._encoded()[name]), items, header=bare)
        assert same(result, whole.take(items, codec.axis)), f"{name}: {items}"
        assert result.flags.writeable, f"{name}: the caller owns the array"

    def test_a_part_reads_little_of_the_file(self) -> None:
        codec = self.codec()
        if not codec.parts:
            return
        data = self.long_file()
        header = codec.probe(data)
        whole = codec.decode(data)
        length = whole.shape[codec.axis]
        for place in (0, length // 2, length - 1):
            file = CountingFile(data)
            part = codec.decode_part(file, slice(place, place + 1), header=header)
            assert same(part, self._taken(whole, slice(place, place + 1)))
            assert file.read_bytes <= self.part_share * len(data), (
                f"item {place} of {length}: {file.read_bytes} of {len(data)} bytes were read"
            )

    def test_parts_of_damaged_files(self) -> None:
        """Refused, or right: whether all is there need not be known to read a part of it."""
        codec = self.codec()
        if not codec.parts:
            return
        for name, encoded in sorted(self._encoded().items(), key=lambda item: len(item[1]))[:3]:
            whole, header = self._whole(name)
            for length in spread(len(encoded), 200):
                with suppress(CorruptedSampleError):
                    part = codec.decode_part(
                        io.BytesIO(encoded[:length]), slice(0, 2), header=header
                    )
                    assert same(part, self._taken(whole, slice(0, 2))), f"{name}[:{length}]"
            for position in spread(len(encoded), 200):
                with suppress(CorruptedSampleError):
                    part = codec.decode_part(
                        io.BytesIO(rotted(encoded, position, 4)), slice(0, 2), header=header
                    )
                    wanted = self._taken(whole, slice(0, 2))
                    assert (part.shape, part.dtype) == (wanted.shape, wanted.dtype), name

    def test_threads_decode_parts(self) -> None:
        codec = self.codec()
        if not codec.parts:
            return
        names = sorted(self._encoded())

        def job(first: int) -> bool:
            for i in range(len(names)):
                name = names[(first + i) % len(names)]
                whole, header = self._whole(name)
                file = io.BytesIO(self._encoded()[name])
                part = slice(first % max(1, whole.shape[codec.axis]), None)
                result = codec.decode_part(file, part, header=header)
                if not same(result, self._taken(whole, part)):
                    return False
            return True

        for name in names:
            self._whole(name)
        assert all(together([partial(job, i) for i in range(THREADS)])), "not thread-safe"

    def _taken(self, whole: np.ndarray, part: slice) -> np.ndarray:
        """Those items of a decoded file."""
        axis = self.codec.axis % whole.ndim
        return np.ascontiguousarray(whole[(slice(None),) * axis + (part,)])

    def _whole(self, name: str) -> tuple[np.ndarray, SampleHeader]:
        """A file of the suite decoded, and its header; decoded once for all tests."""
        cls = type(self)
        if "_decoded" not in cls.__dict__:
            cls._decoded = {}
        if name not in cls._decoded:
            data, codec = self._encoded()[name], self.codec()
            cls._decoded[name] = (codec.decode(data), codec.probe(data))
        return cls._decoded[name]


class CountingFile(io.BytesIO):
    """A file in memory that counts the bytes that are read of it.

    Attributes:
        read_bytes: Sum of the lengths of all reads.
    """

    def __init__(self, data: bytes) -> None:
        super().__init__(data)
        self.read_bytes = 0

    def read(self, size: int | None = -1, /) -> bytes:
        data = super().read(size)
        self.read_bytes += len(data)
        return data

    def readinto(self, buffer: Any, /) -> int:
        count = super().readinto(buffer)
        self.read_bytes += count
        return count


def _any_slices(length: int) -> st.SearchStrategy[slice]:
    """Slices as people write them: from the end, beyond it, backwards."""
    place = st.one_of(st.none(), st.integers(-length - 3, length + 3))
    step = st.one_of(st.none(), st.integers(-3, 3).filter(bool))
    return st.builds(slice, place, place, step)


__all__ = ["CountingFile", "PartTests"]
