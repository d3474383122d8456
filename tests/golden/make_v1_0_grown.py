"""Makes the golden dataset that grew row by row: ``python tests/golden/make_v1_0_grown.py DIRECTORY``.

Like those of ``make_v1_0.py`` it was made once and is never made again once format 1.0 is released. Its
commits are stored as changes of one another. ``rows`` says what is in it after each of them.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

import deeplake

COMMITS = 9


def rows(commits: int) -> list[int]:
    """What tensor ``x`` has after so many commits: the fourth replaced row 1."""
    found = [10 * number for number in range(commits)]
    if commits >= 4:
        found[1] = -1
    return found


def make(directory: Path) -> None:
    """One writer, one row and one commit after the other."""
    ds = deeplake.empty(directory / "grown")
    ds.create_tensor("x", dtype="int64")
    ds.create_tensor("größe", htype="text")
    for number in range(COMMITS):
        with ds:
            ds.append({"x": np.int64(10 * number), "größe": f"row {number} 🦆"})
            if number == 3:
                ds["x"][1] = -1
        ds.commit(f"commit {number}")


if __name__ == "__main__":
    make(Path(sys.argv[1]))
