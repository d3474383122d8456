"""Info, saved views, filters (api.md, section 9).

Behind each fact there are more tests in ``core/tests/dataset``: ``test_info.py``,
``test_saved_views.py``, ``test_filter.py``.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import deeplake
from deeplake import Dataset
from deeplake.errors import (
    DatasetViewSavingError,
    FilterError,
    InfoError,
    InvalidOperationError,
    ReadOnlyModeError,
    SampleUpdateError,
)


@pytest.fixture
def ds(tmp_path: Path) -> Dataset:
    """Ten rows, committed."""
    ds = deeplake.empty(tmp_path / "ds")
    ds.create_tensor("x", dtype="int64")
    ds.create_tensor("labels", htype="class_label", class_names=["cat", "dog", "cow"])
    ds.create_tensor("g/words", htype="text")
    ds.extend(
        {"x": np.arange(10), "labels": [k % 3 for k in range(10)],
         "g/words": [f"word {k}" for k in range(10)]}
    )  # fmt: skip
    ds.commit("ten")
    return ds


# --------------------------------------------------------------------------- info
@pytest.mark.parametrize("which", ["dataset", "tensor"])
def test_info_is_a_mapping(ds: Dataset, which: str) -> None:
    info = (ds if which == "dataset" else ds.x).info
    info.update(a=1)
    info.update({"b": [1, 2]}, c="x")
    assert info.get("a") == info["a"] == info.a == 1
    assert info.get("nothing", 5) == 5
    assert info.setdefault("d", {"deep": None}) == {"deep": None}
    assert info.pop("d") == {"deep": None}
    assert info.popitem() == ("c", "x")
    assert (list(info), list(info.keys()), len(info)) == (["a", "b"], ["a", "b"], 2)
    assert list(info.values()) == [1, [1, 2]]
    assert list(info.items()) == [("a", 1), ("b", [1, 2])]
    assert "a" in info
    info.z = 3
    del info.z
    del info["a"]
    with pytest.raises(KeyError):
        _ = info["a"]
    with pytest.raises(AttributeError):
        _ = info.a
    info.replace_with({"only": 1})
    assert dict(info) == {"only": 1}
    json.dumps(dict(info))
    info.clear()
    assert len(info) == 0


def test_info_at_a_past_commit_and_read_only(ds: Dataset) -> None:
    ds.info["a"] = 1
    ds.commit()
    first = ds.commits[-1]["commit"]
    past = deeplake.load(f"{ds.path}@{first}")
    for info in (past.info, past.x.info):
        with pytest.raises(InfoError):
            info["a"] = 2
    reader = deeplake.load(ds.path, read_only=True)
    for info in (reader.info, reader.x.info):
        with pytest.raises(ReadOnlyModeError):
            info["a"] = 2


@pytest.mark.parametrize(
    "value", [5, "cat", ["cat", 5], {"a": 1}], ids=["number", "text", "mixed", "dict"]
)
def test_own_info_of_an_htype_stays_usable(ds: Dataset, value: Any) -> None:
    labels = ds.labels
    for change in (
        lambda: labels.info.update(class_names=value),
        lambda: setattr(labels.info, "class_names", value),
        lambda: labels.info.replace_with({"class_names": value}),
        lambda: setattr(labels, "info", {"class_names": value}),
    ):
        with pytest.raises(InfoError, match="tensor 'labels'.*'class_names' is a list of str"):
            change()
    assert deeplake.load(ds.path).labels[1].data()["text"] == ["dog"]
    labels.info.class_names = ["a", "b", "c"]
    labels.info.other = value
    ds.info.class_names = value
    ds.x.info.class_names = value
    assert labels.info.other == ds.info.class_names == ds.x.info.class_names == value
    labels.info.clear()
    assert dict(labels.info) == {}


def test_info_shows_in_the_diff(ds: Dataset) -> None:
    ds.x.info["a"] = 1
    found = ds.diff(as_dict=True)
    assert found["dataset"][0]["info_updated"] is False
    assert found["tensor"][0]["x"]["info_updated"] is True
    ds.info["a"] = 1
    assert ds.diff(as_dict=True)["dataset"][0]["info_updated"] is True


# --------------------------------------------------------------------------- save_view
def test_default_ids(ds: Dataset) -> None:
    path = ds[2:5].save_view("some rows", verbose=False)
    view_id = path.rpartition("/")[2]
    assert path == f"{ds.path}/.queries/{view_id}"
    assert len(view_id) == 64
    int(view_id, 16)
    assert ds.get_view(view_id).message == "some rows"
    with pytest.raises(DatasetViewSavingError, match="overwrite"):
        ds[2:5].save_view(verbose=False)
    assert ds[3:5].save_view(verbose=False) != path


@pytest.mark.parametrize("wrong", [1, b"x", ["a"], 1.5])
def test_ids_are_str(ds: Dataset, wrong: Any) -> None:
    with pytest.raises(TypeError):
        ds[:2].save_view(id=wrong)


def test_refusals(ds: Dataset) -> None:
    ds[:2].save_view(id="one", verbose=False)
    with pytest.raises(DatasetViewSavingError):
        ds[:3].save_view(id="one")
    ds[:3].save_view(id="one", overwrite=True, verbose=False)
    assert len(ds.load_view("one")) == 3
    with pytest.raises(DatasetViewSavingError):
        ds[:2].save_view(path=ds.path)
    ds.x[0] = 5
    with pytest.raises(DatasetViewSavingError, match="commit"):
        ds[:2].save_view(id="two")
    reader = deeplake.load(ds.path, read_only=True)
    reader.checkout(reader.commit_id)
    with pytest.raises(ReadOnlyModeError):
        reader[:2].save_view(id="three")


def test_at_a_path(ds: Dataset, tmp_path: Path) -> None:
    path = ds[[4, 2]].save_view(path=tmp_path / "saved", id="there", verbose=False)
    saved = deeplake.load(path)
    assert saved.x.numpy().ravel().tolist() == [4, 2]


def test_entries(ds: Dataset) -> None:
    first = ds.commit_id
    ds[[4, 2]].save_view("picked", id="picked", verbose=False)
    ds[1:3].save_view(id="copied", optimize=True, tensors=["x"], verbose=False)
    assert [e.id for e in ds.get_views()] == ["picked", "copied"]
    entry = ds.get_view("picked")
    assert (entry.id, entry.message, entry.query, entry.tql_query) == (
        "picked", "picked", None, None,
    )  # fmt: skip
    assert entry.commit_id == first
    assert entry.virtual is True
    assert entry.source_dataset_path == ds.path
    assert entry["id"] == entry.get("id") == entry.info["id"]
    assert entry.get("nothing", 3) == 3
    assert {
        "id", "virtual-datasource", "source-dataset", "source-dataset-version", "created_at",
        "message", "query", "source-dataset-index", "first-index-subscriptable", "sub-sample-index",
    } <= set(entry.info)  # fmt: skip
    assert entry.info["source-dataset-version"] == first
    assert entry.load(verbose=False).x.numpy().ravel().tolist() == [4, 2]
    copied = ds.get_view("copied")
    assert copied.virtual is False
    assert list(copied.load().tensors) == ["x"]
    assert list(copied.load().sample_indices) == [1, 2]
    assert copied.load().is_optimized
    assert ds.get_view("picked").optimize().virtual is False
    assert list(ds.load_view("picked").sample_indices) == [4, 2]
    copied.delete()
    ds.delete_view("picked")
    assert ds.get_views() == []


def test_views_of_one_commit(ds: Dataset, capsys: pytest.CaptureFixture[str]) -> None:
    first = ds.commit_id
    ds[:2].save_view(id="old", verbose=False)
    ds.x[0] = 7
    second = ds.commit()
    ds[:3].save_view(id="new", verbose=False)
    assert [e.id for e in ds.get_views(first)] == ["old"]
    assert [e.id for e in ds.get_views(second)] == ["new"]
    capsys.readouterr()
    assert ds.load_view("old").x.numpy().ravel().tolist() == [0, 1]
    assert first in capsys.readouterr().out
    assert ds.load_view("new").x.numpy().ravel().tolist() == [7, 1, 2]
    assert capsys.readouterr().out == ""


def test_unknown_views(ds: Dataset) -> None:
    for call in (ds.get_view, ds.load_view, ds.delete_view):
        with pytest.raises(KeyError, match="nothing"):
            call("nothing")


def test_load_view_optimizes(ds: Dataset) -> None:
    ds[[4, 2]].save_view(id="v", verbose=False)
    view = ds.load_view("v", optimize=True, tensors=["x"], num_workers=2, progressbar=False)
    assert view.is_optimized
    assert list(view.tensors) == ["x"]


def test_rows_whose_links_cannot_be_read_are_left_out(tmp_path: Path) -> None:
    Image.new("RGB", (9, 7)).save(tmp_path / "photo.jpg")
    good, bad = (deeplake.link(tmp_path / name) for name in ("photo.jpg", "none.jpg"))
    ds = deeplake.empty(tmp_path / "ds")
    ds.create_tensor("images", htype="link[image]", verify=False, sample_compression="jpg")
    ds.create_tensor("labels", htype="class_label").extend(range(8))
    ds.images.extend([good, bad, good, None, good, bad, bad, good])
    ds.commit()
    with pytest.raises(SampleUpdateError, match=r"none\.jpg"):
        ds[2:].save_view(id="all", optimize=True, verbose=False)
    ds[7:0:-1].save_view(id="some", optimize=True, ignore_errors=True, verbose=False)
    view = ds.load_view("some")
    assert view.images.htype == "image"
    assert view.labels.numpy().ravel().tolist() == list(view.sample_indices) == [7, 4, 3, 2]
    assert [sample.shape for sample in view.images.numpy(aslist=True)] == [
        (7, 9, 3), (7, 9, 3), (0, 0, 0), (7, 9, 3),
    ]  # fmt: skip
    assert ds.get_view("some").info["source-dataset-index"] == [[7, 4, 3, 2]]
    # Rows that are not copied are not looked at.
    ds.save_view(id="virtual", ignore_errors=True, verbose=False)
    assert len(ds.load_view("virtual")) == 8


# --------------------------------------------------------------------------- filter
@pytest.mark.parametrize("scheduler", ["serial", "threaded"])
@pytest.mark.parametrize("workers", [0, 2])
def test_filter_with_a_function(ds: Dataset, scheduler: str, workers: int) -> None:
    view = ds.filter(
        lambda row: row.x.numpy()[0] > 6,
        num_workers=workers,
        scheduler=scheduler,
        progressbar=False,
    )
    assert list(view.sample_indices) == [7, 8, 9]


def test_filter_saves(ds: Dataset, tmp_path: Path) -> None:
    ds.filter(lambda row: row.x.numpy()[0] > 6, progressbar=False, save_result=True)
    [entry] = ds.get_views()
    assert len(entry.load()) == 3
    ds.filter(
        lambda row: row.x.numpy()[0] > 7, progressbar=False, save_result=True,
        result_path=tmp_path / "result", result_ds_args={"overwrite": True},
    )  # fmt: skip
    assert len(deeplake.load(tmp_path / "result")) == 2


def test_filter_errors(ds: Dataset) -> None:
    def fails(row: Dataset) -> bool:
        raise ZeroDivisionError("in a filter")

    with pytest.raises(ZeroDivisionError):
        ds.filter(fails, progressbar=False)
    with pytest.raises(FilterError) as failed:
        ds.filter(fails, num_workers=2, progressbar=False)
    assert isinstance(failed.value.__cause__, ZeroDivisionError)


@pytest.mark.parametrize("workers", [1, 2, 4])
def test_filter_errors_say_which_row(ds: Dataset, workers: int) -> None:
    def fails(row: Dataset) -> bool:
        return bool(1 / (row.x.numpy()[0] - 7.0)) if row.x.numpy()[0] != 7 else bool({}["seven"])

    for filter in (fails, "x + (x == 7) * g.words > 0"):
        with pytest.raises(FilterError, match=r", row \d: the filter failed: ") as failed:
            ds.filter(filter, num_workers=workers, progressbar=False)
        assert callable(filter) is ("row 7" in str(failed.value))


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("x == 3", [3]), ("x != 3", [0, 1, 2, 4, 5, 6, 7, 8, 9]), ("x < 2", [0, 1]),
        ("x <= 2", [0, 1, 2]), ("x > 7", [8, 9]), ("x >= 7", [7, 8, 9]),
        ("x + 1 == 4", [3]), ("x - 1 == 4", [5]), ("x * 2 == 8", [4]), ("x // 3 == 1", [3, 4, 5]),
        ("x ** 2 == 49", [7]), ("x % 4 == 1", [1, 5, 9]), ("5 in x", [5]),
        ("2 < x", [3, 4, 5, 6, 7, 8, 9]),
        ("x.min > 7", [8, 9]), ("x.max < 1", [0]), ("x.mean == 4", [4]),
        ("x.shape == (1,)", list(range(10))), ("x.size == 1", list(range(10))),
        ("x.contains(6)", [6]), ("x[0] == 6", [6]), ("-x == -3", [3]),
        ("labels == 'dog'", [1, 4, 7]), ("labels != 'dog'", [0, 2, 3, 5, 6, 8, 9]),
        ("labels == 1", [1, 4, 7]), ("labels == 'unknown'", []), ("'cow' in labels", [2, 5, 8]),
        ("labels.contains('cat') and x > 5", [6, 9]), ("x < 1 or x > 8", [0, 9]),
        ("not x < 8", [8, 9]), ("g.words == 'word 3'", [3]), ("1 < x < 4", [2, 3]),
        ("labels in ['dog', 'unknown']", [1, 4, 7]), ("labels not in ['dog', 'cow']", [0, 3, 6, 9]),
        ("labels in ['dog', 0]", [0, 1, 3, 4, 6, 7, 9]), ("x in [1, 2, 30]", [1, 2]),
        ("True", list(range(10))),
    ],
)  # fmt: skip
def test_filter_with_text(ds: Dataset, text: str, rows: list[int]) -> None:
    if text == "True":
        with pytest.raises(ValueError, match="no tensor"):
            ds.filter(text, progressbar=False)
        return
    assert list(ds.filter(text, progressbar=False).sample_indices) == rows


@pytest.mark.parametrize("workers", [0, 2])
def test_filter_with_text_in_threads(ds: Dataset, workers: int) -> None:
    found = ds[::2].filter("x > 3", num_workers=workers, progressbar=False)
    assert list(found.sample_indices) == [4, 6, 8]


def test_ordering_of_names_is_an_error(ds: Dataset) -> None:
    with pytest.raises(ValueError, match="labels"):
        ds.filter("labels < 'dog'", progressbar=False)


@pytest.mark.parametrize(
    "text",
    [
        "__import__('os').system('true') or x == 1",
        "x.__class__ == 1",
        "(lambda: x)() == 1",
        "[y for y in x] == 1",
        "x._checkout == 1",
        "open('/etc/passwd') and x",
        "x.numpy() == 1",
        "x.append(5)",
        "x = 5",
        "x ==",
        "",
        "nothing == 1",
        "x; x",
        "x.nothing == 1",
        "x @ x",
    ],
)
def test_text_is_never_run(ds: Dataset, text: str) -> None:
    with pytest.raises(ValueError, match="filter") as refused:
        ds.filter(text, progressbar=False)
    assert refused.type.__module__.startswith("deeplake")
    assert len(ds) == 10


def test_values_in_arrays(tmp_path: Path) -> None:
    ds = deeplake.empty(tmp_path / "arrays")
    ds.create_tensor("boxes").extend([np.array([1, 2]), np.array([3, 4]), np.array([4, 1])])
    ds.create_tensor("image", htype="image", sample_compression="png")
    ds.image.extend(np.arange(3 * 4 * 5 * 3, dtype=np.uint8).reshape(3, 4, 5, 3))

    def rows(text: str) -> list[int]:
        return list(ds.filter(text, progressbar=False).sample_indices)

    assert rows("boxes == 4") == [1, 2]
    assert rows("boxes == [4, 1]") == [2]
    assert rows("boxes[0] == 3") == [1]
    assert rows("boxes.max == 2") == [0]
    assert rows("image.shape == (4, 5, 3)") == [0, 1, 2]
    assert rows("image.shape[0] == 4 and boxes.min > 1") == [1]
    assert rows("image.sample_info['format'] == 'png'") == [0, 1, 2]
    assert rows("image[0, 0, 0] == 60") == [1]


def test_other_kinds_of_values(tmp_path: Path) -> None:
    ds = deeplake.empty(tmp_path / "kinds")
    ds.create_tensor("text", htype="text").extend(["a cat", "a dog", None])
    ds.create_tensor("json", htype="json").extend([{"a": {"b": [1, 2]}}, {"a": 5}, {"c": "x"}])
    ds.create_tensor("list", htype="list").extend([[1, "x"], [2], []])
    ds.create_tensor("tags", htype="tag").extend([["x", "y"], ["y"], None])
    ds.create_tensor("ragged").extend([[1, 2], [3], None])
    ds.create_tensor("nothing").extend([None] * 3)

    def rows(text: str) -> list[int]:
        return list(ds.filter(text, progressbar=False).sample_indices)

    assert rows("text == 'a dog'") == [1]
    assert rows("'cat' in text") == [0]
    assert rows("text.contains('a ')") == [0, 1]
    assert rows("text < 'a d'") == [0, 2]
    assert rows("json['a']['b'][1] == 2") == [0]
    assert rows("json['a'] == 5") == [1]
    assert rows("'c' in json") == [2]
    assert rows("json['c'] == 'x' or json['a'] == 5") == [1, 2]
    assert rows("list == 2") == [1]
    assert rows("'x' in list") == [0]
    assert rows("tags == 'y'") == [0, 1]
    assert rows("tags == ['y']") == [1]
    assert rows("ragged == 3") == [1]
    assert rows("ragged.max > 1") == [0, 1]
    assert rows("ragged.size > 1") == [0]
    assert rows("ragged[1] == 2") == [0]
    assert rows("nothing == 1") == []
    assert rows("nothing < 1") == []
    with pytest.raises(ValueError, match="neither true nor false"):
        rows("ragged > 1")
    with pytest.raises(ValueError, match="no number"):
        rows("text + 1 == 2")
    with pytest.raises(ValueError, match="no number"):
        rows("text * 1000000000 == 'x'")


@pytest.mark.parametrize(
    "text",
    ["(" * 3000 + "x" + ")" * 3000, "not " * 3000 + "x == 1", "x" + "[0]" * 2000 + " == 1",
     "x == " + "9" * 5000, "x" * 20_000, "x == 10 ** 99 ** 99 ** 99", "x ** x ** x ** 9999 == 1",
     "x == 1\x00", "-" * 3000 + "x == 1"],
)  # fmt: skip
def test_bombs(ds: Dataset, text: str) -> None:
    message = ""
    try:
        ds.filter(text, progressbar=False)
    except FilterError as error:
        message = str(error)
    assert len(message) < 1000


def test_results_of_filters_are_views(ds: Dataset) -> None:
    view = ds.filter("x > 5", progressbar=False)
    for call in (lambda: view.commit(), lambda: view.checkout("a", create=True)):
        with pytest.raises(InvalidOperationError):
            call()
    assert view.is_view


def test_the_text_is_the_message_of_the_view(ds: Dataset) -> None:
    ds.filter("x > 5", progressbar=False, save_result=True)
    [entry] = ds.get_views()
    assert entry.query == "x > 5"
