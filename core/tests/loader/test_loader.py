"""The fluent API, in the mode that needs no framework."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable
from typing import Any, cast

import numpy as np
import pytest

import deeplake
from deeplake import errors, plugins
from deeplake.loader import choice
from deeplake.loader.loader import DeepLakeDataLoader
from deeplake.loader.lot import Dice, Lot
from deeplake.loader.sample import IterableOrderedDict
from deeplake.loader.unit import units
from deeplake.spi import (
    Columns,
    Query,
    QueryEngine,
    QueryEnvironment,
    QueryResult,
    ResultColumn,
    Values,
)
from deeplake.types import TensorSchema


def labels_of(loader: Any) -> list[list[int]]:
    return [[int(sample["labels"].reshape(-1)[0]) for sample in batch] for batch in loader]


def flat(loader: Any) -> list[int]:
    return [label for batch in labels_of(loader) for label in batch]


# --------------------------------------------------------------------------- batches
def test_batches_are_lists_of_dicts(ds: deeplake.Dataset) -> None:
    loader = ds.dataloader()
    assert len(loader) == 103
    (first, *_) = batches = list(loader)
    assert len(batches) == 103
    assert isinstance(first, list)
    (sample,) = first
    assert isinstance(sample, IterableOrderedDict)
    assert list(sample.keys()) == ["images", "labels", "values"]
    images, labels, values = sample
    assert np.array_equal(images, ds.images[0].numpy())
    assert labels.dtype == np.uint32
    assert (labels, values) == (0, 0)


@pytest.mark.parametrize(("size", "drop_last", "steps"), [(10, False, 11), (10, True, 10)])
def test_batch(ds: deeplake.Dataset, size: int, drop_last: bool, steps: int) -> None:
    loader = ds.dataloader().batch(size, drop_last=drop_last).numpy()
    assert len(loader) == steps
    assert [len(batch) for batch in loader] == [size] * 10 + [3] * (steps - 10)
    assert flat(loader) == list(range(103 if not drop_last else 100))


def test_values_are_those_of_the_dataset(ds: deeplake.Dataset) -> None:
    images = ds.images.numpy()
    values = ds.values.numpy()
    for loader in (ds.dataloader().batch(7), ds.dataloader().batch(7).shuffle()):
        seen = 0
        for batch in loader:
            for sample in batch:
                row = int(sample["labels"][0])
                assert np.array_equal(sample["images"], images[row])
                assert sample["values"] == values[row]
                seen += 1
        assert seen == 103


def test_arrays_belong_to_the_user(ds: deeplake.Dataset) -> None:
    before = ds.images.numpy()
    for batch in ds.dataloader().batch(8).numpy():
        for sample in batch:
            sample["images"][:] = 0
    assert np.array_equal(ds.images.numpy(), before)


def test_tensors_in_the_order_given(ds: deeplake.Dataset) -> None:
    loader = ds.dataloader().numpy(tensors=["values", "labels"])
    assert list(next(iter(loader))[0].keys()) == ["values", "labels"]
    loader.close()


def test_ragged_text_json_and_lists(make: Any) -> None:
    ds = make(
        boxes=([np.ones((n, 4), "f4") for n in range(5)], {"htype": "bbox"}),
        words=(["a", "", "été", "d", "e"], {"htype": "text"}),
        docs=([{"a": i} for i in range(5)], {"htype": "json"}),
        tags=([["x"], [], ["y", "z"], ["x"], ["x"]], {"htype": "tag"}),
        lists=([[1, "b"], [], [None], [2], [3]], {"htype": "list"}),
    )
    for batch_size in (1, 2, 5):
        samples = [s for b in ds.dataloader().batch(batch_size).numpy() for s in b]
        assert [s["boxes"].shape for s in samples] == [(n, 4) for n in range(5)]
        assert [s["words"].tolist() for s in samples] == [["a"], [""], ["été"], ["d"], ["e"]]
        assert [s["docs"].tolist() for s in samples] == [[{"a": i}] for i in range(5)]
        assert [s["tags"].tolist() for s in samples] == [["x"], [], ["y", "z"], ["x"], ["x"]]
        assert [s["lists"].tolist() for s in samples] == [[1, "b"], [], [None], [2], [3]]


def test_groups_are_keyed_by_full_names(make: Any) -> None:
    ds = make(**{"a/x": [1, 2], "a/b/y": [3, 4], "z": [5, 6]})
    assert list(next(iter(ds.dataloader()))[0].keys()) == ["a/x", "a/b/y", "z"]
    assert list(next(iter(ds["a"].dataloader()))[0].keys()) == ["x", "b/y"]


def test_uneven_tensors_end_with_the_shortest(make: Any) -> None:
    ds = make(x=list(range(5)), y=list(range(3)))
    assert len(ds.dataloader()) == 3
    assert len(ds.dataloader().numpy(tensors=["x"])) == 5
    assert [b[0]["x"].item() for b in ds.dataloader()] == [0, 1, 2]


def test_empty_tensors(make: Any) -> None:
    ds = make(x=[1, 2], y=[])
    loader = ds.dataloader()
    assert len(loader) == 0
    with pytest.raises(errors.EmptyTensorError, match="can't be created: tensor 'y'"):
        iter(loader)
    assert len(list(ds.dataloader().numpy(tensors=["x"]))) == 2
    only_none = make(x=[None, None])
    with pytest.raises(errors.EmptyTensorError, match="tensor 'x'"):
        iter(only_none.dataloader())


def test_an_empty_view_has_no_batches(ds: deeplake.Dataset) -> None:
    for view in (ds[5:5], ds[[]]):
        for loader in (view.dataloader(), view.dataloader().shuffle()):
            assert len(loader) == 0
            assert list(loader) == []


# --------------------------------------------------------------------------- views
@pytest.mark.parametrize("index", [slice(10, 50, 3), [5, 5, 2, 90], slice(None, None, -1), 7])
def test_views_give_their_rows(ds: deeplake.Dataset, index: Any) -> None:
    wanted = np.atleast_1d(np.arange(103)[index]).tolist()
    assert flat(ds[index].dataloader().batch(3)) == wanted
    shuffled = ds[index].dataloader().batch(3).shuffle()
    assert sorted(flat(shuffled)) == sorted(wanted)


def test_views_into_samples(ds: deeplake.Dataset) -> None:
    view = ds[2:9, 1:3]
    (batch,) = view[["images"]].dataloader().batch(7).numpy()
    assert np.array_equal(np.stack([s["images"] for s in batch]), ds.images[2:9, 1:3].numpy())
    with pytest.raises(ValueError, match="'tobytes' gives whole samples"):
        view[["images"]].dataloader().numpy(decode_method={"images": "tobytes"})


def test_views_of_some_tensors(ds: deeplake.Dataset) -> None:
    loader = ds[["values"]].dataloader()
    assert list(next(iter(loader))[0].keys()) == ["values"]
    with pytest.raises(errors.TensorDoesNotExistError, match="'images' does not exist"):
        loader.numpy(tensors=["images"])


def test_rows_are_those_when_the_loader_was_made(ds: deeplake.Dataset) -> None:
    loader = ds.dataloader().batch(50)
    with ds:
        ds.append({"images": np.zeros((4, 5, 3), "u1"), "labels": 7, "values": 1.0})
        waiting = ds.dataloader().batch(50)
        ds.labels[3] = 99
    ds.pop(0)
    assert flat(loader) == list(range(103))
    assert flat(waiting) == [*range(103), 7]
    assert flat(ds.dataloader()) == [1, 2, 99, *range(4, 103), 7]


def test_rows_that_are_not_flushed_can_be_loaded(make: Any) -> None:
    ds = make(x=[1, 2])
    with ds:
        ds.x.append(3)
        loader = ds.dataloader()
        assert [b[0]["x"].item() for b in loader] == [1, 2, 3]
        ds.x.append(4)
        assert [b[0]["x"].item() for b in loader] == [1, 2, 3]
        with pytest.raises(errors.LoaderError, match="not flushed"):
            loader.state_dict()
    assert [b[0]["x"].item() for b in loader] == [1, 2, 3]


def test_a_stale_view_is_refused(ds: deeplake.Dataset) -> None:
    view = ds[3:5]
    ds.pop(0)
    with pytest.raises(errors.InvalidViewException):
        view.dataloader()


# --------------------------------------------------------------------------- order
def test_shuffle_covers_all_rows_anew_each_epoch(ds: deeplake.Dataset) -> None:
    loader = ds.dataloader().shuffle().batch(10)
    epochs = [flat(loader) for _ in range(4)]
    assert all(sorted(epoch) == list(range(103)) for epoch in epochs)
    assert len({tuple(epoch) for epoch in epochs}) == 4
    assert loader.epoch == 4


def test_shuffle_false_is_in_order(ds: deeplake.Dataset) -> None:
    assert flat(ds.dataloader().shuffle(False)) == list(range(103))


def test_the_seed_makes_it_repeatable(ds: deeplake.Dataset) -> None:
    deeplake.random.seed(5)
    first, second = ds.dataloader().shuffle(), ds.dataloader().batch(4).shuffle()
    epochs = [flat(first), flat(first)]
    assert [flat(second), flat(second)] == epochs
    assert epochs[0] != epochs[1]
    second.set_epoch(0)
    assert flat(second) == epochs[0]
    deeplake.random.seed(6)
    assert flat(ds.dataloader().shuffle()) not in epochs


def test_threads_change_nothing(make: Any) -> None:
    rng = np.random.default_rng(1)
    ds = make(
        images=(
            [rng.integers(0, 256, (6, 5 + i % 3), "u1") for i in range(80)],
            {"htype": "image", "sample_compression": None},
        ),
        labels=(np.arange(80, dtype=np.uint32), {"htype": "class_label"}),
    )
    deeplake.random.seed(1)

    def run(threads: int | None, workers: int, batch_size: int, transform: bool) -> list[Any]:
        loader = ds.dataloader().shuffle().batch(batch_size)
        if transform:
            loader = loader.transform({"images": lambda a: a.astype("f4") / 255, "labels": None})
        loader = loader.numpy(num_threads=threads, num_workers=workers)
        return [
            [(s["images"].tobytes(), s["labels"].item()) for s in batch]
            for _ in range(2)
            for batch in loader
        ]

    for batch_size in (1, 7, 32):
        for transform in (False, True):
            expected = run(1, 0, batch_size, transform)
            for threads, workers in ((2, 0), (8, 0), (None, 0), (None, 5)):
                assert run(threads, workers, batch_size, transform) == expected


def test_offset_wraps_around(ds: deeplake.Dataset) -> None:
    assert flat(ds.dataloader().offset(100)) == [100, 101, 102, *range(100)]
    assert flat(ds.dataloader().offset(103)) == list(range(103))
    deeplake.random.seed(3)
    whole = flat(ds.dataloader().shuffle())
    assert flat(ds.dataloader().offset(10).shuffle().batch(4)) == whole[10:] + whole[:10]


def test_offset_of_an_unseeded_shuffle_warns(ds: deeplake.Dataset) -> None:
    for name, argument in (("offset", 3), ("shuffle", True)):
        first = "shuffle" if name == "offset" else "offset"
        loader = getattr(ds.dataloader(), first)(3)
        with pytest.warns(UserWarning, match=r"deeplake\.random\.seed") as caught:
            loader = getattr(loader, name)(argument)
        assert caught[0].filename == __file__
        assert len(list(loader.batch(50).numpy())) == 3  # no second warning


# --------------------------------------------------------------------------- transforms
def test_transform_gets_whole_samples(ds: deeplake.Dataset) -> None:
    def transform(sample: IterableOrderedDict, by: int, *, key: str) -> int:
        images, labels, _ = sample
        assert images.shape == (4, 5, 3)
        assert list(sample.keys()) == ["images", "labels", "values"]
        return int(sample[key][0]) * by + int(labels[0])

    loader = ds.dataloader().batch(2).transform(transform, by=10, key="labels")
    assert [x for batch in loader for x in batch] == [11 * i for i in range(103)]


def test_a_dict_transforms_and_selects(ds: deeplake.Dataset) -> None:
    loader = ds.dataloader().transform({"values": lambda v: v * 4, "labels": None}, by=3).batch(9)
    for batch in loader.numpy():
        for sample in batch:
            assert list(sample.keys()) == ["values", "labels"]
            assert sample["values"] == sample["labels"]


def test_functions_must_be_functions(ds: deeplake.Dataset) -> None:
    with pytest.raises(TypeError, match="transform of tensor 'labels' is 3"):
        ds.dataloader().transform({"labels": 3})
    with pytest.raises(TypeError, match="a transform is a callable"):
        ds.dataloader().transform("labels")


# --------------------------------------------------------------------------- what is refused
def _twice(name: str, *args: Any) -> Callable[[Any], Any]:
    return lambda loader: getattr(getattr(loader, name)(*args), name)(*args)


@pytest.mark.parametrize(
    ("calls", "message"),
    [
        (_twice("batch", 4), "batch size is already set"),
        (_twice("shuffle"), "shuffle is already set"),
        (_twice("transform", len), "transform is already set"),
        (_twice("offset", 3), "offset is already set"),
        (_twice("numpy"), "already called .numpy()"),
        (lambda x: x.numpy().pytorch(), "Can't call .pytorch() after .numpy()"),
        (lambda x: x.numpy().tensorflow(), "Can't call .tensorflow() after .numpy()"),
        (lambda x: x.numpy().jax(), "Can't call .jax() after .numpy()"),
        (lambda x: x.batch(0), "batch_size must be at least 1, not 0"),
        (lambda x: x.batch(2.5), "batch_size is an integer, not 2.5"),
        (lambda x: x.offset(-1), "off must be at least 0"),
        (lambda x: x.shuffle(buffer_size=0), "buffer_size is a positive number"),
        (lambda x: x.set_epoch(-1), "epoch must be at least 0"),
        (lambda x: x.set_rank(2, 2), "rank 2 of 2"),
        (lambda x: x.numpy(tensors=["index"]), "'index' is no tensor"),
        (lambda x: x.numpy(tensors="images"), "a list of names"),
        (lambda x: x.numpy(num_workers=-1), "num_workers must be at least 0"),
        (lambda x: x.numpy(num_threads=0), "num_threads must be at least 1"),
        (lambda x: x.numpy(prefetch_factor=0), "prefetch_factor must be at least 1"),
        (
            lambda x: x.numpy(tensors=["labels"]).transform({"images": None}),
            "Tensors have already been specified in the .numpy method.",
        ),
        (
            lambda x: x.transform({"images": None}).numpy(tensors=["labels"]),
            "Tensors have already been specified by the dict",
        ),
        (lambda x: x.numpy(decode_method={"images": "jpeg"}), "there are 'numpy', 'tobytes'"),
        (lambda x: x.numpy(decode_method={"x": "numpy"}), "decode_method names 'x'"),
        (lambda x: x.numpy(decode_method={"images": "pil"}), "sample_compression 'jpeg' or 'png'"),
        (lambda x: x.numpy(decode_method={"docs": "tobytes"}), "tensor 'docs' is 'tobytes'"),
        (lambda x: x.numpy(decode_method={"docs": "pil"}), "tensor 'docs' has None"),
    ],
)
def test_refused(make: Any, calls: Callable[[Any], Any], message: str) -> None:
    ds = make(
        images=(np.zeros((4, 4, 4, 3), "u1"), {"htype": "image", "sample_compression": None}),
        labels=([1, 2, 3, 4], {"htype": "class_label"}),
        docs=([{}] * 4, {"htype": "json"}),
    )
    loader = ds.dataloader()
    with pytest.raises(ValueError, match=re.escape(message)):
        calls(loader)
    # The loader is as it was.
    assert len(list(loader.batch(2).shuffle().numpy())) == 2


def test_unknown_tensors(ds: deeplake.Dataset) -> None:
    for refused in (
        lambda: ds.dataloader().numpy(tensors=["labels", "nope"]),
        lambda: ds.dataloader().transform({"nope": None}),
    ):
        with pytest.raises(errors.TensorDoesNotExistError, match="tensor 'nope' does not exist"):
            refused()


def test_missing_plugins_say_what_to_install(
    ds: deeplake.Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(errors.PluginNotFoundError, match="balanced"):
        ds.dataloader().sample_by([1] * 103, sampler="balance")
    monkeypatch.setattr(choice, "LANGUAGE", "sql")
    for refused in (
        lambda: ds.dataloader().query("select *"),
        lambda: ds.dataloader().sample_by("labels"),
    ):
        with pytest.raises(errors.PluginNotFoundError, match='query "sql"'):
            refused()


# --------------------------------------------------------------------------- decoding
def test_stored_bytes(make: Any) -> None:
    ds = make(
        x=(np.arange(6, dtype="<i2").reshape(3, 2), {"chunk_compression": None}),
        z=(np.arange(6, dtype="<i2").reshape(3, 2), {"chunk_compression": "zlib"}),
        words=(["a", "bc", ""], {"htype": "text"}),
    )
    method = dict.fromkeys(("x", "z", "words"), "tobytes")
    samples = [b[0] for b in ds.dataloader().numpy(decode_method=method)]
    assert [s["x"] for s in samples] == [ds.x[i].numpy().tobytes() for i in range(3)]
    assert [s["z"] for s in samples] == [s["x"] for s in samples]
    assert [s["words"] for s in samples] == [b"a", b"bc", b""]


def test_data(make: Any) -> None:
    ds = make(
        labels=(["cat", "dog"], {"htype": "class_label"}),
        words=(["a", "b"], {"htype": "text"}),
        docs=([{"x": 1}, [2]], {"htype": "json"}),
    )
    method = dict.fromkeys(("labels", "words", "docs"), "data")
    samples = [b[0] for b in ds.dataloader().numpy(decode_method=method)]
    assert [s["labels"]["text"] for s in samples] == [["cat"], ["dog"]]
    assert [s["words"]["value"] for s in samples] == ["a", "b"]
    assert [s["docs"]["value"] for s in samples] == [{"x": 1}, [2]]


# --------------------------------------------------------------------------- choosing rows
def test_sample_by_weights(ds: deeplake.Dataset) -> None:
    weights = np.zeros(103)
    weights[[3, 50]] = 1, 3
    loader = ds.dataloader().sample_by(weights, size=4000).batch(100)
    assert len(loader) == 40
    drawn = flat(loader)
    assert flat(loader) == drawn
    counts = np.bincount(drawn, minlength=103)
    assert counts[[3, 50]].sum() == 4000
    assert abs(counts[50] - 3000) < 5 * np.sqrt(4000 * 0.75 * 0.25)
    once = ds.dataloader().sample_by(weights.tolist(), replace=False, size=2)
    assert sorted(flat(once)) == [3, 50]
    assert len(ds[:10].dataloader().sample_by((1,) * 10)) == 10


def test_a_loader_draws_the_rows_that_its_dataset_draws(ds: deeplake.Dataset) -> None:
    deeplake.random.seed(4)
    weights = np.arange(60)
    for replace in (True, False):
        view = ds[:60].sample_by(weights, replace=replace, size=40)
        loader = ds[:60].dataloader().batch(7).sample_by(weights, replace=replace, size=40)
        assert flat(loader) == list(view.sample_indices)
    deeplake.random.seed(None)


def test_sample_by_follows_the_seed(ds: deeplake.Dataset) -> None:
    def draw() -> list[int]:
        return flat(ds.dataloader().sample_by([1] * 103).sample_by([1] * 103))

    assert draw() != draw()
    deeplake.random.seed(9)
    assert draw() == draw()
    one = ds.dataloader().sample_by([1] * 103)
    assert flat(one) != flat(one.sample_by([1] * 103))


@pytest.mark.parametrize(
    ("weights", "options", "message"),
    [
        ([1] * 102, {}, r"shape \(102,\) for 103 rows"),
        ([[1] * 103], {}, r"shape \(1, 103\)"),
        (["a"] * 103, {}, "one number a row"),
        ([0] * 103, {}, "all weights are 0"),
        ([-1] + [1] * 102, {}, "finite numbers of at least 0"),
        ([np.nan] * 103, {}, "finite numbers"),
        ([1] * 103, {"size": -1}, "size must be at least 0"),
    ],
)
def test_weights_that_make_no_sense(
    ds: deeplake.Dataset, weights: Any, options: Any, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        ds.dataloader().sample_by(weights, **options)


class Engine(QueryEngine, api=(1, 0)):
    """Queries ``tensor > number``, ``columns`` and ``SELECT * SAMPLE BY …``."""

    asked: list[str] = []  # noqa: RUF012

    def compile(self, text: str, parameters: Any = ()) -> Query:
        assert parameters == ()
        self.asked.append(text)
        return Above(text)

    def condition(self, text: str) -> str | None:
        return text


class Above(Query):
    def __init__(self, text: str) -> None:
        self.text = text

    def run(self, columns: Columns | None, environment: QueryEnvironment) -> QueryResult:
        assert columns is not None
        if self.text == "columns":
            values = 2 * np.asarray(columns.read("labels", np.asarray(columns.rows)).data)
            twice = ResultColumn(
                TensorSchema("", "", "generic", values.dtype.str, values.ndim - 1), {},
                lambda start, stop: Values(values[start:stop]),
            )  # fmt: skip
            return QueryResult(columns={"twice": twice}, length=len(values))
        rows = np.asarray(columns.rows)
        if self.text.startswith("SELECT * SAMPLE BY"):
            return QueryResult(columns, rows[[0, 0]])
        name, _, bound = self.text.split()
        assert isinstance(columns.schema[name], TensorSchema)
        values = np.asarray(columns.read(name, slice(0, len(columns))).data)
        pieces = columns.pieces(name)
        assert pieces["count"].sum() == len(columns)
        for start, count, low, high in zip(
            pieces["start"], pieces["count"], pieces["min"], pieces["max"], strict=True
        ):
            part = values[start : start + count]
            assert not pieces["valid"].all() or (low <= part.min() and part.max() <= high)
        return QueryResult(columns, rows[values.ravel()[rows] > int(bound)])

    def explain(self, columns: Columns | None, environment: QueryEnvironment) -> str:
        return self.text


def test_query(ds: deeplake.Dataset) -> None:
    plugins.register("query", "tql", Engine)
    try:
        loader = ds.dataloader().query("labels > 89")
        assert flat(loader) == list(range(90, 103))
        assert flat(loader.query("labels > 99").batch(2)) == [100, 101, 102]
        assert flat(ds[::-1].dataloader().query("labels > 99")) == [102, 101, 100]
        assert flat(ds.dataloader().batch(5).sample_by("labels", size=2, replace=False)) == [0, 0]
        assert Engine.asked[-1] == "SELECT * SAMPLE BY labels REPLACE FALSE LIMIT 2"
        twice = ds.dataloader().batch(2).query("labels > 99").query("columns").numpy()
        assert [[s["twice"].item() for s in batch] for batch in twice] == [[200, 202], [204]]
        assert len([*ds[5:8].dataloader().query("columns").numpy()]) == 3
        with pytest.raises(errors.TensorDoesNotExistError, match="twice"):
            ds.dataloader().numpy(tensors=["labels"]).query("columns")
        changed = ds.dataloader()
        ds.append({name: ds[name][0].numpy() for name in ds.tensors})
        with pytest.raises(errors.QueryError, match="has changed since"):
            changed.query("columns")
    finally:
        plugins.unregister("query", "tql")


# --------------------------------------------------------------------------- ranks
def test_ranks_share_the_rows(ds: deeplake.Dataset) -> None:
    for world in (1, 2, 3, 9):
        loaders = []
        for rank in range(world):
            loader = ds.dataloader().batch(4).shuffle()
            loader.set_rank(rank, world)
            loaders.append(loader)
        assert len({len(loader) for loader in loaders}) == 1
        for _ in range(2):
            epochs = [labels_of(loader) for loader in loaders]
            assert len({len(epoch) for epoch in epochs}) == 1
            assert all(len(epoch) == len(loaders[0]) for epoch in epochs)
            seen = [label for epoch in epochs for batch in epoch for label in batch]
            assert sorted(seen) == list(range(103))


def test_too_many_ranks(ds: deeplake.Dataset) -> None:
    loader = ds[:3].dataloader()
    loader.set_rank(0, 4)
    for refused in (lambda: len(loader), lambda: iter(loader)):
        with pytest.raises(ValueError, match="3 rows cannot be shared by 4 ranks"):
            refused()


# --------------------------------------------------------------------------- state
@pytest.mark.parametrize("shuffle", [False, True])
def test_state_resumes_everywhere(ds: deeplake.Dataset, shuffle: bool) -> None:
    def new(batch_size: int = 9) -> Any:
        return ds.dataloader().batch(batch_size).shuffle(shuffle).offset(0)

    loader = new()
    states = [loader.state_dict()]
    epochs: list[list[int]] = []
    for _ in range(2):
        labels: list[int] = []
        for batch in loader:
            labels += [sample["labels"].item() for sample in batch]
            states.append(loader.state_dict())
        epochs.append(labels)
        states.append(loader.state_dict())
    following = flat(loader)
    for state in states:
        text = json.dumps(state)
        assert len(text) < 1024
        for other in (new(), new(4)):
            other.load_state_dict(json.loads(text))
            done = state["epoch"] * 103 + state["position"]
            rest = (epochs[0] + epochs[1] + following)[done:]
            assert other.state_dict() == state
            got = flat(other)
            assert got == rest[: len(got)]
            assert len(got) == 103 - state["position"]
            assert flat(other) == (rest[len(got) :] + [None] * 103)[:103] or state["epoch"] == 2


def test_state_survives_an_abandoned_iteration(ds: deeplake.Dataset) -> None:
    deeplake.random.seed(4)
    whole = flat(ds.dataloader().shuffle())
    loader = ds.dataloader().shuffle().batch(10)
    for i, _ in enumerate(loader):
        if i == 2:
            break
    other = ds.dataloader().shuffle().batch(5)
    deeplake.random.seed(99)  # the state has the seed
    other.load_state_dict(loader.state_dict())
    assert flat(other) == whole[30:]


def test_state_with_another_number_of_ranks(ds: deeplake.Dataset) -> None:
    deeplake.random.seed(4)
    whole = flat(ds.dataloader().shuffle())
    before = [ds.dataloader().shuffle().batch(5) for _ in range(2)]
    for rank, loader in enumerate(before):
        loader.set_rank(rank, 2)
        batches = iter(loader)
        for _ in range(3):
            next(batches)
    assert before[0].state_dict() == before[1].state_dict()
    after = []
    for rank in range(3):
        loader = ds.dataloader().shuffle().batch(4)
        loader.set_rank(rank, 3)
        loader.load_state_dict(before[0].state_dict())
        after += flat(loader)
    assert sorted(after) == sorted(whole[30:])


def test_state_of_something_else_is_refused(ds: deeplake.Dataset) -> None:
    state = ds.dataloader().shuffle().state_dict()
    for other, key in (
        (ds.dataloader(), "shuffle"),
        (ds[:50].dataloader().shuffle(), "rows"),
        (ds[::-1].dataloader().shuffle(), "digest"),
    ):
        with pytest.raises(errors.LoaderError, match=f"{key} "):
            other.load_state_dict(state)
    with pytest.raises(errors.LoaderError, match="version None"):
        ds.dataloader().load_state_dict({})
    ds.pop(0)
    with pytest.raises(errors.LoaderError, match="snapshot"):
        ds.dataloader().shuffle().load_state_dict(state)


# --------------------------------------------------------------------------- the object
def test_steps_are_immutable_and_in_any_order(ds: deeplake.Dataset) -> None:
    base = ds.dataloader()
    a = base.numpy().batch(5).shuffle(False).transform({"labels": None}).offset(2)
    b = base.offset(2).transform({"labels": None}).shuffle(False).batch(5).numpy()
    assert labels_of(a) == labels_of(b)
    assert base.spec == ds.dataloader().spec
    assert (a.batch_size, a.drop_last, a.num_workers, a.dataset) == (5, False, 0, ds)
    assert isinstance(a, DeepLakeDataLoader)


def test_repr_and_summary(ds: deeplake.Dataset, capsys: pytest.CaptureFixture[str]) -> None:
    loader = ds.dataloader().shuffle().batch(4)
    assert "103 rows, batch_size=4, shuffled, tensors=['images', 'labels', 'values']" in repr(
        loader
    )
    loader.summary()
    assert "images" in capsys.readouterr().out


def test_verbose(ds: deeplake.Dataset, capsys: pytest.CaptureFixture[str]) -> None:
    list(ds.dataloader(verbose=True).batch(50).numpy(num_threads=2))
    assert "3 batches, 2 threads" in capsys.readouterr().out


def test_explain_warns_of_classes_that_lie_together(make: Any) -> None:
    kinds = {"htype": "class_label", "class_names": [f"kind {i}" for i in range(50)]}
    sorted_rows = make(x=np.zeros((2_000, 3)), y=(np.arange(2_000) // 40, kinds))
    said = sorted_rows.dataloader().batch(64).explain()
    assert "warning: rows are stored in the order of 'y', and 64 rows will have 4%" in said
    assert said.split("warning: ")[1].partition("\n")[0].endswith("call .shuffle()")
    assert "warning" not in sorted_rows.dataloader().batch(64).shuffle().explain()
    drawn = make(x=np.zeros((2_000, 3)), y=(np.arange(2_000) % 50, kinds))
    assert "warning" not in drawn.dataloader().batch(64).explain()
    # One class, few rows, no rows, rows of a view.
    for ds in (make(y=([1] * 500, kinds)), make(y=([0, 0, 1, 1], kinds)), sorted_rows[:0]):
        assert "warning" not in ds.dataloader().batch(2).explain()
    assert "warning" in sorted_rows[::-1].dataloader().batch(64).explain()
    assert "warning" not in sorted_rows[::40].dataloader().batch(64).explain()


def test_stats_count_bytes(ds: deeplake.Dataset) -> None:
    size = 103 * (4 * 5 * 3 + 4 + 8)
    loader = ds.dataloader().batch(10)
    list(loader)
    stats = loader.stats()
    assert stats["bytes"] == {"fetch": 0, "read": size, "transform": 0, "collate": size}
    assert stats["prefetch"] == {"ready": 0, "late": 0}
    assert stats["cache"] == {"hits": 0, "misses": 0}
    assert stats["skipped"] == 0
    wider = loader.transform({"values": lambda x: np.zeros(10)})
    list(wider)
    stats = wider.stats()
    assert stats["bytes"] == {
        "fetch": 0, "read": 103 * 8, "transform": 103 * 80, "collate": 103 * 80
    }  # fmt: skip


def test_two_iterations_at_once(ds: deeplake.Dataset) -> None:
    loader = ds.dataloader().batch(10)
    for a, b in zip(loader, loader, strict=True):
        assert [s["labels"].item() for s in a] == [s["labels"].item() for s in b]


def test_many_threads_share_a_dataset(ds: deeplake.Dataset) -> None:
    loaders = [ds.dataloader().shuffle().batch(3).numpy(num_threads=3) for _ in range(4)]
    seen: list[list[int]] = []
    threads = [threading.Thread(target=lambda x=x: seen.append(flat(x))) for x in loaders]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [sorted(labels) for labels in seen] == [list(range(103))] * 4


def test_hooks_hear_of_epochs(ds: deeplake.Dataset) -> None:
    from deeplake.spi import hookimpl

    heard: list[tuple[str, int]] = []

    class Listener:
        @hookimpl
        def deeplake_epoch_started(self, loader: Any, epoch: int) -> None:
            heard.append(("started", epoch))

        @hookimpl
        def deeplake_epoch_finished(self, loader: Any, epoch: int) -> None:
            assert isinstance(loader, DeepLakeDataLoader)
            heard.append(("finished", epoch))

    listener = Listener()
    plugins.register_hooks(listener)
    try:
        loader = ds.dataloader().batch(50)
        list(loader)
        for _ in loader:
            break
        list(loader)
    finally:
        plugins.unregister_hooks(listener)
    assert heard == [
        ("started", 0),
        ("finished", 0),
        ("started", 1),
        ("started", 2),
        ("finished", 2),
    ]


@pytest.mark.parametrize("batches", [0, 1, 2, 3, 7])
@pytest.mark.parametrize("between", [None, 1, 3])
def test_the_first_and_the_last_batch_are_shared_out(batches: int, between: int | None) -> None:
    lots = [Lot(np.arange(6), np.arange(6), Dice(0, 0)) for _ in range(batches)]
    work = list(units(cast(Any, None), iter(lots), 1, 4, between=between))
    middle = [between or 4] * max(0, batches - 2)
    assert [unit.parts for unit in work] == [4, *middle, 4][: batches if batches < 2 else None]
    assert [lot for unit in work for lot in unit.lots] == lots


def test_a_lot_of_few_rows_is_not_cut_further() -> None:
    lots = [Lot(np.arange(n), np.arange(n), Dice(0, 0)) for n in (6, 6, 1)]
    assert [unit.parts for unit in units(cast(Any, None), iter(lots), 1, 4)] == [4, 4, 1]
