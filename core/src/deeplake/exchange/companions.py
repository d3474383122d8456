"""Files that belong to other files by their names: the text of each image."""

from __future__ import annotations

from collections.abc import Sequence
from posixpath import basename, splitext

from deeplake.errors import IngestionError
from deeplake.exchange.tree import Tree


class Companions:
    """Files of a folder with one extension.

    Args:
        tree: The folder.
        extension: With its dot.
    """

    def __init__(self, tree: Tree, extension: str) -> None:
        self._tree = tree
        names = [name for name in tree.names if name.lower().endswith(extension)]
        self._by_stem = {splitext(name)[0]: name for name in names}
        self._by_name: dict[str, list[str]] = {}
        for name in names:
            self._by_name.setdefault(splitext(basename(name))[0], []).append(name)

    def of(self, names: Sequence[str], tree: Tree) -> dict[str, str | None]:
        """The companion of each file; None for those that have none.

        Args:
            names: The files.
            tree: Where they are.

        Raises:
            IngestionError: Several would do, and none lies where the file does.
        """
        return {name: self._of(name, tree) for name in names}

    def _of(self, name: str, tree: Tree) -> str | None:
        stem = splitext(name)[0]
        found = self._by_stem.get(stem)
        if found is None:
            parts = ["labels" if part == "images" else part for part in stem.split("/")]
            found = self._by_stem.get("/".join(parts))
        if found is not None:
            return found
        others = self._by_name.get(basename(stem), ())
        if len(others) > 1:
            raise IngestionError(
                f"{tree.path(name)} may belong to {self._tree.path(others[0])} or to "
                f"{self._tree.path(others[1])}: let folders say which"
            )
        return others[0] if others else None


__all__ = ["Companions"]
