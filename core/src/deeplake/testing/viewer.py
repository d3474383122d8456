"""Contract suite of viewers.

A plugin's tests derive from it, name the class, and say what a handle shows::

    class TestMyViewer(ViewerContract):
        viewer = MyViewer
        options = {"title": "numbers"}

        def shown(self, handle):
            return handle.html

``shown`` is the back door: what people would see, as text or markup, read without the viewer's own
judgement of it. pytest then runs every test below. Needs pytest.
"""

from __future__ import annotations

import itertools
import multiprocessing
import re
import threading
import time
from abc import abstractmethod
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from html import unescape
from typing import Any, ClassVar

import numpy as np
import pytest

import deeplake
from deeplake import plugins
from deeplake.spi import Plugin, Store, Viewer, hookimpl
from deeplake.testing.contract import PluginContract
from deeplake.testing.stores import RecordingStore

PATIENCE = 10.0
"""Seconds for what was told to end to do so."""

ROWS = 6

_numbers = itertools.count()


class _Recorded:
    """Puts a store that records every request under datasets that are opened."""

    def __init__(self) -> None:
        self.stores: list[RecordingStore] = []

    @hookimpl
    def deeplake_wrap_store(self, store: Store, url: str) -> Store | None:
        if "viewer-contract" not in url:
            return None
        # What is mapped is not counted: nothing is.
        counted = replace(store.capabilities, mapping=False)
        self.stores.append(RecordingStore(store, capabilities=counted))
        return self.stores[-1]


class ViewerContract(PluginContract):
    """Suite for a ``Viewer``.

    Attributes:
        viewer: The class under test.
        options: Options that the viewer takes besides ``width`` and ``height``.
        supports_values: It shows values of the first rows, not only what tensors there are.
        supports_tensors: It shows a single tensor as well; otherwise that is a ``TypeError``.
        supports_markup: What ``shown`` returns is markup (HTML), so values have to be escaped.
    """

    viewer: ClassVar[type[Viewer]]
    options: ClassVar[Mapping[str, Any]] = {}
    supports_values: ClassVar[bool] = True
    supports_tensors: ClassVar[bool] = True
    supports_markup: ClassVar[bool] = True

    @abstractmethod
    def shown(self, handle: Any) -> str:
        """What people see of it."""

    def plugin_class(self) -> type[Plugin]:
        return self.viewer

    @pytest.fixture
    def dataset(self) -> deeplake.Dataset:
        """Words, numbers and pictures, six rows."""
        return numbers()

    def _show(self, what: Any, **options: Any) -> str:
        handle = self.viewer().show(what, **options)
        try:
            text = self.shown(handle)
        finally:
            handle.close()
        assert isinstance(text, str)
        return unescape(text) if self.supports_markup else text

    # ------------------------------------------------------------------ what is shown
    def test_all_tensors_are_named(self, dataset: deeplake.Dataset) -> None:
        text = self._show(dataset)
        for name in ("words", "numbers", "group/pictures"):
            assert name in text
        assert "_words_id" not in text, "hidden tensors are not shown"

    def test_values_of_rows(self, dataset: deeplake.Dataset) -> None:
        text = self._show(dataset)
        if self.supports_values:
            assert "word-0" in text
            assert "1000" in text

    def test_a_view_is_its_rows(self, dataset: deeplake.Dataset) -> None:
        if not self.supports_values:
            return
        text = self._show(dataset[4:])
        assert "word-4" in text
        assert "word-0" not in text
        assert "word-3" not in text
        chosen = self._show(dataset[["words"]])
        assert "words" in chosen
        assert "group/pictures" not in chosen

    def test_the_dataset_as_it_is_now(self, dataset: deeplake.Dataset) -> None:
        self._show(dataset)
        dataset.words[0] = "changed"
        dataset.create_tensor("later").extend(["late"] * ROWS)
        text = self._show(dataset)
        assert "later" in text
        if self.supports_values:
            assert "changed" in text
            assert "word-0" not in text

    def test_one_tensor(self, dataset: deeplake.Dataset) -> None:
        if not self.supports_tensors:
            with pytest.raises(TypeError):
                self.viewer().show(dataset.words)
            return
        text = self._show(dataset.words)
        assert "words" in text
        assert "group/pictures" not in text
        if self.supports_values:
            assert "word-5" in self._show(dataset.words[5])
            assert "word-4" not in self._show(dataset.words[5])

    def test_what_holds_little(self) -> None:
        ds = deeplake.empty(f"mem://viewer-contract-{next(_numbers)}")
        assert self._show(ds) is not None
        ds.create_tensor("empty")
        assert "empty" in self._show(ds)
        ds.create_tensor("uneven").extend([None, [], [[1, 2]]])
        text = self._show(ds)
        assert "empty" in text
        assert "uneven" in text

    def test_any_text(self) -> None:
        ds = deeplake.empty(f"mem://viewer-contract-{next(_numbers)}")
        nasty = [
            "<script>alert(1)</script>",
            "日本語 🦆",
            "a'b\"c",
            "&amp;",
            "</td></table>",
            "{0}%s\\",
        ]
        ds.create_tensor("t", htype="text").extend(nasty)
        handle = self.viewer().show(ds)
        text = self.shown(handle)
        handle.close()
        if self.supports_markup:
            assert "<script>alert" not in text, "values are not escaped"
            assert "</td></table></td>" not in text, "values are not escaped"
            text = unescape(text)
        if self.supports_values:
            for value in nasty[:3]:
                assert value in text

    # ------------------------------------------------------------------ what is not done
    def test_nothing_is_changed(self, dataset: deeplake.Dataset) -> None:
        dataset.commit("six")
        before = (dataset.commit_id, len(dataset), list(dataset.tensors), dataset.branches)
        self._show(dataset)
        self._show(dataset[1:3])
        after = (dataset.commit_id, len(dataset), list(dataset.tensors), dataset.branches)
        assert before == after
        assert not dataset.has_head_changes
        dataset.read_only = True
        self._show(dataset)

    def test_little_is_read_of_much(self) -> None:
        recorded = _Recorded()
        plugins.register_hooks(recorded, name="viewer-contract")
        try:
            ds = deeplake.empty(f"mem://viewer-contract-{next(_numbers)}")
            with ds:
                tensor = ds.create_tensor("noise", dtype="float64", max_chunk_size=1 << 18)
                tensor.extend(np.random.default_rng(0).random((4000, 1000)))
            ds.commit()
            for store in recorded.stores:
                store.clear()
            self._show(ds)
            read = sum(store.bytes_read for store in recorded.stores)
        finally:
            plugins.unregister_hooks("viewer-contract")
        assert read < 8_000_000, f"{read:,} of 32,000,000 bytes were read to show the first rows"

    def test_nothing_runs_on_after_close(self, dataset: deeplake.Dataset) -> None:
        def running() -> set[Any]:
            return {*threading.enumerate(), *multiprocessing.active_children()}

        before = running()
        handles = [self.viewer().show(dataset) for _ in range(3)]
        for handle in handles:
            handle.close()
        end = time.monotonic() + PATIENCE
        while running() - before and time.monotonic() < end:
            time.sleep(0.01)
        assert not running() - before, f"still running: {running() - before}"

    # ------------------------------------------------------------------ options and handles
    @pytest.mark.parametrize(
        ("width", "height"), [(None, None), (100, 50), ("80%", "20em"), (640, None)]
    )
    def test_sizes(self, width: int | str | None, height: int | str | None) -> None:
        assert "words" in self._show(numbers(), width=width, height=height)

    def test_options(self, dataset: deeplake.Dataset) -> None:
        assert "words" in self._show(dataset, **self.options)
        with pytest.raises(TypeError):
            self.viewer().show(dataset, colour_of_the_sky="blue")

    @pytest.mark.parametrize("what", [None, 7, "./path", {"words": ["a"]}, np.arange(3)])
    def test_what_is_no_dataset_is_refused(self, what: Any) -> None:
        with pytest.raises(TypeError):
            self.viewer().show(what)

    def test_closing_twice(self, dataset: deeplake.Dataset) -> None:
        handle = self.viewer().show(dataset)
        handle.close()
        handle.close()

    def test_handles_do_not_disturb_each_other(self, dataset: deeplake.Dataset) -> None:
        viewer = self.viewer()
        first, second = viewer.show(dataset), viewer.show(dataset[["numbers"]])
        first.close()
        text = self.shown(second)
        second.close()
        assert "numbers" in text
        assert "group/pictures" not in text

    def test_threads_share_one_viewer(self, dataset: deeplake.Dataset) -> None:
        viewer = self.viewer()
        gate = threading.Barrier(4)

        def show(name: str) -> bool:
            gate.wait()
            for _ in range(5):
                handle = viewer.show(dataset[[name]])
                text = self.shown(handle)
                handle.close()
                others = {"words", "numbers"} - {name}
                if name not in text or any(re.search(rf"\b{o}\b", text) for o in others):
                    return False
            return True

        with ThreadPoolExecutor(4) as pool:
            assert all(pool.map(show, ["words", "numbers", "words", "numbers"]))

    # ------------------------------------------------------------------ through the kernel
    def test_visualize_and_play_use_it(self, dataset: deeplake.Dataset) -> None:
        with _only("viewer-contract", self.viewer):
            handle = dataset[1:2].visualize(width=300)
            text = self.shown(handle)
            handle.close()
            assert "words" in text
            if self.supports_values:
                assert "word-1" in text
                assert "word-2" not in text
            if self.supports_tensors:
                ds = deeplake.empty(f"mem://viewer-contract-{next(_numbers)}")
                ds.create_tensor("clips", htype="video", sample_compression=None)
                ds.clips.append(np.zeros((2, 4, 4, 3), np.uint8))
                handle = ds.clips[0].play()
                assert "clips" in self.shown(handle)
                handle.close()


@contextmanager
def _only(key: str, viewer: type[Viewer]) -> Iterator[None]:
    with plugins.registered("viewer", key, viewer):
        yield


def numbers() -> deeplake.Dataset:
    """A dataset in memory: words, numbers and pictures."""
    ds = deeplake.empty(f"mem://viewer-contract-{next(_numbers)}")
    with ds:
        ds.create_tensor("words", htype="text").extend([f"word-{i}" for i in range(ROWS)])
        ds.create_tensor("numbers").extend(np.arange(1000, 1000 + ROWS))
        pictures = ds.create_tensor("group/pictures", htype="image", sample_compression=None)
        pictures.extend(np.zeros((ROWS, 4, 4, 3), np.uint8))
    return ds


__all__ = ["ViewerContract", "numbers"]
