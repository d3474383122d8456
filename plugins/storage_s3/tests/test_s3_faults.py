"""Every fault at every request of a script on a real S3 server: done or not done, and said."""

from __future__ import annotations

import multiprocessing
import uuid
from collections.abc import Iterator
from itertools import count
from typing import Any

import numpy as np
import pytest

import deeplake
from deeplake.errors import DeepLakeError, StorageError
from deeplake.testing.faults import FAULTS, FaultServer
from deeplake.testing.servers import Server

ROWS = 8


@pytest.fixture(scope="module")
def faults(server: Server) -> Iterator[FaultServer]:
    with FaultServer(server.endpoint) as running:
        yield running


def creds(server: Server, faults: FaultServer, **more: Any) -> dict[str, Any]:
    return {
        **server.creds, "endpoint_url": faults.endpoint, "timeout": 0.3, "connect_timeout": 0.3,
        "max_retries": 1, **more,
    }  # fmt: skip


def script(url: str, given: dict[str, Any]) -> None:
    """Open, read, append, commit, read."""
    ds = deeplake.load(url, creds=given, memory_cache_size=0)
    values = ds.x.numpy()[:, 0]
    assert values[:ROWS].tolist() == list(range(ROWS))
    ds.x.append(np.full(1000, len(values)))
    ds.commit("appended")
    again = deeplake.load(url, creds=given, memory_cache_size=0)
    assert again.x[-1].numpy()[0] == len(values)


@pytest.mark.parametrize(
    ("fault", "lasting"),
    [*((fault, False) for fault in sorted(FAULTS)), ("503", True), ("stall", True)],
)
def test_a_script(server: Server, faults: FaultServer, fault: str, lasting: bool) -> None:
    given = creds(server, faults)
    done = 0
    for index in count():
        url = f"s3://bench/{uuid.uuid4().hex}/ds"
        ds = deeplake.empty(url, creds=server.creds)
        ds.create_tensor("x")
        ds.x.extend(np.repeat(np.arange(ROWS), 1000).reshape(ROWS, 1000))
        ds.commit("first")
        faults.clear()
        hits = []

        def plan(request: Any, index: int = index, hits: list[int] = hits) -> str | None:
            if request.number == index or (lasting and request.number > index):
                hits.append(1)
                return fault
            return None

        faults.plan = plan
        try:
            script(url, given)
            done += 1
        except StorageError as error:  # it failed, and said so
            said = str(error)
            assert said
        except DeepLakeError as error:
            raise AssertionError(f"request {index}: {type(error).__name__} {error}") from error
        finally:
            faults.plan = lambda request: None
        # Whatever happened, the dataset is whole, and the row is there once or not at all.
        values = deeplake.load(url, creds=server.creds).x.numpy()[:, 0].tolist()
        assert values in (list(range(ROWS)), list(range(ROWS + 1))), f"request {index}"
        if not hits:
            break
    assert index >= 6
    assert done >= 1


def test_acknowledged_commits_are_there_once(server: Server, faults: FaultServer) -> None:
    url = f"s3://bench/{uuid.uuid4().hex}/ds"
    ds = deeplake.empty(url, creds=server.creds)
    ds.create_tensor("x")
    kinds = ["lost", "503", None]

    def plan(request: Any) -> str | None:
        return kinds[request.number // 20 % 3] if request.number % 20 == 7 else None

    faults.clear()
    faults.plan = plan
    given = creds(server, faults, max_retries=5, timeout=10, connect_timeout=10)
    context = multiprocessing.get_context("spawn")
    with context.Pool(3) as pool:
        acknowledged = pool.starmap(_write, [(url, given, number) for number in range(3)])
    faults.plan = lambda request: None
    found = deeplake.load(url, creds=server.creds)
    values = found.x.numpy()[:, 0].tolist()
    assert len(values) == len(set(values))
    for mine in acknowledged:
        assert set(mine) <= set(values)
        assert len(mine) == 10
    messages = [commit["message"] for commit in found.commits]
    assert sorted(messages) == sorted(f"{number}" for mine in acknowledged for number in mine)


def _write(url: str, given: dict[str, Any], number: int) -> list[int]:
    """Append rows and commit each; returns those that were acknowledged."""
    ds = deeplake.load(url, creds=given)
    done = []
    for i in range(10):
        value = 100 * number + i
        ds.x.append(value)
        ds.commit(str(value))
        done.append(value)
    return done
