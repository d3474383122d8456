"""Damaged datasets give the data that were written or a named error: never other data or a crash.

Bytes of the golden datasets are flipped, objects cut short, swapped, replaced and removed.
``DEEPLAKE_SOAK_FLIPS=1`` flips every byte of every object, one at a time: a bit of it, some, or all
eight. Without it, every byte of small refs and tags is flipped, and a sample of the others.

After a flip, a version is read that the object belongs to (the next one each time, where there are
several). Of data objects it was noted which bytes each tensor is read from: so that most flips take
little time, a version is opened with one byte flipped in each of its tensors, and each is read; one flip
in ``WHOLE`` is alone, and the whole version is read. Bytes of data objects that nothing is read from
(what later edits left behind) are all flipped at once: they must change nothing.
"""

from __future__ import annotations

import itertools
import os
import random
import shutil
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path

import pytest
from tests.golden import make_v1_0_sequences
from tests.golden.expected import V1_0, states

import deeplake
from deeplake.errors import DatasetCorruptError, FormatError
from deeplake.format import envelope
from deeplake.format.chunk import ChunkHeader
from deeplake.versioning.repository import Repository

from . import damage, tally

WHOLE = 50
ALL = os.environ.get("DEEPLAKE_SOAK_FLIPS", "") not in ("", "0")
MEMORY = 1 << 30
"""Bytes beyond what the process has: far more than reading needs, far less than a length that is
believed can ask for."""


@cache
def golden(name: str) -> damage.Dataset:
    addresses = [s.address for s in states() if s.dataset == name]
    if name == "kinds":
        addresses = ["main"]  # its one commit, which is the same
    if name == "sequences":
        addresses = [make_v1_0_sequences.TAG, "main"]
    if name == "grown":
        ds = deeplake.load(V1_0 / name, read_only=True)
        addresses = ["main", *(one["commit"] for one in ds.commits[1::3])]
    return damage.Dataset.of(damage.objects_of(V1_0 / name), addresses)


@pytest.fixture(autouse=True)
def _bounded_memory() -> Iterator[None]:
    golden("kinds")  # starts the threads that decode: their stacks are no business of the limit
    with damage.bounded_memory(MEMORY):
        yield


def flips(
    name: str, share: float, seed: int = 0, part: int = 0, parts: int = 1
) -> Iterator[tuple[str, int, int]]:
    """Bytes, and what is flipped in them: a bit, some, or all."""
    rng = random.Random(seed)
    number = 0
    for key, data in golden(name).objects.items():
        is_json = not key.startswith("data/")
        for at in range(len(data)):
            mask = rng.choice([1 << rng.randrange(8), 0xFF, rng.randrange(1, 256)])
            # An object of JSON is one checksum: a sample of the bytes of most does.
            if ALL or rng.random() < (1 if is_json and len(data) < 700 else share):
                number += 1
                if number % parts == part:
                    yield key, at, mask


def flipped(name: str, share: float) -> Iterator[dict[str, bytes]]:
    """Datasets with one byte that is another."""
    for key, at, mask in flips(name, share):
        data = golden(name).objects[key]
        yield {key: data[:at] + bytes([data[at] ^ mask]) + data[at + 1 :]}


def wrongs(
    dataset: damage.Dataset,
    cases: Iterator[Mapping[str, bytes | None]],
    *,
    most: int | None = 1,
    foreign: bool = False,
) -> list[str]:
    """What went wrong in some cases; every other one is read from a store that does not map."""
    found = []
    for number, changes in enumerate(cases):
        judged = dataset.judge(changes, mapping=number % 2 == 0, most=most, foreign=foreign)
        found += [f"case {number}, {[*changes]}: {wrong}" for wrong in judged]
        if len(found) > 5:
            break
    return found


def wrong_flips(dataset: damage.Dataset, flips: Iterator[tuple[str, int, int]]) -> list[str]:
    """What went wrong after flips of single bytes."""
    found: list[str] = []
    unread: list[tuple[str, int, int]] = []
    waiting: dict[tuple[str, str], list[tuple[str, int, int]]] = {}
    for number, (key, at, mask) in enumerate(flips):
        concerned = dataset.concerned(key, at) if key.startswith("data/") else {}
        places = [(address, name) for address, names in concerned.items() for name in names]
        if not key.startswith("data/") or number % WHOLE == 0:
            wrong = dataset.judge(
                damaged(dataset, [(key, at, mask)]), mapping=number % 2 == 0, most=1
            )
            found += [f"byte {at} of {key}: {w}" for w in wrong]
            tally.count("flips")
        elif not places:
            unread.append((key, at, mask))
        else:
            waiting.setdefault(places[number % len(places)], []).append((key, at, mask))
        if len(found) > 5:
            return found
    found += _wrong_tensors(dataset, waiting)
    if unread:
        wrong = dataset.judge(damaged(dataset, unread))
        found += [f"bytes that nothing is read from: {w}" for w in wrong]
        tally.count("flips", len(unread))
    return found


def _wrong_tensors(
    dataset: damage.Dataset, waiting: dict[tuple[str, str], list[tuple[str, int, int]]]
) -> list[str]:
    """What went wrong after flips in tensors, given by address and name: one in each at a time."""
    found: list[str] = []
    for address in {address for address, _ in waiting}:
        tensors = {name: flips for (of, name), flips in waiting.items() if of == address}
        turn = 0
        while any(tensors.values()):
            flips: dict[str, tuple[str, int, int]] = {}
            busy: set[str] = set()
            for name, left in tensors.items():
                if not left:
                    continue
                touching = dataset.concerned(*left[-1][:2])[address]
                if busy.isdisjoint(touching):
                    busy |= touching
                    flips[name] = left.pop()
            turn += 1
            changes = damaged(dataset, flips.values())
            keys = {name: key for name, (key, _, _) in flips.items()}
            found += dataset.judge_tensors(address, keys, changes, mapping=turn % 2 == 0)
            tally.count("flips", len(flips))
            if len(found) > 5:
                return found
    return found


def damaged(
    dataset: damage.Dataset, flips: Iterable[tuple[str, int, int]]
) -> dict[str, bytes | None]:
    """The objects that flips change."""
    changed: dict[str, bytearray] = {}
    for key, at, mask in flips:
        changed.setdefault(key, bytearray(dataset.objects[key]))[at] ^= mask
    return {key: bytes(data) for key, data in changed.items()}


def test_nothing_is_wrong_without_damage() -> None:
    for name in ("kinds", "history", "sequences", "grown"):
        dataset = golden(name)
        for mapping in (True, False):
            assert dataset.judge(dict(dataset.objects), mapping=mapping) == []


@pytest.mark.parametrize("part", range(2))
@pytest.mark.parametrize(
    ("name", "share"),
    [
        ("history", 0.06),
        ("kinds", 0.0015),
        ("indexed", 0.02),
        ("sequences", 0.0015),
        ("grown", 0.05),
    ],
)
def test_flipped(name: str, share: float, part: int) -> None:
    assert wrong_flips(golden(name), flips(name, share, part=part, parts=2)) == []


@pytest.mark.parametrize("name", ["history", "kinds", "sequences"])
def test_cut_short_or_longer(name: str) -> None:
    rng = random.Random(1)

    def cases() -> Iterator[dict[str, bytes]]:
        for key, data in golden(name).objects.items():
            lengths = {0, 1, len(data) // 2, len(data) - 1, len(data) - 8}
            lengths |= {rng.randrange(len(data)) for _ in range(8)}
            for length in sorted(lengths - {len(data)}):
                yield {key: data[: max(length, 0)]}
            yield {key: data + b"\0"}
            yield {key: data + data}

    assert wrongs(golden(name), cases()) == []


def test_swapped() -> None:
    objects = golden("history").objects
    pairs = itertools.combinations(objects, 2)
    cases = ({a: objects[b], b: objects[a]} for a, b in pairs)
    assert wrongs(golden("history"), cases) == []


@pytest.mark.parametrize("name", ["history", "kinds"])
def test_replaced_by_something_else(name: str) -> None:
    rng = random.Random(2)
    nothing = [
        b"",
        b"\n",
        b"{}",
        bytes(100_000),
        b"\xff" * 1000,
        rng.randbytes(5000),
        b"\x89PNG\r\n\x1a\n" + rng.randbytes(200),
        b"deeplake ref 1 2 0000000000000000\n{}",
        b"DLCK" + bytes(300),
        b"DLSG" + bytes(300),
    ]

    cases = ({key: data} for key in golden(name).objects for data in nothing)
    assert wrongs(golden(name), cases) == []


@pytest.mark.parametrize("name", ["history", "kinds"])
def test_replaced_by_objects_of_another_dataset(name: str) -> None:
    rng = random.Random(2)
    others = golden("kinds" if name == "history" else "history").objects

    def cases() -> Iterator[dict[str, bytes]]:
        for key in golden(name).objects:
            kind = key.split("/")[0]
            alike = [data for other, data in others.items() if other.split("/")[0] == kind]
            for data in rng.sample(alike, min(3, len(alike))):
                yield {key: data}

    assert wrongs(golden(name), cases(), most=None, foreign=True) == []


@pytest.mark.parametrize("name", ["history", "kinds"])
def test_missing(name: str) -> None:
    cases = ({key: None} for key in golden(name).objects)
    assert wrongs(golden(name), cases, most=None) == []


def test_files(tmp_path: Path) -> None:
    """The same with files, which are mapped or read in parts by another store."""
    rng = random.Random(3)
    dataset = golden("history")
    keys = [key for key in dataset.objects if any(key in t for t in dataset.touched.values())]
    found = []
    for number in range(150):
        root = tmp_path / str(number)
        shutil.copytree(V1_0 / "history", root)
        key = rng.choice(keys)
        file, data = root / key, dataset.objects[key]
        how = rng.choice(["flip", "cut", "swap", "remove", "directory"])
        allowed = damage.DAMAGED
        others = [key]
        if how == "flip":
            at = rng.randrange(len(data))
            file.write_bytes(data[:at] + bytes([data[at] ^ 0x55]) + data[at + 1 :])
        elif how == "cut":
            file.write_bytes(data[: rng.randrange(len(data))])
        elif how == "swap":
            other = rng.choice(keys)
            others.append(other)
            file.write_bytes(dataset.objects[other])
            (root / other).write_bytes(data)
        else:
            file.unlink()
            if how == "directory":
                file.mkdir()
            allowed = damage.DAMAGED + damage.MISSING
        for address, touched in dataset.touched.items():
            if touched.isdisjoint(others):
                continue
            try:
                same = damage.content(f"{root}@{address}") == dataset.contents[address]
            except allowed as error:
                same = damage.names(error, others, address)
            if not same:
                found.append(f"{how} {others}: {address}")
        shutil.rmtree(root)
    assert found == []


# ---------------------------------------------------------------------------- planted defects
class _Equal(int):
    """A checksum that is equal to any other."""

    def __eq__(self, other: object) -> bool:
        return True

    def __ne__(self, other: object) -> bool:
        return False

    __hash__ = int.__hash__


def chunks() -> set[str]:
    return {key for key in golden("history").objects if key.startswith("data/")}


def test_finds_unchecked_frames(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ChunkHeader, "check", lambda self, stored, first, last: None)
    cases = (case for case in flipped("history", 0.1) if not case.keys().isdisjoint(chunks()))
    assert wrongs(golden("history"), cases) != []


def test_finds_unchecked_json(monkeypatch: pytest.MonkeyPatch) -> None:
    dataset = golden("history")
    monkeypatch.setattr(envelope, "digest", lambda *parts: _Equal())
    cases = (case for case in flipped("history", 0.2) if "refs/heads/main" in case)
    assert wrongs(dataset, cases, most=None) != []


def test_finds_headers_that_belong_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    dataset = golden("history")
    init = ChunkHeader.__init__
    monkeypatch.setattr(
        ChunkHeader, "__init__", lambda self, data, name, checksum=None: init(self, data, name)
    )
    keys = [key for key in dataset.objects if key.startswith("data/")]
    cases = ({a: dataset.objects[b]} for a, b in itertools.permutations(keys, 2))
    assert wrongs(dataset, cases, most=None) != []


def test_finds_a_commit_under_another_name(monkeypatch: pytest.MonkeyPatch) -> None:
    dataset = golden("history")
    read = Repository._stored

    def careless(self: Repository, commit_id: str) -> object:
        key = f"commits/{commit_id}"
        try:
            return read(self, commit_id)
        except FormatError:
            from deeplake.format.commit import Commit

            return Commit.from_json(envelope.unwrap("commit", self.store.get(key), key), key)

    monkeypatch.setattr(Repository, "_stored", careless)
    keys = [key for key in dataset.objects if key.startswith("commits/")]
    pairs = itertools.combinations(keys, 2)
    cases = ({a: dataset.objects[b], b: dataset.objects[a]} for a, b in pairs)
    assert wrongs(dataset, cases, most=None) != []


def test_finds_undocumented_errors(monkeypatch: pytest.MonkeyPatch) -> None:
    """An IndexError is no answer, nor an error that does not name the object."""
    dataset = golden("history")

    def fails(*arguments: object, **options: object) -> None:
        raise IndexError("list index out of range")

    key = "refs/heads/main"
    monkeypatch.setattr(envelope, "json_of", fails)
    assert dataset.judge({key: dataset.objects[key]}) != []

    def anonymous(*arguments: object, **options: object) -> None:
        raise DatasetCorruptError("something is wrong")

    monkeypatch.setattr(envelope, "unwrap", anonymous)
    assert dataset.judge({key: dataset.objects[key]}) != []
