"""``docs/plugin-authors/hooks.md`` lists every hook with its exact signature."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

from deeplake.plugins.hooking import NAMES
from deeplake.spi import Hooks

PAGE = Path(__file__).parents[1] / "docs" / "plugin-authors" / "hooks.md"


def test_each_hook_is_listed_as_it_is() -> None:
    expected = []
    for name in NAMES:
        hook = getattr(Hooks, name)
        signature = inspect.signature(hook)
        own = [p for p in signature.parameters.values() if p.name != "self"]
        text = str(signature.replace(parameters=own)).replace("'", "")
        expected.append((name + text, inspect.getdoc(hook)))
    rows = re.findall(r"(?m)^\| `(deeplake_.*?)` \| (.*) \|$", PAGE.read_text(encoding="utf-8"))
    assert [(row[0].replace(r"\|", "|"), row[1]) for row in rows] == expected
    assert len(expected) == 6
