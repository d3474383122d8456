"""Whether the links of a tensor still lead to what was linked."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from deeplake import config
from deeplake.dataset.extent import rows as rows_of
from deeplake.dataset.linking import decode
from deeplake.dataset.linkviews import check as check_links
from deeplake.dataset.linkviews import selected
from deeplake.dataset.progress import progress
from deeplake.errors import (
    DeepLakeError,
    GetDataFromLinkError,
    LinkChangedError,
    LinkRefusedError,
    MissingCredsError,
)
from deeplake.format.links import Link, files_of

if TYPE_CHECKING:
    from deeplake.dataset.tensor import Tensor

Problem = Literal["changed", "refused", "credentials", "unreadable", "corrupted"]


@dataclass(frozen=True, slots=True)
class BrokenLink:
    """A link that does not lead to what was linked.

    Attributes:
        row: Its row.
        item: Its place in the row, if that is a sequence.
        path: Where it leads.
        problem: ``"changed"``: to another file than the one that was linked; ``"refused"``: where
            ``deeplake.config["links"]`` does not allow; ``"credentials"``: they are missing;
            ``"unreadable"``: to nothing that can be read; ``"corrupted"``: to a file that cannot be
            decoded.
        error: What reading it raises.
    """

    row: int
    item: int | None
    path: str
    problem: Problem
    error: DeepLakeError


def check(tensor: Tensor, *, progressbar: bool) -> list[BrokenLink]:
    """Open the selected links (see ``Tensor.check_links``)."""
    check_links(tensor)
    reader = tensor._reader
    linker = reader.linker
    assert linker is not None
    schema, info = reader.schema, reader.info

    def problem(link: Link) -> tuple[Problem, DeepLakeError] | None:
        try:
            data = linker.fetch(link, changed="error")
            if link.pin is None:
                decode(link, data, schema, info)
        except DeepLakeError as error:
            return _kind(error), error
        return None

    total = len(tensor)
    found = []
    for (row, item, link), failed in progress(
        _in_order(_links(tensor), problem), shown=progressbar, title=f"check {tensor.key}",
        unit="link", total=total,
    ):  # fmt: skip
        if failed is not None:
            found.append(BrokenLink(row, item, link.path, *failed))
    return found


def _kind(error: DeepLakeError) -> Problem:
    kinds: list[tuple[type[DeepLakeError], Problem]] = [
        (LinkChangedError, "changed"),
        (LinkRefusedError, "refused"),
        (MissingCredsError, "credentials"),
        (GetDataFromLinkError, "unreadable"),
    ]
    return next((problem for kind, problem in kinds if isinstance(error, kind)), "corrupted")


BLOCK = 4096
"""Rows whose links are looked up at a time."""


def _links(tensor: Tensor) -> Iterator[tuple[int, int | None, Link]]:
    numbers = rows_of(tensor)
    for start in range(0, len(numbers), BLOCK):
        block = np.asarray(numbers[start : start + BLOCK], np.int64)
        whole = type(tensor)(tensor._checkout, tensor._tid)
        for row, found in zip(block.tolist(), selected(whole[block]), strict=True):
            if isinstance(found, list):
                yield from ((row, item, link) for item, link in enumerate(found) if link)
            elif found is not None:
                yield from ((row, None, link) for link in files_of(found))


def _in_order(links: Iterator[tuple[int, int | None, Link]], problem: Any) -> Iterator[Any]:
    """Each link with its problem; several are opened at a time, and few wait for their turn."""
    count = int(config["links"]["threads"])
    waiting: deque[tuple[Any, Future[Any]]] = deque()
    with ThreadPoolExecutor(count, thread_name_prefix="deeplake-check") as pool:
        for place in links:
            waiting.append((place, pool.submit(problem, place[2])))
            if len(waiting) >= 4 * count:
                first, done = waiting.popleft()
                yield first, done.result()
        while waiting:
            first, done = waiting.popleft()
            yield first, done.result()


__all__ = ["BrokenLink", "check"]
