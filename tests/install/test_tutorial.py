"""The commands of the tutorial for authors, one after the other, in an environment with wheels only."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "tutorials" / "plugin-in-15-minutes.md"


def pattern(line: str) -> str:
    """A line of what the page says is printed; ``...`` stands for anything."""
    return ".*".join(re.escape(part) for part in line.split("..."))


@pytest.mark.install
def test_the_commands_make_a_plugin(tmp_path: Path) -> None:
    wheels, work = tmp_path / "wheels", tmp_path / "work"
    work.mkdir()
    options = ["--quiet", "--no-deps", "--no-build-isolation", "--wheel-dir", wheels]
    subprocess.run([sys.executable, "-m", "pip", "wheel", *options, ROOT / "core"], check=True)
    leaky = {"PYTHONPATH", "PYTHONHOME", "PYTHONSTARTUP", "VIRTUAL_ENV"}
    path = [Path(sys.base_exec_prefix, "bin"), os.environ["PATH"]]
    environment = {
        **{name: value for name, value in os.environ.items() if name not in leaky},
        "PATH": os.pathsep.join(map(str, path)),
        "PIP_FIND_LINKS": wheels.as_uri(),
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    }
    blocks = re.findall(r"```(sh|text)\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    commands = [text for language, text in blocks if language == "sh"]
    assert len(commands) == 7
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", "".join(commands)],
        cwd=work,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    for text in [text for language, text in blocks if language == "text"]:
        for line in text.splitlines():
            assert re.search(f"(?m)^{pattern(line)}$", done.stdout), f"{line}\n{done.stdout}"
