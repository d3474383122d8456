"""What the suites of both kinds of codec share."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, ClassVar

import numpy as np
from hypothesis import HealthCheck, settings

from deeplake.spi import Codec, Plugin
from deeplake.testing.contract import PluginContract

MEGABYTE = 1 << 20
THREADS = 8

# The tests are inherited, so hypothesis sees one test run by several classes: that is meant.
examples = settings(
    deadline=None,
    max_examples=60,
    suppress_health_check=[HealthCheck.differing_executors, HealthCheck.too_slow],
)


def same(a: np.ndarray, b: np.ndarray) -> bool:
    """Equal to the last bit, NaN and -0.0 included."""
    return a.shape == b.shape and a.dtype == b.dtype and a.tobytes() == b.tobytes()


def rotted(data: bytes, position: int, bit: int) -> bytes:
    """The bytes with one bit changed."""
    damaged = bytearray(data)
    damaged[position] ^= 1 << bit
    return bytes(damaged)


def spread(length: int, most: int) -> list[int]:
    """Every position below ``length``, or ``most`` of them if there are more."""
    if length <= most:
        return list(range(length))
    return sorted({round(i * (length - 1) / (most - 1)) for i in range(most)})


@contextmanager
def eager_switching() -> Iterator[None]:
    """Threads change places as often as the interpreter can manage."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        yield
    finally:
        sys.setswitchinterval(before)


def together(jobs: list[Callable[[], Any]]) -> list[Any]:
    """Results of some calls that were all started at the same moment in threads of their own."""
    gate = threading.Barrier(len(jobs))

    def run(job: Callable[[], Any]) -> Any:
        gate.wait()
        return job()

    with eager_switching(), ThreadPoolExecutor(len(jobs)) as pool:
        return [future.result() for future in [pool.submit(run, job) for job in jobs]]


class CodecContract(PluginContract):
    """What both suites ask.

    Attributes:
        codec: The class under test.
        heavy: Modules that importing the codec's module must not load.
    """

    codec: ClassVar[type[Codec]]
    heavy: ClassVar[tuple[str, ...]] = ()

    def plugin_class(self) -> type[Plugin]:
        return self.codec

    def test_names_itself(self) -> None:
        assert self.codec.name == self.codec.name.lower()
        assert self.codec.name
        assert isinstance(self.codec.lossless, bool)


def poison(dtype: np.dtype[Any]) -> np.ndarray:
    """A scalar of the dtype that a forgotten element would show."""
    pattern = {"b": True, "f": -12345.0}.get(
        dtype.kind, 0xA5 % (np.iinfo(dtype).max if dtype.kind in "ui" else 2)
    )
    return np.array(pattern, dtype)


__all__ = [
    "MEGABYTE",
    "THREADS",
    "CodecContract",
    "eager_switching",
    "examples",
    "poison",
    "rotted",
    "same",
    "spread",
    "together",
]
