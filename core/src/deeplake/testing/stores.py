"""Stores around a store: one that records, one that fails, one that is slow.

They keep the contract of a store (as far as they are not told to break it), so anything that takes
a store takes them::

    store = RecordingStore(MemoryStore())
    ...
    assert store.count("put") == 3
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, TypeVar

from deeplake.errors import MemoryDatasetCanNotBePickledError, StorageError
from deeplake.spi import Store
from deeplake.types import (
    Buffer,
    ByteRange,
    Data,
    ObjectInfo,
    StoreCapabilities,
    byte_length,
    joined,
)

T = TypeVar("T")

_Buffers: TypeAlias = list[Buffer]  # in a class with a method "list", the word means that
Operation: TypeAlias = Literal[
    "get", "get_versioned", "map", "put", "head", "delete", "list", "sweep"
]


@dataclass(frozen=True, slots=True)
class Request:
    """One request to a store. A ``get_many`` is one request for each of its parts.

    Attributes:
        op: Name of the method; ``"get"`` also for parts of a ``get_many``.
        key: Key, or the prefix of a listing; the first key of a delete.
        byte_range: Range that was asked for.
        size: Bytes that came back, or that were to be written.
        keys: How many keys a delete had, otherwise 1.
        error: Name of the error that the request ended with, or empty.
    """

    op: Operation
    key: str
    byte_range: ByteRange | None = None
    size: int = 0
    keys: int = 1
    error: str = ""


class StoreWrapper(Store):
    """A store that hands everything on to another one.

    Args:
        inner: The other one.
        capabilities: Say that the store can do less than it can; it then refuses the rest. None:
            what the inner store says.
    """

    def __init__(self, inner: Store, *, capabilities: StoreCapabilities | None = None) -> None:
        self.inner = inner
        self.url = inner.url
        self.capabilities = capabilities or inner.capabilities

    def __reduce__(self) -> tuple[Any, ...]:
        if not self.capabilities.persistent:
            raise MemoryDatasetCanNotBePickledError(
                f"{self.url} is in this process only, and cannot be pickled or sent to another one"
            )
        return _rewrapped, (type(self), self.inner, self._options())

    def get(self, key: str, byte_range: ByteRange | None = None) -> Buffer:
        return self._do(
            Request("get", key, byte_range), lambda: self.inner.get(key, byte_range), byte_length
        )

    def get_versioned(self, key: str) -> tuple[Buffer, str]:
        return self._do(
            Request("get_versioned", key),
            lambda: self.inner.get_versioned(key),
            lambda found: byte_length(found[0]),
        )

    def get_many(self, requests: Sequence[tuple[str, ByteRange | None]]) -> list[Buffer]:
        return self._do_many(
            [Request("get", key, byte_range) for key, byte_range in requests],
            lambda: self.inner.get_many(requests),
        )

    def map(self, key: str) -> memoryview:
        if not self.capabilities.mapping:
            return super().map(key)
        return self._do(Request("map", key), lambda: self.inner.map(key), byte_length)

    def map_private(self, key: str, byte_range: ByteRange) -> memoryview | None:
        if not self.capabilities.mapping:
            return None
        return self._do(
            Request("map", key, byte_range), lambda: self.inner.map_private(key, byte_range)
        )

    def put(
        self, key: str, data: Data, *, if_match: str | None = None, if_absent: bool = False
    ) -> str:
        self._refuse("put", key, self.capabilities.writable)
        if if_match is not None or if_absent:
            self._refuse("conditional put", key, self.capabilities.conditional_put)
        return self._do(
            Request("put", key, size=byte_length(data)),
            lambda: self.inner.put(key, data, if_match=if_match, if_absent=if_absent),
        )

    def head(self, key: str) -> ObjectInfo:
        return self._do(Request("head", key), lambda: self.inner.head(key))

    def delete(self, keys: Iterable[str]) -> None:
        listed = [*keys]
        first = listed[0] if listed else ""
        self._refuse("delete", first, self.capabilities.writable)
        self._do(Request("delete", first, keys=len(listed)), lambda: self.inner.delete(listed))

    def list(self, prefix: str = "") -> Iterator[ObjectInfo]:
        self._refuse("list", prefix, self.capabilities.listing)
        return self._do(Request("list", prefix), lambda: self.inner.list(prefix))

    def turn(self) -> AbstractContextManager[None]:
        return self.inner.turn()

    def sweep(self, older_than: float, *, dry_run: bool = False) -> int:
        return self._do(Request("sweep", ""), lambda: self.inner.sweep(older_than, dry_run=dry_run))

    def close(self) -> None:
        self.inner.close()

    def _options(self) -> dict[str, Any]:
        """Keyword arguments that make another one like this."""
        return {"capabilities": self.capabilities}

    def _do(
        self, request: Request, run: Callable[[], T], size: Callable[[T], int] | None = None
    ) -> T:
        """Make a request; ``size`` tells how many bytes an answer has."""
        return run()

    def _do_many(self, requests: Sequence[Request], run: Callable[[], _Buffers]) -> _Buffers:
        """Make the requests of one ``get_many``."""
        return run()

    def _refuse(self, what: str, key: str, able: bool) -> None:
        if not able:
            raise StorageError(f"cannot {what} {key!r}: {self.url} says that it is not able to")


def _rewrapped(kind: Callable[..., Store], inner: Store, options: dict[str, Any]) -> Store:
    return kind(inner, **options)


class RecordingStore(StoreWrapper):
    """Notes every request.

    Copies (in other processes) start with no notes, and send none back.

    Attributes:
        requests: The requests, in the order in which they ended.
    """

    def __init__(self, inner: Store, *, capabilities: StoreCapabilities | None = None) -> None:
        super().__init__(inner, capabilities=capabilities)
        self.requests: list[Request] = []

    def count(self, *ops: Operation) -> int:
        """How many requests of these kinds there were; of all kinds if none is named."""
        return sum(not ops or request.op in ops for request in self.requests)

    @property
    def bytes_read(self) -> int:
        """Bytes that came back, without those of mapped objects."""
        return sum(
            request.size for request in self.requests if request.op in ("get", "get_versioned")
        )

    @property
    def bytes_written(self) -> int:
        """Bytes of the puts that did not fail."""
        return sum(r.size for r in self.requests if r.op == "put" and not r.error)

    def clear(self) -> None:
        """Forget the requests."""
        self.requests.clear()

    def _do(
        self, request: Request, run: Callable[[], T], size: Callable[[T], int] | None = None
    ) -> T:
        try:
            answer = run()
        except BaseException as error:
            self.requests.append(_noted(request, request.size, type(error).__name__))
            raise
        self.requests.append(_noted(request, request.size if size is None else size(answer), ""))
        return answer

    def _do_many(self, requests: Sequence[Request], run: Callable[[], _Buffers]) -> _Buffers:
        try:
            answers = run()
        except BaseException as error:
            self.requests += [_noted(request, 0, type(error).__name__) for request in requests]
            raise
        self.requests += [
            _noted(request, byte_length(answer), "")
            for request, answer in zip(requests, answers, strict=True)
        ]
        return answers


def _noted(request: Request, size: int, error: str) -> Request:
    return Request(request.op, request.key, request.byte_range, size, request.keys, error)


class Crash(BaseException):
    """The process "ends" here: no handler for errors sees it."""


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that goes wrong, and when.

    Attributes:
        moment: ``"before"``: the request never reaches the store. ``"after"``: it does its work,
            but the answer is lost. ``"short"``: a read returns half of its bytes, and no error.
        error: What is raised, made with a message.
        at: Number, from 0, of the first matching request that fails.
        times: How many matching requests fail from there on; None: all.
        matches: Which requests are counted; None: all.
    """

    moment: Literal["before", "after", "short"] = "before"
    error: Callable[[str], BaseException] = StorageError
    at: int = 0
    times: int | None = 1
    matches: Callable[[Request], bool] | None = None


class FaultyStore(StoreWrapper):
    """Fails as it is told.

    A script can be run against a failure of each of its requests::

        for at in itertools.count():
            store = FaultyStore(MemoryStore(), Fault(at=at))
            ...
            if not store.fired:
                break

    Args:
        inner: The store that works.
        faults: What goes wrong; the first fault that is due counts.
        capabilities: As for any wrapper.

    Attributes:
        requests: How many requests there were.
        fired: The requests that went wrong.
    """

    def __init__(
        self, inner: Store, *faults: Fault, capabilities: StoreCapabilities | None = None
    ) -> None:
        super().__init__(inner, capabilities=capabilities)
        self.faults = faults
        self.requests = 0
        self.fired: list[Request] = []
        self._seen = [0] * len(faults)
        self._mutex = threading.Lock()

    def __reduce__(self) -> tuple[Any, ...]:
        kind, (_, inner, options) = super().__reduce__()
        return kind, (_Faulty(self.faults), inner, options)

    def get_many(self, requests: Sequence[tuple[str, ByteRange | None]]) -> list[Buffer]:
        # One by one: each of them can fail.
        return [self.get(key, byte_range) for key, byte_range in requests]

    def _do(
        self, request: Request, run: Callable[[], T], size: Callable[[T], int] | None = None
    ) -> T:
        fault = self._due(request)
        if fault is None:
            return run()
        where = f"{request.op} {request.key!r} of {self.url}"
        if fault.moment == "before":
            raise fault.error(f"{where} failed: the fault was injected")
        answer = run()
        if fault.moment == "after":
            raise fault.error(f"{where} was done and its answer lost: the fault was injected")
        short: T = _shortened(answer)
        return short

    def _due(self, request: Request) -> Fault | None:
        due: Fault | None = None
        with self._mutex:
            self.requests += 1
            for index, fault in enumerate(self.faults):
                if fault.matches is not None and not fault.matches(request):
                    continue
                number = self._seen[index] - fault.at
                self._seen[index] += 1
                if due is None and number >= 0 and (fault.times is None or number < fault.times):
                    due = fault
            if due is not None:
                self.fired.append(request)
        return due


@dataclass(frozen=True, slots=True)
class _Faulty:
    """Makes a store with these faults; can be pickled if they can."""

    faults: tuple[Fault, ...]

    def __call__(self, inner: Store, **options: Any) -> FaultyStore:
        return FaultyStore(inner, *self.faults, **options)


def _shortened(answer: Any) -> Any:
    if isinstance(answer, (bytes, bytearray)):
        return answer[: len(answer) // 2]
    if isinstance(answer, memoryview):
        half = joined(answer)
        return memoryview(half)[: len(half) // 2]
    if isinstance(answer, tuple):  # of get_versioned
        return _shortened(answer[0]), *answer[1:]
    return answer


class LatencyStore(StoreWrapper):
    """As slow as a store on the network. It does not map, as such stores do not.

    Args:
        inner: The store that is fast.
        latency: Seconds from a request to the first byte of its answer.
        bandwidth: Bytes a second, over all requests of one call; None: no limit.
        parallel: How many requests of a ``get_many`` are under way at once.
        capabilities: As for any wrapper. None: the inner store's without mapping, and a request
            cost that follows from latency and bandwidth (100 MB/s where there is no limit).
    """

    def __init__(
        self,
        inner: Store,
        *,
        latency: float,
        bandwidth: float | None = None,
        parallel: int = 16,
        capabilities: StoreCapabilities | None = None,
    ) -> None:
        if capabilities is None:
            able = inner.capabilities
            capabilities = StoreCapabilities(
                writable=able.writable,
                conditional_put=able.conditional_put,
                listing=able.listing,
                mapping=False,
                persistent=able.persistent,
                request_cost=int(latency * (bandwidth or 100e6)),
            )
        super().__init__(inner, capabilities=capabilities)
        self.latency = latency
        self.bandwidth = bandwidth
        self.parallel = parallel

    def _options(self) -> dict[str, Any]:
        return super()._options() | {
            "latency": self.latency,
            "bandwidth": self.bandwidth,
            "parallel": self.parallel,
        }

    def _do(
        self, request: Request, run: Callable[[], T], size: Callable[[T], int] | None = None
    ) -> T:
        time.sleep(self.latency + self._transfer(request.size))
        answer = run()
        if size is not None:
            time.sleep(self._transfer(size(answer)))
        return answer

    def _do_many(self, requests: Sequence[Request], run: Callable[[], _Buffers]) -> _Buffers:
        time.sleep(self.latency * -(-len(requests) // self.parallel))
        answers = run()
        time.sleep(self._transfer(sum(map(byte_length, answers))))
        return answers

    def _transfer(self, size: int) -> float:
        return 0.0 if self.bandwidth is None else size / self.bandwidth


__all__ = [
    "Crash",
    "Fault",
    "FaultyStore",
    "LatencyStore",
    "Operation",
    "RecordingStore",
    "Request",
    "StoreWrapper",
]
