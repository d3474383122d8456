"""``deeplake.api.dataset.dataset`` is ``deeplake.dataset``."""

from deeplake import dataset
from deeplake.dataset.dataset import Dataset

__all__ = ["Dataset", "dataset"]
