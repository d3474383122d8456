"""Tables of text: CSV, and a JSON object a line. Types are found by a look at all rows."""

from __future__ import annotations

import csv
import json
import os
from abc import abstractmethod
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal, TypeAlias

from deeplake.errors import IngestionError
from deeplake.spi import Ingestor

Kind: TypeAlias = Literal["int", "float", "bool", "array", "text", "json"]

_TRUTH = {"true": True, "false": False}


class Table(Ingestor):
    """What tables share: columns become tensors.

    Options:
        labels: Columns that are class labels, separated by commas.
        images: Columns with paths of image files, from the table's folder, separated by commas.
    """

    taken: tuple[str, ...] = ()
    """Further options, of the subclass."""

    @abstractmethod
    def records(
        self, file: Path, options: Mapping[str, Any]
    ) -> Iterator[tuple[int, dict[str, Any]]]:
        """Line number and values of each row; None where there is no value."""

    @abstractmethod
    def kind_of(self, value: Any) -> Kind:
        """What a value that is there can be stored as."""

    def value(self, value: Any, kind: Kind) -> Any:
        """The value, as a column of this kind holds it."""
        return value

    def schema(self, source: Any, **options: Any) -> Mapping[str, Mapping[str, Any]]:
        return {name: column.arguments for name, column in self._columns(source, options).items()}

    def rows(self, source: Any, **options: Any) -> Iterator[Mapping[str, Any]]:
        columns = self._columns(source, options)
        return self._rows(_file(source), columns, options)

    def _rows(
        self, file: Path, columns: Mapping[str, _Column], options: Mapping[str, Any]
    ) -> Iterator[Mapping[str, Any]]:
        for line, record in self.records(file, options):
            row = {}
            for name, column in columns.items():
                found = record.get(name)
                row[name] = self._stored(found, column, file, line)
            yield row

    def _stored(self, found: Any, column: _Column, file: Path, line: int) -> Any:
        if column.image:
            return None if found in (None, "") else _image(file, str(found), line)
        if found is None:
            return "" if column.kind == "text" and not column.label else None
        if column.kind == "array" and not column.label:
            import numpy as np

            return np.asarray(found, column.dtype)
        return str(found) if column.label else self.value(found, column.kind)

    def _columns(self, source: Any, options: Mapping[str, Any]) -> dict[str, _Column]:
        unknown = sorted(set(options) - {"labels", "images", *self.taken})
        if unknown:
            raise TypeError(
                f"no option {', '.join(unknown)}: there are images, labels, {', '.join(self.taken)}"
            )
        file = _file(source)
        columns: dict[str, _Column] = {}
        for _, record in self.records(file, options):
            for name, value in record.items():
                column = columns.setdefault(name, _Column())
                if value is not None:
                    kind = self.kind_of(value)
                    column.seen[kind] += 1
                    if kind == "array":
                        column.note(value)
                    column.values.add(str(value))
        for option in ("labels", "images"):
            for name in _names(options.get(option)):
                if name not in columns:
                    raise IngestionError(
                        f"{file} has no column {name!r}; it has {', '.join(columns) or 'none'}"
                    )
                setattr(columns[name], option.removesuffix("s"), True)
        return columns


class _Column:
    """What was seen of one column."""

    def __init__(self) -> None:
        self.seen: Counter[Kind] = Counter()
        self.values: set[str] = set()
        self.dims: set[int] = set()
        self.floats = False
        self.label = self.image = False

    def note(self, value: list[Any]) -> None:
        """Note what an array is like."""
        import numpy as np

        array = np.asarray(value)
        self.dims.add(array.ndim)
        self.floats |= array.dtype.kind == "f"

    @property
    def dtype(self) -> str:
        """Of arrays."""
        return "float64" if self.floats else "int64"

    @property
    def kind(self) -> Kind:
        kinds = set(self.seen)
        if kinds <= {"int", "float"}:
            return "int" if kinds == {"int"} else "float"
        if len(kinds) == 1 and len(self.dims) < 2:
            return next(iter(kinds))
        return "json" if kinds & {"json", "array"} else "text"

    @property
    def arguments(self) -> dict[str, Any]:
        """Arguments of ``create_tensor``."""
        if self.image:
            files = Counter(Path(value).suffix[1:].lower() for value in self.values)
            common = files.most_common(1)[0][0] if files else "png"
            return {"htype": "image", "sample_compression": common or "png"}
        if self.label:
            return {"htype": "class_label", "class_names": sorted(self.values)}
        match self.kind:
            case "text" | "json" as htype:
                return {"htype": htype}
            case "array":
                return {"dtype": self.dtype}
            case kind:
                return {"dtype": {"int": "int64", "float": "float64", "bool": "bool"}[kind]}


class Csv(Table, api=(1, 0)):
    """CSV files whose first line has the names of the columns.

    Options: as of all tables, and ``delimiter`` (a comma) and ``encoding`` (``utf-8``).
    """

    taken = ("delimiter", "encoding")

    def records(
        self, file: Path, options: Mapping[str, Any]
    ) -> Iterator[tuple[int, dict[str, Any]]]:
        with _reading(file, options.get("encoding", "utf-8-sig")) as text:
            reader = csv.reader(text, delimiter=options.get("delimiter", ","), strict=True)
            try:
                names = next(reader, [])
                if len(set(names)) < len(names) or not all(names):
                    raise IngestionError(f"{file}: the first line names the columns: {names}")
                for row in reader:
                    if not row:
                        continue
                    if len(row) != len(names):
                        raise IngestionError(
                            f"{file}, line {reader.line_num}: {len(row)} values, and there are "
                            f"{len(names)} columns"
                        )
                    yield (
                        reader.line_num,
                        {name: value or None for name, value in zip(names, row, strict=True)},
                    )
            except csv.Error as error:
                raise IngestionError(f"{file}, line {reader.line_num}: {error}") from error

    def kind_of(self, value: Any) -> Kind:
        if value.lower() in _TRUTH:
            return "bool"
        try:
            return "int" if -(2**63) <= int(value) < 2**63 and "_" not in value else "text"
        except ValueError:
            pass
        try:
            return "float" if "_" not in value and float(value) is not None else "text"
        except ValueError:
            return "text"

    def value(self, value: Any, kind: Kind) -> Any:
        match kind:
            case "bool":
                return _TRUTH[value.lower()]
            case "int":
                return int(value)
            case "float":
                return float(value)
            case _:
                return value


class Jsonl(Table, api=(1, 0)):
    """Files with a JSON object on each line. Values that are numbers, or lists of them, become arrays.

    Options: as of all tables.
    """

    def records(
        self, file: Path, options: Mapping[str, Any]
    ) -> Iterator[tuple[int, dict[str, Any]]]:
        with _reading(file, "utf-8-sig") as text:
            for number, line in enumerate(text, 1):
                if not line.strip():
                    continue
                try:
                    record = json.loads(line)
                except (ValueError, RecursionError) as error:
                    raise IngestionError(f"{file}, line {number}: no JSON: {error}") from error
                if not isinstance(record, dict):
                    raise IngestionError(
                        f"{file}, line {number}: a {type(record).__name__}, and each line is an object"
                    )
                yield number, record

    def kind_of(self, value: Any) -> Kind:
        match value:
            case bool():
                return "bool"
            case int():
                return "int" if -(2**63) <= value < 2**63 else "json"
            case float():
                return "float"
            case str():
                return "text"
            case list() if value and _numeric(value):
                return "array"
            case _:
                return "json"

    def value(self, value: Any, kind: Kind) -> Any:
        if kind == "text" and not isinstance(value, str):
            return json.dumps(value, ensure_ascii=False)
        return float(value) if kind == "float" else value


def _numeric(value: list[Any]) -> bool:
    """Whether a list is an array of numbers."""
    import numpy as np

    try:
        return np.asarray(value).dtype.kind in "if"
    except (ValueError, OverflowError):
        return False


def _file(source: Any) -> Path:
    try:
        return Path(os.fspath(source))
    except TypeError:
        raise IngestionError(f"the source is the path of a file, not {source!r}") from None


@contextmanager
def _reading(file: Path, encoding: str) -> Iterator[Any]:
    try:
        with file.open(encoding=encoding, newline="") as text:
            yield text
    except UnicodeDecodeError as error:
        raise IngestionError(f"{file} is no text in {encoding}: {error}") from error
    except OSError as error:
        raise IngestionError(f"{file} cannot be read: {error.strerror or error}") from error
    except LookupError as error:
        raise IngestionError(f"{file}: {error}") from error


def _names(option: Any) -> list[str]:
    """The names in an option: ``"a,b"``."""
    return [name.strip() for name in str(option).split(",") if name.strip()] if option else []


def _image(table: Path, name: str, line: int) -> Any:
    from deeplake.dataset.entry import read

    path = table.parent / name
    if not path.is_file():
        raise IngestionError(f"{table}, line {line}: there is no file {path}")
    return read(path)


__all__ = ["Csv", "Jsonl", "Table"]
