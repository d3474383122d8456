"""``ds.filter`` with functions (api.md, section 9)."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import deeplake
from deeplake import Dataset
from deeplake.errors import FilterError, UnsupportedSchedulerError


@pytest.fixture
def rows(local: Dataset) -> Dataset:
    """Fifty rows."""
    local.create_tensor("x")
    local.create_tensor("g/t", htype="text")
    local.extend({"x": np.arange(50), "g/t": [str(i) for i in range(50)]})
    return local


def even(row: Dataset) -> Any:
    return row.x.numpy() % 2 == 0


def broken(row: Dataset) -> bool:
    return bool(1 // (int(row.x.numpy()[0]) - 7))


@pytest.mark.parametrize("num_workers", [0, 2])
@pytest.mark.parametrize("scheduler", ["serial", "threaded", "processed"])
def test_filter(rows: Dataset, num_workers: int, scheduler: str) -> None:
    view = rows.filter(even, num_workers=num_workers, scheduler=scheduler, progressbar=False)
    assert view.is_view
    assert view.x.numpy().ravel().tolist() == list(range(0, 50, 2))
    assert list(view.sample_indices) == list(range(0, 50, 2))
    assert view[1]["g/t"].text() == "2"


def test_filters_of_views(rows: Dataset) -> None:
    view = rows[10:20][::-1].filter(lambda row: row.x.numpy()[0] % 3 == 0, progressbar=False)
    assert view.x.numpy().ravel().tolist() == [18, 15, 12]
    again = view.filter(even, progressbar=False)
    assert again.x.numpy().ravel().tolist() == [18, 12]
    assert len(rows.filter(lambda row: False, progressbar=False)) == 0


@pytest.mark.parametrize("scheduler", ["serial", "threaded", "processed"])
def test_functions_that_have_no_name_of_their_own(rows: Dataset, scheduler: str) -> None:
    bound = 45

    def large(row: Dataset) -> bool:
        return bool(row.x.numpy()[0] > bound)

    for function in (large, lambda row: row.x.numpy()[0] > bound):
        view = rows.filter(function, num_workers=2, scheduler=scheduler, progressbar=False)
        assert list(view.sample_indices) == [46, 47, 48, 49]


@deeplake.compute
def among(row: Dataset, numbers: list[int], factor: int = 1) -> bool:
    return int(row.x.numpy()[0]) in [factor * number for number in numbers]


@pytest.mark.parametrize("num_workers", [0, 2])
@pytest.mark.parametrize("scheduler", ["threaded", "processed"])
def test_functions_of_compute_with_arguments(
    rows: Dataset, num_workers: int, scheduler: str
) -> None:
    view = rows.filter(
        among([1, 3, 40], factor=2),
        num_workers=num_workers,
        scheduler=scheduler,
        progressbar=False,
    )
    assert list(view.sample_indices) == [2, 6]


def test_groups(rows: Dataset) -> None:
    view = rows.g.filter(lambda row: row.t.text().endswith("1"), progressbar=False)
    assert view.t.text() == ["1", "11", "21", "31", "41"]


def test_progressbar(rows: Dataset, capsys: pytest.CaptureFixture[str]) -> None:
    rows.filter(even)
    assert "filter" in capsys.readouterr().err


def test_errors(rows: Dataset) -> None:
    with pytest.raises(ZeroDivisionError):
        rows.filter(broken, progressbar=False)
    for scheduler in ("threaded", "processed"):
        with pytest.raises(FilterError, match=rows.path) as caught:
            rows.filter(broken, num_workers=2, scheduler=scheduler, progressbar=False)
        assert isinstance(caught.value.__cause__, ZeroDivisionError)
    with pytest.raises(UnsupportedSchedulerError, match="'ray'"):
        rows.filter(even, num_workers=2, scheduler="ray", progressbar=False)
    with pytest.raises(TypeError, match="function"):
        rows.filter(3, progressbar=False)  # type: ignore[arg-type]


def test_save_result(rows: Dataset) -> None:
    rows.commit("rows")
    rows.filter(even, progressbar=False, save_result=True)
    assert len(rows.get_views()[0].load()) == 25
    assert len(deeplake.load(rows.path)) == 50
