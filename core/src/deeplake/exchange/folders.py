"""Folders of files, one folder a class."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from deeplake.errors import DeepLakeError, IngestionError, InvalidPathException
from deeplake.exchange.images import common_format
from deeplake.exchange.options import Options
from deeplake.exchange.order import shuffled
from deeplake.exchange.tree import Tree
from deeplake.spi import Ingestor

BATCH = 256
"""Files of a batch."""


class Folders(Ingestor, api=(1, 0)):
    """Images in a folder for each class: tensors ``images`` and ``labels``, in the order of the paths.

    The source is a path, a URL, or a ``Tree``.

    Options:
        compression: How images are stored; by default as most of the files are.
        shuffle: Take the files in a random order.
    """

    def schema(self, source: Any, **options: Any) -> Mapping[str, Mapping[str, Any]]:
        tree = _tree(source, options)
        files = _files(tree)
        return {
            "images": {
                "htype": "image",
                "sample_compression": options.get("compression") or common_format(files, tree.root),
            },
            "labels": {"htype": "class_label", "class_names": classes(files)},
        }

    def rows(self, source: Any, **options: Any) -> Iterator[Mapping[str, Any]]:
        tree = _tree(source, options)
        files = _order(_files(tree), options)
        return (_row(tree, file) for file in files)

    def batches(self, source: Any, **options: Any) -> Iterator[Mapping[str, Sequence[Any]]]:
        tree = _tree(source, options)
        files = _order(_files(tree), options)
        return (
            {
                "images": [tree.sample(file) for file in part],
                "labels": [class_of(file) for file in part],
            }
            for part in (files[i : i + BATCH] for i in range(0, len(files), BATCH))
        )


def class_of(file: str) -> str:
    """The name of the folder that a file is in."""
    return file.rpartition("/")[0].rpartition("/")[2]


def classes(files: Sequence[str]) -> list[str]:
    """Names of the classes, sorted."""
    folders = {file.rpartition("/")[0] for file in files}
    return sorted({folder.rpartition("/")[2] for folder in folders})


def _tree(source: Any, options: Mapping[str, Any]) -> Tree:
    Options(options, "compression", "shuffle")
    return source if isinstance(source, Tree) else Tree(source)


def _files(tree: Tree) -> list[str]:
    """The files, by class and name."""
    files = [name for name in tree.names if name.count("/") == 1]
    if not files:
        raise InvalidPathException(
            f"{tree.root} has no files in folders: there is one folder for each class, and files in it"
        )
    return files


def _order(files: list[str], options: Mapping[str, Any]) -> list[str]:
    return shuffled(files) if Options(options, *options).flag("shuffle") else files


def _row(tree: Tree, file: str) -> Mapping[str, Any]:
    sample = tree.sample(file)
    try:
        _ = sample.array
    except (DeepLakeError, OSError) as error:
        raise IngestionError(f"{tree.path(file)} cannot be read: {error}") from error
    return {"images": sample, "labels": class_of(file)}


__all__ = ["Folders", "class_of", "classes"]
