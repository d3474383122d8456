"""Text, json values, lists."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from deeplake.errors import JsonValidationError, SampleHtypeMismatchError
from deeplake.format.htypes.builtin import SMALL, BuiltinHtype
from deeplake.format.htypes.jsonschema import parse_schema
from deeplake.spi import HtypeSpec


class Text(BuiltinHtype):
    """A str."""

    SPEC = HtypeSpec(
        name="text",
        payload="text",
        dtype="str",
        info={"vdb_indexes": []},
        chunk_size=SMALL,
    )

    def prepare(self, value: Any, info: Mapping[str, Any]) -> tuple[Any, Mapping[str, Any] | None]:
        if type(value) is str:
            return value, None
        if isinstance(value, np.ndarray) and value.size == 1:
            value = value.item()  # one text of another tensor
        if isinstance(value, str):
            return str(value), None
        hint = "; decode it first" if isinstance(value, (bytes, bytearray, np.bytes_)) else ""
        raise SampleHtypeMismatchError(f"text is a str, not {type(value).__name__}{hint}")

    def data(self, value: Any, info: Mapping[str, Any], *, batch: bool) -> dict[str, Any]:
        if isinstance(value, np.ndarray):
            flat = value.ravel().tolist()
            value = flat[0] if not batch and len(flat) == 1 else flat
        return {"value": value}


class Json(BuiltinHtype):
    """What JSON can hold, and arrays and bytes in it.

    Its one own meta, ``schema``, is not for ``info``: it is what ``dtype=`` of ``create_tensor``
    says (see :mod:`deeplake.format.htypes.jsonschema`), and values are checked against it.
    """

    SPEC = HtypeSpec(name="json", payload="json", dtype="json", chunk_size=SMALL)

    def check_info(self, info: Mapping[str, Any]) -> dict[str, Any]:
        rest = {key: value for key, value in info.items() if key != "schema"}
        checked = super().check_info(rest)
        if info.get("schema") is not None:
            checked["schema"] = str(parse_schema(info["schema"]))
        return checked

    def prepare(self, value: Any, info: Mapping[str, Any]) -> tuple[Any, Mapping[str, Any] | None]:
        if isinstance(value, np.ndarray) and value.dtype == object:
            # One value, as ``numpy()`` gives it, or several.
            value = value.item() if value.shape in ((), (1,)) else value.tolist()
        text = info.get("schema")
        if text is not None:
            problem = parse_schema(text).problem(value)
            if problem is not None:
                raise JsonValidationError(f"{problem}; the tensor's json schema is {text}")
        return value, None

    def data(self, value: Any, info: Mapping[str, Any], *, batch: bool) -> dict[str, Any]:
        return {"value": _listed(value)}


class List(BuiltinHtype):
    """Lists of anything that json values can hold."""

    SPEC = HtypeSpec(name="list", payload="list", dtype="json", chunk_size=SMALL)

    def prepare(self, value: Any, info: Mapping[str, Any]) -> tuple[Any, Mapping[str, Any] | None]:
        if type(value) is list:
            return value, None
        if isinstance(value, tuple):
            return list(value), None
        if hasattr(value, "__array__") and not isinstance(value, np.generic):
            array = np.asarray(value)
            if array.ndim:
                return array.tolist(), None
        raise SampleHtypeMismatchError(
            f"a list sample is a list, a tuple or an array, not {type(value).__name__}"
        )

    def data(self, value: Any, info: Mapping[str, Any], *, batch: bool) -> dict[str, Any]:
        return {"value": _listed(value)}


def _listed(value: Any) -> Any:
    """Object arrays are the kernel's way to hold several values: users get lists."""
    if isinstance(value, np.ndarray) and value.dtype == object:
        return value.tolist()
    return value


__all__ = ["Json", "List", "Text"]
