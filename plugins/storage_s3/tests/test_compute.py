"""Transforms from S3 to S3, by threads and by processes that open the store anew."""

from __future__ import annotations

import uuid
from typing import Any

import numpy as np
import pytest

import deeplake
from deeplake.errors import TransformError
from deeplake.testing.servers import Server


@pytest.mark.parametrize("scheduler", ["threaded", "processed"])
def test_from_bucket_to_bucket(server: Server, scheduler: str) -> None:
    if scheduler == "processed":
        pytest.importorskip("cloudpickle")
    url = f"s3://bench/{uuid.uuid4().hex}"
    source = deeplake.empty(f"{url}/in", creds=server.creds)
    source.create_tensor("x")
    source.x.extend(np.arange(60).reshape(30, 2))
    ds = deeplake.empty(f"{url}/out", creds=server.creds)
    ds.create_tensor("x")

    @deeplake.compute
    def twice(row: Any, out: Any, bad: int = -1) -> None:
        assert row.x.numpy()[0] != bad
        out.x.append(row.x.numpy() * 2)

    args: dict[str, Any] = {"num_workers": 2, "scheduler": scheduler, "progressbar": False}
    twice().eval(source, ds, **args)
    with pytest.raises(TransformError) as caught:
        twice(bad=40).eval(source, ds, **args)
    assert caught.value.index == 20
    twice().eval(ds, **args)
    again = deeplake.load(f"{url}/out", creds=server.creds)
    assert again.x.numpy().tolist() == (np.arange(60).reshape(30, 2) * 4).tolist()
