"""``ingest_classification`` (api.md, section 16): folders of images, one a class."""

from __future__ import annotations

import inspect
import uuid
from pathlib import Path
from typing import Any

import fsspec
import numpy as np
import pytest
from PIL import Image

import deeplake
from deeplake import plugins
from deeplake.errors import (
    AutoCompressionError,
    DatasetConnectError,
    DatasetHandlerError,
    IngestionError,
    InvalidFileExtension,
    InvalidPathException,
    InvalidSourcePathError,
    SamePathException,
    StorageError,
    TensorMetaInvalidHtypeOverwriteKey,
)
from deeplake.testing.servers import seaweedfs

QUIET: dict[str, Any] = {"progressbar": False, "summary": False}


def photo(path: Path, shade: int = 90, size: tuple[int, int] = (32, 24)) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, (shade, 90, 160)).save(path)
    return path


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Five photographs a class; names that are no ASCII."""
    for kind in ("dog", "cät"):
        for number in range(5):
            photo(tmp_path / "photos" / kind / f"{number} ü.jpg", 40 * number)
    return tmp_path / "photos"


def stored(ds: deeplake.Dataset, prefix: str = "") -> list[tuple[str, bytes]]:
    """Class name and bytes of each row."""
    labels, images = ds[f"{prefix}labels"], ds[f"{prefix}images"]
    names = labels.info.class_names
    return [(names[int(labels[i].numpy()[0])], images[i].tobytes()) for i in range(len(images))]


def files(folder: Path) -> list[tuple[str, bytes]]:
    found = sorted(folder.glob("*/*"), key=lambda f: (f.parent.name, f.name))
    return [(file.parent.name, file.read_bytes()) for file in found]


def test_the_signature() -> None:
    parameters = list(inspect.signature(deeplake.ingest_classification).parameters.items())
    assert [name for name, _ in parameters[:12]] == [
        "src", "dest", "image_params", "label_params", "dest_creds", "progressbar", "summary",
        "num_workers", "shuffle", "token", "connect_kwargs", "indra",
    ]  # fmt: skip
    defaults = {name: found.default for name, found in parameters[2:12]}
    assert defaults == {
        "image_params": None, "label_params": None, "dest_creds": None, "progressbar": True,
        "summary": True, "num_workers": 0, "shuffle": True, "token": None, "connect_kwargs": None,
        "indra": False,
    }  # fmt: skip
    assert parameters[-1][1].kind is inspect.Parameter.VAR_KEYWORD
    assert "ingest_classification" in deeplake.__all__
    assert deeplake.dataset.ingest_classification is deeplake.ingest_classification


def test_files_are_stored_byte_for_byte_in_the_order_of_their_paths(
    photos: Path, tmp_path: Path
) -> None:
    ds = deeplake.ingest_classification(photos, tmp_path / "ds", shuffle=False, **QUIET)
    assert list(ds.tensors) == ["images", "labels"]
    assert (ds.images.htype, ds.labels.htype) == ("image", "class_label")
    assert ds.images.meta.sample_compression == "jpeg"
    assert ds.labels.info.class_names == ["cät", "dog"]
    assert stored(ds) == files(photos)
    again = deeplake.load(tmp_path / "ds")
    assert stored(again) == files(photos)
    assert again.commit("photographs")  # nothing was committed yet
    assert (photos / "dog" / "0 ü.jpg").exists()


def test_more_files_than_a_batch(tmp_path: Path) -> None:
    content = photo(tmp_path / "one.png", size=(2, 2)).read_bytes()
    for kind in ("a", "b"):
        (tmp_path / "many" / kind).mkdir(parents=True)
        for number in range(300):
            (tmp_path / "many" / kind / f"{number:03}.png").write_bytes(content)
    (tmp_path / "many" / "a" / "270.png").write_bytes(b"broken")
    (tmp_path / "many" / "b" / "000.png").write_bytes(content[:40])
    ds = deeplake.ingest_classification(tmp_path / "many", "mem://many", shuffle=False, **QUIET)
    assert ds.labels.numpy().ravel().tolist() == [0] * 300 + [1] * 300
    empty = [i for i, shape in enumerate(ds.images.shapes().tolist()) if 0 in shape]
    assert empty == [270, 300]
    assert ds.images[599].tobytes() == content


def test_shuffling_is_what_the_seed_says(photos: Path) -> None:
    orders = []
    for _ in range(2):
        deeplake.random.seed(7)
        try:
            ds = deeplake.ingest_classification(photos, "mem://shuffled", **QUIET)
        finally:
            deeplake.random.seed()
        orders.append(stored(ds))
        del ds
    assert orders[0] == orders[1] != files(photos)
    assert sorted(orders[0]) == sorted(files(photos))


def test_sets_are_groups_with_the_same_class_names(tmp_path: Path) -> None:
    for part, kind in (("train", "dog"), ("train", "cat"), ("test", "cat"), ("test", "eel")):
        photo(tmp_path / "sets" / part / kind / "1.png")
    photo(tmp_path / "sets" / "train" / "dog" / "2.png")
    ds = deeplake.ingest_classification(tmp_path / "sets", "mem://sets", shuffle=False, **QUIET)
    assert list(ds.tensors) == ["test/images", "test/labels", "train/images", "train/labels"]
    assert set(ds.groups) == {"test", "train"}
    for part in ("test", "train"):
        assert ds[part].labels.info.class_names == ["cat", "dog", "eel"]
        assert stored(ds, f"{part}/") == files(tmp_path / "sets" / part)


def test_one_set_alone_needs_no_group(tmp_path: Path) -> None:
    photo(tmp_path / "sets" / "train" / "dog" / "1.png")
    ds = deeplake.ingest_classification(tmp_path / "sets", "mem://one", **QUIET)
    assert list(ds.tensors) == ["images", "labels"]
    assert ds.labels.info.class_names == ["dog"]


def test_parameters_of_the_tensors(photos: Path) -> None:
    ds = deeplake.ingest_classification(
        photos, "mem://params", shuffle=False, **QUIET,
        image_params={"name": "pictures", "htype": "image.rgb", "sample_compression": "png"},
        label_params={"name": "kinds", "chunk_compression": "lz4"},
    )  # fmt: skip
    assert list(ds.tensors) == ["pictures", "kinds"]
    assert ds.pictures.htype == "image.rgb"
    assert ds.pictures.meta.sample_compression == "png"
    assert ds.kinds.meta.chunk_compression == "lz4"
    assert ds.kinds.info.class_names == ["cät", "dog"]
    with Image.open(photos / "cät" / "3 ü.jpg") as image:
        assert np.array_equal(ds.pictures[3].numpy(), np.asarray(image))


def test_arrays_by_chunk_compression(photos: Path) -> None:
    params = {"chunk_compression": "lz4"}
    ds = deeplake.ingest_classification(photos, "mem://lz4", image_params=params, **QUIET)
    assert ds.images.meta.chunk_compression == "lz4"
    assert ds.images.meta.sample_compression is None
    assert ds.images.shape == (10, 24, 32, 3)


def test_images_that_stay_where_they_are(photos: Path) -> None:
    params = {"htype": "link[image]"}
    ds = deeplake.ingest_classification(
        photos, "mem://links", image_params=params, shuffle=False, **QUIET
    )
    assert ds.images.htype == "link[image]"
    assert ds.images[0].path().item() == str(photos / "cät" / "0 ü.jpg")
    assert ds.images[0].numpy().shape == (24, 32, 3)


def test_parameters_that_no_tensor_takes(photos: Path, tmp_path: Path) -> None:
    with pytest.raises(TensorMetaInvalidHtypeOverwriteKey, match="colour"):
        deeplake.ingest_classification(
            photos, tmp_path / "ds", image_params={"colour": "blue"}, **QUIET
        )
    assert not deeplake.exists(tmp_path / "ds")
    with pytest.raises(TypeError, match=r"image_params.* dict"):
        deeplake.ingest_classification(photos, tmp_path / "ds", image_params=["x"], **QUIET)  # type: ignore[arg-type]
    with pytest.raises(IngestionError, match="'x'"):
        deeplake.ingest_classification(
            photos, tmp_path / "ds", image_params={"name": "x"}, label_params={"name": "x"}, **QUIET
        )


def test_the_compression_is_that_of_most_files(photos: Path) -> None:
    photo(photos / "dog" / "x.png")
    (photos / "dog" / "0 ü.jpg").rename(photos / "dog" / "0.JPEG")
    ds = deeplake.ingest_classification(photos, "mem://mixed", shuffle=False, **QUIET)
    assert ds.images.meta.sample_compression == "jpeg"
    assert ds.images[5].tobytes() == (photos / "dog" / "0.JPEG").read_bytes()
    with Image.open(photos / "dog" / "x.png") as image:  # encoded again
        difference = np.asarray(image).astype(int) - ds.images[10].numpy()
    assert abs(difference).max() < 10


def test_unreadable_files_are_none_and_named_by_the_summary(
    photos: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    whole = (photos / "dog" / "4 ü.jpg").read_bytes()
    (photos / "dog" / "1 ü.jpg").write_bytes(b"no image")
    (photos / "dog" / "2 ü.jpg").write_bytes(whole[:200])
    (photos / "dog" / "3 ü.jpg").write_bytes(b"")
    Image.new("I;16", (8, 8)).save(photos / "dog" / "deep.png")  # of another type than the others
    (photos / "dog" / "lost.jpg").symlink_to(photos / "nowhere.jpg")
    (photos / "dog" / ".DS_Store").touch()
    (photos / "README").touch()
    ds = deeplake.ingest_classification(
        photos, "mem://unreadable", shuffle=False, progressbar=False
    )
    shapes = [tuple(ds.images[i].shape) for i in range(len(ds))]
    nothing, there = (0, 0, 0), (24, 32, 3)
    assert shapes == [there] * 6 + [nothing] * 3 + [there] + [nothing] * 2
    assert ds.labels.numpy().ravel().tolist() == [0] * 5 + [1] * 7
    assert ds.images[9].tobytes() == whole
    printed = capsys.readouterr().out
    assert "12 files of 2 classes in mem://unreadable\n" in printed
    assert "1 file lies beside the class folders" in printed
    assert "5 files could not be read" in printed
    for name in ("1 ü.jpg", "2 ü.jpg", "3 ü.jpg", "deep.png", "lost.jpg"):
        lines = [line for line in printed.splitlines() if line.startswith("  ") and name in line]
        assert len(lines) == 1
        assert lines[0].count(str(photos / "dog" / name)) == 1
        assert len(lines[0]) > len(str(photos / "dog" / name)) + 10, "no reason is given"


def test_nothing_is_printed_without_summary(
    photos: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    deeplake.ingest_classification(photos, "mem://quiet", **QUIET)
    assert capsys.readouterr() == ("", "")
    deeplake.ingest_classification(photos, "mem://bar", summary=False)
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "10/10" in shown.err


# --------------------------------------------------------------------------- sources and destinations
def test_sources_on_any_file_system(photos: Path) -> None:
    url = f"memory://{uuid.uuid4().hex}/photos"
    system = fsspec.filesystem("memory")
    for kind, content in files(photos):
        system.pipe(f"{url}/{kind}/{len(system.find(url)):02}.jpg", content)
    system.pipe(f"{url}/dog/broken.jpg", b"broken")
    ds = deeplake.ingest_classification(url, "mem://remote", shuffle=False, **QUIET)
    assert ds.labels.info.class_names == ["cät", "dog"]
    found = stored(ds[:10])
    assert found == files(photos)
    assert ds.images[10].shape == (0, 0, 0)


def test_an_outage_of_the_source_is_no_broken_file(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from deeplake.storage.filesystem import FileSystemStore

    url = f"memory://{uuid.uuid4().hex}/photos"
    system = fsspec.filesystem("memory")
    for kind, content in files(photos):
        system.pipe(f"{url}/{kind}/{len(system.find(url)):02}.jpg", content)

    def get(self: Any, key: str, byte_range: Any = None) -> bytes:
        raise StorageError(f"{key}: the network is down")

    monkeypatch.setattr(FileSystemStore, "get", get)
    with pytest.raises(StorageError, match="the network is down"):
        deeplake.ingest_classification(url, tmp_path / "ds", **QUIET)
    assert not (tmp_path / "ds").exists() or not list((tmp_path / "ds").iterdir())


def test_a_dataset_that_is_there(photos: Path, tmp_path: Path) -> None:
    deeplake.empty(tmp_path / "ds").create_tensor("x").extend([1, 2])
    with pytest.raises(DatasetHandlerError, match="overwrite=True"):
        deeplake.ingest_classification(photos, tmp_path / "ds", **QUIET)
    assert len(deeplake.load(tmp_path / "ds").x) == 2
    ds = deeplake.ingest_classification(photos, tmp_path / "ds", overwrite=True, **QUIET)
    assert list(ds.tensors) == ["images", "labels"]
    with pytest.raises(TypeError, match="colour"):
        deeplake.ingest_classification(photos, tmp_path / "other", colour=1, **QUIET)


def test_an_open_dataset_gets_the_tensors(photos: Path) -> None:
    ds = deeplake.empty("mem://open")
    ds.create_tensor("x").extend([1])
    assert deeplake.ingest_classification(photos, ds, **QUIET) is ds
    assert set(ds.tensors) == {"x", "images", "labels"}
    assert len(ds.images) == 10
    with pytest.raises(Exception, match="images"):  # they are there already
        deeplake.ingest_classification(photos, ds, **QUIET)
    assert len(ds.images) == 10


def test_tables_are_ingested_as_dataframes_are(tmp_path: Path) -> None:
    (tmp_path / "table.csv").write_text('id,"name, first",info,x\n1,Zoë,a,0.5\n2,,b,\n')
    ds = deeplake.ingest_classification(tmp_path / "table.csv", "mem://csv", **QUIET)
    assert list(ds.tensors) == ["id", "name__first", "info_", "x"]
    assert ds.id.numpy().ravel().tolist() == [1, 2]
    assert ds.name__first[0].text() == "Zoë"
    assert ds.x[1].shape == (0,)
    (tmp_path / "table.txt").write_text("a\tb\n1\t2\n")
    ds = deeplake.ingest_classification(tmp_path / "table.txt", "mem://txt", **QUIET)
    assert list(ds.tensors) == ["a", "b"]
    (tmp_path / "table.txt").write_text("a,b\n1\n")
    with pytest.raises(IngestionError, match=rf"{tmp_path}/table.txt, line 2"):
        deeplake.ingest_classification(tmp_path / "table.txt", tmp_path / "ds", **QUIET)
    assert not deeplake.exists(tmp_path / "ds")


# --------------------------------------------------------------------------- errors
def test_source_and_destination_are_two_places(photos: Path, tmp_path: Path) -> None:
    for same in (photos, f"{photos}/", f"{photos}/../photos", f"file://{photos.as_posix()}"):
        with pytest.raises(SamePathException, match="photos"):
            deeplake.ingest_classification(same, photos, **QUIET)
    with pytest.raises(SamePathException):
        deeplake.ingest_classification("s3://bucket/a/", "s3://bucket/a", **QUIET)


@pytest.mark.parametrize("src", ["nothing", "file.jpg", "hollow", "flat"])
def test_what_is_no_folder_of_folders(tmp_path: Path, src: str) -> None:
    (tmp_path / "file.jpg").touch()
    (tmp_path / "hollow" / "cat").mkdir(parents=True)
    photo(tmp_path / "flat" / "1.jpg")
    with pytest.raises(InvalidPathException, match=src):
        deeplake.ingest_classification(tmp_path / src, tmp_path / "ds", **QUIET)
    assert not deeplake.exists(tmp_path / "ds")


@pytest.mark.parametrize("src", [None, 7, "", " "])
def test_what_is_no_path(src: Any) -> None:
    with pytest.raises(InvalidPathException):
        deeplake.ingest_classification(src, "mem://x", **QUIET)


def test_an_empty_url() -> None:
    with pytest.raises(InvalidPathException, match="nothing-here"):
        deeplake.ingest_classification("memory://nothing-here", "mem://x", **QUIET)


def test_files_that_are_no_images(tmp_path: Path) -> None:
    (tmp_path / "texts" / "a").mkdir(parents=True)
    (tmp_path / "texts" / "a" / "b.text").touch()
    with pytest.raises(InvalidFileExtension, match="text"):
        deeplake.ingest_classification(tmp_path / "texts", tmp_path / "ds", **QUIET)
    (tmp_path / "texts" / "a" / "b.text").rename(tmp_path / "texts" / "a" / "b")
    with pytest.raises(AutoCompressionError, match="sample_compression"):
        deeplake.ingest_classification(tmp_path / "texts", tmp_path / "ds", **QUIET)
    assert not deeplake.exists(tmp_path / "ds")
    photo(tmp_path / "one.png").rename(tmp_path / "texts" / "a" / "b")  # told by its first bytes
    params = {"sample_compression": "png"}
    ds = deeplake.ingest_classification(
        tmp_path / "texts", "mem://named", image_params=params, **QUIET
    )
    assert ds.images.shape == (1, 24, 32, 3)


def test_folders_that_are_neither_classes_nor_sets(photos: Path, tmp_path: Path) -> None:
    photo(photos / "dog" / "puppies" / "1.jpg")
    with pytest.raises(IngestionError, match=r"class/.* and in set/class/"):
        deeplake.ingest_classification(photos, tmp_path / "ds", **QUIET)
    photo(photos / "dog" / "puppies" / "black" / "1.jpg")
    with pytest.raises(IngestionError, match=r"black.*too deep"):
        deeplake.ingest_classification(photos, tmp_path / "ds", **QUIET)
    assert not deeplake.exists(tmp_path / "ds")


def test_links_that_go_in_a_circle(photos: Path) -> None:
    (photos / "dog" / "again").symlink_to(photos / "dog", target_is_directory=True)
    (photos / "wolf").symlink_to(photos / "dog", target_is_directory=True)
    ds = deeplake.ingest_classification(photos, "mem://circle", **QUIET)
    assert ds.labels.info.class_names == ["cät", "dog", "wolf"]
    assert len(ds) == 15


def test_there_is_no_service_to_connect_to(photos: Path) -> None:
    connect = {"creds_key": "k", "org_id": "me"}
    with pytest.raises(InvalidSourcePathError):
        deeplake.ingest_classification(photos, "mem://x", connect_kwargs=connect, **QUIET)
    with pytest.raises(DatasetConnectError):
        deeplake.ingest_classification(photos, "s3://bucket/x", connect_kwargs=connect, **QUIET)


def test_nothing_is_left_after_an_interruption(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def extend(self: Any, *args: Any, **kwargs: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(deeplake.Dataset, "extend", extend)
    with pytest.raises(KeyboardInterrupt):
        deeplake.ingest_classification(photos, tmp_path / "ds", **QUIET)
    assert not deeplake.exists(tmp_path / "ds")
    monkeypatch.undo()
    assert len(deeplake.ingest_classification(photos, tmp_path / "ds", **QUIET)) == 10


def test_from_a_bucket_into_a_bucket(photos: Path) -> None:
    """A real server; both stores need credentials."""
    with seaweedfs() as server:
        server.make_bucket("bench")
        store = plugins.get("storage", "s3").open("s3://bench/photos", creds=server.creds)
        for kind, content in files(photos):
            count = len(list(store.list("")))
            store.put(f"{'cat' if kind != 'dog' else kind}/{count:02}.jpg", content)
        arguments: dict[str, Any] = {"dest_creds": server.creds, "src_creds": server.creds, **QUIET}
        places = ("s3://bench/photos", "s3://bench/ds")
        deeplake.ingest_classification(*places, shuffle=False, **arguments)
        ds = deeplake.load("s3://bench/ds", creds=server.creds)
        assert [content for _, content in stored(ds)] == [content for _, content in files(photos)]
        assert ds.labels.info.class_names == ["cat", "dog"]
        with pytest.raises(DatasetHandlerError, match="overwrite"):
            deeplake.ingest_classification(*places, **arguments)
