"""Installs what users install: wheels, into an environment that holds nothing else."""

from __future__ import annotations

import email
import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from email.message import Message
from pathlib import Path

import pytest

from deeplake._version import __version__
from deeplake.testing.servers import ADMIN, seaweedfs

ROOT = Path(__file__).parents[2]
HERE = Path(__file__).parent
FOLDERS = [ROOT / "core", *sorted(path.parent for path in ROOT.glob("plugins/*/pyproject.toml"))]


def run(*command: str | Path, cwd: Path) -> str:
    """Run a command outside of the checkout, and return what it printed."""
    # An interpreter must not find packages or options of the environment that runs the tests.
    leaky = {"PYTHONPATH", "PYTHONHOME", "PYTHONSTARTUP", "VIRTUAL_ENV", "__PYVENV_LAUNCHER__"}
    result = subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env={name: value for name, value in os.environ.items() if name not in leaky},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    shown = f"$ {' '.join(map(str, command))}\n{result.stdout}\n{result.stderr}"
    assert result.returncode == 0, shown
    return result.stdout


def build_wheels(target: Path, *sources: Path) -> list[Path]:
    # The build backend is installed here: isolation would only fetch it again for each of them.
    options = ["--quiet", "--no-deps", "--no-build-isolation", "--wheel-dir", target]
    run(sys.executable, "-m", "pip", "wheel", *options, *sources, cwd=target)
    return sorted(target.glob("*.whl"))


@pytest.fixture(scope="session")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a wheel of every distribution."""
    folder = tmp_path_factory.mktemp("dist")
    build_wheels(folder, *FOLDERS)
    return folder


class Environment:
    """An empty virtual environment: not even pip is in it, which takes longest to be there."""

    def __init__(self, folder: Path) -> None:
        run(sys.executable, "-m", "venv", "--without-pip", folder / "venv", cwd=folder)
        self.folder = folder
        self.scripts = folder / "venv" / ("Scripts" if os.name == "nt" else "bin")

    def python(self, *arguments: str | Path) -> str:
        # -I: neither the working directory nor packages of the user count.
        return run(self.scripts / "python", "-I", *arguments, cwd=self.folder)

    def pip(self, *arguments: str | Path) -> str:
        command = [sys.executable, "-m", "pip", "--python", self.scripts / "python"]
        return run(*command, *arguments, cwd=self.folder)

    def install(self, dist: Path, *requirements: str, compiled: bool = True) -> dict[str, str]:
        """Install requirements, and return where each distribution came from.

        What is not compiled is compiled when it is imported: of PyTorch that is the smaller part.
        """
        report = self.folder / "report.json"
        options = ["--quiet", "--disable-pip-version-check", "--report", report]
        if not compiled:
            options.append("--no-compile")
        # torch is pinned: the newest one brings gigabytes that no test needs.
        pinned = ["--constraint", ROOT / "constraints.txt"]
        self.pip("install", *options, *pinned, "--find-links", dist, *requirements)
        self.pip("check")
        return {
            item["metadata"]["name"]: item["download_info"]["url"]
            for item in json.loads(report.read_text(encoding="utf-8"))["install"]
        }


@pytest.fixture
def environment(tmp_path: Path) -> Environment:
    return Environment(tmp_path)


def ours(origins: dict[str, str], dist: Path) -> set[str]:
    """Our distributions among those installed, after a check that they are these very wheels."""
    found = {name: url for name, url in origins.items() if name.startswith("deeplake")}
    for name, url in found.items():
        assert url.startswith(dist.as_uri() + "/"), f"{name} came from {url}"
    return set(found)


# --------------------------------------------------------------------------- the wheels
def metadata(wheel: zipfile.ZipFile) -> Message:
    [name] = [name for name in wheel.namelist() if name.endswith(".dist-info/METADATA")]
    return email.message_from_bytes(wheel.read(name))


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_a_wheel_holds_its_package_and_nothing_else(folder: Path, dist: Path) -> None:
    project = tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    [file] = dist.glob(f"{project['name'].replace('-', '_')}-{__version__}-py3-none-any.whl")
    [package] = [path for path in (folder / "src").iterdir() if path.suffix != ".egg-info"]
    with zipfile.ZipFile(file) as wheel:
        names = set(wheel.namelist())
        meta = metadata(wheel)
    assert {name.split("/")[0] for name in names} == {
        package.name,
        f"{project['name'].replace('-', '_')}-{__version__}.dist-info",
    }
    source = {
        str(path.relative_to(folder / "src"))
        for path in package.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert {name for name in names if name.startswith(package.name + "/")} == source
    assert f"{package.name}/py.typed" in names
    assert any(name.endswith(".dist-info/licenses/LICENSE") for name in names)
    assert meta["Version"] == __version__
    assert meta["License-Expression"] == "Apache-2.0"
    assert meta["Description-Content-Type"] == "text/markdown"


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_a_source_archive_builds_the_same_version(folder: Path, tmp_path: Path) -> None:
    # Unpacked elsewhere, a plugin's archive has no kernel beside it to read the version from.
    run(sys.executable, "-m", "hatchling", "build", "-t", "sdist", "-d", tmp_path, cwd=folder)
    [archive] = tmp_path.glob("*.tar.gz")
    [file] = build_wheels(tmp_path, archive)
    with zipfile.ZipFile(file) as wheel:
        assert metadata(wheel)["Version"] == __version__


# --------------------------------------------------------------------------- installed
@pytest.mark.install
def test_kernel_and_plugins(environment: Environment, dist: Path) -> None:
    origins = environment.install(dist, "deeplake-core[codecs,torch]", compiled=False)
    expected = {"deeplake-core", "deeplake-codecs", "deeplake-framework-torch"}
    assert ours(origins, dist) == expected

    printed = environment.python(HERE / "use_everything.py", environment.folder)
    assert printed.splitlines()[-1].startswith(f"used {__version__} {environment.folder}")

    listed = run(environment.scripts / "deeplake", "plugins", "--check", cwd=environment.folder)
    for name in expected:
        assert name in listed
    # Their extras were not asked for: that is told, and nothing is broken.
    for key, extra in (("mp4", "video"), ("wav", "audio"), ("dcm", "medical"), ("las", "points")):
        assert f'codec "{key}" is incomplete' in listed
        assert f"deeplake-core[{extra}]" in listed


@pytest.mark.install
def test_files_of_all_kinds(environment: Environment, dist: Path) -> None:
    origins = environment.install(dist, "deeplake-core[audio,medical,points,video]")
    assert ours(origins, dist) == {"deeplake-core", "deeplake-codecs"}

    printed = environment.python(HERE / "use_files.py", environment.folder)
    assert printed.splitlines()[-1].startswith(f"used {__version__} {environment.folder}")

    listed = run(environment.scripts / "deeplake", "plugins", "--check", cwd=environment.folder)
    assert "incomplete" not in listed


@pytest.mark.install
def test_kernel_alone(environment: Environment, dist: Path) -> None:
    origins = environment.install(dist, "deeplake-core")
    assert ours(origins, dist) == {"deeplake-core"}

    printed = environment.python(HERE / "use_core.py", environment.folder)
    assert printed.splitlines()[-1].startswith(f"used {__version__} {environment.folder}")

    for command in ("deeplake", "activeloop"):
        listed = run(environment.scripts / command, "plugins", cwd=environment.folder)
        assert "deeplake-core" in listed


@pytest.mark.install
def test_s3(environment: Environment, dist: Path) -> None:
    origins = environment.install(dist, "deeplake-core[s3]")
    expected = {"deeplake-core", "deeplake-storage-obstore", "deeplake-storage-s3"}
    assert ours(origins, dist) == expected
    with seaweedfs() as server:
        server.make_bucket("bucket")
        printed = environment.python(HERE / "use_s3.py", server.endpoint, *ADMIN)
    assert printed.splitlines()[-1].startswith(f"used {__version__} {environment.folder}")


# --------------------------------------------------------------------------- plugins of somebody else
EXAMPLES = sorted(path.parent for path in ROOT.glob("examples/*/pyproject.toml"))


@pytest.mark.install
@pytest.mark.parametrize("example", EXAMPLES, ids=lambda folder: folder.name)
def test_an_example_passes_its_contract(
    environment: Environment, dist: Path, example: Path
) -> None:
    """Its wheel and the kernel's, in an environment with nothing else but what its tests run with."""
    project = tomllib.loads((example / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    shelf = environment.folder / "shelf"
    shelf.mkdir()
    [wheel] = build_wheels(shelf, example)
    origins = environment.install(dist, f"{project['name']} @ {wheel.as_uri()}")
    assert ours(origins, dist) == {"deeplake-core"}
    environment.install(dist, "pytest", "hypothesis")
    tests = environment.folder / "tests"
    shutil.copytree(example / "tests", tests)
    said = environment.python(
        *("-m", "pytest", "-q", "-p", "no:cacheprovider", "--import-mode=importlib", tests)
    )
    assert " passed" in said
    assert not re.search("failed|error|skipped", said)
    (group,) = project["entry-points"]
    listed = json.loads(environment.python("-m", "deeplake.cli", "plugins", "--check", "--json"))
    keys = {
        (info["kind"], info["key"]): (info["distribution"], info["status"])
        for info in listed
        if info["source"] == "installed"
    }
    assert keys == {
        (group.removeprefix("deeplake."), key): (project["name"], "loaded")
        for key in project["entry-points"][group]
    }
