"""What stands between the kernel and stores that fail for a moment.

Whatever may be done twice is tried again when the store says that it could not do it just now: reads,
and puts without a condition. A conditional put is not: whether one was done whose answer was lost can
only be told by reading back, which whoever made it does. Deletes and sweeps are not needed to be right,
and are left for next time.

An answer that is shorter than it should be is asked for again, too. If the object itself is as short,
the answer is right, and what it means is for the caller to say.
"""

from __future__ import annotations

import errno
import logging
import random
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from itertools import chain
from typing import TypeVar

from deeplake.errors import (
    CredentialsError,
    ObjectNotFoundError,
    PreconditionFailedError,
    StorageError,
    StorageTimeoutError,
    TransientStorageError,
)
from deeplake.spi import PartWriter, Store
from deeplake.types import Buffer, ByteRange, Data, ObjectInfo, byte_length

T = TypeVar("T")

TRIES = 4
"""How often something is tried in all."""
PAUSE = 0.05
"""Seconds before the second try, doubled before each further one; a random part of up to half is left
out, so that many readers do not come back at once."""
PATIENCE = 10.0
"""No try begins later than this after the first, in seconds: a store that took so long to say no has
tried hard enough itself."""

_PASSING = frozenset(
    {
        errno.EAGAIN, errno.ECONNABORTED, errno.ECONNREFUSED, errno.ECONNRESET, errno.EIO,
        errno.EPIPE, errno.ETIMEDOUT,
    }
)  # fmt: skip

_log = logging.getLogger(__name__)
_chance = random.SystemRandom()  # takes nothing from the numbers of those who set a seed


def is_transient(error: StorageError) -> bool:
    """Whether the same request may succeed a moment later."""
    if isinstance(error, (TransientStorageError, StorageTimeoutError)):
        return True
    if isinstance(error, (ObjectNotFoundError, PreconditionFailedError, CredentialsError)):
        return False  # whatever the cause: the store has answered
    cause = error.__cause__
    code = error.errno
    if code is None and isinstance(cause, OSError):
        code = cause.errno
    return code in _PASSING


class Retrying(Store):
    """A store that tries again.

    Args:
        store: The store that may fail.
        sleep: Waits for so many seconds; None: ``time.sleep``.
    """

    def __init__(self, store: Store, *, sleep: Callable[[float], None] | None = None) -> None:
        self.store = store
        self.url = store.url
        self.capabilities = store.capabilities
        self._sleep = sleep

    @classmethod
    def around(cls, store: Store) -> Store:
        """The store, made to try again if it does not already."""
        return store if isinstance(store, cls) else cls(store)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.store!r})"

    # ---- what is tried again
    def get(self, key: str, byte_range: ByteRange | None = None) -> Buffer:
        try:
            data = self.store.get(key, byte_range)
        except StorageError as error:
            data = self._again(error, lambda: self.store.get(key, byte_range))
        if byte_range is not None and byte_length(data) < byte_range[1] - byte_range[0]:
            return self._longer(key, byte_range)
        return data

    def get_versioned(self, key: str) -> tuple[Buffer, str]:
        try:
            return self.store.get_versioned(key)
        except StorageError as error:
            return self._again(error, lambda: self.store.get_versioned(key))

    def get_many(self, requests: Sequence[tuple[str, ByteRange | None]]) -> list[Buffer]:
        try:
            answers = self.store.get_many(requests)
        except StorageError as error:
            answers = self._again(error, lambda: self.store.get_many(requests))
        for i, (key, byte_range) in enumerate(requests):
            if byte_range is not None and byte_length(answers[i]) < byte_range[1] - byte_range[0]:
                answers[i] = self._longer(key, byte_range)
        return answers

    def map(self, key: str) -> memoryview:
        try:
            return self.store.map(key)
        except StorageError as error:
            return self._again(error, lambda: self.store.map(key))

    def map_private(self, key: str, byte_range: ByteRange) -> memoryview | None:
        try:
            return self.store.map_private(key, byte_range)
        except StorageError as error:
            return self._again(error, lambda: self.store.map_private(key, byte_range))

    def assemble(self, key: str, size: int) -> AbstractContextManager[PartWriter] | None:
        # Its parts are with who writes them, who tries again by putting the whole.
        return self.store.assemble(key, size)

    def head(self, key: str) -> ObjectInfo:
        try:
            return self.store.head(key)
        except StorageError as error:
            return self._again(error, lambda: self.store.head(key))

    def list(self, prefix: str = "") -> Iterator[ObjectInfo]:
        try:
            return self._begun(prefix)
        except StorageError as error:
            return self._again(error, lambda: self._begun(prefix))

    def _begun(self, prefix: str) -> Iterator[ObjectInfo]:
        """A listing whose first answer has come. One that fails later is not begun again: what was
        listed may have changed.
        """
        found = iter(self.store.list(prefix))
        for first in found:
            return chain((first,), found)
        return iter(())

    def put(
        self, key: str, data: Data, *, if_match: str | None = None, if_absent: bool = False
    ) -> str:
        if if_absent or if_match is not None:
            return self.store.put(key, data, if_match=if_match, if_absent=if_absent)
        try:
            return self.store.put(key, data)
        except StorageError as error:
            return self._again(error, lambda: self.store.put(key, data))

    def _again(self, error: StorageError, run: Callable[[], T]) -> T:
        """Do what failed until it works, or until it is time to give up.

        Raises:
            StorageError: The last one.
        """
        began = time.monotonic()
        for number in range(1, TRIES):
            if not is_transient(error) or time.monotonic() - began > PATIENCE:
                raise error
            _log.info("try %d of %d: %s", number, TRIES, error)
            (self._sleep or time.sleep)(PAUSE * 2 ** (number - 1) * _chance.uniform(0.5, 1))
            try:
                return run()
            except StorageError as another:
                error = another
        raise error

    def _longer(self, key: str, byte_range: ByteRange) -> Buffer:
        """Read again what came back too short.

        Raises:
            StorageError: It is shorter than the part of the object that there is.
        """
        start, stop = byte_range
        try:
            data = self.store.get(key, byte_range)
        except StorageError as error:
            data = self._again(error, lambda: self.store.get(key, byte_range))
        if byte_length(data) < stop - start:
            there = min(self.head(key).size, stop) - start
            if byte_length(data) < there:
                raise StorageError(
                    f"cannot read bytes {start} to {stop} of {key!r} in {self.url}: only "
                    f"{byte_length(data)} of {there} bytes came, twice; the object is longer, so try "
                    "again, and look at the network"
                )
        return data

    # ---- what is not
    def delete(self, keys: Iterable[str]) -> None:
        self.store.delete(keys)

    def turn(self) -> AbstractContextManager[None]:
        return self.store.turn()

    def sweep(self, older_than: float, *, dry_run: bool = False) -> int:
        return self.store.sweep(older_than, dry_run=dry_run)

    def close(self) -> None:
        self.store.close()


__all__ = ["PAUSE", "TRIES", "Retrying", "is_transient"]
