"""What operations cost in requests, counted at the server: the table of the format's design."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import deeplake
from deeplake.dataset.sample import Sample
from deeplake.testing.faults import FaultServer
from deeplake.testing.servers import Server

REQUEST = 8_000_000
EPOCH_BYTES = int(os.environ.get("DEEPLAKE_SOAK_EPOCH_BYTES", "100_000_000"))
"""Bytes of the epoch that is counted."""


@pytest.fixture(scope="module")
def counting(server: Server) -> Iterator[FaultServer]:
    with FaultServer(server.endpoint) as running:
        yield running


class Costs:
    """A dataset, and what was asked of its server.

    Attributes:
        creds: Of the server that counts.
    """

    def __init__(self, server: Server, counting: FaultServer) -> None:
        self.url = f"s3://bench/{uuid.uuid4().hex}/ds"
        self.creds = {**server.creds, "endpoint_url": counting.endpoint}
        self.direct = server.creds
        self._counting = counting

    def clear(self) -> None:
        self._counting.clear()

    def count(self, method: str = "") -> int:
        return sum(method in ("", one.method) for one in self._counting.requests)

    def asked(self) -> list[str]:
        return [f"{one.method} {one.path} {one.range}" for one in self._counting.requests]

    def opened(self, **more: Any) -> Any:
        ds = deeplake.load(self.url, creds=self.creds, memory_cache_size=0, **more)
        self.clear()
        return ds


@pytest.fixture
def costs(server: Server, counting: FaultServer) -> Costs:
    return Costs(server, counting)


def picture() -> bytes:
    """A JPEG file of 86 kB, most of which are comments, which decoders leave out."""
    pixels = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    ds = deeplake.empty("mem://one-picture")
    ds.create_tensor("x", htype="image", sample_compression="jpeg")
    ds.x.append(pixels)
    data = ds.x[0].tobytes()
    comment = b"\xff\xfe" + (40_002).to_bytes(2, "big") + bytes(40_000)
    return bytes(data[:2] + 2 * comment + data[2:])


def test_opening_is_one_request(costs: Costs) -> None:
    ds = deeplake.empty(costs.url, creds=costs.direct)
    for i in range(40):
        ds.create_tensor(f"t{i}", dtype="int64")
    ds.commit("made")
    costs.clear()
    assert len(deeplake.load(costs.url, creds=costs.creds).tensors) == 40
    assert costs.count() == costs.count("GET") == 1, costs.asked()


def test_samples(costs: Costs) -> None:
    ds = deeplake.empty(costs.url, creds=costs.direct)
    ds.create_tensor("x", dtype="uint8", max_chunk_size=4 << 20)
    pixels = np.random.default_rng(0).integers(0, 256, (400, 300, 300), dtype=np.uint8)
    with ds:
        ds.x.extend(pixels)
    ds.commit("filled")
    ds = costs.opened()
    assert np.array_equal(ds.x[321].numpy(), pixels[321])
    assert costs.count() <= 3, costs.asked()
    for row in range(0, 400, 10):
        ds.x[row].numpy()  # headers of chunks are read once
    for row in (7, 99, 388):
        costs.clear()
        assert np.array_equal(ds.x[row].numpy(), pixels[row])
        assert costs.count() == 1, costs.asked()


def test_writing(costs: Costs) -> None:
    ds = deeplake.empty(costs.url, creds=costs.direct)
    for i in range(10):
        ds.create_tensor(f"t{i}", dtype="float32")
    ds.commit("made")
    ds = costs.opened()
    rows = {name: np.ones((10, 1000), "float32") for name in ds.tensors}
    ds.extend(rows)
    assert costs.count("PUT") <= 3, costs.asked()
    assert costs.count() <= 5, costs.asked()
    costs.clear()
    ds.commit("more")
    assert costs.count("PUT") <= 3, costs.asked()
    costs.clear()
    ds.create_branch("other")
    assert costs.count("PUT") <= 2, costs.asked()
    costs.clear()
    ds.create_tag("tagged")
    assert costs.count("PUT") <= 2, costs.asked()
    assert costs.count("DELETE") == costs.count("POST") == 0


@pytest.mark.parametrize("shuffle", [False, True])
def test_an_epoch(costs: Costs, shuffle: bool) -> None:
    """In order: a request for each 8 MB, and a tenth more. Shuffled: a request for a block."""
    data = picture()
    count = EPOCH_BYTES // len(data)
    ds = deeplake.empty(costs.url, creds=costs.direct)
    ds.create_tensor("images", htype="image", sample_compression="jpeg")
    ds.create_tensor("labels", htype="class_label")
    with ds:
        ds.extend({"images": [Sample(buffer=data)] * count, "labels": np.arange(count) % 10})
    ds.commit("filled")
    ds = costs.opened()
    rows = 0
    for batch in ds.dataloader().shuffle(shuffle).batch(64).numpy():
        rows += len(batch)
    assert rows == count
    stored = count * len(data)
    if shuffle:
        assert costs.count() <= 2 * stored / (1 << 19), costs.count()
    else:
        # The last object of a dataset and segments may need some that are not full.
        assert costs.count() <= max(1.1 * stored / REQUEST, stored / REQUEST + 3), costs.asked()
