"""Input that claims far more than it holds is refused, in bounded memory, and changes nothing."""

from __future__ import annotations

import io
import os
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

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
