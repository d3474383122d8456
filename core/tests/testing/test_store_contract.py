"""The contract of stores finds what is wrong: it is run on stores with one fault each."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

TWINS = Path(__file__).with_name("store_twins.py")


def load_twins() -> dict[str, Any]:
    spec = importlib.util.spec_from_file_location("store_twins", TWINS)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    twins: dict[str, Any] = module.TWINS
    return twins


CAUGHT_BY: dict[str, str] = {name: twin.caught_by for name, twin in load_twins().items()}
SOUND = [name for name, test in CAUGHT_BY.items() if not test]


def outcomes(report: Path) -> dict[str, dict[str, bool]]:
    """For each twin, tests and whether they passed: all of the sound ones', and what catches a fault."""
    chosen = [
        f"{TWINS}::Test{name}" + (f"::{test}" if test else "") for name, test in CAUGHT_BY.items()
    ]
    run = subprocess.run(
        [
            *(sys.executable, "-m", "pytest", *chosen, "-q", "--tb=no", f"--junitxml={report}"),
            # The workspace's settings are not meant for these; and processes import them by name.
            *("-c", os.devnull, "--rootdir", str(TWINS.parent), "--import-mode=prepend"),
            *("-p", "no:cacheprovider", "-p", "no:xdist", "--noconftest"),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 1, run.stdout + run.stderr
    found: dict[str, dict[str, bool]] = {}
    for case in ElementTree.parse(report).iter("testcase"):
        twin = case.attrib["classname"].rpartition(".Test")[2]
        passed = case.find("failure") is None and case.find("error") is None
        found.setdefault(twin, {})[case.attrib["name"]] = passed
    return found


def test_the_contract_catches_faults(tmp_path: Path) -> None:
    found = outcomes(tmp_path / "report.xml")
    assert set(found) == set(CAUGHT_BY)
    for twin in SOUND:
        assert len(found[twin]) > 75
        assert all(found[twin].values()), found[twin]
    missed = {
        twin: found[twin]
        for twin, test in CAUGHT_BY.items()
        if test and found[twin] != {test: False}
    }
    assert missed == {}
    assert set(SOUND) == {"Twin", "Persistent"}
    assert len(CAUGHT_BY) - len(SOUND) > 30
