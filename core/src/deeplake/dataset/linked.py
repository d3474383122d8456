"""Links as users give and get them: ``deeplake.link``."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from deeplake.dataset.sample import Sample
from deeplake.errors import InvalidPathException
from deeplake.format.links import Link
from deeplake.links import shown
from deeplake.storage.url import FILE, scheme_of
from deeplake.types import PathLike, Shape

if TYPE_CHECKING:
    from deeplake.dataset.linking import Linker


class LinkedSample:
    """A file that stays where it is; a tensor of htype ``link[…]`` keeps where that is.

    Args:
        path: Path or URL. A relative path is of the current directory.
        creds_key: Name of the credentials for it (``ds.add_creds_key``); ``"ENV"``: those of the
            environment.

    Raises:
        InvalidPathException: No path, or a URL with a password in it.
        TypeError: ``creds_key`` is not a str.
    """

    __slots__ = ("_link", "_linker", "creds_key", "dtype_hint", "path", "shape_hint")

    def __init__(self, path: PathLike, creds_key: str | None = None) -> None:
        text: Any = os.fspath(path) if isinstance(path, os.PathLike) else path
        if not isinstance(text, str) or not text.strip():
            raise InvalidPathException(
                f"a link leads to the path or URL of a file, not to {path!r}"
            )
        if creds_key is not None and not isinstance(creds_key, str):
            raise TypeError(f"creds_key is the name of credentials, not {creds_key!r}")
        if scheme_of(text) != FILE and _password(text):
            raise InvalidPathException(
                f"{shown(text)}: a password in a URL would be stored with the dataset; leave it out, "
                "and give it with creds_key= and ds.populate_creds"
            )
        self.path = text
        self.creds_key = creds_key
        self._link: Link | None = None
        self._linker: Linker | None = None
        self.shape_hint: Shape | None = None
        self.dtype_hint: str | None = None

    @classmethod
    def stored(
        cls,
        link: Link,
        creds_key: str | None,
        linker: Linker,
        shape: Shape | None = None,
        dtype: str | None = None,
    ) -> LinkedSample:
        """A link of a tensor.

        Args:
            link: As it is stored.
            creds_key: Name of its credentials.
            linker: Reads it.
            shape, dtype: Of its value, where they are known.
        """
        sample = cls.__new__(cls)
        sample.path = link.path
        sample.creds_key = creds_key
        sample._link = link
        sample._linker = linker
        sample.shape_hint = shape
        sample.dtype_hint = dtype
        return sample

    @property
    def link(self) -> Link | None:
        """The link as it was stored, if it comes from a tensor."""
        return self._link

    def read(self) -> Sample:
        """The linked file, to store it in a tensor that has no links.

        Raises:
            TypeError: The link does not come from a tensor.
            GetDataFromLinkError: It cannot be read.
        """
        if self._linker is None or self._link is None:
            raise TypeError(
                f"deeplake.link({self.path!r}) can only be stored in a tensor of htype 'link[…]'; "
                "deeplake.read stores the file itself"
            )
        return self._linker.sample(self._link)

    @property
    def location(self) -> str:
        """The path as it is stored: one without a scheme is absolute."""
        if "://" in self.path or scheme_of(self.path) != FILE:
            return self.path
        return os.path.abspath(os.path.expanduser(self.path))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, LinkedSample):
            return NotImplemented
        return self.path == other.path and self.creds_key == other.creds_key

    def __hash__(self) -> int:
        return hash((self.path, self.creds_key))

    def __reduce__(self) -> Any:
        return LinkedSample, (self.path, self.creds_key)

    def __repr__(self) -> str:
        key = "" if self.creds_key is None else f", creds_key={self.creds_key!r}"
        return f"LinkedSample({shown(self.path)!r}{key})"


def _password(url: str) -> bool:
    try:
        return urlsplit(url).password is not None
    except ValueError:
        return False


def link(path: PathLike, creds_key: str | None = None) -> LinkedSample:
    """A file that stays where it is, for a tensor of htype ``link[…]``.

    Args:
        path: Path or URL of the file. A relative path is of the current directory.
        creds_key: Name of its credentials (``ds.add_creds_key``, ``ds.populate_creds``); ``"ENV"``:
            those that the environment has. Object stores need one of the two.

    Raises:
        InvalidPathException: It is no path, or a URL with a password in it.
        TypeError: ``creds_key`` is not a str.
    """
    return LinkedSample(path, creds_key)


__all__ = ["LinkedSample", "link"]
