"""Whether a video file is whole: what its container says of its own length."""

from __future__ import annotations

import struct
from typing import BinaryIO

from deeplake_codecs.originals import file_size

MOST_BOXES = 1 << 20


def missing_from_mp4(file: BinaryIO) -> str | None:
    """What is missing of an MP4 or QuickTime file, in words.

    Source: ISO/IEC 14496-12, section 4.2.
    """
    size = file_size(file)
    place, kinds = 0, set()
    for _ in range(MOST_BOXES):
        if place == size:
            break
        file.seek(place)
        head = file.read(16)
        if len(head) < 8:
            return "its last box is cut"
        length, kind = int.from_bytes(head[:4]), head[4:8]
        if length == 1:
            length = int.from_bytes(head[8:16]) if len(head) == 16 else 0
            if length < 16:
                return "a box has no length"
        elif length == 0:
            length = size - place  # to the end
        elif length < 8:
            return "a box has no length"
        if place + length > size:
            return f"{place + length - size:,} bytes are missing at its end"
        if kind == b"moov":
            problem = _impossible_tables(file, place, length, size)
            if problem:
                return problem
        kinds.add(kind)
        place += length
    if b"moov" not in kinds:
        return "it has no index (moov): it was cut, or never finished"
    return None


def _impossible_tables(file: BinaryIO, place: int, length: int, size: int) -> str | None:
    """What tables of samples claim that the file cannot hold; FFmpeg would make room for it."""
    file.seek(place)
    index = file.read(length)
    for kind, header, entry in ((b"stsz", 12, 4), (b"stz2", 12, 0), (b"stts", 8, 8),
                                (b"ctts", 8, 8), (b"stss", 8, 4), (b"stsc", 8, 12),
                                (b"stco", 8, 4), (b"co64", 8, 8)):  # fmt: skip
        at = index.find(kind)
        while at >= 0:
            fields = index[at + 4 : at + 4 + header]
            if at >= 4 and len(fields) == header:
                box = int.from_bytes(index[at - 4 : at]) - 8 - header
                count = int.from_bytes(fields[-4:])
                each = int.from_bytes(fields[4:8]) if kind == b"stsz" else 0
                if box >= 0 and (
                    (each and count * each > size) or (not each and count * entry > box)
                ):
                    return f"its table {kind.decode()} claims {count:,} entries, which it has not"
            at = index.find(kind, at + 4)
    return None


def missing_from_avi(file: BinaryIO) -> str | None:
    """What is missing of an AVI file, in words.

    Source: AVI RIFF File Reference; OpenDML AVI File Format Extensions 1.02.
    """
    size = file_size(file)
    place = 0
    while place + 12 <= size:
        file.seek(place)
        kind, length, form = struct.unpack("<4sI4s", file.read(12))
        if kind != b"RIFF" or form not in {b"AVI ", b"AVIX"}:
            return None if place else "it does not begin like one"
        end = place + 8 + length + length % 2
        if end > size + length % 2:
            return f"{end - size:,} bytes are missing at its end"
        place = end
    return None


def missing_from_mkv(file: BinaryIO) -> str | None:
    """What is missing of a Matroska or WebM file, in words.

    Source: RFC 8794, section 4; RFC 9559, section 5.1.
    """
    size = file_size(file)
    file.seek(0)
    head = file.read(4096)
    place = 4
    length, place = _ebml_size(head, place)
    if head[:4] != b"\x1a\x45\xdf\xa3" or length is None:
        return "it does not begin like one"
    place += length
    if head[place : place + 4] != b"\x18\x53\x80\x67":
        return "it has no segment"
    length, place = _ebml_size(head, place + 4)
    if length is not None and place + length > size:
        return f"{place + length - size:,} bytes are missing at its end"
    return None


def _ebml_size(data: bytes, place: int) -> tuple[int | None, int]:
    """A length, None for an unknown one, and the place behind it."""
    if place >= len(data) or not data[place]:
        return None, place + 1
    width = 9 - data[place].bit_length()
    value = int.from_bytes(data[place : place + width]) & ((1 << 7 * width) - 1)
    return None if value == (1 << 7 * width) - 1 else value, place + width


__all__ = ["missing_from_avi", "missing_from_mkv", "missing_from_mp4"]
