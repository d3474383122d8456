"""``deeplake.api.link.link`` is ``deeplake.link``."""

from deeplake.dataset.linked import link
from deeplake.dataset.linkgrid import link_tiled

__all__ = ["link", "link_tiled"]
