"""What is exported can be read without deeplake, and is the same dataset when it is ingested again."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import deeplake
from deeplake import cli
from deeplake.errors import DatasetHandlerError, IngestionError, PluginNotFoundError
from deeplake.exchange.export import export
from deeplake.exchange.ingest import ingest


@pytest.fixture
def ds() -> deeplake.Dataset:
    rng = np.random.default_rng(0)
    made = deeplake.empty("mem://export")
    pixels = rng.integers(0, 255, (3, 8, 9, 3), dtype=np.uint8)
    with made:
        made.create_tensor("im/jpeg", htype="image", sample_compression="jpeg").extend(pixels)
        made.create_tensor("im/raw", htype="image", chunk_compression="lz4").extend(pixels)
        masks = [rng.integers(0, 9, (3, 4)).astype("u4"), None, np.ones((5, 4), "u4")]
        made.create_tensor("mask", htype="segment_mask", sample_compression="lz4").extend(masks)
        clips = [[pixels[0]] * 2, [], [pixels[1]]]
        made.create_tensor("clips", htype="sequence[image]", sample_compression="png").extend(clips)
        labels = made.create_tensor("labels", htype="class_label", class_names=["a", "b"])
        labels.extend(["a", None, ["b", "a"]])
        made.create_tensor("t", htype="text").extend(['"a", b', None, "ü\n"])
        made.create_tensor("tag", htype="tag").extend([["x", "y"], None, "z"])
        made.create_tensor("li", htype="list").extend([["x", 1], None, [None]])
        made.create_tensor("j", htype="json").extend([{"a": 1}, None, [1]])
        steps = [["a", "b"], [], ["b"]]
        made.create_tensor("s", htype="sequence[class_label]", class_names=["a", "b"]).extend(steps)
        made.create_tensor("st", htype="sequence[text]").extend(steps)
        polygon = [[[1, 2], [3, 4], [5, 6]]]
        made.create_tensor("p", htype="polygon").extend([polygon, None, polygon])
        boxes = made.create_tensor("b", htype="bbox", coords={"type": "pixel", "mode": "LTWH"})
        boxes.extend([np.zeros((2, 4), "f4"), np.ones((1, 4), "f4"), np.ones((3, 4), "f4")])
        made.create_tensor("e", htype="embedding").extend(rng.random((3, 100)).astype("f4"))
        made.create_tensor("f").extend([float("nan"), 1.5, float("-inf")])
        made.create_tensor("flag", dtype="bool").extend([True, False, True])
        made.create_tensor("c").extend(np.array([1j, 2, 3]))
        made.create_tensor("short").extend([7])
    made.commit()
    return made


def shown(sample: Any) -> str:
    data = sample.data()
    return repr([data.get("text"), data.get("value")])


@pytest.mark.parametrize("table", ["jsonl", "csv"])
def test_there_and_back(ds: deeplake.Dataset, tmp_path: Path, table: str) -> None:
    done = export(ds, tmp_path / "out", table=table)
    assert done.rows == 3
    assert done.files == len([f for f in (tmp_path / "out").rglob("*") if f.is_file()]) - 2
    back = ingest(tmp_path / "out", tmp_path / "back", format="export")
    assert list(back.tensors) == list(ds.tensors)
    for name, tensor in ds.tensors.items():
        other = back[name]
        assert (other.htype, other.dtype) == (tensor.htype, tensor.dtype)
        assert other.sample_compression == tensor.sample_compression
        assert other.chunk_compression == tensor.chunk_compression
        for i in range(len(tensor)):
            assert shown(other[i]) == shown(tensor[i]), (name, i)
        for i in range(len(tensor), 3):
            assert other[i].numpy().size == 0


def test_files_are_those_that_are_stored(ds: deeplake.Dataset, tmp_path: Path) -> None:
    export(ds, tmp_path / "out")
    file = tmp_path / "out" / "im" / "jpeg" / "00000001.jpeg"
    assert file.read_bytes() == ds["im/jpeg"][1].tobytes()
    assert np.load(tmp_path / "out" / "mask" / "00000000.npy").shape == (3, 4)
    assert np.array_equal(
        deeplake.read(tmp_path / "out/im/raw/00000002.png").array, ds["im/raw"][2]
    )
    with (tmp_path / "out" / "rows.jsonl").open(encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    assert rows[0]["labels"] == ["a"]
    assert rows[0]["f"] == "NaN"
    assert rows[1]["mask"] is None
    assert rows[2]["clips"] == ["clips/00000002-0000.png"]
    assert rows[2]["t"] == "ü\n"


def test_csv_is_csv(ds: deeplake.Dataset, tmp_path: Path) -> None:
    export(ds[["t", "short", "tag"]], tmp_path / "out", table="csv")
    with (tmp_path / "out" / "rows.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert rows == [
        {"t": '"a", b', "short": "7", "tag": '["x", "y"]'}, {"t": "", "short": "", "tag": "[]"},
        {"t": "ü\n", "short": "", "tag": '["z"]'},
    ]  # fmt: skip


def test_a_view_is_its_rows(ds: deeplake.Dataset, tmp_path: Path) -> None:
    assert export(ds[["t"]][1:], tmp_path / "out").rows == 2
    assert (tmp_path / "out" / "rows.jsonl").read_text(encoding="utf-8").count("\n") == 2
    empty = deeplake.empty("mem://export-empty")
    assert export(empty, tmp_path / "empty").rows == 0
    with pytest.raises(IngestionError, match="no tensors"):
        ingest(tmp_path / "empty", tmp_path / "x", format="export")


def test_many_rows_are_in_order(tmp_path: Path) -> None:
    ds = deeplake.empty("mem://export-many")
    ds.create_tensor("n").extend(np.arange(1000))
    export(ds, tmp_path / "out", num_workers=3)
    lines = (tmp_path / "out" / "rows.jsonl").read_text().splitlines()
    assert [json.loads(line)["n"] for line in lines] == list(range(1000))


def test_links_are_paths(tmp_path: Path) -> None:
    ds = deeplake.empty(tmp_path / "ds")
    png = tmp_path / "a.png"
    png.write_bytes(deeplake.plugins.get("codec", "png").encode(np.ones((2, 3), np.uint8)))  # type: ignore[attr-defined]
    ds.create_tensor("l", htype="link[image]", sample_compression="png").append(deeplake.link(png))
    export(ds, tmp_path / "out")
    assert json.loads((tmp_path / "out" / "rows.jsonl").read_text()) == {"l": str(png)}
    back = ingest(tmp_path / "out", tmp_path / "back", format="export")
    assert back["l"].htype == "link[image]"
    assert back["l"][0].numpy().shape == (2, 3)


def test_nothing_is_overwritten(ds: deeplake.Dataset, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine").touch()
    with pytest.raises(IngestionError, match="is there already"):
        export(ds, tmp_path / "out")
    assert [file.name for file in tmp_path.rglob("*")] == ["out", "mine"]
    (tmp_path / "file").touch()
    with pytest.raises(IngestionError, match="is there already"):
        export(ds, tmp_path / "file")
    with pytest.raises(ValueError, match="xml"):
        export(ds, tmp_path / "new", table="xml")


def test_a_failure_leaves_nothing_behind(
    ds: deeplake.Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "save", full)
    with pytest.raises(IngestionError, match="No space left"):
        export(ds, tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


def test_names_of_files_are_safe(tmp_path: Path) -> None:
    ds = deeplake.empty("mem://export-names")
    ds.create_tensor("a:b/..x*", htype="embedding").extend(np.ones((1, 100), "f4"))
    export(ds, tmp_path / "out")
    assert (tmp_path / "out" / "a_b" / "x_" / "00000000.npy").is_file()
    assert ingest(tmp_path / "out", "mem://export-names2", format="export")["a:b/..x*"].shape == (
        1, 100,
    )  # fmt: skip


def test_columns_that_are_called_as_attributes(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("info,x\n1,2\n")
    ds = ingest(tmp_path / "t.csv", tmp_path / "ds", format="csv")
    assert list(ds.tensors) == ["info_", "x"]
    assert ds.commits[0]["message"] == f"ingest csv from {tmp_path / 't.csv'}"


def test_what_cannot_be_ingested(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("x\n1\n")
    deeplake.empty(tmp_path / "ds")
    with pytest.raises(DatasetHandlerError, match="already"):
        ingest(tmp_path / "t.csv", tmp_path / "ds", format="csv")
    with pytest.raises(PluginNotFoundError, match="csv"):
        ingest(tmp_path / "t.csv", tmp_path / "new", format="cvs")
    with pytest.raises(TypeError, match="colour"):
        ingest(tmp_path / "t.csv", tmp_path / "new", format="csv", options={"colour": 1})
    assert not deeplake.exists(tmp_path / "new")


def test_the_commands(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "t.csv").write_text("n,word\n1,a\n2,b\n")
    made, out = str(tmp_path / "ds"), str(tmp_path / "out")
    line = ["ingest", "csv", str(tmp_path / "t.csv"), made, "-o", "labels=word"]
    assert cli.main(line) == 0
    assert capsys.readouterr().out == f"2 rows of n, word in {made}\n"
    assert cli.main(["export", made, out, "--query", "select * where word == 'b'"]) == 0
    assert capsys.readouterr().out.startswith("1 row and 0 files, ")
    assert json.loads((tmp_path / "out" / "rows.jsonl").read_text()) == {"n": 2, "word": "b"}
