"""How well an order mixes rows that lie side by side, and whether rows of one class do."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from deeplake.loader.plan import InOrder, Order, Shuffled
from deeplake.loader.snapshot import Snapshot, Source
from deeplake.loader.spec import LoaderSpec

STRETCHES = 32
"""Places all over the dataset at which labels are looked at …"""

NEIGHBOURS = 32
"""… and how many of them at each."""

SORTED = 0.5
"""How much likelier than by chance neighbours are of one class in sorted data; 1: always."""

CLUMPED = 0.9
"""Share of the classes that there should be, below which it is worth a warning."""


@dataclass(frozen=True, slots=True)
class Classes:
    """A tensor of labels in whose order rows are stored.

    Attributes:
        tensor: Its name.
        count: How many classes there are, about.
    """

    tensor: str
    count: int


def spread(order: Order, classes: int, stretch: int) -> float:
    """Classes in some consecutive rows of an epoch, as a share of those in as many drawn at random.

    Of data that are sorted by class, with equally many rows of each: an estimate from 0 to 1, on the
    low side where blocks are about as long as classes.

    Args:
        order: The order of the epoch.
        classes: How many there are.
        stretch: How many rows.
    """
    stretch = min(stretch, order.length)
    if stretch < 1 or classes < 1:
        return 1.0
    expected = _distinct(classes, stretch, order.length)
    if isinstance(order, InOrder):
        return min(1.0, max(1.0, stretch * classes / order.length) / expected)
    if order.window is None or order.block == 1:
        return 1.0
    # Rows of one block are of one class: as good as one row, drawn several times. Within a window they
    # come no sooner after each other than of rows drawn at random from all, as long as there are others.
    per_window = max(1, order.window // order.block)
    windows = max(1.0, stretch / order.window)
    blocks = windows * min(per_window, stretch / windows)
    return min(1.0, _distinct(classes, blocks, order.length / order.block) / expected)


def _distinct(kinds: int, drawn: float, things: float) -> float:
    """How many kinds there are, on average, among some things that are drawn at random.

    Args:
        kinds: How many there are, of equally many things each.
        drawn: How many things are drawn, none of them twice.
        things: How many there are.
    """
    absent: float = max(0.0, 1 - drawn / things) ** max(1.0, things / kinds)
    return kinds * (1 - absent)


def sorted_by(snapshot: Snapshot, rows: range | np.ndarray) -> Classes | None:
    """The labels in whose order rows are stored, as far as a sample of them tells.

    Args:
        snapshot: The dataset.
        rows: The rows that are loaded.
    """
    length = len(rows)
    if length < 2 * NEIGHBOURS:
        return None
    starts = np.unique(np.linspace(0, length - NEIGHBOURS, STRETCHES).astype(np.int64))
    places = (starts[:, None] + np.arange(NEIGHBOURS)).ravel()
    wanted = np.asarray(rows, np.int64)[places] if not isinstance(rows, range) else (
        rows.start + rows.step * places
    )  # fmt: skip
    for name in snapshot.visible:
        source = snapshot.sources[name]
        labels = _labels(source, wanted)
        if labels is None:
            continue
        stretches = labels.reshape(len(starts), NEIGHBOURS)
        _, counts = np.unique(labels, return_counts=True)
        chance = float(((counts / len(labels)) ** 2).sum())
        same = float((stretches[:, 1:] == stretches[:, :-1]).mean())
        if chance < 1 and same - chance > SORTED * (1 - chance):
            named = len(source.info.get("class_names") or ())
            return Classes(name, max(named, len(counts), int(labels.max()) + 1))
    return None


def explained(
    order: Order, spec: LoaderSpec, snapshot: Snapshot, rows: range | np.ndarray
) -> list[str]:
    """How well rows are mixed, in words; nothing where any order is as likely as any other.

    Args:
        order: The order of an epoch.
        spec: What was asked for.
        snapshot: The dataset.
        rows: The rows that are loaded.
    """
    mixed = isinstance(order, Shuffled)
    if order.length == 0 or (isinstance(order, Shuffled) and order.window is None):
        return []
    stretch = max(spec.rows_a_batch, order.length // 100)
    lines = []
    if mixed:
        shares = ", ".join(f"{spread(order, n, stretch):.0%} of {n:,}" for n in (10, 100, 1_000))
        lines.append(
            f"mixing: of data sorted by class, {stretch} rows have so many of the classes that they "
            f"would have at random: {shares}"
        )
    classes = sorted_by(snapshot, rows)
    share = 1.0 if classes is None else spread(order, classes.count, stretch)
    if classes is not None and share < CLUMPED:
        remedy = (
            f"raise buffer_size, which is {spec.buffer_size} MB" if mixed else "call .shuffle()"
        )
        lines.append(
            f"warning: rows are stored in the order of {classes.tensor!r}, and {stretch} rows will "
            f"have {share:.0%} of the classes that they would have at random: {remedy}"
        )
    return lines


def _labels(source: Source, rows: np.ndarray) -> np.ndarray | None:
    """One label of each row; None if the tensor holds none."""
    reader = source.reader
    if source.schema.htype != "class_label" or source.schema.is_sequence:
        return None
    if int(rows.max()) >= len(reader):
        return None
    found = reader.array(rows, parallel=False)
    if found is None or found.size != len(rows) or found.dtype.kind not in "iu":
        return None
    return found.reshape(-1)


__all__ = ["Classes", "explained", "sorted_by", "spread"]
