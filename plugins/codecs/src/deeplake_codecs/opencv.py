"""What OpenCV decodes and encodes: exact for 8 and 16 bits, and without the GIL."""

from __future__ import annotations

from typing import TYPE_CHECKING

from deeplake_codecs.pictures import unreadable

if TYPE_CHECKING:
    import numpy as np

    from deeplake.types import Buffer

MAX_SIDE = 1 << 20
"""OpenCV's own limit (``CV_IO_MAX_IMAGE_WIDTH`` and ``..._HEIGHT``)."""


def decode_into(name: str, data: Buffer, target: np.ndarray) -> None:
    """Decode a file as it is stored: no rotation by exif, no change of depth.

    Args:
        name: The codec, for messages.
        data: The file's bytes.
        target: C-contiguous ``(H, W)`` or ``(H, W, 2…4)`` array of uint8 or uint16. Alpha is added
            (opaque) or dropped where target and file differ: OpenCV turns the transparent colour of
            a PNG into alpha, and alpha can be announced and missing in a WebP.

    Raises:
        CorruptedSampleError: The file is damaged, or is not what ``target`` is for.
    """
    import cv2
    import numpy as np

    try:
        found = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    except cv2.error as error:
        if error.code == cv2.Error.StsNoMem:
            raise MemoryError(str(error)) from error
        raise unreadable(name, error.err) from error
    if found is None:
        raise unreadable(name, "the decoder gave up on it")
    if found.shape[:2] != target.shape[:2] or found.dtype != target.dtype:
        raise unreadable(
            name,
            f"its header says {target.dtype} {target.shape}, its pixels are {found.dtype} "
            f"{found.shape}",
        )
    has = found.shape[2] if found.ndim == 3 else 0
    wanted = target.shape[2] if target.ndim == 3 else 0
    conversion = {
        (3, 3): cv2.COLOR_BGR2RGB,
        (3, 4): cv2.COLOR_BGR2RGBA,
        (4, 3): cv2.COLOR_BGRA2RGB,
        (4, 4): cv2.COLOR_BGRA2RGBA,
    }.get((has, wanted))
    if conversion is not None:
        # Writes into the array it is given: it has the right shape and dtype.
        cv2.cvtColor(found, conversion, dst=target)
    elif has == wanted == 0:
        np.copyto(target, found)
    elif (has, wanted) == (4, 2):
        # Gray and alpha come as blue = green = red and alpha.
        np.copyto(target, found[:, :, ::3])
    elif wanted == 0:
        np.copyto(target, found[:, :, 0])
    else:
        raise unreadable(name, f"its header says {wanted or 1} channels, it has {has or 1}")


def encode(name: str, extension: str, picture: np.ndarray, options: list[int]) -> bytes:
    """A picture as a file.

    Args:
        name: The codec, for messages.
        extension: ``.png`` and the like.
        picture: C-contiguous ``(H, W)``, ``(H, W, 3)`` or ``(H, W, 4)`` array of a dtype and size
            that the format can hold.
        options: Pairs of OpenCV's ``IMWRITE_…`` and values.

    Raises:
        SampleCompressionError: The encoder refused.
    """
    import cv2

    from deeplake.errors import SampleCompressionError

    if picture.ndim == 3:
        conversion = cv2.COLOR_RGB2BGR if picture.shape[2] == 3 else cv2.COLOR_RGBA2BGRA
        picture = cv2.cvtColor(picture, conversion)
    try:
        done, file = cv2.imencode(extension, picture, options)
    except cv2.error as error:
        raise SampleCompressionError(f"the {name} encoder failed: {error.err}") from error
    if not done:
        raise SampleCompressionError(
            f"the {name} encoder refused a picture of {picture.dtype} {picture.shape}"
        )
    return file.tobytes()


__all__ = ["MAX_SIDE", "decode_into", "encode"]
