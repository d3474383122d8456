"""Runs in an environment that holds the kernel's wheel and nothing else.

Usage: ``python use_core.py FOLDER``
"""

import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import deeplake
from deeplake.errors import PluginNotFoundError

assert importlib.util.find_spec("torch") is None
assert importlib.util.find_spec("PIL") is None


def refused(call: Callable[..., Any], *args: Any, **kwargs: Any) -> str:
    """The message with which a call says that a plugin is missing."""
    try:
        call(*args, **kwargs)
    except PluginNotFoundError as error:
        return str(error)
    raise AssertionError(f"{call} did not miss its plugin")


path = str(Path(sys.argv[1]) / "dataset")
ds = deeplake.empty(path)
ds.create_tensor("x", dtype="float32")
ds.x.extend(np.arange(6, dtype=np.float32).reshape(3, 2))
ds.commit("three rows")
ds = deeplake.load(path)
assert ds.x.numpy().tolist() == [[0, 1], [2, 3], [4, 5]]

message = refused(deeplake.load, "s3://b/x")
assert message.endswith('pip install "deeplake-core[s3]"'), message
message = refused(ds.pytorch)
assert message.endswith('pip install "deeplake-core[torch]"'), message

print("used", deeplake.__version__, deeplake.__file__)
