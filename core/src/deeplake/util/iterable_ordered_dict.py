"""``deeplake.util.iterable_ordered_dict.IterableOrderedDict``: what batches of loaders are."""

from deeplake.loader.sample import IterableOrderedDict

__all__ = ["IterableOrderedDict"]
