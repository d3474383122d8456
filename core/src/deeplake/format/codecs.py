"""The byte codecs that need nothing but Python: ``raw`` and ``zlib``."""

from __future__ import annotations

import zlib

from deeplake.errors import CorruptedSampleError
from deeplake.spi import ChunkCodec
from deeplake.types import Buffer, byte_length

_DEFLATE_RATIO = 1032
"""Deflate writes at most 258 bytes for 2 bits (RFC 1951, section 3.2.5)."""


class Raw(ChunkCodec, api=(1, 0)):
    """Bytes as they are."""

    name = "raw"

    def compress(self, data: Buffer) -> bytes:
        return bytes(data)

    def decompress(self, data: Buffer, size: int) -> Buffer:
        """``data`` itself: nothing is copied."""
        if byte_length(data) != size:
            raise CorruptedSampleError(
                f"{byte_length(data)} bytes are stored where {size} are expected: the data were "
                "cut or overwritten; restore them from a copy"
            )
        return data


class Zlib(ChunkCodec, api=(1, 0)):
    """The zlib format (RFC 1950), at the library's own default level (6)."""

    name = "zlib"

    def compress(self, data: Buffer) -> bytes:
        return zlib.compress(data)

    def decompress(self, data: Buffer, size: int) -> Buffer:
        if size > _DEFLATE_RATIO * byte_length(data):
            raise CorruptedSampleError(
                f"{byte_length(data)} bytes of zlib data cannot hold {size} bytes: the data or "
                "what describes them are damaged; restore them from a copy"
            )
        stream = zlib.decompressobj()
        try:
            # One byte of room more than needed: a stream that fills it is too long, one that does
            # not has been read to its end, checksum included. (A limit of 0 would mean none.)
            result = stream.decompress(data, size + 1)
        except zlib.error as error:
            raise CorruptedSampleError(
                f"the zlib data are damaged ({error}); restore them from a copy"
            ) from error
        if len(result) != size or not stream.eof or stream.unused_data:
            raise CorruptedSampleError(
                f"the zlib data are not one stream of exactly {size} bytes: they were cut, or more "
                "was written over them; restore them from a copy"
            )
        return result


__all__ = ["Raw", "Zlib"]
