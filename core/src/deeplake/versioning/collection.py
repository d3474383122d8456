"""``deeplake gc``: deletes what nothing leads to any more.

1. List all objects, with their age.
2. Fence: every ref is moved to itself with a higher ``fence``. A writer that had staged data before
   finds its compare-and-swap refused, and checks that its data are still there before it tries
   again.
3. Mark from the refs as they are after the fence.
4. Delete what is unmarked, was there in step 1, and is older than the grace period.

A kill at any point leaves garbage at most.
"""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass, replace
from typing import Any

from deeplake.errors import PreconditionFailedError, VersionControlError
from deeplake.format.commit import INDEX
from deeplake.spi import Store
from deeplake.versioning import reachable
from deeplake.versioning.repository import Repository, data_key

LOCAL_GRACE = 24 * 3600.0
REMOTE_GRACE = 7 * 24 * 3600.0
FENCE = "fence"
ATTEMPTS = 20


@dataclass(frozen=True, slots=True)
class Garbage:
    """What a collection found.

    Attributes:
        keys: Objects that nothing leads to and that are old enough.
        nbytes: Their size, and that of leftovers of killed writers.
        young: Objects that nothing leads to yet and that a writer may still publish.
        deleted: Whether the objects were deleted.
    """

    keys: tuple[str, ...]
    nbytes: int
    young: int
    deleted: bool


def grace_of(store: Store) -> float:
    """Default grace period in seconds: a day where files are near, else a week."""
    return LOCAL_GRACE if store.capabilities.mapping else REMOTE_GRACE


def collect(repository: Repository, *, dry_run: bool = True, grace: float | None = None) -> Garbage:
    """Find, and unless ``dry_run`` delete, what nothing leads to.

    Args:
        repository: The dataset.
        dry_run: Only report.
        grace: Seconds that an object is kept after it was written; None: a day locally, else a
        week.

    Raises:
        FormatError, CheckoutError: Something that is needed cannot be read: nothing is deleted.
    """
    store = repository.store
    limit = time.time() - (grace_of(store) if grace is None else grace)
    there = [info for prefix in ("data/", "commits/") for info in store.list(prefix)]
    if not dry_run:
        _fence(repository)
    needed = _needed(repository)
    unreachable = [info for info in there if info.key not in needed]
    old = [info for info in unreachable if info.modified is not None and info.modified <= limit]
    keys = tuple(info.key for info in old)
    swept = store.sweep(time.time() - limit, dry_run=dry_run)
    if not dry_run and keys:
        store.delete(keys)
    size = sum(info.size for info in old) + swept
    return Garbage(keys, size, len(unreachable) - len(old), not dry_run)


def _needed(repository: Repository) -> set[str]:
    """Keys of all objects that something leads to."""
    needed: set[str] = set()
    seen: set[tuple[Any, ...]] = set()
    for commit in reachable.commits(repository):
        needed.add(f"commits/{commit.id}")
        for tensor, ref in reachable.segments(repository, commit):
            if ref.key in seen:
                continue
            seen.add(ref.key)
            needed.add(f"data/{ref.object}")
            if ref.level != INDEX:
                found = reachable.data_objects(repository, repository.read_segment(ref), tensor)
                needed.update(map(data_key, found))
    return needed


def _fence(repository: Repository) -> None:
    """Make every writer that is at work notice."""
    for branch in repository.branches():
        for _ in range(ATTEMPTS):
            ref, version = repository.read_ref(branch)
            fence = int(ref.extra.get(FENCE, 0)) + 1
            moved = replace(
                ref, nonce=secrets.token_hex(8), seq=ref.seq + 1, extra={**ref.extra, FENCE: fence}
            )
            try:
                repository.write_ref(moved, if_match=version)
                break
            except PreconditionFailedError:
                continue
        else:
            raise VersionControlError(
                f"branch {branch!r} of {repository.store.url} is written to all the time; collect "
                "when it is quieter"
            )


__all__ = ["FENCE", "Garbage", "collect", "grace_of"]
