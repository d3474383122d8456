"""``ds.pytorch(…)`` and the like: a loader in one call."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

from deeplake import plugins
from deeplake.loader.loader import DeepLakeDataLoader
from deeplake.loader.samples import Samples
from deeplake.loader.spec import (
    INDEX,
    LoaderSpec,
    Transform,
    check_batch_size,
    check_decode_method,
    check_effort,
    check_on_error,
)

if TYPE_CHECKING:
    from deeplake.dataset.dataset import Dataset

_FURTHER = frozenset(
    (
        "multiprocessing_context",
        "num_threads",
        "on_error",
        "persistent_workers",
        "prefetch_factor",
        "ragged",
    )
)
"""Further keyword arguments that mean something."""

_IGNORED = frozenset(("generator", "timeout", "verbose", "worker_init_fn"))
"""Arguments of a torch DataLoader that mean nothing here."""


def pytorch(
    dataset: Dataset,
    transform: Callable[[Any], Any] | Mapping[str, Callable[[Any], Any] | None] | None = None,
    tensors: Sequence[str] | None = None,
    num_workers: int = 1,
    batch_size: int | None = 1,
    drop_last: bool = False,
    collate_fn: Callable[[Any], Any] | None = None,
    pin_memory: bool = False,
    shuffle: bool = False,
    buffer_size: int = 2048,
    use_local_cache: bool = False,
    progressbar: bool = False,
    return_index: bool = True,
    pad_tensors: bool = False,
    transform_kwargs: Mapping[str, Any] | None = None,
    decode_method: Mapping[str, str] | None = None,
    cache_size: int = 32,
    *args: Any,
    **kwargs: Any,
) -> Any:
    """The loader of ``Dataset.pytorch``."""
    return _loader(
        dataset, "torch", kwargs, transform=transform, tensors=tensors, num_workers=num_workers,
        batch_size=batch_size, drop_last=drop_last, collate_fn=collate_fn, pin_memory=pin_memory,
        shuffle=shuffle, buffer_size=buffer_size, progressbar=progressbar,
        return_index=return_index, pad_tensors=pad_tensors, transform_kwargs=transform_kwargs,
        decode_method=decode_method,
        options={"ragged": kwargs["ragged"]} if kwargs.get("ragged") is not None else {},
    )  # fmt: skip


def jax(
    dataset: Dataset,
    transform: Callable[[Any], Any] | Mapping[str, Callable[[Any], Any] | None] | None = None,
    tensors: Sequence[str] | None = None,
    num_workers: int = 1,
    batch_size: int | None = 1,
    drop_last: bool = False,
    collate_fn: Callable[[Any], Any] | None = None,
    shuffle: bool = False,
    buffer_size: int = 2048,
    progressbar: bool = False,
    return_index: bool = True,
    pad_tensors: bool = False,
    transform_kwargs: Mapping[str, Any] | None = None,
    decode_method: Mapping[str, str] | None = None,
    sharding: Any = None,
    **kwargs: Any,
) -> Any:
    """The loader of ``Dataset.jax``."""
    return _loader(
        dataset, "jax", kwargs, transform=transform, tensors=tensors, num_workers=num_workers,
        batch_size=batch_size, drop_last=drop_last, collate_fn=collate_fn, shuffle=shuffle,
        buffer_size=buffer_size, progressbar=progressbar, return_index=return_index,
        pad_tensors=pad_tensors, transform_kwargs=transform_kwargs, decode_method=decode_method,
        options={} if sharding is None else {"sharding": sharding},
    )  # fmt: skip


def tensorflow(
    dataset: Dataset,
    tensors: Sequence[str] | None = None,
    tobytes: bool | Sequence[str] = False,
    fetch_chunks: bool = True,
) -> Any:
    """The ``tf.data.Dataset`` of ``Dataset.tensorflow``."""
    names = _tensors(tensors)
    if names is None:
        names = tuple(dataset._visible())
    raw = names if tobytes is True else tuple(tobytes or ())
    spec = LoaderSpec(
        framework="tensorflow",
        tensors=names,
        decode_method=check_decode_method(dict.fromkeys(raw, "tobytes")),
        unbatched=True,
    )
    return DeepLakeDataLoader.of(dataset, spec, not_empty=True).as_dataset()


def torch_dataset(
    dataset: Dataset,
    transform: Callable[[Any], Any] | Mapping[str, Callable[[Any], Any] | None] | None = None,
    tensors: Sequence[str] | None = None,
    return_index: bool = True,
    decode_method: Mapping[str, str] | None = None,
    transform_kwargs: Mapping[str, Any] | None = None,
) -> Any:
    """The samples of ``Dataset.torch_dataset``."""
    spec = LoaderSpec(
        framework="torch",
        tensors=_tensors(tensors),
        decode_method=check_decode_method(decode_method),
        return_index=bool(return_index),
        transform=None if transform is None else Transform.of(transform, transform_kwargs or {}),
        unbatched=True,
    )
    return plugins.get("framework", "torch").map_style(Samples(dataset, spec))


def _tensors(tensors: Sequence[str] | None) -> tuple[str, ...] | None:
    """Names of the tensors to load, checked."""
    if isinstance(tensors, str):
        raise ValueError(f"tensors is a list of names, not the string {tensors!r}")
    if INDEX in (tensors or ()):
        raise ValueError(
            "'index' is no tensor: batches have the row numbers under this key when "
            "return_index=True"
        )
    return None if tensors is None else tuple(tensors)


def _loader(
    dataset: Dataset,
    framework: str,
    kwargs: Mapping[str, Any],
    *,
    transform: Any,
    tensors: Sequence[str] | None,
    num_workers: int,
    batch_size: int | None,
    drop_last: bool,
    collate_fn: Callable[[Any], Any] | None,
    shuffle: bool,
    buffer_size: int,
    progressbar: bool,
    return_index: bool,
    pad_tensors: bool,
    transform_kwargs: Mapping[str, Any] | None,
    decode_method: Mapping[str, str] | None,
    pin_memory: bool = False,
    options: Mapping[str, Any] | None = None,
) -> Any:
    """The loader that one of the functions above describes."""
    unknown = sorted(kwargs.keys() - _FURTHER - _IGNORED)
    if unknown:
        name = "pytorch" if framework == "torch" else framework
        raise TypeError(f"ds.{name}() has no argument {', '.join(map(repr, unknown))}")
    names = _tensors(tensors)
    if not buffer_size > 0:
        raise ValueError(f"buffer_size is a positive number of megabytes, not {buffer_size!r}")
    effort = cast(
        "dict[str, Any]",
        check_effort(num_workers, kwargs.get("num_threads"), kwargs.get("prefetch_factor") or 2),
    )
    spec = LoaderSpec(
        framework=framework,
        tensors=names,
        decode_method=check_decode_method(decode_method),
        return_index=bool(return_index),
        transform=None if transform is None else Transform.of(transform, transform_kwargs or {}),
        collate_fn=collate_fn,
        batch_size=None if batch_size is None else check_batch_size(batch_size),
        unbatched=batch_size is None,
        drop_last=bool(drop_last),
        shuffle=bool(shuffle),
        buffer_size=buffer_size,
        distributed=None,
        pad_tensors=bool(pad_tensors),
        pin_memory=bool(pin_memory),
        persistent_workers=bool(kwargs.get("persistent_workers", False)),
        processes=effort["num_workers"] if effort["num_workers"] > 1 else 0,
        method=_method(kwargs.get("multiprocessing_context")),
        progressbar=bool(progressbar),
        on_error=check_on_error(False, kwargs.get("on_error")),
        options=options or {},
        **effort,
    )
    visible = dataset.tensors
    for name in visible if spec.selected is None else spec.selected:
        if name in visible and visible[name].is_sequence:
            raise NotImplementedError(
                f"tensor {name!r} has htype {visible[name].htype!r}: ds.pytorch() does not load "
                "sequences; ds.dataloader().pytorch() does, or leave it out with tensors=[…]"
            )
    return DeepLakeDataLoader.of(dataset, spec, not_empty=True)


def _method(context: Any) -> str | None:
    """How ``multiprocessing`` is to start workers; None: the loader's own way."""
    method = context.get_start_method() if hasattr(context, "get_start_method") else context
    if method not in (None, "spawn", "forkserver", "fork"):
        raise ValueError(
            f"multiprocessing_context is 'spawn', 'forkserver' or such a context, not {context!r}"
        )
    return None if method == "fork" else cast("str | None", method)


__all__ = ["jax", "pytorch", "tensorflow", "torch_dataset"]
