"""``deeplake new-plugin``: what it writes is a distribution whose tests pass as they were generated."""

from __future__ import annotations

import ast
import contextlib
import io
import json
import os
import subprocess
import sys
import tokenize
import zipfile
from pathlib import Path

import pytest
from packaging.utils import canonicalize_name

from deeplake import cli, spi
from deeplake.cli.authoring import SKELETONS

ROOT = Path(__file__).parents[1]


def key_of(kind: str) -> str:
    return {"storage": "acme-9", "htype": "acme_9"}.get(kind, "acme.x-9_b")


def test_there_is_a_skeleton_for_every_kind() -> None:
    groups = {skeleton.group for skeleton in SKELETONS.values()}
    assert groups == {*spi.KINDS, "hooks"}


def run(*command: str | Path, cwd: Path, path: list[Path]) -> subprocess.CompletedProcess[str]:
    paths = [*map(str, path), *filter(None, sys.path)]
    return subprocess.run(
        [sys.executable, "-m", *map(str, command)],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
        capture_output=True,
        text=True,
        check=False,
    )


def made(kind: str, into: Path, capsys: pytest.CaptureFixture[str], key: str | None = None) -> Path:
    key = key or key_of(kind)
    assert cli.main(["new-plugin", kind, key, "--into", str(into), "--json"]) == 0
    return Path(json.loads(capsys.readouterr().out)["folder"])


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Path, Path]]:
    """Kind -> folder of a skeleton, and the wheel that is built of it."""
    into = tmp_path_factory.mktemp("skeletons")
    dist = tmp_path_factory.mktemp("wheels")
    folders: dict[str, Path] = {}
    for kind in SKELETONS:
        with contextlib.redirect_stdout(io.StringIO()) as out:
            assert cli.main(["new-plugin", kind, key_of(kind), "--into", str(into), "--json"]) == 0
        folders[kind] = Path(json.loads(out.getvalue())["folder"])
    # The build backend is installed here: isolation would only fetch it again.
    options = ["--quiet", "--no-deps", "--no-build-isolation", "--wheel-dir", dist]
    built = run("pip", "wheel", *options, *folders.values(), cwd=into, path=[])
    assert built.returncode == 0, built.stderr
    found = {canonicalize_name(wheel.name.split("-")[0]): wheel for wheel in dist.glob("*.whl")}
    return {kind: (folder, found[folder.name]) for kind, folder in folders.items()}


@pytest.mark.parametrize("kind", sorted(SKELETONS))
def test_its_tests_pass_as_generated(
    kind: str, tmp_path: Path, wheels: dict[str, tuple[Path, Path]]
) -> None:
    (folder, wheel), site = wheels[kind], tmp_path / "site"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
    tested = run(
        *("pytest", "-q", "-W", "error", "-p", "no:cacheprovider"), cwd=folder, path=[site]
    )
    assert tested.returncode == 0, tested.stdout
    assert " skipped" not in tested.stdout
    found = run("deeplake.cli", "plugins", "--check", "--json", cwd=tmp_path, path=[site])
    rows = {
        (row["kind"], row["key"]): row["status"]
        for row in json.loads(found.stdout)
        if row["distribution"] == folder.name
    }
    assert rows == {(SKELETONS[kind].group, key_of(kind)): "loaded"}


def test_they_are_clean(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """All in one run of each tool: mypy takes most of its time to read the kernel."""
    folders = [made(kind, tmp_path, capsys, "acme") for kind in sorted(SKELETONS)]
    config = ROOT / "pyproject.toml"
    for command in (
        ["ruff", "check", "--config", config, "--ignore", "D", "--no-cache", *folders],
        ["ruff", "format", "--check", "--config", config, "--no-cache", *folders],
        ["mypy", "--strict", "--cache-dir", tmp_path / "mypy", *(f / "src" for f in folders)],
    ):
        done = run(*command, cwd=tmp_path, path=[])
        assert done.returncode == 0, done.stdout + done.stderr
    assert f"{len(SKELETONS)} source files" in done.stdout


def test_a_storage_takes_sixty_lines(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Lines of code: no empty ones, comments and docstrings."""
    folder = made("storage", tmp_path, capsys)
    text = (folder / "src" / folder.name.replace("-", "_") / "__init__.py").read_text("utf-8")
    blank = (tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT,
             tokenize.ENDMARKER)  # fmt: skip
    lines = {
        line
        for token in tokenize.generate_tokens(io.StringIO(text).readline)
        if token.type not in blank
        for line in range(token.start[0], token.end[0] + 1)
    }
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            lines -= set(range(node.lineno, (node.end_lineno or node.lineno) + 1))
    assert len(lines) <= 60


def test_what_is_there_is_not_touched(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = made("codec", tmp_path, capsys)
    module = folder / "pyproject.toml"
    module.write_text("mine")
    assert cli.main(["new-plugin", "codec", key_of("codec"), "--into", str(tmp_path)]) == 1
    assert "--into" in capsys.readouterr().err
    assert module.read_text() == "mine"
    (tmp_path / "file").write_text("")
    assert cli.main(["new-plugin", "codec", key_of("codec"), "--into", str(tmp_path / "file")]) == 1
    assert "Cannot write" in capsys.readouterr().err


def test_a_key_that_is_taken_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["new-plugin", "codec", "zlib", "--into", str(tmp_path)]) == 1
    assert "another name" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("kind", "name"),
    [("codec", n) for n in ("", "a", "Ab", "9a", "a b", "a/b", "../a", "é", "ab-", "-ab", "a\nb")]
    + [("storage", "a_b"), ("htype", "a-b")],
)
def test_a_name_without_sense_is_wrong_usage(
    kind: str, name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as wrong:
        cli.main(["new-plugin", kind, "--into", str(tmp_path), "--", name])
    assert wrong.value.code == 2
    assert "is no name" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_people_are_told_what_to_do_next(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["new-plugin", "htype", "pose", "--into", str(tmp_path)]) == 0
    out = capsys.readouterr().out
    assert 'pip install -e ".[test]"' in out
    for line in out.splitlines()[:5]:
        assert Path(line).is_file()
