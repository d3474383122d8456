"""Outlines of objects: polygons of masks, and one polygon of several."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from deeplake.errors import IngestionError


def mask_of(counts: Any, size: Any) -> np.ndarray:
    """The mask that run lengths describe, as COCO has them: column by column, beginning with 0.

    Args:
        counts: Run lengths, or COCO's text of them.
        size: Height and width.

    Returns:
        A bool array of shape (height, width).

    Raises:
        ValueError: They describe no mask of that size.
    """
    height, width = (int(n) for n in size)
    runs = np.array(_runs(counts) if isinstance(counts, (str, bytes)) else counts, np.int64)
    if min(height, width) < 0 or (runs < 0).any() or runs.sum() != height * width:
        raise ValueError(
            f"run lengths of {int(runs.sum())} pixels for a mask of {height} x {width}"
        )
    values = np.arange(len(runs)) % 2 == 1
    return np.repeat(values, runs).reshape(width, height).T


def _runs(text: str | bytes) -> list[int]:
    """Run lengths from text: 5 bits a character, differences to the length two before."""
    codes = text.encode("ascii") if isinstance(text, str) else text
    found: list[int] = []
    value = shift = 0
    for code in codes:
        bits = code - 48
        if not 0 <= bits < 64:
            raise ValueError(f"{chr(code)!r} is no character of run lengths")
        value |= (bits & 31) << shift
        shift += 5
        if bits & 32:
            continue
        if bits & 16:
            value -= 1 << shift
        found.append(value + (found[-2] if len(found) > 2 else 0))
        value = shift = 0
    if shift:
        raise ValueError("the text of run lengths ends within a number")
    return found


def outlines(mask: np.ndarray) -> list[np.ndarray]:
    """The borders of a mask along its pixels' edges: around it clockwise, around holes the other way.

    Args:
        mask: Bool array of shape (height, width).

    Returns:
        Arrays of shape (points, 2): x and y of the corners.
    """
    height, width = mask.shape
    padded = np.zeros((height + 2, width + 2), bool)
    padded[1:-1, 1:-1] = mask
    inner, step = padded[1:-1, 1:-1], width + 1
    # Edges from corner to corner, with the inside on the right.
    starts, ends = [], []
    for outside, corner, other in (
        (padded[:-2, 1:-1], 0, 1),  # above: to the right
        (padded[1:-1, 2:], 1, step + 1),  # right: down
        (padded[2:, 1:-1], step + 1, step),  # below: to the left
        (padded[1:-1, :-2], step, 0),  # left: up
    ):
        rows, columns = np.nonzero(inner & ~outside)
        place = rows * step + columns
        starts.append(place + corner)
        ends.append(place + other)
    following: dict[int, list[int]] = {}
    for start, end in zip(
        np.concatenate(starts).tolist(), np.concatenate(ends).tolist(), strict=True
    ):
        following.setdefault(start, []).append(end)
    found = []
    while following:
        found.append(_ring(following, step))
    return found


def _ring(following: dict[int, list[int]], step: int) -> np.ndarray:
    """One closed border, which is taken out of the edges."""
    first = here = next(iter(following))
    way = 0
    corners = []
    right_of = {1: step, step: -1, -1: -step, -step: 1}
    while True:
        nexts = following[here]
        # Where two corners of the mask touch, the border turns to its own side.
        turn = here + right_of.get(way, 0)
        new = turn if len(nexts) > 1 and turn in nexts else nexts[0]
        nexts.remove(new)
        if not nexts:
            del following[here]
        if new - here != way:
            corners.append(here)
            way = new - here
        here = new
        if here == first:
            break
    if _same_line(corners[-1], corners[0], corners[1], step):
        corners = corners[1:]  # the border was entered between two corners
    y, x = np.divmod(np.array(corners), step)
    return np.stack([x, y], 1).astype(np.float32)


def _same_line(a: int, b: int, c: int, step: int) -> bool:
    return len({a % step, b % step, c % step}) == 1 or len({a // step, b // step, c // step}) == 1


def joined(rings: Sequence[np.ndarray]) -> np.ndarray:
    """One polygon of several, with bridges without width between the first and each of the others."""
    if len(rings) == 1:
        return rings[0]
    first = rings[0]
    parts = [first, first[:1]]
    for ring in rings[1:]:
        parts += [ring, ring[:1], first[:1]]
    return np.concatenate(parts)


def area(points: np.ndarray) -> float:
    """The area of a polygon; below 0 if it goes anticlockwise, as images are looked at."""
    x, y = np.asarray(points, np.float64).T
    return float(np.sum(x * np.roll(y, -1) - np.roll(x, -1) * y) / 2)


def polygon_of(segmentation: Any) -> np.ndarray | None:
    """One polygon of what COCO calls a segmentation; None if it is empty.

    Args:
        segmentation: Polygons as lists of x and y by turns, or a dict of ``counts`` and ``size``.

    Returns:
        Array of shape (points, 2), float32: x and y in pixels.

    Raises:
        IngestionError: It is neither.
    """
    try:
        if not segmentation:
            return None
        if isinstance(segmentation, dict):
            found = outlines(mask_of(segmentation["counts"], segmentation["size"]))
            return joined(found) if found else None
        rings = [np.array(part, np.float32).reshape(-1, 2) for part in segmentation if len(part)]
        if len(rings) > 1:
            # All the same way round, so that none cancels another one out.
            rings = [ring if area(ring) >= 0 else ring[::-1] for ring in rings]
        return joined(rings) if rings else None
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise IngestionError(f"it is neither polygons nor a mask's run lengths: {error}") from error


__all__ = ["area", "joined", "mask_of", "outlines", "polygon_of"]
