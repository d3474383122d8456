"""Requests to one bucket, made by obstore in this process.

obstore's runtime does not survive a fork: in the child of a process that has used it, every request
hangs, also those of new stores. ``usable`` says whether that is the case; ``relay`` is the way out.
"""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from datetime import timedelta
from typing import Any, Literal, Protocol, TypeAlias

from deeplake.errors import (
    ObjectNotFoundError,
    PreconditionFailedError,
    StorageError,
    StorageTimeoutError,
    StorageUnreachableError,
)
from deeplake.types import ByteRange, Data, joined
from deeplake_storage_obstore.failure import told, translated

IN_FLIGHT = 32
"""Requests of one batch that are under way at once."""

SMALL = 1 << 16
"""Bytes that even a slow network takes in the time that a server has for its first answer."""

# How servers write versions.
_FORMS = {"e_tag": re.compile(r'(?:W/)?"[^"]+"'), "version": re.compile(r"[0-9]+")}

Method: TypeAlias = Literal["GET", "PUT", "DELETE"]
"""What a signed URL may be good for."""

_BAD_REQUEST = "400 Bad Request"

_used_by = 0


def usable() -> bool:
    """Whether this process may use obstore: no process that it was forked from has."""
    return _used_by in (0, os.getpid())


class Opener(Protocol):
    """Makes obstore's own store; picklable, and called in the process that uses the store.

    It may have an attribute ``temporary``: its credentials are a token that ends by itself.
    """

    def __call__(self) -> Any:
        """A store of ``obstore.store`` whose root is the dataset's.

        The ``read_timeout`` of its clients, if there is one, holds until the server has answered.
        """


class Client:
    """Requests to the objects of one store; any number of threads may use it.

    Args:
        url: What the store is called in messages.
        opener: Makes obstore's store.
        token: What names a version of an object, and is sent back as a condition: ``"e_tag"`` or
            ``"version"`` (a generation).
    """

    def __init__(self, url: str, opener: Opener, token: str) -> None:
        global _used_by
        _used_by = os.getpid()
        self.url = url
        self._token = token
        self._temporary = bool(getattr(opener, "temporary", False))
        with translated(url, "open", temporary=self._temporary):
            self._store = opener()
        self._answered = False
        self._pool: ThreadPoolExecutor | None = None
        self._mutex = threading.Lock()

    @contextmanager
    def _translated(
        self, what: str, key: str | None = None, *, once: bool = False
    ) -> Iterator[None]:
        """Make requests; whatever goes wrong becomes a ``StorageError``."""
        new = not self._answered
        try:
            with translated(self.url, what, key, once=once, temporary=self._temporary):
                yield
        except StorageTimeoutError as error:
            if not new:
                raise
            where = f"{key!r} in {self.url}" if key else self.url
            # Not as a timeout: nobody should try again what would take as long.
            raise StorageUnreachableError(
                f"cannot {what} {where}: the server did not answer in time; check the network and the "
                'endpoint, or allow it more: creds={"answer_timeout": seconds}'
            ) from error.__cause__
        except StorageUnreachableError:
            raise
        except StorageError:
            self._heard()
            raise
        self._heard()

    def _heard(self) -> None:
        """There is a server that answers: from now on it may take its time."""
        if self._answered:
            return
        with self._mutex:
            if self._answered:
                return
            first = self._store
            options = dict(first.client_options or {})
            if options.pop("read_timeout", None) is not None:
                self._store = type(first)(
                    prefix=first.prefix,
                    config=first.config,
                    client_options=options,
                    retry_config=first.retry_config,
                    credential_provider=first.credential_provider,
                )
            self._answered = True

    def get(self, key: str, byte_range: ByteRange | None) -> tuple[Any, str]:
        """Bytes and version of an object."""
        import obstore

        with self._translated("read", key):
            if byte_range is None:
                found = obstore.get(self._store, key)
                version = self._version(found.meta)
                return found.bytes(), version
            return self._part(key, *byte_range), ""

    def _part(self, key: str, start: int, stop: int) -> Any:
        import obstore

        if start < stop:
            try:
                return obstore.get_range(self._store, key, start=start, end=stop)
            except FileNotFoundError:
                raise
            except Exception as error:  # noqa: BLE001 - which of them says "past the end"?
                problem: Exception = error
        # Servers refuse parts that begin behind the end; nobody answers for a part of nothing.
        size = self._size(key)
        if start >= min(stop, size):
            return b""
        raise problem

    def _size(self, key: str) -> int:
        import obstore

        return int(obstore.head(self._store, key)["size"])

    def get_many(self, requests: Sequence[tuple[str, ByteRange | None]]) -> list[Any]:
        """Bytes of several objects or parts, fetched together."""
        if len(requests) == 1:
            return [self.get(*requests[0])[0]]
        return list(self._threads().map(lambda one: self.get(*one)[0], requests))

    def _threads(self) -> ThreadPoolExecutor:
        with self._mutex:
            if self._pool is None:
                self._pool = ThreadPoolExecutor(IN_FLIGHT, thread_name_prefix="deeplake-obstore")
            return self._pool

    def put(self, key: str, data: Data, if_match: str | None, if_absent: bool) -> str:
        """Write an object; returns its version."""
        import obstore

        mode: Any = "overwrite"
        if if_absent:
            mode = "create"
        elif if_match is not None:
            if _FORMS[self._token].fullmatch(if_match) is None:
                # Servers ignore a condition that is no version at all, and write.
                raise _precondition(self.url, key)
            mode = {self._token: if_match}
        whole = joined(data)
        if not self._answered and len(whole) > SMALL:
            self._greet(key)  # else the time that it takes to send this would pass for silence
        with self._translated("write", key, once=mode != "overwrite"):
            try:
                result = obstore.put(self._store, key, whole, mode=mode)
            except FileNotFoundError as error:
                error_told = told(error, self.url, "write", key, temporary=self._temporary)
                if if_match is not None and isinstance(error_told, ObjectNotFoundError):
                    # Some servers answer 404 where an object that should have a version is absent.
                    raise _precondition(self.url, key) from error
                if isinstance(error_told, ObjectNotFoundError):
                    error_told = StorageError(f"cannot write {key!r} in {self.url}: {error}")
                raise error_told from error
            return self._version(result)

    def _greet(self, key: str) -> None:
        """Hear from the server, whatever it says."""
        try:
            self.head(key)
        except StorageError:
            if not self._answered:
                raise

    def head(self, key: str) -> tuple[int, str, float]:
        """Size, version and time of the last change."""
        import obstore

        with self._translated("look at", key):
            try:
                found = obstore.head(self._store, key)
            except Exception as error:
                if _BAD_REQUEST in str(error):
                    # An answer to HEAD has no body that would say what is bad: one to GET does.
                    obstore.get_range(self._store, key, start=0, end=1)
                raise
            return int(found["size"]), self._version(found), found["last_modified"].timestamp()

    def delete(self, keys: Sequence[str]) -> None:
        """Delete objects."""
        import obstore

        with self._translated("delete from"):
            try:
                if keys:
                    obstore.delete(self._store, list(keys))
            except FileNotFoundError as error:
                if "bucket" in str(error).lower():
                    raise
                # One that is not there stopped the others on some servers.
                for key in keys:
                    self._delete_one(key)

    def _delete_one(self, key: str) -> None:
        import obstore

        with suppress(FileNotFoundError):
            obstore.delete(self._store, key)

    def list(self, prefix: str) -> list[tuple[str, int, str, float]]:
        """Key, size, version and time of the objects below a prefix, in byte order of their keys."""
        import obstore

        # obstore's prefixes are whole folders; servers order keys as they like.
        folder = prefix.rpartition("/")[0]
        found: list[tuple[str, int, str, float]] = []
        with self._translated("list"):
            try:
                for page in obstore.list(self._store, prefix=folder or None):
                    found.extend(
                        (
                            one["path"],
                            int(one["size"]),
                            self._version(one),
                            one["last_modified"].timestamp(),
                        )
                        for one in page
                        if one["path"].startswith(prefix)
                    )
            except FileNotFoundError as error:
                if "bucket" in str(error).lower():
                    raise
        return sorted(found, key=lambda one: one[0].encode())

    def sign(self, key: str, method: Method, seconds: float) -> str:
        """A URL that lets whoever has it make one kind of request for an object, without credentials."""
        import obstore

        with self._translated("sign a request for", key):
            return str(obstore.sign(self._store, method, key, timedelta(seconds=seconds)))

    def _version(self, meta: Any) -> str:
        return str(meta.get(self._token) or "")

    def close(self) -> None:
        """End the threads."""
        with self._mutex:
            pool, self._pool = self._pool, None
        if pool is not None:
            pool.shutdown()


def _precondition(url: str, key: str) -> StorageError:
    return PreconditionFailedError(
        f"{key!r} in {url} is not in the version that was expected; nothing was written"
    )


__all__ = ["Client", "Method", "Opener", "usable"]
