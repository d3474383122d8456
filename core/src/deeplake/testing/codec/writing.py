"""Tests of what a codec encodes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deeplake.errors import SampleCompressionError
from deeplake.testing import strategies
from deeplake.testing.codec.base import (
    examples,
    same,
)
from deeplake.testing.codec.suite import SampleSuite

_DTYPES = (*strategies.DTYPES, "datetime64[s]", "timedelta64[ns]", "S3", "U3", "O", "V4")
_SHAPES: tuple[tuple[int, ...], ...] = (
    *((), (1,), (7,), (5, 4), (5, 4, 1), (5, 4, 2), (5, 4, 3), (5, 4, 4), (5, 4, 5)),
    *((1, 1), (1, 1, 3), (1, 9), (9, 1), (2, 5, 4, 3), (300, 2), (2, 300, 3)),
)
_EMPTY_SHAPES: tuple[tuple[int, ...], ...] = ((0,), (0, 0), (0, 4), (4, 0), (4, 0, 3), (4, 4, 0))


class WritingTests(SampleSuite):
    """Arrays come back as they were, near, or are refused."""

    @examples
    @given(data=st.data())
    def test_round_trip(self, data: st.DataObject) -> None:
        if not self.codec.writable:
            return
        codec = self.codec()
        array = data.draw(self.samples())
        before = array.copy()
        packed = codec.encode(array)
        assert isinstance(packed, bytes)
        assert same(array, before), "encode changed its argument"
        header = codec.probe(packed)
        copy = codec.decode(packed)
        assert copy.shape == header.shape
        assert copy.dtype.name == np.dtype(header.dtype).name
        self._assert_copy(array, copy)
        assert codec.sniff(packed[:512])

    @pytest.mark.parametrize("shape", _SHAPES + _EMPTY_SHAPES, ids=str)
    def test_every_dtype_is_kept_or_refused(self, shape: tuple[int, ...]) -> None:
        codec = self.codec()
        unit = np.random.default_rng(3).random(shape)
        refusals = []
        for name in _DTYPES:
            if np.dtype(name).kind in "buif":
                array = strategies.quantised(unit, name).reshape(shape)
            else:
                array = np.zeros(shape, name)
            try:
                packed = codec.encode(array)
            except SampleCompressionError as error:
                refusals.append(str(error))
                continue
            assert self.codec.writable, "a codec that is not writable must refuse to encode"
            self._assert_copy(array, codec.decode(packed))
        assert all(refusals), "say what the format can hold"

    def test_layout_in_memory_does_not_matter(self) -> None:
        if not self.codec.writable:
            return
        codec = self.codec()
        array = self.soft_sample()
        expected = codec.encode(array)
        frozen = array.copy()
        frozen.flags.writeable = False
        larger = np.zeros((2 * array.shape[0], *array.shape[1:]), array.dtype)
        larger[::2] = array
        same = {
            "read-only": frozen,
            "Fortran order": np.asfortranarray(array),
            "every other row": larger[::2],
            "negative strides": np.flip(np.ascontiguousarray(np.flip(array))),
            "transposed": np.ascontiguousarray(array.swapaxes(0, 1)).swapaxes(0, 1),
            "big endian": array.astype(array.dtype.newbyteorder(">")),
            "little endian": array.astype(array.dtype.newbyteorder("<")),
        }
        for name, variant in same.items():
            assert codec.encode(variant) == expected, f"{name}: encoded differently"

    def test_lossy_copies_are_near(self) -> None:
        if not self.codec.writable:
            return
        codec = self.codec()
        array = self.soft_sample()
        copy = codec.decode(codec.encode(array))
        self._assert_copy(array, copy)
        span = float(np.iinfo(array.dtype).max) if array.dtype.kind in "ui" else 1.0
        difference = np.abs(copy.reshape(array.shape).astype(float) - array.astype(float)).mean()
        assert difference <= self.tolerance * span


__all__ = ["WritingTests"]
