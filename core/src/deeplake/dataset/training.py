"""What a dataset is trained with: loaders, and rows by number."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, cast

if TYPE_CHECKING:
    from deeplake.dataset.dataset import Dataset
    from deeplake.loader.loader import DeepLakeDataLoader


class Training:
    """Loaders of a dataset or view."""

    __slots__ = ()

    def pytorch(
        self,
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
        """A PyTorch loader of the rows.

        Batches are dicts of tensors that unpack into their values. Unsigned integers of 16 bits become
        int32, those of 32 and 64 bits int64: labels are stored as uint32, and the losses of PyTorch
        take int64 only.

        Args:
            transform: A function of whole samples (dicts of arrays), or a dict of functions and None by
                tensor, which selects the tensors. They run in threads or processes, several at once.
            tensors: Tensors to load, in this order; None: all.
            num_workers: From 2 on: processes that run transforms and ``collate_fn``, where there are
                any. 0 and 1: threads of this process do. The batches are the same for any number.
            batch_size: Rows a batch; None: single samples.
            drop_last: Leave out a last batch that is not full.
            collate_fn: Makes a batch of a list of (transformed) samples.
            pin_memory: Put batches into page-locked memory, if there is an accelerator.
            shuffle: Random order, another one each epoch; see ``deeplake.random.seed``.
            buffer_size: Megabytes of rows that are mixed; see ``DeepLakeDataLoader.shuffle``.
            use_local_cache: Accepted for compatibility.
            progressbar: Show one.
            return_index: Add the row numbers to each batch, under the key ``"index"``; with a dict of
                transforms they come only if it has this key.
            pad_tensors: Go on to the end of the longest tensor; shorter ones have empty samples there.
            transform_kwargs: Further arguments of a ``transform`` of whole samples.
            decode_method: ``"numpy"``, ``"tobytes"``, ``"pil"`` or ``"data"`` by tensor.
            cache_size: Accepted for compatibility.
            *args: Accepted for compatibility.
            **kwargs: ``num_threads``, ``prefetch_factor``, ``persistent_workers`` and ``ragged`` as in
                ``DeepLakeDataLoader.pytorch``; ``multiprocessing_context`` is ``"spawn"`` or
                ``"forkserver"`` if ``multiprocessing`` is to start the workers, or such a context
                (forking a process with threads is not safe, so ``"fork"`` means the default);
                ``on_error`` is that of :meth:`dataloader`. Other arguments of a torch ``DataLoader``
                are accepted.

        Returns:
            A ``torch.utils.data.DataLoader``. In a job of ``torch.distributed`` it gives each rank its
            part of each batch.

        Raises:
            PluginNotFoundError: The plugin for PyTorch is not installed.
            TensorDoesNotExistError: A name is no tensor.
            EmptyTensorError: A tensor has no samples.
            NotImplementedError: A tensor holds sequences.
            ValueError: An argument is out of its range, or a tensor cannot be decoded that way.
            TypeError: An argument that there is not.
        """
        from deeplake.loader import classic

        return classic.pytorch(
            cast("Dataset", self),
            transform,
            tensors,
            num_workers,
            batch_size,
            drop_last,
            collate_fn,
            pin_memory,
            shuffle,
            buffer_size,
            use_local_cache,
            progressbar,
            return_index,
            pad_tensors,
            transform_kwargs,
            decode_method,
            cache_size,
            *args,
            **kwargs,
        )

    def jax(
        self,
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
        """A loader of the rows whose batches are JAX arrays.

        Arguments are those of :meth:`pytorch`, and:

        Args:
            sharding: A ``jax.sharding.Sharding`` or device that batches are put on, or a dict of them by
                tensor; None: JAX's default device.

        Raises:
            PluginNotFoundError: The plugin for JAX is not installed.
            ValueError, TypeError, EmptyTensorError, TensorDoesNotExistError: As in :meth:`pytorch`.
        """
        from deeplake.loader import classic

        return classic.jax(
            cast("Dataset", self),
            transform=transform,
            tensors=tensors,
            num_workers=num_workers,
            batch_size=batch_size,
            drop_last=drop_last,
            collate_fn=collate_fn,
            shuffle=shuffle,
            buffer_size=buffer_size,
            progressbar=progressbar,
            return_index=return_index,
            pad_tensors=pad_tensors,
            transform_kwargs=transform_kwargs,
            decode_method=decode_method,
            sharding=sharding,
            **kwargs,
        )

    def tensorflow(
        self,
        tensors: Sequence[str] | None = None,
        tobytes: bool | Sequence[str] = False,
        fetch_chunks: bool = True,
    ) -> Any:
        """A ``tf.data.Dataset`` of the rows: a dict of tensors for each.

        Args:
            tensors: Tensors to load, in this order; None: all.
            tobytes: Stored bytes instead of arrays: of all tensors, or of those that are named.
            fetch_chunks: Accepted for compatibility.

        Raises:
            PluginNotFoundError: The plugin for TensorFlow is not installed.
            TensorDoesNotExistError: A name is no tensor.
            EmptyTensorError: A tensor has no samples.
            LoaderError: ``tf.data`` has no type for a tensor (json values, lists).
        """
        from deeplake.loader import classic

        return classic.tensorflow(
            cast("Dataset", self), tensors=tensors, tobytes=tobytes, fetch_chunks=fetch_chunks
        )

    def torch_dataset(
        self,
        transform: Callable[[Any], Any] | Mapping[str, Callable[[Any], Any] | None] | None = None,
        tensors: Sequence[str] | None = None,
        return_index: bool = True,
        decode_method: Mapping[str, str] | None = None,
        transform_kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        """A map-style ``torch.utils.data.Dataset`` of the rows, for samplers of your own.

        A loader of ours is faster, shuffles and resumes by itself: use this where code wants to choose
        rows. Arguments are those of :meth:`pytorch`.

        Raises:
            PluginNotFoundError: The plugin for PyTorch is not installed.
            ValueError, EmptyTensorError, TensorDoesNotExistError: As in :meth:`pytorch`.
        """
        from deeplake.loader import classic

        return classic.torch_dataset(
            cast("Dataset", self),
            transform=transform,
            tensors=tensors,
            return_index=return_index,
            decode_method=decode_method,
            transform_kwargs=transform_kwargs,
        )

    def dataloader(
        self,
        ignore_errors: bool = False,
        verbose: bool = False,
        *,
        on_error: Literal["raise", "skip"] | Callable[[Exception], Any] | None = None,
    ) -> DeepLakeDataLoader:
        """A loader of the rows that is configured step by step.

        Args:
            ignore_errors: Leave out rows that cannot be read or transformed, as ``on_error="skip"``.
            verbose: Print what the loader does.
            on_error: What becomes of a row that cannot be read or transformed: ``"raise"``, the
                default, ends the epoch; ``"skip"`` leaves it out; a function is called with the
                error, whose attribute ``row`` is the row's number, and the row is left out unless
                the function raises. It is called in the loop's own thread, before the batch that
                the row is missing from is handed out.

        Raises:
            ValueError: ``on_error`` is none of these, or contradicts ``ignore_errors``.
        """
        from deeplake.loader.loader import DeepLakeDataLoader

        return DeepLakeDataLoader(
            cast("Dataset", self), ignore_errors=ignore_errors, verbose=verbose, on_error=on_error
        )


__all__ = ["Training"]
