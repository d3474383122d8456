"""Tensors and groups by their names: the part of ``Dataset`` that finds them, and views of rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, cast

from deeplake.dataset import companions, structure
from deeplake.dataset.assignment import is_result_of, store
from deeplake.dataset.extent import Padding
from deeplake.dataset.selection import Selection
from deeplake.dataset.subscript import SUBSCRIPT_ERRORS, say_where
from deeplake.dataset.tensor import Tensor
from deeplake.errors import (
    InvalidKeyTypeError,
    TensorDoesNotExistError,
)

if TYPE_CHECKING:
    from deeplake.dataset.checkout import Checkout
    from deeplake.dataset.dataset import Dataset
    from deeplake.versioning.draft import Draft


class Members:
    """Attributes and subscripts of a dataset: tensors, groups, views."""

    __slots__ = ()

    if TYPE_CHECKING:
        _checkout: Checkout
        _generation: int | None
        _group: str
        _known: Any
        _names: tuple[str, ...] | None
        _padded: Padding
        _roots: dict[str, Tensor]
        _selection: Selection

        def _check_valid(self) -> None: ...

        def _length(self) -> int: ...

        def _view(
            self, selection: Selection, *, group: str | None = None,
            names: tuple[str, ...] | None = None, padded: Padding = "",
        ) -> Dataset: ...  # fmt: skip

        def __len__(self) -> int: ...

        @property
        def path(self) -> str: ...

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
            return Tensor(self._checkout, tid, self._selection, cast("Dataset", self))
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

    # ---- attributes and subscripts
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
        full = structure.full_name(cast("Dataset", self), name)
        return full in session.by_name or full in session.groups

    def _by_name(self, name: str) -> Any:
        if self._generation is not None:
            self._check_valid()
        full = f"{self._group}/{name}" if self._group else name
        draft = self._checkout.session.by_name.get(full)
        if draft is not None and (self._names is None or full in self._names):
            return self._tensor(draft)
        if name and full in self._checkout.session.groups:
            return self._sub(name)
        if self._names is None and name.rpartition("/")[2].startswith("_"):
            companion = companions.find(cast("Dataset", self), name)
            if companion is not None:
                return companion
        plain = "/".join(filter(None, name.split("/")))
        if plain and plain != name:
            return self._by_name(plain)
        return self._tensor(self._draft(name))

    def __getitem__(self, item: Any) -> Any:
        if isinstance(item, str):
            return self._by_name(item)
        if isinstance(item, list) and item and all(map(_is_name, item)):
            names = [name if isinstance(name, str) else "/".join(name) for name in item]
            return self._view(self._selection, names=self._restricted(names))
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
            full = structure.full_name(cast("Dataset", self), name)
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
        if isinstance(tensor, Members):
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


def _is_name(value: Any) -> bool:
    """Whether it names a tensor or group: a str, or a tuple of the groups it is in and of itself."""
    if isinstance(value, tuple):
        return bool(value) and all(isinstance(part, str) for part in value)
    return isinstance(value, str)


__all__ = ["Members"]
