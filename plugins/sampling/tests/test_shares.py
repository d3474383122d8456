"""How many rows of each group are drawn."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import deeplake
from deeplake import errors, plugins
from deeplake.spi import Sampler
from deeplake_sampling import Balanced, Stratified

sizes_of_groups = st.lists(st.integers(1, 30), min_size=1, max_size=12)
seeds = st.integers(0, 2**32)


@pytest.fixture(autouse=True)
def _unseeded() -> Iterator[None]:
    yield
    deeplake.random.seed()


def drawn(
    sampler: Sampler, counts: list[int], size: int, *, replace: bool, seed: int
) -> np.ndarray:
    """Rows of each group among those drawn."""
    labels = np.random.default_rng(seed).permutation(np.repeat(np.arange(len(counts)), counts))
    rng = np.random.default_rng(seed)
    rows = sampler.order(labels, size=size, replace=replace, rng=rng)
    return np.bincount(labels[rows], minlength=len(counts))


@settings(deadline=None)
@given(sizes_of_groups, st.integers(0, 500), seeds)
def test_balanced_with_replacement(counts: list[int], size: int, seed: int) -> None:
    got = drawn(Balanced(), counts, size, replace=True, seed=seed)
    assert got.max() - got.min() <= 1


@settings(deadline=None)
@given(sizes_of_groups, st.floats(0, 1), seeds)
def test_balanced_without_replacement(counts: list[int], part: float, seed: int) -> None:
    size = int(part * sum(counts))
    got = drawn(Balanced(), counts, size, replace=False, seed=seed)
    assert got.sum() == size
    assert (got <= counts).all()
    # Whoever has fewer than another has given all.
    open_ = got < np.array(counts)
    if open_.any():
        assert got.max() - got[open_].min() <= 1


@settings(deadline=None)
@given(sizes_of_groups, st.integers(0, 500), st.booleans(), seeds)
def test_stratified(counts: list[int], size: int, replace: bool, seed: int) -> None:
    total = sum(counts)
    if not replace:
        size = min(size, total)
    got = drawn(Stratified(), counts, size, replace=replace, seed=seed)
    shares = [(size * count // total, -(-size * count // total)) for count in counts]
    assert all(low <= n <= high for (low, high), n in zip(shares, got, strict=True))


def test_fractions_are_rounded_up_as_often_as_they_say() -> None:
    counts = [1, 2, 3, 7, 30]
    many = sum(drawn(Stratified(), counts, 10, replace=False, seed=seed) for seed in range(4000))
    assert np.allclose(many / 4000, 10 * np.array(counts) / 43, atol=0.03)
    even = sum(drawn(Balanced(), counts, 7, replace=True, seed=seed) for seed in range(4000))
    assert np.allclose(even / 4000, 7 / 5, atol=0.03)


def test_each_row_of_a_group_is_as_likely() -> None:
    labels = np.array([0] * 3 + [1] * 17)
    for sampler, replace in itertools.product((Balanced(), Stratified()), (True, False)):
        rng = np.random.default_rng(1)
        counts = np.zeros(20)
        for _ in range(5000):
            np.add.at(counts, sampler.order(labels, size=8, replace=replace, rng=rng), 1)
        for group in (counts[:3], counts[3:]):
            # Six standard deviations.
            assert np.ptp(group) < 6 * np.sqrt(group.mean())


# --------------------------------------------------------------------------- of datasets
@pytest.fixture
def ds() -> deeplake.Dataset:
    ds = deeplake.empty("mem://plugin-sampling")
    names = ["cat", "dog", "cow"]
    with ds:
        ds.create_tensor("labels", htype="class_label", class_names=names)
        ds.create_tensor("kind", htype="text")
        ds.labels.extend([0] * 90 + [1] * 9 + [2])
        ds.kind.extend(["common"] * 90 + ["rare"] * 10)
    return ds


def test_a_balanced_view(ds: deeplake.Dataset) -> None:
    labels = ds.labels.numpy().ravel()
    view = ds.sample_by(labels, sampler="balanced", size=300)
    assert np.bincount(view.labels.numpy().ravel()).tolist() == [100, 100, 100]
    kinds = ds.sample_by(ds.kind.data()["value"], sampler="balanced", size=10, replace=False)
    assert sorted(kinds.kind.data()["value"]) == ["common"] * 5 + ["rare"] * 5


def test_a_stratified_loader_is_the_view(ds: deeplake.Dataset) -> None:
    deeplake.random.seed(5)
    labels = ds.labels.numpy().ravel()
    options = {"sampler": "stratified", "size": 20, "replace": False}
    view = ds.sample_by(labels, **options)
    assert set(np.bincount(view.labels.numpy().ravel(), minlength=3)[:2]) <= {18, 1, 2}
    loader = ds.dataloader().sample_by(labels, **options).batch(20).numpy()
    [batch] = loader
    assert [int(s["labels"].item()) for s in batch] == view.labels.numpy().ravel().tolist()


def test_the_same_seed_draws_the_same_rows(ds: deeplake.Dataset) -> None:
    labels = ds.labels.numpy().ravel()
    for key in ("balanced", "stratified"):
        deeplake.random.seed(5)
        first = list(ds.sample_by(labels, sampler=key).sample_indices)
        assert list(ds.sample_by(labels, sampler=key).sample_indices) == first
        deeplake.random.seed(6)
        assert list(ds.sample_by(labels, sampler=key).sample_indices) != first


def test_rows_without_a_group_are_named(ds: deeplake.Dataset) -> None:
    values = np.zeros(100)
    values[37] = np.nan
    with pytest.raises(errors.WeightsError, match="row 37 is in no group: its value is nan"):
        ds.sample_by(values, sampler="balanced")
    with pytest.raises(errors.WeightsError, match="must be of one kind"):
        ds.sample_by(np.array([1, "a"] * 50, object), sampler="stratified")


def test_they_are_installed_under_their_keys() -> None:
    assert type(plugins.get("sampler", "balanced")) is Balanced
    assert type(plugins.get("sampler", "stratified")) is Stratified
