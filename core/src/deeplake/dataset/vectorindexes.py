"""Indexes of vectors, as scripts ask tensors for them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from deeplake.dataset.info import Info


class VectorIndexes:
    """Methods of ``Tensor`` for indexes of vectors."""

    __slots__ = ()

    if TYPE_CHECKING:

        @property
        def info(self) -> Info: ...

        @property
        def key(self) -> str: ...

    def get_vdb_indexes(self) -> list[dict[str, Any]]:
        """Descriptions of the indexes of vectors: none is made by this version."""
        return [dict(index) for index in self.info.get("vdb_indexes") or ()]

    def create_vdb_index(self, id: str, distance: Any = None, additional_params: Any = None) -> Any:
        """Raises ``NotImplementedError``: searches read all vectors, and need no index."""
        raise self._no_index(id)

    def load_vdb_index(self, id: str) -> Any:
        """Raises ``NotImplementedError``, as ``create_vdb_index`` does."""
        raise self._no_index(id)

    def delete_vdb_index(self, id: str) -> None:
        """Raises ``NotImplementedError``, as ``create_vdb_index`` does."""
        raise self._no_index(id)

    def _no_index(self, id: str) -> NotImplementedError:
        return NotImplementedError(
            f"tensor {self.key!r}: there is no index {id!r}; this version makes no indexes of vectors"
        )


__all__ = ["VectorIndexes"]
