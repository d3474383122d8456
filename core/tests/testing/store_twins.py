"""Stores with one fault each, and the contract for each: what ``test_store_contract`` runs.

Not collected by itself: all but the first of these classes of tests are meant to fail.
"""

from __future__ import annotations

import itertools
import os
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import unquote

import pytest

from deeplake.errors import ObjectNotFoundError, PreconditionFailedError, StorageError
from deeplake.spi import Store
from deeplake.storage.local import LocalStore
from deeplake.storage.memory import MemoryStore, _Object
from deeplake.testing.store import StoreContract
from deeplake.types import Buffer, ByteRange, Data, ObjectInfo, joined

backdoor_versions = (f"backdoor-{number}" for number in itertools.count())
versions = (f"twin-{number}" for number in itertools.count())


class Twin(MemoryStore):
    """A store without a fault.

    Attributes:
        caught_by: The test that has to fail.
    """

    caught_by: ClassVar[str] = ""

    def place(self, key: str, data: Any, version: str | None = None) -> str:
        """Write without any check."""
        placed = _Object(data, next(versions) if version is None else version, 1.0)
        self._objects[key] = placed
        return placed.version


# --------------------------------------------------------------------------- conditions
class IgnoresIfMatch(Twin):
    caught_by = "test_if_match"

    def put(
        self, key: str, data: Data, *, if_match: str | None = None, if_absent: bool = False
    ) -> str:
        return super().put(key, data, if_absent=if_absent)


class IgnoresIfAbsent(Twin):
    caught_by = "test_if_absent"

    def put(
        self, key: str, data: Data, *, if_match: str | None = None, if_absent: bool = False
    ) -> str:
        return super().put(key, data, if_match=if_match)


class IgnoresIfMatchOfNothing(Twin):
    caught_by = "test_if_match_of_nothing"

    def put(
        self, key: str, data: Data, *, if_match: str | None = None, if_absent: bool = False
    ) -> str:
        return super().put(
            key, data, if_match=if_match if key in self._objects else None, if_absent=if_absent
        )


class IgnoresConditionsAndSaysSo(Twin):
    """Saying that there are no conditions does not allow to ignore them."""

    caught_by = "test_if_absent"
    capabilities = replace(MemoryStore.capabilities, conditional_put=False)

    def put(
        self, key: str, data: Data, *, if_match: str | None = None, if_absent: bool = False
    ) -> str:
        return super().put(key, data)


class NeverMatches(Twin):
    caught_by = "test_no_increment_is_lost[threads]"

    def get_versioned(self, key: str) -> tuple[Buffer, str]:
        data, version = super().get_versioned(key)
        return data, f"{version}!"


class RacyIfAbsent(Twin):
    caught_by = "test_one_of_many_creates[threads]"

    def put(
        self, key: str, data: Data, *, if_match: str | None = None, if_absent: bool = False
    ) -> str:
        if if_absent and key in self._objects:
            raise PreconditionFailedError(key)
        time.sleep(0.0001)
        return super().put(key, data, if_match=if_match)


class RacyIfMatch(Twin):
    caught_by = "test_one_of_many_replaces[threads]"

    def put(
        self, key: str, data: Data, *, if_match: str | None = None, if_absent: bool = False
    ) -> str:
        if if_match is not None and (
            key not in self._objects or self.head(key).version != if_match
        ):
            raise PreconditionFailedError(key)
        time.sleep(0.0001)
        return super().put(key, data, if_absent=if_absent)


class LosesIncrements(Twin):
    """Reads the version after the bytes: they need not belong together."""

    caught_by = "test_no_increment_is_lost[threads]"

    def get_versioned(self, key: str) -> tuple[Buffer, str]:
        data = self.get(key)
        time.sleep(0.0001)
        return data, self.head(key).version


# --------------------------------------------------------------------------- versions
class ConstantVersion(Twin):
    caught_by = "test_each_change_has_another_version[20]"

    def put(
        self, key: str, data: Data, *, if_match: str | None = None, if_absent: bool = False
    ) -> str:
        super().put(key, data, if_match=if_match, if_absent=if_absent)
        return self.place(key, self._objects[key].data, "constant")


class VersionIsTheSize(Twin):
    caught_by = "test_each_change_has_another_version[1100000]"

    def put(
        self, key: str, data: Data, *, if_match: str | None = None, if_absent: bool = False
    ) -> str:
        super().put(key, data, if_match=if_match, if_absent=if_absent)
        whole = self._objects[key].data
        return self.place(key, whole, f"{len(whole)}" if len(whole) > 1_000_000 else None)


class AnswersTheOldVersion(Twin):
    caught_by = "test_put[bytes]"

    def put(
        self, key: str, data: Data, *, if_match: str | None = None, if_absent: bool = False
    ) -> str:
        old = self._objects.get(key)
        new = super().put(key, data, if_match=if_match, if_absent=if_absent)
        return "none" if old is None else old.version or new


# --------------------------------------------------------------------------- reads
class RangeOffByOne(Twin):
    caught_by = "test_get_of_a_range[5]"

    def get(self, key: str, byte_range: ByteRange | None = None) -> Buffer:
        return super().get(key, byte_range and (byte_range[0], byte_range[1] + 1))


class RangeBeyondTheEndFails(Twin):
    caught_by = "test_get_of_a_range[5]"

    def get(self, key: str, byte_range: ByteRange | None = None) -> Buffer:
        if byte_range is not None and byte_range[1] > len(self._object(key).data):
            raise StorageError("the range is not satisfiable")
        return super().get(key, byte_range)


class EmptyRangeIsEverything(Twin):
    caught_by = "test_get_of_a_range[0]"

    def get(self, key: str, byte_range: ByteRange | None = None) -> Buffer:
        return super().get(key, byte_range if byte_range != (0, 0) else None)


class RangesCountFromTheEnd(Twin):
    caught_by = "test_what_is_no_range_is_refused[byte_range1]"

    def get(self, key: str, byte_range: ByteRange | None = None) -> Buffer:
        return self._object(key).data[slice(*(byte_range or (None, None)))]


class RemembersReads(Twin):
    caught_by = "test_get_again_after_a_change"

    def get(self, key: str, byte_range: ByteRange | None = None) -> Buffer:
        remembered: dict[Any, Buffer] = self.__dict__.setdefault("remembered", {})
        if (key, byte_range) not in remembered:
            remembered[key, byte_range] = super().get(key, byte_range)
        return remembered[key, byte_range]


class ManyInOrderOfKeys(Twin):
    caught_by = "test_get_many_answers_in_order"

    def get_many(self, requests: Sequence[tuple[str, ByteRange | None]]) -> list[Buffer]:
        return super().get_many(sorted(requests, key=lambda request: request[0]))


class ManyWithoutRepeats(Twin):
    caught_by = "test_get_many_answers_in_order"

    def get_many(self, requests: Sequence[tuple[str, ByteRange | None]]) -> list[Buffer]:
        return super().get_many(list(dict.fromkeys(requests)))


class MissingIsEmpty(Twin):
    caught_by = "test_missing[absent]"

    def get(self, key: str, byte_range: ByteRange | None = None) -> Buffer:
        try:
            return super().get(key, byte_range)
        except ObjectNotFoundError:
            return b""


class MissingIsAnotherError(Twin):
    caught_by = "test_missing[absent]"

    def head(self, key: str) -> ObjectInfo:
        try:
            return super().head(key)
        except ObjectNotFoundError as error:
            raise StorageError(str(error)) from None


class AFolderIsAnObject(Twin):
    caught_by = "test_missing[present]"

    def get(self, key: str, byte_range: ByteRange | None = None) -> Buffer:
        if any(other.startswith(f"{key}/") for other in self._objects):
            return b""
        return super().get(key, byte_range)


class MapCanBeWritten(Twin):
    caught_by = "test_map"

    def map(self, key: str) -> memoryview:
        return memoryview(bytearray(self._object(key).data))


class MapIsShared(Twin):
    caught_by = "test_map"

    def map(self, key: str) -> memoryview:
        maps: dict[str, memoryview] = self.__dict__.setdefault("maps", {})
        return maps.setdefault(key, super().map(key))


# --------------------------------------------------------------------------- listings
class ListUnsorted(Twin):
    caught_by = "test_list"

    def list(self, prefix: str = "") -> Iterator[ObjectInfo]:
        return iter(sorted(super().list(prefix), key=lambda info: info.size))


class ListSortsFolders(Twin):
    """As directories are walked: ``d/x`` before ``d-x``."""

    caught_by = "test_list"

    def list(self, prefix: str = "") -> Iterator[ObjectInfo]:
        return iter(sorted(super().list(prefix), key=lambda info: info.key.split("/")))


class PrefixIsAFolder(Twin):
    caught_by = "test_list"

    def list(self, prefix: str = "") -> Iterator[ObjectInfo]:
        return super().list(prefix.rstrip("/") + "/" if prefix else "")


class ListsOnePage(Twin):
    caught_by = "test_list_of_many"

    def list(self, prefix: str = "") -> Iterator[ObjectInfo]:
        return itertools.islice(super().list(prefix), 1000)


# --------------------------------------------------------------------------- writes
class TornPut(Twin):
    caught_by = "test_readers_see_whole_objects"

    def put(
        self, key: str, data: Data, *, if_match: str | None = None, if_absent: bool = False
    ) -> str:
        whole = joined(data)
        if if_match is None and not if_absent and key in self._objects:
            self.place(key, whole[: len(whole) // 2])
            time.sleep(0.0001)
        return super().put(key, whole, if_match=if_match, if_absent=if_absent)


class WritesTheFirstPart(Twin):
    caught_by = "test_put[two]"

    def put(
        self, key: str, data: Data, *, if_match: str | None = None, if_absent: bool = False
    ) -> str:
        if isinstance(data, tuple):
            data = data[0]
        return super().put(key, data, if_match=if_match, if_absent=if_absent)


class KeepsBuffers(Twin):
    caught_by = "test_put_keeps_no_buffer"

    def put(
        self, key: str, data: Data, *, if_match: str | None = None, if_absent: bool = False
    ) -> str:
        version = super().put(key, data, if_match=if_match, if_absent=if_absent)
        return self.place(key, data) if isinstance(data, bytearray) else version


class TakesAnyKey(Twin):
    caught_by = "test_what_is_no_key_is_refused[../outside]"

    def put(
        self, key: str, data: Data, *, if_match: str | None = None, if_absent: bool = False
    ) -> str:
        return self.place(key, joined(data))


class UnquotesKeys(Twin):
    caught_by = "test_keys[%41]"

    def get(self, key: str, byte_range: ByteRange | None = None) -> Buffer:
        return super().get(unquote(key), byte_range)


class DeleteOfNothingFails(Twin):
    caught_by = "test_delete"

    def delete(self, keys: Iterable[str]) -> None:
        for key in keys:
            super().delete([self.head(key).key])


class DeletesWithPrefix(Twin):
    caught_by = "test_delete"

    def delete(self, keys: Iterable[str]) -> None:
        for key in keys:
            super().delete([info.key for info in self.list(key)] or [key])


class WritesThoughReadOnly(Twin):
    caught_by = "test_put_replaces"
    capabilities = replace(MemoryStore.capabilities, writable=False)


class SweepsObjects(Twin):
    caught_by = "test_sweep_takes_no_objects"

    def sweep(self, older_than: float, *, dry_run: bool = False) -> int:
        swept = [info for info in self.list() if info.key.startswith("tmp")]
        if not dry_run:
            self.delete(info.key for info in swept)
        return sum(info.size for info in swept)


# --------------------------------------------------------------------------- life
class ClosedForGood(Twin):
    caught_by = "test_a_closed_store_may_be_used_again"

    def close(self) -> None:
        self._objects = {}


class CopiesAreEmpty(Twin):
    caught_by = "test_pickling"
    capabilities = replace(MemoryStore.capabilities, persistent=True)

    def __reduce__(self) -> Any:
        return type(self), (self.url,)


class Persistent(LocalStore):
    """A directory without a fault, for faults that only other processes see."""

    caught_by: ClassVar[str] = ""

    def __init__(self, root: str) -> None:
        super().__init__(root, fsync=False)

    def __reduce__(self) -> Any:
        return type(self), (self.url,)


class LocksThreadsOnly(Persistent):
    caught_by = "test_one_of_many_creates[processes]"
    mutex: ClassVar[threading.Lock] = threading.Lock()

    def put(
        self, key: str, data: Data, *, if_match: str | None = None, if_absent: bool = False
    ) -> str:
        with self.mutex:
            self._check(key, self._path(key), if_match, if_absent)
            time.sleep(0.001)
            return super().put(key, data)


class WorksInOneProcess(Persistent):
    caught_by = "test_after_a_fork"

    def __init__(self, root: str) -> None:
        super().__init__(root)
        self.process = os.getpid()

    def get(self, key: str, byte_range: ByteRange | None = None) -> Buffer:
        if os.getpid() != self.process:
            raise StorageError("the connection was made by another process")
        return super().get(key, byte_range)


# --------------------------------------------------------------------------- the contract of each
class TwinContract(StoreContract):
    """The contract for a twin."""

    kind: ClassVar[type[Twin] | type[Persistent]]
    rounds = 12
    big = 1 << 20

    @pytest.fixture
    def store(self, tmp_path: Path) -> Store:
        return self.kind(str(tmp_path / "ds") if issubclass(self.kind, Persistent) else "mem://")

    def backdoor_put(self, store: Store, key: str, data: bytes) -> None:
        if isinstance(store, Twin):
            store.place(key, data, next(backdoor_versions))
            return
        path = Path(store.url, key)
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(f"{store.url}-{next(backdoor_versions)}")
        temporary.write_bytes(data)
        temporary.replace(path)

    def backdoor_get(self, store: Store, key: str) -> bytes | None:
        if isinstance(store, Twin):
            found = store._objects.get(key)
            return None if found is None else bytes(found.data)
        path = Path(store.url, key)
        return path.read_bytes() if path.is_file() else None


TWINS: dict[str, type[Twin] | type[Persistent]] = {
    kind.__name__: kind
    for kind in list(globals().values())
    if isinstance(kind, type) and issubclass(kind, (Twin, Persistent))
}

for name, kind in TWINS.items():
    nested = issubclass(kind, Twin)
    test = type(f"Test{name}", (TwinContract,), {"kind": kind, "nested_keys": nested})
    test.__module__ = __name__
    globals()[test.__name__] = test
