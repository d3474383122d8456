"""DICOM and NIfTI: real files of pydicom, volumes made by nibabel."""

from __future__ import annotations

import gzip
import io
import struct
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import nibabel
import numpy as np
import pytest
from pydicom import Dataset, dcmread, dcmwrite
from pydicom.data import get_testdata_file
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from deeplake.errors import CorruptedSampleError
from deeplake.testing.codec import SampleCodecContract
from deeplake_codecs.dicom import Dicom
from deeplake_codecs.nifti import Nifti, NiftiGz

# What real files get wrong, pydicom warns of.
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")


def scan(name: str) -> bytes:
    """A file that comes with pydicom."""
    path = get_testdata_file(name, download=False)
    assert isinstance(path, str), name
    return Path(path).read_bytes()


def dicom(pixels: np.ndarray, *, deflated: bool = False, **elements: Any) -> bytes:
    """A small file of our own."""
    dataset = Dataset()
    dataset.SOPClassUID = dataset.SOPInstanceUID = "1.2.840.10008.5.1.4.1.1.7"
    dataset.Rows, dataset.Columns = pixels.shape[-2:]
    if pixels.ndim == 3:
        dataset.NumberOfFrames = len(pixels)
    dataset.SamplesPerPixel = 1
    dataset.PhotometricInterpretation = "MONOCHROME2"
    dataset.BitsAllocated = dataset.BitsStored = 8 * pixels.itemsize
    dataset.HighBit = dataset.BitsStored - 1
    dataset.PixelRepresentation = int(pixels.dtype.kind == "i")
    dataset.PixelData = pixels.tobytes().ljust(pixels.nbytes + pixels.nbytes % 2, b"\0")
    for keyword, value in elements.items():
        setattr(dataset, keyword, value)
    file = io.BytesIO()
    dataset.ensure_file_meta()
    dataset.file_meta.TransferSyntaxUID = (
        DeflatedExplicitVRLittleEndian if deflated else ExplicitVRLittleEndian
    )
    dcmwrite(file, dataset, enforce_file_format=True)
    return file.getvalue()


SCANS = [
    "CT_small.dcm",
    "MR_small.dcm",
    "MR_small_RLE.dcm",
    "MR_small_bigendian.dcm",
    "MR_small_implicit.dcm",
    "MR_small_jp2klossless.dcm",
    "MR_small_jpeg_ls_lossless.dcm",
    "SC_rgb_jpeg_dcmtk.dcm",
    "SC_rgb_rle_16bit_2frame.dcm",
    "SC_rgb_small_odd.dcm",
    "SC_ybr_full_422_uncompressed.dcm",
    "examples_palette.dcm",
    "image_dfl.dcm",
    "liver_1frame.dcm",
    "rtdose.dcm",
    "rtdose_expb_1frame.dcm",
]


class TestDicom(SampleCodecContract):
    codec = Dicom
    heavy: ClassVar[tuple[str, ...]] = ("pydicom", "numpy")

    def files(self) -> Mapping[str, bytes]:
        return {
            **{name: scan(name) for name in SCANS},
            "ours": dicom(np.arange(35, dtype=np.uint16).reshape(5, 7)),
            "ours, frames": dicom(np.arange(105, dtype=np.int16).reshape(3, 5, 7)),
            "ours, deflated frames": dicom(np.ones((3, 5, 7), np.uint8), deflated=True),
        }

    def long_file(self) -> bytes:
        noise = np.random.default_rng(0).integers(0, 1 << 16, (100, 64, 64))
        return dicom(noise.astype(np.uint16))

    def bombs(self) -> Mapping[str, bytes]:
        small = np.zeros((5, 7), np.uint8)
        inner = zlib.compressobj(9, wbits=-zlib.MAX_WBITS)
        deflated = dicom(small, deflated=True)
        start = deflated.index(DeflatedExplicitVRLittleEndian.encode()) + 22
        zeros = inner.compress(bytes(1 << 28)) + inner.flush()
        return {
            "rows and columns": dicom(small, Rows=60_000, Columns=60_000),
            "frames": dicom(small, NumberOfFrames=2_000_000_000),
            "a deflated quarter of a gigabyte": deflated[:start] + zeros,
        }


@pytest.mark.parametrize("name", SCANS)
def test_dicom_is_what_pydicom_reads(name: str) -> None:
    data = scan(name)
    expected = dcmread(io.BytesIO(data)).pixel_array
    array = Dicom().decode(data)
    assert array.shape == expected.shape
    assert np.array_equal(array, expected)


def test_dicom_is_not_rescaled_and_tells_how_it_would_be() -> None:
    header = Dicom().probe(scan("CT_small.dcm"))
    assert header.dtype == "int16"
    assert header.meta["RescaleIntercept"] == -1024
    assert header.meta["Modality"] == "CT"
    assert header.meta["PatientName"] == "CompressedSamples^CT1"
    assert header.meta["Rows"] == header.shape[0]
    assert header.meta["ImageType"] == ["ORIGINAL", "PRIMARY", "AXIAL"]
    assert "PixelData" not in header.meta


def test_dicom_without_pixels_says_so() -> None:
    with pytest.raises(CorruptedSampleError, match="no pixels"):
        Dicom().probe(scan("rtplan.dcm"))


def test_dicom_that_no_decoder_reads_says_what_to_install() -> None:
    with pytest.raises(CorruptedSampleError, match="python-gdcm"):
        Dicom().decode(scan("SC_rgb_jpeg_gdcm.dcm"))


def test_nested_sequences_are_told() -> None:
    item = Dataset()
    item.PatientID = "7"
    data = dicom(np.zeros((2, 2), np.uint8), ReferencedPatientSequence=[item])
    assert Dicom().probe(data).meta["ReferencedPatientSequence"] == [{"PatientID": "7"}]


def test_implicit_syntax_is_of_the_same_values() -> None:
    dataset = dcmread(io.BytesIO(scan("MR_small.dcm")))
    dataset.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian
    file = io.BytesIO()
    dcmwrite(file, dataset, implicit_vr=True, little_endian=True)
    assert np.array_equal(Dicom().decode(file.getvalue()), Dicom().decode(scan("MR_small.dcm")))


# --------------------------------------------------------------------------- nifti
AFFINE = np.array([[2, 0, 0, -9], [0, 2, 0, -8], [0, 0, 3, -7], [0, 0, 0, 1]], float)


def volume(values: np.ndarray, *, slope: float | None = None, second: bool = False) -> bytes:
    """The bytes of a NIfTI file."""
    kind = nibabel.Nifti2Image if second else nibabel.Nifti1Image
    image = kind(values, AFFINE, dtype=values.dtype if values.dtype.names is None else None)
    if slope is not None:
        image.header.set_slope_inter(slope, 10)
    data: bytes = image.to_bytes()
    return data


def volumes() -> dict[str, bytes]:
    rng = np.random.default_rng(0)
    whole = rng.integers(0, 200, (4, 5, 6))
    colour = np.zeros((3, 4, 5), [("R", "u1"), ("G", "u1"), ("B", "u1")])
    colour["G"] = 7
    return {
        **{kind: volume(whole.astype(kind)) for kind in ("u1", "i2", "i4", "f4", "f8", "u2")},
        "int64, second version": volume(whole.astype("i8"), second=True),
        "big endian": volume(whole.astype(">i2")),
        "scaled": volume(whole.astype("i2"), slope=0.5),
        "complex": volume((whole + 1j * whole).astype("c8")),
        "four axes": volume(rng.random((3, 4, 5, 2)).astype("f4")),
        "two axes": volume(whole[0].astype("u1")),
        "colour": volume(colour),
    }


def claim(data: bytes, *lengths: int) -> bytes:
    """The file with other lengths of the axes."""
    result = bytearray(data)
    struct.pack_into(f"<{len(lengths)}h", result, 42, *lengths)
    return bytes(result)


class TestNifti(SampleCodecContract):
    codec = Nifti
    heavy: ClassVar[tuple[str, ...]] = ("nibabel", "numpy")

    def files(self) -> Mapping[str, bytes]:
        return volumes()

    def long_file(self) -> bytes:
        return volume(np.random.default_rng(0).random((32, 32, 100)).astype("f4"))

    def bombs(self) -> Mapping[str, bytes]:
        return {"lengths": claim(volumes()["f4"], 30_000, 30_000, 30_000)}


class TestNiftiGz(SampleCodecContract):
    codec = NiftiGz
    heavy: ClassVar[tuple[str, ...]] = ("nibabel", "numpy")

    def files(self) -> Mapping[str, bytes]:
        return {name: gzip.compress(data, mtime=0) for name, data in volumes().items()}

    def bombs(self) -> Mapping[str, bytes]:
        small = volumes()["u1"]
        return {
            "lengths": gzip.compress(claim(volumes()["f4"], 30_000, 30_000, 30_000)),
            "more than is there": gzip.compress(claim(small, 100, 10, 10)),
        }


@pytest.mark.parametrize("name", volumes())
@pytest.mark.parametrize("codec", [Nifti, NiftiGz])
def test_nifti_is_what_nibabel_reads(codec: type[Nifti], name: str) -> None:
    data = volumes()[name]
    kind = nibabel.Nifti2Image if "second" in name else nibabel.Nifti1Image
    expected = np.asanyarray(kind.from_bytes(data).dataobj)
    array = codec().decode(gzip.compress(data) if codec is NiftiGz else data)
    if expected.dtype.names:
        assert array.shape == (*expected.shape, 3)
        assert np.array_equal(array[..., 1], expected["G"])
    else:
        assert array.dtype == expected.dtype.newbyteorder("=")
        assert np.array_equal(array, expected)


def test_nifti_meta() -> None:
    meta = Nifti().probe(volumes()["i2"]).meta
    assert meta["affine"] == AFFINE.tolist()
    assert meta["zooms"] == [2, 2, 3]
    assert meta["header"]["dim"][:4] == [3, 4, 5, 6]
