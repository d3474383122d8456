"""Code that users already have runs unchanged, but for its paths: ``seed_readme.py`` and
``seed_dataloader.py``, executed cell by cell.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

import deeplake

HERE = Path(__file__).parent
CLASSES = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"]


class Script:
    """A file of cells (``# %% title``), executed one after the other in one namespace."""

    def __init__(self, path: Path, start: str | None = None) -> None:
        self.path = path
        self.names: dict[str, Any] = {"__name__": "__main__"}
        self._cells: dict[str, str] = {}
        lines = path.read_text(encoding="utf-8").split("\n")
        starts = [i for i, line in enumerate(lines) if line.startswith("# %% ")]
        for first, stop in pairwise([*starts, len(lines)]):
            # Empty lines before it keep the line numbers of tracebacks right.
            self._cells[lines[first][5:]] = "\n" * first + "\n".join(lines[first:stop])
        while start is not None and next(iter(self._cells)) != start:
            del self._cells[next(iter(self._cells))]

    def run(self, title: str) -> None:
        [first, *_] = self._cells  # in the order of the file, and none left out
        assert title == first
        exec(compile(self._cells.pop(title), str(self.path), "exec"), self.names)

    def check_over(self) -> None:
        assert not self._cells

    def __getattr__(self, name: str) -> Any:
        return self.names[name]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty working directory, a torchvision that imports, and repeatable random numbers."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(HERE / "stand_in")
    for name in [name for name in sys.modules if name.split(".")[0] == "torchvision"]:
        monkeypatch.delitem(sys.modules, name)
    np.random.seed(0)
    torch.manual_seed(0)
    deeplake.random.seed(0)
    # Several processes of several threads each get into each other's way: pytest runs some already.
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield tmp_path
    torch.set_num_threads(threads)
    deeplake.random.seed(None)
    for name in [name for name in sys.modules if name.split(".")[0] == "torchvision"]:
        del sys.modules[name]


def coloured(rows: int, shape: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Noisy images of ten shades, and which shade it is: a network learns that quickly."""
    rng = np.random.default_rng(0)
    labels = np.arange(rows, dtype=np.uint32) % 10
    noise = rng.integers(0, 20, (rows, *shape), dtype=np.uint8)
    shades = (labels * 23).astype(np.uint8).reshape(-1, *[1] * len(shape))
    return shades + noise, labels


def make_dataset(path: str, rows: int, shape: tuple[int, ...], names: list[str]) -> None:
    images, labels = coloured(rows, shape)
    ds = deeplake.empty(path)
    ds.create_tensor("images", htype="image", sample_compression="png")
    ds.create_tensor("labels", htype="class_label", class_names=names)
    with ds:
        ds.extend({"images": images, "labels": labels})
    ds.commit()


def test_train_on_cifar(capsys: pytest.CaptureFixture[str]) -> None:
    make_dataset("./cifar10-train", 400, (32, 32, 3), CLASSES)
    script = Script(HERE / "seed_readme.py")
    script.run("Load CIFAR 10")
    script.run("Inspect its tensors")
    assert str(script.ds.tensors.keys()) == "dict_keys(['images', 'labels'])"
    assert script.ds.labels[6].numpy().tolist() == [6]
    assert repr(script.ds.labels[6].numpy()) == "array([6], dtype=uint32)"

    script.run("A transform, and the loader in one line")
    assert len(script.deeplake_loader) == 100
    assert isinstance(script.deeplake_loader, torch.utils.data.DataLoader)

    script.run("Model, loss and optimizer")
    assert sum(p.numel() for p in script.net.parameters()) == 11_689_512 - 990 * 513

    script.run("The training loop for 2 epochs")
    lines = capsys.readouterr().out.splitlines()
    printed = [re.fullmatch(r"\[(\d),   100\] loss: (\d\.\d{3})", line).groups() for line in lines]
    assert [epoch for epoch, _ in printed] == ["1", "2"]
    assert float(printed[1][1]) < float(printed[0][1])
    assert script.images.shape == (4, 3, 32, 32)
    assert script.images.dtype == torch.float32
    assert -1 <= script.images.min() <= script.images.max() <= 1
    assert script.labels.shape == (4, 1)


def test_create_append_and_load() -> None:
    Path("files").mkdir()
    pictures, _ = coloured(3, (60, 80, 3))
    for number, picture in enumerate(pictures):
        Image.fromarray(picture).save(f"files/{number}.jpg", quality=93)
    bikes = deeplake.empty("./objectron_bike_train")
    bikes.create_tensor("image", htype="image", sample_compression="jpeg")
    bikes.image.append(deeplake.read("files/0.jpg"))

    script = Script(HERE / "seed_readme.py", start="An empty dataset")
    script.run("An empty dataset")
    script.run("A tensor for images")
    assert script.images is script.ds.images
    assert script.images.htype == "image"

    script.run("Append files")
    assert len(script.ds.images) == 3
    script.run("Append arrays")
    assert len(script.ds.images) == 1003

    script.run("Load the dataset")
    assert len(script.ds) == 1003
    for number in range(3):
        stored = script.ds.images[number].tobytes()
        assert stored == Path(f"files/{number}.jpg").read_bytes()
        assert script.ds.images[number].shape == (60, 80, 3)
    last = script.ds.images[-1].numpy()
    assert last.dtype == np.uint8
    # Noise is what JPEG keeps worst; what comes back is still this image, and no other.
    assert np.corrcoef(last.ravel(), script.random_image.ravel())[0, 1] > 0.5
    assert script.ds.images.shape == (1003, None, None, 3)

    script.run("Load another one")
    script.run("Its first image")
    assert np.array_equal(script.image_arr, np.asarray(Image.open("files/0.jpg")))
    script.check_over()


def test_dataloader() -> None:
    make_dataset("./fashion-mnist-train", 100, (28, 28), [f"kind {i}" for i in range(10)])
    kinds = ["car", "motorcycle", "cat"]
    coco = deeplake.empty("./coco-train")
    with coco:
        coco.create_tensor("categories", htype="class_label", class_names=kinds)
        coco.categories.extend([[0], [1, 2], [2], [0, 1], [2, 2]] * 20)
    script = Script(HERE / "seed_dataloader.py")
    script.run("pytorch")
    assert script.i == 3
    assert script.sample["images"].shape == (4, 1, 28, 28)
    assert script.sample["images"].dtype == torch.float32
    assert script.sample["labels"].shape == (4, 1)
    assert sorted(script.sample.keys()) == ["images", "labels"]
    epoch = [labels.reshape(-1).tolist() for _, labels in script.train_loader]
    assert sorted(label for batch in epoch for label in batch) == sorted([*range(10)] * 10)

    script.run("query")
    labels = [int(s["labels"][0]) for batch in script.query_ds_train for s in batch]
    assert labels == [label for _ in range(10) for label in range(10) if label != 5]
    script.run("query: a union")
    found = [s["categories"].tolist() for batch in script.query_ds_train for s in batch]
    assert found.count([0]) == found.count([1, 2]) == found.count([0, 1]) == 20
    assert len(found) == 60

    script.run("sample_by: weights by condition")
    drawn = [int(s["labels"][0]) for batch in script.sampled_ds for s in batch]
    assert len(drawn) == 100
    assert set(drawn) == {5, 6}
    assert drawn.count(5) > drawn.count(6)
    script.run("sample_by: a tensor as weights")
    drawn = [int(s["labels"][0]) for batch in script.sampled_ds for s in batch]
    assert len(drawn) == 100
    assert 0 not in drawn
    script.run("sample_by: given weights")
    drawn = [int(s["labels"][0]) for batch in script.sampled_ds for s in batch]
    assert len(drawn) == 100

    script.run("tensorflow")
    assert script.i == 3
    assert script.sample["images"].shape == (4, 28, 28)
    assert script.sample["images"].dtype.name == "uint8"
    assert sorted(script.sample.keys()) == ["images", "index", "labels"]
    script.check_over()
