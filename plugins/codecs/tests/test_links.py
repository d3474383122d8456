"""Links to files of each kind."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import deeplake
from deeplake import Dataset
from deeplake.errors import BadLinkError, LinkChangedError, SampleAppendError
from deeplake.links.local import LocalSource

from .test_datasets import KINDS, film


@pytest.fixture
def ds() -> Dataset:
    return deeplake.empty("mem://links", verbose=False)


@pytest.mark.parametrize("name", KINDS)
def test_a_link_gives_what_the_stored_file_gives(ds: Dataset, name: str, tmp_path: Path) -> None:
    htype, data, shape, dtype = KINDS[name]
    path = tmp_path / f"file.{name}"
    path.write_bytes(data)
    linked = ds.create_tensor("linked", htype=f"link[{htype}]")
    linked.append(deeplake.link(path))
    stored = ds.create_tensor("stored", htype=htype, sample_compression=name)
    stored.append(deeplake.read(path))
    assert linked.shape == stored.shape == (1, *shape)
    assert linked.dtype == np.dtype(dtype)
    assert np.array_equal(linked[0].numpy(), stored[0].numpy())
    assert np.array_equal(linked[0, 1:3].numpy(), stored[0, 1:3].numpy())
    assert linked[0].tobytes() == data
    found, wanted = linked[0].data(), stored[0].data()
    assert found.keys() == wanted.keys()
    for key in wanted.keys() - {"sample_info"}:
        assert np.array_equal(found[key], wanted[key])
    assert linked[0].sample_info["format"] == name
    if htype == "video":
        assert np.array_equal(linked[0].timestamps, stored[0].timestamps)
    linked.materialize()
    path.unlink()
    assert linked.htype == htype
    assert linked.meta.sample_compression == name
    assert linked[0].tobytes() == data


def test_frames_of_a_linked_video_are_read_alone(
    ds: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "film.mkv"
    rng = np.random.default_rng(0)
    path.write_bytes(film("matroska", 30) + rng.bytes(4 << 20))  # what no frame needs
    tensor = ds.create_tensor("x", htype="link[video]")
    tensor.append(deeplake.link(path))
    whole = tensor[0].numpy()
    read: list[int] = []
    original = LocalSource.read

    def counted(self: LocalSource, start: int, stop: int) -> bytes:
        read.append(stop - start)
        return original(self, start, stop)

    def refused(self: LocalSource) -> bytes:
        raise AssertionError("the whole file was read")

    monkeypatch.setattr(LocalSource, "read", counted)
    monkeypatch.setattr(LocalSource, "read_all", refused)
    for part in (5, slice(3, 9), slice(20, 2, -3), [7, 1, 7], slice(4, 4)):
        assert np.array_equal(tensor[0, part].numpy(), whole[part])
    assert np.array_equal(tensor[0, 2:6, 3:5, ::2, 0].numpy(), whole[2:6, 3:5, ::2, 0])
    assert 0 < sum(read) < os.path.getsize(path)
    assert max(read) <= 1 << 20


def test_a_video_that_was_replaced_is_found_out(ds: Dataset, tmp_path: Path) -> None:
    path = tmp_path / "film.mp4"
    path.write_bytes(film())
    tensor = ds.create_tensor("x", htype="link[video]")
    tensor.append(deeplake.link(path))
    data = bytearray(path.read_bytes())
    data[-10] ^= 1
    path.write_bytes(data)
    os.utime(path, (1, 1))
    with pytest.raises(LinkChangedError, match="'x', row 0"):
        tensor[0, 3].numpy()
    path.unlink()
    with pytest.raises(deeplake.errors.GetDataFromLinkError, match="'x', row 0"):
        tensor[0, 3].numpy()


@pytest.mark.parametrize(("htype", "name"), [("image", "mp4"), ("video", "wav"), ("audio", "las")])
def test_files_of_another_kind(ds: Dataset, htype: str, name: str, tmp_path: Path) -> None:
    path = tmp_path / f"file.{name}"
    path.write_bytes(KINDS[name][1])
    tensor: Any = ds.create_tensor("x", htype=f"link[{htype}]")
    with pytest.raises(SampleAppendError, match=f"is a file of .*{htype}") as caught:
        tensor.append(deeplake.link(path))
    assert isinstance(caught.value.__cause__, BadLinkError)
