"""What datasets can do with versions: the part of ``Dataset`` that is like git."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, Self

from deeplake.dataset import diff as diffs
from deeplake.dataset import downsampling, versions
from deeplake.dataset.checkout import Checkout

if TYPE_CHECKING:
    from deeplake.versioning.draft import Draft


class Versioned:
    """Commits, branches, tags, merges and transactions of a dataset."""

    __slots__ = ()

    if TYPE_CHECKING:
        _checkout: Checkout

        def _check_root(self, what: str) -> None: ...
        def _draft(self, name: str) -> Draft: ...
        def _visible(self) -> list[str]: ...

    # ---- versions
    @property
    def branch(self) -> str:
        """The branch that is checked out, or that the commit checked out was made on."""
        return self._checkout.session.branch

    @property
    def branches(self) -> list[str]:
        """All branches."""
        return self._checkout.repository.branches()

    @property
    def commit_id(self) -> str | None:
        """The last commit; None before the first."""
        return self._checkout.session.commit_id

    @property
    def pending_commit_id(self) -> str:
        """The id that the next commit will have."""
        return self._checkout.session.pending_id

    @property
    def has_head_changes(self) -> bool:
        """Whether there is anything that is not committed."""
        self._checkout.settle()
        return self._checkout.session.has_changes

    @property
    def is_head_node(self) -> bool:
        """Whether a branch is checked out, not a past commit."""
        return self._checkout.session.ref is not None

    @property
    def commits(self) -> list[dict[str, Any]]:
        """The commits of this branch, newest first: commit, author, time, message."""
        return versions.commits(self._checkout)

    def get_commit_details(self, commit_id: str) -> dict[str, Any]:
        """Commit, author, time and message of one commit.

        Raises:
            KeyError: There is no such commit.
        """
        return versions.details(self._checkout, commit_id)

    def log(self) -> None:
        """Print the history."""
        print(versions.log(self._checkout))

    def commit(self, message: str | None = None, allow_empty: bool = False) -> str:
        """Make a commit of everything so far.

        Args:
            message: What changed.
            allow_empty: Also when nothing did.

        Returns:
            The commit's id.

        Raises:
            EmptyCommitError: Nothing changed.
        """
        self._check_root("commit")
        return versions.commit(self._checkout, self, message, allow_empty=allow_empty)

    def checkout(self, address: str, create: bool = False, reset: bool = False) -> str | None:
        """Go to a branch or commit, in place.

        What is not committed stays with its branch. At a past commit, the first change makes a branch
        ``auto_…`` and moves there.

        Args:
            address: Branch, tag, or id of a commit.
            create: Make the branch, at the last commit; what is not committed is committed first.
            reset: Accepted for compatibility: a branch cannot be damaged by an interrupted write.

        Returns:
            The id of the last commit there.

        Raises:
            CheckoutError: There is neither a branch nor a commit of this name, or there is one and
                ``create`` is given.
            ReadOnlyModeError: ``create`` is given, and the dataset was opened read only.
        """
        self._check_root("checkout")
        return versions.checkout(self._checkout, self, address, create=create)

    def create_branch(self, name: str) -> None:
        """Make a branch at the last commit, without going there.

        What is not committed is committed first.

        Raises:
            CheckoutError: There is a branch, tag or commit of this name.
        """
        self._check_root("create_branch")
        self._checkout.check_writable()
        versions.create_branch(self._checkout, self, name)

    def delete_branch(self, name: str) -> None:
        """Remove a branch. Commits that other branches or tags have, by merges too, stay.

        Raises:
            VersionControlError: It is main, checked out, not there, or other branches grew from it.
        """
        self._check_root("delete_branch")
        self._checkout.check_writable()
        versions.delete_branch(self._checkout, name)

    def rename_branch(self, name: str, new_name: str) -> None:
        """Give a branch another name.

        Raises:
            VersionControlError: It is main or not there.
            CheckoutError: The new name is taken.
        """
        self._check_root("rename_branch")
        self._checkout.check_writable()
        versions.rename_branch(self._checkout, name, new_name)

    @property
    def tags(self) -> dict[str, str]:
        """Commit ids by tag."""
        return self._checkout.repository.tags()

    def create_tag(self, name: str, address: str | None = None) -> str:
        """Give a commit a name for good.

        Args:
            name: The tag.
            address: Commit or branch; None: the last commit.

        Returns:
            The commit's id.

        Raises:
            CheckoutError: There is a branch, tag or commit of this name.
            EmptyCommitError: There is no commit yet.
        """
        self._check_root("create_tag")
        self._checkout.check_writable()
        return versions.create_tag(self._checkout, name, address)

    def delete_tag(self, name: str) -> None:
        """Remove a tag; its commit stays. Raises ``KeyError`` if there is none."""
        self._check_root("delete_tag")
        self._checkout.check_writable()
        versions.delete_tag(self._checkout, name)

    def diff(
        self, id_1: str | None = None, id_2: str | None = None, as_dict: bool = False
    ) -> dict[str, Any] | None:
        """Show what changed.

        Args:
            id_1: None: what is not committed yet (at a past commit: what it changed). Alone: this
                version and the one checked out.
            id_2: A second version. Both are shown relative to their most recent common ancestor.
            as_dict: Return it instead of printing it: ``{"dataset": […], "tensor": […]}``, newest
                commit first; with ids, tuples of two such lists.

        Raises:
            KeyError: There is no such commit or branch.
            ValueError: Only ``id_2`` is given.
        """
        found = diffs.diff(self._checkout, id_1, id_2)
        if as_dict:
            return diffs.as_dict(found)
        print(diffs.as_text(found))
        return None

    def merge(
        self,
        target_id: str,
        conflict_resolution: str | None = None,
        delete_removed_tensors: bool = False,
        force: bool = False,
    ) -> None:
        """Merge another version into this branch, and commit that.

        Rows are matched by their ids: rows that were added there are appended here, rows that were
        updated or deleted only there are here too. A row that was deleted here comes back if it was
        updated there. Class labels are matched by name. What is not committed there is committed
        first; what is not committed here becomes part of the merge.

        Args:
            target_id: Branch, tag or commit.
            conflict_resolution: ``"ours"`` or ``"theirs"``: whose change counts where both changed
                the same row or key of ``info``; None: that is an error.
            delete_removed_tensors: Delete tensors that were deleted there.
            force: Tensors that both sides renamed keep our name, and a tensor that has the name of
                one of ours there becomes part of it.

        Raises:
            MergeConflictError: Both sides changed the same thing, and there is no resolution.
            MergeMismatchError: Both sides have a tensor of one name, with different htype, dtype or
                compression.
            CheckoutError: There is no such version.
        """
        self._check_root("merge")
        self._checkout.check_writable()
        versions.merge(
            self._checkout, self, target_id, conflict_resolution=conflict_resolution,
            delete_removed_tensors=delete_removed_tensors, force=force,
        )  # fmt: skip

    def reset(self, force: bool = False) -> None:
        """Drop everything that is not committed.

        Args:
            force: Accepted for compatibility.
        """
        self._check_root("reset")
        versions.reset(self._checkout)

    def refresh(self) -> bool:
        """Go to the latest state of the branch, with what other writers published.

        Returns:
            Whether there was anything new.
        """
        self._check_root("a refresh")
        return versions.refresh(self._checkout)

    def transaction(self) -> AbstractContextManager[Self]:
        """``with ds.transaction():`` publishes everything inside at once, or, after an error,
        nothing.
        """
        self._check_root("transaction")
        return self._checkout.transaction(self)

    def rechunk(
        self,
        tensors: str | Sequence[str] | None = None,
        num_workers: int = 0,
        scheduler: str = "threaded",
        progressbar: bool = True,
    ) -> None:
        """Put rows into chunks of the usual size where many edits have scattered them.

        Data and row ids stay the same; readers are not disturbed.

        Args:
            tensors: Names; None for all.
            num_workers, scheduler: Accepted for compatibility.
            progressbar: Show progress.
        """
        self._check_root("rechunk")
        names = [tensors] if isinstance(tensors, str) else tensors
        drafts = [self._draft(name) for name in (self._visible() if names is None else names)]
        by_name = self._checkout.session.by_name
        drafts = [d for draft in drafts for d in (draft, *downsampling.drafts(draft, by_name))]
        self._checkout.rechunk(drafts, progressbar=progressbar)

    def fix_vc(self) -> None:
        """Accepted for compatibility: there is no separate list of versions that could be wrong."""

    def optimize(self) -> None:
        """Rechunk all tensors, without a progress bar."""
        self.rechunk(progressbar=False)


__all__ = ["Versioned"]
