"""Many files of this machine that are stored as they are: the short way for the ordinary ones.

Whatever is not ordinary takes the long way, by ``Sample`` (see ``writer``), and so do all errors: a
file that cannot be opened, is of another format, damaged, larger than a place in the arena, or not
like the samples before it.
"""

from __future__ import annotations

import os
from typing import Any

import numpy as np

from deeplake import links
from deeplake.dataset.plan import Plan
from deeplake.dataset.sample import HEAD, TELLING, Sample
from deeplake.errors import DeepLakeError, PluginNotFoundError
from deeplake.format.arena import LARGEST
from deeplake.format.builder import Run
from deeplake.format.checksum import digest
from deeplake.format.chunk import SAMPLE_FRAME
from deeplake.format.encoding import codec_plugin
from deeplake.spi import SampleCodec

_HAS_READV = hasattr(os, "preadv")

_EXTENSIONS = 64
"""That are remembered: of a name without one, the whole path is taken for it."""


class LocalFiles:
    """Reads files for one tensor, whose first samples have decided what the others are.

    Args:
        plan: What the tensor takes.
        codec: The tensor's, and of the files.
    """

    __slots__ = ("_arena", "_codec", "_dtypes", "_known", "_limit", "_names", "_ndim", "_plugin")

    def __init__(self, plan: Plan, codec: SampleCodec) -> None:
        self._arena = plan.arena
        self._plugin = plan.plugin
        self._codec = codec
        dtype = str(plan.schema.dtype)
        self._dtypes = {dtype, str(np.dtype(dtype))}
        self._ndim = plan.schema.ndim
        self._known: dict[str, bool] = {}
        self._names = plan.keeps_paths
        self._limit = min(LARGEST, links.Policy.for_reads().max_bytes)

    @classmethod
    def of(cls, plan: Plan) -> LocalFiles | None:
        """The short way into a tensor; None if it has none, or not yet."""
        schema, codec = plan.schema, plan.codecs.sample
        if codec is None or not _HAS_READV:
            return None
        ready = (
            codec.media in plan.spec.media
            and plan.spec.payload == "array" and not schema.meta.get("open")
            and schema.dtype is not None and schema.ndim is not None
            and (schema.is_sequence or schema.tiling_threshold is None)
        )  # fmt: skip
        return cls(plan, codec) if ready else None

    def take(self, sample: Any) -> Run | None:
        """The file as it is stored; None: it has to go the long way."""
        if type(sample) is not Sample or not sample.is_plain_path:
            return None
        path = str(sample.path)
        named = path.rpartition(".")[2]
        known = self._known.get(named)
        if not (self._learn(named) if known is None else known):
            return None
        try:
            data = self._read(path)
        except (OSError, ValueError):
            return None
        if data is None:
            return None
        size = len(data)
        # While the processor has it in its cache: from memory that takes twice as long.
        checksum = digest(data) if size >= SAMPLE_FRAME else None
        codec = self._codec
        try:
            if not codec.sniff(data[:HEAD]) or not codec.is_whole(data):
                return None
            header = codec.probe(data)
        except DeepLakeError:
            return None
        shape = header.shape
        if (
            len(shape) != self._ndim or header.dtype not in self._dtypes
            or self._plugin.check_shape(shape)
        ):  # fmt: skip
            return None
        origin = path if self._names else ""
        return Run(data, 1, shape, size, origin=origin, checksum=checksum)

    def _learn(self, extension: str) -> bool:
        """Whether files with this extension are looked at first by the tensor's own codec."""
        lower = extension.lower()
        try:
            own = lower not in TELLING and codec_plugin(lower).name == self._codec.name
        except PluginNotFoundError:
            own = False
        if len(self._known) < _EXTENSIONS:
            self._known[extension] = own
        return own

    def _read(self, path: str) -> memoryview | None:
        """The file's bytes in the arena; None if that is no place for it.

        No ``fstat``: what is no regular file has no end to seek to, or is at it.
        """
        handle = os.open(path, links.FLAGS)
        try:
            size = os.lseek(handle, 0, os.SEEK_END)
            if not 0 < size <= self._limit:
                return None
            room = self._arena.place(size)
            if room is None or os.preadv(handle, [room], 0) != size:
                return None
            return room
        finally:
            os.close(handle)


__all__ = ["LocalFiles"]
