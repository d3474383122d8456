"""Codecs of bytes: lz4 and zstd."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from deeplake.errors import CorruptedSampleError, SampleCompressionError
from deeplake.spi import ChunkCodec
from deeplake.types import Buffer, byte_length

if TYPE_CHECKING:
    import zstandard

_LZ4_RATIO = 255
"""A byte of lz4 extends a match by at most 255 bytes (LZ4 block format, "Token")."""

_LZ4_LONGEST = 0x7E000000
"""``LZ4_MAX_INPUT_SIZE``."""

_ZSTD_BLOCK = 1 << 17
"""A zstd block holds at most 128 KiB and takes at least 4 bytes (RFC 8878, section 3.1.1.2)."""

ZSTD_LEVEL = 3
"""The library's own default."""


def _refuse_claim(name: str, stored: int, size: int, most: int) -> None:
    if size > most:
        raise CorruptedSampleError(
            f"{stored} bytes of {name} data cannot hold {size} bytes: the data or what describes "
            "them are damaged; restore them from a copy"
        )


def _refuse_size(name: str, found: int, size: int) -> None:
    if found != size:
        raise CorruptedSampleError(
            f"the {name} data hold {found} bytes where {size} are expected: they are damaged, or "
            "belong to something else; restore them from a copy"
        )


class Lz4(ChunkCodec, api=(1, 0)):
    """LZ4 blocks, without a length in front: whoever stores them knows it.

    Source: https://github.com/lz4/lz4/blob/dev/doc/lz4_Block_format.md
    """

    name = "lz4"

    def compress(self, data: Buffer) -> bytes:
        import lz4.block

        size = byte_length(data)
        if size > _LZ4_LONGEST:
            raise SampleCompressionError(
                f"lz4 compresses at most {_LZ4_LONGEST:,} bytes at once, not {size:,}; use zstd"
            )
        packed: bytes = lz4.block.compress(data, store_size=False)
        return packed

    def decompress(self, data: Buffer, size: int) -> Buffer:
        import lz4.block

        stored = byte_length(data)
        _refuse_claim("lz4", stored, size, min(_LZ4_RATIO * stored, _LZ4_LONGEST))
        try:
            result: bytes = lz4.block.decompress(data, uncompressed_size=size)
        except lz4.block.LZ4BlockError as error:
            raise CorruptedSampleError(
                f"the lz4 data are damaged, or hold more than {size} bytes ({error}); restore them "
                "from a copy"
            ) from error
        _refuse_size("lz4", len(result), size)
        return result


class _Contexts(threading.local):
    """The zstd library's working memory, which no two threads may use at once."""

    compressor: zstandard.ZstdCompressor | None = None
    decompressor: zstandard.ZstdDecompressor | None = None


_contexts = _Contexts()


class Zstd(ChunkCodec, api=(1, 0)):
    """Zstandard frames that state their size (RFC 8878); no checksum, as chunks have their own."""

    name = "zstd"

    def compress(self, data: Buffer) -> bytes:
        import zstandard

        compressor = _contexts.compressor
        if compressor is None:
            compressor = _contexts.compressor = zstandard.ZstdCompressor(level=ZSTD_LEVEL)
        return compressor.compress(data)

    def decompress(self, data: Buffer, size: int) -> Buffer:
        import zstandard

        stored = byte_length(data)
        _refuse_claim("zstd", stored, size, (stored // 4 + 1) * _ZSTD_BLOCK)
        decompressor = _contexts.decompressor
        if decompressor is None:
            decompressor = _contexts.decompressor = zstandard.ZstdDecompressor()
        try:
            # The library allocates what the frame states, whatever limit it is given; and a window
            # of the frame's choosing where it states nothing (-1 here).
            _refuse_size("zstd", zstandard.frame_content_size(data), size)
            result = decompressor.decompress(data, max_output_size=size, allow_extra_data=False)
        except zstandard.ZstdError as error:
            raise CorruptedSampleError(
                f"the zstd data are damaged ({error}); restore them from a copy"
            ) from error
        _refuse_size("zstd", len(result), size)
        return result


__all__ = ["ZSTD_LEVEL", "Lz4", "Zstd"]
