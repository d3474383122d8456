"""The command that finds rows: ``query``."""

from __future__ import annotations

import argparse
import math
from typing import TYPE_CHECKING, Any

from deeplake.cli.arguments import add_json, add_path, explain
from deeplake.cli.output import count, print_json, print_table
from deeplake.spi import Command

if TYPE_CHECKING:
    from deeplake.dataset.tensor import Tensor

SHOWN = 16
"""Elements of an array that are printed; of larger ones dtype and shape are."""


class Query(Command, api=(1, 0)):
    """``deeplake query PATH QUERY``."""

    help = "find rows with a query, and show them"

    def configure(self, parser: argparse.ArgumentParser) -> None:
        add_path(parser)
        parser.add_argument("query", metavar="QUERY", help="the query, in TQL")
        parser.add_argument(
            "-n", "--limit", metavar="N", type=_number, default=20,
            help="show N rows at most; 0: only how many there are (default: 20)",
        )  # fmt: skip
        add_json(parser)
        explain(
            parser,
            "Find the rows of a dataset that a query asks for, and show the first of them with their "
            "numbers. Small values are printed, of larger ones dtype and shape. Queries are a plugin: "
            'pip install "deeplake-core[tql]".',
            "deeplake query ./mnist \"select * where labels == 7\"",
            "deeplake query ./mnist@v1.0 \"select labels order by labels desc\" -n 5 --json",
        )  # fmt: skip

    def run(self, args: argparse.Namespace) -> int:
        import deeplake

        view = deeplake.load(args.path, read_only=True, verbose=False).query(args.query)
        total = len(view)
        shown = view[: min(args.limit, total)]
        numbers = [int(i) for i in shown.sample_indices] if len(shown) else []
        rows = [
            {"row": number, **{name: _value(t, i) for name, t in shown.tensors.items()}}
            for i, number in enumerate(numbers)
        ]
        if args.json:
            print_json({"length": total, "tensors": list(view.tensors), "rows": rows})
            return 0
        if rows:
            print_table(tuple(rows[0]), (tuple(map(_cell, row.values())) for row in rows))
        more = f", {count(total - len(rows), 'more row')} not shown" if total > len(rows) else ""
        print(f"{count(total, 'row')}{more}")
        return 0


def _value(tensor: Tensor, row: int) -> Any:
    """A sample as JSON can hold it; of large arrays dtype and shape."""
    sample = tensor[row]
    if tensor.htype in ("text", "json", "list", "tag"):
        return sample.data()["value"]
    shape = sample.shape
    if shape == ():
        return None  # the tensor has fewer rows than others
    if None in shape or math.prod(side or 0 for side in shape) > SHOWN:
        return {"dtype": str(sample.dtype), "shape": list(shape)}
    value = sample.numpy(aslist=True)
    return value.tolist() if hasattr(value, "tolist") else value


def _cell(value: Any) -> str:
    if isinstance(value, dict) and set(value) == {"dtype", "shape"}:
        return f"{value['dtype']}{value['shape']}"
    if isinstance(value, list) and len(value) == 1 and not isinstance(value[0], list):
        return str(value[0])
    return "" if value is None else str(value)


def _number(text: str) -> int:
    value = int(text)
    if value < 0:
        raise argparse.ArgumentTypeError(f"{text!r} is below 0")
    return value


__all__ = ["Query"]
