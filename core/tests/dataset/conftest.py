"""What the tests of datasets share: stores to run on, and the whole content of a dataset."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import deeplake
from deeplake import Dataset


@pytest.fixture(params=["mem", "file"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where a dataset may be made: in memory, and in a directory."""
    return "mem://test" if request.param == "mem" else str(tmp_path / "ds")


@pytest.fixture
def ds(url: str) -> Dataset:
    """An empty dataset."""
    return deeplake.empty(url)


@pytest.fixture
def local(tmp_path: Path) -> Dataset:
    """An empty dataset in a directory."""
    return deeplake.empty(tmp_path / "local")


@pytest.fixture
def contents() -> Callable[[Dataset], Any]:
    """Everything that users can see of a dataset, as a value that can be compared."""

    def plain(value: Any) -> Any:
        if isinstance(value, np.ndarray):
            return value.dtype.str, value.shape, value.tolist()
        if isinstance(value, (list, tuple)):
            return [plain(part) for part in value]
        return value

    def tensor(tensor: deeplake.Tensor) -> Any:
        facts = {**tensor.meta, "info": dict(tensor.info)}
        known = tensor.meta.htype is not None and tensor._schema.ndim is not None
        return facts, plain(tensor.numpy(aslist=True)) if known else None

    def of(dataset: Dataset) -> Any:
        tensors = {name: tensor(t) for name, t in dataset.tensors.items()}
        return dict(dataset.info), sorted(dataset.meta.groups), tensors

    return of


def gradient(height: int, width: int, channels: int | None = 3) -> np.ndarray:
    """A smooth picture, which JPEG changes little."""
    y, x = np.mgrid[0:height, 0:width]
    planes = [255 * x / width, 255 * y / height, 127 + 0 * x, 255 - 255 * x / width]
    if channels is None:
        return planes[0].astype(np.uint8)
    return np.stack(planes[:channels], axis=-1).astype(np.uint8)


@pytest.fixture(name="gradient")
def _gradient() -> Callable[..., np.ndarray]:
    return gradient


@pytest.fixture
def picture() -> Callable[..., bytes]:
    """The bytes of an image file: ``picture("png", height, width, channels, **save options)``."""

    def encode(
        format: str, height: int = 20, width: int = 30, channels: int | None = 3, **options: Any
    ) -> bytes:
        out = io.BytesIO()
        Image.fromarray(gradient(height, width, channels)).save(out, format, **options)
        return out.getvalue()

    return encode
