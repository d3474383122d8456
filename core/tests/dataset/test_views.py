"""Views of rows: what stays valid, and what can be done through them (api.md, section 3)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import deeplake
from deeplake import Dataset
from deeplake.errors import InvalidViewException


@pytest.fixture
def rows(ds: Dataset) -> Dataset:
    """Six rows of two tensors."""
    ds.create_tensor("x")
    ds.create_tensor("g/y")
    ds.extend({"x": np.arange(6), "g/y": np.arange(6) * 10})
    return ds


CHANGES: dict[str, Callable[[Dataset], Any]] = {
    "append": lambda ds: ds.append({"x": 1, "g/y": 1}),
    "extend": lambda ds: ds.extend({"x": [1], "g/y": [1]}),
    "pop": lambda ds: ds.pop(0),
    "tensor append": lambda ds: ds.x.append(1),
    "tensor extend": lambda ds: ds.x.extend([1]),
    "tensor pop": lambda ds: ds.x.pop(),
    "tensor clear": lambda ds: ds.x.clear(),
    "assign": lambda ds: ds.x.__setitem__(5, 1),
    "assign elsewhere": lambda ds: setattr(ds[4], "x", 5),
}


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("item", [1, slice(1, 3), [0, 2]], ids=repr)
def test_changes_of_the_dataset_invalidate(rows: Dataset, change: str, item: Any) -> None:
    view = rows[item]
    group = view.g
    CHANGES[change](rows)
    for access in (
        lambda: view.x,
        lambda: view["x"],
        lambda: len(view),
        lambda: view.tensors,
        lambda: view[0],
        lambda: list(view),
        lambda: view.sample_indices,
        lambda: group.y,
        lambda: view.update({"x": 1}),
        lambda: setattr(view, "x", 1),
    ):
        with pytest.raises(InvalidViewException, match="take it again"):
            access()
    assert rows[0:0].x is not None


@pytest.mark.parametrize(
    "change",
    [
        lambda ds: ds.create_tensor("new"),
        lambda ds: ds.info.update(a=1),
        lambda ds: ds.x.info.update(a=1),
        lambda ds: ds.flush(),
        lambda ds: ds.commit("now"),
        lambda ds: ds.x.numpy(),
    ],
    ids=["create_tensor", "info", "tensor info", "flush", "commit", "read"],
)
def test_other_changes_do_not(rows: Dataset, change: Callable[[Dataset], Any]) -> None:
    view = rows[1:3]
    change(rows)
    assert view.x.numpy().ravel().tolist() == [1, 2]


def test_checkout_invalidates(local: Dataset) -> None:
    local.create_tensor("x").extend([1, 2])
    first = local.commit("one")
    view = local[0]
    local.checkout("other", create=True)
    with pytest.raises(InvalidViewException):
        view.x
    view = local[0]
    local.checkout(first)
    with pytest.raises(InvalidViewException):
        view.x


def test_assigning_through_a_view_keeps_it_valid(rows: Dataset) -> None:
    view = rows[1:4]
    view.x[0] = 11
    view.x[1:] = [22, 33]
    view[2].g.y = 300
    view.x += 1
    view.x = [5, 6, 7]
    row = rows[5]
    other = rows[0]
    row.update({"x": 55})
    row.x = 56
    row.x[...] = 57
    assert row.x.numpy().tolist() == [57]
    with pytest.raises(InvalidViewException):
        other.x
    with pytest.raises(InvalidViewException):
        view.x
    assert rows.x.numpy().ravel().tolist() == [0, 5, 6, 7, 4, 57]
    assert rows["g/y"].numpy().ravel().tolist() == [0, 10, 20, 300, 40, 50]


def test_a_view_stays_valid_while_it_is_assigned_to(rows: Dataset) -> None:
    view = rows[1:4]
    view.x[0] = 11
    assert view.x.numpy().ravel().tolist() == [11, 2, 3]
    view[1].x = 22
    assert len(view) == 3
    view[2].update({"x": 33})
    assert view.x.numpy().ravel().tolist() == [11, 22, 33]


def test_assigning_while_iterating(rows: Dataset) -> None:
    for i, row in enumerate(rows):
        row.x = row.x.numpy() + 100 * i
    for row in rows[1:3]:
        row.update({"x": 1})
    assert rows.x.numpy().ravel().tolist() == [0, 1, 1, 303, 404, 505]


def test_appending_what_a_view_selects(rows: Dataset) -> None:
    rows.append(rows[2])
    rows.extend(rows[4:])
    assert rows.x.numpy().ravel().tolist() == [0, 1, 2, 3, 4, 5, 2, 4, 5, 2]


def test_views_of_views(rows: Dataset) -> None:
    view = rows[1:5][::-1][[0, -1]]
    assert view.x.numpy().ravel().tolist() == [4, 1]
    assert list(view.sample_indices) == [4, 1]
    view[0].x = 44
    assert rows.x[4].numpy().tolist() == [44]


def test_restricted_datasets_are_no_views(rows: Dataset) -> None:
    part = rows[["x"]]
    assert not part.is_view
    part.append({"x": 6})
    assert part.x.num_samples == 7
    assert rows["g/y"].num_samples == 6
    assert part.x[-1].numpy().tolist() == [6]


def test_a_view_in_a_block(rows: Dataset) -> None:
    with rows:
        rows.append({"x": 6, "g/y": 60})
        view = rows[5:]
        assert view.x.numpy().ravel().tolist() == [5, 6]
        rows.append({"x": 7, "g/y": 70})
        with pytest.raises(InvalidViewException):
            view.x
    assert len(deeplake.load(rows.path)) == 8
