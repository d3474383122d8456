"""Rows that are added to a vector store: what is given for them, checked before anything is stored."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from deeplake.dataset.linked import link
from deeplake.dataset.progress import progress
from deeplake.dataset.sample import read
from deeplake.errors import IncorrectEmbeddingShapeError
from deeplake.vectorstore.embedding import (
    BATCH_BYTES,
    Function,
    Pace,
    of_documents,
    size_of,
    vectors,
)
from deeplake.vectorstore.identity import new_ids
from deeplake.vectorstore.selecting import id_tensor

if TYPE_CHECKING:
    from deeplake.dataset.dataset import Dataset
    from deeplake.dataset.tensor import Tensor

_FILES = frozenset(
    ("image", "image.rgb", "image.gray", "video", "audio", "dicom", "nifti", "point_cloud", "mesh")
)
"""Htypes of which a text is the path of a file."""


@dataclass(frozen=True, slots=True)
class Made:
    """Embeddings that a function makes.

    Attributes:
        tensor: Where they go.
        function: Makes a batch of them.
        data: Of what, one for each row.
    """

    tensor: str
    function: Function
    data: Sequence[Any]


class Addition:
    """Rows to add.

    Args:
        dataset: Gets them.
        columns: What is given by tensor; ``(function, data)`` where embeddings are to be made.
        default: The embedding function of the store, if any.
        function, data, tensor: Embedding functions, what they are given, and where embeddings go: one
            each, or lists of one length.

    Attributes:
        ids: One for each row.
        has_ids: Whether there is a tensor for them.
        n: How many rows there are.

    Raises:
        ValueError: A name is no tensor, a tensor has no data, lengths differ, or arguments exclude each
            other.
        IncorrectEmbeddingShapeError: Embeddings differ in length.
    """

    def __init__(
        self, dataset: Dataset, columns: Mapping[str, Any], *, default: Any = None,
        function: Any = None, data: Any = None, tensor: Any = None,
    ) -> None:  # fmt: skip
        self._dataset = dataset
        names = list(dataset.tensors)
        ids = id_tensor(dataset)
        self.has_ids = ids is not None
        columns = dict(columns)
        for alias in ("id", "ids"):
            if ids is not None and alias in columns and alias not in names:
                columns[ids] = columns.pop(alias)
        unknown = [name for name in columns if name not in names]
        if unknown:
            raise ValueError(
                f"{dataset.path} has no tensor {', '.join(map(repr, unknown))}; its tensors are "
                f"{', '.join(map(repr, names))}"
            )
        self._made = self._functions(columns, default, function, data, tensor)
        for made in self._made:
            if columns.pop(made.tensor, None) is not None:
                raise ValueError(
                    f"both embeddings and data to embed were given for {made.tensor!r}"
                )
        columns = {
            name: values for name, values in columns.items() if values is not None or name != ids
        }
        self.n = self._count(columns)
        self._check_complete(columns, names, ids)
        if ids is not None:
            given = columns.get(ids)
            self.ids = new_ids(self.n) if given is None else [*map(str, given)]
            columns[ids] = self.ids
        else:
            self.ids = []
        self._columns = {name: self._column(name, values) for name, values in columns.items()}

    # ---- what was given
    def _functions(
        self, columns: dict[str, Any], default: Any, function: Any, data: Any, tensor: Any
    ) -> list[Made]:
        pairs = {name: value for name, value in columns.items() if _is_pair(value)}
        if pairs:
            if function is not None or data is not None or tensor is not None:
                raise ValueError(
                    "give (function, data) by tensor, or embedding_function, embedding_data and "
                    "embedding_tensor, not both"
                )
            for name in pairs:
                del columns[name]
            return [Made(n, of_documents(f), _listed(d, n)) for n, (f, d) in pairs.items()]
        if data is None:
            if function is not None or tensor is not None:
                given = "embedding_function" if function is not None else "embedding_tensor"
                raise ValueError(f"{given} needs embedding_data: what embeddings are to be made of")
            return []
        if function is None:
            function = default
        if function is None:
            raise ValueError(
                "embedding_data needs an embedding_function, here or when the store is opened"
            )
        targets = self._targets(tensor)
        functions = (
            list(function) if isinstance(function, (list, tuple)) else [function] * len(targets)
        )
        if isinstance(data, str):
            if data not in columns:
                raise ValueError(
                    "embedding_data is a list, one for each row, or the name of a tensor whose data are "
                    f"given; there is none for {data!r}"
                )
            data = columns[data]
        if len(targets) == 1 and not (isinstance(tensor, (list, tuple)) and _nested(data)):
            data = [data]
        if not len(functions) == len(targets) == len(data):
            raise ValueError(
                f"{len(functions)} embedding functions, {len(data)} lists of embedding_data, and "
                f"{len(targets)} embedding tensors: there must be as many of each"
            )
        return [
            Made(name, of_documents(one), _listed(rows, name))
            for name, one, rows in zip(targets, functions, data, strict=True)
        ]

    def _targets(self, tensor: Any) -> list[str]:
        if tensor is None:
            return [only_embedding(self._dataset)]
        targets = [tensor] if isinstance(tensor, str) else list(tensor)
        for name in targets:
            if name not in self._dataset.tensors:
                raise ValueError(
                    f"{self._dataset.path} has no tensor {name!r}; its tensors are "
                    f"{', '.join(map(repr, self._dataset.tensors))}"
                )
        return targets

    def _count(self, columns: Mapping[str, Any]) -> int:
        sizes = {made.tensor: len(made.data) for made in self._made}
        for name, values in columns.items():
            if values is None:
                continue
            if isinstance(values, (str, bytes, Mapping)) or not hasattr(values, "__len__"):
                raise TypeError(
                    f"tensor {name!r}: a list is needed, one for each row, not {type(values).__name__}"
                )
            sizes[name] = len(values)
        if len(set(sizes.values())) > 1:
            raise ValueError(f"all tensors need the same number of rows; they have {sizes}")
        if not sizes:
            raise ValueError("there is nothing to add: give data by tensor, such as text=[…]")
        return next(iter(sizes.values()))

    def _check_complete(
        self, columns: dict[str, Any], names: Sequence[str], ids: str | None
    ) -> None:
        """Every tensor gets something: what was not given for json values, ``{}``."""
        made = {one.tensor for one in self._made}
        for name in names:
            if name in made or name == ids or columns.get(name) is not None:
                continue
            if self._dataset.tensors[name].base_htype == "json":
                columns[name] = [{}] * self.n
            elif name in columns:
                columns[name] = [None] * self.n  # None was given: all are empty
            else:
                embeds = name in embedding_tensors(self._dataset)
                raise ValueError(
                    f"there are no data for tensor {name!r}"
                    + (
                        ": give embeddings, or embedding_data and an embedding_function"
                        if embeds
                        else ""
                    )
                )

    def _column(self, name: str, values: Any) -> Any:
        tensor = self._dataset.tensors[name]
        if name in embedding_tensors(self._dataset):
            return _embeddings(tensor, values)
        if tensor.is_link:
            return [link(one) if isinstance(one, (str, os.PathLike)) else one for one in values]
        if tensor.base_htype in _FILES:
            return [read(one) if isinstance(one, (str, os.PathLike)) else one for one in values]
        if tensor.base_htype == "json":
            return [{} if one is None else one for one in values]
        return values

    # ---- storing
    def store(self, batch: int, pace: Pace, nbytes: int | None, *, shown: bool) -> None:
        """Add the rows: all, or none.

        Args:
            batch: Rows that are embedded and stored at a time.
            pace: Limits what functions are given.
            nbytes: Bytes of data that are embedded at a time; None: as many as they have.
            shown: Show progress, where embeddings are made.
        """
        if not self.n:
            return
        if nbytes is None and pace.enabled:
            nbytes = BATCH_BYTES
        with atomic(self._dataset, "adding to a vector store"):
            spans = self._spans(batch, nbytes)
            shown = shown and bool(self._made)
            for span in progress(
                spans,
                shown=shown,
                title="embed",
                unit="row",
                total=self.n,
                size=lambda s: s.stop - s.start,
            ):
                rows = {name: values[span] for name, values in self._columns.items()}
                for made in self._made:
                    rows[made.tensor] = self._embedded(made, span, pace)
                self._dataset.extend(rows)

    def _spans(self, batch: int, nbytes: int | None) -> Iterator[slice]:
        start = 0
        while start < self.n:
            stop = min(start + batch, self.n)
            if nbytes is not None and self._made:
                sizes = sum(
                    np.array([size_of(one) for one in m.data[start:stop]]) for m in self._made
                )
                fit = int(np.searchsorted(np.cumsum(sizes), nbytes, "right"))
                stop = min(stop, start + max(fit, 1))
            yield slice(start, stop)
            start = stop

    def _embedded(self, made: Made, span: slice, pace: Pace) -> np.ndarray:
        data = list(made.data[span])
        if pace.enabled:
            pace.wait(sum(map(size_of, data)))
        try:
            found = made.function(data)
        except Exception as error:
            error.add_note(
                f"embeddings of rows {span.start} to {span.stop - 1} for tensor {made.tensor!r} of "
                f"{self._dataset.path}: nothing was added"
            )
            raise
        array = vectors(found, len(data), f"the embedding function of tensor {made.tensor!r}")
        return fitting(self._dataset.tensors[made.tensor], array)


def atomic(dataset: Dataset, what: str) -> AbstractContextManager[Any]:
    """Changes are stored at once, or none of them; in a transaction of the caller's, by that."""
    checkout = dataset._checkout
    return nullcontext() if checkout._in_transaction else checkout.atomic(what)


# --------------------------------------------------------------------------- tensors of embeddings
def embedding_tensors(dataset: Dataset) -> list[str]:
    """Names of the tensors of embeddings: by htype, or else the one that is called ``embedding``."""
    found = [name for name, tensor in dataset.tensors.items() if tensor.base_htype == "embedding"]
    return found or [name for name in ("embedding",) if name in dataset.tensors]


def only_embedding(dataset: Dataset) -> str:
    """The tensor of embeddings, where there is one.

    Raises:
        ValueError: There is none, or several.
    """
    found = embedding_tensors(dataset)
    if len(found) != 1:
        raise ValueError(
            f"say embedding_tensor: {dataset.path} has "
            + (f"several tensors of embeddings, {', '.join(map(repr, found))}" if found
               else "no tensor of embeddings (htype 'embedding')")
        )  # fmt: skip
    return found[0]


def dimension(tensor: Tensor) -> int | None:
    """Values that each embedding of a tensor has; None: it has none yet, or they differ."""
    if not len(tensor):
        return None
    upper = tensor.shape_interval.upper[1:]
    size = int(np.prod(upper, dtype=np.int64)) if upper else 0
    return size or None


def fitting(tensor: Tensor, found: np.ndarray) -> np.ndarray:
    """Embeddings in the dtype of their tensor.

    Raises:
        IncorrectEmbeddingShapeError: Those that it has are longer or shorter.
    """
    size = dimension(tensor)
    if size is not None and len(found) and found.shape[1] != size:
        raise IncorrectEmbeddingShapeError(
            f"tensor {tensor.key!r} has embeddings of {size} values; these have {found.shape[1]}"
        )
    dtype = tensor.dtype
    if dtype is None or np.dtype(dtype).kind not in "iuf":
        dtype = np.dtype(np.float32)
    with np.errstate(over="ignore"):
        return found.astype(dtype, copy=False)


def _embeddings(tensor: Tensor, values: Any) -> Any:
    """Embeddings that were given; None where a row has none."""
    what = f"tensor {tensor.key!r}"
    if isinstance(values, (list, tuple)) and any(one is None for one in values):
        places = [i for i, one in enumerate(values) if one is not None]
        found: list[Any] = [None] * len(values)
        if places:
            array = fitting(tensor, vectors([values[i] for i in places], len(places), what))
            for i, one in zip(places, array, strict=True):
                found[i] = one
        return found
    return (
        fitting(tensor, vectors(values, len(values), what))
        if len(values)
        else np.zeros((0, 1), np.float32)
    )


def _is_pair(value: Any) -> bool:
    if not (isinstance(value, tuple) and len(value) == 2):
        return False
    return callable(value[0]) or hasattr(value[0], "embed_documents")


def _nested(data: Any) -> bool:
    return len(data) == 1 and isinstance(data[0], (list, tuple, np.ndarray))


def _listed(data: Any, name: str) -> Sequence[Any]:
    if isinstance(data, (str, bytes, Mapping)) or not hasattr(data, "__len__"):
        raise TypeError(
            f"tensor {name!r}: a list of data to embed is needed, not {type(data).__name__}"
        )
    return data if hasattr(data, "__getitem__") else list(data)


__all__ = ["Addition", "atomic", "dimension", "embedding_tensors", "fitting", "only_embedding"]
