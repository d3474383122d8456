"""Import contracts: kept by the source, and broken by each violation planted in a copy of it."""

from __future__ import annotations

import ast
import itertools
import os
import re
import shutil
import subprocess
import sys
import textwrap
import tomllib
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LINTER = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
CONTRACTS = {contract["id"]: contract for contract in LINTER["contracts"]}
SOURCES = {
    package.name: package
    for package in (
        *ROOT.glob("core/src/deeplake"),
        *ROOT.glob("plugins/*/src/deeplake_*"),
    )
}
PLUGINS = sorted(SOURCES.keys() - {"deeplake"})
# What several plugins are made of is no plugin: those may know it.
SHARED = {"deeplake_storage_obstore"}
INDEPENDENT = [plugin for plugin in PLUGINS if plugin not in SHARED]


def module_file(root: Path, module: str) -> Path:
    """The file of a module or package below ``root``, whether or not it exists."""
    stem = root.joinpath(*module.split("."))
    return stem / "__init__.py" if stem.is_dir() else stem.with_suffix(".py")


def exists(module: str) -> bool:
    return module_file(SOURCES["deeplake"].parent, module).exists()


def layers() -> list[list[str]]:
    """The kernel's modules by layer, upper first, without those that are still to come."""
    return [
        [
            f"deeplake.{name}"
            for name in (part.strip(" ()") for part in line.split("|"))
            if exists(f"deeplake.{name}")
        ]
        for line in CONTRACTS["layers"]["layers"]
    ]


def upward_imports() -> list[tuple[str, str]]:
    """Pairs (importer, imported) that the layers forbid: one layer up, and beside each other."""
    stack = [layer for layer in layers() if layer]
    up = [
        (importer, imported)
        for upper, lower in itertools.pairwise(stack)
        for importer, imported in itertools.product(lower, upper)
    ]
    beside = [pair for layer in stack for pair in itertools.permutations(layer, 2)]
    return up + beside


# Code that no plugin may have -> the module that it imports.
KERNEL = {
    "import deeplake": "deeplake",
    "import deeplake.dataset": "deeplake.dataset",
    "from deeplake import plugins": "deeplake.plugins",
    "from deeplake.storage import local": "deeplake.storage.local",
    "def later():\n    from deeplake.format import chunk": "deeplake.format.chunk",
}

# Contract -> modules, and code that it forbids them.
FORBIDDEN = {
    "layers": [(importer, f"import {imported}") for importer, imported in upward_imports()],
    "plugins": list(itertools.product(PLUGINS, KERNEL)),
    "plugins-independent": [
        (importer, f"import {imported}")
        for importer, imported in itertools.permutations(INDEPENDENT, 2)
    ],
}


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A folder that holds a copy of the configuration and of all packages."""
    return copied(tmp_path)


def copied(folder: Path) -> Path:
    for name, package in SOURCES.items():
        shutil.copytree(package, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", folder)
    return folder


def plant(copy: Path, module: str, code: str) -> None:
    with module_file(copy, module).open("a", encoding="utf-8") as file:
        file.write("\n" + textwrap.dedent(code).strip() + "\n")


def lint(copy: Path, *contracts: str) -> subprocess.CompletedProcess[str]:
    """Run import-linter on the copy, which goes before the installed packages on the path."""
    command = "from importlinter.cli import lint_imports_command; lint_imports_command()"
    options = ["--no-cache", "--no-logo", *(f"--contract={name}" for name in contracts)]
    return subprocess.run(
        [sys.executable, "-c", command, *options],
        cwd=copy,
        # COLUMNS: messages are not to be wrapped where a test looks for them.
        env={**os.environ, "PYTHONPATH": str(copy), "COLUMNS": "500", "NO_COLOR": "1"},
        capture_output=True,
        text=True,
        check=False,
    )


def assert_broken(result: subprocess.CompletedProcess[str], contract: str) -> None:
    assert result.returncode == 1, result.stdout + result.stderr
    assert f"{CONTRACTS[contract]['name']} BROKEN" in result.stdout, result.stdout + result.stderr


def test_the_source_keeps_every_contract(copy: Path) -> None:
    result = lint(copy)
    assert result.returncode == 0, result.stdout + result.stderr
    assert f"{len(CONTRACTS)} kept, 0 broken" in result.stdout


def test_all_packages_are_under_contract() -> None:
    assert sorted(LINTER["root_packages"]) == sorted(SOURCES)
    assert sorted(CONTRACTS["plugins"]["source_modules"]) == PLUGINS
    assert sorted(CONTRACTS["plugins-independent"]["modules"]) == INDEPENDENT


@pytest.fixture(scope="module")
def said_of(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], str]:
    """What is said by a contract of a copy with every import that it forbids, each in a line.

    One run for all of them: each is to be named, whatever else is wrong.
    """

    @cache
    def run(contract: str) -> str:
        folder = copied(tmp_path_factory.mktemp(contract))
        for importer, code in FORBIDDEN[contract]:
            plant(folder, importer, code)
        result = lint(folder, contract)
        assert_broken(result, contract)
        return result.stdout

    return run


def assert_found(said: str, importer: str, imported: str) -> None:
    line = rf"(?m)^- +{re.escape(importer)} -> {re.escape(imported)} \(l\.\d+\)$"
    assert re.search(line, said), f"nothing is said of {importer} -> {imported}:\n{said}"


@pytest.mark.parametrize(("importer", "imported"), upward_imports())
def test_an_import_that_goes_up_or_sideways_is_found(
    said_of: Callable[[str], str], importer: str, imported: str
) -> None:
    assert_found(said_of("layers"), importer, imported)


def test_one_import_that_goes_up_is_enough(copy: Path) -> None:
    plant(copy, "deeplake.format", "import deeplake.dataset")
    assert_broken(lint(copy, "layers"), "layers")


def test_an_import_inside_a_function_is_found(copy: Path) -> None:
    plant(copy, "deeplake.versioning", "def later():\n    from deeplake import dataset")
    assert_broken(lint(copy, "layers"), "layers")


def test_an_import_through_the_facade_is_found(copy: Path) -> None:
    plant(copy, "deeplake", "import deeplake.dataset")
    plant(copy, "deeplake.format", "import deeplake")
    assert_broken(lint(copy, "layers"), "layers")


def test_a_module_without_a_layer_is_found(copy: Path) -> None:
    (copy / "deeplake" / "newcomer.py").write_text('"""Where does it belong?"""\n')
    assert_broken(lint(copy, "layers"), "layers")


@pytest.mark.parametrize(("plugin", "imported"), list(itertools.product(PLUGINS, KERNEL.values())))
def test_a_plugin_that_imports_the_kernel_is_found(
    said_of: Callable[[str], str], plugin: str, imported: str
) -> None:
    assert_found(said_of("plugins"), plugin, imported)


def test_one_import_of_the_kernel_is_enough(copy: Path) -> None:
    plant(copy, PLUGINS[0], "def later():\n    from deeplake.format import chunk")
    assert_broken(lint(copy, "plugins"), "plugins")


def test_plugins_may_import_the_contract(copy: Path) -> None:
    modules = ("_version", "errors", "spi", "testing", "types")
    for plugin in PLUGINS:
        plant(copy, plugin, "\n".join(f"import deeplake.{name}" for name in modules))
    result = lint(copy, "plugins")
    assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.parametrize(("importer", "imported"), list(itertools.permutations(INDEPENDENT, 2)))
def test_a_plugin_that_imports_another_is_found(
    said_of: Callable[[str], str], importer: str, imported: str
) -> None:
    assert_found(said_of("plugins-independent"), importer, imported)


def test_one_import_of_another_plugin_is_enough(copy: Path) -> None:
    plant(copy, INDEPENDENT[0], f"import {INDEPENDENT[1]}")
    assert_broken(lint(copy, "plugins-independent"), "plugins-independent")


@pytest.mark.parametrize("module", CONTRACTS["pure"]["source_modules"])
def test_an_impure_import_is_found(copy: Path, module: str) -> None:
    forbidden = CONTRACTS["pure"]["forbidden_modules"]
    plant(copy, module, "\n".join(f"import {name}" for name in forbidden))
    result = lint(copy, "pure")
    assert_broken(result, "pure")
    for name in forbidden:
        assert f"{module} is not allowed to import {name}:" in result.stdout


# ------------------------------------------------------------- what imports alone do not show


def file_calls(source: str) -> list[str]:
    """Calls in Python source that open a file, as ``line: name``."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call):
            name = ast.unparse(node.func)
            if name in {"open", "io.open", "io.FileIO", "os.open", "os.fdopen", "np.memmap"}:
                found.append(f"{node.lineno}: {name}")
    return found


def test_pure_modules_open_no_file() -> None:
    for module in CONTRACTS["pure"]["source_modules"]:
        path = module_file(SOURCES["deeplake"].parent, module)
        for file in path.parent.rglob("*.py") if path.name == "__init__.py" else [path]:
            assert file_calls(file.read_text(encoding="utf-8")) == [], file


def test_a_planted_open_is_found() -> None:
    assert file_calls("def f(p):\n    with open(p) as g:\n        return os.open(p)") == [
        "2: open",
        "3: os.open",
    ]
