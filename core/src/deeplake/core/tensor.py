"""``deeplake.core.tensor.Tensor`` is ``deeplake.Tensor``."""

from deeplake.dataset.tensor import Tensor

__all__ = ["Tensor"]
