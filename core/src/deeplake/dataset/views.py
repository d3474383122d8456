"""Saved views: a selection of rows of a commit under a name, optionally with a copy of the rows."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from deeplake.dataset import copying, downsampling, linkcheck, materializing, rowset
from deeplake.dataset.checkout import Checkout
from deeplake.dataset.clock import when
from deeplake.dataset.extent import Padding
from deeplake.dataset.info import check_text
from deeplake.dataset.reader import TensorReader
from deeplake.dataset.selection import Selection
from deeplake.dataset.sequence_reader import SequenceReader
from deeplake.errors import (
    DatasetViewSavingError,
    ObjectNotFoundError,
    PreconditionFailedError,
    ReadOnlyModeError,
)
from deeplake.format import envelope
from deeplake.format.commit import Commit
from deeplake.spi import Store
from deeplake.versioning.repository import MAX_NAME, quoted
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
    query: str | None = None,
    ignore_errors: bool = False,
) -> str:
    """Save a view in its dataset (see ``Dataset.save_view``)."""
    _check_id(view_id)
    if message is not None:
        check_text(message, "the message of a view")
    checkout = dataset._checkout
    if ignore_errors and (optimize or checkout.virtual):
        dataset = _readable(dataset, tensors)
    if not checkout.saves:
        raise ReadOnlyModeError(
            f"{checkout.path} is read only; save the view elsewhere with path=…"
        )
    commit = _committed(dataset)
    selection = _of_source(dataset)
    rows = rowset.to_json(selection, dataset._length())
    optimize = optimize or checkout.virtual
    chosen = view_id or _default_id(checkout, rows, query)
    value: dict[str, Any] = {
        "id": chosen, "message": message, "query": query, "commit": commit,
        "branch": checkout.session.branch, "created_at": time.time(), "rows": rows,
        "tensors": _names(dataset), "group": dataset.group_index, "padded": dataset._padded,
        "source": checkout.path, "materialized": None,
    }  # fmt: skip
    if checkout.origin is None or checkout.virtual:
        checkout.session.home.keep(checkout.session.base)
    if optimize:
        value["materialized"] = _materialize(dataset, tensors)
    data = envelope.wrap("view", value)
    try:
        checkout.session.home.store.put(_key(chosen), data, if_absent=not overwrite)
    except PreconditionFailedError:
        raise DatasetViewSavingError(
            f"{checkout.path} has a view {chosen!r} already; pass overwrite=True to replace it"
        ) from None
    return _saved(dataset, f"{checkout.path}/{FOLDER}/{chosen}", verbose)


def save_at(
    dataset: Dataset,
    message: str | None,
    view_id: str | None,
    path: PathLike,
    *,
    tensors: Sequence[str] | None,
    overwrite: bool,
    verbose: bool,
    query: str | None,
    ds_args: Mapping[str, Any],
) -> str:
    """Save a view as a dataset of its own, with a copy of the rows."""
    from deeplake.dataset.entry import empty, is_at

    _check_id(view_id)
    if message is not None:
        check_text(message, "the message of a view")
    if is_at(dataset, path):
        raise DatasetViewSavingError(f"{path} is the dataset of the view; choose another path")
    commit = _committed(dataset)
    selection = _of_source(dataset)
    target = empty(path, overwrite=overwrite, **ds_args)
    copied = dataset.copy(target, tensors=tensors, progressbar=False)
    name = view_id or _default_id(
        dataset._checkout, rowset.to_json(selection, dataset._length()), query or ""
    )
    about = {"id": name, "message": message, "query": query, "commit": commit, "source": dataset.path,
             "rows": rowset.to_json(selection, dataset._length()), "materialized": name}  # fmt: skip
    copied.root.info.update(ViewEntry(dataset, about).info)
    return _saved(dataset, str(target.path), verbose)


def _saved(dataset: Dataset, path: str, verbose: bool) -> str:
    if verbose and dataset.verbose:
        print(f"Dataset view successfully saved at {path}")
    return path


def _check_id(view_id: object) -> None:
    """Raise ``TypeError`` or ``DatasetViewSavingError`` if a view cannot be called this."""
    if view_id is None:
        return
    try:
        check_text(view_id, "the id of a view")
    except ValueError as error:
        raise DatasetViewSavingError(str(error)) from error
    assert isinstance(view_id, str)
    if not view_id or len(quoted(view_id)) > MAX_NAME:
        raise DatasetViewSavingError(f"{view_id!r:.90} cannot be the id of a view: choose another")


def _committed(dataset: Dataset) -> str:
    """The commit whose rows a view shows.

    Raises:
        DatasetViewSavingError: It shows rows that are not committed.
    """
    checkout = dataset._checkout
    dataset._check_valid()
    checkout = dataset._checkout
    session = checkout.session
    if checkout.origin is not None:
        return checkout.origin
    if checkout.virtual or session.has_changes or session.commit_id is None:
        raise DatasetViewSavingError(
            f"branch {session.branch!r} of {checkout.path} has changes that are not committed; "
            "commit first, so that the view keeps meaning the same rows"
        )
    return session.base.id


def _of_source(dataset: Dataset) -> Selection:
    """What is selected, in rows of the commit, also if the view has a copy of them."""
    source = dataset._source_rows
    if source is None:
        return dataset.index
    length = dataset._length()
    index = dataset.index.index
    whole = Selection(source.index)
    if index is not None and not whole.is_single:
        whole = whole.select(index, length)
    return Selection(whole.index, dataset.index.steps)


def _names(dataset: Dataset) -> list[str] | None:
    """Full names of the tensors of a view, if it has not all of its group."""
    if dataset._checkout.origin is not None:
        return [dataset[name].key for name in dataset.tensors]
    return None if dataset._names is None else list(dataset._names)


def _key(view_id: str) -> str:
    return PREFIX + quoted(view_id)


def _default_id(checkout: Checkout, rows: Mapping[str, Any], query: str | None) -> str:
    parts = (checkout.path, json.dumps(rows, sort_keys=True), checkout.session.pending_id, query)
    return hashlib.sha3_256("".join(map(str, parts)).encode()).hexdigest()


def _readable(dataset: Dataset, tensors: Sequence[str] | None) -> Dataset:
    """The rows whose links, of the tensors that are copied, can all be read."""
    by_name = dataset._checkout.session.by_name
    drafts = [by_name[name] for name in copying.full_names(dataset, tensors)]
    links = [dataset._tensor(draft) for draft in drafts if draft.schema.is_link]
    broken = {link.row for tensor in links for link in linkcheck.check(tensor, progressbar=False)}
    if not broken:
        return dataset
    rows = dataset._selection.rows(dataset._length())
    numbers = [rows] if isinstance(rows, int) else rows
    view: Dataset = dataset[[i for i, row in enumerate(numbers) if int(row) not in broken]]
    return view


def _materialize(dataset: Dataset, tensors: Sequence[str] | None, *, unlink: bool = True) -> str:
    """Copy the view's rows into chunks of their own; returns the id of the state that has them."""
    source = dataset._checkout.session
    session = source.aside()
    wanted = set(copying.full_names(dataset, tensors))
    for name in [*wanted]:
        wanted.update(downsampling.names(source.by_name[name].schema))
    for tid, draft in list(session.tensors.items()):
        if draft.schema.name not in wanted:
            session.drop_tensor(tid)
            continue
        draft.edit(copying.selected_rows(draft, dataset))
        if unlink and draft.schema.is_link:
            kind = SequenceReader if draft.schema.is_sequence else TensorReader
            reader = kind(session.blocks, draft.schema, draft.sealed())
            reader.linker, reader.info = dataset._checkout.linker, draft.info
            materializing.unlink(session, draft, reader)
        draft.rewrite()
    return session.keep_state("view")


class ViewEntry:
    """A saved view, not loaded yet.

    Attributes:
        info: Everything that was saved, as a dict.
    """

    def __init__(self, dataset: Dataset, info: Mapping[str, Any]) -> None:
        self._dataset = dataset
        index = rowset.from_json(info["rows"], "a view").to_json()
        self.info: dict[str, Any] = {
            "id": info["id"],
            "message": info.get("message"),
            "query": info.get("query"),
            "tql_query": info.get("query"),
            "virtual-datasource": info.get("materialized") is None,
            "source-dataset": info.get("source"),
            "source-dataset-version": info["commit"],
            "source-dataset-index": index,
            "first-index-subscriptable": not isinstance(index[0], int),
            "sub-sample-index": index[1:],
            "created_at": when(float(info.get("created_at", time.time()))),
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
            unlink: Store what links lead to; else they stay links.
            num_workers, scheduler, progressbar: Accepted for compatibility.

        Raises:
            ReadOnlyModeError: The dataset is read only.
            SampleUpdateError: What a link leads to cannot be read.
        """
        _check_saves(self._dataset)
        if not self.virtual:
            return self
        view = _load(self._dataset, self._value)
        value = {**self._value, "materialized": _materialize(view, tensors, unlink=unlink)}
        store = self._dataset._checkout.repository.store
        store.put(_key(self.id), envelope.wrap("view", value))
        return ViewEntry(self._dataset, value)

    def delete(self) -> None:
        """Forget the view; the rows stay."""
        delete(self._dataset, self.id)

    def __repr__(self) -> str:
        return f"View(id={self.id!r}, message={self.message!r}, virtual={self.virtual})"


def _check_saves(dataset: Dataset) -> None:
    """Raise ``ReadOnlyModeError`` if views of the dataset cannot be changed."""
    if not dataset._checkout.saves:
        raise ReadOnlyModeError(f"{dataset.path} is read only: its views cannot be changed")


def _load(dataset: Dataset, value: Mapping[str, Any]) -> Dataset:
    from deeplake.dataset.dataset import Dataset as Kind

    checkout = dataset._checkout
    name = _key(str(value["id"]))
    materialized = value.get("materialized")
    state: Commit = checkout.repository.read_commit(str(materialized or value["commit"]))
    session = Session(checkout.repository, state, None, None, str(value.get("branch", "main")))
    frozen = Checkout(
        checkout.path, session, read_only=True, saves=checkout.saves,
        origin=None if materialized is None else str(value["commit"]), lender=checkout.lender,
    )  # fmt: skip
    selection = rowset.from_json(value["rows"], name)
    source_rows: Selection | None = None
    if materialized is not None:
        source_rows = selection
        selection = Selection(0 if selection.is_single else None, selection.steps)
    names = value.get("tensors")
    return Kind(
        frozen,
        selection=selection,
        group=str(value.get("group") or ""),
        names=None if names is None else tuple(names),
        padded=_padding(value.get("padded")),
        verbose=dataset.verbose,
        source_rows=source_rows,
    )


def _padding(value: object) -> Padding:
    """What was written down of a view; by early versions as a truth value."""
    return "none" if value == "none" else "empty" if value else ""


def entries(dataset: Dataset, commit_id: str | None = None) -> list[ViewEntry]:
    """Saved views, oldest first; of one commit, or of all."""
    repository = dataset._checkout.repository
    found = []
    for info in repository.store.list(PREFIX):
        value, _ = repository.unwrap("view", info.key, repository.store.get(info.key))
        if commit_id is None or value.get("commit") == commit_id:
            found.append(ViewEntry(dataset, value))
    return sorted(found, key=lambda entry: float(entry._value.get("created_at", 0.0)))


def entry(dataset: Dataset, view_id: str) -> ViewEntry:
    """A saved view. Raises ``KeyError`` if there is none of this id."""
    key = _key(str(view_id))
    data = None
    if 0 < len(key) - len(PREFIX) <= MAX_NAME:
        with suppress(ObjectNotFoundError):
            data = dataset._checkout.repository.store.get(key)
    if data is None:
        known = ", ".join(repr(found.id) for found in entries(dataset)) or "none"
        raise KeyError(f"{dataset.path} has no view {view_id!r:.90}; there are {known}")
    value, _ = dataset._checkout.repository.unwrap("view", key, data)
    return ViewEntry(dataset, value)


def exists(store: Store, view_id: str) -> bool:
    """Whether a dataset has a saved view."""
    if not view_id or len(quoted(view_id)) > MAX_NAME:
        return False
    try:
        store.head(_key(view_id))
    except ObjectNotFoundError:
        return False
    return True


def delete(dataset: Dataset, view_id: str) -> None:
    """Forget a saved view. Raises ``KeyError`` if there is none of this id."""
    _check_saves(dataset)
    entry(dataset, view_id)
    dataset._checkout.repository.store.delete([_key(view_id)])


__all__ = ["FOLDER", "ViewEntry", "delete", "entries", "entry", "exists", "save", "save_at"]
