"""What a harness has done so far, told to whoever runs it with full figures.

``soak.py`` names a folder in ``DEEPLAKE_SOAK_TALLY``; each process keeps a file of its own there, so
that a run that is cut short has told what it did. Without the variable, nothing is written.
"""

from __future__ import annotations

import atexit
import json
import os
import time
from collections import Counter
from pathlib import Path

_EVERY = 0.5
"""Seconds between two writes."""

_counts: Counter[str] = Counter()
_notes: list[str] = []
_written = 0.0


def count(what: str, n: int = 1) -> None:
    """So many more were done."""
    _counts[what] += n
    if time.monotonic() - _written > _EVERY:
        write()


def note(text: str) -> None:
    """Something that was measured."""
    _notes.append(text)
    write()


def write() -> None:
    """Tell it now: processes that end without clean-up call this before."""
    global _written
    folder = os.environ.get("DEEPLAKE_SOAK_TALLY")
    if not folder or not (_counts or _notes):
        return
    file = Path(folder, f"{os.getpid()}")
    temporary = file.with_suffix(".new")
    temporary.write_text(json.dumps({"counts": _counts, "notes": _notes}), encoding="utf-8")
    temporary.replace(file)
    _written = time.monotonic()


def total(folder: Path) -> tuple[Counter[str], list[str]]:
    """Counts and notes of all processes."""
    counts: Counter[str] = Counter()
    notes: list[str] = []
    for file in sorted(folder.iterdir()):
        if not file.suffix:
            found = json.loads(file.read_text(encoding="utf-8"))
            counts.update(found["counts"])
            notes += found["notes"]
    return counts, notes


def _forked() -> None:
    _counts.clear()
    _notes.clear()


atexit.register(write)
os.register_at_fork(after_in_child=_forked)

__all__ = ["count", "note", "total", "write"]
