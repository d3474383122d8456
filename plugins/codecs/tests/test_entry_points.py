"""What is announced is what there is, and no codec takes another's files for its own."""

from __future__ import annotations

import importlib
import pkgutil
import tomllib
from pathlib import Path

import numpy as np
import pytest

import deeplake_codecs
from deeplake.spi import ChunkCodec, Codec, SampleCodec

PROJECT = Path(__file__).parents[1] / "pyproject.toml"
ENTRIES: dict[str, str] = tomllib.loads(PROJECT.read_text(encoding="utf-8"))["project"][
    "entry-points"
]["deeplake.codec"]


def load(value: str) -> type[Codec]:
    module, _, name = value.partition(" ")[0].partition(":")
    loaded: type[Codec] = getattr(importlib.import_module(module), name)
    return loaded


CLASSES = {key: load(value) for key, value in ENTRIES.items()}
SAMPLES = sorted(
    {cls for cls in CLASSES.values() if issubclass(cls, SampleCodec)}, key=lambda cls: cls.name
)


def test_each_class_is_announced_under_its_name() -> None:
    for cls in set(CLASSES.values()):
        assert CLASSES[cls.name] is cls


def test_aliases() -> None:
    aliases = {key: cls.name for key, cls in CLASSES.items() if key != cls.name}
    assert aliases == {"jpg": "jpeg", "tif": "tiff", "jp2": "jpeg2000"}


def test_every_codec_is_announced() -> None:
    for info in pkgutil.iter_modules(deeplake_codecs.__path__, "deeplake_codecs."):
        importlib.import_module(info.name)
    pending: list[type[Codec]] = [ChunkCodec, SampleCodec]
    found: set[type[Codec]] = set()
    while pending:
        for cls in pending.pop().__subclasses__():
            pending.append(cls)
            if cls.__module__.startswith("deeplake_codecs.") and not cls.__name__.startswith("_"):
                found.add(cls)
    assert {cls.__name__ for cls in found - set(CLASSES.values())} == {
        *("OriginalCodec", "PillowCodec", "SoundCodec", "VideoCodec")
    }


def test_extensions_are_unambiguous() -> None:
    taken = [extension for cls in SAMPLES for extension in cls.extensions]
    assert len(taken) == len(set(taken))


@pytest.mark.parametrize("cls", [cls for cls in SAMPLES if cls.writable], ids=lambda cls: cls.name)
@pytest.mark.parametrize("layout", ["bool", "gray", "rgb", "rgba"])
def test_files_are_claimed_by_their_own_codec_only(cls: type[SampleCodec], layout: str) -> None:
    noise = np.random.default_rng(5).integers(0, 256, (19, 23, 4)).astype(np.uint8)
    array = {
        "bool": noise[:, :, 0] > 99,
        "gray": noise[:, :, 0],
        "rgb": noise[:, :, :3],
        "rgba": noise,
    }[layout]
    from deeplake.errors import SampleCompressionError

    try:
        head = cls().encode(array)[:512]
    except SampleCompressionError:
        return  # not a layout of this format; the contract suite checks which are
    assert {other.name for other in SAMPLES if other().sniff(head)} == {cls.name}
