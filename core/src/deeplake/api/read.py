"""``deeplake.api.read.read`` is ``deeplake.read``."""

from deeplake.dataset.sample import read

__all__ = ["read"]
