"""``ds.meta`` and ``tensor.meta``: what is known of them, to read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from deeplake._version import __version__
from deeplake.dataset import sequences
from deeplake.dataset.selection import Selection
from deeplake.format.encoding import htype_plugin

if TYPE_CHECKING:
    from deeplake.dataset.dataset import Dataset
    from deeplake.dataset.tensor import Tensor


class Meta(Mapping[str, Any]):
    """Facts by name; names are also attributes: ``meta.htype`` is ``meta["htype"]``.

    Args:
        facts: The facts as they are now; what takes reading, as a function that finds it out.
    """

    __slots__ = ("_facts",)

    def __init__(self, facts: Mapping[str, Any]) -> None:
        self._facts = dict(facts)

    def __getitem__(self, key: str) -> Any:
        fact = self._facts[key]
        if callable(fact):
            fact = self._facts[key] = fact()
        return fact

    def __iter__(self) -> Iterator[str]:
        return iter(self._facts)

    def __len__(self) -> int:
        return len(self._facts)

    def __getattr__(self, key: str) -> Any:
        if key.startswith("_"):  # also while pickle makes one without facts
            raise AttributeError(key)
        try:
            return self[key]
        except KeyError:
            raise AttributeError(f"meta has no {key!r}; it has {', '.join(self)}") from None

    def __repr__(self) -> str:
        return f"{type(self).__name__}({dict(self)!r})"


class TensorMeta(Meta):
    """What is known of a tensor."""

    __slots__ = ()

    @classmethod
    def of(cls, tensor: Tensor) -> TensorMeta:
        """The meta of a tensor, whatever is selected of it."""
        schema = tensor._schema
        low, high = tensor._reader.table.bounds()
        length: Any = tensor.num_samples
        if schema.is_sequence:
            # Of the items: users know these figures of sequences as those of what they store.
            low, high = low[1:], high[1:]
            length = partial(sequences.item_total, tensor)
        return cls(
            {
                "name": schema.name,
                "htype": tensor.htype,
                "dtype": dtype_text(tensor),
                "length": length,
                "min_shape": [int(n) for n in low],
                "max_shape": [int(n) for n in high],
                "sample_compression": schema.sample_compression,
                "chunk_compression": schema.chunk_compression,
                "hidden": schema.hidden,
                "is_sequence": schema.is_sequence,
                "is_link": schema.is_link,
                "verify": schema.verify,
                "links": {},
                "max_chunk_size": schema.max_chunk_size,
                "tiling_threshold": schema.tiling_threshold,
                "typestr": schema.meta.get("typestr"),
                "version": __version__,
            }
        )


def dtype_text(tensor: Tensor) -> str | None:
    """The dtype by name: ``"uint8"``, ``"str"``, ``"List"``, or what json values have to be."""
    schema = tensor._schema
    payload = htype_plugin(schema.htype).spec().payload
    if payload == "json":
        return str(schema.meta.get("schema", "Any"))
    if payload == "list":
        return "List"
    dtype = tensor.dtype
    return None if dtype is None else "str" if dtype.kind == "U" else dtype.name


class DatasetMeta(Meta):
    """What is known of a dataset."""

    __slots__ = ()

    @classmethod
    def of(cls, dataset: Dataset) -> DatasetMeta:
        """The meta of a dataset or group."""
        session = dataset._checkout.session
        prefix = f"{dataset.group_index}/" if dataset.group_index else ""
        inside = {
            name.removeprefix(prefix): draft.schema
            for name, draft in session.by_name.items()
            if name.startswith(prefix)
        }
        return cls(
            {
                "tensors": list(inside),
                "groups": [g.removeprefix(prefix) for g in session.groups if g.startswith(prefix)],
                "tensor_names": {name: schema.id for name, schema in inside.items()},
                "hidden_tensors": [name for name, schema in inside.items() if schema.hidden],
                "default_index": session.extra.get("default_index", Selection.ALL.to_json()),
                "version": __version__,
                "allow_delete": dataset.allow_delete,
            }
        )


__all__ = ["DatasetMeta", "Meta", "TensorMeta", "dtype_text"]
