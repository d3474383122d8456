"""What a loader was asked for, as one frozen value."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Literal, TypeAlias, cast, get_args

Decode: TypeAlias = Literal["numpy", "tobytes", "pil", "data"]
"""What a sample is made: an array, the stored bytes, a PIL image, or what its htype
says of it (as ``tensor.data()``)."""

OnError: TypeAlias = "Literal['raise', 'skip'] | Callable[[Exception], Any]"
"""What becomes of rows that cannot be read or transformed."""

DECODES: tuple[str, ...] = get_args(Decode)

INDEX = "index"
"""Key of a batch under which the source's row numbers are."""


@dataclass(frozen=True, slots=True)
class Transform:
    """What is done to samples.

    Attributes:
        whole: Gets a sample as a dict and returns anything; None: there is no such function.
        by_tensor: A function for each tensor, None for those that stay as they are. It selects the
            tensors too.
    """

    whole: Callable[[Any], Any] | None = None
    by_tensor: Mapping[str, Callable[[Any], Any] | None] | None = None

    @classmethod
    def of(cls, transform: Any, kwargs: Mapping[str, Any]) -> Transform:
        """What ``.transform(…)`` and ``ds.pytorch(transform=…)`` take.

        Args:
            transform: A callable, or a dict of callables and None by tensor.
            kwargs: Further arguments of a callable; a dict ignores them.

        Raises:
            TypeError: Neither.
        """
        if isinstance(transform, Mapping):
            for name, function in transform.items():
                if function is not None and not callable(function):
                    raise TypeError(
                        f"the transform of tensor {name!r} is {function!r}; it must be callable, "
                        "or None to leave the tensor as it is"
                    )
            return cls(by_tensor=dict(transform))
        if not callable(transform):
            raise TypeError(
                f"a transform is a callable, or a dict of callables by tensor, not {transform!r}"
            )
        return cls(whole=partial(transform, **kwargs) if kwargs else transform)

    @property
    def names(self) -> tuple[str, ...] | None:
        """The tensors that are selected, without ``"index"``; None: it does not select."""
        if self.by_tensor is None:
            return None
        return tuple(name for name in self.by_tensor if name != INDEX)


@dataclass(frozen=True, slots=True)
class LoaderSpec:
    """What was asked for. Each fluent call makes a new one.

    Attributes:
        framework: Key of the plugin that makes batches; None: not chosen, which is ``"numpy"``.
        tensors: Tensors to load, in this order; None: all.
        decode_method: How samples of some tensors are decoded; the others are arrays.
        return_index: Whether batches have the key ``"index"``.
        transform: What is done to samples.
        collate_fn: Makes a batch of samples in place of the framework's own way.
        batch_size: Rows a batch; None: batches of one row, or (``unbatched``) no batches.
        unbatched: Yield single samples.
        drop_last: Leave out a last batch that is not full.
        shuffle: Whether rows come in random order; None: not asked for.
        buffer_size: Megabytes of rows that are mixed with each other, where not all of them are.
        offset: Place to begin with; None: not asked for.
        distributed: Share rows among the ranks of a job; None: if the framework is in one.
        pad_tensors: Go on to the end of the longest tensor; shorter ones have empty samples there.
        num_workers: Workers that were asked for; batches do not depend on it. Where no processes are
            needed, the least number of threads if ``num_threads`` is None.
        processes: Processes that run functions of the user, if there are any.
        method: How ``multiprocessing`` starts them; None: without it, see ``workers``.
        num_threads: Threads that read, decode and transform; None: as many as there are cores, a
            few where there is nothing to do but to copy, none where that is little.
        prefetch_factor: Batches made ahead, a thread.
        persistent_workers: Keep processes between epochs.
        pin_memory: Put batches into page-locked memory, where the framework can.
        on_error: What becomes of rows that cannot be read or transformed: ``"raise"``, ``"skip"``, or
            a function that is told each error of a row that is left out.
        verbose: Print what is loaded when an epoch starts.
        progressbar: Show one, an epoch.
        options: What only one framework knows.
    """

    framework: str | None = None
    tensors: tuple[str, ...] | None = None
    decode_method: Mapping[str, Decode] = field(default_factory=dict)
    return_index: bool = False
    transform: Transform | None = None
    collate_fn: Callable[[Any], Any] | None = None
    batch_size: int | None = None
    unbatched: bool = False
    drop_last: bool = False
    shuffle: bool | None = None
    buffer_size: int = 2048
    offset: int | None = None
    distributed: bool | None = False
    pad_tensors: bool = False
    num_workers: int = 0
    processes: int = 0
    method: str | None = None
    num_threads: int | None = None
    prefetch_factor: int = 2
    persistent_workers: bool = False
    pin_memory: bool = False
    on_error: OnError = "raise"
    verbose: bool = False
    progressbar: bool = False
    options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def rows_a_batch(self) -> int:
        """Rows that are collated together."""
        return self.batch_size or 1

    @property
    def selected(self) -> tuple[str, ...] | None:
        """The tensors that are loaded; None: all."""
        names = self.transform.names if self.transform is not None else None
        return self.tensors if names is None else names


def check_batch_size(batch_size: Any) -> int:
    """The number of rows of a batch.

    Raises:
        ValueError: Not a positive integer.
    """
    return _integer("batch_size", batch_size, 1)


def check_offset(offset: Any) -> int:
    """The place to begin with.

    Raises:
        ValueError: Not an integer of at least 0.
    """
    return _integer("off", offset, 0)


def check_epoch(epoch: Any) -> int:
    """The number of an epoch.

    Raises:
        ValueError: Not an integer of at least 0.
    """
    return _integer("epoch", epoch, 0)


def check_effort(num_workers: Any, num_threads: Any, prefetch_factor: Any) -> dict[str, int | None]:
    """``num_workers``, ``num_threads`` and ``prefetch_factor``, checked.

    Raises:
        ValueError: Negative workers, no threads, nothing made ahead.
    """
    return {
        "num_workers": _integer("num_workers", num_workers, 0),
        "num_threads": None if num_threads is None else _integer("num_threads", num_threads, 1),
        "prefetch_factor": _integer("prefetch_factor", prefetch_factor, 1),
    }


def check_on_error(ignore_errors: Any, on_error: Any) -> OnError:
    """What becomes of rows that cannot be read or transformed.

    Args:
        ignore_errors: Leave them out, where ``on_error`` does not say anything.
        on_error: ``"raise"``, ``"skip"``, a function, or None.

    Raises:
        ValueError: None of these, or the two contradict each other.
    """
    if on_error is None:
        return "skip" if ignore_errors else "raise"
    if not callable(on_error) and on_error not in ("raise", "skip"):
        raise ValueError(f"on_error is 'raise', 'skip' or a function, not {on_error!r}")
    if ignore_errors and on_error == "raise":
        raise ValueError("ignore_errors=True and on_error='raise' contradict each other")
    return cast(OnError, on_error)


def check_decode_method(method: Mapping[str, str] | None) -> dict[str, Decode]:
    """How to decode, by tensor; whether it suits the tensors is found out with them.

    Raises:
        ValueError: There is no such method.
    """
    checked: dict[str, Decode] = {}
    for name, how in (method or {}).items():
        if how not in DECODES:
            raise ValueError(
                f"decode_method of tensor {name!r} is {how!r}; there are "
                f"{', '.join(map(repr, DECODES))}"
            )
        checked[name] = cast(Decode, how)
    return checked


def _integer(name: str, value: Any, least: int) -> int:
    import operator

    try:
        number = operator.index(value)
    except TypeError:
        raise ValueError(f"{name} is an integer, not {value!r}") from None
    if number < least:
        raise ValueError(f"{name} must be at least {least}, not {number}")
    return number


__all__ = [
    "DECODES",
    "INDEX",
    "Decode",
    "LoaderSpec",
    "OnError",
    "Transform",
    "check_batch_size",
    "check_decode_method",
    "check_effort",
    "check_epoch",
    "check_offset",
    "check_on_error",
]
