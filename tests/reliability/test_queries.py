"""Any text as a query gives a view or a ``QueryError``, in bounded memory.

``DEEPLAKE_SOAK_QUERIES=1000000`` raises the number of texts: made from the grammar, from what would like
to take much memory or time, damaged, and of any characters.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator

import pytest
from plugins.query_tql.tests import fuzzed

import deeplake

from . import damage, tally

QUERIES = int(os.environ.get("DEEPLAKE_SOAK_QUERIES", "3000"))
PARTS = 4
MEMORY = 2 << 30
"""Bytes beyond what the process has: of tens of thousands of queries, and of each."""


@pytest.fixture
def few() -> Iterator[deeplake.Dataset]:
    ds = fuzzed.dataset()
    fuzzed.run(ds, "SELECT x + 1 AS y WHERE text LIKE 'a%' ORDER BY x")  # imports, threads
    with damage.bounded_memory(MEMORY):
        yield ds


@pytest.mark.parametrize("part", range(PARTS))
def test_queries(few: deeplake.Dataset, part: int) -> None:
    views, slowest = 0, 0.0
    n = -(-QUERIES // PARTS)
    for text in fuzzed.queries(2026 + part, n):
        begin = time.thread_time()
        try:
            views += fuzzed.run(few, text)
        except Exception as error:
            raise AssertionError(f"{text!r}") from error
        slowest = max(slowest, time.thread_time() - begin)
        tally.count("queries")
    tally.count("views", views)
    tally.note(f"slowest {slowest:.1f} s of CPU")
    assert 0 < views < n
