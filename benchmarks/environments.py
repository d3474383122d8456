"""An environment for each contender, made when it is first needed.

Libraries of the field pin each other's versions apart, and one (our predecessor) has our name. One that
cannot be installed is left out with a message.
"""

from __future__ import annotations

import ast
import hashlib
import shutil
import subprocess
import sys
import venv
from pathlib import Path

PEERS = Path(__file__).parent / "peers"


def peers(role: str) -> list[str]:
    """The contenders that have a class for a benchmark; found without importing any."""
    found = []
    for file in sorted(PEERS.glob("*.py")):
        tree = ast.parse(file.read_text(encoding="utf-8"))
        if any(isinstance(node, ast.ClassDef) and node.name == role for node in tree.body):
            found.append(file.stem)
    # Ours first, then the physical limit: the order of the tables' columns.
    first = {"ours": 0, "ours_without_fsync": 1, "limit": 2}
    return sorted(found, key=lambda name: (first.get(name, 3), name))


def requirements(peer: str) -> list[str]:
    """What a contender wants installed."""
    tree = ast.parse((PEERS / f"{peer}.py").read_text(encoding="utf-8"))
    for node in tree.body:
        if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
            target = node.target if isinstance(node, ast.AnnAssign) else node.targets[0]
            if ast.unparse(target) == "REQUIREMENTS":
                wanted: list[str] = ast.literal_eval(node.value)
                return wanted
    raise ValueError(f"peers/{peer}.py has no REQUIREMENTS")


def python(peer: str, folder: Path) -> Path:
    """The interpreter that a contender runs on.

    Args:
        peer: Its name.
        folder: Where environments are kept.

    Raises:
        RuntimeError: It could not be installed; the message says why.
    """
    wanted = requirements(peer)
    if not wanted:
        return Path(sys.executable)
    key = hashlib.sha256("\n".join([sys.version, *wanted]).encode()).hexdigest()[:12]
    home = folder / f"{peer}-{key}"
    binary = home / "bin" / "python"
    finished = home / "installed"
    for same in sorted(folder.glob(f"*-{key}/installed")):
        # Contenders that need the same share it.
        return same.parent / "bin" / "python"
    shutil.rmtree(home, ignore_errors=True)
    print(f"Installing {', '.join(wanted)} for {peer}", flush=True)
    venv.create(home, with_pip=True, symlinks=True)
    done = subprocess.run(
        [binary, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *wanted],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        shutil.rmtree(home, ignore_errors=True)
        last = (done.stderr.strip() or done.stdout.strip()).splitlines()[-1:]
        raise RuntimeError(f"{peer} cannot be installed: {' '.join(last)}")
    finished.touch()
    return binary


__all__ = ["peers", "python", "requirements"]
