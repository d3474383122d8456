"""Input that claims far more than it holds is refused, in bounded memory, and changes nothing."""

from __future__ import annotations

import gzip
import io
import json
import os
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tests.api.conftest import content

import deeplake

MEMORY = 1 << 30
"""Bytes of address space that a bomb may take."""


def png(width: int, height: int) -> bytes:
    """A file that is valid but for claiming so many pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    body = zlib.compress(bytes(10_000_000))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


def gif(width: int, height: int) -> bytes:
    out = io.BytesIO()
    Image.fromarray(np.zeros((8, 8), "u1")).save(out, "gif")
    data = bytearray(out.getvalue())
    data[6:10] = struct.pack("<HH", width, height)
    return bytes(data)


def tiff(width: int, height: int) -> bytes:
    out = io.BytesIO()
    Image.fromarray(np.zeros((8, 8, 3), "u1")).save(out, "tiff")
    data = out.getvalue()
    count = struct.unpack_from("<H", data, at := struct.unpack_from("<I", data, 4)[0])[0]
    forged = bytearray(data)
    for entry in range(count):
        place = at + 2 + 12 * entry
        tag = struct.unpack_from("<H", data, place)[0]
        if tag in (256, 257):
            struct.pack_into("<HII", forged, place + 2, 4, 1, width if tag == 256 else height)
    return bytes(forged)


SCRIPT = """
import os, resource, sys
import deeplake, numpy as np
from deeplake.errors import DeepLakeError
path, codec, bomb, limit = sys.argv[1:]
data = open(bomb, "rb").read()
ds = deeplake.load(path)
ds.t[0].numpy()
pages = int(open("/proc/self/statm").read().split()[0])
size = pages * os.sysconf("SC_PAGE_SIZE") + int(limit)
resource.setrlimit(resource.RLIMIT_AS, (size, size))
try:
    ds.t.append(deeplake.read(data))
    ds.t[-1].numpy()
except DeepLakeError as error:
    print(type(error).__name__, error)
else:
    print("taken", ds.t[-1].numpy().shape)
"""


@pytest.mark.parametrize(
    ("codec", "bomb"),
    [
        ("png", png(100_000, 100_000)),
        ("png", png(30_000, 30_000)),
        ("gif", gif(65_535, 65_535)),
        ("tiff", tiff(100_000, 100_000)),
    ],
    ids=["png", "smaller png", "gif", "tiff"],
)
@pytest.mark.parametrize("stored", [True, False], ids=["same format", "other format"])
def test_pictures(tmp_path: Path, codec: str, bomb: bytes, stored: bool) -> None:
    ds = deeplake.empty(tmp_path / "ds")
    ds.create_tensor("t", htype="image", sample_compression=codec if stored else "bmp")
    ds.t.append(np.zeros((8, 8) if codec == "gif" else (8, 8, 3), "u1"))
    before = ds.t.numpy(aslist=True)
    (tmp_path / "bomb").write_bytes(bomb)
    answer = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(tmp_path / "ds"), codec, str(tmp_path / "bomb"),
         str(MEMORY)],
        capture_output=True, text=True, env={**os.environ, "MALLOC_ARENA_MAX": "1"},
    )  # fmt: skip
    assert answer.returncode == 0, answer.stderr
    assert "'t', row 1" in answer.stdout
    assert not answer.stdout.startswith("taken")
    found = deeplake.load(tmp_path / "ds").t
    assert (found[0].numpy() == before[0]).all()


def test_json_that_is_10_000_levels_deep() -> None:
    from deeplake.errors import SampleAppendError

    ds = deeplake.empty("mem://deep")
    ds.create_tensor("t", htype="json")
    value: list[object] = []
    for _ in range(10_000):
        value = [value]
    with pytest.raises(SampleAppendError, match="'t', row 0.*deep"):
        ds.t.append({"a": value})
    assert len(ds.t) == 0


@pytest.mark.parametrize("name", ["zlib", "lz4", "zstd"])
def test_blocks_that_lie_about_their_size(name: str) -> None:
    """A little that becomes much is cut off at the size that belongs there."""
    import tracemalloc

    from deeplake.errors import CorruptedSampleError
    from deeplake.format.encoding import codec_plugin

    codec = codec_plugin(name)
    packed = codec.compress(bytes(200_000_000))  # type: ignore[attr-defined]
    tracemalloc.start()
    for size in (0, 1000, 100_000):
        with pytest.raises(CorruptedSampleError):
            codec.decompress(packed, size)  # type: ignore[attr-defined]
    assert tracemalloc.get_traced_memory()[1] < 20_000_000
    tracemalloc.stop()


# --------------------------------------------------------------------------- whole datasets
def limited(script: str, *arguments: str) -> str:
    """What a script prints that may use little memory once its imports are done."""
    head = (
        "import os, resource, sys\n"
        "import av, deeplake, lz4.block, numpy as np\n"
        "from deeplake.errors import DeepLakeError\n"
        "def limit():\n"
        "    pages = int(open('/proc/self/statm').read().split()[0])\n"
        f"    size = pages * os.sysconf('SC_PAGE_SIZE') + {MEMORY}\n"
        "    resource.setrlimit(resource.RLIMIT_AS, (size, size))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", head + script, *arguments],
        capture_output=True, text=True, env={**os.environ, "MALLOC_ARENA_MAX": "1"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def film(codec: str = "mpeg4") -> bytes:
    import av

    file = io.BytesIO()
    with av.open(file, "w", format="mp4") as output:
        stream = output.add_stream(codec, rate=25)
        stream.width, stream.height, stream.pix_fmt = 32, 24, "yuv420p"
        for number in range(20):
            frame = np.full((24, 32, 3), 8 * number, np.uint8)
            output.mux(stream.encode(av.VideoFrame.from_ndarray(frame, "rgb24")))
        output.mux(stream.encode(None))
    return file.getvalue()


def lying(how: str) -> bytes:
    """A film whose header claims what is not there."""
    data = bytearray(film())
    if how == "frames":  # 2^28 of them
        place = data.index(b"stsz") + 12
        data[place : place + 4] = (1 << 28).to_bytes(4)
    elif how == "size":  # 65,535 x 65,535 pixels, in the container and the codec's own header
        place = data.index(b"mp4v") + 4 + 24
        data[place : place + 4] = b"\xff\xff\xff\xff"
        place = data.index(b"tkhd") + 4 + 76
        data[place : place + 8] = b"\xff\xff\0\0\xff\xff\0\0"
    else:  # a duration of years
        place = data.index(b"mvhd") + 4 + 16
        data[place : place + 4] = b"\xff\xff\xff\xf0"
    return bytes(data)


@pytest.mark.parametrize("how", ["frames", "size", "duration"])
def test_videos_whose_header_lies(tmp_path: Path, how: str) -> None:
    ds = deeplake.empty(tmp_path / "ds")
    ds.create_tensor("t", htype="video", sample_compression="mp4")
    ds.t.append(deeplake.read(film()))
    (tmp_path / "bomb.mp4").write_bytes(lying(how))
    said = limited(
        """
ds = deeplake.load(sys.argv[1])
first = ds.t[0].numpy()
limit()
try:
    ds.t.append(deeplake.read(sys.argv[2]))
    print("taken", ds.t[1].numpy().shape, ds.t[1, 3].numpy().shape)
except DeepLakeError as error:
    print(type(error).__name__, error)
assert (ds.t[0].numpy() == first).all()
""",
        str(tmp_path / "ds"), str(tmp_path / "bomb.mp4"),
    )  # fmt: skip
    # What the claim is not needed for may be taken; what is taken is what the film has.
    refused = "'t', row 1" in said and ("bomb.mp4" in said or "Corrupted" in said)
    harmless = how != "frames" and "taken (20, 24, 32, 3) (24, 32, 3)" in said
    assert refused or harmless, said


def test_a_chunk_that_inflates_to_more_than_it_says(tmp_path: Path) -> None:
    """4 GB of zeros in a chunk of lz4 that should have 100 KB."""
    from deeplake.format.encoding import codec_plugin

    ds = deeplake.empty(tmp_path / "ds")
    ds.create_tensor("t", dtype="uint8", chunk_compression="lz4")
    ds.t.append(np.zeros(100_000, np.uint8))
    ds.create_tensor("good").append(1)
    packed = codec_plugin("lz4").compress(bytes(1 << 29))  # type: ignore[union-attr]
    (tmp_path / "bomb").write_bytes(packed)
    said = limited(
        """
from deeplake.format.encoding import codec_plugin
lz4_codec = codec_plugin("lz4")
ds = deeplake.load(sys.argv[1])
bomb = open(sys.argv[2], "rb").read()
limit()
for size in (100_000, 1 << 40):
    try:
        lz4_codec.decompress(bomb, size)
        print("taken")
    except DeepLakeError as error:
        print(type(error).__name__, error)
print(ds.good[0].numpy(), ds.t[0].numpy().sum())
""",
        str(tmp_path / "ds"), str(tmp_path / "bomb"),
    )  # fmt: skip
    assert "taken" not in said
    assert said.count("lz4") >= 2
    assert said.endswith("[1] 0\n")


def test_a_linked_json_that_is_10_000_levels_deep(tmp_path: Path) -> None:
    from deeplake.errors import SampleAppendError

    path = tmp_path / "deep.json"
    path.write_text("[" * 10_000 + "]" * 10_000)
    ds = deeplake.empty(tmp_path / "ds")
    ds.create_tensor("t", htype="link[json]")
    with pytest.raises(SampleAppendError, match=r"'t', row 0.*deep\.json"):
        ds.t.append(deeplake.link(path))
    assert len(ds.t) == 0
    ds.create_tensor("later", htype="link[json]", verify=False)
    ds.later.append(deeplake.link(path))
    with pytest.raises(deeplake.errors.DeepLakeError, match="'later', row 0"):
        ds.later[0].dict()


@pytest.mark.parametrize("htype", ["json", "list", "generic", "text", "tag"])
def test_values_that_are_10_000_levels_deep(htype: str) -> None:
    from deeplake.errors import SampleAppendError

    ds = deeplake.empty("mem://levels")
    ds.create_tensor("t", htype=htype)
    value: list[object] = []
    for _ in range(10_000):
        value = [value]
    with pytest.raises(SampleAppendError, match="'t', row 0"):
        ds.t.append(value)
    assert len(ds.t) == 0


# --------------------------------------------------------------------------- headers of all formats
def patched(name: str, at: int | bytes, new: bytes, skip: int = 0) -> bytes:
    """A file with some bytes of its header replaced, at a place or behind what is there."""
    data = bytearray(content(name))
    place = at if isinstance(at, int) else data.index(at) + len(at)
    data[place + skip : place + skip + len(new)] = new
    return bytes(data)


def with_chunk(kind: bytes, data: bytes) -> bytes:
    """A PNG with another chunk behind its header."""
    whole = content("photo.png")
    checked = kind + data
    chunk = struct.pack(">I", len(data)) + checked + struct.pack(">I", zlib.crc32(checked))
    return whole[:33] + chunk + whole[33:]


def bombs() -> dict[str, tuple[str, bytes]]:
    """Files whose headers claim far more than there is: the whole file they began as, and the bytes."""
    most = b"\xff\xff\xff\xff"
    axes = struct.pack("<8h", 7, *[32767] * 7)
    gigabyte = zlib.compress(bytes(1 << 30), 1)
    zeros = gzip.compress(bytes(64 << 20), 1) * 32  # members of one file
    wide = struct.pack(">II", 2**31 - 1, 2**31 - 1)
    jp2 = bytearray(patched("photo.jp2", b"ihdr", wide))
    place = jp2.index(b"\xff\x51") + 6
    jp2[place : place + 8] = wide
    webp = content("photo.webp")
    canvas = b"VP8X" + struct.pack("<I", 10) + bytes(4) + b"\xff" * 6
    picture = png(100_000, 100_000)
    icon = struct.pack("<3H4B2HII", 0, 1, 1, 0, 0, 0, 0, 1, 32, len(picture), 22) + picture
    list_ply = (
        b"ply\nformat binary_little_endian 1.0\nelement vertex 1\nproperty list uint uchar v\n"
        b"property float x\nproperty float y\nproperty float z\nend_header\n"
    )
    return {
        "axes.nii": ("volume.nii", patched("volume.nii", 40, axes)),
        "axes.nii.gz": ("volume.nii.gz", gzip.compress(patched("volume.nii", 40, axes))),
        "zeros.nii.gz": ("volume.nii.gz", gzip.compress(content("volume.nii")) + zeros),
        "far.nii.gz": (
            "volume.nii.gz",
            gzip.compress(patched("volume.nii", 108, struct.pack("<f", 2e9))) + zeros,
        ),
        "rows.dcm": ("scan.dcm", patched("scan.dcm", b"\x28\0\x10\0US\2\0", b"\xff\xff")),
        "points.las": ("cloud.las", patched("cloud.las", 107, most)),
        "records.las": ("cloud.las", patched("cloud.las", 100, most)),
        "vertices.ply": (
            "mesh.ply", content("mesh.ply").replace(b"vertex 4", b"vertex 4000000000"),
        ),
        "list.ply": ("mesh.ply", list_ply + most + bytes(100)),
        "elements.ply": (
            "mesh.ply", b"ply\nformat ascii 1.0\nelement vertex 4000000000\nend_header\n",
        ),
        "triangles.stl": ("mesh.stl", patched("mesh.stl", 80, most)),
        "size.bmp": ("photo.bmp", patched("photo.bmp", 18, struct.pack("<ii", 10**5, 10**5))),
        "size.jpeg": ("photo.jpeg", patched("photo.jpeg", b"\xff\xc0", b"\xff\xdc" * 2, 3)),
        "size.jp2": ("photo.jp2", bytes(jp2)),
        "canvas.webp": ("photo.webp", webp[:12] + canvas + webp[12:]),
        "size.webp": ("photo.webp", patched("photo.webp", b"\x9d\x01\x2a", b"\xff\x3f" * 2)),
        "size.tga": ("photo.tga", patched("photo.tga", 12, most)),
        "size.pcx": ("photo.pcx", patched("photo.pcx", 8, b"\xfe\xff" * 2)),
        "size.ppm": ("photo.ppm", b"P6 99999 99999 255\n" + bytes(100)),
        "digits.ppm": ("photo.ppm", b"P6 " + b"9" * 5000 + b" 9 255\n" + bytes(100)),
        "size.sgi": ("photo.sgi", patched("photo.sgi", 6, most)),
        "size.ico": ("photo.ico", icon),
        "profile.png": ("photo.png", with_chunk(b"iCCP", b"p\0\0" + gigabyte)),
        "text.png": ("photo.png", with_chunk(b"zTXt", b"Comment\0\0" + gigabyte)),
        "unicode.png": ("photo.png", with_chunk(b"iTXt", b"Comment\0\1\0\0\0" + gigabyte)),
        "channels.wav": ("sound.wav", patched("sound.wav", b"fmt ", struct.pack("<H", 1024), 6)),
        "data.wav": ("sound.wav", patched("sound.wav", b"data", most)),
        "samples.flac": ("sound.flac", patched("sound.flac", 22, most)),
        "frames.avi": ("film.avi", patched("film.avi", b"avih", most, 20)),
        "size.avi": ("film.avi", patched("film.avi", b"strf", struct.pack("<ii", 65535, 65535), 8)),
    }  # fmt: skip


def test_headers_that_lie(tmp_path: Path) -> None:
    from tests.reliability.test_media import htype_of

    wanted = {}
    for name, (whole, data) in bombs().items():
        (tmp_path / name).write_bytes(data)
        (tmp_path / whole).write_bytes(content(whole))
        wanted[name] = (whole, htype_of(name))
    said = limited(
        """
import json, warnings
from deeplake.errors import CorruptedSampleError, SampleAppendError
warnings.simplefilter("ignore")
folder, wanted = sys.argv[1], json.loads(sys.argv[2])
ds = deeplake.empty("mem://bombs")
for name, (whole, htype) in wanted.items():
    first = deeplake.read(f"{folder}/{whole}")
    for key, codec in (("x " + name, first.compression), ("y " + name, None)):
        ds.create_tensor(key, htype=htype, sample_compression=codec)
        ds[key].append(first)
        ds[key][0].numpy(), ds[key][0].data(), ds[key][0].sample_info
limit()
found = {}
for name in wanted:
    def attempt(call, expected):
        try:
            call()
        except expected as error:
            return type(error).__name__ if name in str(error) else str(error)
        return "taken"
    path = f"{folder}/{name}"
    steps = [attempt(lambda: deeplake.read(path, verify=True), DeepLakeError)]
    for key in ("x " + name, "y " + name):
        tensor = ds[key]
        steps.append(attempt(lambda: tensor.append(deeplake.read(path)), SampleAppendError))
        assert len(tensor) == 1 + (steps[-1] == "taken")
        if len(tensor) == 2:
            for read in (lambda: tensor[1].numpy(), lambda: tensor[1, 1:3].numpy(),
                         lambda: tensor[1].data(), lambda: tensor[1].sample_info):
                steps.append(attempt(read, CorruptedSampleError))
    found[name] = steps
print(json.dumps(found))
""",
        str(tmp_path), json.dumps(wanted),
    )  # fmt: skip
    found = json.loads(said.splitlines()[-1])
    assert set(found) == set(wanted)
    outcomes = {"taken", "CorruptedSampleError", "SampleReadError", "SampleAppendError"}
    assert {name: s for name, s in found.items() if not outcomes >= set(s)} == {}
    # What the header is not needed for may be taken; of these, everything is believed.
    harmless = {name for name, steps in found.items() if "taken" in steps}
    assert harmless <= {
        "zeros.nii.gz", "far.nii.gz", "records.las", "data.wav", "samples.flac", "frames.avi",
        "size.avi", "profile.png", "text.png", "unicode.png", "canvas.webp", "channels.wav",
    }, harmless  # fmt: skip
