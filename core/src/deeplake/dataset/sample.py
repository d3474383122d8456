"""One file or array on its way into a tensor: ``deeplake.read``."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any, cast

from deeplake import links, plugins
from deeplake.errors import (
    CorruptedSampleError,
    InvalidPathException,
    ObjectNotFoundError,
    PluginNotFoundError,
    SampleReadError,
    StorageError,
    UnsupportedCompressionError,
)
from deeplake.format.encoding import codec_plugin
from deeplake.plugins.catalog import CORE, EXTRAS
from deeplake.spi import ChunkCodec, Codec, SampleCodec, Store
from deeplake.types import Buffer, PathLike, SampleHeader, Shape

if TYPE_CHECKING:
    import numpy as np

Creds = Mapping[str, Any] | str | None

HEAD = 512


class Sample:
    """A sample that is read, decoded and encoded only when somebody asks.

    Args:
        path: File or URL.
        array: Decoded value.
        buffer: Encoded bytes.
        compression: Codec that ``buffer`` or the file is encoded with; None: found out from the
            extension, then from the first bytes.
        verify: Read and decode at once.
        shape, dtype: Of the decoded value, where known.
        creds: Credentials for ``path``.
        storage: Store, or mapping, whose key ``path`` is.
        timeout: Seconds that a web server may take to connect, and between two pieces of its answer;
            None: as ``deeplake.config["links"]`` says.

    Raises:
        ValueError: Not exactly one of path, array and buffer is given.
    """

    __slots__ = (
        "_array", "_buffer", "_compression", "_creds", "_header", "_origin", "_storage", "_timeout",
        "dtype_hint", "path", "shape_hint",
    )  # fmt: skip

    def __init__(
        self,
        path: PathLike | None = None,
        array: np.ndarray | None = None,
        buffer: Buffer | None = None,
        compression: str | None = None,
        verify: bool = False,
        shape: Shape | None = None,
        dtype: str | None = None,
        creds: Mapping[str, Any] | str | None = None,
        storage: Any = None,
        timeout: float | None = None,
    ) -> None:
        if (path is None) + (array is None) + (buffer is None) != 2:
            raise ValueError("a Sample is made from exactly one of path, array and buffer")
        self.path = None if path is None else os.fspath(path)
        self._array = array
        self._buffer: Buffer | None = buffer
        self._compression = compression
        self._creds = creds
        self._storage = storage
        self._timeout = timeout
        self._header: SampleHeader | None = None
        self._origin = ""
        self.shape_hint = shape
        self.dtype_hint = dtype
        if verify:
            _ = self.array

    # ---- bytes
    @property
    def is_lazy(self) -> bool:
        """Whether the value has not been decoded yet."""
        return self._array is None

    @property
    def is_unread(self) -> bool:
        """Whether nothing of the file has been read yet."""
        return self._buffer is None and self._array is None

    @property
    def _is_file(self) -> bool:
        """Whether there are encoded bytes, even if they have been decoded, too."""
        return self.path is not None or self._buffer is not None

    @property
    def is_plain_path(self) -> bool:
        """Whether this is the path of a file of this machine, of which nothing else is known yet."""
        path = self.path
        return (
            path is not None
            and self._buffer is None
            and self._array is None
            and self._compression is None
            and self._storage is None
            and "://" not in path
            and path[:1] != "~"
        )

    @property
    def is_remote(self) -> bool:
        """Whether the file is behind a network, for all its path tells."""
        if self._storage is not None:
            return True
        path = self.path or ""
        return "://" in path and not path.lower().startswith("file://")

    @property
    def buffer(self) -> Buffer:
        """The encoded bytes: those of the file, as they are.

        Raises:
            SampleReadError: The file cannot be read.
        """
        if self._buffer is None:
            self._buffer = self._content(None)
        return self._buffer

    def load(self, place: Callable[[int], memoryview | None]) -> None:
        """Read the file, into memory that ``place`` gives for so many bytes, if it gives any.

        Raises:
            SampleReadError: The file cannot be read.
        """
        self._buffer = self._content(place)

    def _content(self, place: Callable[[int], memoryview | None] | None) -> Buffer:
        if self.path is None:
            raise ValueError("this Sample holds an array; use compressed_bytes(compression)")
        if self._storage is not None:
            return _stored(self._storage, self.path)
        policy = links.Policy.for_reads(self._timeout)
        if place is not None and "://" not in self.path and self.path and "\0" not in self.path:
            return links.read_local(self.path, policy, place)
        return links.read_bytes(self.path, self._creds, policy=policy)

    @property
    def compression(self) -> str | None:
        """Name of the codec of ``buffer``; None for an array.

        Raises:
            UnsupportedCompressionError: No installed codec knows such files.
        """
        if self._compression is None and self._is_file:
            self._compression = _detect(self.path, lambda: self.buffer)
        return self._compression

    @property
    def codec(self) -> SampleCodec | None:
        """The codec of ``buffer``; None for an array.

        Raises:
            UnsupportedCompressionError: No installed codec knows such files.
        """
        name = self.compression
        if name is None:
            return None
        codec = _codec_named(name)
        if codec.media == "bytes":
            raise UnsupportedCompressionError(f"{name!r} is not a file format of samples")
        return cast(SampleCodec, codec)

    @property
    def _codec(self) -> SampleCodec:
        codec = self.codec
        assert codec is not None
        return codec

    @property
    def media(self) -> str | None:
        """What kind of file it is: ``"image"``, ``"audio"`` …; None for an array."""
        codec = self.codec
        return None if codec is None else codec.media

    @property
    def header(self) -> SampleHeader:
        """Shape, dtype and meta, from the first bytes of the file."""
        if self._header is None:
            if self._array is not None and not self._is_file:
                self._header = SampleHeader(self._array.shape, str(self._array.dtype))
            else:
                codec = self._codec  # whose errors have the path already
                try:
                    self._header = codec.probe(self.buffer)
                except CorruptedSampleError as error:
                    if self.path is None:
                        raise
                    raise CorruptedSampleError(f"{self.path}: {error}") from error
        return self._header

    @property
    def shape(self) -> Shape:
        """Shape of the decoded value."""
        return self.shape_hint or self.header.shape

    @property
    def dtype(self) -> str:
        """NumPy dtype string of the decoded value."""
        return self.dtype_hint or self.header.dtype

    @property
    def meta(self) -> dict[str, Any]:
        """What the file says of itself: exif, shape, format, file name and the like."""
        meta = dict(self.header.meta)
        meta["shape"] = list(self.shape)
        meta.setdefault("format", self.compression)
        if self.path is not None or self._origin:
            meta["filename"] = self.path or self._origin
        return meta

    @property
    def origin(self) -> str:
        """The path as it is stored with the sample; empty if there is none.

        Of a URL without what may be secret: the password, and what comes after ``?``.
        """
        if self.path is None or self._origin:
            return self._origin
        return links.shown(self.path).removesuffix("?…")

    @origin.setter
    def origin(self, value: str) -> None:
        """What is in memory was read from there."""
        self._origin = value

    @property
    def is_empty(self) -> bool:
        """Whether it has no values."""
        return 0 in self.shape

    # ---- values
    @property
    def array(self) -> np.ndarray:
        """The decoded value.

        Raises:
            CorruptedSampleError: The file cannot be decoded; the message has its path.
        """
        if self._array is None:
            self._array = self._decoded()
        return self._array

    def _decoded(self) -> np.ndarray:
        codec = self._codec  # whose errors have the path already
        try:
            return codec.decode(self.buffer)
        except CorruptedSampleError as error:
            # A codec knows bytes only.
            if self.path is None:
                raise
            raise CorruptedSampleError(f"{self.path}: {error}") from error

    def forget(self) -> None:
        """Give up what was read of the file; it is read again where somebody asks."""
        if self.path is not None:
            self._buffer = self._array = None

    def check(self) -> None:
        """Decode the file, unless it ends where it should.

        Raises:
            CorruptedSampleError: It is cut off, or damaged.
        """
        if self._array is None and not self.is_whole:
            self._decoded()

    @property
    def is_whole(self) -> bool:
        """Whether the file ends where it should, as far as a look at its bytes tells.

        Raises:
            CorruptedSampleError: It is damaged where one has to look; the message has its path.
        """
        codec = self._codec  # whose errors have the path already
        try:
            return codec.is_whole(self.buffer)
        except CorruptedSampleError as error:
            if self.path is None:
                raise
            raise CorruptedSampleError(f"{self.path}: {error}") from error

    @property
    def pil(self) -> Any:
        """The decoded value as a PIL image."""
        from PIL import Image

        return Image.fromarray(self.array)

    def compressed_bytes(self, compression: str | None) -> Buffer:
        """The sample in some codec: the file's own bytes if it has that already.

        Args:
            compression: A file format, or a compression of bytes such as ``"lz4"``, which is given the
                decoded value's bytes; None: those bytes as they are.

        Raises:
            UnsupportedCompressionError: There is no such codec.
            SampleCompressionError: The format cannot hold the sample.
        """
        if compression is None:
            return self.uncompressed_bytes()
        codec = _codec_named(compression)
        if self._is_file and self.compression == codec.name:
            return self.buffer
        if codec.media == "bytes":
            return cast(ChunkCodec, codec).compress(self.uncompressed_bytes())
        return cast(SampleCodec, codec).encode(self.array)

    def uncompressed_bytes(self) -> bytes:
        """The decoded value's bytes in C order."""
        return self.array.tobytes()

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        import numpy as np

        array = np.asarray(self.array, dtype=dtype)
        return array.copy() if copy else array

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Sample):
            return NotImplemented
        if self.path is not None and self.path == other.path:
            return True
        if self._array is not None or other._array is not None:
            import numpy as np

            return np.array_equal(self.array, other.array)
        return bytes(self.buffer) == bytes(other.buffer)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        if self.path is not None:
            return f"Sample(path={self.path!r}, is_lazy={self.is_lazy})"
        if self._buffer is not None:
            return f"Sample(buffer of {len(self._buffer)} bytes, compression={self._compression!r})"
        return f"Sample(shape={self.shape}, compression={self.compression!r})"


def read(
    path: PathLike | Buffer,
    verify: bool = False,
    creds: Creds = None,
    compression: str | None = None,
    storage: Any = None,
    timeout: float | None = None,
) -> Sample:
    """A file as a sample, read when it is used.

    Args:
        path: Path or URL of a file; or its bytes.
        verify: Read and decode at once.
        creds: Credentials of the store; HTTP headers for a web server.
        compression: The file's format; None: found out from its name and first bytes.
        storage: Store, or mapping, whose key ``path`` is.
        timeout: Seconds that a web server may take to connect, and between two pieces of its answer.

    Raises:
        SampleReadError: With ``verify``: the file cannot be read. Without, this is raised when the
            sample is first used.
        CorruptedSampleError: With ``verify``: it cannot be decoded.
    """
    if isinstance(path, (bytes, bytearray, memoryview)):
        return Sample(buffer=path, compression=compression, verify=verify)
    if not isinstance(path, (str, os.PathLike)):
        raise InvalidPathException(
            f"deeplake.read takes a path, a URL or the bytes of a file, not {type(path).__name__}"
        )
    return Sample(
        path, compression=compression, verify=verify, creds=creds, storage=storage, timeout=timeout
    )


def read_from(array: np.ndarray, origin: str) -> np.ndarray | Sample:
    """An array that was read from there; without a path just the array."""
    if not origin:
        return array
    sample = Sample(array=array)
    sample.origin = origin
    return sample


def _codec_named(name: str) -> Codec:
    try:
        return codec_plugin(name)
    except PluginNotFoundError as error:
        raise UnsupportedCompressionError(f"compression {name!r}: {error}") from error


def _stored(storage: Any, path: str) -> Buffer:
    try:
        found: Buffer = storage.get(path) if isinstance(storage, Store) else storage[path]
    except (ObjectNotFoundError, KeyError, FileNotFoundError) as error:
        raise SampleReadError(f"{path}: there is no such file") from error
    except (StorageError, OSError) as error:
        raise SampleReadError(f"{path}: cannot be read: {error}") from error
    return found


def _detect(path: str | None, read: Any) -> str:
    """Codec of a file: by its extension where that says it, else by its first bytes."""
    name = (path or "").lower()
    if "://" in name and not name.startswith("file://"):
        name = name.split("?", 1)[0].split("#", 1)[0]
    extension = "nii.gz" if name.endswith(".nii.gz") else name.rpartition(".")[2]
    named = "." in name
    if named and extension in TELLING:
        # The file need not be read to know.
        with suppress(PluginNotFoundError):
            return codec_plugin(extension).name
    head = memoryview(read())[:HEAD]
    if named and (codec := _codec_of(extension, head)):
        return codec.name
    for key in plugins.names("codec"):
        if key != extension and (codec := _codec_of(key, head)):
            return codec.name
    if named and _is_known(extension):
        raise CorruptedSampleError(
            f"{path}: it does not begin like a file of {extension}, nor like one of another format (but "
            f"with {bytes(head[:8])!r}): it is damaged, or has the wrong name"
        )
    raise UnsupportedCompressionError(
        f"{path or 'the buffer'}: no installed codec knows files like this (it starts with "
        f"{bytes(head[:8])!r}); {_advice(extension)}"
    )


TELLING = frozenset(
    ("mp3", "flac", "wav", "mp4", "mkv", "avi", "dcm", "las", "ply", "nii", "nii.gz", "stl")
)
"""Extensions that say what is in the file; first bytes are less telling there."""


def _advice(extension: str) -> str:
    extra = EXTRAS["codec"].get(extension, "codecs")
    what = extension if extension in EXTRAS["codec"] else "images"
    return f'codecs for {what} come with pip install "{CORE}[{extra}]"'


def _is_known(key: str) -> bool:
    """Whether there is a codec for files with this extension."""
    with suppress(PluginNotFoundError):
        return codec_plugin(key).media != "bytes"
    return False


def _codec_of(key: str, head: memoryview) -> SampleCodec | None:
    """The codec of this name, if there is one and it takes files that start like this."""
    try:
        codec = codec_plugin(key)
    except PluginNotFoundError:
        return None
    if codec.media == "bytes" or not cast(SampleCodec, codec).sniff(head):
        return None
    return cast(SampleCodec, codec)


__all__ = ["HEAD", "TELLING", "Creds", "Sample", "read", "read_from"]
