"""The kernel's viewer: a page of HTML with the first rows, in a notebook or in a browser."""

from __future__ import annotations

import os
import tempfile
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from deeplake import plugins
from deeplake.dataset import html
from deeplake.errors import PluginNotFoundError
from deeplake.spi import Viewer

if TYPE_CHECKING:
    from deeplake.dataset.dataset import Dataset
    from deeplake.dataset.tensor import Tensor

ROWS = 50
"""Rows that a page shows."""

_ORDER = ("in-process", "installed", "built-in")

_PAGE = """<!doctype html>
<html><head><meta charset="utf-8"><title>{title}</title>
<style>body{{font:14px system-ui,sans-serif;margin:1em}}table{{border-collapse:collapse}}
td,th{{border-top:1px solid #ddd}}img{{image-rendering:auto}}</style></head>
<body>{body}</body></html>
"""


def viewer() -> Viewer:
    """The viewer that shows datasets: one of this process, or an installed one, or the kernel's own.

    Raises:
        PluginNotFoundError: All are disabled.
    """
    found = [
        info
        for info in plugins.available()
        if info.kind == "viewer" and info.status in ("available", "loaded", "conflict")
    ]
    if not found:
        raise PluginNotFoundError(
            "no viewer is installed, and the kernel's own is disabled. Notebooks show the first rows "
            "of a dataset that is the last line of a cell; ds.summary() prints its tensors"
        )
    return plugins.get("viewer", min(found, key=lambda info: _ORDER.index(info.source)).key)


class Shown:
    """A page. The last line of a notebook's cell shows it.

    Attributes:
        html: The whole document; it asks for nothing that is not in it.
    """

    def __init__(self, document: str, width: int | str | None, height: int | str | None) -> None:
        self.html = document
        self._size = tuple(_css(value) for value in (width or "100%", height or 480))
        self._file: Path | None = None

    def _repr_html_(self) -> str:
        width, height = self._size
        style = f"width:{width};height:{height};border:1px solid #ddd"
        return f"<iframe style='{style}' srcdoc='{escape(self.html, quote=True)}'></iframe>"

    def __repr__(self) -> str:
        return f"<a page of {len(self.html):,} characters: .open() shows it in a browser>"

    def open(self) -> Path:
        """Show the page in the system's browser; returns the file that it is read from."""
        import webbrowser

        if self._file is None:
            handle, name = tempfile.mkstemp(prefix="deeplake-", suffix=".html")
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(self.html)
            self._file = Path(name)
        webbrowser.open(self._file.as_uri())
        return self._file

    def close(self) -> None:
        """Remove the file that ``open`` made."""
        if self._file is not None:
            self._file.unlink(missing_ok=True)
            self._file = None


class Page(Viewer, api=(1, 0)):
    """Shows the tensors of a dataset, and its first rows with thumbnails."""

    def show(
        self,
        dataset: Any,
        *,
        width: int | str | None = None,
        height: int | str | None = None,
        **options: Any,
    ) -> Shown:
        if options:
            raise TypeError(f"a page has a width and a height, and no {', '.join(options)}")
        from deeplake.dataset.dataset import Dataset
        from deeplake.dataset.tensor import Tensor

        if isinstance(dataset, Dataset):
            title, body = dataset.path, _of_dataset(dataset)
        elif isinstance(dataset, Tensor):
            title, body = dataset.key, _of_tensor(dataset)
        else:
            raise TypeError(f"a dataset, a view or a tensor is shown, not {type(dataset).__name__}")
        return Shown(_PAGE.format(title=escape(title), body=body), width, height)


def _of_dataset(dataset: Dataset) -> str:
    head = html.or_reason(html.dataset_html, dataset)
    more = len(dataset) - ROWS
    note = f"<p>and {more:,} rows more</p>" if more > 0 else ""
    return f"{head}<h3>Rows</h3>{html.rows_html(dataset, ROWS)}{note}"


def _of_tensor(tensor: Tensor) -> str:
    played = html.media_html(tensor)
    return html.or_reason(html.tensor_html, tensor) + (f"<p>{played}</p>" if played else "")


def _css(size: int | str) -> str:
    return f"{size}px" if isinstance(size, int) else escape(size, quote=True)


__all__ = ["ROWS", "Page", "Shown", "viewer"]
