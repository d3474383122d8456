"""LAS and LAZ point clouds, by laspy (and lazrs)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, BinaryIO

from deeplake.types import Buffer, SampleHeader
from deeplake_codecs.originals import OriginalCodec, file_size

if TYPE_CHECKING:
    import numpy as np
    from laspy import LasReader

_LAZ_RATIO = 4096
"""Most bytes of points that one byte of a compressed file stands for."""


class Las(OriginalCodec, api=(1, 0)):
    """Points: float32 of shape ``(points, 3)``, the stored ``X``, ``Y``, ``Z``.

    ``fields`` gives every dimension exactly, in the file's own dtype; scales and offsets, which
    make coordinates of the stored integers, are in ``sample_info["las_header"]``.
    """

    name = "las"
    media = "point_cloud"
    extensions = ("las", "laz")
    parts = True

    def sniff(self, head: Buffer) -> bool:
        return bytes(head[:4]) == b"LASF"

    def _header(self, file: BinaryIO) -> SampleHeader:
        with self._open(file) as reader:
            header = reader.header
            # laspy counts the dimensions of sub-fields, too.
            types = {name: self._dtype(reader, name) for name in _names(reader)}
            meta: dict[str, Any] = {
                "format": self.name,
                "dimension_names": types,
                "las_header": {
                    "version": str(header.version),
                    "point_format": header.point_format.id,
                    "point_count": int(header.point_count),
                    "scales": _plain(header.scales),
                    "offsets": _plain(header.offsets),
                    "mins": _plain(header.mins),
                    "maxs": _plain(header.maxs),
                    "file_source_id": int(header.file_source_id),
                    "global_encoding": int(header.global_encoding.value),
                    "uuid": str(header.uuid),
                    "system_identifier": _text(header.system_identifier),
                    "generating_software": _text(header.generating_software),
                    "creation_date": None
                    if header.creation_date is None
                    else header.creation_date.isoformat(),
                    "number_of_points_by_return": _plain(header.number_of_points_by_return),
                    "are_points_compressed": bool(header.are_points_compressed),
                },
                "vlrs": [
                    {
                        "user_id": _text(vlr.user_id),
                        "record_id": int(vlr.record_id),
                        "description": _text(vlr.description),
                    }
                    for vlr in header.vlrs
                ],
            }
            return SampleHeader((int(header.point_count), 3), "float32", "", meta)

    def _read(self, file: BinaryIO, header: SampleHeader, out: np.ndarray | None) -> np.ndarray:
        return self._read_part(file, 0, header.shape[0], header)

    def _read_part(self, file: BinaryIO, start: int, stop: int, header: SampleHeader) -> np.ndarray:
        import numpy as np

        with self._open(file) as reader:
            if reader.header.point_count != header.shape[0]:
                raise self._unreadable(
                    f"it has {reader.header.point_count} points, not {header.shape[0]}"
                )
            points = self._points(reader, start, stop)
            return np.stack([np.asarray(points[n]) for n in "XYZ"], axis=1).astype(np.float32)

    def fields(self, file: BinaryIO) -> dict[str, np.ndarray]:
        """Every dimension of the points by its name, in the file's dtype."""
        import numpy as np

        with self._refusing(), self._open(file) as reader:
            points = self._points(reader, 0, reader.header.point_count)
            return {name: np.array(points[name]) for name in _names(reader)}

    def _points(self, reader: LasReader, start: int, stop: int) -> Any:
        if start:
            reader.seek(start)
        points = reader.read_points(stop - start)
        if len(points) != stop - start:
            raise self._unreadable(f"{stop - start - len(points)} of its points are missing")
        return points

    def _open(self, file: BinaryIO) -> LasReader:
        import laspy

        file.seek(0)
        # laspy would read what the claimed lengths say before it looks whether that is there.
        head = file.read(375)
        size = file_size(file)
        if not self.sniff(head) or len(head) < 227:
            raise self._unreadable("it does not begin like one")
        offset = int.from_bytes(head[96:100], "little")
        records = int.from_bytes(head[100:104], "little")
        length = int.from_bytes(head[105:107], "little")
        compressed = head[104] & 0x80
        count = int.from_bytes(head[107:111], "little")
        if head[25] >= 4 and len(head) >= 255:
            count = int.from_bytes(head[247:255], "little")
        room = (size - offset) * (_LAZ_RATIO if compressed else 1)
        if offset > size or records * 54 > size or count * length > max(room, 0):
            raise self._unreadable(
                f"it claims {count:,} points of {length} bytes and {records:,} records, which its "
                f"{size:,} bytes cannot hold"
            )
        if compressed:
            self._check_chunks(file, offset, count)
        file.seek(0)
        # One thread: the backend of several makes room for what the table of chunks claims.
        return laspy.open(file, closefd=False, read_evlrs=False, laz_backend=laspy.LazBackend.Lazrs)

    def _check_chunks(self, file: BinaryIO, offset: int, points: int) -> None:
        """Refuse a table of chunks that claims more chunks than points; lazrs would end the process.

        Source: LASzip specification, "Chunk table".
        """
        size = file_size(file)
        file.seek(offset)
        place = int.from_bytes(file.read(8), "little", signed=True)
        if place == -1:  # written by a program that could not seek back
            file.seek(max(0, size - 8))
            place = int.from_bytes(file.read(8), "little", signed=True)
        if not offset <= place <= size - 8:
            raise self._unreadable("its table of chunks is missing")
        file.seek(place + 4)
        chunks = int.from_bytes(file.read(4), "little")
        if chunks > points + 1:
            raise self._unreadable(f"it claims {chunks:,} chunks of {points:,} points")

    def _dtype(self, reader: LasReader, name: str) -> str:
        dimension = reader.header.point_format.dimension_by_name(name)
        dtype = dimension.dtype
        return "uint8" if dtype is None else str(dtype)


def _names(reader: LasReader) -> list[str]:
    return list(reader.header.point_format.dimension_names)


def _plain(values: Any) -> list[Any]:
    import math

    found = [value.item() if hasattr(value, "item") else value for value in values]
    return [None if isinstance(v, float) and not math.isfinite(v) else v for v in found]


def _text(value: Any) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else str(value)


__all__ = ["Las"]
