"""``ds.jax`` and ``ds.dataloader().jax()``."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import deeplake
from deeplake import transforms as T


def test_batches(ds: deeplake.Dataset) -> None:
    for loader in (ds.jax(batch_size=8), ds.dataloader().batch(8).jax()):
        batches = list(loader)
        assert [len(batch["labels"]) for batch in batches] == [8, 8, 8, 2]
        assert list(batches[0].keys()) == ["images", "labels", "index"]
        assert all(isinstance(value, jax.Array) for batch in batches for value in batch)
        images = np.concatenate([batch["images"] for batch in batches])
        assert np.array_equal(images, ds.images.numpy())
        assert batches[0]["labels"].dtype == jnp.uint32


def test_a_step_of_training(ds: deeplake.Dataset) -> None:
    transform = T.Compose([T.CenterCrop(8), T.Normalize(0.5, 0.5)])

    @jax.jit
    def loss(weights: Any, images: Any, labels: Any) -> Any:
        logits = images.reshape(len(images), -1) @ weights
        return -jax.nn.log_softmax(logits)[jnp.arange(len(images)), labels[:, 0]].mean()

    weights = jnp.zeros((8 * 8 * 3, 26))
    losses = []
    for _ in range(5):
        transforms = {"images": transform, "labels": None}
        for images, labels in ds.jax(batch_size=13, transform=transforms, shuffle=True):
            value, gradient = jax.value_and_grad(loss)(weights, images, labels)
            weights -= 0.1 * gradient
            losses.append(float(value))
    assert losses[-1] < losses[0]


SHARDED = """
import sys, jax, numpy as np, deeplake
from jax.sharding import Mesh, NamedSharding, PartitionSpec
assert len(jax.devices()) == 4
sharding = NamedSharding(Mesh(np.array(jax.devices()), ("data",)), PartitionSpec("data"))
ds = deeplake.load(sys.argv[1])
for loader in (
    ds.jax(batch_size=8, drop_last=True, sharding=sharding),
    ds.dataloader().batch(8, drop_last=True).jax(sharding={"images": sharding}),
):
    with loader:
        for batch in loader:
            assert batch["images"].sharding == sharding
            assert len(batch["images"].addressable_shards) == 4
            assert batch["images"].addressable_shards[0].data.shape == (2, 12, 10, 3)
    assert len(loader) == 3
print("fine")
"""


def test_batches_on_several_devices(make: Any, tmp_path: Any) -> None:
    images = np.arange(26 * 360, dtype=np.int64).reshape(26, 12, 10, 3) % 256
    path = str(tmp_path / "ds")
    make(path, images=images.astype(np.uint8))
    environment = {
        **os.environ,
        "XLA_FLAGS": "--xla_force_host_platform_device_count=4",
        "JAX_PLATFORMS": "cpu",
        "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
    }
    done = subprocess.run(
        [sys.executable, "-c", SHARDED, path], env=environment, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert done.stdout == "fine\n", done.stderr


def test_worker_processes_send_arrays(make: Any, tmp_path: Any) -> None:
    path = str(tmp_path / "ds")
    make(path, x=np.arange(20, dtype=np.float32).reshape(10, 2))
    ds = deeplake.load(path)
    transform = {"x": lambda x: x * 2}
    plain, elsewhere = (
        [np.asarray(b["x"]) for b in ds.jax(transform=transform, batch_size=4, num_workers=n)]
        for n in (0, 2)
    )
    assert all(map(np.array_equal, plain, elsewhere))


def test_wrong_arguments(ds: deeplake.Dataset) -> None:
    with pytest.raises(TypeError, match=r"ds\.jax\(\) has no argument 'pin_memory'"):
        ds.jax(pin_memory=True)
    with pytest.raises(ValueError, match=r"already called \.jax\(\)"):
        ds.dataloader().jax().jax()
