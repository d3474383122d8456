"""An honest codec of each kind, and twins of it with one fault each.

Not collected by itself: test_codec_contract.py runs it and expects every fault to be found.
"""

from __future__ import annotations

import io
import struct
import time
import zlib
from collections.abc import Mapping
from typing import Any, BinaryIO, ClassVar

import numpy as np

from deeplake.errors import CorruptedSampleError, SampleCompressionError
from deeplake.format.codecs import Zlib
from deeplake.spi import SampleCodec
from deeplake.testing.codec import ChunkCodecContract, SampleCodecContract
from deeplake.types import Buffer, SampleHeader

HEADER = struct.Struct("<4sIIII")
RATIO = 1032


class Toy(SampleCodec, api=(1, 0)):
    """Magic, height, width, channels (0: none), checksum; then the pixels, deflated."""

    name = "toy"
    media = "image"
    extensions = ("toy",)
    crops = True
    lossless = True
    _dtypes: ClassVar[tuple[str, ...]] = ("uint8",)

    def sniff(self, head: Buffer) -> bool:
        return bytes(head[:4]) == b"TOY\n"

    def shape(self, data: Buffer) -> tuple[int, ...]:
        if len(data) < HEADER.size or not Toy.sniff(self, data):
            raise CorruptedSampleError("not a toy file")
        _, height, width, channels, _ = HEADER.unpack_from(data)
        if height * width * max(1, channels) > RATIO * len(data):
            raise CorruptedSampleError("a toy file that cannot hold what it claims")
        return (height, width, channels) if channels else (height, width)

    def probe(self, data: Buffer) -> SampleHeader:
        return SampleHeader(self.shape(data), "uint8", meta={"format": "toy"})

    def encode(self, array: np.ndarray) -> bytes:
        if not self.writable:
            raise SampleCompressionError("toy files cannot be made")
        if array.dtype.name not in self._dtypes or array.ndim not in {2, 3} or not array.size:
            raise SampleCompressionError("toy holds uint8 pictures")
        return self.pack(array.astype("u1", order="C"))

    def pack(self, picture: np.ndarray) -> bytes:
        height, width, channels = (*picture.shape, 0)[:3]
        pixels = picture.tobytes()
        head = HEADER.pack(b"TOY\n", height, width, channels, zlib.crc32(pixels))
        return head + zlib.compress(pixels)

    def unpack(self, data: Buffer, size: int) -> bytes:
        try:
            pixels = zlib.decompressobj().decompress(data[HEADER.size :], size + 1)
        except zlib.error as error:
            raise CorruptedSampleError(str(error)) from error
        if len(pixels) != size or zlib.crc32(pixels) != HEADER.unpack_from(data)[4]:
            raise CorruptedSampleError("a toy file that is cut or damaged")
        return pixels

    def decode(
        self,
        data: Buffer,
        *,
        out: np.ndarray | None = None,
        crop: tuple[int, int, int, int] | None = None,
        size: tuple[int, int] | None = None,
    ) -> np.ndarray:
        shape = self.shape(data)
        whole = np.frombuffer(self.unpack(data, int(np.prod(shape))), np.uint8).reshape(shape)
        top, left, height, width = crop or (0, 0, *shape[:2])
        result = self.resize(whole[top : top + height, left : left + width], size)
        if out is None:
            return np.array(result)
        np.copyto(out, result)
        return out

    def resize(self, part: np.ndarray, size: tuple[int, int] | None) -> np.ndarray:
        if size is None:
            return part
        result = np.empty((*size, *part.shape[2:]), np.uint8)
        rows, columns = (np.arange(n + 1) * m / n for n, m in zip(size, part.shape, strict=False))
        for y in range(size[0]):
            for x in range(size[1]):
                top, left = int(rows[y]), int(columns[x])
                box = part[
                    top : max(top + 1, int(rows[y + 1])),
                    left : max(left + 1, int(columns[x + 1])),
                ]
                result[y, x] = box.mean(axis=(0, 1)).round()
        return result


class TestToy(SampleCodecContract):
    codec = Toy

    def bombs(self) -> Mapping[str, bytes]:
        return {"claim": HEADER.pack(b"TOY\n", 20_000, 20_000, 3, 0) + bytes(100)}


class TestDeflate(ChunkCodecContract):
    codec = Zlib


class Roll(Toy, api=(1, 0)):
    """Magic, items, width, checksum of these; then each item behind its own checksum."""

    name = "roll"
    media = "audio"
    extensions = ("roll",)
    crops = False
    parts = True
    _head = struct.Struct("<4sII")

    def sniff(self, head: Buffer) -> bool:
        return bytes(head[:4]) == b"ROLL"

    def shape(self, data: Buffer) -> tuple[int, ...]:
        head = bytes(data[:16])
        if len(head) < 16 or not self.sniff(head) or head[12:] != self._checksum(head[:12]):
            raise CorruptedSampleError("not a roll")
        _, count, width = self._head.unpack_from(head)
        if len(data) != 16 + count * (4 + width):
            raise CorruptedSampleError("a roll that is cut")
        return (count, width)

    def _checksum(self, data: bytes) -> bytes:
        return zlib.crc32(data).to_bytes(4, "little")

    def pack(self, picture: np.ndarray) -> bytes:
        if picture.ndim != 2:
            raise SampleCompressionError("rolls have two axes")
        head = self._head.pack(b"ROLL", *picture.shape)
        rows = b"".join(self._checksum(row.tobytes()) + row.tobytes() for row in picture)
        return head + self._checksum(head) + rows

    def decode(self, data: Buffer, *, out: Any = None, crop: Any = None, size: Any = None) -> Any:
        header = self.probe(data)
        result = self.decode_part(io.BytesIO(data), slice(None), header=header)
        if out is None:
            return result
        np.copyto(out, result)
        return out

    def decode_part(self, file: BinaryIO, part: slice, *, header: SampleHeader) -> np.ndarray:
        count, width = header.shape
        if not self.sniff(file.read(4)):
            raise CorruptedSampleError("not a roll")
        rows = range(*part.indices(count))
        result = np.empty((len(rows), width), np.uint8)
        for i, row in enumerate(rows):
            file.seek(16 + row * (4 + width))
            result[i] = self.row(file.read(4 + width), width)
        return result

    def row(self, stored: bytes, width: int) -> np.ndarray:
        if len(stored) != 4 + width or stored[:4] != self._checksum(stored[4:]):
            raise CorruptedSampleError("an item is damaged")
        return np.frombuffer(stored[4:], np.uint8)


class TestRoll(SampleCodecContract):
    codec = Roll
    layouts = (("uint8", None),)
    gil = False  # an item is checked in microseconds

    def bombs(self) -> Mapping[str, bytes]:
        head = struct.pack("<4sII", b"ROLL", 1 << 30, 4)
        return {"claim": head + zlib.crc32(head).to_bytes(4, "little") + bytes(100)}

    def long_file(self) -> bytes:
        return Roll().encode(np.arange(4000, dtype=np.uint32).view(np.uint8).reshape(1000, 16))


# --------------------------------------------------------------------------- faults of samples
class NoApi(Toy):
    api = None


class SwapsSides(Toy):
    def probe(self, data: Buffer) -> SampleHeader:
        height, width, *rest = self.shape(data)
        return SampleHeader((width, height, *rest), "uint8")


class MetaIsNoJson(Toy):
    def probe(self, data: Buffer) -> SampleHeader:
        return SampleHeader(self.shape(data), "uint8", meta={"head": bytes(data[:4])})


class IgnoresOut(Toy):
    def decode(self, data: Buffer, *, out: Any = None, crop: Any = None, size: Any = None) -> Any:
        return super().decode(data, crop=crop, size=size)


class CopiesOut(Toy):
    def decode(self, data: Buffer, *, out: Any = None, crop: Any = None, size: Any = None) -> Any:
        return super().decode(data, out=out, crop=crop, size=size).copy()


class NotLossless(Toy):
    def pack(self, picture: np.ndarray) -> bytes:
        return super().pack(picture & 0xFE)


class VeryLossy(Toy):
    lossless = False

    def pack(self, picture: np.ndarray) -> bytes:
        return super().pack(picture & 0x80)


class ChangesItsArgument(Toy):
    def encode(self, array: np.ndarray) -> bytes:
        if array.dtype == np.uint8 and array.flags.writeable:
            array.sort(axis=0)
        return super().encode(array)


class CastsAnything(Toy):
    _dtypes = ("uint8", "float32", "int16", "bool")


class ForgetsEmpty(Toy):
    def encode(self, array: np.ndarray) -> bytes:
        if not array.size:
            raise ZeroDivisionError
        return super().encode(array)


class ForgetsByteOrder(Toy):
    def encode(self, array: np.ndarray) -> bytes:
        # The bytes as they lie in memory, whatever the strides.
        Toy.encode(self, array)
        flat = array.T if array.flags.f_contiguous and not array.flags.c_contiguous else array
        pixels = flat.tobytes()
        head = HEADER.pack(b"TOY\n", *(*array.shape, 0)[:3], zlib.crc32(pixels))
        return head + zlib.compress(pixels)


class EncodesReadOnly(Toy):
    writable = False

    def encode(self, array: np.ndarray) -> bytes:
        return Toy().encode(array)


class SniffsEverything(Toy):
    def sniff(self, head: Buffer) -> bool:
        return True


class PadsTruncated(Toy):
    def unpack(self, data: Buffer, size: int) -> bytes:
        stream = zlib.decompressobj()
        try:
            return stream.decompress(data[HEADER.size :], size).ljust(size, b"\x80")
        except zlib.error as error:
            raise CorruptedSampleError(str(error)) from error


class LeaksErrors(Toy):
    def unpack(self, data: Buffer, size: int) -> bytes:
        return zlib.decompress(data[HEADER.size :]).ljust(size)[:size]


class AllocatesFirst(Toy):
    def shape(self, data: Buffer) -> tuple[int, ...]:
        if len(data) >= HEADER.size and Toy.sniff(self, data):
            claimed = HEADER.unpack_from(data)
            self.pixels = np.ones(min(claimed[1] * claimed[2], 1 << 28), np.uint8)
        return super().shape(data)


class BelievesClaims(Toy):
    def shape(self, data: Buffer) -> tuple[int, ...]:
        if len(data) < HEADER.size or not Toy.sniff(self, data):
            raise CorruptedSampleError("not a toy file")
        _, height, width, channels, _ = HEADER.unpack_from(data)
        return (height, width, channels) if channels else (height, width)

    def unpack(self, data: Buffer, size: int) -> bytes:
        return bytes(size)


class SharesItsInput(Toy):
    def pack(self, picture: np.ndarray) -> bytes:
        return super().pack(picture)[: HEADER.size] + picture.tobytes()

    def decode(self, data: Buffer, *, out: Any = None, crop: Any = None, size: Any = None) -> Any:
        shape = self.shape(data)
        if len(data) - HEADER.size != np.prod(shape):
            raise CorruptedSampleError("cut")
        return np.frombuffer(data, np.uint8, offset=HEADER.size).reshape(shape)


class KeepsItsArray(Toy):
    def __init__(self) -> None:
        self.last = np.empty(0, np.uint8)

    def decode(self, data: Buffer, *, out: Any = None, crop: Any = None, size: Any = None) -> Any:
        result = super().decode(data, out=out, crop=crop, size=size)
        if out is not None or self.last.shape != result.shape:
            self.last = result
        np.copyto(self.last, result)
        return self.last


class IsNotThreadSafe(Toy):
    def __init__(self) -> None:
        self.data: Buffer = b""

    def decode(self, data: Buffer, *, out: Any = None, crop: Any = None, size: Any = None) -> Any:
        self.data = data
        time.sleep(0.0001)
        return super().decode(self.data, out=out, crop=crop, size=size)


class KeepsTheGil(Toy):
    def unpack(self, data: Buffer, size: int) -> bytes:
        sum(range(2 * size))  # a loop in C that lets nobody in
        return super().unpack(data, size)


class CropsBesides(Toy):
    def decode(self, data: Buffer, *, out: Any = None, crop: Any = None, size: Any = None) -> Any:
        if crop is not None and crop[0] > 0:
            crop = (crop[0] - 1, *crop[1:])
        return super().decode(data, out=out, crop=crop, size=size)


class ResizesTheWhole(Toy):
    def decode(self, data: Buffer, *, out: Any = None, crop: Any = None, size: Any = None) -> Any:
        return super().decode(data, out=out, crop=crop if size is None else None, size=size)


class ReadsTheWholeRoll(Roll):
    def decode_part(self, file: BinaryIO, part: slice, *, header: SampleHeader) -> np.ndarray:
        return super().decode_part(io.BytesIO(file.read()), part, header=header)


class IgnoresSteps(Roll):
    def decode_part(self, file: BinaryIO, part: slice, *, header: SampleHeader) -> np.ndarray:
        return super().decode_part(file, slice(part.start, part.stop), header=header)


class PadsItems(Roll):
    def row(self, stored: bytes, width: int) -> np.ndarray:
        return np.frombuffer(stored[4:].ljust(width, b"\0"), np.uint8)


class KeepsItsPlace(Roll):
    def __init__(self) -> None:
        self.width = 0

    def decode_part(self, file: BinaryIO, part: slice, *, header: SampleHeader) -> np.ndarray:
        self.width = header.shape[1]
        time.sleep(0.0001)
        shape = (header.shape[0], self.width)
        return super().decode_part(file, part, header=SampleHeader(shape, "uint8"))


class _Faulty(TestToy):
    def bombs(self) -> Mapping[str, bytes]:
        return super().bombs()


class TestNoApi(_Faulty):
    codec = NoApi


class TestHeavyImport(_Faulty):
    heavy = ("zlib",)


class TestSwapsSides(_Faulty):
    codec = SwapsSides


class TestMetaIsNoJson(_Faulty):
    codec = MetaIsNoJson


class TestIgnoresOut(_Faulty):
    codec = IgnoresOut


class TestCopiesOut(_Faulty):
    codec = CopiesOut


class TestNotLossless(_Faulty):
    codec = NotLossless


class TestVeryLossy(_Faulty):
    codec = VeryLossy


class TestChangesItsArgument(_Faulty):
    codec = ChangesItsArgument


class TestCastsAnything(_Faulty):
    codec = CastsAnything


class TestForgetsEmpty(_Faulty):
    codec = ForgetsEmpty


class TestForgetsByteOrder(_Faulty):
    codec = ForgetsByteOrder


class TestEncodesReadOnly(_Faulty):
    codec = EncodesReadOnly

    def files(self) -> Mapping[str, bytes]:
        return {"toy": Toy().encode(np.zeros((3, 4), np.uint8))}


class TestSniffsEverything(_Faulty):
    codec = SniffsEverything


class TestPadsTruncated(_Faulty):
    codec = PadsTruncated


class TestLeaksErrors(_Faulty):
    codec = LeaksErrors


class TestAllocatesFirst(_Faulty):
    codec = AllocatesFirst


class TestBelievesClaims(_Faulty):
    codec = BelievesClaims

    def bombs(self) -> Mapping[str, bytes]:
        return {"claim": HEADER.pack(b"TOY\n", 2_000, 2_000, 3, 0) + bytes(100)}


class TestStatesNoBombs(_Faulty):
    bombs = SampleCodecContract.bombs


class TestSharesItsInput(_Faulty):
    codec = SharesItsInput


class TestKeepsItsArray(_Faulty):
    codec = KeepsItsArray


class TestIsNotThreadSafe(_Faulty):
    codec = IsNotThreadSafe


class TestKeepsTheGil(_Faulty):
    codec = KeepsTheGil


class TestCropsBesides(_Faulty):
    codec = CropsBesides


class TestResizesTheWhole(_Faulty):
    codec = ResizesTheWhole


class _FaultyRoll(TestRoll):
    def bombs(self) -> Mapping[str, bytes]:
        return super().bombs()


class TestReadsTheWholeRoll(_FaultyRoll):
    codec = ReadsTheWholeRoll


class TestIgnoresSteps(_FaultyRoll):
    codec = IgnoresSteps


class TestPadsItems(_FaultyRoll):
    codec = PadsItems


class TestKeepsItsPlace(_FaultyRoll):
    codec = KeepsItsPlace

    def files(self) -> Mapping[str, bytes]:
        return {str(n): Roll().encode(np.ones((5, n), np.uint8)) for n in (3, 4, 5)}


class TestStatesNoLongFile(_FaultyRoll):
    long_file = SampleCodecContract.long_file


# --------------------------------------------------------------------------- faults of bytes
class Unbounded(Zlib, api=(1, 0)):
    def decompress(self, data: Buffer, size: int) -> Buffer:
        try:
            result = zlib.decompress(data)
        except zlib.error as error:
            raise CorruptedSampleError(str(error)) from error
        if len(result) != size:
            raise CorruptedSampleError("another size")
        return result


class TrustsTheSize(Zlib, api=(1, 0)):
    def decompress(self, data: Buffer, size: int) -> Buffer:
        self.room = bytearray(min(size, 1 << 28))
        return super().decompress(data, size)


class Cuts(Zlib, api=(1, 0)):
    def decompress(self, data: Buffer, size: int) -> Buffer:
        try:
            return zlib.decompressobj().decompress(data, max(1, size))[:size]
        except zlib.error as error:
            raise CorruptedSampleError(str(error)) from error


class Pads(Zlib, api=(1, 0)):
    def decompress(self, data: Buffer, size: int) -> Buffer:
        if size > 1 << 20:
            raise CorruptedSampleError("too large")
        try:
            return zlib.decompressobj().decompress(data, size + 1).ljust(size, b"\0")[:size]
        except zlib.error as error:
            raise CorruptedSampleError(str(error)) from error


class IgnoresTheTail(Zlib, api=(1, 0)):
    def decompress(self, data: Buffer, size: int) -> Buffer:
        stream = zlib.decompressobj()
        try:
            result = stream.decompress(data, size + 1)
        except zlib.error as error:
            raise CorruptedSampleError(str(error)) from error
        if len(result) != size or not stream.eof:
            raise CorruptedSampleError("cut")
        return result


class LeaksZlibErrors(Zlib, api=(1, 0)):
    def decompress(self, data: Buffer, size: int) -> Buffer:
        stream = zlib.decompressobj()
        result = stream.decompress(data, size + 1)
        if len(result) != size or not stream.eof or stream.unused_data:
            raise CorruptedSampleError("cut")
        return result


class StripsZeros(Zlib, api=(1, 0)):
    def compress(self, data: Buffer) -> bytes:
        return super().compress(bytes(data).rstrip(b"\0") or b"\0")


class CountsItems(Zlib, api=(1, 0)):
    def compress(self, data: Buffer) -> bytes:
        return super().compress(bytes(data)[: len(data)])


class SharesItsBuffer(Zlib, api=(1, 0)):
    def __init__(self) -> None:
        self.data: Buffer = b""

    def compress(self, data: Buffer) -> bytes:
        self.data = data
        time.sleep(0.0001)
        return super().compress(self.data)


class KeepsTheGilToo(Zlib, api=(1, 0)):
    def decompress(self, data: Buffer, size: int) -> Buffer:
        sum(range(4 * min(size, 1 << 24)))
        return super().decompress(data, size)


class IsLossy(Zlib, api=(1, 0)):
    lossless = False


class TestUnbounded(ChunkCodecContract):
    codec = Unbounded


class TestTrustsTheSize(ChunkCodecContract):
    codec = TrustsTheSize


class TestCuts(ChunkCodecContract):
    codec = Cuts


class TestPads(ChunkCodecContract):
    codec = Pads


class TestIgnoresTheTail(ChunkCodecContract):
    codec = IgnoresTheTail


class TestLeaksZlibErrors(ChunkCodecContract):
    codec = LeaksZlibErrors


class TestStripsZeros(ChunkCodecContract):
    codec = StripsZeros


class TestCountsItems(ChunkCodecContract):
    codec = CountsItems


class TestSharesItsBuffer(ChunkCodecContract):
    codec = SharesItsBuffer


class TestKeepsTheGilToo(ChunkCodecContract):
    codec = KeepsTheGilToo


class TestIsLossy(ChunkCodecContract):
    codec = IsLossy
