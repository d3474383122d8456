"""Memory that is used again: never while anything of it is still looked at."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest

from deeplake.format import arena
from deeplake.format.arena import LARGEST, SIZE, Arena


@pytest.fixture(autouse=True)
def nothing_kept() -> Iterator[None]:
    arena.release()
    yield
    arena.release()


def address(view: memoryview) -> int:
    import numpy as np

    return int(np.frombuffer(view, np.uint8).ctypes.data)


def test_places_lie_one_after_the_other() -> None:
    places = Arena()
    first, second = places.place(100), places.place(28)
    assert first is not None
    assert second is not None
    assert (len(first), len(second)) == (100, 28)
    assert address(second) == address(first) + 100
    first[:] = b"a" * 100
    second[:] = b"b" * 28
    assert bytes(first) == b"a" * 100


@pytest.mark.parametrize("size", [0, -1, LARGEST + 1, 1 << 60])
def test_what_gets_no_place(size: int) -> None:
    assert Arena().place(size) is None


def test_memory_is_used_again_when_the_last_view_is_gone() -> None:
    places = Arena()
    views = [places.place(LARGEST) for _ in range(SIZE // LARGEST)]
    part = views[3][10:20]  # type: ignore[index]
    start = address(views[0])  # type: ignore[arg-type]
    following = places.place(1)
    assert following is not None
    assert not start <= address(following) < start + SIZE
    del views
    gc.collect()
    assert not arena._free, "a part of a view is still there"
    part[:] = b"0123456789"
    del part
    assert len(arena._free) == 1
    again = Arena().place(5)
    assert again is not None
    assert address(again) == start


def test_an_arena_that_ends_leaves_its_places_alone() -> None:
    view = Arena().place(3)
    assert view is not None
    view[:] = b"abc"
    others = [Arena().place(3) for _ in range(20)]
    for other in others:
        other[:] = b"xyz"  # type: ignore[index]
    assert bytes(view) == b"abc"


def test_release_gives_back_what_is_not_used() -> None:
    used, gone = Arena().place(1), Arena().place(1)
    assert used is not None
    del gone
    assert len(arena._free) == 1
    arena.release()
    assert not arena._free
    used[:] = b"u"


def test_not_more_is_kept_than_is_likely_to_be_used() -> None:
    many = [Arena().place(1) for _ in range(arena.KEPT + 5)]
    del many
    assert len(arena._free) == arena.KEPT
