"""Options of ingestors, as command lines and programs give them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class Options:
    """Options by name.

    Args:
        given: What was given; None is nothing.
        *known: Names that there are.

    Raises:
        TypeError: There is no such option.
    """

    def __init__(self, given: Mapping[str, Any], *known: str) -> None:
        unknown = sorted(set(given) - set(known))
        if unknown:
            raise TypeError(f"no option {', '.join(unknown)}: there are {', '.join(known)}")
        self.given = {name: value for name, value in given.items() if value is not None}

    def get(self, name: str, default: Any = None) -> Any:
        """An option, or something else."""
        return self.given.get(name, default)

    def flag(self, name: str) -> bool:
        """Whether an option is on: True, or one of the words for it."""
        return str(self.given.get(name, "")).lower() in ("1", "on", "true", "yes")

    def names(self, name: str) -> list[str]:
        """A list: one of texts, or a text with commas."""
        found = self.given.get(name) or ()
        if isinstance(found, str):
            return [part.strip() for part in found.split(",") if part.strip()]
        return [str(part) for part in found]


__all__ = ["Options"]
