"""The few names of torchvision that the seed's code uses, written with torch and Pillow alone.

torchvision itself does not import beside the CPU build of PyTorch, as its wheels are linked against
CUDA libraries. What is here does what the original does: the same values from ``ToTensor``,
``Normalize`` and ``RandomRotation``, and a real ResNet-18. It is found only by tests that put its
folder on ``sys.path``.
"""

from torchvision import models, transforms

__all__ = ["models", "transforms"]
