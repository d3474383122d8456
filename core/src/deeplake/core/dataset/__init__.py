"""``deeplake.core.dataset.Dataset`` is ``deeplake.Dataset``."""

from deeplake.core.dataset.dataset import Dataset
from deeplake.core.dataset.view_entry import ViewEntry

__all__ = ["Dataset", "ViewEntry"]
