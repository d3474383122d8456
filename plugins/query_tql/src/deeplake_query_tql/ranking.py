"""What orders, samples and limits the rows of a query."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from deeplake.errors import WeightsError
from deeplake.spi import Columns, QueryEnvironment
from deeplake_query_tql.binder import Binder
from deeplake_query_tql.complaint import Complaint
from deeplake_query_tql.conversion import scalars
from deeplake_query_tql.expression import Expr
from deeplake_query_tql.leading import leading
from deeplake_query_tql.ordering import comparable, order
from deeplake_query_tql.outcome import MAX_ROWS, rows_at
from deeplake_query_tql.scan import Series, values
from deeplake_query_tql.tree import Node, Sample, Tail
from deeplake_query_tql.vector import Dense, Text, Vec

ARRAYS = "Can't convert array to scalar in ORDER/SAMPLE/GROUP expressions."
FEW = 4
"""Where at most one row in so many is wanted, not all are put in order."""

MAX_DRAWN = 1 << 20
AGAIN = 64
"""Rows that may be drawn of however few, and how often each on average."""

Rows = range | np.ndarray


class Ranking:
    """Puts rows in order, draws some, and cuts them off.

    Args:
        complaint: Makes errors about the query.
        environment: Random numbers.
        parameters: What placeholders stand for.
    """

    def __init__(self, complaint: Complaint, environment: QueryEnvironment) -> None:
        self.complaint = complaint
        self.environment = environment

    # ---- keys
    def keys(
        self, keys: Sequence[tuple[Node, Expr]], columns: Columns, rows: Rows
    ) -> list[Dense | Text]:
        """One value a row of each key."""
        return [
            self._key(values(key, columns, rows, self.environment, shrink=self.shrink(node)))
            for node, key in keys
        ]

    def parts(self, node: Node, key: Expr, columns: Columns, rows: Rows) -> list[Dense | Text]:
        """One value a row of a key, in parts that follow each other."""
        shrink = self.shrink(node)
        return [*Series(key, columns, rows, self.environment).each(shrink)]

    @staticmethod
    def _key(vec: Vec) -> Dense | Text:
        found = comparable(vec)
        assert found is not None
        return found

    def shrink(self, node: Node) -> Callable[[Vec], Dense | Text]:
        """Makes one value a row.

        Raises:
            QueryError: There are arrays.
        """

        def shrunk(vec: Vec) -> Dense | Text:
            found = comparable(vec)
            if found is None:
                raise self.complaint.at(node.pos, ARRAYS, node.end)
            return found

        return shrunk

    # ---- clauses
    def places(self, binder: Binder, tail: Tail, columns: Columns, rows: Rows) -> np.ndarray:
        """Positions in ``rows`` that are left, in order."""
        n = len(rows)
        if tail.sample is not None:
            return self._sampled(binder, tail, columns, rows)
        limit, offset = self.limits(binder, tail, n)
        wanted = None if limit is None else min(limit + offset, n)
        if not tail.order:
            return np.arange(n)[offset:wanted]
        keys = [(node, binder.bind(node)) for node, _ in tail.order]
        return self._ordered(keys, [down for _, down in tail.order], columns, rows, wanted)[offset:]

    def _ordered(
        self, keys: Sequence[tuple[Node, Expr]], down: Sequence[bool], columns: Columns, rows: Rows,
        wanted: int | None,
    ) -> np.ndarray:  # fmt: skip
        """Positions in order of keys, as many as are wanted."""
        if wanted is not None and 0 < wanted <= len(rows) // FEW:
            node, first = keys[0]
            series = Series(first, columns, rows, self.environment)
            found = leading(series, self.shrink(node), descending=down[0], limit=wanted)
            if found is not None:
                key, places = found
                rest = self.keys(keys[1:], columns, rows_at(rows, places)) if keys[1:] else []
                return np.asarray(places[order([key, *rest], down, wanted)])
        return order(self.keys(keys, columns, rows), down, wanted)

    def limits(self, binder: Binder, tail: Tail, n: int | None) -> tuple[int | None, int]:
        """How many rows are wanted, and how many are left out before them.

        Args:
            binder: Knows the parameters.
            tail: The clauses.
            n: Rows that there are; None: not known yet.
        """
        offset = 0
        if tail.offset is not None:
            offset = binder.integer(tail.offset, "OFFSET")
            if offset < 0:
                raise self.complaint.at(tail.offset.pos, "OFFSET is not negative")
        if tail.limit is None:
            return None, offset
        value = binder.bind(tail.limit).value
        if isinstance(value, (bool, str)) or not isinstance(value, (int, float, np.number)):
            raise self.complaint.at(tail.limit.pos, "LIMIT is a number")
        if tail.percent:
            if not np.isfinite(value) or value < 0:
                raise self.complaint.at(tail.limit.pos, "a share of rows is not negative")
            if n is None:
                return None, offset
            return int(n * min(value, 1e9) / 100), offset
        if not np.isfinite(value) or int(value) != value:
            raise self.complaint.at(tail.limit.pos, "LIMIT is an integer, or a number of PERCENT")
        return max(0, min(int(value), 2**62)), offset

    # ---- samples
    def drawn(
        self, sample: Sample, weights: np.ndarray, rows: Rows, wanted: int | None,
        most: int = MAX_DRAWN,
    ) -> np.ndarray:  # fmt: skip
        """Positions that are drawn by weight.

        Args:
            sample: How.
            weights: One a row.
            rows: What is drawn from.
            wanted: How many; None: as many as there are.
            most: So many are allowed in any case.

        Raises:
            QueryError: These are too many.
            WeightsError: Weights that make no sense.
        """
        n = len(rows)
        pos = sample.weight.pos
        if n == 0:
            raise self.complaint.at(pos, "SAMPLE BY has no rows to draw from", kind=WeightsError)
        size = n if wanted is None else wanted
        if not sample.replace:
            size = min(size, n)
        allowed = max(n, most, min(AGAIN * n, MAX_ROWS))
        if size > allowed:
            raise self.complaint.at(
                pos, f"SAMPLE BY would draw {size} times of {n}; {allowed} are allowed. "
                "ds.sample_by(…, size=…) draws any number of rows"
            )  # fmt: skip
        try:
            found = self.environment.sample(weights, rows, size=size, replace=sample.replace)
        except ValueError as error:
            raise self.complaint.at(pos, f"SAMPLE BY: {error}", kind=WeightsError) from error
        return np.asarray(found, np.int64)

    def _sampled(self, binder: Binder, tail: Tail, columns: Columns, rows: Rows) -> np.ndarray:
        sample = tail.sample
        assert sample is not None
        limit, offset = self.limits(binder, tail, len(rows))
        weight = binder.bind(sample.weight)
        weights = self._weights(sample, weight, columns, rows) if len(rows) else np.zeros(0)
        wanted = None if limit is None else limit + offset
        places = self.drawn(sample, weights, rows, wanted)
        if tail.order:
            keys = [(node, binder.bind(node)) for node, _ in tail.order]
            found = self.keys(keys, columns, rows_at(rows, places))
            places = places[order(found, [down for _, down in tail.order], None)]
        return places[offset:]

    def _weights(self, sample: Sample, weight: Expr, columns: Columns, rows: Any) -> np.ndarray:
        """One weight a row; rows without a value weigh nothing."""
        node = sample.weight
        found = values(weight, columns, rows, self.environment, shrink=self.shrink(node))
        vec = None if isinstance(found, Text) else scalars(found)
        if vec is None:
            raise self.complaint.at(node.pos, "weights are numbers", node.end, WeightsError)
        data = vec.data.astype(np.float64)
        return data if vec.valid is None else np.where(vec.valid, data, 0.0)


__all__ = ["ARRAYS", "Ranking"]
