"""The codec suites pass an honest codec, and find every fault planted in a twin of it."""

from __future__ import annotations

import os
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

TWINS = Path(__file__).with_name("codec_twins.py")

# Fault -> tests, each of which must find it.
FAULTS = {
    # samples
    "NoApi": ["states_what_the_registry_needs"],
    "HeavyImport": ["import_is_cheap"],
    "SwapsSides": ["probe_says_what_decode_returns", "round_trip"],
    "MetaIsNoJson": ["probe_says_what_decode_returns"],
    "IgnoresOut": ["decodes_into_an_array"],
    "CopiesOut": ["decodes_into_an_array"],
    "NotLossless": ["round_trip", "every_dtype_is_kept_or_refused"],
    "VeryLossy": ["lossy_copies_are_near"],
    "ChangesItsArgument": ["round_trip"],
    "CastsAnything": ["every_dtype_is_kept_or_refused"],
    "ForgetsEmpty": ["every_dtype_is_kept_or_refused"],
    "ForgetsByteOrder": ["layout_in_memory_does_not_matter"],
    "EncodesReadOnly": ["every_dtype_is_kept_or_refused"],
    "SniffsEverything": ["foreign_files_are_refused"],
    "PadsTruncated": ["truncation_is_refused_or_harmless"],
    "LeaksErrors": ["bit_rot_never_gives_another_shape", "spliced_files_never_crash"],
    "AllocatesFirst": ["bombs_are_refused_in_bounded_memory"],
    "BelievesClaims": ["bombs_are_refused_in_bounded_memory"],
    "StatesNoBombs": ["bombs_are_refused_in_bounded_memory"],
    "SharesItsInput": ["result_does_not_change_with_the_input", "probe_says_what_decode_returns"],
    "KeepsItsArray": ["result_does_not_change_with_the_input"],
    "IsNotThreadSafe": ["threads_share_one_codec"],
    "KeepsTheGil": ["gil_is_released"],
    "CropsBesides": ["crops_are_parts_of_the_whole"],
    "ResizesTheWhole": ["resized_crops_look_like_the_whole"],
    "ReadsTheWholeRoll": ["a_part_reads_little_of_the_file"],
    "IgnoresSteps": ["parts_are_items_of_the_whole"],
    "PadsItems": ["parts_of_damaged_files"],
    "KeepsItsPlace": ["threads_decode_parts"],
    "StatesNoLongFile": ["a_part_reads_little_of_the_file"],
    # bytes
    "Unbounded": ["bombs_are_refused_in_bounded_memory"],
    "TrustsTheSize": ["bombs_are_refused_in_bounded_memory"],
    "Cuts": ["another_size_is_refused"],
    "Pads": ["another_size_is_refused", "truncation_at_every_length_is_refused"],
    "IgnoresTheTail": ["trailing_bytes_are_refused"],
    "LeaksZlibErrors": ["bit_rot_never_gives_another_size", "foreign_bytes_never_crash"],
    "StripsZeros": ["round_trip", "round_trip_of_sizes"],
    "CountsItems": ["any_buffer_is_taken"],
    "SharesItsBuffer": ["threads_share_one_codec"],
    "KeepsTheGilToo": ["gil_is_released"],
    "IsLossy": ["is_for_bytes_and_lossless"],
}


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, str], set[str]]:
    """Outcomes by class and test: the honest codecs' whole suites, and what is said above."""
    folder = tmp_path_factory.mktemp("twins")
    (folder / "pytest.ini").write_text("[pytest]\n", encoding="utf-8")
    report = folder / "report.xml"
    chosen = [f"{TWINS}::Test{name}" for name in ("Toy", "Roll", "Deflate")]
    chosen += [
        f"{TWINS}::Test{fault}::test_{test}" for fault, tests in FAULTS.items() for test in tests
    ]
    done = subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "-q", "-c", str(folder / "pytest.ini")),
            *(f"--rootdir={folder}", "-p", "no:cacheprovider", "--import-mode=prepend"),
            *(f"--junitxml={report}", *chosen),
        ],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(TWINS.parent), *sys.path])},
        capture_output=True,
        text=True,
        check=False,
    )
    assert report.exists(), done.stdout + done.stderr
    found: dict[tuple[str, str], set[str]] = {}
    for case in ElementTree.parse(report).iter("testcase"):
        name = case.attrib["classname"].rpartition(".")[2]
        test = case.attrib["name"].partition("[")[0]
        result = {child.tag for child in case} & {"failure", "error", "skipped"} or {"passed"}
        found.setdefault((name, test), set()).update(result)
    return found


@pytest.mark.parametrize("name", ["TestToy", "TestRoll", "TestDeflate"])
def test_an_honest_codec_passes(outcomes: dict[tuple[str, str], set[str]], name: str) -> None:
    results = {test: found for (cls, test), found in outcomes.items() if cls == name}
    assert len(results) > 12
    assert {test for test, found in results.items() if found != {"passed"}} == set()


@pytest.mark.parametrize(
    ("fault", "test"), [(fault, test) for fault, tests in FAULTS.items() for test in tests]
)
def test_a_fault_is_found(outcomes: dict[tuple[str, str], set[str]], fault: str, test: str) -> None:
    assert "failure" in outcomes[f"Test{fault}", f"test_{test}"]
