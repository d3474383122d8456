"""The reader believes neither chunks nor files: what does not agree is an error that names both."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import deeplake
from deeplake import Dataset, transforms
from deeplake.errors import CorruptedSampleError, FormatError, SampleTooLargeError
from deeplake.format.builder import Run
from deeplake.format.encoding import codec_plugin


def forged(data: bytes, shape: tuple[int, ...], **options: Any) -> Dataset:
    """A dataset whose third sample of tensor ``t`` is stored with these bytes and this shape."""
    ds = deeplake.empty("mem://forged")
    ds.create_tensor("t", **options)
    for value in (1, 2):
        ds.t.append(np.full((2, 2, 3), value, "u1"))
    session = ds._checkout.session
    session.append(session.by_name["t"], [Run(data, 1, shape, len(data))], 1)
    session.flush()
    return deeplake.load("mem://forged")


def picture(shape: tuple[int, ...]) -> bytes:
    return codec_plugin("png").encode(np.zeros(shape, "u1"))  # type: ignore[attr-defined,no-any-return]


def reads(ds: Dataset) -> list[Any]:
    """All ways to read the forged sample."""
    return [
        lambda: ds.t[2].numpy(),
        lambda: ds.t.numpy(aslist=True),
        lambda: ds.t[2:].numpy(),
        lambda: ds.t[[2, 0, 2]].numpy(aslist=True),
    ]


@pytest.mark.parametrize("shape", [(9, 9, 3), (1, 1, 3), (2, 2, 4), (0, 2, 3)])
def test_a_picture_of_another_size_is_not_decoded(
    monkeypatch: pytest.MonkeyPatch, shape: tuple[int, ...]
) -> None:
    ds = forged(picture((2, 2, 3)), shape, htype="image", sample_compression="png")
    kind = type(codec_plugin("png"))
    decode = kind.decode  # type: ignore[attr-defined]

    def guarded(self: Any, data: Any, **options: Any) -> Any:
        found = decode(self, data, **options)
        assert found.flat[0] in (1, 2), "the forged picture was decoded"
        return found

    monkeypatch.setattr(kind, "decode", guarded)
    for read in reads(ds):
        with pytest.raises(FormatError, match=r"\(tensor 't'\): sample \d is a file of shape"):
            read()


def test_no_memory_is_set_aside_for_a_picture_that_cannot_be() -> None:
    ds = forged(picture((2, 2, 3)), (1 << 26, 1 << 26, 3), htype="image", sample_compression="png")
    with pytest.raises(FormatError, match=r"\(tensor 't'\): sample \d is a file of shape"):
        ds.t[2].numpy()


HUGE = [
    (1 << 26, 1 << 26, 3), (1 << 31, 1, 1), (9_000, 9_000, 3), (1, 1, 1 << 31), (1 << 20, 1 << 20, 0),
    (3, 2, 3),
]  # fmt: skip
"""Shapes that six bytes, or a picture of 2 x 2, cannot have."""


@pytest.fixture
def no_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """Arrays of more than a mebibyte are not to be had."""
    for name in ("empty", "zeros"):
        make = getattr(np, name)

        def made(shape: Any, *rest: Any, make: Any = make, **more: Any) -> Any:
            assert np.prod(shape, dtype=object) < 1 << 20, f"memory for {shape} was asked for"
            return make(shape, *rest, **more)

        monkeypatch.setattr(np, name, made)


def all_reads(ds: Dataset) -> list[Any]:
    """Those that ask for one array, too, and loaders."""

    def load(**options: Any) -> Any:
        return lambda: list(ds.dataloader().batch(1).numpy(tensors=["t"], **options))

    return [
        *reads(ds),
        lambda: ds.t[2:].numpy(),
        lambda: ds.t[[2]].numpy(),
        lambda: ds.t[[2, 2, 2]].numpy(),
        lambda: ds[2:].t.numpy(),
        lambda: ds.t[2:].data(),
        lambda: ds.t[2].data(),
        lambda: ds.t[2:3].list(),
        lambda: ds.t[2:, :1].numpy(),
        load(),
    ]


@pytest.mark.usefixtures("no_memory")
@pytest.mark.parametrize("shape", HUGE)
@pytest.mark.parametrize(
    "options",
    [
        {"dtype": "uint8"},
        {"dtype": "uint8", "chunk_compression": "lz4"},
        {"htype": "image", "sample_compression": "png"},
        {"htype": "image", "sample_compression": "jpeg"},
    ],
    ids=str,
)
def test_no_memory_is_set_aside_for_what_cannot_be(
    shape: tuple[int, ...], options: dict[str, Any]
) -> None:
    codec = options.get("sample_compression")
    data = bytes(6)
    if codec:
        data = codec_plugin(codec).encode(np.zeros((2, 2, 3), "u1"))  # type: ignore[attr-defined]
    ds = forged(data, shape, **options)
    for read in all_reads(ds):
        with pytest.raises((FormatError, CorruptedSampleError), match="tensor 't'.*row 2"):
            read()
    # Alone it has the shape of all rows, which batches are made for.
    ds.t.pop(0)
    ds.t.pop(0)
    alone = [
        lambda: ds.t.numpy(),
        lambda: ds.t[0].numpy(),
        lambda: list(ds.dataloader().batch(1).numpy()),
        lambda: list(ds.dataloader().transform({"t": transforms.ToCHW()}).batch(1).numpy()),
    ]
    for one in alone:
        with pytest.raises((FormatError, CorruptedSampleError), match="tensor 't'.*row 0"):
            one()


def test_what_there_is_no_memory_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """Many samples that are what they say, and more than the machine has."""
    ds = forged(bytes(12), (2, 2, 3), dtype="uint8")
    ds.t.extend(np.zeros((1, 3, 2, 3), "u1"))
    make = np.empty

    def full(shape: Any, *rest: Any, **more: Any) -> Any:
        if shape == (3, 2, 2, 3):
            raise MemoryError
        return make(shape, *rest, **more)

    monkeypatch.setattr(np, "empty", full)
    with pytest.raises(SampleTooLargeError, match="tensor 't': there is no memory for 3 samples"):
        ds.t[[2, 0, 1]].numpy()


def test_a_picture_is_looked_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """By who decodes it, into memory of the shape that its chunk says."""
    ds = forged(picture((5, 4, 3)), (5, 4, 3), htype="image", sample_compression="png")
    probed: list[int] = []
    kind = type(codec_plugin("png"))
    probe = kind.probe  # type: ignore[attr-defined]

    def counted(self: Any, data: Any) -> Any:
        probed.append(len(data))
        return probe(self, data)

    monkeypatch.setattr(kind, "probe", counted)
    assert ds.t[0].numpy().tolist() == np.ones((2, 2, 3)).tolist()
    assert not ds.t[2].numpy().any()
    assert probed == []


def test_a_picture_without_its_last_axis_is_the_same_picture() -> None:
    ds = forged(picture((2, 2)), (2, 2, 1), htype="image", sample_compression="png")
    assert ds.t[2].numpy().shape == (2, 2, 1)
    assert ds.t[2:].numpy().shape == (1, 2, 2, 1)


def test_a_file_that_is_none() -> None:
    ds = forged(b"no picture at all", (2, 2, 3), htype="image", sample_compression="png")
    for read in reads(ds):
        with pytest.raises(CorruptedSampleError, match="tensor 't', row 2"):
            read()


@pytest.mark.parametrize(("size", "shape"), [(11, (2, 2, 3)), (12, (2, 2, 4)), (13, (2, 2, 3))])
def test_bytes_that_are_not_of_their_shape(size: int, shape: tuple[int, ...]) -> None:
    ds = forged(bytes(size), shape, dtype="uint8")
    for read in reads(ds):
        with pytest.raises(FormatError, match="is not of shape"):
            read()


def test_a_shape_without_bytes() -> None:
    ds = forged(b"", (2, 2, 3), dtype="uint8")
    for read in reads(ds):
        with pytest.raises(FormatError, match="has no bytes"):
            read()


def test_what_is_only_none_is_not_damaged() -> None:
    ds = deeplake.empty("mem://none")
    ds.create_tensor("x")
    ds.create_tensor("t")
    ds.extend({"x": [None, None, None], "t": [1, 2, 3]})
    array = ds.x._reader.array([0, 2, 1])
    assert array is not None
    assert array.shape == (3, 0)
    assert len(ds.x._reader.samples([0, 2, 1])) == 3
