"""Datasets and tensors as users see them.

The package is also the function ``deeplake.dataset(path)``, with ``deeplake.dataset.load`` and its
like as attributes, as user code knows them.
"""

from __future__ import annotations

import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from inspect import Signature

    from deeplake.dataset import entry

_FUNCTIONS = {
    "init": "dataset",
    **{
        name: name
        for name in ("copy", "deepcopy", "delete", "empty", "exists", "like", "load", "rename")
    },
}
"""Attribute -> function of ``deeplake.dataset.entry``."""


class CallablePackage(ModuleType):
    """The type of this package.

    Importing a submodule of a package binds the package to its name in the parent, which is where
    users expect the function ``deeplake.dataset``: so the package is that function.
    """

    if TYPE_CHECKING:
        __call__ = staticmethod(entry.dataset)
        init = staticmethod(entry.dataset)
        copy = staticmethod(entry.copy)
        deepcopy = staticmethod(entry.deepcopy)
        delete = staticmethod(entry.delete)
        empty = staticmethod(entry.empty)
        exists = staticmethod(entry.exists)
        like = staticmethod(entry.like)
        load = staticmethod(entry.load)
        rename = staticmethod(entry.rename)
    else:

        def __call__(self, *args: Any, **kwargs: Any) -> Any:
            return self.init(*args, **kwargs)

        def __getattr__(self, name: str) -> Any:
            # The functions import the whole package, which its pure modules do not need.
            if name not in _FUNCTIONS:
                raise AttributeError(f"module 'deeplake.dataset' has no attribute '{name}'")
            from deeplake.dataset import entry

            return getattr(entry, _FUNCTIONS[name])

    @property
    def __signature__(self) -> Signature:
        from inspect import signature

        return signature(self.init)


sys.modules[__name__].__class__ = CallablePackage

__all__ = ["CallablePackage"]
