"""STL meshes, binary and ASCII.

Read here rather than by a library: those that are well kept have no way to learn the number of
triangles without reading all, and make room for what a header claims.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, BinaryIO

from deeplake.types import Buffer, SampleHeader
from deeplake_codecs.originals import OriginalCodec, file_size

if TYPE_CHECKING:
    import numpy as np

_HEAD = 84
_TRIANGLE = 50
_NUMBER = rb"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?"
_FACET = re.compile(
    rb"\s*facet\s+normal" + (rb"\s+(" + _NUMBER + rb"|[-+]?nan)") * 3 + rb"\s+outer\s+loop"
    + (rb"\s+vertex" + (rb"\s+(" + _NUMBER + rb")") * 3) * 3 + rb"\s+endloop\s+endfacet",
    re.IGNORECASE,
)  # fmt: skip
_SOLID = re.compile(rb"\s*solid\b[^\r\n]*")
_END = re.compile(rb"\s*endsolid\b[^\r\n]*\s*", re.IGNORECASE)


class Stl(OriginalCodec, api=(1, 0)):
    """Triangles: float32 of shape ``(3 * triangles, 3)``, three vertices for each triangle.

    ``fields`` gives ``vertices`` (the same), and ``centroids`` and ``normals`` of shape
    ``(triangles, 3)``.
    """

    name = "stl"
    media = "mesh"
    extensions = ("stl",)

    def sniff(self, head: Buffer) -> bool:
        start = bytes(head[:512])
        if start[:5] == b"solid" and b"facet" in start:
            return True
        # There is no magic number: the first triangle has to make sense.
        if len(start) < _HEAD + _TRIANGLE or not int.from_bytes(start[80:84], "little"):
            return False
        import math
        import struct

        numbers = struct.unpack_from("<12f", start, _HEAD)
        length = math.hypot(*numbers[:3])
        return (
            all(abs(number) < 1e9 and (not number or abs(number) > 1e-9) for number in numbers)
            and (length == 0 or abs(length - 1) < 0.01)
            and any(numbers[3:])
        )

    def _header(self, file: BinaryIO) -> SampleHeader:
        binary = self._triangles(file)
        if binary is None:
            count, title = len(self._ascii(file)), self._title(file)
        else:
            file.seek(0)
            count, title = binary, file.read(80).rstrip(b"\0 ").decode("latin-1")
        meta = {
            "format": self.name,
            "extension": "stl",
            "encoding": "ascii" if binary is None else "binary",
            "header": title,
            "num_triangles": count,
        }
        return SampleHeader((3 * count, 3), "float32", "", meta)

    def _read(self, file: BinaryIO, header: SampleHeader, out: np.ndarray | None) -> np.ndarray:
        return self._table(file)[:, 1:].reshape(-1, 3).copy()

    def fields(self, file: BinaryIO) -> dict[str, np.ndarray]:
        """``vertices``, ``centroids`` and ``normals``."""
        with self._refusing():
            table = self._table(file)
        corners = table[:, 1:]
        return {
            "vertices": corners.reshape(-1, 3).copy(),
            "centroids": corners.mean(axis=1),
            "normals": table[:, 0].copy(),
        }

    def _table(self, file: BinaryIO) -> np.ndarray:
        """float32 of shape ``(triangles, 4, 3)``: the normal, then three vertices."""
        import numpy as np

        count = self._triangles(file)
        if count is None:
            rows = self._ascii(file)
            return np.array(rows, "S32").reshape(len(rows), 12).astype(np.float32).reshape(-1, 4, 3)
        file.seek(_HEAD)
        layout = np.dtype([("points", "<f4", (4, 3)), ("attribute", "<u2")])
        stored = np.frombuffer(file.read(count * _TRIANGLE), layout)
        return np.ascontiguousarray(stored["points"], np.float32)

    def _triangles(self, file: BinaryIO) -> int | None:
        """Triangles of a binary file; None for one in ASCII."""
        size = file_size(file)
        file.seek(0)
        head = file.read(_HEAD)
        count = int.from_bytes(head[80:84], "little")
        # Binary files begin with "solid" as well, against the rules.
        if len(head) == _HEAD and size == _HEAD + count * _TRIANGLE and count:
            return count
        if _SOLID.match(head):
            return None
        if len(head) < _HEAD or not count:
            raise self._unreadable("it does not begin like one")
        raise self._unreadable(
            f"it claims {count:,} triangles, which take {_HEAD + count * _TRIANGLE:,} bytes, and "
            f"has {size:,}"
        )

    def _ascii(self, file: BinaryIO) -> list[tuple[bytes, ...]]:
        """Twelve numbers for each triangle, as text."""
        file.seek(0)
        text = file.read()
        solid = _SOLID.match(text)
        place = solid.end() if solid else 0
        rows = []
        while (facet := _FACET.match(text, place)) is not None:
            rows.append(facet.groups())
            place = facet.end()
        if _END.fullmatch(text, place) is None:
            line = text.count(b"\n", 0, place) + 1
            raise self._unreadable(f"there is no whole facet behind line {line}")
        return rows

    def _title(self, file: BinaryIO) -> str:
        file.seek(0)
        return file.readline(512).strip().decode("latin-1").removeprefix("solid").strip()


__all__ = ["Stl"]
