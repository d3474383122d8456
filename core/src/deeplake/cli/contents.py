"""Commands that show what is in a dataset: ``info``, ``summary``, ``ls``."""

from __future__ import annotations

import argparse
import os
import sys
from typing import TYPE_CHECKING, Any

from deeplake.cli.arguments import add_json, add_path, explain
from deeplake.cli.output import print_facts, print_json, print_table, printable, size
from deeplake.spi import Command

if TYPE_CHECKING:
    from deeplake.dataset.dataset import Dataset
    from deeplake.dataset.tensor import Tensor
    from deeplake.types import ShapeInterval


def _open(path: str) -> Dataset:
    import deeplake

    return deeplake.load(path, read_only=True, verbose=False)


def _shape(tensor: Tensor) -> ShapeInterval:
    """What is known of the shape: links are not followed for it."""
    from deeplake.dataset.extent import interval

    return interval(tensor, look=False)


def _tensors(ds: Dataset) -> list[dict[str, Any]]:
    return [
        {
            "name": name,
            "htype": tensor.htype,
            "dtype": None if tensor.dtype is None else tensor.dtype.name,
            "shape": list(_shape(tensor).astuple()),
        }
        for name, tensor in ds.tensors.items()
    ]


class Info(Command, api=(1, 0)):
    """``deeplake info PATH``."""

    help = "show what is in a dataset: versions, tensors, sizes and ranges of values"

    def configure(self, parser: argparse.ArgumentParser) -> None:
        add_path(parser)
        add_json(parser)
        explain(
            parser,
            "Show what is in one version of a dataset. No data are read: what is printed of them "
            "(bytes of their chunks, None at most, smallest and largest value) was noted when they "
            "were written. Bounds are never wrong, but may be wider than the values after updates.",
            "deeplake info ./mnist",
            "deeplake info s3://bucket/mnist@v1.0 --json",
        )

    def run(self, args: argparse.Namespace) -> int:
        from deeplake.dataset.overview import Overview

        ds = _open(args.path)
        figures = [Overview.of(tensor) for tensor in ds.tensors.values()]
        tensors = _tensors(ds)
        found = {
            "path": ds.path,
            "length": len(ds),
            "branch": ds.branch,
            "commit": ds.commit_id,
            "uncommitted": ds.has_head_changes,
            "branches": ds.branches,
            "tags": ds.tags,
            "bytes": ds.size_approx(),
        }
        if args.json:
            for entry, figure, tensor in zip(tensors, figures, ds.tensors.values(), strict=True):
                entry.update(
                    length=figure.rows, bytes=figure.nbytes, chunks=figure.chunks,
                    nulls=figure.nulls, min=figure.low, max=figure.high,
                    sample_compression=tensor.sample_compression,
                    chunk_compression=tensor.chunk_compression,
                )  # fmt: skip
            print_json({**found, "tensors": tensors})
            return 0
        note = " (and changes that are not committed)" if ds.has_head_changes else ""
        print_facts(
            [
                ("path", ds.path),
                ("length", len(ds)),
                ("branch", ds.branch),
                ("commit", f"{ds.commit_id or 'none yet'}{note}"),
                ("branches", ", ".join(ds.branches)),
                ("tags", ", ".join(ds.tags) or None),
                ("size", f"{size(ds.size_approx())}, all versions included"),
            ]
        )
        print()
        print_table(
            ("tensor", "htype", "dtype", "shape", "compression", "size", "none", "min", "max"),
            (
                (
                    name, tensor.htype, entry["dtype"], _shape(tensor),
                    tensor.sample_compression or tensor.chunk_compression, size(figure.nbytes),
                    figure.nulls or None, _number(figure.low), _number(figure.high),
                )
                for (name, tensor), entry, figure in zip(
                    ds.tensors.items(), tensors, figures, strict=True
                )
            ),
        )  # fmt: skip
        return 0


def _number(value: object) -> str | None:
    if isinstance(value, float):
        return f"{value:.6g}"
    return None if value is None else str(value)


class Summary(Command, api=(1, 0)):
    """``deeplake summary PATH``."""

    help = "print the table that ds.summary() prints"

    def configure(self, parser: argparse.ArgumentParser) -> None:
        add_path(parser)
        add_json(parser)
        explain(
            parser,
            "Print the tensors of a dataset with htype, shape, dtype and compression.",
            "deeplake summary ./mnist",
            "deeplake summary ./mnist@side --json",
        )

    def run(self, args: argparse.Namespace) -> int:
        ds = _open(args.path)
        if args.json:
            print_json(
                [
                    {**entry, "compression": tensor.sample_compression or tensor.chunk_compression}
                    for entry, tensor in zip(_tensors(ds), ds.tensors.values(), strict=True)
                ]
            )
        else:
            ds.summary()
        return 0


class Ls(Command, api=(1, 0)):
    """``deeplake ls PATH``."""

    help = "list the tensors of a dataset, or the datasets in a folder"

    def configure(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument(
            "path", metavar="PATH", nargs="?", default=".",
            help="path or URL of a dataset, or a local folder; the current one if left out",
        )  # fmt: skip
        parser.add_argument("-l", "--long", action="store_true", help="with htype, dtype and shape")
        add_json(parser)
        explain(
            parser,
            "List the tensors of a dataset, one a line. Of a local folder that is no dataset, list "
            "the datasets in it.",
            "deeplake ls ./data",
            "deeplake ls -l ./data/mnist@v1.0",
        )

    def run(self, args: argparse.Namespace) -> int:
        from deeplake.errors import DatasetNotFoundError

        try:
            ds = _open(args.path)
        except DatasetNotFoundError:
            if not os.path.isdir(args.path):
                raise
            return self._folder(args)
        tensors = _tensors(ds)
        if args.json:
            print_json(tensors)
        elif args.long:
            print_table(
                ("tensor", "htype", "dtype", "shape"),
                (
                    (
                        entry["name"],
                        entry["htype"],
                        entry["dtype"],
                        _shape(ds[entry["name"]]),
                    )
                    for entry in tensors
                ),
            )
        else:
            for entry in tensors:
                print(entry["name"])
        return 0

    def _folder(self, args: argparse.Namespace) -> int:
        import deeplake
        from deeplake.errors import DeepLakeError

        with os.scandir(args.path) as entries:
            folders = sorted(entry.path for entry in entries if entry.is_dir())
        found = [path for path in folders if "@" not in path and deeplake.exists(path)]
        rows: list[dict[str, Any]] = []
        damaged = False
        for path in found if args.long or args.json else ():
            try:
                ds = _open(path)
                rows.append({"path": path, "length": len(ds), "tensors": list(ds.tensors)})
            except DeepLakeError as error:
                damaged = True
                print(f"deeplake: {error}", file=sys.stderr)
                rows.append({"path": path, "length": None, "tensors": []})
        if args.json:
            print_json(rows)
        elif args.long:
            print_table(
                ("dataset", "length", "tensors"),
                ((row["path"], row["length"], ", ".join(row["tensors"])) for row in rows),
            )
        else:
            for path in found:
                print(printable(path))
        return int(damaged)


__all__ = ["Info", "Ls", "Summary"]
