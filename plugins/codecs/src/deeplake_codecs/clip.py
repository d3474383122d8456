"""An opened video: its packets, its frames, and the shortest way to some of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import chain
from operator import sub
from typing import TYPE_CHECKING, Any, BinaryIO

if TYPE_CHECKING:
    import numpy as np
    from av.container import InputContainer
    from av.packet import Packet
    from av.video.frame import VideoFrame
    from av.video.stream import VideoStream

MAX_PIXELS = 1 << 27
"""Frames of more pixels (16,384 × 8,192) are not decoded."""

_REORDERED = 32
"""Packets behind which no earlier frame comes any more; the standards allow 16."""


_WORTH_A_SEEK = 16
"""Frames: a decoder that begins anew, at a key frame, costs less than to decode more of them."""


class NotAVideoError(ValueError):
    """The file has no pictures that move."""


class _Unclear(Exception):
    """Packets do not tell which frame is which: only decoding from the start does."""


@dataclass(frozen=True, slots=True)
class Packets:
    """What the packets of a video say, without decoding any.

    Attributes:
        times: Seconds at which each frame is shown, in order.
        hidden: Packets that become no frame.
    """

    times: np.ndarray
    hidden: int


class Clip:
    """The video stream of an opened file.

    Args:
        container: FFmpeg's container.

    Attributes:
        decoded: Frames that were decoded so far.
    """

    def __init__(self, container: InputContainer) -> None:
        self.container = container
        self.decoded = 0
        moving = [s for s in container.streams.video if not _is_still(s)]
        if not moving:
            raise NotAVideoError("it has no video stream")
        self.stream: VideoStream = moving[0]
        self.stream.thread_type = "AUTO"

    @classmethod
    @contextmanager
    def open(cls, file: BinaryIO, format: str) -> Iterator[Clip]:
        """Open a file as one of a format, and no other.

        Args:
            file: The file, seekable.
            format: FFmpeg's name of the container's format.
        """
        import av

        file.seek(0)
        limits = {"max_pixels": str(MAX_PIXELS)}
        container = av.open(
            file,
            "r",
            format=format,
            # References to other files are not followed.
            container_options={"enable_drefs": "0"} if format == "mp4" else {},
            options=limits,
            metadata_errors="replace",
        )
        try:
            yield cls(container)
        finally:
            container.close()

    # ------------------------------------------------------------------ without decoding
    def packets(self) -> Packets:
        """Read all packets."""
        import numpy as np

        stream = self.stream
        ticks: list[int] = []
        hidden = 0
        ordered = self._times_are_those_of_frames()
        for packet in self.container.demux(stream):
            if not packet.size:
                continue
            if _is_hidden(packet):
                hidden += 1
                continue
            time = packet.pts if ordered and packet.pts is not None else packet.dts
            ticks.append(len(ticks) if time is None else time)
        base = float(stream.time_base or 1)
        return Packets(np.sort(np.array(ticks, np.int64)) * base, hidden)

    def _times_are_those_of_frames(self) -> bool:
        """Whether packets have the time at which they are shown: AVI knows only their order."""
        return "avi" not in self.container.format.name

    # ------------------------------------------------------------------ frames
    def frames(self) -> Iterator[VideoFrame]:
        """All frames, in the order in which they are shown."""
        for frame in self.container.decode(self.stream):
            self.decoded += 1
            yield frame

    def some_frames(self, numbers: Sequence[int], total: int) -> Iterator[VideoFrame]:
        """Frames; as few others as possible are decoded.

        Others between them are decoded, where that takes less than to seek, and let go.

        Args:
            numbers: Which, in ascending order, each once, at least one of them, all below ``total``.
            total: Frames of the whole video.
        """
        found: list[VideoFrame] = []
        wanted = frozenset(numbers)
        with suppress(_Unclear):
            for first, after in self._runs(numbers, total):
                frames = enumerate(self._from_nearest(first, after, total), first)
                found.extend(frame for number, frame in frames if number in wanted)
        if len(found) == len(numbers):
            yield from found
            return
        found.clear()
        self._rewind()
        for number, frame in enumerate(self.frames()):
            if number > numbers[-1]:
                return
            if number in wanted:
                yield frame

    def _runs(self, numbers: Sequence[int], total: int) -> Iterator[tuple[int, int]]:
        """Frames that are decoded one after the other, as ``(first, after the last)``."""
        entries = self.stream.index_entries
        first = last = numbers[0]
        gaps = map(sub, numbers[1:], numbers)
        if max(gaps, default=0) <= _WORTH_A_SEEK or len(entries) != total:
            # Without an index of all packets no seek leads to a frame by its number.
            yield first, numbers[-1] + 1
            return
        for number in numbers[1:]:
            if number - last > _WORTH_A_SEEK:
                key = entries.search_timestamp(entries[number].timestamp)
                if key - last > _WORTH_A_SEEK:
                    yield first, last + 1
                    self.stream.codec_context.flush_buffers()
                    first = number
            last = number
        yield first, last + 1

    def _rewind(self) -> None:
        start = self.stream.start_time or 0
        first = self.stream.index_entries[0].timestamp if len(self.stream.index_entries) else start
        self.stream.codec_context.skip_frame = "DEFAULT"
        self.stream.codec_context.flush_buffers()
        self.container.seek(min(start, first, 0), stream=self.stream, backward=True)

    def _from_nearest(self, start: int, stop: int, total: int) -> Iterator[VideoFrame]:
        """The frames, decoded from the last key frame that allows it."""
        if not self._times_are_those_of_frames() and self.stream.codec_context.has_b_frames:
            raise _Unclear
        first, packets = self._anchor(start, total)
        head, target = self._until(start - first, packets)
        shown = None
        for frame in self._decoded(chain(head, packets), target):
            if frame.pts is None:
                raise _Unclear
            if frame.pts < target:
                continue  # another refers to it, or it is shown before the key frame
            if shown is None and frame.pts != target:
                raise _Unclear
            if shown is not None and frame.pts <= shown:
                raise _Unclear
            shown = frame.pts
            yield frame
            start += 1
            if start >= stop:
                return

    def _until(
        self, count: int, packets: Iterator[Packet[VideoStream]]
    ) -> tuple[list[Packet[VideoStream]], int]:
        """The packets as far as the decoder needs them for a frame, and when that frame is shown.

        Args:
            count: Frames from the key frame to it.
            packets: Packets from the key frame on.
        """
        late = self.stream.codec_context.reorder_depth
        head: list[Packet[VideoStream]] = []
        times: list[int] = []
        for packet in packets:
            head.append(packet)
            if packet.size and packet.pts is not None and packet.pts >= self._anchored_at:
                times.append(packet.pts)
            if len(times) > count + late:
                break
        if len(times) <= count:
            raise _Unclear
        return head, sorted(times)[count]

    def _decoded(self, packets: Iterable[Packet[VideoStream]], target: int) -> Iterator[VideoFrame]:
        """The frames from one time on, and those before it that others refer to."""
        context = self.stream.codec_context
        for packet in chain(packets, (None,)):
            if packet is None or packet.size:
                early = packet is not None and packet.pts is not None and packet.pts < target
                context.skip_frame = "NONREF" if early else "DEFAULT"
                for frame in context.decode(packet):
                    self.decoded += 1
                    yield frame
        context.skip_frame = "DEFAULT"

    def _anchor(self, start: int, total: int) -> tuple[int, Iterator[Packet[VideoStream]]]:
        """The number of the key frame from which to decode, and the packets from there on."""
        entries = self.stream.index_entries
        if len(entries) == total:
            # An index of all packets: those in front of the key frame need not even be read.
            # It is in the order of decoding, the target of a seek in that of showing.
            late = self.stream.codec_context.reorder_depth
            target = start
            for _ in range(2):
                place = min(max(target + late, 0), total - 1)
                self.container.seek(entries[place].timestamp, stream=self.stream, backward=True)
                packets = self.container.demux(self.stream)
                head = next(packets, None)
                if head is None:
                    raise _Unclear
                number = self._number(head)
                anchor = self._nearest(chain((head,), packets), number, start)
                if anchor is not None:
                    return anchor
                if number == 0:
                    break
                target = number - 1 - late
            self._rewind()
        anchor = self._nearest(self.container.demux(self.stream), 0, start)
        if anchor is None:
            raise _Unclear
        return anchor

    def _number(self, head: Packet[VideoStream]) -> int:
        """The place of a packet in the index of all packets."""
        if head.dts is None:
            raise _Unclear
        entries = self.stream.index_entries
        number = entries.search_timestamp(head.dts)
        # AVI's index points to the head of the chunk, 8 bytes in front of the packet.
        if number < 0 or head.pos not in {entries[number].pos, entries[number].pos + 8}:
            raise _Unclear
        return int(number)

    def _nearest(
        self, packets: Iterator[Packet[VideoStream]], number: int, start: int
    ) -> tuple[int, Iterator[Packet[VideoStream]]] | None:
        """The last key frame among packets from which frame ``start`` can be decoded.

        Args:
            packets: Packets from a key frame on.
            number: How many packets are in front of it.
            start: Frame.
        """
        groups: list[tuple[int, list[Packet[VideoStream]]]] = []
        key = 0
        ended = True
        for packet in packets:
            if not packet.size:
                continue
            if packet.pts is None or _is_hidden(packet):
                raise _Unclear
            if packet.is_keyframe:
                if number <= start:
                    # Of the groups that could do, the last and the two in front of it.
                    del groups[:-2]
                    key = packet.pts
                groups.append((number, []))
            if not groups:
                raise _Unclear
            groups[-1][1].append(packet)
            number += 1
            if number > start and (packet.pts > key or number > start + _REORDERED):
                ended = False
                break
        for i in reversed(range(len(groups))):
            first, members = groups[i]
            rest = [packet for _, group in groups[i:] for packet in group]
            shown = members[0].pts or 0
            first += sum((packet.pts or 0) < shown for packet in rest)
            if first <= start:
                self._anchored_at = shown
                return first, chain(rest, () if ended else packets)
        return None


def _is_still(stream: Any) -> bool:
    """A cover or a thumbnail."""
    import av

    return bool(stream.disposition & av.stream.Disposition.attached_pic)


def _is_hidden(packet: Packet[VideoStream]) -> bool:
    """Whether a packet is only referred to: cut by an edit list, or (RFC 6386, section 9.1) VP8's."""
    if packet.is_discard:
        return True
    return packet.stream.codec_context.name == "vp8" and not bytes(packet)[0] & 0x10


__all__ = ["MAX_PIXELS", "Clip", "NotAVideoError", "Packets"]
