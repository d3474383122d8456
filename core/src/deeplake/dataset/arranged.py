"""What datasets are made of: the part of ``Dataset`` that adds, renames and removes tensors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast

from deeplake.dataset import structure
from deeplake.dataset.schema import UNSPECIFIED

if TYPE_CHECKING:
    from deeplake.dataset.dataset import Dataset
    from deeplake.dataset.tensor import Tensor
    from deeplake.types import TensorSchema


class Arranged:
    """Tensors and groups of a dataset: made, renamed, deleted."""

    __slots__ = ()

    if TYPE_CHECKING:

        def _check_root(self, what: str) -> None: ...

    def create_tensor(
        self,
        name: str,
        htype: str | None = UNSPECIFIED,
        dtype: Any = UNSPECIFIED,
        sample_compression: str | None = UNSPECIFIED,
        chunk_compression: str | None = UNSPECIFIED,
        hidden: bool = False,
        create_sample_info_tensor: bool = True,
        create_shape_tensor: bool = True,
        create_id_tensor: bool = True,
        verify: bool = True,
        exist_ok: bool = False,
        verbose: bool = True,
        downsampling: tuple[int, int] | None = None,
        tiling_threshold: int | None = None,
        **kwargs: Any,
    ) -> Tensor:
        """Add a tensor.

        Args:
            name: Name; ``"a/b/t"`` creates the groups ``a`` and ``a/b``.
            htype: Kind of data (``deeplake.htypes``); not given: decided by the first sample.
            dtype: NumPy dtype; not given: the htype's, or the first sample's.
            sample_compression: Codec of each sample (``deeplake.compressions``). Files of this
                compression are stored byte for byte.
            chunk_compression: Codec of whole chunks.
            hidden: Leave it out of ``ds.tensors``.
            create_sample_info_tensor: Keep the paths that files are read from, which ``sample_info``
                shows. What else it shows is in the files.
            create_shape_tensor, create_id_tensor: Accepted for compatibility: shapes and row ids are
                part of the format, and ``ds["_name_shape"]``, ``ds["_name_id"]`` and
                ``ds["_name_info"]`` are made when they are asked for.
            verify: Open links when they are appended.
            exist_ok: Return a tensor of that name if it has the same meta.
            verbose: Accepted for compatibility.
            downsampling: ``(factor, layers)`` of smaller copies for viewers; images and masks only.
            tiling_threshold: Bytes from which a sample is stored in tiles; negative: never.
            **kwargs: Meta of the htype (``class_names``, ``coords`` …), and ``max_chunk_size``.

        Raises:
            TensorAlreadyExistsError, TensorGroupAlreadyExistsError: The name is taken.
            InvalidTensorNameError: The name is empty or an attribute of ``Dataset``.
            MetaError: See its subclasses: htype, dtype, compression or meta are not possible.
            ValueError: ``downsampling`` is not two positive ints.
        """
        self._check_root("create_tensor")
        return structure.create_tensor(
            cast("Dataset", self),
            name,
            exist_ok=exist_ok,
            extra=kwargs,
            paths=create_sample_info_tensor,
            htype=htype,
            dtype=dtype,
            sample_compression=sample_compression,
            chunk_compression=chunk_compression,
            hidden=hidden,
            verify=verify,
            tiling_threshold=tiling_threshold,
            downsampling=downsampling,
        )

    def create_tensor_like(self, name: str, source: Tensor, unlink: bool = False) -> Tensor:
        """Add a tensor with the meta and info of another one, without samples.

        Args:
            name: Name of the new tensor.
            source: The other tensor, of this or another dataset.
            unlink: Make it hold data where the other holds links.
        """
        if not hasattr(source, "_schema"):
            raise TypeError(f"source is a tensor, not {type(source).__name__}")
        return self._add_like(name, source._schema, source._draft.info, unlink=unlink)

    def _add_like(
        self, name: str, schema: TensorSchema, info: Mapping[str, Any], unlink: bool = False
    ) -> Tensor:
        self._check_root("create_tensor_like")
        return structure.create_like(cast("Dataset", self), name, schema, info, unlink=unlink)

    def create_group(self, name: str, exist_ok: bool = False) -> Dataset:
        """Add a group; the groups above it are made too.

        Raises:
            TensorGroupAlreadyExistsError, TensorAlreadyExistsError: The name is taken.
            InvalidTensorGroupNameError: The name is empty or an attribute of ``Dataset``.
        """
        self._check_root("create_group")
        return structure.create_group(cast("Dataset", self), name, exist_ok=exist_ok)

    def delete_tensor(self, name: str, large_ok: bool = False) -> None:
        """Remove a tensor from this version; earlier commits keep it.

        Raises:
            TensorDoesNotExistError: There is none of this name.
            TensorTooLargeToDelete: More than 1 GB, without ``large_ok``.
        """
        self._check_root("delete_tensor")
        structure.delete_tensor(cast("Dataset", self), name, large_ok=large_ok)

    def delete_group(self, name: str, large_ok: bool = False) -> None:
        """Remove a group with all that is in it from this version.

        Raises:
            TensorGroupDoesNotExistError: There is none of this name.
        """
        self._check_root("delete_group")
        structure.delete_group(cast("Dataset", self), name, large_ok=large_ok)

    def rename_tensor(self, name: str, new_name: str) -> Tensor:
        """Give a tensor another name in its group; its data and its id stay.

        Returns:
            The tensor.

        Raises:
            TensorDoesNotExistError: There is none of the old name.
            RenameError: The new name points to another group.
            TensorAlreadyExistsError, TensorGroupAlreadyExistsError: The new name is taken.
            InvalidTensorNameError: The new name is empty or an attribute of ``Dataset``.
        """
        self._check_root("rename_tensor")
        return structure.rename_tensor(cast("Dataset", self), name, new_name)

    def rename_group(self, name: str, new_name: str) -> None:
        """Give a group another name next to its old one.

        Raises:
            TensorGroupDoesNotExistError: There is none of the old name.
            RenameError: The new name points to another group.
            TensorAlreadyExistsError, TensorGroupAlreadyExistsError: The new name is taken.
            InvalidTensorGroupNameError: The new name is empty or an attribute of ``Dataset``.
        """
        self._check_root("rename_group")
        structure.rename_group(cast("Dataset", self), name, new_name)


__all__ = ["Arranged"]
