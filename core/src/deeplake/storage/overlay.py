"""A store on top of another one: what is put goes to a place of its own, that one stays as it is."""

from __future__ import annotations

import shutil
import tempfile
import threading
import weakref
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from deeplake.errors import ObjectNotFoundError
from deeplake.spi import Store
from deeplake.storage.local import LocalStore
from deeplake.types import Buffer, ByteRange, Data, ObjectInfo


class Overlay(Store):
    """Reads what was put here, and else what the store below has.

    What is put lies in a temporary folder, which goes when the overlay does.

    Args:
        below: The store that is read, and never written.
    """

    def __init__(self, below: Store) -> None:
        self.below = below
        self.url = below.url
        self.capabilities = replace(below.capabilities, writable=True, persistent=False)
        self._lock = threading.Lock()
        self._scratch: LocalStore | None = None
        self._keys: set[str] = set()

    def _writable(self) -> LocalStore:
        with self._lock:
            if self._scratch is None:
                folder = tempfile.mkdtemp(prefix="deeplake-view-")
                weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)
                self._scratch = LocalStore(folder, fsync=False)
            return self._scratch

    def _of(self, key: str) -> Store:
        """Where an object is."""
        if key in self._keys:
            assert self._scratch is not None
            return self._scratch
        return self.below

    def get(self, key: str, byte_range: ByteRange | None = None) -> Buffer:
        return self._of(key).get(key, byte_range)

    def get_versioned(self, key: str) -> tuple[Buffer, str]:
        return self._of(key).get_versioned(key)

    def get_many(self, requests: Sequence[tuple[str, ByteRange | None]]) -> list[Buffer]:
        far = [request for request in requests if request[0] not in self._keys]
        found = iter(self.below.get_many(far) if far else [])
        return [
            self.get(key, byte_range) if key in self._keys else next(found)
            for key, byte_range in requests
        ]

    def map(self, key: str) -> memoryview:
        return self._of(key).map(key)

    def map_private(self, key: str, byte_range: ByteRange) -> memoryview | None:
        return self._of(key).map_private(key, byte_range)

    def put(
        self, key: str, data: Data, *, if_match: str | None = None, if_absent: bool = False
    ) -> str:
        version = self._writable().put(key, data, if_match=if_match, if_absent=if_absent)
        self._keys.add(key)
        return version

    def head(self, key: str) -> ObjectInfo:
        return self._of(key).head(key)

    def delete(self, keys: Iterable[str]) -> None:
        mine = [key for key in keys if key in self._keys]
        if mine:
            self._writable().delete(mine)
            self._keys.difference_update(mine)

    def list(self, prefix: str = "") -> Iterator[ObjectInfo]:
        there = {info.key: info for info in self.below.list(prefix)}
        for key in self._keys:
            if key.startswith(prefix):
                there[key] = self.head(key)
        yield from (there[key] for key in sorted(there))

    def objects(self) -> dict[str, bytes]:
        """What was put here."""
        return {key: bytes(self.get(key)) for key in sorted(self._keys)}

    def publish(self) -> None:
        """Put everything into the store below. Objects that are there already stay as they are."""
        for key in sorted(self._keys):
            try:
                self.below.head(key)
            except ObjectNotFoundError:
                self.below.put(key, self.get(key))


__all__ = ["Overlay"]
