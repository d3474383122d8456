"""Rows that are added: all or none, in batches, with ids, files, rates."""

from __future__ import annotations

import pickle
import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import deeplake
from deeplake import VectorStore
from deeplake.errors import IncorrectEmbeddingShapeError, SampleExtendError
from deeplake.vectorstore.embedding import Pace
from deeplake.vectorstore.identity import new_ids


def new(path: Any = "mem://adding", **arguments: Any) -> VectorStore:
    return VectorStore(path, verbose=False, overwrite=True, **arguments)


class Counting:
    """An embedding function that fails at one call."""

    def __init__(self, fails: int = -1, size: int = 3) -> None:
        self.calls: list[int] = []
        self.fails = fails
        self.size = size

    def __call__(self, data: list[str]) -> np.ndarray:
        self.calls.append(len(data))
        if len(self.calls) - 1 == self.fails:
            raise ConnectionError("the model is gone")
        return np.array([[len(text), self.calls[-1], 1.0][: self.size] for text in data])


# --------------------------------------------------------------------------- all or none
@pytest.mark.parametrize("path", ["mem://adding", "file"])
def test_a_function_that_fails_leaves_nothing(path: str, tmp_path: Path) -> None:
    store = new(tmp_path / "store" if path == "file" else path, ingestion_batch_size=10)
    store.add(text=["kept"], embedding=[[1.0, 2, 3]])
    function = Counting(fails=2)
    with pytest.raises(ConnectionError, match="model is gone") as caught:
        store.add(text=["x"] * 35, embedding_function=function, embedding_data=["x"] * 35)
    assert "rows 20 to 29" in caught.value.__notes__[0]
    assert "nothing was added" in caught.value.__notes__[0]
    assert function.calls == [10, 10, 10]
    assert [len(tensor) for tensor in store.tensors().values()] == [1, 1, 1, 1]
    if path == "file":
        assert len(VectorStore(tmp_path / "store", read_only=True)) == 1
    store.add(text=["x"] * 35, embedding_function=Counting(), embedding_data=["x"] * 35)
    assert len(store) == 36


def test_a_sample_that_does_not_fit_leaves_nothing() -> None:
    store = new(ingestion_batch_size=10)
    with pytest.raises(SampleExtendError, match="metadata"):
        store.add(
            text=["x"] * 30, embedding=np.ones((30, 3)), metadata=[{}] * 25 + [{"x": object()}] * 5
        )
    assert len(store) == 0


def test_inside_a_block_and_inside_a_transaction() -> None:
    store = new()
    with store.dataset:
        store.add(text=["a"], embedding=[[1.0]])
        with pytest.raises(ConnectionError):
            store.add(text=["x"], embedding_function=Counting(fails=0), embedding_data=["x"])
        store.add(text=["b"], embedding=[[1.0]])
    assert store.dataset.text.data()["value"] == ["a", "b"]
    with pytest.raises(ZeroDivisionError), store.dataset.transaction():
        store.add(text=["c"], embedding=[[1.0]])
        1 / 0
    with store.dataset.transaction():
        store.add(text=["d"], embedding=[[1.0]])
    assert store.dataset.text.data()["value"] == ["a", "b", "d"]


def test_a_store_whose_tensors_cannot_be_made_is_not_made(tmp_path: Path) -> None:
    store = new(tmp_path / "store")
    store.add(text=["kept"], embedding=[[1.0]])
    for tensors, message in (
        ([{"name": "x", "htype": "embeding"}], "embeding"),
        ([{"htype": "text"}], "needs a 'name'"),
        ([{"name": "x"}, {"name": "x"}], "two tensors 'x'"),
        ([{"name": "score"}], "'score'"),
        ([{"name": "return_ids"}], "'return_ids'"),
        ([{"name": "append"}], "append"),
    ):
        for path in ("store", "other"):
            with pytest.raises(Exception, match=message):
                VectorStore(tmp_path / path, tensor_params=tensors, overwrite=True)
    with pytest.raises(TypeError, match="list of dicts"):
        VectorStore(tmp_path / "other", tensor_params="text")  # type: ignore[arg-type]
    assert not (tmp_path / "other").exists()
    assert len(VectorStore(tmp_path / "store")) == 1


# --------------------------------------------------------------------------- beside a model
@st.composite
def additions(draw: st.DrawFn) -> list[dict[str, Any]]:
    found = []
    for _ in range(draw(st.integers(1, 4))):
        n = draw(st.integers(0, 25))
        texts = draw(st.lists(st.text(max_size=6), min_size=n, max_size=n))
        rows: dict[str, Any] = {"text": texts}
        if draw(st.booleans()):
            documents = st.dictionaries(st.text(max_size=3), st.integers(0, 3), max_size=2)
            rows["metadata"] = draw(st.lists(documents | st.none(), min_size=n, max_size=n))
        rows["by"] = draw(st.sampled_from(["function", "array", "list"]))
        found.append(rows)
    return found


@settings(max_examples=40, deadline=None)
@given(additions(), st.integers(1, 12), st.none() | st.integers(1, 30))
def test_what_was_added_is_there(
    batches: list[dict[str, Any]], size: int, nbytes: int | None
) -> None:
    store = new(ingestion_batch_size=size)
    texts: list[str] = []
    documents: list[Any] = []
    for batch in batches:
        given_ = {name: batch[name] for name in ("text", "metadata") if name in batch}
        n = len(batch["text"])
        if batch["by"] == "function":
            given_.update(embedding_function=Counting(), embedding_data=batch["text"])
        else:
            array = np.array([[len(text), 0, 1.0] for text in batch["text"]]).reshape(n, 3)
            given_["embedding"] = array if batch["by"] == "array" else array.tolist()
        ids = store.add(**given_, return_ids=True, batch_byte_size=nbytes)
        assert ids is not None
        assert len(ids) == n
        texts += batch["text"]
        documents += [{} if one is None else one for one in batch.get("metadata", [{}] * n)]
    assert len(store) == len(texts)
    if texts:
        assert store.dataset.text.data(aslist=True)["value"] == texts
        assert store.dataset.metadata.data(aslist=True)["value"] == documents
        assert store.dataset.embedding.numpy()[:, 0].tolist() == [len(text) for text in texts]
        found = store.search(filter={"text": texts[0]}, k=1000)["text"]
        assert found == [text for text in texts if text == texts[0]]


# --------------------------------------------------------------------------- batches and rates
def test_batches() -> None:
    function = Counting()
    new().add(text=["xx"] * 2500, embedding_function=function, embedding_data=["xx"] * 2500)
    assert function.calls == [1000, 1000, 500]
    function = Counting()
    new().add(
        text=["xx"] * 25,
        embedding_function=function,
        embedding_data=["xx"] * 25,
        batch_byte_size=20,
    )
    assert function.calls == [10, 10, 5]
    function = Counting()
    new().add(
        text=["é" * 30] * 2, embedding_function=function, embedding_data=["é" * 30] * 2,
        batch_byte_size=20,
    )  # fmt: skip
    assert function.calls == [1, 1]  # one at least


def test_the_rate_is_limited() -> None:
    now = [100.0]

    def sleep(seconds: float) -> None:
        now[0] += seconds

    pace = Pace({"enabled": True, "bytes_per_minute": 600}, clock=lambda: now[0], sleep=sleep)
    times = []
    for nbytes in (100, 100, 50, 1):
        pace.wait(nbytes)
        times.append(now[0])
    assert times == [100, 110, 120, 125]
    now[0] = 1000
    pace.wait(10)
    assert now[0] == 1000
    free = Pace({"enabled": False, "bytes_per_minute": 1}, clock=lambda: now[0], sleep=sleep)
    free.wait(10**9)
    free.wait(1)
    assert now[0] == 1000
    for wrong in ({"rate": 1}, {"bytes_per_minute": 0}):
        with pytest.raises(ValueError, match="rate_limiter"):
            Pace(wrong)
    store = new()
    store.add(
        text=["a", "b"], embedding_function=Counting(), embedding_data=["a", "b"],
        rate_limiter={"enabled": True, "bytes_per_minute": 60 * 10**6},
    )  # fmt: skip
    assert len(store) == 2


def test_progress_is_shown_of_embedding(capfd: pytest.CaptureFixture[str]) -> None:
    store = VectorStore("mem://shown", overwrite=True)
    store.add(text=["x"] * 5, embedding_function=Counting(), embedding_data=["x"] * 5)
    assert "embed" in capfd.readouterr().err
    store.verbose = False
    store.add(text=["x"] * 5, embedding_function=Counting(), embedding_data=["x"] * 5)
    assert capfd.readouterr().err == ""


# --------------------------------------------------------------------------- embeddings
def test_embeddings_have_one_length() -> None:
    store = new()
    store.add(text=["a"], embedding=[[1.0, 2, 3]])
    for wrong in ([[1.0, 2]], np.ones((1, 4)), [[[1.0, 2, 3]]], [[]]):
        with pytest.raises(IncorrectEmbeddingShapeError):
            store.add(text=["b"], embedding=wrong)
    with pytest.raises(IncorrectEmbeddingShapeError, match="row 1"):
        store.add(text=["b", "c"], embedding=[[1.0, 2, 3], [1.0, 2]])
    with pytest.raises(IncorrectEmbeddingShapeError):
        store.add(text=["b"], embedding_function=Counting(size=2), embedding_data=["b"])
    with pytest.raises(TypeError, match="no numbers"):
        store.add(text=["b"], embedding=["abc"])
    with pytest.raises(TypeError, match="embedding function"):
        store.add(text=["b"], embedding_function=3, embedding_data=["b"])
    with pytest.raises(TypeError, match="a list is needed"):
        store.add(text="b", embedding=[[1.0, 2, 3]])
    assert len(store) == 1
    store.add(text=["b", "c"], embedding=[None, [4, 5, 6]])
    assert store.search(embedding=[4, 5, 6], k=3)["text"] == ["c", "a"]


def test_files_are_read(tmp_path: Path) -> None:
    from PIL import Image

    paths = []
    for k in range(3):
        paths.append(tmp_path / f"{k}.png")
        Image.fromarray(np.full((4, 5, 3), k, np.uint8)).save(paths[-1])
    store = new(
        tensor_params=[
            {"name": "image", "htype": "image", "sample_compression": "png"},
            {"name": "embedding", "htype": "embedding"},
        ]
    )
    store.add(image=[str(paths[0]), paths[1], np.zeros((2, 2, 3), np.uint8)], embedding=np.eye(3))
    found = store.search(embedding=[0, 1, 0], k=1)
    assert found["image"][0].shape == (4, 5, 3)
    assert (found["image"][0] == 1).all()


def test_stores_with_ids_of_another_name() -> None:
    ds = deeplake.empty("mem://ids", overwrite=True)
    for name, htype in (("ids", "text"), ("embedding", "embedding"), ("text", "text")):
        ds.create_tensor(name, htype=htype)
    store = VectorStore(dataset=ds, verbose=False)
    store.add(text=["a", "b"], embedding=np.eye(2), id=["x", "y"])
    store.add(text=["c"], embedding=[[1.0, 1]])
    assert ds.ids.data()["value"][:2] == ["x", "y"]
    store.delete(ids="x")
    assert store.search(embedding=[0, 1])["text"] == ["b", "c"]


def test_stores_without_ids() -> None:
    ds = deeplake.empty("mem://no-ids", overwrite=True)
    ds.create_tensor("embedding", htype="embedding")
    store = VectorStore(dataset=ds, verbose=False)
    store.add(embedding=np.eye(2))
    assert len(store) == 2
    with pytest.raises(ValueError, match="no tensor 'id'"):
        store.add(embedding=np.eye(2), return_ids=True)
    with pytest.raises(ValueError, match="no tensor 'id'"):
        store.delete(ids=["x"])
    assert len(store) == 2


def test_texts_of_any_script(tmp_path: Path) -> None:
    texts = ["", "ß", "日本語", "🦆", "a\x00b", "'quoted' \"twice\"", "مرحبا"]
    store = new(tmp_path / "store")
    store.add(text=texts, embedding=np.eye(7), metadata=[{"ключ": text} for text in texts])
    for k, text in enumerate(texts):
        assert store.search(embedding=np.eye(7)[k], k=1)["text"] == [text]
        assert store.search(filter={"ключ": text})["text"] == [text]
        again = store.search(filter={"text": text}, return_tql=True)
        assert again["data"]["text"] == [text]
        if "\x00" not in text:
            assert store.search(query=again["tql"])["text"] == [text]


def test_ids_are_different_and_random() -> None:
    many = [new_ids(1000) for _ in range(20)]
    assert len({one for ids in many for one in ids}) == 20_000
    parsed = [uuid.UUID(ids[0]) for ids in many]
    assert len({one.node for one in parsed}) == 20
    assert all(one.node >> 40 & 1 and one.variant == uuid.RFC_4122 for one in parsed)
    assert new_ids(0) == []


def test_two_writers_add_at_the_same_time(tmp_path: Path) -> None:
    new(tmp_path / "store")
    stores = [VectorStore(tmp_path / "store", verbose=False) for _ in range(2)]

    def add(number: int) -> None:
        for k in range(5):
            texts = [f"{number} {k} {i}" for i in range(20)]
            stores[number].add(
                text=texts,
                embedding_data=texts,
                embedding_function=lambda data: np.ones((len(data), 3)),
            )

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(add, range(2)))
    found = VectorStore(tmp_path / "store").dataset.text.data()["value"]
    assert sorted(found) == sorted(
        f"{n} {k} {i}" for n in range(2) for k in range(5) for i in range(20)
    )
    starts = [i for i, text in enumerate(found) if text.endswith(" 0")]
    for start in starts:  # what was added at once lies together
        assert [text.rsplit(" ", 1)[0] for text in found[start : start + 20]] == [
            found[start].rsplit(" ", 1)[0]
        ] * 20


def test_a_store_is_pickled(tmp_path: Path) -> None:
    store = new(tmp_path / "store")
    store.add(text=["a", "b"], embedding=np.eye(2))
    again = pickle.loads(pickle.dumps(store))
    assert again.search(embedding=[0, 1], k=1)["text"] == ["b"]


def test_keys_of_filters() -> None:
    store = new(
        tensor_params=[
            {"name": "one", "htype": "json"}, {"name": "two", "htype": "json"},
            {"name": "number", "dtype": "float64"}, {"name": "embedding", "htype": "embedding"},
        ]
    )  # fmt: skip
    store.add(
        one=[{"a": 1}, {"a": [1, 2]}, None], two=[{"b": None}] * 3, number=[1.5, 2.5, 3.5],
        embedding=np.eye(3),
    )  # fmt: skip
    found = {"one": [{"a": [1, 2]}], "two": [{"b": None}]}
    for filter in (
        {"one": {"a": [1, 2]}},
        {"number": 2.5},
        {"one": {"a": [1, 2]}, "two": {"b": None}},
    ):
        assert store.search(filter=filter, return_tensors=["one", "two"]) == found
    with pytest.raises(KeyError, match="'a' does not exist"):
        store.search(filter={"a": 1})  # which of the two?
    with pytest.raises(ValueError, match="cannot be written"):
        store.search(filter={"two": {"b": None}}, return_tql=True)
    with pytest.raises(ValueError, match="has no text"):
        store.search(filter=lambda row: True, return_tql=True)
