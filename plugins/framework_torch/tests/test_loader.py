"""``ds.pytorch`` and ``ds.dataloader().pytorch()``."""

from __future__ import annotations

import os
import pickle
import re
import socket
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch.utils.data import DataLoader

import deeplake
from deeplake import errors


class ToTensor:
    """As torchvision's: a picture to floats of 0 to 1, channels first."""

    def __call__(self, picture: Any) -> torch.Tensor:
        array = np.array(picture)
        return torch.from_numpy(array).permute(2, 0, 1).contiguous().float().div(255)


class Normalize:
    def __init__(self, mean: list[float], std: list[float]) -> None:
        self.mean = torch.tensor(mean).view(-1, 1, 1)
        self.std = torch.tensor(std).view(-1, 1, 1)

    def __call__(self, tensor: torch.Tensor) -> torch.Tensor:
        return (tensor - self.mean) / self.std


class Compose:
    def __init__(self, transforms: list[Callable[[Any], Any]]) -> None:
        self.transforms = transforms

    def __call__(self, value: Any) -> Any:
        for transform in self.transforms:
            value = transform(value)
        return value


class RandomRotation:
    def __init__(self, degrees: float) -> None:
        self.degrees = degrees

    def __call__(self, picture: Image.Image) -> Image.Image:
        return picture.rotate(np.random.uniform(-self.degrees, self.degrees))


class transforms:
    Compose = Compose
    Normalize = Normalize
    RandomRotation = RandomRotation
    ToTensor = ToTensor


class ResNet(torch.nn.Module):
    """Two residual blocks."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = torch.nn.Conv2d(3, 8, 3, padding=1)
        self.blocks = torch.nn.ModuleList(
            torch.nn.Sequential(
                torch.nn.Conv2d(8, 8, 3, padding=1), torch.nn.BatchNorm2d(8), torch.nn.ReLU()
            )
            for _ in range(2)
        )
        self.fc = torch.nn.Linear(8, 1000)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.stem(x)
        for block in self.blocks:
            x = x + block(x)
        return self.fc(x.mean((2, 3)))


class models:
    @staticmethod
    def resnet18(pretrained: bool) -> ResNet:
        assert not pretrained
        return ResNet()


def rows(loader: Any) -> list[int]:
    return [int(row) for batch in loader for row in batch["index"].reshape(-1)]


# --------------------------------------------------------------------------- the documented code
def test_the_training_loop_of_the_readme(
    ds: deeplake.Dataset, capsys: pytest.CaptureFixture[str]
) -> None:
    torch.manual_seed(0)
    assert ds.labels[6].numpy().dtype == np.uint32

    tform = transforms.Compose([
        transforms.ToTensor(),
        transforms.Normalize([0.5, 0.5, 0.5], [0.5, 0.5, 0.5]),
    ])  # fmt: skip

    deeplake_loader = ds.pytorch(num_workers=0, batch_size=4, transform={
                            'images': tform, 'labels': None}, shuffle=True)  # fmt: skip

    net = models.resnet18(pretrained=False)
    net.fc = torch.nn.Linear(net.fc.in_features, len(ds.labels.info.class_names))

    criterion = torch.nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(net.parameters(), lr=0.001, momentum=0.9)

    losses = []
    for epoch in range(2):
        running_loss = 0.0
        for i, data in enumerate(deeplake_loader):
            images, labels = data['images'], data['labels']  # fmt: skip

            # zero the parameter gradients
            optimizer.zero_grad()

            # forward + backward + optimize
            outputs = net(images)
            loss = criterion(outputs, labels.reshape(-1))
            loss.backward()
            optimizer.step()

            # print statistics
            running_loss += loss.item()
            if i % 3 == 2:  # print every 3 mini-batches
                print('[%d, %5d] loss: %.3f' %  # noqa: UP031
                    (epoch + 1, i + 1, running_loss / 3))  # fmt: skip
                losses.append(running_loss)
                running_loss = 0.0
    assert len(losses) == 4
    assert np.isfinite(losses).all()
    assert "[2,     6] loss:" in capsys.readouterr().out


def test_the_example_of_the_fluent_api(ds: deeplake.Dataset) -> None:
    ds_train = ds
    tform = transforms.Compose([
        transforms.RandomRotation(20), # Image augmentation
        transforms.ToTensor(), # Must convert to pytorch tensor for subsequent operations to run
        transforms.Normalize([0.5], [0.5]),
    ])  # fmt: skip

    batch_size = 32
    # create dataloader by chaining with transform function and batch size
    train_loader = ds_train.dataloader()\
        .transform({'images': tform, 'labels': None})\
        .batch(batch_size)\
        .shuffle()\
        .pytorch(decode_method={'images': 'pil'})  # fmt: skip

    # iterate over dataloader
    for i, sample in enumerate(train_loader):
        assert i == 0
        images, labels = sample
        assert images.shape == (26, 3, 12, 10)
        assert sorted(labels.reshape(-1).tolist()) == list(range(26))


# --------------------------------------------------------------------------- batches
def test_batches_unpack(ds: deeplake.Dataset) -> None:
    for loader in (ds.pytorch(batch_size=5), ds.dataloader().batch(5).pytorch()):
        assert len(loader) == 6
        sizes = []
        for batch in loader:
            images, labels, index = batch
            assert list(batch.keys()) == ["images", "labels", "index"]
            assert images.dtype == torch.uint8
            assert labels.dtype == index.dtype == torch.int64
            assert labels.shape == index.shape == (len(images), 1)
            assert torch.equal(labels, index)
            sizes.append(len(images))
        assert sizes == [5] * 5 + [1]


def test_batches_of_one_have_a_batch_axis(ds: deeplake.Dataset) -> None:
    (images, _, _), *rest = ds.dataloader().pytorch()
    assert images.shape == (1, 12, 10, 3)
    assert len(rest) == 25


def test_return_index(ds: deeplake.Dataset) -> None:
    for loader in (ds.pytorch(return_index=False), ds.dataloader().pytorch(return_index=False)):
        assert list(next(iter(loader)).keys()) == ["images", "labels"]
    view = ds[[20, 3, 3]]
    assert rows(view.pytorch(batch_size=2)) == [20, 3, 3]
    assert rows(view.dataloader().pytorch()) == [20, 3, 3]


def test_tensors_in_the_order_given(ds: deeplake.Dataset) -> None:
    loader = ds.pytorch(tensors=["labels", "images"], return_index=False)
    assert list(next(iter(loader)).keys()) == ["labels", "images"]


def test_drop_last(ds: deeplake.Dataset) -> None:
    loader = ds.pytorch(batch_size=4, drop_last=True)
    assert len(loader) == len(list(loader)) == 6


def test_no_batches(ds: deeplake.Dataset) -> None:
    loader = ds.pytorch(batch_size=None, shuffle=True, num_workers=2)
    assert loader.batch_size is None
    samples = list(loader)
    assert len(samples) == len(loader) == 26
    assert samples[0]["images"].shape == (12, 10, 3)
    assert sorted(s["labels"].item() for s in samples) == list(range(26))
    doubled = ds.pytorch(batch_size=None, collate_fn=lambda s: s["labels"].item() * 2)
    assert list(doubled) == [2 * i for i in range(26)]
    plain = ds.pytorch(batch_size=None, transform=lambda s: s["labels"] * 2)
    assert [x.tolist() for x in plain] == [[2 * i] for i in range(26)]


def test_dtypes(make: Any) -> None:
    names = ("bool", "uint8", "int8", "int16", "int32", "int64", "float16", "float32", "float64")
    wide = {"uint16": torch.int32, "uint32": torch.int64, "uint64": torch.int64}
    ds = make(**{n: np.ones((3, 2), n) for n in (*names, *wide, "complex64")})
    seen = []

    def note(sample: Any) -> Any:
        seen.append({key: value.dtype.name for key, value in sample.items()})
        return sample

    for loader in (ds.pytorch(batch_size=3), ds.pytorch(batch_size=3, transform=note)):
        (batch,) = loader
        for name in (*names, "complex64"):
            assert batch[name].dtype == getattr(torch, name)
        for name, dtype in wide.items():
            assert batch[name].dtype == dtype
    assert seen[0]["uint16"] == "int32"  # transforms see what the framework has


def test_values_that_do_not_fit_are_not_wrapped(make: Any) -> None:
    ds = make(x=np.array([1, 2**63 - 1, 2**63], "uint64"))
    assert [int(b["x"]) for b in ds[:2].pytorch()] == [1, 2**63 - 1]
    for loader in (ds.pytorch(batch_size=3), ds[1:].pytorch()):
        with pytest.raises(OverflowError, match="tensor 'x', row 2"):
            list(loader)


def test_text_json_lists_and_polygons(make: Any) -> None:
    polygons = [[np.ones((3, 2), "f4")], [np.ones((4, 2), "f4"), np.ones((3, 2), "f4")], []]
    ds = make(
        words=(["a", "", "été"], {"htype": "text"}),
        docs=([{"a": 1}, [2], 3], {"htype": "json"}),
        tags=([["x"], ["y", "z"], []], {"htype": "tag"}),
        lists=([[1, "b"], [None], []], {"htype": "list"}),
        shapes=(polygons, {"htype": "polygon"}),
    )
    for loader in (
        ds.pytorch(batch_size=3),
        ds.pytorch(batch_size=3, transform=lambda sample: sample),
    ):
        (batch,) = loader
        assert batch["words"] == ["a", "", "été"]
        assert batch["docs"] == [[{"a": 1}], [[2]], [3]]
        assert batch["tags"] == [["x"], ["y", "z"], []]
        assert batch["lists"] == [[1, "b"], [None], []]
        assert [[p.shape for p in sample] for sample in batch["shapes"]] == [
            [(3, 2)],
            [(4, 2), (3, 2)],
            [],
        ]


def test_ragged_samples(make: Any) -> None:
    ds = make(boxes=([np.ones((n, 4), "f4") for n in (1, 2, 2, 3)], {"htype": "bbox"}))
    assert [b["boxes"].shape for b in ds.pytorch()] == [(1, n, 4) for n in (1, 2, 2, 3)]
    with pytest.raises(RuntimeError, match="equal size") as caught:
        list(ds.pytorch(batch_size=2))
    assert [n.split(":")[0] for n in caught.value.__notes__] == ["deeplake", "deeplake"]
    assert "'boxes' cannot be made a batch" in caught.value.__notes__[0]
    assert caught.value.__notes__[1] == "deeplake: while collating rows 0, 1"
    whole = ds.pytorch(batch_size=4, collate_fn=lambda samples: [s["boxes"] for s in samples])
    assert [len(boxes) for boxes in next(iter(whole))] == [1, 2, 2, 3]
    padded = ds.pytorch(
        batch_size=4, transform={"boxes": lambda b: np.pad(b, ((0, 3 - len(b)), (0, 0)))}
    )
    assert next(iter(padded))["boxes"].shape == (4, 3, 4)


@pytest.mark.parametrize("workers", [0, 2])
def test_ragged_samples_as_asked(make: Any, tmp_path: Any, workers: int) -> None:
    rng = np.random.default_rng(0)
    boxes = [rng.random((n, 4), np.float32) for n in (1, 2, 2, 3)]
    crops = [rng.integers(0, 256, (n, n + 1, 3), dtype=np.uint8) for n in (2, 3, 4, 5)]
    path = str(tmp_path / "ds")
    make(path, boxes=(boxes, {"htype": "bbox"}), crops=crops, x=np.arange(4))
    ds = deeplake.load(path)

    def loaded(ragged: str) -> list[Any]:
        def as_it_is(sample: Any) -> Any:
            return dict(sample.items())

        transform = as_it_is if workers else None
        made = ds.pytorch(
            batch_size=4, ragged=ragged, transform=transform, num_workers=workers,
            return_index=False,
        )  # fmt: skip
        fluent = ds.dataloader().batch(4).pytorch(ragged=ragged, return_index=False)
        return [next(iter(made)), next(iter(fluent))]

    for batch in loaded("list"):
        for key, expected in (("boxes", boxes), ("crops", crops)):
            assert all(np.array_equal(a, b) for a, b in zip(batch[key], expected, strict=True))
        assert batch["x"].tolist() == [[0], [1], [2], [3]]
    for batch in loaded("pad"):
        assert batch["boxes"].shape == (4, 3, 4)
        assert batch["crops"].shape == (4, 5, 6, 3)
        assert batch["crops"].dtype == torch.uint8
        for key, expected in (("boxes", boxes), ("crops", crops)):
            for padded, one in zip(batch[key].numpy(), expected, strict=True):
                inside = tuple(slice(side) for side in one.shape)
                assert np.array_equal(padded[inside], one)
                padded[inside] = 0
                assert not padded.any()
    ds = ds[["boxes", "x"]]
    for batch in loaded("nested"):
        assert batch["boxes"].is_nested
        assert batch["boxes"].layout is torch.jagged
        parts = batch["boxes"].unbind()
        assert all(np.array_equal(a, b) for a, b in zip(parts, boxes, strict=True))


def test_ragged_samples_that_cannot_be(make: Any) -> None:
    ds = make(x=[np.ones(3), np.ones(4)])
    for call in (lambda: ds.pytorch(ragged="tensor"), lambda: ds.dataloader().pytorch(ragged="x")):
        with pytest.raises(ValueError, match="ragged is 'list', 'pad', 'nested' or None"):
            call()

    pictures = make(x=[np.ones((2, 3)), np.ones((3, 4))])
    with pytest.raises(RuntimeError, match="more than their first axis"):
        list(pictures.pytorch(ragged="nested", batch_size=2))

    def shapes(x: Any) -> Any:
        return x if len(x) == 3 else x[None]

    with pytest.raises(RuntimeError, match=r"\[1, 2\] axes cannot be made one tensor"):
        list(ds.pytorch(batch_size=2, ragged="pad", transform={"x": shapes}))


def test_pad_tensors(make: Any) -> None:
    ds = make(x=np.ones((4, 2)), y=np.ones((2, 3), "uint16"), t=(["a"], {"htype": "text"}))
    assert len(ds.pytorch()) == 1
    batches = list(ds.pytorch(pad_tensors=True))
    assert [b["x"].shape for b in batches] == [(1, 2)] * 4
    assert [b["y"].shape for b in batches] == [(1, 3), (1, 3), (1, 0), (1, 0)]
    assert [b["t"] for b in batches] == [["a"], [""], [""], [""]]
    assert batches[2]["y"].dtype == torch.int32


# --------------------------------------------------------------------------- memory
def test_tensors_are_writable_and_of_their_own(ds: deeplake.Dataset) -> None:
    before = ds.images.numpy()
    batches = list(ds.pytorch(batch_size=4, tensors=["images"]))
    kept = [batch["images"].clone() for batch in batches]
    batches[0]["images"].zero_()
    assert all(torch.equal(b["images"], k) for b, k in zip(batches[1:], kept[1:], strict=True))
    assert np.array_equal(ds.images.numpy(), before)


# --------------------------------------------------------------------------- decoding
@pytest.mark.parametrize("compression", ["png", "jpeg"])
def test_decode_methods(make: Any, compression: str) -> None:
    rng = np.random.default_rng(0)
    ds = make(
        images=(
            rng.integers(0, 256, (4, 16, 16, 3), dtype=np.uint8),
            {"htype": "image", "sample_compression": compression},
        ),
        labels=(["cat", "dog", "cat", "cat"], {"htype": "class_label"}),
    )
    arrays = ds.images.numpy()

    def run(method: str) -> list[Any]:
        collected: list[Any] = []
        for build in (
            lambda: ds.pytorch(decode_method={"images": method}, collate_fn=list, batch_size=4),
            lambda: (
                ds.dataloader().batch(4).pytorch(decode_method={"images": method}, collate_fn=list)
            ),
        ):
            (batch,) = build()
            collected.append([sample["images"] for sample in batch])
        assert len(collected) == 2
        return collected[0]

    assert all(map(np.array_equal, run("numpy"), arrays))
    assert run("tobytes") == [ds.images[i].tobytes() for i in range(4)]
    pictures = run("pil")
    assert all(isinstance(p, Image.Image) and p.mode == "RGB" for p in pictures)
    assert all(np.array_equal(np.asarray(p), a) for p, a in zip(pictures, arrays, strict=True))
    assert all(np.array_equal(d["value"], a) for d, a in zip(run("data"), arrays, strict=True))

    (batch,) = ds.pytorch(batch_size=4, decode_method={"labels": "data", "images": "tobytes"})
    assert batch["images"] == run("tobytes")
    assert batch["labels"]["value"].dtype == torch.int64
    assert batch["labels"]["text"] == [["cat", "dog", "cat", "cat"]]


def test_pictures_of_one_shape_are_decoded_into_the_batch(ds: deeplake.Dataset) -> None:
    arrays = ds.images.numpy()
    for batch_size in (1, 8, 16, 26):  # several batches a task, one, several tasks a batch
        for shuffle in (False, True):
            for images, _, index in ds.pytorch(batch_size=batch_size, shuffle=shuffle):
                assert np.array_equal(images.numpy(), arrays[index.reshape(-1).numpy()])


def test_pictures_of_several_shapes(make: Any) -> None:
    rng = np.random.default_rng(0)
    pictures = [rng.integers(0, 256, (4 + i % 3, 5, 3), dtype=np.uint8) for i in range(40)]
    ds = make(x=(pictures, {"htype": "image", "sample_compression": "png"}))
    for batch_size in (2, 8, 40):
        loader = ds.pytorch(batch_size=batch_size, collate_fn=list, shuffle=True)
        for batch in loader:
            for sample in batch:
                assert np.array_equal(sample["x"], pictures[sample["index"].item()])
        cut = ds.pytorch(batch_size=batch_size, transform={"x": lambda a: a[:4], "index": None})
        for x, index in cut:
            assert np.array_equal(x, [pictures[i][:4] for i in index.reshape(-1)])


def test_grey_pictures_and_palettes(make: Any, tmp_path: Any) -> None:
    grey = np.random.default_rng(0).integers(0, 256, (2, 9, 1), dtype=np.uint8)
    Image.fromarray(np.tile(grey[:, :, 0], (4, 1))).save(tmp_path / "grey.png")
    Image.fromarray(np.tile(grey[:, :, :1], (4, 1, 3))).quantize(8).save(tmp_path / "palette.png")
    Image.fromarray(np.tile(grey[:, :, 0], (4, 1))).save(tmp_path / "grey.jpg")
    for name, compression, mode in (
        ("grey.png", "png", "L"),
        ("palette.png", "png", "P"),
        ("grey.jpg", "jpeg", "L"),
    ):
        ds = make(
            x=(
                [deeplake.read(str(tmp_path / name))],
                {"htype": "image", "sample_compression": compression},
            )
        )
        (batch,) = ds.pytorch(decode_method={"x": "pil"}, collate_fn=list)
        with Image.open(tmp_path / name) as expected:
            assert batch[0]["x"].mode == expected.mode == mode
            assert batch[0]["x"].tobytes() == expected.tobytes()


# --------------------------------------------------------------------------- transforms
def test_transform_with_arguments(ds: deeplake.Dataset) -> None:
    def scale(sample: Any, by: float, key: str) -> Any:
        sample["scaled"] = sample[key] * by
        return sample

    loader = ds.pytorch(transform=scale, transform_kwargs={"by": 2, "key": "labels"}, batch_size=2)
    for batch in loader:
        assert list(batch.keys()) == ["images", "labels", "index", "scaled"]
        assert torch.equal(batch["scaled"], 2 * batch["labels"])


def test_transform_dict_selects(ds: deeplake.Dataset) -> None:
    plain = ds.pytorch(transform={"labels": lambda x: x + 1, "images": None}, batch_size=26)
    (batch,) = plain
    assert list(batch.keys()) == ["labels", "images"]
    assert batch["labels"].reshape(-1).tolist() == list(range(1, 27))
    indexed = ds.pytorch(transform={"index": None, "labels": lambda x: x.item()}, batch_size=26)
    (batch,) = indexed
    assert list(batch.keys()) == ["index", "labels"]
    assert batch["labels"].tolist() == batch["index"].reshape(-1).tolist() == list(range(26))
    (batch,) = ds.pytorch(transform={"index": lambda i: i * 2}, batch_size=26)
    assert batch["index"].reshape(-1).tolist() == list(range(0, 52, 2))


def test_transform_may_return_anything(ds: deeplake.Dataset) -> None:
    loader = ds.pytorch(
        transform=lambda s: (ToTensor()(s["images"]), s["labels"].item()), batch_size=5
    )
    for images, labels in loader:
        assert images.shape[1:] == (3, 12, 10)
        assert labels.dtype == torch.int64


def test_collate_fn_gets_transformed_samples(ds: deeplake.Dataset) -> None:
    def collate(samples: list[Any]) -> Any:
        return [sample["labels"] for sample in samples]

    for loader in (
        ds.pytorch(collate_fn=collate, transform={"labels": lambda x: -x.item()}, batch_size=13),
        ds.dataloader()
        .transform({"labels": lambda x: -x.item()})
        .batch(13)
        .pytorch(collate_fn=collate),
    ):
        assert list(loader) == [[-i for i in range(13)], [-i for i in range(13, 26)]]


def test_an_error_in_a_transform(ds: deeplake.Dataset) -> None:
    def fail(labels: Any) -> Any:
        return 1 / (labels.item() - 17)

    for batch_size in (1, 4, 26, None):
        loader = ds.pytorch(batch_size=batch_size, transform={"labels": fail})
        with pytest.raises(ZeroDivisionError, match="tensor 'labels' failed on row 17") as caught:
            list(loader)
        assert isinstance(caught.value, errors.TransformFailedError)


# --------------------------------------------------------------------------- order
def test_shuffle_and_seed(ds: deeplake.Dataset) -> None:
    loader = ds.pytorch(shuffle=True, batch_size=4)
    first, second = rows(loader), rows(loader)
    assert sorted(first) == sorted(second) == list(range(26))
    assert first != second
    deeplake.random.seed(3)
    assert rows(ds.pytorch(shuffle=True)) == rows(ds.dataloader().shuffle().batch(9).pytorch())


def test_workers_and_threads_change_nothing(ds: deeplake.Dataset) -> None:
    deeplake.random.seed(3)

    def run(**options: Any) -> list[Any]:
        loader = ds.pytorch(shuffle=True, batch_size=3, **options)
        return [[v.numpy().tobytes() for v in batch] for _ in range(2) for batch in loader]

    expected = run(num_workers=0, num_threads=1)
    for workers in (0, 1, 4):
        for threads in (1, 8, None):
            assert run(num_workers=workers, num_threads=threads) == expected


# --------------------------------------------------------------------------- what it is
def test_it_is_a_torch_loader(ds: deeplake.Dataset) -> None:
    def collate(samples: list[Any]) -> Any:
        return samples

    loader = ds.pytorch(batch_size=4, drop_last=True, num_workers=3, collate_fn=collate)
    assert isinstance(loader, DataLoader)
    assert loader.dataset is ds
    assert (loader.batch_size, loader.drop_last, loader.num_workers) == (4, True, 3)
    assert loader.collate_fn is collate
    assert loader.prefetch_factor == 2
    assert (loader.pin_memory, loader.timeout, loader.persistent_workers) == (False, 0, False)
    assert loader.generator is None
    assert loader.multiprocessing_context is None
    assert loader.worker_init_fn is None
    loader.worker_init_fn = print
    assert len(loader.sampler) == 26
    assert len(loader.batch_sampler) == 6
    assert "26 rows, batch_size=4" in repr(loader)
    with pytest.raises(AttributeError):
        _ = loader.nonsense
    fluent = ds.dataloader().pytorch(persistent_workers=True, num_workers=1, prefetch_factor=4)
    assert (fluent.persistent_workers, fluent.prefetch_factor) == (True, 4)


def test_steps_after_pytorch(ds: deeplake.Dataset) -> None:
    loader = ds.dataloader().pytorch().shuffle().batch(13).offset(0)
    assert isinstance(loader, DataLoader)
    assert [len(batch["labels"]) for batch in loader] == [13, 13]
    assert loader.epoch == 1
    loader.set_epoch(7)
    assert loader.state_dict()["epoch"] == 7
    with loader:
        next(iter(loader))
    loader.close()


def test_state(ds: deeplake.Dataset) -> None:
    loader = ds.pytorch(shuffle=True, batch_size=4)
    whole = rows(loader)
    loader.set_epoch(0)
    batches = iter(loader)
    for _ in range(3):
        next(batches)
    other = ds.pytorch(shuffle=True, batch_size=2)
    other.load_state_dict(loader.state_dict())
    assert rows(other) == whole[12:]
    batches.close()


def test_trainers_take_it_as_it_is(ds: deeplake.Dataset) -> None:
    from torch.distributed.checkpoint.stateful import Stateful
    from torch.utils.data.distributed import DistributedSampler

    # What Lightning and Accelerate look at before they make a loader of their own.
    loader = ds.pytorch(shuffle=True, batch_size=4)
    assert isinstance(loader, Stateful)
    assert isinstance(loader.sampler, DistributedSampler)
    assert loader._is_accelerate_prepared
    assert len(loader.sampler) == 26
    assert not isinstance(ds.dataloader().pytorch().sampler, DistributedSampler)
    whole = rows(loader)
    loader.sampler.set_epoch(0)
    assert rows(loader) == whole
    # A trainer that goes on in mid-epoch tells the sampler which epoch begins.
    loader.set_epoch(0)
    batches = iter(loader)
    next(batches)
    other = ds.pytorch(shuffle=True, batch_size=4)
    other.load_state_dict(loader.state_dict())
    other.sampler.set_epoch(0)
    assert rows(other) == whole[4:]
    other.sampler.set_epoch(0)
    assert rows(other) == whole
    batches.close()


def test_pinned_batches(ds: deeplake.Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.accelerator, "is_available", lambda: True)
    monkeypatch.setattr(torch.Tensor, "pin_memory", lambda self: -self)
    loader = ds.pytorch(pin_memory=True, batch_size=4, tensors=["labels"], return_index=False)
    assert loader.pin_memory
    batches = iter(loader)
    assert len(batches) == 7
    assert next(batches)["labels"].reshape(-1).tolist() == [0, -1, -2, -3]
    assert len(list(batches)) == 6
    iter(loader).close()


def test_progressbar(ds: deeplake.Dataset, capsys: pytest.CaptureFixture[str]) -> None:
    assert len(list(ds.pytorch(progressbar=True, batch_size=13))) == 2
    assert "epoch 0: 100%" in capsys.readouterr().err


# --------------------------------------------------------------------------- what is refused
@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"tensors": ["index"]}, ValueError, "'index' is no tensor"),
        ({"tensors": "images"}, ValueError, "a list of names"),
        ({"tensors": ["nope"]}, errors.TensorDoesNotExistError, "'nope' does not exist"),
        ({"transform": {"nope": None}}, errors.TensorDoesNotExistError, "'nope' does not exist"),
        ({"transform": 3}, TypeError, "a transform is a callable"),
        ({"batch_size": 0}, ValueError, "batch_size must be at least 1"),
        ({"num_workers": -1}, ValueError, "num_workers must be at least 0"),
        ({"num_threads": 0}, ValueError, "num_threads must be at least 1"),
        ({"buffer_size": 0}, ValueError, "buffer_size is a positive number"),
        ({"decode_method": {"images": "x"}}, ValueError, "there are 'numpy'"),
        ({"decode_method": {"labels": "pil"}}, ValueError, "'jpeg' or 'png'"),
        ({"decode_method": {"nope": "numpy"}}, ValueError, "decode_method names 'nope'"),
        (
            {"decode_method": {"images": "pil"}, "tensors": ["labels"]},
            ValueError,
            "decode_method names 'images', which is not loaded",
        ),
        ({"nonsense": 1}, TypeError, "no argument 'nonsense'"),
    ],
)
def test_refused(ds: deeplake.Dataset, options: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=re.escape(message)):
        ds.pytorch(**options)


def test_arguments_of_old(ds: deeplake.Dataset) -> None:
    loader = ds.pytorch(
        use_local_cache=True, cache_size=64, persistent_workers=True, timeout=3, prefetch_factor=4
    )
    assert len(list(loader)) == 26


def test_empty_tensors_are_refused_at_once(make: Any) -> None:
    ds = make(x=[1, 2], y=[])
    with pytest.raises(errors.EmptyTensorError, match="can't be created"):
        ds.pytorch()
    assert len(ds.pytorch(tensors=["x"])) == 2
    lazily = ds.dataloader().pytorch()
    assert len(lazily) == 0
    with pytest.raises(errors.EmptyTensorError):
        iter(lazily)


def test_modes_exclude_each_other(ds: deeplake.Dataset) -> None:
    loader = ds.dataloader().pytorch()
    for call, message in (
        (loader.pytorch, "already called .pytorch()"),
        (loader.numpy, "Can't call .numpy() after .pytorch()"),
    ):
        with pytest.raises(ValueError, match=re.escape(message)):
            call()
    with pytest.raises(ValueError, match=r"specified in the \.pytorch method"):
        ds.dataloader().pytorch(tensors=["labels"]).transform({"labels": None})


# --------------------------------------------------------------------------- ranks
def test_ranks_of_the_environment(ds: deeplake.Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    loader = ds.dataloader().batch(4).shuffle().pytorch(distributed=True)
    for refused in (lambda: len(loader), lambda: iter(loader)):
        with pytest.raises(ValueError, match="RANK and WORLD_SIZE"):
            refused()
    monkeypatch.setenv("WORLD_SIZE", "3")
    seen = []
    for rank in range(3):
        monkeypatch.setenv("RANK", str(rank))
        mine = ds.dataloader().batch(4).shuffle().pytorch(distributed=True)
        assert len(mine) == len(list(mine)) == 3
        mine.set_epoch(0)
        seen += rows(mine)
    assert sorted(seen) == list(range(26))
    assert len(ds.pytorch(batch_size=4)) == 7  # nobody asked for ranks


RANK = """
import sys, torch, numpy as np, deeplake
import torch.distributed as dist

rank, path, port = int(sys.argv[1]), sys.argv[2], sys.argv[3]
dist.init_process_group("gloo", init_method=f"tcp://127.0.0.1:{port}", rank=rank, world_size=2)
ds = deeplake.load(path)
for loader in (
    ds.pytorch(batch_size=3, shuffle=True, tensors=["x"]),
    ds.dataloader().batch(3).shuffle().pytorch(distributed=True, tensors=["x"]),
):
    for _ in range(2):
        steps = 0
        seen = torch.zeros(20, dtype=torch.int64)
        for batch in loader:
            seen[batch["index"].reshape(-1)] += 1
            dist.all_reduce(batch["x"].sum())  # hangs unless all ranks take as many steps
            steps += 1
        dist.all_reduce(seen)
        assert steps == len(loader) == 4, steps
        assert (seen == 1).all(), seen
assert len(ds.dataloader().batch(3).pytorch()) == 7
dist.destroy_process_group()
print("fine")
"""


def test_two_processes(tmp_path: Any, make: Any) -> None:
    make(str(tmp_path / "ds"), x=np.arange(20.0))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    ranks = [
        subprocess.Popen(
            [sys.executable, "-c", RANK, str(rank), str(tmp_path / "ds"), str(port)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )
        for rank in range(2)
    ]
    done = [rank.communicate() for rank in ranks]
    assert [out for out, _ in done] == ["fine\n"] * 2, done


# --------------------------------------------------------------------------- sequences
def test_sequences_are_loaded_by_the_fluent_loader() -> None:
    ds = deeplake.empty("mem://torch-sequences")
    frames = np.arange(6 * 2 * 3, dtype=np.uint16).reshape(6, 2, 3)
    ds.create_tensor("frames", htype="sequence").extend(frames)
    ds.create_tensor("words", htype="sequence[text]").extend([["a", "b"]] * 6)
    ds.create_tensor("ragged", htype="sequence").extend([[1.0] * (i % 3) for i in range(6)])
    loader = ds.dataloader().batch(3).pytorch(tensors=["frames", "words"])
    found = list(loader)
    assert torch.equal(
        torch.cat([b["frames"] for b in found]), torch.tensor(frames.astype(np.int32))
    )
    assert found[0]["frames"].dtype == torch.int32
    assert found[0]["words"] == [["a", "b"]] * 3
    with pytest.raises(RuntimeError, match="equal size"):
        next(iter(ds.dataloader().batch(3).pytorch(tensors=["ragged"])))
    lengths = (
        ds.dataloader()
        .batch(6)
        .pytorch(tensors=["ragged"], collate_fn=lambda rows: [len(row["ragged"]) for row in rows])
    )
    assert list(lengths) == [[0, 1, 2, 0, 1, 2]]
    with pytest.raises(NotImplementedError, match="'frames'"):
        ds.pytorch(tensors=["frames"])


def test_worker_processes_send_tensors(make: Any, tmp_path: Any) -> None:
    path = str(tmp_path / "ds")
    make(path, x=np.arange(40, dtype=np.float32).reshape(20, 2))
    ds = deeplake.load(path)

    def tensors(sample: Any) -> Any:
        x = torch.from_numpy(sample["x"])
        return {"x": x, "half": x.to(torch.bfloat16), "n": int(x[0])}

    for collate in (None, lambda samples: torch.stack([s["x"] for s in samples])):
        batches = {}
        for workers in (0, 2):
            loader = ds.pytorch(
                transform=tensors, batch_size=6, num_workers=workers, collate_fn=collate
            )
            batches[workers] = list(loader)
        assert len(batches[0]) == len(batches[2]) == 4
        for a, b in zip(batches[0], batches[2], strict=True):
            if collate is None:
                assert a["half"].dtype == b["half"].dtype == torch.bfloat16
                assert all(torch.equal(a[key], b[key]) for key in ("x", "half", "n"))
            else:
                assert torch.equal(a, b)


# --------------------------------------------------------------------------- rows by number
def test_a_map_style_dataset(ds: Any) -> None:
    samples = ds.torch_dataset(transform={"images": ToTensor(), "labels": None, "index": None})
    assert isinstance(samples, torch.utils.data.Dataset)
    assert len(samples) == 26
    assert samples[3]["images"].shape == (3, 12, 10)
    assert torch.equal(samples[-1]["labels"], torch.tensor([25]))
    with pytest.raises(IndexError):
        samples[26]
    sampler = torch.utils.data.WeightedRandomSampler([1.0] * 13 + [0.0] * 13, 40)
    batches = list(DataLoader(samples, batch_size=8, sampler=sampler))
    assert sum(len(batch["labels"]) for batch in batches) == 40
    assert max(int(batch["index"].max()) for batch in batches) < 13


def test_rows_by_number_in_processes_of_torch(make: Any, tmp_path: Any) -> None:
    path = str(tmp_path / "ds")
    make(path, x=np.arange(20))
    samples = deeplake.load(path)[::-1].torch_dataset(return_index=False)
    loader = DataLoader(samples, batch_size=5, num_workers=1, multiprocessing_context="spawn")
    seen = [int(x) for batch in loader for x in batch["x"]]
    assert seen == list(range(19, -1, -1))


def test_loaders_for_numpy_are_torch_loaders_too() -> None:
    ds = deeplake.empty("mem://kin")
    ds.create_tensor("x").extend([1, 2, 3])
    plain = ds.dataloader().batch(2)
    assert isinstance(plain, DataLoader)
    assert isinstance(plain.numpy(), DataLoader)
    for loader in (plain, plain.numpy(), plain.pytorch(num_workers=0)):
        assert (loader.batch_size, loader.drop_last, loader.num_workers) == (2, False, 0)
        assert (loader.prefetch_factor, loader.persistent_workers) == (2, False)
        assert (loader.pin_memory, loader.timeout) == (False, 0)
        assert loader.dataset is ds
        for name in ("sampler", "batch_sampler", "generator", "multiprocessing_context"):
            assert hasattr(loader, name)
        loader.worker_init_fn = int
        assert loader.worker_init_fn is int
        assert isinstance(loader, type(plain))
    assert type(plain).__name__ == plain.__class__.__name__ == "DeepLakeDataLoader"
    assert [[row["x"].item() for row in batch] for batch in plain] == [[1, 2], [3]]
    with pytest.raises(TypeError, match="make a loader of it there"):
        pickle.dumps(plain)
