"""From what users append to tensors of links to encoded runs.

Links are opened when they are appended, unless the tensor was created with ``verify=False``: what
cannot be read is found here, and what is read later can be compared.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from deeplake.dataset.casting import cast, dtype_name
from deeplake.dataset.linked import LinkedSample
from deeplake.dataset.linkgrid import LinkedTiledSample, check_tile, cut_by
from deeplake.dataset.linking import Linker, decode, fitted, format_of, sample_of
from deeplake.dataset.plan import holds_pictures
from deeplake.dataset.writer import Batch
from deeplake.errors import (
    BadLinkError,
    DeepLakeError,
    MissingCredsError,
    TensorDtypeMismatchError,
)
from deeplake.format.builder import Run
from deeplake.format.encoding import htype_plugin
from deeplake.format.links import ENV, AnyLink, Link, LinkGrid, files_of
from deeplake.links import shown
from deeplake.links.opening import CLOUD
from deeplake.storage.url import scheme_of
from deeplake.types import Shape, TensorSchema


@dataclass(slots=True)
class _Opened:
    """A link, and what its file is.

    Attributes:
        link: The link, or grid of them, pinned if it was opened.
        shape: Of the value; None if it is not known.
        dtype: Of the value, as arrays have it.
        value: The value, where it had to be decoded to know.
        failed: What went wrong.
    """

    link: AnyLink
    shape: Shape | None = None
    dtype: np.dtype[Any] | None = None
    value: Any = None
    failed: Exception | None = None


def encode_links(
    samples: Iterable[Any], schema: TensorSchema, info: Mapping[str, Any], linker: Linker
) -> Batch:
    """Encode links.

    Args:
        samples: Links and None; runs are links as they are stored.
        schema: The tensor's schema.
        info: The tensor's info.
        linker: Opens them.

    Raises:
        TypeError: Something else than a link.
        BadLinkError: A link cannot be opened, or leads to something else than the tensor links.
        MissingCredsError: There are no credentials of a name.
        ValueError: Credentials are needed or not populated.
        TensorInvalidSampleShapeError, TensorDtypeMismatchError: A file does not fit the tensor.
            ``error.row`` is the place in ``samples``.
    """
    found: list[_Opened | Run | None] = []
    for row, sample in enumerate(samples):
        try:
            known = sample is None or isinstance(sample, Run)
            found.append(sample if known else _checked(sample, schema, linker))
        except (DeepLakeError, TypeError, ValueError, KeyError) as error:
            error.row = row  # type: ignore[union-attr]
            raise
    if schema.verify:
        linker.run([
            partial(_open, opened, schema, info, linker)
            for opened in found
            if isinstance(opened, _Opened)
            and (opened.shape is None or any(file.pin is None for file in files_of(opened.link)))
        ])  # fmt: skip
    runs = []
    for row, opened in enumerate(found):
        try:
            if opened is None:
                runs.append(Run(b"", 1, _EMPTY.get(_payload(schema), (0,) * (schema.ndim or 0)), 0,
                                null=True))  # fmt: skip
                continue
            if isinstance(opened, Run):
                runs.append(opened)
                continue
            schema = _decided(schema, opened)
            data = opened.link.to_bytes()
            shape = opened.shape
            if shape is not None:
                shape = fitted(shape, schema)
            runs.append(Run(data, 1, shape or (0,) * (schema.ndim or 0), len(data)))
        except (DeepLakeError, TypeError, ValueError) as error:
            error.row = row  # type: ignore[union-attr]
            raise
    return Batch(runs, len(runs), schema)


_EMPTY: Mapping[str, Shape] = {"text": (1,), "json": (1,), "list": (0,), "polygon": (0, 0, 0)}


def _payload(schema: TensorSchema) -> str:
    return htype_plugin(schema.htype).spec().payload


def _checked(sample: Any, schema: TensorSchema, linker: Linker) -> _Opened:
    """The link, if it is one, and there are credentials for it."""
    if isinstance(sample, LinkedTiledSample):
        return _checked_grid(sample, schema, linker)
    if not isinstance(sample, LinkedSample):
        raise TypeError(
            f"htype {schema.full_htype!r} takes deeplake.link(path) and None, not "
            f"{type(sample).__name__}"
        )
    creds = _creds_id(sample, linker)
    stored = sample.link
    if stored is not None:
        # From another tensor: it stays pinned to what it was there.
        kept = _Opened(replace(stored, creds=creds), sample.shape_hint)
        if sample.dtype_hint is not None and _payload(schema) == "array":
            kept.dtype = np.dtype(sample.dtype_hint)
        return kept
    return _Opened(Link(sample.location, creds))


def _checked_grid(sample: LinkedTiledSample, schema: TensorSchema, linker: Linker) -> _Opened:
    spec = htype_plugin(schema.htype).spec()
    if schema.is_sequence or spec.payload != "array" or "image" not in spec.media:
        raise TypeError(
            f"a grid of linked images is a sample of htype 'link[image]' or the like, not of "
            f"{schema.full_htype!r}"
        )
    creds = [_creds_id(tile, linker) for tile in sample.tiles]
    stored = sample.grid
    if stored is not None:
        tiles = tuple(replace(tile, creds=creds[0]) for tile in stored.tiles)
        kept = _Opened(replace(stored, tiles=tiles), sample.shape_hint)
        if sample.dtype_hint is not None:
            kept.dtype = np.dtype(sample.dtype_hint)
        return kept
    tiles = tuple(Link(tile.location, key) for tile, key in zip(sample.tiles, creds, strict=True))
    return _Opened(LinkGrid(sample.path_array.shape, tiles))


def _creds_id(sample: LinkedSample, linker: Linker) -> str | None:
    key = sample.creds_key
    if key is None:
        scheme = scheme_of(sample.path)
        if scheme in CLOUD:
            raise ValueError(
                f"{shown(sample.path)}: a link to {scheme}:// needs creds_key=, the name of its "
                f"credentials (ds.add_creds_key, ds.populate_creds), or creds_key={ENV!r} for those "
                "of the environment"
            )
        return None
    if key == ENV:
        return ENV
    found = linker.id_of(key)
    if found is None:
        raise MissingCredsError(
            f"{shown(sample.path)}: there are no credentials called {key!r}; "
            f"ds.add_creds_key({key!r}) adds the name"
        )
    if key not in linker.lender.values:
        raise ValueError(
            f"{shown(sample.path)}: credentials {key!r} are not there; give them with "
            f"ds.populate_creds({key!r}, …) before links that use them are written"
        )
    return found


def _open(opened: _Opened, schema: TensorSchema, info: Mapping[str, Any], linker: Linker) -> None:
    """Fetch the file, pin the link to it, and find out shape and dtype."""
    if isinstance(opened.link, LinkGrid):
        _open_grid(opened, opened.link, schema, info, linker)
        return
    try:
        if opened.link.pin is None:
            opened.link, data = linker.pinned(opened.link)
        else:
            data = linker.fetch(opened.link)
        sample = sample_of(opened.link, data)
        pin = opened.link.pin
        assert pin is not None
        opened.link = replace(opened.link, pin=replace(pin, format=format_of(sample, schema)))
        plugin = htype_plugin(schema.htype)
        spec = plugin.spec()
        if spec.payload == "array" and spec.media and sample.media in spec.media:
            header = sample.header
            sample.check()
            opened.dtype = np.dtype(header.dtype)
            if not plugin.check_shape(header.shape) and (
                schema.dtype is None or np.dtype(schema.dtype) == opened.dtype
            ):
                opened.shape = tuple(header.shape)
                return
        value = decode(opened.link, data, replace(schema, ndim=None), info)
        opened.value = value
        if isinstance(value, np.ndarray):
            opened.shape, opened.dtype = value.shape, value.dtype
        else:
            opened.shape = _shape_of(value, spec.payload)
    except Exception as error:  # noqa: BLE001 - raised again, in order, where links are encoded
        opened.failed = error


def _open_grid(
    opened: _Opened, links: LinkGrid, schema: TensorSchema, info: Mapping[str, Any], linker: Linker
) -> None:
    """Fetch all tiles, pin the links to them, and find out the shape that they make."""
    try:
        tiles = [_Opened(tile) for tile in links.tiles]
        # Runs on a thread of the linker's already if it is one sample of several.
        linker.run([partial(_open, tile, schema, info, linker) for tile in tiles])
        shapes = []
        for tile in tiles:
            if tile.failed is not None:
                raise tile.failed
            assert tile.shape is not None
            shapes.append(fitted(tile.shape, schema))
        grid = cut_by(links.counts, shapes[0], shapes[-1])
        for number, tile in enumerate(tiles):
            check_tile(grid, number, tile.link.path, shapes[number])
            if tile.dtype != tiles[0].dtype:
                raise TensorDtypeMismatchError(
                    f"{shown(tile.link.path)}: the tile has dtype {tile.dtype}, and the first one "
                    f"{tiles[0].dtype}"
                )
        files = tuple(file for tile in tiles for file in files_of(tile.link))
        opened.link = LinkGrid(links.counts, files, grid.tile)
        opened.shape, opened.dtype = grid.shape, tiles[0].dtype
        opened.value = tiles[0].value
    except Exception as error:  # noqa: BLE001 - raised again, in order, where links are encoded
        opened.failed = error


def _shape_of(value: Any, payload: str) -> Shape:
    if payload == "list":
        return (len(value),)
    if payload == "polygon":
        return (len(value), max(map(len, value), default=0), 2) if len(value) else (0, 0, 0)
    return (1,)


def _decided(schema: TensorSchema, opened: _Opened) -> TensorSchema:
    """The schema after a link: the first one decides dtype and dimensions."""
    error = opened.failed
    if error is not None:
        if isinstance(error, (MissingCredsError, MemoryError)):
            raise error
        raise BadLinkError(str(error)) from error
    payload = _payload(schema)
    if opened.shape is None:
        return schema
    if payload != "array":
        kind = {"text": "str", "polygon": schema.dtype or "<f4"}.get(payload, "json")
        return replace(schema, dtype=kind, ndim=3 if payload == "polygon" else 1)
    ndim = schema.ndim if schema.ndim is not None else len(opened.shape)
    spec = htype_plugin(schema.htype).spec()
    if schema.dtype is None and opened.dtype is not None:
        known = opened.dtype if spec.media or spec.dtype is None else np.dtype(spec.dtype)
        schema = replace(schema, dtype=dtype_name(known), ndim=ndim)
    value, opened.value = opened.value, None
    if value is not None:
        cast(value, np.dtype(schema.dtype), by_value=not spec.media,
             ints_by_value=holds_pictures(schema))  # fmt: skip
    return schema if schema.ndim == ndim else replace(schema, ndim=ndim)


__all__ = ["encode_links"]
