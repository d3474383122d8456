"""Where a dataset is, what is selected of it, and what it says of itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

from deeplake.dataset.extent import Padding
from deeplake.dataset.info import Info
from deeplake.dataset.meta import DatasetMeta
from deeplake.dataset.selection import Selection
from deeplake.errors import (
    GroupInfoNotSupportedError,
    InfoError,
    ReadOnlyModeError,
)

if TYPE_CHECKING:
    from deeplake.dataset.checkout import Checkout
    from deeplake.dataset.dataset import Dataset


SUMMARY_LIMIT = 10_000
"""Rows of a view that ``summary`` looks at without ``force=True``."""


class Description:
    """Path, selection, info and texts of a dataset."""

    __slots__ = ()

    if TYPE_CHECKING:
        _checkout: Checkout
        _group: str
        _padded: Padding
        _selection: Selection
        _source_rows: Selection | None
        _verbose: bool

        @property
        def allow_delete(self) -> bool: ...

        def _check_root(self, what: str) -> None: ...

        def _check_valid(self) -> None: ...

        def _length(self) -> int: ...

        def _visible(self) -> list[str]: ...

        def __len__(self) -> int: ...

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
    def is_view(self) -> bool:
        """Whether rows are selected."""
        rows = not self._selection.is_all or self._padded != "" or self._source_rows is not None
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
        return list(map(int, rows)) if self.is_view else cast("range", rows)

    @property
    def meta(self) -> DatasetMeta:
        """What there is: names of tensors, groups and hidden tensors, and so on."""
        return DatasetMeta.of(cast("Dataset", self))

    @property
    def info(self) -> Info:
        """JSON kept with the dataset.

        Lists and dicts in it may be changed in place, which the next change, ``flush`` or ``commit``
        stores.
        """
        if self._group:
            raise GroupInfoNotSupportedError("groups have no info; use ds.root.info")
        checkout = self._checkout
        return Info(lambda: checkout.session.info, self._set_info, checkout.handed(""))

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
        print(dataset_summary(cast("Dataset", self)))

    def _repr_html_(self) -> str:
        from deeplake.dataset.html import dataset_html, or_reason

        return or_reason(dataset_html, cast("Dataset", self))

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


__all__ = ["Description"]
