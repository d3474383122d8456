"""Blocks that a session has made and not published yet, grouped into data objects."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import TYPE_CHECKING

from deeplake.format.chunk import ALIGNMENT, Block
from deeplake.spi import Store
from deeplake.types import Buffer, joined
from deeplake.versioning.repository import data_key

if TYPE_CHECKING:
    from concurrent.futures import Future, ThreadPoolExecutor

OBJECT_SIZE = 64 << 20
MAX_UPLOADS = 2


class DataObject:
    """One data object in the making: aligned blocks."""

    __slots__ = ("blocks", "buffers", "id", "size")

    def __init__(self, prefix: str) -> None:
        # References to objects of one writer have half of their ids in common, and deflate well.
        self.id = prefix + secrets.token_hex(8)
        self.buffers: list[Buffer] = []
        self.blocks: dict[int, Block] = {}
        self.size = 0

    def add(self, block: Block) -> int:
        """Append a block and return its offset."""
        gap = -self.size % ALIGNMENT
        if gap:
            self.buffers.append(bytes(gap))
            self.size += gap
        offset = self.size
        self.blocks[offset] = block
        self.buffers.extend(block.buffers)
        self.size += block.length
        return offset


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
        self._uploads: dict[str, Future[str]] = {}
        self._pool: ThreadPoolExecutor | None = None
        self._previews: dict[str, Block] = {}
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
            # In this order: a thread that reads meanwhile finds the object in one place or the other.
            self._pending[current.id] = current
            self._current = DataObject(self._prefix)
            self._upload(current)
        return current.id, offset

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
        from concurrent.futures import ThreadPoolExecutor

        if self._pool is None:
            self._pool = ThreadPoolExecutor(1, thread_name_prefix="deeplake-upload")
        while len(self._uploads) >= MAX_UPLOADS:
            self._finish(next(iter(self._uploads)))
        self._uploads[data.id] = self._pool.submit(self._store.put, data_key(data.id), data.buffers)

    def _finish(self, oid: str) -> None:
        """Wait for an upload. If it failed, the object stays pending and is tried again."""
        self._uploads.pop(oid).result()
        self._pending.pop(oid)
        self.stored.append(oid)

    def flush(self, put: Callable[[str, list[Buffer]], object] | None = None) -> None:
        """Store everything that was added.

        Raises:
            StorageError: Something could not be stored; calling again tries again.
        """
        put = put or self._store.put
        try:
            for oid in list(self._uploads):
                self._finish(oid)
        finally:
            self.stop()
        for oid, data in list(self._pending.items()):
            put(data_key(oid), data.buffers)
            self._pending.pop(oid)
            self.stored.append(oid)
        if self._current.size:
            current = self._current
            put(data_key(current.id), current.buffers)
            self.stored.append(current.id)
            self._current = DataObject(self._prefix)

    def stop(self) -> None:
        """End the upload thread; nothing is lost."""
        if self._pool is not None:
            self._pool.shutdown(wait=True)
            self._pool = None


__all__ = ["Staging"]
