"""Datasets that are made from others: ``deeplake.like``, ``copy`` and ``deepcopy``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from deeplake.dataset import copying
from deeplake.dataset.checkout import Checkout
from deeplake.dataset.credentials import adopt, names_by_id
from deeplake.dataset.dataset import Dataset
from deeplake.dataset.entry import (
    check_may_replace,
    default_selection,
    empty,
    is_at,
    load,
    no_address,
    opened,
)
from deeplake.dataset.sample import Creds
from deeplake.dataset.tensor import Tensor
from deeplake.errors import DatasetHandlerError, UnsupportedParameterException
from deeplake.storage import url as urls
from deeplake.storage.opening import open_store
from deeplake.types import PathLike
from deeplake.versioning.repository import Repository
from deeplake.versioning.session import Session


def like(
    dest: PathLike | Dataset,
    src: PathLike | Dataset,
    runtime: Mapping[str, Any] | None = None,
    tensors: Sequence[str] | None = None,
    overwrite: bool = False,
    creds: Creds = None,
    token: str | None = None,
    org_id: str | None = None,
    public: bool = False,
    verbose: bool = True,
) -> Dataset:
    """Create a dataset with the tensors and info of another one, without samples.

    Args:
        dest: Path of the new dataset, or a dataset to add the tensors to.
        src: The other dataset.
        tensors: Names of tensors and groups; None for all.
        overwrite: Delete a dataset that is there already.
        creds: Credentials of the store.
        runtime, token, org_id, public: Accepted for compatibility.
        verbose: Print what long operations do.

    Raises:
        DatasetHandlerError: ``dest`` exists, and ``overwrite`` is False.
        ValueError: ``org_id`` for a dataset that is not local.
    """
    if (
        org_id is not None
        and not isinstance(dest, Dataset)
        and urls.split(dest).scheme != urls.FILE
    ):
        raise ValueError(f"org_id is for local datasets, which {dest} is not")
    source = src if isinstance(src, Dataset) else load(src, creds=creds)
    prefix = f"{source.group_index}/" if source.group_index else ""
    names = [name.removeprefix(prefix) for name in copying.full_names(source, tensors)]
    taken = [(name, source[name]) for name in names]
    info = {} if source.group_index else dict(source.info)
    groups = source.meta.groups if tensors is None else ()
    schemas = [(name, tensor._schema, dict(tensor._draft.info)) for name, tensor in taken]
    target = dest if isinstance(dest, Dataset) else empty(dest, overwrite=overwrite, creds=creds,
                                                          verbose=verbose)  # fmt: skip
    with target:
        for name, schema, tensor_info in schemas:
            target._add_like(name, schema, tensor_info)
        if any(schema.is_link for _, schema, _ in schemas):
            adopt(target._checkout, names_by_id(source._checkout), source._checkout.lender.values)
        for group in groups:
            target.create_group(group, exist_ok=True)
        if info:
            target.info.replace_with(info)
    return target


def copy(
    src: PathLike | Dataset,
    dest: PathLike | Dataset,
    runtime: Mapping[str, Any] | None = None,
    tensors: Sequence[str] | None = None,
    overwrite: bool = False,
    src_creds: Creds = None,
    dest_creds: Creds = None,
    token: str | None = None,
    num_workers: int = 0,
    scheduler: str = "threaded",
    progressbar: bool = True,
    **kwargs: Any,
) -> Dataset:
    """Copy one version of a dataset, or a view, without its history.

    Args:
        src: Path, with ``@version`` if it is not the head of main, or a dataset or view.
        dest: Path of the copy, or an empty dataset.
        tensors: Names of the tensors; None for all.
        overwrite: Delete a dataset that is there already.
        src_creds, dest_creds: Credentials of the stores.
        progressbar: Show progress.
        runtime, token, num_workers, scheduler: Accepted for compatibility.
        **kwargs: ``unlink=True``: store what links lead to. No others are supported.

    Raises:
        UnsupportedParameterException: Any further argument.
        DatasetHandlerError: ``dest`` exists, and ``overwrite`` is False.
    """
    unlink = bool(kwargs.pop("unlink", False))
    _no_more(kwargs)
    source = src if isinstance(src, Dataset) else load(src, creds=src_creds, read_only=True)
    return source.copy(
        dest, tensors=tensors, overwrite=overwrite, creds=dest_creds, progressbar=progressbar,
        unlink=unlink,
    )  # fmt: skip


def copy_into(
    source: Dataset,
    dest: PathLike | Dataset,
    tensors: Sequence[str] | None,
    *,
    overwrite: bool,
    creds: Creds,
    progressbar: bool,
    unlink: bool = False,
) -> Dataset:
    """Copy the rows that a dataset or view selects (see ``Dataset.copy``)."""
    source._check_valid()
    copying.full_names(source, tensors)  # before anything is created
    target = dest
    if not isinstance(target, Dataset):
        if is_at(source, target):
            raise DatasetHandlerError(f"{dest} cannot be copied to itself")
        target = empty(target, overwrite=overwrite, creds=creds)
    copying.copy_rows(source, target, tensors, progressbar=progressbar, unlink=unlink)
    selection = default_selection(target._checkout.session)
    return target if selection.is_all else Dataset(target._checkout, selection=selection)


def _no_more(kwargs: Mapping[str, Any]) -> None:
    if kwargs:
        raise UnsupportedParameterException(
            f"{', '.join(sorted(kwargs))}: not supported; credentials go into src_creds and dest_creds"
        )


def deepcopy(
    src: PathLike | Dataset,
    dest: PathLike,
    runtime: Mapping[str, Any] | None = None,
    tensors: Sequence[str] | None = None,
    overwrite: bool = False,
    src_creds: Creds = None,
    dest_creds: Creds = None,
    token: str | None = None,
    num_workers: int = 0,
    scheduler: str = "threaded",
    progressbar: bool = True,
    public: bool = False,
    verbose: bool = True,
    **kwargs: Any,
) -> Dataset:
    """Copy a dataset with all its versions.

    An interrupted copy does not exist as a dataset; run again, it goes on where it was.

    Args:
        src: Path or dataset.
        dest: Path of the copy.
        tensors: Names of the tensors and groups that all versions of the copy keep; None for all.
        overwrite: Delete a dataset that is there already.
        src_creds, dest_creds: Credentials of the stores.
        num_workers: Threads; 0: as many as are useful.
        progressbar: Show progress.
        runtime, token, scheduler, public: Accepted for compatibility.
        verbose: Print what long operations do.
        **kwargs: None are supported.

    Raises:
        TypeError: ``src`` is a view or a group.
        DatasetHandlerError: ``dest`` exists, and ``overwrite`` is False.
    """
    _no_more(kwargs)
    if isinstance(src, Tensor):
        raise TypeError(f"deepcopy copies whole datasets, and {src!r} is a tensor of one")
    source = src if isinstance(src, Dataset) else load(src, creds=src_creds, read_only=True)
    if source.is_optimized and not source.group_index:
        # A saved view with a copy of its rows has no history but this.
        return source.copy(
            dest, tensors=tensors, overwrite=overwrite, creds=dest_creds, progressbar=progressbar
        )
    if not _is_whole(source):
        raise TypeError("deepcopy copies whole datasets; copy views and groups with deeplake.copy")
    url, scheme = no_address(dest, "deepcopy")
    urls.check_name(url)
    if is_at(source, dest):
        raise DatasetHandlerError(f"{dest} cannot be copied to itself")
    here = source._checkout
    here.check_no_transaction("a copy")
    here.flush()
    kept = None
    if tensors is not None:
        names = set(copying.full_names(source, tensors))
        kept = copying.tensor_ids(here.repository, names)
    store = open_store(url, scheme, dest_creds, fresh=True)
    repository = Repository(store)
    if repository.exists():
        if not overwrite:
            raise DatasetHandlerError(f"a dataset already exists at {url}; pass overwrite=True")
        check_may_replace(repository, url)
        repository.clear()
    copying.copy_objects(
        here.repository.store, store, progressbar=progressbar, num_workers=num_workers, tensors=kept
    )
    session = Session.open(repository)
    checkout = Checkout(url, session, read_only=False)
    return opened(Dataset(checkout, selection=default_selection(session), verbose=verbose))


def _is_whole(dataset: Dataset) -> bool:
    """Whether it is a dataset as it opens, not a view or a group of it."""
    whole = dataset.index == default_selection(dataset._checkout.session)
    return whole and not (dataset._padded or dataset.group_index or dataset._names is not None)


__all__ = ["copy", "copy_into", "deepcopy", "like"]
