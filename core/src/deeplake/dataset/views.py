"""Saved views: a selection of rows of a commit under a name, optionally with a copy of the rows."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from deeplake.dataset import rowset
from deeplake.dataset.checkout import Checkout
from deeplake.dataset.clock import when
from deeplake.dataset.selection import Selection
from deeplake.errors import (
    DatasetViewSavingError,
    ObjectNotFoundError,
    PreconditionFailedError,
    ReadOnlyModeError,
)
from deeplake.format import envelope
from deeplake.format.commit import Commit
from deeplake.versioning.repository import quoted
from deeplake.versioning.session import Session

if TYPE_CHECKING:
    from deeplake.dataset.dataset import Dataset
    from deeplake.types import PathLike

PREFIX = "views/"
FOLDER = ".queries"
"""In the paths of saved views, between the dataset's path and the view's id."""


def save(
    dataset: Dataset,
    message: str | None,
    view_id: str | None,
    *,
    optimize: bool,
    tensors: Sequence[str] | None,
    overwrite: bool,
    verbose: bool = False,
    path: PathLike | None = None,
    ds_args: Mapping[str, Any] | None = None,
    query: str | None = None,
) -> str:
    """Save a view in its dataset (see ``Dataset.save_view``)."""
    if ds_args:
        raise TypeError(f"{', '.join(ds_args)} can only be given with path=…")
    checkout = dataset._checkout
    session = checkout.session
    if view_id is not None and not isinstance(view_id, str):
        raise TypeError(f"the id of a view is a str, not {type(view_id).__name__}")
    if not checkout.repository.store.capabilities.writable or checkout.read_only:
        raise ReadOnlyModeError(
            f"{checkout.path} is read only; save the view elsewhere with path=…"
        )
    if session.has_changes or session.commit_id is None:
        raise DatasetViewSavingError(
            f"branch {session.branch!r} of {checkout.path} has changes that are not committed; "
            "commit first, so that the view keeps meaning the same rows"
        )
    length = dataset._length()
    rows = rowset.to_json(dataset.index, length)
    names = list(dataset._names) if dataset._names is not None else None
    chosen = view_id or _default_id(checkout, rows, session.pending_id, query)
    value: dict[str, Any] = {
        "id": chosen, "message": message, "query": query, "commit": session.base.id,
        "branch": session.branch, "created_at": time.time(), "rows": rows, "tensors": names,
        "group": dataset.group_index, "source": checkout.path, "materialized": None,
    }  # fmt: skip
    checkout.repository.keep(session.base)
    if optimize:
        value["materialized"] = _materialize(dataset, tensors)
    data = envelope.wrap("view", value)
    try:
        checkout.repository.store.put(_key(chosen), data, if_absent=not overwrite)
    except PreconditionFailedError:
        raise DatasetViewSavingError(
            f"{checkout.path} has a view {chosen!r} already; pass overwrite=True to replace it"
        ) from None
    if verbose and dataset.verbose:
        print(f"Dataset view successfully saved at {checkout.path}/{FOLDER}/{chosen}")
    return f"{checkout.path}/{FOLDER}/{chosen}"


def save_at(
    dataset: Dataset,
    message: str | None,
    view_id: str | None,
    *,
    optimize: bool,
    tensors: Sequence[str] | None,
    overwrite: bool,
    verbose: bool,
    path: PathLike | None,
    ds_args: Mapping[str, Any],
) -> str:
    """Save a view as a dataset of its own, with a copy of the rows."""
    from deeplake.dataset.entry import empty

    assert path is not None
    if str(path) == dataset.path:
        raise DatasetViewSavingError(f"{path} is the dataset of the view; choose another path")
    session = dataset._checkout.session
    if session.has_changes or session.commit_id is None:
        raise DatasetViewSavingError(
            f"branch {session.branch!r} of {dataset.path} has changes that are not committed"
        )
    target = empty(path, overwrite=overwrite, **ds_args)
    dataset.copy(target, tensors=tensors, progressbar=False)
    target.info.update(
        {"id": view_id, "message": message, "source-dataset": dataset.path,
         "source-dataset-version": session.commit_id}
    )  # fmt: skip
    if verbose and dataset.verbose:
        print(f"Dataset view successfully saved at {target.path}")
    return str(target.path)


def _key(view_id: str) -> str:
    return PREFIX + quoted(view_id)


def _default_id(checkout: Checkout, rows: Mapping[str, Any], pending: str, query: Any) -> str:
    parts = (checkout.path, json.dumps(rows, sort_keys=True), pending, str(query))
    return hashlib.sha3_256("".join(parts).encode()).hexdigest()


def _materialize(dataset: Dataset, tensors: Sequence[str] | None) -> str:
    """Copy the view's rows into chunks of their own; returns the id of the state that has them."""
    source = dataset._checkout.session
    session = Session(dataset._checkout.repository, source.base, None, None, source.branch)
    wanted = set(dataset._visible() if tensors is None else tensors)
    prefix = f"{dataset.group_index}/" if dataset.group_index else ""
    rows = dataset.index.rows(dataset._length())
    for tid, draft in list(session.tensors.items()):
        name = draft.schema.name
        if not name.startswith(prefix) or name[len(prefix) :] not in wanted:
            session.drop_tensor(tid)
            continue
        if dataset.index.index is not None:
            numbers = np.atleast_1d(np.asarray(rows, np.int64))
            draft.edit(draft.sealed().gather(numbers))
        draft.rewrite()
    return session.keep_state("view")


class ViewEntry:
    """A saved view, not loaded yet.

    Attributes:
        info: Everything that was saved, as a dict.
    """

    def __init__(self, dataset: Dataset, info: Mapping[str, Any]) -> None:
        self._dataset = dataset
        self.info: dict[str, Any] = {
            "id": info["id"],
            "message": info.get("message"),
            "query": info.get("query"),
            "virtual-datasource": info.get("materialized") is None,
            "source-dataset": info.get("source"),
            "source-dataset-version": info["commit"],
            "created_at": when(float(info.get("created_at", 0.0))),
        }
        self._value = info

    @property
    def id(self) -> str:
        """Its name."""
        return str(self._value["id"])

    @property
    def message(self) -> str | None:
        """What was said when it was saved."""
        return self._value.get("message")

    @property
    def query(self) -> str | None:
        """The query that made it."""
        return self._value.get("query")

    tql_query = query

    @property
    def commit_id(self) -> str:
        """The commit whose rows it selects."""
        return str(self._value["commit"])

    @property
    def virtual(self) -> bool:
        """Whether it only refers to rows, and has no copy of them."""
        return self._value.get("materialized") is None

    @property
    def source_dataset_path(self) -> str:
        """Path of the dataset."""
        return str(self._dataset.path)

    def __getitem__(self, key: str) -> Any:
        return self.info[key]

    def get(self, key: str, default: Any = None) -> Any:
        """An entry of ``info``."""
        return self.info.get(key, default)

    def load(self, verbose: bool = True) -> Dataset:
        """The view."""
        checkout = self._dataset._checkout
        current = checkout.session.commit_id
        if verbose and current != self.commit_id and self._dataset.verbose:
            print(f"This view was saved at commit {self.commit_id}; {current} is checked out.")
        return _load(self._dataset, self._value)

    def optimize(
        self,
        tensors: Sequence[str] | None = None,
        unlink: bool = True,
        num_workers: int = 0,
        scheduler: str = "threaded",
        progressbar: bool = True,
    ) -> ViewEntry:
        """Copy the view's rows into chunks of their own, so that they are read in one go.

        Args:
            tensors: Names of the tensors to keep; None for all.
            unlink, num_workers, scheduler, progressbar: Accepted for compatibility.
        """
        if self.virtual:
            view = _load(self._dataset, self._value)
            value = {**self._value, "materialized": _materialize(view, tensors)}
            store = self._dataset._checkout.repository.store
            store.put(_key(self.id), envelope.wrap("view", value))
            return ViewEntry(self._dataset, value)
        return self

    def delete(self) -> None:
        """Forget the view; the rows stay."""
        delete(self._dataset, self.id)

    def __repr__(self) -> str:
        return f"View(id={self.id!r}, message={self.message!r}, virtual={self.virtual})"


def _load(dataset: Dataset, value: Mapping[str, Any]) -> Dataset:
    from deeplake.dataset.dataset import Dataset as Kind

    checkout = dataset._checkout
    repository = checkout.repository
    name = _key(str(value["id"]))
    materialized = value.get("materialized")
    state: Commit = repository.read_commit(str(materialized or value["commit"]))
    session = Session(repository, state, None, None, str(value.get("branch", "main")))
    frozen = Checkout(checkout.path, session, read_only=True)
    selection = rowset.from_json(value["rows"], name)
    indices: Selection | None = None
    if materialized is not None:
        indices = selection
        whole = None if not selection.is_single else 0
        selection = Selection(whole, selection.steps)
    names = value.get("tensors")
    return Kind(
        frozen,
        selection=selection,
        group=str(value.get("group") or ""),
        names=None if names is None else tuple(names),
        verbose=dataset.verbose,
        source_rows=indices,
    )


def entries(dataset: Dataset, commit_id: str | None = None) -> list[ViewEntry]:
    """Saved views, oldest first; of one commit, or of all."""
    store = dataset._checkout.repository.store
    found = []
    for info in store.list(PREFIX):
        value = envelope.unwrap("view", store.get(info.key), info.key)
        if commit_id is None or value.get("commit") == commit_id:
            found.append(ViewEntry(dataset, value))
    return sorted(found, key=lambda entry: float(entry._value.get("created_at", 0.0)))


def entry(dataset: Dataset, view_id: str) -> ViewEntry:
    """A saved view. Raises ``KeyError`` if there is none of this id."""
    key = _key(view_id)
    try:
        data = dataset._checkout.repository.store.get(key)
    except ObjectNotFoundError:
        raise KeyError(f"{dataset.path} has no view {view_id!r}") from None
    return ViewEntry(dataset, envelope.unwrap("view", data, key))


def delete(dataset: Dataset, view_id: str) -> None:
    """Forget a saved view. Raises ``KeyError`` if there is none of this id."""
    dataset._checkout.check_writable()
    entry(dataset, view_id)
    dataset._checkout.repository.store.delete([_key(view_id)])


__all__ = ["ViewEntry", "delete", "entries", "entry", "save"]
