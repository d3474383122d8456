"""Runs what README and documentation show.

Every ``python`` block is run, those of a page one after the other in one namespace, in an empty
folder. Beside them there are two more kinds of block:

* an ``output`` block says what the ``python`` block before it prints (``...`` stands for anything);
* a ``python`` block with ``title="examples/…"`` shows a file of the repository, all of it. Such
  files have tests of their own, so the block is compared instead of run;
* an ``sh`` block of ``deeplake`` commands is run where the blocks before it were. Of other ``sh``
  blocks, ``RUN_ELSEWHERE`` says which test runs what they show.

Pages that speak of other machines (``s3://``, ``az://`` …) find folders in their place: real servers
are what the tests of these plugins have. No block is left out.
"""

from __future__ import annotations

import ast
import contextlib
import doctest
import io
import json
import re
import shlex
import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from PIL import Image

import deeplake
from deeplake import cli, spi

ROOT = Path(__file__).parents[1]
PAGES = [
    ROOT / "README.md",
    *(ROOT / "core" / name for name in ("README.md",)),
    *sorted(ROOT.glob("plugins/*/README.md")),
    *sorted((ROOT / "docs").rglob("*.md")),
]

# What an sh block begins with -> the test that runs it, or does the same.
RUN_ELSEWHERE = {
    "make ": "tests/test_workspace.py",  # each target that a page names exists
    "pip install": "tests/install/test_matrix.py",
    "pip uninstall deeplake": "tests/install/test_matrix.py",
    "python3 -m venv plugin": "tests/install/test_tutorial.py",
    "deeplake new-plugin": "tests/install/test_tutorial.py",
    "cat > use.py": "tests/install/test_tutorial.py",
    "sed -i.kept": "tests/install/test_tutorial.py",
    "mv src/": "tests/install/test_tutorial.py",
    "deeplake plugins --check | grep": "tests/install/test_tutorial.py",
    "deeplake ingest jsonl ./exported": "tests/integration/test_migration.py",
}

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
        elif block.language == "sh" and not block.text.startswith(tuple(RUN_ELSEWHERE)):
            for line in block.text.splitlines():
                command = shlex.split(line, comments=True)
                assert command[0] == "deeplake", f"{where}: nothing runs {line!r}"
                with contextlib.redirect_stdout(io.StringIO()):
                    assert cli.main(command[1:]) == 0, f"{where}: {line}"
        else:
            assert block.language in {"", "sh", "text", "toml", "json"}, f"{where}: {block.info}"
            assert block.language != "text" or not is_python(block.text), f"{where} is not run"
            continue
        count += 1
    return count


def is_python(text: str) -> bool:
    """Whether a text is code of more than names and signs: calls, assignments, imports."""
    try:
        tree = ast.parse(text)
    except SyntaxError:
        return False
    return any(isinstance(node, (ast.Call, ast.Assign, ast.Import, ast.ImportFrom))
               for node in ast.walk(tree))  # fmt: skip


# ------------------------------------------------------------------------ what pages find around them
class Elsewhere(spi.StorePlugin, api=(1, 0)):
    """A folder for each URL, below the current one."""

    def open(self, url: str, *, creds: Mapping[str, Any] | str | None = None) -> spi.Store:
        return deeplake.plugins.get("storage", "file").create(str(folder(url)))


def folder(url: str) -> Path:
    parts = (quote(part, safe="") for part in url.split("/") if part)
    return Path("elsewhere", *parts).absolute()


def digits(path: str = "./digits") -> deeplake.Dataset:
    ds = deeplake.empty(path)
    ds.create_tensor("images", htype="image.gray", sample_compression="png")
    ds.images.extend(np.zeros((200, 8, 8), np.uint8))
    ds.create_tensor("labels", htype="class_label").extend(np.arange(200) % 10)
    ds.commit("digits")
    ds.create_tag("v1.0")
    return ds


def animals() -> None:
    ds = deeplake.empty("./animals")
    ds.create_tensor("labels", htype="class_label", class_names=["cat", "dog"]).extend([0, 1] * 9)
    ds.create_tensor("score").extend(np.linspace(0, 1, 18))
    ds.create_tensor("embedding", htype="embedding").extend(np.eye(18, dtype="float32"))


def far(*paths: str) -> Callable[[], None]:
    def make() -> None:
        made = digits("./made")
        for path in paths:
            shutil.copytree(made.path, folder(path))

    return make


def bucket_and_key() -> None:
    """A bucket of Google's, and the key file of a service account."""
    far("gs://bucket/path")()
    private = rsa.generate_private_key(public_exponent=65537, key_size=2048).private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    about = {
        "type": "service_account",
        "client_email": "me@project.iam.gserviceaccount.com",
        "token_uri": "https://oauth2.googleapis.com/token",
        "project_id": "project",
        "private_key": private.decode(),
        "private_key_id": "1",
    }
    Path("key.json").write_text(json.dumps(about), encoding="utf-8")


def pictures() -> None:
    store = Elsewhere().open("s3://bucket")
    for name in ("1.png", "2.png"):
        with io.BytesIO() as file:
            Image.fromarray(np.zeros((4, 6, 3), np.uint8)).save(file, "png")
            store.put(name, file.getvalue())


SURROUNDINGS: dict[str, Callable[[], object]] = {
    "docs/how-to/links.md": pictures,
    "docs/how-to/other-stores.md": far(
        "https://host/path/dataset", "az://container/dataset", "sftp://host/data/dataset",
        "zip://::/data/packed.zip",
    ),
    "docs/how-to/s3-and-gcs.md": far("gs://bucket/path/to/dataset", "s3://bucket/ds"),
    "plugins/framework_jax/README.md": digits,
    "plugins/framework_tf/README.md": digits,
    "plugins/framework_torch/README.md": digits,
    "plugins/query_tql/README.md": animals,
    "plugins/sampling/README.md": digits,
    "plugins/storage_gcs/README.md": bucket_and_key,
    "plugins/storage_s3/README.md": far("s3://bucket/path"),
}  # fmt: skip
SCHEMES = ("s3", "gs", "az", "https", "sftp", "zip")


@pytest.fixture
def surrounded(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The current folder is empty but for what the page speaks of."""
    monkeypatch.chdir(tmp_path)
    make = SURROUNDINGS.get(str(page.relative_to(ROOT)))
    with contextlib.ExitStack() as stack:
        if make is not None:
            for scheme in SCHEMES:
                stack.enter_context(deeplake.plugins.registered("storage", scheme, Elsewhere))
            make()
        yield


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
@pytest.mark.usefixtures("surrounded")
def test_the_code_of_a_page_runs(page: Path) -> None:
    run(page)


def test_what_is_run_elsewhere_is_run() -> None:
    for test in RUN_ELSEWHERE.values():
        assert (ROOT / test).exists(), test


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
        "```output\n1 ...\n```\n```sh\nmake x\n```\n"
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
