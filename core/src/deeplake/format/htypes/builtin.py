"""What the built-in htypes share."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, ClassVar, Final

import numpy as np

from deeplake.errors import TensorMetaInvalidHtypeOverwriteKey
from deeplake.spi import HtypePlugin, HtypeSpec
from deeplake.types import Shape

SMALL: Final = 1 << 20
"""Chunk of labels, boxes, short texts: read whole to find one of them."""

MEDIUM: Final = 4 << 20
"""Chunk of embeddings."""

LARGE: Final = 8 << 20
"""Chunk of images, masks, audio."""

IMAGES: Final = frozenset({"image"})


class BuiltinHtype(HtypePlugin, api=(1, 0)):
    """An htype whose facts are a constant.

    Attributes:
        SPEC: What :meth:`spec` says.
    """

    SPEC: ClassVar[HtypeSpec]

    def spec(self) -> HtypeSpec:
        return self.SPEC

    def check_info(self, info: Mapping[str, Any]) -> dict[str, Any]:
        for key in info:
            if key not in self.SPEC.info:
                own = ", ".join(map(repr, self.SPEC.info)) or "none"
                raise TensorMetaInvalidHtypeOverwriteKey(
                    f"htype {self.SPEC.name!r} has no meta {key!r}; its own are: {own}"
                )
        return {key: self.check_meta(key, value) for key, value in info.items()}

    def check_meta(self, key: str, value: Any) -> Any:
        """One value of own meta, validated and made JSON."""
        return jsonable(key, value)


def jsonable(key: str, value: Any) -> Any:
    """The value as JSON would give it back: arrays and tuples are lists, NumPy numbers plain.

    Raises:
        TypeError: JSON cannot hold it.
        ValueError: NaN, infinity, or a value that contains itself.
    """

    def plain(part: Any) -> Any:
        if isinstance(part, (np.ndarray, np.generic)):
            return part.tolist()
        raise TypeError(
            f"{key!r} holds a value of type {type(part).__name__}; it can hold what JSON can: "
            "None, bool, int, float, str, lists and dicts"
        )

    try:
        return json.loads(json.dumps(value, default=plain, allow_nan=False))
    except RecursionError as error:
        raise ValueError(f"{key!r} is nested too deep for JSON") from error
    except ValueError as error:
        raise ValueError(f"{key!r} holds a value that JSON cannot: {error}") from error


def texts(key: str, value: Any) -> list[str]:
    """A list of str. Raises ``TypeError`` for anything else."""
    value = jsonable(key, value)
    if not isinstance(value, list) or not all(isinstance(name, str) for name in value):
        raise TypeError(f"{key!r} is a list of str, not {value!r:.80}")
    return value


def is_empty(shape: Shape) -> bool:
    """Whether a sample has no values; such samples are allowed everywhere."""
    return 0 in shape


__all__ = ["IMAGES", "LARGE", "MEDIUM", "SMALL", "BuiltinHtype", "is_empty", "jsonable", "texts"]
