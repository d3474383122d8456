"""Codecs for deeplake-core: lz4, zstd and the image formats.

The kernel finds them by their entry points (``deeplake.codec``); nothing here has to be imported.
"""
