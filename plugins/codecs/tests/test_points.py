"""LAS, PLY and STL: files made by laspy and plyfile, and triangles by hand."""

from __future__ import annotations

import io
import struct
from collections.abc import Mapping
from typing import ClassVar

import laspy
import numpy as np
import pytest
from plyfile import PlyData, PlyElement

from deeplake.errors import CorruptedSampleError
from deeplake.testing.codec import SampleCodecContract
from deeplake_codecs.las import Las
from deeplake_codecs.ply import Ply
from deeplake_codecs.stl import Stl


# --------------------------------------------------------------------------- las
def cloud(points: int = 60, format: int = 3, *, laz: bool = False, extra: bool = False) -> bytes:
    """A cloud with random coordinates and intensities."""
    rng = np.random.default_rng(0)
    header = laspy.LasHeader(point_format=format, version="1.4" if format > 5 else "1.2")
    header.scales, header.offsets = np.array([0.01] * 3), np.array([100.0, 200.0, 0.0])
    header.creation_date = None
    if extra:
        header.add_extra_dim(laspy.ExtraBytesParams(name="reflectance", type=np.float32))
    las = laspy.LasData(header)
    las.x, las.y, las.z = rng.random((3, points)) * 50 + 100
    las.intensity = rng.integers(0, 60_000, points)
    las.classification = rng.integers(0, 30, points)
    if extra:
        las.reflectance = rng.random(points)
    file = io.BytesIO()
    las.write(file, do_compress=laz)
    return file.getvalue()


class TestLas(SampleCodecContract):
    codec = Las
    heavy: ClassVar[tuple[str, ...]] = ("laspy", "lazrs", "numpy")

    def files(self) -> Mapping[str, bytes]:
        return {
            **{f"format {number}": cloud(format=number) for number in (0, 1, 2, 3, 6, 7, 8)},
            "laz": cloud(laz=True),
            "laz of many points": cloud(60_000, laz=True),
            "a dimension of its own": cloud(extra=True),
            "no points": cloud(0),
        }

    def bombs(self) -> Mapping[str, bytes]:
        old, new, packed = cloud(), cloud(format=6), cloud(laz=True)
        return {
            "points": patched(old, 107, struct.pack("<I", 0xFFFF_FFF0)),
            "points of 1.4": patched(new, 247, struct.pack("<Q", 1 << 60)),
            "packed points": patched(packed, 107, struct.pack("<I", 0xFFFF_FFF0)),
            "records": patched(old, 100, struct.pack("<I", 0xFFFF_FFF0)),
            "chunks": packed_chunks(packed, 0xFFFF_FFF0),
        }

    def long_file(self) -> bytes:
        return cloud(20_000)


def patched(data: bytes, place: int, new: bytes) -> bytes:
    return data[:place] + new + data[place + len(new) :]


def packed_chunks(data: bytes, count: int) -> bytes:
    """A LAZ file that claims so many chunks."""
    [offset] = struct.unpack_from("<I", data, 96)
    [table] = struct.unpack_from("<q", data, offset)
    return patched(data, table + 4, struct.pack("<I", count))


def test_a_library_that_panics_refuses_a_file_and_nothing_else() -> None:
    """What Rust raises is no ``Exception``: nobody's ``except`` would hold it."""
    data = cloud(laz=True)
    items = data.index(b"laszip encoded") + 16 + 2 + 2 + 32 + 32
    with pytest.raises(CorruptedSampleError, match="las file cannot be read"):
        Las().decode(patched(data, items, b"\0\0"))


def test_records_behind_the_points_are_not_read() -> None:
    """There may be as many as somebody claims: laspy would look for all of them."""
    data = patched(cloud(9, format=6), 235, struct.pack("<QI", 375, 0xFFFF_FFF0))
    assert Las().decode(data).shape == (9, 3)


@pytest.mark.parametrize("laz", [False, True])
def test_las_has_what_laspy_reads(laz: bool) -> None:
    data = cloud(format=7, laz=laz, extra=True)
    expected = laspy.read(io.BytesIO(data))
    points = Las().decode(data)
    assert np.array_equal(points, np.stack([expected.X, expected.Y, expected.Z], 1).astype("f4"))
    fields = Las().fields(io.BytesIO(data))
    assert list(fields) == list(expected.point_format.dimension_names)
    for name, values in fields.items():
        assert np.array_equal(values, np.asarray(expected[name])), name
    assert fields["X"].dtype == np.int32
    assert fields["red"].dtype == np.uint16
    assert fields["reflectance"].dtype == np.float32


def test_las_meta() -> None:
    meta = Las().probe(cloud()).meta
    assert meta["las_header"]["point_count"] == 60
    assert meta["las_header"]["scales"] == [0.01] * 3
    assert meta["las_header"]["version"] == "1.2"
    assert meta["dimension_names"]["X"] == "int32"
    assert meta["dimension_names"]["intensity"] == "uint16"


# --------------------------------------------------------------------------- ply
def mesh(
    *, text: bool = False, order: str = "<", kind: str = "f4", uneven: bool = False,
    faces_first: bool = False,
) -> bytes:  # fmt: skip
    """A fan of triangles (and one quadrangle) with colours."""
    rng = np.random.default_rng(0)
    layout = [(axis, kind) for axis in "xyz"] + [("red", "u1")]
    vertices = np.zeros(9, layout)
    for axis in "xyz":
        vertices[axis] = rng.random(9)
    vertices["red"] = range(9)
    faces = np.empty(4, [("vertex_indices", "O"), ("flags", "u2")])
    for i in range(4):
        corners = 4 if uneven and i == 2 else 3
        faces["vertex_indices"][i] = np.arange(i, i + corners, dtype=np.int32)
        faces["flags"][i] = i
    elements = [PlyElement.describe(vertices, "vertex"), PlyElement.describe(faces, "face")]
    if faces_first:
        elements.reverse()
    file = io.BytesIO()
    PlyData(elements, text=text, byte_order=order, comments=["a fan"]).write(file)
    return file.getvalue()


def points_only(count: int = 50) -> bytes:
    vertices = np.zeros(count, [(axis, "f4") for axis in "xyz"])
    vertices["y"] = range(count)
    file = io.BytesIO()
    PlyData([PlyElement.describe(vertices, "vertex")], byte_order="<").write(file)
    return file.getvalue()


class TestPly(SampleCodecContract):
    codec = Ply
    heavy: ClassVar[tuple[str, ...]] = ("plyfile", "numpy")

    def files(self) -> Mapping[str, bytes]:
        return {
            "little endian": mesh(),
            "big endian": mesh(order=">"),
            "ascii": mesh(text=True),
            "doubles": mesh(kind="f8"),
            "uneven faces": mesh(uneven=True),
            "faces in front": mesh(faces_first=True),
            "ascii, faces in front": mesh(text=True, faces_first=True),
            "points only": points_only(),
        }

    def bombs(self) -> Mapping[str, bytes]:
        return {
            "vertices": mesh().replace(b"vertex 9", b"vertex 4000000000"),
            "faces": mesh().replace(b"face 4", b"face 4000000000"),
            "ascii": mesh(text=True).replace(b"vertex 9", b"vertex 4000000000"),
            "points": points_only().replace(b"vertex 50", b"vertex 4000000000"),
        }


@pytest.mark.parametrize("text", [False, True])
@pytest.mark.parametrize("uneven", [False, True])
def test_ply_has_what_plyfile_reads(text: bool, uneven: bool) -> None:
    data = mesh(text=text, uneven=uneven)
    expected = PlyData.read(io.BytesIO(data))
    vertices = Ply().decode(data)
    assert vertices.dtype == np.float32
    for i, axis in enumerate("xyz"):
        assert np.array_equal(vertices[:, i], expected["vertex"][axis])
    fields = Ply().fields(io.BytesIO(data))
    assert list(fields) == [
        *("vertex_x", "vertex_y", "vertex_z", "vertex_red", "face_vertex_indices", "face_flags")
    ]
    faces = fields["face_vertex_indices"]
    assert faces.shape == ((4,) if uneven else (4, 3))
    assert [list(face) for face in faces] == [
        list(face) for face in expected["face"]["vertex_indices"]
    ]


def test_ply_meta() -> None:
    meta = Ply().probe(mesh()).meta
    assert meta["encoding"] == "binary_little_endian"
    assert meta["comments"] == ["a fan"]
    assert meta["elements"]["vertex"] == {
        "count": 9,
        "properties": {"x": "f4", "y": "f4", "z": "f4", "red": "u1"},
    }


# --------------------------------------------------------------------------- stl
TRIANGLES = np.random.default_rng(0).random((5, 3, 3)).astype(np.float32)
EDGES = TRIANGLES[:, 1:] - TRIANGLES[:, :1]
NORMALS = np.cross(EDGES[:, 0], EDGES[:, 1])
NORMALS = (NORMALS / np.linalg.norm(NORMALS, axis=1, keepdims=True)).astype(np.float32)


def binary_stl(title: bytes = b"made by hand") -> bytes:
    rows = b"".join(
        normal.tobytes() + triangle.tobytes() + b"\0\0"
        for normal, triangle in zip(NORMALS, TRIANGLES, strict=True)
    )
    return title.ljust(80, b"\0") + struct.pack("<I", len(TRIANGLES)) + rows


def ascii_stl(newline: str = "\n") -> bytes:
    lines = ["solid made by hand"]
    for normal, triangle in zip(NORMALS, TRIANGLES, strict=True):
        lines += ["facet normal " + " ".join(f"{n:.9e}" for n in normal), " outer loop"]
        lines += ["  vertex " + " ".join(f"{n:.9g}" for n in corner) for corner in triangle]
        lines += [" endloop", "endfacet"]
    return newline.join([*lines, "endsolid made by hand", ""]).encode()


class TestStl(SampleCodecContract):
    codec = Stl
    heavy: ClassVar[tuple[str, ...]] = ("numpy",)

    def files(self) -> Mapping[str, bytes]:
        return {
            "binary": binary_stl(),
            "binary that begins like ascii": binary_stl(b"solid, and yet binary"),
            "ascii": ascii_stl(),
            "ascii of windows": ascii_stl("\r\n"),
        }

    def bombs(self) -> Mapping[str, bytes]:
        return {"triangles": patched(binary_stl(), 80, struct.pack("<I", 0xFFFF_FFF0))}


@pytest.mark.parametrize("data", [binary_stl(), ascii_stl()])
def test_stl(data: bytes) -> None:
    assert np.array_equal(Stl().decode(data), TRIANGLES.reshape(-1, 3))
    fields = Stl().fields(io.BytesIO(data))
    assert set(fields) == {"vertices", "centroids", "normals"}
    assert np.array_equal(fields["vertices"], TRIANGLES.reshape(-1, 3))
    assert np.allclose(fields["centroids"], TRIANGLES.mean(axis=1))
    assert np.array_equal(fields["normals"], NORMALS)
    assert Stl().probe(data).meta["num_triangles"] == 5


def test_a_line_that_is_no_facet_is_named() -> None:
    lines = ascii_stl().split(b"\n")
    lines[12] = b"  vertex 1 2 three"
    with pytest.raises(CorruptedSampleError, match="line 8"):
        Stl().probe(b"\n".join(lines))
