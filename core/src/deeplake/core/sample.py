"""``deeplake.core.sample.Sample``: what ``deeplake.read(path)`` gives."""

from deeplake.dataset.sample import Sample

__all__ = ["Sample"]
