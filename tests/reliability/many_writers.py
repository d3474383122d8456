"""One of many processes that change a branch, or read it, at the same time: ``python many_writers.py``.

It gets a JSON object (see ``Job``) as its argument, and starts when the file ``go`` appears.
"""

from __future__ import annotations

import json
import os
import random
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

COUNTER = 2_000_000_000
"""Key of the row that all writers update: so many updates more than this."""
OWN = 10_000_000
"""Keys of writer ``w`` begin at ``(w + 1) * OWN``."""


@dataclass
class Job:
    """What a process does.

    Attributes:
        path: The dataset.
        folder: Where the ledger and the files ``go`` and ``done`` are.
        number: Which writer, or reader, it is.
        commits: How many commits it makes; 0: it reads until ``done`` appears.
        seed: Of what it does.
        lost: Share of compare-and-swaps that are done and whose answer is lost.
        plant: Name of a defect to work with (see ``PLANTS``), or empty.
    """

    path: str
    folder: str
    number: int
    commits: int
    seed: int
    lost: float = 0.0
    plant: str = ""

    def text(self) -> str:
        return json.dumps(asdict(self))


def opened(job: Job, rng: random.Random) -> Any:
    """The dataset, on a store that loses answers."""
    from deeplake.dataset.checkout import Checkout
    from deeplake.dataset.dataset import Dataset
    from deeplake.storage.local import LocalStore
    from deeplake.testing.stores import Fault, FaultyStore, Request
    from deeplake.versioning.repository import Repository
    from deeplake.versioning.session import Session

    def unlucky(request: Request) -> bool:
        return (
            request.op == "put"
            and request.key.startswith("refs/heads/")
            and rng.random() < job.lost
        )

    store = FaultyStore(LocalStore(job.path), Fault(moment="after", times=None, matches=unlucky))
    session = Session.open(Repository(store))
    return Dataset(Checkout(job.path, session, read_only=False), verbose=False)


class Writer:
    """Changes the dataset, and writes down what was acknowledged.

    Attributes:
        alive: Its groups of rows: ``[key]`` or three keys that are never apart.
    """

    def __init__(self, job: Job) -> None:
        self.job = job
        self.rng = random.Random(job.seed)
        self.ds = opened(job, self.rng)
        self.ledger = Path(job.folder, f"writer-{job.number}")
        self.alive: list[list[int]] = []
        self.serial = 0

    def acknowledged(self, **entry: Any) -> None:
        with self.ledger.open("a", encoding="utf-8") as file:
            file.write(json.dumps(entry) + "\n")

    def run(self) -> None:
        import tally

        for number in range(self.job.commits):
            self.change()
            # A commit is made of whatever the branch holds: another writer's changes included.
            message = f"commit {number} of writer {self.job.number}"
            self.ds.commit(message, allow_empty=True)
            self.acknowledged(commit=message)
            tally.count("commits")

    def change(self) -> None:
        ops = [self.append, self.append_three, self.update, self.pop, self.count]
        if not self.alive:
            ops = ops[:2]
        self.rng.choice(ops)()

    def fresh(self) -> int:
        self.serial += 1
        return (self.job.number + 1) * OWN + self.serial * 10

    def append(self) -> None:
        from rows import row

        key = self.fresh() + 9
        self.ds.append(row(key))
        self.alive.append([key])
        self.acknowledged(add=[key])

    def append_three(self) -> None:
        from rows import columns, row

        first = self.fresh()
        keys = [first, first + 1, first + 2]
        if self.rng.random() < 0.5:
            self.ds.extend(columns(keys))
        else:
            with self.ds:
                for key in keys:
                    self.ds.append(row(key))
        self.alive.append(keys)
        self.acknowledged(add=keys)

    def places(self, keys: list[int]) -> list[int]:
        """Where the rows of these keys are now."""
        self.ds.refresh()
        found = self.ds["id"].numpy().ravel().tolist()
        return [found.index(key) for key in keys]

    def update(self) -> None:
        from rows import columns

        group = self.rng.choice(self.alive)
        first = self.fresh()
        new = [first + key % 10 for key in group]
        places = self.places(group)
        samples = columns(new)
        self.ds[places].update({name: list(values) for name, values in samples.items()})
        self.alive[self.alive.index(group)] = new
        self.acknowledged(add=new, remove=group)

    def pop(self) -> None:
        group = self.alive.pop(self.rng.randrange(len(self.alive)))
        self.ds.pop(sorted(self.places(group)))
        self.acknowledged(remove=group)

    def count(self) -> None:
        """Update the row that all update: whoever is second is told so, and tries again."""
        from rows import row

        from deeplake.errors import ConflictError

        while True:
            self.ds.refresh()
            before = int(self.ds["id"][0].numpy()[0])
            try:
                self.ds[0].update(row(before + 1))
            except ConflictError:
                continue
            self.acknowledged(count=before + 1)
            return


def read(job: Job) -> None:
    """Look at snapshots until the writers are done; each must be whole, and stay as it is."""
    import rows

    import deeplake

    rng = random.Random(job.seed)
    ds = deeplake.load(job.path, read_only=True)
    counter, seen = COUNTER, 0
    while True:
        last = Path(job.folder, "done").exists()
        if rng.random() < 0.3:
            ds = deeplake.load(job.path, read_only=True)
        else:
            ds.refresh()
        keys = rows.read(ds)
        check(keys, counter)
        counter = keys[0]
        # Long enough for others to write meanwhile, and to leave them a processor to do it.
        time.sleep(rng.uniform(0, 0.2))
        assert rows.read(ds) == keys, "the snapshot changed"
        seen += 1
        if last:
            break
    print(seen)


def check(keys: list[int], counter: int) -> None:
    """Whether a snapshot is whole.

    Raises:
        AssertionError: It is not.
    """
    assert len(set(keys)) == len(keys), f"rows are there twice: {sorted(keys)}"
    assert keys[0] >= counter, f"the counter went back from {counter} to {keys[0]}"
    there = set(keys[1:])
    for key in there:
        if key % 10 < 9:
            three = {key // 10 * 10 + i for i in range(3)}
            assert three <= there, f"of {three} only {three & there} are there"


# ---------------------------------------------------------------------------------------- defects
def _swap_without_compare() -> None:
    """Branches are moved wherever they are."""
    from deeplake.versioning.repository import Repository

    write_ref = Repository.write_ref

    def blind(self: Any, ref: Any, *, if_match: str | None) -> str:
        if if_match is not None:
            _, if_match = self.read_ref(ref.branch)
        return write_ref(self, ref, if_match=if_match)

    Repository.write_ref = blind  # type: ignore[method-assign]


def _rows_torn() -> None:
    """Tensors of one row are published one after the other."""
    from deeplake.dataset.checkout import Checkout

    apply = Checkout.apply

    def eager(self: Any, draft: Any, batch: Any) -> None:
        apply(self, draft, batch)
        self.session.flush()

    Checkout.apply = eager  # type: ignore[method-assign]


PLANTS: dict[str, Callable[[], None]] = {
    "swap without compare": _swap_without_compare,
    "rows torn": _rows_torn,
}


def main(job: Job) -> None:
    if job.plant:
        PLANTS[job.plant]()
    if not job.commits:
        read(job)
        return
    writer = Writer(job)
    Path(job.folder, f"ready-{job.number}").touch()
    while not Path(job.folder, "go").exists():
        time.sleep(0.005)
    writer.run()


if __name__ == "__main__":
    os.environ.setdefault("DEEPLAKE_FSYNC", "0")
    sys.path.insert(0, str(Path(__file__).parent))
    main(Job(**json.loads(sys.argv[1])))
