from __future__ import annotations

from deeplake.format.codecs import Raw, Zlib
from deeplake.testing.codec import ChunkCodecContract


class TestRaw(ChunkCodecContract):
    codec = Raw
    compresses = False


class TestZlib(ChunkCodecContract):
    codec = Zlib


def test_raw_copies_nothing_it_need_not() -> None:
    data = memoryview(b"deep lake")
    assert Raw().decompress(data, 9) is data
    whole = b"deep lake"
    assert Raw().compress(whole) is whole
