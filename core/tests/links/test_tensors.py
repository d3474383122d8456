"""Tensors of links: what they take, what they keep, what reading them gives (api.md, sections 3, 6)."""

from __future__ import annotations

import hashlib
import io
import json
import os
import pickle
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import deeplake
from deeplake import Dataset, plugins
from deeplake.dataset.linked import LinkedSample
from deeplake.errors import (
    BadLinkError,
    CorruptedSampleError,
    DynamicTensorNumpyError,
    GetDataFromLinkError,
    InvalidPathException,
    LinkChangedError,
    LinkRefusedError,
    MissingCredsError,
    SampleAppendError,
    SampleExtendError,
    SampleReadError,
    SampleUpdateError,
    TensorDtypeMismatchError,
    TensorInvalidSampleShapeError,
    TensorMetaInvalidHtype,
    UnableToReadFromUrlError,
)
from deeplake.spi import Store, hookimpl
from deeplake.testing.stores import StoreWrapper

Make = Callable[..., str]


def picture(seed: int, shape: tuple[int, ...] = (20, 30, 3)) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


@pytest.fixture
def file(tmp_path: Path) -> Make:
    def make(name: str, array: np.ndarray | None = None, data: bytes | None = None) -> str:
        path = tmp_path / name
        if data is not None:
            path.write_bytes(data)
        else:
            seed = sum(name.encode())
            Image.fromarray(picture(seed) if array is None else array).save(path)
        return str(path)

    return make


@pytest.fixture(params=["mem", "file"])
def ds(request: pytest.FixtureRequest, tmp_path: Path) -> Dataset:
    url = "mem://links" if request.param == "mem" else str(tmp_path / "ds")
    return deeplake.empty(url, verbose=False)


def pixels(path: str) -> np.ndarray:
    return np.asarray(Image.open(path))


def encoded(array: np.ndarray, tmp: Path, format: str = "png") -> bytes:
    path = tmp / f"encoded.{format}"
    Image.fromarray(array).save(path)
    return path.read_bytes()


# --------------------------------------------------------------------------- htypes
@pytest.mark.parametrize("htype", ["link", "link[generic]", "sequence[link]", "link[sequence]"])
def test_what_is_linked_has_to_be_said(ds: Dataset, htype: str) -> None:
    with pytest.raises(ValueError, match="does not say what is linked") as caught:
        ds.create_tensor("x", htype=htype)
    assert isinstance(caught.value, TensorMetaInvalidHtype)


@pytest.mark.parametrize(
    "htype",
    ["image", "image.rgb", "image.gray", "video", "audio", "dicom", "nifti", "point_cloud", "mesh",
     "segment_mask", "text", "json", "bbox", "class_label"],
)  # fmt: skip
def test_any_htype_can_be_linked(ds: Dataset, htype: str) -> None:
    tensor = ds.create_tensor("x", htype=f"link[{htype}]")
    assert tensor.htype == f"link[{htype}]"
    assert tensor.base_htype == htype
    assert tensor.is_link
    assert not tensor.is_sequence
    assert tensor.verify
    assert tensor.meta.is_link
    assert ds.create_tensor("x", htype=f"link[{htype}]", exist_ok=True).key == "x"
    with pytest.raises(ValueError, match="is_link|compression"):
        ds.create_tensor("x", htype=htype, exist_ok=True, sample_compression=None)


# --------------------------------------------------------------------------- appending
def test_links_read_as_what_they_lead_to(ds: Dataset, file: Make) -> None:
    paths = [file("a.png"), file("b.jpg"), file("c.png")]
    tensor = ds.create_tensor("x", htype="link[image]")
    tensor.append(deeplake.link(paths[0]))
    tensor.extend([deeplake.link(paths[1]), deeplake.link(Path(paths[2]))])
    assert len(tensor) == 3
    assert tensor.shape == (3, 20, 30, 3)
    assert tensor.dtype == np.uint8
    assert (tensor.numpy() == np.stack([pixels(path) for path in paths])).all()
    assert (tensor[1].numpy() == pixels(paths[1])).all()
    assert (tensor[[2, 0]].numpy() == np.stack([pixels(paths[2]), pixels(paths[0])])).all()
    assert (tensor[0, 2:5, 3].numpy() == pixels(paths[0])[2:5, 3]).all()
    assert [a.shape for a in tensor.numpy(aslist=True)] == [(20, 30, 3)] * 3
    assert np.asarray(tensor[2]).shape == (20, 30, 3)
    assert tensor[0].tobytes() == Path(paths[0]).read_bytes()
    described = tensor[1].data()
    assert (described["value"] == pixels(paths[1])).all()
    assert described["sample_info"]["format"] == "jpeg"
    assert described["sample_info"]["filename"] == paths[1]
    assert [info["format"] for info in tensor.sample_info] == ["png", "jpeg", "png"]


def test_where_links_lead(ds: Dataset, file: Make) -> None:
    paths = [file("a.png"), file("b.png")]
    tensor = ds.create_tensor("x", htype="link[image]")
    tensor.extend([deeplake.link(path) for path in paths] + [None])
    assert tensor[0].path() == paths[0]
    assert isinstance(tensor[0].path(), np.ndarray)
    assert tensor[0].path().shape == (1,)
    assert [array[0] for array in tensor.path()] == [*paths, ""]
    assert tensor.path(aslist=False).tolist() == [[paths[0]], [paths[1]], [""]]
    assert tensor[0].creds_key() is None
    assert tensor[1]._linked_sample() == deeplake.link(paths[1])
    for selected in (tensor, tensor[2]):
        with pytest.raises(ValueError, match="link"):
            selected._linked_sample()
    plain = ds.create_tensor("plain")
    for use in (plain.path, plain.creds_key, plain.check_links, plain.materialize):
        with pytest.raises(GetDataFromLinkError, match="'plain'"):
            use()


def test_a_relative_path_stays_where_it_is(
    ds: Dataset, file: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = file("a.png")
    monkeypatch.chdir(Path(path).parent)
    tensor = ds.create_tensor("x", htype="link[image]")
    tensor.append(deeplake.link("a.png"))
    monkeypatch.chdir("/")
    assert tensor[0].path() == path
    assert (tensor[0].numpy() == pixels(path)).all()
    tensor.append(deeplake.link(f"file://{path}"))
    assert (tensor[1].numpy() == pixels(path)).all()


def test_shapes_are_known_without_the_files(ds: Dataset, file: Make) -> None:
    paths = [file("a.png", picture(1)), file("b.png", picture(2, (5, 6, 3)))]
    tensor = ds.create_tensor("x", htype="link[image]")
    tensor.extend([deeplake.link(path) for path in paths])
    for path in paths:
        os.remove(path)
    assert tensor.shape == (2, None, None, 3)
    assert tensor.shape_interval.lower == (2, 5, 6, 3)
    assert tensor.shapes().tolist() == [[20, 30, 3], [5, 6, 3]]
    assert tensor[1].shape == (5, 6, 3)
    with pytest.raises(DynamicTensorNumpyError):
        tensor.numpy()


def test_none(ds: Dataset, file: Make) -> None:
    tensor = ds.create_tensor("x", htype="link[image]")
    tensor.append(None)
    tensor.append(deeplake.link(file("a.png")))
    tensor.append(None)
    assert tensor[0].numpy().shape == (0, 0, 0)
    assert tensor[2].tobytes() == b""
    assert tensor[1].shape == (20, 30, 3)
    assert tensor.shape == (3, None, None, None)
    assert tensor[2].sample_info == {"modified": False}


@pytest.mark.parametrize("sample", [3, "a.png", np.zeros((2, 2, 3), np.uint8), b"x", [], ["a"]])
def test_only_links_are_taken(ds: Dataset, sample: Any) -> None:
    tensor = ds.create_tensor("x", htype="link[image]")
    with pytest.raises(SampleAppendError, match="'x', row 0.*deeplake.link") as caught:
        tensor.append(sample)
    assert isinstance(caught.value.__cause__, TypeError)
    assert len(tensor) == 0


def test_files_are_not_taken_for_links(ds: Dataset, file: Make) -> None:
    tensor = ds.create_tensor("x", htype="link[image]")
    with pytest.raises(SampleAppendError) as caught:
        tensor.append(deeplake.read(file("a.png")))
    assert isinstance(caught.value.__cause__, TypeError)
    other = ds.create_tensor("y", htype="image", sample_compression="png")
    with pytest.raises(SampleAppendError, match="deeplake.read") as caught:
        other.append(deeplake.link(file("a.png")))
    assert isinstance(caught.value.__cause__, TypeError)


@pytest.mark.parametrize("path", ["", "  ", 3, None, "http://me:secret@host/a.png"])
def test_what_is_no_link(path: Any) -> None:
    with pytest.raises(InvalidPathException) as caught:
        deeplake.link(path)
    assert "secret" not in str(caught.value)
    with pytest.raises(TypeError, match="creds_key"):
        deeplake.link("a.png", creds_key=3)  # type: ignore[arg-type]


def test_links_that_lead_nowhere(ds: Dataset, file: Make, tmp_path: Path) -> None:
    tensor = ds.create_tensor("x", htype="link[image]")
    tensor.append(deeplake.link(file("a.png")))
    bad = [
        (str(tmp_path / "none.png"), "no such file", GetDataFromLinkError),
        (
            file("text.png", data=b"no picture at all"),
            "does not begin like a file of png",
            Exception,
        ),
        (file("cut.png", data=encoded(picture(1), tmp_path)[:20]), "", Exception),
        (str(tmp_path), "directory", GetDataFromLinkError),
        ("\ud800.png", "", Exception),
    ]
    for path, text, cause in bad:
        with pytest.raises(SampleAppendError, match=f"'x', row 1.*{text}") as caught:
            tensor.append(deeplake.link(path))
        bad_link = caught.value.__cause__
        assert isinstance(bad_link, BadLinkError)
        assert isinstance(bad_link.__cause__, cause)
    assert len(tensor) == 1


def test_a_bad_link_among_good_ones(ds: Dataset, file: Make) -> None:
    tensor = ds.create_tensor("x", htype="link[image]")
    good = [deeplake.link(file(f"{i}.png")) for i in range(6)]
    with pytest.raises(SampleAppendError, match="row 3") as caught:
        tensor.extend([*good[:3], deeplake.link("/no/file.png"), *good[3:]])
    assert isinstance(caught.value.__cause__, BadLinkError)
    assert len(tensor) == 0
    tensor.extend([*good[:3], deeplake.link("/no/file.png"), 3, *good[3:]], ignore_errors=True)
    assert len(tensor) == 6
    ds.create_tensor("y")
    tensor.clear()
    with pytest.raises(SampleExtendError, match="row 1"):
        ds.extend({"x": [good[0], deeplake.link("/no/file.png")], "y": [1, 2]})
    assert (len(tensor), len(ds.y)) == (1, 1)
    with pytest.raises(SampleAppendError):
        ds.append({"y": 1, "x": deeplake.link("/no/file.png")})
    assert (len(tensor), len(ds.y)) == (1, 1)


def test_what_does_not_fit_the_tensor(ds: Dataset, file: Make, tmp_path: Path) -> None:
    tensor = ds.create_tensor("x", htype="link[image]")
    tensor.append(deeplake.link(file("a.png")))
    # Grey pictures get the axis that they lack.
    grey = file("grey.png", picture(4, (7, 8)))
    tensor.append(deeplake.link(grey))
    assert tensor[1].shape == (7, 8, 1)
    assert (tensor[1].numpy()[..., 0] == pixels(grey)).all()
    deep = np.full((4, 4), 60000, np.uint16)
    Image.fromarray(deep).save(tmp_path / "deep.png")
    with pytest.raises(SampleAppendError) as caught:
        tensor.append(deeplake.link(tmp_path / "deep.png"))
    assert isinstance(caught.value.__cause__, TensorDtypeMismatchError)
    first = ds.create_tensor("y", htype="link[image]")
    first.append(deeplake.link(grey))
    assert first[0].shape == (7, 8)
    with pytest.raises(SampleAppendError) as caught:
        first.append(deeplake.link(file("a.png")))
    assert isinstance(caught.value.__cause__, TensorInvalidSampleShapeError)


def test_pictures_are_converted_as_the_htype_says(ds: Dataset, file: Make) -> None:
    paths = [file("a.png"), file("grey.png", picture(4, (7, 8)))]
    rgb = ds.create_tensor("rgb", htype="link[image.rgb]")
    rgb.extend([deeplake.link(path) for path in paths])
    assert rgb.shapes().tolist() == [[20, 30, 3], [7, 8, 3]]
    assert (rgb[1].numpy() == pixels(paths[1])[..., None]).all()
    grey = ds.create_tensor("grey", htype="link[image.gray]")
    grey.extend([deeplake.link(path) for path in paths])
    assert (grey[0].numpy() == np.asarray(Image.open(paths[0]).convert("L"))).all()


def test_texts_values_and_arrays_can_be_linked(ds: Dataset, file: Make, tmp_path: Path) -> None:
    text = ds.create_tensor("text", htype="link[text]")
    text.append(deeplake.link(file("a.txt", data="Grüße\n".encode())))
    assert text.numpy()[0, 0] == "Grüße\n"
    assert text[0].text() == "Grüße\n"
    assert text.shape == (1, 1)
    value = ds.create_tensor("value", htype="link[json]")
    value.append(deeplake.link(file("a.json", data=b'{"a": [1, 2]}')))
    assert value[0].dict() == {"a": [1, 2]}
    with pytest.raises(SampleAppendError, match="JSON"):
        value.append(deeplake.link(file("b.json", data=b"{")))
    boxes = ds.create_tensor("boxes", htype="link[bbox]")
    boxes.append(deeplake.link(file("boxes.json", data=b"[[1, 2, 3, 4], [5, 6, 7, 8]]")))
    assert boxes[0].shape == (2, 4)
    np.save(tmp_path / "boxes.npy", np.arange(4.0).reshape(1, 4))
    other = ds.create_tensor("other", htype="link[bbox]")
    other.append(deeplake.link(tmp_path / "boxes.npy"))
    other.append(deeplake.link(file("more.json", data=b"[[1, 2, 3, 4.5]]")))
    assert [box.tolist() for box in other.numpy()] == [[[0, 1, 2, 3]], [[1, 2, 3, 4.5]]]
    assert other.dtype == boxes.dtype == np.float32
    with pytest.raises(SampleAppendError, match="4"):
        other.append(deeplake.link(file("bad.json", data=b"[[1, 2, 3]]")))


def test_arrays_that_lie_about_their_size(ds: Dataset, file: Make) -> None:

    tensor = ds.create_tensor("x", htype="link[bbox]")
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        header, {"descr": "<f8", "fortran_order": False, "shape": (1 << 40, 4)}
    )
    pickled = io.BytesIO()
    np.save(pickled, np.array([{}], object), allow_pickle=True)
    for data in (
        header.getvalue() + bytes(32),
        pickled.getvalue(),
        b"\x93NUMPY\x09\x00",
        b"[" * 99999,
    ):
        with pytest.raises(SampleAppendError) as caught:
            tensor.append(deeplake.link(file("bad.npy", data=data)))
        assert isinstance(caught.value.__cause__, BadLinkError)


# --------------------------------------------------------------------------- what is pinned
def stored(tensor: Any, row: int = 0) -> Any:
    return tensor._reader.links([row])[0]


def test_content_is_pinned(ds: Dataset, file: Make) -> None:
    path = file("a.png")
    tensor = ds.create_tensor("x", htype="link[image]")
    tensor.append(deeplake.link(path))
    pin = stored(tensor).pin
    data = Path(path).read_bytes()
    assert pin.size == pin.hashed == len(data)
    assert pin.sha256 == hashlib.sha256(data).hexdigest()
    assert pin.format == "png"
    assert pin.modified == os.stat(path).st_mtime


def test_a_changed_file_is_not_passed_off(
    ds: Dataset, file: Make, settings: Any, recwarn: pytest.WarningsRecorder
) -> None:
    path = file("a.png")
    tensor = ds.create_tensor("x", htype="link[image]")
    tensor.extend([deeplake.link(path), deeplake.link(file("b.png"))])
    new = picture(99)
    file("a.png", new)
    for use in (tensor[0].numpy, tensor.numpy, tensor[0].tobytes, tensor[0].data):
        with pytest.raises(LinkChangedError, match="'x', row 0.*not the one that was linked"):
            use()
    assert (tensor[1].numpy() == picture(sum(b"b.png"))).all()
    settings["changed"] = "ignore"
    assert (tensor[0].numpy() == new).all()
    settings["changed"] = "warn"
    with pytest.warns(UserWarning, match="not the one that was linked"):
        assert (tensor.numpy()[0] == new).all()
    # Of another shape, it makes no array with the others.
    file("a.png", picture(3, (5, 5, 3)))
    settings["changed"] = "ignore"
    assert tensor[0].numpy().shape == (5, 5, 3)
    with pytest.raises(LinkChangedError, match=r"has shape \(5, 5, 3\)"):
        tensor.numpy()
    tensor[0] = deeplake.link(path)
    settings["changed"] = "error"
    assert tensor[0].shape == tensor[0].numpy().shape == (5, 5, 3)


def test_a_copy_of_the_file_is_as_good(ds: Dataset, file: Make, tmp_path: Path) -> None:
    path = file("a.png")
    tensor = ds.create_tensor("x", htype="link[image]")
    tensor.append(deeplake.link(path))
    before = tensor.numpy()
    shutil.copyfile(path, tmp_path / "copy")
    os.remove(path)
    os.rename(tmp_path / "copy", path)
    os.utime(path, (1, 1))
    assert (tensor.numpy() == before).all()


def test_links_that_are_not_verified(ds: Dataset, file: Make, tmp_path: Path) -> None:
    tensor = ds.create_tensor("x", htype="link[image]", verify=False)
    assert not tensor.verify
    path = file("a.png")
    tensor.append(deeplake.link(path))
    tensor.append(deeplake.link(tmp_path / "later.png"))
    tensor.append(None)
    assert stored(tensor).pin is None
    assert tensor[0].shape == (20, 30, 3)
    with pytest.raises(GetDataFromLinkError, match="'x', row 1.*no such file"):
        tensor[1].numpy()
    later = picture(5, (4, 6, 3))
    Image.fromarray(later).save(tmp_path / "later.png")
    assert (tensor[1].numpy() == later).all()
    assert tensor.shapes().tolist()[:2] == [[20, 30, 3], [4, 6, 3]]
    assert [a.shape for a in tensor[:2].numpy(aslist=True)] == [(20, 30, 3), (4, 6, 3)]
    file("a.png", picture(6, (4, 6, 3)))
    assert tensor[:2].numpy().shape == (2, 4, 6, 3)
    assert "link[image]" in (tensor._repr_html_() + repr(tensor.htype))


def test_summaries_follow_no_links(
    ds: Dataset, file: Make, capsys: pytest.CaptureFixture[str]
) -> None:
    tensor = ds.create_tensor("x", htype="link[image]", verify=False)
    tensor.append(deeplake.link("/no/such/file.png"))
    ds.summary()
    tensor.summary()
    assert "link[image]" in capsys.readouterr().out
    assert "link[image]" in ds._repr_html_()


def test_broken_links_say_where_they_are(ds: Dataset, file: Make) -> None:
    paths = [file("a.png"), file("b.png")]
    tensor = ds.create_tensor("x", htype="link[image]")
    tensor.extend([deeplake.link(path) for path in paths])
    os.remove(paths[1])
    for use in (tensor.numpy, tensor[1].numpy, tensor[1].tobytes, tensor[1].data):
        with pytest.raises(SampleReadError, match="'x', row 1.*b.png: there is no such") as caught:
            use()
        assert isinstance(caught.value, GetDataFromLinkError)
    Path(paths[1]).write_bytes(b"x")
    unverified = ds.create_tensor("y", htype="link[image]", verify=False)
    unverified.append(deeplake.link(paths[1]))
    with pytest.raises(Exception, match="'y', row 0"):
        unverified.numpy()


def test_a_stored_link_that_is_damaged(ds: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    from deeplake.format.links import Link, link_of

    tensor = ds.create_tensor("x", htype="link[image]", verify=False)
    for data in (b"[]", b"{", b'{"path": 3}', b'{"path": "a", "size": 3}', b'{"path":"a","creds":1}',
                 b'{"path": "a", "size": 3, "sha256": "x"}', b"\xff"):  # fmt: skip
        with pytest.raises(CorruptedSampleError):
            link_of(data)
        monkeypatch.setattr(Link, "to_bytes", lambda self, data=data: data)
        tensor.append(deeplake.link("a"))
        with pytest.raises(CorruptedSampleError, match="'x', row"):
            tensor[-1].numpy()
    assert link_of(b'{"path": "a", "later": 1}') == Link("a")


# --------------------------------------------------------------------------- changes
def test_updates_pops_and_versions(ds: Dataset, file: Make) -> None:
    paths = [file(f"{i}.png") for i in range(4)]
    tensor = ds.create_tensor("x", htype="link[image]")
    tensor.extend([deeplake.link(path) for path in paths[:3]])
    first = ds.commit()
    tensor[1] = deeplake.link(paths[3])
    tensor.pop(0)
    ds[0].update({"x": deeplake.link(paths[0])})
    assert [p[0] for p in tensor.path()] == [paths[0], paths[2]]
    tensor[1] = None
    assert tensor[1].tobytes() == b""
    with pytest.raises(SampleUpdateError, match="'x', row 0"):
        tensor[0] = np.zeros((2, 2, 3), np.uint8)
    with pytest.raises(SampleUpdateError, match="materialize"):
        tensor[0, 0:2] = 0
    with pytest.raises(SampleUpdateError):
        tensor[0] += 1
    with pytest.raises(SampleUpdateError, match="no such file"):
        tensor[0] = deeplake.link("/no/file.png")
    ds.commit()
    ds.checkout(first)
    assert [p[0] for p in ds.x.path()] == paths[:3]
    assert (ds.x.numpy() == np.stack([pixels(p) for p in paths[:3]])).all()


def test_branches_with_links_are_merged(ds: Dataset, file: Make) -> None:
    paths = [file(f"{i}.png") for i in range(3)]
    ds.add_creds_key("both")
    tensor = ds.create_tensor("x", htype="link[image]")
    tensor.append(deeplake.link(paths[0]))
    ds.commit()
    ds.checkout("other", create=True)
    ds.add_creds_key("theirs")
    ds.populate_creds("theirs", from_environment=True)
    ds.x.append(deeplake.link(paths[1], creds_key="theirs"))
    ds.commit()
    ds.checkout("main")
    ds.add_creds_key("ours")
    ds.x.append(deeplake.link(paths[2]))
    ds.commit()
    ds.merge("other")
    assert ds.get_creds_keys() == {"both", "ours", "theirs"}
    assert [p[0] for p in ds.x.path()] == [paths[0], paths[2], paths[1]]
    assert ds.x[2].creds_key() == "theirs"
    assert (ds.x[2].numpy() == pixels(paths[1])).all()


def test_links_go_from_tensor_to_tensor(ds: Dataset, file: Make) -> None:
    paths = [file("a.png"), file("b.png")]
    tensor = ds.create_tensor("x", htype="link[image]")
    tensor.extend([deeplake.link(path) for path in paths] + [None])
    copy = ds.create_tensor_like("y", tensor)
    copy.extend(tensor)
    copy.append(tensor[1])
    assert [p[0] for p in copy.path()] == [*paths, "", paths[1]]
    assert stored(copy, 1) == stored(tensor, 1)
    # Into a tensor without links goes what they lead to, byte for byte.
    data = ds.create_tensor("z", htype="image", sample_compression="png")
    data.extend(tensor)
    assert data[0].tobytes() == Path(paths[0]).read_bytes()
    assert data[2].numpy().shape == (0, 0, 0)
    unlinked = ds.create_tensor_like("u", tensor, unlink=True)
    assert unlinked.htype == "image"
    unlinked.extend(tensor[:2])
    assert (unlinked.numpy() == np.stack([pixels(path) for path in paths])).all()


# --------------------------------------------------------------------------- copies
def test_copies_keep_links(ds: Dataset, file: Make, tmp_path: Path) -> None:
    path = file("a.png")
    ds.add_creds_key("key")
    ds.populate_creds("key", from_environment=True)
    tensor = ds.create_tensor("g/x", htype="link[image]")
    tensor.extend([deeplake.link(path, creds_key="key"), deeplake.link(path), None])
    for copy in (
        ds.copy(tmp_path / "a", progressbar=False),
        deeplake.copy(ds, tmp_path / "b", progressbar=False),
        deeplake.like(tmp_path / "l", ds, verbose=False),
    ):
        assert copy["g/x"].htype == "link[image]"
        assert copy.get_creds_keys() == {"key"}
        if len(copy):
            assert copy["g/x"][0].creds_key() == "key"
            assert (copy["g/x"][0].numpy() == pixels(path)).all()
            assert stored(copy["g/x"]) == stored(tensor)
    again = deeplake.load(tmp_path / "a", verbose=False)
    with pytest.raises(MissingCredsError, match="'g/x', row 0.*populate_creds"):
        again["g/x"][0].numpy()
    assert (again["g/x"][1].numpy() == pixels(path)).all()


def test_copies_with_what_links_lead_to(ds: Dataset, file: Make, tmp_path: Path) -> None:
    paths = [file("a.png"), file("b.png"), file("c.png")]
    tensor = ds.create_tensor("x", htype="link[image]")
    ds.create_tensor("y")
    ds.extend({"x": [*map(deeplake.link, paths), None], "y": [1, 2, 3, 4]})
    copy = ds[[2, 0, 3]].copy(tmp_path / "a", unlink=True, progressbar=False)
    for path in paths:
        assert Path(path).exists()
    data = [Path(path).read_bytes() for path in paths]
    wanted = [pixels(path) for path in paths]
    for path in paths:
        os.remove(path)
    copy = deeplake.load(tmp_path / "a", verbose=False)
    assert copy.x.htype == "image"
    assert copy.x.meta.sample_compression == "png"
    assert [copy.x[i].tobytes() for i in range(3)] == [data[2], data[0], b""]
    assert (copy.x[:2].numpy() == np.stack([wanted[2], wanted[0]])).all()
    assert copy.y.numpy().ravel().tolist() == [3, 1, 4]
    with pytest.raises(SampleReadError, match="'x', row 0"):
        ds.copy(tmp_path / "b", unlink=True, progressbar=False)
    assert tensor.is_link


def test_saved_views_store_what_links_lead_to(tmp_path: Path, file: Make) -> None:
    ds = deeplake.empty(tmp_path / "ds", verbose=False)
    paths = [file("a.png"), file("b.png"), file("c.png")]
    ds.create_tensor("x", htype="link[image]").extend([*map(deeplake.link, paths)])
    ds.commit()
    ds[[2, 0]].save_view(id="kept", verbose=False)
    ds[[2, 0]].save_view(id="links", verbose=False)
    wanted = [pixels(path) for path in paths]
    ds.get_view("kept").optimize()
    ds.get_view("links").optimize(unlink=False)
    linked = ds.load_view("links")
    assert linked.x.htype == "link[image]"
    assert (linked.x.numpy() == np.stack([wanted[2], wanted[0]])).all()
    for path in paths:
        os.remove(path)
    view = deeplake.load(tmp_path / "ds", verbose=False).load_view("kept")
    assert view.x.htype == "image"
    assert (view.x.numpy() == np.stack([wanted[2], wanted[0]])).all()
    with pytest.raises(GetDataFromLinkError):
        linked.x.numpy()


def test_downloads_store_what_links_lead_to(
    tmp_path: Path, file: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DEEPLAKE_DOWNLOAD_PATH", str(tmp_path / "copies"))
    ds = deeplake.empty(tmp_path / "ds", verbose=False)
    path = file("a.png")
    ds.create_tensor("x", htype="link[image]").append(deeplake.link(path))
    wanted = pixels(path)
    copy = deeplake.load(tmp_path / "ds", access_method="download", unlink=True, verbose=False)
    os.remove(path)
    assert (copy.x[0].numpy() == wanted).all()
    again = deeplake.load(tmp_path / "ds", access_method="local", unlink=True, verbose=False)
    assert again.x.htype == "image"
    assert ds.x.htype == "link[image]"


# --------------------------------------------------------------------------- checks, materialize
def test_checks_find_what_is_wrong(ds: Dataset, file: Make, settings: Any) -> None:
    paths = [file(f"{i}.png") for i in range(5)]
    ds.add_creds_key("key")
    ds.populate_creds("key", {})
    tensor = ds.create_tensor("x", htype="link[image]")
    tensor.extend([*map(deeplake.link, paths), None, deeplake.link(paths[0], creds_key="key")])
    assert tensor.check_links() == []
    os.remove(paths[1])
    file("2.png", picture(77))
    ds._checkout.lender.values.clear()
    settings["changed"] = "ignore"
    found = tensor.check_links(progressbar=True)
    assert [(bad.row, bad.problem) for bad in found] == [
        (1, "unreadable"), (2, "changed"), (6, "credentials"),
    ]  # fmt: skip
    assert found[0].path == paths[1]
    assert isinstance(found[1].error, LinkChangedError)
    assert [bad.row for bad in tensor[2:5].check_links()] == [2]
    settings["local_files"] = False
    assert {bad.problem for bad in tensor[:5].check_links()} == {"refused"}
    settings["local_files"] = True
    loose = ds.create_tensor("y", htype="link[image]", verify=False)
    loose.extend([deeplake.link(paths[0]), deeplake.link(file("bad.png", data=b"\x89PNG\r\n"))])
    assert [(bad.row, bad.problem) for bad in loose.check_links()] == [(1, "corrupted")]


def test_links_become_data(ds: Dataset, file: Make) -> None:
    paths = [file(f"{i}.jpg") for i in range(70)]
    tensor = ds.create_tensor("x", htype="link[image]")
    ds.create_tensor("y")
    ds.extend({"x": [*map(deeplake.link, paths), None], "y": [*range(71)]})
    first = ds.commit()
    data = [Path(path).read_bytes() for path in paths]
    wanted = [pixels(path) for path in paths]
    tensor.materialize(progressbar=True)
    for path in paths:
        os.remove(path)
    assert tensor.htype == "image"
    assert tensor.meta.sample_compression == "jpeg"
    assert [tensor[i].tobytes() for i in (0, 33, 69, 70)] == [data[0], data[33], data[69], b""]
    assert (tensor[:70].numpy() == np.stack(wanted)).all()
    tensor.append(wanted[0])
    ds.commit()
    ds.checkout(first)
    assert ds.x.htype == "link[image]"


def test_pictures_of_several_formats_become_png(ds: Dataset, file: Make) -> None:
    paths = [file("a.jpg"), file("b.png")]
    tensor = ds.create_tensor("x", htype="link[image]")
    tensor.extend([*map(deeplake.link, paths)])
    wanted = [pixels(path) for path in paths]
    tensor.materialize()
    assert tensor.meta.sample_compression == "png"
    assert (tensor.numpy() == np.stack(wanted)).all()
    given = ds.create_tensor("y", htype="link[image]", sample_compression="jpeg")
    given.append(deeplake.link(paths[0]))
    given.materialize()
    assert given[0].tobytes() == Path(paths[0]).read_bytes()


def test_what_cannot_be_read_stays_a_link(ds: Dataset, file: Make) -> None:
    paths = [file(f"{i}.png") for i in range(3)]
    tensor = ds.create_tensor("x", htype="link[image]")
    tensor.extend([*map(deeplake.link, paths)])
    os.remove(paths[2])
    with pytest.raises(SampleUpdateError, match="'x'.*row 2.*no such file"):
        tensor.materialize()
    assert tensor.htype == "link[image]"
    assert (tensor[:2].numpy() == np.stack([pixels(path) for path in paths[:2]])).all()


# --------------------------------------------------------------------------- credentials
def test_object_stores_need_credentials(ds: Dataset) -> None:
    tensor = ds.create_tensor("x", htype="link[image]")
    for scheme in ("s3", "gs", "gcs", "gcp", "az", "azure", "gdrive"):
        with pytest.raises(SampleAppendError, match="creds_key") as caught:
            tensor.append(deeplake.link(f"{scheme}://bucket/a.png"))
        assert isinstance(caught.value.__cause__, ValueError)
        assert not isinstance(caught.value.__cause__, MissingCredsError)


def test_credentials_of_links(ds: Dataset, web: Any, tmp_path: Path) -> None:
    image = picture(1)
    url = web.put("/a.png", encoded(image, tmp_path), authorization="Bearer s3cret")
    tensor = ds.create_tensor("x", htype="link[image]")
    with pytest.raises(SampleAppendError, match="'nobody'") as caught:
        tensor.append(deeplake.link(url, creds_key="nobody"))
    assert isinstance(caught.value.__cause__, MissingCredsError)
    ds.add_creds_key("web")
    with pytest.raises(SampleAppendError, match="populate_creds") as caught:
        tensor.append(deeplake.link(url, creds_key="web"))
    assert type(caught.value.__cause__) is ValueError
    ds.populate_creds("web", {"Authorization": "Bearer wrong"})
    with pytest.raises(SampleAppendError, match="403") as caught:
        tensor.append(deeplake.link(url, creds_key="web"))
    assert isinstance(caught.value.__cause__, BadLinkError)
    assert isinstance(caught.value.__cause__.__cause__, UnableToReadFromUrlError)
    ds.populate_creds("web", {"Authorization": "Bearer s3cret"})
    tensor.append(deeplake.link(url, creds_key="web"))
    assert (tensor[0].numpy() == image).all()
    assert tensor[0].creds_key() == "web"
    ds.update_creds_key("web", "www")
    assert tensor[0].creds_key() == "www"
    assert (tensor[0].numpy() == image).all()
    ds.add_creds_key("web")
    assert tensor[0].creds_key() == "www"
    assert ds.get_creds_keys() == {"web", "www"}


def test_credentials_are_given_again_after_each_load(tmp_path: Path, web: Any) -> None:
    image = picture(1)
    url = web.put("/a.png", encoded(image, tmp_path), authorization="Bearer s3cret")
    ds = deeplake.empty(tmp_path / "ds", verbose=False)
    ds.add_creds_key("web")
    ds.populate_creds("web", {"Authorization": "Bearer s3cret"})
    ds.create_tensor("x", htype="link[image]").append(deeplake.link(url, creds_key="web"))
    again = deeplake.load(tmp_path / "ds", verbose=False)
    with pytest.raises(MissingCredsError, match=r"'x', row 0.*populate_creds\('web'") as caught:
        again.x.numpy()
    assert isinstance(caught.value, KeyError)
    again.populate_creds("web", {"Authorization": "Bearer s3cret"})
    assert (again.x[0].numpy() == image).all()
    everything = b"".join(p.read_bytes() for p in (tmp_path / "ds").rglob("*") if p.is_file())
    assert b"s3cret" not in everything
    assert b'"web"' in everything


def test_credentials_are_in_no_pickle(tmp_path: Path, web: Any) -> None:
    image = picture(1)
    url = web.put("/a.png", encoded(image, tmp_path), authorization="Bearer s3cret")
    ds = deeplake.empty(tmp_path / "ds", verbose=False)
    ds.add_creds_key("web")
    ds.populate_creds("web", {"Authorization": "Bearer s3cret"})
    ds.create_tensor("x", htype="link[image]").append(deeplake.link(url, creds_key="web"))
    assert "s3cret" not in repr(ds) + repr(ds._checkout.lender) + repr(ds.x[0]._linked_sample())
    data = pickle.dumps(ds)
    assert b"s3cret" not in data
    # In this process they are found again.
    assert (pickle.loads(data).x[0].numpy() == image).all()
    link = pickle.loads(pickle.dumps(ds.x[0]._linked_sample()))
    assert link == LinkedSample(url, "web")


def bright(row: Any) -> bool:
    return bool(row.x.numpy().max() > 0)


def test_workers_get_credentials(tmp_path: Path, web: Any) -> None:
    url = web.put("/a.png", encoded(picture(1), tmp_path), authorization="Bearer s3cret")
    ds = deeplake.empty(tmp_path / "ds", verbose=False)
    ds.add_creds_key("web")
    ds.populate_creds("web", {"Authorization": "Bearer s3cret"})
    ds.create_tensor("x", htype="link[image]").extend([deeplake.link(url, creds_key="web")] * 3)
    view = ds.filter(bright, num_workers=1, scheduler="processed", progressbar=False)
    assert len(view) == 3


# --------------------------------------------------------------------------- servers, safety
def test_links_to_web_servers(ds: Dataset, web: Any, tmp_path: Path) -> None:
    images = [picture(i) for i in range(5)]
    urls = [web.put(f"/{i}.png", encoded(im, tmp_path)) for i, im in enumerate(images)]
    tensor = ds.create_tensor("x", htype="link[image]")
    tensor.extend([*map(deeplake.link, urls)])
    assert (tensor.numpy() == np.stack(images)).all()
    assert stored(tensor).pin.version == f'"{hashlib.md5(web.pages["/0.png"].body).hexdigest()}"'
    web.pages["/3.png"].status = 404
    with pytest.raises(UnableToReadFromUrlError, match="'x', row 3.*404") as caught:
        tensor.numpy()
    assert isinstance(caught.value, SampleReadError)
    assert caught.value.status == 404  # type: ignore[attr-defined]
    web.put("/3.png", encoded(picture(9), tmp_path))
    with pytest.raises(LinkChangedError, match="'x', row 3"):
        tensor[3].numpy()


def test_what_a_dataset_of_somebody_else_cannot_do(
    ds: Dataset, web: Any, file: Make, settings: Any
) -> None:
    tensor = ds.create_tensor("x", htype="link[image]", verify=False)
    paths = [file("a.png"), "ftp://127.0.0.1/a.png", "zip://a.png::" + file("b.png"), "/dev/zero",
             "http://169.254.169.254/latest/meta-data", "gopher://a/b", web.url + "/redirects",
             "file://elsewhere/etc/passwd"]  # fmt: skip
    web.put("/redirects", status=302, location="http://169.254.169.254/latest")
    tensor.extend([*map(deeplake.link, paths)])
    assert tensor[0].numpy().shape == (20, 30, 3)
    for row in range(1, len(paths)):
        with pytest.raises(GetDataFromLinkError, match=f"'x', row {row}"):
            tensor[row].numpy()
    settings["local_files"] = False
    with pytest.raises(LinkRefusedError, match=r"local_files"):
        tensor[0].numpy()
    settings["schemes"] = ["https"]
    with pytest.raises(LinkRefusedError, match=r"schemes"):
        tensor[6].numpy()


def test_a_pipe_is_no_file(ds: Dataset, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    tensor = ds.create_tensor("x", htype="link[image]")
    with pytest.raises(SampleAppendError, match="no regular file"):
        tensor.append(deeplake.link(tmp_path / "pipe"))


class Far:
    """Makes every store one that is not on this machine."""

    @hookimpl
    def deeplake_wrap_store(self, store: Store, url: str) -> Store:
        return StoreWrapper(store, capabilities=replace(store.capabilities, mapping=False))


def test_datasets_elsewhere_lead_to_no_local_files(
    tmp_path: Path, file: Make, settings: Any
) -> None:
    ds = deeplake.empty(tmp_path / "ds", verbose=False)
    path = file("a.png")
    ds.create_tensor("x", htype="link[image]").append(deeplake.link(path))
    hooks = Far()
    plugins.register_hooks(hooks)
    try:
        far = deeplake.load(tmp_path / "ds", verbose=False)
    finally:
        plugins.unregister_hooks(hooks)
    with pytest.raises(LinkRefusedError, match="'x', row 0.*local_files"):
        far.x.numpy()
    with pytest.raises(SampleAppendError, match="local_files"):
        far.x.append(deeplake.link(path))
    settings["local_files"] = True
    assert (far.x[0].numpy() == pixels(path)).all()


# --------------------------------------------------------------------------- loading
def test_links_are_loaded(ds: Dataset, file: Make) -> None:
    paths = [file(f"{i}.png") for i in range(7)]
    tensor = ds.create_tensor("x", htype="link[image]")
    tensor.extend([*map(deeplake.link, paths)])
    ds.create_tensor("y").extend(np.arange(7))
    wanted = np.stack([pixels(path) for path in paths])
    batches = list(ds.dataloader().batch(3).numpy())
    assert (np.stack([row["x"] for batch in batches for row in batch]) == wanted).all()
    os.remove(paths[5])
    with pytest.raises(GetDataFromLinkError, match="'x', row 5"):
        list(ds.dataloader().batch(3).numpy())
    kept = list(ds.dataloader(ignore_errors=True).batch(3).numpy())
    assert [int(row["y"][0]) for batch in kept for row in batch] == [0, 1, 2, 3, 4, 6]


def test_links_as_bytes_and_pictures(ds: Dataset, file: Make) -> None:
    pytest.importorskip("torch")
    paths = [file("a.png"), file("b.jpg")]
    ds.create_tensor("x", htype="link[image]").extend([*map(deeplake.link, paths)])
    raw = ds.dataloader().pytorch(decode_method={"x": "tobytes"}, collate_fn=list)
    assert [row["x"] for batch in raw for row in batch] == [Path(p).read_bytes() for p in paths]
    shown = ds.dataloader().pytorch(decode_method={"x": "pil"}, collate_fn=list)
    found = [np.asarray(row["x"]) for batch in shown for row in batch]
    assert all((a == pixels(p)).all() for a, p in zip(found, paths, strict=True))


# --------------------------------------------------------------------------- how it is stored
def test_links_are_stored_as_the_specification_says(tmp_path: Path, file: Make) -> None:
    ds = deeplake.empty(tmp_path / "ds", verbose=False)
    path = file("a.png")
    tensor = ds.create_tensor("x", htype="link[image]", chunk_compression="zlib")
    tensor.extend([deeplake.link(path)] * 3 + [None])
    ds.commit()
    reader = ds.x._reader
    chunk, i = reader._locate(0)
    header = chunk.header
    assert header.links
    assert (header.kind, header.dtype, header.sample_codec, header.chunk_codec) == (
        1,
        "|u1",
        "",
        "zlib",
    )
    assert header.shapes().tolist() == [[20, 30, 3]] * 3 + [[0, 0, 0]]
    record = json.loads(bytes(chunk.sample_bytes(i, reader._stored(chunk, i))))
    assert record["path"] == path
    assert record["format"] == "png"
    assert set(record) == {"path", "size", "sha256", "format", "modified"}
