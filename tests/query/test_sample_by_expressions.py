"""Samples by expressions of the query language: with the engine that is installed, as users do."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import deeplake
from deeplake import errors


@pytest.fixture
def ds() -> deeplake.Dataset:
    ds = deeplake.empty("mem://expressions")
    with ds:
        ds.create_tensor("labels", htype="class_label", class_names=["cat", "dog", "cow"])
        ds.create_tensor("kind", htype="text")
        ds.create_tensor("doc", htype="json")
        ds.create_tensor("pair", dtype="int64")
        ds.create_tensor("some", dtype="float64")
        ds.labels.extend([0] * 900 + [1] * 90 + [2] * 10)
        ds.kind.extend(["häufig"] * 900 + ["selten"] * 100)
        ds.doc.extend([{"day": k // 250} for k in range(1000)])
        ds.pair.extend(np.arange(2000).reshape(1000, 2))
        ds.some.extend([None if k == 7 else k / 10 for k in range(1000)])
    return ds


@pytest.fixture(autouse=True)
def _unseeded() -> Iterator[None]:
    yield
    deeplake.random.seed()


def rows(view: Any) -> list[int]:
    return list(view.sample_indices)


def loaded(loader: Any) -> list[int]:
    return [int(sample["pair"][0]) // 2 for batch in loader for sample in batch]


@pytest.mark.parametrize(
    ("expression", "weights"),
    [
        ("max_weight(labels == 1: 10, labels == 2: 5)", [0, 10, 5]),
        ("MAX_WEIGHT(labels == 'dog': 10, labels == 'cow': 90, True: 1)", [1, 10, 90]),
        ("sum_weight(labels == 'dog': 10, labels < 2: 1)", [1, 11, 0]),
        ("labels", [0, 1, 2]),
        ("labels + 1 -- rare ones are likelier", [1, 2, 3]),
        ("case when labels == 'cow' then 50 else 1 end", [1, 1, 50]),
    ],
)
@pytest.mark.parametrize("options", [{}, {"size": 300}, {"size": 50, "replace": False}])
def test_an_expression_draws_what_its_values_draw(
    ds: deeplake.Dataset, expression: str, weights: list[int], options: dict[str, Any]
) -> None:
    deeplake.random.seed(11)
    view = ds.sample_by(expression, **options)
    array = np.array(weights)[ds.labels.numpy().ravel()]
    assert rows(view) == rows(ds.sample_by(array, **options))
    assert len(view) == options.get("size", 1000)
    assert loaded(ds.dataloader().sample_by(expression, **options).batch(64).numpy()) == rows(view)


def test_a_view_remembers_its_query_and_can_be_queried(ds: deeplake.Dataset) -> None:
    view = ds[880:].sample_by("labels", size=60)
    assert set(rows(view)) <= set(range(900, 1000))
    assert "SAMPLE BY labels" in view._query
    again = view.query("SELECT * WHERE labels == 'cow'")
    assert rows(again) == [row for row in rows(view) if row >= 990]


@pytest.mark.parametrize(
    ("expression", "groups"),
    [
        ("labels", 3),
        ("kind", 2),
        ("UPPER(kind)", 2),
        ("doc['day']", 4),
        ("pair[0] % 8 + 0.5", 4),
        ("labels == 'cat'", 2),
        ("CASE WHEN labels == 'cat' THEN 'often' ELSE 'rarely' END", 2),
    ],
)
def test_groups_by_expression(ds: deeplake.Dataset, expression: str, groups: int) -> None:
    deeplake.random.seed(3)
    view = ds.sample_by(expression, size=groups * 20, sampler="balanced")
    keys = ds.query(f"SELECT * ORDER BY {expression}").sample_indices
    assert sorted(keys) == list(range(1000))
    values = _values(ds, expression)
    assert sorted(np.unique([values[row] for row in rows(view)], return_counts=True)[1]) == (
        [20] * groups
    )
    loader = ds.dataloader().sample_by(expression, size=groups * 20, sampler="balanced")
    assert loaded(loader.batch(7).numpy()) == rows(view)


def _values(ds: deeplake.Dataset, expression: str) -> list[str]:
    """The groups of the test above, computed apart."""
    labels = ds.labels.numpy().ravel()
    return [
        {
            "labels": str(labels[row]),
            "doc['day']": str(row // 250),
            "pair[0] % 8 + 0.5": str(row % 4),
        }.get(expression, str(row < 900))
        for row in range(1000)
    ]


@pytest.mark.parametrize(
    ("expression", "sampler", "kind", "message"),
    [
        ("0", "weighted", errors.WeightsError, "all weights are 0"),
        ("labels - 1", "weighted", errors.WeightsError, r"that of row 0 is -1\.0"),
        ("kind", "weighted", errors.WeightsError, "weights are numbers"),
        ("some / 0 * 0", "weighted", errors.WeightsError, "SAMPLE BY"),
        ("nothing", "weighted", errors.QueryError, "does not exist"),
        ("labels ==", "weighted", errors.QueryError, "syntax error"),
        ("labels LIMIT 3", "weighted", errors.QueryError, "syntax error"),
        ("labels; SELECT *", "weighted", errors.QueryError, "syntax error"),
        ("pair", "balanced", errors.WeightsError, "gives arrays"),
        ("some", "balanced", errors.WeightsError, "no value for row 7"),
        ("nothing", "stratified", errors.QueryError, "does not exist"),
        ("labels, kind", "stratified", errors.QueryError, "more than one expression"),
    ],
)
def test_expressions_that_make_no_sense(
    ds: deeplake.Dataset, expression: str, sampler: str, kind: type[Exception], message: str
) -> None:
    for subject in (ds, ds.dataloader()):
        with pytest.raises(kind, match=message):
            subject.sample_by(expression, sampler=sampler)


def test_no_rows(ds: deeplake.Dataset) -> None:
    with pytest.raises(errors.WeightsError, match="no rows to draw from"):
        ds[:0].sample_by("labels")
    with pytest.raises(errors.WeightsError, match="no rows to draw from"):
        ds.query("SELECT * WHERE labels == 7 SAMPLE BY 1")
