"""Links as bytes: where a file is, and what it was when it was linked (spec, section 4.10)."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from deeplake.errors import CorruptedSampleError, InvalidSampleValueError
from deeplake.format.chunk import MAX_NDIM
from deeplake.format.tiles import MAX_TILES
from deeplake.types import Buffer, Shape

CREDS_KEY = "creds_key:"
"""Keys of a commit: this and an id, with the name of credentials as value. One each, so that branches
which add different ones can be merged."""

ENV = "ENV"
"""Id and name of the credentials that the environment has; always there."""

_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Pin:
    """What a file was when it was linked.

    Attributes:
        size: Bytes.
        sha256: Of its first ``hashed`` bytes, as hex.
        hashed: All of its bytes, unless it is large.
        format: Codec that reads it; empty where it is none of a codec's.
        version: Etag or generation that the server gave it; empty without.
        modified: Seconds since the epoch of its last change, where known.
    """

    size: int
    sha256: str
    hashed: int
    format: str = ""
    version: str = ""
    modified: float | None = None


@dataclass(frozen=True, slots=True)
class Link:
    """A file elsewhere.

    Attributes:
        path: Path or URL.
        creds: Id of the name of the credentials for it; ``"ENV"``: those of the environment; None:
            none.
        pin: What it was; None if it was not opened when it was linked.
    """

    path: str
    creds: str | None = None
    pin: Pin | None = None

    def to_bytes(self) -> bytes:
        """The link as it is stored.

        Raises:
            InvalidSampleValueError: The path cannot be written as UTF-8.
        """
        return _encoded(self._record(), self.path)

    def _record(self) -> dict[str, Any]:
        value: dict[str, Any] = {"path": self.path}
        if self.creds is not None:
            value["creds"] = self.creds
        pin = self.pin
        if pin is not None:
            value["size"] = pin.size
            value["sha256"] = pin.sha256
            if pin.hashed != pin.size:
                value["hashed"] = pin.hashed
            if pin.format:
                value["format"] = pin.format
            if pin.version:
                value["version"] = pin.version
            if pin.modified is not None:
                value["modified"] = pin.modified
        return value


@dataclass(frozen=True, slots=True)
class LinkGrid:
    """Files elsewhere that are the tiles of one sample.

    Attributes:
        counts: Tiles along the first axes of the sample; the others are not cut.
        tiles: The tiles, in C order.
        tile: Shape of a tile that is not at a far edge; None if it was not opened when it was linked.
    """

    counts: Shape
    tiles: tuple[Link, ...]
    tile: Shape | None = None

    @property
    def path(self) -> str:
        """Where the first tile is."""
        return self.tiles[0].path

    @property
    def creds(self) -> str | None:
        """Id of the name of the credentials, which all tiles share."""
        return self.tiles[0].creds

    def to_bytes(self) -> bytes:
        """The grid as it is stored.

        Raises:
            InvalidSampleValueError: A path cannot be written as UTF-8.
        """
        value: dict[str, Any] = {"grid": self.counts}
        if self.tile is not None:
            value["tile"] = self.tile
        value["tiles"] = [tile._record() for tile in self.tiles]
        return _encoded(value, self.path)


AnyLink: TypeAlias = Link | LinkGrid
"""What one sample of a tensor of links is."""


def files_of(link: AnyLink) -> tuple[Link, ...]:
    """The files that a sample is made of."""
    return link.tiles if isinstance(link, LinkGrid) else (link,)


def _encoded(value: dict[str, Any], path: str) -> bytes:
    try:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
    except UnicodeEncodeError as error:
        raise InvalidSampleValueError(
            f"{path!r} cannot be linked: the path has characters that are none"
        ) from error


def link_of(data: Buffer) -> AnyLink:
    """The link, or the grid of them, that was stored; keys that are not known are ignored.

    Raises:
        CorruptedSampleError: It is none.
    """
    try:
        value = json.loads(str(data, "utf-8"))
    except (ValueError, RecursionError) as error:
        raise CorruptedSampleError(f"a stored link is no JSON: {error}") from error
    return _grid(value) if isinstance(value, dict) and "grid" in value else _link(value)


def _link(value: Any) -> Link:
    if not isinstance(value, dict) or not isinstance(value.get("path"), str):
        raise CorruptedSampleError("a stored link has no path")
    creds = value.get("creds")
    if creds is not None and not isinstance(creds, str):
        raise CorruptedSampleError(f"a stored link has credentials {creds!r}")
    return Link(value["path"], creds, _pin(value))


def _grid(value: dict[str, Any]) -> LinkGrid:
    counts, tile = value["grid"], value.get("tile")
    tiles: Any = value.get("tiles")
    shapes = [counts] if tile is None else [counts, tile]
    good = (
        all(isinstance(shape, list) and 0 < len(shape) <= MAX_NDIM for shape in shapes)
        and all(_is_count(n) and 0 < n < 1 << 32 for shape in shapes for n in shape)
        and len(counts) <= len(shapes[-1])
        and isinstance(tiles, list)
        and len(tiles) == math.prod(counts) <= MAX_TILES
    )
    if not good:
        raise CorruptedSampleError("a stored grid of links does not say which tiles it has")
    return LinkGrid(tuple(counts), tuple(map(_link, tiles)), None if tile is None else tuple(tile))


def _pin(value: dict[str, Any]) -> Pin | None:
    if "size" not in value and "sha256" not in value:
        return None
    size: Any = value.get("size")
    sha256 = value.get("sha256")
    hashed = value.get("hashed", size)
    texts = value.get("format", ""), value.get("version", "")
    modified = value.get("modified")
    good = (
        _is_count(size)
        and _is_count(hashed)
        and hashed <= size
        and isinstance(sha256, str)
        and _SHA256.fullmatch(sha256) is not None
        and all(isinstance(text, str) for text in texts)
        and (modified is None or (isinstance(modified, (int, float)) and abs(modified) < 1e18))
    )
    if not good:
        raise CorruptedSampleError("a stored link says nonsense of its file's size or digest")
    return Pin(size, str(sha256), hashed, *texts, modified=modified)


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1 << 63


def creds_names(extra: Mapping[str, Any]) -> dict[str, str]:
    """Names of credentials by id, from the further keys of a commit."""
    return {
        key.removeprefix(CREDS_KEY): str(name)
        for key, name in extra.items()
        if key.startswith(CREDS_KEY)
    }


__all__ = [
    "CREDS_KEY", "ENV", "AnyLink", "Link", "LinkGrid", "Pin", "creds_names", "files_of", "link_of",
]  # fmt: skip
