"""Commands that look after datasets: ``verify``, ``gc``, ``optimize``, ``copy``."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from deeplake.cli.arguments import add_json, add_path, add_tensors, bar_shown, explain, hint
from deeplake.cli.output import count, print_json, print_table, size
from deeplake.spi import Command


class Verify(Command, api=(1, 0)):
    """``deeplake verify PATH``."""

    help = "read everything and compare it with its checksums"

    def configure(self, parser: argparse.ArgumentParser) -> None:
        add_path(parser, versions=False)
        add_json(parser)
        explain(
            parser,
            "Read every object that a branch, a tag or a saved view leads to, all versions, and "
            "compare it with its checksums. Nothing is changed. What is damaged is named with its "
            "object and its tensor.",
            "deeplake verify ./mnist",
            "deeplake verify s3://bucket/mnist --json",
            codes="there are problems, or it failed; the reason is on stderr",
        )

    def run(self, args: argparse.Namespace) -> int:
        from deeplake.dataset import care

        with _bytes_bar(args, "verify", lambda: care.stored_bytes(args.path)) as progress:
            report = care.verify(args.path, progress=progress)
        if args.json:
            print_json(
                {
                    "ok": report.ok, "commits": report.commits, "segments": report.segments,
                    "chunks": report.chunks, "bytes": report.nbytes, "problems": report.problems,
                }
            )  # fmt: skip
        else:
            for problem in report.problems:
                print(problem)
            found = count(len(report.problems), "problem") if report.problems else "no problems"
            checked = f"{count(report.commits, 'commit')}, {count(report.chunks, 'chunk')}"
            print(f"{found}: checked {checked}, {size(report.nbytes)}")
        return int(not report.ok)


@contextmanager
def _bytes_bar(
    args: argparse.Namespace, title: str, total: Callable[[], int]
) -> Iterator[Callable[[int], Any] | None]:
    """A bar that counts bytes, where somebody looks and the library for it is installed."""
    if not bar_shown(args):
        yield None
        return
    try:
        from tqdm import tqdm
    except ImportError:
        yield None
        return
    with tqdm(total=total(), desc=title, unit="B", unit_scale=True) as bar:
        yield bar.update


class Gc(Command, api=(1, 0)):
    """``deeplake gc PATH``."""

    help = "find what no version needs any more, and delete it if asked"

    def configure(self, parser: argparse.ArgumentParser) -> None:
        add_path(parser, versions=False)
        parser.add_argument(
            "--delete", action="store_true", help="delete what was found; otherwise nothing changes"
        )
        parser.add_argument(
            "--grace", type=_seconds, metavar="SECONDS",
            help="keep what is younger: a writer may still publish it (default: 86400 locally, "
            "604800 elsewhere)",
        )  # fmt: skip
        add_json(parser)
        explain(
            parser,
            "Find objects that no branch, tag or saved view leads to: what branches that were "
            "deleted, resets, and writers that were killed left behind. Without --delete this is a "
            "dry run. A writer that needs longer than the grace period to publish what it wrote "
            "notices, and fails; choose it longer than your longest transaction.",
            "deeplake gc ./mnist",
            "deeplake gc ./mnist --delete",
            "deeplake gc ./mnist --delete --grace 0    # nobody else is writing",
        )

    def run(self, args: argparse.Namespace) -> int:
        from deeplake.dataset import care

        found = care.collect_garbage(args.path, delete=args.delete, grace=args.grace)
        if args.json:
            print_json(
                {
                    "deleted": found.deleted, "objects": list(found.keys), "bytes": found.nbytes,
                    "young": found.young,
                }
            )  # fmt: skip
            return 0
        done = "deleted" if found.deleted else "would delete"
        print(f"{done} {count(len(found.keys), 'object')}, {size(found.nbytes)}")
        if found.young:
            print(f"kept {count(found.young, 'object')} that may still be published")
        if not found.deleted and found.keys:
            print("pass --delete to do it")
        return 0


def _seconds(text: str) -> float:
    value = float(text)
    if not value >= 0:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds")
    return value


class Optimize(Command, api=(1, 0)):
    """``deeplake optimize PATH``."""

    help = "put scattered rows into chunks of the usual size"

    def configure(self, parser: argparse.ArgumentParser) -> None:
        add_path(parser)
        add_tensors(parser, "rechunk")
        parser.add_argument(
            "-m", "--message", help="commit the result; otherwise it is not committed"
        )
        add_json(parser)
        explain(
            parser,
            "Rewrite tensors whose rows many edits have scattered over many chunks. Rows, their ids "
            "and the history stay as they are; readers are not disturbed. The data that other "
            "versions need stay too: see deeplake gc.",
            "deeplake optimize ./mnist",
            'deeplake optimize ./mnist --tensor images -m "compact"',
        )

    def run(self, args: argparse.Namespace) -> int:
        import deeplake
        from deeplake.dataset.overview import Overview

        ds = deeplake.load(args.path, read_only=False, verbose=False)
        before = {name: Overview.of(tensor).chunks for name, tensor in ds.tensors.items()}
        names = None if args.tensors is None else list(ds[args.tensors].tensors)
        ds.rechunk(names, progressbar=bar_shown(args))
        commit = None
        if args.message is not None and ds.has_head_changes:
            commit = ds.commit(args.message)
        after = {name: Overview.of(tensor).chunks for name, tensor in ds.tensors.items()}
        if args.json:
            chunks = {name: [before[name], after[name]] for name in before}
            print_json({"chunks": chunks, "commit": commit})
            return 0
        print_table(
            ("tensor", "chunks before", "chunks after"),
            ((name, before[name], after[name]) for name in before),
        )
        if commit is not None:
            print(f"commit {commit}")
        return 0


class Copy(Command, api=(1, 0)):
    """``deeplake copy SOURCE DESTINATION``."""

    help = "copy one version of a dataset, or all of them"

    def configure(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument(
            "path", metavar="SOURCE",
            help="path or URL of a dataset or saved view, with @branch, @tag or @commit",
        )  # fmt: skip
        parser.add_argument("destination", metavar="DESTINATION", help="path or URL of the copy")
        parser.add_argument(
            "--deep", action="store_true", help="copy all versions, branches, tags and views"
        )
        parser.add_argument(
            "--overwrite", action="store_true", help="replace a dataset that is there already"
        )
        add_tensors(parser, "copy")
        add_json(parser)
        explain(
            parser,
            "Copy the rows of one version as they are stored, without decoding them and without "
            "history; with --deep, everything. A deep copy that was interrupted goes on where it "
            "was when it is run again.",
            "deeplake copy ./mnist s3://bucket/mnist",
            "deeplake copy ./mnist@v1.0 ./labels --tensor labels",
            "deeplake copy ./mnist ./backup --deep",
        )

    def run(self, args: argparse.Namespace) -> int:
        import deeplake
        from deeplake.errors import DatasetHandlerError

        function = deeplake.deepcopy if args.deep else deeplake.copy
        with hint(DatasetHandlerError, "--overwrite"):
            ds = function(
                args.path, args.destination, tensors=args.tensors, overwrite=args.overwrite,
                progressbar=bar_shown(args),
            )  # fmt: skip
        if args.json:
            print_json({"path": ds.path, "length": len(ds), "tensors": list(ds.tensors)})
        else:
            print(
                f"copied {count(len(ds), 'row')} of {count(len(ds.tensors), 'tensor')} to {ds.path}"
            )
        return 0


__all__ = ["Copy", "Gc", "Optimize", "Verify"]
