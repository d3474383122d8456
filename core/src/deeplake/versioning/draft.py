"""One tensor in a session: its stored rows, and rows that are not in a chunk yet."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from itertools import accumulate
from typing import Any

import numpy as np

from deeplake.format import segment as segment_format
from deeplake.format.builder import Alone, Builder, ChunkBuilder, Encoded, RowIds, Run
from deeplake.format.chunk import PlainChunk
from deeplake.format.commit import SegmentRef, TensorState
from deeplake.format.encoding import encoding, htype_plugin
from deeplake.format.pieces import (
    ALONE,
    Pieces,
    concatenate,
    empty,
    new_edit,
    piece_dtype,
    with_ndim,
)
from deeplake.format.segment import MAX_PIECES
from deeplake.format.sequence_builder import SequenceBuilder
from deeplake.types import Shape, TensorSchema
from deeplake.versioning.blocks import Blocks, object_words
from deeplake.versioning.lent import LentObject
from deeplake.versioning.rewrite import blank, remapped, runs_of
from deeplake.versioning.staging import Staging
from deeplake.versioning.table import PieceTable, Segment, joint_bounds

SCALAR_SAMPLE = 16
SCALAR_CHUNK = 256 << 10
SMALL_SAMPLE = 1 << 10
SMALL_CHUNK = 1 << 20
LARGE_CHUNK = 8 << 20
"""Bytes of samples up to which, and of chunks. Chunks of single numbers are small: queries leave out
those whose bounds say that nothing in them fits, and what lies side by side is read at once anyway.
"""
MAX_DIRECT = 256
"""Segments that a commit lists itself; of more, most go into an index block."""
KEPT_DIRECT = 32
FAN_OUT = 16
"""Small chunks at the end of a tensor that are made one."""
CHEAP = 256
"""Bytes of samples that are rewritten without a thought: less than a chunk's header and piece."""
MAX_TAIL = 128
"""Pieces of a segment in which small chunks at the end are looked for."""


class Draft:
    """The working state of one tensor.

    Args:
        schema: Its schema.
        info: Its info.
        table: Its rows that are in chunks.
        staging: Where new chunks go.
        blocks: Where chunks are read.
    """

    def __init__(
        self,
        schema: TensorSchema,
        info: Mapping[str, Any],
        table: PieceTable,
        staging: Staging,
        blocks: Blocks,
    ) -> None:
        self.schema = schema
        self.info: Mapping[str, Any] = info
        # One attribute, replaced as a whole: whoever reads while a checkpoint seals the builder sees
        # the rows before or after that, and never some of them twice or not at all.
        self._rows: tuple[PieceTable, Builder[Any] | None] = (table, None)
        self._staging = staging
        self._blocks = blocks
        self._preview: tuple[Builder[Any], int, str, PieceTable] | None = None
        self._stale: str | None = None

    @property
    def _table(self) -> PieceTable:
        return self._rows[0]

    @property
    def _builder(self) -> Builder[Any] | None:
        return self._rows[1]

    @property
    def length(self) -> int:
        """Rows."""
        table, builder = self._rows
        return table.rows + (builder.n if builder is not None else 0)

    @property
    def last_id(self) -> tuple[int, int] | None:
        """Id of the last row."""
        table, builder = self._rows
        if builder is not None and builder.n:
            session, counter, count, _ = builder.ids[-1]
            return session, counter + count - 1
        if not table.rows:
            return None
        piece, start, stop = table.locate(table.rows - 1)
        return int(piece["session"]), int(piece["counter"]) + stop - start - 1

    @property
    def waiting(self) -> int:
        """Bytes of rows that are not in a chunk yet."""
        builder = self._builder
        return builder.nbytes if builder is not None else 0

    @property
    def table(self) -> PieceTable:
        """All rows, those that are not in a chunk yet included."""
        stored, builder = self._rows
        if builder is None or builder.n == 0:
            return stored
        builder.own()  # what somebody reads may be kept longer than the caller's memory is lent
        preview = self._preview
        if preview is not None:
            if preview[0] is builder and preview[1] == builder.n:
                return preview[3]
            self._staging.forget(preview[2])
        block, pieces = builder.build(self._ndim)
        oid = self._staging.preview(block)
        pieces["object"] = object_words(oid)
        table = stored.append(pieces)
        self._preview = (builder, builder.n, oid, table)
        return table

    @property
    def _ndim(self) -> int:
        return self.schema.row_ndim

    def decide(self, schema: TensorSchema) -> None:
        """Take a schema in which the first real sample filled in htype, dtype and dimensions."""
        if self.schema.ndim != schema.ndim:
            self._rows = (self._table.with_ndim(schema.row_ndim), self._builder)
        if self._builder is not None and schema.dtype is not None:
            self._builder.dtype = schema.dtype
        self._forget_preview()
        self.schema = schema

    # ---- edits
    def append(self, runs: Iterable[Encoded], ids: Sequence[RowIds]) -> None:
        """Add rows at the end.

        Args:
            runs: The samples.
            ids: Their row ids, in the same order.
        """
        if type(runs) is list and len(ids) == 1 and all(map(_is_one, runs)):
            self._append_ones(runs, ids[0])
            return
        queue = deque(ids)
        for run in runs:
            start = 0
            if isinstance(run, Run) and run.alone is not None:
                session, counter, count, edit = queue.popleft()
                if count > 1:
                    queue.appendleft((session, counter + 1, count - 1, edit))
                self._append_alone(run.alone, (session, counter, 1, edit))
                continue
            lent = isinstance(run, Run) and run.borrowed
            while start < run.n:
                builder = self._builder
                if lent and (builder is None or not builder.n):
                    assert isinstance(run, Run)
                    start += self._append_lent(run, start, queue)
                    lent = False
                    continue
                if builder is None:
                    builder = self._new_builder(run.size)
                    self._rows = (self._table, builder)
                session, counter, count, edit = queue[0]
                take = min(run.n - start, builder.room(run, start), count)
                if take == 0:
                    self.seal()
                    continue
                whole = start == 0 and take == run.n
                part = run if whole else run.part(start, start + take)
                builder.add(part, (session, counter, take, edit))
                start += take
                if take == count:
                    queue.popleft()
                else:
                    queue[0] = (session, counter + take, count - take, edit)
                if builder.nbytes >= builder.target:
                    self.seal()

    def _append_ones(self, runs: list[Run], ids: RowIds) -> None:
        """Add rows that were encoded one by one: as many at a time as fit into a chunk."""
        session, counter, _, edit = ids
        ends = [*accumulate([run.size for run in runs])]
        start = 0
        while start < len(runs):
            builder = self._builder
            if builder is None:
                builder = self._new_builder(runs[start].size)
                self._rows = (self._table, builder)
            assert isinstance(builder, ChunkBuilder)
            taken = builder.add_ones(runs, ends, start, (session, counter + start, 0, edit))
            start += taken
            if not taken or builder.nbytes >= builder.target:
                self.seal()

    def _append_lent(self, run: Run, start: int, queue: deque[RowIds]) -> int:
        """Add rows of somebody else's memory that fill chunks, stored from where they are.

        Args:
            run: The rows.
            start: The first one to add.
            queue: Ids of the rows to add; those that were used are taken out.

        Returns:
            How many rows were added: maybe none.
        """
        builder = self._new_builder(run.size)
        known = len(run.shape) == self._ndim and run.values is None and run.decoded is None
        plain = builder.is_plain and known and run.size > 0 and not run.null
        if not plain or not self._staging.lends:
            return 0
        each = builder.room(run)
        session, counter, available, edit = queue[0]
        chunks = min(run.n - start, available) // each
        if not chunks:
            return 0
        view = memoryview(run.buffer)
        size = each * run.size
        bounds = range(start * run.size, start * run.size + chunks * size, size)
        parts = [PlainChunk(view[a : a + size], each, run.shape, builder.dtype) for a in bounds]
        for data in self._staging.lent(parts):
            ids = session, counter, data.rows, edit
            if data.headers:
                self.seal()
                self.edit(self._table.append(lent_pieces(data, ids, run.shape, self._ndim)))
            else:
                copy = run.part(start, start + data.rows).owned()
                self.append([copy], [ids])
            start, counter, available = (
                start + data.rows,
                counter + data.rows,
                available - data.rows,
            )
        queue.popleft()
        if available:
            queue.appendleft((session, counter, available, edit))
        return chunks * each

    def own(self) -> None:
        """Copy what is borrowed of the rows that are in no chunk; of many, one is made."""
        builder = self._builder
        if builder is not None and builder.borrowed and 2 * builder.nbytes >= builder.target:
            self.seal()
        elif builder is not None:
            builder.own()

    def _append_alone(self, sample: Alone, ids: RowIds) -> None:
        """Add a row whose sample has a chunk of its own."""
        place = sample.place(self._staging, self._blocks)
        self.seal()
        self.edit(self._table.append(alone_piece(sample, place, ids, self._ndim)))

    def seal(self) -> None:
        """Make a chunk of the rows that are in none."""
        table, builder = self._rows
        try:
            if builder is not None and builder.n:
                table = table.append(self._stage(builder))
        finally:
            self._rows = (table, None)
            self._forget_preview()

    def _forget_preview(self) -> None:
        """End the preview; its block stays until the next one ends.

        A checkpoint comes here while the user's thread may be reading that block.
        """
        preview = self._preview
        if preview is not None:
            if self._stale is not None:
                self._staging.forget(self._stale)
            self._stale = preview[2]
            self._preview = None

    def _absorb_tail(self) -> None:
        """Take small chunks at the end back into the builder, the way a counter carries.

        Rows that are appended one at a time are rewritten O(log n) times, and leave O(log n) small
        chunks.
        """
        builder = self._builder
        if builder is None or not builder.n:
            return
        tail = self._absorbed(builder)
        if not len(tail):
            return
        stored = int(tail["count"].sum())
        size = int((tail["length"] - tail["header"]).sum()) + builder.nbytes
        whole = self._new_builder(size // (stored + builder.n))
        whole.target = builder.target
        for run, ids in runs_of(tail, self._blocks, self.schema.name):
            whole.add(run, ids)
        queue = deque(builder.ids)
        for run in builder.runs:
            start = 0
            while start < run.n:
                session, counter, count, edit = queue.popleft()
                take = min(run.n - start, count)
                part = run if take == run.n else run.part(start, start + take)
                whole.add(part, (session, counter, take, edit))
                start += take
                if take < count:
                    queue.appendleft((session, counter + take, count - take, edit))
        self._rows = (self._table.truncate(self._table.rows - stored), whole)
        self._forget_preview()

    def _absorbed(self, builder: Builder[Any]) -> Pieces:
        """The last pieces that are to be put into one chunk with what is in the builder.

        Those of very few bytes, which cost less than another chunk; and those of about the same
        number of rows as soon as there are enough of them, or enough for a chunk of the usual size.
        """
        segments = self._table.segments
        last: list[Pieces] = []
        for segment in reversed(segments):
            if segment.count > MAX_TAIL:
                break
            last.insert(0, with_ndim(segment.pieces, self._ndim))
        if not last:
            return empty(self._ndim)
        tail = concatenate(last)
        alone = np.flatnonzero(tail["flags"] & ALONE)
        tail = tail[int(alone[-1]) + 1 if len(alone) else 0 :]
        counts = tail["count"][::-1].tolist()
        sizes = (tail["length"] - tail["header"])[::-1].tolist()
        rows, size, taken = builder.n, builder.nbytes, 0
        while True:
            upto, more_rows, more = taken, rows, size
            while upto < len(counts) and counts[upto] < FAN_OUT * rows:
                if more + sizes[upto] > builder.target:
                    break
                more_rows, more = more_rows + counts[upto], more + sizes[upto]
                upto += 1
            enough = upto - taken + 1 >= FAN_OUT or more > builder.target // 2
            if upto > taken and enough:
                taken, rows, size = upto, more_rows, more
            elif taken < len(counts) and size + sizes[taken] <= CHEAP:
                rows, size, taken = rows + counts[taken], size + sizes[taken], taken + 1
            else:
                break
        while taken and not self._cuts_off(taken):
            taken -= 1
        return tail[len(tail) - taken :]

    def _cuts_off(self, taken: int) -> bool:
        """Whether taking so many pieces from the end rewrites no large segment."""
        for segment in reversed(self._table.segments):
            if taken <= segment.count:
                return taken == segment.count or segment.count - taken <= KEPT_DIRECT
            taken -= segment.count
        return True

    def remap(self, pieces: Pieces, mapping: np.ndarray) -> Pieces:
        """Rows of another version with each value replaced, in new chunks; ids and edits stay."""
        if self.schema.is_link:
            return pieces  # the values are not here
        apart = Draft(
            self.schema, self.info, PieceTable([], self._ndim), self._staging, self._blocks
        )
        codecs = encoding(self.schema)
        for run, ids in runs_of(pieces, self._blocks, self.schema.name):
            apart.append([remapped(run, mapping, self.schema.dtype or "|u1", codecs)], [ids])
        return apart.sealed().pieces()

    def blanks(self, pieces: Pieces) -> Pieces:
        """Empty samples for rows that this tensor has no data of, under the ids of some pieces."""
        apart = Draft(
            self.schema, self.info, PieceTable([], self._ndim), self._staging, self._blocks
        )
        edit = new_edit()
        for piece in pieces:
            n = int(piece["count"])
            ids = int(piece["session"]), int(piece["counter"]), n, edit
            apart.append(blank(self.schema, n), [ids])
        return apart.sealed().pieces()

    def rechunk(self) -> bool:
        """Put all rows into chunks of the usual size; returns whether anything was rewritten."""
        table = self.sealed()
        pieces = table.pieces()
        if not fragmented(pieces, self._target(_mean_size(pieces))):
            return False
        self.rewrite()
        return True

    def rewrite(self) -> None:
        """Put all rows, in their order, into new chunks."""
        pieces = self.sealed().pieces()
        apart = Draft(
            self.schema, self.info, PieceTable([], self._ndim), self._staging, self._blocks
        )
        for run, ids in runs_of(pieces, self._blocks, self.schema.name):
            apart.append([run], [ids])
        self.edit(apart.sealed())

    def _stage(self, builder: Builder[Any]) -> Pieces:
        block, pieces = builder.build(self._ndim)
        oid, offset = self._staging.add(block)
        pieces["object"] = object_words(oid)
        pieces["offset"] = offset
        return pieces

    def replace(self, rows: np.ndarray, runs: Sequence[Encoded], *, partial: bool = False) -> None:
        """New values for some rows.

        Args:
            rows: ``int64[n]``, sorted, each once.
            runs: Their values in this order.
            partial: They are the old samples with a part changed.
        """
        self.seal()
        whole = self._chunks(runs)
        breaks = np.flatnonzero(np.diff(rows) != 1) + 1
        fresh = whole.pieces()
        fresh["edit"] = new_edit(partial=partial)
        firsts = rows[np.concatenate(([0], breaks))]
        lasts = rows[np.concatenate((breaks, [len(rows)])) - 1]
        self.edit(self._table.replace_ranges(np.stack([firsts, lasts + 1], axis=1), fresh))

    def _chunks(self, runs: Sequence[Encoded]) -> PieceTable:
        """The samples in chunks of their own, as a table without row ids."""
        apart = Draft(
            self.schema, self.info, PieceTable([], self._ndim), self._staging, self._blocks
        )
        apart.append(runs, [(0, 0, sum(run.n for run in runs), 0)])
        apart.seal()
        return apart._table

    def edit(self, table: PieceTable) -> None:
        """Take an edited table of all rows (made from ``sealed()``)."""
        self._rows = (table, None)

    def sealed(self) -> PieceTable:
        """All rows, in chunks that will be stored."""
        self.seal()
        return self._table

    def _new_builder(self, sample_size: int) -> Builder[Any]:
        codecs = encoding(self.schema)
        kind = SequenceBuilder if self.schema.is_sequence else ChunkBuilder
        return kind(
            self.schema.dtype or "|u1",
            self._target(sample_size),
            sample_codec=codecs.sample_name,
            chunk_codec=codecs.chunk_name,
            codec=codecs.chunk,
            arrays=not self.schema.is_link
            and htype_plugin(self.schema.htype).spec().payload == "array",
            links=self.schema.is_link,
        )

    def _target(self, sample_size: int) -> int:
        if self.schema.max_chunk_size:
            return self.schema.max_chunk_size
        if self.schema.is_link:
            return SMALL_CHUNK
        spec = htype_plugin(self.schema.htype).spec()
        if spec.payload == "array" and 0 < sample_size <= SCALAR_SAMPLE:
            return min(SCALAR_CHUNK, spec.chunk_size or SCALAR_CHUNK)
        by_size = LARGE_CHUNK if sample_size >= SMALL_SAMPLE else SMALL_CHUNK
        return spec.chunk_size or by_size

    # ---- publishing
    def state(self) -> TensorState:
        """The tensor as a commit holds it; new segments are staged."""
        self._absorb_tail()
        self.seal()
        table = self._table
        if not table.is_stored:
            table = PieceTable(
                [
                    part if part.ref is not None else _written(part, self._staging)
                    for part in table.compacted().segments
                ],
                table.ndim,
            )
        self.edit(table)
        refs = self._indexed(table.refs())
        return TensorState(self.schema, table.rows, tuple(refs), self.info)

    def _indexed(self, refs: list[SegmentRef]) -> list[SegmentRef]:
        """The references, with most of very many put into an index block."""
        if sum(ref.level == 0 for ref in refs) <= MAX_DIRECT:
            return refs
        start, stop = _longest_run(refs)
        stop = min(stop, start + MAX_PIECES, len(refs) - KEPT_DIRECT)
        if stop - start < MAX_DIRECT // 2:
            return refs
        members = refs[start:stop]
        block = segment_format.encode(segment_format.pack(members, self._ndim), level=1)
        oid, offset = self._staging.add(block)
        low, high = joint_bounds([(m.low, m.high) for m in members], self._ndim)
        rows = sum(m.rows for m in members)
        group = SegmentRef(
            oid, offset, block.length, len(members), rows, block.checksum, low, high, 1
        )
        known = {m.key: place for place, m in enumerate(members)}
        for part in self._table.segments:
            if part.ref is not None and part.ref.key in known:
                part.group, part.place = group, known[part.ref.key]
        return self._indexed([*refs[:start], group, *refs[stop:]])


def _longest_run(refs: Sequence[SegmentRef]) -> tuple[int, int]:
    """The longest run of references to segments: where it begins and ends."""
    best = (0, 0)
    start = 0
    for i, ref in enumerate(refs):
        if ref.level != 0:
            start = i + 1
        elif i + 1 - start > best[1] - best[0]:
            best = (start, i + 1)
    return best


def _written(part: Segment, staging: Staging) -> Segment:
    return Segment(_write(part, staging), part.pieces)


def fragmented(pieces: Pieces, target: int) -> bool:
    """Whether reading all rows in order goes from chunk to chunk much more often than it has to.

    Not how many pieces there are: rows that were updated one by one are pieces of their own wherever
    their data lie.
    """
    alone = (pieces["flags"] & ALONE) != 0
    breaks = int(alone.sum())
    pieces = pieces[~alone]
    if len(pieces) < 2:
        return False
    chunk = np.stack([pieces["object"][:, 0], pieces["object"][:, 1], pieces["offset"]])
    visits = 1 + int((chunk[:, 1:] != chunk[:, :-1]).any(axis=0).sum())
    needed = max(1, int(pieces["count"].sum()) * _mean_size(pieces) // target)
    # A sample with a chunk of its own ends the chunk of those before it.
    return visits > 2 * (needed + breaks) + 2


def _mean_size(pieces: Pieces) -> int:
    """Bytes of a sample, about: chunks may hold more rows than their pieces take."""
    rows = int(pieces["count"].sum())
    chunks = np.unique(
        np.stack(
            [pieces["object"][:, 0], pieces["object"][:, 1], pieces["offset"], pieces["length"]]
        ),
        axis=1,
    )
    return int(chunks[3].sum()) // max(rows, 1)


def alone_piece(sample: Alone, place: np.ndarray, ids: RowIds, ndim: int) -> Pieces:
    """The piece of a sample that has a chunk of its own.

    Args:
        sample: The sample.
        place: Where its chunk is.
        ids: Of its row.
        ndim: Dimensions of the tensor's samples.
    """
    piece = np.zeros(1, piece_dtype(ndim))
    for field in ("object", "offset", "length", "header", "checksum"):
        piece[field] = place[field]
    piece["count"] = 1
    piece["session"], piece["counter"], _, piece["edit"] = ids
    piece["flags"] = sample.flag
    piece["low"] = piece["high"] = sample.shape
    return piece


def lent_pieces(data: LentObject, ids: RowIds, shape: Shape, ndim: int) -> Pieces:
    """The pieces of chunks that were stored from somebody else's memory.

    Args:
        data: The object that holds them.
        ids: Of their rows.
        shape: Of each sample.
        ndim: Dimensions of the tensor's samples.
    """
    pieces = np.zeros(len(data.chunks), piece_dtype(ndim))
    counts = np.array([chunk.n for chunk in data.chunks])
    session, counter, _, edit = ids
    pieces["object"] = object_words(data.id)
    pieces["offset"] = data.offsets
    pieces["header"], pieces["checksum"] = zip(*data.headers, strict=True)
    pieces["length"] = pieces["header"] + np.array([len(c.payload) for c in data.chunks], np.uint64)
    pieces["count"] = counts
    pieces["session"] = session
    pieces["counter"] = counter + np.cumsum(counts) - counts
    pieces["edit"] = edit
    pieces["low"] = pieces["high"] = shape
    return pieces


def _is_one(run: object) -> bool:
    """Whether this is one sample that goes into a chunk with others, in memory of our own."""
    return type(run) is Run and run.n == 1 and run.alone is None and not run.borrowed


def _write(part: Segment, staging: Staging) -> SegmentRef:
    pieces = part.pieces
    if len(pieces) == 1:
        return segment_format.reference(pieces)
    block = segment_format.encode(pieces)
    oid, offset = staging.add(block)
    low, high = part.bounds()
    return SegmentRef(oid, offset, block.length, len(pieces), part.rows, block.checksum, low, high)


__all__ = ["Draft", "fragmented"]
