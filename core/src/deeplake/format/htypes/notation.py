"""Htypes as users write them: ``"image"``, ``"sequence[bbox]"``, ``"sequence[link[image]]"``."""

from __future__ import annotations

import re

from deeplake.errors import TensorMetaInvalidHtype

_NAME = re.compile(r"[A-Za-z0-9_.]+")
_WRAPPED = re.compile(r"(sequence|link)\[(.*)\]")


def parse_htype(text: str) -> tuple[str, bool, bool]:
    """Take an htype apart. Whether the base is one that exists is for the registry to say.

    Args:
        text: What the user wrote.

    Returns:
        The base htype, whether samples are sequences of it, whether they are links to it.

    Raises:
        TensorMetaInvalidHtype: Malformed brackets, a wrapper twice, or a combination that is not
            allowed: links need an htype other than generic, and sequences of tags do not exist.

    Example:
        >>> parse_htype("sequence[link[image]]")
        ('image', True, True)
        >>> parse_htype("sequence")
        ('generic', True, False)
    """
    if not isinstance(text, str):
        raise TensorMetaInvalidHtype(
            f"an htype is a str such as 'image', not {type(text).__name__}: {text!r}"
        )
    wrappers: list[str] = []
    base = text.strip()
    while (found := _WRAPPED.fullmatch(base)) is not None:
        wrappers.append(found[1])
        base = found[2].strip()
    if base in ("sequence", "link"):
        wrappers.append(base)
        base = "generic"
    if _NAME.fullmatch(base) is None:
        raise TensorMetaInvalidHtype(
            f"{text!r} is no htype: write a name such as 'image', or 'sequence[image]', "
            "'link[image]', 'sequence[link[image]]'"
        )
    if len(set(wrappers)) != len(wrappers):
        raise TensorMetaInvalidHtype(
            f"{text!r} is no htype: 'sequence' and 'link' can each be there once"
        )
    is_sequence, is_link = "sequence" in wrappers, "link" in wrappers
    if is_link and base == "generic":
        raise TensorMetaInvalidHtype(
            f"{text!r} does not say what is linked; write for example 'link[image]'"
        )
    if is_sequence and base == "tag":
        raise TensorMetaInvalidHtype(f"{text!r} does not exist: a tag holds several texts already")
    return base, is_sequence, is_link


__all__ = ["parse_htype"]
