"""Crops that decoders make: the same as decoding first and cropping then."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import deeplake
from deeplake import transforms as T
from deeplake.errors import ChecksumError, CorruptedSampleError, TransformFailedError
from deeplake.loader.picture import PictureColumn


def soft(height: int, width: int, seed: int) -> np.ndarray:
    """A picture with structure, and without the edges on which resizers differ."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:height, :width] / 100
    waves = [np.sin(a * x + b * y + c) for a, b, c in rng.uniform(0.5, 2, (3, 3))]
    picture: np.ndarray = (128 + 100 * np.stack(waves, axis=2)).astype(np.uint8)
    return picture


def psnr(first: np.ndarray, second: np.ndarray) -> float:
    error = np.mean((first.astype(float) - second.astype(float)) ** 2)
    return float(10 * np.log10(255**2 / max(error, 1e-9)))


def both(
    ds: deeplake.Dataset, transform: Any, monkeypatch: pytest.MonkeyPatch, **kwargs: Any
) -> tuple[list[Any], list[Any]]:
    """Samples with the transform handed to the decoder, and called on decoded images."""
    deeplake.random.seed(5)
    loader = ds.dataloader().transform({"images": transform}).batch(7).numpy(**kwargs)
    pushed = [sample["images"] for batch in loader for sample in batch]
    (column,) = loader._ready().columns.values()
    assert isinstance(column, PictureColumn), "the transform is called on decoded images"
    deeplake.random.seed(5)
    loader = ds.dataloader().transform({"images": transform}).batch(7).numpy(**kwargs)
    with monkeypatch.context() as patch:
        patch.setattr(PictureColumn, "fits", classmethod(lambda *_: False))
        plain = [sample["images"] for batch in loader for sample in batch]
    return pushed, plain


@pytest.fixture(scope="module")
def jpegs() -> deeplake.Dataset:
    """JPEGs of many sizes."""
    ds = deeplake.empty("mem://jpegs")
    with ds:
        ds.create_tensor("images", htype="image", sample_compression="jpeg")
        ds.create_tensor("labels", htype="class_label")
        for i in range(20):
            ds.append({"images": soft(150 + 11 * i, 250 - 5 * i, i), "labels": i})
    return ds


EVALUATION = T.Compose([T.Resize(64), T.CenterCrop(56)])
TRAINING = T.Compose([T.RandomResizedCrop(48), T.RandomHorizontalFlip()])


@pytest.mark.parametrize("transform", [EVALUATION, TRAINING, T.Resize((31, 47)), T.RandomCrop(32)])
def test_decoders_crop_as_the_transform_does(
    jpegs: deeplake.Dataset, transform: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    pushed, plain = both(jpegs, transform, monkeypatch)
    assert [a.shape for a in pushed] == [b.shape for b in plain]
    qualities = [psnr(a, b) for a, b in zip(pushed, plain, strict=True)]
    assert min(qualities) > 32
    assert np.median(qualities) > 36


def test_pixels_are_changed_in_the_batch(
    jpegs: deeplake.Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    mean, std = (0.4, 0.5, 0.6), (0.2, 0.25, 0.3)
    for tail in ([T.ToCHW(), T.Normalize(mean, std)], [T.Normalize(mean, std), T.ToCHW()]):
        transform = T.Compose([T.RandomResizedCrop(32), T.RandomVerticalFlip(), *tail])
        pushed, plain = both(jpegs, transform, monkeypatch, num_threads=3)
        for a, b in zip(pushed, plain, strict=True):
            assert a.dtype == np.float32
            assert a.shape == (3, 32, 32)
            assert np.abs(a - b).mean() < 0.1


@pytest.mark.parametrize("num_threads", [1, 8])
def test_batches_of_channels_first(jpegs: deeplake.Dataset, num_threads: int) -> None:
    transform = T.Compose([T.CenterCrop(100), T.ToCHW()])
    loader = jpegs.dataloader().transform({"images": transform, "index": None})
    batches = list(loader.batch(20).numpy(num_threads=num_threads))
    for i, sample in enumerate(batches[0]):
        image = jpegs.images[i].numpy()
        top, left = (round((side - 100) / 2) for side in image.shape[:2])
        expected = image[top : top + 100, left : left + 100].transpose(2, 0, 1)
        assert np.array_equal(sample["images"], expected)
        assert sample["index"] == i


@pytest.mark.parametrize("compression", [None, "png", "bmp", "lz4"])
@pytest.mark.parametrize("transform", [TRAINING, T.Compose([T.CenterCrop(16), T.ToCHW()])])
def test_any_compression(
    make: Any, compression: str | None, transform: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    images = [soft(60 + i, 70, i) for i in range(9)]
    ds = make(images=(images, {"htype": "image", "sample_compression": compression}))
    pushed, plain = both(ds, transform, monkeypatch)
    assert len(pushed) == 9
    for a, b in zip(pushed, plain, strict=True):
        # Exactly, or rounded as OpenCV does it.
        assert np.abs(a.astype(int) - b).max() <= (compression == "png")


def test_gray_images_and_masks_get_the_same_crop(make: Any) -> None:
    rng = np.random.default_rng(0)
    masks = [rng.integers(0, 4, (50, 60 + i), dtype=np.uint8) for i in range(12)]
    image = {"htype": "image", "sample_compression": "png"}
    ds = make(images=(masks, image), masks=(masks, image))
    crop = T.RandomResizedCrop(20, interpolation="nearest")
    loader = ds.dataloader().transform({"images": crop, "masks": crop}).batch(5).shuffle()
    for batch in loader.numpy():
        for sample in batch:
            assert sample["images"].shape == (20, 20)
            assert np.array_equal(sample["images"], sample["masks"])
            assert set(np.unique(sample["masks"])) <= {0, 1, 2, 3}


def test_small_images_without_crops(make: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (40, 8, 8, 3), dtype=np.uint8)
    ds = make(images=(images, {"htype": "image", "sample_compression": None}))
    for tail in ([], [T.ToCHW()], [T.Normalize(0.5, 0.5)], [T.ToCHW(), T.Normalize(0.5, 0.5)]):
        transform = T.Compose([T.RandomHorizontalFlip(), *tail])
        pushed, plain = both(ds, transform, monkeypatch)
        assert np.array_equal(np.stack(pushed), np.stack(plain))
    assert np.array_equal(ds.images.numpy(), images), "what is stored changed"


def test_random_numbers_depend_on_seed_epoch_and_row_only(jpegs: deeplake.Dataset) -> None:
    def seen(threads: int, batch: int, shuffle: bool) -> dict[int, bytes]:
        deeplake.random.seed(11)
        loader = jpegs.dataloader().transform({"images": TRAINING, "index": None})
        loader = loader.batch(batch).shuffle(shuffle).numpy(num_threads=threads)
        loader.set_epoch(3)
        return {int(s["index"][0]): s["images"].tobytes() for b in loader for s in b}

    first = seen(1, 20, False)
    assert seen(4, 3, True) == first
    deeplake.random.seed(11)
    loader = jpegs.dataloader().transform({"images": TRAINING}).batch(20).numpy()
    epochs = [np.stack([s["images"] for s in batch]) for _ in range(2) for batch in loader]
    assert not np.array_equal(*epochs)


def test_a_generator_for_each_row(jpegs: deeplake.Dataset) -> None:
    def noise(label: np.ndarray, rng: np.random.Generator) -> float:
        return float(rng.random()) + int(label[0])

    def seen(threads: int) -> list[float]:
        deeplake.random.seed(2)
        loader = jpegs.dataloader().transform({"labels": noise}).batch(4)
        return [s["labels"] for b in loader.numpy(num_threads=threads) for s in b]

    first = seen(1)
    assert seen(8) == first
    assert len({value % 1 for value in first}) == 20
    # A row that is drawn twice is not transformed the same way twice.
    deeplake.random.seed(2)
    again = jpegs[:1].dataloader().sample_by([1.0], size=6).transform({"labels": noise}).batch(6)
    (batch,) = again.numpy()
    assert len({sample["labels"] for sample in batch}) == 6


def test_what_does_not_fit_names_tensor_and_row(jpegs: deeplake.Dataset) -> None:
    loader = jpegs.dataloader().transform({"images": T.CenterCrop(200)}).batch(4).numpy()
    with pytest.raises(TransformFailedError, match="'images' failed on row 0: .*150 x 250"):
        next(iter(loader))
    # The shorter ones are left out.
    loader = jpegs.dataloader(ignore_errors=True).transform({"images": T.CenterCrop(200)})
    kept = [sample["images"].shape for batch in loader.batch(4).numpy() for sample in batch]
    assert kept == [(200, 200, 3)] * 6


def test_rows_without_an_image(make: Any) -> None:
    ds = make(images=([soft(40, 40, 0)], {"htype": "image", "sample_compression": "jpeg"}))
    with ds:
        ds.images.append(None)
    loader = ds.dataloader().transform({"images": T.Resize((8, 8))}).batch(2).numpy()
    with pytest.raises(TransformFailedError, match="row 1: .*no pixels"):
        list(loader)


def test_damaged_files_name_tensor_and_row(make: Any) -> None:
    good = soft(64, 64, 1)
    ds = make(images=([good], {"htype": "image", "sample_compression": "jpeg"}))
    file = ds.images[0].tobytes()
    with ds:
        # Its header is whole, and it has an end; what lies between is not.
        ds.images.append(_file(file[: len(file) // 2] + file[-2:]))
    loader = ds.dataloader().transform({"images": T.Resize((8, 8))}).batch(2).numpy()
    with pytest.raises(CorruptedSampleError, match="tensor 'images', row 1"):
        list(loader)


@pytest.mark.parametrize("shuffle", [False, True], ids=["in order", "shuffled"])
@pytest.mark.parametrize("cropped", [False, True], ids=["whole", "cropped"])
def test_changed_bytes_are_no_picture(
    make: Any, tmp_path: Path, shuffle: bool, cropped: bool
) -> None:
    rng = np.random.default_rng(0)
    noise = [rng.integers(0, 256, (180, 240, 3), dtype=np.uint8) for _ in range(12)]
    path = str(tmp_path / "ds")
    make(path, images=(noise, {"htype": "image", "sample_compression": "jpeg"}))
    file = deeplake.load(path).images[7].tobytes()
    assert len(file) > 16 << 10, "as large as those that are read, not mapped, in random order"
    (stored,) = (f for f in (tmp_path / "ds" / "data").rglob("*") if file in f.read_bytes())
    data = stored.read_bytes()
    at = data.index(file) + len(file) // 2
    stored.chmod(0o644)
    stored.write_bytes(data[:at] + bytes([data[at] ^ 4]) + data[at + 1 :])
    transform = T.Resize((64, 64)) if cropped else None
    for ignore in (False, True):
        loader = deeplake.load(path).dataloader(ignore_errors=ignore, verbose=False)
        loader = loader.transform({"images": transform}).batch(4).shuffle(shuffle)
        if ignore:
            assert sum(map(len, loader.numpy(num_threads=2))) == 11
            continue
        with pytest.raises(ChecksumError) as caught:
            list(loader.numpy(num_threads=2))
        assert "tensor 'images'" in "".join(caught.value.__notes__)


def test_empty_files_between_others(make: Any, tmp_path: Path) -> None:
    pictures = [soft(40, 50, i) for i in range(6)]
    path = str(tmp_path / "ds")
    ds = make(path, images=(pictures, {"htype": "image", "sample_compression": "jpeg"}))
    with ds:
        ds.images[2] = None
    reader = deeplake.load(path).dataloader(ignore_errors=True, verbose=False)
    loader = reader.transform({"images": T.Resize((8, 8))}).batch(6).numpy()
    (batch,) = list(loader)
    expected = T.Resize((8, 8))
    for sample, i in zip(batch, (0, 1, 3, 4, 5), strict=True):
        assert psnr(sample["images"], expected(pictures[i])) > 25


def _file(data: bytes) -> Any:
    from deeplake.dataset.sample import Sample

    return Sample(buffer=data, compression="jpeg")


def test_other_functions_follow_the_crop(jpegs: deeplake.Dataset) -> None:
    transform = T.Compose([T.CenterCrop(10), np.mean, float])
    loader = jpegs.dataloader().transform({"images": transform, "labels": None}).batch(5)
    for batch in loader.numpy():
        for sample in batch:
            image = jpegs.images[int(sample["labels"][0])].numpy()
            assert sample["images"] == float(np.mean(T.CenterCrop(10)(image)))


def test_views_of_parts_of_images_are_cropped_afterwards(jpegs: deeplake.Dataset) -> None:
    view = jpegs[:, 20:100, 30:120]
    loader = view.dataloader().transform({"images": T.CenterCrop(8)}).batch(20).numpy()
    (batch,) = loader
    for i, sample in enumerate(batch):
        part = jpegs.images[i].numpy()[20:100, 30:120]
        assert np.array_equal(sample["images"], T.CenterCrop(8)(part))


def test_large_images_are_read_in_parts(make: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    images = [soft(300, 400, i) for i in range(3)]
    meta = {"htype": "image", "sample_compression": None, "tiling_threshold": 50_000}
    ds = make(images=(images, meta))
    pushed, plain = both(ds, TRAINING, monkeypatch)
    for a, b in zip(pushed, plain, strict=True):
        assert np.array_equal(a, b)
