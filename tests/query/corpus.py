# ruff: noqa: E501 - a query and what it finds stand in one line where they can
"""A corpus of queries with results that were computed without the engine.

Four kinds of cases, each a list:

* ``ROWS``: a query that selects rows, and a function of the data that says which, in order. It is
  written with NumPy and plain Python.
* ``SQL``: a query that selects rows, and the same in SQL for DuckDB, which gives their ``id``.
* ``COLUMNS``: a query that makes columns, and a function that gives them, in order of rows.
* ``TABLES``: a query that makes columns, and the same in SQL for DuckDB.
* ``PROPERTIES``: a query that draws at random, and a test of what it drew.

In SQL there is a table ``t`` with the columns ``id``, ``label``, ``name`` (of the label), ``n``,
``score``, ``flag``, ``day`` and ``word``. A query is about the dataset of ``data.write``; in its text
``{names}``, ``{main}`` and ``{uneven}`` are paths of the datasets.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
from tests.query.data import CLASSES, Data
from tests.query.data import ROWS as TOTAL

Found: TypeAlias = Sequence[int]


def at(mask: Any) -> list[int]:
    """Rows where something holds."""
    return np.flatnonzero(np.asarray(mask, bool)).tolist()


def those(d: Data, test: Callable[[int], Any]) -> list[int]:
    """Rows for which a function of the row number is true."""
    return [row for row in range(len(d)) if test(row)]


def by(keys: Sequence[Any], rows: Sequence[int] | None = None, *, down: bool = False) -> list[int]:
    """Rows in the order of their keys, stable both ways; None and NaN last."""
    rows = range(len(keys)) if rows is None else rows
    there = [row for row in rows if keys[row] is not None and keys[row] == keys[row]]
    rest = [row for row in rows if row not in set(there)]
    if down:
        return sorted(there, key=lambda row: keys[row], reverse=True) + rest
    return sorted(there, key=lambda row: keys[row]) + rest


def sub(value: Any, *keys: Any) -> Any:
    """What json has behind some keys; None if it has nothing."""
    for key in keys:
        if (isinstance(value, dict) and isinstance(key, str) and key in value) or (
            isinstance(value, list) and isinstance(key, int) and -len(value) <= key < len(value)
        ):
            value = value[key]
        else:
            return None
    return value


def number(value: Any) -> float:
    """A number of json; NaN for anything else."""
    return value if isinstance(value, (int, float)) and not isinstance(value, bool) else np.nan


def cosine(d: Data, vector: Any) -> np.ndarray:
    """Cosine similarity of each ``vec`` with a vector."""
    other = np.asarray(vector, np.float64)
    vec = d.vec.astype(np.float64)
    return vec @ other / np.linalg.norm(vec, axis=1) / np.linalg.norm(other)


def group(keys: Sequence[Any], rows: Sequence[int] | None = None) -> dict[Any, list[int]]:
    """Rows by key, in order of first appearance."""
    found: dict[Any, list[int]] = {}
    for row in range(len(keys)) if rows is None else rows:
        found.setdefault(keys[row], []).append(row)
    return found


# --------------------------------------------------------------------------- rows, by DuckDB
SQL: list[tuple[str, str]] = [
    # everything
    ("SELECT *", "SELECT id FROM t ORDER BY id"),
    ("select * where n == 7", "SELECT id FROM t WHERE n = 7 ORDER BY id"),
    ("SeLeCt * WhErE n = 7;", "SELECT id FROM t WHERE n = 7 ORDER BY id"),
    (
        "SELECT * -- all of them\nWHERE n >= 40 -- and more\n",
        "SELECT id FROM t WHERE n >= 40 ORDER BY id",
    ),
    # comparisons
    *(
        (
            f"SELECT * WHERE {left} {ours} {right}",
            f"SELECT id FROM t WHERE {left} {theirs} {right} ORDER BY id",
        )
        for (left, right), (ours, theirs) in itertools.product(
            [("n", "-3"), ("score", "0.5"), ("day", "100"), ("word", "'banana'"), ("12", "n")],
            [("==", "="), ("!=", "<>"), ("<", "<"), ("<=", "<="), (">", ">"), (">=", ">=")],
        )
    ),
    ("SELECT * WHERE n <> 0", "SELECT id FROM t WHERE n <> 0 ORDER BY id"),
    ("SELECT * WHERE n < day", "SELECT id FROM t WHERE n < day ORDER BY id"),
    ("SELECT * WHERE score == .25", "SELECT id FROM t WHERE score = 0.25 ORDER BY id"),
    ("SELECT * WHERE score > 7.5e-1", "SELECT id FROM t WHERE score > 0.75 ORDER BY id"),
    ("SELECT * WHERE day > 2E2", "SELECT id FROM t WHERE day > 200 ORDER BY id"),
    ("SELECT * WHERE word == 'it''s'", "SELECT id FROM t WHERE word = 'it''s' ORDER BY id"),
    ("SELECT * WHERE word == '日本語'", "SELECT id FROM t WHERE word = '日本語' ORDER BY id"),
    ("SELECT * WHERE word == ''", "SELECT id FROM t WHERE word = '' ORDER BY id"),
    (
        "SELECT * WHERE 'needle in hay' == word",
        "SELECT id FROM t WHERE word = 'needle in hay' ORDER BY id",
    ),
    # what is missing
    ("SELECT * WHERE n IS NULL", "SELECT id FROM t WHERE n IS NULL ORDER BY id"),
    ("SELECT * WHERE n IS NOT NULL", "SELECT id FROM t WHERE n IS NOT NULL ORDER BY id"),
    ("SELECT * WHERE NOT n IS NULL", "SELECT id FROM t WHERE NOT n IS NULL ORDER BY id"),
    ("SELECT * WHERE NOT n > 0", "SELECT id FROM t WHERE NOT n > 0 ORDER BY id"),
    ("SELECT * WHERE n > 0 OR n IS NULL", "SELECT id FROM t WHERE n > 0 OR n IS NULL ORDER BY id"),
    (
        "SELECT * WHERE NOT (n > 0 OR flag)",
        "SELECT id FROM t WHERE NOT (n > 0 OR flag) ORDER BY id",
    ),
    (
        "SELECT * WHERE NOT (n > 0 AND flag)",
        "SELECT id FROM t WHERE NOT (n > 0 AND flag) ORDER BY id",
    ),
    ("SELECT * WHERE n + 1 IS NULL", "SELECT id FROM t WHERE n + 1 IS NULL ORDER BY id"),
    # and, or, not
    ("SELECT * WHERE flag", "SELECT id FROM t WHERE flag ORDER BY id"),
    ("SELECT * WHERE NOT flag", "SELECT id FROM t WHERE NOT flag ORDER BY id"),
    ("SELECT * WHERE flag == true", "SELECT id FROM t WHERE flag ORDER BY id"),
    ("SELECT * WHERE flag = FALSE", "SELECT id FROM t WHERE NOT flag ORDER BY id"),
    ("SELECT * WHERE flag != TRUE", "SELECT id FROM t WHERE NOT flag ORDER BY id"),
    (
        "SELECT * WHERE flag AND score > 0.5",
        "SELECT id FROM t WHERE flag AND score > 0.5 ORDER BY id",
    ),
    (
        "SELECT * WHERE flag OR score > 0.9 AND n < 0",
        "SELECT id FROM t WHERE flag OR score > 0.9 AND n < 0 ORDER BY id",
    ),
    (
        "SELECT * WHERE (flag OR score > 0.9) AND n < 0",
        "SELECT id FROM t WHERE (flag OR score > 0.9) AND n < 0 ORDER BY id",
    ),
    (
        "SELECT * WHERE NOT flag AND NOT label == 1",
        "SELECT id FROM t WHERE NOT flag AND NOT label = 1 ORDER BY id",
    ),
    ("SELECT * WHERE NOT NOT flag", "SELECT id FROM t WHERE flag ORDER BY id"),
    ("SELECT * WHERE true", "SELECT id FROM t ORDER BY id"),
    ("SELECT * WHERE false", "SELECT id FROM t WHERE false"),
    ("SELECT * WHERE 1 == 1 AND n == 2", "SELECT id FROM t WHERE n = 2 ORDER BY id"),
    # lists and ranges
    ("SELECT * WHERE n IN (1, 2, 3, -7)", "SELECT id FROM t WHERE n IN (1, 2, 3, -7) ORDER BY id"),
    ("SELECT * WHERE n NOT IN (1, 2, 3)", "SELECT id FROM t WHERE n NOT IN (1, 2, 3) ORDER BY id"),
    ("SELECT * WHERE NOT n IN (1, 2, 3)", "SELECT id FROM t WHERE NOT n IN (1, 2, 3) ORDER BY id"),
    ("SELECT * WHERE n IN (5)", "SELECT id FROM t WHERE n IN (5) ORDER BY id"),
    ("SELECT * WHERE n IN ARRAY[4, 5, 6]", "SELECT id FROM t WHERE n IN (4, 5, 6) ORDER BY id"),
    (
        "SELECT * WHERE word IN ('apple', '', 'nothing')",
        "SELECT id FROM t WHERE word IN ('apple', '', 'nothing') ORDER BY id",
    ),
    (
        "SELECT * WHERE word NOT IN ('apple', '')",
        "SELECT id FROM t WHERE word NOT IN ('apple', '') ORDER BY id",
    ),
    (
        "SELECT * WHERE score IN (0.5, 0.25, 2)",
        "SELECT id FROM t WHERE score IN (0.5, 0.25, 2) ORDER BY id",
    ),
    ("SELECT * WHERE n BETWEEN -5 AND 5", "SELECT id FROM t WHERE n BETWEEN -5 AND 5 ORDER BY id"),
    (
        "SELECT * WHERE n NOT BETWEEN -5 AND 5",
        "SELECT id FROM t WHERE n NOT BETWEEN -5 AND 5 ORDER BY id",
    ),
    ("SELECT * WHERE n BETWEEN 5 AND -5", "SELECT id FROM t WHERE n BETWEEN 5 AND -5 ORDER BY id"),
    (
        "SELECT * WHERE score BETWEEN 0.25 AND 0.5 AND flag",
        "SELECT id FROM t WHERE score BETWEEN 0.25 AND 0.5 AND flag ORDER BY id",
    ),
    (
        "SELECT * WHERE day BETWEEN 100 AND 120 OR day BETWEEN 300 AND 310",
        "SELECT id FROM t WHERE day BETWEEN 100 AND 120 OR day BETWEEN 300 AND 310 ORDER BY id",
    ),
    (
        "SELECT * WHERE word BETWEEN 'a' AND 'c'",
        "SELECT id FROM t WHERE word BETWEEN 'a' AND 'c' ORDER BY id",
    ),
    # patterns
    *(
        (
            f"SELECT * WHERE word {how} '{pattern}'",
            f"SELECT id FROM t WHERE word {how} '{pattern}' ORDER BY id",
        )
        for how, pattern in [
            ("LIKE", "app%"),
            ("LIKE", "%pie"),
            ("LIKE", "%a%"),
            ("LIKE", "_pple"),
            ("LIKE", "apple"),
            ("LIKE", ""),
            ("LIKE", "%"),
            ("LIKE", "___"),
            ("LIKE", "%hay%"),
            ("LIKE", "n%é"),
            ("LIKE", "a.b*c"),
            ("LIKE", "a.b_c"),
            ("LIKE", "%é c%"),
            ("NOT LIKE", "%a%"),
            ("NOT LIKE", "app%"),
            ("ILIKE", "APP%"),
            ("ILIKE", "%PIE"),
            ("ILIKE", "cats and dogs"),
            ("NOT ILIKE", "a%"),
        ]
    ),
    # arithmetic
    ("SELECT * WHERE n + 1 > 5", "SELECT id FROM t WHERE n + 1 > 5 ORDER BY id"),
    ("SELECT * WHERE n * 2 - 3 <= 0", "SELECT id FROM t WHERE n * 2 - 3 <= 0 ORDER BY id"),
    ("SELECT * WHERE 2 * (n + 1) == 10", "SELECT id FROM t WHERE 2 * (n + 1) = 10 ORDER BY id"),
    ("SELECT * WHERE -n > 10", "SELECT id FROM t WHERE -n > 10 ORDER BY id"),
    ("SELECT * WHERE +n > 10", "SELECT id FROM t WHERE n > 10 ORDER BY id"),
    ("SELECT * WHERE n - -1 == 2", "SELECT id FROM t WHERE n + 1 = 2 ORDER BY id"),
    ("SELECT * WHERE n / 4 > 2.5", "SELECT id FROM t WHERE n / 4 > 2.5 ORDER BY id"),
    ("SELECT * WHERE 7 / 2 == 3.5", "SELECT id FROM t ORDER BY id"),
    ("SELECT * WHERE day % 7 == 0", "SELECT id FROM t WHERE day % 7 = 0 ORDER BY id"),
    (
        "SELECT * WHERE (day + id) % 5 != 3",
        "SELECT id FROM t WHERE (day + id) % 5 <> 3 ORDER BY id",
    ),
    (
        "SELECT * WHERE score * 64 - 32 == 0",
        "SELECT id FROM t WHERE score * 64 - 32 = 0 ORDER BY id",
    ),
    ("SELECT * WHERE n * n > 900", "SELECT id FROM t WHERE n * n > 900 ORDER BY id"),
    (
        "SELECT * WHERE n + day - id > score * 100",
        "SELECT id FROM t WHERE n + day - id > score * 100 ORDER BY id",
    ),
    # functions that SQL has too
    ("SELECT * WHERE ABS(n) < 5", "SELECT id FROM t WHERE abs(n) < 5 ORDER BY id"),
    ("SELECT * WHERE abs(n) < 5", "SELECT id FROM t WHERE abs(n) < 5 ORDER BY id"),
    ("SELECT * WHERE SIGN(n) == -1", "SELECT id FROM t WHERE sign(n) = -1 ORDER BY id"),
    ("SELECT * WHERE SQRT(day) > 15", "SELECT id FROM t WHERE sqrt(day) > 15 ORDER BY id"),
    (
        "SELECT * WHERE FLOOR(score * 10) == 3",
        "SELECT id FROM t WHERE floor(score * 10) = 3 ORDER BY id",
    ),
    (
        "SELECT * WHERE CEIL(score * 10) == 3",
        "SELECT id FROM t WHERE ceil(score * 10) = 3 ORDER BY id",
    ),
    ("SELECT * WHERE POWER(n, 2) == 49", "SELECT id FROM t WHERE pow(n, 2) = 49 ORDER BY id"),
    (
        "SELECT * WHERE ROUND(score * 100) == 33",
        "SELECT id FROM t WHERE round(score * 100) = 33 ORDER BY id",
    ),
    ("SELECT * WHERE LENGTH(word) > 8", "SELECT id FROM t WHERE length(word) > 8 ORDER BY id"),
    ("SELECT * WHERE LENGTH(word) == 3", "SELECT id FROM t WHERE length(word) = 3 ORDER BY id"),
    (
        "SELECT * WHERE LOWER(word) == 'apple pie'",
        "SELECT id FROM t WHERE lower(word) = 'apple pie' ORDER BY id",
    ),
    (
        "SELECT * WHERE UPPER(word) == 'NAÏVE CAFÉ'",
        "SELECT id FROM t WHERE upper(word) = 'NAÏVE CAFÉ' ORDER BY id",
    ),
    (
        "SELECT * WHERE LOWER(word) == 'ångström'",
        "SELECT id FROM t WHERE lower(word) = 'ångström' ORDER BY id",
    ),
    (
        "SELECT * WHERE CONTAINS(word, 'apple')",
        "SELECT id FROM t WHERE contains(word, 'apple') ORDER BY id",
    ),
    (
        "SELECT * WHERE CONTAINS(word, 'hay')",
        "SELECT id FROM t WHERE contains(word, 'hay') ORDER BY id",
    ),
    (
        "SELECT * WHERE NOT CONTAINS(word, 'a')",
        "SELECT id FROM t WHERE NOT contains(word, 'a') ORDER BY id",
    ),
    (
        "SELECT * WHERE CONTAINS(word, '*')",
        "SELECT id FROM t WHERE contains(word, '*') ORDER BY id",
    ),
    (
        "SELECT * WHERE CONTAINS(word, '%')",
        "SELECT id FROM t WHERE contains(word, '%') ORDER BY id",
    ),
    (
        "SELECT * WHERE CONTAINS(word, 'é')",
        "SELECT id FROM t WHERE contains(word, 'é') ORDER BY id",
    ),
    (
        "SELECT * WHERE CASE WHEN n > 0 THEN 1 ELSE 0 END == 1",
        "SELECT id FROM t WHERE CASE WHEN n > 0 THEN 1 ELSE 0 END = 1 ORDER BY id",
    ),
    (
        "SELECT * WHERE CASE WHEN n > 20 THEN 'much' WHEN n < -20 THEN 'little' ELSE 'some' END == 'some'",
        "SELECT id FROM t WHERE CASE WHEN n > 20 THEN 'much' WHEN n < -20 THEN 'little' ELSE 'some' END = 'some' ORDER BY id",
    ),
    (
        "SELECT * WHERE CASE WHEN n > 0 THEN n END < 10",
        "SELECT id FROM t WHERE CASE WHEN n > 0 THEN n END < 10 ORDER BY id",
    ),
    (
        "SELECT * WHERE CASE label WHEN 0 THEN 10 WHEN 2 THEN 20 ELSE 0 END == 20",
        "SELECT id FROM t WHERE label = 2 ORDER BY id",
    ),
    (
        "SELECT * WHERE CASE WHEN flag THEN score ELSE 0 END > 0.5",
        "SELECT id FROM t WHERE CASE WHEN flag THEN score ELSE 0 END > 0.5 ORDER BY id",
    ),
    (
        "SELECT * WHERE CAST(n AS float) / 2 == 1.5",
        "SELECT id FROM t WHERE CAST(n AS double) / 2 = 1.5 ORDER BY id",
    ),
    (
        "SELECT * WHERE CAST(day AS text) LIKE '%7'",
        "SELECT id FROM t WHERE CAST(day AS varchar) LIKE '%7' ORDER BY id",
    ),
    (
        "SELECT * WHERE CAST(score * 64 AS int) % 2 == 0",
        "SELECT id FROM t WHERE CAST(score * 64 AS int) % 2 = 0 ORDER BY id",
    ),
    ("SELECT * WHERE CAST(flag AS int64) == 1", "SELECT id FROM t WHERE flag ORDER BY id"),
    ("SELECT * WHERE CAST(label AS bool)", "SELECT id FROM t WHERE label <> 0 ORDER BY id"),
    # labels by name
    ("SELECT * WHERE label == 'cat'", "SELECT id FROM t WHERE name = 'cat' ORDER BY id"),
    (
        "SELECT * WHERE label == 'guinea pig'",
        "SELECT id FROM t WHERE name = 'guinea pig' ORDER BY id",
    ),
    ("SELECT * WHERE label != 'cat'", "SELECT id FROM t WHERE name <> 'cat' ORDER BY id"),
    ("SELECT * WHERE 'dog' == label", "SELECT id FROM t WHERE name = 'dog' ORDER BY id"),
    (
        "SELECT * WHERE label IN ('cat', 'cow')",
        "SELECT id FROM t WHERE name IN ('cat', 'cow') ORDER BY id",
    ),
    (
        "SELECT * WHERE label NOT IN ('cat', 'cow')",
        "SELECT id FROM t WHERE name NOT IN ('cat', 'cow') ORDER BY id",
    ),
    ("SELECT * WHERE label < 'cow'", "SELECT id FROM t WHERE label < 2 ORDER BY id"),
    ("SELECT * WHERE label >= 'dog'", "SELECT id FROM t WHERE label >= 1 ORDER BY id"),
    (
        "SELECT * WHERE label BETWEEN 1 AND 2",
        "SELECT id FROM t WHERE label BETWEEN 1 AND 2 ORDER BY id",
    ),
    (
        "SELECT * WHERE label BETWEEN 'dog' AND 'cow'",
        "SELECT id FROM t WHERE label BETWEEN 1 AND 2 ORDER BY id",
    ),
    ("SELECT * WHERE label == 3", "SELECT id FROM t WHERE label = 3 ORDER BY id"),
    ("SELECT * WHERE label % 3 == 1", "SELECT id FROM t WHERE label % 3 = 1 ORDER BY id"),
    ("SELECT * WHERE label / 3 < 1", "SELECT id FROM t WHERE label / 3 < 1 ORDER BY id"),
    (
        "SELECT * WHERE label IN (0, 2, 4, 6, 8)",
        "SELECT id FROM t WHERE label IN (0, 2, 4, 6, 8) ORDER BY id",
    ),
    ("SELECT * WHERE label", "SELECT id FROM t WHERE label <> 0 ORDER BY id"),
    # order
    ("SELECT * ORDER BY n", "SELECT id FROM t ORDER BY n, id"),
    ("SELECT * ORDER BY n ASC", "SELECT id FROM t ORDER BY n, id"),
    ("SELECT * ORDER BY n DESC", "SELECT id FROM t ORDER BY n DESC NULLS LAST, id"),
    ("SELECT * ORDER BY label, n DESC", "SELECT id FROM t ORDER BY label, n DESC NULLS LAST, id"),
    (
        "SELECT * ORDER BY label DESC, flag, score DESC",
        "SELECT id FROM t ORDER BY label DESC, flag, score DESC, id",
    ),
    ("SELECT * ORDER BY word", "SELECT id FROM t ORDER BY word, id"),
    ("SELECT * ORDER BY word DESC", "SELECT id FROM t ORDER BY word DESC, id"),
    ("SELECT * ORDER BY flag", "SELECT id FROM t ORDER BY flag, id"),
    ("SELECT * ORDER BY flag DESC, word", "SELECT id FROM t ORDER BY flag DESC, word, id"),
    ("SELECT * ORDER BY day % 5, id DESC", "SELECT id FROM t ORDER BY day % 5, id DESC"),
    ("SELECT * ORDER BY ABS(n)", "SELECT id FROM t ORDER BY abs(n), id"),
    ("SELECT * ORDER BY -score", "SELECT id FROM t ORDER BY -score, id"),
    ("SELECT * ORDER BY LENGTH(word), word", "SELECT id FROM t ORDER BY length(word), word, id"),
    (
        "SELECT * ORDER BY CASE WHEN flag THEN 0 ELSE 1 END, score",
        "SELECT id FROM t ORDER BY CASE WHEN flag THEN 0 ELSE 1 END, score, id",
    ),
    (
        "SELECT * WHERE flag ORDER BY score DESC",
        "SELECT id FROM t WHERE flag ORDER BY score DESC, id",
    ),
    ("SELECT * ORDER BY score LIMIT 7", "SELECT id FROM t ORDER BY score, id LIMIT 7"),
    ("SELECT * ORDER BY score DESC LIMIT 7", "SELECT id FROM t ORDER BY score DESC, id LIMIT 7"),
    (
        "SELECT * ORDER BY n DESC LIMIT 225",
        "SELECT id FROM t ORDER BY n DESC NULLS LAST, id LIMIT 225",
    ),
    (
        "SELECT * ORDER BY word LIMIT 20 OFFSET 35",
        "SELECT id FROM t ORDER BY word, id LIMIT 20 OFFSET 35",
    ),
    (
        "SELECT * WHERE label == 2 ORDER BY n LIMIT 5",
        "SELECT id FROM t WHERE label = 2 ORDER BY n, id LIMIT 5",
    ),
    # limits
    ("SELECT * LIMIT 10", "SELECT id FROM t ORDER BY id LIMIT 10"),
    ("SELECT * LIMIT 0", "SELECT id FROM t LIMIT 0"),
    ("SELECT * LIMIT 100000", "SELECT id FROM t ORDER BY id"),
    ("SELECT * LIMIT 5 OFFSET 100", "SELECT id FROM t ORDER BY id LIMIT 5 OFFSET 100"),
    ("SELECT * LIMIT 5 OFFSET 238", "SELECT id FROM t ORDER BY id LIMIT 5 OFFSET 238"),
    ("SELECT * LIMIT 5 OFFSET 1000", "SELECT id FROM t LIMIT 0"),
    ("SELECT * OFFSET 230", "SELECT id FROM t ORDER BY id OFFSET 230"),
    ("SELECT * WHERE flag LIMIT 3", "SELECT id FROM t WHERE flag ORDER BY id LIMIT 3"),
    ("SELECT * WHERE flag OFFSET 60", "SELECT id FROM t WHERE flag ORDER BY id OFFSET 60"),
    ("SELECT * LIMIT 10 PERCENT", "SELECT id FROM t ORDER BY id LIMIT 24"),
    ("SELECT * LIMIT 12.5 PERCENT", "SELECT id FROM t ORDER BY id LIMIT 30"),
    (
        "SELECT * ORDER BY score LIMIT 50 PERCENT OFFSET 100",
        "SELECT id FROM t ORDER BY score, id LIMIT 120 OFFSET 100",
    ),
    # sub-selects
    (
        "SELECT * FROM (SELECT * WHERE flag) WHERE n > 0",
        "SELECT id FROM t WHERE flag AND n > 0 ORDER BY id",
    ),
    (
        "SELECT * FROM (SELECT * WHERE flag LIMIT 20) WHERE n > 0 LIMIT 5",
        "SELECT id FROM (SELECT * FROM t WHERE flag ORDER BY id LIMIT 20) WHERE n > 0 ORDER BY id LIMIT 5",
    ),
    (
        "SELECT * FROM (SELECT * ORDER BY score LIMIT 20) ORDER BY n LIMIT 5",
        "SELECT id FROM (SELECT *, row_number() OVER (ORDER BY score, id) AS r FROM t) WHERE r <= 20 ORDER BY n, r LIMIT 5",
    ),
    (
        "SELECT * FROM (SELECT * FROM (SELECT * WHERE label == 1) WHERE flag) WHERE n < 0",
        "SELECT id FROM t WHERE label = 1 AND flag AND n < 0 ORDER BY id",
    ),
]
"""Query, and what DuckDB is asked for the ids of its rows, in order."""


# --------------------------------------------------------------------------- rows, by NumPy
ROWS: list[tuple[str, Callable[[Data], Found]]] = [
    ("SELECT * LIMIT -1", lambda d: []),
    # floats that are no numbers
    ("SELECT * WHERE x > 5", lambda d: at(d.x > 5)),
    ("SELECT * WHERE x <= 5", lambda d: at(d.x <= 5)),
    ("SELECT * WHERE x == x", lambda d: at(d.x == d.x)),
    ("SELECT * WHERE x * 0 == 0", lambda d: at(np.isfinite(d.x))),
    ("SELECT * WHERE x > 1e300", lambda d: [33]),
    ("SELECT * WHERE x < -1e300", lambda d: [34]),
    ("SELECT * ORDER BY x", lambda d: by(d.x)),
    ("SELECT * ORDER BY x DESC", lambda d: by(d.x, down=True)),
    ("SELECT * ORDER BY x DESC LIMIT 3", lambda d: by(d.x, down=True)[:3]),
    ("SELECT * ORDER BY x LIMIT 239", lambda d: by(d.x)[:239]),
    ("SELECT * WHERE ABS(x) < 1 ORDER BY ABS(x)", lambda d: by(abs(d.x), at(abs(d.x) < 1))),
    # mathematics
    ("SELECT * WHERE EXP(x) < 1", lambda d: at(np.exp(np.clip(d.x, None, 700)) < 1)),
    ("SELECT * WHERE LN(day) > 5", lambda d: at(np.log(d.day) > 5)),
    ("SELECT * WHERE LOG(day) <= 5", lambda d: at(np.log(d.day) <= 5)),
    ("SELECT * WHERE LOG10(day) > 2", lambda d: at(np.log10(d.day) > 2)),
    ("SELECT * WHERE LOG2(day) > 8", lambda d: at(np.log2(d.day) > 8)),
    ("SELECT * WHERE SIN(day) > 0.5", lambda d: at(np.sin(d.day) > 0.5)),
    ("SELECT * WHERE COS(day) > 0.5", lambda d: at(np.cos(d.day) > 0.5)),
    ("SELECT * WHERE TAN(day) > 0.5", lambda d: at(np.tan(d.day) > 0.5)),
    ("SELECT * WHERE ROUND(x, 1) > 1.45", lambda d: at(np.round(d.x, 1) > 1.45)),
    ("SELECT * WHERE POWER(2, label) == 8", lambda d: at(d.label == 3)),
    # a group, quoted names, dots
    ('SELECT * WHERE "g/y" >= 0.5', lambda d: at(d.y >= 0.5)),
    ("SELECT * WHERE g.y == 0.25", lambda d: at(d.y == 0.25)),
    ('SELECT * WHERE "label" == 2', lambda d: at(d.label == 2)),
    ('SELECT * ORDER BY "g/y" DESC', lambda d: by(d.y, down=True)),
    # labels, several a row
    ("SELECT * WHERE CONTAINS(label, 'cat')", lambda d: at(d.label == 0)),
    ("SELECT * WHERE CONTAINS(label, 'c*')", lambda d: at([n.startswith("c") for n in d.names])),
    ("SELECT * WHERE CONTAINS(label, '*g*')", lambda d: at(["g" in n for n in d.names])),
    ("SELECT * WHERE CONTAINS(label, 'c?t')", lambda d: at([n == "cat" for n in d.names])),
    ("SELECT * WHERE CONTAINS(many, 'dog')", lambda d: those(d, lambda r: 1 in d.many[r])),
    ("SELECT * WHERE CONTAINS(many, 2)", lambda d: those(d, lambda r: 2 in d.many[r])),
    ("SELECT * WHERE CONTAINS(many, '*o*')", lambda d: those(d, lambda r: {1, 2} & {*d.many[r].tolist()})),
    ("SELECT * WHERE NOT CONTAINS(many, 'dog') AND CONTAINS(many, 'cat')",
     lambda d: those(d, lambda r: 1 not in d.many[r] and 0 in d.many[r])),
    ("SELECT * WHERE ANY(many == 'cow')", lambda d: those(d, lambda r: 2 in d.many[r])),
    ("SELECT * WHERE ALL_STRICT(many != 'cat')",
     lambda d: those(d, lambda r: len(d.many[r]) and 0 not in d.many[r])),
    ("SELECT * WHERE many[0] == 'dog'", lambda d: those(d, lambda r: len(d.many[r]) and d.many[r][0] == 1)),
    ("SELECT * WHERE SHAPE(many)[0] == 3", lambda d: those(d, lambda r: len(d.many[r]) == 3)),
    ("SELECT * WHERE LENGTH(many) == 3", lambda d: those(d, lambda r: len(d.many[r]) == 3)),
    ("SELECT * WHERE CONTAINS(n, 7)", lambda d: at(d.number == 7)),
    ("SELECT * WHERE CONTAINS(ragged, 4)", lambda d: those(d, lambda r: 4 in d.ragged[r])),
    ("SELECT * WHERE CONTAINS(grid, 255)", lambda d: at((d.grid == 255).any((1, 2)))),
    # any and all
    ("SELECT * WHERE ANY(boxes > 90)", lambda d: those(d, lambda r: (d.boxes[r] > 90).any())),
    ("SELECT * WHERE ALL(boxes > 5)", lambda d: those(d, lambda r: (d.boxes[r] > 5).all())),
    ("SELECT * WHERE ALL_STRICT(boxes > 5)", lambda d: those(d, lambda r: d.boxes[r].size and (d.boxes[r] > 5).all())),
    ("SELECT * WHERE ANY(boxes[:,3] > 90)", lambda d: those(d, lambda r: (d.boxes[r][:, 3] > 90).any())),
    ("SELECT * WHERE ALL_STRICT(boxes[:,2] < 60)",
     lambda d: those(d, lambda r: len(d.boxes[r]) and (d.boxes[r][:, 2] < 60).all())),
    ("SELECT * WHERE ANY(boxes[0:2,1] > 80)", lambda d: those(d, lambda r: (d.boxes[r][0:2, 1] > 80).any())),
    ("SELECT * WHERE ANY(boxes[0] < 3)", lambda d: those(d, lambda r: len(d.boxes[r]) and (d.boxes[r][0] < 3).any())),
    ("SELECT * WHERE boxes[0,0] > 50", lambda d: those(d, lambda r: len(d.boxes[r]) and d.boxes[r][0, 0] > 50)),
    ("SELECT * WHERE boxes[-1,-1] > 50", lambda d: those(d, lambda r: len(d.boxes[r]) and d.boxes[r][-1, -1] > 50)),
    ("SELECT * WHERE ANY(boxes[:,2] * boxes[:,3] > 5000)",
     lambda d: those(d, lambda r: (d.boxes[r][:, 2] * d.boxes[r][:, 3] > 5000).any())),
    ("SELECT * WHERE ANY(LOGICAL_AND(boxes[:,0] > 60, boxes[:,1] > 60))",
     lambda d: those(d, lambda r: ((d.boxes[r][:, 0] > 60) & (d.boxes[r][:, 1] > 60)).any())),
    ("SELECT * WHERE ALL_STRICT(LOGICAL_OR(boxes[:,0] > 60, boxes[:,1] > 60))",
     lambda d: those(d, lambda r: len(d.boxes[r]) and ((d.boxes[r][:, 0] > 60) | (d.boxes[r][:, 1] > 60)).all())),
    ("SELECT * WHERE ANY(LOGICAL_NOT(grid > 3))", lambda d: at(~(d.grid > 3).all((1, 2)))),
    ("SELECT * WHERE ANY(grid)", lambda d: at(d.grid.any((1, 2)))),
    ("SELECT * WHERE ALL(ragged)", lambda d: those(d, lambda r: d.ragged[r].all())),
    ("SELECT * WHERE ALL(ragged > 0)", lambda d: those(d, lambda r: (d.ragged[r] > 0).all())),
    ("SELECT * WHERE ANY(ragged == 3)", lambda d: those(d, lambda r: (d.ragged[r] == 3).any())),
    ("SELECT * WHERE ANY(ragged < -5) AND ANY(ragged > 5)",
     lambda d: those(d, lambda r: (d.ragged[r] < -5).any() and (d.ragged[r] > 5).any())),
    # shapes
    ("SELECT * WHERE SHAPE(boxes)[0] == 2", lambda d: those(d, lambda r: len(d.boxes[r]) == 2)),
    ("SELECT * WHERE SHAPE(boxes)[0] > 1 AND SHAPE(boxes)[1] == 4", lambda d: those(d, lambda r: len(d.boxes[r]) > 1)),
    ("SELECT * WHERE SHAPE(grid)[1] == 4", lambda d: list(range(TOTAL))),
    ("SELECT * WHERE SHAPE(ragged)[0] == 0", lambda d: those(d, lambda r: len(d.ragged[r]) == 0)),
    ("SELECT * WHERE SHAPE(steps)[0] == 3", lambda d: those(d, lambda r: len(d.steps[r]) == 3)),
    ("SELECT * WHERE SUM(SHAPE(boxes)) == 7", lambda d: those(d, lambda r: len(d.boxes[r]) == 3)),
    ("SELECT * ORDER BY SHAPE(ragged)[0] DESC", lambda d: by([len(v) for v in d.ragged], down=True)),
    # subscripts
    ("SELECT * WHERE grid[0,0] > 200", lambda d: at(d.grid[:, 0, 0] > 200)),
    ("SELECT * WHERE grid[-1,-2] < 30", lambda d: at(d.grid[:, -1, -2] < 30)),
    ("SELECT * WHERE ANY(grid[1:3, ::2] > 250)", lambda d: at((d.grid[:, 1:3, ::2] > 250).any((1, 2)))),
    ("SELECT * WHERE ALL(grid[..., 0] > 40)", lambda d: at((d.grid[..., 0] > 40).all(1))),
    ("SELECT * WHERE ALL(grid[:, 3] > 40)", lambda d: at((d.grid[:, :, 3] > 40).all(1))),
    ("SELECT * WHERE SUM(grid[2]) > 700", lambda d: at(d.grid[:, 2].sum(1, dtype=int) > 700)),
    ("SELECT * WHERE SUM(grid[::-1][0]) > 700", lambda d: at(d.grid[:, 2].sum(1, dtype=int) > 700)),
    ("SELECT * WHERE ragged[0] > 3", lambda d: those(d, lambda r: len(d.ragged[r]) and d.ragged[r][0] > 3)),
    ("SELECT * WHERE ragged[4] > 3", lambda d: those(d, lambda r: len(d.ragged[r]) > 4 and d.ragged[r][4] > 3)),
    ("SELECT * WHERE ragged[10] > -100", lambda d: []),
    ("SELECT * WHERE SUM(ragged[1:3]) > 5", lambda d: those(d, lambda r: d.ragged[r][1:3].sum() > 5)),
    ("SELECT * WHERE ANY(shape[:,:,0] > 48)", lambda d: those(d, lambda r: any((p[:, 0] > 48).any() for p in d.shape[r]))),
    # reductions of samples
    ("SELECT * WHERE AMAX(grid) == 255", lambda d: at(d.grid.max((1, 2)) == 255)),
    ("SELECT * WHERE AMIN(grid) == 0", lambda d: at(d.grid.min((1, 2)) == 0)),
    ("SELECT * WHERE SUM(grid) > 1800", lambda d: at(d.grid.sum((1, 2), dtype=int) > 1800)),
    ("SELECT * WHERE AVG(grid) < 100", lambda d: at(d.grid.mean((1, 2)) < 100)),
    ("SELECT * WHERE MEAN(grid) < 100", lambda d: at(d.grid.mean((1, 2)) < 100)),
    ("SELECT * WHERE PROD(ragged) > 20", lambda d: those(d, lambda r: d.ragged[r].prod(dtype=int) > 20)),
    ("SELECT * WHERE SUM(ragged) == 0", lambda d: those(d, lambda r: d.ragged[r].sum() == 0)),
    ("SELECT * WHERE AMAX(ragged) < 0", lambda d: those(d, lambda r: len(d.ragged[r]) and d.ragged[r].max() < 0)),
    ("SELECT * WHERE SUM(n) > 0", lambda d: at(d.number > 0)),
    ("SELECT * WHERE AMAX(boxes[:, 2]) > 90", lambda d: those(d, lambda r: len(d.boxes[r]) and d.boxes[r][:, 2].max() > 90)),
    ("SELECT * ORDER BY SUM(grid) LIMIT 9", lambda d: by(d.grid.sum((1, 2), dtype=int))[:9]),
    ("SELECT * WHERE SHAPE(NONZERO(ragged))[0] == 5", lambda d: those(d, lambda r: np.count_nonzero(d.ragged[r]) == 5)),
    ("SELECT * WHERE NONZERO(ragged)[0] == 1",
     lambda d: those(d, lambda r: np.flatnonzero(d.ragged[r])[:1].tolist() == [1])),
    # vectors
    ("SELECT * WHERE L1_NORM(vec) < 10", lambda d: at(abs(d.vec).sum(1) < 10)),
    ("SELECT * WHERE L2_NORM(vec) < 5", lambda d: at(np.sqrt((d.vec.astype(float) ** 2).sum(1)) < 5)),
    ("SELECT * WHERE LINF_NORM(vec) > 8", lambda d: at(abs(d.vec).max(1) > 8)),
    ("SELECT * WHERE L2_NORM(vec - ARRAY[1, 2, 3, 4]) < 6",
     lambda d: at(np.linalg.norm(d.vec.astype(float) - [1, 2, 3, 4], axis=1) < 6)),
    ("SELECT * ORDER BY L2_NORM(vec - ARRAY[1.5, -2.5, 3.5, 0.5]) LIMIT 12",
     lambda d: by(np.linalg.norm(d.vec.astype(float) - [1.5, -2.5, 3.5, 0.5], axis=1))[:12]),
    ("SELECT * WHERE L1_NORM(vec, ARRAY[1, 2, 3, 4]) < 12", lambda d: at(abs(d.vec - [1, 2, 3, 4]).sum(1) < 12)),
    ("SELECT * WHERE DOT(vec, ARRAY[1, 0, 0, -1]) == 3", lambda d: at(d.vec[:, 0] - d.vec[:, 3] == 3)),
    ("SELECT * ORDER BY DOT(vec, vec) DESC LIMIT 6", lambda d: by((d.vec * d.vec).sum(1), down=True)[:6]),
    ("SELECT * WHERE COSINE_SIMILARITY(vec, ARRAY[1, 2, 3, 4]) > 0.8", lambda d: at(cosine(d, [1, 2, 3, 4]) > 0.8)),
    ("SELECT * ORDER BY COSINE_SIMILARITY(vec, ARRAY[0.3, 0.1, -0.2, 0.9]) DESC LIMIT 10",
     lambda d: by(cosine(d, [0.3, 0.1, -0.2, 0.9]).round(9), down=True)[:10]),
    ("SELECT * WHERE COSINE_SIMILARITY(vec, DATA(vec, 5)) > 0.9", lambda d: at(cosine(d, d.vec[5]) > 0.9)),
    ("SELECT * WHERE L2_NORM(vec - DATA(vec, 17)) == 0", lambda d: at((d.vec == d.vec[17]).all(1))),
    ("SELECT * WHERE HAMMING_DISTANCE(grid > 127, DATA(grid, 3) > 127) <= 3",
     lambda d: at(((d.grid > 127) != (d.grid[3] > 127)).sum((1, 2)) <= 3)),
    ("SELECT * WHERE MAXSIM(boxes, ARRAY[1, 0, 0, 0]) > 80",
     lambda d: those(d, lambda r: len(d.boxes[r]) and d.boxes[r][:, 0].max() > 80)),
    ("SELECT * WHERE vec == DATA(vec, 9)", lambda d: at((d.vec == d.vec[9]).all(1))),
    ("SELECT * WHERE vec[0] == ARRAY[2.5]", lambda d: at(d.vec[:, 0] == 2.5)),
    ("SELECT * WHERE ragged == ARRAY[]", lambda d: those(d, lambda r: len(d.ragged[r]) == 0)),
    ("SELECT * WHERE SUM(vec * ARRAY[1, 1, 0, 0]) > 10", lambda d: at(d.vec[:, :2].sum(1) > 10)),
    # json
    ("SELECT * WHERE doc['a'] == 3", lambda d: those(d, lambda r: sub(d.doc[r], "a") == 3)),
    ("SELECT * WHERE doc['a'] > 10", lambda d: those(d, lambda r: number(sub(d.doc[r], "a")) > 10)),
    ("SELECT * WHERE doc['a'] + 1 < 5", lambda d: those(d, lambda r: number(sub(d.doc[r], "a")) + 1 < 5)),
    ("SELECT * WHERE doc['a'] IN (1, 2, 19)", lambda d: those(d, lambda r: sub(d.doc[r], "a") in (1, 2, 19))),
    ("SELECT * WHERE doc['a'] BETWEEN 5 AND 7", lambda d: those(d, lambda r: 5 <= number(sub(d.doc[r], "a")) <= 7)),
    ("SELECT * WHERE doc['name'] == 'doc 3'", lambda d: those(d, lambda r: sub(d.doc[r], "name") == "doc 3")),
    ("SELECT * WHERE doc['name'] >= 'doc 5'", lambda d: those(d, lambda r: (sub(d.doc[r], "name") or "") >= "doc 5")),
    ("SELECT * WHERE doc['name'] LIKE '%_5'", lambda d: those(d, lambda r: (sub(d.doc[r], "name") or "")[-2:] == " 5")),
    ("SELECT * WHERE CONTAINS(doc['name'], '6')", lambda d: those(d, lambda r: "6" in (sub(d.doc[r], "name") or ""))),
    ("SELECT * WHERE CONTAINS(doc['other'], 'nothing')", lambda d: those(d, lambda r: sub(d.doc[r], "other"))),
    ("SELECT * WHERE doc['b']['c'][0] == 2", lambda d: those(d, lambda r: sub(d.doc[r], "b", "c", 0) == 2)),
    ("SELECT * WHERE doc['b']['c'][-1] == 0", lambda d: those(d, lambda r: sub(d.doc[r], "b", "c", -1) == 0)),
    ("SELECT * WHERE doc['b']['deep']['flag'] == true", lambda d: those(d, lambda r: sub(d.doc[r], "b", "deep", "flag") is True)),
    ("SELECT * WHERE doc['missing'] == 1", lambda d: []),
    ("SELECT * WHERE doc['b'] == 3", lambda d: []),
    ("SELECT * WHERE doc['name']['deeper'] == 3", lambda d: []),
    ("SELECT * WHERE doc['price'] > 20.5", lambda d: those(d, lambda r: number(sub(d.doc[r], "price")) > 20.5)),
    ("SELECT * WHERE doc['price'] IS NOT NULL", lambda d: those(d, lambda r: sub(d.doc[r], "price") is not None)),
    ("SELECT * WHERE doc['b'] IS NULL AND doc['a'] IS NOT NULL",
     lambda d: those(d, lambda r: sub(d.doc[r], "b") is None and sub(d.doc[r], "a") is not None)),
    ("SELECT * WHERE CONTAINS(KEYS(doc), 'price')", lambda d: those(d, lambda r: sub(d.doc[r], "price") is not None)),
    ("SELECT * WHERE doc[1] == 2", lambda d: [50]),
    ("SELECT * ORDER BY doc['a'] LIMIT 30", lambda d: by([sub(v, "a") for v in d.doc])[:30]),
    ("SELECT * ORDER BY doc['name'] DESC", lambda d: by([sub(v, "name") for v in d.doc], down=True)),
    # lists and tags
    ("SELECT * WHERE items[0] == 3", lambda d: those(d, lambda r: d.items[r][0] == 3)),
    ("SELECT * WHERE items[1] == 'even'", lambda d: those(d, lambda r: sub(d.items[r], 1) == "even")),
    ("SELECT * WHERE items[2]['k'] > 200", lambda d: those(d, lambda r: number(sub(d.items[r], 2, "k")) > 200)),
    ("SELECT * WHERE items[-1] == 'odd'", lambda d: those(d, lambda r: d.items[r][-1] == "odd")),
    ("SELECT * WHERE CONTAINS(items, 'odd')", lambda d: those(d, lambda r: "odd" in d.items[r])),
    ("SELECT * WHERE LENGTH(items) == 3", lambda d: those(d, lambda r: len(d.items[r]) == 3)),
    ("SELECT * WHERE CONTAINS(tags, 'red')", lambda d: those(d, lambda r: "red" in d.tags[r])),
    ("SELECT * WHERE CONTAINS(tags, '*red')", lambda d: those(d, lambda r: {"red", "dark red"} & {*d.tags[r]})),
    ("SELECT * WHERE CONTAINS(tags, 'gr?en') OR CONTAINS(tags, 'blue')",
     lambda d: those(d, lambda r: {"green", "blue"} & {*d.tags[r]})),
    ("SELECT * WHERE tags[0] == 'dark red'", lambda d: those(d, lambda r: sub(d.tags[r], 0) == "dark red")),
    # files
    ("SELECT * WHERE SAMPLE_INFO(photo)['exif']['Make'] == 'maker 1'", lambda d: [r for r in range(TOTAL) if r % 3 == 0 and r % 2 == 1]),
    ("SELECT * WHERE SAMPLE_INFO(photo)['format'] == 'jpeg' AND id < 9", lambda d: list(range(9))),
    ("SELECT * WHERE SHAPE(photo)[1] == 7", lambda d: list(range(4, TOTAL, 5))),
    # types
    *(
        (f"SELECT * WHERE CAST(label AS {kind}) == 2", lambda d: at(d.label == 2))
        for kind in ("int", "integer", "int64", "bigint", "long", "float", "float64", "double", "real", "int8",
                     "int16", "int32", "uint8", "uint16", "uint32", "uint64", "float32", "float16")
    ),
    *(
        (f"SELECT * WHERE CAST(label AS {kind})", lambda d: at(d.label != 0))
        for kind in ("bool", "BOOLEAN")
    ),
    *(
        (f"SELECT * WHERE CAST(day AS {kind}) == '100'", lambda d: at(d.day == 100))
        for kind in ("text", "string", "str", "varchar")
    ),
    ("SELECT * WHERE CAST('12' AS int) == 12 AND id < 2", lambda d: [0, 1]),
    # what was appended as [] or None has no element
    ("SELECT * WHERE NOT ANY(ragged == 3)", lambda d: those(d, lambda r: 3 not in d.ragged[r])),
    ("SELECT * WHERE NOT CONTAINS(many, 'cat')", lambda d: those(d, lambda r: 0 not in d.many[r])),
    ("SELECT * WHERE ALL(n > 40)", lambda d: at((d.number > 40) | ~d.known)),
    ("SELECT * WHERE ANY(n > 40)", lambda d: at(d.number > 40)),
    # row numbers
    ("SELECT * WHERE ROW_NUMBER() == 10", lambda d: [10]),
    ("SELECT * WHERE ROW_NUMBER() % 50 == 3 AND ROW_NUMBER() > 3", lambda d: [53, 103, 153, 203]),
    ("SELECT * WHERE ROW_NUMBER() < 5 ORDER BY ROW_NUMBER() DESC", lambda d: [4, 3, 2, 1, 0]),
    ("SELECT * FROM (SELECT * WHERE label == 1) WHERE ROW_NUMBER() IN (0, 2)",
     lambda d: [at(d.label == 1)[0], at(d.label == 1)[2]]),
    # sets
    ("(SELECT * WHERE label == 1) UNION (SELECT * WHERE label == 0)", lambda d: at(d.label == 1) + at(d.label == 0)),
    ("(SELECT * WHERE label == 1) UNION (SELECT * WHERE flag)", lambda d: at(d.label == 1) + at(d.flag & (d.label != 1))),
    ("SELECT * WHERE label == 1 UNION SELECT * WHERE flag", lambda d: at(d.label == 1) + at(d.flag & (d.label != 1))),
    ("(SELECT * WHERE label == 1 LIMIT 10) UNION (SELECT * WHERE label == 2 LIMIT 10)",
     lambda d: at(d.label == 1)[:10] + at(d.label == 2)[:10]),
    ("(SELECT * LIMIT 3) UNION ALL (SELECT * LIMIT 2)", lambda d: [0, 1, 2, 0, 1]),
    ("(SELECT * WHERE flag) INTERSECT (SELECT * WHERE label == 2)", lambda d: at(d.flag & (d.label == 2))),
    ("(SELECT * WHERE flag) EXCEPT (SELECT * WHERE label == 2)", lambda d: at(d.flag & (d.label != 2))),
    ("(SELECT * WHERE flag ORDER BY day DESC) EXCEPT (SELECT * WHERE label == 2)", lambda d: at(d.flag & (d.label != 2))[::-1]),
    ("(SELECT * LIMIT 4) UNION (SELECT * WHERE id >= 2) INTERSECT (SELECT * WHERE id < 6)", lambda d: [0, 1, 2, 3, 4, 5]),
    ("((SELECT * LIMIT 4) UNION (SELECT * WHERE id >= 2)) INTERSECT (SELECT * WHERE id < 3)", lambda d: [0, 1, 2]),
    ("(SELECT * LIMIT 4) EXCEPT (SELECT * LIMIT 2) UNION (SELECT * LIMIT 1)", lambda d: [2, 3, 0]),
    ("(SELECT * WHERE label == 1) UNION (SELECT * WHERE label == 0) ORDER BY id DESC LIMIT 7",
     lambda d: at(d.label <= 1)[::-1][:7]),
    ("(SELECT * WHERE label == 3) UNION (SELECT * WHERE label == 0) LIMIT 5 OFFSET 2", lambda d: at(d.label == 3)[2:7]),
    ("(SELECT * WHERE CONTAINS(label, 'cat') LIMIT 1000) UNION (SELECT * WHERE CONTAINS(label, 'cow') LIMIT 1000)",
     lambda d: at(d.label == 0) + at(d.label == 2)),
    ("SELECT * FROM ((SELECT * LIMIT 20) UNION (SELECT * WHERE id > 230)) WHERE flag",
     lambda d: [r for r in [*range(20), *range(231, TOTAL)] if d.flag[r]]),
]  # fmt: skip
"""Query, and which rows it selects, in order."""


# --------------------------------------------------------------------------- columns, by DuckDB
TABLES: list[tuple[str, str]] = [
    (
        "SELECT label, PROD(CAST(flag AS int64) + 1) AS p WHERE id < 30 GROUP BY label ORDER BY label",
        "SELECT label, CAST(product(CAST(flag AS int) + 1) AS bigint) AS p FROM t WHERE id < 30 GROUP BY label ORDER BY label",
    ),
    (
        "SELECT label, COUNT(*) AS c GROUP BY label ORDER BY label",
        "SELECT label, count(*) AS c FROM t GROUP BY label ORDER BY label",
    ),
    (
        "SELECT label, COUNT(n) AS c GROUP BY label ORDER BY label",
        "SELECT label, count(n) AS c FROM t GROUP BY label ORDER BY label",
    ),
    (
        "SELECT label, COUNT(DISTINCT word) AS c GROUP BY label ORDER BY label",
        "SELECT label, count(DISTINCT word) AS c FROM t GROUP BY label ORDER BY label",
    ),
    (
        "SELECT label, SUM(n) AS s GROUP BY label ORDER BY label",
        "SELECT label, sum(n) AS s FROM t GROUP BY label ORDER BY label",
    ),
    (
        "SELECT label, AVG(n) AS s GROUP BY label ORDER BY label",
        "SELECT label, avg(n) AS s FROM t GROUP BY label ORDER BY label",
    ),
    (
        "SELECT label, MEAN(score) AS s GROUP BY label ORDER BY label",
        "SELECT label, avg(score) AS s FROM t GROUP BY label ORDER BY label",
    ),
    (
        "SELECT label, MIN(n) AS low, MAX(n) AS high GROUP BY label ORDER BY label",
        "SELECT label, min(n) AS low, max(n) AS high FROM t GROUP BY label ORDER BY label",
    ),
    (
        "SELECT label, AMIN(n) AS low, AMAX(n) AS high GROUP BY label ORDER BY label",
        "SELECT label, min(n) AS low, max(n) AS high FROM t GROUP BY label ORDER BY label",
    ),
    (
        "SELECT label, MAX(n) - MIN(n) AS span GROUP BY label ORDER BY label",
        "SELECT label, max(n) - min(n) AS span FROM t GROUP BY label ORDER BY label",
    ),
    (
        "SELECT label, ANY(flag) AS a, ALL(flag) AS b GROUP BY label ORDER BY label",
        "SELECT label, bool_or(flag) AS a, bool_and(flag) AS b FROM t GROUP BY label ORDER BY label",
    ),
    (
        "SELECT label, flag, COUNT(*) AS c GROUP BY label, flag ORDER BY label, flag",
        "SELECT label, flag, count(*) AS c FROM t GROUP BY label, flag ORDER BY label, flag",
    ),
    (
        "SELECT word, COUNT(*) AS c GROUP BY word ORDER BY word",
        "SELECT word, count(*) AS c FROM t GROUP BY word ORDER BY word",
    ),
    (
        "SELECT word, COUNT(*) AS c GROUP BY word ORDER BY c DESC, word LIMIT 4",
        "SELECT word, count(*) AS c FROM t GROUP BY word ORDER BY c DESC, word LIMIT 4",
    ),
    (
        "SELECT day % 3 AS k, SUM(score) AS s GROUP BY day % 3 ORDER BY k",
        "SELECT day % 3 AS k, sum(score) AS s FROM t GROUP BY k ORDER BY k",
    ),
    (
        "SELECT word, AVG(n) AS a WHERE flag AND n IS NOT NULL GROUP BY word ORDER BY word",
        "SELECT word, avg(n) AS a FROM t WHERE flag AND n IS NOT NULL GROUP BY word ORDER BY word",
    ),
    (
        "SELECT label, SUM(n * 2 + 1) AS s GROUP BY label ORDER BY label",
        "SELECT label, sum(n * 2 + 1) AS s FROM t GROUP BY label ORDER BY label",
    ),
    ("SELECT COUNT(*) AS c", "SELECT count(*) AS c FROM t"),
    ("SELECT COUNT(*) AS c WHERE flag", "SELECT count(*) AS c FROM t WHERE flag"),
    ("SELECT COUNT(*) AS c WHERE n > 1000", "SELECT count(*) AS c FROM t WHERE n > 1000"),
    (
        "SELECT MIN(n) AS a, MAX(n) AS b, AVG(n) AS c, COUNT(n) AS d",
        "SELECT min(n) AS a, max(n) AS b, avg(n) AS c, count(n) AS d FROM t",
    ),
    ("SELECT MAX(word) AS a, MIN(word) AS b", "SELECT max(word) AS a, min(word) AS b FROM t"),
    (
        "SELECT COUNT(DISTINCT label) AS c, COUNT(DISTINCT n) AS d",
        "SELECT count(DISTINCT label) AS c, count(DISTINCT n) AS d FROM t",
    ),
    ("SELECT DISTINCT label ORDER BY label", "SELECT DISTINCT label FROM t ORDER BY label"),
    (
        "SELECT DISTINCT word ORDER BY word DESC LIMIT 5",
        "SELECT DISTINCT word FROM t ORDER BY word DESC LIMIT 5",
    ),
    (
        "SELECT DISTINCT label, flag ORDER BY label, flag",
        "SELECT DISTINCT label, flag FROM t ORDER BY label, flag",
    ),
    ("SELECT id, n + 1 AS m WHERE n > 30", "SELECT id, n + 1 AS m FROM t WHERE n > 30 ORDER BY id"),
    (
        "SELECT id, n * 2 AS a, n / 2 AS b, n - 2 AS c, -n AS e WHERE n IS NOT NULL LIMIT 40",
        "SELECT id, n * 2 AS a, n / 2 AS b, n - 2 AS c, -n AS e FROM t WHERE n IS NOT NULL ORDER BY id LIMIT 40",
    ),
    (
        "SELECT n > 0 AS positive, flag AND score > 0.5 AS both WHERE n IS NOT NULL",
        "SELECT n > 0 AS positive, flag AND score > 0.5 AS both FROM t WHERE n IS NOT NULL ORDER BY id",
    ),
    (
        "SELECT UPPER(word) AS w, LENGTH(word) AS l ORDER BY word",
        "SELECT upper(word) AS w, length(word) AS l FROM t ORDER BY word, id",
    ),
    (
        "SELECT CASE WHEN n > 0 THEN 'up' ELSE 'down' END AS way",
        "SELECT CASE WHEN n > 0 THEN 'up' ELSE 'down' END AS way FROM t ORDER BY id",
    ),
    (
        "SELECT CAST(score AS float64) AS s, CAST(label AS text) AS l",
        "SELECT CAST(score AS double) AS s, CAST(label AS varchar) AS l FROM t ORDER BY id",
    ),
    (
        "SELECT CAST(n AS float32) AS a, CAST(day AS int16) AS b WHERE n IS NOT NULL",
        "SELECT n AS a, day AS b FROM t WHERE n IS NOT NULL ORDER BY id",
    ),
    (
        "SELECT score AS s, word AS w ORDER BY s DESC, w LIMIT 20",
        "SELECT score AS s, word AS w FROM t ORDER BY s DESC, w, id LIMIT 20",
    ),
    (
        "SELECT m * 2 AS k FROM (SELECT n + 1 AS m WHERE n > 10) WHERE m > 20",
        "SELECT (n + 1) * 2 AS k FROM t WHERE n > 10 AND n + 1 > 20 ORDER BY id",
    ),
    (
        "SELECT c FROM (SELECT label, COUNT(*) AS c GROUP BY label) ORDER BY c",
        "SELECT count(*) AS c FROM t GROUP BY label ORDER BY c",
    ),
    (
        "SELECT MAX(c) AS most FROM (SELECT word, COUNT(*) AS c GROUP BY word)",
        "SELECT max(c) AS most FROM (SELECT count(*) AS c FROM t GROUP BY word)",
    ),
    (
        "SELECT * FROM (SELECT id, n, flag WHERE n > 40) WHERE flag",
        "SELECT id, n, flag FROM t WHERE n > 40 AND flag ORDER BY id",
    ),
]
"""Query, and what DuckDB is asked for the same columns, in order."""


# --------------------------------------------------------------------------- columns, by NumPy
Columns: TypeAlias = Mapping[str, Sequence[Any]]


def _neighbours(rows: Sequence[int], before: int, after: int) -> list[list[int]]:
    return [[*range(max(0, r - before), min(TOTAL, r + after + 1))] for r in rows]


COLUMNS: list[tuple[str, Callable[[Data], Columns]]] = [
    ("SELECT label", lambda d: {"label": d.label}),
    ("SELECT * FROM (SELECT DISTINCT label, id) WHERE id < 3", lambda d: {"id": [0, 1, 2], "label": d.label[:3]}),
    ("SELECT id, word WHERE label == 'dog'", lambda d: {"id": at(d.label == 1), "word": [d.word[r] for r in at(d.label == 1)]}),
    ("SELECT word AS text LIMIT 4", lambda d: {"text": d.word[:4]}),
    ("SELECT x + 1 LIMIT 10", lambda d: {"x": d.x[:10] + 1}),
    ("SELECT grid[0:2, 1:3] AS part LIMIT 20", lambda d: {"part": list(d.grid[:20, 0:2, 1:3])}),
    ("SELECT grid[1] AS line, grid[0, 0] AS corner LIMIT 5", lambda d: {"line": list(d.grid[:5, 1]), "corner": d.grid[:5, 0, 0]}),
    ("SELECT boxes[:, 0:2] AS xy LIMIT 30", lambda d: {"xy": [b[:, 0:2] for b in d.boxes[:30]]}),
    ("SELECT ragged[1:] AS rest LIMIT 30", lambda d: {"rest": [v[1:] for v in d.ragged[:30]]}),
    ("SELECT ragged * 2 AS twice LIMIT 30", lambda d: {"twice": [v * 2 for v in d.ragged[:30]]}),
    ("SELECT vec - ARRAY[1, 2, 3, 4] AS moved LIMIT 9", lambda d: {"moved": list(d.vec[:9] - [1, 2, 3, 4])}),
    ("SELECT ARRAY[1, 2] AS pair LIMIT 3", lambda d: {"pair": [np.array([1, 2])] * 3}),
    ("SELECT vec > 0 AS up LIMIT 9", lambda d: {"up": list(d.vec[:9] > 0)}),
    ("SELECT SHAPE(boxes) AS s LIMIT 12", lambda d: {"s": [np.array(b.shape) for b in d.boxes[:12]]}),
    ("SELECT NONZERO(ragged) AS where_ LIMIT 12", lambda d: {"where_": [np.flatnonzero(v) for v in d.ragged[:12]]}),
    ("SELECT SUM(grid) AS s, AVG(vec) AS a LIMIT 20", lambda d: {"s": d.grid[:20].sum((1, 2), dtype=int), "a": d.vec[:20].mean(1)}),
    ("SELECT COSINE_SIMILARITY(vec, ARRAY[1, 1, 1, 1]) AS c LIMIT 50", lambda d: {"c": cosine(d, [1, 1, 1, 1])[:50]}),
    ("SELECT DOT(vec, DATA(vec, 0)) AS c LIMIT 50", lambda d: {"c": (d.vec @ d.vec[0])[:50]}),
    ("SELECT doc['a'] AS a WHERE doc['a'] IS NOT NULL LIMIT 20", lambda d: {"a": [sub(v, "a") for v in d.doc if sub(v, "a") is not None][:20]}),
    ("SELECT doc['name'] AS name WHERE doc['name'] IS NOT NULL LIMIT 20",
     lambda d: {"name": [sub(v, "name") for v in d.doc if sub(v, "name") is not None][:20]}),
    ("SELECT KEYS(doc) AS k WHERE id < 12", lambda d: {"k": [list(v) for v in d.doc[:12]]}),
    ("SELECT ROW_NUMBER() AS r WHERE flag", lambda d: {"r": list(range(int(d.flag.sum())))}),
    ("SELECT r FROM (SELECT *, ROW_NUMBER() AS r) WHERE flag", lambda d: {"r": at(d.flag)}),
    ("SELECT id, n * 2 AS twice FROM (SELECT * WHERE label == 2 LIMIT 5) WHERE n IS NOT NULL",
     lambda d: {"id": [r for r in at(d.label == 2)[:5] if d.known[r]],
                "twice": [2 * d.number[r] for r in at(d.label == 2)[:5] if d.known[r]]}),
    ("SELECT label, id GROUP BY label",
     lambda d: {"label": [[k] * len(v) for k, v in group(d.label.tolist()).items()], "id": [*group(d.label.tolist()).values()]}),
    ("SELECT id GROUP BY label, flag ACROSS TIME", lambda d: {"id": [*group(list(zip(d.label.tolist(), d.flag.tolist(), strict=True))).values()]}),
    ("SELECT id GROUP BY label ACROSS SPACE", lambda d: {"id": [*group(d.label.tolist()).values()]}),
    ("SELECT id GROUP BY word", lambda d: {"id": [*group(d.word).values()]}),
    ("SELECT id WHERE flag GROUP BY day % 4", lambda d: {"id": [*group((d.day % 4).tolist(), at(d.flag)).values()]}),
    ("SELECT id FROM (SELECT id, label GROUP BY label) UNGROUP BY SPLIT",
     lambda d: {"id": [r for rows in group(d.label.tolist()).values() for r in rows]}),
    ("SELECT id FROM (SELECT id GROUP BY flag) UNGROUP BY 100",
     lambda d: {"id": [g[k : k + 100] for g in group(d.flag.tolist()).values() for k in range(0, len(g), 100)]}),
    ("SELECT id FROM (SELECT id GROUP BY flag) UNGROUP BY [100, 40, 100]",
     lambda d: {"id": [g[a:b] for g in group(d.flag.tolist()).values() for a, b in ((0, 100), (100, 140), (140, 240)) if a < len(g)]}),
    ("SELECT id WHERE id % 50 == 0 EXPAND BY 2 1", lambda d: {"id": _neighbours(range(0, TOTAL, 50), 2, 1)}),
    ("SELECT id WHERE id == 100 EXPAND BY 3 3 OVERLAP true", lambda d: {"id": _neighbours([100], 3, 3)}),
    ("SELECT id WHERE id % 100 == 50 EXPAND BY 1 2 OVERLAP false AS nearby", lambda d: {"id": _neighbours([50, 150], 1, 2)}),
    ("SELECT * FROM \"{names}\" WHERE legs > 41", lambda d: {"label": [0, 2], "legs": [42, 43], "title": ["zero", "two"]}),
    ("SELECT * FROM \"{names}\" AS other ORDER BY title", lambda d: {"title": ["one", "three", "two", "zero"], "legs": [41, 40, 43, 42]}),
    ("SELECT id, legs FROM \"{main}\" INNER JOIN \"{names}\" USING (label) WHERE id < 30 ORDER BY id",
     lambda d: {"id": list(range(30)), "legs": [[42, 41, 43, 40][k] for k in d.label[:30]]}),
    ("SELECT id, title FROM \"{main}\" JOIN \"{names}\" USING (label) WHERE legs == 43 ORDER BY id",
     lambda d: {"id": at(d.label == 2), "title": ["two"] * int((d.label == 2).sum())}),
    ("SELECT long, short FROM \"{uneven}\" WHERE short > 101", lambda d: {"long": [2, 3, 4], "short": [102, 103, 104]}),
    ("SELECT long FROM \"{uneven}\" WHERE short IS NULL", lambda d: {"long": list(range(5, 12))}),
    ("SELECT long FROM \"{uneven}\"", lambda d: {"long": list(range(12))}),
    ("SELECT steps WHERE id < 6", lambda d: {"steps": d.steps[:6]}),
    ("SELECT *[0:1] WHERE id == 4", lambda d: {"vec": [d.vec[4][0:1]], "grid": [d.grid[4][0:1]], "ragged": [d.ragged[4][0:1]]}),
    ("SELECT MAX_WEIGHT(flag: 3, label == 1: 5) AS w LIMIT 60",
     lambda d: {"w": [max(3 * d.flag[r], 5 * (d.label[r] == 1)) for r in range(60)]}),
    ("SELECT SUM_WEIGHT(flag: 3, label == 1: 5, True: 0.5) AS w LIMIT 60",
     lambda d: {"w": [3 * d.flag[r] + 5 * (d.label[r] == 1) + 0.5 for r in range(60)]}),
    ("SELECT LOGICAL_NOT(flag) AS f LIMIT 9", lambda d: {"f": ~d.flag[:9]}),
    ("SELECT label, AVG(vec) AS centre GROUP BY label ORDER BY label",
     lambda d: {"label": range(4), "centre": [d.vec[d.label == k].mean(dtype=float) for k in range(4)]}),
    ("SELECT (n) AS value, (label) AS class WHERE n == 7", lambda d: {"value": [7] * len(at(d.number == 7)), "class": d.label[at(d.number == 7)]}),
]  # fmt: skip
"""Query, and some of its columns, in order."""


# --------------------------------------------------------------------------- parameters
PARAMETERS: list[tuple[str, Any, Callable[[Data], Found]]] = [
    ("SELECT * WHERE n == ?", [7], lambda d: at(d.number == 7)),
    ("SELECT * WHERE n BETWEEN ? AND ?", [-5, 5], lambda d: at(abs(d.number) <= 5)),
    ("SELECT * WHERE word == :what", {"what": "it's"}, lambda d: those(d, lambda r: d.word[r] == "it's")),
    ("SELECT * WHERE word == :what", {"what": "' OR true --"}, lambda d: []),
    ("SELECT * WHERE label == :name", {"name": "cow"}, lambda d: at(d.label == 2)),
    ("SELECT * WHERE n IN ?", [[1, 2, 3]], lambda d: at(np.isin(d.number, [1, 2, 3]))),
    ("SELECT * LIMIT ? OFFSET ?", [3, 20], lambda d: [20, 21, 22]),
    ("SELECT * ORDER BY COSINE_SIMILARITY(vec, :v) DESC LIMIT :k", {"v": np.array([1, 2, 3, 4]), "k": 5},
     lambda d: by(cosine(d, [1, 2, 3, 4]).round(9), down=True)[:5]),
    ("SELECT * WHERE vec[:k] == ARRAY[9]", {"k": 0}, lambda d: []),
]  # fmt: skip
"""Query, values of its placeholders, and which rows it selects."""


# --------------------------------------------------------------------------- draws
def _drawn(
    d: Data, weights: Sequence[float], size: int, rows: Found, *, again: bool = True
) -> None:
    weights = np.asarray(weights, float)
    assert len(rows) == size
    assert again or len(set(rows)) == size
    if again:
        assert (weights[list(rows)] > 0).all()
        share = weights[d.flag].sum() / weights.sum()
        # Six standard deviations.
        assert (
            abs(d.flag[list(rows)].mean() - share) <= 6 * np.sqrt(share * (1 - share) / size) + 1e-9
        )


def _everything(rows: Found) -> None:
    assert sorted(rows) == list(range(TOTAL))
    assert list(rows) != list(range(TOTAL))


PROPERTIES: list[tuple[str, Callable[[Data, Found], None]]] = [
    ("SELECT * SAMPLE BY 1", lambda d, r: _drawn(d, np.ones(TOTAL), TOTAL, r)),
    ("SELECT * SAMPLE BY 0.1 LIMIT 1000", lambda d, r: _drawn(d, np.ones(TOTAL), 1000, r)),
    ("SELECT * SAMPLE BY label REPLACE TRUE LIMIT 5000", lambda d, r: _drawn(d, d.label, 5000, r)),
    ("SELECT * SAMPLE BY day REPLACE LIMIT 4000", lambda d, r: _drawn(d, d.day, 4000, r)),
    ("SELECT * SAMPLE BY label REPLACE FALSE", lambda d, r: _everything(r)),
    ("SELECT * SAMPLE BY day REPLACE FALSE LIMIT 100", lambda d, r: _drawn(d, d.day, 100, r, again=False)),
    ("SELECT * SAMPLE BY 1 REPLACE FALSE LIMIT 1000", lambda d, r: _everything(r)),
    ("SELECT * SAMPLE BY day REPLACE FALSE LIMIT 10 PERCENT", lambda d, r: _drawn(d, d.day, 24, r, again=False)),
    ("SELECT * SAMPLE BY MAX_WEIGHT(flag: 9, label == 'dog': 3, True: 1) LIMIT 5000",
     lambda d, r: _drawn(d, np.maximum(np.where(d.flag, 9, 1), np.where(d.label == 1, 3, 1)), 5000, r)),
    ("SELECT * SAMPLE BY max_weight(label == 1: 10, label == 2: 5) LIMIT 3000",
     lambda d, r: _drawn(d, 10 * (d.label == 1) + 5 * (d.label == 2), 3000, r)),
    ("SELECT * SAMPLE BY SUM_WEIGHT(flag: 9, label == 'dog': 3) REPLACE TRUE LIMIT 5000",
     lambda d, r: _drawn(d, 9 * d.flag + 3 * (d.label == 1), 5000, r)),
    ("SELECT * WHERE label == 2 SAMPLE BY score + 1",
     lambda d, r: _drawn(d, np.where(d.label == 2, d.score + 1, 0), int((d.label == 2).sum()), r)),
    ("SELECT * ORDER BY RANDOM()", lambda d, r: _everything(r)),
    ("SELECT * WHERE RANDOM() < 0.5", lambda d, r: _half(r)),
]  # fmt: skip
"""Query that draws, and a test of the rows that were drawn."""


EXPLAINED: list[tuple[str, str]] = [
    ("EXPLAIN SELECT * WHERE label == 1 AND n > 0", "(rows of the dataset)"),
    ("EXPLAIN SELECT * WHERE label > 1000", "result: 0 rows (rows of the dataset)"),
    ("EXPLAIN SELECT label, COUNT(*) AS n GROUP BY label", "(new columns: label, n)"),
]
"""Query whose plan is asked for, and what its last line ends with."""


def _half(rows: Found) -> None:
    assert list(rows) == sorted(set(rows))
    assert 70 < len(rows) < 170


def queries() -> list[str]:
    """Every query of the corpus."""
    return [
        case[0] for case in (*SQL, *ROWS, *TABLES, *COLUMNS, *PARAMETERS, *PROPERTIES, *EXPLAINED)
    ]


__all__ = [
    "CLASSES",
    "COLUMNS",
    "EXPLAINED",
    "PARAMETERS",
    "PROPERTIES",
    "ROWS",
    "SQL",
    "TABLES",
    "queries",
]
