"""Value types that cross the line between the kernel and its plugins.

All are frozen: a value that was handed over does not change any more.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from deeplake.errors import InvalidPathException, InvalidShapeIntervalError

Buffer: TypeAlias = bytes | bytearray | memoryview
"""Bytes to read from. Stores and codecs accept and may return any of the three."""

Data: TypeAlias = Buffer | Sequence[Buffer]
"""Bytes to write: one buffer, or several that are written one after the other."""

ByteRange: TypeAlias = tuple[int, int]
"""``(start, stop)`` in bytes, as in a slice; ``0 <= start <= stop``."""

Shape: TypeAlias = tuple[int, ...]

PathLike: TypeAlias = str | os.PathLike[str]


# Components of printable ASCII without backslash, none of them empty, "." or "..".
_KEY = re.compile(r"(?:(?!\.{1,2}(?:/|\Z))[ -.0-\[\]-~]+(?:/(?!\Z)|\Z))+")


def check_key(key: str) -> str:
    """The key of an object, if it is one that every store takes.

    Raises:
        InvalidPathException: Empty, absolute, not printable ASCII, or with a backslash or a
            component that is empty, ``.`` or ``..``.
    """
    if _KEY.fullmatch(key) is None:
        raise InvalidPathException(
            f"{key!r} cannot be the key of an object: keys are printable ASCII without backslash, "
            "components are separated by '/', and none is empty, '.' or '..'"
        )
    return key


def joined(data: Data) -> bytes:
    """One ``bytes`` object with everything in ``data``."""
    if isinstance(data, bytes):
        return data
    if isinstance(data, (bytearray, memoryview)):
        return bytes(data)
    # join takes no view whose bytes are scattered.
    return b"".join(
        part.tobytes() if isinstance(part, memoryview) and not part.c_contiguous else part
        for part in data
    )


def byte_length(data: Data) -> int:
    """Total number of bytes in ``data``."""
    if isinstance(data, (bytes, bytearray)):
        return len(data)
    if isinstance(data, memoryview):
        return data.nbytes
    return sum(byte_length(part) for part in data)


@dataclass(frozen=True, slots=True)
class StoreCapabilities:
    """What a store can do. The kernel asks these flags, never the class of a store.

    Attributes:
        writable: ``put`` and ``delete`` work.
        conditional_put: ``if_match`` and ``if_absent`` are atomic, also between processes and
            hosts.
        listing: ``list`` works.
        mapping: ``map`` returns zero-copy views of whole objects.
        persistent: Objects outlive the process; the store can be pickled.
        request_cost: Bytes that could be read in the time of one request; ranges closer together
            than this are fetched as one. 0 for memory, about 1 MiB for object stores.
    """

    writable: bool = True
    conditional_put: bool = False
    listing: bool = True
    mapping: bool = False
    persistent: bool = True
    request_cost: int = 1 << 20


@dataclass(frozen=True, slots=True)
class ObjectInfo:
    """One stored object.

    Attributes:
        key: Key below the root of the store.
        size: Size in bytes.
        version: Opaque token that changes whenever the object does (an etag, a generation); empty
            when a listing does not tell.
        modified: Seconds since the epoch of the last change, or None when the store does not tell.
    """

    key: str
    size: int
    version: str = ""
    modified: float | None = None


@dataclass(frozen=True, slots=True)
class SampleHeader:
    """What the first bytes of an encoded sample say, learned without decoding it.

    Attributes:
        shape: Shape of the decoded array.
        dtype: NumPy dtype string of the decoded array, for example ``"uint8"``.
        mode: The format's own word for the layout (``"RGB"``, ``"L"``), or empty.
        meta: What users find in ``sample_info``: JSON values only.
    """

    shape: Shape
    dtype: str
    mode: str = ""
    meta: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class TensorSchema:
    """The part of a tensor that is the same for all its samples.

    Attributes:
        id: Opaque id; never changes, not even when the tensor is renamed.
        name: Full name, groups separated by ``/``.
        htype: Base htype (``"image"``), without ``sequence[…]`` and ``link[…]``.
        dtype: NumPy dtype string, ``"str"`` for text, ``"json"`` for json values, None until the
            first sample decides.
        ndim: Dimensions of one sample, of an item of a sequence; None until the first sample
            decides.
        sample_compression: Codec key that each sample is encoded with, or None.
        chunk_compression: Codec key that chunks are compressed with, or None.
        is_sequence: A sample is a sequence of items.
        is_link: A sample is a link to the data.
        hidden: Not listed in ``ds.tensors``.
        verify: Links are opened when they are appended.
        max_chunk_size: Target size of a chunk in bytes, None for the htype's own.
        tiling_threshold: Samples larger than this many bytes are tiled, negative: never, None: the
            default.
        meta: Meta of the htype that is not shown in ``info``.
        extra: Keys written by another version; kept as they are.
    """

    id: str
    name: str
    htype: str = "generic"
    dtype: str | None = None
    ndim: int | None = None
    sample_compression: str | None = None
    chunk_compression: str | None = None
    is_sequence: bool = False
    is_link: bool = False
    hidden: bool = False
    verify: bool = True
    max_chunk_size: int | None = None
    tiling_threshold: int | None = None
    meta: Mapping[str, Any] = field(default_factory=dict)
    extra: Mapping[str, Any] = field(default_factory=dict)

    @property
    def row_ndim(self) -> int:
        """Dimensions of a row: of a sequence, those of its items and one more.

        Before the first sample decides, as many as are known.
        """
        return (self.ndim or 0) + self.is_sequence

    @property
    def full_htype(self) -> str:
        """Htype as users write it: ``"sequence[image]"``, ``"link[image]"``."""
        htype = self.htype
        if self.is_link:
            htype = f"link[{htype}]"
        if self.is_sequence:
            htype = f"sequence[{htype}]" if htype != "generic" else "sequence"
        return htype


@dataclass(frozen=True, slots=True)
class ShapeInterval:
    """Smallest and largest shape of some samples, printed as ``(10, 0:2)``.

    Example:
        >>> ShapeInterval((10, 0), (10, 2))
        (10, 0:2)
        >>> ShapeInterval((10, 0), (10, 2)).astuple()
        (10, None)
    """

    lower: Shape
    upper: Shape

    def __init__(self, lower: Iterable[int], upper: Iterable[int] | None = None) -> None:
        low = tuple(lower)
        high = low if upper is None else tuple(upper)
        if len(low) != len(high) or any(a < 0 or a > b for a, b in zip(low, high, strict=True)):
            raise InvalidShapeIntervalError(
                f"{low} to {high} is not an interval of shapes: both need the same length, and "
                "0 <= lower <= upper on each axis"
            )
        object.__setattr__(self, "lower", low)
        object.__setattr__(self, "upper", high)

    @property
    def is_dynamic(self) -> bool:
        """Whether the shapes differ."""
        return self.lower != self.upper

    def astuple(self) -> tuple[int | None, ...]:
        """The common shape, with None where samples differ."""
        return tuple(a if a == b else None for a, b in zip(self.lower, self.upper, strict=True))

    def __repr__(self) -> str:
        axes = [
            str(a) if a == b else f"{a}:{b}" for a, b in zip(self.lower, self.upper, strict=True)
        ]
        return f"({axes[0]},)" if len(axes) == 1 else f"({', '.join(axes)})"

    __str__ = __repr__


__all__ = [
    "Buffer",
    "ByteRange",
    "Data",
    "ObjectInfo",
    "PathLike",
    "SampleHeader",
    "Shape",
    "ShapeInterval",
    "StoreCapabilities",
    "TensorSchema",
    "byte_length",
    "check_key",
    "joined",
]
