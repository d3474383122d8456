"""The viewer suite passes on the kernel's viewer and a double, and finds the faults of twins."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest

import deeplake
from deeplake.dataset.page import Page, Shown
from deeplake.spi import Viewer
from deeplake.testing.contract import perform
from deeplake.testing.viewer import ViewerContract, numbers


class TestPage(ViewerContract):
    viewer = Page
    heavy = ("torch", "IPython", "flask")

    def shown(self, handle: Any) -> str:
        return str(handle.html)


class Listing(Viewer, api=(1, 0)):
    """A double: says on paper which tensors there are."""

    def show(
        self, dataset: Any, *, width: Any = None, height: Any = None, title: str = ""
    ) -> Paper:
        if not isinstance(dataset, deeplake.Dataset):
            raise TypeError("a dataset is shown")
        return Paper("\n".join([title, *dataset.tensors]))


class Paper:
    def __init__(self, text: str) -> None:
        self.text = text

    def close(self) -> None:
        self.text = ""


class TestListing(ViewerContract):
    viewer = Listing
    options = {"title": "what there is"}  # noqa: RUF012 - as authors write it
    supports_values = False
    supports_tensors = False
    supports_markup = False

    def shown(self, handle: Any) -> str:
        return str(handle.text)


# --------------------------------------------------------------------------- broken twins
class WithoutApi(Page):
    api = None


class ShowsAll(Page):
    """Shows the dataset, whatever the view."""

    def show(self, dataset: Any, **options: Any) -> Shown:
        if isinstance(dataset, deeplake.Dataset) and dataset.is_view:
            dataset = deeplake.load(dataset.path, read_only=True)
        return super().show(dataset, **options)


class Hidden(Page):
    """Names tensors that nobody asked for."""

    def show(self, dataset: Any, **options: Any) -> Shown:
        shown = super().show(dataset, **options)
        shown.html += "_words_id"
        return shown


class Forgetful(Page):
    """Knows only the tensors of the root."""

    def show(self, dataset: Any, **options: Any) -> Shown:
        shown = super().show(dataset, **options)
        shown.html = shown.html.replace("group/pictures", "pictures")
        return shown


class Blind(Page):
    """Shows no values."""

    def show(self, dataset: Any, **options: Any) -> Shown:
        shown = super().show(dataset, **options)
        shown.html = shown.html.replace("word-", "")
        return shown


class Remembering(Page):
    """Shows what it has shown before."""

    def __init__(self) -> None:
        self.known: Shown | None = None

    def show(self, dataset: Any, **options: Any) -> Shown:
        self.known = PAGES.setdefault(str(getattr(dataset, "path", "")), super().show(dataset))
        return self.known


PAGES: dict[str, Shown] = {}


class Unescaped(Page):
    def show(self, dataset: Any, **options: Any) -> Shown:
        from html import unescape

        shown = super().show(dataset, **options)
        shown.html = unescape(shown.html)
        return shown


class AsciiOnly(Page):
    def show(self, dataset: Any, **options: Any) -> Shown:
        shown = super().show(dataset, **options)
        shown.html = shown.html.encode("ascii", "ignore").decode()
        return shown


class NeedsRows(Page):
    """Looks at the first row."""

    def show(self, dataset: Any, **options: Any) -> Shown:
        if isinstance(dataset, deeplake.Dataset):
            dataset[0].tensors
            if not len(dataset):
                raise IndexError("no row 0")
        return super().show(dataset, **options)


class Writing(Page):
    """Notes in the dataset that it was seen."""

    def show(self, dataset: Any, **options: Any) -> Shown:
        if isinstance(dataset, deeplake.Dataset) and not dataset.is_view:
            dataset.info["seen"] = time.time()
        return super().show(dataset, **options)


class Committing(Page):
    def show(self, dataset: Any, **options: Any) -> Shown:
        if isinstance(dataset, deeplake.Dataset) and not dataset.is_view:
            dataset.commit("shown", allow_empty=True)
        return super().show(dataset, **options)


class Thorough(Page):
    """Reads everything to show the first rows."""

    def show(self, dataset: Any, **options: Any) -> Shown:
        for tensor in getattr(dataset, "tensors", {}).values():
            tensor.numpy(aslist=True)
        return super().show(dataset, **options)


class Serving(Page):
    """Leaves a thread behind."""

    def show(self, dataset: Any, **options: Any) -> Shown:
        thread = threading.Thread(target=STOP.wait, daemon=True)
        thread.start()
        return super().show(dataset, **options)


STOP = threading.Event()


class Pixels(Page):
    """Takes sizes in pixels only."""

    def show(self, dataset: Any, width: Any = None, height: Any = None) -> Shown:
        return super().show(dataset, width=int(width or 0), height=int(height or 0))


class Deaf(Page):
    """Takes any option, and does nothing with it."""

    def show(self, dataset: Any, width: Any = None, height: Any = None, **options: Any) -> Shown:
        return super().show(dataset, width=width, height=height)


class Opening(Page):
    """Takes whatever it is given for a dataset."""

    def show(self, dataset: Any, **options: Any) -> Shown:
        return super().show(dataset, **options) if hasattr(dataset, "tensors") else Shown("", 0, 0)


class Once:
    """A handle that is closed once."""

    def __init__(self, shown: Shown) -> None:
        self.html, self.open = shown.html, True

    def close(self) -> None:
        assert self.open, "closed already"
        self.open = False


class ClosesOnce(Page):
    def show(self, dataset: Any, **options: Any) -> Any:
        return Once(super().show(dataset, **options))


class NoHandle(Page):
    def show(self, dataset: Any, **options: Any) -> Any:
        return super().show(dataset, **options).html


class OneWindow(Page):
    """Shows everything in one window, which the first handle closes."""

    def __init__(self) -> None:
        self.window: Any = None

    def show(self, dataset: Any, **options: Any) -> Any:
        shown = super().show(dataset, **options)
        if self.window is None:
            self.window = Paper("")
        self.window.html = shown.html
        window = self.window

        class Handle:
            html = property(lambda _: window.html)

            def close(self) -> None:
                window.html = ""

        return Handle()


class OneTensor(Page):
    """Does not know what to do with a tensor."""

    def show(self, dataset: Any, **options: Any) -> Shown:
        if not isinstance(dataset, deeplake.Dataset):
            raise TypeError("a dataset is shown")
        return super().show(dataset, **options)


class OneAtATime(Page):
    """Keeps what it is showing in itself, where another thread finds it."""

    def show(self, dataset: Any, **options: Any) -> Shown:
        self.dataset = dataset
        time.sleep(0.01)
        return super().show(self.dataset, **options)


FAULTS: dict[type[Viewer], str] = {
    WithoutApi: "test_states_what_the_registry_needs",
    Hidden: "test_all_tensors_are_named",
    Forgetful: "test_all_tensors_are_named",
    Blind: "test_values_of_rows",
    ShowsAll: "test_a_view_is_its_rows",
    Remembering: "test_the_dataset_as_it_is_now",
    OneTensor: "test_one_tensor",
    NeedsRows: "test_what_holds_little",
    Unescaped: "test_any_text",
    AsciiOnly: "test_any_text",
    Writing: "test_nothing_is_changed",
    Committing: "test_nothing_is_changed",
    Thorough: "test_little_is_read_of_much",
    Serving: "test_nothing_runs_on_after_close",
    Pixels: "test_sizes",
    Deaf: "test_options",
    Opening: "test_what_is_no_dataset_is_refused",
    ClosesOnce: "test_closing_twice",
    NoHandle: "test_closing_twice",
    OneWindow: "test_handles_do_not_disturb_each_other",
    OneAtATime: "test_threads_share_one_viewer",
}
"""Twin -> the test that finds its fault."""


@pytest.mark.parametrize(("twin", "name"), FAULTS.items(), ids=lambda v: getattr(v, "__name__", v))
def test_a_twin_with_a_fault_is_found(
    twin: type[Viewer], name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("deeplake.testing.viewer.PATIENCE", 0.2)
    PAGES.clear()
    STOP.clear()
    suite = type("Suite", (TestPage,), {"viewer": twin})()
    with pytest.raises(
        (AssertionError, AttributeError, LookupError, TypeError, ValueError, pytest.fail.Exception)
    ):
        perform(suite, name, dataset=numbers)
    STOP.set()


def test_a_viewer_that_does_not_play_is_found() -> None:
    suite = type("Suite", (TestPage,), {"viewer": OneTensor})()
    with pytest.raises(TypeError):
        perform(suite, "test_visualize_and_play_use_it", dataset=numbers)


def test_every_test_finds_a_fault() -> None:
    rest = {
        "test_import_is_cheap",
        "test_no_test_of_the_suite_is_missing",
        "test_visualize_and_play_use_it",
    }
    names = {name for name in dir(ViewerContract) if name.startswith("test_")}
    assert names - rest == set(FAULTS.values())
