"""Names of credentials (api.md, section 3)."""

from __future__ import annotations

import pytest

import deeplake
from deeplake import Dataset
from deeplake.dataset.credentials import populated
from deeplake.errors import InvalidOperationError, MissingCredsError, ReadOnlyModeError


def test_names(url: str) -> None:
    ds = deeplake.empty(url)
    assert ds.get_creds_keys() == set()
    ds.add_creds_key("one")
    ds.add_creds_key("two", managed=False)
    for found in (ds, deeplake.load(url)):
        assert found.get_creds_keys() == {"one", "two"}
        assert found.get_managed_creds_keys() == set()
    with pytest.raises(ValueError, match="'one' already"):
        ds.add_creds_key("one")
    with pytest.raises(ValueError, match="managed"):
        ds.add_creds_key("three", managed=True)
    with pytest.raises(ValueError, match="not empty"):
        ds.add_creds_key("")


def test_values_live_in_memory(local: Dataset) -> None:
    local.add_creds_key("one")
    local.add_creds_key("two")
    local.populate_creds("one", {"aws_access_key_id": "secret id"})
    local.populate_creds("two", from_environment=True)
    assert populated(local._checkout) == {"one": {"aws_access_key_id": "secret id"}, "two": {}}
    again = deeplake.load(local.path)
    assert populated(again._checkout) == {}
    store = local._checkout.repository.store
    assert not any(b"secret id" in bytes(store.get(o.key)) for o in store.list())


def test_populating(ds: Dataset) -> None:
    ds.add_creds_key("one")
    with pytest.raises(MissingCredsError, match="'nothing'.*'one'") as caught:
        ds.populate_creds("nothing", {})
    assert isinstance(caught.value, KeyError)
    with pytest.raises(ValueError, match="either"):
        ds.populate_creds("one")
    with pytest.raises(ValueError, match="either"):
        ds.populate_creds("one", {}, from_environment=True)


def test_update(ds: Dataset) -> None:
    ds.add_creds_key("one")
    ds.add_creds_key("two")
    ds.populate_creds("one", {"a": 1})
    ds.update_creds_key("one", "uno")
    ds.update_creds_key("uno", "uno")
    assert ds.get_creds_keys() == {"uno", "two"}
    assert populated(ds._checkout) == {"uno": {"a": 1}}
    with pytest.raises(KeyError, match="'one'"):
        ds.update_creds_key("one", "x")
    with pytest.raises(ValueError, match="'two' already"):
        ds.update_creds_key("uno", "two")
    with pytest.raises(ValueError, match="managed"):
        ds.update_creds_key("uno", managed=True)


def test_where_names_cannot_be_changed(local: Dataset) -> None:
    local.create_tensor("x").append(1)
    with pytest.raises(InvalidOperationError):
        local[0].add_creds_key("one")
    with pytest.raises(ReadOnlyModeError):
        deeplake.load(local.path, read_only=True).add_creds_key("one")


def test_the_name_can_be_given_by_keyword(ds: Dataset) -> None:
    for word in ("key", "creds_key"):
        name = f"given as {word}"
        ds.add_creds_key(**{word: name}, managed=False)
        ds.populate_creds(**{word: name}, creds={"a": 1})
        ds.update_creds_key(**{word: name}, new_creds_key=f"new {word}")
        assert populated(ds._checkout)[f"new {word}"] == {"a": 1}
    with pytest.raises(TypeError):
        ds.add_creds_key("one", creds_key="two")
