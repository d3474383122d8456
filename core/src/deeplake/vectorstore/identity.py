"""Ids of rows."""

from __future__ import annotations

import secrets
import time

_EPOCH = 0x01B21DD213814000
"""Ticks of 100 ns from the beginning of the calendar that UUIDs count in to that of Unix."""


def new_ids(count: int) -> list[str]:
    """UUIDs of version 1, one after the other in time.

    Instead of the machine's address they have 61 random bits, new ones for each call, as RFC 4122
    allows: ids that others make at the same time are different, and tell nobody where they were made.
    """
    first = time.time_ns() // 100 + _EPOCH
    node = secrets.randbits(48) | 1 << 40  # no address of a network card has this bit
    tail = f"-{secrets.randbits(14) | 0x8000:04x}-{node:012x}"
    return [
        f"{tick & 0xFFFFFFFF:08x}-{tick >> 32 & 0xFFFF:04x}-{tick >> 48 & 0x0FFF | 0x1000:04x}{tail}"
        for tick in range(first, first + count)
    ]


__all__ = ["new_ids"]
