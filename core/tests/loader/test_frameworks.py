"""The framework suite passes on NumPy and on a stacking toy, and finds every fault in its twins."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
import pytest

import deeplake
from deeplake.errors import PluginNotFoundError
from deeplake.loader.frameworks import Numpy
from deeplake.spi import FrameworkAdapter
from deeplake.testing.framework import Batch, FrameworkContract


class TestNumpy(FrameworkContract):
    adapter = Numpy
    heavy = ("torch", "tensorflow", "jax", "PIL")
    batches = False
    supports_byte_orders = True

    @pytest.mark.parametrize("shape", [(3,), (3, 1), (2, 4, 5, 3), (1, 0), (4, 0, 2)])
    @pytest.mark.parametrize("name", ["uint8", "float32"])
    def test_samples_are_those_of_the_batch(self, name: str, shape: tuple[int, ...]) -> None:
        array = np.ones(shape, name)
        samples = Numpy().convert(Batch(x=array))
        assert [np.asarray(s["x"]).shape for s in samples] == [shape[1:]] * shape[0]


class Toy(FrameworkAdapter, api=(1, 0)):
    """Stacks: what a framework with tensors does, with arrays for tensors."""

    widen: ClassVar[Mapping[str, str]] = {"uint16": "int32", "uint32": "int64", "uint64": "int64"}

    def convert(self, batch: Mapping[str, Any]) -> Any:
        return Batch({key: self.column(key, value) for key, value in batch.items()})

    def column(self, key: str, value: Any) -> Any:
        if isinstance(value, np.ndarray):
            return self.tensor(value)
        if isinstance(value[0], np.ndarray) and value[0].dtype.kind in "UO":
            return [v.item() if v.dtype.kind == "U" else v.tolist() for v in value]
        try:
            return np.stack(value)
        except ValueError as error:
            raise ValueError(f"{key!r}: {error}") from error

    def tensor(self, array: np.ndarray) -> np.ndarray:
        array = array.astype(array.dtype.newbyteorder("="), copy=False)
        return array if array.flags.writeable and min(array.strides) >= 0 else array.copy()

    def collate(self, samples: Sequence[Any]) -> Any:
        if not samples:
            return []
        if not isinstance(samples[0], Mapping):
            return np.stack(samples)
        return self.convert({key: [s[key] for s in samples] for key, _ in samples[0].items()})


class TestToy(FrameworkContract):
    adapter = Toy


# --------------------------------------------------------------------------- twins
class NoApi(Toy):
    api = None


class NeedsArguments(Toy, api=(1, 0)):
    def __init__(self, device: str) -> None:
        self.device = device


class NarrowsLabels(Toy, api=(1, 0)):
    widen: ClassVar[Mapping[str, str]] = {"uint32": "int32"}


class WidensTwice(Toy, api=(1, 0)):
    widen: ClassVar[Mapping[str, str]] = {"uint16": "uint32", "uint32": "int64"}


class MakesFloats(Toy, api=(1, 0)):
    def tensor(self, array: np.ndarray) -> np.ndarray:
        return array.astype(np.float32)


class Squeezes(Toy, api=(1, 0)):
    def tensor(self, array: np.ndarray) -> np.ndarray:
        return super().tensor(array).squeeze()


class Copies(Toy, api=(1, 0)):
    def tensor(self, array: np.ndarray) -> np.ndarray:
        return super().tensor(array).copy()


class Recycles(Toy, api=(1, 0)):
    def __init__(self) -> None:
        self.buffers: dict[Any, np.ndarray] = {}

    def tensor(self, array: np.ndarray) -> np.ndarray:
        buffer = self.buffers.setdefault((array.shape, array.dtype.str), np.empty_like(array))
        buffer[...] = array
        return buffer


class Reverses(Toy, api=(1, 0)):
    def tensor(self, array: np.ndarray) -> np.ndarray:
        return super().tensor(array[::-1] if array.strides[0] < 0 else array)


class KeepsByteOrder(Toy, api=(1, 0)):
    def tensor(self, array: np.ndarray) -> np.ndarray:
        return array


class Sorts(Toy, api=(1, 0)):
    def convert(self, batch: Mapping[str, Any]) -> Any:
        return Batch(sorted(super().convert(batch).items()))


class IteratesKeys(Toy, api=(1, 0)):
    def convert(self, batch: Mapping[str, Any]) -> Any:
        return OrderedDict(super().convert(batch).items())


class BelievesIteration(Toy, api=(1, 0)):
    def convert(self, batch: Mapping[str, Any]) -> Any:
        return Batch({key: self.column(key, batch[key]) for key in batch})


class FailsOnEmpty(Toy, api=(1, 0)):
    def collate(self, samples: Sequence[Any]) -> Any:
        return self.convert({key: [s[key] for s in samples] for key, _ in samples[0].items()})


class TextAsBytes(Toy, api=(1, 0)):
    def column(self, key: str, value: Any) -> Any:
        found = super().column(key, value)
        return [v.encode() if isinstance(v, str) else v for v in found] if key == "text" else found


class DropsLists(Toy, api=(1, 0)):
    def column(self, key: str, value: Any) -> Any:
        return value[:1] if isinstance(value, list) else super().column(key, value)


class CutsRagged(Toy, api=(1, 0)):
    def column(self, key: str, value: Any) -> Any:
        if isinstance(value, list) and value[0].dtype.kind == "f":
            least = min(len(v) for v in value)
            return list(np.stack([v[:least] for v in value]))
        return super().column(key, value)


class NamesNothing(Toy, api=(1, 0)):
    def column(self, key: str, value: Any) -> Any:
        return super().column("", value)


class CollatesLists(Toy, api=(1, 0)):
    def collate(self, samples: Sequence[Any]) -> Any:
        return Batch({key: [s[key] for s in samples[1:]] for key, _ in samples[0].items()})


class OneScratch(Toy, api=(1, 0)):
    """Keeps state between two statements."""

    scratch: Any = None

    def convert(self, batch: Mapping[str, Any]) -> Any:
        self.scratch = batch
        time.sleep(0.001)
        return super().convert(self.scratch)


class Half:
    """A loader that gives every second batch."""

    def __init__(self, loader: Any) -> None:
        self.loader = loader

    def __len__(self) -> int:
        return len(self.loader)

    def __iter__(self) -> Iterator[Any]:
        return iter(list(self.loader)[::2])

    def __getattr__(self, name: str) -> Any:
        return getattr(self.loader, name)


class WrapsHalf(Toy, api=(1, 0)):
    def wrap(self, loader: Any) -> Any:
        return Half(loader)


class WrapsBare(Toy, api=(1, 0)):
    def wrap(self, loader: Any) -> Any:
        return list(loader)


FAULTS: dict[type[FrameworkAdapter], list[str]] = {
    NoApi: ["states_what_the_registry_needs"],
    NeedsArguments: ["states_what_the_registry_needs"],
    NarrowsLabels: ["widening_keeps_values"],
    WidensTwice: ["widening_keeps_values"],
    MakesFloats: ["round_trip"],
    Squeezes: ["round_trip"],
    Copies: ["arrays_are_not_copied"],
    Recycles: ["batches_do_not_share_memory", "arrays_are_not_copied"],
    Reverses: ["any_layout_in_memory"],
    KeepsByteOrder: ["any_layout_in_memory"],
    Sorts: ["keys_and_their_order"],
    IteratesKeys: ["batches_iterate_as_what_they_are_made_of"],
    BelievesIteration: ["keys_and_their_order"],
    FailsOnEmpty: ["empty_batches"],
    TextAsBytes: ["text_and_objects"],
    DropsLists: ["text_and_objects", "collated_samples_are_a_batch"],
    CutsRagged: ["ragged_samples_are_kept_or_refused"],
    NamesNothing: ["ragged_samples_are_kept_or_refused"],
    CollatesLists: ["collate_takes_tensors_and_numbers", "collate_takes_what_is_no_dict"],
    OneScratch: ["threads_share_one_adapter"],
    WrapsHalf: ["a_loader_of_the_framework"],
    WrapsBare: ["a_loader_of_the_framework"],
}


@pytest.mark.parametrize(
    ("twin", "name"),
    [(twin, name) for twin, names in FAULTS.items() for name in names],
    ids=lambda value: value if isinstance(value, str) else value.__name__,
)
def test_a_fault_is_found(twin: type[FrameworkAdapter], name: str) -> None:
    class Suite(FrameworkContract):
        adapter = twin

    test: Callable[..., None] = getattr(Suite(), f"test_{name}")
    arguments: tuple[Any, ...] = ("int64", (3, 1)) if name == "round_trip" else ()
    with pytest.raises((AssertionError, AttributeError, KeyError, TypeError, IndexError)):
        test(*arguments)


def test_a_heavy_import_is_found() -> None:
    class Suite(TestNumpy):
        heavy = ("deeplake.spi",)

    with pytest.raises(AssertionError, match="loads"):
        Suite().test_import_is_cheap()


def test_a_framework_is_chosen_by_its_key() -> None:
    ds = deeplake.empty("mem://chosen")
    ds.create_tensor("x").extend(np.arange(10))
    with pytest.raises(PluginNotFoundError, match="toys"):
        ds.dataloader().framework("toys")
    deeplake.plugins.register("framework", "toys", Toy)
    try:
        loader = ds.dataloader().batch(5).framework("toys", tensors=["x"], return_index=False)
        assert [list(batch.keys()) for batch in loader] == [["x"]] * 2
        assert [int(np.sum(batch["x"])) for batch in loader] == [10, 35]
        with pytest.raises(ValueError, match="already called"):
            loader.framework("toys")
    finally:
        deeplake.plugins.unregister("framework", "toys")
