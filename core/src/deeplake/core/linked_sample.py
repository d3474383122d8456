"""``deeplake.core.linked_sample.LinkedSample``: what ``deeplake.link(path)`` gives."""

from deeplake.dataset.linked import LinkedSample

__all__ = ["LinkedSample"]
