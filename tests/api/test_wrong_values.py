"""What is given by mistake is refused before it is stored, and nothing is damaged by it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import deeplake
from deeplake import Dataset
from deeplake.errors import (
    CheckoutError,
    DatasetViewSavingError,
    InfoError,
    InvalidPathException,
    InvalidTensorGroupNameError,
    InvalidTensorNameError,
    SampleAppendError,
)

LONE = "a\ud800"
"""No text: half of a character."""


@pytest.fixture
def ds(tmp_path: Path) -> Dataset:
    ds = deeplake.empty(tmp_path / "ds")
    ds.create_tensor("x").extend(np.arange(5))
    ds.create_tensor("l", htype="class_label").extend(["a", "b", "a", "b", "a"])
    ds.commit("five")
    return ds


CASES: list[tuple[str, type[Exception], Callable[[Dataset], Any]]] = [
    ("commit number", TypeError, lambda ds: ds.commit(5, allow_empty=True)),
    ("commit bytes", TypeError, lambda ds: ds.commit(b"m", allow_empty=True)),
    ("commit surrogate", ValueError, lambda ds: ds.commit(LONE, allow_empty=True)),
    ("tag number", CheckoutError, lambda ds: ds.create_tag(5)),
    ("tag surrogate", CheckoutError, lambda ds: ds.create_tag(LONE)),
    ("branch number", CheckoutError, lambda ds: ds.checkout(5, create=True)),
    ("branch surrogate", CheckoutError, lambda ds: ds.checkout(LONE, create=True)),
    ("branch None", CheckoutError, lambda ds: ds.create_branch(None)),
    ("checkout None", CheckoutError, lambda ds: ds.checkout(None)),
    ("checkout nothing", CheckoutError, lambda ds: ds.checkout("")),
    ("checkout number", CheckoutError, lambda ds: ds.checkout(5)),
    ("merge None", CheckoutError, lambda ds: ds.merge(None)),
    ("merge number", CheckoutError, lambda ds: ds.merge(5)),
    ("diff number", KeyError, lambda ds: ds.diff(5)),
    ("diff nothing", KeyError, lambda ds: ds.diff("")),
    ("details None", KeyError, lambda ds: ds.get_commit_details(None)),
    ("creds number", ValueError, lambda ds: ds.add_creds_key(5)),
    ("creds surrogate", ValueError, lambda ds: ds.add_creds_key(LONE)),
    ("view message", TypeError, lambda ds: ds[:2].save_view(5, id="v")),
    ("view message surrogate", ValueError, lambda ds: ds[:2].save_view(LONE, id="v")),
    ("view id surrogate", DatasetViewSavingError, lambda ds: ds[:2].save_view(id=LONE)),
    ("tensor surrogate", InvalidTensorNameError, lambda ds: ds.create_tensor(LONE)),
    ("tensor number", InvalidTensorNameError, lambda ds: ds.create_tensor(5)),
    ("rename number", InvalidTensorNameError, lambda ds: ds.rename_tensor("x", 5)),
    ("group surrogate", InvalidTensorGroupNameError, lambda ds: ds.create_group(LONE)),
    ("like nothing", TypeError, lambda ds: ds.create_tensor_like("y", 5)),
    ("class names", InfoError, lambda ds: ds.create_tensor(
        "h", htype="class_label", class_names=[LONE])),
    ("typestr", InfoError, lambda ds: ds.create_tensor("h", typestr=LONE)),
    ("many layers", ValueError, lambda ds: ds.create_tensor(
        "h", htype="image", sample_compression="png", downsampling=(2, 10**9))),
    ("many layers of 1", ValueError, lambda ds: ds.create_tensor(
        "h", htype="image", sample_compression="png", downsampling=(1, 10**9))),
    ("large factor", ValueError, lambda ds: ds.create_tensor(
        "h", htype="image", sample_compression="png", downsampling=(10**6, 50))),
    ("label", SampleAppendError, lambda ds: ds.l.append(LONE)),
    ("info value", InfoError, lambda ds: ds.info.update(a=LONE)),
    ("info key", InfoError, lambda ds: ds.x.info.update({LONE: 1})),
    ("info deep", InfoError, lambda ds: ds.info.update(a=[{"b": LONE}])),
    ("info nan", InfoError, lambda ds: ds.info.update(a=float("nan"))),
    ("info None", InfoError, lambda ds: ds.info.update({None: 1})),
    ("pop fraction", TypeError, lambda ds: ds.pop(1.5)),
    ("pop text", TypeError, lambda ds: ds.x.pop("1")),
    ("pop mask", TypeError, lambda ds: ds.pop([True, False, False, False, False])),
    ("split text", ValueError, lambda ds: ds.random_split("ab")),
    ("split nothing", ValueError, lambda ds: ds.random_split([])),
    ("split nan", ValueError, lambda ds: ds.random_split([float("nan"), 1])),
    ("copy number", InvalidPathException, lambda ds: ds.copy(5)),
    ("filter number", TypeError, lambda ds: ds.filter(5)),
]  # fmt: skip


@pytest.mark.parametrize(
    ("error", "call"), [case[1:] for case in CASES], ids=[case[0] for case in CASES]
)
def test_it_is_refused(ds: Dataset, error: type[Exception], call: Callable[[Dataset], Any]) -> None:
    with pytest.raises(error):
        call(ds)
    again = deeplake.load(ds.path)
    assert list(again.tensors) == ["x", "l"]
    assert again.x.numpy().ravel().tolist() == [0, 1, 2, 3, 4]
    assert [c["message"] for c in again.commits] == ["five"]
    ds.x.append(5)  # the handle works on
    assert len(deeplake.load(ds.path).x) == 6


@pytest.mark.parametrize(
    "call",
    [lambda ds: ds.info.update(a=LONE), lambda ds: ds.l.append(LONE),
     lambda ds: ds.create_tensor("h", htype="class_label", class_names=[LONE])],
)  # fmt: skip
def test_a_block_goes_on_after_it(ds: Dataset, call: Callable[[Dataset], Any]) -> None:
    with ds:
        ds.append({"x": 5, "l": "c"})
        with pytest.raises((InfoError, SampleAppendError), match="surrogate"):
            call(ds)
        ds.append({"x": 6, "l": "d"})
    again = deeplake.load(ds.path)
    assert again.x.numpy().ravel().tolist() == [0, 1, 2, 3, 4, 5, 6]
    assert again.l.info.class_names == ["a", "b", "c", "d"]


@pytest.mark.parametrize("value", ["yes", 3, None, np.True_])
def test_flags_are_stored_as_flags(ds: Dataset, value: Any) -> None:
    ds.create_tensor("h", hidden=value, verify=value).append(1)
    ds.allow_delete = value
    again = deeplake.load(ds.path)
    assert again["h"].hidden is bool(value)
    assert again["h"].verify is bool(value)
    assert again.allow_delete is bool(value)


def test_one_layer_of_factor_1(ds: Dataset) -> None:
    ds.create_tensor("h", htype="image", sample_compression="png", downsampling=(1, 3))
    ds.h.append(np.zeros((30, 20, 3), np.uint8))
    assert ds["_h_downsampled_1"].shape == (1, 30, 20, 3)
