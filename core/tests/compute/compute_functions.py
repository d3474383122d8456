"""Functions that the tests evaluate: other processes import them from here."""

from __future__ import annotations

import os
import signal
import time
from typing import Any

import numpy as np

import deeplake


@deeplake.compute
def grow(sample_in: Any, sample_out: Any, mul: int = 1, copy: int = 1) -> None:
    """Rows of an image and a label."""
    for _ in range(copy):
        sample_out.image.append(np.full((3, 5), sample_in * mul, np.int64))
        sample_out.label.append(sample_in * mul)


@deeplake.compute
def again(sample_in: Any, sample_out: Any, mul: int = 1, copy: int = 1) -> None:
    """Rows of what has an image and a label."""
    for _ in range(copy):
        sample_out.append(
            {"image": sample_in.image.numpy() * mul, "label": sample_in.label.numpy() * mul}
        )


@deeplake.compute
def only_even(sample_in: int, sample_out: Any) -> None:
    """Nothing for odd numbers; each even one as often as it is."""
    if sample_in % 2 == 0:
        sample_out.x.extend(np.full((sample_in, 2), sample_in))


@deeplake.compute
def add(sample_in: Any, sample_out: Any) -> None:
    """The sample itself."""
    sample_out.x.append(sample_in)


@deeplake.compute
def add_but(sample_in: int, sample_out: Any, bad: tuple[int, ...]) -> None:
    """The sample itself, twice; after the first time some fail."""
    sample_out.x.append(sample_in)
    if sample_in in bad:
        raise ArithmeticError(f"{sample_in} is bad")
    sample_out.x.append(sample_in)


@deeplake.compute
def doubled(sample_in: Any, sample_out: Any) -> None:
    """In place: one tensor of several."""
    sample_out.x.append(sample_in.x.numpy() * 2)


@deeplake.compute
def row(sample_in: Any, sample_out: Any, **kwargs: Any) -> None:
    """A dict as it is."""
    sample_out.append(sample_in, **kwargs)


@deeplake.compute
def whose(sample_in: Any, sample_out: Any) -> None:
    """The process that works."""
    sample_out.x.append(os.getpid())


@deeplake.compute
def names(sample_in: Any, sample_out: Any) -> None:
    """A class by its name."""
    sample_out.label.append(f"class {sample_in % 7}")


@deeplake.compute
def slow_first(sample_in: int, sample_out: Any) -> None:
    """The first samples take the longest."""
    time.sleep(0.03 if sample_in < 3 else 0)
    sample_out.x.append(sample_in)


@deeplake.compute
def die(sample_in: int, sample_out: Any, at: int) -> None:
    """The worker is killed."""
    if sample_in == at:
        os.kill(os.getpid(), signal.SIGKILL)
    sample_out.x.append(sample_in)


@deeplake.compute
def frame_row(sample_in: Any, sample_out: Any) -> None:
    """A row of a DataFrame."""
    assert len(sample_in) == 1
    sample_out.x.append(int(sample_in["a"].iloc[0]))
    sample_out.text.append(str(sample_in["b"].iloc[0]))


@deeplake.compute
def grouped(sample_in: Any, sample_out: Any) -> None:
    """Tensors of groups, in every way to name them."""
    sample_out.g["t"].append(sample_in)
    sample_out["g/h/u"].append(sample_in)
    sample_out["g"].h.v.append(sample_in)


class Squares:
    """Samples that are made when they are asked for."""

    def __init__(self, n: int) -> None:
        self.n = n

    def __len__(self) -> int:
        return self.n

    def __getitem__(self, i: int) -> int:
        if i == 13:
            raise LookupError("there is no sample 13")
        return i * i
