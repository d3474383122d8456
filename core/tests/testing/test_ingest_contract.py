"""The suite of ingestors passes on the kernel's own, and finds the faults of twins."""

from __future__ import annotations

import csv
import io
import itertools
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest

import deeplake
from deeplake.errors import DeepLakeError, IngestionError
from deeplake.exchange.coco import Coco
from deeplake.exchange.dataframe import Dataframe
from deeplake.exchange.exported import ExportedFolder
from deeplake.exchange.folders import Folders
from deeplake.exchange.huggingface import Huggingface
from deeplake.exchange.tables import Csv, Jsonl
from deeplake.exchange.yolo import Yolo
from deeplake.spi import Ingestor
from deeplake.testing.contract import perform
from deeplake.testing.ingest import IngestContract

TABLE = 'n,x,name,on,kind\n1,0.5,"a, b",true,cat\n-2,,été,false,dog\n3,1e3,,true,cat\n'


class CsvSuite(IngestContract):
    ingestor = Csv
    options: ClassVar[Mapping[str, Any]] = {"labels": "kind"}
    htypes: ClassVar[Mapping[str, str]] = {"name": "text", "kind": "class_label"}
    expected = (
        {"n": 1, "x": 0.5, "name": "a, b", "on": True, "kind": "cat"},
        {"n": -2, "x": None, "name": "été", "on": False, "kind": "dog"},
        {"n": 3, "x": 1000.0, "name": "", "on": True, "kind": "cat"},
    )

    def source(self, folder: Path) -> Any:
        (folder / "table.csv").write_text(TABLE, encoding="utf-8")
        return folder / "table.csv"

    def refused(self, folder: Path) -> Mapping[str, Any]:
        files = {
            "ragged": "kind,b\n1,2\n1\n", "doubled": "kind,kind\n1,2\n", "quotes": 'kind\n"a\n',
            "unlabelled": "a\n1\n", "empty": "",
        }  # fmt: skip
        for name, text in files.items():
            (folder / name).write_text(text)
        (folder / "binary").write_bytes(b"kind\n\xff\xfe\n")
        return {name: folder / name for name in (*files, "binary")}


class TestCsv(CsvSuite):
    pass


class TestCsvWithImages(IngestContract):
    ingestor = Csv
    options: ClassVar[Mapping[str, Any]] = {"images": "file", "delimiter": ";"}
    htypes: ClassVar[Mapping[str, str]] = {"file": "image"}
    expected = ({"file": [[1, 2], [3, 4]], "n": 7}, {"file": [[0, 0], [0, 9]], "n": 8})

    def source(self, folder: Path) -> Any:
        pictures(folder / "images", self.expected, "file")
        (folder / "table.csv").write_text("file;n\nimages/0.png;7\nimages/1.png;8\n")
        return folder / "table.csv"

    def refused(self, folder: Path) -> Mapping[str, Any]:
        (folder / "lost.csv").write_text("file;n\nimages/2.png;7\n")
        return {"an image that is not there": folder / "lost.csv"}

    def broken_later(self, folder: Path) -> tuple[Any, int] | None:
        source = self.source(folder)
        source.write_text("file;n\nimages/0.png;7\nimages/1.png;7\nimages/2.png;8\n")
        return source, 2


def pictures(folder: Path, rows: Any, name: str) -> None:
    folder.mkdir()
    for i, row in enumerate(rows):
        array = np.array(row[name], np.uint8)
        (folder / f"{i}.png").write_bytes(deeplake.plugins.get("codec", "png").encode(array))  # type: ignore[attr-defined]


class TestJsonl(IngestContract):
    ingestor = Jsonl
    htypes: ClassVar[Mapping[str, str]] = {"about": "json", "t": "text", "mixed": "json"}
    expected = (
        {"n": 1, "box": [1, 2, 3], "t": "a", "about": {"k": [1]}, "mixed": [1, 2],
         "late": None},
        {"n": 2.5, "box": [4.5, 5], "t": "", "about": {"k": None}, "mixed": [[1, 2], [3, 4]],
         "late": 7},
    )  # fmt: skip

    def source(self, folder: Path) -> Any:
        rows = [{k: v for k, v in row.items() if v is not None} for row in self.expected]
        rows[0]["n"] = 1
        (folder / "rows.jsonl").write_text("\n\n".join(map(json.dumps, rows)) + "\n")
        return folder / "rows.jsonl"

    def refused(self, folder: Path) -> Mapping[str, Any]:
        for name, text in {
            "list": "[1]\n",
            "cut": '{"a": 1}\n{"a": \n',
            "deep": "[" * 9999,
        }.items():
            (folder / name).write_text(text)
        return {name: folder / name for name in ("list", "cut", "deep")}


class TestFolders(IngestContract):
    ingestor = Folders
    htypes: ClassVar[Mapping[str, str]] = {"images": "image", "labels": "class_label"}
    expected = (
        {"images": [[1, 2], [3, 4]], "labels": "cat"},
        {"images": [[0, 0], [0, 9]], "labels": "dog"},
    )

    def source(self, folder: Path) -> Any:
        (folder / "animals").mkdir()
        for row in self.expected:
            pictures(folder / "animals" / str(row["labels"]), [row], "images")
        (folder / "animals" / "dog" / ".hidden").touch()
        (folder / "animals" / "README").touch()
        return folder / "animals"

    def refused(self, folder: Path) -> Mapping[str, Any]:
        (folder / "flat").mkdir()
        (folder / "flat" / "a.png").touch()
        (folder / "words" / "a").mkdir(parents=True)
        (folder / "words" / "a" / "b.txt").write_text("no image")
        return {"flat": folder / "flat", "b.txt": folder / "words" / "a" / "b.txt"}

    def broken_later(self, folder: Path) -> tuple[Any, int] | None:
        source = self.source(folder)
        (source / "eel").mkdir()
        (source / "eel" / "3.png").write_bytes(b"\x89PNG\r\n\x1a\n of nothing")
        return source, 2


class TestYolo(IngestContract):
    ingestor = Yolo
    options: ClassVar[Mapping[str, Any]] = {"allow_no_annotation": "yes"}
    htypes: ClassVar[Mapping[str, str]] = {
        "images": "image",
        "labels": "class_label",
        "boxes": "bbox",
    }
    expected = (
        {"images": [[1, 2], [3, 4]], "labels": [1, 0], "boxes": [[0.5, 0.5, 1, 1], [0, 0, 0.5, 0.25]]},
        {"images": [[0, 0], [0, 9]], "labels": None, "boxes": [[], [], [], []]},
    )  # fmt: skip

    def source(self, folder: Path) -> Any:
        pictures(folder / "yolo", self.expected, "images")
        (folder / "yolo" / "0.txt").write_text("1 0.5 0.5 1 1\n0 0 0 0.5 0.25\n")
        return folder / "yolo"

    def refused(self, folder: Path) -> Mapping[str, Any]:
        found = {}
        for name, text in (
            ("short", "0 1 1\n"),
            ("words", "0 a b c d\n"),
            ("negative", "-1 1 1 1 1"),
        ):
            (folder / name).mkdir()
            found[name] = self.source(folder / name).rename(folder / name / name)
            (found[name] / "1.txt").write_text(text)
        (folder / "texts").mkdir()
        (folder / "texts" / "0.txt").touch()
        return {**found, "texts": folder / "texts"}

    def broken_later(self, folder: Path) -> tuple[Any, int] | None:
        source = self.source(folder)
        (source / "2.png").write_bytes((source / "1.png").read_bytes())
        (source / "2.txt").write_text("0 1 1 1 x\n")
        return source, 2


class TestCoco(IngestContract):
    ingestor = Coco
    htypes: ClassVar[Mapping[str, str]] = {"bbox": "bbox", "category_id": "class_label"}
    expected = (
        {"images": [[1, 2], [3, 4]], "image_id": [7, 7], "category_id": ["cat", "dog"],
         "bbox": [[1, 2, 3, 4], [0, 0, 1.5, 1]], "said": ["a", "ü"]},
        {"images": [[0, 0], [0, 9]], "image_id": None, "category_id": None, "bbox": None,
         "said": None},
    )  # fmt: skip
    annotations: ClassVar[list[Any]] = [
        {"image_id": 7, "category_id": 9, "bbox": [1, 2, 3, 4], "said": "a"},
        {"image_id": 7, "category_id": 3, "bbox": [0, 0, 1.5, 1], "said": "ü"},
    ]

    def source(self, folder: Path) -> Any:
        pictures(folder / "coco", self.expected, "images")
        self.write(folder / "coco", self.annotations)
        return folder / "coco"

    def write(self, folder: Path, annotations: Any) -> None:
        images = [{"id": 7, "file_name": "0.png"}, {"id": 8, "file_name": "1.png"}]
        categories = [{"id": 9, "name": "cat"}, {"id": 3, "name": "dog"}]
        found = {"images": images, "annotations": annotations, "categories": categories}
        (folder / "it.json").write_text(json.dumps(found))

    def refused(self, folder: Path) -> Mapping[str, Any]:
        found = {}
        for name in ("cut", "foreign", "alone"):
            (folder / name).mkdir()
            found[name] = self.source(folder / name).rename(folder / name / name)
        (found["cut"] / "it.json").write_text("{")
        self.write(found["foreign"], [{"image_id": 70}])
        (found["alone"] / "it.json").unlink()
        return found

    def broken_later(self, folder: Path) -> tuple[Any, int] | None:
        source = self.source(folder)
        (source / "2.png").write_bytes(b"broken")
        return source, 2


class TestDataframe(IngestContract):
    ingestor = Dataframe
    options: ClassVar[Mapping[str, Any]] = {"files": "file"}
    htypes: ClassVar[Mapping[str, str]] = {"file": "image", "t": "text", "d": "json"}
    expected = (
        {"n": 1, "x": 0.5, "t": "ü", "v": [1, 2], "d": {"k": [1]}, "file": [[1, 2], [3, 4]]},
        {"n": 2, "x": None, "t": "", "v": [3, 4], "d": {}, "file": None},
    )

    def source(self, folder: Path) -> Any:
        pandas = pytest.importorskip("pandas")
        pictures(folder / "pictures", self.expected[:1], "file")
        return pandas.DataFrame(
            {"n": [1, 2], "x": [0.5, None], "t": ["ü", ""], "v": [[1, 2], [3, 4]],
             "d": [{"k": [1]}, {}], "file": [str(folder / "pictures" / "0.png"), None]}
        )  # fmt: skip


class TestHuggingface(IngestContract):
    ingestor = Huggingface
    htypes: ClassVar[Mapping[str, str]] = {"t": "text", "kind": "class_label"}
    expected = (
        {"n": 1, "t": "ü", "kind": "dog", "g/v": [1.5, 2], "g/w": "a", "picture": [[1, 2], [3, 4]]},
        {"n": 2, "t": "", "kind": "cat", "g/v": [3, 4], "g/w": "b", "picture": None},
    )

    def source(self, folder: Path) -> Any:
        library = pytest.importorskip("datasets")
        pictures(folder / "pictures", self.expected[:1], "picture")
        features = {
            "n": library.Value("int8"), "t": library.Value("string"),
            "kind": library.ClassLabel(names=["cat", "dog"]),
            "g": {"v": library.Sequence(library.Value("float32")), "w": library.Value("string")},
            "picture": library.Image(),
        }  # fmt: skip
        file = {"bytes": (folder / "pictures" / "0.png").read_bytes(), "path": None}
        rows = [
            {"n": 1, "t": "ü", "kind": 1, "g": {"v": [1.5, 2], "w": "a"}, "picture": file},
            {"n": 2, "t": "", "kind": 0, "g": {"v": [3, 4], "w": "b"}, "picture": None},
        ]
        return library.Dataset.from_list(rows, features=library.Features(features))


class TestExported(IngestContract):
    ingestor = ExportedFolder
    htypes: ClassVar[Mapping[str, str]] = {"g/labels": "class_label", "images": "image"}
    expected = (
        {"images": [[1, 2], [3, 4]], "g/labels": "cat", "x": float("inf"), "t": "ü"},
        {"images": [[0, 0], [0, 9]], "g/labels": "dog", "x": None, "t": ""},
    )

    def source(self, folder: Path) -> Any:
        out = folder / "out"
        out.mkdir()
        pictures(out / "images", self.expected, "images")
        column = {"dtype": None, "sample_compression": None, "chunk_compression": None, "info": {}}
        tensors = {
            "images": {**column, "form": "file", "htype": "image", "sample_compression": "png"},
            "g/labels": {**column, "form": "value", "htype": "class_label",
                         "info": {"class_names": ["cat", "dog"]}},
            "x": {**column, "form": "value", "htype": "generic", "dtype": "float64"},
            "t": {**column, "form": "value", "htype": "text", "dtype": "str"},
        }  # fmt: skip
        about = {
            "format": "deeplake-export",
            "version": 1,
            "table": "rows.jsonl",
            "tensors": tensors,
        }
        (out / "dataset.json").write_text(json.dumps(about))
        rows = [
            {"images": "images/0.png", "g/labels": ["cat"], "x": "Infinity", "t": "ü"},
            {"images": "images/1.png", "g/labels": "dog", "x": None, "t": ""},
        ]
        (out / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
        return out

    def refused(self, folder: Path) -> Mapping[str, Any]:
        (folder / "plain").mkdir()
        made = {}
        for name, old, new in (
            ("later", '"version": 1', '"version": 2'), ("other", "deeplake-export", "zip"),
            ("no table", "rows.jsonl", "rows.csv"),
        ):  # fmt: skip
            (folder / f"{name} source").mkdir()
            made[name] = self.source(folder / f"{name} source")
            about = made[name] / "dataset.json"
            about.write_text(about.read_text().replace(old, new))
        return {"plain": folder / "plain", **made}

    def broken_later(self, folder: Path) -> tuple[Any, int] | None:
        source = self.source(folder)
        with (source / "rows.jsonl").open("a") as file:
            file.write('{"images": "../../outside.png", "g/labels": [], "x": 1, "t": ""}\n')
        return source, 2


# --------------------------------------------------------------------------- broken twins
class WithoutApi(Csv):
    api = None


class NoTensor(Csv):
    """Gives arguments that no tensor takes."""

    def schema(self, source: Any, **options: Any) -> Mapping[str, Mapping[str, Any]]:
        found = super().schema(source, **options)
        return {name: {**arguments, "colour": "blue"} for name, arguments in found.items()}


class Forgetting(Csv):
    """Does not say which columns are labels."""

    def schema(self, source: Any, **options: Any) -> Mapping[str, Mapping[str, Any]]:
        return super().schema(source, **{**options, "labels": ""})


class Counting(Csv):
    """Its schema depends on how often it was asked."""

    calls = itertools.count()

    def schema(self, source: Any, **options: Any) -> Mapping[str, Mapping[str, Any]]:
        return {**super().schema(source, **options), f"extra{next(self.calls)}": {}}


class Unprintable(Csv):
    def schema(self, source: Any, **options: Any) -> Mapping[str, Mapping[str, Any]]:
        found = {name: dict(a) for name, a in super().schema(source, **options).items()}
        found["n"]["dtype"] = np.dtype("int64")
        return found


class Sparse(Csv):
    """Leaves out what is not there."""

    def rows(self, source: Any, **options: Any) -> Iterator[Mapping[str, Any]]:
        for row in super().rows(source, **options):
            yield {name: value for name, value in row.items() if value is not None}


class Early(Csv):
    """Takes the first row for names."""

    def rows(self, source: Any, **options: Any) -> Iterator[Mapping[str, Any]]:
        return itertools.islice(super().rows(source, **options), 1, None)


class Swapped(Csv):
    """Mixes up neighbouring rows."""

    def rows(self, source: Any, **options: Any) -> Iterator[Mapping[str, Any]]:
        return reversed(list(super().rows(source, **options)))


class Texts(Csv):
    """Everything is text."""

    def schema(self, source: Any, **options: Any) -> Mapping[str, Mapping[str, Any]]:
        found = super().schema(source, **options)
        return {name: {"htype": "text"} if name == "n" else a for name, a in found.items()}

    def rows(self, source: Any, **options: Any) -> Iterator[Mapping[str, Any]]:
        for row in super().rows(source, **options):
            yield {**row, "n": str(row["n"])}


class ZeroForNone(Csv):
    def rows(self, source: Any, **options: Any) -> Iterator[Mapping[str, Any]]:
        for row in super().rows(source, **options):
            yield {name: 0 if value is None else value for name, value in row.items()}


class GivesAList(Csv):
    def rows(self, source: Any, **options: Any) -> Any:
        return list(super().rows(source, **options))


class Exhausted(Csv):
    """Reads each source once."""

    read: ClassVar[dict[str, Iterator[Mapping[str, Any]]]] = {}

    def rows(self, source: Any, **options: Any) -> Iterator[Mapping[str, Any]]:
        return self.read.setdefault(str(source), super().rows(source, **options))


class Columns(Csv):
    """Its columns come by batch, and each batch without its last row."""

    def batches(self, source: Any, **options: Any) -> Iterator[Mapping[str, Any]]:
        for batch in super().batches(source, **options):
            yield {name: column[:-1] for name, column in batch.items()}


class OneRow(Csv):
    """Fills the same object again."""

    def rows(self, source: Any, **options: Any) -> Iterator[Mapping[str, Any]]:
        row: dict[str, Any] = {}
        for found in super().rows(source, **options):
            row.clear()
            row.update(found)
            yield row


class OneSource(Csv):
    """Keeps the rows that it reads in itself."""

    def rows(self, source: Any, **options: Any) -> Iterator[Mapping[str, Any]]:
        self.left = super().rows(source, **options)
        while (row := next(self.left, None)) is not None:
            import time

            time.sleep(0.001)
            yield row


class Touching(Csv):
    """Notes beside the source that it was read."""

    def rows(self, source: Any, **options: Any) -> Iterator[Mapping[str, Any]]:
        Path(f"{source}.read").touch()
        return super().rows(source, **options)


class Open(Csv):
    """Keeps files open."""

    files: ClassVar[list[Any]] = []

    def rows(self, source: Any, **options: Any) -> Iterator[Mapping[str, Any]]:
        self.files.append(Path(source).open())  # noqa: SIM115
        return super().rows(source, **options)


class Deaf(Csv):
    """Takes any option."""

    def schema(self, source: Any, **options: Any) -> Mapping[str, Mapping[str, Any]]:
        return super().schema(source, labels=options.get("labels"))

    def rows(self, source: Any, **options: Any) -> Iterator[Mapping[str, Any]]:
        return super().rows(source, labels=options.get("labels"))


class Lenient(Csv):
    """Takes rows of any length."""

    def records(self, file: Path, options: Mapping[str, Any]) -> Any:
        if not file.is_file():
            raise IngestionError(f"{file} is not there")
        text = file.read_text(encoding="utf-8", errors="replace") or "kind\n"
        for i, row in enumerate(csv.DictReader(io.StringIO(text))):
            yield i, {str(name): value or None for name, value in row.items()}


class Raw(Csv):
    """Lets errors of Python through."""

    def schema(self, source: Any, **options: Any) -> Mapping[str, Mapping[str, Any]]:
        Path(source).read_text("ascii", "replace")
        return super().schema(source, **options)


class Mute(Csv):
    """Does not say which file is wrong."""

    def schema(self, source: Any, **options: Any) -> Mapping[str, Mapping[str, Any]]:
        try:
            return super().schema(source, **options)
        except DeepLakeError as error:
            raise DeepLakeError("the file is wrong") from error


class Late(Csv):
    """Reads all rows before it gives the first one."""

    def rows(self, source: Any, **options: Any) -> Iterator[Mapping[str, Any]]:
        yield from list(super().rows(source, **options))


class Renaming(Csv):
    """Its rows have other names than its schema, once somebody has asked for that."""

    def rows(self, source: Any, **options: Any) -> Iterator[Mapping[str, Any]]:
        rows = super().rows(source, **options)
        return ({**row, "extra": 1} if "source" in str(source) else row for row in rows)


FAULTS: dict[type[Ingestor], str] = {
    WithoutApi: "test_states_what_the_registry_needs",
    NoTensor: "test_schema_makes_tensors",
    Forgetting: "test_schema_makes_tensors",
    Counting: "test_schema_is_the_same_again",
    Unprintable: "test_schema_is_the_same_again",
    Sparse: "test_rows_have_the_names_of_the_schema",
    Early: "test_rows_have_the_names_of_the_schema",
    Swapped: "test_rows_are_what_is_in_the_source",
    Texts: "test_rows_are_what_is_in_the_source",
    ZeroForNone: "test_rows_are_what_is_in_the_source",
    GivesAList: "test_rows_come_one_by_one",
    Exhausted: "test_rows_can_be_read_again_and_at_once",
    Columns: "test_batches_are_the_rows_in_columns",
    OneRow: "test_rows_belong_to_the_caller",
    OneSource: "test_threads_share_one_ingestor",
    Touching: "test_the_source_stays_as_it_is",
    Open: "test_nothing_is_left_open",
    Deaf: "test_unknown_options_are_refused",
    Lenient: "test_what_is_not_of_the_format_is_refused",
    Raw: "test_what_is_not_of_the_format_is_refused",
    Mute: "test_what_is_not_of_the_format_is_refused",
    Renaming: "test_a_dataset_is_made_and_committed",
}
"""Twin -> the test that finds its fault."""

EXPECTED = (
    AssertionError, AttributeError, DeepLakeError, OSError, TypeError, ValueError,
    pytest.fail.Exception,
)  # fmt: skip


@pytest.mark.parametrize(("twin", "name"), FAULTS.items(), ids=lambda v: getattr(v, "__name__", v))
def test_a_twin_with_a_fault_is_found(
    twin: type[Ingestor], name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    suite = type("Suite", (CsvSuite,), {"ingestor": twin})()
    with pytest.raises(EXPECTED):
        perform(suite, name, tmp_path=tmp_path)
    while Open.files:
        Open.files.pop().close()


def test_rows_that_come_late_are_found(tmp_path: Path) -> None:
    suite = type("Suite", (TestCsvWithImages,), {"ingestor": Late})()
    with pytest.raises(DeepLakeError):
        perform(suite, "test_rows_before_a_broken_one_are_given", tmp_path=tmp_path)


def test_every_test_finds_a_fault() -> None:
    rest = {
        "test_import_is_cheap",
        "test_no_test_of_the_suite_is_missing",
        "test_rows_before_a_broken_one_are_given",
    }
    names = {name for name in dir(IngestContract) if name.startswith("test_")}
    assert names - rest == set(FAULTS.values())
