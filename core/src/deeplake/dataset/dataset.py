"""A dataset, or a view of one: rows across tensors of equal standing."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, ClassVar

from deeplake.dataset import companions, structure, versions
from deeplake.dataset.account import Account
from deeplake.dataset.arranged import Arranged
from deeplake.dataset.assignment import is_result_of, store
from deeplake.dataset.checkout import Checkout
from deeplake.dataset.credentials import Credentials
from deeplake.dataset.derived import Derived
from deeplake.dataset.info import Info
from deeplake.dataset.meta import DatasetMeta
from deeplake.dataset.precedence import reserve
from deeplake.dataset.rowwise import Rowwise
from deeplake.dataset.selection import Selection
from deeplake.dataset.structure import SAFE_TO_DELETE
from deeplake.dataset.subscript import SUBSCRIPT_ERRORS, say_where
from deeplake.dataset.tensor import Tensor
from deeplake.dataset.training import Training
from deeplake.dataset.versioned import Versioned
from deeplake.errors import (
    DatasetHandlerError,
    DatasetTooLargeToDelete,
    GroupInfoNotSupportedError,
    InfoError,
    InvalidKeyTypeError,
    InvalidOperationError,
    InvalidViewException,
    MemoryDatasetCanNotBePickledError,
    ReadOnlyModeError,
    TensorDoesNotExistError,
)

if TYPE_CHECKING:
    from deeplake.types import PathLike
    from deeplake.versioning.draft import Draft

SUMMARY_LIMIT = 10_000
"""Rows of a view that ``summary`` looks at without ``force=True``."""

_log = logging.getLogger(__name__)


class Dataset(Arranged, Rowwise, Versioned, Derived, Training, Credentials, Account):
    """Tensors of any kind of data, versioned together. Made by ``deeplake.empty`` and ``load``.

    ``ds.name`` and ``ds["name"]`` are tensors and groups, ``ds[10:20]`` is a view of rows. Inside
    ``with ds:`` changes are collected and stored at its end, and in between if they are many or have
    waited for about 20 s, also while no operation runs: whole rows only. Otherwise every operation is
    durable when it returns.
    """

    __slots__ = (
        "__weakref__",
        "_checkout",
        "_generation",
        "_group",
        "_known",
        "_names",
        "_padded",
        "_query",
        "_roots",
        "_selection",
        "_source",
        "_source_rows",
        "_token",
        "_verbose",
    )

    _RESERVED: ClassVar[frozenset[str]]
    """Names that tensors and groups cannot have."""

    def __init__(
        self,
        checkout: Checkout,
        *,
        selection: Selection = Selection.ALL,
        group: str = "",
        names: tuple[str, ...] | None = None,
        padded: bool = False,
        source: Dataset | None = None,
        source_rows: Selection | None = None,
        verbose: bool = True,
    ) -> None:
        set_ = object.__setattr__
        set_(self, "_checkout", checkout)
        set_(self, "_selection", selection)
        set_(self, "_group", group)
        set_(self, "_names", names)
        set_(self, "_known", None)
        set_(self, "_padded", padded)
        set_(self, "_source", source)
        set_(self, "_source_rows", source_rows)
        set_(self, "_generation", None if selection.is_all else checkout.generation)
        set_(self, "_roots", {})
        set_(self, "_token", None)
        set_(self, "_verbose", verbose)
        set_(self, "_query", None)

    # ---- tensors and groups
    def _draft(self, name: str) -> Draft:
        full = f"{self._group}/{name}" if self._group else name
        draft: Draft | None = self._checkout.session.by_name.get(full)
        if draft is None or (self._names is not None and full not in self._names):
            raise TensorDoesNotExistError(
                f"tensor {full!r} does not exist in {self.path}; there are "
                f"{', '.join(map(repr, self._visible())) or 'none'}"
            )
        return draft

    def _tensor(self, draft: Draft) -> Tensor:
        tid = draft.schema.id
        if self._generation is not None or self._padded:
            return Tensor(self._checkout, tid, self._selection, self)
        found: Tensor | None = self._roots.get(tid)
        if found is None:
            found = self._roots[tid] = Tensor(self._checkout, tid)
        return found

    def _visible(self) -> list[str]:
        """Names of the tensors here, as they are written below this group."""
        prefix = f"{self._group}/" if self._group else ""
        return [
            name[len(prefix) :]
            for name, draft in self._checkout.session.by_name.items()
            if name.startswith(prefix)
            and not draft.schema.hidden
            and (self._names is None or name in self._names)
        ]

    def _columns(self) -> dict[str, Draft]:
        """Working state of the tensors here by name, for those that do not change it."""
        by_name = self._checkout.session.by_name
        known = self._known
        if known is None or known[0] is not by_name:
            known = (by_name, {name: self._draft(name) for name in self._visible()})
            object.__setattr__(self, "_known", known)
        columns: dict[str, Draft] = known[1]
        return columns

    def _drafts(self) -> list[Draft]:
        return [*self._columns().values()]

    @property
    def tensors(self) -> dict[str, Tensor]:
        """Tensors by name, in order of creation; hidden ones are left out."""
        self._check_valid()
        return {name: self._tensor(self._draft(name)) for name in self._visible()}

    @property
    def groups(self) -> dict[str, Dataset]:
        """Groups one level below, by name."""
        prefix = f"{self._group}/" if self._group else ""
        names = [g[len(prefix) :] for g in self._checkout.session.groups if g.startswith(prefix)]
        return {name: self._sub(name) for name in names if "/" not in name}

    def _sub(self, group: str) -> Dataset:
        full = f"{self._group}/{group}" if self._group else group
        return self._view(self._selection, group=full)

    def _view(
        self,
        selection: Selection,
        *,
        group: str | None = None,
        names: tuple[str, ...] | None = None,
        padded: bool = False,
    ) -> Dataset:
        view = Dataset(
            self._checkout,
            selection=selection,
            group=self._group if group is None else group,
            names=self._names if names is None else names,
            padded=padded or self._padded,
            source=self if self._generation is not None else None,
            source_rows=self._source_rows,
            verbose=self._verbose,
        )
        if self._generation is not None:
            object.__setattr__(view, "_generation", self._generation)
        return view

    def _keep(self, generation: int) -> None:
        """Stay valid: what changed since this generation was assigned through this view."""
        checkout = self._checkout
        if checkout.generation > generation + 1:
            return  # another writer's changes came in too
        view: Dataset | None = self
        while view is not None:
            if view._generation is not None and checkout.showed(view._generation, generation):
                object.__setattr__(view, "_generation", self._checkout.generation)
            view = view._source

    def _check_valid(self) -> None:
        generation = self._generation
        if generation is not None and generation != self._checkout.generation:
            there = self._checkout.pinned(generation)
            if there is None:
                raise InvalidViewException(
                    f"{self.path} was changed after this view was taken; take it again"
                )
            if there is not self._checkout:
                object.__setattr__(self, "_checkout", there)
                object.__setattr__(self, "_generation", there.generation)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        try:
            return self._by_name(name)
        except TensorDoesNotExistError as error:
            raise AttributeError(
                f"Dataset has no attribute {name!r}, and {self.path} no tensor or group of that name"
            ) from error

    def _has(self, name: str) -> bool:
        """Whether there is a tensor or group of this name here, hidden or not."""
        session = self._checkout.session
        full = structure.full_name(self, name)
        return full in session.by_name or full in session.groups

    def _by_name(self, name: str) -> Any:
        if self._generation is not None:
            self._check_valid()
        full = f"{self._group}/{name}" if self._group else name
        draft = self._checkout.session.by_name.get(full)
        if draft is not None and (self._names is None or full in self._names):
            return self._tensor(draft)
        if full.strip("/") in self._checkout.session.groups:
            return self._sub(name.strip("/"))
        if self._names is None and name.rpartition("/")[2].startswith("_"):
            companion = companions.find(self, name)
            if companion is not None:
                return companion
        return self._tensor(self._draft(name))

    def __getitem__(self, item: Any) -> Any:
        if isinstance(item, str):
            return self._by_name(item)
        if isinstance(item, list) and item and all(isinstance(name, str) for name in item):
            return self._view(self._selection, names=self._restricted(item))
        if isinstance(item, tuple) and item and isinstance(item[0], str):
            found = self._by_name(item[0])
            return found[item[1:] if len(item) > 2 else item[1]] if len(item) > 1 else found
        self._check_valid()
        try:
            return self._view(self._selection.select(item, self._length()))
        except SUBSCRIPT_ERRORS as error:
            say_where(error, self.path)
            raise

    def _restricted(self, names: Sequence[str]) -> tuple[str, ...]:
        """Full names of these tensors, and of those in these groups."""
        found: list[str] = []
        for name in names:
            full = structure.full_name(self, name)
            if full in self._checkout.session.groups:
                inside = [self._draft(n).schema.name for n in self._visible()]
                found += [n for n in inside if n.startswith(full + "/")]
            else:
                found.append(self._draft(name.strip("/")).schema.name)
        return tuple(dict.fromkeys(found))

    def __setitem__(self, item: Any, value: Any) -> None:
        if not isinstance(item, str):
            raise InvalidKeyTypeError(f"ds[{item!r}] = … is not possible; assign to its tensors")
        tensor = self._by_name(item)
        if isinstance(tensor, Dataset):
            raise TypeError(f"{item!r} is a group; assign to its tensors")
        if not is_result_of(value, tensor, Ellipsis):
            store(tensor, value)

    def __setattr__(self, name: str, value: Any) -> None:
        if isinstance(getattr(type(self), name, None), property) and not self._has(name):
            object.__setattr__(self, name, value)
            return
        try:
            self[name] = value
        except TensorDoesNotExistError as error:
            raise TypeError(
                f"{name!r} is neither a tensor nor an attribute; make it with "
                f"ds.create_tensor({name!r})"
            ) from error

    def __contains__(self, name: object) -> bool:
        return name in self._visible()

    def __dir__(self) -> list[str]:
        # Notebooks and shells complete ds.<Tab> with the names of tensors and groups.
        names = {name.partition("/")[0] for name in (*self._visible(), *self.groups)}
        return sorted({*super().__dir__(), *filter(str.isidentifier, names)})

    def _ipython_key_completions_(self) -> list[str]:
        return self._visible()

    def __iter__(self) -> Iterator[Dataset]:
        for i in range(len(self)):
            yield self[i]

    def __bool__(self) -> bool:
        return True

    # ---- how much there is
    def _length(self) -> int:
        """Rows, whatever is selected: of the shortest tensor, or where padded of the longest."""
        lengths = [draft.length for draft in self._drafts()]
        return (max if self._padded else min)(lengths, default=0)

    def _padded_length(self) -> int:
        """Rows that all tensors are filled up to with empty samples."""
        return self._length() if self._padded else 0

    def __len__(self) -> int:
        self._check_valid()
        if not self._padded and self._generation is None:
            lengths = {name: self._draft(name).length for name in self._visible()}
            if len(set(lengths.values())) > 1:
                _log.warning(
                    "the tensors of %s have different lengths (%s): its length is that of the "
                    "shortest; see ds.min_len, ds.max_len and ds.max_view",
                    self.path,
                    ", ".join(f"{name}: {n}" for name, n in lengths.items()),
                )
        count: int = self._selection.count(self._length())
        return count

    @property
    def num_samples(self) -> int:
        """Rows of the shortest tensor, whatever is selected."""
        return min((draft.length for draft in self._drafts()), default=0)

    @property
    def max_len(self) -> int:
        """Rows of the longest tensor."""
        return max((len(t) for t in self.tensors.values()), default=0)

    @property
    def min_len(self) -> int:
        """Rows of the shortest tensor."""
        return min((len(t) for t in self.tensors.values()), default=0)

    @property
    def min_view(self) -> Dataset:
        """The rows that all tensors have."""
        self._check_valid()
        return self._view(self._selection.select(slice(0, self.min_len), self._length()))

    @property
    def max_view(self) -> Dataset:
        """The rows that any tensor has; those that a tensor lacks read as empty samples."""
        self._check_valid()
        return self._view(self._selection, padded=True)

    # ---- where and what it is
    @property
    def path(self) -> str:
        """Path or URL, without a version address."""
        return self._checkout.path

    @property
    def read_only(self) -> bool:
        """Whether changes are refused."""
        return self._checkout.read_only

    @read_only.setter
    def read_only(self, value: bool) -> None:
        self._check_root("read_only")
        store = self._checkout.repository.store
        if not value and not store.capabilities.writable:
            raise ReadOnlyModeError(f"{self.path} cannot be written: its store only reads")
        self._checkout.read_only = bool(value)

    @property
    def verbose(self) -> bool:
        """Whether long operations print something."""
        return bool(self._verbose)

    @verbose.setter
    def verbose(self, value: bool) -> None:
        object.__setattr__(self, "_verbose", bool(value))

    @property
    def root(self) -> Dataset:
        """The whole dataset that this is a view or group of."""
        return Dataset(self._checkout, verbose=self._verbose)

    @property
    def parent(self) -> Dataset | None:
        """The group above, or None for the root."""
        if not self._group:
            return None
        return self._view(self._selection, group=self._group.rpartition("/")[0])

    @property
    def no_view_dataset(self) -> Dataset:
        """The same group without the selection of rows."""
        return Dataset(self._checkout, group=self._group, verbose=self._verbose)

    @property
    def is_view(self) -> bool:
        """Whether rows are selected."""
        rows = not self._selection.is_all or self._padded or self._source_rows is not None
        return rows or self._checkout.virtual

    @property
    def is_optimized(self) -> bool:
        """Whether this is a saved view with data of its own."""
        return self._source_rows is not None

    @property
    def group_index(self) -> str:
        """Name of the group, empty for the root."""
        return str(self._group)

    @property
    def index(self) -> Selection:
        """What is selected."""
        selection: Selection = self._selection
        return selection

    @property
    def sample_indices(self) -> Sequence[int]:
        """Row numbers that are selected."""
        self._check_valid()
        length = self._length()
        rows = self._selection.rows(length)
        if self._source_rows is not None:
            # Rows that were copied for a saved view keep the numbers they had.
            rows = self._source_rows.select(rows, length).rows(length)
        if isinstance(rows, int):
            return [rows]
        return list(map(int, rows)) if self.is_view else rows

    @property
    def meta(self) -> DatasetMeta:
        """What there is: names of tensors, groups and hidden tensors, and so on."""
        return DatasetMeta.of(self)

    @property
    def info(self) -> Info:
        """JSON kept with the dataset."""
        if self._group:
            raise GroupInfoNotSupportedError("groups have no info; use ds.root.info")
        return Info(lambda: self._checkout.session.info, self._set_info)

    @info.setter
    def info(self, value: Mapping[str, Any]) -> None:
        if not isinstance(value, Mapping):
            raise TypeError(f"info is a dict, not {type(value).__name__}")
        self.info.replace_with(value)

    def _set_info(self, value: Mapping[str, Any]) -> None:
        checkout = self._checkout
        checkout.check_writable()
        if checkout.session.ref is None:
            raise InfoError(
                f"info of {self.path} cannot be changed at a past commit: check out a branch"
            )
        with checkout.change(rows_move=False) as session:
            session.set_info(value)

    def size_approx(self) -> int:
        """Stored bytes, all versions included."""
        return self._checkout.repository.size()

    def summary(self, force: bool = False) -> None:
        """Print the tensors with htype, shape, dtype and compression.

        Args:
            force: Also for views of 10,000 rows and more, whose shapes take time to find.

        Raises:
            ValueError: Such a view, without ``force``.
        """
        from deeplake.dataset.summary import dataset_summary

        if self.is_view and len(self) >= SUMMARY_LIMIT and not force:
            raise ValueError(
                f"a summary of a view of {len(self)} rows takes time; pass force=True for it"
            )
        print(dataset_summary(self))

    def _repr_html_(self) -> str:
        from deeplake.dataset.html import dataset_html, or_reason

        return or_reason(dataset_html, self)

    def __repr__(self) -> str:
        parts = [f"path={self.path!r}"]
        if not self.allow_delete:
            parts.append("allow_delete=False")
        elif self.read_only:
            parts.append("read_only=True")
        if not self._selection.is_all:
            parts.append(f"index={self._selection!r}")
        if self._group:
            parts.append(f"group_index={self._group!r}")
        return f"Dataset({', '.join(parts)}, tensors={self._visible()!r})"

    def _check_root(self, what: str) -> None:
        if self.is_view:
            raise InvalidOperationError(f"{what} is not possible on a view; use ds.root")

    # ---- storing
    def clear_cache(self) -> None:
        """Store all changes, and forget what was read."""
        self.flush()
        self._checkout._readers.clear()

    def maybe_flush(self) -> None:
        """Store all changes now, unless ``with ds:`` collects them."""
        if not self._checkout._depth:
            self.flush()

    def flush(self) -> None:
        """Store all changes now, also inside ``with ds:``."""
        self._checkout.flush()

    def __enter__(self) -> Dataset:
        self._checkout.enter()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._checkout.leave(failed=kind is not None)

    # ---- the dataset as a whole
    @property
    def allow_delete(self) -> bool:
        """Whether the dataset may be deleted or replaced."""
        return bool(self._checkout.session.extra.get("allow_delete", True))

    @allow_delete.setter
    def allow_delete(self, value: bool) -> None:
        self._check_root("allow_delete")
        with self._checkout.change(rows_move=False) as session:
            session.set_extra("allow_delete", bool(value))

    def delete(self, large_ok: bool = False) -> None:
        """Delete the dataset, all versions included.

        Raises:
            DatasetHandlerError: ``allow_delete`` is False.
            DatasetTooLargeToDelete: More than 1 GB, without ``large_ok``.
        """
        self._check_root("delete")
        self._checkout.check_writable()
        if not self.allow_delete:
            raise DatasetHandlerError(f"{self.path} may not be deleted: allow_delete is False")
        if not large_ok and self.size_approx() > SAFE_TO_DELETE:
            raise DatasetTooLargeToDelete(
                f"{self.path} has more than 1 GB; pass large_ok=True to delete it"
            )
        session = self._checkout.session
        with session.lock:  # a checkpoint must not store anything anew
            session.close()
            self._checkout.repository.clear()

    def rename(self, new_name: PathLike) -> None:
        """Give the dataset another path.

        Args:
            new_name: A path, or a new last component.

        Raises:
            RenameError: There is something at that path already.
        """
        from deeplake.dataset.entry import move

        self._check_root("rename")
        self._checkout.check_writable()
        move(self, new_name)

    # ---- looking at it
    def visualize(self, width: int | str | None = None, height: int | str | None = None) -> Any:
        """Show the rows: in a notebook as the last line of a cell, elsewhere ``visualize().open()``.

        A viewer that is installed comes before the kernel's own, a page with the first rows.

        Args:
            width, height: Of the frame in a notebook, in pixels or as CSS; None: the viewer's own.

        Returns:
            The viewer's handle; its ``close()`` ends what was started.

        Raises:
            PluginNotFoundError: All viewers are disabled.
        """
        from deeplake.dataset.page import viewer

        return viewer().show(self, width=width, height=height)

    # ---- pickling
    def __reduce__(self) -> Any:
        checkout = self._checkout
        if not checkout.session.home.store.capabilities.persistent:
            raise MemoryDatasetCanNotBePickledError(
                f"{self.path} lives in this process only; copy it to a path to hand it over"
            )
        frozen = versions.freeze(checkout)
        state = (
            self._selection.bind(self._length()) if self.is_view else self._selection,
            self._group,
            self._names,
            self._padded,
        )
        if checkout.virtual:
            # What a query computed goes along.
            shared = (checkout.session, self.path, checkout.origin, checkout.saves, checkout.lender)
            return _unpickle_computed, (shared, self._query, state)
        store = checkout.repository.store
        return _unpickle, (store, self.path, frozen, self.read_only, state, checkout.creds)


def _unpickle(
    store: Any, path: str, frozen: tuple[Any, ...], read_only: bool, state: tuple[Any, ...],
    creds: Any = None,
) -> Dataset:  # fmt: skip
    """The dataset as it was pickled: at the same state, also if its branch has moved on."""
    checkout = versions.thaw(store, path, frozen, read_only=read_only)
    checkout.creds = creds
    selection, group, names, padded = state
    return Dataset(checkout, selection=selection, group=group, names=names, padded=padded)


def _unpickle_computed(
    shared: tuple[Any, ...], query: str | None, state: tuple[Any, ...]
) -> Dataset:
    """A view of columns that a query made."""
    from deeplake.dataset.virtual import checkout_of

    selection, group, names, padded = state
    view = Dataset(
        checkout_of(*shared), selection=selection, group=group, names=names, padded=padded
    )
    object.__setattr__(view, "_query", query)
    return view


Dataset._RESERVED = reserve(Dataset)

__all__ = ["Dataset"]
