"""The contract of a store, as tests that a plugin's author runs.

Derive from ``StoreContract``, say how to make a fresh store, and how to look behind its back::

    class TestMyStore(StoreContract):
        @pytest.fixture
        def store(self, tmp_path: Path) -> Store:
            return MyStore(tmp_path)

        def backdoor_put(self, store: Store, key: str, data: bytes) -> None: ...

        def backdoor_get(self, store: Store, key: str) -> bytes | None: ...

The back doors do not use the store's own methods, so that each method is tested alone: a store
whose ``put`` and ``get`` make the same mistake does not pass. What a store says it cannot do
(``capabilities``) it has to refuse; the tests see to that too.
"""

from __future__ import annotations

import multiprocessing
import pickle
import random
import threading
import warnings
from abc import ABC, abstractmethod
from array import array
from collections.abc import Callable
from typing import Any, ClassVar

import pytest

from deeplake.errors import (
    DeepLakeError,
    InvalidPathException,
    ObjectNotFoundError,
    PreconditionFailedError,
    StorageError,
)
from deeplake.spi import Store
from deeplake.testing import race
from deeplake.testing.contract import Contract
from deeplake.types import ByteRange, Data, StoreCapabilities, joined

DIGITS = b"0123456789"
DOUBLES = array("d", [1.5, -2.5])

NO_KEYS = [
    "",
    "/absolute",
    "..",
    "../outside",
    "a/../../outside",
    "a/..",
    ".",
    "./a",
    "a/./b",
    "a//b",
    "a/",
    "back\\slash",
    "umläut",
    "line\nfeed",
    "nul\0",
]

# Characters that URLs, shells, SQL and file systems would like to be something else.
ODD_KEYS = [
    "a b",
    "%41",
    "%2F",
    "a+b",
    "a&b=c",
    "a#b",
    "a;b",
    "~a",
    "$a",
    "a'b",
    "(a)",
    ".a",
    "..a",
]


class StoreContract(Contract, ABC):
    """Tests of one kind of store. The subclass has a fixture ``store``: a fresh, empty one.

    Attributes:
        nested_keys: ``fd`` and ``fd/child`` can both be objects. Where not (files), the second put
            is refused.
        frees_folders: A key that was a folder can be an object once everything below is deleted.
        many: Objects in listings and deletes that are more than one page of most stores.
        rounds: How often writers race.
        big: Size of a big object, in bytes.
    """

    nested_keys: ClassVar[bool] = True
    frees_folders: ClassVar[bool] = True
    many: ClassVar[int] = 1100
    rounds: ClassVar[int] = 25
    big: ClassVar[int] = 16 << 20

    @abstractmethod
    def backdoor_put(self, store: Store, key: str, data: bytes) -> None:
        """Make an object without the store's methods."""

    @abstractmethod
    def backdoor_get(self, store: Store, key: str) -> bytes | None:
        """Read an object without the store's methods; None if there is none."""

    # ----------------------------------------------------------------- what it says
    def test_describes_itself(self, store: Store) -> None:
        assert isinstance(store.url, str)
        assert store.url
        assert isinstance(store.capabilities, StoreCapabilities)
        assert store.capabilities.request_cost >= 0

    # ----------------------------------------------------------------- reading
    @pytest.mark.parametrize("size", [0, 1, 4095, 4096, 70_000, 1_100_000])
    def test_get(self, store: Store, size: int) -> None:
        data = random.Random(size).randbytes(size)
        self.backdoor_put(store, "data/0f", data)
        assert joined(store.get("data/0f")) == data

    def test_get_again_after_a_change(self, store: Store) -> None:
        for data in (b"first", b"second, longer", b""):
            self.backdoor_put(store, "refs/x", data)
            assert joined(store.get("refs/x")) == data
            assert joined(store.get("refs/x", (1, 100))) == data[1:]

    @pytest.mark.parametrize("start", [0, 1, 5, 9, 10, 11, 1000])
    def test_get_of_a_range(self, store: Store, start: int) -> None:
        self.backdoor_put(store, "x", DIGITS)
        for stop in (0, 1, 5, 9, 10, 11, 1000, 1 << 40):
            if start <= stop:
                assert joined(store.get("x", (start, stop))) == DIGITS[start:stop], stop

    @pytest.mark.parametrize("byte_range", [(5, 3), (-3, 4), (-3, -1), (0, -1)])
    def test_what_is_no_range_is_refused(self, store: Store, byte_range: ByteRange) -> None:
        self.backdoor_put(store, "x", DIGITS)
        with pytest.raises(StorageError):
            store.get("x", byte_range)
        with pytest.raises(StorageError):
            store.get_many([("x", (0, 1)), ("x", byte_range)])

    def test_get_of_ranges_of_a_big_object(self, store: Store) -> None:
        rng = random.Random(1)
        data = rng.randbytes(self.big)
        self.backdoor_put(store, "x", data)
        for length in (1, 3000, 1 << 20, (1 << 20) + 1, self.big):
            start = rng.randrange(self.big)
            assert joined(store.get("x", (start, start + length))) == data[start : start + length]

    @pytest.mark.parametrize(
        "key", ["absent", "present/absent", "present/x/absent", "pres", "present"]
    )
    def test_missing(self, store: Store, key: str) -> None:
        self.backdoor_put(store, "present/x", DIGITS)
        reads: list[Callable[[], Any]] = [
            lambda: store.get(key),
            lambda: store.get(key, (0, 5)),
            lambda: store.get(key, (0, 0)),
            lambda: store.get(key, (0, 1 << 40)),
            lambda: store.get_versioned(key),
            lambda: store.get_many([("present/x", None), (key, (0, 1))]),
            lambda: store.head(key),
        ]
        if store.capabilities.mapping:
            reads.append(lambda: store.map(key))
        for read in reads:
            with pytest.raises(ObjectNotFoundError) as caught:
                read()
            assert key in str(caught.value)
            assert isinstance(caught.value, FileNotFoundError)

    def test_get_versioned(self, store: Store) -> None:
        for data in (DIGITS, b"", b"x" * 2_000_000):
            self.backdoor_put(store, "refs/x", data)
            found, version = store.get_versioned("refs/x")
            assert joined(found) == data
            assert version
            assert isinstance(version, str)
            assert store.get_versioned("refs/x")[1] == version
            assert store.head("refs/x").version == version

    def test_get_many_answers_in_order(self, store: Store) -> None:
        rng = random.Random(2)
        objects = {f"data/{name}": rng.randbytes(5000) for name in "abcde"}
        for key, data in objects.items():
            self.backdoor_put(store, key, data)
        requests: list[tuple[str, tuple[int, int] | None]] = []
        for _ in range(100):
            start = rng.randrange(5200)
            byte_range = None if rng.random() < 0.2 else (start, start + rng.randrange(1000))
            requests.append((rng.choice(sorted(objects)), byte_range))
        answers = store.get_many(requests)
        assert [joined(answer) for answer in answers] == [
            objects[key] if byte_range is None else objects[key][slice(*byte_range)]
            for key, byte_range in requests
        ]

    def test_get_many_of_nothing(self, store: Store) -> None:
        assert store.get_many([]) == []

    def test_head(self, store: Store) -> None:
        for data in (DIGITS, b"", b"x" * 2_000_000):
            self.backdoor_put(store, "data/x", data)
            info = store.head("data/x")
            assert (info.key, info.size) == ("data/x", len(data))
            assert info.version
            assert info.modified is None or info.modified > 0

    def test_map(self, store: Store) -> None:
        self.backdoor_put(store, "data/x", DIGITS * 1000)
        if not store.capabilities.mapping:
            with pytest.raises(NotImplementedError):
                store.map("data/x")
            return
        view = store.map("data/x")
        assert isinstance(view, memoryview)
        assert view.readonly
        assert view == DIGITS * 1000
        assert view[995:1005] == DIGITS[5:] + DIGITS[:5]
        # Each caller has a view of its own.
        store.map("data/x").release()
        assert view[0] == DIGITS[0]
        self.backdoor_put(store, "data/empty", b"")
        assert store.map("data/empty").nbytes == 0

    def test_map_shows_one_object_while_it_is_held(self, store: Store) -> None:
        if not (store.capabilities.mapping and store.capabilities.writable):
            return
        store.put("data/x", b"old" * 5000)
        view = store.map("data/x")
        store.put("data/x", b"new!" * 5000)
        assert view == b"old" * 5000
        new = store.map("data/x")
        assert new == b"new!" * 5000
        store.delete(["data/x"])
        store.close()
        assert view == b"old" * 5000
        assert new == b"new!" * 5000
        with pytest.raises(ObjectNotFoundError):
            store.map("data/x")

    def test_map_private(self, store: Store) -> None:
        self.backdoor_put(store, "data/x", DIGITS * 1000)
        view = store.map_private("data/x", (4990, 5010))
        if view is None:  # it is for stores that can
            return
        assert store.capabilities.mapping
        assert not view.readonly
        assert view == DIGITS * 2
        view[:10] = b"x" * 10
        # Whoever writes to it is alone with that.
        again = store.map_private("data/x", (4990, 5010))
        assert again is None or again == DIGITS * 2
        assert store.map("data/x") == DIGITS * 1000
        assert bytes(store.get("data/x")) == DIGITS * 1000
        assert self.backdoor_get(store, "data/x") == DIGITS * 1000
        assert store.map_private("data/x", (0, 10_001)) is None
        if store.capabilities.writable:
            store.delete(["data/x"])
            with pytest.raises(ObjectNotFoundError):
                store.map_private("data/x", (0, 10))
        assert view == b"x" * 10 + DIGITS

    def test_assemble(self, store: Store) -> None:
        if not store.capabilities.writable:
            return
        assembled = store.assemble("data/x", 5000)
        if assembled is None:  # it is for stores that can
            return
        with assembled as write:
            write(1000, memoryview(DIGITS * 400))
            write(0, DIGITS * 50)
            assert self.backdoor_get(store, "data/x") is None
            write(500, bytearray(DIGITS * 50))
        assert self.backdoor_get(store, "data/x") == DIGITS * 500
        assert bytes(store.get("data/x")) == DIGITS * 500
        # All or nothing.
        failed = store.assemble("data/y", 30)
        assert failed is not None
        with pytest.raises(ZeroDivisionError), failed as write:
            write(10 // len(b""), DIGITS)
        short = store.assemble("data/y", 30)
        assert short is not None
        with pytest.raises(StorageError), short as write:
            write(0, DIGITS)
        assert self.backdoor_get(store, "data/y") is None
        assert [info.key for info in store.list()] == ["data/x"]

    # ----------------------------------------------------------------- listing
    def test_list(self, store: Store) -> None:
        keys = ["d-x", "d.x", "d/x", "d/y/z", "d0", "dd/x", "D", "Z/a", "a", "b/c", "d/x-", "d/x.y"]
        for number, key in enumerate(keys):
            self.backdoor_put(store, key, b"x" * number)
        if not store.capabilities.listing:
            with pytest.raises(StorageError):
                list(store.list())
            return
        found = list(store.list())
        assert [info.key for info in found] == sorted(keys)
        assert {info.key: info.size for info in found} == {key: n for n, key in enumerate(keys)}
        for info in found:
            assert info.version in ("", store.head(info.key).version)
        for prefix in (
            "",
            "d",
            "d/",
            "d/x",
            "d/y",
            "d/y/",
            "dd",
            "D",
            "a",
            "a/",
            "e",
            "d/y/z/",
            "/",
        ):
            expected = sorted(key for key in keys if key.startswith(prefix))
            assert [info.key for info in store.list(prefix)] == expected, prefix

    def test_list_of_nothing(self, store: Store) -> None:
        if store.capabilities.listing:
            assert list(store.list()) == []
            assert list(store.list("refs/heads/")) == []

    def test_list_of_many(self, store: Store) -> None:
        keys = sorted(f"data/{number * 7919 % 100_003:05}" for number in range(self.many))
        for key in keys:
            self.backdoor_put(store, key, b"x")
        if store.capabilities.listing:
            assert [info.key for info in store.list()] == keys
            assert [info.key for info in store.list("data/0")] == [k for k in keys if k[5] == "0"]
        if store.capabilities.writable:
            store.delete(key for key in keys[1:-1])
            assert [self.backdoor_get(store, key) for key in keys] == [
                b"x",
                *[None] * (len(keys) - 2),
                b"x",
            ]

    # ----------------------------------------------------------------- writing
    @pytest.mark.parametrize(
        ("data", "expected"),
        [
            pytest.param(DIGITS, DIGITS, id="bytes"),
            pytest.param(bytearray(DIGITS), DIGITS, id="bytearray"),
            pytest.param(memoryview(DIGITS), DIGITS, id="view"),
            pytest.param(memoryview(DIGITS)[2:7], DIGITS[2:7], id="part"),
            pytest.param(memoryview(DIGITS)[::3], DIGITS[::3], id="scattered"),
            pytest.param(memoryview(DOUBLES), DOUBLES.tobytes(), id="doubles"),
            pytest.param(b"", b"", id="empty"),
            pytest.param([], b"", id="nothing"),
            pytest.param([b""], b"", id="one empty"),
            pytest.param((DIGITS, DIGITS), DIGITS * 2, id="two"),
            pytest.param(
                [b"", DIGITS, bytearray(b"-"), b"", memoryview(DIGITS)[::-1], memoryview(DOUBLES)],
                DIGITS + b"-9876543210" + DOUBLES.tobytes(),
                id="mixed",
            ),
            pytest.param([bytes([n % 256]) * (n % 3) for n in range(5000)], None, id="many"),
        ],
    )
    def test_put(self, store: Store, data: Data, expected: bytes | None) -> None:
        if not self._may_write(store):
            return
        if expected is None:
            expected = joined(data)
        version = store.put("data/x", data)
        assert self.backdoor_get(store, "data/x") == expected
        assert joined(store.get("data/x")) == expected
        assert version
        assert store.head("data/x").version == version
        assert store.get_versioned("data/x")[1] == version

    def test_put_keeps_no_buffer(self, store: Store) -> None:
        if not self._may_write(store):
            return
        data = bytearray(DIGITS)
        store.put("data/x", data)
        store.put("data/y", [data, data])
        data[:] = b"overwritten"[: len(data)]
        assert joined(store.get("data/x")) == DIGITS
        assert joined(store.get("data/y")) == DIGITS * 2

    def test_put_replaces(self, store: Store) -> None:
        if not self._may_write(store):
            return
        for data in (b"first", b"second, and longer", b"3rd", b""):
            store.put("refs/x", data)
            assert self.backdoor_get(store, "refs/x") == data

    def test_big_objects(self, store: Store) -> None:
        if not self._may_write(store):
            return
        rng = random.Random(3)
        parts = [rng.randbytes(self.big // 4) for _ in range(4)]
        version = store.put("data/x", parts)
        assert self.backdoor_get(store, "data/x") == b"".join(parts)
        assert store.head("data/x").version == version
        middle = self.big // 2
        assert joined(store.get("data/x", (middle - 5, middle + 5))) == parts[1][-5:] + parts[2][:5]

    @pytest.mark.parametrize("size", [20, 1_100_000])
    def test_each_change_has_another_version(self, store: Store, size: int) -> None:
        if not self._may_write(store):
            return
        versions = [store.put("refs/x", bytes([n]) * size) for n in range(12)]
        assert len(set(versions)) == len(versions)
        self.backdoor_put(store, "refs/x", b"changed behind its back")
        assert store.head("refs/x").version not in versions

    @pytest.mark.parametrize("key", ["a", "a/b/c/d/e/f", "x" * 200, "a/" * 40 + "z", *ODD_KEYS])
    def test_keys(self, store: Store, key: str) -> None:
        self.backdoor_put(store, f"odd/{key}", DIGITS)
        assert joined(store.get(f"odd/{key}")) == DIGITS
        if store.capabilities.listing:
            assert [info.key for info in store.list()] == [f"odd/{key}"]
        if store.capabilities.writable:
            store.put(key, b"written")
            assert self.backdoor_get(store, key) == b"written"
            store.delete([f"odd/{key}"])
            assert self.backdoor_get(store, f"odd/{key}") is None
            assert self.backdoor_get(store, key) == b"written"

    @pytest.mark.parametrize("key", NO_KEYS)
    def test_what_is_no_key_is_refused(self, store: Store, key: str) -> None:
        self.backdoor_put(store, "a/b", DIGITS)
        calls: list[Callable[[], Any]] = [
            lambda: store.get(key),
            lambda: store.get_versioned(key),
            lambda: store.get_many([(key, None)]),
            lambda: store.head(key),
        ]
        if store.capabilities.writable:
            calls += [lambda: store.put(key, b"x"), lambda: store.delete([key])]
        if store.capabilities.writable and store.capabilities.conditional_put:
            calls.append(lambda: store.put(key, b"x", if_absent=True))
        if store.capabilities.mapping:
            calls.append(lambda: store.map(key))
        for call in calls:
            with pytest.raises(InvalidPathException):
                call()
        if store.capabilities.listing:
            assert [info.key for info in store.list()] == ["a/b"]

    def test_a_key_can_be_the_folder_of_another(self, store: Store) -> None:
        if not self._may_write(store):
            return
        for first, second in (("fd", "fd/child"), ("gd/child", "gd")):
            store.put(first, DIGITS)
            if self.nested_keys:
                store.put(second, b"second")
                assert self.backdoor_get(store, second) == b"second"
                store.delete([second])
                assert self.backdoor_get(store, second) is None
            else:
                with pytest.raises(StorageError):
                    store.put(second, b"second")
                store.delete([second])
            assert self.backdoor_get(store, first) == DIGITS

    def test_a_folder_that_was_emptied_is_free(self, store: Store) -> None:
        if not self._may_write(store) or not self.frees_folders:
            return
        store.put("fd/child/x", DIGITS)
        store.delete(["fd/child/x"])
        conditional = store.capabilities.conditional_put
        store.put("fd", b"object", if_absent=conditional)
        assert self.backdoor_get(store, "fd") == b"object"
        store.delete(["fd"])
        store.put("fd/child", b"again")
        assert self.backdoor_get(store, "fd/child") == b"again"

    def test_delete(self, store: Store) -> None:
        for key in ("a", "b", "b.c", "d/e", "d/f"):
            self.backdoor_put(store, key, DIGITS)
        if not store.capabilities.writable:
            with pytest.raises(StorageError):
                store.delete(["a"])
            assert self.backdoor_get(store, "a") == DIGITS
            return
        store.delete([])
        store.delete(iter(["b", "absent", "d/e", "d/absent", "absent/absent", "b"]))
        store.delete(["b"])
        store.delete(["d"])  # a folder: no object
        left = {key: self.backdoor_get(store, key) for key in ("a", "b", "b.c", "d/e", "d/f")}
        assert left == {"a": DIGITS, "b": None, "b.c": DIGITS, "d/e": None, "d/f": DIGITS}
        with pytest.raises(ObjectNotFoundError):
            store.get("b")

    # ----------------------------------------------------------------- conditions
    def test_if_absent(self, store: Store) -> None:
        if not self._may_write_conditionally(store):
            return
        for data in (b"first", b""):
            version = store.put("refs/x", data, if_absent=True)
            assert self.backdoor_get(store, "refs/x") == data
            assert store.head("refs/x").version == version
            for other in (b"second", data):
                with pytest.raises(PreconditionFailedError):
                    store.put("refs/x", other, if_absent=True)
            assert self.backdoor_get(store, "refs/x") == data
            assert store.head("refs/x").version == version
            store.delete(["refs/x"])

    def test_if_match(self, store: Store) -> None:
        if not self._may_write_conditionally(store):
            return
        first = store.put("refs/x", b"first")
        second = store.put("refs/x", b"second", if_match=first)
        assert self.backdoor_get(store, "refs/x") == b"second"
        for stale in (first, "no such version", ""):
            with pytest.raises(PreconditionFailedError):
                store.put("refs/x", b"lost", if_match=stale)
        assert self.backdoor_get(store, "refs/x") == b"second"
        third = store.put("refs/x", b"third", if_match=store.get_versioned("refs/x")[1])
        store.put("refs/x", b"fourth", if_match=store.head("refs/x").version)
        assert self.backdoor_get(store, "refs/x") == b"fourth"
        assert len({first, second, third, store.head("refs/x").version}) == 4

    def test_if_match_sees_changes_by_others(self, store: Store) -> None:
        if not self._may_write_conditionally(store):
            return
        version = store.put("refs/x", b"mine")
        self.backdoor_put(store, "refs/x", b"another's")
        with pytest.raises(PreconditionFailedError):
            store.put("refs/x", b"lost", if_match=version)
        assert self.backdoor_get(store, "refs/x") == b"another's"

    def test_if_match_of_nothing(self, store: Store) -> None:
        if not self._may_write_conditionally(store):
            return
        version = store.put("refs/x", b"x")
        with pytest.raises(PreconditionFailedError):
            store.put("refs/y", b"lost", if_match=version)
        store.delete(["refs/x"])
        with pytest.raises(PreconditionFailedError):
            store.put("refs/x", b"lost", if_match=version)
        assert self.backdoor_get(store, "refs/x") is None
        assert self.backdoor_get(store, "refs/y") is None

    # ----------------------------------------------------------------- races
    @pytest.mark.parametrize("among", ["threads", "processes"])
    def test_one_of_many_creates(self, store: Store, among: str) -> None:
        if not self._may_race(store, among):
            return
        keys = [f"refs/create-{number}" for number in range(self.rounds)]
        for key, versions in zip(keys, self._race(among, race.create, store, keys), strict=True):
            winners = [racer for racer, version in enumerate(versions) if version is not None]
            assert len(winners) == 1, f"{len(winners)} writers created {key!r}"
            assert self.backdoor_get(store, key) == b"by %d" % winners[0]
            assert store.head(key).version == versions[winners[0]]

    @pytest.mark.parametrize("among", ["threads", "processes"])
    def test_one_of_many_replaces(self, store: Store, among: str) -> None:
        if not self._may_race(store, among):
            return
        rounds = []
        for number in range(self.rounds):
            key = f"refs/replace-{number}"
            rounds.append((key, store.put(key, b"nobody's")))
        for (key, _), versions in zip(
            rounds, self._race(among, race.replace, store, rounds), strict=True
        ):
            winners = [racer for racer, version in enumerate(versions) if version is not None]
            assert len(winners) == 1, f"{len(winners)} writers replaced {key!r}"
            assert self.backdoor_get(store, key) == b"by %d" % winners[0]
            assert store.head(key).version == versions[winners[0]]

    @pytest.mark.parametrize("among", ["threads", "processes"])
    def test_no_increment_is_lost(self, store: Store, among: str) -> None:
        if not self._may_race(store, among):
            return
        store.put("refs/counter", b"0 by nobody")
        done = self._race(among, race.increment, store, [self.rounds])
        assert set(done[0]) == {self.rounds}, "a writer that tries again never gets its turn"
        count = sum(done[0])
        found = self.backdoor_get(store, "refs/counter")
        assert found is not None
        assert found.split()[0] == b"%d" % count

    def test_readers_see_whole_objects(self, store: Store) -> None:
        if not self._may_write(store):
            return
        values = [b"a" * 300_000, b"b" * 150_000, b"c" * 1_500_000]
        store.put("refs/x", values[0])
        written = threading.Event()
        torn: list[str] = []

        def write() -> None:
            try:
                for number in range(self.rounds):
                    store.put("refs/x", values[number % 3])
            finally:
                written.set()

        def read() -> None:
            while not written.is_set():
                whole = joined(store.get("refs/x"))
                if whole not in values:
                    torn.append(f"{len(whole)} bytes that were never put together")
                data, version = store.get_versioned("refs/x")
                by_version = seen.setdefault(version, joined(data))
                if by_version != data:
                    torn.append(f"two objects of version {version}")

        seen: dict[str, bytes] = {}
        threads = [threading.Thread(target=read) for _ in range(2)]
        threads.append(threading.Thread(target=write))
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert torn == []
        assert written.is_set()

    def test_threads_do_not_disturb_each_other(self, store: Store) -> None:
        if not self._may_write(store):
            return
        listing = store.capabilities.listing
        results = race.in_threads(_mind_own_business, store, [listing, listing], racers=6)
        assert results == [[""] * 6] * 2

    # ----------------------------------------------------------------- life
    def test_a_closed_store_may_be_used_again(self, store: Store) -> None:
        self.backdoor_put(store, "data/x", DIGITS)
        assert joined(store.get("data/x")) == DIGITS
        store.close()
        store.close()
        assert joined(store.get("data/x")) == DIGITS
        if store.capabilities.writable:
            store.put("data/y", DIGITS)
            store.close()
            assert joined(store.get("data/y")) == DIGITS

    def test_pickling(self, store: Store) -> None:
        if not store.capabilities.persistent:
            with pytest.raises(DeepLakeError):
                pickle.dumps(store)
            return
        self.backdoor_put(store, "data/x", DIGITS)
        store.get("data/x")
        copy = pickle.loads(pickle.dumps(store))
        assert isinstance(copy, Store)
        assert (copy.url, copy.capabilities) == (store.url, store.capabilities)
        assert joined(copy.get("data/x")) == DIGITS
        if store.capabilities.writable:
            version = copy.put("data/x", b"by the copy")
            assert store.head("data/x").version == version

    def test_after_a_fork(self, store: Store) -> None:
        if not (
            store.capabilities.persistent and "fork" in multiprocessing.get_all_start_methods()
        ):
            return
        self.backdoor_put(store, "data/x", DIGITS)
        store.get("data/x")  # whatever is opened is open in the parent when it forks
        context = multiprocessing.get_context("fork")
        receiving, sending = context.Pipe(duplex=False)
        child = context.Process(target=_use_after_fork, args=(store, sending))
        with warnings.catch_warnings():
            # Python warns of forks of processes with threads: that is what is tested.
            warnings.simplefilter("ignore", DeprecationWarning)
            child.start()
        sending.close()
        try:
            report = receiving.recv()
        finally:
            child.join()
            receiving.close()
        assert report == [DIGITS, DIGITS]
        assert joined(store.get("data/x")) == DIGITS

    def test_sweep_takes_no_objects(self, store: Store) -> None:
        for key in ("data/x", "refs/heads/main", "tmp", "tmp-1", ".tmp"):
            self.backdoor_put(store, key, DIGITS)
        if not store.capabilities.writable:
            return
        assert store.sweep(0.0, dry_run=True) == 0
        assert store.sweep(0.0) == 0
        for key in ("data/x", "refs/heads/main", "tmp", "tmp-1", ".tmp"):
            assert self.backdoor_get(store, key) == DIGITS

    # ----------------------------------------------------------------- inside
    def _may_write(self, store: Store) -> bool:
        """Whether the store says that it can be written to; if not, that it cannot."""
        if not store.capabilities.writable:
            with pytest.raises(StorageError):
                store.put("data/refused", DIGITS)
            assert self.backdoor_get(store, "data/refused") is None
        return store.capabilities.writable

    def _may_write_conditionally(self, store: Store) -> bool:
        """The same of conditional puts: never may a condition be ignored."""
        able = store.capabilities.writable and store.capabilities.conditional_put
        if not able:
            conditions: list[dict[str, Any]] = [{"if_absent": True}, {"if_match": "version"}]
            for condition in conditions:
                with pytest.raises(StorageError):
                    store.put("data/refused", DIGITS, **condition)
            assert self.backdoor_get(store, "data/refused") is None
        return able

    def _may_race(self, store: Store, among: str) -> bool:
        return self._may_write_conditionally(store) and (
            among == "threads" or store.capabilities.persistent
        )

    def _race(
        self,
        among: str,
        step: Callable[[Store, int, Any], Any],
        store: Store,
        rounds: list[Any],
    ) -> list[list[Any]]:
        run = race.in_threads if among == "threads" else race.in_processes
        return run(step, store, rounds)


# What threads and forks do.
def _mind_own_business(store: Store, racer: int, listing: bool) -> str:
    """Use own keys only; returns what went wrong."""
    rng = random.Random(racer)
    folder = f"own/{racer}"
    for number in range(8):
        data = rng.randbytes(20_000)
        key = f"{folder}/{number}"
        store.put(key, data)
        if joined(store.get(key)) != data or joined(store.get(key, (77, 5000))) != data[77:5000]:
            return f"{key} is not what was put"
        if [joined(part) for part in store.get_many([(key, (0, 9)), (key, (5, 9))])] != [
            data[:9],
            data[5:9],
        ]:
            return f"parts of {key} are not what was put"
        if store.head(key).size != len(data):
            return f"{key} has another size"
        if number % 2:
            store.delete([key])
    if listing:
        found = [info.key for info in store.list(f"{folder}/")]
        if found != [f"{folder}/{number}" for number in range(0, 8, 2)]:
            return f"the listing of {folder} is {found}"
    return ""


def _use_after_fork(store: Store, connection: Any) -> None:
    report = [joined(store.get("data/x"))]
    if store.capabilities.writable:
        store.put("data/y", DIGITS)
        report.append(joined(store.get("data/y")))
    else:
        report.append(joined(store.get("data/x", (0, 10))))
    connection.send(report)
    connection.close()


__all__ = ["StoreContract"]
