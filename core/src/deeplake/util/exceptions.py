"""``deeplake.util.exceptions``: the errors of ``deeplake.errors``."""

from deeplake import errors
from deeplake.errors import *  # noqa: F403

__all__ = errors.__all__
