from __future__ import annotations

import mmap
import struct
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
import zstandard

from deeplake.errors import CorruptedSampleError, SampleCompressionError
from deeplake_codecs import blocks
from deeplake_codecs.blocks import Lz4, Zstd


def test_lz4_blocks_have_no_length_in_front() -> None:
    assert Lz4().compress(b"") == b"\0"
    assert Lz4().compress(b"deep") == b"\x40deep"


def test_lz4_says_what_it_cannot_take() -> None:
    # Pages that nobody touches take no memory.
    with (
        mmap.mmap(-1, 0x7E000001) as large,
        memoryview(large) as view,
        pytest.raises(SampleCompressionError, match="use zstd"),
    ):
        Lz4().compress(view)


def test_zstd_frames_state_their_size() -> None:
    packed = Zstd().compress(b"deep lake " * 100)
    assert zstandard.frame_content_size(packed) == 1000


def test_a_zstd_frame_without_a_size_is_refused() -> None:
    stream = zstandard.ZstdCompressor().compressobj()
    packed = stream.compress(b"deep lake " * 100) + stream.flush()
    assert zstandard.frame_content_size(packed) == -1
    with pytest.raises(CorruptedSampleError, match="-1 bytes where 1000"):
        Zstd().decompress(packed, 1000)


def test_a_zstd_frame_that_lies_about_its_size_is_refused() -> None:
    packed = bytearray(Zstd().compress(b"deep lake " * 100))
    [size] = struct.unpack_from("<H", packed, 5)
    assert size == 1000 - 256
    struct.pack_into("<H", packed, 5, 999 - 256)
    with pytest.raises(CorruptedSampleError):
        Zstd().decompress(packed, 999)


def test_each_thread_has_its_own_zstd_contexts() -> None:
    gate = Barrier(4)

    def work() -> tuple[int, int]:
        packed = Zstd().compress(b"deep lake")
        Zstd().decompress(packed, 9)
        gate.wait()  # no thread serves two
        contexts = blocks._contexts
        return id(contexts.compressor), id(contexts.decompressor)

    with ThreadPoolExecutor(4) as pool:
        found = [future.result() for future in [pool.submit(work) for _ in range(4)]]
    assert len({pair[0] for pair in found}) == 4
    assert len({pair[1] for pair in found}) == 4
