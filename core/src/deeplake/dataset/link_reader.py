"""Reads what the links of one tensor lead to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from types import MappingProxyType
from typing import Any, Self

import numpy as np

from deeplake.dataset import linkgrid, linking
from deeplake.dataset.chunks import Chunks, Group, Rows, row_numbers
from deeplake.dataset.linking import Linker
from deeplake.dataset.selection import Selection
from deeplake.errors import CorruptedSampleError, DeepLakeError, GetDataFromLinkError
from deeplake.format.links import AnyLink, Link, LinkGrid, link_of
from deeplake.links import RangeFile
from deeplake.types import Buffer, Shape
from deeplake.versioning.blocks import Blocks


class LinkReader(Chunks):
    """Reads the links of one tensor, and the files that they lead to.

    Attributes:
        linker: Reads what links lead to.
        info: The tensor's info, for files that an htype converts.
    """

    linker: Linker | None = None
    info: Mapping[str, Any] = MappingProxyType({})

    def __getstate__(self) -> dict[str, Any]:
        # Credentials of links stay in the process that was given them.
        return {**super().__getstate__(), "linker": None}

    # ---- one link
    def through(self, blocks: Blocks) -> Self:
        """A reader of the same rows that gets its bytes from elsewhere."""
        other = type(self)(blocks, self.schema, self.table, self)
        other.linker, other.info = self.linker, self.info
        return other

    def _link(self, data: Buffer, row: Any) -> AnyLink:
        try:
            return link_of(data)
        except CorruptedSampleError as error:
            raise CorruptedSampleError(
                f"tensor {self.schema.name!r}, row {row}: {error}"
            ) from error

    def _linked(self, data: Buffer, shape: Shape, row: Any, out: np.ndarray | None) -> Any:
        """What a link leads to, whose sample has some shape, or zeros if that is not known."""
        link = self._link(data, row)
        assert self.linker is not None
        if isinstance(link, LinkGrid):
            return self._of_grid(link, shape, Selection.ALL, row, out)
        try:
            return linking.value(self.linker, link, self.schema, self.info, out)
        except DeepLakeError as error:
            raise linking.located(error, self.schema.name, row) from error

    def _of_grid(
        self, links: LinkGrid, shape: Shape, selection: Selection, row: Any,
        out: np.ndarray | None = None,
    ) -> np.ndarray:  # fmt: skip
        """What the steps of a selection take of a sample whose tiles are linked."""
        assert self.linker is not None
        schema, info = self.schema, self.info
        try:
            grid = linkgrid.cut_of(self.linker, links, shape, schema, info)
            parts = selection.resolve(grid.shape)
            found = linkgrid.read(self.linker, links, grid, parts, schema, info, out)
        except DeepLakeError as error:
            raise linking.located(error, schema.name, row) from error
        return found if out is not None else found.reshape(selection.result_shape(grid.shape))

    def _opened(self, link: Link) -> RangeFile:
        """A linked file of which parts are read."""
        assert self.linker is not None
        return self.linker.file(link)

    def _file(self, data: Buffer, row: Any) -> bytes:
        """The file that a link leads to; nothing for None."""
        if not len(data):
            return b""
        link = self._link(data, row)
        assert self.linker is not None
        if isinstance(link, LinkGrid):
            raise GetDataFromLinkError(
                f"tensor {self.schema.name!r}, row {row}: the sample is {len(link.tiles)} linked "
                "files and no file itself; .path() says where they are, .numpy() reads them"
            )
        try:
            return self.linker.fetch(link)
        except DeepLakeError as error:
            raise linking.located(error, self.schema.name, row) from error

    def _file_into(self, data: Buffer, row: Any, result: list[bytes], position: int) -> None:
        result[position] = self._file(data, row)

    # ---- many links
    def links(self, rows: Rows) -> list[AnyLink | None]:
        """The links of some rows of a tensor of links; None for None."""
        return self._links(self.groups(rows), len(rows), row_numbers(rows))

    def _links(
        self, groups: Sequence[Group], n: int, names: Sequence[Any] | np.ndarray
    ) -> list[AnyLink | None]:
        result: list[AnyLink | None] = [None] * n
        for chunk, positions, places, parts in self._fetched(groups):
            for position, i, stored in zip(positions.tolist(), places.tolist(), parts, strict=True):
                data = chunk.sample_bytes(i, stored)
                if len(data):
                    result[position] = self._link(data, names[position])
        self._trim()
        return result

    def pinned_shape(self, row: int) -> Shape | None:
        """Shape of what a link leads to, if it is known without opening it."""
        return self._pinned_shapes(self.groups([row]), 1)[0]

    def _pinned_shapes(self, groups: Sequence[Group], n: int) -> list[Shape | None]:
        result: list[Shape | None] = [None] * n
        for chunk, positions, places in groups:
            for position, i in zip(positions.tolist(), places.tolist(), strict=True):
                shape = chunk.header.sample_shape(i)
                result[position] = shape if any(shape) else None
        return result

    def _look(
        self, groups: Sequence[Group], n: int, names: Sequence[Any] | np.ndarray
    ) -> np.ndarray:
        """Shapes of ``n`` samples that are links; those that were never opened are opened."""
        found: list[Shape] = [()] * n
        unknown = []
        for chunk, positions, places in groups:
            header = chunk.header
            for position, i in zip(positions.tolist(), places.tolist(), strict=True):
                shape = header.sample_shape(i)
                if any(shape) or header.is_null(i):
                    found[position] = shape
                else:
                    unknown.append(position)
        if unknown:
            links = self._links(groups, n, names)

            def look(position: int) -> None:
                link = links[position]
                assert link is not None
                assert self.linker is not None
                schema, info = self.schema, self.info
                try:
                    if isinstance(link, LinkGrid):
                        found[position] = linkgrid.cut_of(self.linker, link, (), schema, info).shape
                    else:
                        found[position] = linking.shape_of(self.linker, link, schema, info)
                except DeepLakeError as error:
                    raise linking.located(error, self.schema.name, names[position]) from error

            assert self.linker is not None
            self.linker.run([partial(look, position) for position in unknown])
        ndim = max(map(len, found), default=0)
        result = np.zeros((n, ndim), np.int64)
        for position, shape in enumerate(found):
            if len(shape) == ndim:
                result[position] = shape
        return result

    @property
    def looks(self) -> bool:
        """Whether links have to be opened to know the shapes of what they lead to."""
        return self.schema.is_link and not self.schema.verify


__all__ = ["LinkReader"]
