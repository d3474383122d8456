"""Contract suite of frameworks.

A plugin's tests derive from it, name the class, and say how to get from the framework's tensors to
NumPy and back::

    class TestTorch(FrameworkContract):
        adapter = Torch
        heavy = ("torch",)

        def to_numpy(self, value):
            return value.numpy()

        def from_numpy(self, array):
            return torch.from_numpy(array)

pytest then runs every test below on it. Needs pytest.
"""

from __future__ import annotations

import itertools
import subprocess
import sys
import threading
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, ClassVar

import numpy as np
import pytest

import deeplake
from deeplake import plugins
from deeplake.errors import DeepLakeError
from deeplake.spi import FrameworkAdapter, Plugin
from deeplake.testing import strategies
from deeplake.testing.contract import PluginContract, environment

THREADS = 8

_numbers = itertools.count()


class Batch(OrderedDict[str, Any]):
    """What adapters are given: a dict that iterates over its values."""

    def __iter__(self) -> Iterator[Any]:
        return iter(self.values())


class FrameworkContract(PluginContract):
    """Suite for a ``FrameworkAdapter``.

    Attributes:
        adapter: The class under test.
        heavy: Modules that importing the adapter's module must not load.
        shares_memory: Converted arrays are views of the batch's arrays.
        unsupported: NumPy dtypes that the framework has not, besides those of ``widen``.
        supports_byte_orders: Its tensors have any byte order; otherwise arrays are converted to this
            machine's.
        batches: A batch has the columns stacked; False where it is a list of samples.
    """

    adapter: ClassVar[type[FrameworkAdapter]]
    heavy: ClassVar[tuple[str, ...]] = ()
    shares_memory: ClassVar[bool] = True
    unsupported: ClassVar[tuple[str, ...]] = ()
    supports_byte_orders: ClassVar[bool] = False
    batches: ClassVar[bool] = True

    # ------------------------------------------------------------------ what the subclass knows
    def to_numpy(self, value: Any) -> np.ndarray:
        """The framework's tensor as an array, in the same memory where ``shares_memory``."""
        return np.asarray(value)

    def from_numpy(self, array: np.ndarray) -> Any:
        """An array as the framework's tensor."""
        return array

    def to_text(self, value: Any) -> Any:
        """One text of a batch as a str."""
        return np.asarray(value).reshape(-1).tolist()[0]

    def columns(self, batch: Any) -> dict[str, Any]:
        """The columns of a converted or collated batch, in order."""
        if self.batches:
            return dict(batch.items())
        return {key: [sample[key] for sample in batch] for key, _ in batch[0].items()}

    # ------------------------------------------------------------------ the class
    def plugin_class(self) -> type[Plugin]:
        return self.adapter

    def test_import_is_cheap(self) -> None:
        code = (
            f"import sys, {self.adapter.__module__} as m\nm.{self.adapter.__name__}()\n"
            f"print([name for name in {self.heavy!r} if name in sys.modules])"
        )
        done = subprocess.run(
            [sys.executable, "-c", code],
            env=environment(),
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert done.stdout.strip() == "[]", (
            f"importing {self.adapter.__module__} loads {done.stdout}"
        )

    def test_widening_keeps_values(self) -> None:
        for narrow, wide in self.adapter.widen.items():
            source, target = np.dtype(narrow), np.dtype(wide)
            assert wide not in self.adapter.widen, f"{wide} is widened again"
            assert target.itemsize >= source.itemsize
            # uint64 has no wider integer: the kernel refuses values that do not fit.
            safe = np.can_cast(source, target) or narrow == "uint64"
            assert safe, f"{narrow} does not fit into {wide}"

    # ------------------------------------------------------------------ arrays
    @pytest.mark.parametrize("name", strategies.DTYPES)
    @pytest.mark.parametrize("shape", [(3,), (3, 1), (2, 4, 5, 3), (1, 0), (4, 0, 2)])
    def test_round_trip(self, name: str, shape: tuple[int, ...]) -> None:
        if name in self.unsupported:
            return
        dtype = np.dtype(self.adapter.widen.get(name, name))
        array = _filled(shape, dtype)
        expected = array.copy()
        (got,) = self._arrays({"x": array})
        assert got.dtype == dtype
        assert got.shape == shape
        assert got.tobytes() == expected.tobytes()

    def test_arrays_are_not_copied(self) -> None:
        array = _filled((4, 3), np.dtype("float32"))
        (got,) = self._arrays({"x": array})
        if self.shares_memory and self.batches:
            assert np.shares_memory(got, array), "a copy of each batch costs as much as reading it"
        if self.shares_memory and not self.batches:
            converted = self.adapter().convert(Batch(x=array))
            assert np.shares_memory(self.to_numpy(converted[0]["x"]), array)

    def test_batches_do_not_share_memory(self) -> None:
        adapter = self.adapter()
        first = adapter.convert(Batch(x=_filled((4, 3), np.dtype("int32"))))
        before = [np.array(self.to_numpy(v)) for v in _flat(self.columns(first)["x"])]
        for _ in range(3):
            adapter.convert(Batch(x=np.full((4, 3), 7, np.int32)))
        after = [np.array(self.to_numpy(v)) for v in _flat(self.columns(first)["x"])]
        assert all(map(np.array_equal, before, after)), "a batch changed after it was handed out"

    @pytest.mark.filterwarnings("error")
    def test_any_layout_in_memory(self) -> None:
        plain = _filled((4, 6), np.dtype("int32"))
        read_only = plain.copy()
        read_only.flags.writeable = False
        for array in (
            read_only,
            plain[::-1],
            plain[:, ::2],
            plain.T,
            plain.astype(">i4"),
            np.broadcast_to(plain[0], (4, 6)),
        ):
            (got,) = self._arrays({"x": array})
            assert np.array_equal(got, array)
            assert got.dtype.isnative or self.supports_byte_orders

    def test_empty_batches(self) -> None:
        if self.batches:
            (got,) = self._arrays({"x": np.zeros((0, 3), np.float32)})
            assert got.shape == (0, 3)
            assert got.dtype == np.float32
        else:
            assert len(self.adapter().convert(Batch(x=np.zeros((0, 3))))) == 0
        assert len(self.adapter().collate([])) == 0

    # ------------------------------------------------------------------ keys
    def test_keys_and_their_order(self) -> None:
        arrays = {name: np.full((2, 1), i) for i, name in enumerate(("z", "a/b", "index", "é"))}
        for given in (Batch(arrays), dict(arrays)):
            columns = self.columns(self.adapter().convert(given))
            assert list(columns) == list(arrays)
            for name, column in columns.items():
                assert np.array_equal(self._stacked(column), arrays[name])

    def test_batches_iterate_as_what_they_are_made_of(self) -> None:
        if not self.batches:
            return
        batch = self.adapter().convert(Batch(x=np.ones((2, 1)), y=np.zeros((2, 3))))
        x, y = batch
        assert self.to_numpy(x).shape == (2, 1)
        assert self.to_numpy(y).shape == (2, 3)

    # ------------------------------------------------------------------ what is no array
    def test_text_and_objects(self) -> None:
        texts = [np.array(["a"]), np.array([""]), np.array(["été"])]
        objects = [_objects({"a": 1}), _objects(1, "x", None), _objects()]
        columns = self.columns(self.adapter().convert(Batch(text=texts, json=objects)))
        assert [self.to_text(value) for value in columns["text"]] == ["a", "", "été"]
        assert [list(value) for value in columns["json"]] == [[{"a": 1}], [1, "x", None], []]

    def test_ragged_samples_are_kept_or_refused(self) -> None:
        values = [np.ones((n, 2), np.float32) for n in (1, 3, 2)]
        batch = self._converted_or_refused(Batch(x=values))
        if batch is not None:
            column = self.columns(batch)["x"]
            assert [self.to_numpy(v).shape for v in column] == [(1, 2), (3, 2), (2, 2)]
            assert all(
                np.array_equal(self.to_numpy(v), w) for v, w in zip(column, values, strict=True)
            )

    def _converted_or_refused(self, batch: Mapping[str, Any]) -> Any:
        try:
            return self.adapter().convert(batch)
        except (RuntimeError, TypeError, ValueError, DeepLakeError) as error:
            said = [str(error), *getattr(error, "__notes__", ())]
            assert any("'x'" in text for text in said), f"{said} does not name the column"
            return None

    # ------------------------------------------------------------------ collate
    def test_collated_samples_are_a_batch(self) -> None:
        samples = [
            Batch(image=np.full((2, 3), i, np.uint8), label=np.array([i]), name=np.array([str(i)]))
            for i in range(4)
        ]
        columns = self.columns(self.adapter().collate(samples))
        assert list(columns) == ["image", "label", "name"]
        image = self._stacked(columns["image"])
        assert image.dtype == np.uint8
        assert np.array_equal(image, np.stack([s["image"] for s in samples]))
        assert np.array_equal(self._stacked(columns["label"]), np.arange(4)[:, None])
        assert [self.to_text(value) for value in columns["name"]] == ["0", "1", "2", "3"]

    def test_collate_takes_tensors_and_numbers(self) -> None:
        samples = [
            {"x": self.from_numpy(np.full((2, 2), i, np.float32)), "n": i, "f": i / 2}
            for i in range(3)
        ]
        columns = self.columns(self.adapter().collate(samples))
        assert list(columns) == ["x", "n", "f"]
        expected = np.stack([np.full((2, 2), i, np.float32) for i in range(3)])
        assert np.array_equal(self._stacked(columns["x"]), expected)
        assert self._stacked(columns["n"]).tolist() == [0, 1, 2]
        assert self._stacked(columns["f"]).tolist() == [0, 0.5, 1]

    def test_collate_takes_what_is_no_dict(self) -> None:
        collated = self.adapter().collate([np.full((2,), i) for i in range(3)])
        assert np.array_equal(self._stacked(collated), [[0, 0], [1, 1], [2, 2]])

    # ------------------------------------------------------------------ together
    def test_threads_share_one_adapter(self) -> None:
        adapter = self.adapter()
        gate = threading.Barrier(THREADS)

        def run(number: int) -> bool:
            gate.wait()
            for i in range(20):
                array = np.full((3, 4), number * 100 + i)
                (got,) = self._arrays({"x": array}, adapter)
                if not (got == number * 100 + i).all():
                    return False
            return True

        with ThreadPoolExecutor(THREADS) as pool:
            assert all(pool.map(run, range(THREADS)))

    def test_a_loader_of_the_framework(self) -> None:
        from deeplake.loader.loader import DeepLakeDataLoader
        from deeplake.loader.spec import LoaderSpec

        key = f"contract-{next(_numbers)}"
        ds = deeplake.empty(f"mem://{key}")
        with ds:
            ds.create_tensor("x").extend(np.arange(20, dtype=np.float32).reshape(10, 2))
            ds.create_tensor("y", htype="class_label").extend(np.arange(10))
        plugins.register("framework", key, self.adapter)
        try:
            spec = LoaderSpec(framework=key, batch_size=4, return_index=True)
            loader = DeepLakeDataLoader.of(ds, spec)
            assert len(loader) == 3
            for _ in range(2):
                batches = [self.columns(batch) for batch in loader]
                assert [list(batch) for batch in batches] == [["x", "y", "index"]] * 3
                x = np.concatenate([self._stacked(batch["x"]) for batch in batches])
                assert np.array_equal(x, ds.x.numpy())
                y = np.concatenate([self._stacked(batch["y"]) for batch in batches])
                assert y.tolist() == [[i] for i in range(10)]
                assert y.dtype == self.adapter.widen.get("uint32", "uint32")
                index = np.concatenate([self._stacked(batch["index"]) for batch in batches])
                assert index.tolist() == y.tolist()
            # What the fluent API and training code use of a loader, whatever it is wrapped in.
            assert loader.epoch == 2
            loader.set_epoch(5)
            assert loader.state_dict()["epoch"] == 5
            assert loader.spec == spec
            assert len(loader.shuffle().offset(0)) == 3
            with loader:
                next(iter(loader))
            loader.close()
        finally:
            plugins.unregister("framework", key)

    # ------------------------------------------------------------------ what the tests share
    def _arrays(
        self, columns: Mapping[str, Any], adapter: FrameworkAdapter | None = None
    ) -> list[np.ndarray]:
        adapter = self.adapter() if adapter is None else adapter
        batch = self.columns(adapter.convert(Batch(columns)))
        return [self._stacked(column) for column in batch.values()]

    def _stacked(self, column: Any) -> np.ndarray:
        """A column of a batch as one array."""
        if isinstance(column, list):
            return np.stack([self.to_numpy(value) for value in column])
        return self.to_numpy(column)


def _flat(column: Any) -> list[Any]:
    return column if isinstance(column, list) else [column]


def _filled(shape: tuple[int, ...], dtype: np.dtype[Any]) -> np.ndarray:
    n = int(np.prod(shape))
    if dtype.kind in "iu":
        info = np.iinfo(dtype)
        values = np.resize(np.array([info.min, info.max, 0, 1], dtype), n)
    else:
        values = np.resize(np.array([0, 1, -0.0, np.inf]).astype(dtype), n)
    return values.reshape(shape)


def _objects(*values: Any) -> np.ndarray:
    array = np.empty(len(values), object)
    array[:] = values
    return array


__all__ = ["Batch", "FrameworkContract"]
