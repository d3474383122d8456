"""The program of the migration guide: old and new share the API that it uses, so it runs on ours."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np

import deeplake
from deeplake import cli
from deeplake.testing.contract import environment

PROGRAM = Path(__file__).parents[2] / "examples" / "export_from_v3.py"


def test_a_dataset_comes_over(tmp_path: Path) -> None:
    old = deeplake.empty(tmp_path / "old")
    with old:
        old.create_tensor("images", htype="image", sample_compression="png")
        old.create_tensor("labels", htype="class_label", class_names=["cat", "dog"])
        old.create_tensor("words", htype="text")
        old.create_tensor("boxes").extend(np.arange(8).reshape(2, 4))
        old.images.extend(np.arange(24, dtype=np.uint8).reshape(2, 3, 4))
        old.labels.extend(["dog", "cat"])
        old.words.extend(["a", "ü"])
    command = [sys.executable, PROGRAM, tmp_path / "old", tmp_path / "out"]
    subprocess.run(command, check=True, env=environment())
    line = ["ingest", "jsonl", str(tmp_path / "out" / "rows.jsonl"), str(tmp_path / "new")]
    assert cli.main([*line, "-o", "images=images", "-o", "labels=labels"]) == 0
    new = deeplake.load(tmp_path / "new")
    assert list(new.tensors) == list(old.tensors)
    assert new.images[1].tobytes() == old.images[1].tobytes()
    assert new.labels.data()["text"] == [["dog"], ["cat"]]
    assert new.words.data()["value"] == ["a", "ü"]
    assert np.array_equal(new.boxes.numpy(), old.boxes.numpy())
