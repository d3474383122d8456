"""What commands print: JSON for programs, tables for people."""

from __future__ import annotations

import json
import math
import unicodedata
from collections.abc import Iterable, Sequence
from typing import Any


def print_json(value: Any) -> None:
    """A value as JSON; sets become sorted lists, NaN and infinities null."""
    print(json.dumps(_finite(value), indent=2, ensure_ascii=False, allow_nan=False))


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(part) for key, part in value.items()}
    if isinstance(value, (set, frozenset)):
        return sorted(value)
    if isinstance(value, (list, tuple)):
        return [_finite(part) for part in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def printable(text: str) -> str:
    """The text without what would control a terminal; its lines stay."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or c in "\n\t" else ascii(c)[1:-1] for c in text)


def one_line(text: str) -> str:
    """The first line of a text, and a sign that there are more."""
    first, _, rest = text.strip().partition("\n")
    return printable(first.rstrip() + (" …" if rest.strip() else ""))


def _width(text: str) -> int:
    """Columns of a terminal."""
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1
        for c in text
    )


def print_table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Aligned columns; what is not known is a dash."""
    lines = [tuple(head)]
    lines += [
        tuple("-" if cell in (None, "") else one_line(str(cell)) for cell in row) for row in rows
    ]
    widths = [max(map(_width, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        cells = [
            cell + " " * (width - _width(cell)) for cell, width in zip(line, widths, strict=True)
        ]
        print("  ".join(cells).rstrip())


def print_facts(facts: Iterable[tuple[str, object]]) -> None:
    """One fact a line, names aligned."""
    known = [(name, value) for name, value in facts if value is not None]
    width = max(len(name) for name, _ in known) + 2
    for name, value in known:
        print(f"{name:{width}}{printable(str(value))}")


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


__all__ = ["count", "one_line", "print_facts", "print_json", "print_table", "printable", "size"]
