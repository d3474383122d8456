"""The functions users start with: ``deeplake.empty``, ``load``, ``dataset`` and so on."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from deeplake import plugins
from deeplake.dataset import copying, download, downsampling, views
from deeplake.dataset.checkout import Checkout
from deeplake.dataset.credentials import adopt, names_by_id
from deeplake.dataset.dataset import Dataset
from deeplake.dataset.linked import LinkedSample
from deeplake.dataset.sample import Sample
from deeplake.dataset.selection import Selection
from deeplake.errors import (
    CheckoutError,
    DatasetCorruptError,
    DatasetHandlerError,
    DatasetNotFoundError,
    FormatError,
    InvalidPathException,
    ReadOnlyModeError,
    RenameError,
    UnsupportedFormatError,
    UnsupportedParameterException,
)
from deeplake.spi import Store
from deeplake.storage import url as urls
from deeplake.storage.cache import CachedStore
from deeplake.storage.opening import open_store as _store
from deeplake.types import Buffer, PathLike
from deeplake.versioning.repository import MAIN, Repository, is_write_once
from deeplake.versioning.session import Session

Creds = Mapping[str, Any] | str | None


def _cached(store: Store, memory: int, disk: int) -> Store:
    """The store, with caches of so many megabytes if it is far away."""
    if store.capabilities.mapping or not store.capabilities.request_cost or not (memory or disk):
        return store
    folder = Path(os.environ.get("LOCAL_CACHE_PREFIX") or "~/.activeloop/cache").expanduser()
    return CachedStore(
        store, is_write_once, memory=memory * 10**6, disk=disk * 10**6, folder=folder
    )


def _opened(dataset: Dataset) -> Dataset:
    plugins.hook("deeplake_dataset_opened", dataset=dataset)
    return dataset


def _split(path: PathLike) -> tuple[str, str, str | None]:
    found = urls.split(path)
    return found.url, found.scheme, found.address


def _no_address(path: PathLike, what: str) -> tuple[str, str]:
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
    url, scheme = _no_address(path, "empty")
    urls.check_name(url)
    store = _store(url, scheme, creds, fresh=True, single_writer=single_writer)
    store = _cached(store, memory_cache_size, local_cache_size)
    repository = Repository(store)
    if overwrite and repository.exists():
        _check_may_replace(repository, url)
        repository.clear()
    ref, version = repository.create()
    session = Session(repository, repository.head_commit(ref), ref, version, MAIN)
    return _opened(Dataset(Checkout(url, session, read_only=False), verbose=verbose))


def _check_may_replace(repository: Repository, url: str) -> None:
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
    opened = Dataset(checkout, selection=_default_selection(session), verbose=verbose)
    if view_id:
        try:
            return _opened(opened.get_view(view_id).load(verbose=False))
        except KeyError as error:
            raise DatasetHandlerError(f"{url} has no view {view_id!r}") from error
    return _opened(opened)


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
    url, scheme = _no_address(path, "this")
    return Repository(_store(url, scheme, creds))


def _default_selection(session: Session) -> Selection:
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
    url, scheme = _no_address(path, "exists")
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
        NotImplementedError: The path is that of a saved view.
        ValueError: ``path`` has a version address.
    """
    url, scheme = _no_address(path, "delete")
    if _view_of(url)[1]:
        raise NotImplementedError(
            f"{url} is a saved view: use delete_view(id) of its dataset to forget it"
        )
    if force:
        repository = Repository(_store(url, scheme, creds))
        if next(iter(repository.store.list("")), None) is None:
            raise DatasetHandlerError(f"there is nothing at {url}")
        repository.clear()
        return
    try:
        found = load(path, creds=creds, read_only=False)
    except (DatasetNotFoundError, DatasetCorruptError) as error:
        raise DatasetHandlerError(
            f"{url} cannot be deleted as a dataset: {error}. Pass force=True to delete everything "
            "below the path"
        ) from error
    found.delete(large_ok=large_ok)


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
    selection = _default_selection(target._checkout.session)
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
    source = src if isinstance(src, Dataset) else load(src, creds=src_creds, read_only=True)
    if source.is_optimized and not source.group_index:
        # A saved view with a copy of its rows has no history but this.
        return source.copy(
            dest, tensors=tensors, overwrite=overwrite, creds=dest_creds, progressbar=progressbar
        )
    if not _is_whole(source):
        raise TypeError("deepcopy copies whole datasets; copy views and groups with deeplake.copy")
    url, scheme = _no_address(dest, "deepcopy")
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
    store = _store(url, scheme, dest_creds, fresh=True)
    repository = Repository(store)
    if repository.exists():
        if not overwrite:
            raise DatasetHandlerError(f"a dataset already exists at {url}; pass overwrite=True")
        _check_may_replace(repository, url)
        repository.clear()
    copying.copy_objects(
        here.repository.store, store, progressbar=progressbar, num_workers=num_workers, tensors=kept
    )
    session = Session.open(repository)
    checkout = Checkout(url, session, read_only=False)
    return _opened(Dataset(checkout, selection=_default_selection(session), verbose=verbose))


def _is_whole(dataset: Dataset) -> bool:
    """Whether it is a dataset as it opens, not a view or a group of it."""
    opened = dataset.index == _default_selection(dataset._checkout.session)
    return opened and not (dataset._padded or dataset.group_index or dataset._names is not None)


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
    _no_address(path, "rename")
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
    if next(iter(_store(url, scheme, None).list("")), None) is not None:
        raise RenameError(f"there is something at {url} already; choose another name")
    store = _store(url, scheme, None, fresh=True)
    checkout.flush()
    session = checkout.session
    old = checkout.repository
    copying.copy_objects(old.store, store, progressbar=False)
    address = session.branch if session.ref is not None else session.base.id
    checkout.switch(Session.open(Repository(store), address))
    checkout.path = url
    old.clear()


def read(
    path: PathLike | Buffer,
    verify: bool = False,
    creds: Creds = None,
    compression: str | None = None,
    storage: Any = None,
    timeout: float | None = None,
) -> Sample:
    """A file as a sample, read when it is used.

    Args:
        path: Path or URL of a file; or its bytes.
        verify: Read and decode at once.
        creds: Credentials of the store; HTTP headers for a web server.
        compression: The file's format; None: found out from its name and first bytes.
        storage: Store, or mapping, whose key ``path`` is.
        timeout: Seconds that a web server may take to connect, and between two pieces of its answer.

    Raises:
        SampleReadError: With ``verify``: the file cannot be read. Without, this is raised when the
            sample is first used.
        CorruptedSampleError: With ``verify``: it cannot be decoded.
    """
    if isinstance(path, (bytes, bytearray, memoryview)):
        return Sample(buffer=path, compression=compression, verify=verify)
    if not isinstance(path, (str, os.PathLike)):
        raise InvalidPathException(
            f"deeplake.read takes a path, a URL or the bytes of a file, not {type(path).__name__}"
        )
    return Sample(
        path, compression=compression, verify=verify, creds=creds, storage=storage, timeout=timeout
    )


def link(path: PathLike, creds_key: str | None = None) -> LinkedSample:
    """A file that stays where it is, for a tensor of htype ``link[…]``.

    Args:
        path: Path or URL of the file. A relative path is of the current directory.
        creds_key: Name of its credentials (``ds.add_creds_key``, ``ds.populate_creds``); ``"ENV"``:
            those that the environment has. Object stores need one of the two.

    Raises:
        InvalidPathException: It is no path, or a URL with a password in it.
        TypeError: ``creds_key`` is not a str.
    """
    return LinkedSample(path, creds_key)


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
    "copy",
    "dataset",
    "deepcopy",
    "delete",
    "empty",
    "exists",
    "like",
    "link",
    "load",
    "read",
    "rename",
]
