"""Image files of a folder: which they are, and the compression that most of them have."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from deeplake import plugins
from deeplake.errors import (
    AutoCompressionError,
    InvalidFileExtension,
    InvalidPathException,
    PluginNotFoundError,
)
from deeplake.plugins.catalog import EXTRAS


def image_format(extension: str) -> str | None:
    """The compression of image files with an extension (``"JPG"``); None for other files."""
    key = extension.lower()
    try:
        codec = plugins.get("codec", key)
    except PluginNotFoundError:
        # What is not installed yet is said when the tensor is made.
        return key if EXTRAS["codec"].get(key) == "codecs" and key not in _NO_IMAGES else None
    return codec.name if codec.media == "image" else None


_NO_IMAGES = ("lz4", "zstd", "stl")


def extension_of(name: str) -> str:
    """What is behind the last dot of a file's name; empty for none."""
    _, dot, extension = name.rpartition("/")[2].rpartition(".")
    return extension if dot else ""


def images(names: Iterable[str]) -> list[str]:
    """The names that are of image files."""
    names = list(names)
    extensions = [extension_of(name) for name in names]
    taken = {extension for extension in set(extensions) if extension and image_format(extension)}
    return [name for name, ext in zip(names, extensions, strict=True) if ext in taken]


def common_format(names: Sequence[str], where: str) -> str:
    """The compression that most files have.

    Raises:
        InvalidPathException: There are no files.
        AutoCompressionError: None of their names has an extension.
        InvalidFileExtension: None has that of an image.
    """
    if not names:
        raise InvalidPathException(f"{where} has no files")
    extensions = Counter(map(extension_of, names))
    if set(extensions) == {""}:
        raise AutoCompressionError(
            f"{where}: no file's name says what it is; give the tensor a sample_compression"
        )
    formats: Counter[str] = Counter()
    for extension, count in extensions.items():
        if extension and (found := image_format(extension)):
            formats[found] += count
    if not formats:
        raise InvalidFileExtension(
            f"{where} has no images: its files end with {', '.join(sorted(extensions)[:8])}"
        )
    return min(formats, key=lambda name: (-formats[name], name))


__all__ = ["common_format", "extension_of", "image_format", "images"]
