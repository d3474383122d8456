"""One tensor, or a part of one: reads like an array, appends like a list."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from types import ModuleType
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from deeplake.dataset import extent, media, output, sequences
from deeplake.dataset.checkout import Checkout
from deeplake.dataset.linkmethods import LinkMethods
from deeplake.dataset.operators import InPlace
from deeplake.dataset.progress import progress
from deeplake.dataset.reader import TensorReader
from deeplake.dataset.sample import Sample
from deeplake.dataset.selection import Selection
from deeplake.dataset.subscript import SUBSCRIPT_ERRORS, adds_axes, pop_rows, say_where
from deeplake.dataset.traits import Traits
from deeplake.dataset.vectorindexes import VectorIndexes
from deeplake.errors import (
    InvalidOperationError,
)
from deeplake.types import TensorSchema
from deeplake.versioning.draft import Draft

if TYPE_CHECKING:
    from deeplake.dataset.dataset import Dataset

# The class has methods called dict and list; annotations inside it cannot use the builtins' names.
Json: TypeAlias = dict[str, Any]
Numbers: TypeAlias = list[int]


class Tensor(Traits, LinkMethods, InPlace, VectorIndexes):
    """A column of samples: ``ds.images``, ``ds.images[3]``, ``ds.images[10:20, :, :, 0]``.

    Nothing is read before ``numpy()``, ``data()`` or the like is called. A tensor that is not
    subscripted follows the dataset: rows that are appended are in it.

    Args:
        checkout: The working copy that it belongs to.
        tid: Its id.
        selection: What is selected of it.
        view: The view of the dataset that it was taken from, if any.
    """

    __slots__ = ("_checkout", "_selection", "_tid", "_view")

    def __init__(
        self,
        checkout: Checkout,
        tid: str,
        selection: Selection = Selection.ALL,
        view: Dataset | None = None,
    ) -> None:
        self._checkout = checkout
        self._tid = tid
        self._selection = selection
        self._view = view

    # ---- where it is
    @property
    def _draft(self) -> Draft:
        view = self._view
        if view is not None:
            # What the view shows by now: the commit that was made after it was taken, or an error.
            view._check_valid()
            self._checkout = view._checkout
        return self._checkout.draft(self._tid)

    @property
    def _reader(self) -> TensorReader:
        draft = self._draft
        return self._checkout.reader(draft)

    @property
    def _schema(self) -> TensorSchema:
        return self._draft.schema

    @property
    def _total(self) -> int:
        """Rows, those included that fill up the shorter tensors of a view."""
        length = self._draft.length
        return length if self._view is None else max(length, self._view._padded_length())

    def __len__(self) -> int:
        return self._selection.count(self._total)

    # ---- subscripts
    def __getitem__(self, item: Any) -> Tensor:
        selection = self._selection
        try:
            if type(item) is int:
                selection = selection.select(item, self._total)
            elif type(item) is tuple and item and type(item[0]) is int:
                selection = self._select(item)  # it adds no axis
            elif not selection.is_single and adds_axes(item):
                from deeplake.dataset.newaxis import NewAxis

                keys = item if isinstance(item, tuple) else (item,)
                front = next((i for i, key in enumerate(keys) if key is not None), len(keys))
                return NewAxis(self[keys[front:]] if keys[front:] else self, front)
            else:
                selection = self._select(item)
        except SUBSCRIPT_ERRORS as error:
            say_where(error, f"tensor {self.key!r}")
            raise
        return Tensor(self._checkout, self._tid, selection, self._view)

    def _select(self, item: Any) -> Selection:
        schema = self._schema
        ndim = None if schema.ndim is None else schema.row_ndim
        return self._selection.select(item, self._total, ndim)

    def __iter__(self) -> Iterator[Tensor]:
        whole_row = self._schema.is_sequence and self._selection.is_single
        n = sequences.item_count(self) if whole_row else len(self)
        for i in range(n):
            yield self[i]

    @property
    def index(self) -> Selection:
        """What is selected."""
        return self._selection

    @property
    def sample_indices(self) -> Numbers:
        """Row numbers that are selected."""
        return [int(row) for row in extent.rows(self)]

    def modified_samples(
        self, target_id: str | None = None, return_indexes: bool = False
    ) -> Tensor | tuple[Tensor, Numbers]:
        """The samples that were added or updated since an earlier version.

        Args:
            target_id: Commit, branch or tag that this version is built on; None: the last commit.
            return_indexes: Return their row numbers too.

        Raises:
            TensorModifiedError: This version is not built on the target.
        """
        from deeplake.dataset.modified import modified_rows

        self._check_whole("modified_samples")
        rows = modified_rows(self._checkout, self._tid, target_id)
        return (self[rows], rows) if return_indexes else self[rows]

    # ---- reading
    @property
    def _output(self) -> ModuleType:
        """What makes of stored values what users get: samples, or lists of items."""
        return sequences if self._schema.is_sequence else output

    def numpy(self, aslist: bool = False, fetch_chunks: bool = False) -> Any:
        """The selected samples.

        Args:
            aslist: Return a list of arrays, which may differ in shape.
            fetch_chunks: Accepted for compatibility; what is fetched together is decided by the
                store.

        Returns:
            An array of shape ``(samples, *shape)``, or ``shape`` if one sample is selected. Text has
            dtype ``str`` and shape ``(1,)`` a sample, json values dtype ``object``, polygons are a
            list of arrays.

        Raises:
            DynamicTensorNumpyError: Shapes differ and ``aslist`` is False.
            EmptyTensorError: All samples of the tensor are None.
            CorruptedSampleError, ChecksumError: Stored bytes are damaged.
        """
        try:
            if self._view is None:
                # What is asked for most: one row, or all of them.
                selection = self._selection
                found = None
                if selection is Selection.ALL:
                    found = None if aslist else self._reader.column()
                elif type(selection.index) is int:
                    found = self._reader.quick(selection.index, selection)
                if found is not None:
                    return found
            if self._view is not None and self._view._padded == "none":
                return self._numpy_or_none(aslist)
            return self._output.numpy(self, aslist=aslist)
        except SUBSCRIPT_ERRORS as error:
            row = f", row {self._selection.index}" if self._selection.is_single else ""
            say_where(error, f"tensor {self.key!r}{row}")
            raise

    def _numpy_or_none(self, aslist: bool) -> Any:
        """``numpy`` where None stands for the samples of rows that the tensor lacks."""
        length = self._draft.length
        index = self._selection.index
        if type(index) is int and index >= length:
            return None
        found = self._output.numpy(self, aslist=aslist)
        if not aslist or type(index) is int:
            return found
        pairs = zip(extent.rows(self), found, strict=True)
        return [value if row < length else None for row, value in pairs]

    def data(self, aslist: bool = False, fetch_chunks: bool = False) -> Any:
        """The selected samples as a dict of what their htype says of them (``value``, ``text`` …).

        Args:
            aslist: Values are lists of arrays, also if one array would do.
            fetch_chunks: Accepted for compatibility.
        """
        return self._output.data(self, aslist=aslist)

    def text(self, fetch_chunks: bool = False) -> Any:
        """Text of the selected samples: a str, or a list of them."""
        return self._output.values(self, "text")

    def dict(self, fetch_chunks: bool = False) -> Any:
        """Json value of the selected samples, or a list of them."""
        return self._output.values(self, "json")

    def list(self, fetch_chunks: bool = False) -> Any:
        """The selected samples as Python lists."""
        return self._output.lists(self)

    def tobytes(self) -> Any:
        """The stored bytes of one sample: those of the file, if the tensor has its compression.

        Of a sequence, a list with the bytes of each item.

        Raises:
            ValueError: Not exactly one sample, or a part of one, is selected.
        """
        return self._output.tobytes(self)

    @property
    def sample_info(self) -> Any:
        """What the files say of themselves (format, exif …): a dict, or a list of them."""
        return self._output.sample_info(self)

    @property
    def timestamps(self) -> np.ndarray:
        """Seconds at which the selected frames of one video are shown: float64, one a frame.

        Frames that were appended as an array have no times; they count as a second each.

        Raises:
            ValueError: Not a video, or several of them.
        """
        return sequences.timestamps(self) if self.is_sequence else media.timestamps(self)

    def play(self) -> Any:
        """Show one video with the viewer that is installed, or as a page that plays it.

        Returns:
            The viewer's handle, which a notebook shows.

        Raises:
            ValueError: Not a video, or several of them.
            PluginNotFoundError: All viewers are disabled.
        """
        from deeplake.dataset.page import viewer

        media.check_video(self, "play()")
        return viewer().show(self)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return np.asarray(self.numpy(), dtype)

    # ---- changing
    def _check_whole(self, what: str) -> None:
        if not self._selection.is_all:
            raise InvalidOperationError(
                f"{what} works on whole tensors; tensor {self.key!r} is subscripted here"
            )

    def append(self, sample: Any) -> None:
        """Add one sample.

        Args:
            sample: Array, number, list, ``deeplake.read(…)``, str, dict, another tensor's sample,
                or None for an empty sample.

        Raises:
            SampleAppendError: It does not fit; the tensor is as it was.
        """
        self._check_whole("append")
        self._checkout.extend(self._draft, [plain(sample)])

    def extend(self, samples: Any, progressbar: bool = False, ignore_errors: bool = False) -> None:
        """Add several samples: an array (in one pass), a sequence, or another tensor.

        Args:
            samples: The samples.
            progressbar: Show progress.
            ignore_errors: Leave out samples that do not fit.

        Raises:
            SampleAppendError: A sample does not fit; the tensor is as it was.
            TypeError: ``samples`` is a single sample.
        """
        self._check_whole("extend")
        taken = many(samples, items=not self.is_sequence)
        if progressbar:
            taken = [*progress(taken, shown=True, title=f"extend {self.key}", unit="sample",
                               total=len(taken))]  # fmt: skip
        self._checkout.extend(self._draft, taken, ignore_errors=ignore_errors)

    def pop(self, index: int | Sequence[int] | None = None) -> None:
        """Remove samples; those behind move up.

        Args:
            index: Row, rows, or None for the last one.

        Raises:
            IndexError: There is no such row; rows are not counted from the end here.
            ValueError: A row is named twice.
        """
        self._check_whole("pop")
        draft = self._draft
        self._checkout.pop([draft], pop_rows(index, draft.length, f"tensor {self.key!r}"))

    def clear(self) -> None:
        """Remove all samples."""
        self._check_whole("clear")
        draft = self._draft
        self._checkout.pop([draft], range(draft.length))

    def __setitem__(self, item: Any, value: Any) -> None:
        from deeplake.dataset import assignment

        assignment.assign(self, item, value)

    # ---- as text
    def summary(self) -> None:
        """Print name, htype, shape, dtype and compression."""
        from deeplake.dataset.summary import tensor_summary

        print(tensor_summary(self))

    def __reduce__(self) -> Any:
        from deeplake.dataset.dataset import Dataset

        # Its dataset knows how to travel, and where the data are.
        holder = Dataset(self._checkout) if self._view is None else self._view
        return _unpickle, (holder, self._tid, self._selection)

    def _repr_html_(self) -> str:
        from deeplake.dataset.html import or_reason, tensor_html

        return or_reason(tensor_html, self)

    def __repr__(self) -> str:
        index = "" if self._selection.is_all else f", index={self._selection!r}"
        return f"Tensor(key={self.key!r}{index})"


def _unpickle(holder: Dataset, tid: str, selection: Selection) -> Tensor:
    return Tensor(holder._checkout, tid, selection, holder if holder.is_view else None)


# --------------------------------------------------------------------------- what it is given
def plain(value: Any) -> Any:
    """A sample without the tensor around it."""
    if type(value) is Tensor:
        return value._output.as_sample(value)
    return value.numpy() if isinstance(value, Tensor) else value


def many(values: Any, *, items: bool = False) -> Any:
    """Several samples: an array, or a sequence.

    Args:
        values: What was given.
        items: One row of a sequence tensor is its items.

    Raises:
        TypeError: Not several.
    """
    if type(values) is Tensor:
        if items and values.is_sequence and sequences.is_row(values):
            return plain(values) or []
        return values._output.as_samples(values)
    if isinstance(values, np.ndarray):
        array = values
    elif hasattr(values, "__array__") and not isinstance(values, (Sample, Sequence)):
        array = np.asarray(values)
    elif isinstance(values, (str, bytes, Sample, Mapping)) or not hasattr(values, "__iter__"):
        raise TypeError(_SINGLE.format(type(values).__name__))
    else:
        return [plain(value) for value in values]
    if array.ndim == 0:
        raise TypeError(_SINGLE.format(type(values).__name__))
    return array


_SINGLE = (
    "several samples are a sequence, an array or a tensor, not one {}; append() adds one sample"
)


__all__ = ["Tensor", "many", "plain"]
