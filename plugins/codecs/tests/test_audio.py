"""Contract and exactness of the sound formats."""

from __future__ import annotations

import io
import struct
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
import pytest
import soundfile

from deeplake.errors import CorruptedSampleError
from deeplake.spi import SampleCodec
from deeplake.testing.codec import SampleCodecContract
from deeplake_codecs.audio import Flac, Mp3, Wav, mp3_frame


def wave(samples: int, channels: int = 2, seed: int = 0) -> np.ndarray:
    """A chord with some noise: float32 of shape ``(samples, channels)``."""
    rng = np.random.default_rng(seed)
    time = np.arange(samples)[:, None] / 8000
    tones = np.sin(2 * np.pi * time * np.array([220.0, 330.0, 440.0, 550.0])[:channels])
    return (0.4 * tones + 0.02 * rng.standard_normal(tones.shape)).astype(np.float32)


def sound(
    samples: np.ndarray, format: str, subtype: str | None = None, rate: int = 8000, **options: Any
) -> bytes:
    """The bytes of a sound file."""
    file = io.BytesIO()
    soundfile.write(file, samples, rate, format=format, subtype=subtype, **options)
    return file.getvalue()


class Sounds(SampleCodecContract):
    heavy: ClassVar[tuple[str, ...]] = ("soundfile", "numpy", "cffi")

    def large_file(self) -> bytes:
        return sound(wave(2_000_000), self.codec.name.upper())


class TestWav(Sounds):
    codec = Wav

    def files(self) -> Mapping[str, bytes]:
        kinds = ("PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE", "ULAW", "ALAW",
                 "IMA_ADPCM", "MS_ADPCM")  # fmt: skip
        files = {kind: sound(wave(700), "WAV", kind) for kind in kinds}
        return {
            **files,
            "mono": sound(wave(500, 1), "WAV"),
            "four channels": sound(wave(300, 4), "WAVEX"),
            "rf64": sound(wave(300), "RF64"),
            "no samples": sound(wave(0), "WAV"),
            "odd chunk before the samples": _with_chunk(sound(wave(300), "WAV")),
        }

    def bombs(self) -> Mapping[str, bytes]:
        data = bytearray(sound(wave(300), "WAV"))
        struct.pack_into("<I", data, data.index(b"data") + 4, 0xFFFF_FFF0)
        return {"a chunk of 4 GiB": bytes(data)}

    def long_file(self) -> bytes:
        return sound(wave(200_000), "WAV")


class TestFlac(Sounds):
    codec = Flac

    def files(self) -> Mapping[str, bytes]:
        return {
            "16 bits": sound(wave(9000), "FLAC", "PCM_16"),
            "24 bits": sound(wave(700), "FLAC", "PCM_24"),
            "8 bits, mono": sound(wave(700, 1), "FLAC", "PCM_S8"),
            "silence": sound(np.zeros((50_000, 2), np.float32), "FLAC"),
        }

    def bombs(self) -> Mapping[str, bytes]:
        data = bytearray(sound(wave(300), "FLAC"))
        # The last 36 bits of these 8 bytes of STREAMINFO are the number of samples.
        return {
            name: bytes(data[:21] + bytes([data[21] & 0xF0 | count >> 32])
                        + struct.pack(">I", count & 0xFFFF_FFFF) + data[26:])
            for name, count in (("most", (1 << 36) - 1), ("an hour", 8000 * 3600))
        }  # fmt: skip

    def long_file(self) -> bytes:
        return sound(wave(1_000_000), "FLAC")


class TestMp3(Sounds):
    codec = Mp3

    def files(self) -> Mapping[str, bytes]:
        return {
            "stereo": sound(wave(5000), "MP3"),
            "mono": sound(wave(3000, 1), "MP3"),
            "44 kHz": sound(wave(5000), "MP3", rate=44_100),
            "with tags": b"ID3\4\0\0\0\0\0\x0a" + bytes(10) + sound(wave(3000), "MP3"),
        }

    def bombs(self) -> Mapping[str, bytes]:
        data = bytearray(self.files()["stereo"])
        place = max(data.find(b"Xing"), data.find(b"Info"))
        assert place > 0
        struct.pack_into(">I", data, place + 8, 0x7FFF_FFFF)
        return {"frames": bytes(data)}


def _with_chunk(data: bytes) -> bytes:
    place = data.index(b"data")
    result = data[:place] + b"note\x03\0\0\0abc\0" + data[place:]
    return result[:4] + struct.pack("<I", len(result) - 8) + result[8:]


@pytest.mark.parametrize(
    ("codec", "format", "subtype", "dtype"),
    [(Wav, "WAV", "PCM_16", "i2"), (Wav, "WAV", "PCM_24", "i4"), (Flac, "FLAC", "PCM_16", "i2"),
     (Flac, "FLAC", "PCM_24", "i4"), (Wav, "WAV", "FLOAT", "f4")],
)  # fmt: skip
def test_values_are_exact(codec: type[SampleCodec], format: str, subtype: str, dtype: str) -> None:
    if dtype == "f4":
        values = wave(4000)
        expected = values
    else:
        bits = int(subtype.rpartition("_")[2])
        whole = np.random.default_rng(0).integers(-(2 ** (bits - 1)), 2 ** (bits - 1), (4000, 2))
        values = (whole << (8 * np.dtype(dtype).itemsize - bits)).astype(dtype)
        expected = (whole / 2 ** (bits - 1)).astype(np.float32)
    data = sound(values, format, subtype)
    assert np.array_equal(codec().decode(data), expected)


@pytest.mark.parametrize(("codec", "format"), [(Wav, "WAV"), (Flac, "FLAC"), (Mp3, "MP3")])
def test_meta(codec: type[SampleCodec], format: str) -> None:
    meta = codec().probe(sound(wave(4000, 1), format, rate=16_000)).meta
    assert meta["sample_rate"] == 16_000
    assert meta["num_samples"] == 4000
    assert meta["num_channels"] == 1
    assert meta["duration"] == 0.25
    assert meta["sample_format"] == {"MP3": "fltp"}.get(format, "s16")


def test_a_wave_of_unknown_length_is_read_to_its_end() -> None:
    data = bytearray(sound(wave(500), "WAV", "PCM_16"))
    struct.pack_into("<I", data, data.index(b"data") + 4, 0xFFFF_FFFF)
    assert Wav().decode(bytes(data)).shape == (500, 2)


def test_mp3_without_a_length_is_counted() -> None:
    """Frames behind the first, which says how many there are: what old encoders wrote."""
    data = sound(wave(40_000), "MP3", rate=44_100)
    first = mp3_frame(data[:4])
    assert first is not None
    rest = data[first[0] :]
    header = Mp3().probe(rest)
    # Whole frames, less the 529 samples by which every decoder is late.
    assert (header.shape[0] + 529) % 1152 == 0
    assert header.shape[0] >= 40_000
    assert Mp3().decode(rest).shape == header.shape
    behind = b"ID3\4\0\0\0\0\0\x0a" + bytes(10) + rest + b"TAG" + bytes(125)
    assert Mp3().probe(behind).shape == header.shape


def test_mp3_has_the_samples_that_were_encoded() -> None:
    original = wave(30_000, 1)
    copy = Mp3().decode(sound(original, "MP3"))
    assert copy.shape == original.shape
    # In place: a shift by some samples would leave nothing of the correlation.
    assert np.corrcoef(copy[:, 0], original[:, 0])[0, 1] > 0.95


def test_a_format_is_not_taken_for_another() -> None:
    for codec in (Wav, Flac, Mp3):
        for format in {"WAV", "FLAC", "MP3"} - {codec.name.upper()}:
            with pytest.raises(CorruptedSampleError):
                codec().probe(sound(wave(900), format))


def test_parts_read_a_sound_that_soundfile_reads() -> None:
    data = sound(wave(50_000), "FLAC", "PCM_16")
    whole, _ = soundfile.read(io.BytesIO(data), dtype="float32", always_2d=True)
    header = Flac().probe(data)
    part = Flac().decode_part(io.BytesIO(data), slice(31_111, 31_200), header=header)
    assert np.array_equal(part, whole[31_111:31_200])
