"""Hypothesis strategies for datasets: schemas, rows that fit them, subscripts, and queries.

Example:
    @given(data=st.data())
    def test_my_store(data):
        schema = data.draw(schemas())
        ds = deeplake.empty("mem://x")
        for name, arguments in schema.items():
            ds.create_tensor(name, **arguments)
        ds.extend(columns(data.draw(rows(schema))))
        index = data.draw(selections(len(ds)))
        ds.query(data.draw(queries(schema)))
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
from hypothesis import strategies as st

from deeplake.testing.strategies import arrays, json_values, texts

Schema: TypeAlias = Mapping[str, Mapping[str, Any]]
Row: TypeAlias = dict[str, Any]

CLASSES = ("cat", "dog", "字")

NAMES = ("x", "y", "label", "words", "größe", "group/a", "group/deep/b", "with space")
"""Names of tensors: in groups, with letters that are not ASCII, and with blanks."""

_DTYPES = ("bool", "uint8", "int16", "int64", "uint64", "float32", "float64")

TENSORS: tuple[Mapping[str, Any], ...] = (
    *({"dtype": name} for name in _DTYPES),
    {"dtype": "float32", "chunk_compression": "zlib"},
    {"dtype": "uint8", "sample_compression": "zlib"},
    {"htype": "text"},
    {"htype": "text", "chunk_compression": "zlib"},
    {"htype": "json"},
    {"htype": "list"},
    {"htype": "tag"},
    {"htype": "class_label", "class_names": [*CLASSES]},
    {"htype": "bbox"},
    {"htype": "sequence[class_label]", "class_names": [*CLASSES]},
    {"htype": "sequence[text]"},
)
"""Arguments of ``create_tensor`` that schemas are made of; they need no plugin."""


def schemas(
    *, tensors: Sequence[Mapping[str, Any]] = TENSORS, max_tensors: int = 4
) -> st.SearchStrategy[dict[str, dict[str, Any]]]:
    """Arguments of ``create_tensor`` by name, one tensor at least.

    Args:
        tensors: What tensors are chosen from.
        max_tensors: Most tensors.
    """
    return st.dictionaries(
        st.sampled_from(NAMES),
        st.sampled_from(list(tensors)).map(dict),
        min_size=1,
        max_size=min(max_tensors, len(NAMES)),
    )


def samples(arguments: Mapping[str, Any]) -> st.SearchStrategy[Any]:
    """Samples of a tensor; None, which stands for a missing one, is among them.

    Args:
        arguments: One of ``TENSORS``.
    """
    htype = arguments.get("htype", "generic")
    if htype.startswith("sequence["):
        item = samples({**arguments, "htype": htype[9:-1]}).filter(lambda value: value is not None)
        return st.lists(item, max_size=3)
    drawn: dict[str, st.SearchStrategy[Any]] = {
        "text": texts(),
        "json": json_values(max_leaves=4),
        "list": st.lists(st.integers(-9, 9) | texts(max_size=4) | st.none(), max_size=3),
        "tag": st.lists(texts(max_size=4), max_size=3),
        "class_label": st.sampled_from(CLASSES) | st.integers(0, len(CLASSES) - 1),
        "bbox": arrays("float32", st.tuples(st.integers(0, 3), st.just(4))),
    }
    if htype in drawn:
        return st.none() | drawn[htype]
    # One number of dimensions for all samples of a tensor: scalars, which rows of queries compare.
    return st.none() | arrays(arguments["dtype"], ()).map(lambda array: array[()])


def rows(schema: Schema, *, min_size: int = 0, max_size: int = 8) -> st.SearchStrategy[list[Row]]:
    """Rows with a sample for each tensor, as ``ds.append`` takes them.

    Args:
        schema: Of ``schemas()``.
        min_size: Fewest rows.
        max_size: Most rows.
    """
    row = st.fixed_dictionaries({name: samples(given) for name, given in schema.items()})
    return st.lists(row, min_size=min_size, max_size=max_size)


def columns(rows: Sequence[Row]) -> dict[str, list[Any]]:
    """Rows as ``ds.extend`` takes them: a list for each tensor."""
    return {name: [row[name] for row in rows] for name in (rows[0] if rows else ())}


def selections(length: int) -> st.SearchStrategy[Any]:
    """Subscripts of rows, which mean the same to a NumPy array of this length.

    Whole numbers (also of NumPy, also from the end), slices with any step, lists and arrays of
    numbers, empty ones and doubles among them, and masks.

    Args:
        length: Rows that there are.
    """
    number = st.integers(-length, length - 1) if length else st.nothing()
    limit = st.none() | st.integers(-length - 2, length + 2)
    step = st.none() | st.integers(-3, 3).filter(bool)
    numbers = st.lists(number, max_size=2 * length) if length else st.just([])
    masks = st.lists(st.booleans(), min_size=length, max_size=length)
    return st.one_of(
        number,
        number.map(np.int64),
        st.builds(slice, limit, limit, step),
        numbers,
        numbers.map(lambda found: np.array(found, np.int64)),
        masks.map(lambda found: np.array(found, bool)),
        st.just(Ellipsis),
    )


def queries(schema: Schema) -> st.SearchStrategy[str]:
    """Queries in TQL that a dataset of this schema can answer: rows by conditions, order and limits.

    Args:
        schema: Of ``schemas()``.
    """
    conditions = _conditions(schema)
    scalars = [_quoted(name) for name, given in schema.items() if _is_number(given)]
    order: st.SearchStrategy[str | None] = st.none()
    if scalars:
        way = st.sampled_from(["ASC", "DESC"])
        order = st.none() | st.builds("{} {}".format, st.sampled_from(scalars), way)
    limit, offset = st.none() | st.integers(0, 9), st.none() | st.integers(0, 3)
    return st.builds(_query, st.none() | conditions, order, limit, offset)


def _query(where: str | None, order: str | None, limit: int | None, offset: int | None) -> str:
    parts = ["SELECT *"]
    parts += [f"WHERE {where}"] if where else []
    parts += [f"ORDER BY {order}"] if order else []
    parts += [f"LIMIT {limit}"] if limit is not None else []
    parts += [f"OFFSET {offset}"] if offset is not None and limit is not None else []
    return " ".join(parts)


def _is_number(given: Mapping[str, Any]) -> bool:
    return "htype" not in given and given["dtype"] != "bool"


def _quoted(name: str) -> str:
    return name if name.isascii() and name.isidentifier() else f'"{name}"'


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def _conditions(schema: Schema) -> st.SearchStrategy[str]:
    single: list[st.SearchStrategy[str]] = [st.just("ROW_NUMBER() % 2 == 0"), st.just("1 == 1")]
    number = st.integers(-99, 99).map(str) | st.floats(-99, 99, width=32).map(lambda v: f"{v:.3f}")
    sign = st.sampled_from(["==", "!=", "<", "<=", ">", ">="])
    for name, given in schema.items():
        column = st.just(_quoted(name))
        htype = given.get("htype", "generic")
        if _is_number(given):
            single += [
                st.builds("{} {} {}".format, column, sign, number),
                st.builds("{} BETWEEN {} AND {}".format, column, number, number),
                st.builds("{} IN ({}, {})".format, column, number, number),
                st.builds("{} IS NULL".format, column),
            ]
        elif htype == "class_label":
            known = st.sampled_from([_text(value) for value in CLASSES])
            single.append(st.builds("{} == {}".format, column, known))
        elif htype == "text":
            word = st.text("ab 字", max_size=3).map(_text)
            single += [
                st.builds("{} == {}".format, column, word),
                st.builds("CONTAINS({}, {})".format, column, word),
            ]
    return st.recursive(
        st.one_of(single),
        lambda inner: st.one_of(
            st.builds("({} {} {})".format, inner, st.sampled_from(["AND", "OR"]), inner),
            st.builds("NOT ({})".format, inner),
        ),
        max_leaves=4,
    )


__all__ = [
    "CLASSES",
    "NAMES",
    "TENSORS",
    "Row",
    "Schema",
    "columns",
    "queries",
    "rows",
    "samples",
    "schemas",
    "selections",
]
