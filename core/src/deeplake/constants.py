"""Sizes in bytes as Deep Lake 3 names them (``deeplake.constants``): powers of ten."""

B = 1
KB = 1000 * B
MB = 1000 * KB
GB = 1000 * MB

__all__ = ["GB", "KB", "MB", "B"]
