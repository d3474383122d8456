"""Parts of JPEG files by TurboJPEG 3, the interface of libjpeg-turbo, where it is a shared library.

It leaves out what is above, beside and below a part: blocks are read there, as nothing says where they
begin, but not transformed and turned into colours. simplejpeg, which has libjpeg-turbo within, cannot
ask for that. The library is the system's, if new enough, or that of the distribution ``turbojpeg``.

Source: the documentation of TurboJPEG 3 (https://libjpeg-turbo.org), of which the prototypes and the
numbers of parameters are.
"""

from __future__ import annotations

import ctypes
import functools
import math
import sys
from typing import TYPE_CHECKING, Any

from deeplake_codecs.scratch import scratch

if TYPE_CHECKING:
    import numpy as np

    from deeplake.types import Buffer

_DISTRIBUTION = "turbojpeg"
_SYSTEM = {"win32": "turbojpeg.dll", "darwin": "libturbojpeg.0.dylib"}.get(
    sys.platform, "libturbojpeg.so.0"
)

_DECOMPRESS = 1
_STOP_ON_WARNING, _FAST_UPSAMPLE, _FAST_DCT = 0, 9, 10
_SUBSAMPLING, _WIDTH, _HEIGHT, _LOSSLESS = 4, 5, 6, 15

_RGB, _GRAY = 0, 6
"""Layouts of pixels."""

_COLUMNS = {0: 8, 1: 16, 2: 16, 3: 8, 4: 8, 5: 32, 6: 8}
"""Subsampling -> columns of pixels that are coded together (4:4:4, 4:2:2, 4:2:0, gray, 4:4:0, 4:1:1,
4:4:1): parts begin at multiples of them."""


class _Region(ctypes.Structure):
    _fields_ = (
        ("x", ctypes.c_int), ("y", ctypes.c_int), ("w", ctypes.c_int), ("h", ctypes.c_int),
    )  # fmt: skip


class _Factor(ctypes.Structure):
    _fields_ = (("num", ctypes.c_int), ("denom", ctypes.c_int))


class _Functions:
    """The functions of a library. Only the one that decodes lets go of the GIL: others are done sooner
    than another thread would have taken it.

    Args:
        path: File or name of the library.

    Raises:
        OSError: There is none.
        AttributeError: It is older than version 3.
    """

    def __init__(self, path: str) -> None:
        pointer, number, size = ctypes.c_void_p, ctypes.c_int, ctypes.c_size_t
        quick, slow = ctypes.PyDLL(path), ctypes.CDLL(path)
        self.new = _typed(quick.tj3Init, pointer, number)
        self.delete = _typed(quick.tj3Destroy, None, pointer)
        self.set = _typed(quick.tj3Set, number, pointer, number, number)
        self.get = _typed(quick.tj3Get, number, pointer, number)
        self.read_header = _typed(quick.tj3DecompressHeader, number, pointer, pointer, size)
        self.scale = _typed(quick.tj3SetScalingFactor, number, pointer, _Factor)
        self.crop = _typed(quick.tj3SetCroppingRegion, number, pointer, _Region)
        self.decode = _typed(
            slow.tj3Decompress8, number, pointer, pointer, size, pointer, number, number
        )


def _typed(function: Any, result: Any, *arguments: Any) -> Any:
    function.restype = result
    function.argtypes = arguments
    return function


@functools.cache
def _functions() -> _Functions | None:
    """Those of the first library that has them all; None: there is no such library."""
    for path in (_SYSTEM, _installed()):
        if path is not None:
            try:
                return _Functions(path)
            except (OSError, AttributeError):
                continue
    return None


def _installed() -> str | None:
    """The library that comes with the distribution."""
    from importlib import metadata

    try:
        files = metadata.files(_DISTRIBUTION) or ()
    except metadata.PackageNotFoundError:
        return None
    for file in files:
        # Beside it is a module for Python, which has the library's name, too.
        if file.parent.name and file.name.startswith(("libturbojpeg", "turbojpeg")):
            return str(file.locate())
    return None


def part(
    data: Buffer, shape: tuple[int, ...], factor: int, box: tuple[int, int, int, int]
) -> np.ndarray | None:
    """A part of a picture that is decoded by the quickest methods, to be resized.

    Args:
        data: A JPEG file of 8 bits that is coded row by row, gray or in colours.
        shape: What its header says: ``(height, width)`` or ``(height, width, 3)``.
        factor: 1, 2, 4 or 8: the picture is decoded at ``1 / factor``, sides rounded up.
        box: Top, left, height and width of the part, in the reduced picture.

    Returns:
        The pixels, in memory that the thread's next picture is decoded to; None: there is no library,
        or something is wrong with the file, which another will say.
    """
    functions = _functions()
    if functions is None:
        return None
    import numpy as np

    # A new state for each picture: versions of the library are known that use what the one before left
    # in it (the functions of its colours, where the next one's are merged with the enlarging of chroma).
    handle = functions.new(_DECOMPRESS)
    if not handle:
        raise MemoryError("libjpeg-turbo got no memory for a decompressor")
    try:
        return _part(functions, handle, np.frombuffer(data, np.uint8), shape, factor, box)
    finally:
        functions.delete(handle)


def _part(
    functions: _Functions, handle: int, source: np.ndarray, shape: tuple[int, ...], factor: int,
    box: tuple[int, int, int, int],
) -> np.ndarray | None:  # fmt: skip
    address, size = source.__array_interface__["data"][0], len(source)
    get = functions.get
    for parameter in (_STOP_ON_WARNING, _FAST_UPSAMPLE, _FAST_DCT):
        functions.set(handle, parameter, 1)
    if (
        functions.read_header(handle, address, size)
        or (get(handle, _HEIGHT), get(handle, _WIDTH)) != shape[:2]
        or get(handle, _LOSSLESS)  # another frame than was found: old versions mistake some of them
        or functions.scale(handle, _Factor(1, factor))
    ):
        return None
    columns = _COLUMNS.get(get(handle, _SUBSAMPLING))
    if columns is None:
        return None
    top, left, height, width = box
    more = left % max(1, columns // factor)
    room = (height, width + more, *shape[2:])
    if functions.crop(handle, _Region(left - more, top, width + more, height)):
        return None
    pixels = scratch(math.prod(room)).reshape(room)
    target = pixels.__array_interface__["data"][0]
    layout = _RGB if len(shape) == 3 else _GRAY
    if functions.decode(handle, address, size, target, 0, layout):
        return None
    return pixels[:, more:]


__all__ = ["part"]
