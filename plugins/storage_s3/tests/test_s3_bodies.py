"""Bodies of large answers."""

from __future__ import annotations

import hashlib
import multiprocessing
import random
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

from deeplake.errors import ObjectNotFoundError, StorageError
from deeplake.spi import Store
from deeplake.testing.faults import FAULTS, FaultServer
from deeplake.testing.servers import Server
from deeplake_storage_s3 import S3

LARGE = 2 << 20
SIZE = 3 * LARGE + 12_345


@pytest.fixture(scope="module")
def data() -> bytes:
    return np.random.default_rng(0).integers(0, 256, SIZE, dtype=np.uint8).tobytes()


@pytest.fixture(scope="module")
def faults(server: Server) -> Iterator[FaultServer]:
    with FaultServer(server.endpoint) as running:
        yield running


@pytest.fixture(scope="module")
def url(server: Server, data: bytes) -> str:
    found = f"s3://bench/{uuid.uuid4().hex}"
    S3().open(found, creds=server.creds).put("large", data)
    return found


def opened(url: str, server: Server, faults: FaultServer) -> Store:
    given = {
        **server.creds, "endpoint_url": faults.endpoint, "timeout": 0.5, "connect_timeout": 0.5,
        "max_retries": 1,
    }  # fmt: skip
    return S3().open(url, creds=given)


@pytest.mark.parametrize(
    ("start", "stop"),
    [
        (0, LARGE - 1), (0, LARGE), (7, LARGE + 8), (1, SIZE), (0, SIZE), (5, SIZE + 1),
        (SIZE - 3, SIZE + LARGE), (SIZE - LARGE, 1 << 40),
    ],
)  # fmt: skip
def test_ranges(server: Server, url: str, data: bytes, start: int, stop: int) -> None:
    store = S3().open(url, creds=server.creds)
    found = memoryview(store.get("large", (start, stop)))
    assert found == data[start:stop]
    assert found.readonly


def test_what_is_not_there(server: Server, url: str) -> None:
    store = S3().open(url, creds=server.creds)
    assert store.get("large", (SIZE, SIZE + LARGE)) == b""
    with pytest.raises(ObjectNotFoundError):
        store.get("another", (0, LARGE))


def test_whole_objects(server: Server, url: str, data: bytes) -> None:
    store = S3().open(url, creds=server.creds)
    assert memoryview(store.get("large")) == data
    found, version = store.get_versioned("large")
    assert memoryview(found) == data
    assert version == store.head("large").version


def test_many_at_once(server: Server, url: str, data: bytes) -> None:
    store = S3().open(url, creds=server.creds)
    spans = [(start, start + LARGE + start) for start in range(0, SIZE - 2 * LARGE, 99_991)]
    answers = store.get_many([("large", span) for span in spans])
    for (start, stop), answer in zip(spans, answers, strict=True):
        assert memoryview(answer) == data[start:stop]


def _digest(store: Store) -> str:
    return hashlib.sha256(store.get("large", (0, SIZE))).hexdigest()


@pytest.mark.parametrize("method", ["fork", "spawn"])
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_in_other_processes(server: Server, url: str, data: bytes, method: str) -> None:
    store = S3().open(url, creds=server.creds)
    expected = hashlib.sha256(data).hexdigest()
    assert _digest(store) == expected
    with multiprocessing.get_context(method).Pool(1) as pool:
        assert pool.map(_digest, [store]) == [expected]


@pytest.mark.parametrize("fault", sorted(FAULTS))
@pytest.mark.parametrize("span", [(1, SIZE), None])
def test_a_fault_that_passes(
    server: Server, faults: FaultServer, url: str, data: bytes, fault: str, span: Any
) -> None:
    store = opened(url, server, faults)
    faults.clear()
    faults.plan = lambda request: fault if request.number == 0 else None
    said = ""
    try:
        found = memoryview(store.get("large", span))
    except StorageError as error:
        said = str(error)
    finally:
        faults.plan = lambda request: None
    if said:
        assert url in said
    else:
        assert found == (data if span is None else data[slice(*span)])
        assert len(faults.requests) > 1


@pytest.mark.parametrize("fault", sorted(FAULTS))
def test_a_fault_that_stays(server: Server, faults: FaultServer, url: str, fault: str) -> None:
    store = opened(url, server, faults)
    faults.clear()
    faults.plan = lambda request: fault
    try:
        with pytest.raises(StorageError, match=url):
            store.get("large", (0, SIZE))
    finally:
        faults.plan = lambda request: None


def test_bodies_are_not_changed_by_later_ones(server: Server, url: str, data: bytes) -> None:
    """Threads that keep some of what they get, and drop the rest."""
    store = S3().open(url, creds=server.creds)

    def work(seed: int) -> bool:
        rng = random.Random(seed)
        kept: list[tuple[int, memoryview]] = []
        for _ in range(40):
            start = rng.randrange(SIZE - LARGE)
            stop = rng.randrange(start + LARGE, SIZE + 1)
            view = memoryview(store.get("large", (start, stop)))
            first = rng.randrange(len(view))
            kept.append((start + first, view[first : first + (1 << 16)]))
            kept = rng.sample(kept, min(len(kept), 4))
            if not all(part == data[at : at + len(part)] for at, part in kept):
                return False
        return True

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(work, range(4)))
