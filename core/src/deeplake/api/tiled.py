"""``deeplake.api.tiled.tiled`` is ``deeplake.tiled``."""

from deeplake.dataset.tiling import tiled

__all__ = ["tiled"]
