"""WHERE, construct by construct, against the same in Python."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest

import deeplake
from deeplake.errors import QueryError

from .conftest import N, row, rows_of

NAMES = ["cat", "dog", "cow"]

CASES: list[tuple[str, Callable[[dict[str, Any]], Any]]] = [
    ("labels == 'dog'", lambda r: r["labels"] == 1),
    ("labels != 'dog'", lambda r: r["labels"] != 1),
    ("labels < 'cow'", lambda r: r["labels"] < 2),
    ("labels IN ('cat', 'cow')", lambda r: r["labels"] in (0, 2)),
    ("labels IN (0, 2)", lambda r: r["labels"] in (0, 2)),
    ("labels NOT IN (0, 2)", lambda r: r["labels"] == 1),
    ("labels between 'dog' and 'cow'", lambda r: r["labels"] >= 1),
    ("labels LIKE 'c%'", lambda r: NAMES[r["labels"]].startswith("c")),
    ("contains(labels, '*o*')", lambda r: "o" in NAMES[r["labels"]]),
    ("contains(labels, 'cat')", lambda r: r["labels"] == 0),
    ("contains(id, '7')", lambda r: r["id"] == 7),
    ("contains(id, 7)", lambda r: r["id"] == 7),
    ("contains(boxes, 9)", lambda r: bool((r["boxes"] == 9).any())),
    ("x > 1.0 and x <= 2", lambda r: 1 < r["x"] <= 2),
    ("x > 1.0 AND x <= 2 OR id = 29", lambda r: 1 < r["x"] <= 2 or r["id"] == 29),
    ("not x between 0.5 and 2.5", lambda r: not 0.5 <= r["x"] <= 2.5),
    ("x NOT BETWEEN 0.5 AND 2.5", lambda r: not 0.5 <= r["x"] <= 2.5),
    ("NOT (x < 1 OR x > 2)", lambda r: not (r["x"] < 1 or r["x"] > 2)),
    ("id % 7 == 0", lambda r: r["id"] % 7 == 0),
    ("id / 3 < 1", lambda r: r["id"] / 3 < 1),
    ("id * 2 - 1 >= 30 + 3", lambda r: r["id"] * 2 - 1 >= 33),
    ("-id < -25", lambda r: -r["id"] < -25),
    ("id <> 3 and id != 4 and id < 7", lambda r: r["id"] in (0, 1, 2, 5, 6)),
    ("id", lambda r: r["id"] != 0),
    ("flag", lambda r: r["flag"]),
    ("not flag", lambda r: not r["flag"]),
    ("flag = true", lambda r: r["flag"]),
    ("text", lambda r: False),
    ("text == 'Item number 3'", lambda r: r["text"] == "Item number 3"),
    ("text < 'Item number 2'", lambda r: r["text"] < "Item number 2"),
    ("text in ('Item number 3', 'nothing')", lambda r: r["id"] == 3),
    ("contains(text, '2')", lambda r: "2" in r["text"]),
    ("contains(text, 'item')", lambda r: False),
    ("text LIKE '%number 1_'", lambda r: 10 <= r["id"] < 20),
    ("text ILIKE 'ITEM%5'", lambda r: r["text"].endswith("5")),
    ("text NOT LIKE '%1%'", lambda r: "1" not in r["text"]),
    ("lower(text) like 'item%'", lambda r: True),
    ("length(text) = 13", lambda r: len(r["text"]) == 13),
    ("any(boxes[:, 3] > 7)", lambda r: bool((r["boxes"][:, 3] > 7).any())),
    ("all(boxes[:, 3] > 1)", lambda r: bool((r["boxes"][:, 3] > 1).all())),
    ("all_strict(boxes > -1)", lambda r: r["boxes"].size > 0),
    ("boxes > 1", lambda r: False),
    ("boxes[0:2, 1] == 5", lambda r: False),
    ("boxes[1, 1] == 5", lambda r: len(r["boxes"]) > 1),
    ("boxes[-1, 0] == 8", lambda r: len(r["boxes"]) == 3),
    ("boxes[0] == ARRAY[0, 1, 2, 3]", lambda r: len(r["boxes"]) > 0),
    ("boxes[0] == ARRAY[0, 1, 2]", lambda r: False),
    ("boxes[0] != ARRAY[0, 1, 2]", lambda r: len(r["boxes"]) > 0),
    ("any(logical_and(boxes > 1, boxes < 3))", lambda r: len(r["boxes"]) > 0),
    ("any(logical_or(boxes[:, 0] > 100, boxes[:, 1] < 2))", lambda r: len(r["boxes"]) > 0),
    ("shape(boxes)[0] == 2", lambda r: len(r["boxes"]) == 2),
    ("shape(emb)[0] == 3", lambda r: True),
    ("sum(boxes) > 20", lambda r: r["boxes"].sum() > 20),
    ("amax(boxes) > 7", lambda r: r["boxes"].size > 0 and r["boxes"].max() > 7),
    ("amin(boxes) == 0", lambda r: r["boxes"].size > 0),
    ("avg(boxes) > 4", lambda r: r["boxes"].size > 0 and r["boxes"].mean() > 4),
    ("prod(emb) > 0", lambda r: r["emb"].prod() > 0),
    ("json['a'] > 10", lambda r: r["json"].get("a", 0) > 10),
    ("not json['a'] > 10", lambda r: "a" in r["json"] and r["json"]["a"] <= 10),
    ("json['k']['z'][1] == 12", lambda r: r["id"] == 11),
    ("json['k']['z'][-1] == 12", lambda r: r["id"] == 11),
    ("json['s'] == 's3'", lambda r: r["json"].get("s") == "s3"),
    ("json['s'] IN ('s3', 's4')", lambda r: r["json"].get("s") in ("s3", "s4")),
    ("json['s'] LIKE 's_'", lambda r: "s" in r["json"]),
    ("json['k'] == 3", lambda r: False),
    ("json['b'] == 1", lambda r: "b" in r["json"]),
    ("json['a'] is null", lambda r: "a" not in r["json"]),
    ("json['a'] is not null", lambda r: "a" in r["json"]),
    ("contains(json['s'], '3')", lambda r: "3" in r["json"].get("s", "")),
    ("contains(json['k']['z'], 12)", lambda r: r["id"] == 11),
    ("contains(tags, 't1')", lambda r: r["id"] % 4 == 1),
    ("contains(tags, 't*')", lambda r: True),
    ("l2_norm(emb) > 1.2", lambda r: math.sqrt(float((r["emb"] ** 2).sum())) > 1.2),
    ("l1_norm(emb) > 1.5", lambda r: float(abs(r["emb"]).sum()) > 1.5),
    ("linf_norm(emb) > 0.99", lambda r: float(abs(r["emb"]).max()) > 0.99),
    ("dot(emb, ARRAY[1, 0, 0]) > 0.5", lambda r: float(r["emb"][0]) > 0.5),
    ("hamming_distance(id, 3) == 0", lambda r: r["id"] == 3),
    ("sqrt(id) == 5", lambda r: r["id"] == 25),
    ("abs(id - 10) <= 1", lambda r: abs(r["id"] - 10) <= 1),
    ("row_number() % 10 == 3", lambda r: r["id"] % 10 == 3),
    ("data(id, 5) == id", lambda r: r["id"] == 5),
    ("case when id < 3 then 1 when id > 27 then 1 else 0 end", lambda r: not 3 <= r["id"] <= 27),
    ("case labels when 'dog' then true else false end", lambda r: r["labels"] == 1),
    ("cast(x as int) == 2", lambda r: int(r["x"]) == 2),
    ("cast(id as text) like '2%'", lambda r: str(r["id"]).startswith("2")),
    ("nonzero(boxes)[0] == 1", lambda r: r["boxes"].size > 0),
    ("id is null", lambda r: False),
    ("random() < 2", lambda r: True),
    ('"labels" == 1', lambda r: r["labels"] == 1),
    ("labels = 1 -- a comment", lambda r: r["labels"] == 1),
]  # fmt: skip


@pytest.mark.parametrize(("condition", "expected"), CASES, ids=[case[0] for case in CASES])
def test_condition(
    ds: deeplake.Dataset, condition: str, expected: Callable[[dict[str, Any]], Any]
) -> None:
    wanted = [i for i in range(N) if expected(row(i))]
    assert rows_of(ds.query(f"SELECT * WHERE {condition}")) == wanted


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("select * where nope == 3", 'Tensor "nope" does not exist'),
        ("select * where Labels == 3", "did you mean 'labels'"),
        ('select * where text == "cat"', "single quotes: 'cat'"),
        ("select * where labels == 'dgo'", "did you mean 'dog'"),
        ("select * where contains(labels, 'zebra*')", "no class named"),
        ("select * where text == 3", "Can't compare values of dtypes"),
        ("select * where id == '3'", "Can't compare values of dtypes"),
        ("select * where id in (1, 'a')", "numbers and text"),
        ("select * where text[0] == 'a'", "text cannot be subscripted"),
        ("select * where id['a'] == 1", "key of json"),
        ("select * where lenght(text) > 1", "did you mean 'LENGTH'"),
        ("select * where sum(id, 2) > 1", "takes 1 arguments"),
        ("select * where max(id) > 1", "about several rows"),
        ("select * whre id > 1", "did you mean 'WHERE'"),
        ("select * where id >", "unexpected end of the query"),
        ("selekt *", "did you mean 'SELECT'"),
        ("select * where id > ?", "no value for the [?]"),
        ("select * where id > :low", "no value for :low"),
        ("select * where text like text", "pattern of LIKE"),
        ("select * where id like '3'", "LIKE is for text"),
        ("select * where labels == cat", "A text is written in single quotes: 'cat'"),
        ('select * where text like "I%"', "A text is written in single quotes: 'I%'"),
        ("select * where text == 'cat", "ends with the quote that it begins with"),
        ("select * where text == ‘cat’", "straight single quotes"),
        ("select * where id => 3", "comparisons are == "),
        ("select * where id === 3", "comparisons are == "),
        ("select * where id > 3 && x > 1", "write AND"),
        ("select * where id > 3 || x > 1", "write OR"),
        ("select * where !(id > 3)", "write NOT"),
        ("select * where id ^ 2 > 3", "write POWER"),
        ("select * where id in [1, 2]", "a list is written IN"),
        ("select * limit 3 where id > 1", "clauses stand in this order: FROM WHERE"),
        ("select labels, count(*) group by labels having count(*) > 1", "a query of a query"),
        ("select * where id is none", "is NULL"),
        ("select * where id == None", "found by IS NULL"),
        ("select * where json.k.z == 1", r"written json\['k'\]\['z'\]"),
        ("select boxes.shape as s", r"write SHAPE\(boxes\)"),
        ("id > 3", "a query begins with SELECT"),
        ("select * order id", "expecting BY"),
        ("select * where Größe > 1", 'Tensor "Größe" does not exist'),
        ("select * where contains(json, text) and cont(text, 'a')", "did you mean 'COUNT'"),
        ("select * sample by id limit 1e18", "would draw"),
        ("select count(*) as n sample by 1 limit 2147483648 percent", "would draw"),
        ("select * group by labels sample by labels limit 65000000", "would draw"),
        ("select * where text like '" + "%a" * 6000 + "'", "at most 10000 characters"),
        ("select * where text == '\ud800'", "a character that no query has"),
    ],
)
def test_errors_point_at_the_place(ds: deeplake.Dataset, query: str, message: str) -> None:
    with pytest.raises(QueryError, match=message) as caught:
        ds.query(query)
    assert len(query) > 100 or query.replace("\ud800", " ") in str(caught.value)
    assert "^" in str(caught.value).splitlines()[-1]
