"""The loader gives the rows of sequence tensors as ``tensor.numpy()`` does."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import deeplake
from deeplake.errors import EmptyTensorError

ROWS = 23
FRAMES = np.random.default_rng(0).integers(0, 256, (ROWS, 3, 8, 9, 3), dtype=np.uint8)


@pytest.fixture(params=["mem", "file"])
def ds(request: pytest.FixtureRequest, tmp_path: Path) -> deeplake.Dataset:
    ds = deeplake.empty("mem://loaded" if request.param == "mem" else tmp_path / "ds")
    with ds:
        ds.create_tensor("frames", htype="sequence[image]", sample_compression="png")
        ds.create_tensor("plain", htype="sequence", dtype="int16")
        ds.create_tensor("ragged", htype="sequence", dtype="float32")
        ds.create_tensor("names", htype="sequence[text]")
        ds.create_tensor("labels", htype="sequence[class_label]", class_names=["a", "b"])
        ds.frames.extend(FRAMES)
        ds.plain.extend(FRAMES[:, :, 0, :, 0].astype(np.int16))
        ds.ragged.extend([ragged(i) for i in range(ROWS)])
        ds.names.extend([names(i) for i in range(ROWS)])
        ds.labels.extend([["a", "b"]] * ROWS)
    return ds


def ragged(i: int) -> list[np.ndarray]:
    return [np.full((j + 1, 2), i, np.float32) for j in range(i % 3)]


def names(i: int) -> list[str]:
    return [f"{i}.{j}" for j in range(i % 4)]


def same(found: Any, wanted: Any) -> bool:
    if isinstance(wanted, np.ndarray):
        return found.shape == wanted.shape and bool((found == wanted).all())
    return len(found) == len(wanted) and all(map(same, found, wanted))


@pytest.mark.parametrize("shuffle", [False, True])
@pytest.mark.parametrize("batch", [1, 4, 64])
def test_rows_are_those_of_the_tensor(ds: deeplake.Dataset, batch: int, shuffle: bool) -> None:
    seen = []
    for rows in ds.dataloader().batch(batch).shuffle(shuffle).numpy():
        for sample in rows:
            i = int(sample["ragged"][0].flat[0]) if len(sample["ragged"]) else None
            k = next(k for k in range(ROWS) if (FRAMES[k] == sample["frames"]).all())
            assert i in (None, k)
            seen.append(k)
            assert same(sample["plain"], ds.plain[k].numpy())
            wanted = ragged(k)
            if len({item.shape for item in wanted}) <= 1:
                assert same(sample["ragged"], ds.ragged[k].numpy())
            else:
                assert same(sample["ragged"], wanted)
            assert sample["names"].tolist() == names(k)
            assert sample["labels"].tolist() == [[0], [1]]
    assert sorted(seen) == list(range(ROWS))
    assert shuffle or seen == sorted(seen)


def test_parts_of_rows(ds: deeplake.Dataset) -> None:
    view = ds[5:9, 1]
    loader = view.dataloader().batch(2).numpy(tensors=["frames", "plain", "labels"])
    found = [sample for batch in loader for sample in batch]
    assert same(np.stack([s["frames"] for s in found]), FRAMES[5:9, 1])
    assert [s["labels"].tolist() for s in found] == [[1]] * 4
    slices = ds[5:9, :2, 2:4].dataloader().numpy(tensors=["frames"])
    found = [sample for batch in slices for sample in batch]
    assert same(np.stack([s["frames"] for s in found]), FRAMES[5:9, :2, 2:4])


def test_ways_of_decoding(ds: deeplake.Dataset) -> None:
    methods = {"frames": "tobytes", "names": "data", "labels": "data", "plain": "tobytes"}
    loader = ds.dataloader().batch(8).numpy(tensors=list(methods), decode_method=methods)
    for k, sample in enumerate(sample for batch in loader for sample in batch):
        assert sample["frames"] == ds.frames[k].tobytes()
        assert sample["plain"] == [ds.plain[k, j].tobytes() for j in range(3)]
        assert sample["names"] == {"value": names(k)}
        assert sample["labels"]["text"] == [["a"], ["b"]]
    pictures = ds.dataloader().numpy(tensors=["frames"], decode_method={"frames": "pil"})
    first = next(iter(pictures))[0]["frames"]
    assert same(np.stack([np.asarray(image) for image in first]), FRAMES[0])
    with pytest.raises(ValueError, match="'names'"):
        ds.dataloader().numpy(tensors=["names"], decode_method={"names": "pil"})


def test_transforms_get_rows(ds: deeplake.Dataset) -> None:
    loader = ds.dataloader().batch(5).transform({"frames": lambda f: int(f.sum()), "names": len})
    found = [sample for batch in loader.numpy() for sample in batch]
    assert [s["frames"] for s in found] == FRAMES.sum(axis=(1, 2, 3, 4)).tolist()
    assert [s["names"] for s in found] == [len(names(i)) for i in range(ROWS)]


def test_rows_beyond_the_end_are_empty(ds: deeplake.Dataset) -> None:
    ds.plain.append(np.ones((2, 9), np.int16))
    loader = ds.max_view.dataloader().numpy(tensors=["plain", "names", "frames"])
    assert len(list(loader)) == ROWS  # the shortest says how far it goes
    ds.create_tensor("none", htype="sequence").extend([[]] * (ROWS + 1))
    with pytest.raises(EmptyTensorError, match="'none'"):
        list(ds.dataloader().numpy(tensors=["none"]))


def test_loading_in_one_call_does_not_take_them(ds: deeplake.Dataset) -> None:
    with pytest.raises(NotImplementedError, match=r"'frames'.*ds\.dataloader"):
        ds.pytorch()
    with pytest.raises(NotImplementedError, match="'plain'"):
        ds.pytorch(tensors=["plain"])
