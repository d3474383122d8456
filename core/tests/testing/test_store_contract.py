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


def outcomes(report: Path) -> dict[str, dict[str, bool]]:
    """For each twin, the tests of the contract, and whether they passed."""
    run = subprocess.run(
        [
            *(sys.executable, "-m", "pytest", str(TWINS), "-q", "--tb=no", f"--junitxml={report}"),
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
    failed = {
        twin: [name for name, passed in tests.items() if not passed]
        for twin, tests in found.items()
    }
    sound = [twin for twin, test in CAUGHT_BY.items() if not test]
    assert {twin: failed[twin] for twin in sound} == {"Twin": [], "Persistent": []}
    assert min(map(len, found.values())) > 75
    missed = {
        twin: f"{test} passed; failed: {failed[twin]}"
        for twin, test in CAUGHT_BY.items()
        if test and test not in failed[twin]
    }
    assert missed == {}
    assert len(CAUGHT_BY) - len(sound) > 30
