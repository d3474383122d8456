"""``deeplake.core.transform``: ``deeplake.compute``, ``deeplake.compose`` and what they give."""

from deeplake.core.transform.transform import ComputeFunction, Pipeline, compose, compute

__all__ = ["ComputeFunction", "Pipeline", "compose", "compute"]
