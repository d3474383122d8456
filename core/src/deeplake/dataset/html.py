"""Datasets and tensors as HTML, which notebooks show: a table, and what the first rows look like.

Everything is in the text itself: no script, no link, nothing that a browser would fetch. What is
read of the data is bounded, and what cannot be shown leaves a note in its place.
"""

from __future__ import annotations

import base64
import math
import reprlib
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from html import escape
from itertools import islice
from typing import TYPE_CHECKING, Any, Final, TypeVar, cast

import numpy as np

from deeplake.dataset.meta import dtype_text
from deeplake.dataset.resize import bilinear, nearest
from deeplake.dataset.summary import compression_text, shape_text
from deeplake.errors import DeepLakeError, EmptyTensorError, PluginNotFoundError
from deeplake.format.encoding import codec_plugin, htype_plugin
from deeplake.spi import SampleCodec

if TYPE_CHECKING:
    from deeplake.dataset.dataset import Dataset
    from deeplake.dataset.tensor import Tensor

T = TypeVar("T")

SIDE: Final = 96
"""Pixels of the longer side of a thumbnail."""
PIXELS: Final = 64 << 20
"""Values of a picture that are decoded for a thumbnail at most."""
IN_TABLE: Final = 3
ALONE: Final = 12
"""Samples that the row of a tensor in a dataset's table shows, and the tensor itself."""
TENSORS: Final = 40
"""Tensors whose samples are shown; the others are listed only."""
PLAYED: Final = 32 << 20
"""Bytes of a file that a page holds at most."""
TEXT: Final = 80
"""Characters of a value."""

_SHORT = reprlib.Repr()
_SHORT.maxstring = _SHORT.maxother = TEXT

_CELL = "text-align:left;vertical-align:top;padding:2px 8px"
_NOTE = "color:#888"


def or_reason(show: Callable[[T], str], what: T) -> str:
    """Something as HTML, or why it cannot be shown: a notebook gets no traceback for it."""
    try:
        return show(what)
    except DeepLakeError as error:
        return _note(str(error))


def dataset_html(dataset: Dataset) -> str:
    """A dataset or view: what and where it is, and a table of its tensors with their first rows."""
    facts = [("path", dataset.path)]
    if dataset.group_index:
        facts.append(("group", dataset.group_index))
    facts.append(("version", _version(dataset)))
    tensors = dataset.tensors
    lengths = {len(tensor) for tensor in tensors.values()}
    rows = f"{min(lengths, default=0):,}"
    if len(lengths) > 1:
        rows += f" (the longest tensor has {max(lengths):,})"
    facts.append(("rows", rows))
    if dataset.read_only:
        facts.append(("", "read only"))
    head = ("tensor", "htype", "shape", "dtype", "compression", "first rows")
    body = [
        [*map(escape, _row(name, tensor)), _samples(tensor, IN_TABLE) if i < TENSORS else ""]
        for i, (name, tensor) in enumerate(tensors.items())
    ]
    return f"<div>{_facts('Dataset', facts)}{_table(head, body)}</div>"


def tensor_html(tensor: Tensor) -> str:
    """A tensor or a part of one, with its first samples."""
    name, htype, shape, dtype, compression = _row(tensor.key, tensor)
    facts = [("htype", htype), ("shape", shape), ("dtype", dtype), ("compression", compression)]
    title = f"Tensor {name}" if tensor.index.is_all else f"Tensor {name}, {tensor.index!r}"
    return f"<div>{_facts(title, facts)}<div>{_samples(tensor, ALONE)}</div></div>"


def _version(dataset: Dataset) -> str:
    commit = dataset.commit_id
    state = f"commit {commit[:10]}" if commit else "no commit yet"
    return f"branch {dataset.branch}, {state}{' and changes' if dataset.has_head_changes else ''}"


def _row(name: str, tensor: Tensor) -> tuple[str, str, str, str, str]:
    return (
        name, str(tensor.htype), shape_text(tensor), str(dtype_text(tensor)),
        compression_text(tensor),
    )  # fmt: skip


def _facts(title: str, facts: Iterable[tuple[str, str]]) -> str:
    parts = [f"{escape(name)} {escape(value)}".strip() for name, value in facts]
    return f"<b>{escape(title)}</b> <span style='{_NOTE}'>{' · '.join(parts)}</span>"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table of cells that are HTML already."""
    cells = "".join(f"<th style='{_CELL}'>{name}</th>" for name in head)
    lines = [f"<tr>{cells}</tr>"]
    for row in rows:
        cells = "".join(f"<td style='{_CELL}'>{cell}</td>" for cell in row)
        lines.append(f"<tr>{cells}</tr>")
    return f"<table>{''.join(lines)}</table>"


# --------------------------------------------------------------------------- samples
def _samples(tensor: Tensor, most: int) -> str:
    """The first samples as pictures or short texts."""
    if not len(tensor):
        return ""
    if tensor.is_link:
        return _note("links, which are not followed for this")
    single = tensor.index.is_single
    parts = [tensor] if single else [tensor[i] for i in range(min(most, len(tensor)))]
    show, joint = _way(tensor)
    more = " …" if len(parts) < len(tensor) else ""
    return joint.join(show(part) for part in parts) + more


def _way(tensor: Tensor) -> tuple[Callable[[Tensor], str], str]:
    """How samples of a tensor are shown, and what stands between them."""
    spec = htype_plugin(tensor.base_htype or "generic").spec()
    pictures = "image" in spec.media and spec.name != "generic"
    files = bool(spec.media) and "image" not in spec.media
    show = _picture if pictures else _shape if files else _value
    joint = "" if pictures else ", "
    if tensor.is_sequence and not tensor.index.steps and (pictures or files):
        return partial(_items, show=show), joint
    return show, joint


def rows_html(dataset: Dataset, most: int) -> str:
    """A table of the first rows: a line each, with one sample of each tensor.

    Args:
        dataset: A dataset or view.
        most: Rows at most.
    """
    tensors = dict(islice(dataset.tensors.items(), TENSORS))
    count = min(most, max(map(len, tensors.values()), default=0))
    ways = {name: _cell_of(tensor) for name, tensor in tensors.items()}
    rows = [[str(i), *(ways[name](i) for name in tensors)] for i in range(count)]
    return _table(["row", *map(escape, tensors)], rows) if tensors else ""


def _cell_of(tensor: Tensor) -> Callable[[int], str]:
    if tensor.is_link:
        return lambda _: _note("a link, which is not followed for this")
    show, _ = _way(tensor)
    return lambda i: or_reason(show, tensor[i]) if i < len(tensor) else _note("no row")


def media_html(tensor: Tensor) -> str | None:
    """One stored sound or film, to be played by the browser; None: it is not one, or very large."""
    kind = tensor.base_htype
    extension = tensor.sample_compression
    if kind not in ("audio", "video") or extension is None or not tensor.index.is_single:
        return None
    file = tensor.tobytes()
    if len(file) > PLAYED:
        return _note(f"{kind} of {len(file):,} bytes: too large to be shown here")
    uri = f"data:{kind}/{escape(extension)};base64,{base64.b64encode(file).decode()}"
    return f"<{kind} controls style='max-width:100%' src='{uri}'></{kind}>"


def _items(part: Tensor, show: Callable[[Tensor], str]) -> str:
    """The first items of a sample that is a sequence."""
    count = part.shape[0] or 0
    more = " …" if count > IN_TABLE else ""
    return f"[{''.join(show(part[j]) for j in range(min(count, IN_TABLE)))}{more}] "


def _shape(part: Tensor) -> str:
    return _note(f"{part.base_htype} {part.shape_interval}")


def _value(part: Tensor) -> str:
    try:
        if math.prod(n or 0 for n in part.shape) > PIXELS // 1024:
            return _note(f"array {part.shape_interval}")
        data = part.data()
        value = data.get("text", data.get("value"))
    except EmptyTensorError:
        return _note("empty")
    except (DeepLakeError, NotImplementedError, ValueError) as error:
        return _note(type(error).__name__)
    if part.base_htype == "polygon" and value:
        return _note(f"polygons {part.shape_interval}")
    if isinstance(value, np.ndarray):
        if value.size > 12:
            return _note(f"array {part.shape_interval}")
        value = value.tolist()
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    text = value if isinstance(value, str) else _SHORT.repr(value)
    return escape(text if len(text) <= TEXT else text[: TEXT - 1] + "…")


def _picture(part: Tensor) -> str:
    shape = part.shape
    if math.prod(n or 0 for n in shape) > PIXELS:
        return _note(f"large picture {part.shape_interval}")
    try:
        sample = part.numpy()
    except (DeepLakeError, ValueError) as error:
        return _note(type(error).__name__)
    if not isinstance(sample, np.ndarray) or 0 in sample.shape:
        return _note("empty")
    uri = thumbnail(sample, labels="mask" in str(part.base_htype))
    if uri is None:
        return _note(f"picture {part.shape_interval}")
    label = escape(f"{part.key} {part.shape_interval}", quote=True)
    return f"<img src='{uri}' title='{label}' alt='{label}' style='margin:1px'/>"


def _note(text: str) -> str:
    return f"<span style='{_NOTE}'>{escape(text)}</span>"


# --------------------------------------------------------------------------- pictures
def thumbnail(sample: np.ndarray, *, labels: bool = False) -> str | None:
    """A small picture as a data URI.

    Args:
        sample: Array of shape ``(height, width)`` or ``(height, width, channels)``.
        labels: The values are labels: shades of grey for up to 255 of them, none of them mixed.

    Returns:
        The URI; None if the array is no picture, or no codec for pictures is installed.
    """
    if sample.ndim not in (2, 3) or sample.dtype.kind not in "buif":
        return None
    if sample.ndim == 3 and sample.shape[2] not in (1, 3, 4):
        sample = sample[:, :, 0]
    height, width = sample.shape[:2]
    scale = min(1.0, SIDE / max(height, width))
    size = max(1, round(height * scale)), max(1, round(width * scale))
    resize = nearest if labels else bilinear
    pixels = _shades(resize(sample, *size) if scale < 1 else sample, labels=labels)
    for name in ("png",) if labels or pixels.shape[2:] == (4,) else ("jpeg", "png"):
        try:
            codec = codec_plugin(name)
        except PluginNotFoundError:
            continue
        data = bytes(cast(SampleCodec, codec).encode(np.ascontiguousarray(pixels)))
        return f"data:image/{name};base64,{base64.b64encode(data).decode()}"
    return None


def _shades(image: np.ndarray, *, labels: bool) -> np.ndarray:
    """The picture in uint8, grey ones without an axis of channels."""
    if image.ndim == 3 and image.shape[2] == 1:
        image = image[:, :, 0]
    if image.dtype == np.uint8 and not labels:
        return image
    values: Any = np.nan_to_num(image.astype(np.float64))
    low, high = (0.0, 1.0) if image.dtype.kind == "b" else (values.min(), values.max())
    if image.dtype == np.uint16:
        low, high = 0.0, 65535.0
    shades: np.ndarray = ((values - low) * (255 / max(high - low, 1e-300))).clip(0, 255)
    return shades.astype(np.uint8)


__all__ = [
    "dataset_html",
    "media_html",
    "or_reason",
    "rows_html",
    "tensor_html",
    "thumbnail",
]
