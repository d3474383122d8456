"""Any first-party plugin can be missing: the rest works, and what needs it says what to install.

Environments are made of folders: each wheel is unpacked into one of its own, and an interpreter without
site-packages gets those of a case, and the libraries that are installed here.
"""

from __future__ import annotations

import importlib.metadata
import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
FOLDERS = [ROOT / "core", *sorted(path.parent for path in ROOT.glob("plugins/*/pyproject.toml"))]
# Without one of its extras it has no framework: there are several distributions of TensorFlow.
EXTRAS = {"deeplake-framework-tf": "cpu"}

# What is asked for, by plugin: a program that works with it, and what its error ends with without it.
USES = {
    "deeplake-codecs": (
        "ds.create_tensor('im', htype='image', sample_compression='png')",
        "deeplake-core[codecs]",
    ),
    "deeplake-framework-torch": (
        "assert sum(len(b['x']) for b in ds.pytorch(batch_size=2)) == 5",
        "deeplake-core[torch]",
    ),
    "deeplake-framework-jax": (
        "assert sum(len(b['x']) for b in ds.dataloader().batch(2).jax()) == 5",
        "deeplake-core[jax]",
    ),
    "deeplake-framework-tf": (
        "assert sum(1 for b in ds.tensorflow()) == 5",
        "deeplake-core[tf]",
    ),
    "deeplake-query-tql": (
        "assert len(ds.query('select * where x > 2')) == 2",
        "deeplake-core[tql]",
    ),
    "deeplake-sampling": (
        "assert len(ds.sample_by([0, 0, 0, 1, 1], sampler='balanced', size=4)) == 4",
        "deeplake-core[sampling]",
    ),
    "deeplake-storage-s3": (
        "from deeplake import plugins\nplugins.get('storage', 's3').open('s3://bucket/x')",
        "deeplake-core[s3]",
    ),
    "deeplake-storage-gcs": (
        "from deeplake import plugins\nplugins.get('storage', 'gs').open('gs://bucket/x')",
        "deeplake-core[gcs]",
    ),
}

# The rest works in every case.
PROGRAM = """
import json, os, sys
import numpy as np
import deeplake
from deeplake import plugins
from deeplake.errors import DeepLakeError

uses = json.load(sys.stdin)
said = {}
for name, code in uses.items():
    ds = deeplake.empty(f"mem://{name}")
    ds.create_tensor("x").extend(np.arange(5))
    ds.commit("five")
    assert ds.x.numpy().sum() == 10
    assert sum(len(b) for b in ds.dataloader().batch(2).numpy()) == 5
    try:
        exec(code, {"ds": ds, "np": np, "deeplake": deeplake})
        said[name] = "works"
    except Exception as error:
        said[name] = f"{type(error).__name__}: {error}"
broken = [i.plugin + ": " + i.reason for i in plugins.check() if i.status in ("broken", "conflict")]
where = [deeplake.__file__]
json.dump({"said": said, "broken": broken, "where": where}, sys.stdout)
"""


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Distribution -> folder with what its wheel installs."""
    dist = tmp_path_factory.mktemp("dist")
    options = ["--quiet", "--no-deps", "--no-build-isolation", "--wheel-dir", dist]
    subprocess.run([sys.executable, "-m", "pip", "wheel", *options, *FOLDERS], check=True)
    found = {}
    for wheel in dist.glob("*.whl"):
        name = canonicalize_name(wheel.name.split("-")[0])
        found[name] = dist / name
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(found[name])
    return found


def needed(names: set[str]) -> set[str]:
    """The distributions that some need, as they declare it, and what those need in turn."""
    queue, seen = [*names], set[str]()
    while queue:
        name = canonicalize_name(queue.pop())
        if name in seen:
            continue
        seen.add(name)
        try:
            texts = importlib.metadata.requires(name) or ()
        except importlib.metadata.PackageNotFoundError:
            continue
        chosen = {"extra": EXTRAS.get(name, "")}
        requirements = map(Requirement, texts)
        queue += [r.name for r in requirements if r.marker is None or r.marker.evaluate(chosen)]
    return seen


@pytest.fixture(scope="module")
def libraries(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Distribution -> folder with links to what is installed here of it, one folder each."""
    root = tmp_path_factory.mktemp("libraries")
    made: dict[str, Path] = {}
    for dist in importlib.metadata.distributions():
        name = canonicalize_name(dist.name)
        if name in made or name.startswith(("deeplake", "hello-", "pytest")):
            continue
        made[name] = root / name
        made[name].mkdir()
        tops = {Path(str(file)).parts[0] for file in dist.files or ()}
        base = Path(str(dist.locate_file("")))
        for top in tops - {"..", "__pycache__", "bin"}:
            if (base / top).exists() and not (made[name] / top).exists():
                (made[name] / top).symlink_to(base / top)
    return made


def run(folders: list[Path], code: str, text: str) -> dict[str, object]:
    done = subprocess.run(
        [sys.executable, "-S", "-W", "ignore", "-c", code], input=text, capture_output=True,
        text=True, check=False, cwd=folders[0],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": os.pathsep.join(map(str, folders)),
             "HOME": os.environ.get("HOME", "/"), "TF_CPP_MIN_LOG_LEVEL": "3"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    answer: dict[str, object] = json.loads(done.stdout.splitlines()[-1])
    return answer


def case(
    unpacked: dict[str, Path], libraries: dict[str, Path], ours: set[str]
) -> tuple[list[Path], set[str]]:
    names = needed(ours)
    mine = [unpacked[name] for name in sorted(ours | (names & set(unpacked)))]
    return [*mine, *(libraries[name] for name in sorted(names & set(libraries)))], names


@pytest.mark.install
@pytest.mark.parametrize("missing", sorted(USES))
def test_without_one_plugin(
    unpacked: dict[str, Path], libraries: dict[str, Path], missing: str
) -> None:
    ours = ({"deeplake-core"} | set(USES)) - {missing}
    folders, names = case(unpacked, libraries, ours)
    assert missing not in names
    # TensorFlow takes longest: it is there in its own case and in that of PyTorch.
    asked = [name for name in USES if "tf" not in name or missing.endswith(("-tf", "-torch"))]
    found = run(folders, PROGRAM, json.dumps({name: USES[name][0] for name in asked}))
    said = found["said"]
    assert isinstance(said, dict)
    assert str(unpacked["deeplake-core"]) in str(found["where"])
    for name in asked:
        if name == missing:
            assert f'pip install "{USES[name][1]}"' in said[name]
        else:
            assert said[name] == "works", f"without {missing}, {name}: {said[name]}"
    assert found["broken"] == []


@pytest.mark.install
@pytest.mark.parametrize("alone", sorted(USES))
def test_each_plugin_alone(
    unpacked: dict[str, Path], libraries: dict[str, Path], alone: str
) -> None:
    """With the kernel and what both declare, and nothing else that happens to be installed here."""
    folders, _ = case(unpacked, libraries, {"deeplake-core", alone})
    found = run(folders, PROGRAM, json.dumps({alone: USES[alone][0]}))
    assert found["said"] == {alone: "works"}
    assert found["broken"] == []


@pytest.mark.install
def test_the_kernel_alone(unpacked: dict[str, Path], libraries: dict[str, Path]) -> None:
    folders, _ = case(unpacked, libraries, {"deeplake-core"})
    found = run(folders, PROGRAM, json.dumps({name: use[0] for name, use in USES.items()}))
    said = found["said"]
    assert isinstance(said, dict)
    for name, (_, extra) in USES.items():
        assert f'pip install "{extra}"' in said[name], said[name]
