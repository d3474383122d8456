"""This project without waiting for the disk, for comparisons with those that never do."""

from __future__ import annotations

from peers import ours

REQUIREMENTS: list[str] = []


class Versions(ours.Versions):
    fsync = "0"
