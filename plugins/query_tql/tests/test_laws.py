"""Random conditions over random columns: against NumPy row by row, and against each other."""

from __future__ import annotations

import itertools
import math
import operator
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import deeplake
from deeplake_query_tql import pruning

from .conftest import rows_of
from .fuzzed import Maker, dataset, run

NAMES = itertools.count()
Row = dict[str, Any]
Truth = bool | None
Predicate = tuple[str, Callable[[Row], Truth]]

OPERATORS = {
    "==": operator.eq, "!=": operator.ne, "<": operator.lt, "<=": operator.le, ">": operator.gt,
    ">=": operator.ge,
}  # fmt: skip


# --------------------------------------------------------------------------- rows
finite = st.floats(-100, 100, width=32) | st.sampled_from([math.nan, math.inf, -math.inf, -0.0])
rows = st.fixed_dictionaries({
    "i": st.none() | st.integers(-5, 5),
    "u": st.integers(0, 255),
    "f": st.none() | finite,
    "t": st.none() | st.text("ab%_é ", max_size=4),
    "v": st.lists(st.integers(-3, 3), max_size=3),
    "j": st.none() | st.fixed_dictionaries({
        "k": st.none() | st.integers(-2, 2) | st.text("ab", max_size=2),
    }),
})  # fmt: skip


def stored(values: list[Row], split: int, compression: str | None) -> deeplake.Dataset:
    ds = deeplake.empty(f"mem://laws-{next(NAMES)}")
    made = {
        "i": {"dtype": "int64"}, "u": {"dtype": "uint8"}, "f": {"dtype": "float32"},
        "t": {"htype": "text"}, "v": {"dtype": "int16"}, "j": {"htype": "json"},
    }  # fmt: skip
    for name, meta in made.items():
        ds.create_tensor(name, chunk_compression=compression, **meta)
    with ds:
        for part in (values[:split], values[split:]):
            # A commit between them makes pieces of their own.
            for row in part:
                v = np.array(row["v"], np.int16)
                f = None if row["f"] is None else np.float32(row["f"])
                ds.append({**row, "v": v, "f": f})
            ds.flush()
    return ds


# --------------------------------------------------------------------------- conditions
def _compared(name: str, symbol: str, literal: Any, get: Callable[[Row], Any]) -> Predicate:
    function = OPERATORS[symbol]
    shown = f"'{literal}'" if isinstance(literal, str) else repr(literal)

    def test(row: Row) -> Truth:
        value = get(row)
        return None if value is None else bool(function(value, literal))

    return f"{name} {symbol} {shown}", test


def _json(kind: type) -> Callable[[Row], Any]:
    def get(row: Row) -> Any:
        value = None if row["j"] is None else row["j"]["k"]
        return value if isinstance(value, kind) else None

    return get


def _float(row: Row) -> Any:
    return None if row["f"] is None else np.float32(row["f"])


symbols = st.sampled_from(sorted(OPERATORS))
numbers = st.integers(-6, 6)
texts = st.text("ab%_é ", max_size=2)
leaves: st.SearchStrategy[Predicate] = st.one_of(
    st.builds(lambda s, c: _compared("i", s, c, lambda r: r["i"]), symbols, numbers),
    st.builds(lambda s, c: _compared("u", s, c, lambda r: r["u"]), symbols, st.integers(-2, 300)),
    st.builds(lambda s, c: _compared("f", s, c, _float), symbols, numbers),
    st.builds(lambda s, c: _compared("t", s, c, lambda r: r["t"]), symbols, texts),
    st.builds(lambda s, c: _compared("j['k']", s, c, _json(int)), symbols, numbers),
    st.builds(lambda s, c: _compared("j['k']", s, c, _json(str)), symbols, st.text("ab", max_size=2)),
    st.builds(lambda s, c: _compared("shape(v)[0]", s, c, lambda r: len(r["v"])), symbols, numbers),
    st.builds(lambda s, c: _compared("sum(v)", s, c, lambda r: sum(r["v"])), symbols, numbers),
    st.builds(
        lambda s, c: _compared("v[0]", s, c, lambda r: r["v"][0] if r["v"] else None), symbols, numbers
    ),
    st.builds(
        lambda s, a, b: _compared(
            f"(i * {a} + u)", s, b, lambda r: None if r["i"] is None else r["i"] * a + r["u"]
        ),
        symbols, numbers, numbers,
    ),
    st.builds(
        lambda few: (
            f"i in ({', '.join(map(str, few))})",
            lambda r: None if r["i"] is None else r["i"] in few,
        ),
        st.lists(numbers, min_size=1, max_size=12),
    ),
    st.builds(
        lambda a, b: (
            f"i between {a} and {b}", lambda r: None if r["i"] is None else a <= r["i"] <= b
        ),
        numbers, numbers,
    ),
    st.builds(
        lambda part: (
            f"contains(t, '{part}')", lambda r: None if r["t"] is None else part in r["t"]
        ),
        texts,
    ),
    st.builds(lambda c: (f"any(v == {c})", lambda r: c in r["v"]), numbers),
    st.builds(lambda c: (f"all(v > {c})", lambda r: all(x > c for x in r["v"])), numbers),
    st.sampled_from([
        ("i is null", lambda r: r["i"] is None), ("f is not null", lambda r: r["f"] is not None),
        ("t is null", lambda r: r["t"] is None),
    ]),
)  # fmt: skip


def _and(a: Predicate, b: Predicate) -> Predicate:
    def test(row: Row) -> Truth:
        x, y = a[1](row), b[1](row)
        if x is False or y is False:
            return False
        return None if x is None or y is None else True

    return f"({a[0]} AND {b[0]})", test


def _or(a: Predicate, b: Predicate) -> Predicate:
    def test(row: Row) -> Truth:
        x, y = a[1](row), b[1](row)
        if x or y:
            return True
        return None if x is None or y is None else False

    return f"({a[0]} OR {b[0]})", test


def _not(a: Predicate) -> Predicate:
    def test(row: Row) -> Truth:
        value = a[1](row)
        return None if value is None else not value

    return f"NOT ({a[0]})", test


conditions = st.recursive(
    leaves,
    lambda inner: st.builds(_and, inner, inner) | st.builds(_or, inner, inner) | st.builds(_not, inner),
    max_leaves=5,
)  # fmt: skip
slow = settings(
    deadline=None, max_examples=60,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)  # fmt: skip


@slow
@given(
    values=st.lists(rows, min_size=1, max_size=25), tried=st.lists(conditions, min_size=1, max_size=6),
    split=st.integers(0, 25), compression=st.sampled_from([None, "zlib"]),
)  # fmt: skip
def test_conditions_are_what_they_are_row_by_row(
    values: list[Row], tried: list[Predicate], split: int, compression: str | None
) -> None:
    ds = stored(values, split, compression)
    for text, test in tried:
        wanted = [n for n, row in enumerate(values) if test(row)]
        assert rows_of(ds.query(f"select * where {text}")) == wanted, text


@slow
@given(
    values=st.lists(rows, min_size=1, max_size=25), condition=conditions, split=st.integers(0, 25),
    data=st.data(),
)  # fmt: skip
def test_laws(values: list[Row], condition: Predicate, split: int, data: st.DataObject) -> None:
    ds = stored(values, split, None)
    text, test = condition
    found = rows_of(ds.query(f"select * where {text}"))
    # p and NOT p are all rows of which it is known.
    against = rows_of(ds.query(f"select * where not ({text})"))
    assert sorted(found + against) == [n for n, r in enumerate(values) if test(r) is not None]
    # However the rows are ordered.
    order = data.draw(st.permutations(range(len(values))))
    assert rows_of(ds[order].query(f"select * where {text}")) == [n for n in order if n in found]
    # Whatever is pruned.
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pruning._Pruner, "look", lambda self, expr: (self.unknown, self.unknown))
        assert rows_of(ds.query(f"select * where {text}")) == found
    # Limits are the beginning; an order is a permutation.
    assert rows_of(ds.query(f"select * where {text} limit 3")) == found[:3]
    ordered = rows_of(ds.query(f"select * where {text} order by f desc, i, t"))
    assert sorted(ordered) == found
    few = rows_of(ds.query(f"select * where {text} order by f desc, i, t limit 2"))
    assert few == ordered[:2]
    # Before and after a commit, and in other chunks.
    ds.commit("rows")
    assert rows_of(ds.query(f"select * where {text}")) == found
    ds.rechunk()
    assert rows_of(ds.query(f"select * where {text}")) == found
    # And when a row is gone.
    gone = data.draw(st.integers(0, len(values) - 1))
    ds.pop(gone)
    left = [row for n, row in enumerate(values) if n != gone]
    assert rows_of(ds.query(f"select * where {text}")) == [n for n, r in enumerate(left) if test(r)]


@slow
@given(
    keys=st.lists(
        st.tuples(st.none() | st.integers(-3, 3), st.none() | finite), min_size=1, max_size=40
    ),
    down=st.tuples(st.booleans(), st.booleans()), limit=st.integers(0, 45),
)  # fmt: skip
def test_orders(keys: list[tuple[Any, Any]], down: tuple[bool, bool], limit: int) -> None:
    ds = deeplake.empty(f"mem://laws-{next(NAMES)}")
    ds.create_tensor("a", dtype="int64").extend([a for a, _ in keys])
    ds.create_tensor("b", dtype="float64").extend([b for _, b in keys])

    def key(n: int) -> Any:
        parts: list[Any] = []
        for value, descending in zip(keys[n], down, strict=True):
            last = value is None or math.isnan(value)
            parts += [last, 0 if last else -value if descending else value]
        return parts

    words = ["desc" if d else "asc" for d in down]
    found = rows_of(ds.query(f"select * order by a {words[0]}, b {words[1]} limit {limit}"))
    assert found == sorted(range(len(keys)), key=key)[:limit]


@slow
@given(
    keys=st.lists(st.tuples(st.sampled_from("abc"), st.integers(-4, 4)), min_size=1, max_size=40)
)
def test_groups(keys: list[tuple[str, int]]) -> None:
    ds = deeplake.empty(f"mem://laws-{next(NAMES)}")
    ds.create_tensor("t", htype="text").extend([t for t, _ in keys])
    ds.create_tensor("n", dtype="int64").extend([n for _, n in keys])
    groups: dict[str, list[int]] = {}
    for text, number in keys:
        groups.setdefault(text, []).append(number)
    view = ds.query(
        "select t, count(*) as c, sum(n) as s, min(n) as a, max(n) as b, avg(n) as m group by t"
    )
    assert view.t.numpy().ravel().tolist() == list(groups)
    for name, function in (("c", len), ("s", sum), ("a", min), ("b", max), ("m", np.mean)):
        expected = [function(group) for group in groups.values()]
        np.testing.assert_allclose(view[name].numpy().ravel(), expected)


# --------------------------------------------------------------------------- pruning
def test_a_selective_filter_of_a_sorted_column_reads_less_than_a_hundredth() -> None:
    ds = deeplake.empty("mem://laws-sorted")
    n = 10_000_000
    ds.create_tensor("x", dtype="int64")
    ds.x.extend(np.arange(n))
    reader = ds.x._reader
    total = len(reader.table.pieces())
    assert total > 300
    for condition, wanted in (
        ("x == 5000000", [5_000_000]),
        ("x between 123 and 125", [123, 124, 125]),
        (f"x > {n - 3}", [n - 2, n - 1]),
        ("x in (7, 9999999)", [7, n - 1]),
        ("not (x >= 2)", [0, 1]),
    ):
        # A reader that has opened nothing yet.
        ds._checkout._readers.clear()
        assert rows_of(ds.query(f"select * where {condition}")) == wanted
        opened = len(ds._checkout.reader(ds.x._draft)._open)
        assert 0 < opened < total / 100, condition


# --------------------------------------------------------------------------- any text at all
@pytest.fixture(scope="module")
def few() -> deeplake.Dataset:
    return dataset()


@pytest.mark.parametrize("seed", range(8))
def test_any_text_gives_a_view_or_a_query_error(few: deeplake.Dataset, seed: int) -> None:
    maker = Maker(1000 + seed)
    found = [run(few, maker.any()) for _ in range(60)]
    assert any(found)
    assert not all(found)


@pytest.mark.parametrize(
    "text",
    [
        "select * where " + "(" * 5000 + "x" + ")" * 5000,
        "select * where " + "not " * 5000 + "x",
        "select * where x" + "[0]" * 5000,
        "select * where x in (" + ", ".join(["1"] * 30_000) + ")",
        "select * where x == " + "9" * 5000,
        "select * from (" * 3000 + "select *" + ")" * 3000,
        "select * union " * 3000 + "select *",
        "select * where " + "x == 1 or " * 30_000 + "x == 2",
        "select " + ", ".join(f"x as c{i}" for i in range(30_000)),
        "select * where x == '" + "a" * 300_000 + "'",
    ],
    ids=range(10),
)  # fmt: skip
def test_limits(few: deeplake.Dataset, text: str) -> None:
    with pytest.raises(deeplake.errors.QueryError) as caught:
        few.query(text)
    assert len(str(caught.value)) < 1000
