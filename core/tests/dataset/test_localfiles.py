"""Files of this machine take a short way into tensors: with the same results as the long one."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import deeplake
from deeplake import Dataset
from deeplake.dataset.localfiles import LocalFiles
from deeplake.errors import SampleAppendError

HEIGHTS = [8, 9, 8, 20]


def encoded(array: np.ndarray, format: str = "jpeg", **options: Any) -> bytes:
    file = io.BytesIO()
    Image.fromarray(array).save(file, format, **options)
    return file.getvalue()


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    rng = np.random.default_rng(0)
    paths = []
    for number, height in enumerate(HEIGHTS):
        path = tmp_path / f"{number}.{'JPG' if number % 2 else 'jpeg'}"
        path.write_bytes(encoded(rng.integers(0, 256, (height, 7, 3), dtype=np.uint8)))
        paths.append(path)
    return paths


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Names of the files that took the short way."""
    taken: list[str] = []
    take = LocalFiles.take

    def counted(self: LocalFiles, sample: Any) -> Any:
        run = take(self, sample)
        if run is not None:
            taken.append(os.path.basename(sample.path))
        return run

    monkeypatch.setattr(LocalFiles, "take", counted)
    return taken


@pytest.fixture
def images(ds: Dataset) -> Any:
    return ds.create_tensor("images", htype="image", sample_compression="jpeg")


def names(paths: list[Path]) -> list[str]:
    return [path.name for path in paths]


def test_files_are_stored_as_they_are(images: Any, files: list[Path], short: list[str]) -> None:
    images.extend([deeplake.read(path) for path in files])
    assert short == names(files)[1:]  # the first one decides what the others are
    for row, path in enumerate(files):
        assert images[row].tobytes() == path.read_bytes()
        assert images[row].shape == (HEIGHTS[row], 7, 3)
    images.extend([deeplake.read(str(path)) for path in files])
    assert len(images) == 2 * len(files)
    assert images[4].tobytes() == files[0].read_bytes()


def test_files_of_all_sizes(
    ds: Dataset, tmp_path: Path, short: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("deeplake.versioning.draft.LARGE_CHUNK", 200_000)
    rng = np.random.default_rng(1)
    paths = []
    for number, side in enumerate([2, 300, 10, 200, 5, 400, 250, 4, 4, 120] * 3):
        path = tmp_path / f"{number}.png"
        path.write_bytes(encoded(rng.integers(0, 256, (side, side, 3), dtype=np.uint8), "png"))
        paths.append(path)
    tensor = ds.create_tensor("pngs", htype="image", sample_compression="png")
    with ds:
        tensor.extend([deeplake.read(path) for path in paths])
        tensor.append(deeplake.read(paths[0]))
    assert len(short) == len(paths) - 1
    ds.commit()
    again = deeplake.load(ds.path, read_only=True) if "://" not in ds.path else ds
    assert [one.tobytes() for one in again.pngs] == [p.read_bytes() for p in (*paths, paths[0])]


def test_sequences_of_files(ds: Dataset, files: list[Path], short: list[str]) -> None:
    tensor = ds.create_tensor("s", htype="sequence[image]", sample_compression="jpeg")
    tensor.extend([[deeplake.read(path) for path in files], [deeplake.read(files[0])]])
    assert len(short) == len(files)
    assert [tensor[0, i].tobytes() for i in range(4)] == [path.read_bytes() for path in files]
    assert tensor[1, 0].tobytes() == files[0].read_bytes()


def test_what_is_not_ordinary_goes_the_long_way(
    images: Any, files: list[Path], short: list[str], tmp_path: Path
) -> None:
    rng = np.random.default_rng(1)
    picture = rng.integers(0, 256, (9, 9, 3), dtype=np.uint8)
    png = tmp_path / "really.jpg"
    png.write_bytes(encoded(picture, "png"))
    plain = tmp_path / "no_extension"
    plain.write_bytes(files[0].read_bytes())
    large = tmp_path / "large.jpg"
    noise = rng.integers(0, 256, (1100, 1100, 3), dtype=np.uint8)
    large.write_bytes(encoded(noise, quality=98))
    assert large.stat().st_size > 1 << 20
    held = deeplake.read(files[1])
    assert held.shape == (HEIGHTS[1], 7, 3)  # and so it is read already
    images.extend(
        [deeplake.read(files[0]), deeplake.read(png), deeplake.read(plain), picture, None,
         deeplake.read(large), held, deeplake.read(files[0], compression="jpeg"),
         deeplake.read(files[3])]
    )  # fmt: skip
    assert short == names(files[3:])
    assert images[2].tobytes() == images[0].tobytes() == images[7].tobytes()
    assert images[5].tobytes() == large.read_bytes()
    assert images[6].tobytes() == files[1].read_bytes()
    assert images[1].shape == (9, 9, 3)
    assert images[4].shape == (0, 0, 0)


def test_grey_files_among_coloured_ones(images: Any, files: list[Path], tmp_path: Path) -> None:
    grey = tmp_path / "grey.jpg"
    grey.write_bytes(encoded(np.full((5, 6), 9, np.uint8)))
    with pytest.warns(UserWarning, match="grey"):
        images.extend([deeplake.read(files[0]), deeplake.read(grey), deeplake.read(files[1])])
    assert images[1].shape == (5, 6, 1)
    assert images[1].tobytes() == grey.read_bytes()


def test_images_of_one_kind(ds: Dataset, files: list[Path], tmp_path: Path) -> None:
    grey = tmp_path / "grey.jpg"
    grey.write_bytes(encoded(np.full((5, 6), 9, np.uint8)))
    tensor = ds.create_tensor("rgb", htype="image.rgb", sample_compression="jpeg")
    tensor.extend([deeplake.read(files[0]), deeplake.read(grey), deeplake.read(files[1])])
    assert tensor[1].shape == (5, 6, 3)


@pytest.mark.parametrize(
    "kind", ["missing", "empty", "cut", "directory", "pipe", "other", "locked"]
)
def test_errors_name_file_and_row(
    images: Any, files: list[Path], tmp_path: Path, kind: str
) -> None:
    path = tmp_path / "bad.jpg"
    if kind == "empty":
        path.touch()
    elif kind == "cut":
        path.write_bytes(files[3].read_bytes()[:-40])
    elif kind == "directory":
        path.mkdir()
    elif kind == "pipe":
        if not hasattr(os, "mkfifo"):
            pytest.skip("this system has no named pipes")
        os.mkfifo(path)
    elif kind == "other":
        path.write_bytes(b"no picture at all" * 9)
    elif kind == "locked":
        path.symlink_to(path.name)  # leads to itself
    samples = [deeplake.read(files[0]), deeplake.read(files[1]), deeplake.read(path)]
    with pytest.raises(SampleAppendError, match=r"'images', row 2: .*bad\.jpg"):
        images.extend(samples)
    assert len(images) == 0


def test_the_limit_of_sizes_holds(images: Any, files: list[Path]) -> None:
    limits = deeplake.config["links"]
    before = limits["max_bytes"]
    limits["max_bytes"] = files[3].stat().st_size - 1
    try:
        with pytest.raises(SampleAppendError, match=r"'images', row 1: .*3\.JPG.*max_bytes"):
            images.extend([deeplake.read(files[0]), deeplake.read(files[3])])
    finally:
        limits["max_bytes"] = before
    images.extend([deeplake.read(files[0]), deeplake.read(files[3])])
    assert images[1].tobytes() == files[3].read_bytes()
