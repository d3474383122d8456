"""``deeplake bench``: how fast this dataset is read and loaded on this machine."""

from __future__ import annotations

import argparse
import os
import platform
import time
from collections.abc import Callable, Iterator
from statistics import median
from typing import TYPE_CHECKING, Any

from deeplake.cli.arguments import add_json, add_path, add_tensors, bar_shown, explain
from deeplake.cli.output import print_facts, print_json, print_table, size
from deeplake.spi import Command

if TYPE_CHECKING:
    from deeplake.dataset.dataset import Dataset


class Bench(Command, api=(1, 0)):
    """``deeplake bench PATH``."""

    help = "measure how fast a dataset is opened, read and loaded on this machine"

    def configure(self, parser: argparse.ArgumentParser) -> None:
        add_path(parser)
        add_tensors(parser, "read")
        parser.add_argument(
            "--batch", type=_positive, default=64, metavar="N", help="rows of a batch (default: 64)"
        )
        parser.add_argument(
            "--rows", type=_positive, default=10_000, metavar="N",
            help="rows that are read at most, from the first on (default: 10000)",
        )  # fmt: skip
        parser.add_argument(
            "--rounds", type=_positive, default=3, metavar="N",
            help="how often each is measured; the median counts (default: 3)",
        )  # fmt: skip
        add_json(parser)
        explain(
            parser,
            "Measure, each several times, how long the dataset takes to open, and how many rows a "
            "second come one by one in random order, as whole slices in order, and from the loader in "
            "order and shuffled. Values are decoded as training would see them. The first round finds "
            "what this machine has in its caches: read it as a warm figure.",
            "deeplake bench ./mnist",
            "deeplake bench s3://bucket/mnist --rows 2000 --batch 32",
            "deeplake bench ./mnist --tensor images --rounds 5 --json",
        )

    def run(self, args: argparse.Namespace) -> int:
        from deeplake.dataset.progress import progress
        from deeplake.errors import EmptyTensorError

        opening, ds = _opened(args)
        rows = min(args.rows, len(ds))
        if not rows:
            raise EmptyTensorError(f"{ds.path} has no rows: there is nothing to measure")
        ways = _ways(ds[:rows], args.batch)
        times: dict[str, list[float]] = {name: [] for name in ways}
        # Each way once a round: what disturbs the machine for a while disturbs all of them.
        turns = [name for _ in range(args.rounds) for name in ways]
        for name in progress(
            turns, shown=bar_shown(args), title="bench", unit="round", total=len(turns)
        ):
            started = time.perf_counter()
            count = ways[name]()
            times[name].append((time.perf_counter() - started) / count)
        found = [
            {"what": name, "rows_per_second": 1 / median(each), "rounds": [1 / t for t in each]}
            for name, each in times.items()
        ]
        facts = {
            "path": ds.path, "commit": ds.commit_id, "rows": rows, "batch": args.batch,
            "tensors": list(ds.tensors), "bytes": _bytes(ds), "open_seconds": median(opening),
            "machine": f"{platform.machine()}, {os.cpu_count()} cores, Python "
            f"{platform.python_version()}",
        }  # fmt: skip
        if args.json:
            print_json({**facts, "rates": found})
            return 0
        print_facts(
            [
                ("path", ds.path),
                ("rows", f"{rows:,} of {len(ds):,}, batches of {args.batch}"),
                ("stored", size(_bytes(ds))),
                ("machine", facts["machine"]),
                ("open", f"{median(opening) * 1000:.1f} ms"),
            ]
        )
        print()
        print_table(
            ("rows per second", "median", "slowest", "fastest"),
            (
                (name, *(f"{1 / t:,.0f}" for t in (median(each), max(each), min(each))))
                for name, each in times.items()
            ),
        )
        return 0


def _positive(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of at least 1")
    return value


def _opened(args: argparse.Namespace) -> tuple[list[float], Dataset]:
    """Seconds that opening took, and the dataset."""
    import deeplake

    took = []
    for _ in range(args.rounds):
        started = time.perf_counter()
        ds = deeplake.load(args.path, read_only=True, verbose=False)
        took.append(time.perf_counter() - started)
    return took, ds[args.tensors] if args.tensors is not None else ds


def _bytes(ds: Dataset) -> int:
    from deeplake.dataset.overview import Overview

    return sum(Overview.of(tensor).nbytes for tensor in ds.tensors.values())


def _ways(ds: Dataset, batch: int) -> dict[str, Callable[[], int]]:
    """What is measured, by name: each gives the number of rows that it read."""
    import numpy as np

    order = np.random.default_rng(0).permutation(len(ds))[: max(1, len(ds) // 10)]

    def singly() -> int:
        for row in order:
            for tensor in ds.tensors.values():
                if row < len(tensor):
                    tensor[int(row)].numpy(aslist=True)
        return len(order)

    def slices() -> int:
        for start in range(0, len(ds), batch):
            for tensor in ds.tensors.values():
                if start < len(tensor):
                    tensor[start : start + batch].numpy(aslist=True)
        return len(ds)

    def loaded(*, shuffled: bool) -> int:
        loader = ds.dataloader().batch(batch)
        loader = (loader.shuffle() if shuffled else loader).numpy()
        return sum(map(len, _batches(loader)))

    return {
        "random rows": singly,
        "slices in order": slices,
        "loader in order": lambda: loaded(shuffled=False),
        "loader shuffled": lambda: loaded(shuffled=True),
    }


def _batches(loader: Any) -> Iterator[Any]:
    with loader:
        yield from loader


__all__ = ["Bench"]
