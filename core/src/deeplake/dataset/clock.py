"""Times as users see them."""

from __future__ import annotations

from datetime import UTC, datetime


def when(seconds: float) -> str:
    """A commit's time: UTC, without fractions of a second."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S")


__all__ = ["when"]
