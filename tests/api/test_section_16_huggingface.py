"""``ingest_huggingface`` (api.md, section 16), with real datasets of Hugging Face's library."""

from __future__ import annotations

import datetime
import inspect
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import datasets
import numpy as np
import pytest
import soundfile
from PIL import Image

import deeplake
from deeplake.errors import DatasetHandlerError, IngestionError

QUIET: dict[str, Any] = {"use_progressbar": False}


def jpeg(shade: int) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (8, 6), (shade, 9, 9)).save(file, "JPEG")
    return file.getvalue()


def wav() -> bytes:
    file = io.BytesIO()
    soundfile.write(file, np.sin(np.arange(100) / 7), 8000, format="WAV")
    return file.getvalue()


FEATURES: dict[str, Any] = {
    "text": datasets.Value("string"), "n": datasets.Value("int16"), "x": datasets.Value("float32"),
    "on": datasets.Value("bool"), "label": datasets.ClassLabel(names=["cat", "dög"]),
    "when": datasets.Value("timestamp[s]"), "image": datasets.Image(),
    "sound": datasets.Audio(decode=False),
    "box": {"corner": datasets.Sequence(datasets.Value("float32"), length=2),
            "of": {"kind": datasets.Value("string")}},
    "ints": datasets.Sequence(datasets.Value("int64")),
    "labels": datasets.Sequence(datasets.ClassLabel(names=["a", "b"])),
    "nested": datasets.Sequence(datasets.Sequence(datasets.Value("int32"))),
    "array": datasets.Array2D((2, 2), "uint8"), "frames": datasets.Sequence(datasets.Image()),
    "said": datasets.Translation(["de", "en"]),
    "words": datasets.Sequence(datasets.Value("string")), "raw": datasets.Value("binary"),
    "parts": [{"a": datasets.Value("int32")}],
}  # fmt: skip


def row(i: int) -> dict[str, Any]:
    return {
        "text": f"ü{i}", "n": i, "x": i / 2, "on": bool(i % 2), "label": i % 2,
        "when": datetime.datetime(2020, 1, 1 + i % 28), "image": {"bytes": jpeg(i), "path": None},
        "sound": {"bytes": wav(), "path": None}, "box": {"corner": [i, 1], "of": {"kind": "k"}},
        "ints": list(range(i % 3)), "labels": [1, 0][: i % 3], "nested": [[i, 1], [2, 3]],
        "array": [[i, 1], [2, 3]], "frames": [{"bytes": jpeg(i), "path": None}] * (i % 3),
        "said": {"de": "Hund", "en": "dog"}, "words": ["w"], "raw": b"x", "parts": [{"a": 1}],
    }  # fmt: skip


def made(rows: list[dict[str, Any]]) -> Any:
    """A dataset. Its sounds are files from the start: encoding them would need torchcodec."""
    file = {"bytes": datasets.Value("binary"), "path": datasets.Value("string")}
    features = datasets.Features({**FEATURES, "sound": file})
    found = datasets.Dataset.from_list(rows, features=features)
    return found.cast_column("sound", FEATURES["sound"])


def test_the_signature() -> None:
    found = inspect.signature(deeplake.ingest_huggingface).parameters
    assert list(found)[:5] == ["src", "dest", "use_progressbar", "token", "connect_kwargs"]
    assert found["use_progressbar"].default is True
    assert "ingest_huggingface" in deeplake.__all__
    assert deeplake.dataset.ingest_huggingface is deeplake.ingest_huggingface


def test_every_kind_of_feature(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    count = 7
    source = made([row(i) for i in range(count)])
    deeplake.ingest_huggingface(source, tmp_path / "ds", **QUIET)
    ds = deeplake.load(tmp_path / "ds")
    assert {name: tensor.htype for name, tensor in ds.tensors.items()} == {
        "text": "text", "n": "generic", "x": "generic", "on": "generic", "label": "class_label",
        "when": "text", "image": "image", "sound": "audio", "box/corner": "generic",
        "box/of/kind": "text", "ints": "generic", "labels": "class_label", "nested": "generic",
        "array": "generic", "frames": "sequence[image]", "said/de": "text", "said/en": "text",
    }  # fmt: skip
    assert len(ds) == count
    assert [ds.text[i].text() for i in range(count)] == [f"ü{i}" for i in range(count)]
    assert (ds.n.dtype, ds.x.dtype, ds.on.dtype) == (np.int16, np.float32, np.bool_)
    assert ds.x.numpy().ravel().tolist() == [i / 2 for i in range(count)]
    assert ds.on.numpy().ravel().tolist() == [bool(i % 2) for i in range(count)]
    assert ds.label.info.class_names == ["cat", "dög"]
    assert ds.label.numpy().ravel().tolist() == [0, 1, 0, 1, 0, 1, 0]
    assert ds.when[1].text() == "2020-01-02 00:00:00"
    assert ds.image.meta.sample_compression == "jpeg"
    assert [ds.image[i].tobytes() for i in range(count)] == [jpeg(i) for i in range(count)]
    assert ds.sound.meta.sample_compression == "wav"
    assert ds.sound[3].tobytes() == wav()
    assert ds["box/corner"].numpy().tolist() == [[i, 1] for i in range(count)]
    assert ds["box/of/kind"][0].text() == "k"
    assert [ds.ints[i].numpy().tolist() for i in range(3)] == [[], [0], [0, 1]]
    assert ds.labels[2].data()["text"] == ["b", "a"]
    assert ds.nested[6].numpy().tolist() == [[6, 1], [2, 3]]
    assert ds.array.dtype == np.uint8
    assert ds.array.shape == (count, 2, 2)
    assert ds.frames[2].shape == (2, 6, 8, 3)
    assert ds["said/en"][0].text() == "dog"
    assert "left out, as no tensor can hold them: words, raw, parts" in capsys.readouterr().out
    assert ds.commit("hugging face")


def test_what_is_none_is_an_empty_sample() -> None:
    ds = deeplake.ingest_huggingface(made([row(1), dict.fromkeys(FEATURES)]), "mem://none", **QUIET)
    assert len(ds) == 2
    for name, tensor in ds.tensors.items():
        if tensor.htype == "text":
            assert tensor[1].text() == ""
        else:
            assert 0 in tensor[1].shape, name
    assert ds.n.dtype == np.int16
    assert ds.n[0].numpy().tolist() == [1]


def test_splits_are_groups() -> None:
    frame = datasets.Dataset.from_dict({"a b": [1, 2, 3], "info": ["x", "y", "z"]})
    splits = datasets.DatasetDict({"train": frame, "test": frame.select([2])})
    ds = deeplake.ingest_huggingface(splits, "mem://splits", **QUIET)
    assert set(ds.tensors) == {"train/a_b", "train/info_", "test/a_b", "test/info_"}
    assert ds["train/a_b"].numpy().ravel().tolist() == [1, 2, 3]
    assert ds["test/info_"][0].text() == "z"


def test_more_rows_than_a_batch_in_an_order_of_their_own() -> None:
    source = datasets.Dataset.from_dict(
        {"i": range(3000), "v": [[float(i), 1.0] for i in range(3000)]}
    ).shuffle(seed=3)
    ds = deeplake.ingest_huggingface(source, "mem://many", **QUIET)
    order = source["i"][:]
    assert ds.i.numpy().ravel().tolist() == list(order)
    assert ds.v.numpy()[:, 0].tolist() == list(order)
    assert list(order) != sorted(order)


def test_labels_without_a_label() -> None:
    features = datasets.Features({"l": datasets.ClassLabel(names=["a", "b"])})
    source = datasets.Dataset.from_dict({"l": [1, -1, None]}, features=features)
    ds = deeplake.ingest_huggingface(source, "mem://labels", **QUIET)
    assert [ds.l[i].numpy().tolist() for i in range(3)] == [[1], [], []]


def test_files_by_path_and_broken_ones(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.jpg").write_bytes(jpeg(7))
    images = [
        {"bytes": None, "path": str(tmp_path / "a.jpg")}, {"bytes": b"broken", "path": None},
        {"bytes": None, "path": str(tmp_path / "lost.jpg")}, {"bytes": jpeg(9), "path": None},
    ]  # fmt: skip
    features = datasets.Features({"image": datasets.Image()})
    source = datasets.Dataset.from_dict({"image": images}, features=features)
    ds = deeplake.ingest_huggingface(source, "mem://paths", **QUIET)
    assert ds.image[0].tobytes() == jpeg(7)
    assert ds.image[1].shape == ds.image[2].shape == (0, 0, 0)
    assert ds.image[3].tobytes() == jpeg(9)
    printed = capsys.readouterr().out
    assert "2 files could not be read" in printed
    assert "image, row 1" in printed
    assert "lost.jpg" in printed


@pytest.mark.parametrize(
    "source",
    [
        lambda: "squad",
        lambda: [1],
        lambda: datasets.Dataset.from_dict({"a": [1]}).to_iterable_dataset(),
        lambda: datasets.Dataset.from_dict({"a": [["x"]]}),
        lambda: datasets.Dataset.from_dict({"a.b": [1], "a b": [1]}),
        lambda: datasets.Dataset.from_dict({"a": [[[1], [2, 3]]]}),
    ],
)
def test_what_cannot_be_ingested(tmp_path: Path, source: Callable[[], Any]) -> None:
    with pytest.raises(IngestionError):
        deeplake.ingest_huggingface(source(), tmp_path / "ds", **QUIET)
    assert not deeplake.exists(tmp_path / "ds")


def test_destinations(tmp_path: Path) -> None:
    source = datasets.Dataset.from_dict({"a": [1, 2]})
    deeplake.ingest_huggingface(source, tmp_path / "ds", **QUIET)
    with pytest.raises(DatasetHandlerError, match="overwrite"):
        deeplake.ingest_huggingface(source, tmp_path / "ds", **QUIET)
    ds = deeplake.ingest_huggingface(source, tmp_path / "ds", overwrite=True, **QUIET)
    assert len(ds) == 2
    other = deeplake.empty("mem://open")
    assert deeplake.ingest_huggingface(source, other, **QUIET) is other
    assert other.a.numpy().ravel().tolist() == [1, 2]
    empty = deeplake.ingest_huggingface(source.select([]), "mem://empty", **QUIET)
    assert list(empty.tensors) == ["a"]
