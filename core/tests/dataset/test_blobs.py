"""Large files of which parts are decoded: stored as blobs, read in ranges."""

from __future__ import annotations

import io
import os
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
import soundfile

import deeplake
from deeplake import Dataset
from deeplake.dataset import items
from deeplake.dataset.checkout import Checkout
from deeplake.errors import ChecksumError, CorruptedSampleError, StorageError
from deeplake.format.chunk import BLOB, BLOB_FRAME
from deeplake.storage.memory import MemoryStore
from deeplake.testing.stores import Fault, FaultyStore, RecordingStore
from deeplake.versioning.repository import Repository
from deeplake.versioning.scrub import scrub
from deeplake.versioning.session import Session


@cache
def sound(samples: int = 1_500_000) -> bytes:
    file = io.BytesIO()
    values = np.random.default_rng(1).uniform(-0.5, 0.5, (samples, 2)).astype("f4")
    soundfile.write(file, values, 48_000, format="WAV", subtype="PCM_16")
    return file.getvalue()


@cache
def film(frames: int = 120) -> bytes:
    """Noise, so that a few frames are megabytes."""
    file = io.BytesIO()
    rng = np.random.default_rng(2)
    with av.open(file, "w", format="mp4") as output:
        options = {"g": "10", "bf": "0", "preset": "ultrafast", "crf": "12"}
        stream: Any = output.add_stream("libx264", rate=25, options=options)
        stream.width, stream.height, stream.pix_fmt = 192, 160, "yuv420p"
        for _ in range(frames):
            picture = rng.integers(0, 256, (160, 192, 3), "u1")
            output.mux(stream.encode(av.VideoFrame.from_ndarray(picture, "rgb24")))
        output.mux(stream.encode(None))
    return file.getvalue()


@cache
def volume() -> bytes:
    import nibabel

    noise = np.random.default_rng(3).integers(0, 1000, (128, 128, 256)).astype("i2")
    data: bytes = nibabel.Nifti1Image(noise, np.eye(4)).to_bytes()
    return data


@cache
def scan() -> bytes:
    from pydicom import Dataset as Dicom
    from pydicom import dcmwrite
    from pydicom.uid import ExplicitVRLittleEndian

    frames = np.random.default_rng(4).integers(0, 1000, (200, 128, 128)).astype("u2")
    made = Dicom()
    made.SOPClassUID = made.SOPInstanceUID = "1.2.840.10008.5.1.4.1.1.7"
    made.NumberOfFrames, made.Rows, made.Columns = frames.shape
    made.SamplesPerPixel, made.PhotometricInterpretation = 1, "MONOCHROME2"
    made.BitsAllocated = made.BitsStored = 16
    made.HighBit, made.PixelRepresentation = 15, 0
    made.PixelData = frames.tobytes()
    made.ensure_file_meta()
    made.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    file = io.BytesIO()
    dcmwrite(file, made, enforce_file_format=True)
    return file.getvalue()


def remote(store: Any = None) -> tuple[Dataset, RecordingStore]:
    memory = MemoryStore() if store is None else store
    recording = RecordingStore(
        memory, capabilities=replace(memory.capabilities, mapping=False, request_cost=0)
    )
    repository = Repository(recording)
    if not repository.exists():
        repository.create()
    return reopened(recording), recording


def reopened(store: Any) -> Dataset:
    return Dataset(Checkout("mem://blobs", Session.open(Repository(store)), read_only=False))


def kind(tensor: deeplake.Tensor, row: int) -> int:
    return tensor._reader._locate(row)[0].header.kind


def fill(ds: Dataset) -> None:
    ds.create_tensor("audio", htype="audio", sample_compression="wav")
    ds.create_tensor("video", htype="video", sample_compression="mp4")
    ds.audio.extend([deeplake.read(sound(1000)), deeplake.read(sound())])
    ds.video.append(deeplake.read(film()))


def test_large_files_are_blobs_and_small_ones_share_chunks(ds: Dataset, url: str) -> None:
    fill(ds)
    ds.commit()
    for dataset in (ds, deeplake.load(url)):
        assert kind(dataset.audio, 0) != BLOB
        assert kind(dataset.audio, 1) == kind(dataset.video, 0) == BLOB
        assert dataset.audio[1].tobytes() == sound()
        assert dataset.video[0].tobytes() == film()
        whole = dataset.video[0].numpy()
        assert whole.shape == (120, 160, 192, 3)
        for part in (slice(10, 20), 7, -1, slice(None, None, -50), [100, 3, 3], slice(5, 5)):
            assert (dataset.video[0, part].numpy() == whole[part]).all()
        assert (dataset.video[0][::50].numpy() == whole[::50]).all()
        assert (dataset.video[:, 3:5, :9, ::7].numpy() == whole[None, 3:5, :9, ::7]).all()
        waves = dataset.audio[1].numpy()
        assert (dataset.audio[1, 700_000:700_100].numpy() == waves[700_000:700_100]).all()
        assert (dataset.audio[:, 5:9, 0].numpy()[1] == waves[5:9, 0]).all()
    assert scrub(ds._checkout.repository).ok


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> list[slice]:
    """Which frames of videos were decoded."""
    from deeplake_codecs.video import Mp4

    parts: list[slice] = []
    decode_part = Mp4.decode_part

    def counted(self: Mp4, file: Any, part: slice, *, header: Any) -> np.ndarray:
        parts.append(part)
        return decode_part(self, file, part, header=header)

    monkeypatch.setattr(Mp4, "decode_part", counted)
    return parts


def test_frames_far_apart_are_decoded_apart(
    ds: Dataset, monkeypatch: pytest.MonkeyPatch, decoded: list[slice]
) -> None:
    from deeplake_codecs.video import Mp4

    fill(ds)
    whole = ds.video[0].numpy()
    monkeypatch.setattr(items, "FAR", 20 * whole[0].nbytes)
    # As of codecs that cannot decode a list of items.
    monkeypatch.setattr(Mp4, "scattered", False)
    picked = [119, 0, 2, 119, 30]
    np.testing.assert_array_equal(ds.video[0, picked].numpy(), whole[picked])
    assert decoded == [slice(0, 3), slice(30, 31), slice(119, 120)]
    decoded.clear()
    np.testing.assert_array_equal(ds.video[0, 100:2:-7].numpy(), whole[100:2:-7])
    assert decoded == [slice(9, 101, 7)]
    decoded.clear()
    np.testing.assert_array_equal(ds.video[0, ::60].numpy(), whole[::60])
    assert decoded == [slice(0, 1), slice(60, 61)]
    waves = ds.audio[1].numpy()
    some = [90_000, 5, 5]
    np.testing.assert_array_equal(ds.audio[1, some].numpy(), waves[some])


def test_a_list_of_frames_is_left_to_a_codec_that_decodes_lists(
    ds: Dataset, monkeypatch: pytest.MonkeyPatch, decoded: list[slice]
) -> None:
    from deeplake_codecs.video import Mp4

    lists: list[list[int]] = []
    decode_some = Mp4.decode_some

    def counted(self: Mp4, file: Any, numbers: Any, *, header: Any) -> np.ndarray:
        lists.append(list(numbers))
        return decode_some(self, file, numbers, header=header)

    monkeypatch.setattr(Mp4, "decode_some", counted)
    fill(ds)
    whole = ds.video[0].numpy()
    decoded.clear()
    picked = [119, 0, 2, 119, 30]
    np.testing.assert_array_equal(ds.video[0, picked].numpy(), whole[picked])
    assert (lists, decoded) == ([[0, 2, 30, 119]], [])
    np.testing.assert_array_equal(ds.video[0, 100:2:-7].numpy(), whole[100:2:-7])
    assert (len(lists), decoded) == (1, [slice(9, 101, 7)])


PARTS: list[Any] = [
    (slice(None), slice(None), slice(10, 12)), (slice(None), slice(None), -1), (..., 7), 5, slice(3, 5),
    (slice(0, 60, 7), [3, 1], slice(None, None, -50)), (..., slice(4, 4)), (..., [9, 2, 2]), (1, 2, 3),
]  # fmt: skip


@pytest.mark.parametrize("part", PARTS, ids=repr)
@pytest.mark.parametrize("kind", ["nii", "dcm"])
def test_parts_of_volumes(ds: Dataset, kind: str, part: Any) -> None:
    x = ds.create_tensor("x", htype="nifti" if kind == "nii" else "dicom", sample_compression=kind)
    x.extend([deeplake.read(volume() if kind == "nii" else scan())] * 2)
    whole = x[0].numpy()
    parts = part if isinstance(part, tuple) else (part,)
    wanted = whole[parts]
    if sum(isinstance(p, list) for p in parts) and isinstance(parts[0], slice):
        wanted = whole[parts[0]][:, parts[1]][..., parts[2]]
    assert np.array_equal(x[(1, *parts)].numpy(), wanted)
    assert np.array_equal(x[(slice(None), *parts)].numpy(), np.stack([wanted] * 2))


@pytest.mark.parametrize("kind", ["nii", "dcm"])
def test_slices_of_volumes_and_frames_of_scans_are_fetched_alone(kind: str) -> None:
    ds, store = remote()
    data = volume() if kind == "nii" else scan()
    assert len(data) > 6 * BLOB_FRAME
    ds.create_tensor("x", htype="nifti" if kind == "nii" else "dicom", sample_compression=kind)
    ds.x.append(deeplake.read(data))
    ds = reopened(store)
    part: Any = (0, ..., slice(120, 122)) if kind == "nii" else (0, slice(100, 102))
    assert len(ds.x) == 1
    store.clear()
    found = ds.x[part].numpy()
    assert store.bytes_read <= 3 * BLOB_FRAME + 100_000
    assert np.array_equal(found, ds.x[0].numpy()[part[1:]])


def test_only_the_frames_that_are_read_are_fetched() -> None:
    ds, store = remote()
    fill(ds)
    ds = reopened(store)
    size = len(sound())
    assert size > 5 * BLOB_FRAME
    assert len(ds.audio) == 2
    store.clear()
    found = ds.audio[1, 1_000_000:1_001_000].numpy()
    assert found.shape == (1000, 2)
    # Header of the chunk, the first frame (the file's header) and the one with the samples.
    assert store.bytes_read <= 3 * BLOB_FRAME + 100_000
    store.clear()
    again = ds.audio[1, 1_000_000:1_001_000].numpy()
    assert (again == found).all()
    assert store.bytes_read == 0
    store.clear()
    assert ds.video[0, 0].numpy().shape == (160, 192, 3)
    assert len(film()) > 3 * BLOB_FRAME
    assert store.bytes_read < len(film())


def test_a_file_that_is_read_to_its_end_takes_few_requests() -> None:
    ds, store = remote()
    fill(ds)
    ds = reopened(store)
    file = ds.audio._reader.file(1)
    store.clear()
    parts = []
    while part := file.read(100_000):
        parts.append(part)
    assert b"".join(parts) == sound()
    assert store.count("get") <= 5
    assert (file.seekable(), file.readable(), file.tell()) == (True, True, len(sound()))
    assert file.seek(-10, io.SEEK_END) == len(sound()) - 10
    assert file.read() == sound()[-10:]
    assert file.read() == b""
    buffer = bytearray(50)
    file.seek(BLOB_FRAME - 20)
    assert io.BufferedReader(file).readinto(buffer) == 50  # type: ignore[type-var]
    assert bytes(buffer) == sound()[BLOB_FRAME - 20 : BLOB_FRAME + 30]
    with pytest.raises(ValueError, match="closed"):
        file.read(1)


@pytest.mark.parametrize("size", [BLOB_FRAME + 1, 2 * BLOB_FRAME, 3 * BLOB_FRAME + 17])
def test_sizes_around_those_of_frames(ds: Dataset, size: int) -> None:
    ds.create_tensor("audio", htype="audio", sample_compression="wav")
    file = io.BytesIO()
    soundfile.write(file, np.zeros(1000, "f4"), 8000, format="WAV")
    data = file.getvalue() + bytes(size - file.tell())  # what follows the sound is kept
    ds.audio.append(deeplake.read(data))
    assert kind(ds.audio, 0) == BLOB
    assert ds.audio[0].tobytes() == data
    assert ds.audio[0, 10:20].numpy().shape == (10, 1)


def test_edits_copies_and_merges(local: Dataset, tmp_path: Path) -> None:
    fill(local)
    local.commit()
    local.audio[0] = deeplake.read(sound())
    local.audio.append(deeplake.read(sound(1000)))
    local.audio.append(local.audio[1])
    before = local._checkout.repository.size()
    local.rechunk(progressbar=False)
    assert local._checkout.repository.size() < before + 100_000
    local.copy(tmp_path / "copy", progressbar=False)
    deeplake.deepcopy(local.path, tmp_path / "deep", progressbar=False)
    os.rename(local.path, tmp_path / "moved")
    for name in ("copy", "deep", "moved"):
        ds = deeplake.load(tmp_path / name)
        assert [len(ds.audio[i].tobytes()) for i in range(4)] == [
            len(sound()), len(sound()), len(sound(1000)), len(sound()),
        ]  # fmt: skip
        assert kind(ds.audio, 3) == BLOB
        ds.audio.pop(0)
        assert scrub(ds._checkout.repository).ok


def test_damage_is_named_and_an_outage_is_none(local: Dataset) -> None:
    fill(local)
    chunk, _ = local.audio._reader._locate(1)
    path = Path(local.path) / "data" / chunk.oid
    data = bytearray(path.read_bytes())
    data[chunk.offset + chunk.header.header_length + 4 * BLOB_FRAME] ^= 1
    os.chmod(path, 0o644)
    path.write_bytes(data)
    ds = deeplake.load(local.path)
    assert ds.audio[1, 1000:2000].numpy().shape == (1000, 2)  # the other frames are good
    at = 4 * BLOB_FRAME // 4
    with pytest.raises(ChecksumError, match=chunk.oid):
        ds.audio[1, at : at + 1000].numpy()

    ds, store = remote()
    fill(ds)
    ds = reopened(store)
    ds.audio[1, :10].numpy()
    faulty = FaultyStore(store, Fault(times=None))
    ds._checkout.session.blocks._store = faulty
    with pytest.raises(StorageError):
        ds.audio[1, 1_000_000:1_001_000].numpy()


def test_a_file_that_lies_names_tensor_and_row(ds: Dataset) -> None:
    ds.create_tensor("audio", htype="audio", sample_compression="wav")
    data = bytearray(sound())
    ds.audio.append(deeplake.read(bytes(data)))
    chunk, _ = ds.audio._reader._locate(0)
    from deeplake.types import SampleHeader

    codec = chunk.sample_codec
    assert codec is not None
    with pytest.raises(CorruptedSampleError):
        codec.decode_part(
            io.BytesIO(sound()[:100_000]), slice(1_400_000, 1_400_010),
            header=SampleHeader((1_500_000, 2), "float32"),
        )  # fmt: skip
