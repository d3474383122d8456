"""``deeplake.VectorStore`` (api.md, section 21): names, arguments, defaults, what comes back.

Behind each fact there are more tests in ``core/tests/vectorstore``.
"""

from __future__ import annotations

import inspect
import uuid
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import deeplake
from deeplake import VectorStore
from deeplake.errors import (
    CheckoutError,
    ConflictingDatasetParametersError,
    DatasetHandlerError,
    DeepMemoryAccessError,
    IncorrectEmbeddingShapeError,
    ReadOnlyModeError,
    TensorDoesNotExistError,
)

TEXTS = [f"text {k}" for k in range(10)]
METADATA = [{"n": k, "even": k % 2 == 0, "deep": {"list": [k]}} for k in range(10)]
EMBEDDINGS = np.random.default_rng(21).standard_normal((10, 6)).astype(np.float32)


def embed(data: list[str]) -> list[np.ndarray]:
    return [EMBEDDINGS[int(text.split()[-1])] for text in data]


def filled(path: Any = "mem://section-21", **arguments: Any) -> VectorStore:
    store = VectorStore(path, overwrite=True, verbose=False, **arguments)
    store.add(text=TEXTS, metadata=METADATA, embedding=EMBEDDINGS, id=[str(k) for k in range(10)])
    return store


# --------------------------------------------------------------------------- signatures
def defaults(function: Any) -> dict[str, Any]:
    return {
        name: parameter.default
        for name, parameter in inspect.signature(function).parameters.items()
        if parameter.kind is not parameter.VAR_KEYWORD and name != "self"
    }


def test_arguments_of_the_constructor() -> None:
    found = defaults(VectorStore.__init__)
    assert list(found) == [
        "path", "dataset", "tensor_params", "embedding_function", "read_only",
        "ingestion_batch_size", "index_params", "exec_option", "token", "overwrite", "verbose",
        "runtime", "creds", "org_id", "logger", "branch", "indra",
    ]  # fmt: skip
    assert [one["name"] for one in found.pop("tensor_params")] == [
        "text",
        "metadata",
        "embedding",
        "id",
    ]
    assert {name: value for name, value in found.items() if value is not None} == {
        "ingestion_batch_size": 1000, "exec_option": "auto", "overwrite": False, "verbose": True,
        "branch": "main", "indra": False,
    }  # fmt: skip


def test_arguments_of_search() -> None:
    assert list(defaults(VectorStore.search).items()) == [
        ("embedding_data", None), ("embedding_function", None), ("embedding", None), ("k", 4),
        ("distance_metric", None), ("query", None), ("filter", None), ("exec_option", None),
        ("embedding_tensor", "embedding"), ("return_tensors", None), ("return_view", False),
        ("deep_memory", False), ("return_tql", False),
    ]  # fmt: skip


def test_arguments_of_the_other_methods() -> None:
    assert list(defaults(VectorStore.add)) == [
        "embedding_function", "embedding_data", "embedding_tensor", "return_ids", "rate_limiter",
        "batch_byte_size",
    ]  # fmt: skip
    assert list(defaults(VectorStore.delete)) == [
        "row_ids", "ids", "filter", "query", "exec_option", "delete_all",
    ]  # fmt: skip
    assert list(defaults(VectorStore.update_embedding)) == [
        "row_ids", "ids", "filter", "query", "exec_option", "embedding_function",
        "embedding_source_tensor", "embedding_tensor", "embedding_dict",
    ]  # fmt: skip
    assert defaults(VectorStore.update_embedding)["embedding_source_tensor"] == "text"
    assert list(defaults(VectorStore.delete_by_path)) == ["path", "token", "force", "creds"]
    assert defaults(VectorStore.commit)["allow_empty"] is True
    assert defaults(VectorStore.checkout)["branch"] == "main"


def test_the_name_is_of_the_package() -> None:
    assert deeplake.VectorStore is VectorStore
    assert "VectorStore" in dir(deeplake)
    assert "VectorStore" not in deeplake.__all__


# --------------------------------------------------------------------------- the store
def test_default_tensors(tmp_path: Path) -> None:
    store = VectorStore(tmp_path / "store", verbose=False)
    tensors = store.tensors()
    assert list(tensors) == ["text", "metadata", "embedding", "id"]
    assert [t.htype for t in tensors.values()] == ["text", "json", "embedding", "text"]
    assert tensors["embedding"].dtype == np.float32
    assert len(store) == 0
    assert isinstance(store.dataset, deeplake.Dataset)
    assert store.path == str(tmp_path / "store")
    assert store.exec_option == "python"


def test_a_store_is_found_again_or_replaced(tmp_path: Path) -> None:
    filled(tmp_path / "store")
    assert len(VectorStore(tmp_path / "store")) == 10
    assert deeplake.load(tmp_path / "store").text[3].data()["value"] == "text 3"
    assert len(VectorStore(tmp_path / "store", overwrite=True, verbose=False)) == 0


def test_own_tensors_get_ids(tmp_path: Path) -> None:
    store = VectorStore(
        tmp_path / "store",
        tensor_params=[
            {"name": "words", "htype": "text"},
            {"name": "vector", "htype": "embedding"},
            {"name": "label", "htype": "class_label", "class_names": ["a", "b"]},
        ],
        verbose=False,
    )
    assert list(store.tensors()) == ["words", "vector", "label", "id"]
    ids = store.add(words=TEXTS, vector=EMBEDDINGS, label=["a", "b"] * 5, return_ids=True)
    assert ids is not None
    found = store.search(embedding=EMBEDDINGS[3], k=1)
    assert set(found) == {"words", "label", "id", "score"}
    assert (found["words"], found["id"]) == (["text 3"], [ids[3]])
    assert store.search(embedding=EMBEDDINGS[3], k=1, filter={"label": "a"})["words"] != ["text 3"]
    assert set(store.search(filter={"label": "a"})) == {"words", "label", "id"}


def test_an_open_dataset(tmp_path: Path) -> None:
    ds = deeplake.empty(tmp_path / "ds")
    store = VectorStore(dataset=ds, verbose=False)
    store.add(text=TEXTS, embedding=EMBEDDINGS)
    assert len(ds) == len(store) == 10
    assert store.dataset is ds
    assert store.path == ds.path
    with pytest.raises(ConflictingDatasetParametersError):
        VectorStore(tmp_path / "other", dataset=ds)
    with pytest.raises(ValueError, match="give a path"):
        VectorStore()
    with pytest.raises(ValueError, match="whole dataset"):
        VectorStore(dataset=ds[:3])


def test_read_only(tmp_path: Path) -> None:
    filled(tmp_path / "store")
    store = VectorStore(tmp_path / "store", read_only=True)
    assert store.search(embedding=EMBEDDINGS[1], k=1)["text"] == ["text 1"]
    for change in (
        lambda: store.add(text=["x"], embedding=EMBEDDINGS[:1]),
        lambda: store.delete(row_ids=[0]),
        lambda: store.delete(delete_all=True),
        lambda: store.update_embedding(row_ids=[0], embedding_function=embed),
    ):
        with pytest.raises(ReadOnlyModeError):
            change()
    with pytest.raises(DatasetHandlerError):
        VectorStore(tmp_path / "nothing", read_only=True)
    assert not (tmp_path / "nothing").exists()


def test_branches_and_commits(tmp_path: Path) -> None:
    store = filled(tmp_path / "store")
    first = store.commit()
    assert store.commit() != first  # also when nothing changed
    other = VectorStore(tmp_path / "store", branch="other", verbose=False)
    other.delete(row_ids=[0])
    other.commit(message="without the first")
    assert (len(other), len(VectorStore(tmp_path / "store"))) == (9, 10)
    other.checkout()
    assert len(other) == 10
    other.checkout("other")
    assert len(other) == 9
    assert len(VectorStore(f"{tmp_path / 'store'}@{first}", read_only=True)) == 10
    with pytest.raises(CheckoutError):
        VectorStore(tmp_path / "store", branch="none", read_only=True)


def test_summary(capsys: pytest.CaptureFixture[str]) -> None:
    store = VectorStore("mem://summary")
    store.add(text=TEXTS, embedding=EMBEDDINGS)
    printed = capsys.readouterr().out
    assert "embedding  (10, 6)" in " ".join(printed.split()).replace("embedding (", "embedding  (")
    store.verbose = False
    store.add(text=TEXTS, embedding=EMBEDDINGS)
    assert capsys.readouterr().out == ""
    store.summary()
    assert "(20, 6)" in capsys.readouterr().out


# --------------------------------------------------------------------------- exec_option
def test_exec_options() -> None:
    assert filled(exec_option=None).exec_option == "python"
    assert filled(exec_option="compute_engine").exec_option == "compute_engine"
    store = filled()
    with pytest.raises(ValueError, match="server"):
        VectorStore("mem://x", exec_option="tensor_db")
    with pytest.raises(ValueError, match="server"):
        VectorStore("mem://x", runtime={"tensor_db": True})
    with pytest.raises(ValueError, match="server"):
        store.search(embedding=EMBEDDINGS[0], exec_option="tensor_db")
    with pytest.raises(ValueError, match="'fast'"):
        store.search(embedding=EMBEDDINGS[0], exec_option="fast")
    with pytest.raises(ValueError, match="takes no queries"):
        store.search(query="SELECT *", exec_option="python")
    with pytest.raises(ValueError, match="function"):
        store.search(filter=lambda row: True, exec_option="compute_engine")
    same = [
        store.search(embedding=EMBEDDINGS[0], exec_option=one)
        for one in ("python", "compute_engine")
    ]
    assert same[0] == same[1]


def test_a_function_as_filter_of_a_store_of_the_engine(caplog: pytest.LogCaptureFixture) -> None:
    store = filled(exec_option="compute_engine")
    found = store.search(filter=lambda row: row.metadata.data()["value"]["n"] == 3)
    assert found["text"] == ["text 3"]
    assert "filter is a function" in caplog.text


# --------------------------------------------------------------------------- add
def test_add_returns_ids_if_asked() -> None:
    store = VectorStore("mem://add", verbose=False)
    assert store.add(text=TEXTS, embedding=EMBEDDINGS, metadata=METADATA) is None
    ids = store.add(text=TEXTS, embedding=EMBEDDINGS, metadata=METADATA, return_ids=True)
    assert ids is not None
    assert len(set(ids)) == 10
    assert {uuid.UUID(one).version for one in ids} == {1}
    assert {str(uuid.UUID(one)) for one in ids} == set(ids)
    assert abs(uuid.UUID(ids[0]).time - uuid.uuid1().time) < 10 * 60 * 10**7  # ten minutes
    assert store.dataset.id.data()["value"][10:] == ids
    given = [uuid.uuid4() for _ in range(10)]
    store.add(id=given, text=TEXTS, embedding=EMBEDDINGS)
    assert store.dataset.id.data()["value"][20:] == list(map(str, given))
    assert store.dataset.metadata[25].data()["value"] == {}


def test_ways_to_give_embeddings() -> None:
    store = VectorStore("mem://ways", verbose=False)
    store.add(text=TEXTS, embedding=EMBEDDINGS)
    store.add(text=TEXTS, embedding=[one.tolist() for one in EMBEDDINGS])
    store.add(text=TEXTS, embedding_function=embed, embedding_data=TEXTS)
    store.add(
        text=TEXTS, embedding_function=embed, embedding_data="text", embedding_tensor="embedding"
    )
    store.add(text=TEXTS, embedding=(embed, TEXTS))
    store.embedding_function = embed
    store.add(text=TEXTS, embedding_data=TEXTS)
    assert np.array_equal(store.dataset.embedding.numpy(), np.tile(EMBEDDINGS, (6, 1)))


def test_several_tensors_of_embeddings() -> None:
    tensors = [
        {"name": "text", "htype": "text"},
        {"name": "a", "htype": "embedding"},
        {"name": "b", "htype": "embedding"},
    ]
    store = VectorStore("mem://several", tensor_params=tensors, verbose=False)

    def twice(data: list[str]) -> np.ndarray:
        return 2 * np.array(embed(data))

    store.add(
        text=TEXTS, embedding_tensor=["a", "b"], embedding_function=[embed, twice],
        embedding_data=[TEXTS, TEXTS],
    )  # fmt: skip
    store.add(text=TEXTS, a=(embed, TEXTS), b=(twice, TEXTS))
    store.add(
        text=TEXTS, embedding_tensor=["a", "b"], embedding_function=embed,
        embedding_data=[TEXTS, TEXTS],
    )  # fmt: skip
    assert np.array_equal(store.dataset.a.numpy(), np.tile(EMBEDDINGS, (3, 1)))
    assert np.array_equal(store.dataset.b.numpy()[:20], 2 * np.tile(EMBEDDINGS, (2, 1)))
    assert np.array_equal(store.dataset.b.numpy()[20:], EMBEDDINGS)
    with pytest.raises(ValueError, match="say embedding_tensor"):
        store.add(text=TEXTS, embedding_function=embed, embedding_data=TEXTS)
    for wrong in (
        {"embedding_data": [TEXTS]},
        {"embedding_tensor": ["a"]},
        {"embedding_function": [embed]},
    ):
        arguments: dict[str, Any] = {
            "embedding_tensor": ["a", "b"], "embedding_function": [embed, twice],
            "embedding_data": [TEXTS, TEXTS], **wrong,
        }  # fmt: skip
        with pytest.raises(ValueError, match="as many|no data"):
            store.add(text=TEXTS, **arguments)
    assert len(store) == 30


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"texts": TEXTS, "embedding": EMBEDDINGS}, "no tensor 'texts'"),
        ({"text": TEXTS}, "no data for tensor 'embedding'"),
        ({"embedding": EMBEDDINGS}, "no data for tensor 'text'"),
        ({"text": TEXTS[:9], "embedding": EMBEDDINGS}, "same number of rows"),
        ({"text": TEXTS, "embedding": EMBEDDINGS, "id": ["x"]}, "same number of rows"),
        ({"text": TEXTS, "embedding_data": TEXTS}, "embedding_data needs an embedding_function"),
        ({"text": TEXTS, "embedding_function": embed}, "needs embedding_data"),
        ({"text": TEXTS, "embedding_tensor": "embedding"}, "needs embedding_data"),
        ({"text": TEXTS, "embedding": EMBEDDINGS, "embedding_data": TEXTS, "embedding_function": embed},
         "both embeddings and data"),
        ({"text": TEXTS, "embedding": (embed, TEXTS), "embedding_data": TEXTS}, "not both"),
        ({"text": TEXTS, "embedding_function": lambda data: [], "embedding_data": TEXTS},
         "0 embeddings"),
        ({"text": TEXTS, "embedding_function": lambda d: [np.zeros(k + 1) for k in range(len(d))],
          "embedding_data": TEXTS}, "row 1: an embedding of shape"),
        ({}, "nothing to add"),
    ],
)  # fmt: skip
def test_what_add_refuses(arguments: dict[str, Any], message: str) -> None:
    store = filled()
    state = store.dataset.pending_commit_id
    with pytest.raises(ValueError, match=message):
        store.add(**arguments)
    assert len(store) == 10
    assert store.dataset.pending_commit_id == state


def test_none_for_all() -> None:
    store = VectorStore("mem://none", verbose=False)
    store.add(text=TEXTS, embedding=None, metadata=None, id=None)
    assert [len(tensor) for tensor in store.tensors().values()] == [10] * 4
    assert store.search(embedding=[1.0, 2.0])["text"] == []


# --------------------------------------------------------------------------- search
def test_results_are_lists_best_first() -> None:
    found = filled().search(embedding=EMBEDDINGS[4])
    assert set(found) == {"score", "text", "metadata", "id"}
    assert (found["text"][0], found["metadata"][0], found["id"][0]) == ("text 4", METADATA[4], "4")
    assert all(type(column) is list and len(column) == 4 for column in found.values())
    assert all(type(score) is float for score in found["score"])
    assert found["score"] == sorted(found["score"], reverse=True)
    assert found["score"][0] == pytest.approx(1)


@pytest.mark.parametrize("name", ["cos", "COS", "l1", "L1", "l2", "L2", "max", "MAX", "linf"])
def test_distances(name: str) -> None:
    vector = np.arange(6.0)
    found = filled().search(embedding=vector, k=10, distance_metric=name)
    rows = EMBEDDINGS.astype(np.float64)
    difference = np.abs(rows - vector)
    if name.lower() == "cos":
        expected = rows @ vector / np.linalg.norm(rows, axis=1) / np.linalg.norm(vector)
        order = np.argsort(-expected)
    else:
        expected = {
            "l1": difference.sum(1), "l2": np.sqrt((difference**2).sum(1)), "max": difference.max(1),
        }[name.lower().replace("linf", "max")]  # fmt: skip
        order = np.argsort(expected)
    assert found["id"] == [str(k) for k in order]
    assert found["score"] == pytest.approx(expected[order].tolist())


def test_the_default_distance() -> None:
    by_cos = filled().search(embedding=EMBEDDINGS[4], distance_metric="cos")
    assert filled().search(embedding=EMBEDDINGS[4]) == by_cos
    indexed = filled(index_params={"threshold": 5, "distance_metric": "L2"})
    assert indexed.search(embedding=EMBEDDINGS[4])["score"][0] == 0
    with pytest.raises(ValueError, match="'dot'"):
        filled().search(embedding=EMBEDDINGS[4], distance_metric="dot")


def test_what_is_searched_for() -> None:
    store = filled()
    expected = store.search(embedding=EMBEDDINGS[2])
    assert store.search(embedding=EMBEDDINGS[2].tolist()) == expected
    assert store.search(embedding=EMBEDDINGS[2:3]) == expected
    assert store.search("text 2", embed) == expected
    assert store.search(["text 2"], embed) == expected
    store.embedding_function = embed
    assert store.search("text 2") == expected

    class Embeddings:
        """As libraries of language models have them."""

        def embed_documents(self, data: list[str]) -> list[list[float]]:
            return [one.tolist() for one in embed(data)]

        def embed_query(self, text: str) -> list[float]:
            found: list[float] = embed([text])[0].tolist()
            return found

    other = VectorStore("mem://models", embedding_function=Embeddings(), verbose=False)
    other.add(text=TEXTS, embedding_data=TEXTS)
    assert other.search("text 2")["text"] == expected["text"]
    with pytest.raises(ValueError, match="one thing"):
        store.search(["text 2", "text 3"])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "what to search for"),
        ({"embedding": EMBEDDINGS[0], "embedding_data": "text 1"}, "not both"),
        ({"embedding_data": "text 1"}, "needs an embedding_function"),
        ({"embedding_function": embed}, "needs embedding_data"),
        ({"embedding": EMBEDDINGS[0], "k": 0}, "k is at least 1"),
        ({"embedding": [1.0, np.nan, 0, 0, 0, 0]}, "NaN"),
        ({"embedding": EMBEDDINGS[:2]}, "2 embeddings for 1"),
        ({"embedding": [1.0, 2.0]}, "has 6 values"),
        ({"embedding": EMBEDDINGS[0], "embedding_tensor": "text"}, "no embeddings"),
        ({"query": "SELECT *", "filter": {"n": 1}}, "leave out filter"),
        ({"query": "SELECT *", "embedding": EMBEDDINGS[0]}, "leave out embedding"),
        ({"query": "SELECT *", "return_tensors": ["id"]}, "leave out return_tensors"),
    ],
)
def test_what_search_refuses(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        filled().search(**arguments)


def test_other_errors_of_search() -> None:
    store = filled()
    with pytest.raises(IncorrectEmbeddingShapeError):
        store.search(embedding=[1.0, 2.0])
    with pytest.raises(DeepMemoryAccessError):
        store.search(embedding=EMBEDDINGS[0], deep_memory=True)
    with pytest.raises(TensorDoesNotExistError):
        store.search(embedding=EMBEDDINGS[0], return_tensors=["nothing"])
    with pytest.raises(TensorDoesNotExistError):
        store.search(embedding=EMBEDDINGS[0], embedding_tensor="nothing")
    with pytest.raises(TypeError, match="k is an integer"):
        store.search(embedding=EMBEDDINGS[0], k=2.5)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="filter is a dict"):
        store.search(filter="n == 1")  # type: ignore[arg-type]


def test_an_empty_store_is_said_to_be_empty() -> None:
    store = VectorStore("mem://nothing-in-it", verbose=False)
    with pytest.raises(ValueError, match="empty"):
        store.search(embedding=EMBEDDINGS[0])
    assert store.search(filter={"n": 1}) == {"text": [], "metadata": [], "id": []}


def test_filters() -> None:
    store = filled()
    vector = EMBEDDINGS[1]
    for filter in (
        {"metadata": {"even": True}},
        {"even": True},
        lambda row: row["metadata"].data()["value"]["even"],
    ):
        found = store.search(embedding=vector, filter=filter, k=10)
        assert sorted(map(int, found["id"])) == [0, 2, 4, 6, 8]
        assert found["score"] == sorted(found["score"], reverse=True)
        assert store.search(filter=filter, k=10)["id"] == ["0", "2", "4", "6", "8"]
        assert "score" not in store.search(filter=filter)
    both = {"metadata": {"even": True, "n": 4}, "text": "text 4"}
    assert store.search(filter=both)["id"] == ["4"]
    assert store.search(filter={"deep": {"list": [3]}})["id"] == ["3"]
    nothing = store.search(embedding=vector, filter={"absent": 1})
    assert nothing == {"score": [], "text": [], "metadata": [], "id": []}
    assert len(store.search(embedding=vector, filter={"absent": 1}, return_view=True)) == 0


def test_what_is_returned() -> None:
    store = filled()
    vector = EMBEDDINGS[1]
    assert set(store.search(embedding=vector, return_tensors=["id"])) == {"id", "score"}
    assert set(store.search(filter={"n": 1}, return_tensors=["id", "text"])) == {"id", "text"}
    everything = store.search(embedding=vector, return_tensors="*")
    assert set(everything) == {"score", "text", "metadata", "embedding", "id"}
    assert np.array_equal(everything["embedding"][0], vector)
    view = store.search(embedding=vector, k=3, return_view=True)
    assert isinstance(view, deeplake.Dataset)
    assert view.id.data()["value"] == store.search(embedding=vector, k=3)["id"]
    assert view.embedding.numpy().shape == (3, 6)


def test_queries() -> None:
    store = filled()
    found = store.search(query="SELECT * WHERE text == 'text 3'")
    assert (found["text"], found["metadata"]) == (["text 3"], [METADATA[3]])
    assert set(found) == set(store.tensors())
    view = store.search(query="SELECT * WHERE metadata['n'] > 6", return_view=True)
    assert list(view.sample_indices) == [7, 8, 9]
    scored = store.search(query="SELECT text, metadata['n'] * 2 AS score LIMIT 2")
    assert (scored["text"], [float(one[0]) for one in scored["score"]]) == (
        ["text 0", "text 1"],
        [0, 2],
    )


@pytest.mark.parametrize("name", ["cos", "l1", "l2", "max"])
@pytest.mark.parametrize("filter", [None, {"even": False}, {"n": 3, "text": "text 3"}])
def test_a_search_as_a_query_finds_the_same(name: str, filter: Any) -> None:
    store = filled()
    found = store.search(
        embedding=EMBEDDINGS[5], k=3, filter=filter, distance_metric=name, return_tql=True
    )
    assert set(found) == {"data", "tql"}
    again = store.search(query=found["tql"])
    assert again["id"] == found["data"]["id"]
    assert [float(one[0]) for one in again["score"]] == pytest.approx(
        found["data"]["score"], abs=1e-6
    )


# --------------------------------------------------------------------------- delete
def test_delete() -> None:
    store = filled()
    assert store.delete(row_ids=[4, 8, 9]) is True
    assert len(store) == 7
    store.delete(filter={"metadata": {"n": 1}})
    store.delete(ids=["7"])
    store.delete(ids=["7", "none"])  # what is not there is passed over
    store.delete(query="SELECT * WHERE text == 'text 0'")
    store.delete(filter=lambda row: row.text.data()["value"] == "text 2")
    assert store.dataset.id.data()["value"] == ["3", "5", "6"]
    for arguments in (
        {},
        {"filter": {}},
        {"ids": ["3"], "filter": {"n": 3}},
        {"delete_all": True, "ids": ["3"]},
    ):
        with pytest.raises(ValueError, match="which rows|all rows"):
            store.delete(**arguments)  # type: ignore[arg-type]
    with pytest.raises(IndexError, match="no row 3"):
        store.delete(row_ids=[3])
    assert len(store) == 3
    names = list(store.tensors())
    assert store.delete(delete_all=True)
    assert len(store) == 0
    assert list(store.tensors()) == names
    store.add(text=TEXTS, embedding=EMBEDDINGS[:, :2])  # also of another length now


def test_delete_by_path(tmp_path: Path) -> None:
    filled(tmp_path / "store")
    VectorStore.delete_by_path(tmp_path / "store")
    assert not deeplake.exists(tmp_path / "store")
    with pytest.raises(DatasetHandlerError):
        VectorStore.delete_by_path(tmp_path / "store")


# --------------------------------------------------------------------------- update_embedding
@pytest.mark.parametrize(
    "which",
    [
        {"row_ids": [1, 3]},
        {"ids": ["1", "3"]},
        {"filter": {"text": "text 1"}},
        {"filter": lambda row: row.text.data()["value"] in ("text 1", "text 3")},
        {"query": "SELECT * WHERE metadata['n'] == 1 OR metadata['n'] == 3"},
    ],
    ids=lambda which: next(iter(which)),
)
def test_update_embedding(which: dict[str, Any]) -> None:
    store = filled()
    given = []

    def ones(data: list[str]) -> np.ndarray:
        given.extend(data)
        return np.ones((len(data), 6))

    store.update_embedding(**which, embedding_function=ones)
    assert given in (["text 1", "text 3"], ["text 1"])
    changed = [int(text.split()[1]) for text in given]
    expected = EMBEDDINGS.copy()
    expected[changed] = 1
    assert np.array_equal(store.dataset.embedding.numpy(), expected)


def test_update_embedding_of_several_tensors() -> None:
    tensors = [{"name": "text", "htype": "text"}, {"name": "more", "htype": "text"},
               {"name": "a", "htype": "embedding"}, {"name": "b", "htype": "embedding"}]  # fmt: skip
    store = VectorStore("mem://update", tensor_params=tensors, verbose=False)
    store.add(text=TEXTS, more=TEXTS[::-1], a=EMBEDDINGS, b=EMBEDDINGS)
    both: dict[str, Any] = {
        "embedding_source_tensor": ["text", "more"],
        "embedding_tensor": ["a", "b"],
    }
    store.update_embedding(row_ids=[0], **both, embedding_function=embed)
    assert np.array_equal(store.dataset.a[0].numpy(), EMBEDDINGS[0])
    assert np.array_equal(store.dataset.b[0].numpy(), EMBEDDINGS[9])
    store.update_embedding(
        row_ids=[0, 1], embedding_dict={"a": EMBEDDINGS[5:7], "b": EMBEDDINGS[:2]}
    )
    assert np.array_equal(store.dataset.a.numpy()[:2], EMBEDDINGS[5:7])
    before = store.dataset.a.numpy()
    for wrong in (
        {**both},
        {"embedding_function": embed, "embedding_source_tensor": ["text", "more"]},
        {**both, "embedding_function": [embed]},
        {**both, "embedding_tensor": "a", "embedding_function": embed},
        {"embedding_function": embed},
        {"embedding_dict": {"a": EMBEDDINGS[:3]}},
        {"embedding_dict": {"a": EMBEDDINGS[:2, :3]}},
        {"embedding_dict": {"a": EMBEDDINGS[:2]}, "embedding_function": embed},
    ):
        with pytest.raises(ValueError):
            store.update_embedding(row_ids=[0, 1], **wrong)
    assert np.array_equal(store.dataset.a.numpy(), before)
