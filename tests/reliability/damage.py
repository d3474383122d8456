"""Reads datasets that were damaged, and judges what comes of it."""

from __future__ import annotations

import math
import os
import resource
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import deeplake
from deeplake.errors import (
    CheckoutError,
    DatasetCorruptError,
    DatasetNotFoundError,
    EmptyTensorError,
    FormatError,
    ObjectNotFoundError,
)
from deeplake.storage.memory import MemoryStore
from deeplake.types import Buffer, ByteRange

Objects = Mapping[str, bytes]

DAMAGED = (FormatError, DatasetCorruptError)
"""What damaged bytes may end in."""
MISSING = (ObjectNotFoundError, CheckoutError, DatasetNotFoundError)
"""What missing objects may end in."""


class NotingStore(MemoryStore):
    """Objects in memory that notes which of them were asked for, and which bytes."""

    def __init__(self, url: str = "mem://") -> None:
        super().__init__(url)
        self.touched: set[str] = set()
        self.ranges: dict[str, list[ByteRange]] = {}

    def get(self, key: str, byte_range: ByteRange | None = None) -> Buffer:
        self.touched.add(key)
        if byte_range is not None:
            self.ranges.setdefault(key, []).append(byte_range)
        return super().get(key, byte_range)

    def get_versioned(self, key: str) -> tuple[Buffer, str]:
        self.touched.add(key)
        return super().get_versioned(key)

    def map(self, key: str) -> memoryview:
        self.touched.add(key)
        return super().map(key)


def objects_of(directory: Path) -> dict[str, bytes]:
    """The objects of a dataset in a directory."""
    return {
        path.relative_to(directory).as_posix(): path.read_bytes()
        for path in sorted(directory.rglob("*"))
        if path.is_file() and not path.name.startswith(".deeplake-")
    }


def store_of(objects: Objects, *, mapping: bool = True) -> NotingStore:
    """A store that ``mem://damaged`` opens, as long as somebody holds it."""
    store = NotingStore.named("damaged", fresh=True)
    assert isinstance(store, NotingStore)
    for key, data in objects.items():
        store.put(key, data)
    store.capabilities = replace(store.capabilities, mapping=mapping)  # type: ignore[misc]
    return store


def content(path: str, only: Collection[str] | None = None) -> dict[str, Any]:
    """Everything that the public API says of a version, or of some of its tensors."""
    ds = deeplake.load(path, read_only=True)
    if only is not None:
        return {name: _tensor(ds[name]) for name in only}
    found: dict[str, Any] = {
        "commit": ds.commit_id,
        "commits": [(c["commit"], c["author"], c["time"], c["message"]) for c in ds.commits],
        "info": repr(dict(ds.info)),
        "groups": sorted(ds.groups),
    }
    return found | {name: _tensor(tensor) for name, tensor in ds.tensors.items()}


def _tensor(tensor: Any) -> tuple[Any, ...]:
    return (
        tensor.htype, str(tensor.dtype), tensor.sample_compression, tensor.chunk_compression,
        str(tensor.shape_interval), repr(dict(tensor.info)), _values(tensor),
    )  # fmt: skip


MANY = 100_000
"""Rows of a tensor that are read as a whole: a forged one may claim millions of empty ones."""


HUGE = 1 << 28
"""Elements of a sample in tiles that is read as a whole: a forged one may claim any number of tiles
that are all zeros, and need no bytes."""


def _values(tensor: Any) -> Any:
    if len(tensor) > MANY:
        return len(tensor), _values(tensor[:10]), _values(tensor[-10:])
    largest = tensor.shape_interval.upper[1:]
    if math.prod(size or 0 for size in largest) > HUGE:
        corner = (slice(0, 2),) * len(largest)
        return largest, [tensor[(row, *corner)].numpy().tobytes() for row in range(len(tensor))]
    try:
        if tensor.base_htype == "text":
            return tensor.text()
        values = tensor.numpy(aslist=True)
    except EmptyTensorError as error:
        return str(error)
    if str(tensor.dtype).startswith("<U") or tensor.base_htype == "polygon":
        return repr([repr(value) for value in values])
    return _bytes(values)


def _bytes(value: Any) -> Any:
    """An array, or a list of them, as what can be compared."""
    if isinstance(value, list):
        return [_bytes(part) for part in value]
    return value.shape, value.tobytes()


@dataclass
class Dataset:
    """A dataset that is to be damaged.

    Attributes:
        objects: Its objects.
        contents: What its versions hold, by address.
        touched: Which objects are read for that.
        spans: Which bytes of an object each tensor is made of: by address and key, first, last + 1
            and tensor.
    """

    objects: dict[str, bytes]
    contents: dict[str, dict[str, Any]]
    touched: dict[str, set[str]]
    spans: dict[str, dict[str, list[tuple[int, int, str]]]]
    turn: int = 0

    @classmethod
    def of(cls, objects: Objects, addresses: list[str]) -> Dataset:
        """What the versions hold as long as nothing is damaged."""
        store = store_of(objects)
        contents, touched = {}, {}
        spans: dict[str, dict[str, list[tuple[int, int, str]]]] = {}
        for address in addresses:
            store.touched.clear()
            contents[address] = content(f"mem://damaged@{address}")
            touched[address] = set(store.touched)
        store = store_of(objects, mapping=False)
        for address in addresses:
            spans[address] = {}
            for name in deeplake.load(f"mem://damaged@{address}", read_only=True).tensors:
                store.ranges.clear()
                content(f"mem://damaged@{address}", [name])
                for key, ranges in store.ranges.items():
                    found = spans[address].setdefault(key, [])
                    found += [(first, last, name) for first, last in {*ranges}]
        return cls(dict(objects), contents, touched, spans)

    def concerned(self, key: str, at: int) -> dict[str, set[str]]:
        """The tensors that a byte of a data object belongs to, by address."""
        found: dict[str, set[str]] = {}
        for address, spans in self.spans.items():
            for first, last, name in spans.get(key, ()):
                if first <= at < last:
                    found.setdefault(address, set()).add(name)
        return found

    def judge(
        self,
        changes: Mapping[str, bytes | None],
        *,
        mapping: bool = True,
        most: int | None = None,
        foreign: bool = False,
    ) -> list[str]:
        """Put other bytes into some objects (None: none), and read the versions that they concern.

        Args:
            changes: Bytes by key.
            mapping: The store maps objects.
            most: Read so many versions at most, and not always the same; None: all.
            foreign: The new bytes are a valid object of another dataset: what it leads to is not
                there, and it is not the fault of the object itself.

        Returns:
            What was not as promised: other data, or an error that is not documented or that does
            not name an object that was damaged.
        """
        objects = {**self.objects, **changes}
        present = {key: data for key, data in objects.items() if data is not None}
        wrong = []
        concerned = [a for a, touched in self.touched.items() if not touched.isdisjoint(changes)]
        if most is not None and len(concerned) > most:
            self.turn += most
            at = self.turn % len(concerned)
            concerned = (concerned[at:] + concerned[:at])[:most]
        for address in concerned:
            store = store_of(present, mapping=mapping)
            gone = [key for key in changes if key not in present]
            allowed = MISSING + DAMAGED if gone or foreign else DAMAGED
            try:
                found = content(f"mem://damaged@{address}")
            except allowed as error:
                if not (foreign and isinstance(error, MISSING)) and not names(
                    error, changes, address
                ):
                    wrong.append(f"{address}: the error names none of {[*changes]}: {error}")
            except Exception as error:  # noqa: BLE001 - any other is what is looked for
                wrong.append(f"{address}: {type(error).__name__}: {error}")
            else:
                known = self.contents[address]
                different = [k for k in found if k not in known or found[k] != known[k]]
                if different or len(found) != len(known):
                    wrong.append(f"{address}: other data in {different}")
            del store
        return wrong

    def judge_tensors(
        self, address: str, keys: Mapping[str, str], changes: Mapping[str, bytes], *, mapping: bool
    ) -> list[str]:
        """Put other bytes into some data objects, and read some tensors of a version.

        Args:
            address: The version.
            keys: The tensors, and the object in which each of them was damaged.
            changes: Bytes by key.
            mapping: The store maps objects.

        Returns:
            What was not as promised, as in ``judge``.
        """
        store = store_of({**self.objects, **changes}, mapping=mapping)
        ds = deeplake.load(f"mem://damaged@{address}", read_only=True)
        wrong = []
        for name, key in keys.items():
            try:
                if _tensor(ds[name]) != self.contents[address][name]:
                    wrong.append(f"{address}: other data in {name}")
            except DAMAGED as error:
                if not names(error, [key], address):
                    wrong.append(f"{address}, {name}: the error does not name {key}: {error}")
            except Exception as error:  # noqa: BLE001 - any other is what is looked for
                wrong.append(f"{address}, {name}: {type(error).__name__}: {error}")
        del store
        return wrong


def names(error: Exception, keys: Iterable[str], address: str) -> bool:
    """Whether an error names one of some objects, or the version that one of them was the name of."""
    if isinstance(error, DatasetNotFoundError):
        return "refs/heads/main" in keys  # without it there is no dataset
    if isinstance(error, CheckoutError) and address in str(error):
        keys = [address if key.startswith("refs/") else key for key in keys]
    return any(key.rpartition("/")[2] in str(error) for key in keys)


@contextmanager
def bounded_memory(size: int) -> Iterator[None]:
    """No more than ``size`` bytes beyond what the process has: more is a MemoryError."""
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    limit = pages * os.sysconf("SC_PAGE_SIZE") + size
    resource.setrlimit(resource.RLIMIT_AS, (limit, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


__all__ = ["DAMAGED", "MISSING", "Dataset", "NotingStore", "Objects", "bounded_memory", "content",
           "names", "objects_of", "store_of"]  # fmt: skip
