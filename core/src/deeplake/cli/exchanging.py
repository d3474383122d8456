"""Commands that bring data in and out: ``ingest``, ``export``."""

from __future__ import annotations

import argparse
from typing import Any

from deeplake.cli.arguments import add_json, add_path, add_tensors, bar_shown, explain
from deeplake.cli.output import count, print_json, size
from deeplake.spi import Command


class Ingest(Command, api=(1, 0)):
    """``deeplake ingest FORMAT SOURCE PATH``."""

    help = "make a dataset of data in another format"

    def configure(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument(
            "format", metavar="FORMAT",
            help="csv, jsonl, folders (a folder of files for each class), coco, yolo, export (what "
            "deeplake export writes), or what a plugin reads",
        )  # fmt: skip
        parser.add_argument("source", metavar="SOURCE", help="file or folder that is read")
        parser.add_argument("path", metavar="PATH", help="path or URL of the dataset that is made")
        parser.add_argument(
            "-o", "--option", action="append", default=[], dest="options", metavar="KEY=VALUE",
            type=_pair, help="an option of the format; may be given several times",
        )  # fmt: skip
        add_json(parser)
        explain(
            parser,
            "Read data of another format into a new dataset, and commit it. Types are found by a look "
            "at all values. Options of csv: delimiter, encoding; of csv and jsonl: labels and images, "
            "the columns that are class labels and paths of image files; of folders: compression; of "
            "coco: annotations (JSON files) and ignore (keys); of yolo: classes and annotations (a "
            "file and a folder), allow_no_annotation, kind (boxes or polygons); of folders, coco and "
            "yolo: shuffle. A source that cannot be read leaves nothing behind.",
            "deeplake ingest csv ./train.csv ./train -o labels=class -o images=file",
            "deeplake ingest folders ./flowers s3://bucket/flowers -o compression=jpeg",
            "deeplake ingest coco ./val2017 ./coco -o annotations=./instances_val2017.json",
            "deeplake ingest export ./exported ./copy --json",
        )

    def run(self, args: argparse.Namespace) -> int:
        from deeplake.exchange.ingest import ingest

        ds = ingest(
            args.source, args.path, format=args.format, options=dict(args.options),
            progressbar=bar_shown(args),
        )  # fmt: skip
        found = {"path": ds.path, "length": len(ds), "tensors": list(ds.tensors)}
        if args.json:
            print_json({**found, "commit": ds.commit_id})
        else:
            print(f"{count(len(ds), 'row')} of {', '.join(ds.tensors)} in {ds.path}")
        return 0


def _pair(text: str) -> tuple[str, Any]:
    key, sign, value = text.partition("=")
    if not sign or not key.isidentifier():
        raise argparse.ArgumentTypeError(f"{text!r} is not KEY=VALUE")
    return key, value


class Export(Command, api=(1, 0)):
    """``deeplake export PATH FOLDER``."""

    help = "write a dataset as files that need no deeplake: their own formats, and a table"

    def configure(self, parser: argparse.ArgumentParser) -> None:
        add_path(parser)
        parser.add_argument("folder", metavar="FOLDER", help="a folder that is empty or new")
        parser.add_argument(
            "--table", choices=("jsonl", "csv"), default="jsonl",
            help="how rows are written: a JSON object a line, or CSV (default: jsonl)",
        )  # fmt: skip
        add_tensors(parser, "write")
        parser.add_argument("--query", metavar="TQL", help="write only the rows that a query finds")
        add_json(parser)
        explain(
            parser,
            "Write one version of a dataset into a folder: a table with one line for each row, and a "
            "folder for each tensor whose samples are files (images, sounds, films: as they are "
            "stored, not encoded again), pictures without a format (PNG) or large arrays (.npy). "
            "dataset.json says what each column is; deeplake ingest export makes a dataset of it. The "
            "folder appears when it is complete.",
            "deeplake export ./mnist ./files",
            "deeplake export ./mnist@v1.0 ./files --table csv --tensor images --tensor labels",
            "deeplake export ./mnist ./sevens --query 'select * where labels == 7'",
        )

    def run(self, args: argparse.Namespace) -> int:
        import deeplake
        from deeplake.exchange.export import export

        ds = deeplake.load(args.path, read_only=True, verbose=False)
        if args.tensors is not None:
            ds = ds[args.tensors]
        if args.query is not None:
            ds = ds.query(args.query)
        done = export(ds, args.folder, table=args.table, progressbar=bar_shown(args))
        if args.json:
            print_json(
                {
                    "folder": done.folder,
                    "rows": done.rows,
                    "files": done.files,
                    "bytes": done.nbytes,
                }
            )
        else:
            files = count(done.files, "file")
            print(f"{count(done.rows, 'row')} and {files}, {size(done.nbytes)}, in {done.folder}")
        return 0


__all__ = ["Export", "Ingest"]
