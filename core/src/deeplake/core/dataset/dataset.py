"""``deeplake.core.dataset.dataset.Dataset`` is ``deeplake.Dataset``."""

from deeplake.dataset.dataset import Dataset

__all__ = ["Dataset"]
