"""``deeplake.core.dataset.view_entry.ViewEntry``: what ``ds.get_view(id)`` gives."""

from deeplake.dataset.views import ViewEntry

__all__ = ["ViewEntry"]
