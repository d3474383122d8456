"""``@deeplake.compute``: what it takes and gives, with every scheduler."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import compute_functions as functions
import numpy as np
import pytest

import deeplake
from deeplake.compute.function import ComputeFunction
from deeplake.compute.pipeline import Pipeline
from deeplake.errors import (
    AllSamplesSkippedError,
    HubComposeEmptyListError,
    HubComposeIncompatibleFunction,
    InvalidInputDataError,
    InvalidOperationError,
    InvalidOutputDatasetError,
    InvalidTransformDataset,
    ReadOnlyModeError,
    SampleAppendError,
    SampleAppendingError,
    SampleExtendingError,
    TensorDoesNotExistError,
    TensorMismatchError,
    TransformError,
    UnsupportedSchedulerError,
    WorkerError,
)

SCHEDULERS = ("serial", "threaded", "processed")
QUIET: dict[str, Any] = {"progressbar": False}

all_schedulers = pytest.mark.parametrize("scheduler", SCHEDULERS)


@pytest.fixture
def empty(tmp_path: Path) -> Callable[..., Any]:
    """Makes datasets with tensors."""

    def make(*names: str, path: str = "ds", **kwargs: Any) -> Any:
        ds = deeplake.empty(path if "://" in path else tmp_path / path)
        for name in names:
            ds.create_tensor(name, **kwargs)
        return ds

    return make


def values(tensor: Any) -> list[Any]:
    return [int(v.ravel()[0]) for v in tensor.numpy(aslist=True)]


# --------------------------------------------------------------------------- what one calls
def test_decorator() -> None:
    """Calling what it gives, gives a stage."""

    @deeplake.compute
    def fn(sample_in: Any, sample_out: Any, n: int = 1) -> None:
        """Says so."""

    assert fn.__name__ == "fn"
    assert fn.__doc__ == "Says so."
    stage = fn(n=3)
    assert isinstance(stage, ComputeFunction)
    assert (stage.args, stage.kwargs, stage.name) == ((), {"n": 3}, "fn")
    assert repr(stage) == "ComputeFunction('fn')"
    assert deeplake.compute(len, name="length")().name == "length"
    with pytest.raises(TypeError, match="takes a function"):
        deeplake.compute(3)  # type: ignore[arg-type]


def test_a_stage_can_be_called() -> None:
    got: list[Any] = []
    deeplake.compute(lambda a, b, c: got.append((a, b, c)))(3)(1, 2)
    assert got == [(1, 2, 3)]


def test_compose() -> None:
    pipeline = deeplake.compose([functions.grow(), functions.again(mul=2)])
    assert isinstance(pipeline, Pipeline)
    assert len(pipeline) == 2
    assert repr(pipeline) == "Pipeline([grow, again])"
    with pytest.raises(HubComposeEmptyListError, match="at least one"):
        deeplake.compose([])
    for bad in (len, functions.grow, 3):
        with pytest.raises(HubComposeIncompatibleFunction, match="function 1 is"):
            deeplake.compose([functions.grow(), bad])  # type: ignore[list-item]
    with pytest.raises(HubComposeIncompatibleFunction, match="was not called"):
        deeplake.compose([functions.grow])  # type: ignore[list-item]


def test_names_of_the_package() -> None:
    assert {"compute", "compose"} <= set(deeplake.__all__)
    import_module("deeplake.compute.executors")
    assert callable(deeplake.compute), "also after a module of the package was imported"


# --------------------------------------------------------------------------- results
@all_schedulers
def test_rows_in_the_order_of_the_input(empty: Any, scheduler: str) -> None:
    ds = empty("image", "label")
    functions.grow(mul=5, copy=2).eval(
        list(range(40)), ds, num_workers=2, scheduler=scheduler, **QUIET
    )
    assert values(ds.label) == [5 * i for i in range(40) for _ in range(2)]
    assert values(ds.image) == values(ds.label)
    assert ds.image.shape == (80, 3, 5)
    again = deeplake.load(ds.path)
    assert values(again.label) == values(ds.label)
    assert again.has_head_changes


@all_schedulers
def test_stages(empty: Any, scheduler: str) -> None:
    ds = empty("image", "label")
    pipeline = deeplake.compose([functions.grow(mul=5, copy=2), functions.again(mul=3, copy=3)])
    pipeline.eval(list(range(20)), ds, num_workers=2, scheduler=scheduler, **QUIET)
    assert values(ds.label) == [15 * i for i in range(20) for _ in range(6)]
    assert (ds.image.numpy() == ds.label.numpy()[:, :, None]).all()


@all_schedulers
def test_none_to_many_rows_of_a_sample(empty: Any, scheduler: str) -> None:
    ds = empty("x")
    functions.only_even().eval(list(range(9)), ds, num_workers=3, scheduler=scheduler, **QUIET)
    assert values(ds.x) == [i for i in range(0, 9, 2) for _ in range(i)]


@pytest.mark.parametrize("scheduler", ["threaded", "processed"])
def test_the_slowest_first(empty: Any, scheduler: str) -> None:
    ds = empty("x")
    functions.slow_first().eval(list(range(30)), ds, num_workers=3, scheduler=scheduler, **QUIET)
    assert values(ds.x) == list(range(30))


@all_schedulers
def test_dataset_to_dataset(empty: Any, scheduler: str) -> None:
    """A dataset, a view of it, its group, and what was not committed."""
    source = empty("g/image", "g/label", path="source")
    with source:
        for i in range(20):
            source.append({"g/image": np.full((i, 2), i, np.uint8), "g/label": i})
    ds = empty("image", "label")
    args: dict[str, Any] = {"num_workers": 2, "scheduler": scheduler, **QUIET}
    functions.again(mul=2).eval(source.g, ds, **args)
    functions.again().eval(source.g[5:9], ds, **args)
    functions.again().eval(source.g[[3, 1, 3]], ds, **args)
    rows = [*(2 * i for i in range(20)), 5, 6, 7, 8, 3, 1, 3]
    assert values(ds.label) == rows
    assert ds.image[23].shape == (8, 2)


@all_schedulers
def test_groups(empty: Any, scheduler: str) -> None:
    ds = empty("g/t", "g/h/u", "g/h/v")
    functions.grouped().eval([1, 2, 3], ds, num_workers=2, scheduler=scheduler, **QUIET)
    for name in ("g/t", "g/h/u", "g/h/v"):
        assert values(ds[name]) == [1, 2, 3]


def test_into_a_group(empty: Any) -> None:
    ds = empty("stuff/x", "other")
    functions.add().eval([1, 2], ds.stuff, **QUIET)
    assert values(ds["stuff/x"]) == [1, 2]
    assert len(ds.other) == 0


@all_schedulers
def test_every_kind_of_input(empty: Any, scheduler: str) -> None:
    args: dict[str, Any] = {"num_workers": 2, "scheduler": scheduler, **QUIET}
    ds = empty("x")
    for data in ([1, 2], (3, 4), range(5, 7), np.array([7, 8])):
        functions.add().eval(data, ds, **args)
    functions.add().eval(functions.Squares(4), ds, **args)
    assert values(ds.x) == [1, 2, 3, 4, 5, 6, 7, 8, 0, 1, 4, 9]
    functions.add().eval(np.arange(6).reshape(2, 3)[:, :1], ds, **args)
    functions.add().eval(ds.x[:2], ds, **args)
    assert values(ds.x)[-4:] == [0, 3, 1, 2]


@all_schedulers
def test_frames(empty: Any, scheduler: str) -> None:
    pandas = pytest.importorskip("pandas")
    ds = empty("x")
    ds.create_tensor("text", htype="text")
    frame = pandas.DataFrame({"a": [3, 1, 2], "b": ["x", "y", "z"]}, index=[10, 5, 7])
    functions.frame_row().eval(frame, ds, num_workers=2, scheduler=scheduler, **QUIET)
    assert values(ds.x) == [3, 1, 2]
    assert [row.text() for row in ds.text] == ["x", "y", "z"]


@pytest.mark.parametrize("data", [iter([1]), (i for i in [1]), {1, 2}, {"a": 1}, 3, None, object()])
def test_input_without_numbered_samples(empty: Any, data: Any) -> None:
    ds = empty("x")
    with pytest.raises(InvalidInputDataError, match="__getitem__ and __len__"):
        functions.add().eval(data, ds, **QUIET)
    assert isinstance(InvalidInputDataError("x"), TransformError)


@all_schedulers
def test_nothing_to_do(empty: Any, scheduler: str) -> None:
    ds = empty("x")
    commit = ds.commit()
    functions.add().eval([], ds, num_workers=2, scheduler=scheduler, ignore_errors=True)
    assert len(ds) == 0
    assert ds.commit_id == commit
    assert not ds.has_head_changes


@all_schedulers
def test_samples_of_every_htype(empty: Any, scheduler: str, tmp_path: Path) -> None:
    """Samples are encoded by workers or not: the same is stored as by ``extend``."""
    from PIL import Image

    paths = []
    for i in range(6):
        paths.append(tmp_path / f"{i}.png")
        Image.fromarray(np.full((8 + i, 9, 3), 10 * i, np.uint8)).save(paths[-1])
    columns: dict[str, tuple[dict[str, Any], list[Any]]] = {
        "png": ({"htype": "image", "sample_compression": "png"}, [deeplake.read(p) for p in paths]),
        "array": (
            {"htype": "image", "sample_compression": "png"},
            [np.full((4, i + 1, 3), i, np.uint8) for i in range(6)],
        ),
        "lz4": ({"sample_compression": "lz4"}, [np.arange(i) for i in range(6)]),
        "chunked": ({"chunk_compression": "lz4"}, [np.arange(4.0) + i for i in range(6)]),
        "label": ({"htype": "class_label"}, ["b", "a", ["a", "c"], "c", 1, []]),
        "text": ({"htype": "text"}, ["", "é", "abc", "d" * 999, "\0", "f"]),
        "json": ({"htype": "json"}, [{"a": [i, None]} for i in range(6)]),
        "tag": ({"htype": "tag"}, ["a", ["b", "c"], [], "d", "e", "f"]),
        "box": ({"htype": "bbox"}, [np.ones((i, 4), np.float32) for i in range(6)]),
        "polygon": (
            {"htype": "polygon"},
            [[np.ones((3 + i, 2)), np.zeros((4, 2))] for i in range(6)],
        ),
        "frames": (
            {"htype": "sequence[image]", "sample_compression": "png"},
            [[np.full((2, 2, 3), j, np.uint8) for j in range(i)] for i in range(6)],
        ),
        "guess": ({}, [1, 2, 3, 4, 5, 6]),
        "nothing": ({}, [None, None, np.ones((2, 2)), None, None, np.zeros((0, 2))]),
        "small": (
            {"htype": "image", "sample_compression": "png", "downsampling": (2, 1)},
            [np.full((40, 40, 3), i, np.uint8) for i in range(6)],
        ),
        "link": (
            {"htype": "link[image]", "sample_compression": "png"},
            [deeplake.link(str(p)) for p in paths],
        ),
    }  # fmt: skip
    ds, model = empty(), empty(path="model")
    for name, (meta, column) in columns.items():
        for one in (ds, model):
            one.create_tensor(name, **meta)
        model[name].extend(column)
    rows = [{name: column[i] for name, (_, column) in columns.items()} for i in range(6)]
    functions.row().eval(rows, ds, num_workers=2, scheduler=scheduler, **QUIET)
    for name in columns:
        ours, theirs = ds[name], model[name]
        assert len(ours) == 6
        assert (ours.htype, ours.dtype, ours.shape_interval.astuple()) == (
            theirs.htype, theirs.dtype, theirs.shape_interval.astuple(),
        )  # fmt: skip
        for a, b in zip(ours, theirs, strict=True):
            got, expected = a.data()["value"], b.data()["value"]
            if isinstance(expected, list):
                assert len(got) == len(expected)
                for x, y in zip(got, expected, strict=True):
                    np.testing.assert_array_equal(x, y)
            else:
                np.testing.assert_array_equal(got, expected)
    assert ds.png[0].tobytes() == paths[0].read_bytes(), "files are stored as they are"
    assert list(ds.label.info.class_names) == list(model.label.info.class_names)
    assert len(ds["_small_downsampled_2"]) == 6


@all_schedulers
def test_class_names(empty: Any, scheduler: str) -> None:
    """Numbers are given in the order of the input, whoever sees a name first."""
    ds = empty("label", htype="class_label", class_names=["class 5"])
    functions.names().eval(list(range(100)), ds, num_workers=4, scheduler=scheduler, **QUIET)
    known = ["class 5", *(f"class {i}" for i in (0, 1, 2, 3, 4, 6))]
    assert list(ds.label.info.class_names) == known
    assert [known[v] for v in values(ds.label)] == [f"class {i % 7}" for i in range(100)]


def test_arrays_that_are_used_again(empty: Any) -> None:
    """A function may write into its buffer as soon as it was appended."""
    ds = empty("x", "y")
    buffer, listed = np.zeros(3, np.int64), [0]

    @deeplake.compute
    def fill(sample_in: int, sample_out: Any) -> None:
        buffer[:] = listed[0] = sample_in
        sample_out.append({"x": buffer, "y": listed})
        sample_out.extend({"x": buffer[None], "y": [listed]})

    fill().eval(list(range(50)), ds, **QUIET)
    assert values(ds.x) == values(ds.y) == [i for i in range(50) for _ in range(2)]


def test_tensors_are_appended_as_they_are(empty: Any) -> None:
    source = empty("x", path="source", htype="image", sample_compression="png")
    source.x.extend(np.arange(48, dtype=np.uint8).reshape(4, 2, 2, 3))
    ds = empty("x", htype="image", sample_compression="png")

    @deeplake.compute
    def same(sample_in: Any, sample_out: Any) -> None:
        sample_out.x.append(sample_in.x)
        sample_out.append(sample_in)

    same().eval(source, ds, num_workers=2, **QUIET)
    assert [t.tobytes() for t in ds.x[::2]] == [t.tobytes() for t in source.x]
    assert [t.tobytes() for t in ds.x[1::2]] == [t.tobytes() for t in source.x]


# --------------------------------------------------------------------------- sample_out
def evaluated(ds: Any, fn: Any, data: Any = (1,), **kwargs: Any) -> None:
    deeplake.compute(fn)().eval(data, ds, **QUIET, **kwargs)


def test_sample_out(empty: Any) -> None:
    ds = empty("x", "g/y")
    seen: dict[str, Any] = {}

    def fn(sample_in: int, out: Any) -> None:
        seen["dir"], seen["names"] = dir(out), [*out.tensors]
        seen["has"] = [hasattr(out, name) for name in ("append", "x", "g", "__array__", "_repr_")]
        seen["in"] = ["x" in out, "g/y" in out, "z" in out]
        out.append({"x": 1, "g/y": 2})
        out.extend({"x": [3, 4], "g/y": np.array([5, 6])})
        out.x.extend([7])
        out.g.y.append(8)
        seen["len"] = len(out), len(out.x), len(out.g.y)
        seen["group"] = dir(out.g)

    evaluated(ds, fn)
    assert {"x", "g", "append", "extend"} <= set(seen["dir"])
    assert "y" in seen["group"]
    assert seen["names"] == ["x", "g/y"]
    assert seen["has"] == [True, True, True, False, False]
    assert seen["in"] == [True, True, False]
    assert seen["len"] == (4, 4, 4)
    assert values(ds.x) == [1, 3, 4, 7]
    assert values(ds["g/y"]) == [2, 5, 6, 8]


def test_append_empty(empty: Any) -> None:
    ds = empty("x", "y")
    functions.row(append_empty=True).eval([{"x": 1}, {"x": 2, "y": 3}], ds, **QUIET)
    assert [len(t) for t in (ds.x, ds.y)] == [2, 2]
    assert ds.y[0].shape == (0,)

    def extend(_: Any, out: Any) -> None:
        out.extend({"y": [4, 5]}, append_empty=True)

    evaluated(ds, extend)
    assert ds.x[2:].shape == (2, 0)


@pytest.mark.parametrize(
    ("fn", "cause", "text"),
    [
        (lambda i, out: out.append({"x": 1}, skip_ok=True), ValueError, "eval"),
        (lambda i, out: out.extend({"x": [1]}, skip_ok=True), ValueError, "eval"),
        (lambda i, out: out.update({"x": 1}), NotImplementedError, "new samples"),
        (lambda i, out: out[0].update({"x": 1}), NotImplementedError, "new samples"),
        (lambda i, out: out.x[0], NotImplementedError, "new samples"),
        (lambda i, out: out.x.__setitem__(0, 1), NotImplementedError, "new samples"),
        (lambda i, out: out.append([1]), SampleAppendingError, "dict"),
        (lambda i, out: out.extend([1]), SampleExtendingError, "dict"),
        (lambda i, out: out.extend({"x": [1], "g/y": [1, 2]}), ValueError, "same number"),
        (lambda i, out: out.x.extend(3), TypeError, "several samples"),
        (lambda i, out: out.g.append(3), TensorDoesNotExistError, "group"),
        (lambda i, out: out.z.append(3), TensorMismatchError, "'z'"),
        (lambda i, out: out.x.append(3), TensorMismatchError, "'g/y'"),
        (
            lambda i, out: (out.x.extend([3, 4]), out.g.y.append(3)),
            InvalidTransformDataset,
            "unequally",
        ),
        (
            lambda i, out: (out.x.append(3), out.append({"x": 1, "g/y": 2})),
            ValueError,
            "equal length",
        ),
        (lambda i, out: out.append({"x": "text", "g/y": 3}), SampleAppendError, "'x', row 1"),
        (lambda i, out: next(iter(())), TransformError, "StopIteration"),
    ],
)
def test_what_sample_out_refuses(empty: Any, fn: Any, cause: Any, text: str) -> None:
    ds = empty("x", "g/y")
    ds.append({"x": 1, "g/y": 1})
    with pytest.raises(TransformError, match="at index 0 of the input data") as caught:
        evaluated(ds, fn, [7])
    assert caught.value.index == 0
    assert caught.value.sample == 7
    assert isinstance(caught.value.__cause__, cause)
    assert text in str(caught.value.__cause__)
    assert len(ds.x) == len(ds["g/y"]) == 1


def test_skip_ok(empty: Any) -> None:
    ds = empty("x", "unused")
    functions.add().eval([1, 2], ds, skip_ok=True, **QUIET)
    assert (len(ds.x), len(ds.unused)) == (2, 0)
    with pytest.raises(TransformError) as caught:
        evaluated(ds, lambda i, out: out.z.append(1), skip_ok=True, check_lengths=False)
    assert isinstance(caught.value.__cause__, TensorMismatchError)


def test_values_between_stages(empty: Any) -> None:
    ds = empty("x")
    seen: list[Any] = []

    def first(i: int, out: Any) -> None:
        out.append({"a": np.arange(3), "t": "text", "j": {"k": 1}, "l": [1, 2], "g/n": None})

    def second(row: Any, out: Any) -> None:
        seen.append(
            (
                row.a.numpy().tolist(), (row.a * 2).tolist(), (1 + row["a"]).tolist(), row.a.shape,
                row.a.dtype, np.asarray(row.a).tolist(), row.a[1], len(row.a), [*row.a],
                row.t.text(), row.t.numpy().tolist(), row.j.dict(), row.j["k"], row.l.list(),
                row.g.n.shape, row.keys(), "a" in row, row.a.data()["value"].tolist(),
            )
        )  # fmt: skip
        with pytest.raises(TensorDoesNotExistError, match="'z'"):
            _ = row.z
        with pytest.raises(AttributeError):
            _ = row.z
        with pytest.raises(TypeError, match="no text"):
            row.a.text()
        out.x.append(row.a)

    stages = [deeplake.compute(first)(), deeplake.compute(second)()]
    deeplake.compose(stages).eval([1], ds, **QUIET)
    assert seen == [
        (
            [0, 1, 2], [0, 2, 4], [1, 2, 3], (3,), np.int64, [0, 1, 2], 1, 3, [0, 1, 2],
            "text", ["text"], {"k": 1}, 1, [1, 2], (0,), ["a", "t", "j", "l", "g/n"], True,
            [0, 1, 2],
        )
    ]  # fmt: skip
    assert ds.x.numpy().tolist() == [[0, 1, 2]]


# --------------------------------------------------------------------------- errors
@all_schedulers
@pytest.mark.parametrize("bad", [0, 1, 17, 59])
def test_a_failure_leaves_nothing(empty: Any, scheduler: str, bad: int) -> None:
    ds = empty("x")
    ds.x.extend([100, 101])
    with pytest.raises(TransformError) as caught:
        functions.add_but((bad, 50)).eval(
            list(range(60)), ds, num_workers=2, scheduler=scheduler, **QUIET
        )
    error, first = caught.value, min(bad, 50)
    assert (error.index, error.sample, error.samples_processed) == (first, first, None)
    assert str(error).startswith(
        f"Transform failed at index {first} of the input data on the item: {first}. See traceback"
    )
    assert isinstance(error.__cause__, ArithmeticError)
    assert error.__cause__.args == (f"{first} is bad",)
    for one in (ds, deeplake.load(ds.path)):
        assert values(one.x) == [100, 101]
    functions.add().eval([1], ds, **QUIET)
    assert values(ds.x) == [100, 101, 1]


@all_schedulers
def test_a_sample_that_does_not_fit(empty: Any, scheduler: str) -> None:
    for name, meta in {"plain": {}, "packed": {"sample_compression": "lz4"}}.items():
        ds = empty("x", path=name, **meta)
        data: list[Any] = [np.zeros(2, np.int64)] * 30
        data[21] = np.zeros((2, 2), np.int64)
        with pytest.raises(TransformError, match="at index 21 of") as caught:
            functions.add().eval(data, ds, num_workers=2, scheduler=scheduler, **QUIET)
        assert isinstance(caught.value.__cause__, SampleAppendError)
        assert len(ds.x) == 0
        functions.add().eval(
            data, ds, num_workers=2, scheduler=scheduler, ignore_errors=True, verbose=False, **QUIET
        )
        assert ds.x.shape == (29, 2)


@all_schedulers
def test_the_first_of_two_failures_counts(empty: Any, scheduler: str) -> None:
    """Also where one is found by who adds the rows, and the other by who calls the function."""
    ds = empty("x", "y")
    rows: list[Any] = [{"x": i, "y": i} for i in range(40)]
    rows[30], rows[31], rows[33] = {"x": 1, "y": "a"}, {"x": "a", "y": 1}, {"z": 1}
    with pytest.raises(TransformError) as caught:
        functions.row().eval(rows, ds, num_workers=2, scheduler=scheduler, **QUIET)
    assert caught.value.index == 30


@all_schedulers
def test_ignore_errors(empty: Any, scheduler: str, capsys: pytest.CaptureFixture[str]) -> None:
    ds = empty("x")
    args: dict[str, Any] = {"num_workers": 2, "scheduler": scheduler, **QUIET}
    functions.add_but((3, 4, 19)).eval(list(range(20)), ds, ignore_errors=True, **args)
    assert values(ds.x) == [i for i in range(20) if i not in (3, 4, 19) for _ in range(2)]
    assert capsys.readouterr().out == (
        "No. of samples successfully processed: 17 (85.0%)\nNo. of samples skipped: 3 (15.0%)\n"
    )
    functions.add_but((3,)).eval([1, 3], ds, ignore_errors=True, verbose=False, **args)
    functions.add().eval([1], ds, **args)
    assert not capsys.readouterr().out
    before = len(ds)
    with pytest.raises(AllSamplesSkippedError, match="all 3 samples"):
        functions.add_but((5,)).eval([5, 5, 5], ds, ignore_errors=True, **args)
    assert len(ds) == before


@all_schedulers
def test_a_sample_of_the_input_that_cannot_be_had(empty: Any, scheduler: str) -> None:
    ds = empty("x")
    args: dict[str, Any] = {"num_workers": 2, "scheduler": scheduler, **QUIET}
    with pytest.raises(TransformError) as caught:
        functions.add().eval(functions.Squares(20), ds, **args)
    assert (caught.value.index, caught.value.sample) == (13, None)
    assert isinstance(caught.value.__cause__, LookupError)
    functions.add().eval(functions.Squares(20), ds, ignore_errors=True, verbose=False, **args)
    assert values(ds.x) == [i * i for i in range(20) if i != 13]


def test_message_names_the_path_of_a_file(empty: Any) -> None:
    ds = empty("x", htype="image", sample_compression="png")
    with pytest.raises(TransformError, match="on the sample at path: 'nowhere.png'"):
        functions.add().eval([deeplake.read("nowhere.png")], ds, **QUIET)
    with pytest.raises(TransformError) as caught:
        functions.add_but((5,)).eval(np.array([5]), ds, **QUIET)
    assert "of the input data. See" in str(caught.value), "arrays are not shown"


def test_interrupt(empty: Any) -> None:
    """Ctrl-C leaves nothing, in whatever thread the functions run."""
    for scheduler, workers in (("serial", 0), ("threaded", 2)):
        ds = empty("x", path=scheduler)
        ds.x.append(100)
        main = threading.main_thread().ident

        @deeplake.compute
        def interrupted(sample_in: int, sample_out: Any, main: Any = main) -> None:
            sample_out.x.append(sample_in)
            if sample_in == 20:
                signal.pthread_kill(main, signal.SIGINT)
            time.sleep(0.001)

        with pytest.raises(KeyboardInterrupt):
            interrupted().eval(
                list(range(2000)), ds, num_workers=workers, scheduler=scheduler, **QUIET
            )
        assert values(ds.x) == [100]
        assert values(deeplake.load(ds.path).x) == [100]
        assert not [t for t in threading.enumerate() if "deeplake-executor" in t.name]
        functions.add().eval([1], ds, **QUIET)
        assert values(ds.x) == [100, 1]


def test_a_worker_that_is_killed(empty: Any) -> None:
    ds = empty("x")
    ds.x.append(100)
    with pytest.raises(TransformError, match="ended without an answer") as caught:
        functions.die(30).eval(list(range(60)), ds, num_workers=2, scheduler="processed", **QUIET)
    assert isinstance(caught.value.__cause__, WorkerError)
    assert caught.value.index is None
    assert values(ds.x) == values(deeplake.load(ds.path).x) == [100]


# --------------------------------------------------------------------------- who works
def test_who_works(empty: Any) -> None:
    ds = empty("x")
    for scheduler, workers in (("serial", 3), ("threaded", 2), ("processed", 0)):
        functions.whose().eval([1] * 20, ds, num_workers=workers, scheduler=scheduler, **QUIET)
    assert set(values(ds.x)) == {os.getpid()}
    functions.whose().eval([1] * 20, ds, num_workers=2, scheduler="processed", **QUIET)
    assert os.getpid() not in set(values(ds.x)[60:])


@pytest.mark.parametrize("scheduler", ["ray", "treaded", "", None])
def test_unknown_scheduler(empty: Any, scheduler: Any) -> None:
    ds = empty("x")
    with pytest.raises(UnsupportedSchedulerError, match="'processed', 'serial', 'threaded'"):
        functions.add().eval([1], ds, num_workers=1, scheduler=scheduler, **QUIET)


def test_any_executor_that_is_installed(empty: Any) -> None:
    """Also one that takes all items at once, from the last to the first."""
    from deeplake import plugins
    from deeplake.spi import Executor

    class Backwards(Executor, api=(1, 0)):
        def run(self, fn: Any, items: Any, *, num_workers: int, setup: Any = None) -> Any:
            got = [fn(items[i]) for i in range(len(items) - 1, -1, -1)]
            return iter(got[::-1])

    plugins.register("executor", "backwards", Backwards)
    try:
        ds = empty("x")
        functions.only_even().eval(
            list(range(20)), ds, num_workers=2, scheduler="backwards", **QUIET
        )
        functions.add().eval(
            list(range(40_000)), empty("x", path="many"), num_workers=2, scheduler="backwards",
            checkpoint_interval=20_000, **QUIET,
        )  # fmt: skip
    finally:
        plugins.unregister("executor", "backwards")
    assert values(ds.x) == [i for i in range(0, 20, 2) for _ in range(i)]


def test_closures_in_processes(empty: Any) -> None:
    ds, offset = empty("x"), 5

    @deeplake.compute
    def local(sample_in: int, sample_out: Any) -> None:
        sample_out.x.append(sample_in + offset)

    args: dict[str, Any] = {"num_workers": 2, "scheduler": "processed", **QUIET}
    pytest.importorskip("cloudpickle")
    local().eval([1, 2, 3], ds, **args)
    deeplake.compute(lambda a, b: b.x.append(a))().eval([4], ds, **args)
    assert values(ds.x) == [6, 7, 8, 4]


@pytest.mark.parametrize("plain", [False, True])
def test_what_cannot_be_pickled_is_named(
    empty: Any, monkeypatch: pytest.MonkeyPatch, plain: bool
) -> None:
    if plain:
        monkeypatch.setitem(__import__("sys").modules, "cloudpickle", None)
    ds, lock = empty("x"), threading.Lock()
    args: dict[str, Any] = {"num_workers": 2, "scheduler": "processed", **QUIET}

    @deeplake.compute
    def local(sample_in: int, sample_out: Any) -> None:
        with lock:
            sample_out.x.append(sample_in)

    with pytest.raises(TransformError, match=r"the function 'local'.* cannot be sent.*threaded"):
        local().eval([1, 2], ds, **args)
    with pytest.raises(TransformError, match=r"the function 'add_but'.* cannot be sent"):
        functions.add_but(lock).eval([1, 2], ds, **args)
    data = functions.Squares(3)
    data.lock = lock  # type: ignore[attr-defined]
    with pytest.raises(TransformError, match=r"data_in, .* cannot be sent"):
        functions.add().eval(data, ds, **args)
    with pytest.raises(TransformError, match=r"after 0 samples.*pickle"):
        functions.add().eval([1, lock], ds, **args)
    assert len(ds) == 0
    functions.add().eval([1, 2, 3], ds, **args)
    assert values(ds.x) == [1, 2, 3], "named functions need nothing"


def test_memory_and_processes() -> None:
    data = deeplake.empty("mem://compute-in")
    out = deeplake.empty("mem://compute-out")
    for ds in (data, out):
        ds.create_tensor("x")
    data.x.extend([1, 2])
    args: dict[str, Any] = {"num_workers": 2, **QUIET}
    with pytest.raises(InvalidInputDataError, match="memory of this process"):
        functions.doubled().eval(data, out, scheduler="processed", **args)
    with pytest.raises(InvalidOutputDatasetError, match="memory of this process"):
        functions.add().eval([1], out, scheduler="processed", **args)
    functions.doubled().eval(data, out, **args)
    functions.doubled().eval(data, out, num_workers=0, scheduler="processed", **QUIET)
    assert values(out.x) == [2, 4, 2, 4]


# --------------------------------------------------------------------------- the output dataset
def test_unequal_lengths(empty: Any) -> None:
    ds = empty("x", "y")
    ds.x.append(1)
    with pytest.raises(InvalidOutputDatasetError, match="unequal lengths"):
        functions.row().eval([{"x": 1, "y": 2}], ds, **QUIET)
    functions.row().eval([{"x": 1, "y": 2}], ds, check_lengths=False, **QUIET)
    assert (values(ds.x), values(ds.y)) == ([1, 1], [2])


def test_read_only(empty: Any) -> None:
    ds = empty("x")
    ds.x.extend([1, 2, 3])
    ds.read_only = True
    for kwargs in ({}, {"read_only_ok": True}):
        with pytest.raises(InvalidOutputDatasetError, match="read only"):
            functions.add().eval([1], ds, **kwargs, **QUIET)
    with pytest.raises(InvalidOutputDatasetError, match="read only"):
        functions.doubled().eval(ds, **QUIET)
    seen: list[int] = []
    look = deeplake.compute(lambda row, out, seen: seen.append(int(row.x.numpy()[0])))
    look(seen).eval(ds, read_only_ok=True, **QUIET)
    assert seen == [1, 2, 3]
    with pytest.raises(TransformError) as caught:
        functions.doubled().eval(ds, read_only_ok=True, **QUIET)
    assert isinstance(caught.value.__cause__, ReadOnlyModeError)


def test_what_is_no_output(empty: Any) -> None:
    ds = empty("x")
    ds.x.extend([1, 2])
    for bad in (ds[:1], ds[0], [1], "path"):
        with pytest.raises(InvalidOutputDatasetError):
            functions.add().eval([1], bad, **QUIET)
    with pytest.raises(InvalidInputDataError, match="ds_out"):
        functions.add().eval([1], **QUIET)
    with pytest.raises(InvalidOperationError, match="view of rows"):
        functions.doubled().eval(ds[:1], **QUIET)
    with pytest.raises(TypeError, match="workers"):
        functions.add().eval([1], ds, workers=3)
    functions.add().eval(
        [3], ds, extend_only=False, disable_label_sync=True, disable_rechunk=True, **QUIET
    )
    assert values(ds.x) == [1, 2, 3]


def test_inside_with(empty: Any) -> None:
    """What the block has collected is kept, whatever becomes of the transform."""
    with empty("x") as ds:
        ds.x.append(100)
        functions.add().eval([1, 2], ds, num_workers=2, **QUIET)
        with pytest.raises(TransformError):
            functions.add_but((3,)).eval([1, 3], ds, **QUIET)
        ds.x.append(101)
        functions.doubled().eval(ds, **QUIET)
        ds.x.append(102)
    assert values(ds.x) == values(deeplake.load(ds.path).x) == [200, 2, 4, 202, 102]
    with ds.transaction():
        ds.x.append(7)
        with pytest.raises(InvalidOperationError, match="transaction"):
            functions.add().eval([1], ds, **QUIET)
    assert values(ds.x)[-2:] == [102, 7]


def test_a_dataset_into_itself(empty: Any) -> None:
    ds = empty("x")
    ds.x.extend([1, 2, 3])
    functions.doubled().eval(ds, ds, num_workers=2, **QUIET)
    functions.doubled().eval(ds[[5, 0]], ds, **QUIET)
    assert values(ds.x) == [1, 2, 3, 2, 4, 6, 12, 2]


def test_padded_input(empty: Any) -> None:
    source, ds = empty("x", "y", path="source"), empty("x", "y")
    source.x.extend(list(range(4)))
    source.y.extend([5, 6])

    @deeplake.compute
    def copy(row: Any, out: Any) -> None:
        out.append({"x": row.x, "y": row.y})

    copy().eval(source, ds, **QUIET)
    assert (len(ds.x), len(ds.y)) == (2, 2)
    copy().eval(source, ds, pad_data_in=True, **QUIET)
    assert values(ds.x) == [0, 1, 0, 1, 2, 3]
    assert ds.y[4].shape == (0,)


# --------------------------------------------------------------------------- in place
@all_schedulers
def test_in_place(empty: Any, scheduler: str) -> None:
    ds = empty("x", "other")
    with ds:
        ds.x.extend(list(range(30)))
        ds.other.extend([str(i) for i in range(30)])
    commit = ds.commit()
    functions.doubled().eval(ds, num_workers=2, scheduler=scheduler, **QUIET)
    assert values(ds.x) == [2 * i for i in range(30)]
    assert ds.other[7].text() == "7"
    assert values(deeplake.load(ds.path).x) == values(ds.x)
    assert values(deeplake.load(f"{ds.path}@{commit}").x) == list(range(30))
    second = ds.commit()
    assert second != commit


def test_in_place_other_rows_and_shapes(empty: Any) -> None:
    ds = empty("image", "label")
    ds.extend({"image": np.arange(24).reshape(4, 2, 3), "label": [0, 1, 2, 3]})
    ds.commit()

    @deeplake.compute
    def rows(row: Any, out: Any) -> None:
        for _ in range(int(row.label.numpy()[0])):
            out.append({"image": row.image.numpy()[:, 0], "label": row.label.numpy() * 10})

    rows().eval(ds, num_workers=2, **QUIET)
    assert values(ds.label) == [10, 20, 20, 30, 30, 30]
    assert ds.image.numpy().tolist() == [[6, 9], [12, 15], [12, 15], [18, 21], [18, 21], [18, 21]]
    ds.commit()
    assert deeplake.load(ds.path).image.shape == (6, 2)


@pytest.mark.parametrize("bad", [0, 3, 9])
def test_in_place_a_failure_leaves_all(empty: Any, bad: int) -> None:
    ds = empty("x", "y")
    ds.extend({"x": list(range(10)), "y": list(range(10))})

    def fn(row: Any, out: Any) -> None:
        if row.y.numpy()[0] == bad:
            raise KeyError("bad")
        out.x.append(np.ones((2, 2), int))

    with pytest.raises(TransformError) as caught:
        deeplake.compute(fn)().eval(ds, num_workers=2, **QUIET)
    assert caught.value.index == bad
    assert caught.value.sample.y.numpy().tolist() == [bad]
    for one in (ds, deeplake.load(ds.path)):
        assert values(one.x) == list(range(10))
    with pytest.raises(InvalidTransformDataset, match="unequally many"):
        deeplake.compute(lambda row, out: out.x.extend([1, 2]))().eval(ds, **QUIET)
    assert values(ds.x) == list(range(10))
    deeplake.compute(lambda row, out: out.x.extend([1, 2]))().eval(ds, skip_ok=True, **QUIET)
    assert (len(ds.x), len(ds.y)) == (20, 10)


def test_in_place_at_a_past_commit(empty: Any) -> None:
    ds = empty("x")
    ds.x.extend([1, 2])
    first = ds.commit()
    ds.x.append(3)
    ds.checkout(first)
    functions.doubled().eval(ds, **QUIET)
    assert ds.branch.startswith("auto_")
    assert values(ds.x) == [2, 4]
    ds.checkout("main")
    assert values(ds.x) == [1, 2, 3]


def test_in_place_with_nothing(empty: Any) -> None:
    ds = empty("x")
    ds.x.extend([1, 2])
    deeplake.compute(lambda row, out: None)().eval(ds, **QUIET)
    assert values(ds.x) == [1, 2]


# --------------------------------------------------------------------------- checkpoints
@all_schedulers
def test_checkpoints(empty: Any, scheduler: str) -> None:
    ds = empty("x")
    args: dict[str, Any] = {"num_workers": 2, "scheduler": scheduler, **QUIET}
    data = list(range(100))
    with pytest.raises(TransformError) as caught:
        functions.add_but((45,)).eval(data, ds, checkpoint_interval=20, **args)
    error = caught.value
    assert (error.index, error.sample, error.samples_processed) == (45, 45, 40)
    assert "Last checkpoint: 40 samples processed. You can slice the input to resume" in str(error)
    for one in (ds, deeplake.load(ds.path)):
        assert values(one.x) == [i for i in range(40) for _ in range(2)]
        assert not one.has_head_changes
    entry = ds.commits[0]
    assert (entry["is_checkpoint"], entry["total_samples_processed"]) == (True, 40)
    functions.add_but(()).eval(data[error.samples_processed :], ds, checkpoint_interval=20, **args)
    assert values(ds.x) == [i for i in range(100) for _ in range(2)]
    marks = [entry["total_samples_processed"] for entry in ds.commits]
    assert marks == [40, 20, 0, 40, 20, 0]
    assert ds.commit("done")
    assert set(ds.commits[0]) == {"commit", "author", "time", "message"}
    assert set(deeplake.load(ds.path).get_commit_details(ds.commit_id)) == set(ds.commits[0])


def test_checkpoints_in_the_log(empty: Any, capsys: pytest.CaptureFixture[str]) -> None:
    ds = empty("x")
    ds.commit("first")
    functions.add().eval([1, 2, 3], ds, checkpoint_interval=2, **QUIET)
    capsys.readouterr()
    ds.log()
    lines = capsys.readouterr().out.splitlines()
    assert [line for line in lines if "Total" in line] == [
        "Total samples processed in transform: 2", "Total samples processed in transform: 0",
    ]  # fmt: skip
    assert "Message: Auto-commit during deeplake.compute of add after 66.67% progress" in lines
    again = deeplake.load(ds.path)
    assert [c.get("total_samples_processed") for c in again.commits] == [2, 0, None]


def test_checkpoint_intervals_that_are_not_possible(empty: Any) -> None:
    ds = empty("x")
    ds.x.append(1)
    with pytest.raises(ValueError, match="no more"):
        functions.add().eval([1], ds, checkpoint_interval=2, **QUIET)
    with pytest.raises(ValueError, match="multiple of num_workers"):
        functions.add().eval(list(range(9)), ds, num_workers=2, checkpoint_interval=3, **QUIET)
    with pytest.raises(ValueError, match="in place"):
        functions.doubled().eval(ds, checkpoint_interval=1, **QUIET)
    with pytest.warns(UserWarning, match="10%"):
        functions.add().eval(list(range(21)), ds, checkpoint_interval=2, **QUIET)
    functions.add().eval(list(range(21)), ds, checkpoint_interval=2, verbose=False, **QUIET)
    assert len(ds.x) == 43
    assert len(ds.commits) == 22


# --------------------------------------------------------------------------- progress
def test_progress(empty: Any, capsys: pytest.CaptureFixture[str]) -> None:
    ds = empty("x")
    functions.add().eval([1, 2, 3], ds)
    shown = capsys.readouterr()
    assert "Evaluating add: 100%" in shown.err
    assert "3/3" in shown.err
    assert not shown.out
    functions.add().eval([1, 2, 3], ds, progressbar=False)
    assert not capsys.readouterr().err
