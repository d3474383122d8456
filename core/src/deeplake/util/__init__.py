"""Import paths of Deep Lake 3 (``deeplake.util``), and nothing else: other names of public ones."""

from deeplake.util import exceptions, iterable_ordered_dict, shuffle

__all__ = ["exceptions", "iterable_ordered_dict", "shuffle"]
