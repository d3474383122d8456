"""The framework suite, and what the suite cannot know: PyTorch's own types."""

from __future__ import annotations

from collections import namedtuple
from typing import Any

import numpy as np
import pytest
import torch
from torch.utils.data import default_collate

from deeplake.testing.framework import Batch, FrameworkContract
from deeplake_framework_torch import Torch
from deeplake_framework_torch.conversion import pinned

Pair = namedtuple("Pair", "a b")


class TestTorch(FrameworkContract):
    adapter = Torch
    heavy = ("torch", "torchvision", "PIL")

    def to_numpy(self, value: Any) -> np.ndarray:
        return value.numpy()

    def from_numpy(self, array: np.ndarray) -> Any:
        return torch.from_numpy(array)


@pytest.fixture
def torch_() -> Torch:
    return Torch()


def test_ragged_samples_raise_as_torch_does(torch_: Torch) -> None:
    values = [np.ones((2, 3)), np.ones((4, 3))]
    for make in (
        lambda: torch_.convert(Batch(boxes=values)),
        lambda: torch_.collate([Batch(boxes=value) for value in values]),
        lambda: torch_.collate([{"boxes": torch.from_numpy(value)} for value in values]),
    ):
        with pytest.raises(RuntimeError, match="equal size") as caught:
            make()
        (note,) = caught.value.__notes__
        assert "'boxes' cannot be made a batch" in note


def test_samples_of_several_dtypes_are_promoted_as_torch_does(torch_: Torch) -> None:
    values = [np.ones(2, "f4"), np.ones(2, "f8"), np.ones(2, "i2")]
    got = torch_.collate(list(values))
    assert got.dtype == default_collate(list(values)).dtype == torch.float64


def test_structures_are_transposed(torch_: Torch) -> None:
    pairs = torch_.collate([Pair(np.ones(2) * i, f"{i}") for i in range(3)])
    assert isinstance(pairs, Pair)
    assert pairs.a.tolist() == [[0, 0], [1, 1], [2, 2]]
    assert pairs.b == ["0", "1", "2"]
    tuples = torch_.collate([(i, {"x": torch.tensor(i)}) for i in range(3)])
    assert tuples[0].tolist() == [0, 1, 2]
    assert tuples[1]["x"].tolist() == [0, 1, 2]
    assert torch_.collate([[1, 2], [3, 4]])[1].tolist() == [2, 4]
    with pytest.raises(RuntimeError, match="equal size"):
        torch_.collate([[1], [2, 3]])


def test_scalars(torch_: Torch) -> None:
    batch = torch_.convert(Batch(x=np.float32(2.5), y=np.array(3), z="a", n=None))
    assert (batch["x"].item(), batch["x"].dtype) == (2.5, torch.float32)
    assert batch["y"].shape == ()
    assert (batch["z"], batch["n"]) == ("a", None)
    assert torch_.collate([np.int16(1), np.int16(2)]).dtype == torch.int16
    assert torch_.collate([True, False]).dtype == torch.bool
    assert torch_.collate([b"a", b"b"]) == [b"a", b"b"]


def test_dicts_keep_their_class(torch_: Torch) -> None:
    assert type(torch_.collate([{"x": 1}])) is dict
    assert type(torch_.collate([Batch(x=1)])) is Batch
    assert type(torch_.convert(Batch(x=np.ones(1)))) is Batch


def test_what_has_no_batch_is_refused(torch_: Torch) -> None:
    with pytest.raises(TypeError) as caught:
        torch_.collate([{"x": object()}])
    assert "'x' cannot be made a batch" in caught.value.__notes__[0]


def test_pinning_goes_everywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    # Page-locked memory needs an accelerator: what is called is what can be tested without.
    monkeypatch.setattr(torch.Tensor, "pin_memory", lambda self: -self)
    one = torch.ones(1)
    found = pinned(Batch(x=one, y=[one, (one, "a")], z=Pair(one, 3)))
    assert type(found) is Batch
    assert found["x"].item() == -1
    assert found["y"][0].item() == found["y"][1][0].item() == -1
    assert found["y"][1][1] == "a"
    assert found["z"] == Pair(-one, 3)
