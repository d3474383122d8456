"""Completion scripts: bash completes real lines with it; zsh and fish have every command and option."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from deeplake import cli, plugins
from deeplake.cli import completion


@pytest.fixture
def script(capsys: pytest.CaptureFixture[str], request: pytest.FixtureRequest) -> str:
    assert cli.main(["completion", request.param]) == 0
    return capsys.readouterr().out


BASH = """
source {script}
COMP_WORDS=({words})
COMP_CWORD=$(( ${{#COMP_WORDS[@]}} - 1 ))
_deeplake
printf '%s\\n' "${{COMPREPLY[@]}}"
"""


def completed(script: Path, *words: str) -> set[str]:
    quoted = " ".join(f"'{word}'" for word in ("deeplake", *words))
    done = subprocess.run(
        ["bash", "-uc", BASH.format(script=script, words=quoted)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return set(done.stdout.split())


@pytest.mark.parametrize("script", ["bash"], indirect=True)
def test_bash_completes(script: str, tmp_path: Path) -> None:
    file = tmp_path / "completion.bash"
    file.write_text(script)
    assert completed(file, "in") == {"info", "ingest"}
    assert completed(file, "") >= set(plugins.names("command"))
    assert completed(file, "--v") == {"--version"}
    assert completed(file, "log", "--o") == {"--oneline"}
    assert completed(file, "export", "./ds", "./out", "--table", "") == {"csv", "jsonl"}
    assert completed(file, "export", "./ds", "--") >= {"--table", "--tensor", "--query", "--json"}
    assert completed(file, "new-plugin", "s") == {"storage", "sampler", "sample-codec"}
    assert completed(file, "ingest", "-o", "") == set(), "a value that nobody can guess"
    assert completed(file, "nothing", "--") == set()


@pytest.mark.parametrize("script", ["zsh", "fish"], indirect=True)
def test_scripts_have_everything(script: str, tmp_path: Path) -> None:
    for name in plugins.names("command"):
        assert name in script
    for word in ("oneline", "rounds", "jsonl", "sample-codec", "activeloop"):
        assert word in script
    shell = "fish" if script.startswith("# fish") else "zsh"
    if shutil.which(shell):
        (tmp_path / "script").write_text(script)
        subprocess.run([shell, "-n", str(tmp_path / "script")], check=True)


def test_a_broken_plugin_is_left_out(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(plugins, "names", lambda kind: ["info", "no-such-command"])
    assert completion._commands().keys() == {"info"}
