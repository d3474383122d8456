"""bzip2 as a compression of chunks and samples."""

import bz2

from deeplake.errors import CorruptedSampleError
from deeplake.spi import ChunkCodec
from deeplake.types import Buffer


class Bz2(ChunkCodec, api=(1, 0)):
    """The bzip2 format, at its best compression."""

    name = "bz2"

    def compress(self, data: Buffer) -> bytes:
        return bz2.compress(data)

    def decompress(self, data: Buffer, size: int) -> Buffer:
        stream = bz2.BZ2Decompressor()
        try:
            # One byte more than needed, so that a stream which is too long shows. Without a limit,
            # a few damaged bytes could fill the memory.
            result = stream.decompress(data, max_length=size + 1)
        except OSError as error:
            raise CorruptedSampleError(f"the bzip2 data are damaged: {error}") from error
        if len(result) != size or not stream.eof or stream.unused_data:
            raise CorruptedSampleError(f"the bzip2 data are not one stream of {size} bytes")
        return result


__all__ = ["Bz2"]
