"""What one ``with ds:`` block, or one operation outside of any, did to the lengths of the tensors."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from deeplake.versioning.draft import Draft


class Block:
    """Remembers how long tensors were, so that no half rows are published.

    Args:
        tensors: Working states of the tensors by id, as the block finds them.

    Attributes:
        columns: Whether columns were written one by one.
        touched: How long the tensors were, by id, before the block changed them.
    """

    def __init__(self, tensors: Mapping[str, Draft]) -> None:
        self.columns = False
        self.touched: dict[str, int] = {}
        self._begun = {tid: draft.length for tid, draft in tensors.items()}

    def touch(self, draft: Draft) -> None:
        """Remember how long a tensor was before this block changed it."""
        self.touched.setdefault(draft.schema.id, draft.length)

    def shorten(self, draft: Draft, rows: np.ndarray) -> None:
        """Remember that rows that were there before this block are gone."""
        for lengths in (self.touched, self._begun):
            if draft.schema.id in lengths:
                lengths[draft.schema.id] -= int((rows < lengths[draft.schema.id]).sum())

    def lengths_agree(self, tensors: Mapping[str, Draft]) -> bool:
        """Whether all tensors that were changed have as many rows more."""
        added = {
            tensors[tid].length - before for tid, before in self.touched.items() if tid in tensors
        }
        return len(added) <= 1

    def rows_are_whole(self, tensors: Mapping[str, Draft]) -> bool:
        """Whether surely no row is half written.

        Where columns are written one by one, a tensor that was not written and was as long as those
        that were may be what comes next.
        """
        began = {tid: self._begun.get(tid, 0) for tid in tensors}
        added = {tid: draft.length - began[tid] for tid, draft in tensors.items()}
        grown = {tid: rows for tid, rows in added.items() if rows > 0}
        if len(set(grown.values())) > 1 or not self.lengths_agree(tensors):
            return False
        if not self.columns:
            return True
        lengths = {began[tid] for tid in grown}
        return not any(began[tid] in lengths for tid in added if tid not in grown)

    def half_rows(self, tensors: Mapping[str, Draft]) -> list[tuple[Draft, int]]:
        """Tensors that have more than whole rows, and how many rows they are to keep.

        Tensors that began the block equally long keep their common length. Those that the block did
        not come to count if the others have one row more: that is the half of a first row. If they
        have several, these tensors are not used.
        """
        groups: dict[int, list[Draft]] = {}
        for tid, before in self.touched.items():
            if tid in tensors:
                groups.setdefault(before, []).append(tensors[tid])
        found = []
        for before, drafts in groups.items():
            idle = any(
                length == before and tid in tensors and tid not in self.touched
                for tid, length in self._begun.items()
            )
            common = max(before, min(draft.length for draft in drafts))
            if idle and max(draft.length for draft in drafts) == before + 1:
                common = before
            found += [(draft, common) for draft in drafts if draft.length > common]
        return found


__all__ = ["Block"]
