"""``deeplake.core.transform.transform``: ``deeplake.compute``, ``deeplake.compose``."""

from deeplake.compute.function import ComputeFunction, compute
from deeplake.compute.pipeline import Pipeline, compose

__all__ = ["ComputeFunction", "Pipeline", "compose", "compute"]
