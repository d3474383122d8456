"""What tensors of links have besides: where the links lead, whether they still do, and their data."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from deeplake.dataset import linkviews

if TYPE_CHECKING:
    from deeplake.dataset.linked import LinkedSample
    from deeplake.dataset.linkgrid import LinkedTiledSample
    from deeplake.dataset.tensor import Tensor


class LinkMethods:
    """Methods of ``Tensor`` for links."""

    __slots__ = ()

    def path(self, aslist: bool = True) -> Any:
        """Where the selected links lead to.

        Args:
            aslist: Several links are a list of arrays of shape ``(1,)``, else one of ``(n, 1)``. One
                link is an array of shape ``(1,)`` either way, a grid of links one in its shape.

        Raises:
            GetDataFromLinkError: It is no tensor of links.
        """
        return linkviews.paths(cast("Tensor", self), aslist=aslist)

    def creds_key(self) -> str | None:
        """Name of the credentials of the one link that is selected; None: it has none.

        Raises:
            ValueError: Not exactly one link is selected.
            GetDataFromLinkError: It is no tensor of links.
        """
        return linkviews.single(cast("Tensor", self)).creds_key

    def _linked_sample(self) -> LinkedSample | LinkedTiledSample:
        """The one link that is selected, as ``deeplake.link`` made it."""
        return linkviews.single(cast("Tensor", self))

    def check_links(self, progressbar: bool = False) -> Any:
        """Open the selected links, and say which are broken or lead to other files than before.

        Args:
            progressbar: Show progress.

        Returns:
            A list of :class:`~deeplake.dataset.linkcheck.BrokenLink`, in row order; empty if all are
            good.
        """
        from deeplake.dataset.linkcheck import check

        return check(cast("Tensor", self), progressbar=progressbar)

    def materialize(self, progressbar: bool = False) -> None:
        """Store what the links lead to: the tensor holds data from now on, in this version.

        Files are stored byte for byte where the tensor has their compression; if it was created
        without one, it gets that of the files.

        Args:
            progressbar: Show progress.

        Raises:
            SampleUpdateError: A link cannot be read; nothing was changed.
            InvalidOperationError: A part of the tensor is selected: ``ds[rows].copy(path,
                unlink=True)`` copies one with its data.
        """
        from deeplake.dataset.materializing import materialize

        whole = cast("Tensor", self)
        whole._check_whole("materialize")
        materialize(whole, progressbar=progressbar)


__all__ = ["LinkMethods"]
