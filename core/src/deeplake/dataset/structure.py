"""Tensors and groups of a dataset: made, renamed, converted, deleted."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from deeplake.dataset import downsampling
from deeplake.dataset.checkout import new_tensor_id
from deeplake.dataset.info import as_json
from deeplake.dataset.schema import build_schema, check_compressions, check_name
from deeplake.errors import (
    IncompatibleHtypeError,
    InvalidTensorGroupNameError,
    RenameError,
    TensorAlreadyExistsError,
    TensorGroupAlreadyExistsError,
    TensorGroupDoesNotExistError,
    TensorTooLargeToDelete,
)
from deeplake.format.encoding import htype_plugin
from deeplake.format.htypes import check_conversion, parse_htype
from deeplake.types import TensorSchema
from deeplake.versioning.draft import Draft
from deeplake.versioning.session import Session

if TYPE_CHECKING:
    from deeplake.dataset.dataset import Dataset
    from deeplake.dataset.tensor import Tensor

SAFE_TO_DELETE = 1_000_000_000
"""Bytes that are deleted without ``large_ok=True``."""

_log = logging.getLogger(__name__)


def full_name(dataset: Dataset, name: str) -> str:
    """The name from the root, of something in this group."""
    name = name.strip("/")
    return f"{dataset.group_index}/{name}" if dataset.group_index else name


# --------------------------------------------------------------------------- tensors
def create_tensor(
    dataset: Dataset, name: str, *, exist_ok: bool, extra: Mapping[str, Any], paths: bool = True,
    **meta: Any,
) -> Tensor:  # fmt: skip
    """Add a tensor (see ``Dataset.create_tensor``)."""
    full = full_name(dataset, check_name(name, dataset._RESERVED))
    session = dataset._checkout.session
    schema, info = build_schema(full, **meta, extra=extra)
    if not paths:
        schema = replace(schema, meta={**schema.meta, "paths": False})
    as_json({"info": info, "meta": dict(schema.meta)})
    existing = session.by_name.get(full)
    if existing is not None:
        if not exist_ok:
            raise TensorAlreadyExistsError(
                f"tensor {full!r} already exists in {dataset.path}; pass exist_ok=True to use it"
            )
        _check_same_meta(existing.schema, schema)
        return dataset._tensor(existing)
    return _add(dataset, schema, info)


def new_name(dataset: Dataset, name: str) -> str:
    """Full name of a new tensor; the groups that it is in are made.

    Raises:
        InvalidTensorNameError: It cannot be called this.
        TensorAlreadyExistsError: There is one of this name.
    """
    full = full_name(dataset, check_name(name, dataset._RESERVED))
    session = dataset._checkout.session
    if full in session.by_name:
        raise TensorAlreadyExistsError(f"tensor {full!r} already exists in {dataset.path}")
    groups = _with_groups(dataset, full.rpartition("/")[0])
    if groups != session.groups:
        session.set_groups(groups)
    return full


def create_like(
    dataset: Dataset, name: str, schema: TensorSchema, info: Mapping[str, Any], *, unlink: bool
) -> Tensor:
    """Add a tensor with the meta and info of another one."""
    full = full_name(dataset, check_name(name, dataset._RESERVED))
    if full in dataset._checkout.session.by_name:
        raise TensorAlreadyExistsError(f"tensor {full!r} already exists in {dataset.path}")
    alike = replace(
        schema, id=new_tensor_id(), name=full, is_link=schema.is_link and not unlink, extra={}
    )
    return _add(dataset, alike, dict(info))


def _add(dataset: Dataset, schema: TensorSchema, info: Mapping[str, Any]) -> Tensor:
    session = dataset._checkout.session
    if schema.name in session.groups:
        raise TensorGroupAlreadyExistsError(f"{schema.name!r} is a group of {dataset.path}")
    groups = _with_groups(dataset, schema.name.rpartition("/")[0])
    smaller = downsampling.schemas(schema, new_tensor_id)
    for copies in smaller:
        if copies.name in session.by_name:
            raise TensorAlreadyExistsError(
                f"tensor {schema.name!r} needs the name {copies.name!r}, which another tensor of "
                f"{dataset.path} has"
            )
    with dataset._checkout.change(rows_move=False):
        if groups != session.groups:
            session.set_groups(groups)
        draft = session.create_tensor(schema, info)
        for copies in smaller:
            session.create_tensor(copies, {})
    return dataset._tensor(draft)


def _check_same_meta(existing: TensorSchema, wanted: TensorSchema) -> None:
    """Raise ``ValueError`` if ``exist_ok`` cannot hand out the existing tensor."""
    keys = ["sample_compression", "chunk_compression", "hidden", "is_link", "is_sequence"]
    if not wanted.meta.get("open"):
        keys.append("htype")
    different = [key for key in keys if getattr(existing, key) != getattr(wanted, key)]
    if wanted.dtype is not None and wanted.dtype != _dtype_of(existing):
        different.append("dtype")
    if different:
        raise ValueError(
            f"tensor {existing.name!r} already exists with another {', '.join(different)}"
        )


def _dtype_of(schema: TensorSchema) -> str | None:
    default = htype_plugin(schema.htype).spec().dtype
    if schema.dtype is not None or default is None or default in ("str", "json"):
        return schema.dtype or default
    return np.dtype(default).str


def delete_tensor(dataset: Dataset, name: str, *, large_ok: bool) -> None:
    """Remove a tensor (see ``Dataset.delete_tensor``)."""
    draft = dataset._draft(name.strip("/"))
    size = _stored_bytes(draft)
    if not large_ok and size > SAFE_TO_DELETE:
        raise TensorTooLargeToDelete(
            f"tensor {draft.schema.name!r} has {size:,} bytes; pass large_ok=True to delete it"
        )
    with dataset._checkout.change() as session:
        for doomed in (draft, *_smaller(dataset._checkout.session, draft)):
            session.delete_tensor(doomed.schema.id)


def _smaller(session: Session, draft: Draft) -> list[Draft]:
    """The tensors with smaller copies of a tensor's samples."""
    found = (session.by_name.get(name) for name in downsampling.names(draft.schema))
    return [smaller for smaller in found if smaller is not None]


def _stored_bytes(draft: Draft) -> int:
    """Bytes of the chunks that hold the tensor's rows."""
    pieces = draft.table.pieces()
    words = pieces["object"].reshape(len(pieces), 2)
    chunks = np.unique(
        np.column_stack([words, pieces["offset"], pieces["length"]]).astype(np.uint64), axis=0
    )
    return int(chunks[:, -1].sum())


def rename_tensor(dataset: Dataset, name: str, new_name: str) -> Tensor:
    """Give a tensor another name (see ``Dataset.rename_tensor``)."""
    draft = dataset._draft(name.strip("/"))
    new = full_name(dataset, check_name(new_name, dataset._RESERVED))
    old = draft.schema.name
    _check_free(dataset, old, new)
    if new != old:
        smaller = _smaller(dataset._checkout.session, draft)
        for name in (names := downsampling.names(draft.schema, new)):
            _check_free(dataset, old, name)
        with dataset._checkout.change(rows_move=False) as session:
            session.set_schema(draft, replace(draft.schema, name=new))
            for copies, name in zip(smaller, names, strict=False):
                session.set_schema(copies, replace(copies.schema, name=name))
    return dataset._tensor(draft)


def _check_free(dataset: Dataset, old: str, new: str) -> None:
    session = dataset._checkout.session
    if old.rpartition("/")[0] != new.rpartition("/")[0]:
        raise RenameError(f"{old!r} cannot become {new!r}: a name cannot point to another group")
    if new == old:
        return
    if new in session.by_name:
        raise TensorAlreadyExistsError(f"tensor {new!r} already exists in {dataset.path}")
    if new in session.groups:
        raise TensorGroupAlreadyExistsError(f"{new!r} is a group of {dataset.path}")


def convert(tensor: Tensor, htype: str) -> None:
    """Give a tensor another htype (see ``Tensor.htype``)."""
    draft = tensor._draft
    schema = draft.schema
    dtype = tensor.dtype
    name = None if dtype is None else "str" if dtype.kind == "U" else dtype.name
    try:
        check_conversion(schema.full_htype, htype, shape=tensor.shape, dtype=name)
    except (NotImplementedError, ValueError) as error:
        error.args = (f"tensor {schema.name!r}: {error}",)
        raise
    base = parse_htype(htype)[0]
    if base == schema.htype and not schema.meta.get("open"):
        return
    spec = htype_plugin(base).spec()
    if spec.payload != "array" and draft.length:
        raise IncompatibleHtypeError(
            f"tensor {schema.name!r} holds arrays, which htype {base!r} cannot have"
        )
    check_compressions(schema.name, spec, schema.sample_compression, schema.chunk_compression)
    meta = {key: value for key, value in schema.meta.items() if key != "open"}
    fresh = not draft.length and spec.payload != "array"
    converted = replace(
        schema, htype=base, meta=meta, dtype=spec.dtype if fresh else schema.dtype,
        ndim=None if fresh else schema.ndim,
    )  # fmt: skip
    smaller = _smaller(tensor._checkout.session, draft)
    if not spec.downsamples:
        meta.pop(downsampling.KEY, None)
    with tensor._checkout.change(rows_move=False) as session:
        session.set_schema(draft, converted)
        session.set_info({**spec.info, **draft.info}, draft)
        for copies in smaller:
            if spec.downsamples:
                session.set_schema(copies, replace(copies.schema, htype=base))
            else:
                session.delete_tensor(copies.schema.id)


# --------------------------------------------------------------------------- groups
def _with_groups(dataset: Dataset, name: str) -> list[str]:
    """The groups, with this one and those above it."""
    session = dataset._checkout.session
    groups = list(session.groups)
    parts = name.split("/") if name else []
    for end in range(1, len(parts) + 1):
        group = "/".join(parts[:end])
        if group in session.by_name:
            raise TensorAlreadyExistsError(f"{group!r} is a tensor of {dataset.path}, not a group")
        if group not in groups:
            groups.append(group)
    return groups


def create_group(dataset: Dataset, name: str, *, exist_ok: bool) -> Dataset:
    """Add a group (see ``Dataset.create_group``)."""
    name = check_name(name, dataset._RESERVED, InvalidTensorGroupNameError)
    full = full_name(dataset, name)
    session = dataset._checkout.session
    if full in session.groups:
        if not exist_ok:
            raise TensorGroupAlreadyExistsError(
                f"group {full!r} already exists in {dataset.path}; pass exist_ok=True to use it"
            )
        return dataset._sub(name)
    groups = _with_groups(dataset, full)
    with dataset._checkout.change(rows_move=False):
        session.set_groups(groups)
    return dataset._sub(name)


def _group(dataset: Dataset, name: str) -> str:
    full = full_name(dataset, name)
    groups = dataset._checkout.session.groups
    if full not in groups:
        raise TensorGroupDoesNotExistError(
            f"group {full!r} does not exist in {dataset.path}; there are "
            f"{', '.join(map(repr, groups)) or 'none'}"
        )
    return full


def _inside(dataset: Dataset, group: str) -> list[Draft]:
    by_name = dataset._checkout.session.by_name
    return [draft for name, draft in by_name.items() if name.startswith(group + "/")]


def delete_group(dataset: Dataset, name: str, *, large_ok: bool) -> None:
    """Remove a group with all that is in it (see ``Dataset.delete_group``)."""
    full = _group(dataset, name)
    inside = _inside(dataset, full)
    if not large_ok and sum(map(_stored_bytes, inside)) > SAFE_TO_DELETE:
        _log.warning("group %r of %s has more than 1 GB; it is deleted", full, dataset.path)
    with dataset._checkout.change() as session:
        kept = [g for g in session.groups if g != full and not g.startswith(full + "/")]
        session.set_groups(kept)
        for draft in inside:
            session.delete_tensor(draft.schema.id)


def rename_group(dataset: Dataset, name: str, new_name: str) -> None:
    """Give a group another name (see ``Dataset.rename_group``)."""
    old = _group(dataset, name)
    new = full_name(dataset, check_name(new_name, dataset._RESERVED, InvalidTensorGroupNameError))
    _check_free(dataset, old, new)
    if new == old:
        return

    def renamed(full: str) -> str:
        return new + full[len(old) :] if full == old or full.startswith(old + "/") else full

    inside = _inside(dataset, old)
    with dataset._checkout.change(rows_move=False) as session:
        session.set_groups([renamed(group) for group in session.groups])
        for draft in inside:
            session.set_schema(draft, replace(draft.schema, name=renamed(draft.schema.name)))


__all__ = [
    "SAFE_TO_DELETE",
    "convert",
    "create_group",
    "create_like",
    "create_tensor",
    "delete_group",
    "delete_tensor",
    "full_name",
    "rename_group",
    "rename_tensor",
]
