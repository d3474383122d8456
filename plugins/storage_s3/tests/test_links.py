"""Samples read from S3, and links to it."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import deeplake
from deeplake import links, plugins
from deeplake.errors import (
    BadLinkError,
    GetDataFromLinkError,
    LinkChangedError,
    MissingCredsError,
    SampleAppendError,
    SampleReadError,
)
from deeplake.testing.servers import Server


def png(seed: int) -> tuple[np.ndarray, bytes]:
    array = np.random.default_rng(seed).integers(0, 256, (20, 30, 3), np.uint8)
    file = io.BytesIO()
    Image.fromarray(array).save(file, "png")
    return array, file.getvalue()


@pytest.fixture
def store(server: Server) -> Any:
    return plugins.get("storage", "s3").open("s3://bench/links", creds=server.creds)


def test_read(server: Server, store: Any) -> None:
    array, data = png(1)
    store.put("a b/1.png", data)
    sample = deeplake.read("s3://bench/links/a b/1.png", creds=server.creds)
    assert sample.is_lazy
    assert (sample.array == array).all()
    assert bytes(sample.buffer) == data
    with pytest.raises(SampleReadError, match="no such file"):
        deeplake.read("s3://bench/links/none.png", creds=server.creds, verify=True)
    wrong = {**server.creds, "aws_secret_access_key": "wrong-secret"}
    with pytest.raises(SampleReadError, match="credentials") as caught:
        deeplake.read("s3://bench/links/a b/1.png", creds=wrong, verify=True)
    assert "wrong-secret" not in str(caught.value)


def test_ranges(server: Server, store: Any) -> None:
    data = bytes(range(256)) * 8192
    store.put("large.bin", data)
    with links.open_file("s3://bench/links/large.bin", server.creds) as file:
        assert file.size == len(data)
        file.seek(-10, 2)
        assert file.read() == data[-10:]
        assert file.read_at(5, 15) == data[5:15]
        assert file.requests == 2


def test_links(server: Server, store: Any, tmp_path: Path) -> None:
    images = [png(i) for i in range(6)]
    for i, (_, data) in enumerate(images):
        store.put(f"{i}.png", data)
    ds = deeplake.empty(tmp_path / "ds", verbose=False)
    tensor = ds.create_tensor("x", htype="link[image]")
    url = "s3://bench/links/{}.png"
    with pytest.raises(SampleAppendError, match="creds_key") as caught:
        tensor.append(deeplake.link(url.format(0)))
    assert isinstance(caught.value.__cause__, ValueError)
    ds.add_creds_key("lab")
    ds.populate_creds("lab", server.creds)
    tensor.extend([deeplake.link(url.format(i), creds_key="lab") for i in range(6)])
    assert (tensor.numpy() == np.stack([array for array, _ in images])).all()
    assert tensor[2].tobytes() == images[2][1]
    assert tensor[0].creds_key() == "lab"
    assert tensor._reader.links([0])[0].pin.version
    with pytest.raises(SampleAppendError, match="no such file") as caught:
        tensor.append(deeplake.link(url.format("none"), creds_key="lab"))
    assert isinstance(caught.value.__cause__, BadLinkError)
    store.put("3.png", images[0][1])
    store.delete(["4.png"])
    with pytest.raises(LinkChangedError, match="'x', row 3"):
        tensor[3].numpy()
    with pytest.raises(GetDataFromLinkError, match="'x', row 4"):
        tensor[4].numpy()
    assert [(bad.row, bad.problem) for bad in tensor.check_links()] == [
        (3, "changed"), (4, "unreadable"),
    ]  # fmt: skip
    again = deeplake.load(tmp_path / "ds", verbose=False)
    with pytest.raises(MissingCredsError, match="'x', row 0"):
        again.x[0].numpy()
    again.populate_creds("lab", server.creds)
    copy = again[:3].copy(tmp_path / "copy", unlink=True, progressbar=False)
    assert [copy.x[i].tobytes() for i in range(3)] == [data for _, data in images[:3]]


def test_credentials_of_the_environment(
    server: Server, store: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    array, data = png(1)
    store.put("env.png", data)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", str(server.creds["aws_access_key_id"]))
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", str(server.creds["aws_secret_access_key"]))
    monkeypatch.setenv("AWS_ENDPOINT_URL", server.endpoint)
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    ds = deeplake.empty(tmp_path / "ds", verbose=False)
    tensor = ds.create_tensor("x", htype="link[image]")
    tensor.append(deeplake.link("s3://bench/links/env.png", creds_key="ENV"))
    ds.add_creds_key("lab")
    ds.populate_creds("lab", from_environment=True)
    tensor.append(deeplake.link("s3://bench/links/env.png", creds_key="lab"))
    assert tensor[0].creds_key() == "ENV"
    again = deeplake.load(tmp_path / "ds", verbose=False)
    assert (again.x[0].numpy() == array).all()


def test_datasets_on_s3_lead_to_no_local_files(server: Server, tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(png(1)[1])
    ds = deeplake.empty("s3://bench/links-ds", creds=server.creds, overwrite=True, verbose=False)
    tensor = ds.create_tensor("x", htype="link[image]")
    with pytest.raises(SampleAppendError, match="local_files"):
        tensor.append(deeplake.link(path))
    deeplake.config["links"]["local_files"] = True
    try:
        tensor.append(deeplake.link(path))
        assert tensor[0].shape == (20, 30, 3)
    finally:
        del deeplake.config["links"]
