"""Reads the docstrings of this project for its reference: what they leave to the eye is spelled out."""

from __future__ import annotations

import re
from typing import Any

import griffe

_ROLE = re.compile(r":[a-z]+:`~?([^`]+)`")
_BLOCK = re.compile(r"(?<=\S)::$", re.MULTILINE)
_EXAMPLE = re.compile(r"^Example::?$", re.MULTILINE)
_SHARED = re.compile(r"^(?P<indent> +)(?P<names>\*{0,2}\w+(?:, \*{0,2}\w+)+): (?P<text>.*)$")


class Docstrings(griffe.Extension):
    """Turns Sphinx's notation into Markdown's, and arguments that share a text into one each."""

    def on_instance(self, *, obj: griffe.Object, **_: Any) -> None:
        """Rewrite the docstring of an object that was read."""
        if obj.docstring is not None:
            text = _ROLE.sub(r"`\1`", obj.docstring.value)
            text = _EXAMPLE.sub("Examples:", text)
            obj.docstring.value = _shared("\n".join(_BLOCK.sub(":", text).splitlines()))


def _shared(text: str) -> str:
    lines: list[str] = []
    section = ""
    waiting: list[str] = []
    entry: list[str] = []

    def close() -> None:
        for name in waiting:
            lines.extend([entry[0].replace("{}", name, 1), *entry[1:]])
        waiting.clear()

    for line in text.split("\n"):
        indent = len(line) - len(line.lstrip())
        if indent <= 4 and (indent or line):
            close()
        if not indent and line:
            section = line
        found = _SHARED.match(line) if section in ("Args:", "Attributes:") and indent == 4 else None
        if found is not None:
            waiting[:] = found["names"].split(", ")
            entry[:] = [f"{found['indent']}{{}}: {found['text']}"]
        elif waiting:
            entry.append(line)
        else:
            lines.append(line)
    close()
    return "\n".join(lines)
