"""Smaller pictures with plain NumPy: what thumbnails and downsampled tensors are made with."""

from __future__ import annotations

import math

import numpy as np


def strided(image: np.ndarray, factor: int) -> np.ndarray:
    """Every ``factor``-th row and column of ``(height, width, …)``."""
    part: np.ndarray = image[::factor, ::factor]
    return part


def nearest(image: np.ndarray, height: int, width: int) -> np.ndarray:
    """The values nearest to the middles of new pixels: labels stay labels.

    Args:
        image: Array of shape ``(height, width, …)``.
        height, width: New size in pixels.
    """
    rows = ((np.arange(height) + 0.5) * image.shape[0] / height).astype(np.int64)
    columns = ((np.arange(width) + 0.5) * image.shape[1] / width).astype(np.int64)
    picked: np.ndarray = image[rows[:, None], columns]
    return picked


def bilinear(image: np.ndarray, height: int, width: int) -> np.ndarray:
    """A bilinear filter over all pixels that a new one covers, so that nothing flickers.

    Args:
        image: Array of shape ``(height, width, …)``.
        height, width: New size in pixels.

    Returns:
        Array of the same dtype; integers are rounded.
    """
    across = _filtered(image.astype(_work_dtype(image.dtype), copy=False), 0, height)
    result: np.ndarray = _filtered(across, 1, width)
    kind = image.dtype.kind
    if kind == "f":
        return np.asarray(result, image.dtype)
    if kind == "b":
        return np.asarray(result >= 0.5)
    bounds = np.iinfo(image.dtype)
    rounded: np.ndarray = np.clip(np.rint(result), bounds.min, bounds.max).astype(image.dtype)
    return rounded


def _work_dtype(dtype: np.dtype) -> type:
    return np.float32 if dtype.itemsize <= 2 or dtype == np.float32 else np.float64


def _filtered(image: np.ndarray, axis: int, size: int) -> np.ndarray:
    """The triangle filter along one axis."""
    old = image.shape[axis]
    if old == size:
        return image
    scale = old / size
    support = max(scale, 1.0)
    middles = (np.arange(size) + 0.5) * scale
    first = np.floor(middles - support + 0.5).astype(np.int64)
    taps = math.ceil(2 * support) + 1
    places = first[:, None] + np.arange(taps)
    weights = 1 - np.abs(places + 0.5 - middles[:, None]) / support
    weights[(places < 0) | (places >= old)] = 0
    np.clip(weights, 0, None, out=weights)
    weights /= weights.sum(axis=1, keepdims=True)
    places = places.clip(0, old - 1)
    shape = [1] * image.ndim
    shape[axis] = size
    result = np.zeros((*image.shape[:axis], size, *image.shape[axis + 1 :]), image.dtype)
    for tap in range(taps):
        weight = weights[:, tap].astype(image.dtype).reshape(shape)
        result += image.take(places[:, tap], axis=axis) * weight
    return result


__all__ = ["bilinear", "nearest", "strided"]
