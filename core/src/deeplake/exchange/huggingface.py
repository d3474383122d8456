"""Datasets of Hugging Face's library ``datasets``: a tensor for each feature."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from deeplake import plugins
from deeplake.dataset.dataset import Dataset
from deeplake.dataset.sample import Sample
from deeplake.errors import DeepLakeError, IngestionError
from deeplake.exchange.dataframe import tensor_name
from deeplake.exchange.filling import Columns, Filling, told
from deeplake.exchange.options import Options
from deeplake.exchange.parameters import Tensors
from deeplake.exchange.target import Target
from deeplake.spi import Ingestor
from deeplake.types import PathLike

BATCH = 1024
"""Rows of a batch; of files, 256."""
LOOK = 100
"""Rows that are looked at to find the format of files."""

_MEDIA = {"Image": "image", "Audio": "audio", "Video": "video"}
_DATES = ("timestamp", "date", "time", "duration", "decimal")


class Huggingface(Ingestor, api=(1, 0)):
    """A ``datasets.Dataset``: a tensor for each feature, in groups where features have parts.

    Strings and dates become text, ``ClassLabel`` class labels, numbers and (nested) sequences of numbers
    arrays, ``Image``, ``Audio`` and ``Video`` what they are, byte for byte. Sequences of strings or of
    features with parts, and bytes, are left out.
    """

    def schema(self, source: Any, **options: Any) -> Mapping[str, Mapping[str, Any]]:
        Options(options)
        return {part.name: part.arguments for part in _parts(source)}

    def rows(self, source: Any, **options: Any) -> Iterator[Mapping[str, Any]]:
        batches = self.batches(source, **options)
        return (
            dict(zip(batch, row, strict=True))
            for batch in batches
            for row in zip(*batch.values(), strict=True)
        )

    def batches(self, source: Any, **options: Any) -> Iterator[Mapping[str, Sequence[Any]]]:
        Options(options)
        parts = _parts(source)
        step = 256 if any(part.media for part in parts) else BATCH
        tables = source.with_format("arrow")
        return (
            {part.name: part.values(table) for part in parts}
            for table in (tables[start : start + step] for start in range(0, len(source), step))
        )


@dataclass
class _Part:
    """A feature, or a part of one, that becomes a tensor.

    Attributes:
        name: Of the tensor.
        keys: Of the column, and of parts within it.
        arguments: Of ``create_tensor``.
        convert: Makes samples of a column of Arrow's.
        media: Whether they are files.
    """

    name: str
    keys: tuple[str, ...]
    arguments: dict[str, Any]
    convert: Callable[[Any], Any]
    media: bool = False

    def column(self, table: Any) -> Any:
        """The part, of a table of Arrow's."""
        column = table[self.keys[0]]
        for key in self.keys[1:]:
            column = column.flatten()[column.type.get_field_index(key)]
        return column

    def values(self, table: Any) -> Any:
        """Samples."""
        return self.convert(self.column(table))


def _parts(source: Any) -> list[_Part]:
    library = sys.modules.get("datasets")  # without it, nothing is such a dataset
    if library is None or not isinstance(source, library.Dataset):
        hint = ""
        if library is not None and isinstance(source, library.IterableDataset):
            hint = (
                "; streams have no length: list(stream.take(n)) has, and Dataset.from_list(…) of it"
            )
        raise IngestionError(
            f"{source!r:.200} is a {type(source).__name__}, not a Dataset of Hugging Face{hint}"
        )
    found = [
        part for name, feature in source.features.items() for part in _of_feature(feature, (name,))
    ]
    names = Counter(part.name for part in found)
    if twice := [name for name, count in names.items() if count > 1]:
        raise IngestionError(f"several features would be the tensor {twice[0]!r}: rename one")
    for part in found:
        if part.media:
            _find_format(part, source)
    return found


def _of_feature(feature: Any, keys: tuple[str, ...]) -> Iterator[_Part]:
    """The tensors of a feature; none for one that is left out."""
    name = "/".join(map(tensor_name, keys))
    kind = type(feature).__name__
    depth = 0
    while not isinstance(feature, (dict, list)) and kind in ("List", "LargeList", "Sequence"):
        feature = feature.feature
        kind = type(feature).__name__
        depth += 1
    if depth and isinstance(feature, (dict, list)):
        return
    if kind == "Translation":
        for language in feature.languages:
            yield from _of_feature(_text(), (*keys, language))
    elif isinstance(feature, dict):
        for key, part in feature.items():
            yield from _of_feature(part, (*keys, key))
    elif kind == "ClassLabel":
        if depth < 2:
            arguments = {"htype": "class_label", "class_names": list(feature.names)}
            yield _Part(name, keys, arguments, _label_lists if depth else _labels)
    elif kind in _MEDIA:
        if depth < 2:
            htype = f"sequence[{_MEDIA[kind]}]" if depth else _MEDIA[kind]
            yield _Part(name, keys, {"htype": htype}, _files, media=True)
    elif kind.startswith("Array"):
        if not depth:
            yield _Part(name, keys, {"dtype": feature.dtype}, _Arrays(feature.dtype))
    elif kind == "Value":
        yield from _of_value(str(feature.dtype), depth, name, keys)


def _of_value(dtype: str, depth: int, name: str, keys: tuple[str, ...]) -> Iterator[_Part]:
    if dtype in ("string", "large_string", "string_view") or dtype.startswith(_DATES):
        if not depth:
            yield _Part(name, keys, {"htype": "text"}, _texts)
        return
    try:
        numbers = np.dtype(dtype)
    except TypeError:
        return
    if numbers.kind in "biuf":
        convert = _Arrays(numbers.name) if depth else _numbers
        yield _Part(name, keys, {"dtype": numbers.name}, convert)


def _text() -> Any:
    return sys.modules["datasets"].Value("string")


# --------------------------------------------------------------------------- columns of Arrow's
def _numbers(column: Any) -> Any:
    return column.to_pylist() if column.null_count else column.to_numpy()


def _texts(column: Any) -> list[Any]:
    return [value if value is None else str(value) for value in column.to_pylist()]


def _labels(column: Any) -> Any:
    values = _numbers(column)
    if isinstance(values, np.ndarray) and (values >= 0).all():
        return values.astype(np.uint32)
    # -1 is "no label".
    return [None if value is None or value < 0 else int(value) for value in values]


def _label_lists(column: Any) -> list[Any]:
    return [
        None if value is None else np.array([label for label in value if label >= 0], np.uint32)
        for value in column.to_pylist()
    ]


class _Arrays:
    """Makes arrays of lists of numbers."""

    def __init__(self, dtype: str) -> None:
        self._dtype = np.dtype(dtype)

    def __call__(self, column: Any) -> Any:
        stacked = None if column.null_count else self._stacked(column)
        if stacked is not None:
            return stacked
        try:
            return [None if v is None else np.array(v, self._dtype) for v in column.to_pylist()]
        except (TypeError, ValueError) as error:
            raise IngestionError(
                f"a sequence of numbers is no array, as its parts differ in length: {error}"
            ) from error

    def _stacked(self, column: Any) -> np.ndarray | None:
        """One array of all rows, if they are lists of numbers, as long as each other."""
        parts = []
        for chunk in column.chunks:
            if not hasattr(chunk, "flatten") or "extension" in str(chunk.type):
                return None
            values = chunk.flatten()
            if values.null_count or "list" in str(values.type):
                return None
            rows = len(chunk)
            if not rows:
                continue
            size = getattr(chunk.type, "list_size", None)
            if size is None:
                sizes = np.diff(chunk.offsets.to_numpy())
                if sizes.min() != sizes.max():
                    return None
                size = int(sizes[0])
            parts.append(values.to_numpy(zero_copy_only=False).reshape(rows, size))
        if len({part.shape[1] for part in parts}) != 1:
            return None
        return np.concatenate(parts).astype(self._dtype, copy=False)


def _files(column: Any) -> list[Any]:
    return [_file(value) for value in column.to_pylist()]


def _file(value: Any) -> Any:
    if isinstance(value, list):
        return [_file(item) for item in value]
    if value is None or (value["bytes"] is None and value["path"] is None):
        return None
    if value["bytes"] is not None:
        return Sample(buffer=value["bytes"])
    return Sample(value["path"])


def _find_format(part: _Part, source: Any) -> None:
    """Let a tensor of files have the compression that most of the first ones have."""
    found: Counter[str] = Counter()
    for value in part.values(source.with_format("arrow")[: min(LOOK, len(source))]):
        for sample in value if isinstance(value, list) else [value]:
            try:
                compression = None if sample is None else sample.compression
            except DeepLakeError:
                continue  # it is None when its row comes
            if compression is not None:
                found[compression] += 1
    if found:
        part.arguments["sample_compression"] = min(found, key=lambda key: (-found[key], key))
    elif "image" in part.arguments["htype"]:
        part.arguments["sample_compression"] = "png"
    else:
        part.arguments["sample_compression"] = {"audio": "wav", "video": "mp4"}[
            part.arguments["htype"].removeprefix("sequence[").rstrip("]")
        ]


def ingest_huggingface(
    src: Any,
    dest: PathLike | Dataset,
    use_progressbar: bool = True,
    token: str | None = None,
    connect_kwargs: Mapping[str, Any] | None = None,
    *,
    dest_creds: Any = None,
    **dataset_kwargs: Any,
) -> Dataset:
    """Make a dataset of a ``datasets.Dataset`` of Hugging Face, or of a ``DatasetDict``.

    Each feature becomes a tensor, each split of a ``DatasetDict`` a group, and features with parts
    groups within. Strings and dates are text; ``ClassLabel`` is ``class_label``; numbers,
    sequences of numbers and ``Array2D`` … are arrays; ``Image``, ``Audio`` and ``Video`` are stored byte
    for byte, in the format that most of the first ones have. Sequences of strings or of features with
    parts, and bytes, are left out, and named in what is printed. None is an empty sample. Nothing is
    committed yet.

    Args:
        src: The dataset, or its splits.
        dest: Path or URL of the new dataset; or a dataset that gets the tensors.
        use_progressbar: Count rows on stderr.
        token: Accepted for compatibility.
        connect_kwargs: Refused, as ``Dataset.connect`` is.
        dest_creds: Credentials of the dataset's store.
        **dataset_kwargs: Arguments of ``deeplake.empty``: ``overwrite=True`` and the like.

    Returns:
        The dataset.

    Raises:
        IngestionError: ``src`` is no such dataset, none of its features can be stored, or two tensors
            would have one name.
        DatasetHandlerError: There is a dataset at ``dest``, and ``overwrite`` is not given.
        StorageError: A store failed. Whatever fails, no half of a dataset is left behind.
    """
    library = sys.modules.get("datasets")
    splits = {"": src}
    if library is not None and isinstance(src, library.DatasetDict):
        splits = {f"{tensor_name(name)}/": split for name, split in src.items()}
    ingestor = plugins.get("ingest", "huggingface")
    found = [(ingestor.schema(split), group, split) for group, split in splits.items()]
    if not any(schema for schema, _, _ in found):
        raise IngestionError(f"{src!r:.200} has no feature that could be stored")
    target = Target(dest, dest_creds, connect_kwargs, dataset_kwargs)
    sets = [(Tensors(schema, prefix=group), split) for schema, group, split in found if schema]

    def batches() -> Iterator[Columns]:
        for tensors, split in sets:
            yield from map(tensors.columns, ingestor.batches(split))

    with target.open() as ds:
        for tensors, _ in sets:
            tensors.create(ds)
        filling = Filling(ds, lenient=True)
        total = sum(len(split) for _, split in sets)
        filling.extend(batches(), total=total, progressbar=use_progressbar)
    _print_left_out(found)
    if filling.unread:
        print(told(filling.unread))
    return ds


def _print_left_out(found: Sequence[tuple[Mapping[str, Any], str, Any]]) -> None:
    names = []
    for schema, group, split in found:
        for feature in split.features:
            name = tensor_name(feature)
            if not any(key == name or key.startswith(f"{name}/") for key in schema):
                names.append(f"{group}{feature}")
    if names:
        print(f"left out, as no tensor can hold them: {', '.join(names)}")


__all__ = ["Huggingface", "ingest_huggingface"]
