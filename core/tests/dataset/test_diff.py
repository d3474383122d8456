"""What changed: as dicts, and as text; ``tensor.modified_samples``."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

import deeplake
from deeplake import Dataset
from deeplake.errors import InvalidOperationError, TensorModifiedError


@pytest.fixture
def two(ds: Dataset) -> Dataset:
    """Two tensors of three rows, committed."""
    with ds:
        ds.create_tensor("x")
        ds.create_tensor("y")
        ds.x.extend([1, 2, 3])
        ds.y.extend([4, 5, 6])
    ds.commit("start")
    return ds


def change(**changes: Any) -> dict[str, Any]:
    return {
        "created": False, "cleared": False, "info_updated": False, "data_added": [3, 3],
        "data_updated": set(), "data_deleted": set(), "data_transformed_in_place": False, **changes,
    }  # fmt: skip


def dataset_change(ds: Dataset, commit: str, **changes: Any) -> dict[str, Any]:
    found = {"author": "public", "message": None, "date": None}
    if commit != ds.pending_commit_id:
        details = ds.get_commit_details(commit)
        found.update(message=details["message"], date=details["time"])
    return {
        "commit_id": commit, "info_updated": False, "renamed": {}, "deleted": [], **found, **changes
    }  # fmt: skip


# --------------------------------------------------------------------------- since the last commit
def test_a_new_dataset(ds: Dataset) -> None:
    pending = ds.pending_commit_id
    assert ds.diff(as_dict=True) == {
        "dataset": [dataset_change(ds, pending)], "tensor": [{"commit_id": pending}]
    }  # fmt: skip


def test_nothing(two: Dataset) -> None:
    pending = two.pending_commit_id
    assert two.diff(as_dict=True) == {
        "dataset": [dataset_change(two, pending)], "tensor": [{"commit_id": pending}]
    }  # fmt: skip


def test_rows(two: Dataset) -> None:
    two.x.extend([7, 8])
    two.x[0] = 9
    two.y.pop(1)
    assert two.diff(as_dict=True)["tensor"] == [
        {
            "commit_id": two.pending_commit_id,
            "x": change(data_added=[3, 5], data_updated={0}),
            "y": change(data_added=[2, 2], data_deleted={1}),
        }
    ]


def test_an_update_of_an_added_row_is_part_of_adding_it(two: Dataset) -> None:
    two.x.append(7)
    two.x[3] = 8
    two.x[3] = 9
    (found,) = two.diff(as_dict=True)["tensor"]
    assert found["x"] == change(data_added=[3, 4])
    assert "y" not in found


def test_an_added_row_that_was_popped_is_no_change(two: Dataset) -> None:
    two.x.append(7)
    two.x.pop(3)
    assert two.diff(as_dict=True)["tensor"] == [{"commit_id": two.pending_commit_id}]


def test_a_new_tensor(two: Dataset) -> None:
    two.create_tensor("g/z", htype="class_label", class_names=["a", "b"])
    two["g/z"].extend([0, 1])
    two.create_tensor("hidden", hidden=True)
    (found,) = two.diff(as_dict=True)["tensor"]
    assert found == {
        "commit_id": two.pending_commit_id,
        "g/z": change(created=True, info_updated=True, data_added=[0, 2]),
    }


def test_names(two: Dataset) -> None:
    two.rename_tensor("x", "z")
    two.z.append(7)
    two.delete_tensor("y")
    found = two.diff(as_dict=True)
    assert found["dataset"] == [
        dataset_change(two, two.pending_commit_id, renamed={"x": "z"}, deleted=["y"])
    ]
    assert found["tensor"] == [{"commit_id": two.pending_commit_id, "z": change(data_added=[3, 4])}]


def test_a_renamed_group(two: Dataset) -> None:
    two.create_tensor("g/a")
    two.create_tensor("g/h/b")
    two.commit()
    two.rename_group("g", "k")
    (found,) = two.diff(as_dict=True)["dataset"]
    assert found["renamed"] == {"g/a": "k/a", "g/h/b": "k/h/b"}


def test_what_is_made_and_removed_in_between_is_no_change(two: Dataset) -> None:
    two.create_tensor("z")
    two.delete_tensor("z")
    (found,) = two.diff(as_dict=True)["dataset"]
    assert found["deleted"] == []


def test_hidden_tensors_are_left_out(two: Dataset) -> None:
    two.create_tensor("h", hidden=True)
    two.create_tensor("i", hidden=True)
    two.commit()
    two.rename_tensor("h", "j")
    two.delete_tensor("i")
    two.j.append(1)
    found = two.diff(as_dict=True)
    assert found["dataset"] == [dataset_change(two, two.pending_commit_id)]
    assert found["tensor"] == [{"commit_id": two.pending_commit_id}]


def test_info(two: Dataset) -> None:
    two.info["a"] = 1
    two.y.info["b"] = 2
    found = two.diff(as_dict=True)
    assert found["dataset"] == [dataset_change(two, two.pending_commit_id, info_updated=True)]
    assert found["tensor"] == [{"commit_id": two.pending_commit_id, "y": change(info_updated=True)}]


def test_a_cleared_tensor(two: Dataset) -> None:
    two.x.clear()
    (found,) = two.diff(as_dict=True)["tensor"]
    assert found["x"] == change(cleared=True, data_added=[0, 0])


def test_rechunking_is_no_change(two: Dataset) -> None:
    for step in range(10):
        two.x.append(step)
    two.commit()
    two.rechunk(progressbar=False)
    assert two.diff(as_dict=True)["tensor"] == [{"commit_id": two.pending_commit_id}]


# --------------------------------------------------------------------------- between versions
def test_one_id(two: Dataset) -> None:
    start = two.commit_id
    two.x.append(7)
    second = two.commit("second")
    two.y[0] = 0
    third = two.commit("third")
    two.info["a"] = 1
    pending = two.pending_commit_id
    found = two.diff(start, as_dict=True)
    assert found == {
        "dataset": (
            [
                dataset_change(two, pending, info_updated=True),
                dataset_change(two, third),
                dataset_change(two, second),
            ],
            [],
        ),
        "tensor": (
            [
                {"commit_id": pending},
                {"commit_id": third, "y": change(data_updated={0})},
                {"commit_id": second, "x": change(data_added=[3, 4])},
            ],
            [],
        ),
    }


def test_one_id_of_another_branch(two: Dataset) -> None:
    two.checkout("side", create=True)
    two.x.append(7)
    side = two.commit("on the side")
    two.x.append(8)
    side_head = two.pending_commit_id
    two.checkout("main")
    two.x[0] = 9
    main = two.commit("on main")
    for address in ("side", side_head):
        found = two.diff(address, as_dict=True)["tensor"]
        assert found == (
            [{"commit_id": main, "x": change(data_updated={0})}],
            [
                {"commit_id": side_head, "x": change(data_added=[4, 5])},
                {"commit_id": side, "x": change(data_added=[3, 4])},
            ],
        )
    assert two.diff(side, as_dict=True)["tensor"][1] == found[1][1:]


def test_two_ids(two: Dataset) -> None:
    start = two.commit_id
    assert start is not None
    two.checkout("side", create=True)
    two.x.append(7)
    side = two.commit("on the side")
    two.checkout("main")
    two.y.append(8)
    main = two.commit("on main")
    two.create_tag("v1", main)
    two.x.append(9)
    mine = [{"commit_id": main, "y": change(data_added=[3, 4])}]
    other = [{"commit_id": side, "x": change(data_added=[3, 4])}]
    assert two.diff(main, side, as_dict=True)["tensor"] == (mine, other)
    assert two.diff(side, "v1", as_dict=True)["tensor"] == (other, mine)
    assert two.diff(main, start, as_dict=True)["tensor"] == (mine, [])
    assert two.diff(main, main, as_dict=True)["tensor"] == ([], [])


def test_after_a_merge_only_what_is_new_counts(two: Dataset) -> None:
    two.checkout("side", create=True)
    two.x.append(7)
    two.commit("on the side")
    two.checkout("main")
    two.y.append(8)
    main = two.commit("on main")
    two.merge("side")
    merge = two.commit_id
    mine, other = two.diff("side", as_dict=True)["tensor"]
    assert [entry["commit_id"] for entry in mine] == [merge, main]
    assert mine[0]["x"] == change(data_added=[3, 4])
    assert other == []


def test_versions_without_a_common_commit(two: Dataset, url: str) -> None:
    """A state that a conflict kept before there was any commit."""
    other = deeplake.empty(url, overwrite=True)
    other.create_tensor("x")
    assert other.diff(other.pending_commit_id, as_dict=True)["tensor"][0][0]["x"]["created"]


def test_at_a_past_commit(two: Dataset) -> None:
    start = two.commit_id
    assert start is not None
    two.x.append(7)
    second = two.commit("second")
    two.x.append(8)
    two.commit("third")
    two.checkout(second)
    assert two.diff(as_dict=True)["tensor"] == [
        {"commit_id": second, "x": change(data_added=[3, 4])}
    ]
    two.checkout(start)
    (found,) = two.diff(as_dict=True)["tensor"]
    assert found["x"] == change(created=True, data_added=[0, 3])


def test_wrong_ids(two: Dataset) -> None:
    for ids in (("nowhere",), ("0" * 40,), ("main", "nowhere"), ("nowhere", "main")):
        with pytest.raises(KeyError):
            two.diff(*ids)
    with pytest.raises(ValueError, match="id_1"):
        two.diff(id_2=two.commit_id)


def test_diff_shows_what_is_not_stored_yet(two: Dataset) -> None:
    with two:
        two.x.append(7)
        (found,) = two.diff(as_dict=True)["tensor"]
        assert found["x"]["data_added"] == [3, 4]


# --------------------------------------------------------------------------- as text
LINE, STARS = "-" * 120, "*" * 80


def test_text(two: Dataset, capsys: pytest.CaptureFixture[str]) -> None:
    with two:
        two.create_tensor("a")
        two.a.extend([1, 2])
        two.x.extend([7])
        two.x[0:2] = [8, 9]
        two.x.info["k"] = 1
        two.rename_tensor("y", "z")
        two.info["k"] = 1
    assert two.diff() is None
    assert capsys.readouterr().out.splitlines() == [
        "",
        "## Deep Lake Diff",
        LINE,
        "\033[94mDiff in HEAD relative to the previous commit:\033[0m",
        STARS,
        "\033[93mcommit UNCOMMITTED HEAD\033[0m",
        "Author: public",
        "Date: None",
        "Message: None",
        "",
        "- Updated dataset info",
        "- Renamed:\ty -> z",
        "",
        "a",
        "* Created tensor",
        "* Added 2 samples: [0-1]",
        "",
        "x",
        "* Added 1 sample: [3]",
        "* Updated 2 samples: [0-1]",
        "* Updated tensor info",
        "",
        LINE,
    ]


def test_text_of_ranges(ds: Dataset, capsys: pytest.CaptureFixture[str]) -> None:
    ds.create_tensor("x")
    ds.x.extend(np.arange(20))
    ds.commit()
    ds.x[[1, 2, 3, 7, 10, 11]] = [0] * 6
    ds.pop([0, 5, 6])
    ds.create_tensor("y")
    ds.commit("ranges")
    ds.x.clear()
    ds.delete_tensor("y")
    ds.commit("cleared")
    capsys.readouterr()
    ds.diff(ds.commits[2]["commit"])
    out = capsys.readouterr().out
    assert "* Updated 6 samples: [0-2, 4, 7-8]" in out
    assert "* Deleted 3 samples: [0, 5-6]" in out
    assert "* Created tensor" in out
    assert "* Cleared tensor" in out
    assert "- Deleted:\ty" in out


def test_text_of_two_sides(two: Dataset, capsys: pytest.CaptureFixture[str]) -> None:
    start = two.commit_id
    two.checkout("side", create=True)
    side = two.commit("nothing", allow_empty=True)
    two.checkout("main")
    two.diff("side")
    out = capsys.readouterr().out
    assert re.search(r"94mDiff in HEAD relative to the most recent common ancestor, \w{40}:", out)
    assert "No changes were made.\n" in out
    assert "94mDiff in side relative to" in out
    assert f"93mcommit {side}" in out
    assert "Message: nothing\n\nNo changes were made in this commit." in out
    assert out.count(LINE) == 3
    two.diff(start, side)
    assert f"Diff in {start} relative" in capsys.readouterr().out


# --------------------------------------------------------------------------- modified samples
def test_modified_samples(two: Dataset) -> None:
    start = two.commit_id
    assert two.x.modified_samples(return_indexes=True)[1] == []
    two.x.append(7)
    two.x[1] = 8
    samples, rows = two.x.modified_samples(return_indexes=True)
    assert rows == [1, 3]
    assert all(type(row) is int for row in rows)
    assert samples.numpy().tolist() == [[8], [7]]
    assert two.x.modified_samples().numpy().tolist() == [[8], [7]]
    assert len(two.y.modified_samples()) == 0
    second = two.commit("second")
    assert len(two.x.modified_samples()) == 0
    two.x[0] = 9
    assert two.x.modified_samples(start, return_indexes=True)[1] == [0, 1, 3]
    assert two.x.modified_samples(second, return_indexes=True)[1] == [0]
    assert two.x.modified_samples("main", return_indexes=True)[1] == [0]
    two.checkout(second)
    assert two.x.modified_samples(return_indexes=True)[1] == [1, 3]
    two.checkout(start)
    assert two.x.modified_samples(return_indexes=True)[1] == [0, 1, 2]


def test_modified_samples_before_the_first_commit(ds: Dataset) -> None:
    ds.create_tensor("x")
    ds.x.extend([1, 2])
    assert ds.x.modified_samples(return_indexes=True)[1] == [0, 1]


def test_modified_samples_inside_a_block(two: Dataset) -> None:
    with two:
        two.x.append(7)
        assert two.x.modified_samples(return_indexes=True)[1] == [3]
        two.x.append(8)
        assert two.x.modified_samples(return_indexes=True)[1] == [3, 4]


def test_modified_samples_of_another_branch(two: Dataset) -> None:
    two.checkout("side", create=True)
    two.x.append(7)
    two.commit("on the side")
    two.checkout("main")
    with pytest.raises(TensorModifiedError, match="no ancestor"):
        two.x.modified_samples("side")
    with pytest.raises(TensorModifiedError, match="nowhere"):
        two.x.modified_samples("nowhere")
    with pytest.raises(InvalidOperationError):
        two.x[0:2].modified_samples()
