"""Each contract suite kills ten planted faults and more, and has two implementations that pass it.

The files that are named here run the suites; this one counts what they plant, so that a fault which is
taken away is missed, and compares ``docs/plugin-authors/testing.md``.
"""

from __future__ import annotations

import importlib.util
import re
import sys
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import pytest

from deeplake import spi
from deeplake.plugins.catalog import BUILTINS

ROOT = Path(__file__).parents[1]
SUITES = ROOT / "core" / "tests" / "testing"
PAGE = ROOT / "docs" / "plugin-authors" / "testing.md"
LEAST = 10


def module(path: Path) -> ModuleType:
    """A test module, by its path."""
    spec = importlib.util.spec_from_file_location(f"counted_{path.stem}", path)
    assert spec is not None
    assert spec.loader is not None
    found = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = found
    try:
        spec.loader.exec_module(found)
    finally:
        del sys.modules[spec.name]
    return found


def twins(file: str, folder: Path = SUITES) -> set[str]:
    """Names of the classes that a file's ``FAULTS`` are planted in."""
    return {twin.__name__ for twin in module(folder / file).FAULTS}


def executors() -> set[str]:
    found = module(SUITES / "test_executor_contract.py")
    return {twin.__name__ for twin in (*found.FAULTS, *found.PATIENT, *found.IN_PROCESSES)}


def htypes() -> set[str]:
    found = module(SUITES / "test_htype_contract.py")
    marker = next(
        m for m in found.test_a_broken_twin_is_caught.pytestmark if m.name == "parametrize"
    )
    return {twin.__name__ for twin, _ in marker.args[1]}


def stores() -> set[str]:
    caught_by = module(SUITES / "test_store_contract.py").CAUGHT_BY
    return {name for name, test in caught_by.items() if test}


def codecs(base: type[spi.Codec]) -> Callable[[], set[str]]:
    def planted() -> set[str]:
        faults = set(module(SUITES / "test_codec_contract.py").FAULTS)
        classes = vars(module(SUITES / "codec_twins.py"))
        suites = {name: classes[f"Test{name}"] for name in faults}
        return {name for name, suite in suites.items() if issubclass(suite.codec, base)}

    return planted


FAULTS: dict[str, Callable[[], set[str]]] = {
    "storage": stores,
    "codec of samples": codecs(spi.SampleCodec),
    "codec of chunks": codecs(spi.ChunkCodec),
    "htype": htypes,
    "framework": lambda: twins("test_frameworks.py", ROOT / "core" / "tests" / "loader"),
    "query": lambda: twins("test_query_contract.py"),
    "sampler": lambda: twins("test_sampler_contract.py"),
    "executor": executors,
    "viewer": lambda: twins("test_viewer_contract.py"),
    "command": lambda: twins("test_command_contract.py"),
    "ingest": lambda: twins("test_ingest_contract.py"),
    "hooks": lambda: twins("test_hook_contract.py"),
}


def rows() -> dict[str, tuple[list[str], str]]:
    """Extension point -> its implementations and its file of faults, as the page lists them."""
    text = PAGE.read_text(encoding="utf-8").partition("### Who passes them")[2]
    found = re.findall(r"(?m)^\| ([a-z ]+) \| (`.*?) \| `(.*?)` \|$", text)
    return {point: (re.findall(r"`(.*?)`", names), file) for point, names, file in found}


def test_every_extension_point_is_here() -> None:
    kinds = {point.partition(" of ")[0] for point in FAULTS}
    assert kinds == {*spi.KINDS, "hooks"}
    assert len(FAULTS) == len(spi.KINDS) + 2  # hooks, and two contracts of codecs


@pytest.mark.parametrize("point", FAULTS)
def test_each_suite_kills_ten_planted_faults(point: str) -> None:
    planted = FAULTS[point]()
    assert len(planted) >= LEAST, sorted(planted)


def keys(kind: str) -> Iterator[str]:
    yield from BUILTINS.get(kind, ())
    for project in [
        *ROOT.glob("plugins/*/pyproject.toml"),
        *ROOT.glob("examples/*/pyproject.toml"),
    ]:
        groups = tomllib.loads(project.read_text())["project"].get("entry-points", {})
        yield from groups.get(f"deeplake.{kind}", ())


def test_the_page_lists_what_is_there() -> None:
    listed = rows()
    assert list(listed) == list(FAULTS)
    for point, (names, file) in listed.items():
        assert (ROOT / file).exists()
        assert len(names) >= 2, point
        there = set(keys(point.partition(" of ")[0]))
        # A double is a class of the file of faults, or of the skeleton.
        doubles = set(re.findall(r"(?m)^class (\w+)", (ROOT / file).read_text(encoding="utf-8")))
        assert set(names) <= there | doubles | ({"Hooks"} if point == "hooks" else set()), point
