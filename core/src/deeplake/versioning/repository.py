"""The objects of one dataset in its store: marker, refs, commits, segments."""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Iterator
from typing import Any, NamedTuple
from urllib.parse import unquote

from deeplake.errors import (
    CheckoutError,
    DatasetHandlerError,
    DatasetNotFoundError,
    FormatError,
    ObjectNotFoundError,
    PreconditionFailedError,
    StorageError,
    StorageTimeoutError,
    TransientStorageError,
)
from deeplake.format import envelope, segment
from deeplake.format.commit import FORMAT, PIECE, Commit, Ref, SegmentRef
from deeplake.format.envelope import Base, Bases
from deeplake.format.pieces import Pieces
from deeplake.spi import Store
from deeplake.storage.retry import PATIENCE, PAUSE, TRIES, Retrying, is_transient
from deeplake.types import Buffer, byte_length

MARKER = "deeplake.json"
MAIN = "main"
INLINE_LIMIT = 32 << 10
DEPTH = 8
"""A commit is stored as a change of another at most so many times in a row."""
MAX_DEPTH = 16
"""More are not read."""
MAX_NAME = 200
"""Longest name of a branch, tag or view, quoted: components of paths have up to 255 bytes."""
_COMMIT_ID = re.compile(r"[0-9a-f]{32,64}")
_PLAIN = re.compile(r"[a-z0-9_-]")


def new_id() -> str:
    """A random commit id, 40 hex digits."""
    return secrets.token_hex(20)


def data_key(oid: str) -> str:
    """Key of a data object."""
    return f"data/{oid}"


def is_write_once(key: str) -> bool:
    """Whether the object of a key never changes once it is written."""
    return key.startswith(("data/", "commits/"))


def is_id(text: str) -> bool:
    """Whether this may be the id of a commit."""
    return _COMMIT_ID.fullmatch(text) is not None


def ref_key(name: str, kind: str = "heads") -> str:
    """Key of a branch's ref, or a tag's: the name with everything but ``a-z 0-9 _ -``
    percent-encoded.

    Case is encoded too: names that differ in case only stay apart on every file system.
    """
    return f"refs/{kind}/{quoted(name)}"


def quoted(name: str) -> str:
    """A name as a component of a key."""
    return "".join(c if _PLAIN.match(c) else "".join(f"%{b:02x}" for b in c.encode()) for c in name)


class _Body(NamedTuple):
    """The JSON of a stored commit.

    Attributes:
        data: The JSON.
        depth: How many other commits have to be read first.
    """

    data: bytes
    depth: int


class Repository:
    """Reads and writes the objects of one dataset.

    Args:
        store: The store whose root is the dataset. What it fails to do for a moment is tried again.
    """

    def __init__(self, store: Store) -> None:
        self.store = Retrying.around(store)
        self._commits: dict[str, Commit] = {}
        self._bodies: dict[str, _Body] = {}

    # ---- the dataset as a whole
    def exists(self) -> bool:
        """Whether there is a dataset: branch main is what makes one."""
        try:
            self.store.head(ref_key(MAIN))
        except ObjectNotFoundError:
            return False
        return True

    def create(self) -> tuple[Ref, str]:
        """Make an empty dataset and return its first ref and the ref's version.

        The marker comes first and the ref last, so a dataset whose creation was cut short does not
        exist, and creating it again completes it.

        Raises:
            DatasetHandlerError: There is one already.
        """
        uuid = secrets.token_hex(16)
        marker = {
            "format": list(FORMAT),
            "uuid": uuid,
            "checksum": "xxh3-64",
            "created": time.time(),
        }
        try:
            self._create(MARKER, envelope.wrap("marker", marker))
        except PreconditionFailedError:
            marker, _ = self.unwrap("marker", MARKER, self.store.get(MARKER))
            uuid = str(marker["uuid"])
        first = Commit(new_id(), time=time.time())
        ref = Ref(uuid, MAIN, None, first.id, new_id(), secrets.token_hex(8), 0, first)
        try:
            version = self._create(ref_key(MAIN), envelope.wrap("ref", ref.to_json()))
        except PreconditionFailedError:
            raise DatasetHandlerError(
                f"a dataset already exists at {self.store.url}; open it with deeplake.load, or pass "
                "overwrite=True to replace it"
            ) from None
        return ref, version

    def clear(self) -> None:
        """Delete everything. The refs go first: without them there is no dataset."""
        self.store.delete([info.key for info in self.store.list("refs/")])
        self.store.delete([info.key for info in self.store.list("")])
        self._commits.clear()
        self._bodies.clear()

    def size(self) -> int:
        """Stored bytes, all versions included."""
        return sum(info.size for info in self.store.list(""))

    def unwrap(
        self, kind: str, key: str, data: Buffer, version: str = ""
    ) -> tuple[dict[str, Any], str]:
        """The fields of an object that was read as a whole, and the version they have.

        Bytes that are not such an object are read once more, as the answer may have been cut short.

        Raises:
            FormatError: The object is damaged.
            StorageError: It is longer than what comes back.
        """
        body, version = self._json_of(kind, key, data, version)
        return envelope.parsed(body, key), version

    def _json_of(
        self, kind: str, key: str, data: Buffer, version: str = "", bases: Bases | None = None
    ) -> tuple[bytes, str]:
        try:
            return envelope.json_of(kind, data, key, bases), version
        except FormatError:
            # Not by "get": a cache would answer with what it was given.
            data, version = self.store.get_versioned(key)
        try:
            return envelope.json_of(kind, data, key, bases), version
        except FormatError as error:
            size = self.store.head(key).size
            if byte_length(data) >= size:
                raise
            raise StorageError(
                f"cannot read {key!r} in {self.store.url}: only {byte_length(data)} of {size} bytes "
                "came, twice; try again, and look at the network"
            ) from error

    # ---- refs
    def branches(self) -> list[str]:
        """Names of all branches, main first, the others sorted."""
        prefix = "refs/heads/"
        names = [unquote(info.key[len(prefix) :]) for info in self.store.list(prefix)]
        return sorted(names, key=lambda name: (name != MAIN, name))

    def read_ref(self, branch: str) -> tuple[Ref, str]:
        """A branch's ref and its version.

        Raises:
            CheckoutError: There is no such branch.
            DatasetNotFoundError: There is no dataset at all.
        """
        key = ref_key(branch)
        if len(quoted(branch)) > MAX_NAME:
            raise CheckoutError(f"no branch has a name as long as {branch!r:.80}")
        try:
            data, version = self.store.get_versioned(key)
        except ObjectNotFoundError:
            if branch == MAIN or not self.exists():
                raise DatasetNotFoundError(
                    f"there is no dataset at {self.store.url}; create one with deeplake.empty"
                ) from None
            raise CheckoutError(f"{self.store.url} has no branch {branch!r}") from None
        fields, version = self.unwrap("ref", key, data, version)
        ref = Ref.from_json(fields, key)
        if ref.branch != branch:
            raise FormatError(f"{key}: is the ref of branch {ref.branch!r}")
        return ref, version

    def write_ref(self, ref: Ref, *, if_match: str | None) -> str:
        """Move a branch, or make it (``if_match=None``); returns the ref's new version.

        Raises:
            PreconditionFailedError: The branch is not where the caller thinks.
        """
        key, data = ref_key(ref.branch), envelope.wrap("ref", ref.to_json())
        if if_match is None:
            return self._create(key, data)
        return self.store.put(key, data, if_match=if_match)

    def delete_ref(self, ref: Ref, version: str) -> None:
        """Remove a branch that is where the caller thinks; its commits stay until they are collected.

        Deletes have no conditions, so the branch is retired first: from then on nobody moves it.

        Raises:
            PreconditionFailedError: It is elsewhere; nothing was removed.
        """
        if not ref.is_retired:
            self.write_ref(ref.retired(secrets.token_hex(8)), if_match=version)
        self.store.delete([ref_key(ref.branch)])

    # ---- tags
    def tags(self) -> dict[str, str]:
        """Commit ids by tag."""
        prefix = "refs/tags/"
        names = [unquote(info.key[len(prefix) :]) for info in self.store.list(prefix)]
        found = {name: self.read_tag(name) for name in sorted(names)}
        return {name: commit for name, commit in found.items() if commit is not None}

    def read_tag(self, name: str) -> str | None:
        """The commit of a tag, or None if there is no such tag."""
        key = ref_key(name, "tags")
        if len(quoted(name)) > MAX_NAME:
            return None
        try:
            data = self.store.get(key)
        except ObjectNotFoundError:
            return None
        tag, _ = self.unwrap("tag", key, data)
        commit = tag.get("commit")
        if tag.get("name") != name or not isinstance(commit, str) or not is_id(commit):
            raise FormatError(f"{key}: is no tag {name!r} of a commit, but {tag!r:.200}")
        return commit

    def create_tag(self, name: str, commit: Commit) -> None:
        """Give a commit a name for good.

        Raises:
            CheckoutError: There is such a tag.
        """
        self.keep(commit)
        data = envelope.wrap("tag", {"name": name, "commit": commit.id, "time": time.time()})
        try:
            self._create(ref_key(name, "tags"), data)
        except PreconditionFailedError:
            raise CheckoutError(f"{self.store.url} has a tag {name!r} already") from None

    def delete_tag(self, name: str) -> None:
        """Remove a tag; its commit stays."""
        self.store.delete([ref_key(name, "tags")])

    # ---- commits
    def read_commit(self, commit_id: str) -> Commit:
        """A commit, or a snapshot that is still the head of a branch.

        Raises:
            CheckoutError: There is none of this id.
        """
        found = self._commits.get(commit_id)
        if found is None:
            found = self._stored(commit_id) or self._inlined(commit_id) or self._stored(commit_id)
            if found is None:
                raise CheckoutError(f"{self.store.url} has no commit {commit_id}")
            self._remember(found)
        return found

    def _stored(self, commit_id: str) -> Commit | None:
        """The commit, if it is an object of its own."""
        if not is_id(commit_id):
            return None
        key = f"commits/{commit_id}"
        try:
            fields = self.commit_fields(commit_id)
        except ObjectNotFoundError:
            return None
        found = Commit.from_json(fields, key)
        if found.id != commit_id:
            raise FormatError(f"{key}: holds commit {found.id}")
        return found

    def commit_fields(self, commit_id: str) -> dict[str, Any]:
        """The JSON of a commit that is an object of its own."""
        return envelope.parsed(self._body(commit_id).data, f"commits/{commit_id}")

    def _body(self, commit_id: str, above: int = 0) -> _Body:
        """The JSON of a commit that is an object of its own.

        Args:
            commit_id: The commit.
            above: How many commits are built on it that wait for it.

        Raises:
            ObjectNotFoundError: It is none.
        """
        known = self._bodies.get(commit_id)
        if known is not None:
            return known
        key = f"commits/{commit_id}"
        depth = 0

        def base(base_id: str) -> bytes:
            nonlocal depth
            if not is_id(base_id) or above >= MAX_DEPTH:
                raise FormatError(f"{key}: is built on commits without end, or on {base_id!r:.50}")
            try:
                found = self._body(base_id, above + 1)
            except ObjectNotFoundError as error:
                raise FormatError(
                    f"{key}: is built on commits/{base_id}, which is missing"
                ) from error
            depth = found.depth + 1
            return found.data

        data, _ = self._json_of("commit", key, self.store.get(key), bases=base)
        return self._remember_body(commit_id, _Body(data, depth))

    def _remember_body(self, commit_id: str, body: _Body) -> _Body:
        # Enough for a walk through the history, in which a commit comes before its base.
        if len(self._bodies) >= 32:
            self._bodies.pop(next(iter(self._bodies)), None)
        if len(body.data) <= INLINE_LIMIT:
            self._bodies[commit_id] = body
        return body

    def _inlined(self, commit_id: str) -> Commit | None:
        """The commit, if it is the head of a branch and nowhere else (see ``keep``)."""
        if not is_id(commit_id):
            return None
        for branch in self.branches():
            try:
                ref, _ = self.read_ref(branch)
            except (CheckoutError, DatasetNotFoundError):
                continue
            if ref.head == commit_id:
                return ref.inline
        return None

    def keep(self, commit: Commit) -> None:
        """Store a commit that only a ref holds so far, before the ref moves on.

        A commit that is the head of a branch lives in the branch's ref: that makes a commit two
        writes instead of three. Whoever moves the branch, or refers to the commit, keeps it first.
        """
        try:
            self.write_commit(commit)
        except PreconditionFailedError:
            if not self._is_stored(commit):
                # A writer had stored its own commit under the id that all begin with, and died before
                # its ref: nothing leads there. What the branch leads to is this one.
                self._bodies.pop(commit.id, None)
                self.store.put(f"commits/{commit.id}", envelope.wrap("commit", commit.to_json()))
            self._remember(commit)

    def _is_stored(self, commit: Commit) -> bool:
        """Whether the object of the commit's id is this commit."""
        try:
            found = self._stored(commit.id)
        except FormatError:
            return False
        return found is not None and envelope.encoded(found.to_json()) == envelope.encoded(
            commit.to_json()
        )

    @staticmethod
    def fits_inline(commit: Commit) -> bool:
        """Whether a ref can hold the commit itself."""
        segments = sum(len(state.segments) + 4 for state in commit.tensors.values())
        # A segment is about 100 bytes of JSON; the exact size matters only in between.
        if segments > INLINE_LIMIT // 64:
            return False
        return len(envelope.encoded(commit.to_json())) <= INLINE_LIMIT

    def write_commit(self, commit: Commit) -> None:
        """Store a commit under its id.

        Raises:
            PreconditionFailedError: The id is taken.
        """
        body = envelope.encoded(commit.to_json())
        first = commit.parents[0] if commit.parents else ""
        known = self._bodies.get(first)
        # Most of a commit is what its parent says. That is known to a writer of several commits, which
        # are the ones that should be small, and is not read for it.
        base = None if known is None or known.depth >= DEPTH else Base(first, known.data)
        self._create(f"commits/{commit.id}", envelope.deflated("commit", body, base))
        depth = 0 if base is None or known is None else known.depth + 1
        self._remember_body(commit.id, _Body(body, depth))
        self._remember(commit)

    def _create(self, key: str, data: bytes) -> str:
        """Store an object of which no two are alike, and return its version. An answer that got lost
        is settled by reading it back.

        Raises:
            PreconditionFailedError: There is another one.
        """
        began = time.monotonic()
        for attempt in range(TRIES):
            try:
                return self.store.put(key, data, if_absent=True)
            except PreconditionFailedError:
                if attempt:
                    found, version = self.store.get_versioned(key)
                    if found == data:
                        return version  # what an earlier attempt wrote
                raise
            except StorageError as error:
                now = time.monotonic()
                if attempt == 0 and isinstance(error, (StorageTimeoutError, TransientStorageError)):
                    # Once more at least: it may be the machine that stood still, not the store.
                    began = now
                late = attempt == TRIES - 1 or now - began > PATIENCE / 2
                if late or not is_transient(error):
                    raise
                time.sleep(PAUSE * 2**attempt)
        raise AssertionError("the loop returns or raises")

    def _remember(self, commit: Commit) -> None:
        # Commits are immutable: any number may be cached, but a long-lived writer makes many.
        if len(self._commits) >= 256:
            self._commits.pop(next(iter(self._commits)))
        self._commits[commit.id] = commit

    def head_commit(self, ref: Ref) -> Commit:
        """The state that a ref points to."""
        return ref.inline if ref.inline is not None else self.read_commit(ref.head)

    def history(self, commit_id: str | None) -> Iterator[Commit]:
        """A user commit and its first-parent ancestors, newest first."""
        seen: set[str] = set()
        while commit_id is not None:
            if commit_id in seen:
                raise FormatError(f"commits/{commit_id}: is its own ancestor")
            seen.add(commit_id)
            commit = self.read_commit(commit_id)
            yield commit
            commit_id = commit.parents[0] if commit.parents else None

    # ---- segments
    def read_segment(self, ref: SegmentRef) -> Pieces:
        """The pieces of a stored segment, or what an index block has in their place."""
        if ref.level == PIECE:
            return segment.single(ref)
        key = data_key(ref.object)
        data = self.store.get(key, (ref.offset, ref.offset + ref.length))
        name = f"{key} at byte {ref.offset}"
        pieces = segment.decode(data, name, ref.checksum, level=ref.level)
        if len(pieces) != ref.pieces or int(pieces["count"].sum()) != ref.rows:
            raise FormatError(f"{name}: the segment holds other rows than its commit says")
        return pieces


__all__ = [
    "INLINE_LIMIT", "MAIN", "MAX_NAME", "Repository", "data_key", "is_id", "is_write_once", "new_id",
    "quoted", "ref_key",
]  # fmt: skip
