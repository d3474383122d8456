"""Tests of what a codec reads."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import partial

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deeplake.errors import CorruptedSampleError
from deeplake.spi import SampleCodec
from deeplake.testing.codec.base import (
    THREADS,
    examples,
    poison,
    same,
    together,
)
from deeplake.testing.codec.suite import SampleSuite
from deeplake.testing.measure import share_of_gil
from deeplake.types import Buffer

_FOREIGN: Mapping[str, bytes] = {
    "nothing": b"",
    "one byte": b"\xff",
    "zeros": bytes(600),
    "text": b"The quick brown fox jumps over the lazy dog.\n" * 12,
    "json": b'{"images": [], "annotations": []}',
    "html": b"<!DOCTYPE html><html><body>404 Not Found</body></html>",
    "zip": b"PK\x03\x04\x14\x00\x00\x00\x08\x00" + bytes(40),
    "elf": b"\x7fELF\x02\x01\x01\x00" + bytes(56),
    "pdf": b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n",
}


class ReadingTests(SampleSuite):
    """Headers, decoding, threads."""

    def test_is_a_sample_codec(self) -> None:
        assert issubclass(self.codec, SampleCodec)
        assert self.codec.media != "bytes"
        assert isinstance(self.codec.writable, bool)
        assert isinstance(self.codec.crops, bool)
        assert self.codec.extensions
        for extension in self.codec.extensions:
            assert extension == extension.lower().lstrip(".")

    def test_probe_says_what_decode_returns(self) -> None:
        codec = self.codec()
        for name, data in self._encoded().items():
            header = codec.probe(data)
            array = codec.decode(data)
            assert array.shape == header.shape, name
            assert array.dtype.name == np.dtype(header.dtype).name, name
            assert array.dtype.isnative, f"{name}: not in this machine's byte order"
            assert array.flags.c_contiguous, name
            assert array.flags.writeable, f"{name}: the caller owns the array"
            assert json.loads(json.dumps(dict(header.meta))) == dict(header.meta), name

    def test_sniffs_its_own_files(self) -> None:
        codec = self.codec()
        for name, data in self._encoded().items():
            assert codec.sniff(data[:512]) is True, name
            assert codec.sniff(memoryview(data)[:512]) is True, name

    @pytest.mark.parametrize("name", _FOREIGN)
    def test_foreign_files_are_refused(self, name: str) -> None:
        codec = self.codec()
        assert codec.sniff(_FOREIGN[name][:512]) is False
        for read in (codec.probe, codec.decode):
            with pytest.raises(CorruptedSampleError) as caught:
                read(_FOREIGN[name])
            assert str(caught.value), "say what is wrong"

    @examples
    @given(head=st.binary(max_size=512))
    def test_sniff_answers_anything(self, head: bytes) -> None:
        assert isinstance(self.codec().sniff(head), bool)

    def test_decodes_into_an_array(self) -> None:
        codec = self.codec()
        for name, data in self._encoded().items():
            expected = codec.decode(data)
            guarded = np.full((3, *expected.shape), poison(expected.dtype))
            out = guarded[1]
            result = codec.decode(data, out=out)
            assert result is out, f"{name}: decode must return the array it was given"
            assert same(out, expected), f"{name}: the array does not hold the sample"
            blank = np.full_like(expected, poison(expected.dtype))
            assert same(guarded[0], blank), f"{name}: written before the array's start"
            assert same(guarded[2], blank), f"{name}: written behind the array's end"

    def test_any_buffer_is_taken(self) -> None:
        codec = self.codec()
        for data in self._encoded().values():
            expected = codec.decode(data)
            views: list[Buffer] = [bytearray(data), memoryview(data), memoryview(bytearray(data))]
            for view in [*views, memoryview(b"x" + data + b"y")[1:-1]]:
                assert codec.probe(view).shape == expected.shape
                assert same(codec.decode(view), expected)
                assert bytes(view) == data, "decode changed its input"

    def test_result_does_not_change_with_the_input(self) -> None:
        codec = self.codec()
        for data in self._encoded().values():
            mutable = bytearray(data)
            array = codec.decode(mutable)
            before = array.copy()
            mutable[:] = bytes(len(mutable))
            assert same(array, before), "the array shares memory with the file's bytes"
            again = codec.decode(data)
            assert same(again, before)
            assert not np.shares_memory(again, array), "decode keeps arrays that it returned"

    def test_threads_share_one_codec(self) -> None:
        codec = self.codec()
        files = list(self._encoded().values())
        if self.codec.writable:
            soft = self.soft_sample()
            files += [codec.encode(np.ascontiguousarray(soft[: 90 - i])) for i in range(THREADS)]
        expected = [codec.decode(data) for data in files]

        def job(first: int) -> bool:
            # Each thread meets the files in another order, so different files are in the works.
            order = [(first + i) % len(files) for i in range(max(24, len(files)))]
            return all(same(codec.decode(files[i]), expected[i]) for i in order)

        assert all(together([partial(job, i) for i in range(THREADS)])), "not thread-safe"
        if self.codec.writable:
            arrays = [np.ascontiguousarray(soft[: 90 - i]) for i in range(THREADS)]
            again = together([partial(codec.encode, array) for array in arrays])
            assert again == files[-THREADS:], "encode is not thread-safe"

    def test_gil_is_released(self) -> None:
        data = self.large_file() if self.gil else None
        if data is None:
            return
        codec = self.codec()
        out = codec.decode(data)
        assert share_of_gil(lambda: codec.decode(data, out=out), enough=0.5) < 0.5


__all__ = ["ReadingTests"]
