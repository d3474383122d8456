"""GROUP BY and UNGROUP BY: rows that become sequences, and sequences that become rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from deeplake.spi import Columns
from deeplake_query_tql.binder import Binder
from deeplake_query_tql.conversion import of_list
from deeplake_query_tql.evaluation import Batch, condition, evaluate
from deeplake_query_tql.expression import BOOL, NUMBER, TEXT, Expr
from deeplake_query_tql.functions import FUNCTIONS
from deeplake_query_tql.naming import check_names, output_name
from deeplake_query_tql.ordering import Groups, comparable, order, reduced
from deeplake_query_tql.outcome import rows_at, runs
from deeplake_query_tql.scan import values
from deeplake_query_tql.tables import Column, Grouped, Held, Stored, Table
from deeplake_query_tql.tree import Node, Select, Tail
from deeplake_query_tql.vector import (
    Const,
    Dense,
    Objects,
    Ragged,
    Vec,
    concatenate,
    items,
    picked,
    take,
)

if TYPE_CHECKING:
    from deeplake_query_tql.execution import Execution
    from deeplake_query_tql.outcome import Outcome

_PER_SAMPLE = {
    "SUM": "SUM", "PROD": "PROD", "AVG": "AVG", "MEAN": "AVG", "MIN": "AMIN", "MAX": "AMAX",
    "AMIN": "AMIN", "AMAX": "AMAX", "ANY": "ANY", "ALL": "ALL",
}  # fmt: skip
"""What reduces a sample of several values before its group is reduced."""
MAX_DRAWN = 1 << 16
MAX_ITEMS = 1 << 22
"""Groups that may be drawn of however few, and rows that these may have."""


class GroupedSelect:
    """A SELECT with GROUP BY, or with functions of all rows.

    Args:
        run: The execution.
        select, tail: The clauses.
        columns, rows: What is grouped.
        alias: What the table is called.
    """

    def __init__(
        self, run: Execution, select: Select, tail: Tail, columns: Columns,
        rows: range | np.ndarray, alias: str | None,
    ) -> None:  # fmt: skip
        self.execution = run
        self.select = select
        self.tail = tail
        self.columns = columns
        self.rows = rows
        self.binder = Binder(run.complaint, columns, run.parameters, grouped=True, prefix=alias)
        self.held: dict[int, Vec] = {}
        self.known: dict[Any, Vec] = {}

    def run(self) -> Outcome:
        """What it gives."""
        from deeplake_query_tql.outcome import Outcome

        execution, select = self.execution, self.select
        plain = Binder(
            execution.complaint, self.columns, execution.parameters, prefix=self.binder.prefix,
            aliases=self._aliases(),
        )  # fmt: skip
        keys = [(node, plain.bind(node)) for node in select.group]
        named = self._items()
        n = len(self.rows)
        if keys:
            found = [
                execution.ranking.parts(node, key, self.columns, self.rows) for node, key in keys
            ]
            self.groups = Groups.of(found, n)
            for (_, expr), parts in zip(keys, found, strict=True):
                if expr.op == "column" and expr.kind in (NUMBER, BOOL, TEXT):
                    self.known[expr.key] = picked(parts, self.groups.first)
        else:
            self.groups = Groups.whole(n)
        self.keys = {expr.key for _, expr in keys}
        self.aggregated = any(
            e.op == "aggregate" for _, expr in named if expr is not None for e in expr.walk()
        )
        chosen = self._chosen(named)
        outputs = self._outputs(named, chosen)
        if select.distinct:
            outputs = self._distinct(outputs)
        outcome = Outcome(self.columns, range(0), outputs)
        if select.ungroup is not None:
            outputs = regrouped(select.ungroup, outputs, plain, select.pos)
            outcome = Outcome(self.columns, range(0), outputs)
        return outcome

    def _aliases(self) -> dict[str, Expr]:
        """Aliases of expressions without aggregates, which GROUP BY may name."""
        found = {}
        for item in self.select.items:
            if item.alias is not None and item.node is not None:
                expr = self.binder.bind(item.node)
                if all(e.op != "aggregate" for e in expr.walk()):
                    found[item.alias] = expr
        return found

    def _items(self) -> list[tuple[str | None, Expr | None]]:
        found: list[tuple[str | None, Expr | None]] = []
        for item in self.select.items:
            if item.node is None:
                found.append((None, None))
                continue
            expr = self.binder.bind(item.node)
            found.append(
                (item.alias or output_name(self.execution.complaint, item, expr, ()), expr)
            )
        check_names(self.execution.complaint, self.select, found, self.columns)
        return found

    # ---- groups
    def _first(self) -> np.ndarray:
        """The first row of each group; of a group without rows, one that is not there."""
        counts = self.groups.counts
        if len(counts) == 1 and counts[0] == 0:
            return np.array([len(self.columns)], np.int64)
        return np.asarray(rows_at(self.rows, self.groups.first))

    def _values(self, expr: Expr) -> Vec:
        """One value a group."""
        if expr.key in self.known:
            return self.known[expr.key]
        for part in expr.walk():
            if part.op == "aggregate" and id(part) not in self.held:
                self.held[id(part)] = self._aggregate(part)
        first = self._first()
        batch = Batch(self.columns, first, len(first), self.execution.environment, None, self.held)
        return condition(expr, batch) if expr.kind == BOOL else evaluate(expr, batch)

    def _aggregate(self, expr: Expr) -> Vec:
        groups, name = self.groups, expr.value
        if not expr.args:
            return Dense(groups.counts.astype(np.int64))
        of = expr.args[0]
        each = _PER_SAMPLE.get(name)

        def shrink(vec: Vec) -> Vec:
            if name == "COUNT":
                return _presence(vec)
            single = comparable(vec)
            if single is not None:
                return single
            if each is None or isinstance(vec, Objects):
                raise self.execution.complaint.at(
                    expr.pos, f"{name} takes one value a row, not arrays", expr.end
                )
            if each == "AVG":
                # The mean of all elements, not of means.
                total, sizes = FUNCTIONS["SUM"].evaluate(vec), FUNCTIONS["LENGTH"].evaluate(vec)
                return _pairs(total, sizes)
            return FUNCTIONS[each].evaluate(vec)

        if of.kind == BOOL and name != "COUNT":
            of = Expr("call", (of,), "ANY", BOOL, None, of.pos, of.end) if of.op == "column" else of
        found = values(of, self.columns, self.rows, self.execution.environment, shrink=shrink)
        if (
            name in ("AVG", "MEAN")
            and isinstance(found, Dense)
            and found.data.ndim == 2
            and found.data.shape[1] == 2
        ):
            total = reduced("SUM", Dense(found.data[:, 0], found.valid), groups)
            sizes = reduced("SUM", Dense(found.data[:, 1], found.valid), groups)
            assert isinstance(total, Dense)
            assert isinstance(sizes, Dense)
            some = sizes.data > 0
            return Dense(total.data / np.where(some, sizes.data, 1), None if some.all() else some)
        try:
            return reduced(name, found, groups)
        except ValueError:
            raise self.execution.complaint.at(
                expr.pos, f"{name} cannot be taken of these values", expr.end
            ) from None

    def _chosen(self, named: Sequence[tuple[str | None, Expr | None]]) -> np.ndarray:
        """Groups that are left, in order."""
        tail, execution = self.tail, self.execution
        n = len(self.groups.counts)
        if not tail or (self.select.ungroup is not None and not tail):
            return np.arange(n)
        aliases = {name: expr for name, expr in named if name is not None and expr is not None}
        binder = Binder(
            execution.complaint, self.columns, execution.parameters, grouped=True,
            aliases=aliases, prefix=self.binder.prefix,
        )  # fmt: skip
        outcome_tail = _GroupTail(self, binder)
        return outcome_tail.places(tail, n)

    # ---- columns
    def _outputs(
        self, named: Sequence[tuple[str | None, Expr | None]], chosen: np.ndarray
    ) -> dict[str, Column]:
        counts = self.groups.counts[chosen]
        execution = self.execution
        found: dict[str, Column] = {}
        for item, (name, expr) in zip(self.select.items, named, strict=True):
            if expr is None:
                entries = self.binder.entries(item.subscript)
                rows = self._rows_of(chosen)
                for one in self.columns.visible:
                    column = execution._whole(self.columns, one, rows, entries)
                    found[one] = Grouped(column, counts)
                continue
            assert name is not None
            aggregate = any(e.op == "aggregate" for e in expr.walk())
            constant = not expr.names and not aggregate
            if aggregate or (self.aggregated and (expr.key in self.keys or constant)):
                vec = take(self._values(expr), chosen)
                info = {"class_names": list(expr.labels)} if expr.labels else {}
                if expr.op == "column" or expr.labels:
                    column = Held(_flat(vec), info=info, kind=expr.kind)
                    if expr.labels:
                        from dataclasses import replace

                        column.schema = replace(column.schema, htype="class_label")
                else:
                    column = Held(_flat(vec), kind=expr.kind)
                found[name] = column
                continue
            rows = self._rows_of(chosen)
            found[name] = Grouped(execution.computed(expr, self.columns, rows), counts)
        return found

    def _rows_of(self, chosen: np.ndarray) -> np.ndarray:
        """The rows of some groups, group by group."""
        counts, starts = self.groups.counts[chosen], self.groups.starts[chosen]
        total = int(counts.sum())
        if total > max(len(self.rows), MAX_ITEMS):
            raise self.execution.complaint.at(
                self.select.pos, f"groups that are drawn again would have {total} rows; {MAX_ITEMS} are "
                "allowed"
            )  # fmt: skip
        return np.asarray(rows_at(self.rows, self.groups.order[runs(starts, counts)]))

    def _distinct(self, outputs: dict[str, Column]) -> dict[str, Column]:
        keys = []
        n = 0
        for name, column in outputs.items():
            n = column.n
            vec = comparable(column.read(slice(0, column.n)))
            if vec is None:
                raise self.execution.complaint.at(
                    self.select.pos, f"DISTINCT cannot compare arrays: {name!r} holds such"
                )
            keys.append(vec)
        first = Groups.of([[key] for key in keys], n).first
        table = Table(outputs, n)
        from deeplake_query_tql.outcome import stored

        return {name: stored(table, name, first) for name in outputs}


class _GroupTail:
    """ORDER BY, SAMPLE BY and LIMIT of groups."""

    def __init__(self, of: GroupedSelect, binder: Binder) -> None:
        self.of = of
        self.binder = binder

    def _keys(self, tail: Tail) -> list[Any]:
        found = []
        for node, _ in tail.order:
            vec = comparable(self.of._values(self.binder.bind(node)))
            if vec is None:
                from deeplake_query_tql.ranking import ARRAYS

                raise self.of.execution.complaint.at(node.pos, ARRAYS, node.end)
            found.append(vec)
        return found

    def places(self, tail: Tail, n: int) -> np.ndarray:
        execution = self.of.execution
        limit, offset = execution.ranking.limits(self.binder, tail, n)
        wanted = None if limit is None else limit + offset
        down = [descending for _, descending in tail.order]
        if tail.sample is not None:
            weight = comparable(self.of._values(self.binder.bind(tail.sample.weight)))
            if not isinstance(weight, Dense):
                raise execution.complaint.at(tail.sample.weight.pos, "weights are numbers")
            data = weight.data.astype(np.float64)
            if weight.valid is not None:
                data = np.where(weight.valid, data, 0)
            places = execution.ranking.drawn(tail.sample, data, range(n), wanted, MAX_DRAWN)
            if tail.order:
                keys = [take(key, places) for key in self._keys(tail)]
                places = places[order(keys, down, None)]  # type: ignore[arg-type]
            return places[offset:]
        if tail.order:
            return order(self._keys(tail), down, wanted)[offset:]
        return np.arange(n)[offset:wanted]


def _flat(vec: Vec) -> Vec:
    if isinstance(vec, Dense) and vec.data.ndim == 2 and vec.data.shape[1] == 1:
        return Dense(vec.data.reshape(vec.n), vec.valid)
    return vec


def _presence(vec: Vec) -> Vec:
    """Whether each row has a value, as numbers that COUNT counts."""
    if isinstance(vec, Const):
        return Dense(np.ones(vec.n, np.int8), vec.valid)
    found = comparable(vec)
    return Dense(np.ones(vec.n, np.int8), vec.valid) if found is None else found


def _pairs(total: Vec, sizes: Vec) -> Vec:
    assert isinstance(total, Dense)
    assert isinstance(sizes, Dense)
    return Dense(np.stack([total.data, sizes.data], axis=1).astype(np.float64), total.valid)


# --------------------------------------------------------------------------- UNGROUP BY
def regrouped(
    how: tuple[Node, ...] | Literal["split"],
    outputs: Mapping[str, Column],
    binder: Binder,
    pos: int,
) -> dict[str, Column]:
    """Groups taken apart: into rows, or into runs of items.

    Raises:
        QueryError: A column holds no groups.
    """
    groups = {name: _sequences(column, binder, pos) for name, column in outputs.items()}
    counts = next((group.counts for group in groups.values()), np.zeros(0, np.int64))
    if any(not np.array_equal(group.counts, counts) for group in groups.values()):
        raise binder.complaint.at(
            pos, "UNGROUP BY: the groups of the columns have different lengths"
        )
    if how == "split":
        found: dict[str, Column] = {name: group.items for name, group in groups.items()}
        within = np.arange(int(counts.sum())) - np.repeat(np.cumsum(counts) - counts, counts)
        if "frame_number" not in found:
            found["frame_number"] = Held(Dense(within))
        return found
    lengths = [binder.integer(node, "UNGROUP BY") for node in how]
    if min(lengths) < 1:
        raise binder.complaint.at(how[0].pos, "UNGROUP BY takes numbers of at least 1")
    runs = np.array([run for count in counts.tolist() for run in _runs(count, lengths)], np.int64)
    return {name: Grouped(group.items, runs) for name, group in groups.items()}


def _runs(count: int, lengths: Sequence[int]) -> list[int]:
    """A group cut into runs; of one length again and again, of several one after the other."""
    if len(lengths) == 1:
        whole, rest = divmod(count, lengths[0])
        return [lengths[0]] * whole + ([rest] if rest else [])
    runs = []
    for length in lengths:
        run = min(length, count)
        if run:
            runs.append(run)
        count -= run
    return runs + ([count] if count else [])


def _sequences(column: Column, binder: Binder, pos: int) -> Grouped:
    if isinstance(column, Grouped):
        return column
    if not column.schema.is_sequence and column.schema.htype != "list":
        raise binder.complaint.at(pos, "The source dataset is not a group.")
    # Sequences that are stored: their items are read.
    vec = column.read(slice(0, column.n))
    listed = items(vec)
    counts = np.array([0 if x is None else len(x) for x in listed], np.int64)
    parts = [of_list(list(x)) for x in listed if x is not None and len(x)]
    flat = concatenate(parts) if parts else Objects([])
    from dataclasses import replace

    if not column.schema.is_sequence:
        return Grouped(Held(flat, kind="json"), counts)
    schema = replace(column.schema, is_sequence=False)
    return Grouped(Held(flat, schema, column.info), counts)


__all__ = ["GroupedSelect", "Ragged", "Stored", "regrouped"]
