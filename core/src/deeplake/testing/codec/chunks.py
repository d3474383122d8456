"""Suite of codecs that compress bytes."""

from __future__ import annotations

import time
from functools import partial
from typing import ClassVar

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deeplake.errors import CorruptedSampleError
from deeplake.spi import ChunkCodec
from deeplake.testing import strategies
from deeplake.testing.codec.base import (
    MEGABYTE,
    THREADS,
    CodecContract,
    examples,
    rotted,
    spread,
    together,
)
from deeplake.testing.measure import memory_growth, share_of_gil
from deeplake.types import Buffer


class ChunkCodecContract(CodecContract):
    """Suite for a ``ChunkCodec``.

    Attributes:
        codec: The class under test.
        compresses: Whether it makes zeros smaller (``raw`` does not).
        memory: Bytes by which decompressing hostile input may make the process grow.
    """

    codec: ClassVar[type[ChunkCodec]]
    compresses: ClassVar[bool] = True
    memory: ClassVar[int] = 16 * MEGABYTE

    def test_is_for_bytes_and_lossless(self) -> None:
        assert issubclass(self.codec, ChunkCodec)
        assert self.codec.media == "bytes"
        assert self.codec.lossless

    @examples
    @given(data=st.one_of(st.binary(max_size=2000), strategies.arrays().map(np.ndarray.tobytes)))
    def test_round_trip(self, data: bytes) -> None:
        codec = self.codec()
        packed = codec.compress(data)
        assert isinstance(packed, bytes)
        assert bytes(codec.decompress(packed, len(data))) == data

    @pytest.mark.parametrize("size", [0, 1, 255, 4096, 65_536, 3 * MEGABYTE + 1])
    def test_round_trip_of_sizes(self, size: int) -> None:
        codec = self.codec()
        noise = np.random.default_rng(size).integers(0, 256, size).astype(np.uint8).tobytes()
        for data in (noise, bytes(size), (b"0123456789abcdef" * (size // 16 + 1))[:size]):
            packed = codec.compress(data)
            assert bytes(codec.decompress(packed, size)) == data
            assert len(packed) <= size + size // 50 + 1024, "noise must not grow by more than 2 %"
        if self.compresses and size >= 4096:
            assert len(codec.compress(bytes(size))) < size // 4

    def test_any_buffer_is_taken(self) -> None:
        codec = self.codec()
        words = np.arange(1000, dtype=np.int32)
        expected = words.tobytes()
        packed = codec.compress(expected)
        views: list[Buffer] = [bytearray(expected), memoryview(expected), words.data]
        for view in [*views, memoryview(bytearray(b"x" + expected + b"y"))[1:-1]]:
            assert codec.compress(view) == packed
        for view in (bytearray(packed), memoryview(b"x" + packed + b"y")[1:-1]):
            assert bytes(codec.decompress(view, len(expected))) == expected

    def test_result_does_not_change_with_the_input(self) -> None:
        codec = self.codec()
        data = bytearray(range(200))
        packed = codec.compress(data)
        data[:] = bytes(200)
        assert bytes(codec.decompress(packed, 200)) == bytes(range(200))

    @examples
    @given(data=st.binary(max_size=300), claim=st.integers(0, 2**40))
    def test_another_size_is_refused(self, data: bytes, claim: int) -> None:
        codec = self.codec()
        packed = codec.compress(data)
        for size in {claim, len(data) + 1, max(0, len(data) - 1), 0, 2**33} - {len(data)}:
            with pytest.raises(CorruptedSampleError):
                codec.decompress(packed, size)

    def test_truncation_at_every_length_is_refused(self) -> None:
        codec = self.codec()
        data = bytes(range(256)) + b"deep lake " * 40
        packed = codec.compress(data)
        for length in range(len(packed)):
            with pytest.raises(CorruptedSampleError):
                codec.decompress(packed[:length], len(data))

    def test_trailing_bytes_are_refused(self) -> None:
        codec = self.codec()
        data = b"deep lake " * 40
        packed = codec.compress(data)
        for tail in (b"\0", b"\xff", packed):
            with pytest.raises(CorruptedSampleError):
                codec.decompress(packed + tail, len(data))

    def test_bit_rot_never_gives_another_size(self) -> None:
        codec = self.codec()
        data = bytes(range(256)) + b"deep lake " * 40
        packed = codec.compress(data)
        for position in spread(len(packed), 600):
            for bit in (0, 3, 7):
                try:
                    result = codec.decompress(rotted(packed, position, bit), len(data))
                except CorruptedSampleError:
                    continue
                assert memoryview(result).nbytes == len(data)

    @examples
    @given(data=st.binary(max_size=400), size=st.integers(0, 10_000))
    def test_foreign_bytes_never_crash(self, data: bytes, size: int) -> None:
        try:
            result = self.codec().decompress(data, size)
        except CorruptedSampleError:
            return
        assert memoryview(result).nbytes == size

    def test_bombs_are_refused_in_bounded_memory(self) -> None:
        codec = self.codec()
        bomb = codec.compress(bytes(64 * MEGABYTE))

        def explode() -> None:
            with pytest.raises(CorruptedSampleError):
                codec.decompress(bomb, 1000)
            # And a few bytes that are said to be very many.
            with pytest.raises(CorruptedSampleError):
                codec.decompress(codec.compress(b"deep lake"), 2**46)

        explode()
        assert memory_growth(explode) < self.memory

    def test_threads_share_one_codec(self) -> None:
        codec = self.codec()
        inputs = [bytes([i]) * 5_000 + bytes(range(256)) * (40 + i) for i in range(THREADS)]

        def job(data: bytes) -> bool:
            return all(
                bytes(codec.decompress(codec.compress(data), len(data))) == data for _ in range(25)
            )

        assert all(together([partial(job, data) for data in inputs]))

    def test_gil_is_released(self) -> None:
        if not self.compresses:
            return  # nothing is computed
        codec = self.codec()
        noise = np.random.default_rng(0).integers(0, 64, 16 * MEGABYTE).astype(np.uint8).tobytes()
        # What takes long enough to be seen: some codecs are a hundred times as fast as others.
        began = time.thread_time()
        codec.compress(noise[:MEGABYTE])
        spent = time.thread_time() - began
        data = noise[: int(min(16, 1 + 0.1 // max(spent, 1e-9))) * MEGABYTE]
        packed = codec.compress(data)
        assert share_of_gil(lambda: codec.compress(data), enough=0.5) < 0.5
        assert share_of_gil(lambda: codec.decompress(packed, len(data)), enough=0.5) < 0.5


__all__ = ["ChunkCodecContract"]
