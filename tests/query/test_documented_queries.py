"""Queries that the documentation of the language shows, and what it says of them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import deeplake
from deeplake.errors import QueryError

NAMES = ["car", "motorcycle", "horse", "mother"]
DIGITS = np.random.default_rng(5).integers(0, 10, 6000)
"""Labels as those of MNIST."""


@pytest.fixture
def digits() -> deeplake.Dataset:
    ds = deeplake.empty("mem://digits")
    ds.create_tensor("labels", htype="class_label").extend(DIGITS.astype("uint32"))
    return ds


@pytest.fixture
def ds() -> deeplake.Dataset:
    ds = deeplake.empty("mem://documented")
    with ds:
        ds.create_tensor("labels", htype="class_label").extend([0, 1, 5, 5, 6, 8])
        ds.create_tensor("categories", htype="class_label", class_names=NAMES)
        ds.categories.extend([[0], [1, 2], [0, 1], [2], [], [3]])
        ds.create_tensor("e", dtype="int64")
        ds.e.extend([[1, 1, 0], [1, 1, 0], [0, 1, 0], [1, 0, 0], [1, 1, 1], [0, 0, 0]])
        ds.create_tensor("boxes", htype="bbox")
        ds.boxes.extend([np.full((2, 4), k, "float32") for k in range(6)])
        ds.create_tensor("json", htype="json")
        ds.json.extend([{"b": {"k2": [7]}}, {"b": 3}, {}, {"a": [1]}, {"key": {"k2": [4, 5]}}, {}])
        ds.create_tensor("text", htype="text").extend(["a", "bc", "", "d", "e", "a%"])
        ds.create_tensor("n", dtype="int64").extend([5, 3, 3, 1, 4, 1])
        ds.create_tensor("filenames", htype="text").extend(["x", "y", "x", "x", "z", "y"])
    return ds


@pytest.fixture(autouse=True)
def _unseeded() -> Iterator[None]:
    yield
    deeplake.random.seed()


def rows(view: Any) -> list[int]:
    return list(view.sample_indices)


@pytest.mark.parametrize(
    ("condition", "count"),
    [
        ("labels == 8", (DIGITS == 8).sum()),
        ("labels % 3 == 1", (DIGITS % 3 == 1).sum()),
        ("labels / 3 < 1", (DIGITS / 3 < 1).sum()),
        ("labels between 0 and 3", (DIGITS <= 3).sum()),
        ("labels IN (0,2,4,6,8)", (DIGITS % 2 == 0).sum()),
        ("labels != 5", (DIGITS != 5).sum()),
    ],
)
def test_counts(digits: deeplake.Dataset, condition: str, count: int) -> None:
    assert len(digits.query(f"select * where {condition}")) == count
    assert len(digits.dataloader().query(f"select * where {condition}")) == count
    assert len(digits.filter(condition, progressbar=False)) == count


def test_a_union_of_two_times_ten_rows(digits: deeplake.Dataset) -> None:
    text = "(select * where labels == 1 limit 10) union (select * where labels == 2 limit 10)"
    assert len(digits.query(text)) == 20


def test_the_queries_of_the_loaders_manual(digits: deeplake.Dataset, ds: deeplake.Dataset) -> None:
    five = digits.dataloader().query("select * where labels != 5")
    assert len(five) == (DIGITS != 5).sum()
    both = ds.dataloader().query(
        "(select * where contains(categories, 'car') limit 1000) union "
        "(select * where contains(categories, 'motorcycle') limit 1000)"
    )
    assert [int(batch[0]["n"].item()) for batch in both] == [5, 3, 3]  # rows 0, 2, 1
    sampled = digits.dataloader().sample_by("max_weight(labels == 5: 10, labels == 6: 5)")
    drawn = [int(sample["labels"].item()) for batch in sampled.batch(500) for sample in batch]
    assert len(drawn) == 6000
    fives = 10 * (DIGITS == 5).sum()
    share = fives / (fives + 5 * (DIGITS == 6).sum())
    assert abs(drawn.count(5) - 6000 * share) < 6 * np.sqrt(6000 * share * (1 - share))
    assert set(drawn) == {5, 6}
    assert 0 not in {
        int(sample["labels"].item())
        for batch in digits.dataloader().sample_by("labels").batch(500)
        for sample in batch
    }
    weights = [i % 5 for i in range(len(digits))]
    assert len(digits.dataloader().sample_by(weights, replace=False)) == 6000


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        # arrays in WHERE
        ("SELECT * WHERE e == ARRAY[1,1,0]", [0, 1]),
        ("SELECT * WHERE boxes > 1", []),
        ("SELECT * WHERE labels", [1, 2, 3, 4, 5]),
        ("SELECT * WHERE text", []),
        ("SELECT * WHERE shape(boxes)[0] == 2", [0, 1, 2, 3, 4, 5]),
        ("SELECT * WHERE all(boxes[0:2,1] > 3)", [4, 5]),
        ("SELECT * WHERE any(boxes[:,3] == 2)", [2]),
        ("SELECT * WHERE all(categories == 0)", [0, 4]),
        ("SELECT * WHERE all_strict(categories == 0)", [0]),
        ("SELECT * WHERE any(categories == 0)", [0, 2]),
        ("SELECT * WHERE boxes[7, 0] > -1", []),
        # CONTAINS
        ("SELECT * WHERE contains(labels, '1')", [1]),
        ("SELECT * WHERE contains(categories, '*o?*er')", [5]),
        ("SELECT * WHERE contains(categories, 'mot*')", [1, 2, 5]),
        ("SELECT * WHERE contains(categories, '*or*')", [1, 2, 3]),
        ("SELECT * WHERE contains(text, 'b')", [1]),
        ("SELECT * WHERE contains(text, 'B')", []),
        ("SELECT * WHERE contains(text, '*')", []),
        # json
        ("SELECT * WHERE json['b'] == 3", [1]),
        ("SELECT * WHERE json['key']['k2'][0] == 4", [4]),
        ("SELECT * WHERE json['nothing'] == 4", []),
        # order, groups, names, limits
        ("SELECT * ORDER BY n", [3, 5, 1, 2, 4, 0]),
        ("SELECT * ORDER BY n DESC LIMIT 2", [0, 4]),
        ('SELECT * WHERE "labels" == 5 OFFSET 1', [3]),
        ("SELECT * LIMIT 99", [0, 1, 2, 3, 4, 5]),
        ("SELECT * LIMIT 0", []),
        ("SELECT * LIMIT -1", []),
        ("SELECT * WHERE ROW_NUMBER() == 4", [4]),
        ("SELECT * WHERE n NOT BETWEEN 2 AND 4", [0, 3, 5]),
        ("SELECT * WHERE text LIKE 'a_'; -- a comment", [5]),
        ("SELECT * FROM (SELECT * WHERE labels == 5) WHERE n == 1", [3]),
        ("(SELECT * WHERE labels == 5) UNION (SELECT * WHERE n == 3)", [2, 3, 1]),
    ],
)  # fmt: skip
def test_rows(ds: deeplake.Dataset, query: str, expected: list[int]) -> None:
    assert rows(ds.query(query)) == expected


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("SELECT * WHERE n == '3'", "Can't compare values of dtypes"),
        ("SELECT * WHERE text == 3", "Can't compare values of dtypes"),
        ("SELECT * WHERE categories == 'nope'", "no class named 'nope'; there are 'car'"),
        ("SELECT * WHERE contains(categories, 'nope')", "no class named 'nope'"),
        ("SELECT * WHERE contains(categories, 'no*')", "no class named 'no*'"),
        ('SELECT * WHERE categories == "car"', "A text is written in single quotes: 'car'"),
        ("SELECT * WHERE Labels == 1", 'Tensor "Labels" does not exist in the dataset'),
        ("SELECT * WHERE Labels == 1", "did you mean 'labels'"),
        ("SELECT * WHERE nope(labels) == 1", "Function 'NOPE' is not found"),
        ("SELECT * WHERE text[0] == 'a'", "text cannot be subscripted"),
        ("SELECT * ORDER BY e", "Can't convert array to scalar in ORDER/SAMPLE/GROUP expressions."),
        ("SELECT * GROUP BY e", "Can't convert array to scalar in ORDER/SAMPLE/GROUP expressions."),
        ("SELECT * SAMPLE BY e", "Can't convert array to scalar in ORDER/SAMPLE/GROUP expressions."),
        ("SELECT * UNGROUP BY SPLIT", "The source dataset is not a group."),
        ("SELECT * LIMIT 3 ORDER BY n", "Pos 17 - syntax error, unexpected 'ORDER'"),
        ("SELECT * WHERE n == 1 EXPAND BY 2, 2", "syntax error, unexpected ','"),
        ("SELECT * WHERE", "syntax error, unexpected end of the query"),
        ("SELECT * WHERE n ^ 2 == 1", "syntax error, unexpected '^'"),
        ("SELECT n, n + 1", "Multiple expressions"),
        ("SELECT n, SUM(e)", "SUM(…) needs a name"),
        ("SELECT * SAMPLE BY 0", "all weights are 0"),
        ("SELECT * WHERE n > 99 SAMPLE BY 1", "no rows"),
        ("", "syntax error"),
    ],
)  # fmt: skip
def test_errors(ds: deeplake.Dataset, query: str, message: str) -> None:
    with pytest.raises(QueryError, match=re.escape(message)) as caught:
        ds.query(query)
    assert isinstance(caught.value, RuntimeError)
    assert "^" in str(caught.value), "the place is not shown"


def test_nothing_is_drawn_from_an_empty_dataset() -> None:
    with pytest.raises(RuntimeError):
        deeplake.empty("mem://nothing").query("SELECT * SAMPLE BY 1")


def test_return_data_needs_the_managed_database(ds: deeplake.Dataset) -> None:
    with pytest.raises(ValueError, match="return_data"):
        ds.query("SELECT *", return_data=True)


@pytest.mark.parametrize(
    ("query", "size", "distinct"),
    [
        ("SELECT * SAMPLE BY 1", 6, False),
        ("SELECT * SAMPLE BY 0.1", 6, False),
        ("SELECT * SAMPLE BY labels", 6, False),
        ("SELECT * SAMPLE BY labels LIMIT 50", 50, False),
        ("SELECT * SAMPLE BY labels REPLACE FALSE", 6, True),
        ("SELECT * SAMPLE BY labels REPLACE FALSE LIMIT 4", 4, True),
        ("SELECT * SAMPLE BY labels REPLACE FALSE LIMIT 50", 6, True),
        (
            "SELECT * SAMPLE BY max_weight(n == 1: 8, labels == 5: 3, True: 1) REPLACE TRUE",
            6,
            False,
        ),
        ("SELECT * SAMPLE BY sum_weight(n == 1: 8, labels == 5: 3) LIMIT 50 PERCENT", 3, False),
        ("SELECT * WHERE labels == 5 SAMPLE BY 1", 2, False),
    ],
)
def test_samples(ds: deeplake.Dataset, query: str, size: int, distinct: bool) -> None:
    deeplake.random.seed(1)
    found = rows(ds.query(query))
    assert len(found) == size
    assert not distinct or len(set(found)) == size
    assert rows(ds.query(query)) == found


def test_a_query_is_the_message_of_the_view_that_is_saved(tmp_path: Any) -> None:
    ds = deeplake.empty(tmp_path / "ds")
    ds.create_tensor("labels").extend(np.arange(20))
    ds.commit()
    text = "SELECT * WHERE labels > 5 AND labels < 9" + " OR labels == 3" * 100
    view = ds.query(text)
    assert view.is_view
    assert view._query == text
    view.save_view(id="found", verbose=False)
    entry = deeplake.load(tmp_path / "ds").get_view("found")
    assert entry.message == text[:1000]
    assert rows(entry.load()) == [3, 6, 7, 8]
