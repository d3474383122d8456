"""Blocks that a session has made and not published yet, grouped into data objects."""

from __future__ import annotations

import os
import secrets
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from itertools import pairwise
from typing import TYPE_CHECKING

from deeplake.errors import StorageError
from deeplake.format import arena
from deeplake.format.chunk import ALIGNMENT, Block, PlainChunk
from deeplake.spi import Store
from deeplake.types import Buffer, joined
from deeplake.versioning.lent import LentObject
from deeplake.versioning.repository import data_key

if TYPE_CHECKING:
    from concurrent.futures import Future, ThreadPoolExecutor

OBJECT_SIZE = 32 << 20
"""What is on its way stays in the processor's cache, and few objects are on their way at a time."""
ENOUGH = 2 << 20
"""Bytes for an object of its own, where they would be copied otherwise."""
MAX_UPLOADS = 2
FINE = 1 << 20
"""Bytes of frames whose checksums take too little time for another thread to take over."""
_HANDOVER = 0.0005
"""Seconds in which an upload gets as far as it needs the interpreter for; whoever makes checksums of
many small frames next holds on to that."""


class DataObject:
    """One data object in the making: aligned blocks."""

    __slots__ = ("blocks", "borrowed", "buffers", "id", "size", "unchanged")

    def __init__(self, prefix: str) -> None:
        # References to objects of one writer have half of their ids in common, and deflate well.
        self.id = prefix + secrets.token_hex(8)
        self.buffers: list[Buffer] = []
        self.blocks: dict[int, Block] = {}
        self.borrowed = False
        self.unchanged = True
        self.size = 0

    def add(self, block: Block) -> int:
        """Append a block and return its offset."""
        gap = -self.size % ALIGNMENT
        if gap:
            self.buffers.append(bytes(gap))
            self.size += gap
        offset = self.size
        self.blocks[offset] = block
        self.borrowed = self.borrowed or block.borrowed is not None
        self.buffers.extend(block.buffers)
        self.size += block.length
        return offset

    @property
    def fine(self) -> bool:
        """Whether it borrowed many small frames."""
        lent = [block.borrowed[0] for block in self.blocks.values() if block.borrowed is not None]
        return sum(map(len, lent)) * FINE > self.size

    def check(self) -> None:
        """See whether somebody changed what is borrowed (``unchanged``)."""
        self.unchanged = self.unchanged and all(b.is_unchanged for b in self.blocks.values())

    def own(self) -> bool:
        """Copy what is borrowed; returns whether nobody had changed it by then."""
        blocks: dict[int, Block] = {}
        buffers: list[Buffer] = []
        size = 0
        for offset, block in self.blocks.items():
            blocks[offset] = block if block.borrowed is None else block.own()
            buffers += [bytes(offset - size)] if offset > size else []
            buffers += blocks[offset].buffers
            size = offset + block.length
        self.check()
        self.blocks, self.buffers, self.borrowed = blocks, buffers, False
        return self.unchanged


class Staging:
    """Collects blocks, and uploads full data objects in the background.

    Nothing here is visible to readers before a commit refers to it, and what is left behind when
    the
    process dies is unreachable and harmless.

    Args:
        store: Where the objects go.

    Attributes:
        added: Bytes of all blocks ever added.
        stored: Ids of objects that were stored and that no commit refers to yet.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._prefix = secrets.token_hex(8)
        self._current = DataObject(self._prefix)
        self._pending: dict[str, DataObject] = {}
        self._uploads: dict[str, Future[None]] = {}
        self._pool: ThreadPoolExecutor | None = None
        self._previews: dict[str, Block] = {}
        self._unchanged = True
        self.added = 0
        self.stored: list[str] = []

    @property
    def nbytes(self) -> int:
        """Bytes that are not known to be stored."""
        return self._current.size + sum(o.size for o in self._pending.values())

    def add(self, block: Block) -> tuple[str, int]:
        """Take a block; returns the id of its object and its offset there."""
        current = self._current
        offset = current.add(block)
        self.added += block.length
        if current.size >= OBJECT_SIZE:
            self._close()
        elif self._uploads:
            self._reap()
        return current.id, offset

    @property
    def lends(self) -> bool:
        """Whether the store takes objects part by part."""
        return self._store.assemble(data_key(self._current.id), 0) is not None

    def lent(self, chunks: Sequence[PlainChunk]) -> list[LentObject]:
        """Store chunks of somebody else's memory, before this returns.

        Returns:
            Objects that hold them, in order; one without ``headers`` could not be stored.
        """
        size = sum(len(chunk.payload) for chunk in chunks)
        count = min(-(-size // OBJECT_SIZE), len(chunks))
        writers = min(count, MAX_UPLOADS, os.cpu_count() or 1)
        count = min(-(-count // writers) * writers, len(chunks))  # as many for each
        bounds = [len(chunks) * k // count for k in range(count + 1)]
        objects = [LentObject(self._prefix, chunks[a:b]) for a, b in pairwise(bounds)]
        queue = deque(objects)

        def work() -> None:
            while queue:
                try:
                    data = queue.popleft()
                except IndexError:  # another thread was faster
                    return
                self._put_lent(data)

        helpers = [self._threads(writers - 1).submit(work) for _ in range(writers - 1)]
        try:
            work()
        finally:
            queue.clear()  # where this thread was interrupted
            for helper in helpers:
                helper.cancel() or helper.result()
        for data in objects:
            if data.headers:
                self.added += data.size
                self.stored.append(data.id)
                self._unchanged = self._unchanged and data.unchanged
        return objects

    def _put_lent(self, data: LentObject) -> None:
        try:
            assembled = self._store.assemble(data_key(data.id), data.size)
            assert assembled is not None
            with assembled as write:
                data.write(write)
        except StorageError:
            # Stored from a copy later, and a flush says why it cannot.
            data.headers = []

    def _reap(self) -> None:
        """Let go of what has been stored meanwhile: its memory serves what is added next."""
        for oid in [oid for oid, upload in self._uploads.items() if upload.done()]:
            with suppress(StorageError):
                self._finish(oid)

    def _close(self, *, here: bool = False) -> None:
        """Store the object in the making, in the background or here, and begin another."""
        current = self._current
        # In this order: a thread that reads meanwhile finds the object in one place or the other.
        self._pending[current.id] = current
        self._current = DataObject(self._prefix)
        if here or (current.borrowed and len(self._uploads) >= MAX_UPLOADS):
            # One that failed is tried again by a flush, which says why it cannot: here it would
            # leave half of an operation behind.
            with suppress(StorageError):
                self._put(current)
                self._settle(current)
        else:
            self._upload(current)

    def own(self) -> bool:
        """See to it that nothing here is memory of somebody else.

        What is enough for an object is stored, which takes no copy; the rest is copied.

        Returns:
            Whether the memory had not been changed since it was added. What it was changed to is
            of no use then: its checksums are wrong.
        """
        if self._current.borrowed and self._current.size >= ENOUGH:
            self._close(here=True)
        lent = [data for data in (*self._pending.values(), self._current) if data.borrowed]
        try:
            for data in lent:
                if data.id in self._uploads:
                    # If it fails, it stays pending: a flush tries again, and says why it cannot.
                    with suppress(StorageError):
                        self._hasten(data)
        finally:
            for data in lent:
                if data.id in self._pending or data is self._current:
                    # Also where the wait was interrupted: it is stored again, from the copy.
                    self._uploads.pop(data.id, None)
                    self._unchanged = data.own() and self._unchanged
            unchanged, self._unchanged = self._unchanged, True
        return unchanged

    def preview(self, block: Block) -> str:
        """Make a block readable that will never be stored; returns the id it is read by."""
        oid = secrets.token_hex(16)
        self._previews[oid] = block
        return oid

    def forget(self, oid: str) -> None:
        """End a preview."""
        self._previews.pop(oid, None)

    def read(self, oid: str, offset: int) -> memoryview | None:
        """A block that is not stored yet, or None if it is not held here."""
        holder = self._current if oid == self._current.id else self._pending.get(oid)
        block = holder.blocks.get(offset) if holder is not None else self._previews.get(oid)
        if block is None:
            return None
        if len(block.buffers) > 1:
            # Joined once: whoever reads a staged block tends to read it again.
            block.buffers[:] = [joined(block.buffers)]
        return memoryview(block.buffers[0])

    def _upload(self, data: DataObject) -> None:
        # Who lends memory stores some of it, too: no more threads than processors.
        spare = max((os.cpu_count() or 1) - 1, 1) if data.borrowed else MAX_UPLOADS
        pool = self._threads(min(spare, MAX_UPLOADS))
        while len(self._uploads) >= MAX_UPLOADS:
            # As above: what failed is tried again by a flush.
            with suppress(StorageError):
                self._finish(next(iter(self._uploads)))
        waits = any(upload.running() for upload in self._uploads.values())
        self._uploads[data.id] = pool.submit(self._put, data)
        if data.fine and not waits:
            time.sleep(_HANDOVER)

    def _threads(self, count: int) -> ThreadPoolExecutor:
        """Threads that store objects: so many, where there are none yet."""
        from concurrent.futures import ThreadPoolExecutor

        if self._pool is None:
            self._pool = ThreadPoolExecutor(count, thread_name_prefix="deeplake-upload")
        return self._pool

    def _put(self, data: DataObject) -> None:
        """Store an object, and see whether what it had borrowed was what it should be."""
        self._store.put(data_key(data.id), data.buffers)
        if data.borrowed:
            data.check()

    def _finish(self, oid: str) -> None:
        """Wait for an upload. If it failed, the object stays pending and is tried again."""
        self._uploads.pop(oid).result()
        self._settle(self._pending[oid])

    def _hasten(self, data: DataObject) -> None:
        """Have an upload done: here, if no thread has come to it."""
        if self._uploads[data.id].cancel():
            del self._uploads[data.id]
            self._put(data)
            self._settle(data)
        else:
            self._finish(data.id)

    def _settle(self, data: DataObject) -> None:
        """Let go of an object that is stored."""
        del self._pending[data.id]
        self.stored.append(data.id)
        self._unchanged = self._unchanged and data.unchanged

    def flush(self, put: Callable[[str, list[Buffer]], object] | None = None) -> None:
        """Store everything that was added.

        Raises:
            StorageError: Something could not be stored; calling again tries again.
        """
        put = put or self._store.put
        try:
            if self._uploads:
                # While others are on their way; what fails here is tried again below.
                with suppress(StorageError):
                    self._put_current(put)
            for oid in list(self._uploads):
                self._finish(oid)
        finally:
            self.stop()
        for oid, data in list(self._pending.items()):
            put(data_key(oid), data.buffers)
            self._pending.pop(oid)
            self.stored.append(oid)
        self._put_current(put)
        arena.release()

    def _put_current(self, put: Callable[[str, list[Buffer]], object]) -> None:
        """Store the object in the making, and begin another."""
        current = self._current
        if current.size:
            put(data_key(current.id), current.buffers)
            self.stored.append(current.id)
            self._current = DataObject(self._prefix)

    def stop(self) -> None:
        """End the upload thread; nothing is lost."""
        if self._pool is not None:
            self._pool.shutdown(wait=True)
            self._pool = None


__all__ = ["Staging"]
