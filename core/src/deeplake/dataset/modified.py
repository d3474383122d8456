"""Rows of a tensor that changed since an earlier version."""

from __future__ import annotations

from deeplake.dataset.checkout import Checkout
from deeplake.errors import CheckoutError, TensorModifiedError
from deeplake.format.commit import Commit
from deeplake.versioning import history
from deeplake.versioning.addresses import find_commit, user_commit_id
from deeplake.versioning.changes import compare
from deeplake.versioning.table import PieceTable


def modified_rows(checkout: Checkout, tid: str, target_id: str | None) -> list[int]:
    """Numbers of the rows that were added or updated.

    Args:
        checkout: The dataset.
        tid: Id of the tensor.
        target_id: Commit, branch or tag to compare with; None: the last commit, or at a past commit
            the one before it.

    Raises:
        TensorModifiedError: What is checked out is not built on the target.
    """
    draft = checkout.draft(tid)
    before = _before(checkout, target_id)
    state = None if before is None else before.tensors.get(tid)
    if state is None:
        return list(range(draft.length))
    table = draft.table
    old: PieceTable = history.stored_table(checkout.repository, state).with_ndim(table.ndim)
    changes = compare(old, table)
    rows = [*changes.added.row_numbers().tolist(), *changes.updated.row_numbers().tolist()]
    return sorted(rows)


def _before(checkout: Checkout, target_id: str | None) -> Commit | None:
    repository, session = checkout.repository, checkout.session
    last = None if session.commit_id is None else repository.read_commit(session.commit_id)
    if target_id is None:
        if last is None or session.ref is not None or session.base.message is None:
            return last
        return repository.read_commit(last.parents[0]) if last.parents else None
    try:
        commit_id = user_commit_id(find_commit(repository, target_id))
    except CheckoutError as error:
        raise TensorModifiedError(
            f"{checkout.path} has no commit, branch or tag {target_id!r} to compare with"
        ) from error
    if commit_id is None:
        return None
    target = repository.read_commit(commit_id)
    if history.diverge(repository, last, target).theirs:
        raise TensorModifiedError(
            f"{target_id!r} is no ancestor of what is checked out of {checkout.path}; use diff() to "
            "compare versions of two branches"
        )
    return target


__all__ = ["modified_rows"]
