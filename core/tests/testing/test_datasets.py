"""The strategies draw datasets that the kernel takes, and resumable loaders are told from others."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import deeplake
from deeplake.testing.datasets import TENSORS, columns, queries, rows, schemas, selections
from deeplake.testing.loader import assert_resumable

numbers = itertools.count()


def dataset(schema: Any, drawn: list[Any]) -> deeplake.Dataset:
    ds = deeplake.empty(f"mem://datasets-{next(numbers)}")
    for name, arguments in schema.items():
        ds.create_tensor(name, **arguments)
    if drawn:
        ds.extend(columns(drawn))
    return ds


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_rows_fit_their_schema(data: st.DataObject) -> None:
    schema = data.draw(schemas())
    drawn = data.draw(rows(schema))
    ds = dataset(schema, drawn)
    assert len(ds) == len(drawn)
    assert set(ds.tensors) == set(schema)
    for row in drawn:
        ds.append(row)
    assert len(ds) == 2 * len(drawn)


@pytest.mark.parametrize("arguments", TENSORS, ids=lambda a: "-".join(map(str, a.values()))[:40])
def test_every_tensor_is_drawn(arguments: Any) -> None:
    @settings(max_examples=20, deadline=None)
    @given(data=st.data())
    def check(data: st.DataObject) -> None:
        drawn = data.draw(rows({"t": arguments}, min_size=1))
        assert len(dataset({"t": arguments}, drawn)["t"]) == len(drawn)

    check()


@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_selections_mean_what_they_mean_to_numpy(data: st.DataObject) -> None:
    length = data.draw(st.integers(0, 6))
    index = data.draw(selections(length))
    ds = deeplake.empty(f"mem://datasets-{next(numbers)}")
    ds.create_tensor("x", dtype="int64").extend(np.arange(length))
    expected = np.arange(length)[index]
    got = ds.x[index].numpy(aslist=True)
    assert np.ravel(got).tolist() == np.ravel(expected).tolist()


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_queries_are_answered(data: st.DataObject) -> None:
    schema = data.draw(schemas())
    ds = dataset(schema, data.draw(rows(schema)))
    view = ds.query(data.draw(queries(schema)))
    assert len(view) <= len(ds)


# --------------------------------------------------------------------------- loaders
def loader() -> Any:
    deeplake.random.seed(7)
    return NUMBERS.dataloader().batch(3).shuffle().numpy()


NUMBERS = deeplake.empty("mem://datasets-loader")
NUMBERS.create_tensor("x").extend(np.arange(10))
NUMBERS.create_tensor("t", htype="text").extend([str(i) for i in range(10)])


def test_the_loader_is_resumable() -> None:
    assert_resumable(loader, epochs=2)
    assert_resumable(loader, positions=2)


class Wrapped:
    """A loader that is almost right."""

    def __init__(self) -> None:
        self.loader = loader()

    def __iter__(self) -> Iterator[Any]:
        return iter(self.loader)

    def state_dict(self) -> Any:
        return self.loader.state_dict()

    def load_state_dict(self, state: Any) -> None:
        self.loader.load_state_dict(state)


class Forgets(Wrapped):
    def load_state_dict(self, state: Any) -> None: ...


class OneLate(Wrapped):
    def state_dict(self) -> Any:
        state = dict(super().state_dict())
        key = (
            "position"
            if "position" in state
            else next(k for k, v in state.items() if type(v) is int)
        )
        state[key] += 3
        return state


class AnotherOrder(Wrapped):
    seeds = itertools.count()

    def __iter__(self) -> Iterator[Any]:
        self.loader.set_epoch(self.loader.epoch + next(self.seeds) * 7)
        return iter(self.loader)


class LosesTheLast(Wrapped):
    def __iter__(self) -> Iterator[Any]:
        if not hasattr(self, "resumed"):
            return super().__iter__()
        batches = list(self.loader)
        return iter(batches[:-1])

    def load_state_dict(self, state: Any) -> None:
        self.resumed = True
        super().load_state_dict(state)


@pytest.mark.parametrize("broken", [Forgets, OneLate, AnotherOrder, LosesTheLast])
def test_loaders_that_go_on_differently_are_found(broken: Any) -> None:
    with pytest.raises((AssertionError, deeplake.errors.LoaderError)):
        assert_resumable(broken)


def test_a_loader_without_batches_shows_nothing() -> None:
    class Empty(Wrapped):
        def __iter__(self) -> Iterator[Any]:
            return iter(())

    with pytest.raises(AssertionError, match="nothing to compare"):
        assert_resumable(Empty)
