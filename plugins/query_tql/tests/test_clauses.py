"""Everything around WHERE: what is selected, ordered, grouped, sampled, put together."""

from __future__ import annotations

import pickle
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import deeplake
from deeplake.dataset.columns import StoredColumns
from deeplake.errors import InvalidOperationError, MemoryDatasetCanNotBePickledError, QueryError

from .conftest import N, filled, row, rows_of

ROWS = [row(i) for i in range(N)]


def column(view: deeplake.Dataset, name: str) -> list[Any]:
    """The values of a column, numbers of one element as such."""
    found = view[name].numpy(aslist=True)
    return [x.item() if isinstance(x, np.ndarray) and x.size == 1 else x for x in found]


# --------------------------------------------------------------------------- rows
@pytest.mark.parametrize(
    ("query", "rows"),
    [
        ("select *", list(range(N))),
        ("SELECT * LIMIT 3", [0, 1, 2]),
        ("select * limit 3 offset 4;", [4, 5, 6]),
        ("select * offset 28", [28, 29]),
        ("select * limit 0", []),
        ("select * limit -1", []),
        ("select * limit 1000", list(range(N))),
        ("select * limit 10 percent", [0, 1, 2]),
        ("select * order by id desc limit 2", [29, 28]),
        ("select * order by labels, id desc limit 3", [27, 24, 21]),
        ("select * order by labels desc limit 3", [2, 5, 8]),
        ("select * order by text limit 3", [0, 1, 10]),
        ("select * order by text desc limit 2", [9, 8]),
        ("select * order by json['a'] desc limit 2", [29, 27]),
        ("select * order by json['a'] limit 2", [1, 3]),
        ("select * order by json['s'], id limit 2", [5, 15]),
        ("select * order by flag desc, id limit 3", [0, 5, 10]),
        ("select * order by dot(emb, ARRAY[0, 0, 1]) desc limit 2", [29, 28]),
        ("select * order by cosine_similarity(emb, data(emb, 7)) desc limit 1", [7]),
        ("select * where id > 20 order by x desc limit 2 offset 1", [28, 27]),
        ("(select * where x < 0.3) union (select * where x > 2.7)", [0, 1, 2, 28, 29]),
        ("select * where id < 3 union (select * where id < 5)", [0, 1, 2, 3, 4]),
        ("(select * where id < 3) union all (select * where id < 2)", [0, 1, 2, 0, 1]),
        ("(select * limit 5) intersect (select * where id % 2 == 0)", [0, 2, 4]),
        ("(select * limit 5) except (select * where id % 2 == 0)", [1, 3]),
        ("(select * limit 2) union (select * limit 4) order by id desc limit 3", [3, 2, 1]),
        ("(select * limit 9) union (select *) intersect (select * limit 2)", list(range(9))),
        ("select * from (select * where labels == 'dog') where id > 20", [22, 25, 28]),
        ("select * from (select * where id > 20) where row_number() == 1", [22]),
        ("(select * order by id desc limit 3) order by id limit 1", [27]),
        ('select * from "whatever" where id == 4', [4]),
        ("select labels, id where id < 2", [0, 1]),
    ],
)
def test_rows(ds: deeplake.Dataset, query: str, rows: list[int]) -> None:
    assert rows_of(ds.query(query)) == rows


def test_a_pure_filter_is_a_view_of_rows(ds: deeplake.Dataset) -> None:
    view = ds.query("select * where labels == 'dog'")
    assert view.is_view
    assert view.labels.numpy().ravel().tolist() == [1] * 10
    assert rows_of(view.query("select * where id > 20")) == [22, 25, 28]
    assert rows_of(view[::-1].query("select * limit 2")) == [28, 25]
    assert rows_of(view[::-1].query("select * where row_number() == 2")) == [22]
    assert rows_of(ds[[5, 3, 3, 9]].query("select * where id < 6")) == [5, 3, 3]
    assert [*ds.query("select labels, id").tensors] == ["labels", "id"]


def test_parameters(ds: deeplake.Dataset) -> None:
    text = "select * where id in ? and x > ?"
    assert rows_of(ds.query(text, parameters=[[3, 20, 25], 1.5])) == [20, 25]
    named = "select * where text == :t or labels = :l limit :n"
    given = {"t": "Item number 0", "l": "dog", "n": 3}
    assert rows_of(ds.query(named, parameters=given)) == [0, 1, 4]
    # A text that looks like a query is a text.
    assert rows_of(ds.query("select * where text == ?", parameters=["' or 1 = 1 --"])) == []
    vector = np.array([np.cos(4), np.sin(4), 4 / N])
    text = "select * order by cosine_similarity(emb, ?) desc limit 1"
    assert rows_of(ds.query(text, parameters=[vector])) == [4]
    assert rows_of(ds.query("select * where id in ?", parameters=[np.arange(100_000)])) == [
        *range(N)
    ]
    with pytest.raises(QueryError, match="2 parameters were given for a query with 1"):
        ds.query("select * where id == ?", parameters=[1, 2])


# --------------------------------------------------------------------------- new columns
def test_expressions_make_columns(ds: deeplake.Dataset) -> None:
    view = ds.query("select id + 1 as y, labels, upper(text) as t where labels == 'dog'")
    assert len(view) == 10
    assert [*view.tensors] == ["y", "labels", "t"]
    assert column(view, "y") == [i + 1 for i in range(1, N, 3)]
    assert view.labels.htype == "class_label"
    assert view.labels.info["class_names"] == ["cat", "dog", "cow"]
    assert column(view, "t")[0] == "ITEM NUMBER 1"
    assert column(ds.query("select x * 2"), "x") == [row["x"] * 2 for row in ROWS]
    assert ds.query("select emb / 2 as half").half.numpy().dtype == np.float32
    shapes = ds.query("select shape(boxes) as s").s.numpy()
    assert shapes.tolist() == [[i % 4, 4] for i in range(N)]
    assert column(ds.query("select json['a'] > 3 as b where id % 2 == 1"), "b") == [
        i > 3 for i in range(1, N, 2)
    ]
    sliced = ds.query("select *[0:2] limit 4")
    assert [b.shape for b in sliced.boxes.numpy(aslist=True)] == [(0, 4), (1, 4), (2, 4), (2, 4)]
    assert sliced.emb.numpy().shape == (4, 2)
    assert column(sliced, "text")[3] == "Item number 3"


def test_numbers_of_rows(ds: deeplake.Dataset) -> None:
    view = ds.query("select row_number() as r, id where id > 20")
    assert column(view, "r") == [*range(9)]
    inner = "select * from (select row_number() as r, id) where id > 20"
    assert column(ds.query(inner), "r") == [*range(21, N)]


def test_new_columns_can_do_what_datasets_do(ds: deeplake.Dataset, tmp_path: Path) -> None:
    ds.commit("rows")
    view = ds.query("select id + 1 as y, text, labels where labels == 'dog'")
    loaded = [
        sample["y"].item() for batch in view.dataloader().batch(4).numpy() for sample in batch
    ]
    assert loaded == [i + 1 for i in range(1, N, 3)]
    assert column(view.query("select * where y > 20"), "y") == [23, 26, 29]
    assert column(view.filter("y > 20", progressbar=False), "y") == [23, 26, 29]
    assert sorted(len(part) for part in view.random_split([0.3, 0.7])) == [3, 7]
    assert column(view[-2:], "y") == [26, 29]
    copied = view.copy(str(tmp_path / "copy"), progressbar=False)
    assert column(copied, "y") == column(view, "y")
    view.save_view(id="all", verbose=False)
    entry = ds.get_view("all")
    assert entry.query == entry.message
    assert "id + 1" in str(entry.query)
    assert column(ds.load_view("all"), "y") == column(view, "y")
    view[2:4].save_view(id="two", verbose=False)
    assert column(ds.load_view("two"), "y") == [8, 11]
    assert column(ds.load_view("two"), "text") == ["Item number 7", "Item number 10"]
    for refused in (
        lambda: view.append({"y": 1}),
        lambda: view.checkout("other", create=True),
        lambda: view.merge("main"),
        lambda: view.commit(),
        lambda: view.create_tensor("z"),
    ):
        with pytest.raises(InvalidOperationError):
            refused()
    assert ds.id.numpy().ravel().tolist() == [*range(N)]


def test_the_dataset_stays_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "ds"
    filled(deeplake.empty(str(path)))
    ds = deeplake.load(str(path), read_only=True)
    before = sorted(p.relative_to(path) for p in path.rglob("*"))
    view = ds.query("select emb * 2 as e, labels")
    grouped = ds.query("select * group by labels")
    assert len(view) == N
    assert len(grouped) == 3
    assert sorted(p.relative_to(path) for p in path.rglob("*")) == before


def test_queries_of_paths(tmp_path: Path) -> None:
    path = str(tmp_path / "ds")
    filled(deeplake.empty(path))
    view = deeplake.query(f'select * from "{path}" where id > 27')
    assert rows_of(view) == [28, 29]
    assert column(deeplake.query("select id + 1 as y from ? limit 1", parameters=[path]), "y") == [
        1
    ]
    joined = deeplake.query(
        f'select a.text as t, right.x as x from "{path}" as a inner join '
        f'(select * from "{path}" where id < 2) as right using (id)'
    )
    assert column(joined, "t") == ["Item number 0", "Item number 1"]
    assert column(joined, "x") == [0.0, 0.1]
    with pytest.raises(QueryError, match='add FROM "path"'):
        deeplake.query("select * where id > 3")


# --------------------------------------------------------------------------- groups
def test_aggregates(ds: deeplake.Dataset) -> None:
    view = ds.query(
        "select labels, count(*) as n, avg(x) as mean, sum(id) as total, min(text) as t, "
        "max(id) as last, count(json['a']) as some group by labels"
    )
    by = [[r for r in ROWS if r["labels"] == k] for k in range(3)]
    assert column(view, "labels") == [0, 1, 2]
    assert view.labels.htype == "class_label"
    assert column(view, "n") == [10] * 3
    np.testing.assert_allclose(column(view, "mean"), [np.mean([r["x"] for r in g]) for g in by])
    assert column(view, "total") == [sum(r["id"] for r in g) for g in by]
    assert column(view, "t") == [min(r["text"] for r in g) for g in by]
    assert column(view, "last") == [27, 28, 29]
    assert column(view, "some") == [5] * 3


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("select count(*) as v", [30]),
        ("select count(*) as v where id > 100", [0]),
        ("select max(x) as v", [2.9]),
        ("select min(id) as v where id > 3", [4]),
        ("select count(distinct labels) as v", [3]),
        ("select count(*) + max(id) as v", [59]),
        ("select sum(id) as v, count(*) as n", [sum(range(30))]),
        ("select sum(boxes) as v, count(*) as n", [sum(r["boxes"].sum() for r in ROWS)]),
        ("select count(*) as v group by id % 4", [8, 8, 7, 7]),
        ("select count(*) as v group by labels, flag", [2, 8, 8, 8, 2, 2]),
        ("select id % 4 as k, count(*) as v group by k order by k desc", [7, 7, 8, 8]),
        ("select labels, count(*) as v group by labels order by labels desc limit 2", [10, 10]),
        ("select max(id) as v group by labels order by v desc", [29, 28, 27]),
        ("select max(id) as v group by labels order by max(id) limit 1 offset 1", [28]),
        ("select distinct labels as v", [0, 1, 2]),
        ("select distinct id % 3 as v order by v desc", [2, 1, 0]),
    ],
)
def test_one_value_a_group(ds: deeplake.Dataset, query: str, expected: list[Any]) -> None:
    assert column(ds.query(query), "v") == pytest.approx(expected)


def test_groups_are_sequences(ds: deeplake.Dataset) -> None:
    view = ds.query("select * group by labels")
    assert len(view) == 3
    assert view.id.is_sequence
    assert [[i.item() for i in group] for group in view.id.numpy(aslist=True)] == [
        [*range(k, N, 3)] for k in range(3)
    ]
    assert view.text[1].numpy()[0] == "Item number 1"
    split = ds.query("select id, text group by labels ungroup by split")
    assert column(split, "id") == [i for k in range(3) for i in range(k, N, 3)]
    assert column(split, "frame_number") == [*range(10)] * 3
    again = ds.query("select * from (select * group by labels) ungroup by split")
    assert column(again, "id") == column(split, "id")
    stored = view.query("select * ungroup by 4")
    assert [len(group) for group in stored.id.numpy(aslist=True)] == [4, 4, 2] * 3
    with pytest.raises(QueryError, match="The source dataset is not a group"):
        ds.query("select * ungroup by split")
    with pytest.raises(QueryError, match="Can't convert array to scalar"):
        ds.query("select * group by emb")
    with pytest.raises(QueryError, match="Can't convert array to scalar"):
        ds.query("select * order by boxes")


@pytest.mark.parametrize("compression", [None, "zlib"])
@pytest.mark.parametrize("kept", ["ROW_NUMBER() % 2 == 0", "ROW_NUMBER() == 0", "True"])
def test_rows_of_nothing_alone_are_ordered_as_beside_others(
    compression: str | None, kept: str
) -> None:
    ds = deeplake.empty("mem://rows-of-nothing")
    with ds:
        ds.create_tensor("x", dtype="uint8", sample_compression=compression)
        for value in (None, 3, None, 1):
            ds.append({"x": value})
    found = ds.query(f"SELECT * WHERE {kept} ORDER BY x")
    rows = {"ROW_NUMBER() % 2 == 0": [0, 2], "ROW_NUMBER() == 0": [0], "True": [3, 1, 0, 2]}[kept]
    assert list(found.sample_indices) == rows


def test_expand(ds: deeplake.Dataset) -> None:
    view = ds.query("select id where id in (0, 10, 11) expand by 1 2")
    found = [[i.item() for i in group] for group in view.id.numpy(aslist=True)]
    assert found == [[0, 1, 2], [9, 10, 11, 12], [10, 11, 12, 13]]
    view = ds.query("select id where id in (0, 10, 11) expand by 1 2 overlap false as source")
    found = [[i.item() for i in group] for group in view.id.numpy(aslist=True)]
    assert found == [[0, 1, 2], [9, 10, 11, 12], [13]]
    assert [i.item() for i in view.source.numpy(aslist=True)[1]] == [9, 10, 11, 12]


# --------------------------------------------------------------------------- samples
def test_sample_by(ds: deeplake.Dataset) -> None:
    deeplake.random.seed(3)
    view = ds.query("select * sample by max_weight(labels == 'dog': 10, true: 0) limit 50")
    assert len(view) == 50
    assert set(view.labels.numpy().ravel().tolist()) == {1}
    assert rows_of(ds.query("select * sample by labels limit 9")) == rows_of(
        ds.query("select * sample by labels limit 9")
    )
    assert sorted(rows_of(ds.query("select * sample by labels replace false"))) == [*range(N)]
    assert len(ds.query("select * sample by 1 replace false limit 100")) == N
    assert len(ds.query("select * sample by x limit 50 percent")) == 15
    assert rows_of(ds.sample_by("labels", size=9)) == rows_of(
        ds.sample_by(ds.labels.numpy().ravel(), size=9)
    )
    both = "sum_weight(labels == 'dog': 1, id == 4: 1e9)"
    assert rows_of(ds.query(f"select * sample by {both} limit 5")) == [4] * 5
    with pytest.raises(QueryError, match="weight"):
        ds.query("select * sample by 0")
    with pytest.raises(QueryError, match="no rows to draw from"):
        ds.query("select * where id > 99 sample by 1")


def test_random_follows_the_seed(ds: deeplake.Dataset) -> None:
    deeplake.random.seed(1)
    first = rows_of(ds.query("select * order by random()"))
    assert first == rows_of(ds.query("select * order by random()"))
    assert sorted(first) == [*range(N)]
    assert first != [*range(N)]


# --------------------------------------------------------------------------- the rest
@pytest.mark.parametrize(
    ("query", "lines"),
    [
        (
            "select * where id > 20 order by x limit 3",
            [
                "scan 30 rows; columns id; 1 of 1 chunks to read, 0 pruned; B bytes to read",
                "ORDER BY, the first 3 of at most 30 rows; columns x; 1 chunks, at most B bytes to read",
                "result: at most 3 rows (rows of the dataset)",
            ],
        ),
        (
            "select * where id > 99",
            [
                "scan 30 rows; columns id; 0 of 1 chunks to read, 1 pruned; 0 bytes to read",
                "result: 0 rows (rows of the dataset)",
            ],
        ),
        ("select * limit 4 offset 2", ["LIMIT: 4 rows behind the first 2",
                                       "result: 4 rows (rows of the dataset)"]),
        (
            "select labels, count(*) as n group by labels",
            [
                "GROUP BY of 30 rows; columns labels; 1 chunks, at most B bytes to read",
                "result: at most 30 rows (new columns: labels, n)",
            ],
        ),
        (
            "select x + 1 as y from (select x * 2 as x, id where id < 3) where x > 1",
            [
                "scan 30 rows; columns id; 1 of 1 chunks to read, 0 pruned; B bytes to read",
                "new columns of at most 30 rows; columns x; 1 chunks, at most B bytes to read",
                "FROM (…)",
                "filter at most 30 rows; columns x",
                "new columns of at most 30 rows",
                "result: at most 30 rows (new columns: y)",
            ],
        ),
        (
            "(select * where id == 1) union (select * sample by x limit 2)",
            [
                "scan 30 rows; columns id; 1 of 1 chunks to read, 0 pruned; B bytes to read",
                "SAMPLE BY: 2 draws of 30 rows; columns x; 1 chunks, at most B bytes to read",
                "UNION",
                "result: at most 32 rows (rows of the dataset)",
            ],
        ),
    ],
)  # fmt: skip
def test_explain_says_what_would_be_read_and_reads_nothing(
    ds: deeplake.Dataset, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch,
    query: str, lines: list[str],
) -> None:  # fmt: skip
    ds.commit()

    def read(self: StoredColumns, name: str, rows: Any) -> Any:
        raise AssertionError(f"{name} is read")

    with monkeypatch.context() as patch:
        patch.setattr(StoredColumns, "read", read)
        view = ds.query(f"explain {query}")
    printed = capsys.readouterr().out.rstrip("\n")
    assert list(view.plan.data()["value"]) == printed.split("\n")
    assert re.sub(r"\b[1-9]\d* bytes", "B bytes", printed).split("\n") == lines


def test_loader(ds: deeplake.Dataset) -> None:
    loader = ds.dataloader().query("select * where labels != 'dog'").batch(7).numpy()
    found = [sample["id"].item() for batch in loader for sample in batch]
    assert found == [i for i in range(N) if i % 3 != 1]
    again = ds.dataloader().query("select * where id > 3").query("select * where id < 6")
    assert [sample["id"].item() for batch in again.numpy() for sample in batch] == [4, 5]


def plain(values: Any) -> Any:
    """Arrays in lists as lists."""
    if isinstance(values, list):
        return [plain(value) for value in values]
    return values.tolist() if isinstance(values, (np.ndarray, np.generic)) else values


def test_a_loader_of_new_columns(ds: deeplake.Dataset) -> None:
    loader = ds[3:].dataloader().query("select id + 1 as b, labels where labels == 'cat'").batch(4)
    found = [(s["b"].item(), s["labels"].item()) for batch in loader.numpy() for s in batch]
    assert found == [(i + 1, 0) for i in range(3, N) if i % 3 == 0]
    again = (
        ds.dataloader().query("select * where id > 3").query("select sum(id) as s, count(*) as n")
    )
    assert [(s["s"].item(), s["n"].item()) for batch in again.numpy() for s in batch] == [
        (sum(range(4, N)), N - 4)
    ]


@pytest.mark.parametrize(
    "query",
    [
        "select id * 2 as twice, text, boxes where labels == 'dog'",
        "select labels, count(*) as n, max(text) as last group by labels",
        "select * group by labels",
        "select text, random() as r order by r",
    ],
)
def test_computed_views_can_be_pickled(tmp_path: Path, query: str) -> None:
    ds = filled(deeplake.empty(tmp_path / "ds"))
    ds.commit()
    view = ds.query(query)
    few = view[1:3].query("select * , row_number() as k")
    ds.pop(0)
    ds.commit()
    for one in (view, view[::-1], few):
        again = pickle.loads(pickle.dumps(one))
        assert again.is_view
        assert again.read_only
        assert again._query == one._query
        assert len(again) == len(one)
        for name in one.tensors:
            found, wanted = (
                tensor.data(aslist=True)["value"] for tensor in (again[name], one[name])
            )
            assert plain(found) == plain(wanted)
    with pytest.raises(InvalidOperationError):
        pickle.loads(pickle.dumps(view)).commit()
    with pytest.raises(MemoryDatasetCanNotBePickledError):
        pickle.dumps(filled(deeplake.empty("mem://tql-pickled")).query(query))


def test_a_computed_view_is_handed_to_another_process_and_saved(tmp_path: Path) -> None:
    ds = filled(deeplake.empty(tmp_path / "ds"))
    ds.commit()
    view = ds.query("select id * 2 as twice, text where id > 20")
    script = (
        "import pickle, sys; view = pickle.load(sys.stdin.buffer); "
        "print(view.twice.numpy().ravel().tolist(), view.text[0].data()['value'])"
    )
    shown = subprocess.run(
        [sys.executable, "-c", script], input=pickle.dumps(view), capture_output=True, check=True
    )
    assert shown.stdout.decode().strip() == f"{[2 * i for i in range(21, N)]} Item number 21"
    pickle.loads(pickle.dumps(view)).save_view(id="twice", verbose=False)
    saved = deeplake.load(tmp_path / "ds").load_view("twice")
    assert saved.twice.numpy().ravel().tolist() == [2 * i for i in range(21, N)]


def test_filter_takes_conditions_of_the_language(ds: deeplake.Dataset) -> None:
    assert rows_of(ds.filter("contains(text, '2') AND id < 13", progressbar=False)) == [2, 12]
    assert rows_of(ds.filter("labels == 'dog' and id < 5", progressbar=False)) == [1, 4]


def test_tensors_of_different_lengths(ds: deeplake.Dataset) -> None:
    ds.create_tensor("short").extend([1, 2, 3])
    assert rows_of(ds.query("select * where short >= 2")) == [1, 2]
    assert rows_of(ds.query("select * where not short >= 2")) == [0]
    assert rows_of(ds.query("select * where id > 27")) == [28, 29]
    assert len(ds.query("select * where short is null")) == 27
    assert rows_of(ds.query("select * order by short desc limit 4")) == [2, 1, 0, 3]


def test_samples_of_several_kinds() -> None:
    ds = deeplake.empty("mem://tql-kinds")
    ds.create_tensor("multi", htype="class_label", class_names=["a", "b", "c"])
    ds.create_tensor("seq", htype="sequence[class_label]", class_names=["a", "b", "c"])
    ds.create_tensor("group/part")
    ds.create_tensor("maybe")
    for i in range(6):
        ds.append({
            "multi": [k for k in range(3) if i >> k & 1], "seq": [i % 3, 1],
            "group/part": i, "maybe": None if i % 2 else i,
        })  # fmt: skip
    assert rows_of(ds.query("select * where contains(multi, 'b')")) == [2, 3]
    assert rows_of(ds.query("select * where any(multi == 'b')")) == [2, 3]
    assert rows_of(ds.query("select * where multi == 'b'")) == [2]
    assert rows_of(ds.query("select * where multi[0] == 'a'")) == [1, 3, 5]
    assert rows_of(ds.query("select * where shape(multi)[0] == 2")) == [3, 5]
    assert rows_of(ds.query("select * where seq[0] == 'c'")) == [2, 5]
    assert rows_of(ds.query("select * where contains(seq, 'a')")) == [0, 3]
    assert rows_of(ds.query('select * where "group/part" > 3')) == [4, 5]
    assert rows_of(ds.query("select * where maybe >= 2")) == [2, 4]
    assert rows_of(ds.query("select * where not maybe >= 2")) == [0]
    assert rows_of(ds.query("select * where maybe is null")) == [1, 3, 5]
    assert rows_of(ds.query("select * order by maybe desc")) == [4, 2, 0, 1, 3, 5]
    assert column(ds.query("select sum(maybe) as s, count(maybe) as n"), "n") == [3]


def test_empty_datasets() -> None:
    ds = deeplake.empty("mem://tql-empty")
    assert len(ds.query("select *")) == 0
    ds.create_tensor("x", dtype="int64")
    ds.create_tensor("open")
    assert len(ds.query("select * where x > 3 order by x limit 3")) == 0
    assert len(ds.query("select x + 1 as y")) == 0
    assert column(ds.query("select count(*) as n"), "n") == [0]
    assert len(ds.query("select x, count(*) as n group by x")) == 0
    assert len(ds.query("select * where open == 3")) == 0


def test_return_data_is_refused(ds: deeplake.Dataset) -> None:
    with pytest.raises(ValueError, match="managed database"):
        ds.query("select *", return_data=True)


def test_parts_of_several_lengths() -> None:
    """Polygons of several numbers of points, sequences of items of several shapes."""
    ds = deeplake.empty("mem://tql-parts")
    ds.create_tensor("poly", htype="polygon", dtype="float32")
    ds.create_tensor("seq", htype="sequence[generic]", dtype="int64")
    with ds:
        for i in range(8):
            points = [np.full((3, 2), i), np.full((3 + i % 2, 2), (i, 10 * i))]
            ds.append({"poly": points, "seq": [np.arange(i % 3 + 1), np.arange(i % 2)]})

    def found(condition: str) -> list[int]:
        return rows_of(ds.query(f"SELECT * WHERE {condition}"))

    assert found("ANY(poly[:,:,0] > 5)") == [6, 7]
    assert found("ANY(poly[...,1] > 50)") == [6, 7]
    assert found("ANY(poly > 50)") == [6, 7]
    assert found("AMAX(poly) >= 40") == [4, 5, 6, 7]
    assert found("poly[1,0,1] == 50") == [5]
    assert found("ALL(poly[0] > 5)") == [6, 7]
    assert found("ANY(poly[7,:,0] > 1)") == []
    assert found("SHAPE(poly)[1] == 4") == [1, 3, 5, 7]
    assert found("SUM(seq) == 3") == [2, 5]
    assert found("ANY(seq[:,0] == 0)") == [1, 3, 5, 7]
    some = ds.query("SELECT poly[:,:,1] AS y, SUM(poly) AS total")
    assert [y.size for y in some.y.numpy(aslist=True)] == [6 + i % 2 for i in range(8)]
    assert column(some, "total") == [i * 6 + 11 * i * (3 + i % 2) for i in range(8)]


@pytest.mark.parametrize("name", ["BM25_SIMILARITY(text, 'a')", "DEEPMEMORY_DISTANCE(emb, emb)"])
def test_functions_that_need_an_index_say_so(ds: deeplake.Dataset, name: str) -> None:
    with pytest.raises(QueryError, match=r"is not found: it needs .* without one"):
        ds.query(f"SELECT * ORDER BY {name} DESC LIMIT 3")


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("DATE '2020-01-01' == x", "DATE"),
        ("x > INTERVAL '1 day'", "INTERVAL"),
        ("EXTRACT(year FROM x) == 2020", "EXTRACT"),
        ("EXISTS(SELECT * WHERE x == 1)", "EXISTS"),
        ("CONCAT(text, 'a') == 'b'", "CONCAT.* it"),
        ("x IN (SELECT x)", r"a query in IN \(…\)"),
        ("x ^ 2 == 1", r"\^"),
        ("emb == ARRAY[[1, 2], [3, 4]]", "nested ARRAY.*"),
    ],
)
def test_what_is_not_in_the_language_is_named(ds: deeplake.Dataset, text: str, what: str) -> None:
    with pytest.raises(QueryError, match=f"{what} is not supported"):
        ds.query(f"SELECT * WHERE {text}")


def test_aggregates_inside_case(ds: deeplake.Dataset) -> None:
    """Each branch is evaluated for some of the groups: their own sums, not those of others."""
    view = ds.query(
        "SELECT labels, CASE WHEN labels = 'dog' THEN MIN(id) WHEN SUM(id) > 144 THEN SUM(id) "
        "ELSE -COUNT(*) END AS c, CASE labels WHEN MIN(id) THEN MAX(id) + SUM(id) ELSE 0 END AS d "
        "WHERE id != 3 AND id != 0 GROUP BY labels ORDER BY labels"
    )
    ids = {label: [i for i in range(N) if i not in (0, 3) and i % 3 == label] for label in range(3)}
    assert sum(ids[0]) < 144 < sum(ids[2])
    assert column(view, "c") == [-len(ids[0]), 1, sum(ids[2])]
    assert column(view, "d") == [0, max(ids[1]) + sum(ids[1]), max(ids[2]) + sum(ids[2])]


def test_numbers_beyond_narrow_floats() -> None:
    ds = deeplake.empty("mem://tql-narrow")
    ds.create_tensor("x", dtype="float32").extend(
        np.array([1, np.inf, -np.inf, np.nan], np.float32)
    )
    ds.create_tensor("e", htype="embedding", dtype="float32").extend(
        np.array([[1, 2], [np.inf, 1], [0, 0], [3, -np.inf]], np.float32)
    )
    assert rows_of(ds.query("SELECT * WHERE x == 1e49")) == []
    assert rows_of(ds.query("SELECT * WHERE x < 1e49")) == [0, 2]
    assert rows_of(ds.query("SELECT * WHERE x BETWEEN 0 AND 1e49")) == [0]
    assert rows_of(ds.query("SELECT * WHERE x > 1e49")) == [1]
    assert rows_of(ds.query("SELECT * WHERE ANY(e == 1e49)")) == []
    assert rows_of(ds.query("SELECT * WHERE ANY(e > 1e49)")) == [1]
    assert rows_of(ds.query("SELECT * WHERE ALL(e >= -1e300)")) == [0, 1, 2]


def test_groups_that_are_compared_with_json() -> None:
    """Lists of arrays are equal to lists of equal arrays."""
    ds = deeplake.empty("mem://tql-lists")
    ds.create_tensor("a", htype="sequence[generic]", dtype="int64")
    ds.create_tensor("b", htype="json")
    with ds:
        ds.append({"a": [[1, 2], [3, 4, 5]], "b": [[1, 2], [3, 4, 5]]})
        ds.append({"a": [[1, 2], [3, 4]], "b": [[1, 2], [3, 5]]})
        ds.append({"a": [[1], [2, 3]], "b": {"a": [1]}})
    assert rows_of(ds.query("SELECT * WHERE a == b")) == [0]
    assert rows_of(ds.query("SELECT * WHERE a != b")) == [1, 2]
