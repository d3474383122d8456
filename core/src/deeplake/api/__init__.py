"""Import paths of Deep Lake 3 (``deeplake.api``): other names of what is in ``deeplake`` itself."""

from deeplake.api import dataset, link, read, tiled

__all__ = ["dataset", "link", "read", "tiled"]
