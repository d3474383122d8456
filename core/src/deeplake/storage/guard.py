"""What stands between the kernel and stores that cannot write on a condition.

Commits of several writers stay apart because a store refuses to replace a branch that another writer has
moved. Where it cannot, writing is safe only while nobody else writes, which only the user can know.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from deeplake.errors import ObjectNotFoundError, PreconditionFailedError, StorageError
from deeplake.spi import Store
from deeplake.types import Buffer, ByteRange, Data, ObjectInfo


class Guarded(Store):
    """Hands everything to another store but what is written.

    Args:
        store: The other store.
    """

    def __init__(self, store: Store) -> None:
        self.store = store
        self.url = store.url
        self.capabilities = store.capabilities

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.store!r})"

    def get(self, key: str, byte_range: ByteRange | None = None) -> Buffer:
        return self.store.get(key, byte_range)

    def get_versioned(self, key: str) -> tuple[Buffer, str]:
        return self.store.get_versioned(key)

    def get_many(self, requests: Sequence[tuple[str, ByteRange | None]]) -> list[Buffer]:
        return self.store.get_many(requests)

    def head(self, key: str) -> ObjectInfo:
        return self.store.head(key)

    def list(self, prefix: str = "") -> Iterator[ObjectInfo]:
        return self.store.list(prefix)

    def close(self) -> None:
        self.store.close()


class ReadOnly(Guarded):
    """A store that is only read, as several writers would overwrite each other's commits."""

    def __init__(self, store: Store) -> None:
        super().__init__(store)
        self.capabilities = replace(store.capabilities, writable=False, conditional_put=False)

    def _refused(self) -> StorageError:
        return StorageError(
            f"{self.url} is read only: this kind of store cannot keep the commits of several writers "
            "apart. If you are the only one who writes, open it with single_writer=True"
        )

    def put(
        self, key: str, data: Data, *, if_match: str | None = None, if_absent: bool = False
    ) -> str:
        raise self._refused()

    def delete(self, keys: Iterable[str]) -> None:
        raise self._refused()


class SingleWriter(Guarded):
    """A store whose only writer is this process: it looks before it writes.

    Between looking and writing, another process would go unnoticed.
    """

    def __init__(self, store: Store) -> None:
        super().__init__(store)
        self.capabilities = replace(store.capabilities, conditional_put=True)
        self._mutex = threading.Lock()

    def __getstate__(self) -> dict[str, object]:
        return {**self.__dict__, "_mutex": None}

    def __setstate__(self, state: dict[str, object]) -> None:
        self.__dict__.update(state)
        self._mutex = threading.Lock()

    def put(
        self, key: str, data: Data, *, if_match: str | None = None, if_absent: bool = False
    ) -> str:
        with self._mutex:
            if if_absent or if_match is not None:
                found = self._version(key)
                if found is not None if if_absent else found != if_match:
                    raise PreconditionFailedError(
                        f"{key!r} in {self.url} is not in the state that was expected, so somebody "
                        "else writes here; nothing was written"
                    )
            return self.store.put(key, data)

    def _version(self, key: str) -> str | None:
        try:
            return self.store.head(key).version
        except ObjectNotFoundError:
            return None

    def delete(self, keys: Iterable[str]) -> None:
        self.store.delete(keys)


__all__ = ["ReadOnly", "SingleWriter"]
