"""How a tensor's samples become bytes: which codecs, which payload."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import cast

from deeplake import plugins
from deeplake.spi import ChunkCodec, Codec, HtypePlugin, SampleCodec
from deeplake.types import TensorSchema


def htype_plugin(name: str) -> HtypePlugin:
    """The plugin of an htype. Raises ``PluginNotFoundError``."""
    return plugins.get("htype", name)


def codec_plugin(name: str) -> Codec:
    """The plugin of a compression. Raises ``PluginNotFoundError``."""
    return plugins.get("codec", name)


@dataclass(frozen=True, slots=True)
class Encoding:
    """The codecs of one tensor.

    Attributes:
        sample: Encodes each sample as a file of its format.
        sample_bytes: Compresses the bytes of each sample.
        chunk: Compresses the frames of chunks.
    """

    sample: SampleCodec | None = None
    sample_bytes: ChunkCodec | None = None
    chunk: ChunkCodec | None = None

    @property
    def sample_name(self) -> str:
        """Name of the codec of single samples, empty for none."""
        codec = self.sample or self.sample_bytes
        return codec.name if codec is not None else ""

    @property
    def chunk_name(self) -> str:
        """Name of the codec of chunks, empty for none."""
        return self.chunk.name if self.chunk is not None else ""


@lru_cache(maxsize=256)
def _encoding(sample: str | None, chunk: str | None) -> Encoding:
    codec = codec_plugin(sample) if sample else None
    if codec is not None:
        if codec.media == "bytes":
            return Encoding(sample_bytes=cast(ChunkCodec, codec))
        return Encoding(sample=cast(SampleCodec, codec))
    codec = codec_plugin(chunk) if chunk else None
    if codec is not None:
        if codec.media == "bytes":
            return Encoding(chunk=cast(ChunkCodec, codec))
        # An image format as chunk compression: samples are encoded one by one all the same, so
        # that reading one of them decodes no other.
        return Encoding(sample=cast(SampleCodec, codec))
    return Encoding()


def encoding(schema: TensorSchema) -> Encoding:
    """The codecs of a tensor, as it is stored: links are compressed with chunks, if at all.

    Raises:
        PluginNotFoundError: One is not installed.
    """
    if schema.is_link:
        codecs = _encoding(None, schema.chunk_compression)
        return Encoding(chunk=codecs.chunk)
    return _encoding(schema.sample_compression, schema.chunk_compression)


__all__ = ["Encoding", "codec_plugin", "encoding", "htype_plugin"]
