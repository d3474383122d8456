"""A store whose requests obstore makes."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any

from deeplake.errors import StorageError
from deeplake.spi import Store
from deeplake.types import (
    Buffer,
    ByteRange,
    Data,
    ObjectInfo,
    StoreCapabilities,
    check_key,
)
from deeplake_storage_obstore.client import Client, Method, Opener, usable
from deeplake_storage_obstore.relay import Relay

DELETED_AT_ONCE = 1000


class ObstoreStore(Store):
    """Objects below a prefix of a bucket.

    It holds no connection before it is used, and makes new ones in every process; it can be pickled.

    Args:
        url: URL of the root, with the prefix.
        opener: Makes obstore's own store of it.
        token: What names a version: ``"e_tag"``, or ``"version"`` for generations.
        writable: Whether puts and deletes may be tried.
    """

    def __init__(
        self, url: str, opener: Opener, *, token: str = "e_tag", writable: bool = True
    ) -> None:
        self.url = url
        self.capabilities = StoreCapabilities(
            writable=writable, conditional_put=writable, request_cost=1 << 20
        )
        self._opener = opener
        self._token = token
        self._client: Client | Relay | None = None
        self._pid = 0
        self._mutex = threading.Lock()

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_client": None, "_pid": 0, "_mutex": None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._mutex = threading.Lock()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.url!r})"

    def _requests(self) -> Client | Relay:
        """Who makes requests for this process."""
        if self._pid != os.getpid():
            # A fork copies a mutex as it is, maybe held by a thread that the child does not have.
            self._mutex = threading.Lock()
            self._client, self._pid = None, os.getpid()
        with self._mutex:
            if self._client is None:
                kind = Client if usable() else Relay
                self._client = kind(self.url, self._opener, self._token)
            return self._client

    # ---- reading
    def get(self, key: str, byte_range: ByteRange | None = None) -> Buffer:
        self._check(key, byte_range)
        found = self._requests().get(key, byte_range)[0]
        return memoryview(found).cast("B") if not isinstance(found, bytes) else found

    def get_versioned(self, key: str) -> tuple[Buffer, str]:
        found, version = self._requests().get(check_key(key), None)
        return memoryview(found), version

    def get_many(self, requests: Sequence[tuple[str, ByteRange | None]]) -> list[Buffer]:
        for key, byte_range in requests:
            self._check(key, byte_range)
        if not requests:
            return []
        return [memoryview(found) for found in self._requests().get_many(requests)]

    def _check(self, key: str, byte_range: ByteRange | None) -> None:
        check_key(key)
        if byte_range is not None and not 0 <= byte_range[0] <= byte_range[1]:
            start, stop = byte_range
            raise StorageError(
                f"cannot read bytes {start} to {stop} of {key!r}: a range has 0 <= start <= stop"
            )

    def head(self, key: str) -> ObjectInfo:
        return ObjectInfo(key, *self._requests().head(check_key(key)))

    def list(self, prefix: str = "") -> Iterator[ObjectInfo]:
        return iter([ObjectInfo(*found) for found in self._requests().list(prefix)])

    def sign(self, key: str, *, method: Method = "GET", seconds: float = 3600) -> str:
        """A URL that lets whoever has it make one kind of request for an object, without credentials.

        Nothing is asked of the server: the object need not be there.

        Args:
            key: Of the object.
            method: What may be done.
            seconds: How long the URL is good for.

        Raises:
            StorageError: The credentials cannot sign.
        """
        return self._requests().sign(check_key(key), method, seconds)

    # ---- writing
    def put(
        self, key: str, data: Data, *, if_match: str | None = None, if_absent: bool = False
    ) -> str:
        check_key(key)
        self._may_write(key)
        return self._requests().put(key, data, if_match, if_absent)

    def delete(self, keys: Iterable[str]) -> None:
        waiting = iter(keys)
        while some := list(map(check_key, islice(waiting, DELETED_AT_ONCE))):
            self._may_write(some[0])
            self._requests().delete(some)

    def _may_write(self, key: str) -> None:
        if not self.capabilities.writable:
            raise StorageError(f"cannot write {key!r}: {self.url} is read only")

    def close(self) -> None:
        with self._mutex:
            client, self._client = self._client, None
        if client is not None and self._pid == os.getpid():
            client.close()


__all__ = ["ObstoreStore", "Opener"]
