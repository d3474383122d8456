"""The functions users start with: ``deeplake.empty``, ``load``, ``dataset`` and so on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from deeplake import plugins
from deeplake.dataset import copying, views
from deeplake.dataset.checkout import Checkout
from deeplake.dataset.dataset import Dataset
from deeplake.dataset.sample import Sample
from deeplake.errors import (
    ChecksumError,
    DatasetCorruptError,
    DatasetHandlerError,
    DatasetNotFoundError,
    FormatError,
    RenameError,
    UnsupportedFormatError,
    UnsupportedParameterException,
)
from deeplake.spi import Store
from deeplake.storage import url as urls
from deeplake.types import Buffer, PathLike
from deeplake.versioning.repository import MAIN, Repository
from deeplake.versioning.session import Session

Creds = Mapping[str, Any] | str | None


def _store(url: str, scheme: str, creds: Creds, *, fresh: bool = False) -> Store:
    """The store of a dataset, as plugins want it wrapped."""
    plugin = plugins.get("storage", scheme)
    store = plugin.create(url, creds=creds) if fresh else plugin.open(url, creds=creds)
    return plugins.wrap_store(store, url)


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
) -> Dataset:
    """Create an empty dataset.

    Args:
        path: Directory, ``mem://name``, ``s3://bucket/path`` or any URL that a plugin knows.
        runtime, public, token, org_id, index_params, lock_enabled, lock_timeout: Accepted for
            compatibility.
        overwrite: Delete a dataset that is there already.
        memory_cache_size: Megabytes of memory for what was read from a remote store.
        local_cache_size: Megabytes of disk for what was read from a remote store.
        creds: Credentials of the store.
        verbose: Print what long operations do.

    Raises:
        DatasetHandlerError: There is a dataset, and ``overwrite`` is False; or it may not be
        deleted.
        ValueError: ``path`` has a version address.
        InvalidDatasetNameException: The last part of the path is not a name.
        PluginNotFoundError: No plugin for this kind of URL is installed.
    """
    url, scheme = _no_address(path, "empty")
    urls.check_name(url)
    store = _store(url, scheme, creds, fresh=True)
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
) -> Dataset:
    """Open a dataset.

    Args:
        path: Directory or URL, with ``@branch`` or ``@commit`` at its end for another version.
        read_only: Refuse changes; None: if the store can only be read.
        memory_cache_size, local_cache_size: Megabytes for what was read from a remote store.
        creds: Credentials of the store.
        verbose: Print what long operations do.
        access_method: ``"stream"``.
        reset: Give up uncommitted changes if they cannot be read.
        token, org_id, unlink, indra, check_integrity, lock_timeout, lock_enabled, index_params:
            Accepted for compatibility.

    Raises:
        DatasetHandlerError: There is no dataset.
        CheckoutError: There is no such branch or commit.
        DatasetCorruptError: What is stored there is damaged; the cause says what.
        StorageError: The store failed.
        PluginNotFoundError: No plugin for this kind of URL is installed.
    """
    if access_method != "stream":
        raise ValueError(f"access_method={access_method!r} is not possible; 'stream' is")
    if indra and not read_only:
        raise ValueError("indra=True needs read_only=True")
    url, scheme, address = _split(path)
    url, _, view_id = url.partition(f"/{views.FOLDER}/")
    store = _store(url, scheme, creds)
    try:
        session = Session.open(Repository(store), address)
    except (ChecksumError, FormatError) as error:
        if isinstance(error, UnsupportedFormatError):
            raise
        raise DatasetCorruptError(f"{url} cannot be opened: {error}") from error
    if read_only is None:
        read_only = not store.capabilities.writable
    checkout = Checkout(url, session, read_only=read_only)
    opened = Dataset(checkout, verbose=verbose)
    if view_id:
        try:
            return _opened(opened.get_view(view_id).load(verbose=False))
        except KeyError as error:
            raise DatasetHandlerError(f"{url} has no view {view_id!r}") from error
    return _opened(opened)


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
) -> Dataset:
    """Open the dataset at ``path``, or create an empty one if there is none.

    The arguments are those of ``load`` and ``empty``.

    Raises:
        ValueError: There is no dataset, and ``path`` has a version address.
        DatasetHandlerError: ``overwrite`` is given, and the dataset may not be deleted.
    """
    url, _, address = _split(path)
    if not overwrite:
        try:
            return load(
                path, read_only, memory_cache_size, local_cache_size, creds, token, org_id, verbose,
                access_method, unlink, reset, indra, check_integrity,
            )  # fmt: skip
        except DatasetNotFoundError:
            if address is not None:
                raise ValueError(
                    f"there is no dataset at {url}, and one cannot be created at a version address"
                ) from None
    created = empty(path, overwrite=overwrite, creds=creds, verbose=verbose)
    if read_only:
        created.read_only = True
    return created


def exists(
    path: PathLike, creds: Creds = None, token: str | None = None, org_id: str | None = None
) -> bool:
    """Whether there is a dataset.

    Raises:
        ValueError: ``path`` has a version address.
        PluginNotFoundError: No plugin for this kind of URL is installed.
    """
    url, scheme = _no_address(path, "exists")
    return Repository(_store(url, scheme, creds)).exists()


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
    """
    url, scheme = _no_address(path, "delete")
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
        tensors: Names of the tensors; None for all.
        overwrite: Delete a dataset that is there already.
        creds: Credentials of the store.
        runtime, token, org_id, public: Accepted for compatibility.
        verbose: Print what long operations do.
    """
    source = src if isinstance(src, Dataset) else load(src, creds=creds)
    names = list(source.tensors) if tensors is None else list(tensors)
    taken = [(name, source[name]) for name in names]
    info = {} if source.group_index else dict(source.info)
    schemas = [(name, tensor._schema, dict(tensor._draft.info)) for name, tensor in taken]
    target = dest if isinstance(dest, Dataset) else empty(dest, overwrite=overwrite, creds=creds,
                                                          verbose=verbose)  # fmt: skip
    with target:
        for name, schema, tensor_info in schemas:
            target._add_like(name, schema, tensor_info)
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
        **kwargs: None are supported.

    Raises:
        UnsupportedParameterException: Any further argument.
        DatasetHandlerError: ``dest`` exists, and ``overwrite`` is False.
    """
    _no_more(kwargs)
    source = src if isinstance(src, Dataset) else load(src, creds=src_creds, read_only=True)
    return source.copy(
        dest, tensors=tensors, overwrite=overwrite, creds=dest_creds, progressbar=progressbar
    )


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
        tensors: Names of the tensors that the copy's head keeps; None for all.
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
    if source.is_view or source.group_index:
        raise TypeError("deepcopy copies whole datasets; copy a view or group with deeplake.copy")
    if not source.read_only:
        source.flush()
    url, scheme = _no_address(dest, "deepcopy")
    urls.check_name(url)
    store = _store(url, scheme, dest_creds, fresh=True)
    repository = Repository(store)
    if repository.exists():
        if not overwrite:
            raise DatasetHandlerError(f"a dataset already exists at {url}; pass overwrite=True")
        _check_may_replace(repository, url)
        repository.clear()
    copying.copy_objects(
        source._checkout.repository.store, store, progressbar=progressbar, num_workers=num_workers
    )
    session = Session.open(repository)
    copied = Dataset(Checkout(url, session, read_only=False), verbose=verbose)
    if tensors is not None:
        with copied:
            for name in set(copied.tensors) - set(tensors):
                copied.delete_tensor(name, large_ok=True)
    return _opened(copied)


def rename(path: PathLike, new_name: PathLike, token: str | None = None) -> Dataset:
    """Give a dataset another path in the same store.

    Args:
        path: Path of the dataset.
        new_name: Its new path, or a new last component.
        token: Accepted for compatibility.

    Raises:
        RenameError: There is something at the new path.
    """
    found = load(path)
    found.rename(new_name)
    return found


def move(dataset: Dataset, new_name: PathLike) -> None:
    """Give an open dataset another path (see ``Dataset.rename``).

    The objects are copied, refs last, and then deleted at the old path, refs first: at any moment
    there is one whole dataset, and after an interruption perhaps two.
    """
    checkout = dataset._checkout
    url, scheme, address = _split(new_name)
    if address is not None:
        raise RenameError(f"{str(new_name)!r} has a version address: a path is needed")
    if "/" not in url and "\\" not in url:
        parent, slash, _ = checkout.path.rstrip("/").rpartition("/")
        url = f"{parent}{slash}{url}"
        scheme = urls.scheme_of(url)
    urls.check_name(url)
    store = _store(url, scheme, None, fresh=True)
    if next(iter(store.list("")), None) is not None:
        raise RenameError(f"there is something at {url} already; choose another name")
    session = checkout.session
    session.flush()
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
        creds: Credentials of the store.
        compression: The file's format; None: found out from its name and first bytes.
        storage: Store whose key ``path`` is.
        timeout: Accepted for compatibility.

    Raises:
        SampleReadError: With ``verify``: the file cannot be read.
        CorruptedSampleError: With ``verify``: it cannot be decoded.
    """
    if isinstance(path, (bytes, bytearray, memoryview)):
        return Sample(buffer=path, compression=compression, verify=verify)
    return Sample(
        path, compression=compression, verify=verify, creds=creds, storage=storage, timeout=timeout
    )


__all__ = [
    "copy",
    "dataset",
    "deepcopy",
    "delete",
    "empty",
    "exists",
    "like",
    "load",
    "read",
    "rename",
]
