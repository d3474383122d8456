"""MP4, Matroska and AVI, by FFmpeg (PyAV)."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Any, BinaryIO, ClassVar

from deeplake.types import Buffer, SampleHeader
from deeplake_codecs.clip import Clip, NotAVideoError
from deeplake_codecs.containers import missing_from_avi, missing_from_mkv, missing_from_mp4
from deeplake_codecs.originals import OriginalCodec

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import numpy as np
    from av.video.frame import VideoFrame


class VideoCodec(OriginalCodec):
    """A container of video; subclasses state which.

    A video is uint8 of shape ``(frames, height, width, 3)``: each frame once, in the order and the
    orientation in which it is stored (``sample_info["rotation"]`` tells how to turn it), however
    long it is shown (``timestamps`` tells that).

    Attributes:
        format: FFmpeg's name of the container's format.
        tells_length: Whether the file is whole is known after a read or two, which are worth it for
            a part, too.
    """

    media = "video"
    lossless = False
    parts = True
    skips = True
    scattered = True
    format: ClassVar[str]
    tells_length: ClassVar[bool] = True

    def _header(self, file: BinaryIO) -> SampleHeader:
        self._refuse_cut(file)
        with Clip.open(file, self.format) as clip:
            stream = clip.stream
            frame = next(clip.frames(), None)
            if frame is not None:
                width, height = frame.width, frame.height
            else:
                width, height = stream.codec_context.width, stream.codec_context.height
            if min(width, height) < 1:
                raise NotAVideoError("it has no frames, and does not say of what size they were")
            rotation = 0 if frame is None else round(frame.rotation)
            container = clip.container
            rate = stream.average_rate or stream.guessed_rate
            base = float(stream.time_base or 0)
            context = stream.codec_context
            meta: dict[str, Any] = {
                "format": self.name,
                "codec": context.name,
                "pixel_format": context.pix_fmt,
                "timebase": base,
                "fps": float(rate) if rate else None,
                "rotation": rotation,
                "audio": len(container.streams.audio) > 0,
            }
            duration = (stream.duration or 0) * base
        with Clip.open(file, self.format) as clip:
            packets = clip.packets()
        frames = len(packets.times)
        if not duration and frames:
            # Matroska does not say: the last frame is shown as long as the others.
            spread = float(packets.times[-1] - packets.times[0])
            duration = spread * frames / (frames - 1) if frames > 1 else 1 / (meta["fps"] or 1)
        meta["duration"] = duration
        meta["num_frames"] = frames
        return SampleHeader((frames, height, width, 3), "uint8", str(context.pix_fmt), meta)

    def _read(self, file: BinaryIO, header: SampleHeader, out: np.ndarray | None) -> np.ndarray:
        with Clip.open(file, self.format) as clip:
            return self._filled(clip.frames(), header.shape[0], header, out)

    def _read_part(self, file: BinaryIO, start: int, stop: int, header: SampleHeader) -> np.ndarray:
        return self._read_some(file, range(start, stop), header)

    def _read_steps(
        self, file: BinaryIO, start: int, stop: int, step: int, header: SampleHeader
    ) -> np.ndarray:
        return self._read_some(file, range(start, stop, step), header)

    def decode_some(
        self, file: BinaryIO, items: Sequence[int], *, header: SampleHeader
    ) -> np.ndarray:
        self._refuse_excess((len(items), *header.shape[1:]), header.dtype)
        with self._refusing():
            return self._read_some(file, items, header)

    def _read_some(
        self, file: BinaryIO, numbers: Sequence[int], header: SampleHeader
    ) -> np.ndarray:
        if self.tells_length:
            self._refuse_cut(file)
        with Clip.open(file, self.format) as clip:
            frames = clip.some_frames(numbers, header.shape[0])
            return self._filled(frames, len(numbers), header, None)

    def fields(self, file: BinaryIO) -> dict[str, np.ndarray]:
        """``timestamps``: the second at which each frame is shown."""
        with self._refusing(), Clip.open(file, self.format) as clip:
            return {"timestamps": clip.packets().times}

    def _filled(
        self, frames: Iterable[VideoFrame], count: int, header: SampleHeader,
        out: np.ndarray | None,
    ) -> np.ndarray:  # fmt: skip
        """Frames as one array."""
        import numpy as np
        from av.video.reformatter import VideoReformatter

        _, height, width, _ = header.shape
        pictures = np.empty((count, height, width, 3), np.uint8) if out is None else out
        convert = VideoReformatter()
        found = 0
        for frame in frames:
            if (frame.height, frame.width) != (height, width):
                raise self._unreadable(
                    f"a frame has {frame.width} x {frame.height} pixels, the first one {width} x "
                    f"{height}"
                )
            if found == count:
                raise self._unreadable(f"it has more frames than the {count} that its index says")
            plane = convert.reformat(frame, format="rgb24").planes[0]
            lines = np.frombuffer(memoryview(plane), np.uint8).reshape(-1, plane.line_size)
            pictures[found] = lines[:height, : 3 * width].reshape(height, width, 3)
            found += 1
        if found != count:
            raise self._unreadable(f"{count - found} of {count} frames cannot be decoded")
        return pictures

    @abstractmethod
    def _missing(self, file: BinaryIO) -> str | None:
        """What is missing of a file, in words."""

    def _refuse_cut(self, file: BinaryIO) -> None:
        problem = self._missing(file)
        if problem:
            raise self._unreadable(problem)


class Mp4(VideoCodec, api=(1, 0)):
    """MP4 and QuickTime."""

    name = "mp4"
    extensions = ("mp4", "m4v", "mov")
    format = "mp4"
    tells_length = False  # its index is read by whoever opens it

    def sniff(self, head: Buffer) -> bool:
        return bytes(head[4:8]) in {b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip"}

    def _missing(self, file: BinaryIO) -> str | None:
        return missing_from_mp4(file)


class Mkv(VideoCodec, api=(1, 0)):
    """Matroska and WebM.

    They have no index of all frames: what is in front of a part is read, though not decoded.
    """

    name = "mkv"
    extensions = ("mkv", "webm")
    format = "matroska"

    def sniff(self, head: Buffer) -> bool:
        return bytes(head[:4]) == b"\x1a\x45\xdf\xa3"

    def _missing(self, file: BinaryIO) -> str | None:
        return missing_from_mkv(file)


class Avi(VideoCodec, api=(1, 0)):
    """AVI."""

    name = "avi"
    extensions = ("avi",)
    format = "avi"

    def sniff(self, head: Buffer) -> bool:
        return bytes(head[:4]) == b"RIFF" and bytes(head[8:12]) == b"AVI "

    def _missing(self, file: BinaryIO) -> str | None:
        return missing_from_avi(file)


__all__ = ["Avi", "Mkv", "Mp4", "VideoCodec"]
