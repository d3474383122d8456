"""Datasets and tensors as users see them.

The package is also the function ``deeplake.dataset(path)``, with ``deeplake.dataset.load`` and its
like as attributes, as user code knows them.
"""

from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from inspect import Signature

    from deeplake.dataset import account, copies, entry

_FUNCTIONS = {
    "init": ("dataset.entry", "dataset"),
    **{name: ("dataset.entry", name) for name in ("delete", "empty", "exists", "load", "rename")},
    **{name: ("dataset.copies", name) for name in ("copy", "deepcopy", "like")},
    "connect": ("dataset.account", "connect"),
    "query": ("dataset.entry", "query"),
    # Of a layer above, imported when they are called.
    "ingest_classification": ("exchange.classification", "ingest_classification"),
    "ingest_kaggle": ("exchange.kaggle", "ingest_kaggle"),
    "ingest_huggingface": ("exchange.huggingface", "ingest_huggingface"),
    "ingest_dataframe": ("exchange.dataframe", "ingest_dataframe"),
    "ingest_coco": ("exchange.coco", "ingest_coco"),
    "export_yolo": ("exchange.yolo_export", "export_yolo"),
    "ingest_yolo": ("exchange.yolo", "ingest_yolo"),
}
"""Attribute -> module of deeplake, and function of it."""


class CallablePackage(ModuleType):
    """The type of this package.

    Importing a submodule of a package binds the package to its name in the parent, which is where
    users expect the function ``deeplake.dataset``: so the package is that function.
    """

    if TYPE_CHECKING:
        __call__ = staticmethod(entry.dataset)
        init = staticmethod(entry.dataset)
        connect = staticmethod(account.connect)
        copy = staticmethod(copies.copy)
        deepcopy = staticmethod(copies.deepcopy)
        delete = staticmethod(entry.delete)
        empty = staticmethod(entry.empty)
        exists = staticmethod(entry.exists)
        like = staticmethod(copies.like)
        load = staticmethod(entry.load)
        query = staticmethod(entry.query)
        rename = staticmethod(entry.rename)
    else:

        def __call__(self, *args: Any, **kwargs: Any) -> Any:
            return self.init(*args, **kwargs)

        def __getattr__(self, name: str) -> Any:
            # The functions import the whole package, which its pure modules do not need.
            if name not in _FUNCTIONS:
                raise AttributeError(f"module 'deeplake.dataset' has no attribute '{name}'")
            module, function = _FUNCTIONS[name]
            return getattr(import_module(f"deeplake.{module}"), function)

    @property
    def __signature__(self) -> Signature:
        from inspect import signature

        return signature(self.init)


sys.modules[__name__].__class__ = CallablePackage

__all__ = ["CallablePackage"]
