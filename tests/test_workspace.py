"""The workspace's own rules: names, one version, extras, what each distribution ships."""

from __future__ import annotations

import ast
import importlib.metadata
import os
import re
import shutil
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from deeplake import spi
from deeplake._version import __version__

ROOT = Path(__file__).parents[1]
FOLDERS = sorted(path.parent for path in ROOT.glob("plugins/*/pyproject.toml"))
# What several plugins are made of: no plugin, and nothing that a user asks for by itself.
SHARED = [ROOT / "plugins" / "storage_obstore"]
PLUGINS = [folder for folder in FOLDERS if folder not in SHARED]
DISTRIBUTIONS = [ROOT / "core", *FOLDERS]


def pyproject(folder: Path) -> dict[str, Any]:
    return tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))


def dist_name(plugin: Path) -> str:
    return "deeplake-" + plugin.name.replace("_", "-")


def package(folder: Path) -> Path:
    """The folder of a distribution's import package."""
    return folder / "src" / ("deeplake" if folder.name == "core" else f"deeplake_{folder.name}")


def modules() -> list[Path]:
    return [file for folder in DISTRIBUTIONS for file in sorted(package(folder).rglob("*.py"))]


def pins() -> dict[str, Version]:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    requirements = [Requirement(line) for line in lines if line and not line.startswith("#")]
    return {
        canonicalize_name(requirement.name): Version(str(requirement.specifier).removeprefix("=="))
        for requirement in requirements
    }


def by_name(path: Path) -> str:
    return path.name


each_plugin = pytest.mark.parametrize("plugin", PLUGINS, ids=by_name)
each_distribution = pytest.mark.parametrize("folder", DISTRIBUTIONS, ids=by_name)


# --------------------------------------------------------------------------- names
@each_plugin
def test_folder_distribution_and_import_share_one_name(plugin: Path) -> None:
    assert pyproject(plugin)["project"]["name"] == dist_name(plugin)
    assert [path.name for path in (plugin / "src").iterdir() if path.suffix != ".egg-info"] == [
        f"deeplake_{plugin.name}"
    ]


@each_distribution
def test_nothing_is_called_util_common_or_helpers(folder: Path) -> None:
    former = ROOT / "core" / "src" / "deeplake" / "util"  # of Deep Lake 3: ADR 14, and a test
    names = {path.stem for path in (folder / "src").rglob("*") if path != former}
    assert not names & {"util", "utils", "common", "helper", "helpers", "misc", "tools"}


def test_public_modules_say_what_they_export() -> None:
    for file in modules():
        if file.stem.startswith("_") and file.name != "__init__.py":
            continue
        body = ast.parse(file.read_text(encoding="utf-8")).body
        if all(isinstance(node, ast.Expr) for node in body):
            continue  # nothing but a docstring
        names = {
            target.id
            for node in body
            if isinstance(node, ast.Assign | ast.AnnAssign)
            for target in (node.targets if isinstance(node, ast.Assign) else [node.target])
            if isinstance(target, ast.Name)
        }
        assert "__all__" in names, f"{file.relative_to(ROOT)} has no __all__"


# --------------------------------------------------------------------------- one version
@each_distribution
def test_the_version_is_the_kernels(folder: Path) -> None:
    meta = pyproject(folder)
    assert "version" not in meta["project"]
    assert meta["project"]["dynamic"] == ["version"]
    path = folder / meta["tool"]["hatch"]["version"]["path"]
    assert path.resolve() == ROOT / "core" / "src" / "deeplake" / "_version.py"
    assert importlib.metadata.version(meta["project"]["name"]) == __version__


def test_the_version_is_written_once() -> None:
    assignment = re.compile(r"^__version__\s*(:.*)?=", re.MULTILINE)
    found = [file.name for file in modules() if assignment.search(file.read_text(encoding="utf-8"))]
    assert found == ["_version.py"]


@each_distribution
def test_all_need_the_same_python(folder: Path) -> None:
    assert pyproject(folder)["project"]["requires-python"] == ">=3.11"


# --------------------------------------------------------------------------- extras
def extras() -> dict[str, list[Requirement]]:
    meta = pyproject(ROOT / "core")["project"]["optional-dependencies"]
    return {name: [Requirement(text) for text in texts] for name, texts in meta.items()}


def test_every_plugin_has_an_extra_named_after_it() -> None:
    offered = {requirement.name for name, deps in extras().items() for requirement in deps}
    assert {dist_name(plugin) for plugin in PLUGINS} <= offered


def test_an_extra_is_the_last_word_of_its_distribution() -> None:
    for name, requirements in extras().items():
        # tf names the kind of TensorFlow; the others are libraries that the kernel can use.
        if name in ("all", "azure", "http", "processes", "test-servers", "tf"):
            continue
        [requirement] = requirements
        if requirement.extras:
            # A part of a plugin: both call it the same.
            assert requirement.extras == {name}
        else:
            assert requirement.name.split("-")[-1] == name
            assert requirement.name.startswith("deeplake-")


def test_all_means_all_that_exist() -> None:
    [everything] = extras()["all"]
    assert everything.name == "deeplake-core"
    chosen = {extras()[name][0].name for name in everything.extras}
    assert chosen - {"cloudpickle"} == {dist_name(plugin) for plugin in PLUGINS}


# --------------------------------------------------------------------------- what each ships
@each_distribution
def test_a_distribution_is_complete(folder: Path) -> None:
    for name in ("README.md", "LICENSE", "pyproject.toml"):
        assert (folder / name).is_file(), f"{folder.name} has no {name}"
    assert (folder / "LICENSE").read_text() == (ROOT / "LICENSE").read_text()
    assert (package(folder) / "py.typed").is_file(), f"{folder.name} has no py.typed"
    if folder not in SHARED:  # it is tested as what it is a part of
        assert list((folder / "tests").rglob("test_*.py")), f"{folder.name} has no tests"


@each_plugin
def test_a_plugin_announces_classes_of_its_own(plugin: Path) -> None:
    groups = pyproject(plugin)["project"]["entry-points"]
    assert groups
    for group, entries in groups.items():
        kind = group.removeprefix("deeplake.")
        assert kind in {*spi.KINDS, "hooks"}
        for value in entries.values():
            assert value.split(":")[0].split(".")[0] == f"deeplake_{plugin.name}"


def test_what_is_shared_announces_nothing() -> None:
    for folder in SHARED:
        assert "entry-points" not in pyproject(folder)["project"]
        needed = {
            requirement
            for plugin in PLUGINS
            for requirement in pyproject(plugin)["project"]["dependencies"]
        }
        assert dist_name(folder) in needed


def test_built_ins_are_no_entry_points() -> None:
    assert "entry-points" not in pyproject(ROOT / "core")["project"]


def test_one_command_under_two_names() -> None:
    scripts = pyproject(ROOT / "core")["project"]["scripts"]
    assert scripts == {"deeplake": "deeplake.cli:main", "activeloop": "deeplake.cli:main"}


# --------------------------------------------------------------------------- constraints
def test_every_requirement_is_pinned() -> None:
    groups = pyproject(ROOT)["dependency-groups"]
    texts = [text for group in groups.values() for text in group if isinstance(text, str)]
    for folder in DISTRIBUTIONS:
        meta = pyproject(folder)
        texts += [*meta["project"]["dependencies"], *meta["build-system"]["requires"]]
    names = {canonicalize_name(Requirement(text).name) for text in texts}
    unpinned = {name for name in names if not name.startswith("deeplake-")} - pins().keys()
    assert not unpinned, f"add to constraints.txt: {sorted(unpinned)}"


def test_pins_hold_here() -> None:
    for name, pin in pins().items():
        try:
            found = Version(importlib.metadata.version(name))
        except importlib.metadata.PackageNotFoundError:
            continue  # pinned for another platform
        # A local version (+cpu) is a build of the same release.
        assert Version(found.public) == pin, f"{name} {found} is installed, {pin} is pinned"


# --------------------------------------------------------------------------- commands
def test_ci_is_one_executable_script() -> None:
    script = ROOT / ".ci" / "run"
    assert os.access(script, os.X_OK)
    subprocess.run(["bash", "-n", str(script)], check=True)


@pytest.fixture
def made(tmp_path: Path) -> Path:
    """A workspace without code, in the state that `make demo test` leaves."""
    inputs = ["Makefile", "constraints.txt", "pyproject.toml", "core/src/deeplake/_version.py"]
    inputs += [str(folder.relative_to(ROOT) / "pyproject.toml") for folder in DISTRIBUTIONS]
    for name in inputs:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / name, tmp_path / name)
    made = [".venv/pyvenv.cfg", ".stamps/build", ".stamps/demo", ".stamps/dev"]
    for second, name in enumerate([*inputs, *made]):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
        os.utime(tmp_path / name, (second, second))
    return tmp_path


def make(workspace: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    # The make that runs this suite is not to hand its own variables down.
    clean = {name: value for name, value in os.environ.items() if "MAKE" not in name}
    return subprocess.run(
        ["make", *arguments],
        cwd=workspace,
        env=clean,
        capture_output=True,
        text=True,
        check=False,
    )


def plan(workspace: Path, *targets: str) -> str:
    """What make would do."""
    result = make(workspace, "--dry-run", *targets)
    assert result.returncode == 0, result.stderr
    return result.stdout


def test_a_second_make_installs_nothing(made: Path) -> None:
    commands = plan(made, "demo", "test")
    assert "examples/train_digits.py" in commands
    assert "pytest" in commands
    assert "pip install" not in commands
    assert "-m venv" not in commands


@pytest.mark.parametrize(
    "name",
    ["constraints.txt", "pyproject.toml", "core/pyproject.toml", "core/src/deeplake/_version.py"]
    + [f"plugins/{plugin.name}/pyproject.toml" for plugin in PLUGINS],
)
@pytest.mark.parametrize("target", ["demo", "test"])
def test_a_changed_input_is_installed(made: Path, name: str, target: str) -> None:
    (made / name).touch()
    commands = plan(made, target)
    for folder in DISTRIBUTIONS:
        assert f"--editable ./{folder.relative_to(ROOT)}" in commands
    assert "-m venv" not in commands


def test_a_removed_environment_is_made_again(made: Path) -> None:
    (made / ".venv" / "pyvenv.cfg").unlink()
    commands = plan(made, "demo")
    assert "-m venv .venv" in commands
    assert "pip install" in commands


def test_the_demo_does_without_the_tools_of_tests(made: Path) -> None:
    shutil.rmtree(made / ".stamps")
    assert "--group demo" in plan(made, "demo")
    assert "--group dev" not in plan(made, "demo")
    assert "--group dev" in plan(made, "test")


def test_an_old_python_is_told_so(tmp_path: Path) -> None:
    shutil.copyfile(ROOT / "Makefile", tmp_path / "Makefile")
    for name in ("constraints.txt", "pyproject.toml"):
        (tmp_path / name).touch()
    (tmp_path / "core" / "src" / "deeplake").mkdir(parents=True)
    (tmp_path / "core" / "src" / "deeplake" / "_version.py").touch()
    (tmp_path / "core" / "pyproject.toml").touch()
    python = tmp_path / "python3.10"
    python.write_text('#!/bin/sh\n[ "$1" = --version ] && echo Python 3.10.0 && exit\nexit 1\n')
    python.chmod(0o755)
    result = make(tmp_path, f"PYTHON={python}", "demo")
    assert result.returncode != 0
    assert "needs Python 3.11 or later" in result.stderr
    assert "make PYTHON=" in result.stderr
    assert not (tmp_path / ".venv").exists()
