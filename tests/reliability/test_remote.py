"""R3 and R8 on real object stores: many writers whose answers get lost, and the model of the engine.

``DEEPLAKE_SOAK_S3_WRITERS`` (8), ``DEEPLAKE_SOAK_S3_COMMITS`` (100) and ``DEEPLAKE_SOAK_S3_RUNS`` raise
the numbers of the first, ``DEEPLAKE_SOAK_REMOTE_STEPS`` those of the second.
"""

from __future__ import annotations

import multiprocessing
import os
import random
import uuid
from collections import Counter
from collections.abc import Iterator
from itertools import count
from typing import Any, ClassVar

import hypothesis
import pytest
from hypothesis.stateful import run_state_machine_as_test

import deeplake
from deeplake.testing.faults import FaultServer
from deeplake.testing.servers import Server, fake_gcs, seaweedfs

from . import tally
from .test_model import Machine, settings

STEPS = int(os.environ.get("DEEPLAKE_SOAK_REMOTE_STEPS", "150"))


@pytest.fixture(scope="module")
def s3() -> Iterator[Server]:
    with seaweedfs() as running:
        running.make_bucket("bench")
        yield running


@pytest.fixture(scope="module")
def gcs() -> Iterator[Server]:
    with fake_gcs() as running:
        running.make_bucket("bench")
        yield running


# ---------------------------------------------------------------------------------------- the model
class Remote(Machine):
    """The dataset is in a bucket."""

    scheme: ClassVar[str]

    def place(self) -> None:
        self.path = f"{self.scheme}://bench/{uuid.uuid4().hex}/ds"

    def leave(self) -> None:
        self.ds._checkout.repository.store.close()


@pytest.mark.filterwarnings("ignore:the branch .* has no commits yet")
@pytest.mark.parametrize("scheme", ["s3", "gs"])
def test_model(scheme: str, request: pytest.FixtureRequest) -> None:
    """Random operations of every kind do what the model does."""
    server: Server = request.getfixturevalue("s3" if scheme == "s3" else "gcs")
    kind = type(f"On{scheme}", (Remote,), {"scheme": scheme, "creds": server.creds})
    first = random.randrange(1 << 32) if "DEEPLAKE_SOAK_REMOTE_STEPS" in os.environ else 1
    done = Machine.steps
    for seed in count(first):
        if Machine.steps - done >= STEPS:
            break
        seeded = hypothesis.seed(seed)(type(kind.__name__, (kind,), {}))
        # What is found is not made smaller here: the same machine is quicker in memory.
        run_state_machine_as_test(seeded, settings=settings(1, phases=[hypothesis.Phase.generate]))


# ---------------------------------------------------------------------------------------- writers
WRITERS = int(os.environ.get("DEEPLAKE_SOAK_S3_WRITERS", "2"))
COMMITS = int(os.environ.get("DEEPLAKE_SOAK_S3_COMMITS", "10"))
EVERY = 20
"""One in so many requests fails: 5 %."""
PATIENT = {"timeout": 60, "connect_timeout": 60, "answer_timeout": 60}
"""Server and writers share a machine, on which others may keep them waiting for tens of seconds."""


@pytest.fixture(scope="module")
def writers() -> Iterator[Any]:
    """Processes for all runs: to start them takes longer than a short run."""
    with multiprocessing.get_context("spawn").Pool(WRITERS) as pool:
        yield pool


@pytest.mark.parametrize("seed", range(int(os.environ.get("DEEPLAKE_SOAK_S3_RUNS", "1"))))
def test_acknowledged_commits_are_there_once(s3: Server, writers: Any, seed: int) -> None:
    """R3: answers get lost at random, and the server is busy at times."""
    url = f"s3://bench/{uuid.uuid4().hex}/ds"
    ds = deeplake.empty(url, creds={**s3.creds, **PATIENT})
    ds.create_tensor("x")
    rng = random.Random(seed)
    done: Counter[str] = Counter()

    kinds = rng.sample(["lost", "503"], 2)
    place = 0

    def plan(request: Any) -> str | None:
        """One request of each EVERY, by turns of both kinds: some of each, however few there are."""
        nonlocal place
        turn, number = divmod(done.total(), EVERY)
        if number == 0:
            place = rng.randrange(EVERY)
        fault = kinds[turn % 2] if number == place else None
        done[fault or ""] += 1
        return fault

    with FaultServer(s3.endpoint) as faults:
        faults.plan = plan
        given = {**s3.creds, **PATIENT, "endpoint_url": faults.endpoint, "max_retries": 5}
        jobs = [(url, given, number) for number in range(WRITERS)]
        acknowledged = writers.starmap(_write, jobs, chunksize=1)
    found = deeplake.load(url, creds={**s3.creds, **PATIENT})
    values = found.x.numpy()[:, 0].tolist()
    assert len(values) == len(set(values))
    for mine in acknowledged:
        assert len(mine) == COMMITS
    assert sorted(values) == sorted(value for mine in acknowledged for value in mine)
    messages = [commit["message"] for commit in found.commits]
    assert sorted(messages) == sorted(f"{number}" for mine in acknowledged for number in mine)
    assert done["lost"]
    assert done["503"]
    tally.count("commits", len(messages))
    for fault in ("lost", "503"):
        tally.count(f"requests {fault}", done[fault])


def _write(url: str, given: dict[str, Any], number: int) -> list[int]:
    """Append rows and commit each; returns those that were acknowledged."""
    ds = deeplake.load(url, creds=given)
    done = []
    for i in range(COMMITS):
        value = 1000 * number + i
        ds.x.append(value)
        ds.commit(str(value))
        done.append(value)
    return done
