"""A dataset, or a view of one: rows across tensors of equal standing."""

from __future__ import annotations

import logging
from types import TracebackType
from typing import TYPE_CHECKING, Any, ClassVar

from deeplake.dataset import versions
from deeplake.dataset.account import Account
from deeplake.dataset.arranged import Arranged
from deeplake.dataset.checkout import Checkout
from deeplake.dataset.credentials import Credentials
from deeplake.dataset.derived import Derived
from deeplake.dataset.description import Description
from deeplake.dataset.extent import Padding
from deeplake.dataset.members import Members
from deeplake.dataset.precedence import reserve
from deeplake.dataset.rowwise import Rowwise
from deeplake.dataset.selection import Selection
from deeplake.dataset.structure import SAFE_TO_DELETE
from deeplake.dataset.training import Training
from deeplake.dataset.versioned import Versioned
from deeplake.errors import (
    DatasetHandlerError,
    DatasetTooLargeToDelete,
    InvalidOperationError,
    InvalidViewException,
    MemoryDatasetCanNotBePickledError,
)

if TYPE_CHECKING:
    from deeplake.types import PathLike

_log = logging.getLogger(__name__)


class Dataset(
    Members, Description, Arranged, Rowwise, Versioned, Derived, Training, Credentials, Account
):
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
        padded: Padding = "",
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

    # ---- views
    def _view(
        self,
        selection: Selection,
        *,
        group: str | None = None,
        names: tuple[str, ...] | None = None,
        padded: Padding = "",
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
        return self._view(self._selection, padded="empty")

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
