"""``@deeplake.compute``: functions of one sample that can be evaluated over many."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from functools import reduce, update_wrapper
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from deeplake.dataset.dataset import Dataset

Stage = Callable[..., Any]
"""A function ``(sample_in, sample_out, *args, **kwargs)``."""


class ComputeFunction:
    """A function of one sample with its further arguments: one stage of a pipeline.

    Args:
        func: Called with ``sample_in`` and ``sample_out``, and then with these:
        args: Further arguments.
        kwargs: Further arguments by name.
        name: What it is called in progress bars and messages; None: as the function is.

    Attributes:
        func, args, kwargs, name: As given.
    """

    def __init__(
        self,
        func: Stage,
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
        name: str | None = None,
    ) -> None:
        self.func = func
        self.args = tuple(args)
        self.kwargs = dict(kwargs or {})
        self.name: str = name or getattr(func, "__name__", None) or type(func).__name__

    def __call__(self, *samples: Any) -> Any:
        """Call the function with ``sample_in`` and ``sample_out``; as a filter, with a sample alone."""
        return self.func(*samples, *self.args, **self.kwargs)

    def __repr__(self) -> str:
        return f"ComputeFunction({self.name!r})"

    def __reduce__(self) -> Any:
        # A decorated function is not what its name leads to: that is the decorator's result.
        wrapper = _named(self.func)
        if getattr(wrapper, "__wrapped__", None) is self.func:
            return _again, (wrapper, self.args, self.kwargs, self.name)
        return ComputeFunction, (self.func, self.args, self.kwargs, self.name)

    def eval(
        self,
        data_in: Any,
        ds_out: Dataset | None = None,
        num_workers: int = 0,
        scheduler: str = "threaded",
        progressbar: bool = True,
        skip_ok: bool = False,
        check_lengths: bool = True,
        pad_data_in: bool = False,
        read_only_ok: bool = False,
        cache_size: float = 16,
        checkpoint_interval: int = 0,
        ignore_errors: bool = False,
        verbose: bool = True,
        **kwargs: Any,
    ) -> None:
        """Call the function with every sample of ``data_in``, and add what it gives to ``ds_out``.

        The order of the results is that of the samples, whoever does the work. See ``Pipeline.eval``,
        which takes the same arguments.
        """
        from deeplake.compute.pipeline import Pipeline

        Pipeline([self]).eval(
            data_in, ds_out, num_workers, scheduler, progressbar, skip_ok, check_lengths,
            pad_data_in, read_only_ok, cache_size, checkpoint_interval, ignore_errors, verbose,
            **kwargs,
        )  # fmt: skip


def compute(fn: Stage, name: str | None = None) -> Callable[..., ComputeFunction]:
    """Make a function of one sample one that can be evaluated over many.

    Usually a decorator. What it returns is called with the further arguments of the function, if it
    has any, and gives a stage that can be evaluated, alone or composed with others.

    Args:
        fn: A function ``(sample_in, sample_out, *args, **kwargs)``. It adds to ``sample_out`` what
            becomes of one sample: one row, several, or none.
        name: What it is called in progress bars and messages; None: as the function is.

    Example:
        >>> import deeplake
        >>> @deeplake.compute
        ... def scaled(sample_in, sample_out, factor):
        ...     sample_out.x.append(factor * sample_in)
        >>> ds = deeplake.empty("mem://scaled")
        >>> _ = ds.create_tensor("x")
        >>> scaled(10).eval([1, 2, 3], ds, progressbar=False)
        >>> ds.x.numpy().ravel().tolist()
        [10, 20, 30]

    Raises:
        TypeError: Not a function.
    """
    if not callable(fn):
        raise TypeError(
            f"compute takes a function (sample_in, sample_out, …), not {type(fn).__name__}"
        )

    def inner(*args: Any, **kwargs: Any) -> ComputeFunction:
        return ComputeFunction(fn, args, kwargs, name)

    try:
        update_wrapper(inner, fn)
    except (AttributeError, TypeError):  # some callables let nobody read their attributes
        inner.__wrapped__ = fn  # type: ignore[attr-defined]
    return inner


def _named(func: Any) -> Any:
    """What a function's module and name lead to; None if that is nothing."""
    module = sys.modules.get(getattr(func, "__module__", None) or "")
    try:
        return reduce(getattr, func.__qualname__.split("."), module)
    except AttributeError:
        return None


def _again(
    wrapper: Any, args: tuple[Any, ...], kwargs: dict[str, Any], name: str
) -> ComputeFunction:
    """A stage that was pickled."""
    return ComputeFunction(wrapper.__wrapped__, args, kwargs, name)


__all__ = ["ComputeFunction", "compute"]
