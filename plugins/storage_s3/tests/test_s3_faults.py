"""Every fault at every request of a script on a real S3 server: done or not done, and said."""

from __future__ import annotations

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


KINDS = ("deeplake.json", "refs/heads/", "refs/tags/", "commits/", "data/", "")
"""Kinds of objects by how their keys begin; the last is any."""


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("fault", ["lost", "reset", "503"])
def test_the_first_answer_for_every_object_fails(
    server: Server, faults: FaultServer, kind: str, fault: str
) -> None:
    """Whatever is written is written once, however its first put ends."""
    url = f"s3://bench/{uuid.uuid4().hex}/ds"
    key = url.removeprefix("s3:/")
    seen: set[str] = set()

    def plan(request: Any) -> str | None:
        path = request.path.partition("?")[0]
        if request.method != "PUT" or not path.startswith(f"{key}/{kind}") or path in seen:
            return None
        seen.add(path)
        return fault

    faults.plan = plan
    try:
        # What a server does slowly is no fault, and would be one more answer lost.
        ds = deeplake.empty(url, creds=creds(server, faults, timeout=20, connect_timeout=20))
        ds.create_tensor("x", dtype="int64")
        ds.x.extend(np.arange(ROWS))
        first = ds.commit("first")
        ds.create_tag("tagged")
        ds.checkout("other", create=True)
        ds.x.append(100)
        ds.commit("second")
        ds.checkout("main")
        ds.x[0] = 7
        ds.commit("third")
        ds.merge("other")
    finally:
        faults.plan = lambda request: None
    assert seen
    found = deeplake.load(url, creds=server.creds)
    assert found.x.numpy().ravel().tolist() == [7, *range(1, ROWS), 100]
    messages = [commit["message"] for commit in found.commits]
    assert [messages.count(name) for name in ("first", "third")] == [1, 1]
    assert found.tags == {"tagged": first}
    old = deeplake.load(f"{url}@tagged", creds=server.creds)
    assert old.x.numpy().ravel().tolist() == list(range(ROWS))
    assert len(deeplake.load(f"{url}@other", creds=server.creds).x) == ROWS + 1
