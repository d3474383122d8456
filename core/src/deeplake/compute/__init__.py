"""Functions of the user over many samples, into a dataset: ``@deeplake.compute``.

The package is also the function ``deeplake.compute(fn, name=None)``, as user code knows it.
"""

from __future__ import annotations

import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from inspect import Signature

    from deeplake.compute import function


class CallablePackage(ModuleType):
    """The type of this package.

    Importing a submodule of a package binds the package to its name in the parent, which is where
    users expect the function ``deeplake.compute``: so the package is that function.
    """

    if TYPE_CHECKING:
        __call__ = staticmethod(function.compute)
    else:

        def __call__(self, *args: Any, **kwargs: Any) -> Any:
            from deeplake.compute.function import compute

            return compute(*args, **kwargs)

    @property
    def __signature__(self) -> Signature:
        from inspect import signature

        from deeplake.compute.function import compute

        return signature(compute)


sys.modules[__name__].__class__ = CallablePackage

__all__ = ["CallablePackage"]
