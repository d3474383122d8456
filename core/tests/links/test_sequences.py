"""Sequences of links."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import deeplake
from deeplake import Dataset
from deeplake.dataset.linked import LinkedSample
from deeplake.errors import BadLinkError, GetDataFromLinkError, SampleAppendError


@pytest.fixture
def images() -> list[np.ndarray]:
    return [np.random.default_rng(i).integers(0, 256, (8, 9, 3), np.uint8) for i in range(5)]


@pytest.fixture
def paths(tmp_path: Path, images: list[np.ndarray]) -> list[str]:
    found = []
    for i, image in enumerate(images):
        found.append(str(tmp_path / f"{i}.png"))
        Image.fromarray(image).save(found[-1])
    return found


@pytest.fixture
def links(paths: list[str]) -> list[LinkedSample]:
    return [deeplake.link(path) for path in paths]


@pytest.fixture(params=["mem", "file"])
def ds(request: pytest.FixtureRequest, tmp_path: Path) -> Dataset:
    return deeplake.empty("mem://x" if request.param == "mem" else tmp_path / "ds", verbose=False)


@pytest.mark.parametrize("htype", ["sequence[link[image]]", "link[sequence[image]]"])
def test_rows_of_links(
    ds: Dataset, htype: str, paths: list[str], links: list[LinkedSample], images: list[np.ndarray]
) -> None:
    tensor = ds.create_tensor("x", htype=htype)
    assert tensor.htype == "sequence[link[image]]"
    assert tensor.is_link
    assert tensor.is_sequence
    tensor.append(links[:2])
    tensor.extend([links[2:], [], None, [None, links[0]]])
    assert len(tensor) == 5
    assert tensor[0].shape == (2, 8, 9, 3)
    assert (tensor[0].numpy() == np.stack(images[:2])).all()
    assert (tensor[1, 2].numpy() == images[4]).all()
    assert [len(row) for row in tensor.numpy(aslist=True)] == [2, 3, 0, 0, 2]
    assert tensor[0].path().tolist() == paths[:2]
    assert tensor[1, 0].path() == paths[2]
    assert [row.tolist() for row in tensor.path()] == [paths[:2], paths[2:], [], [], ["", paths[0]]]
    assert tensor[1, 0]._linked_sample() == links[2]
    assert tensor[0].tobytes() == [Path(path).read_bytes() for path in paths[:2]]
    assert [info["filename"] for info in tensor[0].sample_info] == paths[:2]
    with pytest.raises(ValueError, match="exactly one link"):
        tensor[0]._linked_sample()
    loaded = [row["x"] for batch in ds.dataloader().batch(2).numpy() for row in batch]
    assert [len(row) for row in loaded] == [2, 3, 0, 0, 2]


def test_what_is_no_row_of_links(ds: Dataset, links: list[LinkedSample]) -> None:
    tensor = ds.create_tensor("x", htype="sequence[link[image]]")
    tensor.append(links[:2])
    with pytest.raises(SampleAppendError, match="row 1, item 1.*deeplake.link") as caught:
        tensor.append([links[0], 3])
    assert isinstance(caught.value.__cause__, TypeError)
    with pytest.raises(SampleAppendError, match="row 1"):
        tensor.append(links[0])
    with pytest.raises(SampleAppendError, match="row 1, item 0.*no such file") as caught:
        tensor.append([deeplake.link("/no/file.png")])
    assert isinstance(caught.value.__cause__, BadLinkError)
    assert len(tensor) == 1


def test_changes(
    ds: Dataset, paths: list[str], links: list[LinkedSample], images: list[np.ndarray]
) -> None:
    tensor = ds.create_tensor("x", htype="sequence[link[image]]")
    tensor.extend([links[:2], links[2:]])
    tensor[0] = [links[4], links[3]]
    tensor[0, 1] = links[0]
    assert tensor[0].path().tolist() == [paths[4], paths[0]]
    assert (tensor[0].numpy() == np.stack([images[4], images[0]])).all()
    other = ds.create_tensor_like("y", tensor)
    other.extend(tensor)
    other.append(tensor[1])
    assert [row.tolist() for row in other.path()] == [[paths[4], paths[0]], paths[2:], paths[2:]]
    os.remove(paths[3])
    with pytest.raises(GetDataFromLinkError, match="'x', row 1, item 1"):
        tensor.numpy(aslist=True)
    assert [(bad.row, bad.item, bad.problem) for bad in tensor.check_links()] == [
        (1, 1, "unreadable")
    ]


def test_data_in_the_place_of_links(
    ds: Dataset, tmp_path: Path, paths: list[str], links: list[LinkedSample],
    images: list[np.ndarray],
) -> None:  # fmt: skip
    tensor = ds.create_tensor("x", htype="sequence[link[image]]")
    tensor.extend([links[:2], None, [], [links[2], None]])
    data = Path(paths[0]).read_bytes()
    copy = ds.copy(tmp_path / "copy", unlink=True, progressbar=False)
    tensor.materialize()
    for path in paths:
        os.remove(path)
    for found in (copy.x, tensor):
        assert found.htype == "sequence[image]"
        assert found.meta.sample_compression == "png"
        assert [len(row) for row in found.numpy(aslist=True)] == [2, 0, 0, 2]
        assert (found[0].numpy() == np.stack(images[:2])).all()
        assert found[0].tobytes()[0] == data


def test_rows_that_were_not_verified(ds: Dataset, links: list[LinkedSample]) -> None:
    tensor = ds.create_tensor("x", htype="sequence[link[image]]", verify=False)
    tensor.append([*links[:2], deeplake.link("/no/file.png")])
    tensor.append(links[:2])
    assert tensor[1].shape == (2, 8, 9, 3)
    assert tensor[1].numpy().shape == (2, 8, 9, 3)
    assert tensor[1, 1].shape == (8, 9, 3)
    with pytest.raises(GetDataFromLinkError, match="row 0, item 2"):
        tensor[0].numpy()
