"""Tests of crops and smaller sizes."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from deeplake.testing.codec.base import (
    examples,
    same,
)
from deeplake.testing.codec.suite import SampleSuite


class CropTests(SampleSuite):
    """For codecs with ``crops``."""

    @examples
    @given(data=st.data())
    def test_crops_are_parts_of_the_whole(self, data: st.DataObject) -> None:
        codec = self.codec()
        if not codec.crops:
            return
        for encoded in self._encoded().values():
            whole = codec.decode(encoded)
            height, width = whole.shape[:2]
            top = data.draw(st.integers(0, height - 1))
            left = data.draw(st.integers(0, width - 1))
            crop = (
                *(top, left),
                data.draw(st.integers(1, height - top)),
                data.draw(st.integers(1, width - left)),
            )
            part = whole[top : top + crop[2], left : left + crop[3]]
            result = codec.decode(encoded, crop=crop)
            assert same(result, np.ascontiguousarray(part))
            size = (data.draw(st.integers(1, 12)), data.draw(st.integers(1, 12)))
            out = np.zeros((*size, *whole.shape[2:]), whole.dtype)
            assert codec.decode(encoded, crop=crop, size=size, out=out) is out
            assert same(codec.decode(encoded, crop=crop, size=size), out)

    def test_resized_crops_look_like_the_whole(self) -> None:
        codec = self.codec()
        if not (codec.crops and codec.writable):
            return
        soft = self.soft_sample()
        encoded = codec.encode(np.repeat(np.repeat(soft, 3, axis=0), 4, axis=1))
        span = float(np.iinfo(soft.dtype).max) if soft.dtype.kind in "ui" else 1.0
        for top, left, height, width in [(0, 0, 96, 96), (7, 20, 64, 48), (32, 0, 16, 80)]:
            crop = (3 * top, 4 * left, 3 * height, 4 * width)
            part = soft[top : top + height, left : left + width].astype(float)
            for factor in (1, 2, 4, 8):
                size = (height // factor, width // factor)
                averages = part.reshape(size[0], factor, size[1], factor, *part.shape[2:]).mean(
                    axis=(1, 3)
                )
                result = codec.decode(encoded, crop=crop, size=size).astype(float)
                assert np.abs(result - averages).mean() <= 2 * self.tolerance * span
                assert np.abs(result.mean() - averages.mean()) <= self.tolerance * span


__all__ = ["CropTests"]
