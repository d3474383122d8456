"""Any pipeline over any input gives what a model in plain Python gives."""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

import deeplake
from deeplake.errors import AllSamplesSkippedError, SampleAppendError, TransformError

Op = tuple[str, int]


class Bad(Exception):
    """What a stage raises."""


class Misfit(str):
    """A sample that the tensor does not take."""


def results(ops: list[Op], value: int) -> list[Any]:
    """What one stage gives for a value, in plain Python."""
    found: list[Any] = [value]
    for kind, n in ops:
        if kind == "add":
            found = [v + n for v in found]
        elif kind == "repeat":
            found = [v for v in found for _ in range(n % 4)]
        elif kind == "drop":
            found = [v for v in found if v % n]
        elif kind == "raise" and any(v % 11 == n for v in found):
            raise Bad(value)
        elif kind == "misfit":
            found = [Misfit(v) if v % 13 == n else v for v in found]
        if any(isinstance(v, Misfit) for v in found):
            break
    return found


@deeplake.compute
def stage(sample_in: Any, sample_out: Any, ops: list[Op], how: int) -> None:
    """The same as a transform, in one of the ways to write it."""
    first = isinstance(sample_in, (int, np.integer))
    found = results(ops, int(sample_in) if first else int(sample_in.x.numpy().ravel()[0]))
    texts = [f"{v}" for v in found]
    if how == 0:
        for v, text in zip(found, texts, strict=True):
            sample_out.append({"x": v, "g/text": text})
    elif how == 1:
        sample_out.extend({"x": found, "g/text": texts})
    elif how == 2:
        for v, text in zip(found, texts, strict=True):
            sample_out.x.append(v)
            sample_out.g.text.append(text)
    else:
        whole = not any(isinstance(v, Misfit) for v in found)
        sample_out.x.extend(np.array(found, np.int64) if whole and found else found)
        sample_out["g/text"].extend(texts)


class Case(NamedTuple):
    data: list[int]
    stages: list[tuple[list[Op], int]]
    ignore: bool
    workers: int
    interval: int
    cache: float
    array: bool
    block: bool


OPS = st.one_of(
    st.tuples(st.just("add"), st.integers(-5, 5)),
    st.tuples(st.just("repeat"), st.integers(0, 3)),
    st.tuples(st.just("drop"), st.integers(1, 4)),
    st.tuples(st.just("raise"), st.integers(0, 10)),
)
LAST = st.one_of(OPS, st.tuples(st.just("misfit"), st.integers(0, 12)))


@st.composite
def cases(draw: st.DrawFn) -> Case:
    data = draw(st.lists(st.integers(-50, 50), max_size=40))
    inner = draw(st.lists(st.tuples(st.lists(OPS, max_size=3), st.integers(0, 3)), max_size=2))
    last = draw(st.tuples(st.lists(LAST, max_size=3), st.integers(0, 3)))
    workers = draw(st.integers(0, 3))
    most = len(data) // max(workers, 1)
    interval = draw(st.integers(0, most)) * max(workers, 1)
    return Case(
        data, [*inner, last], draw(st.booleans()), workers, interval,
        draw(st.sampled_from([0, 0.0001, 16])), draw(st.booleans()), draw(st.booleans()),
    )  # fmt: skip


def model(case: Case) -> tuple[list[list[int] | None], int | None]:
    """Rows of each input, None of those that fail; the first that fails."""
    rows: list[list[int] | None] = []
    for value in case.data:
        found: list[Any] | None = [value]
        try:
            for ops, _ in case.stages:
                found = [new for v in found or [] for new in results(ops, v)]
        except Bad:
            found = None
        if found is not None and any(isinstance(v, Misfit) for v in found):
            found = None
        rows.append(found)
    return rows, next((i for i, found in enumerate(rows) if found is None), None)


def check(case: Case, ds: Any, scheduler: str) -> None:
    ds.create_tensor("x", dtype="int64")
    ds.create_tensor("g/text", htype="text")
    ds.append({"x": 99, "g/text": "99"})
    rows, first = model(case)
    data = np.array(case.data, np.int64) if case.array else case.data
    pipeline = deeplake.compose([stage(ops, how=how) for ops, how in case.stages])
    kept = [found or [] for found in rows]
    error: type[Exception] | None = None
    if case.ignore:
        error = AllSamplesSkippedError if rows and not any(r is not None for r in rows) else None
    elif first is not None:
        error = TransformError
        kept = kept[: first - first % case.interval] if case.interval else []
    event("fails" if error else "works")
    with (
        ds if case.block else nullcontext(),
        pytest.raises(error) if error else nullcontext() as caught,
    ):
        pipeline.eval(
            data, ds, case.workers, scheduler, False, ignore_errors=case.ignore,
            checkpoint_interval=case.interval, verbose=False, cache_size=case.cache,
        )  # fmt: skip
    if error is TransformError:
        assert caught is not None
        assert caught.value.index == first
        assert caught.value.sample == case.data[first or 0]
        assert isinstance(caught.value.__cause__, (Bad, SampleAppendError))
    expected = [99, *(v for found in kept for v in found)]
    assert [int(v[0]) for v in ds.x.numpy(aslist=True)] == expected
    assert [t.text() for t in ds["g/text"]] == [str(v) for v in expected]
    if case.interval and case.data:
        marks = [c["total_samples_processed"] for c in ds.commits]
        stop = len(case.data) if error is not TransformError else (first or 0) + 1
        assert marks == [*range(0, stop, case.interval)][::-1]


@settings(max_examples=150)
@given(cases(), st.sampled_from(["serial", "threaded"]))
def test_pipelines(case: Case, scheduler: str) -> None:
    check(case, deeplake.empty("mem://compute-model"), scheduler)


@settings(max_examples=5)
@given(cases=cases())
def test_pipelines_in_processes(cases: Case, tmp_path_factory: pytest.TempPathFactory) -> None:
    check(cases, deeplake.empty(tmp_path_factory.mktemp("model") / "ds"), "processed")
