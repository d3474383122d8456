"""Runs what README and documentation show.

Every ``python`` block is run, those of a page one after the other in one namespace, in an empty
folder. Beside them there are two more kinds of block:

* an ``output`` block says what the ``python`` block before it prints (``...`` stands for anything);
* a ``python`` block with ``title="examples/…"`` shows a file of the repository, all of it. Such
  files have tests of their own, so the block is compared instead of run.
"""

from __future__ import annotations

import contextlib
import doctest
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", ROOT / "core" / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]

FENCE = re.compile(r"^(?P<indent> *)(?P<ticks>```+|~~~+) *(?P<info>.*)$")
CHECKER = doctest.OutputChecker()
OPTIONS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


@dataclass(frozen=True)
class Block:
    """A fenced block: its info string, its text, and the number of its first line, from 1."""

    info: str
    text: str
    line: int

    @property
    def language(self) -> str:
        return self.info.split(" ")[0]

    @property
    def title(self) -> str | None:
        found = re.search(r'title="([^"]*)"', self.info)
        return found and found[1]


def blocks(page: str) -> Iterator[Block]:
    lines = iter(enumerate(page.split("\n"), 1))
    for number, line in lines:
        opening = FENCE.match(line)
        if opening is None:
            continue
        indent, ticks = opening["indent"], opening["ticks"]
        text = []
        for _, inner in lines:
            if inner.strip() == ticks:
                break
            text.append(inner.removeprefix(indent))
        else:
            raise AssertionError(f"line {number}: {ticks}{opening['info']} is never closed")
        yield Block(opening["info"].strip(), "\n".join(text) + "\n", number + 1)


def run(page: Path) -> int:
    """Run a page in the current folder; returns how many blocks were run or compared."""
    namespace: dict[str, Any] = {"__name__": "__main__"}
    printed: str | None = None
    count = 0
    for block in blocks(page.read_text(encoding="utf-8")):
        where = f"{page.relative_to(ROOT)}:{block.line}"
        if block.language == "python" and block.title is not None:
            assert block.text == (ROOT / block.title).read_text(encoding="utf-8"), where
            printed = None
        elif block.language == "python":
            # Empty lines before it give tracebacks the line numbers of the page.
            code = compile("\n" * (block.line - 1) + block.text, str(page), "exec")
            with contextlib.redirect_stdout(io.StringIO()) as stdout:
                exec(code, namespace)
            printed = stdout.getvalue()
        elif block.language == "output":
            assert printed is not None, f"{where}: no python block before it"
            agrees = CHECKER.check_output(block.text, printed, OPTIONS)
            assert agrees, f"{where} says\n{block.text}\nbut this was printed:\n{printed}"
            printed = None
        else:
            assert block.language in {"", "sh", "text", "toml", "json"}, f"{where}: {block.info}"
            continue
        count += 1
    return count


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_the_code_of_a_page_runs(
    page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    run(page)


def test_there_is_code_where_users_look_first() -> None:
    for name in ("README.md", "docs/index.md", "docs/plugin-authors/index.md"):
        page = (ROOT / name).read_text(encoding="utf-8")
        assert any(block.language == "python" for block in blocks(page)), name


def test_paths_in_the_readme_exist() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    linked = re.findall(r"\]\((?!https?:|#)([^)#]+)", text)
    # The tree of folders: names at the start of the lines of a text block.
    trees = [block.text for block in blocks(text) if block.language == "text"]
    named = [line.split()[0] for tree in trees for line in tree.splitlines() if line.strip()]
    for path in [*linked, *named]:
        assert (ROOT / path).exists(), path


# --------------------------------------------------------------------------- the runner itself
@pytest.fixture
def page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(f"{__name__}.ROOT", tmp_path)
    return tmp_path / "page.md"


def test_blocks_share_a_namespace_and_output_is_compared(page: Path) -> None:
    page.write_text(
        "```python\nx = 1\n```\n\n* in a list\n\n  ```python\n  print(x, id(x))\n  ```\n"
        "```output\n1 ...\n```\n```sh\nrm -rf x\n```\n"
    )
    assert run(page) == 3


def test_other_output_is_an_error(page: Path) -> None:
    page.write_text("```python\nprint(1)\n```\n```output\n2\n```\n")
    with pytest.raises(AssertionError, match=r"page\.md:5 says"):
        run(page)


def test_an_error_is_at_its_line(page: Path) -> None:
    page.write_text("text\n```python\n\n1 / 0\n```\n")
    with pytest.raises(ZeroDivisionError) as caught:
        run(page)
    assert caught.traceback[-1].lineno + 1 == 4


def test_a_shown_file_is_compared_to_the_last_letter(page: Path) -> None:
    (page.parent / "module.py").write_text("x = 1\n")
    page.write_text('```python title="module.py"\nx = 1\n```\n')
    assert run(page) == 1
    page.write_text('```python title="module.py"\nx = 2\n```\n')
    with pytest.raises(AssertionError, match=r"page\.md:2"):
        run(page)


def test_an_open_block_is_an_error(page: Path) -> None:
    page.write_text("```python\nx = 1\n")
    with pytest.raises(AssertionError, match="never closed"):
        run(page)


def test_a_language_nobody_knows_is_an_error(page: Path) -> None:
    page.write_text("```pyhton\nx = 1\n```\n")
    with pytest.raises(AssertionError, match="pyhton"):
        run(page)
