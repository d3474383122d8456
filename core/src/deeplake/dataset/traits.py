"""What a tensor is and how much it holds: the part of ``Tensor`` that reads no sample."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from deeplake.dataset import extent
from deeplake.dataset.info import Info
from deeplake.dataset.meta import TensorMeta
from deeplake.dataset.schema import check_own_info
from deeplake.errors import InfoError
from deeplake.format.encoding import htype_plugin
from deeplake.types import ShapeInterval, TensorSchema

if TYPE_CHECKING:
    from deeplake.dataset.checkout import Checkout
    from deeplake.dataset.tensor import Tensor
    from deeplake.versioning.draft import Draft

_WORDS = frozenset(("str", "json"))
"""Dtypes of the format that are none of NumPy."""


class Traits:
    """Name, htype, dtype, compressions, info, shapes of a tensor."""

    __slots__ = ()

    if TYPE_CHECKING:
        _checkout: Checkout

        @property
        def _draft(self) -> Draft: ...

        @property
        def _schema(self) -> TensorSchema: ...

        def _check_whole(self, what: str) -> None: ...

    # ---- what it is
    @property
    def key(self) -> str:
        """Full name, groups separated by ``/``."""
        return self._schema.name

    @property
    def htype(self) -> str | None:
        """Htype as it was given (``"image"``, ``"sequence[image]"``).

        None before the first sample of a tensor that was created without one. Setting it converts
        the tensor: generic arrays and images can become images, labels, boxes, masks, points and
        the like.

        Raises:
            NotImplementedError: There is no such conversion.
            IncompatibleHtypeError: The samples do not fit the htype.
            UnsupportedCompressionError: The tensor's compression does not.
        """
        schema = self._schema
        return None if schema.meta.get("open") else schema.full_htype

    @htype.setter
    def htype(self, value: str) -> None:
        from deeplake.dataset.structure import convert

        self._check_whole("a conversion")
        convert(cast("Tensor", self), value)

    @property
    def base_htype(self) -> str | None:
        """Htype without ``sequence[…]`` and ``link[…]``."""
        schema = self._schema
        return None if schema.meta.get("open") else schema.htype

    @property
    def dtype(self) -> np.dtype[Any] | None:
        """NumPy dtype; None until the first sample decides; ``str`` for text and json values."""
        name = self._schema.dtype or htype_plugin(self._schema.htype).spec().dtype
        if name is None:
            return None
        return np.dtype(str) if name in _WORDS else np.dtype(name)

    @property
    def is_sequence(self) -> bool:
        """Whether samples are sequences of items."""
        return self._schema.is_sequence

    @property
    def is_link(self) -> bool:
        """Whether samples are links to data elsewhere."""
        return self._schema.is_link

    @property
    def hidden(self) -> bool:
        """Whether ``ds.tensors`` leaves it out."""
        return self._schema.hidden

    @property
    def verify(self) -> bool:
        """Whether links are opened when they are appended."""
        return self._schema.verify

    @property
    def sample_compression(self) -> str | None:
        """Codec of each sample."""
        return self._schema.sample_compression

    @property
    def chunk_compression(self) -> str | None:
        """Codec of whole chunks."""
        return self._schema.chunk_compression

    @property
    def info(self) -> Info:
        """JSON kept with the tensor: class names, coordinates, and whatever users add.

        Lists and dicts in it may be changed in place, which the next change, ``flush`` or ``commit``
        stores.
        """
        tid = (
            self._draft.schema.id
        )  # of what the tensor shows: its checkout may be another one then
        return Info(lambda: self._draft.info, self._set_info, self._checkout.handed(tid))

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
                f"info of tensor {self.key!r} cannot be changed at a past commit: check out a branch"
            )
        schema = self._schema
        check_own_info(schema.name, schema.htype, value)
        with checkout.change(rows_move=False) as session:
            session.set_info(value, self._draft)

    @property
    def meta(self) -> TensorMeta:
        """All that is known of the tensor; its keys are also attributes."""
        return TensorMeta.of(cast("Tensor", self))

    # ---- how much there is
    @property
    def num_samples(self) -> int:
        """Samples of the whole tensor, whatever is selected."""
        return self._draft.length

    @property
    def is_empty_tensor(self) -> bool:
        """Whether the tensor has no samples, or only None in place of arrays."""
        reader = cast("Tensor", self)._reader
        return self.num_samples == 0 or (reader.schema.ndim is None and not reader.looks)

    @property
    def shape_interval(self) -> ShapeInterval:
        """Smallest and largest shape, the number of samples first unless one is selected."""
        return extent.interval(cast("Tensor", self))

    def shapes(self) -> np.ndarray:
        """``int64[samples, ndim]``: the shape of each selected sample."""
        return extent.shapes(cast("Tensor", self))

    @property
    def shape(self) -> tuple[int | None, ...]:
        """Common shape; None on axes where samples differ."""
        return self.shape_interval.astuple()

    @property
    def ndim(self) -> int:
        """Dimensions; the sample axis is one of them unless a single sample is selected."""
        return len(self.shape_interval.lower)

    @property
    def size(self) -> int | None:
        """Number of elements; None if samples differ in shape."""
        total = 1
        for axis in self.shape:
            if axis is None:
                return None
            total *= axis
        return total

    @property
    def is_dynamic(self) -> bool:
        """Whether samples differ in shape."""
        return self.shape_interval.is_dynamic


__all__ = ["Traits"]
