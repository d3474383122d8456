"""``deeplake query``."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import deeplake
from deeplake import cli


@pytest.fixture
def path(tmp_path: Path) -> str:
    ds = deeplake.empty(tmp_path / "ds")
    ds.create_tensor("labels", htype="class_label").extend([k % 10 for k in range(60)])
    ds.create_tensor("names", htype="text").extend([f"row {k}" for k in range(60)])
    ds.create_tensor("facts", htype="json").extend([{"k": k} for k in range(60)])
    ds.create_tensor("large").extend(np.zeros((60, 9, 9), np.int16))
    ds.create_tensor("short").extend(np.array([[1, 2]] * 5))
    ds.commit()
    return str(tmp_path / "ds")


def test_rows_as_a_table(path: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["query", path, "select * where labels == 3", "-n", "2"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "row  labels  names   facts      large        short",
        "3    3       row 3   {'k': 3}   int16[9, 9]  [1, 2]",
        "13   3       row 13  {'k': 13}  int16[9, 9]  -",
        "6 rows, 4 more rows not shown",
    ]


def test_rows_as_json(path: str, capsys: pytest.CaptureFixture[str]) -> None:
    query = "select labels, names, short where labels > 7 order by labels desc"
    assert cli.main(["query", path, query, "--json", "--limit", "1"]) == 0
    assert json.loads(capsys.readouterr().out) == {
        "length": 12,
        "tensors": ["labels", "names", "short"],
        "rows": [{"row": 9, "labels": [9], "names": "row 9", "short": None}],
    }
    assert cli.main(["query", path, "select * where labels > 70", "--json", "-n", "0"]) == 0
    assert json.loads(capsys.readouterr().out)["length"] == 0


def test_a_query_without_sense_is_a_failure(path: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["query", path, "select * wher labels == 3"]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("deeplake: ")
    assert "wher" in err
    with pytest.raises(SystemExit) as wrong:
        cli.main(["query", path, "select *", "-n", "-1"])
    assert wrong.value.code == 2
