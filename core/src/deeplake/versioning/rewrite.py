"""Stored samples as runs again, to be put into other chunks: compaction, rechunking, remapping."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial

import numpy as np

from deeplake.format import chunk as chunk_format
from deeplake.format import statistics
from deeplake.format.builder import Encoded, RowIds, Run
from deeplake.format.encoding import Encoding, encoding, htype_plugin
from deeplake.format.pieces import Pieces
from deeplake.format.sequence_builder import SequenceRun, none_rows
from deeplake.types import Buffer, Shape, TensorSchema
from deeplake.versioning.blobs import KeptFile
from deeplake.versioning.blocks import Blocks, object_id
from deeplake.versioning.openchunk import OpenChunk, array_dtype, read_header
from deeplake.versioning.tiles import ChangedSample, KeptSample, Tiles, record_of

PART = 8 << 20


def runs_of(pieces: Pieces, blocks: Blocks, tensor: str) -> Iterator[tuple[Encoded, RowIds]]:
    """The samples of some pieces as they are stored, without decoding them.

    Args:
        pieces: The pieces.
        blocks: Where their chunks are read.
        tensor: Name of the tensor, for messages.

    Yields:
        A run, and the ids of its rows.
    """
    for piece in pieces:
        oid, offset, length = object_id(piece), int(piece["offset"]), int(piece["length"])
        block = blocks.whole(oid, offset, length)
        if block is None:
            block = blocks.fetch([(oid, offset, offset + length)])[0]
        header = read_header(block, piece, tensor)
        opened = OpenChunk(header, block[header.header_length :], oid, offset)
        start = int(piece["start"])
        session, counter, edit = (int(piece[x]) for x in ("session", "counter", "edit"))
        stop = start + int(piece["count"])
        if header.kind == chunk_format.TILE:
            tiles = Tiles.of(opened, None, blocks, tensor)
            yield Run.of(KeptSample(tiles, record_of(piece))), (session, counter, 1, edit)
            continue
        if header.kind == chunk_format.BLOB:
            kept = KeptFile(opened, block, record_of(piece), blocks)
            yield Run.of(kept), (session, counter, 1, edit)
            continue
        parts = _sequences if header.sequences is not None else _runs
        for first, run in parts(opened, start, stop):
            yield run, (session, counter + first - start, run.n, edit)


def blank(schema: TensorSchema, n: int) -> list[Encoded]:
    """Empty samples of a tensor."""
    if schema.is_sequence:
        return [none_rows(n)]
    codecs = encoding(schema)
    decoded = None if codecs.sample_bytes is None else 0
    payload = htype_plugin(schema.htype).spec().payload
    shape = _BLANK_SHAPES.get(payload, (1,))
    if payload == "array":
        shape = (0,) * (schema.ndim or 0)
        decoded = None
    return [Run(b"", 1, shape, 0, null=True, decoded=decoded)] * n


_BLANK_SHAPES: Mapping[str, Shape] = {"list": (0,), "polygon": (0, 0, 0)}


def remapped(run: Encoded, mapping: np.ndarray, dtype: str, codecs: Encoding) -> Encoded:
    """The same samples with each value ``v`` replaced by ``mapping[v]``.

    Values beyond the mapping stay: they had no meaning that could change.
    """
    if isinstance(run, SequenceRun):
        items = [_remapped(item, mapping, dtype, codecs) for item in run.items]
        return SequenceRun(run.counts, tuple(items), run.nulls)
    assert isinstance(run, Run)
    return _remapped(run, mapping, dtype, codecs)


def _remapped(run: Run, mapping: np.ndarray, dtype: str, codecs: Encoding) -> Run:
    if isinstance(run.alone, KeptSample):
        change = partial(_mapped_tile, mapping=mapping)
        return Run.of(ChangedSample(run.alone.before, change, codecs))
    if run.size == 0:
        return run
    if codecs.sample is not None:
        values = codecs.sample.decode(run.buffer)
        data: Buffer = codecs.sample.encode(_mapped(values, mapping).reshape(values.shape))
        return Run(data, 1, run.shape, len(data), origin=run.origin)
    plain: Buffer = run.buffer
    if codecs.sample_bytes is not None and run.decoded is not None:
        plain = codecs.sample_bytes.decompress(run.buffer, run.decoded)
    values = _mapped(np.frombuffer(plain, np.dtype(dtype)), mapping)
    kept = None if run.values is None else values.reshape(run.values.shape)
    data = values.tobytes()
    if codecs.sample_bytes is None or run.decoded is None:
        return Run(data, run.n, run.shape, run.size, values=kept)
    data = codecs.sample_bytes.compress(data)
    return Run(data, 1, run.shape, len(data), decoded=run.decoded, values=kept)


def _mapped_tile(tile: np.ndarray, mapping: np.ndarray) -> np.ndarray:
    return _mapped(tile, mapping).reshape(tile.shape)


def _mapped(values: np.ndarray, mapping: np.ndarray) -> np.ndarray:
    flat = values.astype(np.int64).reshape(-1)
    known = (flat >= 0) & (flat < len(mapping))
    flat[known] = mapping[flat[known]]
    return flat.astype(values.dtype)


def _sequences(opened: OpenChunk, start: int, stop: int) -> Iterator[tuple[int, SequenceRun]]:
    """Rows that are sequences, about as many at a time as make a part."""
    rows = opened.header.sequences
    assert rows is not None
    mean = opened.header.raw_length // max(rows.n, 1)
    step = max(PART // max(mean, 1), 1)
    for a in range(start, stop, step):
        b = min(a + step, stop)
        items = _runs(opened, rows.item_range(a)[0], rows.item_range(b - 1)[1])
        nulls = None if rows.nulls is None else rows.nulls[a:b]
        yield a, SequenceRun(rows.counts_of(np.arange(a, b)), tuple(run for _, run in items), nulls)


def encoded_sample(opened: OpenChunk, i: int, data: memoryview) -> Run:
    """Sample ``i`` of a chunk as it is stored.

    Args:
        opened: The chunk.
        i: Its place.
        data: Its bytes as they are stored.
    """
    header = opened.header
    decoded = header.decoded_size(i) if header.has_decoded_sizes else None
    kept = _values(opened, i, data)
    null = header.is_null(i)
    return Run(
        bytes(data), 1, header.sample_shape(i), len(data), null, decoded, kept,
        origin=header.origin(i),
    )  # fmt: skip


def _runs(opened: OpenChunk, start: int, stop: int) -> Iterator[tuple[int, Run]]:
    header = opened.header
    uniform = header.shape is not None and header.size is not None and header.nulls is None
    if uniform and not header.sample_codec:
        assert header.shape is not None
        assert header.size is not None
        rows = max(PART // max(header.size, 1), 1)
        for a in range(start, stop, rows):
            b = min(a + rows, stop)
            yield a, _plain(opened, a, b)
        return
    for i in range(start, stop):
        yield i, encoded_sample(opened, i, opened.sample_bytes(i, None))


def _plain(opened: OpenChunk, a: int, b: int) -> Run:
    """Samples of equal shape and size, as one run."""
    header = opened.header
    assert header.shape is not None
    assert header.size is not None
    if header.size == 0:
        return Run(b"", b - a, header.shape, 0)
    frames = (
        (a, b) if header.frame_size == 0 else header.frame_range(a * header.size, b * header.size)
    )
    data: Buffer = bytes(opened.raw(a * header.size, b * header.size, frames, None))
    values = None
    if header.holds_arrays:
        array = np.frombuffer(data, array_dtype(header)).reshape(b - a, *header.shape)
        values = array if array[0].size <= statistics.MAX_ELEMENTS else None
    return Run(data, b - a, header.shape, header.size, values=values)


def _values(opened: OpenChunk, i: int, data: memoryview) -> np.ndarray | None:
    """Values of a small plain sample, for statistics."""
    header = opened.header
    if header.links or header.sample_codec or header.dtype in ("str", "json") or not len(data):
        return None
    dtype = array_dtype(header)
    shape = header.sample_shape(i)
    if len(data) != dtype.itemsize * int(np.prod(shape)) or len(data) > dtype.itemsize * 16:
        return None
    return np.frombuffer(bytes(data), dtype).reshape(1, *shape)


__all__ = ["blank", "encoded_sample", "remapped", "runs_of"]
