"""The step that chooses a framework, and with it what a batch looks like."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, cast

from deeplake.loader.spec import check_decode_method, check_effort
from deeplake.loader.steps import Steps


class Modes(Steps):
    """The frameworks that a loader can make batches for."""

    def numpy(
        self,
        num_workers: int = 0,
        tensors: Sequence[str] | None = None,
        num_threads: int | None = None,
        prefetch_factor: int = 2,
        decode_method: Mapping[str, str] | None = None,
        persistent_workers: bool = False,
    ) -> Any:
        """Batches that are lists of samples, each a dict of NumPy arrays.

        Args:
            num_workers: Processes that run transforms and ``collate_fn``, where there are any;
                0: threads do. The batches are the same for any number.
            tensors: Tensors to load, in this order; None: all.
            num_threads: Threads that read, decode and transform; None: as many as there are cores.
            prefetch_factor: Batches made ahead, a thread.
            decode_method: ``"numpy"``, ``"tobytes"``, ``"pil"`` or ``"data"`` by tensor.
            persistent_workers: Keep workers between epochs.

        Raises:
            ValueError: A framework was chosen before; tensors are selected by the transform
                already; a number is out of range; a tensor cannot be decoded that way.
            TensorDoesNotExistError: A name is no tensor.
        """
        return self._framework(
            "numpy", num_workers, tensors, num_threads, prefetch_factor, decode_method,
            persistent_workers,
        )  # fmt: skip

    def pytorch(
        self,
        num_workers: int = 0,
        collate_fn: Callable[[Any], Any] | None = None,
        tensors: Sequence[str] | None = None,
        num_threads: int | None = None,
        prefetch_factor: int = 2,
        distributed: bool = False,
        return_index: bool = True,
        decode_method: Mapping[str, str] | None = None,
        persistent_workers: bool = False,
        ragged: str | None = None,
    ) -> Any:
        """Batches of PyTorch tensors, from an object that is a ``torch.utils.data.DataLoader``.

        Args:
            num_workers: Processes that run transforms and ``collate_fn``, where there are any;
                0: threads do. The batches are the same for any number.
            collate_fn: Makes a batch of a list of (transformed) samples.
            tensors: Tensors to load, in this order; None: all.
            num_threads: Threads that read, decode and transform; None: as many as there are cores.
            prefetch_factor: Batches made ahead, a thread.
            distributed: Give each rank of a distributed job its part of each batch. The rank is
                that of ``torch.distributed``, or of the environment variables RANK and WORLD_SIZE.
            return_index: Add the row numbers to each batch, under the key ``"index"``.
            decode_method: ``"numpy"``, ``"tobytes"``, ``"pil"`` or ``"data"`` by tensor.
            persistent_workers: Keep workers between epochs.
            ragged: What becomes of samples of one batch that differ in shape: ``"list"``: a list of
                tensors; ``"pad"``: one tensor, zeros behind what is shorter; ``"nested"``: a nested
                tensor, of samples that differ in their first axis only. None: an error, as PyTorch
                has it.

        Raises:
            PluginNotFoundError: The plugin for PyTorch is not installed.
            ValueError, TensorDoesNotExistError: As in :meth:`numpy`.
        """
        return self._framework(
            "torch", num_workers, tensors, num_threads, prefetch_factor, decode_method,
            persistent_workers, collate_fn=collate_fn, distributed=bool(distributed),
            return_index=bool(return_index),
            options={} if ragged is None else {"ragged": ragged},
        )  # fmt: skip

    def tensorflow(
        self,
        num_workers: int = 0,
        collate_fn: Callable[[Any], Any] | None = None,
        tensors: Sequence[str] | None = None,
        num_threads: int | None = None,
        prefetch_factor: int = 2,
        return_index: bool = True,
        decode_method: Mapping[str, str] | None = None,
        persistent_workers: bool = False,
    ) -> Any:
        """Batches of TensorFlow tensors.

        Args:
            num_workers: Processes that run transforms and ``collate_fn``, where there are any;
                0: threads do. The batches are the same for any number.
            collate_fn: Makes a batch of a list of (transformed) samples.
            tensors: Tensors to load, in this order; None: all.
            num_threads: Threads that read, decode and transform; None: as many as there are cores.
            prefetch_factor: Batches made ahead, a thread.
            return_index: Add the row numbers to each batch, under the key ``"index"``.
            decode_method: ``"numpy"``, ``"tobytes"``, ``"pil"`` or ``"data"`` by tensor.
            persistent_workers: Keep workers between epochs.

        Raises:
            PluginNotFoundError: The plugin for TensorFlow is not installed.
            ValueError, TensorDoesNotExistError: As in :meth:`numpy`.
        """
        return self._framework(
            "tensorflow", num_workers, tensors, num_threads, prefetch_factor, decode_method,
            persistent_workers, collate_fn=collate_fn, return_index=bool(return_index),
        )  # fmt: skip

    def jax(
        self,
        num_workers: int = 0,
        collate_fn: Callable[[Any], Any] | None = None,
        tensors: Sequence[str] | None = None,
        num_threads: int | None = None,
        prefetch_factor: int = 2,
        distributed: bool = False,
        return_index: bool = True,
        decode_method: Mapping[str, str] | None = None,
        persistent_workers: bool = False,
        sharding: Any = None,
    ) -> Any:
        """Batches of JAX arrays.

        Args:
            num_workers: Processes that run transforms and ``collate_fn``, where there are any;
                0: threads do. The batches are the same for any number.
            collate_fn: Makes a batch of a list of (transformed) samples.
            tensors: Tensors to load, in this order; None: all.
            num_threads: Threads that read, decode and transform; None: as many as there are cores.
            prefetch_factor: Batches made ahead, a thread.
            distributed: Give each rank of a distributed job its part of each batch. The rank is
                that of the environment variables RANK and WORLD_SIZE, or of ``set_rank``.
            return_index: Add the row numbers to each batch, under the key ``"index"``.
            decode_method: ``"numpy"``, ``"tobytes"``, ``"pil"`` or ``"data"`` by tensor.
            persistent_workers: Keep workers between epochs.
            sharding: A ``jax.sharding.Sharding`` or device that batches are put on, or a dict of
                them by tensor; None: JAX's default device.

        Raises:
            PluginNotFoundError: The plugin for JAX is not installed.
            ValueError, TensorDoesNotExistError: As in :meth:`numpy`.
        """
        return self._framework(
            "jax", num_workers, tensors, num_threads, prefetch_factor, decode_method,
            persistent_workers, collate_fn=collate_fn, distributed=bool(distributed),
            return_index=bool(return_index),
            options={} if sharding is None else {"sharding": sharding},
        )  # fmt: skip

    def framework(
        self,
        key: str,
        num_workers: int = 0,
        collate_fn: Callable[[Any], Any] | None = None,
        tensors: Sequence[str] | None = None,
        num_threads: int | None = None,
        prefetch_factor: int = 2,
        distributed: bool = False,
        return_index: bool = True,
        decode_method: Mapping[str, str] | None = None,
        persistent_workers: bool = False,
    ) -> Any:
        """Batches for a framework that a plugin brings, by the plugin's key.

        Args:
            key: Key of the plugin, kind ``framework``.
            num_workers: Processes, as in :meth:`numpy`.
            collate_fn: Makes a batch of a list of samples; None: the plugin does.
            tensors: Tensors to load, in this order; None: all.
            num_threads: Threads that read, decode and transform; None: as many as there are cores.
            prefetch_factor: Batches made ahead, a thread.
            distributed: Each process of a job loads its share.
            return_index: Add the row numbers to each batch, under the key ``"index"``.
            decode_method: ``"numpy"``, ``"tobytes"``, ``"pil"`` or ``"data"`` by tensor.
            persistent_workers: Keep workers between epochs.

        Raises:
            PluginNotFoundError: No plugin has this key.
            ValueError, TensorDoesNotExistError: As in :meth:`numpy`.
        """
        return self._framework(
            key, num_workers, tensors, num_threads, prefetch_factor, decode_method,
            persistent_workers, collate_fn=collate_fn, distributed=bool(distributed),
            return_index=bool(return_index),
        )  # fmt: skip

    def _framework(
        self,
        key: str,
        num_workers: int,
        tensors: Sequence[str] | None,
        num_threads: int | None,
        prefetch_factor: int,
        decode_method: Mapping[str, str] | None,
        persistent_workers: bool,
        **options: Any,
    ) -> Any:
        spec = self._spec
        wanted = "pytorch" if key == "torch" else key
        if spec.framework == key:
            raise ValueError(f"already called .{wanted}()")
        if spec.framework is not None:
            raise ValueError(f"Can't call .{wanted}() after .{self._mode}()")
        if tensors is not None and spec.transform is not None and spec.transform.names is not None:
            raise ValueError(
                "Tensors have already been specified by the dict of .transform(): leave out "
                "tensors="
            )
        if isinstance(tensors, str):
            raise ValueError(f"tensors is a list of names, not the string {tensors!r}")
        effort = cast("dict[str, Any]", check_effort(num_workers, num_threads, prefetch_factor))
        effort["processes"] = effort["num_workers"]
        return self._derive(
            replace(
                spec,
                framework=key,
                tensors=None if tensors is None else tuple(tensors),
                decode_method=check_decode_method(decode_method),
                persistent_workers=bool(persistent_workers),
                **effort,
                **options,
            )
        )


__all__ = ["Modes"]
