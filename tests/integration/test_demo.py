"""``make demo``: the script does what it says, and its exit code says whether it did."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
from PIL import Image

import deeplake

SCRIPT = Path(__file__).parents[2] / "examples" / "train_digits.py"


def demo(*arguments: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, SCRIPT, *arguments],
        cwd=cwd,
        # Temporary files are looked for below; and pytest runs several processes already, which
        # threads of their own would only slow down.
        env={**os.environ, "TMPDIR": str(cwd), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )


def test_learns_to_read_digits_and_leaves_nothing(tmp_path: Path) -> None:
    done = demo(cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    accuracy = re.search(r"^accuracy +([\d.]+)% of 360 test digits", done.stdout, re.MULTILINE)
    assert accuracy is not None, done.stdout
    assert float(accuracy[1]) >= 95
    assert re.search(r"^ingest +[\d,]+ samples/s, commit [0-9a-f]+$", done.stdout, re.MULTILINE)
    assert re.search(r"^loader +[\d,]+ samples/s", done.stdout, re.MULTILINE)
    assert re.search(
        r"^dataset +\d+ files, [\d,]+ bytes, from 1,797 image files of [\d,]+ bytes$",
        done.stdout,
        re.MULTILINE,
    )
    assert "epoch 8/8: 100%" in done.stderr  # the progress bar
    # PyTorch makes a folder for its compiler as soon as an optimizer is made.
    left = [path.name for path in tmp_path.iterdir() if not path.name.startswith("torchinductor")]
    assert left == []


def test_an_untrained_network_is_a_failure_and_files_are_kept(tmp_path: Path) -> None:
    done = demo("--epochs", "0", "--path", "kept", cwd=tmp_path)
    assert done.returncode == 1, done.stderr
    assert "accuracy" in done.stdout

    files = sorted((tmp_path / "kept" / "files").rglob("*.png"), key=lambda file: file.name)
    ds = deeplake.load(tmp_path / "kept" / "dataset")
    assert len(ds) == len(files) == 1797
    assert not ds.has_head_changes
    for row in (0, 1000, 1796):
        assert ds.images[row].tobytes() == files[row].read_bytes()
        assert np.array_equal(ds.images[row].numpy(), np.asarray(Image.open(files[row])))
        assert ds.labels[row].data()["text"] == [files[row].parent.name]
