"""Datasets of tensors for deep learning: versioned, chunked, streamed into training.

Example:
    >>> import deeplake
    >>> ds = deeplake.empty("mem://numbers")
    >>> with ds:
    ...     _ = ds.create_tensor("x")
    ...     ds.x.extend([1, 2, 3])
    >>> ds.x.numpy().sum()
    np.int64(6)

Importing this package imports nothing else: a name is imported when it is first used.
"""

from deeplake._version import __version__

# Type checkers take any name TYPE_CHECKING for true; importing `typing` would cost more than this
# whole module.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import MutableMapping
    from typing import Any

    from deeplake import errors as errors
    from deeplake import plugins as plugins
    from deeplake import random as random
    from deeplake import spi as spi
    from deeplake import transforms as transforms
    from deeplake import types as types
    from deeplake.compute import CallablePackage as ComputePackage
    from deeplake.compute.pipeline import compose as compose
    from deeplake.dataset import CallablePackage
    from deeplake.dataset import tensor as tensor
    from deeplake.dataset.account import connect as connect
    from deeplake.dataset.copies import copy as copy
    from deeplake.dataset.copies import deepcopy as deepcopy
    from deeplake.dataset.copies import like as like
    from deeplake.dataset.dataset import Dataset as Dataset
    from deeplake.dataset.entry import delete as delete
    from deeplake.dataset.entry import empty as empty
    from deeplake.dataset.entry import exists as exists
    from deeplake.dataset.entry import load as load
    from deeplake.dataset.entry import query as query
    from deeplake.dataset.entry import rename as rename
    from deeplake.dataset.linked import link as link
    from deeplake.dataset.linkgrid import link_tiled as link_tiled
    from deeplake.dataset.sample import read as read
    from deeplake.dataset.tensor import Tensor as Tensor
    from deeplake.dataset.tiling import tiled as tiled
    from deeplake.exchange import huggingface as huggingface
    from deeplake.exchange.classification import ingest_classification as ingest_classification
    from deeplake.exchange.coco import ingest_coco as ingest_coco
    from deeplake.exchange.dataframe import ingest_dataframe as ingest_dataframe
    from deeplake.exchange.huggingface import ingest_huggingface as ingest_huggingface
    from deeplake.exchange.kaggle import ingest_kaggle as ingest_kaggle
    from deeplake.exchange.yolo import ingest_yolo as ingest_yolo
    from deeplake.exchange.yolo_export import export_yolo as export_yolo
    from deeplake.names import htype as htype
    from deeplake.vectorstore.store import VectorStore as VectorStore

    HTYPE_CONFIGURATIONS: dict[str, dict[str, Any]]
    """By htype: default dtype, and own meta with defaults."""
    compute: ComputePackage
    compressions: list[str | None]
    """Names of all compressions that are installed, aliases included, sorted; then None."""
    config: MutableMapping[str, Any]
    dataset: CallablePackage
    htypes: list[str]
    """Names of all htypes, those of installed plugins included, sorted."""

_LAZY = {
    "Dataset": "deeplake.dataset.dataset:Dataset",
    "HTYPE_CONFIGURATIONS": "deeplake.names:htype_configurations()",
    "Tensor": "deeplake.dataset.tensor:Tensor",
    "VectorStore": "deeplake.vectorstore.store:VectorStore",
    "compose": "deeplake.compute.pipeline:compose",
    "compressions": "deeplake.names:compressions()",
    "compute": "deeplake.compute",
    "config": "deeplake.config",
    "connect": "deeplake.dataset.account:connect",
    "copy": "deeplake.dataset.copies:copy",
    "dataset": "deeplake.dataset",
    "deepcopy": "deeplake.dataset.copies:deepcopy",
    "delete": "deeplake.dataset.entry:delete",
    "empty": "deeplake.dataset.entry:empty",
    "errors": "deeplake.errors",
    "exists": "deeplake.dataset.entry:exists",
    "export_yolo": "deeplake.exchange.yolo_export:export_yolo",
    "htype": "deeplake.names:htype",
    "htypes": "deeplake.names:htypes()",
    "huggingface": "deeplake.exchange.huggingface",
    "ingest_classification": "deeplake.exchange.classification:ingest_classification",
    "ingest_coco": "deeplake.exchange.coco:ingest_coco",
    "ingest_dataframe": "deeplake.exchange.dataframe:ingest_dataframe",
    "ingest_huggingface": "deeplake.exchange.huggingface:ingest_huggingface",
    "ingest_kaggle": "deeplake.exchange.kaggle:ingest_kaggle",
    "ingest_yolo": "deeplake.exchange.yolo:ingest_yolo",
    "like": "deeplake.dataset.copies:like",
    "link": "deeplake.dataset.linked:link",
    "link_tiled": "deeplake.dataset.linkgrid:link_tiled",
    "load": "deeplake.dataset.entry:load",
    "plugins": "deeplake.plugins",
    "query": "deeplake.dataset.entry:query",
    "random": "deeplake.random",
    "read": "deeplake.dataset.sample:read",
    "rename": "deeplake.dataset.entry:rename",
    "spi": "deeplake.spi",
    "tensor": "deeplake.dataset.tensor",
    "tiled": "deeplake.dataset.tiling:tiled",
    "transforms": "deeplake.transforms",
    "types": "deeplake.types",
}
# Name -> "module", "module:attribute", or "module:function()" for what is asked anew each time.

_FORMER = {
    "api": "deeplake.api",
    "constants": "deeplake.constants",
    "core": "deeplake.core",
    "enterprise": "deeplake.enterprise",
    "event_queue": "deeplake.util.event_queue:event_queue",
    "integrations": "deeplake.integrations",
    "util": "deeplake.util",
    "wandb": "deeplake.integrations.wandb",
}
# The same for what is only here because scripts of Deep Lake 3 import it.


if not TYPE_CHECKING:  # a checker knows the names from above, and finds those that do not exist

    def __getattr__(name: str) -> object:
        place = _LAZY.get(name) or _FORMER.get(name)
        if place is not None:
            from importlib import import_module

            module, _, attribute = place.partition(":")
            value: object = import_module(module)
            if attribute.endswith("()"):
                return getattr(value, attribute[:-2])()
            if attribute:
                value = getattr(value, attribute)
            globals()[name] = value
            return value
        message = f"module 'deeplake' has no attribute '{name}'"
        if not name.startswith("_"):
            from difflib import get_close_matches

            nearest = get_close_matches(name, _LAZY, n=1)
            message += f": did you mean '{nearest[0]}'?" if nearest else ""
        raise AttributeError(message)


def __dir__() -> list[str]:
    return sorted({*globals(), *_LAZY} - {"TYPE_CHECKING"})


# `from deeplake import *` takes what scripts of Deep Lake 3 expect: `copy`, but neither `types` nor
# `errors`.
__all__ = [
    "Dataset",
    "__version__",
    "compose",
    "compressions",
    "compute",
    "config",
    "copy",
    "dataset",
    "deepcopy",
    "delete",
    "empty",
    "exists",
    "export_yolo",
    "htypes",
    "ingest_classification",
    "ingest_coco",
    "ingest_dataframe",
    "ingest_huggingface",
    "ingest_kaggle",
    "ingest_yolo",
    "like",
    "link",
    "load",
    "query",
    "random",
    "read",
    "rename",
    "tensor",
]
