"""Tags: names of commits that stay."""

from __future__ import annotations

import pytest

import deeplake
from deeplake import Dataset
from deeplake.errors import CheckoutError, EmptyCommitError, InvalidOperationError


@pytest.fixture
def numbers(ds: Dataset) -> Dataset:
    ds.create_tensor("x")
    ds.x.extend([1, 2, 3])
    return ds


def test_tags(numbers: Dataset, url: str) -> None:
    assert numbers.tags == {}
    first = numbers.commit("one")
    assert numbers.create_tag("v1.0") == first
    numbers.x.append(4)
    second = numbers.commit("two")
    assert numbers.create_tag("b", first) == first
    assert numbers.create_tag("a", "main") == second
    assert numbers.create_tag("c", "a") == second
    assert numbers.tags == {"a": second, "b": first, "c": second, "v1.0": first}
    assert list(numbers.tags) == ["a", "b", "c", "v1.0"]
    assert len(deeplake.load(f"{url}@v1.0")) == 3
    numbers.checkout("v1.0")
    assert numbers.commit_id == first
    assert not numbers.is_head_node


def test_a_tag_is_of_the_last_commit(numbers: Dataset) -> None:
    first = numbers.commit("one")
    numbers.x.append(4)
    assert numbers.create_tag("now") == first
    assert numbers.create_tag("of-main", "main") == first
    assert numbers.has_head_changes


def test_without_a_commit_there_is_nothing_to_tag(numbers: Dataset) -> None:
    for address in (None, "main"):
        with pytest.raises(EmptyCommitError, match="no commit yet"):
            numbers.create_tag("v1", address)
    assert numbers.tags == {}


def test_a_tag_is_given_once(numbers: Dataset) -> None:
    first = numbers.commit()
    numbers.create_tag("v1")
    numbers.create_branch("side")
    for taken in ("v1", "main", "side", first):
        with pytest.raises(CheckoutError):
            numbers.create_tag(taken)
    with pytest.raises(CheckoutError, match="nowhere"):
        numbers.create_tag("v2", "nowhere")
    with pytest.raises(InvalidOperationError):
        numbers[0:1].create_tag("v2")
    assert numbers.tags == {"v1": first}


def test_delete_tag(numbers: Dataset, url: str) -> None:
    first = numbers.commit()
    numbers.create_tag("v1")
    numbers.delete_tag("v1")
    assert numbers.tags == {}
    with pytest.raises(KeyError, match="v1"):
        numbers.delete_tag("v1")
    assert len(deeplake.load(f"{url}@{first}")) == 3
    numbers.create_tag("v1")
    assert numbers.tags == {"v1": first}
