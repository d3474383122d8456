"""Sessions: what is published is whole, durable and there once, whatever the store does."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from deeplake.dataset.reader import TensorReader
from deeplake.errors import (
    CheckoutError,
    ConflictError,
    DatasetHandlerError,
    DatasetNotFoundError,
    FormatError,
    PreconditionFailedError,
    ReadOnlyModeError,
    StorageError,
    StorageTimeoutError,
    TransientStorageError,
    UnsupportedFormatError,
)
from deeplake.format import envelope
from deeplake.format.builder import Run
from deeplake.format.commit import Commit, Ref
from deeplake.format.pieces import row_ids
from deeplake.spi import Store
from deeplake.storage.memory import MemoryStore
from deeplake.testing.stores import Crash, Fault, FaultyStore, RecordingStore, Request
from deeplake.types import TensorSchema
from deeplake.versioning import publication, repository
from deeplake.versioning.repository import MARKER, Repository, new_id, ref_key
from deeplake.versioning.session import Session
from deeplake.versioning.staging import Staging


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Retries do not wait."""
    monkeypatch.setattr(publication.time, "sleep", lambda seconds: None)


def opened(store: Store, address: str | None = None) -> Session:
    return Session.open(Repository(store), address)


def created(store: Store, tensors: Sequence[str] = ("x",)) -> Session:
    Repository(store).create()
    session = opened(store)
    for name in tensors:
        session.create_tensor(TensorSchema(new_id(), name, dtype="<i8", ndim=1), {})
    session.flush()
    return session


def run(values: Sequence[int]) -> list[Run]:
    array = np.array(values, "<i8").reshape(-1, 1)
    return [Run(array.tobytes(), len(values), (1,), 8, values=array)] if len(values) else []


def append(session: Session, *values: int, to: str = "x") -> None:
    session.append(session.by_name[to], run(values), len(values))


def update(session: Session, row: int, value: int) -> None:
    session.replace(session.by_name["x"], np.array([row]), run([value]))


def values(session: Session, name: str = "x") -> list[int]:
    draft = session.by_name[name]
    reader = TensorReader(session.blocks, draft.schema, draft.table)
    return [int(value[0]) for value in reader.samples(range(len(reader)))]


def stored(store: Store, address: str | None = None, name: str = "x") -> list[int]:
    """What others see."""
    return values(opened(store, address), name)


def messages(store: Store, address: str | None = None) -> list[str | None]:
    session = opened(store, address)
    return [commit.message for commit in session.repository.history(session.commit_id)]


# -------------------------------------------------------------------------------- the beginning
def test_there_is_nothing_at_first() -> None:
    store = MemoryStore()
    assert not Repository(store).exists()
    with pytest.raises(DatasetNotFoundError):
        opened(store)
    with pytest.raises(DatasetNotFoundError):
        opened(store, "a branch")
    assert list(store.list()) == []


def test_create() -> None:
    store = MemoryStore()
    ref, _ = Repository(store).create()
    session = opened(store)
    assert (session.branch, session.commit_id, session.tensors) == ("main", None, {})
    assert session.pending_id == ref.pending
    marker = envelope.unwrap("marker", store.get(MARKER), MARKER)
    assert (marker["format"], marker["uuid"], marker["checksum"]) == (
        [1, 0],
        ref.dataset,
        "xxh3-64",
    )
    with pytest.raises(DatasetHandlerError, match="already exists"):
        Repository(store).create()


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_creation_that_was_cut_short_can_be_repeated(moment: str) -> None:
    for at in itertools.count():
        inner = MemoryStore()
        store = FaultyStore(inner, Fault(moment, Crash, at=at))  # type: ignore[arg-type]
        try:
            Repository(store).create()
        except Crash:
            if Repository(inner).exists():
                assert opened(inner).tensors == {}
                continue
            ref, _ = Repository(inner).create()
            assert envelope.unwrap("marker", inner.get(MARKER), MARKER)["uuid"] == ref.dataset
        else:
            assert at == 2  # the marker, and the ref of main
            return


def test_clearing_leaves_nothing() -> None:
    store = MemoryStore()
    session = created(store)
    append(session, 1)
    session.commit("m")
    Repository(store).clear()
    assert list(store.list()) == []
    assert not Repository(store).exists()


# ------------------------------------------------------------------------------------ publishing
def test_nothing_is_visible_before_the_flush() -> None:
    store = MemoryStore()
    session = created(store)
    reader = opened(store)
    append(session, 1, 2, 3)
    assert session.changed
    assert values(session) == [1, 2, 3]
    assert stored(store) == []
    session.flush()
    assert not session.changed
    assert stored(store) == [1, 2, 3]
    # Readers are bound to the state that they opened.
    assert values(reader) == []
    assert reader.refresh()
    assert values(reader) == [1, 2, 3]
    assert not reader.refresh()


def test_a_snapshot_is_no_commit() -> None:
    store = MemoryStore()
    session = created(store)
    append(session, 1)
    session.flush()
    other = opened(store)
    assert other.has_changes
    assert other.commit_id is None
    assert messages(store) == []
    assert other.base.message is None


def test_commit() -> None:
    store = MemoryStore()
    session = created(store)
    append(session, 1)
    pending = session.pending_id
    first = session.commit("first")
    assert first == pending == session.commit_id
    assert not session.has_changes
    append(session, 2)
    second = session.commit("")
    append(session, 3)
    session.flush()
    assert messages(store) == ["", "first"]
    assert (stored(store, first), stored(store, second), stored(store)) == ([1], [1, 2], [1, 2, 3])
    assert opened(store, second).base.parents == (first,)
    assert opened(store).base.parents == (second,)
    assert len({first, second, session.pending_id, session.base.id}) == 4


def test_flushing_nothing_writes_nothing() -> None:
    store = RecordingStore(MemoryStore())
    session = created(store)
    store.clear()
    session.flush()
    assert store.requests == []


def test_requests() -> None:
    """Two puts a flush, whatever the number of tensors; one read to open; one put a branch."""
    store = RecordingStore(MemoryStore())
    session = created(store, [f"t{k}" for k in range(20)])
    store.clear()
    for k in range(20):
        append(session, k, to=f"t{k}")
    session.flush()
    assert [request.op for request in store.requests] == ["put", "put"]
    store.clear()
    opened(store)
    assert [request.op for request in store.requests] == ["get_versioned"]
    session.commit("kept when the branch moves on")
    store.clear()
    append(session, 1, to="t3")
    session.flush()
    puts = [request.key.split("/")[0] for request in store.requests if request.op == "put"]
    assert puts == ["data", "commits", "refs"]
    store.clear()
    session.create_branch("another")
    assert store.count("put") == 1


def test_a_commit_that_is_too_large_for_its_ref() -> None:
    store = RecordingStore(MemoryStore())
    session = created(store)
    session.set_info({"text": "x" * 40_000})
    append(session, 1)
    store.clear()
    commit = session.commit("large")
    puts = [request.key.split("/")[0] for request in store.requests if request.op == "put"]
    assert puts == ["data", "commits", "refs"]
    store.clear()
    assert stored(store) == [1]
    assert len(opened(store).info["text"]) == 40_000
    ref, _ = Repository(store).read_ref("main")
    assert (ref.inline, ref.head, ref.commit) == (None, commit, commit)


def test_discard() -> None:
    store = MemoryStore()
    session = created(store)
    append(session, 1)
    session.flush()
    append(session, 2)
    session.set_info({"a": 1})
    session.create_tensor(TensorSchema(new_id(), "y"), {})
    session.discard()
    assert (values(session), dict(session.info), [*session.by_name]) == ([1], {}, ["x"])
    append(session, 3)
    session.flush()
    assert stored(store) == [1, 3]


def test_reset() -> None:
    store = MemoryStore()
    session = created(store)
    append(session, 1)
    session.commit("kept")
    append(session, 2)
    session.flush()
    append(session, 3)
    session.reset()
    assert (values(session), stored(store)) == ([1], [1])
    assert not session.has_changes
    assert messages(store) == ["kept"]


# ------------------------------------------------------------------------------------- branches
def test_branches_are_independent() -> None:
    store = MemoryStore()
    session = created(store)
    append(session, 1)
    base = session.commit("base")
    session.create_branch("side / ä")
    append(session, 2)
    session.commit("on the side")
    main = opened(store)
    append(main, 3)
    main.flush()
    assert (stored(store), stored(store, "side / ä")) == ([1, 3], [1, 2])
    assert messages(store, "side / ä") == ["on the side", "base"]
    assert opened(store, base).branch == "main"
    assert Repository(store).branches() == ["main", "side / ä"]
    with pytest.raises(CheckoutError, match="already"):
        main.create_branch("side / ä")


def test_a_branch_of_a_snapshot_follows_the_last_commit() -> None:
    store = MemoryStore()
    session = created(store)
    append(session, 1)
    base = session.commit("base")
    append(session, 2)
    session.flush()
    session.create_branch("side")
    assert session.commit_id == base
    append(session, 3)
    session.commit("later")
    assert messages(store, "side") == ["later", "base"]
    assert (stored(store), stored(store, "side")) == ([1, 2], [1, 2, 3])


def test_changing_a_past_commit_makes_a_branch() -> None:
    store = MemoryStore()
    session = created(store)
    append(session, 1)
    first = session.commit("first")
    append(session, 2)
    session.commit("second")
    past = opened(store, first)
    assert past.ref is None
    append(past, 9)
    assert past.branch.startswith("auto_")
    past.commit("aside")
    assert (stored(store), stored(store, past.branch)) == ([1, 2], [1, 9])
    assert messages(store, past.branch) == ["aside", "first"]


@pytest.mark.parametrize(
    "name", ["A", "a", "Ä/ß", "..", ".", "a.b", "a b", "%41", "日本語", "x" * 200, "a@b", "con"]
)
def test_names_of_branches(name: str) -> None:
    store = MemoryStore()
    session = created(store)
    session.create_branch(name)
    append(session, 1)
    session.flush()
    assert (stored(store, name), stored(store)) == ([1], [])
    assert Repository(store).branches() == ["main", name]
    key = ref_key(name)
    assert key.isascii()
    assert key == key.lower()
    assert not set(key.rpartition("/")[2]) - set("abcdefghijklmnopqrstuvwxyz0123456789_-%")


def test_addresses_that_name_nothing() -> None:
    store = MemoryStore()
    created(store)
    for address in ("nothing", "a" * 40, "../x", "ä", ".", "x" * 300, "commits/x"):
        with pytest.raises(CheckoutError, match="main"):
            opened(store, address)


def test_the_ref_of_another_branch_is_noticed() -> None:
    store = MemoryStore()
    session = created(store)
    session.create_branch("side")
    store.put(ref_key("side"), bytes(store.get(ref_key("main"))))
    with pytest.raises(FormatError, match="is the ref of branch 'main'"):
        opened(store, "side")


def test_a_commit_under_another_name_is_noticed() -> None:
    store = MemoryStore()
    session = created(store)
    first = session.commit("first")
    append(session, 1)
    session.flush()
    store.put(f"commits/{'a' * 40}", bytes(store.get(f"commits/{first}")))
    with pytest.raises(FormatError, match=f"holds commit {first}"):
        opened(store, "a" * 40)


def test_history_that_bites_its_tail() -> None:
    store = MemoryStore()
    repository = Repository(store)
    a, b = "a" * 40, "b" * 40
    repository.write_commit(Commit(a, (b,), message="a"))
    repository.write_commit(Commit(b, (a,), message="b"))
    with pytest.raises(FormatError, match="its own ancestor"):
        list(repository.history(a))


def test_tags() -> None:
    store = MemoryStore()
    session = created(store)
    append(session, 1)
    commit = session.commit("m")
    repository = session.repository
    repository.create_tag("v 1", session.base)
    append(session, 2)
    session.flush()
    assert (repository.tags(), stored(store, "v 1")) == ({"v 1": commit}, [1])
    with pytest.raises(CheckoutError, match="already"):
        repository.create_tag("v 1", session.base)
    store.put(ref_key("other", "tags"), bytes(store.get(ref_key("v 1", "tags"))))
    for read in (lambda: opened(store, "other"), repository.tags):
        with pytest.raises(FormatError, match="is no tag 'other'"):
            read()
    store.put(ref_key("v 1", "tags"), envelope.wrap("tag", {"name": "v 1", "commit": "b" * 40}))
    with pytest.raises(CheckoutError, match="has lost commit"):
        opened(store, "v 1")


# ------------------------------------------------------------------------ versions of the format
def edited(store: MemoryStore, change: Callable[[dict[str, Any]], None]) -> None:
    """Another deeplake wrote the ref of main."""
    key = ref_key("main")
    value = envelope.unwrap("ref", store.get(key), key)
    change(value)
    store.put(key, envelope.wrap("ref", value))


def test_keys_of_a_later_version_survive_whatever_is_done() -> None:
    store = MemoryStore()
    append(session := created(store), 1)
    session.flush()

    def later(value: dict[str, Any]) -> None:
        value["of the ref"] = {"a": 1}
        value["inline"]["of the commit"] = [1]
        value["inline"]["tensors"][0]["of the tensor"] = None

    edited(store, later)
    session = opened(store)
    append(session, 2)
    session.commit("m")
    session.create_branch("side")
    update(session, 0, 5)
    session.flush()
    key = ref_key("side")
    value = envelope.unwrap("ref", store.get(key), key)
    assert value["of the ref"] == {"a": 1}
    assert value["inline"]["of the commit"] == [1]
    assert value["inline"]["tensors"][0]["of the tensor"] is None
    assert stored(store, "side") == [5, 2]


def test_a_feature_that_cannot_be_read() -> None:
    store = MemoryStore()
    created(store)
    edited(store, lambda value: value["read_features"].append("levitation"))
    with pytest.raises(UnsupportedFormatError, match="levitation"):
        opened(store)


def test_a_feature_that_cannot_be_written() -> None:
    store = MemoryStore()
    append(session := created(store), 1)
    session.flush()
    edited(store, lambda value: value["write_features"].append("levitation"))
    session = opened(store)
    assert values(session) == [1]
    with pytest.raises(ReadOnlyModeError, match="levitation"):
        append(session, 2)
    # A branch is no way around it.
    session.create_branch("side")
    with pytest.raises(ReadOnlyModeError, match="levitation"):
        append(opened(store, "side"), 2)


def test_a_store_that_cannot_be_written() -> None:
    store = MemoryStore()
    created(store)
    store.capabilities = replace(store.capabilities, writable=False)  # type: ignore[misc]
    with pytest.raises(ReadOnlyModeError):
        append(opened(store), 1)


# --------------------------------------------------------------------------------- what can fail
def is_ref(request: Request) -> bool:
    return request.op == "put" and request.key.startswith("refs/")


@pytest.mark.parametrize("commit", [False, True])
@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_failed_publication_is_invisible_and_can_be_repeated(moment: str, commit: bool) -> None:
    """Whichever request fails for good: others see the old state or the new one, and never half."""
    for at in itertools.count():
        inner = MemoryStore()
        append(first := created(inner, ["x", "y"]), 1)
        append(first, 1, to="y")
        first.commit("before")
        fault = Fault(moment, at=at, times=publication.ATTEMPTS)  # type: ignore[arg-type]
        store = FaultyStore(inner, fault)
        session = opened(inner)
        session = Session(Repository(store), session.base, session.ref, session._version, "main")
        append(session, 2)
        append(session, 2, to="y")

        def publish(session: Session = session) -> None:
            if commit:
                session.commit("after")
            else:
                session.flush()

        try:
            publish()
        except StorageError:
            assert (stored(inner), stored(inner, name="y")) in (([1], [1]), ([1, 2], [1, 2]))
            store.faults = ()
            publish()
        assert (stored(inner), stored(inner, name="y")) == ([1, 2], [1, 2])
        assert row_ids_are_unique(inner)
        assert messages(inner)[-1] == "before"
        if not store.fired:
            assert at >= 2
            return


def row_ids_are_unique(store: Store) -> bool:
    ids = row_ids(opened(store).by_name["x"].table.pieces())
    return len(np.unique(ids, axis=0)) == len(ids)


@pytest.mark.parametrize("error", [StorageError, StorageTimeoutError])
@pytest.mark.parametrize("times", [1, 3])
@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_lost_answer_of_the_compare_and_swap(
    moment: str, times: int, error: type[StorageError]
) -> None:
    """The swap is tried again, and found to have been done."""
    inner = MemoryStore()
    append(created(inner), 0)
    store = FaultyStore(inner, Fault(moment, error, times=times, matches=is_ref))  # type: ignore[arg-type]
    session = opened(store)
    append(session, 1)
    commit = session.commit("once")
    # Once it was done, the next attempt is refused, and that settles it.
    assert len(store.fired) == (times if moment == "before" else min(times, 2))
    append(session, 2)
    session.flush()
    assert (stored(inner), messages(inner)) == ([1, 2], ["once"])
    assert opened(inner).commit_id == commit
    assert row_ids_are_unique(inner)


def intruder(inner: MemoryStore, act: Callable[[Session], None]) -> Callable[[str], StorageError]:
    """An error at whose making another writer publishes something."""

    def make(message: str) -> StorageError:
        other = opened(inner)
        act(other)
        other.flush()
        return StorageError(message)

    return make


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_lost_answer_and_another_writer_on_top(moment: str) -> None:
    """The nonce is not there any more, but the rows are: nothing is there twice."""
    inner = MemoryStore()
    session = created(inner)
    append(session, 0)
    session.flush()
    error = intruder(inner, lambda other: append(other, 9))
    store = FaultyStore(inner, Fault(moment, error, matches=is_ref))  # type: ignore[arg-type]
    session = opened(store)
    append(session, 1)
    session.flush()
    assert sorted(stored(inner)) == [0, 1, 9]
    assert row_ids_are_unique(inner)
    append(session, 2)
    session.flush()
    assert sorted(stored(inner)) == [0, 1, 2, 9]


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_commit_whose_answer_was_lost_is_made_once(moment: str) -> None:
    inner = MemoryStore()
    append(session := created(inner), 0)
    session.commit("base")
    error = intruder(inner, lambda other: append(other, 9))
    store = FaultyStore(inner, Fault(moment, error, matches=is_ref))  # type: ignore[arg-type]
    session = opened(store)
    append(session, 1)
    session.commit("once")
    assert messages(inner) == ["once", "base"]
    assert sorted(stored(inner)) == [0, 1, 9]
    assert session.commit_id == opened(inner).commit_id


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("error", [TransientStorageError, StorageTimeoutError])
def test_a_machine_that_stood_still_is_no_reason_to_give_up(
    moment: Any, error: type[StorageError], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each try takes a minute: an object that nobody has seen yet is put once more."""
    now = itertools.count(0.0, 60.0)
    clock = SimpleNamespace(monotonic=lambda: next(now), sleep=lambda _: None, time=time.time)
    monkeypatch.setattr(repository, "time", clock)
    store = FaultyStore(
        inner := MemoryStore(),
        Fault(moment, error, matches=lambda request: request.key == MARKER),
    )
    append(session := created(store), 0)
    session.commit("base")
    assert len(store.fired) == 1
    assert stored(inner) == [0]


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("more", [0, 1, 3])
def test_the_id_of_a_lost_commit_may_be_that_of_another_writer(moment: str, more: int) -> None:
    """Both start from one ref, whose next id both would take: that it is there says nothing."""
    inner = MemoryStore()
    append(session := created(inner), 0)
    session.commit("base")

    def act(other: Session) -> None:
        append(other, 9)
        other.commit("theirs")
        for i in range(more):
            append(other, 10 + i)
            other.commit(f"more {i}")

    store = FaultyStore(inner, Fault(moment, intruder(inner, act), matches=is_ref))  # type: ignore[arg-type]
    session = opened(store)
    append(session, 1)
    mine = session.commit("mine")
    theirs = ["theirs", *(f"more {i}" for i in range(more))]
    assert sorted(messages(inner)) == sorted(["base", "mine", *theirs])
    assert sorted(stored(inner)) == [0, 1, 9, *range(10, 10 + more)]
    assert row_ids_are_unique(inner)
    assert Repository(inner).read_commit(mine).message == "mine"


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_lost_answer_for_a_new_branch(moment: str) -> None:
    inner = MemoryStore()
    append(session := created(inner), 0)
    session.commit("base")
    error = TransientStorageError
    store = FaultyStore(inner, Fault(moment, error, matches=is_ref))  # type: ignore[arg-type]
    session = opened(store)
    session.create_branch("other")
    assert store.fired
    append(session, 1)
    session.commit("there")
    assert stored(inner) == [0]
    assert [
        commit.message for commit in opened(inner, "other").repository.history(session.commit_id)
    ]
    with pytest.raises(CheckoutError, match="already"):
        opened(store).make_branch("other")


def test_an_update_whose_answer_was_lost_is_not_its_own_conflict() -> None:
    inner = MemoryStore()
    append(session := created(inner), 0, 1)
    session.flush()
    error = intruder(inner, lambda other: append(other, 9))
    store = FaultyStore(inner, Fault("after", error, matches=is_ref))
    session = opened(store)
    update(session, 0, 5)
    session.delete_rows(session.by_name["x"], np.array([[1, 2]]))
    session.flush()
    assert stored(inner) == [5, 9]


def test_a_reader_of_short_answers_says_so() -> None:
    inner = MemoryStore()
    append(session := created(inner), *range(1000))
    session.commit("m")
    inner.capabilities = replace(inner.capabilities, mapping=False)  # type: ignore[misc]
    for at in range(4):
        store = FaultyStore(inner, Fault("short", at=at, matches=lambda r: r.op.startswith("get")))
        try:
            found = stored(store)
        except (FormatError, StorageError):
            continue
        assert found == list(range(1000))


@pytest.mark.parametrize("damaged", [False, True])
def test_the_commit_of_a_writer_that_died_is_not_taken_for_the_published_one(damaged: bool) -> None:
    """It was stored under the id that all writers begin with, and its ref never moved."""
    store = MemoryStore()
    append(session := created(store), 0)
    session.commit("base")
    assert session.ref is not None
    assert session.ref.inline is not None
    dead = replace(session.ref.inline, id=session.ref.pending, message="dead")
    data = envelope.wrap("commit", dead.to_json())
    store.put(f"commits/{dead.id}", data[:-5] if damaged else data)
    append(session, 1)
    mine = session.commit("mine")
    assert mine == dead.id
    append(session, 2)
    session.commit("next")
    assert messages(store) == ["next", "mine", "base"]
    assert stored(store) == [0, 1, 2]
    assert opened(store).repository.read_commit(mine).message == "mine"


# --------------------------------------------------------------------------------- other writers
def two(inner: MemoryStore) -> tuple[Session, Session]:
    append(session := created(inner), 0, 1, 2)
    session.commit("base")
    return opened(inner), opened(inner)


def test_appends_commute() -> None:
    store = MemoryStore()
    a, b = two(store)
    append(a, 10)
    append(b, 20, 21)
    a.commit("a")
    b.commit("b")
    assert stored(store) == [0, 1, 2, 10, 20, 21]
    assert messages(store) == ["b", "a", "base"]
    assert row_ids_are_unique(store)


def test_updates_of_different_rows_commute() -> None:
    store = MemoryStore()
    a, b = two(store)
    update(a, 0, 10)
    update(b, 2, 20)
    b.delete_rows(b.by_name["x"], np.array([[1, 2]]))
    a.flush()
    b.flush()
    assert stored(store) == [10, 20]


def test_updates_of_one_row_conflict_and_nothing_is_lost() -> None:
    store = MemoryStore()
    a, b = two(store)
    update(a, 1, 10)
    update(b, 1, 20)
    append(b, 21)
    a.commit("a")
    winner = a.base.id
    with pytest.raises(ConflictError) as caught:
        b.commit("b")
    assert stored(store) == [0, 10, 2]
    [kept] = [word.strip("',.:;)@") for word in str(caught.value).split() if len(word) >= 40][-1:]
    kept = kept.rpartition("@")[2].strip("'")
    assert winner in str(caught.value)
    assert stored(store, kept) == [0, 20, 2, 21]
    # The session goes on from the winner's state.
    assert values(b) == [0, 10, 2]
    append(b, 5)
    b.flush()
    assert stored(store) == [0, 10, 2, 5]


def test_a_dataset_that_was_replaced_meanwhile() -> None:
    store = MemoryStore()
    a, _ = two(store)
    append(a, 10)
    store.delete([MARKER, ref_key("main")])
    Repository(store).create()
    with pytest.raises(ConflictError, match="replaced"):
        a.flush()
    assert opened(store).tensors == {}


def test_many_writers_in_turn() -> None:
    store = MemoryStore()
    append(created(store), 0)
    sessions = [opened(store) for _ in range(8)]
    for turn in range(5):
        for number, session in enumerate(sessions):
            append(session, 100 * turn + number)
            session.flush()
    assert sorted(stored(store)) == sorted(100 * t + n for t in range(5) for n in range(8))
    assert row_ids_are_unique(store)


# ---------------------------------------------------------------------------------- row ids
def test_tensors_of_one_row_share_its_id() -> None:
    store = MemoryStore()
    session = created(store, ["x", "y", "z"])
    for name in ("x", "y"):
        append(session, 1, 2, 3, to=name)
    session.flush()
    append(session, 4, to="x")
    append(session, 4, to="y")
    append(session, 1, 2, 3, 4, to="z")
    session.commit("m")
    later = opened(store)
    for name in ("z", "y", "x"):
        append(later, 5, to=name)
    later.flush()
    tables = [opened(store).by_name[name].table.pieces() for name in ("x", "y", "z")]
    ids = [row_ids(table).tolist() for table in tables]
    assert ids[0] == ids[1] == ids[2]
    assert len({tuple(pair) for pair in ids[0]}) == 5


def test_ids_stay_unique_when_tensors_get_out_of_step() -> None:
    store = MemoryStore()
    session = created(store, ["x", "y"])
    for name in ("x", "y"):
        append(session, *range(5), to=name)
    session.delete_rows(session.by_name["x"], np.array([[0, 1]]))
    append(session, 7, 8, 9)
    session.flush()
    assert row_ids_are_unique(store)
    append(session, 10)
    session.delete_rows(session.by_name["x"], np.array([[2, 4]]))
    append(session, 11, 12)
    session.flush()
    assert stored(store) == [1, 2, 7, 8, 9, 10, 11, 12]
    assert row_ids_are_unique(store)


def test_ids_are_not_used_again_after_a_discard() -> None:
    store = MemoryStore()
    session = created(store)
    append(session, 1)
    session.flush()
    append(session, 2)
    lost = row_ids(session.by_name["x"].table.pieces())[-1].tolist()
    session.discard()
    append(session, 3)
    session.flush()
    assert lost not in row_ids(opened(store).by_name["x"].table.pieces()).tolist()


def test_ids_survive_updates_and_removals_of_others() -> None:
    store = MemoryStore()
    session = created(store)
    append(session, *range(10))
    session.flush()
    before = row_ids(session.by_name["x"].table.pieces()).tolist()
    update(session, 4, 44)
    session.delete_rows(session.by_name["x"], np.array([[2, 3]]))
    session.flush()
    after = row_ids(opened(store).by_name["x"].table.pieces()).tolist()
    assert after == before[:2] + before[3:]


# ---------------------------------------------------------------------------- planted defects
def test_the_order_of_writes_matters(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the ref first, a crash leaves a state that cannot be read: the test above would see it."""
    inner = MemoryStore()
    append(session := created(inner), 1)
    session.commit("before")
    flush = Staging.flush
    publish = Session._try_publish

    def late(self: Session, *args: Any, **options: Any) -> str:
        result = publish(self, *args, **options)
        flush(self._staging)
        return result

    monkeypatch.setattr(Staging, "flush", lambda self, put=None: None)
    monkeypatch.setattr(Session, "_try_publish", late)
    is_data = Fault("before", Crash, matches=lambda r: r.op == "put" and r.key.startswith("data/"))
    session = opened(FaultyStore(inner, is_data))
    append(session, 2)
    with pytest.raises(Crash):
        session.flush()
    monkeypatch.undo()
    with pytest.raises((StorageError, FormatError)):
        stored(inner)


def test_a_writer_that_does_not_compare_loses_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the compare-and-swap, `test_appends_commute` fails."""
    write = Repository.write_ref

    def careless(self: Repository, ref: Ref, *, if_match: str | None) -> str:
        try:
            return write(self, ref, if_match=if_match)
        except PreconditionFailedError:
            return self.store.put(ref_key(ref.branch), envelope.wrap("ref", ref.to_json()))

    monkeypatch.setattr(Repository, "write_ref", careless)
    with pytest.raises(AssertionError):
        test_appends_commute()
