"""A writer that is killed: ``python kill_writer.py``.

A server that imports deeplake once, has used it, keeps nothing open, and forks a writer for each line
on its input (a JSON object, see ``Job``). For each writer it prints two lines: its process id, and,
when it has died, how. The one who killed it learns what happened from the *ledger*, a file outside the
dataset: the writer appends a line before each operation (what it is about to do) and one after it (that
it was acknowledged), each synced to disk.
"""

from __future__ import annotations

import json
import os
import random
import signal
import sys
import tempfile
import threading
import warnings
from collections.abc import Callable
from dataclasses import asdict, dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

# Wrapped before anything else is imported: modules may bind these functions to names of their own.
_CALLS = (
    *("open", "write", "writev", "pwrite", "fsync", "fdatasync", "replace", "rename", "link"),
    *("unlink", "mkdir", "rmdir", "utime"),
)


class Fuse:
    """Kills this process at one of its system calls, once it was lit.

    Attributes:
        left: Calls until it goes off; None: it is not lit.
    """

    def __init__(self) -> None:
        self.left: int | None = None

    def burn(self) -> bool:
        """Count one call; returns whether it is the last one."""
        if self.left is None:
            return False
        self.left -= 1
        return self.left <= 0


fuse = Fuse()


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _wrap(name: str) -> None:
    original = getattr(os, name)

    def call(*args: Any, **kwargs: Any) -> Any:
        if not fuse.burn():
            return original(*args, **kwargs)
        if name == "writev" and args[1]:
            # A part of what was to be written is on the disk.
            half = bytes(args[1][0])
            original(args[0], [half[: len(half) // 2]])
        elif os.getpid() % 2:
            original(*args, **kwargs)
        _die()
        return None

    setattr(os, name, call)


if __name__ == "__main__":
    for _name in _CALLS:
        if hasattr(os, _name):
            _wrap(_name)


@dataclass
class Job:
    """What a writer does.

    Attributes:
        path: The dataset.
        ledger: The file to write operations to.
        seed: Of what it does.
        branches: Keys of the rows of each branch, as they are now.
        next_key: Keys from here on were never used.
        calls: Die at this system call; None: at none.
        plant: Name of a defect to work with (see ``PLANTS``), or empty.
    """

    path: str
    ledger: str
    seed: int
    branches: dict[str, list[int]]
    next_key: int
    calls: int | None = None
    plant: str = ""

    def line(self) -> str:
        return json.dumps(asdict(self)) + "\n"


class Ledger:
    """Lines of JSON, on the disk when ``write`` returns."""

    def __init__(self, path: str) -> None:
        self._fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        self.number = 0

    def write(self, **entry: Any) -> None:
        left, fuse.left = fuse.left, None  # the ledger itself is never torn
        os.write(self._fd, json.dumps(entry).encode() + b"\n")
        os.fsync(self._fd)
        fuse.left = left


class Writer:
    """Does random things to a dataset until it dies."""

    def __init__(self, job: Job) -> None:
        import deeplake

        self.rng = random.Random(job.seed)
        self.ledger = Ledger(job.ledger)
        self.branches = job.branches
        self.next_key = job.next_key
        self.number = 0
        fuse.left = job.calls
        self.ds = deeplake.load(job.path)
        self.branch = "main"

    def run(self) -> None:
        while True:
            self.step()

    @property
    def keys(self) -> list[int]:
        return self.branches[self.branch]

    def fresh(self, n: int) -> list[int]:
        first, self.next_key = self.next_key, self.next_key + n
        return list(range(first, first + n))

    def do(
        self, op: str, run: Callable[[], Any], after: list[int] | None = None, **entry: Any
    ) -> Any:
        """Write down what is about to be done, do it, write down that it was done."""
        self.number += 1
        self.ledger.write(n=self.number, op=op, branch=self.branch, **entry)
        result = run()
        self.ledger.write(ack=self.number, result=result if isinstance(result, str) else None)
        if after is not None:
            self.branches[self.branch] = after
        return result

    def step(self) -> None:
        many = len(self.keys) > 40
        names = [
            "append",
            "with",
            "extend",
            "transaction",
            "update",
            "pop",
            "commit",
            "branch",
            "go",
        ]
        names += ["merge", "rechunk", "gc"]
        some, room = bool(self.keys), len(self.branches) < 4
        weights = [8, 3, 3, 2, 4 * some, (12 if many else 2) * some, 2, room, 2, room, 1, 0.5]
        getattr(self, "do_" + self.rng.choices(names, weights)[0])()

    def do_append(self) -> None:
        from rows import row

        [key] = self.fresh(1)
        self.do("add", lambda: self.ds.append(row(key)), [*self.keys, key], keys=[key])

    def do_with(self) -> None:
        from rows import columns, row

        keys = self.fresh(self.rng.randint(1, 8))

        def run() -> None:
            with self.ds:
                half = self.rng.randint(0, len(keys))
                for key in keys[:half]:
                    self.ds.append(row(key))
                if keys[half:]:
                    self.ds.extend(columns(keys[half:]))

        self.do("add", run, [*self.keys, *keys], keys=keys)

    def do_extend(self) -> None:
        from rows import columns

        keys = self.fresh(self.rng.randint(1, 12))
        self.do("add", lambda: self.ds.extend(columns(keys)), [*self.keys, *keys], keys=keys)

    def do_transaction(self) -> None:
        from rows import columns

        keys = self.fresh(self.rng.randint(1, 8))

        def run() -> None:
            with self.ds.transaction():
                self.ds.extend(columns(keys))

        self.do("all", run, [*self.keys, *keys], keys=keys)

    def do_update(self) -> None:
        from rows import row

        at = self.rng.randrange(len(self.keys))
        [key] = self.fresh(1)
        after = [*self.keys]
        after[at] = key
        self.do("update", lambda: self.ds[at].update(row(key)), after, at=at, key=key)

    def do_pop(self) -> None:
        n = len(self.keys)
        rows = sorted(self.rng.sample(range(n), self.rng.randint(1, max(1, n // 3))))
        after = [key for at, key in enumerate(self.keys) if at not in rows]
        self.do("pop", lambda: self.ds.pop(rows), after, rows=rows)

    def do_commit(self) -> None:
        message = f"commit of {self.next_key}"
        self.next_key += 1
        self.do("commit", lambda: self.ds.commit(message, allow_empty=True), message=message)

    def do_branch(self) -> None:
        name = f"branch {self.next_key}"
        self.next_key += 1
        keys = [*self.keys]
        self.do("branch", lambda: self.ds.checkout(name, create=True), name=name)
        self.branch = name
        self.branches[name] = keys

    def do_go(self) -> None:
        name = self.rng.choice(sorted(self.branches))
        self.do("go", lambda: self.ds.checkout(name), name=name)
        self.branch = name

    def do_merge(self) -> None:
        """Rows that were added on a branch come back, and the branch is deleted."""
        target = self.branch
        self.do_branch()
        name = self.branch
        self.do_extend()
        keys = [key for key in self.keys if key not in self.branches[target]]
        message = f"to be merged: {name}"
        self.do("commit", lambda: self.ds.commit(message), message=message)
        self.do("go", lambda: self.ds.checkout(target), name=target)
        self.branch = target
        self.do("all", lambda: self.ds.merge(name), [*self.keys, *keys], keys=keys)
        self.do("delete", lambda: self.ds.delete_branch(name), name=name)
        del self.branches[name]

    def do_rechunk(self) -> None:
        self.do("rechunk", self.ds.optimize)

    def do_gc(self) -> None:
        """Collect garbage without a grace period: this process has nothing that is not published."""
        from deeplake.versioning.collection import collect

        repository = self.ds._checkout.repository
        self.do("gc", lambda: collect(repository, dry_run=False, grace=0))


# ---------------------------------------------------------------------------------------- defects
def _rename_skipped() -> None:
    """Puts of data are acknowledged, and what they wrote is gone."""
    from deeplake.storage.local import LocalStore

    replace = LocalStore._replace

    def skip(self: Any, source: str, target: str) -> None:
        if "/data/" not in target or random.random() < 0.7:
            replace(self, source, target)

    LocalStore._replace = skip  # type: ignore[method-assign]


def _id_reused() -> None:
    """Data objects take the names of earlier ones."""
    from deeplake.versioning import staging

    taken = [f"{n:032x}" for n in range(3)]
    staging.secrets = type(  # type: ignore[attr-defined]
        "Secrets", (), {"token_hex": staticmethod(lambda n: random.choice(taken))}
    )


def _ref_first() -> None:
    """The ref is moved before the data that it leads to are stored."""
    from deeplake.versioning.session import Session
    from deeplake.versioning.staging import Staging

    flush, publish = Staging.flush, Session._publish

    def late(self: Any, *args: Any, **kwargs: Any) -> Any:
        result = publish(self, *args, **kwargs)
        flush(self._staging)
        return result

    Staging.flush = lambda self, put=None: None  # type: ignore[method-assign,assignment]
    Session._publish = late  # type: ignore[method-assign]


def _written_in_place() -> None:
    """Objects are written under their own name: a reader can find a part of one."""
    from deeplake.storage import files
    from deeplake.storage.local import LocalStore

    def put(self: Any, key: str, data: Any, **conditions: Any) -> str:
        path = self._path(key)
        self._check(key, path, conditions.get("if_match"), conditions.get("if_absent", False))
        os.makedirs(os.path.dirname(path), exist_ok=True)
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        files.write(fd, files.parts_of(data))
        os.close(fd)
        return str(self.head(key).version)

    LocalStore.put = put  # type: ignore[method-assign]


def _rows_torn() -> None:
    """Tensors of one row are published one after the other."""
    from deeplake.dataset.checkout import Checkout

    apply = Checkout.apply

    def eager(self: Any, draft: Any, batch: Any) -> None:
        apply(self, draft, batch)
        self.session.flush()

    Checkout.apply = eager  # type: ignore[method-assign]


def _acknowledged_early() -> None:
    """Three operations of ten return before what they did is published."""
    from deeplake.versioning.session import Session

    flush = Session.flush

    def lazy(self: Any) -> None:
        if random.random() < 0.7:
            flush(self)

    Session.flush = lazy  # type: ignore[method-assign]


PLANTS: dict[str, Callable[[], None]] = {
    "rename skipped": _rename_skipped,
    "id reused": _id_reused,
    "ref first": _ref_first,
    "written in place": _written_in_place,
    "rows torn": _rows_torn,
    "acknowledged early": _acknowledged_early,
}


def warm_up() -> None:
    """Do what a writer does: it is not to spend its short life with imports and finding plugins."""
    import rows

    import deeplake

    import_module("deeplake.versioning.collection")
    with tempfile.TemporaryDirectory() as folder:
        ds = deeplake.empty(os.path.join(folder, "ds"))
        rows.create(ds)
        ds.extend(rows.columns([1, 2, 3]))
        ds.commit("warm")
        ds.pop(0)
        rows.read(ds)
    # A fork copies no thread but this one; deeplake knows that of its own, which ends when it likes.
    others = {thread.name for thread in threading.enumerate()} - {
        "MainThread",
        "deeplake-checkpoint",
    }
    assert not others, others


def serve() -> None:
    """Fork a writer for each line of input; at its end, end."""
    warm_up()
    for line in sys.stdin:
        job = Job(**json.loads(line))
        pid = os.fork()
        if pid == 0:
            try:
                if job.plant:
                    random.seed(job.seed)
                    PLANTS[job.plant]()
                Writer(job).run()
            except BaseException as error:  # noqa: BLE001 - the parent must hear of any
                fuse.left = None
                Ledger(job.ledger).write(failed=f"{type(error).__name__}: {error}")
            finally:
                os._exit(1)
        print(pid, flush=True)
        _, status = os.waitpid(pid, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parent))
    # Branches without commits are checked out on purpose, a thousand times.
    warnings.simplefilter("ignore")
    serve()
