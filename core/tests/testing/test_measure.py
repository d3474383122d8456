from __future__ import annotations

import zlib

import numpy as np
import pytest

from deeplake.testing.measure import memory_growth, share_of_gil


def test_memory_of_python_and_numpy_is_counted() -> None:
    assert 32 << 20 <= memory_growth(lambda: np.ones(32 << 20, np.uint8)) < 64 << 20
    assert 32 << 20 <= memory_growth(lambda: bytes(32 << 20)) < 64 << 20
    assert memory_growth(lambda: None) < 4 << 20


def test_a_failing_call_is_measured() -> None:
    def fail() -> None:
        np.ones(32 << 20, np.uint8)
        raise ValueError

    assert memory_growth(fail) >= 32 << 20


def test_only_exceptions_are_dropped() -> None:
    def stop() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        memory_growth(stop)


def test_share_of_gil() -> None:
    noise = np.random.default_rng(0).integers(0, 64, 8 << 20).astype(np.uint8).tobytes()
    assert share_of_gil(lambda: zlib.compress(noise, 1), enough=0.5) < 0.5
    # A loop in C that never lets go.
    assert share_of_gil(lambda: sum(range(20_000_000)), attempts=3) > 0.5
