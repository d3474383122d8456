"""What a suite for a codec of samples states: the codec, files, bombs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np
import pytest
from hypothesis import strategies as st

from deeplake.errors import CorruptedSampleError
from deeplake.spi import SampleCodec
from deeplake.testing import strategies
from deeplake.testing.codec.base import (
    MEGABYTE,
    CodecContract,
    same,
)
from deeplake.types import Buffer, SampleHeader


class SampleSuite(CodecContract):
    """What a suite for a ``SampleCodec`` states, and what its tests share.

    Attributes:
        codec: The class under test.
        layouts: What it can encode: ``(dtype, channels)``; channels None for arrays ``(H, W)``.
            Override ``samples`` for codecs of other things than pictures.
        tolerance: For lossy codecs: greatest mean difference of ``soft_sample`` and its copy, as a
            share of the dtype's range.
        memory: Bytes by which refusing a bomb may make the process grow.
        part_share: For codecs with ``parts``: greatest share of ``long_file`` that may be read for
            one item of it.
        gil: Whether decoding a large sample is checked to leave the GIL alone.
    """

    codec: ClassVar[type[SampleCodec]]
    layouts: ClassVar[tuple[tuple[str, int | None], ...]] = (("uint8", None), ("uint8", 3))
    tolerance: ClassVar[float] = 0.02
    memory: ClassVar[int] = 64 * MEGABYTE
    part_share: ClassVar[float] = 0.25
    gil: ClassVar[bool] = True
    _cached: ClassVar[dict[str, bytes]]
    _decoded: ClassVar[dict[str, tuple[np.ndarray, SampleHeader]]]

    def samples(self) -> st.SearchStrategy[np.ndarray]:
        """Arrays that the codec must be able to encode."""
        return strategies.pictures(self.layouts)

    def files(self) -> Mapping[str, bytes]:
        """Files the codec must read, by a name for messages. Needed if it is not writable."""
        return {}

    def bombs(self) -> Mapping[str, bytes]:
        """Small files that claim to be huge. Each must be refused in bounded memory."""
        raise AssertionError(
            f"{type(self).__name__} must override bombs(): files whose header claims far more than "
            "their bytes can hold; return {} if files of the format cannot claim anything"
        )

    def long_file(self) -> bytes:
        """For codecs with ``parts``: a file that is much longer than one item of its axis."""
        raise AssertionError(
            f"{type(self).__name__} must override long_file(): the codec says it can decode parts, "
            "and a test counts what it reads of a long file for one of them"
        )

    def soft_sample(self) -> np.ndarray:
        """A natural-looking sample of the last layout, 96 long on its first two axes."""
        name, channels = self.layouts[-1]
        y, x = np.mgrid[0:96, 0:96] / 95
        planes = [(np.sin(3 * x + i) * np.cos(2 * y - i) + 1) / 2 for i in range(channels or 1)]
        unit = np.stack(planes, axis=-1) if channels else planes[0]
        return strategies.quantised(unit, name)

    def large_sample(self) -> np.ndarray:
        """A sample that takes tens of milliseconds to decode."""
        soft = self.soft_sample()
        large = np.tile(soft, (20, 20, *[1] * (soft.ndim - 2)))
        if large.dtype.kind in "ui":
            # Noise in the low bits: real pictures have it, and it is what entropy decoders chew on.
            large = large ^ np.random.default_rng(0).integers(0, 16, large.shape).astype(
                large.dtype
            )
        return large

    def large_file(self) -> bytes | None:
        """A file that takes tens of milliseconds to decode; None: there is none to try."""
        return self.codec().encode(self.large_sample()) if self.codec.writable else None

    def _encoded(self) -> dict[str, bytes]:
        """The suite's files, and small ones made by the codec itself; the same in all tests."""
        cls = type(self)
        if "_cached" not in cls.__dict__:
            cls._cached = self._make_files()
        return cls._cached

    def _make_files(self) -> dict[str, bytes]:
        files = dict(self.files())
        if self.codec.writable:
            codec = self.codec()
            for name, channels in self.layouts if type(self).samples is SampleSuite.samples else ():
                shape = (9, 7) if channels is None else (9, 7, channels)
                unit = np.random.default_rng(7).random(shape)
                files[f"{name} {shape}"] = codec.encode(strategies.quantised(unit, name))
        assert files, f"{type(self).__name__} must override files(): there is nothing to read"
        return files

    def _smallest(self) -> bytes:
        return min(self._encoded().values(), key=len)

    def _outcome(self, data: Buffer) -> np.ndarray | None:
        """What decoding gives: None if it is refused. Probe and decode must agree."""
        codec = self.codec()
        try:
            header = codec.probe(data)
        except CorruptedSampleError:
            with pytest.raises(CorruptedSampleError):
                codec.decode(data)
            return None
        try:
            array = codec.decode(data)
        except CorruptedSampleError:
            return None
        assert array.shape == header.shape
        assert array.dtype.name == np.dtype(header.dtype).name
        return array

    def _assert_copy(self, original: np.ndarray, copy: np.ndarray) -> None:
        """The copy has the original's dtype and shape, and its values if the codec is lossless.

        An axis of length 1 at the end may be missing: many formats cannot tell gray pictures with
        one channel from those without a channel axis, and whoever encoded one knows the shape.
        """
        assert copy.dtype == original.dtype
        assert copy.shape in {
            original.shape,
            original.shape[:-1] if original.shape[-1:] == (1,) else (),
        }
        if self.codec.lossless:
            assert same(copy.reshape(original.shape), original), "not lossless"


__all__ = ["SampleSuite"]
