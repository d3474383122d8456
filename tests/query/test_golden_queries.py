"""The corpus of queries on three stores: each finds what was computed without the engine."""

from __future__ import annotations

import pickle
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pytest
from tests.query import corpus
from tests.query.data import made, write, write_names, write_uneven

import deeplake
from deeplake.testing.servers import seaweedfs

DATA = made()


# --------------------------------------------------------------------------- stores
@dataclass(frozen=True)
class Place:
    """The datasets of the corpus on one store."""

    main: deeplake.Dataset
    paths: Mapping[str, str]
    others: tuple[deeplake.Dataset, ...]

    def ask(self, query: str, parameters: Any = ()) -> deeplake.Dataset:
        """The view that a query gives."""
        if "{" not in query:
            return self.main.query(query, parameters=parameters)
        for name, path in self.paths.items():
            query = query.replace("{" + name + "}", path)
        found: deeplake.Dataset = deeplake.query(query)
        return found


def _place(root: str, **options: Any) -> Place:
    paths = {name: f"{root}-{name}" for name in ("main", "names", "uneven")}
    main = write(paths["main"], **options)
    others = write_names(paths["names"], **options), write_uneven(paths["uneven"], **options)
    return Place(main, paths, others)


@pytest.fixture(scope="session", params=["mem", "file", "s3"])
def place(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Any]:
    if request.param == "mem":
        yield _place("mem://golden")
    elif request.param == "file":
        yield _place(str(tmp_path_factory.mktemp("golden") / "ds"))
    else:
        with seaweedfs() as server, pytest.MonkeyPatch.context() as patch:
            # What a query names by its path finds its credentials where boto3 would.
            for name, key in (("AWS_ACCESS_KEY_ID", "aws_access_key_id"),
                              ("AWS_SECRET_ACCESS_KEY", "aws_secret_access_key"),
                              ("AWS_REGION", "aws_region")):  # fmt: skip
                if key in server.creds:
                    patch.setenv(name, server.creds[key])
            patch.setenv("AWS_ENDPOINT_URL", server.endpoint)
            server.make_bucket("golden")
            yield _place("s3://golden/ds", creds=dict(server.creds))


@pytest.fixture(scope="session")
def database() -> Any:
    """What SQL says: an engine that has nothing in common with ours."""
    connection = duckdb.connect()
    connection.execute(
        "CREATE TABLE t (id BIGINT, label BIGINT, name VARCHAR, n INTEGER, score FLOAT, flag BOOLEAN, "
        "day BIGINT, word VARCHAR)"
    )
    columns = (DATA.id, DATA.label, DATA.names, DATA.n, DATA.score, DATA.flag, DATA.day, DATA.word)
    plain = [column.tolist() if isinstance(column, np.ndarray) else column for column in columns]
    connection.executemany(
        "INSERT INTO t VALUES (?, ?, ?, ?, ?, ?, ?, ?)", list(zip(*plain, strict=True))
    )
    return connection


# --------------------------------------------------------------------------- what is found
def values(view: Any, name: str) -> list[Any]:
    """The values of a column, one a row: arrays, numbers, texts, what json has, None."""
    tensor = view[name]
    if tensor.htype in ("text", "json", "list", "tag"):
        return list(tensor.data(aslist=True)["value"])
    return list(tensor.numpy(aslist=True))


def same(found: Any, expected: Any) -> bool:
    """Whether a value is the one that was computed; floats up to rounding."""
    if expected is None or (isinstance(expected, float) and np.isnan(expected)):
        return found is None or np.size(found) == 0 or found != found
    if isinstance(expected, str):
        return np.asarray(found).ravel().tolist() == [expected]
    if isinstance(expected, list) and any(isinstance(value, str) for value in expected):
        return list(found) == expected
    a, b = np.asarray(found), np.asarray(expected)
    if b.ndim == 0:
        a = a.reshape(()) if a.size == 1 else a
    elif a.ndim == b.ndim + 1 and a.shape[-1] == 1:  # a row of a sequence of numbers
        a = a[..., 0]
    if a.shape != b.shape:
        return False
    if a.dtype.kind in "fc" or b.dtype.kind in "fc":
        return bool(
            np.allclose(a.astype(float), b.astype(float), rtol=1e-5, atol=1e-6, equal_nan=True)
        )
    return bool((a == b).all())


def check(view: Any, expected: Mapping[str, Sequence[Any]]) -> None:
    """Fail where a column is not as it should be."""
    for name, column in expected.items():
        found = values(view, name)
        assert len(found) == len(column) == len(view), (
            f"{name}: {len(found)} rows, {len(column)} expected"
        )
        for row, (one, other) in enumerate(zip(found, column, strict=True)):
            assert same(one, other), f"{name}, row {row}: {one!r} instead of {other!r}"


def shown(value: Any) -> str:
    """The part of a case that its test is called after."""
    return value if isinstance(value, str) and not value.startswith("SELECT id FROM t") else ""


@pytest.mark.parametrize(("query", "sql"), corpus.SQL, ids=shown)
def test_rows_as_in_sql(place: Place, database: Any, query: str, sql: str) -> None:
    expected = [row for (row,) in database.execute(sql).fetchall()]
    assert list(place.ask(query).sample_indices) == expected


@pytest.mark.parametrize(
    ("query", "oracle"), corpus.ROWS, ids=lambda v: v if isinstance(v, str) else ""
)
def test_rows_as_computed(place: Place, query: str, oracle: Any) -> None:
    view = place.ask(query)
    expected = oracle(DATA)
    assert list(view.sample_indices) == list(expected)
    assert view.id.numpy().ravel().tolist() == list(expected)


@pytest.mark.parametrize(("query", "sql"), corpus.TABLES, ids=shown)
def test_columns_as_in_sql(place: Place, database: Any, query: str, sql: str) -> None:
    answer = database.execute(sql)
    names = [column[0] for column in answer.description]
    rows = answer.fetchall()
    view = place.ask(query)
    assert sorted(view.tensors) == sorted(names)
    check(view, {name: [row[i] for row in rows] for i, name in enumerate(names)})


@pytest.mark.parametrize(
    ("query", "oracle"), corpus.COLUMNS, ids=lambda v: v if isinstance(v, str) else ""
)
def test_columns_as_computed(place: Place, query: str, oracle: Any) -> None:
    check(place.ask(query), oracle(DATA))


@pytest.mark.parametrize(
    ("query", "parameters", "oracle"),
    corpus.PARAMETERS,
    ids=lambda v: "" if callable(v) else str(v),
)
def test_parameters(place: Place, query: str, parameters: Any, oracle: Any) -> None:
    view = place.ask(query, parameters)
    assert list(view.sample_indices) == list(oracle(DATA))


@pytest.mark.parametrize(
    ("query", "test"), corpus.PROPERTIES, ids=lambda v: v if isinstance(v, str) else ""
)
def test_draws(place: Place, query: str, test: Any) -> None:
    deeplake.random.seed(2026)
    try:
        rows = list(place.ask(query).sample_indices)
        test(DATA, rows)
        assert list(place.ask(query).sample_indices) == rows
        deeplake.random.seed(2027)
        assert list(place.ask(query).sample_indices) != rows
    finally:
        deeplake.random.seed(None)


@pytest.mark.parametrize(("query", "ending"), corpus.EXPLAINED)
def test_plans(place: Place, capsys: pytest.CaptureFixture[str], query: str, ending: str) -> None:
    view = place.ask(query)
    lines = capsys.readouterr().out.splitlines()
    assert values(view, "plan") == lines
    assert lines[-1].endswith(ending)


# --------------------------------------------------------------------------- tensors of unequal length
def test_rows_that_a_tensor_lacks_are_none(place: Place) -> None:
    view = place.others[1].query("SELECT * WHERE long > 2")
    assert len(view) == 9
    assert [view[i].short.numpy() for i in (0, 1)] == [103, 104]
    assert all(view[i].short.numpy() is None for i in range(2, 9))
    assert view.short[-1].numpy() is None
    assert view.short.numpy(aslist=True) == [103, 104, *[None] * 7]
    assert view[1:4].short.numpy(aslist=True) == [104, None, None]
    assert view[1:4].long.numpy(aslist=True) == [4, 5, 6]
    assert [sample["short"].numpy() for sample in view[1:3]] == [104, None]


def test_views_remember_that_such_rows_are_none(tmp_path: Path) -> None:
    ds = write_uneven(str(tmp_path / "ds"))
    ds.query("SELECT * WHERE long > 2").save_view(id="kept")
    ds.max_view.save_view(id="filled")
    for kept in (ds.load_view("kept"), pickle.loads(pickle.dumps(ds.load_view("kept")))):
        assert kept.short.numpy(aslist=True) == [103, 104, *[None] * 7]
    filled = ds.load_view("filled")[11].short.numpy()
    assert filled.shape == (0,)
    assert ds.query("SELECT * WHERE long > 2").max_view[5].short.numpy().shape == (0,)


__all__: list[str] = []
