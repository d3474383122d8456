"""The command for authors of plugins: ``new-plugin``."""

from __future__ import annotations

import argparse
import re
from dataclasses import dataclass
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from string import Template

from deeplake import plugins
from deeplake.cli.arguments import add_json, explain
from deeplake.cli.output import print_json
from deeplake.errors import InvalidPathException, PluginConflictError
from deeplake.spi import KINDS, Command


@dataclass(frozen=True, slots=True)
class Skeleton:
    """What is written for one kind of plugin.

    Attributes:
        group: Entry-point group, without ``deeplake.``.
        noun: What the class is called, after its name.
        about: A description of the distribution; ``{}`` is the key.
        joints: What may stand between the words of a key: URL schemes have no ``_``, htypes no ``-``.
    """

    group: str
    noun: str
    about: str
    joints: str = "-_."

    def words(self, key: str) -> list[str] | None:
        """The words of a key; None if it is none."""
        pattern = rf"[a-z][a-z0-9]+(?:[{self.joints}][a-z0-9]+)*"
        return re.split(r"[-_.]", key) if re.fullmatch(pattern, key) else None


SKELETONS = {
    "storage": Skeleton("storage", "Storage", "datasets at {}:// URLs", "-."),
    "codec": Skeleton("codec", "Codec", "the compression {} for chunks and samples"),
    "sample-codec": Skeleton("codec", "Codec", "samples that are {} files"),
    "htype": Skeleton("htype", "Htype", "the htype {}", "_."),
    "framework": Skeleton("framework", "Framework", "loaders with batches for {}"),
    "sampler": Skeleton("sampler", "Sampler", "the sampler {}"),
    "query": Skeleton("query", "Query", "queries in the language {}"),
    "executor": Skeleton("executor", "Executor", "functions run over items by {}"),
    "viewer": Skeleton("viewer", "Viewer", "datasets shown by {}"),
    "command": Skeleton("command", "Command", "the command deeplake {}"),
    "ingest": Skeleton("ingest", "Ingestor", "data in the format {} made datasets"),
    "hooks": Skeleton("hooks", "Hooks", "what happens when a dataset is opened or committed: {}"),
}
"""Word on the command line -> what is written."""


class NewPlugin(Command, api=(1, 0)):
    """``deeplake new-plugin KIND NAME``."""

    help = "write the skeleton of a plugin, with tests that pass"

    def configure(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument(
            "kind", metavar="KIND", choices=sorted(SKELETONS),
            help=f"what it extends: {', '.join(sorted(SKELETONS))}",
        )  # fmt: skip
        parser.add_argument(
            "name", metavar="NAME",
            help="the key that users write: a URL scheme, a compression, an htype, …",
        )  # fmt: skip
        parser.add_argument(
            "--into", metavar="FOLDER", default=".",
            help="where the distribution's folder is made (default: here)",
        )  # fmt: skip
        add_json(parser)
        parser.set_defaults(refuse=parser.error)
        explain(
            parser,
            "Write a distribution that works: pyproject.toml with the entry point, a module with the "
            "smallest plugin of its kind, and tests that run the contract suite. Replace what the "
            "module does by what yours is to do, and keep the tests green.",
            "deeplake new-plugin storage shelf",
            "deeplake new-plugin codec brotli --into ~/src",
        )

    def run(self, args: argparse.Namespace) -> int:
        skeleton = SKELETONS[args.kind]
        words = skeleton.words(args.name) or []
        if not words:
            joints = " or ".join(skeleton.joints)
            args.refuse(
                f"{args.name!r} is no name: two or more small letters and digits, a letter first, "
                f"words joined by {joints}"
            )
        # Of hooks there are any number, under any name.
        if skeleton.group in KINDS and args.name in plugins.names(skeleton.group):
            raise PluginConflictError(
                f'{skeleton.group} "{args.name}" is there already (deeplake plugins lists it): '
                "give yours another name"
            )
        dist = "-".join(["deeplake", *args.kind.split("-"), *words])
        folder = Path(args.into).expanduser() / dist
        written = write(
            args.kind,
            folder,
            {
                "key": args.name,
                "Class": "".join(word.capitalize() for word in words) + skeleton.noun,
                "dist": dist,
                "package": dist.replace("-", "_"),
                "group": f"deeplake.{skeleton.group}",
                "about": skeleton.about.format(args.name),
            },
        )
        if args.json:
            print_json({"folder": str(folder), "distribution": dist, "files": written})
            return 0
        for name in written:
            print(folder / name)
        print(f'\ncd {folder}\npip install -e ".[test]"\npytest')
        return 0


def write(kind: str, folder: Path, words: dict[str, str]) -> list[str]:
    """Write a distribution; returns its files, relative to the folder.

    Args:
        kind: A key of ``SKELETONS``.
        folder: Where; it must not be there yet.
        words: What the names in the templates stand for.

    Raises:
        InvalidPathException: There is something at ``folder``, or it cannot be made.
    """
    templates = resources.files("deeplake.cli") / "skeletons"
    package = words["package"]
    files: dict[str, Traversable | None] = {
        "README.md": templates / "README.md.txt",
        "pyproject.toml": templates / "pyproject.toml.txt",
        f"src/{package}/__init__.py": templates / kind / "module.py.txt",
        f"src/{package}/py.typed": None,
        f"tests/test_{package}.py": templates / kind / "test.py.txt",
    }
    try:
        folder.mkdir(parents=True)
        for name, template in files.items():
            text = "" if template is None else template.read_text(encoding="utf-8")
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(Template(text).substitute(words), encoding="utf-8")
    except FileExistsError as error:
        raise InvalidPathException(
            f"There is something at {folder} already: name another folder with --into"
        ) from error
    except OSError as error:
        raise InvalidPathException(f"Cannot write to {folder}: {error}") from error
    return list(files)


__all__ = ["SKELETONS", "NewPlugin", "Skeleton", "write"]
