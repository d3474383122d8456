"""``deeplake.…``: every name of the package works, and is imported when it is used."""

from __future__ import annotations

import importlib
import inspect
import os
import pickle
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import deeplake
from deeplake import plugins, spi
from deeplake.errors import SettingError, SettingTypeError, UnknownSettingError
from deeplake.plugins.catalog import BUILTINS

SOURCE = Path(deeplake.__file__).parents[1]
# Not dir(): in a process that has run other tests, it has their submodules too.
NAMES = sorted({*deeplake._LAZY, *deeplake.__all__})


# --------------------------------------------------------------------------- names
@pytest.mark.parametrize("name", NAMES)
def test_every_name_works(name: str) -> None:
    assert getattr(deeplake, name) is not None
    assert name in dir(deeplake)


def test_all_has_what_scripts_import_with_a_star() -> None:
    assert {"Dataset", "dataset", "empty", "load", "read", "random"} <= set(deeplake.__all__)
    # These would hide modules of the standard library and the script's own names.
    assert not {"types", "errors", "spi", "plugins"} & set(deeplake.__all__)
    namespace: dict[str, Any] = {}
    exec("from deeplake import *", namespace)
    assert set(deeplake.__all__) <= set(namespace)


def test_functions_and_classes_are_what_they_are_called() -> None:
    for name in ("empty", "load", "exists", "delete", "read", "like"):
        function = getattr(deeplake, name)
        assert inspect.isfunction(function)
        assert function.__name__ == name
    assert deeplake.Dataset.__name__ == "Dataset"
    assert deeplake.Tensor.__name__ == "Tensor"
    assert deeplake.tensor.Tensor is deeplake.Tensor
    assert deeplake.load is deeplake.load


def test_an_unknown_name_is_an_attribute_error_with_the_nearest_name() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'emtpy': did you mean 'empty'"):
        deeplake.emtpy  # type: ignore[attr-defined]
    with pytest.raises(AttributeError, match=r"has no attribute 'xyzzy'$"):
        deeplake.xyzzy  # type: ignore[attr-defined]
    assert not hasattr(deeplake, "__wrapped__")
    with pytest.raises(ImportError):
        exec("from deeplake import emtpy")


def test_type_checkers_know_the_names_and_find_wrong_ones(tmp_path: Path) -> None:
    names = "\n".join(f"deeplake.{name}" for name in NAMES)
    script = tmp_path / "script.py"
    script.write_text(
        f"import deeplake\n{names}\nds: deeplake.Dataset = deeplake.dataset('x')\n"
        "ds = deeplake.dataset.load('x')\nsettings: bool = deeplake.config['fsync']\n"
        "seed: int | None = deeplake.random.get_seed()\ndeeplake.emtpy\n"
    )
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--follow-imports=silent", str(script)],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
        env={**os.environ, "MYPYPATH": str(SOURCE)},
    )
    found = [line for line in done.stdout.splitlines() if "script.py" in line]
    assert len(found) == 1, done.stdout
    assert "emtpy" in found[0]


# --------------------------------------------------------------------------- deeplake.dataset
def test_dataset_is_a_function_and_a_package() -> None:
    from deeplake.dataset import entry

    assert callable(deeplake.dataset)
    assert isinstance(deeplake.dataset, ModuleType)
    assert deeplake.dataset is sys.modules["deeplake.dataset"]
    assert inspect.signature(deeplake.dataset) == inspect.signature(entry.dataset)
    assert deeplake.dataset.init is entry.dataset
    for name in ("load", "empty", "exists", "delete", "like"):
        assert getattr(deeplake.dataset, name) is getattr(deeplake, name)
    with pytest.raises(AttributeError, match=r"'deeplake.dataset' has no attribute 'lod'"):
        deeplake.dataset.lod  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "code",
    [
        "import deeplake",
        "import deeplake; deeplake.Dataset",
        "import deeplake, deeplake.dataset",
        "import deeplake, deeplake.dataset.selection",
        "import deeplake; from deeplake.dataset import selection",
        "from deeplake.dataset.entry import load; import deeplake",
    ],
)
def test_dataset_can_be_called_whatever_was_imported_before(code: str, tmp_path: Path) -> None:
    code += f"; ds = deeplake.dataset({str(tmp_path / 'ds')!r}); print(len(ds))"
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(SOURCE)},
    )
    assert done.stderr == ""
    assert done.stdout.splitlines()[-1] == "0"


def test_dataset_creates_and_then_loads(tmp_path: Path) -> None:
    ds = deeplake.dataset(tmp_path / "ds")
    ds.create_tensor("x")
    ds.x.append(1)
    assert len(deeplake.dataset(tmp_path / "ds")) == 1
    assert deeplake.dataset.exists(tmp_path / "ds")


# --------------------------------------------------------------------------- names of things
def test_htype_has_a_name_for_every_builtin_htype() -> None:
    constants = {value for name, value in vars(deeplake.htype).items() if name.isupper()}
    assert constants == set(BUILTINS["htype"])
    assert deeplake.htype.IMAGE == "image"
    assert deeplake.htype.BBOX_3D == "bbox.3d"
    assert deeplake.htype.DEFAULT == "generic"


def test_htypes_and_compressions_are_what_is_installed() -> None:
    assert deeplake.htypes == sorted(deeplake.htypes)
    assert {"generic", "image", "class_label"} <= set(deeplake.htypes)
    assert deeplake.compressions[-1] is None
    assert deeplake.compressions[:-1] == sorted(plugins.names("codec"))


def test_compressions_follow_what_is_registered() -> None:
    class Rot13(spi.ChunkCodec, api=(1, 0)):
        name = "rot13"

        def compress(self, data: Any) -> bytes:
            return bytes(data)

        def decompress(self, data: Any, size: int) -> Any:
            return data

    with plugins.registered("codec", "rot13", Rot13):
        assert "rot13" in deeplake.compressions
    assert "rot13" not in deeplake.compressions


# --------------------------------------------------------------------------- deeplake.random
@pytest.fixture(autouse=True)
def _no_seed() -> Any:
    yield
    deeplake.random.seed()


def test_the_seed_is_what_was_set() -> None:
    assert deeplake.random.get_seed() is None
    deeplake.random.seed(7)
    assert deeplake.random.get_seed() == 7
    deeplake.random.seed(seed=np.int64(3))  # type: ignore[arg-type]
    assert deeplake.random.get_seed() == 3
    assert type(deeplake.random.get_seed()) is int
    deeplake.random.seed(None)
    assert deeplake.random.get_seed() is None


@pytest.mark.parametrize("seed", ["7", 7.0, [7], b"7"])
def test_a_seed_is_an_integer(seed: Any) -> None:
    deeplake.random.seed(1)
    with pytest.raises(SettingTypeError, match="takes an integer or None"):
        deeplake.random.seed(seed)
    with pytest.raises(TypeError):
        deeplake.random.seed(seed)
    assert deeplake.random.get_seed() == 1


def test_a_seed_is_not_negative() -> None:
    with pytest.raises(SettingError, match="at least 0"):
        deeplake.random.seed(-1)


# --------------------------------------------------------------------------- deeplake.config
@pytest.fixture
def config() -> Any:
    yield deeplake.config
    for name in list(deeplake.config):
        del deeplake.config[name]


def test_config_is_a_mapping(config: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DEEPLAKE_FSYNC", raising=False)
    links = {
        "schemes": (
            "file", "http", "https", "s3", "gs", "gcs", "gcp", "az", "azure", "abfs", "abfss",
            "gdrive", "hf",
        ),
        "local_files": "auto",
        "addresses": "private",
        "max_bytes": 2 << 30,
        "connect_timeout": 10.0,
        "read_timeout": 60.0,
        "total_timeout": 600.0,
        "max_redirects": 5,
        "changed": "error",
        "threads": 16,
    }  # fmt: skip
    assert dict(config) == {
        "fsync": True,
        "s3": {"max_pool_connections": 50, "connect_timeout": 300, "read_timeout": 300},
        "links": links,
    }
    assert len(config) == 3
    assert "fsync" in config
    assert "fsnyc" not in config
    assert config.get("fsnyc") is None
    assert repr(config).startswith("deeplake.config({'fsync': True")
    assert importlib.import_module("deeplake.config") is config


def test_settings_are_checked(config: Any) -> None:
    with pytest.raises(UnknownSettingError, match=r"no setting 'fsnyc'; it has 'fsync', 's3'"):
        config["fsnyc"] = True
    with pytest.raises(KeyError):
        config["fsnyc"]
    with pytest.raises(SettingTypeError, match="True or False, not 1"):
        config["fsync"] = 1
    with pytest.raises(TypeError):
        config["s3"] = 50
    with pytest.raises(SettingTypeError, match="dict of option names"):
        config["s3"] = {1: 2}


def test_settings_can_be_changed_and_put_back(config: Any) -> None:
    config["fsync"] = False
    assert config["fsync"] is False
    del config["fsync"]
    assert config["fsync"] is True
    config["s3"] = {"read_timeout": 60, "region_name": "eu-west-1"}
    assert config["s3"]["read_timeout"] == 60
    assert config["s3"]["connect_timeout"] == 300
    assert config["s3"]["region_name"] == "eu-west-1"
    del config["s3"]
    config["s3"]["read_timeout"] = 5
    assert config["s3"]["read_timeout"] == 5
    del config["s3"]
    assert config["s3"]["read_timeout"] == 300


@pytest.mark.parametrize(("text", "value"), [("0", False), ("off", False), ("1", True), ("", True)])
def test_fsync_comes_from_the_environment(
    config: Any, monkeypatch: pytest.MonkeyPatch, text: str, value: bool
) -> None:
    monkeypatch.setenv("DEEPLAKE_FSYNC", text)
    assert config["fsync"] is value
    config["fsync"] = not value
    assert config["fsync"] is not value


def test_nonsense_in_the_environment_is_said(config: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEEPLAKE_FSYNC", "maybe")
    with pytest.raises(SettingError, match="DEEPLAKE_FSYNC is 'maybe': set it to 0 or 1"):
        config["fsync"]


def test_modules_of_these_names_can_be_pickled_by_reference() -> None:
    # cloudpickle and friends ship functions that use them.
    assert pickle.loads(pickle.dumps(deeplake.random.seed)) is deeplake.random.seed


def test_settings_are_a_module_among_others() -> None:
    import sys

    import deeplake

    assert deeplake.config in set(sys.modules.values())
    assert deeplake.config != dict(deeplake.config)
