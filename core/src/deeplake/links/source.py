"""One file somewhere."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from dataclasses import dataclass

from deeplake.errors import GetDataFromLinkError
from deeplake.links.policy import Policy


@dataclass(frozen=True, slots=True)
class Stat:
    """What is known of a file without reading it.

    Attributes:
        size: Bytes; None where the server does not tell.
        version: Changes whenever the content does (a strong etag, a generation); empty where there
            is none.
        modified: Seconds since the epoch of the last change, where known.
    """

    size: int | None = None
    version: str = ""
    modified: float | None = None


class Source(ABC):
    """A file that can be read as a whole and in ranges. Each thread uses one of its own.

    Args:
        url: Where it is.
        policy: What is allowed.

    Attributes:
        name: The URL as messages show it: without credentials and queries.
    """

    def __init__(self, url: str, policy: Policy) -> None:
        self.url = url
        self.name = shown(url)
        self.policy = policy

    @abstractmethod
    def stat(self) -> Stat:
        """Size and version.

        Raises:
            GetDataFromLinkError: There is no such file, or it cannot be asked for.
        """

    @abstractmethod
    def read_all(self) -> bytes:
        """The whole file.

        Raises:
            LinkRefusedError: It is larger than the policy allows.
            GetDataFromLinkError: It cannot be read.
        """

    @abstractmethod
    def read(self, start: int, stop: int) -> bytes:
        """Bytes ``start`` to ``stop``, less at the end of the file.

        Raises:
            GetDataFromLinkError: They cannot be read, or the file has changed since the last read.
        """

    def close(self) -> None:  # noqa: B027 - most sources hold nothing
        """Give up what is held for it."""


def missing(name: str) -> GetDataFromLinkError:
    """The error for a file that is not there."""
    return GetDataFromLinkError(f"{name}: there is no such file")


def unreadable(name: str, error: Exception) -> GetDataFromLinkError:
    """The error for a file that cannot be read."""
    reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return GetDataFromLinkError(f"{name}: cannot be read: {reason}")


def shown(url: str) -> str:
    """A path or URL as messages show it: without a user's password, and without its query."""
    scheme, colon, rest = url.partition("://")
    if not colon or scheme == "file":
        return url
    rest = re.sub(r"^[^/?#@]*@", "", rest)
    cut = re.split(r"[?#]", rest, maxsplit=1)
    return f"{scheme}://{cut[0]}" + ("?…" if len(cut) > 1 else "")


__all__ = ["Source", "Stat", "missing", "shown", "unreadable"]
