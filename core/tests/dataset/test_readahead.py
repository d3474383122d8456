"""Files behind a network are read on threads before their turn, and not kept."""

from __future__ import annotations

import io
import threading
import time
from typing import Any

import numpy as np
import pytest
from PIL import Image

import deeplake
from deeplake import Dataset
from deeplake.dataset import readahead
from deeplake.errors import SampleAppendError
from deeplake.format import arena


class Slow(dict[str, bytes]):
    """Files that take a while, and how many were asked for at a time."""

    now = most = asked = 0

    def __init__(self, files: dict[str, bytes]) -> None:
        super().__init__(files)
        self.lock = threading.Lock()

    def __getitem__(self, key: str) -> bytes:
        with self.lock:
            self.asked += 1
            self.now += 1
            self.most = max(self.most, self.now)
        time.sleep(0.005)
        with self.lock:
            self.now -= 1
        return super().__getitem__(key)


def pictures(n: int) -> dict[str, bytes]:
    files = {}
    for i in range(n):
        file = io.BytesIO()
        Image.fromarray(np.full((8 + i % 3, 9, 3), i % 256, np.uint8)).save(file, "jpeg")
        files[f"{i}.jpg"] = file.getvalue()
    return files


def read(files: Any, names: Any) -> list[deeplake.Sample]:
    return [deeplake.read(name, storage=files) for name in names]


@pytest.fixture
def images(ds: Dataset) -> Any:
    return ds.create_tensor("images", htype="image", sample_compression="jpeg")


@pytest.mark.parametrize("whole_rows", [True, False])
def test_files_are_read_side_by_side(ds: Dataset, images: Any, whole_rows: bool) -> None:
    files = Slow(pictures(60))
    samples = read(files, files)
    if whole_rows:
        ds.extend({"images": samples})
    else:
        images.extend(samples)
    assert files.most > 4
    assert files.asked == 60
    assert all(sample.is_unread for sample in samples), "what was read for a row is not kept"
    for row, data in enumerate(files.values()):
        assert bytes(images[row].tobytes()) == data


def test_the_same_file_twice_and_others_between(ds: Dataset, images: Any) -> None:
    files = Slow(pictures(6))
    one, two, *rest = read(files, files)
    array = np.zeros((4, 4, 3), np.uint8)
    images.extend([one, array, one, None, two, *rest, two])
    expected = ["0.jpg", None, "0.jpg", None, "1.jpg", "2.jpg", "3.jpg", "4.jpg", "5.jpg", "1.jpg"]
    assert len(images) == len(expected)
    for row, name in enumerate(expected):
        if name is not None:
            assert bytes(images[row].tobytes()) == dict.__getitem__(files, name)


def test_a_missing_file_is_an_error_of_its_row(ds: Dataset, images: Any) -> None:
    files = Slow(pictures(20))
    samples = read(files, [*files, "no.jpg", *files])
    with pytest.raises(
        SampleAppendError, match=r"'images', row 20: no\.jpg: there is no such file"
    ):
        images.extend(samples)
    assert len(images) == 0
    images.extend(samples[:3])
    assert len(images) == 3


def test_large_files_are_not_read_all_at_once(
    ds: Dataset, images: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = Slow(pictures(30))
    size = max(map(len, files.values()))
    monkeypatch.setattr(readahead, "BUDGET", 3 * size)
    images.extend(read(files, files))
    assert files.most <= 4
    assert len(images) == 30


def test_other_formats_are_decoded_and_not_kept(ds: Dataset, images: Any) -> None:
    file = io.BytesIO()
    Image.fromarray(np.full((8, 9, 3), 77, np.uint8)).save(file, "png")
    files = Slow({f"{i}.png": file.getvalue() for i in range(20)})
    samples = read(files, files)
    images.extend(samples)
    assert all(sample.is_unread for sample in samples)
    assert np.abs(images.numpy().astype(int) - 77).max() <= 2


def test_local_files_are_not_kept_either(ds: Dataset, images: Any, tmp_path: Any) -> None:
    for name, data in pictures(20).items():
        (tmp_path / name).write_bytes(data)
    samples = [deeplake.read(tmp_path / f"{i}.jpg") for i in range(20)]
    kept = deeplake.read(tmp_path / "3.jpg")
    buffer = kept.buffer
    images.extend([*samples, kept])
    assert all(sample.is_unread for sample in samples)
    assert kept.buffer is buffer, "what the caller had read stays"


def test_local_files_larger_than_an_arena_s_places_and_smaller(
    ds: Dataset, images: Any, tmp_path: Any
) -> None:
    rng = np.random.default_rng(0)
    contents = []
    for i in range(60):
        side = 900 if i % 10 == 3 else 90 + i
        file = io.BytesIO()
        noise = rng.integers(0, 256, (side, side, 3), dtype=np.uint8)
        Image.fromarray(noise).save(file, "jpeg", quality=98)
        contents.append(file.getvalue())
        (tmp_path / f"{i}.jpg").write_bytes(contents[-1])
    assert max(map(len, contents)) > arena.LARGEST > min(map(len, contents))
    with ds:
        for start in range(0, 60, 7):
            part = [deeplake.read(tmp_path / f"{i}.jpg") for i in range(start, min(start + 7, 60))]
            images.extend(part)
            first = images[start].numpy()
            np.testing.assert_array_equal(first, deeplake.read(tmp_path / f"{start}.jpg").array)
    for row, data in enumerate(contents):
        assert bytes(images[row].tobytes()) == data
    reopened = deeplake.load(ds.path) if not ds.path.startswith("mem://") else ds
    for row, data in enumerate(contents):
        assert bytes(reopened.images[row].tobytes()) == data
