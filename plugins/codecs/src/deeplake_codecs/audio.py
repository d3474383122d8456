"""WAV, FLAC and MP3, by libsndfile (soundfile)."""

from __future__ import annotations

import io
import re
import struct
from typing import TYPE_CHECKING, Any, BinaryIO, ClassVar

from deeplake.types import Buffer, SampleHeader
from deeplake_codecs.originals import OriginalCodec, file_size

if TYPE_CHECKING:
    import numpy as np
    from soundfile import SoundFile

_BLOCK = 1 << 18
"""Samples (of all channels together) that are read at a time where a claim is not trusted."""

# libsndfile's word for how samples are stored -> FFmpeg's.
_SAMPLE_FORMATS = {
    "PCM_S8": "s8",
    "PCM_U8": "u8",
    "PCM_16": "s16",
    "PCM_24": "s32",
    "PCM_32": "s32",
    "FLOAT": "flt",
    "DOUBLE": "dbl",
    "MPEG_LAYER_III": "fltp",
}


class SoundCodec(OriginalCodec):
    """A format that libsndfile reads; subclasses state which.

    A sound is float32 of shape ``(samples, channels)``, integers scaled to -1 … 1. Values of 24
    bits and less are exact.

    Attributes:
        format: libsndfile's name.
        most: Most samples, of all channels together, that one byte of a file can encode.
    """

    media = "audio"
    format: ClassVar[str]
    most: ClassVar[int]

    def _header(self, file: BinaryIO) -> SampleHeader:
        self._refuse_cut(file)
        with self._open(file) as sound:
            rate, channels, frames = sound.samplerate, sound.channels, sound.frames
            if rate < 1 or channels < 1 or not 0 <= frames * channels <= self._bound(file):
                raise self._unreadable(
                    f"it claims {frames:,} samples of {channels} channels, which its "
                    f"{file_size(file):,} bytes cannot hold"
                )
            self._refuse_missing_end(sound)
            meta: dict[str, Any] = {
                "format": self.name,
                "sample_format": _SAMPLE_FORMATS.get(sound.subtype, sound.subtype.lower()),
                "subtype": sound.subtype,
                "sample_rate": rate,
                "num_channels": channels,
                "num_samples": frames,
                "duration": frames / rate,
            }
            tags = sound.copy_metadata()
            if tags:
                meta["tags"] = {key: str(value) for key, value in tags.items()}
        return SampleHeader((frames, channels), "float32", meta["sample_format"], meta)

    def _read(self, file: BinaryIO, header: SampleHeader, out: np.ndarray | None) -> np.ndarray:
        with self._open(file) as sound:
            return self._frames(sound, header.shape[0], file, out)

    def _read_part(self, file: BinaryIO, start: int, stop: int, header: SampleHeader) -> np.ndarray:
        with self._open(file) as sound:
            if (sound.frames, sound.channels) != tuple(header.shape):
                raise self._unreadable(
                    f"it has {sound.frames} samples of {sound.channels} channels, not "
                    f"{header.shape}"
                )
            sound.seek(start)
            return self._frames(sound, stop - start, file, None)

    def _frames(
        self, sound: SoundFile, count: int, file: BinaryIO, out: np.ndarray | None
    ) -> np.ndarray:
        """The next ``count`` samples; no more memory than the file fills is used on the way."""
        import numpy as np

        channels = sound.channels
        if out is None and count * channels <= 16 * max(_BLOCK, file_size(file)):
            out = np.empty((count, channels), np.float32)
        if out is not None:
            filled: np.ndarray = sound.read(count, dtype="float32", always_2d=True, out=out)
            return filled
        blocks, missing = [], count
        while missing:
            block = sound.read(
                min(missing, max(1, _BLOCK // channels)), dtype="float32", always_2d=True
            )
            if not len(block):
                break
            blocks.append(block)
            missing -= len(block)
        return np.concatenate(blocks)

    def _open(self, file: BinaryIO) -> SoundFile:
        from soundfile import SoundFile

        file.seek(0)
        sound = SoundFile(file)
        if sound.format not in self.format.split():
            sound.close()
            raise self._unreadable(f"it is a {sound.format} file")
        return sound

    def _bound(self, file: BinaryIO) -> int:
        """Most samples, of all channels together, that the file can hold."""
        return self.most * file_size(file)

    def _refuse_cut(self, file: BinaryIO) -> None:
        """Refuse a file of which a part is missing, where the library would not."""

    def _refuse_missing_end(self, sound: SoundFile) -> None:
        """The same, of an opened file."""


class Wav(SoundCodec, api=(1, 0)):
    """RIFF waves: PCM, float, and the compressed kinds that libsndfile knows."""

    name = "wav"
    extensions = ("wav",)
    parts = True
    format = "WAV WAVEX RF64"
    most = 8  # GSM and NMS: under 2 bits a sample

    def sniff(self, head: Buffer) -> bool:
        return bytes(head[:4]) in {b"RIFF", b"RF64"} and bytes(head[8:12]) == b"WAVE"

    def _refuse_cut(self, file: BinaryIO) -> None:
        """Libsndfile reads what is left of a file; the size of its data chunk tells what was."""
        size = file_size(file)
        file.seek(0)
        head = file.read(12)
        if not self.sniff(head):
            raise self._unreadable("it does not begin like one")
        place = 12
        while place + 8 <= size:
            file.seek(place)
            head = file.read(8)
            length = int.from_bytes(head[4:], "little")
            if head[:4] == b"data":
                # 0 and the greatest value: written by programs that could not seek back.
                if length not in {0, 0xFFFF_FFFF} and place + 8 + length > size:
                    raise self._unreadable(
                        f"{place + 8 + length - size:,} bytes are missing at its end"
                    )
                return
            place += 8 + length + length % 2
        raise self._unreadable("it has no samples: a part of it is missing")


class Flac(SoundCodec, api=(1, 0)):
    """FLAC."""

    name = "flac"
    extensions = ("flac",)
    parts = True
    format = "FLAC"
    # A frame holds up to 65,535 samples of 8 channels that are all the same, in some 20 bytes.
    most = 65_535 * 8 // 16

    def sniff(self, head: Buffer) -> bool:
        return bytes(head[:4]) == b"fLaC"

    def _refuse_missing_end(self, sound: SoundFile) -> None:
        if sound.frames:
            sound.seek(sound.frames - 1)
            if not len(sound.read(1)):
                raise self._unreadable("its end is missing")


class Mp3(SoundCodec, api=(1, 0)):
    """MPEG-1 and 2, layer III.

    The silence that encoders put before and behind the sound is cut, where the file says how long
    it is. Parts cannot be read alone: a frame needs those before it, and how many is not known.
    """

    name = "mp3"
    extensions = ("mp3",)
    lossless = False
    format = "MP3"
    most = 1152 * 2 // 20

    def sniff(self, head: Buffer) -> bool:
        start = bytes(head[:4])
        return start[:3] == b"ID3" or mp3_frame(start) is not None

    def _open(self, file: BinaryIO) -> SoundFile:
        file.seek(0)
        data = file.read()
        place = _behind_id3(data)
        first = mp3_frame(data[place : place + 4])
        if first is None:
            return super()._open(file)
        told = _TELLS_LENGTH.search(data, place, place + first[0])
        if told is not None:
            flags, _, size = struct.unpack_from(">III", data.ljust(told.end() + 12), told.end())
            # The number of frames, then that of bytes.
            if told[0] != b"VBRI" and flags & 3 == 3 and place + size > len(data):
                raise self._unreadable(f"{place + size - len(data):,} bytes are missing at its end")
            return super()._open(file)
        # Written by an old encoder. The library would guess a length from the first frame's
        # bitrate, and read no further: it is told the number of frames the way others are.
        return super()._open(io.BytesIO(_info_frame(data, place) + data[place:]))


_TELLS_LENGTH = re.compile(rb"Xing|Info|VBRI")


def _info_frame(data: bytes, place: int) -> bytes:
    """The frame that encoders put in front of those that start at a place, to tell how many."""
    head = bytearray(data[place : place + 4])
    head[1] |= 1  # no checksum
    head[2] = head[2] & 0x0C | 0x90  # the sample rate stays, no padding, a bitrate with room
    length, _ = mp3_frame(bytes(head)) or (0, 0)
    count = 0
    while (frame := mp3_frame(data[place : place + 4])) and place + frame[0] <= len(data):
        place += frame[0]
        count += 1
    mono = head[3] >> 6 == 3
    side = (17 if mono else 32) if head[1] & 8 else (9 if mono else 17)
    content = bytes(head) + bytes(side) + b"Info" + struct.pack(">II", 1, count)
    return content.ljust(length, b"\0")


_BITRATES = {  # by version 1 or not, in kbit/s
    True: (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    False: (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}


def mp3_frame(head: bytes) -> tuple[int, int] | None:
    """Bytes and samples of the frame that starts with these 4 bytes; None if none does.

    Source: ISO/IEC 11172-3, section 2.4.1.3; ISO/IEC 13818-3, section 2.4.2.3.
    """
    if len(head) < 4 or head[0] != 0xFF or head[1] & 0xE6 != 0xE2:
        return None
    version, bitrate, rate = head[1] >> 3 & 3, head[2] >> 4, head[2] >> 2 & 3
    if version == 1 or bitrate in {0, 15} or rate == 3:
        return None
    hertz = (44_100, 48_000, 32_000)[rate] >> {3: 0, 2: 1, 0: 2}[version]
    samples = 1152 if version == 3 else 576
    padding = head[2] >> 1 & 1
    return samples // 8 * 1000 * _BITRATES[version == 3][bitrate] // hertz + padding, samples


def _behind_id3(data: bytes) -> int:
    """Where the first frame should start."""
    if data[:3] != b"ID3" or len(data) < 10:
        return 0
    size = 0
    for byte in data[6:10]:
        size = size << 7 | byte & 0x7F
    return 10 + size + (10 if data[5] & 0x10 else 0)


__all__ = ["Flac", "Mp3", "SoundCodec", "Wav", "mp3_frame"]
