"""What the package has (api.md, section 1)."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import pytest

import deeplake
from deeplake.errors import DeepLakeError

ALL = [
    "tensor",
    "read",
    "link",
    "__version__",
    "load",
    "empty",
    "exists",
    "compute",
    "compose",
    "copy",
    "dataset",
    "Dataset",
    "deepcopy",
    "like",
    "ingest_classification",
    "ingest_coco",
    "ingest_yolo",
    "ingest_kaggle",
    "ingest_dataframe",
    "ingest_huggingface",
    "export_yolo",
    "compressions",
    "htypes",
    "config",
    "delete",
    "query",
    "rename",
    "random",
]
BESIDE = [
    "link_tiled",
    "tiled",
    "Tensor",
    "VectorStore",
    "connect",
    "huggingface",
    "htype",
    "HTYPE_CONFIGURATIONS",
]


def test_what_a_star_imports() -> None:
    assert sorted(deeplake.__all__) == sorted(ALL)
    namespace: dict[str, Any] = {}
    exec("from deeplake import *", namespace)
    assert all(namespace[name] is getattr(deeplake, name) for name in ("copy", "load", "rename"))


@pytest.mark.parametrize("name", BESIDE)
def test_what_is_there_beside(name: str) -> None:
    assert getattr(deeplake, name) is not None
    assert name in dir(deeplake)


def test_there_is_no_list() -> None:
    assert not hasattr(deeplake, "list")


def test_names_of_compressions_and_htypes() -> None:
    *names, last = deeplake.compressions
    assert last is None
    assert names == sorted(filter(None, names))
    assert {"jpeg", "jpg", "png", "lz4", "mp4", "wav"} <= set(names)
    assert deeplake.htypes == sorted(deeplake.htypes)
    assert deeplake.htype.BBOX_3D == "bbox.3d"
    assert set(deeplake.HTYPE_CONFIGURATIONS) == set(deeplake.htypes)
    assert deeplake.HTYPE_CONFIGURATIONS["bbox"]["dtype"] == "float32"
    assert "coords" in deeplake.HTYPE_CONFIGURATIONS["bbox"]


def test_functions_are_attributes_of_dataset() -> None:
    for name in (
        "load", "empty", "exists", "delete", "like", "copy", "deepcopy", "rename", "connect", "query",
    ):  # fmt: skip
        assert getattr(deeplake.dataset, name) is getattr(deeplake, name)
    ds = deeplake.dataset("mem://section-1")
    assert isinstance(ds, deeplake.Dataset)


def test_random() -> None:
    try:
        deeplake.random.seed(7)
        assert deeplake.random.get_seed() == 7
        for wrong in ("7", 7.0):
            with pytest.raises(TypeError) as caught:
                deeplake.random.seed(wrong)  # type: ignore[arg-type]
            assert isinstance(caught.value, DeepLakeError)
    finally:
        deeplake.random.seed()
    assert deeplake.random.get_seed() is None


def test_settings() -> None:
    assert dict(deeplake.config["s3"]) == {
        "max_pool_connections": 50,
        "connect_timeout": 300,
        "read_timeout": 300,
    }
    assert isinstance(deeplake.huggingface, ModuleType)
    assert deeplake.huggingface.ingest_huggingface is deeplake.ingest_huggingface
