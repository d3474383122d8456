"""Writers whom others are faster than: how long they go on."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest

import deeplake
from deeplake.errors import ConflictError
from deeplake.storage.local import LocalStore
from deeplake.versioning import publication


@pytest.mark.parametrize("losses", [1, publication.LOSSES - 1, publication.LOSSES])
def test_who_was_stopped_tries_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, losses: int
) -> None:
    """All the time that there is may have passed in a sleep: then few tries were made in it."""
    monkeypatch.setattr(publication, "PATIENCE", 0.0)
    # As on stores whose writers do not queue.
    monkeypatch.setattr(LocalStore, "turn", lambda self: nullcontext())
    path = str(tmp_path / "ds")
    deeplake.empty(path).create_tensor("x", dtype="int64")
    mine, other = deeplake.load(path), deeplake.load(path)
    session = mine._checkout.session
    swap = publication.Publication._swap
    lost = 0

    def late(self: Any, *args: Any) -> str:
        nonlocal lost
        if self is session and lost < losses:
            lost += 1
            other.x.append(lost)
        return swap(self, *args)

    monkeypatch.setattr(publication.Publication, "_swap", late)
    others = list(range(1, losses + 1))
    if losses < publication.LOSSES:
        mine.x.append(-1)
        assert deeplake.load(path).x.numpy().ravel().tolist() == [*others, -1]
    else:
        with pytest.raises(ConflictError, match=f"were faster {losses} times.*kept as"):
            mine.x.append(-1)
        assert deeplake.load(path).x.numpy().ravel().tolist() == others
