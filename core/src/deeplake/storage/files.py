"""What a store of files asks of the operating system, and where systems differ.

Everything raises plain ``OSError``: the store knows the key, and says it.
"""

from __future__ import annotations

import errno
import os
import stat
import sys
from collections.abc import Callable, Sequence
from functools import cache

from deeplake.types import Buffer, ByteRange, Data

_VECTORS = 1024  # IOV_MAX of every system that has writev
_RESERVED = 1 << 20  # bytes; less is written before a place would be found
_KEEP_SIZE = 1  # FALLOC_FL_KEEP_SIZE
_UNCHECKED = 1 << 20  # bytes; longer ranges are clipped before memory is allocated for them

# O_NONBLOCK: opening a named pipe that somebody put into a dataset must not wait for its writer.
_READ = (
    os.O_RDONLY
    | getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_NONBLOCK", 0)
    | getattr(os, "O_BINARY", 0)
)


if sys.platform == "win32":

    def _pread(fd: int, size: int, start: int) -> bytes:
        # The file was opened for this read alone, so its position is nobody else's.
        os.lseek(fd, start, os.SEEK_SET)
        return os.read(fd, size)

    def _writev(fd: int, parts: Sequence[memoryview]) -> int:
        return os.write(fd, parts[0])

    def _pwrite(fd: int, part: memoryview, start: int) -> int:
        os.lseek(fd, start, os.SEEK_SET)
        return os.write(fd, part)

else:
    _pwrite = os.pwrite
    _pread = os.pread
    _writev = os.writev


if sys.platform == "darwin":
    import fcntl

    def sync(fd: int) -> None:
        """Return when the file is on the disk; fsync only hands it to the drive's cache there."""
        try:
            fcntl.fcntl(fd, fcntl.F_FULLFSYNC)
        except OSError:
            os.fsync(fd)

else:

    def sync(fd: int) -> None:
        """Return when the file is on the disk."""
        os.fsync(fd)


def sync_directory(path: str) -> None:
    """Return when the names in a directory are on the disk."""
    if sys.platform == "win32":
        return  # has no such call; its file system writes names in order
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        sync(fd)
    except OSError as error:
        # Some network file systems have no such call either: their servers see to it.
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):
            raise
    finally:
        os.close(fd)


def open_to_read(path: str) -> int:
    """A descriptor of the file."""
    return os.open(path, _READ)


def status_of(fd: int) -> os.stat_result:
    """Status of an open file.

    Raises:
        IsADirectoryError: It is a directory, a pipe or a device.
    """
    status = os.fstat(fd)
    if not stat.S_ISREG(status.st_mode):
        raise IsADirectoryError(errno.EISDIR, "not a file")
    return status


def read(fd: int, byte_range: ByteRange | None = None) -> bytes:
    """The bytes of a file inside a range, or all."""
    start, stop = byte_range or (0, sys.maxsize)
    if stop - start > _UNCHECKED:
        stop = min(stop, status_of(fd).st_size)
    size = stop - start
    if size <= 0:
        status_of(fd)
        return b""
    data = _pread(fd, size, start)
    if len(data) == size or not data:
        return data
    # The end of the file; or a signal or the system's limit (2 GiB on Linux) cut the read short.
    pieces = [data]
    while size := size - len(data):
        start += len(data)
        data = _pread(fd, size, start)
        if not data:
            break
        pieces.append(data)
    return pieces[0] if len(pieces) == 1 else b"".join(pieces)


def parts_of(data: Data) -> list[memoryview]:
    """The buffers of ``data`` as bytes, without the empty ones; copied only if scattered."""
    buffers: Sequence[Buffer]
    buffers = (data,) if isinstance(data, (bytes, bytearray, memoryview)) else data
    views = [memoryview(buffer) for buffer in buffers]
    return [
        view.cast("B") if view.c_contiguous else memoryview(view.tobytes())
        for view in views
        if view.nbytes
    ]


def reserve(fd: int, size: int) -> None:
    """Have room on the disk for the bytes of a new file, where the system does that without writing.

    ext4 finds a place for each page as it is written otherwise, which takes a third as long as to
    copy it. Where there is not enough room, it is said before anything is written.
    """
    if size < _RESERVED:
        return
    reserved = _fallocate()
    if reserved is None or reserved(fd, _KEEP_SIZE, 0, size) == 0:
        return
    import ctypes

    error = ctypes.get_errno()
    if error in (errno.ENOSPC, errno.EDQUOT):
        raise OSError(error, os.strerror(error))
    # All else is a system that cannot, or that was interrupted: nothing needs room beforehand.


@cache
def _fallocate() -> Callable[[int, int, int, int], int] | None:
    """The call of Linux. ``os.posix_fallocate`` writes to every page where a file system lacks it."""
    if not sys.platform.startswith("linux"):
        return None
    import ctypes

    library = ctypes.CDLL(None, use_errno=True)
    call = getattr(library, "fallocate64", None) or getattr(library, "fallocate", None)
    if call is not None:
        call.argtypes = (ctypes.c_int, ctypes.c_int, ctypes.c_int64, ctypes.c_int64)
        call.restype = ctypes.c_int
    return call


def write(fd: int, parts: Sequence[memoryview]) -> None:
    """Write all parts, however often the system stops short."""
    rest = list(parts)
    at = 0
    while at < len(rest):
        written = _writev(fd, rest[at : at + _VECTORS])
        if not written:
            raise OSError(errno.EIO, "the file system takes no more bytes and does not say why")
        while written:
            size = len(rest[at])
            if written < size:
                rest[at] = rest[at][written:]
                break
            written -= size
            at += 1


def write_at(fd: int, start: int, part: memoryview) -> None:
    """Write a part of a file, however often the system stops short."""
    while part:
        written = _pwrite(fd, part, start)
        if not written:
            raise OSError(errno.EIO, "the file system takes no more bytes and does not say why")
        part, start = part[written:], start + written


__all__ = [
    "open_to_read",
    "parts_of",
    "read",
    "reserve",
    "status_of",
    "sync",
    "sync_directory",
    "write",
    "write_at",
]
