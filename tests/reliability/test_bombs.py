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
