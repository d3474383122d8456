"""PLY meshes and point clouds, ASCII and binary, by plyfile."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO

from deeplake.types import Buffer, SampleHeader
from deeplake_codecs.originals import OriginalCodec, file_size

if TYPE_CHECKING:
    import numpy as np
    from plyfile import PlyData

_LONGEST_HEADER = 1 << 20
_AXES = ("x", "y", "z")
_TYPES = {
    "char": "i1", "int8": "i1", "uchar": "u1", "uint8": "u1", "short": "i2", "int16": "i2",
    "ushort": "u2", "uint16": "u2", "int": "i4", "int32": "i4", "uint": "u4", "uint32": "u4",
    "float": "f4", "float32": "f4", "double": "f8", "float64": "f8",
}  # fmt: skip
_ORDERS = {"ascii": "=", "binary_little_endian": "<", "binary_big_endian": ">"}


@dataclass(frozen=True, slots=True)
class Element:
    """One element of the header.

    Attributes:
        name: Its name.
        count: How many there are.
        properties: Dtype by name of property; those of lists begin with ``list``.
    """

    name: str
    count: int
    properties: dict[str, str]


class Ply(OriginalCodec, api=(1, 0)):
    """Vertices: shape ``(vertices, 3)``, in the dtype of the file.

    ``fields`` gives the properties of all elements: ``vertex_x``, ``face_vertex_indices`` and so
    on; lists of equal length are one array, others an array of arrays.
    """

    name = "ply"
    media = "mesh"
    extensions = ("ply",)

    counts = False

    def sniff(self, head: Buffer) -> bool:
        return re.match(rb"ply\r?\n", bytes(head[:5])) is not None

    def _header(self, file: BinaryIO) -> SampleHeader:
        import numpy as np

        encoding, elements, comments, _ = self._parse(file)
        vertex = self._vertex(elements)
        dtype = np.result_type(*(np.dtype(vertex.properties[axis]) for axis in _AXES))
        meta = {
            "format": self.name,
            "extension": "ply",
            "encoding": encoding,
            "comments": comments,
            "elements": {
                element.name: {"count": element.count, "properties": element.properties}
                for element in elements
            },
        }
        return SampleHeader((vertex.count, 3), dtype.name, "", meta)

    def _read(self, file: BinaryIO, header: SampleHeader, out: np.ndarray | None) -> np.ndarray:
        import numpy as np

        encoding, elements, _, start = self._parse(file)
        vertex = elements[0]
        plain = not any(kind.startswith("list") for kind in vertex.properties.values())
        self._refuse_cut(file, elements, encoding, start)
        if encoding != "ascii" and vertex.name == "vertex" and plain:
            # In front of everything, and all of one size: nothing else need be read.
            layout = np.dtype([(name, _ORDERS[encoding] + kind)
                               for name, kind in vertex.properties.items()])  # fmt: skip
            file.seek(start)
            rows = np.frombuffer(file.read(vertex.count * layout.itemsize), layout)
        else:
            rows = self._open(file)["vertex"].data
        return np.stack([rows[axis] for axis in _AXES], axis=1).astype(header.dtype)

    def fields(self, file: BinaryIO) -> dict[str, np.ndarray]:
        """The properties of all elements, by ``element_property``."""
        import numpy as np

        found: dict[str, np.ndarray] = {}
        with self._refusing():
            encoding, elements, _, start = self._parse(file)
            self._refuse_cut(file, elements, encoding, start)
            for element in self._open(file).elements:
                for name in element.data.dtype.names:
                    values = element.data[name]
                    if values.dtype == object and len({len(v) for v in values}) == 1:
                        values = np.stack(list(values))
                    if values.dtype != object:
                        values = values.astype(values.dtype.newbyteorder("="))
                    found[f"{element.name}_{name}"] = np.array(values)
        return found

    def _open(self, file: BinaryIO) -> PlyData:
        from plyfile import PlyData

        file.seek(0)
        return PlyData.read(file)

    def _refuse_cut(
        self, file: BinaryIO, elements: list[Element], encoding: str, start: int
    ) -> None:
        """Refuse a file of which a part is missing; lists are measured by whoever reads them."""
        import numpy as np

        file.seek(start)
        if encoding == "ascii":
            body = file.read()
            lines = sum(1 for line in body.split(b"\n") if line.strip())
            if lines < sum(element.count for element in elements) or body[-1:] not in b"\n":
                raise self._unreadable("its last lines are missing")
            return
        if any(kind.startswith("list") for e in elements for kind in e.properties.values()):
            self._open(file)
            return
        size = sum(
            element.count * sum(np.dtype(kind).itemsize for kind in element.properties.values())
            for element in elements
        )
        if start + size > file_size(file):
            raise self._unreadable(f"{start + size - file_size(file):,} bytes are missing")

    def _vertex(self, elements: list[Element]) -> Element:
        for element in elements:
            kinds = [element.properties.get(axis, "list") for axis in _AXES]
            if element.name == "vertex" and not any(kind.startswith("list") for kind in kinds):
                return element
        raise self._unreadable("it has no vertices with x, y and z")

    def _parse(self, file: BinaryIO) -> tuple[str, list[Element], list[str], int]:
        """The encoding, the elements, the comments, and where the values begin.

        Source: Greg Turk, The PLY Polygon File Format, 1994.
        """
        file.seek(0)
        head = file.read(_LONGEST_HEADER)
        end = re.search(rb"\nend_header\r?\n", head)
        if not self.sniff(head) or end is None:
            raise self._unreadable("it has no whole header")
        encoding = ""
        elements: list[Element] = []
        comments: list[str] = []
        for line in head[: end.start()].decode("latin-1").splitlines()[1:]:
            match line.split():
                case ["format", word, "1.0"] if word in _ORDERS:
                    encoding = word
                case ["comment" | "obj_info", *_]:
                    comments.append(line.partition(" ")[2])
                case ["element", name, count] if count.isdecimal():
                    elements.append(Element(name, int(count), {}))
                case ["property", "list", length, kind, name] if elements:
                    elements[-1].properties[name] = f"list {_type(length)} {_type(kind)}"
                case ["property", kind, name] if elements:
                    elements[-1].properties[name] = _type(kind)
                case []:
                    pass
                case _:
                    raise self._unreadable(f"its header has the line {line[:80]!r}")
        room = file_size(file) - end.end()
        if not encoding or not elements:
            raise self._unreadable("its header has no format, or no elements")
        for element in elements:
            # A value takes a byte at least; in ASCII, with what separates it from the next, two.
            least = len(element.properties) * (2 if encoding == "ascii" else 1)
            if element.count * max(1, least) > room + 1:
                raise self._unreadable(
                    f"it claims {element.count:,} of {element.name}, which its {room:,} bytes "
                    "cannot hold"
                )
        return encoding, elements, comments, end.end()


def _type(word: str) -> str:
    try:
        return _TYPES[word]
    except KeyError:
        raise ValueError(f"there is no type {word!r}") from None


__all__ = ["Element", "Ply"]
