"""Import paths of Deep Lake 3 (``deeplake.core``): other names of public classes."""

from deeplake.core import dataset, linked_sample, sample, tensor, transform, vectorstore

__all__ = ["dataset", "linked_sample", "sample", "tensor", "transform", "vectorstore"]
