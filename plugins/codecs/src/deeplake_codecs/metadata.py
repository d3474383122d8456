"""What ``sample_info`` says about a picture besides its pixels."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

_LONGEST_BINARY = 64
_LONGEST_LIST = 256


class PictureMeta(Mapping[str, Any]):
    r"""``format``, ``mode``, ``exif`` and, for pictures of palette indices, ``palette``.

    Headers are read for every file that is appended, exif is looked at by few: it is kept as bytes
    and parsed when it is asked for.

    Args:
        format: Name of the codec.
        mode: Pillow's word for the layout.
        exif: A TIFF structure, with or without ``Exif\0\0`` in front; empty for none.
        palette: Red, green and blue of each index, as bytes; empty for none.
    """

    __slots__ = ("_exif", "_palette", "_parsed", "_plain")

    def __init__(self, format: str, mode: str, *, exif: bytes = b"", palette: bytes = b"") -> None:
        self._plain = {"format": format, "mode": mode}
        self._exif = exif
        self._palette = palette
        self._parsed: dict[str, Any] | None = None

    def __getitem__(self, key: str) -> Any:
        if key == "exif":
            if self._parsed is None:
                self._parsed = read_exif(self._exif)
            return self._parsed
        if key == "palette" and self._palette:
            colours = self._palette
            return [list(colours[i : i + 3]) for i in range(0, len(colours) - 2, 3)]
        return self._plain[key]

    def __iter__(self) -> Iterator[str]:
        yield from self._plain
        yield "exif"
        if self._palette:
            yield "palette"

    def __len__(self) -> int:
        return len(self._plain) + 1 + bool(self._palette)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({dict(self)!r})"


def read_exif(data: bytes) -> dict[str, Any]:
    r"""The tags of an exif block by name, as JSON values; ``GPSInfo`` is a dict of its own.

    Tags that hold long binary data (maker notes) are left out, and so is a block that cannot be
    read: it does not make the picture unreadable.

    Args:
        data: A TIFF structure, with or without ``Exif\0\0`` in front.
    """
    if not data:
        return {}
    from PIL import ExifTags, Image

    exif = Image.Exif()
    try:
        exif.load(data)
        own: dict[int, Any] = {**exif, **exif.get_ifd(ExifTags.IFD.Exif)}
        gps = exif.get_ifd(ExifTags.IFD.GPSInfo)
    except Exception:  # noqa: BLE001 - whatever a parser meets in hostile bytes
        return {}
    tags = named(own, ExifTags.TAGS)
    for pointer in ("ExifOffset", "GPSInfo"):
        tags.pop(pointer, None)
    if gps:
        tags["GPSInfo"] = named(gps, ExifTags.GPSTAGS)
    return tags


def named(tags: Mapping[int, Any], names: Mapping[int, str]) -> dict[str, Any]:
    """Tags by name, or by number where they have none, with values that JSON has.

    Args:
        tags: Values by tag number, of the types that Pillow gives them.
        names: Names by tag number.
    """
    result = {}
    for number, value in tags.items():
        plain = _plain(value)
        if plain is not None:
            result[names.get(number, str(number))] = plain
    return result


def _plain(value: Any) -> Any:
    """The value as JSON has it; None for what is left out."""
    if isinstance(value, bytes):
        text = value.rstrip(b"\0")
        if text.isascii() and (not text or text.decode("ascii").isprintable()):
            return text.decode("ascii")
        return list(value) if len(value) <= _LONGEST_BINARY else None
    if isinstance(value, str):
        return _text(value.rstrip("\0"))
    if isinstance(value, int):
        return value
    if isinstance(value, tuple | list):
        return [_plain(item) for item in value] if len(value) <= _LONGEST_LIST else None
    try:
        number = float(value)
    except (TypeError, ValueError, ArithmeticError):
        return None
    return number if math.isfinite(number) else None


def _text(text: str) -> str:
    """Text that Pillow took for Latin-1, as which the standards know nothing but ASCII; the files
    that exist hold UTF-8.
    """
    try:
        return text if text.isascii() else text.encode("latin-1").decode("utf-8")
    except UnicodeError:
        return text


__all__ = ["PictureMeta", "named", "read_exif"]
