"""Transforms of single images: PIL images, or arrays (height, width[, channels])."""

import random

import numpy as np
import torch
from PIL import Image


class Compose:
    def __init__(self, transforms):
        self.transforms = transforms

    def __call__(self, image):
        for transform in self.transforms:
            image = transform(image)
        return image


class ToTensor:
    """Channels first; bytes become floats from 0 to 1."""

    def __call__(self, image):
        if not isinstance(image, np.ndarray | Image.Image):
            raise TypeError(f"pic should be PIL Image or ndarray. Got {type(image)}")
        array = np.array(image)
        if array.ndim == 2:
            array = array[:, :, None]
        tensor = torch.from_numpy(array.transpose(2, 0, 1).copy())
        return tensor.float().div(255) if array.dtype == np.uint8 else tensor


class Normalize:
    def __init__(self, mean, std):
        self.mean = torch.tensor(mean).reshape(-1, 1, 1)
        self.std = torch.tensor(std).reshape(-1, 1, 1)

    def __call__(self, tensor):
        if not isinstance(tensor, torch.Tensor):
            raise TypeError(f"img should be Tensor Image. Got {type(tensor)}")
        return (tensor - self.mean) / self.std


class RandomRotation:
    """Of PIL images only: the original, too, refuses arrays."""

    def __init__(self, degrees):
        self.degrees = degrees

    def __call__(self, image):
        if not isinstance(image, Image.Image):
            raise TypeError(f"img should be PIL Image. Got {type(image)}")
        return image.rotate(random.uniform(-self.degrees, self.degrees))
