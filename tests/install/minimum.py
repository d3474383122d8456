"""The oldest libraries that are declared: ``make min-deps`` installs what this prints, and runs tests.

Every lower bound (``lz4>=4.3.2``) of the kernel and of the plugins below is printed as a pin
(``lz4==4.3.2``). A dependency without a bound is an error: nobody would know that it works. Frameworks
are left out, whose oldest versions take gigabytes.
"""

from __future__ import annotations

import sys
import tomllib
from pathlib import Path

from packaging.requirements import Requirement

ROOT = Path(__file__).parents[2]
FOLDERS = ("core", "plugins/codecs", "plugins/query_tql", "plugins/sampling",
           "plugins/storage_obstore", "plugins/storage_s3")  # fmt: skip
EXTRAS = {"plugins/codecs": ("audio", "video")}


def pins() -> list[str]:
    """A pin for each dependency, sorted.

    Raises:
        SystemExit: One of them has no lower bound.
    """
    found = set()
    for folder in FOLDERS:
        project = tomllib.loads((ROOT / folder / "pyproject.toml").read_text("utf-8"))["project"]
        texts = [*project["dependencies"]]
        for extra in EXTRAS.get(folder, ()):
            texts += project["optional-dependencies"][extra]
        for requirement in map(Requirement, texts):
            if requirement.name.startswith("deeplake-"):
                continue
            lower = [part.version for part in requirement.specifier if part.operator == ">="]
            if not lower:
                sys.exit(f"{folder}: {requirement} has no lower bound")
            found.add(f"{requirement.name}=={lower[0]}")
    return sorted(found)


if __name__ == "__main__":
    sys.stdout.write("\n".join(pins()) + "\n")
