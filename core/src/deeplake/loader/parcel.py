"""Values on their way between processes: arrays travel in shared memory that has no name.

A parcel is a pickle whose large buffers lie side by side in an anonymous file. Its descriptor is
handed over through a Unix socket, so nothing has to be unlinked: the kernel frees the memory when
the last process that maps it lets go, however that process ends.
"""

from __future__ import annotations

import contextlib
import io
import mmap
import os
import pickle
import socket
import struct
import sys
import tempfile
import weakref
from collections.abc import Callable
from typing import Any, Final

from deeplake.spi import FrameworkAdapter

AVAILABLE: Final = hasattr(socket, "send_fds")
"""Whether descriptors can be handed over on this system."""

INLINE: Final = 1 << 14
"""Parcels up to this many bytes go through the socket: they always fit into its buffer, so a worker
never waits for a parent that waits for it."""

_ALIGNED: Final = 64
_HEAD: Final = struct.Struct("<QQ")
_MAPS: Final = 128
"""Before Python 3.13 a map keeps a descriptor open. Of more than so many, copies are made."""

_maps: weakref.WeakSet[mmap.mmap] = weakref.WeakSet()


class Channel:
    """One end of a connection between two processes.

    Args:
        sock: A connected Unix socket; closed with the channel.
    """

    __slots__ = ("_socket",)

    def __init__(self, sock: socket.socket) -> None:
        self._socket = sock

    def fileno(self) -> int:
        """Descriptor of the socket, for ``selectors``."""
        return self._socket.fileno()

    def send(self, head: bytes, memory: int | None = None) -> None:
        """Send some bytes and perhaps a descriptor, which stays open here.

        Raises:
            OSError: The other end is gone.
        """
        start = _HEAD.pack(len(head), memory is not None)
        fds = [] if memory is None else [memory]
        socket.send_fds(self._socket, [start], fds)
        self._socket.sendall(head)

    def receive(self) -> tuple[bytes, int | None]:
        """The bytes and the descriptor of one ``send``; waits for them.

        Raises:
            EOFError: The other end is gone.
        """
        fds: list[int] = []
        try:
            start = b""
            while len(start) < _HEAD.size:
                data, more, _, _ = socket.recv_fds(self._socket, _HEAD.size - len(start), 1)
                fds.extend(more)
                if not data:
                    raise EOFError("the other process is gone")
                start += data
            length, _ = _HEAD.unpack(start)
            head = bytearray(length)
            view = memoryview(head)
            while len(view):
                n = self._socket.recv_into(view)
                if n == 0:
                    raise EOFError("the other process is gone")
                view = view[n:]
        except BaseException as error:
            for fd in fds:
                os.close(fd)
            if isinstance(error, ConnectionError):
                raise EOFError("the other process is gone") from error
            raise
        return bytes(head), fds[0] if fds else None

    def close(self) -> None:
        """Close the socket: the other end finds out."""
        self._socket.close()


def send(channel: Channel, value: Any, adapter: FrameworkAdapter | None = None) -> None:
    """Send a value.

    Args:
        channel: Where to.
        value: Anything that can be pickled.
        adapter: Knows how tensors of its framework travel.

    Raises:
        OSError: The other end is gone.
        Exception: It cannot be pickled; nothing was sent.
    """
    buffers: list[pickle.PickleBuffer] = []
    stream = io.BytesIO()
    _Pickler(stream, buffers.append, adapter).dump(value)
    raws = [buffer.raw() for buffer in buffers]
    parts: list[Any] = [stream.getvalue(), *raws]
    sizes = [len(part) for part in parts]
    if sum(sizes) <= INLINE:
        channel.send(pickle.dumps([bytes(part) for part in parts]))
        return
    ends, total = [], 0
    for size in sizes:
        ends.append((total, size))
        total += -(-size // _ALIGNED) * _ALIGNED
    memory = _memory(total)
    try:
        with mmap.mmap(memory, total) as shared:
            for (start, size), part in zip(ends, parts, strict=True):
                shared[start : start + size] = part
        channel.send(pickle.dumps((total, ends)), memory)
    finally:
        os.close(memory)


def receive(channel: Channel) -> Any:
    """The value that was sent; arrays are writable views of the shared memory.

    Raises:
        EOFError: The other end is gone.
    """
    head, memory = channel.receive()
    if memory is None:
        first, *buffers = pickle.loads(head)
        return pickle.loads(first, buffers=[bytearray(part) for part in buffers])
    try:
        total, ends = pickle.loads(head)
        view = memoryview(_mapped(memory, total))
    finally:
        os.close(memory)
    parts = [view[start : start + size] for start, size in ends]
    return pickle.loads(parts[0], buffers=parts[1:])


def _memory(size: int) -> int:
    """Descriptor of ``size`` bytes of shared memory that has no name."""
    if hasattr(os, "memfd_create"):
        memory = os.memfd_create("deeplake-loader", os.MFD_CLOEXEC)
    else:
        with tempfile.TemporaryFile() as file:
            memory = os.dup(file.fileno())
    try:
        os.truncate(memory, size)
    except BaseException:
        os.close(memory)
        raise
    return memory


def _mapped(memory: int, size: int) -> mmap.mmap | bytearray:
    if sys.version_info >= (3, 13):
        return mmap.mmap(memory, size, trackfd=False)
    shared = mmap.mmap(memory, size)
    if len(_maps) >= _MAPS:
        copy = bytearray(shared)
        shared.close()
        return copy
    _maps.add(shared)
    return shared


class _Pickler(pickle.Pickler):
    def __init__(
        self,
        stream: io.BytesIO,
        keep: Callable[[pickle.PickleBuffer], Any],
        adapter: FrameworkAdapter | None,
    ) -> None:
        super().__init__(stream, protocol=5, buffer_callback=keep)
        self._adapter = adapter

    def reducer_override(self, value: Any) -> Any:
        return NotImplemented if self._adapter is None else self._adapter.reduce(value)


# --------------------------------------------------------------------------- errors
def packed(error: BaseException) -> bytes:
    """An error with its cause and notes, in whatever form can travel."""
    from deeplake.errors import WorkerError

    chain = [error, error.__cause__] if error.__cause__ is not None else [error]
    for length in (len(chain), 1):
        with contextlib.suppress(Exception):
            data = pickle.dumps(chain[:length])
            pickle.loads(data)  # some exceptions can be pickled and not be made again
            return data
    other = WorkerError(f"{type(error).__name__}: {error}")
    for note in getattr(error, "__notes__", ()):
        other.add_note(note)
    return pickle.dumps([other])


def unpacked(data: bytes) -> Exception:
    """The error that ``packed`` was given."""
    first, *rest = pickle.loads(data)
    if rest:
        first.__cause__ = rest[0]
    error: Exception = first
    return error


__all__ = ["AVAILABLE", "INLINE", "Channel", "packed", "receive", "send", "unpacked"]
