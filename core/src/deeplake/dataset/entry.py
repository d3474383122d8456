"""The functions users start with: ``deeplake.empty``, ``load``, ``dataset`` and so on."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from deeplake import plugins
from deeplake.dataset import copying, download, downsampling, views
from deeplake.dataset.checkout import Checkout
from deeplake.dataset.dataset import Dataset
from deeplake.dataset.linked import link
from deeplake.dataset.sample import Creds, read
from deeplake.dataset.selection import Selection
from deeplake.errors import (
    CheckoutError,
    DatasetCorruptError,
    DatasetHandlerError,
    DatasetNotFoundError,
    FormatError,
    ReadOnlyModeError,
    RenameError,
    UnsupportedFormatError,
)
from deeplake.spi import Store
from deeplake.storage import url as urls
from deeplake.storage.cache import CachedStore
from deeplake.storage.opening import open_store as _store
from deeplake.types import PathLike
from deeplake.versioning.repository import MAIN, Repository, is_write_once
from deeplake.versioning.session import Session


def _cached(store: Store, memory: int, disk: int) -> Store:
    """The store, with caches of so many megabytes if it is far away."""
    if store.capabilities.mapping or not store.capabilities.request_cost or not (memory or disk):
        return store
    folder = Path(os.environ.get("LOCAL_CACHE_PREFIX") or "~/.activeloop/cache").expanduser()
    return CachedStore(
        store, is_write_once, memory=memory * 10**6, disk=disk * 10**6, folder=folder
    )


def opened(dataset: Dataset) -> Dataset:
    """The dataset, after plugins have heard of it."""
    plugins.hook("deeplake_dataset_opened", dataset=dataset)
    return dataset


def _split(path: PathLike) -> tuple[str, str, str | None]:
    found = urls.split(path)
    return found.url, found.scheme, found.address


def no_address(path: PathLike, what: str) -> tuple[str, str]:
    """URL and scheme of a path that must not have a version address."""
    url, scheme, address = _split(path)
    if address is not None:
        raise ValueError(
            f"{what} works on whole datasets: {str(path)!r} has a version address (@{address})"
        )
    return url, scheme


def empty(
    path: PathLike,
    runtime: Mapping[str, Any] | None = None,
    overwrite: bool = False,
    public: bool = False,
    memory_cache_size: int = 2000,
    local_cache_size: int = 0,
    creds: Creds = None,
    token: str | None = None,
    org_id: str | None = None,
    lock_enabled: bool | None = True,
    lock_timeout: int | None = 0,
    verbose: bool = True,
    index_params: Any = None,
    *,
    single_writer: bool = False,
) -> Dataset:
    """Create an empty dataset.

    Args:
        path: Directory, ``mem://name``, ``s3://bucket/path`` or any URL that a plugin knows.
        runtime, public, token, org_id, index_params, lock_enabled, lock_timeout: Accepted for
            compatibility.
        overwrite: Delete a dataset that is there already.
        memory_cache_size: Megabytes of memory for what was read from a remote store.
        local_cache_size: Megabytes of disk for what was read from a remote store, shared by processes;
            below the environment variable ``LOCAL_CACHE_PREFIX``, else ``~/.activeloop/cache``.
        creds: Credentials of the store.
        verbose: Print what long operations do.
        single_writer: Nobody else writes meanwhile. Needed to write where a store cannot keep several
            writers apart (``sftp://``, ``az://`` …), and without effect elsewhere.

    Raises:
        DatasetHandlerError: There is a dataset, and ``overwrite`` is False; or it may not be
            deleted.
        ValueError: ``path`` has a version address.
        InvalidDatasetNameException: The last part of the path is not a name.
        PluginNotFoundError: No plugin for this kind of URL is installed.
    """
    url, scheme = no_address(path, "empty")
    urls.check_name(url)
    store = _store(url, scheme, creds, fresh=True, single_writer=single_writer)
    store = _cached(store, memory_cache_size, local_cache_size)
    repository = Repository(store)
    if overwrite and repository.exists():
        check_may_replace(repository, url)
        repository.clear()
    ref, version = repository.create()
    session = Session(repository, repository.head_commit(ref), ref, version, MAIN)
    checkout = Checkout(url, session, read_only=False)
    checkout.creds = creds
    return opened(Dataset(checkout, verbose=verbose))


def check_may_replace(repository: Repository, url: str) -> None:
    """Refuse to replace a dataset whose owner said it must stay. A damaged one may be replaced."""
    try:
        ref, _ = repository.read_ref(MAIN)
        allowed = repository.head_commit(ref).extra.get("allow_delete", True)
    except FormatError:
        return
    if not allowed:
        raise DatasetHandlerError(f"{url} may not be replaced: allow_delete is False")


def load(
    path: PathLike,
    read_only: bool | None = None,
    memory_cache_size: int = 2000,
    local_cache_size: int = 0,
    creds: Creds = None,
    token: str | None = None,
    org_id: str | None = None,
    verbose: bool = True,
    access_method: str = "stream",
    unlink: bool = False,
    reset: bool = False,
    indra: bool = False,
    check_integrity: bool | None = None,
    lock_timeout: int | None = 0,
    lock_enabled: bool | None = True,
    index_params: Any = None,
    *,
    single_writer: bool = False,
) -> Dataset:
    """Open a dataset.

    Args:
        path: Directory or URL, with ``@branch`` or ``@commit`` at its end for another version.
        read_only: Refuse changes; None: if the store can only be read.
        memory_cache_size, local_cache_size: Megabytes for what was read from a remote store.
        creds: Credentials of the store.
        verbose: Print what long operations do.
        access_method: ``"stream"``; ``"download"``: copy the dataset below the directory that the
            environment variable DEEPLAKE_DOWNLOAD_PATH names, and open the copy; ``"local"``: the
            same, unless there is a copy already. ``"download:8"``: with 8 threads.
        reset: If the head of the branch cannot be read, drop what was not committed.
        unlink: Store in the copy what the links of its tensors lead to; links that need credentials
            other than those of the environment cannot be followed yet.
        check_integrity: Read the tables of rows of all tensors, and compare their lengths; None and
            False: what is damaged is found when it is read (``deeplake verify`` reads everything).
        token, org_id, indra, lock_timeout, lock_enabled, index_params: Accepted for
            compatibility.

    Raises:
        DatasetHandlerError: There is no dataset.
        CheckoutError: There is no such branch or commit.
        DatasetCorruptError: What is stored there is damaged; the cause says what.
        ReadOnlyModeError: ``reset`` would have to change it, and ``read_only`` is given.
        ValueError: ``access_method`` is not possible, or ``indra`` without ``read_only``.
        StorageError: The store failed.
        PluginNotFoundError: No plugin for this kind of URL is installed.
    """
    if indra and not read_only:
        raise ValueError("indra=True needs read_only=True")
    method = download.AccessMethod.parse(access_method)
    if unlink and not method.downloads:
        raise ValueError("unlink=True needs access_method='download' or 'local'")
    url, scheme, address = _split(path)
    url, view_id = _view_of(url)
    store = _store(url, scheme, creds, single_writer=single_writer)
    if method.downloads:
        url = method.fetch(store, url, verbose=verbose)
        store = _store(url, urls.FILE, None)
    store = _cached(store, memory_cache_size, local_cache_size)
    session = _session(store, url, address, reset=reset, read_only=bool(read_only))
    if check_integrity:
        _check_integrity(session, url)
    if unlink and session.ref is not None:
        # Of the copy: what is there already when it is opened again needs no unlinking.
        _unlink(Dataset(Checkout(url, session, read_only=False)))
    if read_only is None:
        read_only = not store.capabilities.writable
    checkout = Checkout(url, session, read_only=read_only)
    checkout.creds = creds
    found = Dataset(checkout, selection=default_selection(session), verbose=verbose)
    if view_id:
        try:
            return opened(found.get_view(view_id).load(verbose=False))
        except KeyError as error:
            raise DatasetHandlerError(f"{url} has no view {view_id!r}") from error
    return opened(found)


def _unlink(dataset: Dataset) -> None:
    for name in dataset.meta.tensors:
        tensor = dataset[name]
        if tensor.is_link:
            tensor.materialize()


def _check_integrity(session: Session, url: str) -> None:
    """Raise ``DatasetCorruptError`` if a tensor's rows are not all there."""
    for draft in session.tensors.values():
        schema = draft.schema
        try:
            found = int(draft.table.pieces()["count"].sum())
        except FormatError as error:
            raise DatasetCorruptError(f"{url}, tensor {schema.name!r}: {error}") from error
        lengths = {schema.name: draft.length, f"the pieces of {schema.name}": found}
        for name in downsampling.names(schema):
            if name in session.by_name:
                lengths[name] = session.by_name[name].length
        if len(set(lengths.values())) > 1:
            raise DatasetCorruptError(f"{url} has lengths that should be the same: {lengths}")


def _view_of(url: str) -> tuple[str, str]:
    """The path of a dataset, and the id of its saved view if the path is one's."""
    base, _, view_id = url.partition(f"/{views.FOLDER}/")
    return base, view_id.strip("/")


def _session(
    store: Store, url: str, address: str | None, *, reset: bool, read_only: bool
) -> Session:
    """Check out a version; with ``reset`` the last commit if the branch's head is damaged."""
    repository = Repository(store)
    try:
        try:
            return Session.open(repository, address)
        except FormatError as error:
            if isinstance(error, UnsupportedFormatError) or not reset:
                raise
            if read_only or not store.capabilities.writable:
                raise ReadOnlyModeError(
                    f"{url} cannot be opened ({error}), and not be reset: it is read only"
                ) from error
            try:
                return Session.open_last_commit(Repository(store), address or MAIN)
            except CheckoutError:  # not the head of a branch is damaged, but a commit or tag
                raise error from None
    except UnsupportedFormatError:
        raise
    except FormatError as error:
        raise DatasetCorruptError(
            f"{url} cannot be opened: {error}. If it is the head of a branch that is damaged, "
            "reset=True goes back to the last commit"
        ) from error


def repository_at(path: PathLike, creds: Creds = None) -> Repository:
    """The objects of the dataset at a path, whether they are whole or not.

    Raises:
        ValueError: ``path`` has a version address.
    """
    url, scheme = no_address(path, "this")
    return Repository(_store(url, scheme, creds))


def default_selection(session: Session) -> Selection:
    """What opens by default: everything, or of the copy of one row that row."""
    stored = session.extra.get(copying.DEFAULT_INDEX)
    return Selection.ALL if stored is None else Selection.from_json(stored)


def is_at(dataset: Dataset, path: PathLike) -> bool:
    """Whether a path is that of an open dataset."""
    url, scheme, _ = _split(path)
    return _store(url, scheme, None).url == dataset._checkout.repository.store.url


def dataset(
    path: PathLike,
    runtime: Mapping[str, Any] | None = None,
    read_only: bool | None = None,
    overwrite: bool = False,
    public: bool = False,
    memory_cache_size: int = 2000,
    local_cache_size: int = 0,
    creds: Creds = None,
    token: str | None = None,
    org_id: str | None = None,
    verbose: bool = True,
    access_method: str = "stream",
    unlink: bool = False,
    reset: bool = False,
    check_integrity: bool | None = False,
    lock_enabled: bool | None = True,
    lock_timeout: int | None = 0,
    index_params: Any = None,
    indra: bool = False,
    *,
    single_writer: bool = False,
) -> Dataset:
    """Open the dataset at ``path``, or create an empty one if there is none.

    The arguments are those of ``load`` and ``empty``.

    Raises:
        ValueError: There is no dataset, and ``path`` has a version address.
        DatasetHandlerError: ``overwrite`` is given, and the dataset may not be deleted.
    """
    url, _, address = _split(path)
    downloads = download.AccessMethod.parse(access_method).downloads
    if overwrite and downloads:
        raise ValueError("overwrite=True replaces a dataset: access_method must be 'stream'")
    if not overwrite:
        try:
            return load(
                path, read_only, memory_cache_size, local_cache_size, creds, token, org_id, verbose,
                access_method, unlink, reset, indra, check_integrity, single_writer=single_writer,
            )  # fmt: skip
        except DatasetNotFoundError:
            if address is not None:
                raise ValueError(
                    f"there is no dataset at {url}, and one cannot be created at a version address"
                ) from None
    created = empty(
        path, overwrite=overwrite, memory_cache_size=memory_cache_size,
        local_cache_size=local_cache_size, creds=creds, verbose=verbose,
        single_writer=single_writer,
    )  # fmt: skip
    if read_only:
        created.read_only = True
    return created


def exists(
    path: PathLike, creds: Creds = None, token: str | None = None, org_id: str | None = None
) -> bool:
    """Whether there is a dataset, or a saved view.

    Raises:
        ValueError: ``path`` has a version address.
        PluginNotFoundError: No plugin for this kind of URL is installed.
    """
    url, scheme = no_address(path, "exists")
    url, view_id = _view_of(url)
    store = _store(url, scheme, creds)
    there = Repository(store).exists()
    return there and (not view_id or views.exists(store, view_id))


def delete(
    path: PathLike,
    force: bool = False,
    large_ok: bool = False,
    creds: Creds = None,
    token: str | None = None,
    verbose: bool = False,
    org_id: str | None = None,
) -> None:
    """Delete a dataset, all its versions included.

    Args:
        path: Directory or URL.
        force: Delete whatever is below the path, also if it is no dataset or a damaged one.
        large_ok: Also if it is more than 1 GB.
        creds: Credentials of the store.
        token, verbose, org_id: Accepted for compatibility.

    Raises:
        DatasetHandlerError: There is none, or it may not be deleted.
        DatasetTooLargeToDelete: More than 1 GB, without ``large_ok``.
        ReadOnlyModeError: Nothing can be deleted by such a URL (``https://``, ``zip://``).
        NotImplementedError: The path is that of a saved view.
        ValueError: ``path`` has a version address.
    """
    url, scheme = no_address(path, "delete")
    if _view_of(url)[1]:
        raise NotImplementedError(
            f"{url} is a saved view: use delete_view(id) of its dataset to forget it"
        )
    store = _store(url, scheme, creds, alone=True)
    if not store.capabilities.writable:
        raise ReadOnlyModeError(f"{url} cannot be deleted: it can only be read")
    if force:
        if next(iter(store.list("")), None) is None:
            raise DatasetHandlerError(f"there is nothing at {url}")
        Repository(store).clear()
        return
    try:
        session = _session(store, url, None, reset=False, read_only=False)
        found = opened(Dataset(Checkout(url, session, read_only=False)))
    except (DatasetNotFoundError, DatasetCorruptError) as error:
        raise DatasetHandlerError(
            f"{url} cannot be deleted as a dataset: {error}. Pass force=True to delete everything "
            "below the path"
        ) from error
    found.delete(large_ok=large_ok)


def rename(path: PathLike, new_name: PathLike, token: str | None = None) -> Dataset:
    """Give a dataset another path in the same store.

    Args:
        path: Path of the dataset.
        new_name: Its new path, or a new last component.
        token: Accepted for compatibility.

    Raises:
        RenameError: There is something at the new path.
        ValueError: ``path`` has a version address.
    """
    no_address(path, "rename")
    found = load(path, read_only=False)
    found.root.rename(new_name)
    return found


def move(dataset: Dataset, new_name: PathLike) -> None:
    """Give an open dataset another path (see ``Dataset.rename``).

    The objects are copied, refs last, and then deleted at the old path, refs first: at any moment
    there is one whole dataset, and after an interruption perhaps two.
    """
    checkout = dataset._checkout
    checkout.check_no_transaction("renaming a dataset")
    url, scheme, address = _split(new_name)
    if address is not None:
        raise RenameError(f"{str(new_name)!r} has a version address: a path is needed")
    if "/" not in url and "\\" not in url:
        parent, slash, _ = checkout.path.rstrip("/").rpartition("/")
        url = f"{parent}{slash}{url}"
        scheme = urls.scheme_of(url)
    urls.check_name(url)
    # In the same store, by the same credentials; elsewhere, by those of the environment.
    creds = checkout.creds if scheme == urls.scheme_of(checkout.path) else None
    if next(iter(_store(url, scheme, creds, alone=True).list("")), None) is not None:
        raise RenameError(f"there is something at {url} already; choose another name")
    store = _store(url, scheme, creds, fresh=True, alone=True)
    checkout.flush()
    session = checkout.session
    old = checkout.repository
    copying.copy_objects(old.store, store, progressbar=False)
    address = session.branch if session.ref is not None else session.base.id
    checkout.switch(Session.open(Repository(store), address))
    checkout.path = url
    old.clear()


def query(
    query_string: str,
    token: str | None = "",
    parameters: Sequence[Any] | Mapping[str, Any] = (),
    creds: Mapping[str, Any] | str | None = None,
) -> Dataset:
    """The rows, or new columns, that a query in TQL asks for of the datasets that it names.

    Args:
        query_string: For example ``SELECT * FROM "./animals" WHERE labels == 'dog'``.
        token: Accepted for compatibility.
        parameters: Values of the placeholders ``?`` (a list) or ``:name`` (a dict); paths too.
        creds: Credentials of the datasets' stores.

    Raises:
        QueryError: Its syntax, a name, a type or a limit is wrong, or it names no dataset.
        PluginNotFoundError: No query engine is installed; the message says how to get it.
        DatasetHandlerError: There is no dataset at a path.
    """
    from deeplake.dataset.querying import query_paths

    return query_paths(query_string, parameters, creds=creds, token=token)


__all__ = [
    "dataset",
    "delete",
    "empty",
    "exists",
    "link",
    "load",
    "read",
    "rename",
]
