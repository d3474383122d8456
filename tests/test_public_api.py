"""The names and signatures that others rely on, compared with ``tests/public_api.txt``.

A change of that file is a change that users and plugins see: it belongs into the changelog. After one
that is meant: ``python tests/test_public_api.py > tests/public_api.txt``.
"""

from __future__ import annotations

import difflib
import importlib
import inspect
import pkgutil
import re
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import deeplake

SNAPSHOT = Path(__file__).with_name("public_api.txt")

WITHOUT_EXPORT: dict[str, tuple[str, ...]] = {
    "deeplake": tuple(deeplake._LAZY),
    "deeplake.compute.function": ("ComputeFunction",),
    "deeplake.compute.item": ("Item", "Value"),
    "deeplake.compute.output": ("Output", "TensorOutput"),
    "deeplake.compute.pipeline": ("Pipeline",),
    "deeplake.dataset.info": ("Info",),
    "deeplake.dataset.linkcheck": ("BrokenLink",),
    "deeplake.dataset.linked": ("LinkedSample",),
    "deeplake.dataset.linkgrid": ("LinkedTiledSample",),
    "deeplake.dataset.meta": ("DatasetMeta", "TensorMeta"),
    "deeplake.dataset.sample": ("Sample",),
    "deeplake.dataset.tiling": ("PartialSample",),
    "deeplake.dataset.views": ("ViewEntry",),
    "deeplake.loader.loader": ("DeepLakeDataLoader",),
}
"""What users hold without importing it by the name in an ``__all__``."""

MODULES = (
    "deeplake",
    "deeplake.spi",
    "deeplake.types",
    "deeplake.errors",
    "deeplake.plugins",
    "deeplake.config",
    "deeplake.random",
    "deeplake.transforms",
    "deeplake.testing",
)


def modules() -> Iterator[str]:
    yield from MODULES
    package = importlib.import_module("deeplake.testing")
    for found in pkgutil.walk_packages(package.__path__, "deeplake.testing."):
        yield found.name
    yield from (module for module in WITHOUT_EXPORT if module not in MODULES)


def signature(value: Any) -> str:
    try:
        shown = str(inspect.signature(value))
    except (TypeError, ValueError):
        return "(...)"
    shown = re.sub(r" at 0x[0-9a-f]+", "", shown)
    return re.sub(r"((?::|->) )'([^']*)'", r"\1\2", shown)


def members(cls: type) -> Iterator[str]:
    """Public members, as lines; not what a public base class has."""
    bases = [base for base in cls.__mro__ if base is cls or base.__module__ in _inherited(cls)]
    for name in sorted({name for base in bases for name in vars(base) if name[0] != "_"}):
        value = inspect.getattr_static(cls, name)
        found = getattr(cls, name)
        if isinstance(value, property):
            yield f"{name} (property)"
        elif callable(found) and not inspect.isclass(found):
            yield f"{name}{signature(found)}"
        elif isinstance(found, (int, str, tuple)):
            yield f"{name} = {found!r}"
        else:
            yield name


def _inherited(cls: type) -> set[str]:
    """Modules of the bases whose members are told with the class: those that nobody imports from."""
    own = {base.__module__ for base in cls.__mro__ if base.__module__.startswith("deeplake.")}
    return own - set(MODULES) - {m for m in own if m.startswith("deeplake.testing")}


def described(name: str, value: Any) -> Iterator[str]:
    if inspect.isclass(value):
        bases = ", ".join(base.__name__ for base in value.__bases__ if base is not object)
        yield f"class {name}({bases})"
        if issubclass(value, BaseException):
            yield f"    code = {getattr(value, 'code', '')!r}"
            return
        if "__init__" in vars(value) or "__slots__" in vars(value):
            yield f"    {signature(value)}"
        for line in members(value):
            yield f"    {line}"
    elif inspect.isroutine(value):
        yield f"def {name}{signature(value)}"
    elif inspect.ismodule(value):
        yield f"module {name}"
    else:
        yield f"{name}: {type(value).__name__}"


def wrapped(line: str) -> list[str]:
    """Long signatures on several lines, so that a change of them shows."""
    indent = " " * (len(line) - len(line.lstrip()) + 8)
    return textwrap.wrap(
        line, 100, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
    )


def lines() -> Iterator[str]:
    for module in modules():
        found = importlib.import_module(module)
        public = sorted({*(found.__all__ if module in MODULES or ".testing" in module else ()),
                         *WITHOUT_EXPORT.get(module, ())})  # fmt: skip
        if not public:
            continue
        yield f"# {module}"
        for name in public:
            if name == "__version__":
                continue
            for line in described(name, getattr(found, name)):
                yield from wrapped(line)
        yield ""


def text() -> str:
    return "\n".join(lines())


def test_the_public_api_is_what_was_written_down() -> None:
    before = SNAPSHOT.read_text(encoding="utf-8").splitlines()
    after = text().splitlines()
    changed = list(difflib.unified_diff(before, after, "public_api.txt", "now", lineterm="", n=1))
    shown = "\n".join(changed)
    assert not changed, (
        f"python {Path(__file__).name} > {SNAPSHOT.name}, if this is meant:\n{shown}"
    )


def test_the_snapshot_sees_what_matters() -> None:
    """Names, arguments, defaults, attributes, and codes of errors."""
    snapshot = SNAPSHOT.read_text(encoding="utf-8")
    for line in (
        "# deeplake.spi",
        "class StorePlugin(Plugin)",
        "    order(self, weights: np.ndarray, *, size: int,",
        "class CorruptedSampleError(SampleError, ValueError)",
        "# deeplake.testing.store",
        "def load(",
    ):
        assert line in snapshot, line


if __name__ == "__main__":
    sys.stdout.write(text())
