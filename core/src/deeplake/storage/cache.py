"""What was read from far away, kept in memory and on disk.

Only objects that never change once they are written are kept, so nothing here can be stale. Both caches
are bounded in bytes and drop what was not used for longest.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import tempfile
import threading
from bisect import bisect_right, insort
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import xxhash

from deeplake.spi import PartWriter, Store
from deeplake.types import Buffer, ByteRange, Data, ObjectInfo

WHOLE = (0, 1 << 62)
"""The range of a whole object whose size is not known."""

Span = tuple[str, int, int]
"""Key, start and stop of what was asked for."""


class MemoryCache:
    """Parts of objects in memory.

    A part serves every request that lies inside it.

    Args:
        limit: Most bytes to keep.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._begin()

    def _begin(self) -> None:
        """Empty, in this process."""
        self._size = 0
        self._parts: OrderedDict[Span, memoryview] = OrderedDict()
        self._spans: dict[str, list[tuple[int, int]]] = {}
        self._mutex = threading.Lock()
        self._pid = os.getpid()

    def _guarded(self) -> threading.Lock:
        if self._pid != os.getpid():
            # A thread that a fork left behind may have held the mutex, and not have been finished.
            self._begin()
        return self._mutex

    def get(self, key: str, start: int, stop: int) -> memoryview | None:
        """The part, if one that contains it is there."""
        with self._guarded():
            spans = self._spans.get(key)
            if not spans:
                return None
            # The last that begins at or before it; of those that begin together, the longest.
            index = bisect_right(spans, (start, 1 << 63)) - 1
            if index < 0 or spans[index][1] < stop:
                return None
            first, last = spans[index]
            span = (key, first, last)
            self._parts.move_to_end(span)
            part = self._parts[span]
        return part if last == WHOLE[1] and stop == WHOLE[1] else part[start - first : stop - first]

    def put(self, key: str, start: int, stop: int, data: memoryview) -> None:
        """Keep a part; something else may have to go."""
        if data.nbytes > self._limit // 4:
            return  # it would push out everything that is of use
        span = (key, start, stop)
        with self._guarded():
            if span in self._parts:
                return
            self._parts[span] = data
            insort(self._spans.setdefault(key, []), (start, stop))
            self._size += data.nbytes
            while self._size > self._limit:
                (old, first, last), dropped = self._parts.popitem(last=False)
                spans = self._spans[old]
                spans.remove((first, last))
                if not spans:
                    del self._spans[old]
                self._size -= dropped.nbytes


class DiskCache:
    """Parts of objects in files, shared by processes.

    A file begins with the checksum of what follows, and gets its name when it is whole: what a crash or
    another program leaves behind is not taken for data.

    Args:
        folder: Folder of this dataset's parts.
        limit: Most bytes to keep there.
    """

    def __init__(self, folder: Path, limit: int) -> None:
        self._folder = folder
        self._limit = limit
        self._written = 0

    def _file(self, key: str, start: int, stop: int) -> Path:
        name = hashlib.sha256(f"{key}\n{start}\n{stop}".encode()).hexdigest()[:40]
        return self._folder / name[:2] / name

    def get(self, key: str, start: int, stop: int) -> memoryview | None:
        """The part, if it is there and whole."""
        file = self._file(key, start, stop)
        try:
            data = file.read_bytes()
        except OSError:
            return None
        if len(data) < 16 or xxhash.xxh3_128_digest(memoryview(data)[16:]) != data[:16]:
            with contextlib.suppress(OSError):
                file.unlink()
            return None
        with contextlib.suppress(OSError):
            os.utime(file)  # what was used last is dropped last
        return memoryview(data)[16:]

    def put(self, key: str, start: int, stop: int, data: memoryview) -> None:
        """Keep a part; a disk that is full, or not there, only means that nothing is kept."""
        if data.nbytes > self._limit // 4:
            return
        file = self._file(key, start, stop)
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            number, name = tempfile.mkstemp(dir=file.parent, prefix="part-")
            try:
                with os.fdopen(number, "wb") as target:
                    target.write(xxhash.xxh3_128_digest(data))
                    target.write(data)
                os.replace(name, file)
            except BaseException:
                os.unlink(name)
                raise
        except OSError:
            return
        self._written += data.nbytes
        if self._written > self._limit // 8:
            self._written = 0
            self._trim()

    def _trim(self) -> None:
        """Remove what was not used for longest, until there is room again."""
        found = []
        for file in self._folder.glob("??/*"):
            with contextlib.suppress(OSError):  # another process removed it
                status = file.stat()
                found.append((status.st_mtime, status.st_size, file))
        total = sum(size for _, size, _ in found)
        for _, size, file in sorted(found, key=lambda one: one[0]):
            if total <= self._limit * 3 // 4:
                return
            with contextlib.suppress(OSError):
                file.unlink()
            total -= size


class CachedStore(Store):
    """A store that remembers what was read.

    Args:
        store: Where data are.
        unchanging: Whether the object of a key never changes once it is written.
        memory: Most bytes in memory; 0 for none.
        disk: Most bytes on disk; 0 for none.
        folder: Where they are kept; a folder in it is made for this store.

    Attributes:
        hits, misses: Parts that were there when they were asked for, and those that were not.
    """

    def __init__(
        self,
        store: Store,
        unchanging: Callable[[str], bool],
        *,
        memory: int = 0,
        disk: int = 0,
        folder: Path | None = None,
    ) -> None:
        self.store = store
        self.url = store.url
        self.capabilities = store.capabilities
        self._given = (unchanging, memory, disk, folder)
        self._unchanging = unchanging
        self.hits = self.misses = 0
        self._memory = MemoryCache(memory) if memory > 0 else None
        self._disk = None
        if disk > 0 and folder is not None:
            name = hashlib.sha256(store.url.encode()).hexdigest()[:32]
            self._disk = DiskCache(folder / name, disk)

    def __reduce__(self) -> Any:
        # What was read stays here: the other process reads what it needs.
        unchanging, memory, disk, folder = self._given
        return _again, (self.store, unchanging, memory, disk, folder)

    def __repr__(self) -> str:
        return f"CachedStore({self.store!r})"

    def get(self, key: str, byte_range: ByteRange | None = None) -> Buffer:
        if not self._unchanging(key):
            return self.store.get(key, byte_range)
        return self.get_many([(key, byte_range)])[0]

    def get_versioned(self, key: str) -> tuple[Buffer, str]:
        return self.store.get_versioned(key)

    def get_many(self, requests: Sequence[tuple[str, ByteRange | None]]) -> list[Buffer]:
        found: list[Buffer | None] = [self._kept(*request) for request in requests]
        missing = [i for i, part in enumerate(found) if part is None]
        if missing:
            answers = self.store.get_many([requests[i] for i in missing])
            for i, answer in zip(missing, answers, strict=True):
                key, byte_range = requests[i]
                found[i] = answer
                if self._unchanging(key):
                    self._keep(key, byte_range, memoryview(answer))
        return [part for part in found if part is not None]

    def _kept(self, key: str, byte_range: ByteRange | None) -> memoryview | None:
        start, stop = WHOLE if byte_range is None else byte_range
        if not self._unchanging(key) or not 0 <= start < stop:
            return None
        for cache in (self._memory, self._disk):
            if cache is not None:
                part = cache.get(key, start, stop)
                if part is not None:
                    if cache is self._disk and self._memory is not None:
                        self._memory.put(key, start, stop, part)
                    self.hits += 1
                    return part
        self.misses += 1
        return None

    def _keep(self, key: str, byte_range: ByteRange | None, data: memoryview) -> None:
        start, stop = WHOLE if byte_range is None else byte_range
        if byte_range is not None and len(data) != stop - start:
            return  # it ends before: the next one who asks may find more
        for cache in (self._memory, self._disk):
            if cache is not None:
                cache.put(key, start, stop, data)

    def map(self, key: str) -> memoryview:
        return self.store.map(key)

    def map_private(self, key: str, byte_range: ByteRange) -> memoryview | None:
        return self.store.map_private(key, byte_range)

    def put(
        self, key: str, data: Data, *, if_match: str | None = None, if_absent: bool = False
    ) -> str:
        return self.store.put(key, data, if_match=if_match, if_absent=if_absent)

    def assemble(self, key: str, size: int) -> AbstractContextManager[PartWriter] | None:
        return self.store.assemble(key, size)

    def head(self, key: str) -> ObjectInfo:
        return self.store.head(key)

    def delete(self, keys: Iterable[str]) -> None:
        self.store.delete(keys)

    def list(self, prefix: str = "") -> Iterator[ObjectInfo]:
        return self.store.list(prefix)

    def turn(self) -> AbstractContextManager[None]:
        return self.store.turn()

    def sweep(self, older_than: float, *, dry_run: bool = False) -> int:
        return self.store.sweep(older_than, dry_run=dry_run)

    def close(self) -> None:
        self.store.close()


def _again(
    store: Store, unchanging: Callable[[str], bool], memory: int, disk: int, folder: Path | None
) -> CachedStore:
    return CachedStore(store, unchanging, memory=memory, disk=disk, folder=folder)


__all__ = ["CachedStore", "DiskCache", "MemoryCache"]
