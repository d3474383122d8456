r"""Contract suite of ingestors.

A plugin's tests derive from it, name the class, write a source without the plugin's help, and say what
its rows are::

    class TestCsv(IngestContract):
        ingestor = Csv
        expected = [{"x": 1, "name": "a"}, {"x": 2, "name": "b"}]

        def source(self, folder):
            (folder / "table.csv").write_text("x,name\n1,a\n2,b\n")
            return folder / "table.csv"

        def refused(self, folder):
            (folder / "ragged.csv").write_text("x,name\n1\n")
            return {"a row without a name": folder / "ragged.csv"}

Rows are compared as a dataset holds them: arrays as nested lists, labels as their names. pytest then
runs every test below. Needs pytest.
"""

from __future__ import annotations

import copy
import itertools
import json
import os
from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest

import deeplake
from deeplake import plugins
from deeplake.dataset.sample import Sample
from deeplake.errors import DatasetHandlerError, DeepLakeError
from deeplake.exchange.ingest import ingest
from deeplake.spi import Ingestor, Plugin
from deeplake.testing.contract import PluginContract

KEY = "ingest-contract"

_numbers = itertools.count()


class IngestContract(PluginContract):
    """Suite for an ``Ingestor``.

    Attributes:
        ingestor: The class under test.
        expected: The rows of ``source``, at least 2.
        options: Options that the tests give.
        htypes: Htypes of some tensors, by name.
    """

    ingestor: ClassVar[type[Ingestor]]
    expected: ClassVar[Sequence[Mapping[str, Any]]]
    options: ClassVar[Mapping[str, Any]] = {}
    htypes: ClassVar[Mapping[str, str]] = {}

    # ------------------------------------------------------------------ what the subclass knows
    @abstractmethod
    def source(self, folder: Path) -> Any:
        """Make the source of ``expected`` in an empty folder, without the plugin."""

    def refused(self, folder: Path) -> Mapping[str, Any]:
        """Sources that are not of the format, or broken at once, by what is wrong with them."""
        return {}

    def broken_later(self, folder: Path) -> tuple[Any, int] | None:
        """A source whose first rows are good, and how many; the next one cannot be read."""
        return None

    def plugin_class(self) -> type[Plugin]:
        return self.ingestor

    def _rows(self, source: Any) -> Iterator[Mapping[str, Any]]:
        return self.ingestor().rows(source, **self.options)

    # ------------------------------------------------------------------ the schema
    def test_schema_makes_tensors(self, tmp_path: Path) -> None:
        schema = self.ingestor().schema(self.source(tmp_path), **self.options)
        ds = deeplake.empty(f"mem://ingest-contract-{next(_numbers)}")
        for name, arguments in schema.items():
            ds.create_tensor(name, **arguments)
        assert list(ds.tensors) == list(schema)
        for name, htype in self.htypes.items():
            assert ds[name].htype == htype

    def test_schema_is_the_same_again(self, tmp_path: Path) -> None:
        source = self.source(tmp_path)
        ingestor = self.ingestor()
        first = copy.deepcopy(dict(ingestor.schema(source, **self.options)))
        list(ingestor.rows(source, **self.options))
        assert dict(ingestor.schema(source, **self.options)) == first
        assert dict(self.ingestor().schema(source, **self.options)) == first
        assert json.loads(json.dumps(first)) == first, "plain values, which a program can print"

    # ------------------------------------------------------------------ rows
    def test_rows_have_the_names_of_the_schema(self, tmp_path: Path) -> None:
        source = self.source(tmp_path)
        names = set(self.ingestor().schema(source, **self.options))
        rows = list(self._rows(source))
        assert len(rows) == len(self.expected)
        assert all(set(row) == names for row in rows)

    def test_rows_are_what_is_in_the_source(self, tmp_path: Path) -> None:
        ds = self._dataset(self.source(tmp_path))
        assert list(ds.tensors) == list(self.expected[0])
        for name in ds.tensors:
            got = [stored(ds[name][i]) for i in range(len(ds))]
            assert got == [plain(row[name]) for row in self.expected], name

    def test_rows_come_one_by_one(self, tmp_path: Path) -> None:
        rows = self._rows(self.source(tmp_path))
        assert iter(rows) is rows, "rows gives an iterator"
        next(rows)
        assert len(list(rows)) == len(self.expected) - 1
        assert next(rows, None) is None

    def test_rows_can_be_read_again_and_at_once(self, tmp_path: Path) -> None:
        source = self.source(tmp_path)
        ingestor = self.ingestor()
        first, second = (ingestor.rows(source, **self.options) for _ in range(2))
        pairs = list(zip(first, second, strict=True))
        assert len(pairs) == len(self.expected)
        assert all(_row(a) == _row(b) for a, b in pairs)
        assert [_row(row) for row in self._rows(source)] == [_row(a) for a, _ in pairs]

    def test_batches_are_the_rows_in_columns(self, tmp_path: Path) -> None:
        source = self.source(tmp_path)
        rows = []
        for batch in self.ingestor().batches(source, **self.options):
            sizes = set(map(len, batch.values()))
            assert len(sizes) == 1, f"columns of several lengths: {sizes}"
            names = list(batch)
            rows += [
                _row(dict(zip(names, row, strict=True)))
                for row in zip(*batch.values(), strict=True)
            ]
        assert rows == [_row(row) for row in self._rows(source)]

    def test_rows_belong_to_the_caller(self, tmp_path: Path) -> None:
        source = self.source(tmp_path)
        before = [_row(row) for row in self._rows(source)]
        kept = []
        for row in self._rows(source):
            kept.append(row)
            for value in row.values():
                if isinstance(value, np.ndarray):
                    value[...] = 0  # whoever made it reads it no more
                elif isinstance(value, list):
                    value.clear()
            if isinstance(row, dict):
                row.clear()
        assert len({id(row) for row in kept}) == len(kept), "rows are one object, filled anew"
        assert [_row(row) for row in self._rows(source)] == before

    def test_threads_share_one_ingestor(self, tmp_path: Path) -> None:
        sources = []
        for i in range(4):
            (tmp_path / str(i)).mkdir()
            sources.append(self.source(tmp_path / str(i)))
        ingestor = self.ingestor()

        def read(source: Any) -> list[Any]:
            return [[_row(r) for r in ingestor.rows(source, **self.options)] for _ in range(5)][-1]

        with ThreadPoolExecutor(4) as pool:
            found = list(pool.map(read, sources))
        assert all(rows == found[0] for rows in found)
        assert len(found[0]) == len(self.expected)

    # ------------------------------------------------------------------ what is not done
    def test_the_source_stays_as_it_is(self, tmp_path: Path) -> None:
        source = self.source(tmp_path)
        before = _files(tmp_path)
        self.ingestor().schema(source, **self.options)
        list(self._rows(source))
        assert _files(tmp_path) == before

    def test_nothing_is_left_open(self, tmp_path: Path) -> None:
        """Who stops reading leaves no file open."""
        source = self.source(tmp_path)
        if not os.path.isdir("/proc/self/fd"):
            return
        before = set(os.listdir("/proc/self/fd"))
        for _ in range(5):
            rows = self._rows(source)
            next(rows)
            del rows
        assert len(os.listdir("/proc/self/fd")) <= len(before)

    def test_unknown_options_are_refused(self, tmp_path: Path) -> None:
        source = self.source(tmp_path)
        ingestor = self.ingestor()
        for call in (ingestor.schema, ingestor.rows, ingestor.batches):
            with pytest.raises(TypeError, match="colour"):
                list(call(source, colour_of_the_sky="blue"))

    # ------------------------------------------------------------------ broken sources
    def test_what_is_not_of_the_format_is_refused(self, tmp_path: Path) -> None:
        (tmp_path / "source").mkdir()
        sources = {"nothing": tmp_path / "nothing", **self.refused(tmp_path / "source")}
        for what, source in sources.items():
            with pytest.raises(DeepLakeError, match=r"\w") as caught:
                self._read(source)
            named = Path(str(source)).name
            assert named in str(caught.value), f"{what}: {caught.value} does not name {named}"

    def test_rows_before_a_broken_one_are_given(self, tmp_path: Path) -> None:
        found = self.broken_later(tmp_path)
        if found is None:
            return
        source, good = found
        rows = self._rows(source)
        for _ in range(good):
            next(rows)
        with pytest.raises(DeepLakeError, match=r"\d"):  # it says where
            next(rows)
        with plugins.registered("ingest", KEY, self.ingestor):
            with pytest.raises(DeepLakeError):
                ingest(source, tmp_path / "ds", format=KEY, options=self.options)
            assert not deeplake.exists(tmp_path / "ds"), "half a dataset is left behind"

    # ------------------------------------------------------------------ through the kernel
    def test_a_dataset_is_made_and_committed(self, tmp_path: Path) -> None:
        (tmp_path / "source").mkdir()
        source = self.source(tmp_path / "source")
        with plugins.registered("ingest", KEY, self.ingestor):
            ds = ingest(source, tmp_path / "ds", format=KEY, options=self.options)
            assert len(ds) == len(self.expected)
            assert not ds.has_head_changes
            with pytest.raises(DatasetHandlerError):
                ingest(source, tmp_path / "ds", format=KEY, options=self.options)
        again = deeplake.load(tmp_path / "ds")
        for name in again.tensors:
            assert stored(again[name][0]) == plain(self.expected[0][name])

    def _read(self, source: Any) -> None:
        self.ingestor().schema(source, **self.options)
        list(self._rows(source))

    def _dataset(self, source: Any) -> deeplake.Dataset:
        ds = deeplake.empty(f"mem://ingest-contract-{next(_numbers)}")
        for name, arguments in self.ingestor().schema(source, **self.options).items():
            ds.create_tensor(name, **arguments)
        for row in self._rows(source):
            ds.append(dict(row))
        return ds


def stored(sample: Any) -> Any:
    """One sample of a dataset as plain values: labels by name, arrays as lists, single ones alone."""
    data = sample.data()
    return plain(data.get("text", data.get("value")))


def plain(value: Any) -> Any:
    """A value without NumPy; a list of one is its element, and an empty one None."""
    if isinstance(value, Sample):
        value = value.array
    if isinstance(value, np.ndarray):
        value = value.tolist()
    if isinstance(value, (list, tuple)):
        parts = [plain(part) for part in value]
        return parts[0] if len(parts) == 1 else parts or None
    return value


def _row(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: plain(value) for name, value in row.items()}


def _files(folder: Path) -> dict[str, bytes]:
    return {str(f): f.read_bytes() for f in sorted(folder.rglob("*")) if f.is_file()}


__all__ = ["KEY", "IngestContract", "plain", "stored"]
