"""Runs benchmarks and prints their tables.

::

    make bench                               # all of them
    make bench ARGS="data_model --rounds 9"
    make bench ARGS="--list"
    make bench ARGS="versioning --write"     # and put the tables into docs/benchmarks.md
    make bench ARGS="data_model --tables scan,film --write"   # two of them, beside those that are there

A benchmark is a module of this folder with a function ``bench(options)`` that yields tables.
"""

from __future__ import annotations

import argparse
import ast
import importlib
import json
import sys
import time
from pathlib import Path

from measure import Options, machine

HERE = Path(__file__).parent
PAGE = HERE.parent / "docs" / "benchmarks.md"


def benches() -> dict[str, str]:
    """Name and summary of each benchmark, found without importing any."""
    found = {}
    for file in sorted(HERE.glob("*.py")):
        tree = ast.parse(file.read_text(encoding="utf-8"))
        if any(isinstance(node, ast.FunctionDef) and node.name == "bench" for node in tree.body):
            found[file.stem] = (ast.get_docstring(tree) or "").split("\n")[0]
    return found


def arguments(argv: list[str]) -> argparse.Namespace:
    known = benches()
    parser = argparse.ArgumentParser(prog="benchmarks/run.py", description=__doc__.split("\n")[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help="benchmarks to run (all)")
    parser.add_argument("--list", action="store_true", help="say which benchmarks there are")
    parser.add_argument("--rounds", type=int, default=5, help="timings of each thing (5)")
    parser.add_argument("--quick", action="store_true", help="little data: only see that it works")
    parser.add_argument("--only", default="", metavar="A,B", help="contenders to run (all)")
    parser.add_argument(
        "--match", default="", metavar="TEXT",
        help="run only what has this in its name (streaming: server, order, milliseconds)",
    )  # fmt: skip
    parser.add_argument(
        "--resume", action="store_true",
        help="take what earlier runs found, and run only the rest (streaming)",
    )  # fmt: skip
    parser.add_argument(
        "--tables", default="", metavar="A,B",
        help="tables of data_model to make (all): files, small, large, embeddings, scan, film",
    )  # fmt: skip
    parser.add_argument(
        "--folder", type=Path, default=HERE.parent / "data" / "benchmarks", help="where to write"
    )
    parser.add_argument("--json", type=Path, help="file for every single timing")
    parser.add_argument(
        "--write", action="store_true", help="put the tables into docs/benchmarks.md"
    )
    args = parser.parse_args(argv)
    unknown = sorted(set(args.names) - set(known))
    if unknown:
        parser.error(f"no benchmark is called {', '.join(unknown)}; there are {', '.join(known)}")
    if args.tables and args.names != ["data_model"]:
        parser.error("--tables is for data_model alone")
    if args.rounds < 1:
        parser.error("--rounds is at least 1")
    return args


def main(argv: list[str]) -> int:
    args = arguments(argv)
    if args.list:
        for name, summary in benches().items():
            print(f"{name:<16}{summary}")
        return 0
    options = Options(
        folder=args.folder,
        rounds=args.rounds,
        quick=args.quick,
        only=frozenset(filter(None, args.only.split(","))),
        match=args.match,
        resume=args.resume,
        tables=frozenset(filter(None, args.tables.split(","))),
    )
    print(f"{machine()}\nmedian of {options.rounds} rounds, caches warm, in {options.folder}")
    records = {}
    for name in args.names or benches():
        tables = importlib.import_module(name).bench(options)
        records[name], texts = [], []
        before = machine()
        for table in tables:
            texts.append(table.render())
            print(f"\n{name}: {texts[-1]}", flush=True)
            records[name].append(table.record())
        if args.write:
            when = f"{time.strftime('%Y-%m-%d')}, {before}; median of {options.rounds}"
            write(name, when, texts, some=bool(options.tables))
    if args.json:
        args.json.write_text(json.dumps({"machine": machine(), "benchmarks": records}, indent=1))
    return 0


def write(name: str, when: str, tables: list[str], *, some: bool = False) -> None:
    """Put the tables of a benchmark into the page of benchmarks, in the place of earlier ones.

    Args:
        name: The benchmark.
        when: When and where it ran.
        tables: What it found.
        some: These are not all of its tables: those with other titles stay, and these say when.
    """
    text = PAGE.read_text(encoding="utf-8")
    begin, end = f"<!-- {name}: begin -->\n", f"<!-- {name}: end -->"
    head, found, rest = text.partition(begin)
    body, closed, tail = rest.partition(end)
    if not found or not closed:
        raise SystemExit(f"{PAGE} has no place for {name}: {begin.strip()} and {end}")
    if some:
        first, _, block = body.partition("```text\n")
        there = block.partition("\n```")[0].split("\n\n\n")
        made = {text.partition("\n")[0]: f"{text}\n({when})" for text in tables}
        tables = [made.pop(text.partition("\n")[0], text) for text in there if text]
        tables += made.values()
        when = first.strip() or when
    inside = "\n\n\n".join(tables)
    PAGE.write_text(
        f"{head}{begin}\n{when}\n\n```text\n{inside}\n```\n\n{end}{tail}", encoding="utf-8"
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
