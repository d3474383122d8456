"""The bytes of format v1: pure functions and values, no input or output
(docs/spec/format-v1.md).
"""
