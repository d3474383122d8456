"""Which rows can be left unread: statistics of pieces against a condition.

A condition is looked at over a *grid*: runs of rows that lie in one piece of every column in it. For
each run two things are found out from bounds and sets of values: whether the condition can be true
there, and whether it can be false. What is not known can be both.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from deeplake.spi import Columns
from deeplake_query_tql.expression import COMPARISONS, Expr

_FLIPPED = {"=": "=", "!=": "!=", "<": ">", "<=": ">=", ">": "<", ">=": "<="}
_WIDE = np.uint64(64)


@dataclass(frozen=True, slots=True)
class Grid:
    """Runs of rows.

    Attributes:
        starts: ``int64[runs]``: where each begins; the first one at 0.
        length: Rows in all.
        alive: ``bool[runs]``: whether the condition can be true there.
    """

    starts: np.ndarray
    length: int
    alive: np.ndarray

    def spans(self, start: int, stop: int) -> list[tuple[int, int]]:
        """Runs between two rows where the condition can be true, neighbours joined."""
        if not self.alive.any():
            return []
        ends = np.append(self.starts[1:], self.length)
        edges = np.flatnonzero(np.diff(np.concatenate([[0], self.alive.astype(np.int8), [0]])))
        found = []
        for a, b in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True):
            low, high = max(int(self.starts[a]), start), min(int(ends[b - 1]), stop)
            if low < high:
                found.append((low, high))
        return found

    def keep(self, rows: np.ndarray) -> np.ndarray:
        """``bool[n]``: which rows are where the condition can be true."""
        if self.alive.all():
            return np.ones(len(rows), bool)
        return self.alive[np.searchsorted(self.starts, rows, "right") - 1]


def prune(expr: Expr | None, columns: Columns) -> Grid:
    """The runs of rows in which a condition can be true."""
    length = len(columns)
    names = [] if expr is None else [name for name in expr.names if len(columns)]
    starts = [np.zeros(1, np.int64)]
    for name in names:
        pieces = columns.pieces(name)
        starts.append(pieces["start"])
        end = int(pieces["start"][-1] + pieces["count"][-1]) if len(pieces["start"]) else 0
        if end < length:
            starts.append(np.array([end], np.int64))  # rows that the column does not have
    grid = np.unique(np.concatenate(starts)) if len(starts) > 1 else starts[0]
    if expr is None or not length:
        return Grid(grid, length, np.ones(len(grid), bool))
    can_true, _ = _Pruner(columns, grid).look(expr)
    return Grid(grid, length, can_true)


class _Pruner:
    """What can be said of a condition over a grid.

    ``look`` returns two arrays, ``bool[runs]``: whether the condition can be true, and false.
    """

    def __init__(self, columns: Columns, grid: np.ndarray) -> None:
        self.columns = columns
        self.grid = grid
        self.unknown = np.ones(len(grid), bool)

    def look(self, expr: Expr) -> tuple[np.ndarray, np.ndarray]:
        op = expr.op
        if op == "and":
            parts = [self.look(arg) for arg in expr.args]
            return (
                np.logical_and.reduce([part[0] for part in parts]),
                np.logical_or.reduce([part[1] for part in parts]),
            )
        if op == "or":
            parts = [self.look(arg) for arg in expr.args]
            return (
                np.logical_or.reduce([part[0] for part in parts]),
                np.logical_and.reduce([part[1] for part in parts]),
            )
        if op == "not":
            can_true, can_false = self.look(expr.args[0])
            return can_false, can_true
        if op in COMPARISONS:
            left, right = expr.args
            if left.op == "column" and right.op == "const":
                return self._compared(op, left.value, right.value)
            if right.op == "column" and left.op == "const":
                return self._compared(_FLIPPED[op], right.value, left.value)
        if op == "between" and expr.args[0].op == "column":
            name = expr.args[0].value
            if all(arg.op == "const" for arg in expr.args[1:]):
                low = self._compared(">=", name, expr.args[1].value)
                high = self._compared("<=", name, expr.args[2].value)
                return low[0] & high[0], low[1] | high[1]
        if op == "in" and expr.args[0].op == "column" and isinstance(expr.value, np.ndarray):
            return self._among(expr.args[0].value, expr.value)
        if op in ("contains", "contains any") and expr.args[0].op == "column":
            if op == "contains any":
                return self._among(expr.args[0].value, expr.value)[0], self.unknown
            if expr.args[1].op == "const":
                return self._compared("=", expr.args[0].value, expr.args[1].value)[0], self.unknown
        if op == "is null" and expr.args[0].op == "column":
            return self._null(expr.args[0].value)
        if op == "const" and isinstance(expr.value, (bool, int, float)):
            true = np.full(len(self.grid), bool(expr.value))
            return true, ~true
        return self.unknown, self.unknown

    def _pieces(self, name: str) -> dict[str, np.ndarray] | None:
        """Statistics of a column over the grid; ``there``: it has such rows."""
        pieces = self.columns.pieces(name)
        if not len(pieces["start"]):
            return None
        which = np.searchsorted(pieces["start"], self.grid, "right") - 1
        end = pieces["start"][-1] + pieces["count"][-1]
        found = {key: values[which] for key, values in pieces.items()}
        found["there"] = self.grid < end
        return found

    def _compared(self, op: str, name: str, value: object) -> tuple[np.ndarray, np.ndarray]:
        if isinstance(value, (bool, np.bool_)):
            value = int(value)
        if not isinstance(value, (int, float, np.integer, np.floating)):
            return self.unknown, self.unknown
        pieces = self._pieces(name)
        if pieces is None:
            return self.unknown, self.unknown
        low, high = pieces["min"], pieces["max"]
        can_true, can_false = _bounds(op, low, high, _exact(value))
        if op == "=":
            can_true = can_true & _in_domain(pieces, value)
        if low.dtype.kind == "f":
            # NaN has no place in bounds: no comparison with it is true, but that it differs.
            can_false = can_false | True
            if op == "!=":
                can_true = can_true | True
            # Numbers of fewer digits are compared with the nearest of their kind.
            can_true = can_true | _near(low, high, value)
        known = pieces["valid"]
        return (can_true | ~known) & pieces["there"], (can_false | ~known) & pieces["there"]

    def _among(self, name: str, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        pieces = self._pieces(name)
        if pieces is None:
            return self.unknown, self.unknown
        if not len(values):
            return np.zeros(len(self.grid), bool), pieces["there"]
        if pieces["min"].dtype.kind == "f" or values.dtype.kind == "f" or len(values) > 10_000:
            if pieces["min"].dtype.kind == "f" and len(values) and np.isfinite(values).all():
                low = self._compared(">=", name, float(values.min()))[0]
                high = self._compared("<=", name, float(values.max()))[0]
                return low & high, pieces["there"]
            return pieces["there"], pieces["there"]
        ordered = np.sort(values.astype(np.int64) if values.dtype.kind != "u" else values)
        if pieces["min"].dtype.kind != ordered.dtype.kind:
            ordered = np.sort(np.asarray(values, object))
            parts = [self._compared("=", name, int(v))[0] for v in ordered[:256]]
            can_true = np.logical_or.reduce(parts) if len(ordered) <= 256 else pieces["there"]
            return can_true, pieces["there"]
        # The first one that is not below the least value: is it above the greatest?
        at = np.searchsorted(ordered, pieces["min"], "left")
        inside = ordered[np.minimum(at, len(ordered) - 1)]
        hit = (at < len(ordered)) & (inside <= pieces["max"])
        if len(ordered) <= 64:
            hit &= np.logical_or.reduce([_in_domain(pieces, int(v)) for v in ordered])
        return (hit | ~pieces["valid"]) & pieces["there"], pieces["there"]

    def _null(self, name: str) -> tuple[np.ndarray, np.ndarray]:
        pieces = self._pieces(name)
        if pieces is None:
            return self.unknown, self.unknown
        return (pieces["null_count"] > 0) | ~pieces["there"], pieces["there"]


def _exact(value: object) -> object:
    return value.item() if isinstance(value, np.generic) else value


def _near(low: np.ndarray, high: np.ndarray, value: object) -> np.ndarray:
    """Whether a number lies at the bounds, but for what float16 and float32 round off."""
    number = float(value)  # type: ignore[arg-type]
    if not np.isfinite(number):
        return np.ones(len(low), bool)
    margin = abs(number) * 1e-3 + 1e-7
    with np.errstate(all="ignore"):
        return np.asarray((low - margin <= number) & (number <= high + margin))


def _bounds(
    op: str, low: np.ndarray, high: np.ndarray, value: object
) -> tuple[np.ndarray, np.ndarray]:
    """Whether a comparison can be true, and false, of values between bounds."""
    with np.errstate(all="ignore"):
        below, above = low < value, high > value
        at_low, at_high = low == value, high == value
    reach = (below | at_low) & (above | at_high)
    only = at_low & at_high
    found = {
        "=": (reach, ~only),
        "!=": (~only, reach),
        "<": (below, above | at_high),
        "<=": (below | at_low, above),
        ">": (above, below | at_low),
        ">=": (above | at_high, below),
    }[op]
    return np.asarray(found[0]), np.asarray(found[1])


def _in_domain(pieces: dict[str, np.ndarray], value: object) -> np.ndarray:
    """Whether a value is in the sets of values that are known."""
    domain, least = pieces["domain"], pieces["min"]
    unknown = domain == 0
    if unknown.all() or least.dtype.kind not in "iu" or not float(value).is_integer():  # type: ignore[arg-type]
        return np.ones(len(domain), bool)
    number = int(value)  # type: ignore[call-overload]
    if not -(2**62) <= number < 2**62:
        return np.ones(len(domain), bool)
    if least.dtype.kind == "u":
        if number < 0:
            return np.asarray(unknown)
        beyond = least > number
        shift = np.where(beyond, _WIDE, np.uint64(number) - np.where(beyond, 0, least))
    else:
        beyond = (least > number) | (least < number - 64)
        shift = np.where(beyond, 64, number - np.where(beyond, number, least)).astype(np.uint64)
    inside = shift < _WIDE
    bit = (domain >> np.where(inside, shift, np.uint64(0))) & np.uint64(1)
    return np.asarray(unknown | (inside & (bit == 1)))


def pieces_of(
    names: Sequence[str], columns: Columns, spans: Sequence[tuple[int, int]]
) -> tuple[int, int, int]:
    """Pieces of some columns: how many there are, how many lie in spans of rows, and their bytes."""
    total = touched = nbytes = 0
    for name in names:
        pieces = columns.pieces(name)
        total += len(pieces["start"])
        stops = pieces["start"] + pieces["count"]
        hit = np.zeros(len(stops), bool)
        for start, stop in spans:
            hit |= (pieces["start"] < stop) & (stops > start)
        touched += int(hit.sum())
        nbytes += int(pieces["nbytes"][hit].sum())
    return total, touched, nbytes


__all__ = ["Grid", "pieces_of", "prune"]
