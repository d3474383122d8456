"""Bytes that are fetched ahead: the right ones, each once, and no more than there is room for."""

from __future__ import annotations

import os
import pickle
import random
import threading
from collections.abc import Iterator, Sequence
from dataclasses import replace

import pytest

from deeplake.errors import FormatError, StorageError
from deeplake.storage.local import LocalStore
from deeplake.storage.memory import MemoryStore
from deeplake.testing.stores import RecordingStore
from deeplake.types import Buffer, ByteRange
from deeplake.versioning.ahead import IN_FLIGHT, Ahead, Part, Range
from deeplake.versioning.blocks import Blocks
from deeplake.versioning.repository import data_key

ONE, TWO = f"{1:032x}", f"{2:032x}"
SIZE = 100_000
FAR = replace(MemoryStore.capabilities, mapping=False, request_cost=100)


class Gate(RecordingStore):
    """Lets requests wait until it is opened."""

    def __init__(self, inner: MemoryStore) -> None:
        super().__init__(inner, capabilities=FAR)
        self.open = threading.Event()
        self.open.set()
        self.fails: set[int] = set()

    def get(self, key: str, byte_range: ByteRange | None = None) -> Buffer:
        answer = super().get(key, byte_range)
        self.open.wait()
        if byte_range is not None and byte_range[0] in self.fails:
            raise StorageError("the network is gone")
        return answer

    def get_many(self, requests: Sequence[tuple[str, ByteRange | None]]) -> list[Buffer]:
        return [self.get(*one) for one in requests]


def contents(oid: str) -> bytes:
    return random.Random(oid).randbytes(SIZE)


@pytest.fixture
def store() -> Gate:
    inner = MemoryStore()
    for oid in (ONE, TWO):
        inner.put(data_key(oid), contents(oid))
    return Gate(inner)


@pytest.fixture
def ahead(store: Gate) -> Ahead:
    return Ahead(Blocks(store))


def everything(ahead: Ahead) -> Iterator[int]:
    """Do what is waiting; gives the sizes of the requests."""
    while (part := ahead.take()) is not None:
        ahead.run(part)
        yield len(part)


def right(ahead: Ahead, ranges: list[Range]) -> None:
    for (oid, start, stop), found in zip(ranges, ahead.fetch(ranges), strict=True):
        assert found == contents(oid)[start:stop]


@pytest.mark.parametrize("seed", range(20))
def test_any_ranges(ahead: Ahead, store: Gate, seed: int) -> None:
    """Whatever was wanted, fetched or released before, what is asked for comes."""
    rng = random.Random(seed)
    ahead.limit = rng.choice([0, 2_000, SIZE])
    held = []
    for _ in range(60):
        starts = [rng.randrange(SIZE) for _ in range(rng.randint(1, 8))]
        ranges = [
            (rng.choice((ONE, TWO)), a, min(SIZE, a + rng.choice((0, 1, 50, 3_000))))
            for a in starts
        ]
        step = rng.random()
        if step < 0.4:
            held.append(ahead.want(ranges))
        elif step < 0.5 and held:
            for parts in held.pop(rng.randrange(len(held))):
                ahead.release(parts)
        elif step < 0.7:
            part = ahead.take()
            if part is not None:
                ahead.run(part)
        else:
            right(ahead, ranges)
    for found in held:
        for parts in found:
            ahead.release(parts)
    assert ahead.needed == 0


def test_nothing_comes_twice(ahead: Ahead, store: Gate) -> None:
    wanted = [(ONE, 0, 5_000), (TWO, 10, 20), (ONE, 5_050, 6_000)]
    ahead.want(wanted)
    assert sorted(everything(ahead)) == [10, 6_000]  # what is close together is one request
    assert ahead.needed == 6_010
    store.clear()
    right(ahead, [*wanted, (ONE, 4_990, 5_990)])
    assert store.count() == 0
    right(ahead, [(ONE, 5_990, 6_010)])
    assert store.bytes_read == 10


def test_what_is_waited_for_is_fetched_at_once(ahead: Ahead, store: Gate) -> None:
    ahead.want([(ONE, 0, 10), (ONE, 5_000, 5_010), (TWO, 0, 10)])
    right(ahead, [(TWO, 0, 10)])
    assert store.count() == 1
    assert list(everything(ahead)) == [10, 10]


def test_many_ask_and_one_fetches(ahead: Ahead, store: Gate) -> None:
    store.open.clear()
    ahead.want([(ONE, 0, 50)])
    part = ahead.take()
    assert part is not None
    asking = [
        threading.Thread(target=right, args=(ahead, [(ONE, i, i + 10)]), daemon=True)
        for i in range(4)
    ]
    running = threading.Thread(target=ahead.run, args=(part,))
    running.start()
    for thread in asking:
        thread.start()
    store.open.set()
    for thread in [*asking, running]:
        thread.join()
    assert store.count() == 1


def test_never_too_many_requests(ahead: Ahead) -> None:
    ahead.want([(ONE, at, at + 10) for at in range(0, SIZE, 1000)])
    taken = []
    for _ in range(30):
        while (part := ahead.take()) is not None:
            taken.append(part)
        assert len(taken) == IN_FLIGHT  # what is small is asked for at once
        ahead.run(taken.pop(0))


def test_few_bytes_at_first(ahead: Ahead, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is needed first has the network to itself; what is small does not wait for it."""
    monkeypatch.setattr("deeplake.versioning.ahead.FIRST_BYTES", 2_000)
    monkeypatch.setattr("deeplake.versioning.ahead.IN_FLIGHT_BYTES", 7_000)
    ahead.want([(ONE, at, at + 900) for at in range(0, SIZE, 2_000)])
    taken: list[Part] = []

    def take() -> int:
        while (part := ahead.take()) is not None:
            taken.append(part)
        return len(taken)

    assert take() == 2
    ahead.want([(TWO, 0, 90)])
    assert take() == 2  # it has its turn after the others
    ahead.run(taken.pop(0))
    assert take() == 4
    while take() < 7:
        ahead.run(taken.pop(0))
    for _ in range(5):
        ahead.run(taken.pop(0))
        assert take() == 7


# --------------------------------------------------------------------------- pieces
LARGE = 10_000


def large(ahead: Ahead) -> None:
    for at in range(0, SIZE, LARGE):  # together they would be one part
        ahead.want([(ONE, at, at + LARGE)], piecemeal=True)


def test_pieces_come_before_what_they_are_pieces_of(ahead: Ahead, store: Gate) -> None:
    large(ahead)
    pieces = [(ONE, 95_000, 95_100), (ONE, 95_150, 95_200), (ONE, 3_000, 3_100)]
    held = ahead.want(pieces, apart=True)
    assert held[0] == held[1], "they lie close together"
    store.open.clear()
    taken = []
    while (part := ahead.take()) is not None:
        taken.append(part)
    assert [len(part) for part in taken][:2] == [200, 100]
    threads = [threading.Thread(target=ahead.run, args=(part,)) for part in taken]
    for thread in threads[:2]:
        thread.start()
    asking = [threading.Thread(target=right, args=(ahead, [one]), daemon=True) for one in pieces]
    for thread in asking:
        thread.start()
    store.open.set()
    for thread in [*asking, *threads[:2]]:
        thread.join()  # none of them waits for the large ones
    assert store.bytes_read == 300
    for thread in threads[2:]:
        thread.start()
        thread.join()
    list(everything(ahead))
    assert store.bytes_read == SIZE + 300
    for parts in held:
        ahead.release(parts)
    right(ahead, [*pieces, (ONE, 0, SIZE)])
    assert store.bytes_read == SIZE + 300
    assert ahead.want(pieces, apart=True)[0][0].stop - 95_000 == 5_000, "what is there will do"


def test_few_large_ones_beside_pieces(ahead: Ahead, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("deeplake.versioning.ahead.FIRST_BYTES", 2 * LARGE)
    large(ahead)
    ahead.want([(ONE, 95_000, 95_100)], apart=True)
    piece, *others = (ahead.take(few=True) for _ in range(4))
    assert piece is not None
    assert len(piece) == 100
    assert [None if part is None else len(part) for part in others] == [LARGE, LARGE, None]
    assert others[0] is not None
    ahead.run(others[0])
    assert ahead.take(few=True) is not None
    assert ahead.take(few=True) is None
    assert sum(1 for _ in iter(ahead.take, None)) == 2  # more, as one of them is there


class Quick(Ahead):
    """Expects all to be there soon."""

    __slots__ = ()

    def _is_soon(self) -> bool:
        return True


@pytest.fixture
def quick(store: Gate, monkeypatch: pytest.MonkeyPatch) -> Quick:
    monkeypatch.setattr("deeplake.versioning.ahead.SOON", 1e6)
    return Quick(Blocks(store))


def asked(ahead: Ahead, wanted: Range) -> tuple[threading.Thread, list[Exception]]:
    """A thread that asks for something, and waits; and what went wrong."""
    errors: list[Exception] = []

    def ask() -> None:
        try:
            right(ahead, [wanted])
        except Exception as error:  # noqa: BLE001 - looked at where it was asked for
            errors.append(error)

    waits = threading.Event()
    whole = ahead._turn.wait_for

    def wait_for(*args: object) -> bool:
        waits.set()  # the mutex is held until it does
        return whole(*args)  # type: ignore[arg-type]

    ahead._turn.wait_for = wait_for  # type: ignore[assignment,method-assign]
    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    waits.wait()
    return thread, errors


def test_what_is_there_soon_is_waited_for(quick: Quick, store: Gate) -> None:
    large(quick)
    thread, errors = asked(quick, (ONE, 95_000, 95_100))
    assert store.count() == 0
    assert list(everything(quick)) == [LARGE] * 10
    thread.join()
    assert not errors
    assert store.bytes_read == SIZE


def test_what_was_waited_for_and_given_up_is_fetched(quick: Quick, store: Gate) -> None:
    held = quick.want([(ONE, 0, LARGE), (TWO, 0, LARGE)], piecemeal=True)
    thread, errors = asked(quick, (TWO, 10, 20))
    for parts in held:
        quick.release(parts)
    thread.join()
    assert not errors
    assert store.count() == 1
    assert quick.take() is None


def test_who_waits_does_not_wait_where_something_fails(quick: Quick, store: Gate) -> None:
    large(quick)
    store.fails = {0, 90_000}
    thread, errors = asked(quick, (ONE, 95_000, 95_100))
    part = quick.take()
    assert part is not None
    quick.run(part)
    thread.join()  # the other nine were not tried yet
    assert isinstance(errors[0], StorageError)
    assert store.count() == 2
    store.fails.clear()
    right(quick, [(ONE, 95_000, 95_100)])


def test_what_was_taken_and_dropped_is_fetched(ahead: Ahead, store: Gate) -> None:
    ahead.want([(ONE, 0, 10)])
    part = ahead.take()
    assert part is not None
    ahead.drop(part)
    right(ahead, [(ONE, 0, 10)])
    assert store.count() == 1


def test_what_takes_long_is_not_waited_for(ahead: Ahead, store: Gate) -> None:
    large(ahead)
    assert not ahead._is_soon()  # nothing is known yet
    part = ahead.take()
    assert part is not None
    ahead.run(part)
    assert ahead._is_soon()
    ahead._busy = 1e3
    right(ahead, [(ONE, 95_000, 95_100)])
    assert store.bytes_read == LARGE + 100


def test_what_is_not_needed_makes_room(ahead: Ahead, store: Gate) -> None:
    ahead.limit = 1_000
    first = ahead.want([(ONE, 0, 900)])
    list(everything(ahead))
    second = ahead.want([(ONE, 5_000, 5_900)])
    list(everything(ahead))
    store.clear()
    right(ahead, [(ONE, 0, 900), (ONE, 5_000, 5_900)])
    assert store.count() == 0  # both are needed: the limit has to wait
    ahead.release(first[0])
    right(ahead, [(ONE, 5_000, 5_900)])
    assert store.count() == 0
    assert not ahead.hold(first[0])
    right(ahead, [(ONE, 0, 900)])
    assert store.count() == 1
    assert ahead.hold(second[0])
    ahead.release(second[0])
    ahead.release(second[0])
    assert ahead.needed == 0


def test_what_nobody_waits_for_any_more_is_not_fetched(ahead: Ahead, store: Gate) -> None:
    [parts] = ahead.want([(ONE, 0, 100)])
    ahead.release(parts)
    assert ahead.take() is None
    right(ahead, [(ONE, 0, 100)])


def test_a_request_that_failed_is_made_again(ahead: Ahead, store: Gate) -> None:
    ahead.want([(ONE, 0, 100)])
    store.fails = {0}
    list(everything(ahead))
    with pytest.raises(StorageError, match="the network is gone"):
        ahead.fetch([(ONE, 0, 10)])
    store.fails = set()
    right(ahead, [(ONE, 0, 100)])


def test_who_waits_for_a_request_that_fails_asks_itself(ahead: Ahead, store: Gate) -> None:
    ahead.want([(ONE, 0, 100)])
    part = ahead.take()
    assert part is not None
    store.open.clear()
    store.fails = {0}
    waiting = threading.Thread(target=right, args=(ahead, [(ONE, 5, 10)]))
    running = threading.Thread(target=ahead.run, args=(part,))
    running.start()
    waiting.start()
    store.open.set()
    running.join()
    waiting.join()
    right(ahead, [(ONE, 5, 10)])


def test_an_object_that_is_cut_short(ahead: Ahead) -> None:
    ahead.want([(ONE, SIZE - 10, SIZE + 10)])
    list(everything(ahead))
    for _ in range(2):
        with pytest.raises(FormatError, match="cut short"):
            ahead.fetch([(ONE, SIZE - 10, SIZE + 10)])
    with pytest.raises(FormatError, match="cut short"):
        ahead.fetch([(ONE, SIZE, SIZE + 1)])


def test_it_travels_without_its_bytes(tmp_path: object) -> None:
    local = LocalStore(f"{tmp_path}/ds")
    local.put(data_key(ONE), contents(ONE))
    ahead = Ahead(Blocks(local))
    ahead.want([(ONE, 0, 50_000)])
    list(everything(ahead))
    data = pickle.dumps(ahead)
    assert len(data) < 5_000
    right(pickle.loads(data), [(ONE, 0, 50_000)])


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_fork_waits_for_nobody(ahead: Ahead) -> None:
    ahead.want([(ONE, 0, 100)])
    assert ahead.take() is not None  # a thread that the child does not have would fetch it
    child = os.fork()
    if child == 0:
        status = 1
        try:
            right(ahead, [(ONE, 0, 100)])
            status = 0
        finally:
            os._exit(status)
    assert os.waitpid(child, 0)[1] == 0
