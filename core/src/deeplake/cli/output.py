"""What commands print: JSON for programs, tables for people."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any


def print_json(value: Any) -> None:
    """A value as JSON; sets become sorted lists."""
    print(json.dumps(value, indent=2, ensure_ascii=False, default=sorted))


def print_table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Aligned columns; what is not known is a dash."""
    lines = [tuple(head)]
    lines += [tuple("-" if cell in (None, "") else str(cell) for cell in row) for row in rows]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        print("  ".join(map(str.ljust, line, widths)).rstrip())


def print_facts(facts: Iterable[tuple[str, object]]) -> None:
    """One fact a line, names aligned."""
    known = [(name, value) for name, value in facts if value is not None]
    width = max(len(name) for name, _ in known) + 2
    for name, value in known:
        print(f"{name:{width}}{value}")


def size(nbytes: int) -> str:
    """Bytes for people, in decimal units."""
    value = float(nbytes)
    for unit in ("B", "KB", "MB", "GB"):
        if value < 1000:
            return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1000
    return f"{value:.1f} TB"


def count(n: int, noun: str) -> str:
    """``1 commit``, ``2 commits``."""
    return f"{n:,} {noun}" if n == 1 else f"{n:,} {noun}s"


__all__ = ["count", "print_facts", "print_json", "print_table", "size"]
