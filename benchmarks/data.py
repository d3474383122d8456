"""The data that benchmarks share, made once and then read from a folder.

Nothing is downloaded, and the same call makes the same data: every array comes from a generator
with a fixed seed, every photograph from the two that ship in scikit-learn.
"""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np

CLASSES = 10
PHOTOGRAPH = (500, 375)
"""Mean width and height of the JPEG files, in pixels."""


@dataclass(frozen=True, slots=True)
class Arrays:
    """Small images in memory, and their labels.

    Attributes:
        images: ``(n, 32, 32, 3)`` uint8.
        labels: ``(n,)`` uint32, below ``CLASSES``.
    """

    images: np.ndarray
    labels: np.ndarray


@dataclass(frozen=True, slots=True)
class Files:
    """JPEG files, and their labels.

    Attributes:
        paths: One file an image.
        labels: ``(n,)`` uint32, below ``CLASSES``.
    """

    paths: list[Path]
    labels: np.ndarray

    @property
    def nbytes(self) -> int:
        """Bytes of all files."""
        return sum(path.stat().st_size for path in self.paths)


def cifar_like(rows: int, seed: int = 0) -> Arrays:
    """Images with soft structure and noisy low bits, as photographs have: they hardly compress.

    Args:
        rows: How many.
        seed: Other seeds give other images.
    """
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, CLASSES, rows, dtype=np.uint32)
    # A 4 x 4 thumbnail blown up to 32 x 32, and noise: in slices, as the intermediates are large.
    images = np.empty((rows, 32, 32, 3), np.uint8)
    for start in range(0, rows, 5000):
        count = min(5000, rows - start)
        soft = rng.integers(0, 224, (count, 4, 4, 3), dtype=np.uint8)
        noise = rng.integers(0, 32, (count, 32, 32, 3), dtype=np.uint8)
        images[start : start + count] = soft.repeat(8, axis=1).repeat(8, axis=2) + noise
    return Arrays(images, labels)


def photographs(folder: Path, count: int, seed: int = 0) -> Files:
    """JPEG files of about 500 x 375 pixels: crops of scikit-learn's two photographs.

    Crops differ in place, size, brightness, grain and quality (88 to 95); half are mirrored.
    Files that an earlier call left in ``folder`` are used again.

    Args:
        folder: Where the files are, or are to be.
        count: How many.
        seed: Other seeds give other files.
    """
    labels = np.random.default_rng(seed).integers(0, CLASSES, count, dtype=np.uint32)
    paths = [folder / f"{number:05}.jpg" for number in range(count)]
    recipe = {"count": count, "seed": seed, "size": PHOTOGRAPH}
    # Written last: without it, the folder is what an interrupted call left.
    finished = folder / "recipe.json"
    if finished.is_file() and json.loads(finished.read_text()) == json.loads(json.dumps(recipe)):
        return Files(paths, labels)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for number, path in enumerate(paths):
        path.write_bytes(_photograph(np.random.default_rng((seed, number))))
    finished.write_text(json.dumps(recipe))
    return Files(paths, labels)


def _photograph(rng: np.random.Generator) -> bytes:
    from io import BytesIO

    from PIL import Image

    whole = _originals()[rng.integers(2)]
    width, height = (round(side * rng.uniform(0.9, 1.1)) for side in PHOTOGRAPH)
    top = rng.integers(whole.shape[0] - height + 1)
    left = rng.integers(whole.shape[1] - width + 1)
    crop = whole[top : top + height, left : left + width]
    if rng.random() < 0.5:
        crop = crop[:, ::-1]
    # Grain, as a sensor gives it, makes up for what the originals lost when they were compressed.
    grain = rng.normal(0, rng.uniform(2, 8), (height, width, 1))
    exposed = crop * rng.uniform(0.8, 1.2) + rng.uniform(-16, 16) + grain
    file = BytesIO()
    Image.fromarray(np.clip(exposed, 0, 255).astype(np.uint8)).save(
        file, "JPEG", quality=int(rng.integers(88, 96))
    )
    return file.getvalue()


def film(folder: Path, seconds: int) -> Path:
    """A film of 1920 x 1080 pixels, 25 frames a second, H.264 with a key frame every two seconds.

    It pans over the photographs for ten seconds, again and again: packets are repeated, not encoded.
    A file that an earlier call left in ``folder`` is used again.

    Args:
        folder: Where it is, or is to be.
        seconds: How long; a multiple of ten.
    """
    path = folder / f"film-{seconds}.mp4"
    if path.exists():
        return path
    from fractions import Fraction

    import av

    folder.mkdir(parents=True, exist_ok=True)
    clip = folder / "clip.mp4"
    whole = np.tile(_originals()[0].repeat(4, axis=0).repeat(4, axis=1), (1, 2, 1))
    with av.open(str(clip), "w") as output:
        stream = output.add_stream("libx264", rate=25, options={
            "g": "50", "keyint_min": "50", "sc_threshold": "0", "preset": "veryfast", "bf": "2",
        })  # fmt: skip
        stream.width, stream.height, stream.pix_fmt = 1920, 1080, "yuv420p"
        for number in range(250):
            top, left = 2 * number, 8 * number
            frame = whole[top : top + 1080, left : left + 1920]
            output.mux(stream.encode(av.VideoFrame.from_ndarray(frame.copy(), "rgb24")))
        output.mux(stream.encode(None))
    unfinished = path.with_suffix(".unfinished.mp4")
    with av.open(str(clip)) as source, av.open(str(unfinished), "w") as output:
        stream = output.add_stream_from_template(source.streams.video[0])
        packets = [packet for packet in source.demux(video=0) if packet.pts is not None]
        assert packets[0].time_base is not None
        step = int(10 / Fraction(packets[0].time_base))
        for repeat in range(seconds // 10):
            for packet in packets:
                copy = av.Packet(bytes(packet))
                copy.stream, copy.time_base = stream, packet.time_base
                copy.pts, copy.dts = packet.pts + repeat * step, packet.dts + repeat * step
                copy.is_keyframe = packet.is_keyframe
                output.mux(copy)
    clip.unlink()
    unfinished.rename(path)
    return path


def _originals() -> list[np.ndarray]:
    """The two photographs, ``(427, 640, 3)`` uint8 each."""
    if not _loaded:
        from sklearn.datasets import load_sample_image

        _loaded.extend(load_sample_image(name) for name in ("china.jpg", "flower.jpg"))
    return _loaded


_loaded: list[np.ndarray] = []

__all__ = ["CLASSES", "Arrays", "Files", "cifar_like", "film", "photographs"]
