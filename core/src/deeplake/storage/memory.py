"""Stores in the memory of this process, found by name as long as somebody holds them."""

from __future__ import annotations

import os
import threading
import time
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import count
from typing import Any, NoReturn
from weakref import WeakSet, WeakValueDictionary

from deeplake.errors import (
    MemoryDatasetCanNotBePickledError,
    ObjectNotFoundError,
    PreconditionFailedError,
    StorageError,
)
from deeplake.spi import Store, StorePlugin
from deeplake.types import (
    Buffer,
    ByteRange,
    Data,
    ObjectInfo,
    StoreCapabilities,
    check_key,
    joined,
)


@dataclass(frozen=True, slots=True)
class _Object:
    data: bytes
    version: str
    modified: float


class MemoryStore(Store):
    """A dict as a store. What it returns are views of what it holds: nothing is copied.

    Args:
        url: What the store is called in messages. Two stores of one URL are different stores,
            unless they come from ``named``.
    """

    capabilities = StoreCapabilities(
        writable=True,
        conditional_put=True,
        listing=True,
        mapping=True,
        persistent=False,
        request_cost=0,
    )

    def __init__(self, url: str = "mem://") -> None:
        self.url = url
        self._objects: dict[str, _Object] = {}
        self._mutex = threading.Lock()
        _stores.add(self)

    @classmethod
    def named(cls, name: str, *, fresh: bool = False) -> MemoryStore:
        """The live store of a name, or a new one if there is none.

        Args:
            name: Name.
            fresh: Make a new one in any case, and give it the name. Whoever holds the old one keeps
                it; it has no name any more.
        """
        with _registry:
            store = None if fresh else _named.get(name)
            if store is None:
                store = _named[name] = cls(f"mem://{name}")
            return store

    def __reduce__(self) -> NoReturn:
        raise MemoryDatasetCanNotBePickledError(
            f"{self.url} is in the memory of this process, and cannot be pickled or sent to "
            "another; use a path on disk, or copy it there with deeplake.deepcopy"
        )

    def __repr__(self) -> str:
        return f"MemoryStore({self.url!r})"

    def get(self, key: str, byte_range: ByteRange | None = None) -> Buffer:
        data = self._object(key).data
        if byte_range is None:
            return data
        start, stop = byte_range
        if not 0 <= start <= stop:
            raise StorageError(
                f"cannot read bytes {start} to {stop} of {key!r}: a range has 0 <= start <= stop"
            )
        return memoryview(data)[start:stop]

    def get_versioned(self, key: str) -> tuple[Buffer, str]:
        found = self._object(key)
        return found.data, found.version

    def map(self, key: str) -> memoryview:
        return memoryview(self._object(key).data)

    def put(
        self, key: str, data: Data, *, if_match: str | None = None, if_absent: bool = False
    ) -> str:
        check_key(key)
        written = _Object(joined(data), f"{next(_versions):x}", time.time())
        with self._mutex:
            present = self._objects.get(key)
            if if_absent and present is not None:
                raise PreconditionFailedError(
                    f"{key!r} in {self.url} exists already; nothing was written"
                )
            if if_match is not None and (present is None or present.version != if_match):
                state = "does not exist" if present is None else f"has version {present.version!r}"
                raise PreconditionFailedError(
                    f"{key!r} in {self.url} {state}, and was expected in version {if_match!r}: "
                    "another writer changed it; nothing was written"
                )
            self._objects[key] = written
        return written.version

    def head(self, key: str) -> ObjectInfo:
        return _info(key, self._object(key))

    def delete(self, keys: Iterable[str]) -> None:
        for key in keys:
            with self._mutex:
                self._objects.pop(check_key(key), None)

    def list(self, prefix: str = "") -> Iterator[ObjectInfo]:
        """The objects that there are when the first one is asked for."""
        with self._mutex:
            found = sorted(self._objects.items())
        for key, held in found[bisect_left(found, prefix, key=lambda item: item[0]) :]:
            if not key.startswith(prefix):
                return
            yield _info(key, held)

    def _object(self, key: str) -> _Object:
        held = self._objects.get(check_key(key))
        if held is None:
            raise ObjectNotFoundError(f"{self.url} has no object {key!r}")
        return held


def _info(key: str, held: _Object) -> ObjectInfo:
    return ObjectInfo(key, len(held.data), held.version, held.modified)


class Memory(StorePlugin, api=(1, 0)):
    """Opens named stores in memory: ``mem://name``."""

    def open(self, url: str, *, creds: Mapping[str, Any] | str | None = None) -> MemoryStore:
        """The live store of this name, or a new one."""
        return MemoryStore.named(_name(url))

    def create(self, url: str, *, creds: Mapping[str, Any] | str | None = None) -> MemoryStore:
        """A new store, which takes the name."""
        return MemoryStore.named(_name(url), fresh=True)


def _name(url: str) -> str:
    return url.partition("://")[2].rstrip("/")


_versions = count(1)  # never the same twice, also when a key is deleted and comes back
_registry = threading.Lock()
_named: WeakValueDictionary[str, MemoryStore] = WeakValueDictionary()
_stores: WeakSet[MemoryStore] = WeakSet()


def _renew() -> None:
    # In the child of a fork, no thread is left that would release a mutex that was held. What it
    # guards is whole: every change is one call.
    global _registry
    _registry = threading.Lock()
    for store in _stores:
        store._mutex = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew)

__all__ = ["Memory", "MemoryStore"]
