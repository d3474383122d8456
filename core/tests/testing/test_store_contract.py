"""The contract of stores finds what is wrong: it is run on stores with one fault each."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

# One worker runs the twins for all of these tests.
pytestmark = pytest.mark.xdist_group("store-twins")

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
SOUND = sorted(name for name, test in CAUGHT_BY.items() if not test)
BROKEN = sorted(name for name, test in CAUGHT_BY.items() if test)


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, bool]]:
    """For each twin, the tests of the contract, and whether they passed."""
    report = tmp_path_factory.mktemp("report") / "report.xml"
    run = subprocess.run(
        [
            *(sys.executable, "-m", "pytest", str(TWINS), "-q", "--tb=no", f"--junitxml={report}"),
            # The workspace's settings are not meant for these; and processes import them by name.
            *("-o", "addopts=", "-o", "filterwarnings=", "--import-mode=prepend"),
            *("-p", "no:cacheprovider", "-p", "no:xdist"),
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


@pytest.mark.parametrize("twin", SOUND)
def test_stores_without_fault_pass(twin: str, outcomes: dict[str, dict[str, bool]]) -> None:
    assert [name for name, passed in outcomes[twin].items() if not passed] == []
    assert len(outcomes[twin]) > 75


@pytest.mark.parametrize("twin", BROKEN)
def test_faults_are_caught(twin: str, outcomes: dict[str, dict[str, bool]]) -> None:
    failed = [name for name, passed in outcomes[twin].items() if not passed]
    assert CAUGHT_BY[twin] in failed


def test_there_are_many_faults() -> None:
    assert len(SOUND) == 2
    assert len(BROKEN) > 30
