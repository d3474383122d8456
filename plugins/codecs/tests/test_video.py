"""Contract of the video formats; frames, times and parts of videos of all sorts."""

from __future__ import annotations

import io
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any, ClassVar

import av
import numpy as np
import pytest

import deeplake
from deeplake.errors import CorruptedSampleError
from deeplake.spi import SampleCodec
from deeplake.testing.codec import CountingFile, SampleCodecContract
from deeplake_codecs import clip
from deeplake_codecs.clip import Clip
from deeplake_codecs.video import Avi, Mkv, Mp4, VideoCodec


def video(
    format: str,
    codec: str = "libx264",
    frames: int = 40,
    size: tuple[int, int] = (34, 26),
    at: Callable[[int], int] | None = None,
    rotation: int = 0,
    container: Mapping[str, str] | None = None,
    noise: int = 0,
    **options: Any,
) -> bytes:
    """A film of a bar that walks over a ground that gets lighter, at 25 frames a second."""
    width, height = size
    rng = np.random.default_rng(0)
    with (
        tempfile.NamedTemporaryFile() as file,  # FFmpeg reads what it wrote to move the index
        av.open(file.name, "w", format=format, options=dict(container or {})) as output,
    ):
        given = {name.replace("_", "-"): str(value) for name, value in options.items()}
        stream: Any = output.add_stream(codec, rate=25, options={"threads": "1", **given})
        stream.width, stream.height = width, height
        stream.pix_fmt = "yuv444p" if width % 2 or height % 2 else "yuv420p"
        if rotation:
            stream.set_display_rotation(rotation)
        for number in range(frames):
            picture = np.full((height, width, 3), 5 * number % 200, np.uint8)
            picture[:, number % width] = (255, 0, number % 256)
            picture += rng.integers(0, noise + 1, picture.shape).astype(np.uint8)
            frame = av.VideoFrame.from_ndarray(picture, "rgb24")
            if at is not None:
                frame.pts = at(number)
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
        output.close()
        return file.read()


def sound_only(format: str, codec: str) -> bytes:
    file = io.BytesIO()
    with av.open(file, "w", format=format) as output:
        stream: Any = output.add_stream(codec, rate=44_100, layout="mono")
        silence = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), "fltp", "mono")
        silence.sample_rate = 44_100
        output.mux(stream.encode(silence))
        output.mux(stream.encode(None))
    return file.getvalue()


@cache
def films(format: str) -> dict[str, bytes]:
    """Films of a container, by what is special about them."""
    common = {
        "h264 with reordered frames": video(format, g=9, bf=2),
        "one frame": video(format, frames=1),
        "odd size": video(format, size=(33, 27), frames=9),
    }
    if format == "avi":
        return {
            **common,
            "mpeg4": video(format, "mpeg4", g=7),
            "mpeg4 with reordered frames": video(format, "mpeg4", g=7, bf=2),
            "h264 in order": video(format, g=9, bf=0),
        }
    return {
        **common,
        "open groups": video(format, g=9, bf=3, x264_params="open-gop=1"),
        "hevc, open groups": video(
            format,
            "libx265",
            size=(66, 50),
            # On one thread: its pool of threads ended the process once while a film was finished.
            x265_params="keyint=9:open-gop=1:bframes=3:log-level=none:pools=none:frame-threads=1",
        ),
        "frames of uneven length": video(format, g=9, bf=2, at=lambda i: i * i // 3 + i),
        "mpeg4 with reordered frames": video(format, "mpeg4", g=7, bf=2),
    }


class Videos(SampleCodecContract):
    codec: ClassVar[type[VideoCodec]]
    heavy: ClassVar[tuple[str, ...]] = ("av", "numpy")
    memory = 256 << 20

    def files(self) -> Mapping[str, bytes]:
        return films(self.codec.format)

    def long_file(self) -> bytes:
        return video(self.codec.format, frames=480, size=(160, 120), noise=50, g=12, bf=0)

    def large_file(self) -> bytes:
        return video(self.codec.format, frames=60, size=(640, 480), crf=10)


class TestMp4(Videos):
    codec = Mp4

    def files(self) -> Mapping[str, bytes]:
        return {
            **super().files(),
            "index in front": video("mp4", container={"movflags": "faststart"}),
            "fragments": video("mp4", g=9, container={"movflags": "frag_keyframe+empty_moov"}),
        }

    def bombs(self) -> Mapping[str, bytes]:
        data = films("mp4")["h264 with reordered frames"]
        place = data.index(b"stsz")
        tall = data.index(b"avc1") + 4 + 24
        return {
            "samples that are all of one size": patched(
                data, place + 8, (1).to_bytes(4) + (0xFFFF_FFF0).to_bytes(4)
            ),
            "more samples than there are": patched(data, place + 12, (1 << 28).to_bytes(4)),
            "a count of chunks": patched(data, data.index(b"stco") + 8, (1 << 29).to_bytes(4)),
            "a picture of 65,535 x 65,535": _sps_bomb() if tall else b"",
        }


class TestMkv(Videos):
    codec = Mkv
    part_share = 1.25  # what is in front is read, the beginning twice

    def bombs(self) -> Mapping[str, bytes]:
        return {}


class TestAvi(Videos):
    codec = Avi

    def bombs(self) -> Mapping[str, bytes]:
        data = films("avi")["mpeg4"]
        return {"a list of 4 GiB": patched(data, 4, b"\xf0\xff\xff\xff")}


def patched(data: bytes, place: int, new: bytes) -> bytes:
    return data[:place] + new + data[place + len(new) :]


def _sps_bomb() -> bytes:
    """A film whose codec (not only its container) says that frames are huge: 32,767² of mpeg4."""
    data = video("mp4", "mpeg4", frames=2)
    # The layer's width and height are 13 bits each, behind markers, in its header.
    place = data.rindex(b"\0\0\1\x20")
    bits = int.from_bytes(data[place : place + 24])
    wide = f"{bits:0{24 * 8}b}"
    at = wide.find(f"1{34:013b}1{26:013b}1")
    assert at > 0
    wide = wide[:at] + "1" + "1" * 13 + "1" + "1" * 13 + "1" + wide[at + 29 :]
    huge = int(wide, 2).to_bytes(24)
    return data.replace(data[place : place + 24], huge)


FILMS = [(codec, name) for codec in (Mp4, Mkv, Avi) for name in films(codec.format)]


@pytest.mark.parametrize(("codec", "name"), FILMS, ids=lambda value: getattr(value, "name", value))
def test_frames_are_those_that_ffmpeg_decodes(codec: type[VideoCodec], name: str) -> None:
    data = films(codec.format)[name]
    with av.open(io.BytesIO(data), "r") as container:
        frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    whole = codec().decode(data)
    assert len(whole) == len(frames)
    assert np.array_equal(whole, np.stack(frames))


@pytest.mark.parametrize(("codec", "name"), FILMS, ids=lambda value: getattr(value, "name", value))
def test_every_frame_alone(codec: type[VideoCodec], name: str) -> None:
    data = films(codec.format)[name]
    header = codec().probe(data)
    whole = codec().decode(data)
    for number in range(len(whole)):
        part = codec().decode_part(io.BytesIO(data), slice(number, number + 1), header=header)
        assert np.array_equal(part[0], whole[number]), number


@pytest.mark.parametrize(
    ("codec", "name"),
    [(Mp4, "h264 with reordered frames"), (Mkv, "h264 with reordered frames"), (Mp4, "open groups"),
     (Mp4, "frames of uneven length"), (Mkv, "hevc, open groups"), (Avi, "mpeg4"),
     (Avi, "h264 in order")],
    ids=lambda value: getattr(value, "name", value),
)  # fmt: skip
def test_few_frames_are_decoded_for_one(codec: type[VideoCodec], name: str) -> None:
    data = films(codec.format)[name]
    for number in (0, 13, 39):
        with Clip.open(io.BytesIO(data), codec.format) as clip:
            [_] = clip.some_frames([number], 40)
            # A group has up to 9 frames; the group in front where frames refer to it.
            assert clip.decoded <= 18 + 3, number


@pytest.mark.parametrize(("codec", "name"), FILMS, ids=lambda value: getattr(value, "name", value))
def test_frames_far_apart(
    monkeypatch: pytest.MonkeyPatch, codec: type[VideoCodec], name: str
) -> None:
    data = films(codec.format)[name]
    header = codec().probe(data)
    whole = codec().decode(data)
    for worth in (1, 5):
        monkeypatch.setattr(clip, "_WORTH_A_SEEK", worth)
        for part in (
            slice(0, None, 2), slice(0, None, 7), slice(3, None, 11), slice(0, 40, 39),
            slice(1, None, 19), slice(None, None, -13),
        ):  # fmt: skip
            found = codec().decode_part(io.BytesIO(data), part, header=header)
            assert np.array_equal(found, whole[part]), (worth, part)


@pytest.mark.parametrize("codec", [Mp4, Mkv, Avi], ids=lambda codec: codec.name)
def test_what_is_between_frames_far_apart_is_not_decoded(codec: type[VideoCodec]) -> None:
    # Packets of AVI have no times of their own, so that frames must come in their order.
    data = video(codec.format, frames=600, size=(64, 48), g=12, bf=0 if codec is Avi else 2)
    for step in (599, 200, 60):
        numbers = range(0, 600, step)
        with Clip.open(io.BytesIO(data), codec.format) as opened:
            frames = list(opened.some_frames(numbers, 600))
            assert len(frames) == len(numbers)
            # Matroska has no index of all frames.
            few = opened.decoded <= (2 * 12 + 3) * len(numbers)
            assert few == (codec is not Mkv), (step, opened.decoded)


@pytest.mark.parametrize(("codec", "name"), FILMS, ids=lambda value: getattr(value, "name", value))
def test_frames_anywhere(
    monkeypatch: pytest.MonkeyPatch, codec: type[VideoCodec], name: str
) -> None:
    data = films(codec.format)[name]
    header = codec().probe(data)
    whole = codec().decode(data)
    rng = np.random.default_rng(0)
    lists = [[0, 1, 39], [5, 6, 20, 38], [0], [39], [3, 17, 18, 19, 35]]
    lists += [sorted(rng.permutation(40)[:n].tolist()) for n in (2, 3, 5, 12, 39, 40)]
    for worth in (1, 5):
        monkeypatch.setattr(clip, "_WORTH_A_SEEK", worth)
        for numbers in (kept for some in lists if (kept := [n for n in some if n < len(whole)])):
            found = codec().decode_some(io.BytesIO(data), numbers, header=header)
            np.testing.assert_array_equal(found, whole[numbers], strict=True)


@pytest.mark.parametrize("codec", [Mp4, Mkv, Avi], ids=lambda codec: codec.name)
def test_frames_of_an_irregular_list_are_decoded_from_their_key_frames(
    codec: type[VideoCodec], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the order asked for, those named twice twice."""
    data = video(codec.format, frames=600, size=(64, 48), g=12, bf=0 if codec is Avi else 2)
    path = tmp_path / f"film.{codec.name}"
    path.write_bytes(data)
    ds = deeplake.empty(str(tmp_path / "ds"))
    ds.create_tensor("video", htype="video", sample_compression=codec.name)
    ds.video.append(deeplake.read(str(path)))
    whole = ds.video[0].numpy()
    decoded: list[int] = []
    closed = Clip.open.__func__  # type: ignore[attr-defined]

    @contextmanager
    def counted(kind: type[Clip], *arguments: Any) -> Iterator[Clip]:
        with closed(kind, *arguments) as opened:
            yield opened
            decoded.append(opened.decoded)

    monkeypatch.setattr(Clip, "open", classmethod(counted))
    for numbers in ([5, 500, 40], [599, 0, 599, 3, 3], [7, 8, 9, 300, 301], [200, 100, 450, 449]):
        decoded.clear()
        found = ds.video[0, numbers].numpy()
        np.testing.assert_array_equal(found, whole[numbers], strict=True)
        few = sum(decoded) <= (2 * 12 + 3 + 2) * len(set(numbers))
        assert few == (codec is not Mkv), (numbers, decoded)
    np.testing.assert_array_equal(ds.video[0, [5, 500, 40], :7].numpy(), whole[[5, 500, 40], :7])


def test_a_frame_of_a_long_film_is_read_from_its_key_frame() -> None:
    data = video("mp4", frames=2000, size=(64, 48), noise=50, g=10)
    header = Mp4().probe(data)
    file = CountingFile(data)
    Mp4().decode_part(file, slice(1234, 1240), header=header)
    index = len(data) - data.rindex(b"moov")
    assert file.read_bytes < index + len(data) // 20 + (8 << 16)


def test_times() -> None:
    def seconds(data: bytes, codec: SampleCodec) -> list[float]:
        times: np.ndarray = codec.fields(io.BytesIO(data))["timestamps"]
        return [round(time, 3) for time in times.tolist()]

    for codec in (Mp4(), Mkv(), Avi()):
        even = films(codec.format)["h264 with reordered frames"]
        found = seconds(even, codec)
        assert np.allclose(np.diff(found), 0.04)
        assert len(found) == 40
    for codec in (Mp4(), Mkv()):
        uneven = films(codec.format)["frames of uneven length"]
        assert seconds(uneven, codec) == [round((i * i // 3 + i) / 25, 3) for i in range(40)]


def test_meta() -> None:
    for codec in (Mp4(), Mkv(), Avi()):
        meta = codec.probe(films(codec.format)["h264 with reordered frames"]).meta
        assert meta["fps"] == 25
        assert meta["duration"] == pytest.approx(1.6)
        assert meta["num_frames"] == 40
        assert meta["timebase"] > 0
        assert meta["codec"] == "h264"
        assert meta["rotation"] == 0


def test_rotation_is_told_and_not_done() -> None:
    data = video("mp4", rotation=90)
    header = Mp4().probe(data)
    assert header.shape == (40, 26, 34, 3)
    assert abs(header.meta["rotation"]) == 90


@pytest.mark.parametrize(
    ("codec", "data"),
    [(Mp4, sound_only("mp4", "aac")), (Mkv, sound_only("matroska", "aac")),
     (Avi, sound_only("avi", "ac3"))],
    ids=lambda value: getattr(value, "name", ""),
)  # fmt: skip
def test_a_sound_is_no_video(codec: type[VideoCodec], data: bytes) -> None:
    with pytest.raises(CorruptedSampleError, match="no video stream"):
        codec().probe(data)


@pytest.mark.parametrize("codec", [Mp4, Mkv, Avi], ids=lambda codec: codec.name)
def test_a_cut_film_says_so(codec: type[VideoCodec]) -> None:
    data = films(codec.format)["h264 with reordered frames"]
    with pytest.raises(CorruptedSampleError, match=r"missing|cut"):
        codec().probe(data[: len(data) * 2 // 3])


def test_containers_are_not_taken_for_each_other() -> None:
    for codec in (Mp4, Mkv, Avi):
        for other in (Mp4, Mkv, Avi):
            data = films(other.format)["one frame"]
            assert codec().sniff(data[:512]) is (codec is other)
            if codec is not other:
                with pytest.raises(CorruptedSampleError):
                    codec().probe(data)
