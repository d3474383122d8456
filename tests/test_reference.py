"""The reference that is made of docstrings has every name of ``tests/public_api.txt``.

The documentation is built as ``make docs`` builds it, with warnings as errors. What its pages describe
is read from the inventory that mkdocstrings writes beside them.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import zlib
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

ROOT = Path(__file__).parents[1]
SNAPSHOT = ROOT / "tests" / "public_api.txt"


def names(snapshot: str) -> Iterator[str]:
    """Dotted names of what a snapshot lists: functions, classes and their members, values."""
    module = owner = ""
    for line in snapshot.splitlines():
        if line.startswith("# "):
            module = line[2:]
        elif line.startswith("    "):
            found = re.match(r"    (\w+)", line)
            if found is not None and found[1] != "code":  # each error has one; its page says which
                yield f"{owner}.{found[1]}"
        elif found := re.match(r"(?:class |def |module )?(\w+)", line):
            owner = f"{module}.{found[1]}"
            yield owner


def described(site: Path) -> dict[str, str]:
    """Dotted name -> address of its description, from the site's inventory."""
    content = (site / "objects.inv").read_bytes()
    body = zlib.decompress(content.split(b"\n", 4)[4]).decode()
    found = {}
    for line in body.splitlines():
        name, _, _, address, _ = line.split(" ", 4)
        found[name] = address.removesuffix("$") + name if address.endswith("$") else address
    return found


class Page(HTMLParser):
    """Anchors of a page, and where its links and parts lead."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.anchors: set[str] = set()
        self.links: set[str] = set()
        self.parts: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name in ("id", "name") and value:
                self.anchors.add(value)
            if name == "href" and value:
                (self.links if tag == "a" else self.parts).add(value)
            if name == "src" and value:
                self.parts.add(value)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("documentation") / "site"
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(target)],
        cwd=ROOT,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return target


@pytest.fixture(scope="module")
def pages(site: Path) -> dict[Path, Page]:
    return {path: Page(path.read_text(encoding="utf-8")) for path in sorted(site.rglob("*.html"))}


def test_every_public_name_is_described(site: Path) -> None:
    there = described(site)
    missing = [name for name in names(SNAPSHOT.read_text(encoding="utf-8")) if name not in there]
    assert not missing, f"no page of docs/reference/api describes {', '.join(missing)}"


def test_nothing_private_is_described(site: Path) -> None:
    """Nobody is led to rely on a name that may change without notice."""
    assert not [name for name in described(site) if re.search(r"\._(?!_)", name)]


def test_no_page_needs_the_network(pages: dict[Path, Page]) -> None:
    for path, page in pages.items():
        foreign = {part for part in page.parts if urlsplit(part).netloc}
        # The address of the page itself, for search engines.
        assert not foreign, f"{path.name}: {foreign}"


def test_links_within_the_site_lead_somewhere(site: Path, pages: dict[Path, Page]) -> None:
    """Those that docstrings make, too, which mkdocs does not look at."""
    dead = []
    for path, page in pages.items():
        if path.name == "404.html":
            continue  # its links are from the root, wherever the site may be
        for link in page.links:
            url = urlsplit(link)
            if url.scheme or url.netloc:
                continue
            target = (path.parent / unquote(url.path)).resolve() if url.path else path
            if target.is_dir():
                target /= "index.html"
            anchor = unquote(url.fragment)
            known = pages[target].anchors if target in pages else {anchor}
            if not target.exists() or (anchor and anchor not in known):
                dead.append(f"{path.relative_to(site)}: {link}")
    assert not dead


def test_what_a_snapshot_lists_is_found() -> None:
    text = (
        "# deeplake\nclass Dataset(A,\n        B)\n    append(self, sample: Any) ->\n"
        "            None\n    branch (property)\n    code = 'x'\ncompressions: list\n"
        "def load(path:\n        str)\nmodule random\n"
    )
    assert list(names(text)) == [
        "deeplake.Dataset",
        "deeplake.Dataset.append",
        "deeplake.Dataset.branch",
        "deeplake.compressions",
        "deeplake.load",
        "deeplake.random",
    ]
