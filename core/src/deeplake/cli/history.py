"""Commands about versions: ``log``, ``diff``, ``branch``, ``tag``, ``merge``."""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import re
import sys
from typing import Any

from deeplake.cli.arguments import add_json, add_path, explain, hint
from deeplake.cli.output import one_line, print_json, print_table, printable
from deeplake.spi import Command


class Log(Command, api=(1, 0)):
    """``deeplake log PATH``."""

    help = "show the commits of a branch, newest first"

    def configure(self, parser: argparse.ArgumentParser) -> None:
        add_path(parser)
        parser.add_argument(
            "-n", "--limit", type=_positive, metavar="N", help="show only the N newest commits"
        )
        parser.add_argument("--oneline", action="store_true", help="show one line for each commit")
        add_json(parser)
        explain(
            parser,
            "Show the commits of a branch, or those that a tag or commit is built on.",
            "deeplake log ./mnist",
            "deeplake log ./mnist@side --oneline -n 5",
            "deeplake log ./mnist --json",
        )

    def run(self, args: argparse.Namespace) -> int:
        import deeplake
        from deeplake.dataset import versions

        ds = deeplake.load(args.path, read_only=True, verbose=False)
        commits = versions.commits(ds._checkout, args.limit)
        if args.json:
            print_json(
                {"branch": ds.branch, "uncommitted": ds.has_head_changes, "commits": commits}
            )
        elif args.oneline:
            for commit in commits:
                print(commit["commit"][:10], commit["time"], one_line(commit["message"] or ""))
        else:
            print(f"branch {ds.branch}")
            if ds.has_head_changes:
                print("there are changes that are not committed")
            for commit in commits:
                message = printable(commit["message"] or "").replace("\n", "\n        ")
                print(f"\ncommit  {commit['commit']}\nauthor  {printable(commit['author'])}")
                print(f"time    {commit['time']}\nmessage {message}".rstrip())
        return 0


class Diff(Command, api=(1, 0)):
    """``deeplake diff PATH [A [B]]``."""

    help = "show what changed: since the last commit, or between versions"

    def configure(self, parser: argparse.ArgumentParser) -> None:
        add_path(parser)
        for name in ("a", "b"):
            parser.add_argument(
                name, metavar=name.upper(), nargs="?", help="a branch, tag or id of a commit"
            )
        add_json(parser)
        explain(
            parser,
            "Without A: what is not committed in the version that PATH names. With A: what happened "
            "in PATH's version and in A since their most recent common ancestor. With A and B: what "
            "happened in these two. Rows of added, updated and deleted samples are counted from 0.",
            "deeplake diff ./mnist",
            "deeplake diff ./mnist v1.0",
            "deeplake diff ./mnist main side --json",
        )

    def run(self, args: argparse.Namespace) -> int:
        import deeplake
        from deeplake.dataset import diff
        from deeplake.errors import CheckoutError

        ds = deeplake.load(args.path, read_only=True, verbose=False)
        try:
            found = diff.diff(ds._checkout, args.a, args.b)
        except KeyError as error:
            raise CheckoutError(str(error.args[0])) from error
        if args.json:
            print_json(diff.as_dict(found))
        else:
            text = diff.as_text(found, coloured=_coloured()).strip("\n")
            # Colours are ours; what a message has of such codes is shown, not obeyed.
            parts = re.split(r"(\033\[(?:\d+)?m)", text) if _coloured() else [text]
            print("".join(p if i % 2 else printable(p) for i, p in enumerate(parts)))
        return 0


def _coloured() -> bool:
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR")


class Branch(Command, api=(1, 0)):
    """``deeplake branch PATH [NAME]``."""

    help = "list, create, rename or delete branches"

    def configure(self, parser: argparse.ArgumentParser) -> None:
        add_path(parser)
        parser.set_defaults(refuse=parser.error)
        parser.add_argument("name", metavar="NAME", nargs="?", help="the branch; none: list them")
        what = parser.add_mutually_exclusive_group()
        what.add_argument("--delete", action="store_true", help="delete the branch")
        what.add_argument("--rename", metavar="NEW", help="give the branch another name")
        add_json(parser)
        explain(
            parser,
            "Without NAME, list the branches. With it, make a branch of the version that PATH names; "
            "what is not committed there is committed first. Commits of a branch that is deleted "
            "stay as long as another branch, a tag or a view needs them.",
            "deeplake branch ./mnist",
            "deeplake branch ./mnist cleaned",
            "deeplake branch ./mnist@v1.0 fixes",
            "deeplake branch ./mnist cleaned --rename clean",
            "deeplake branch ./mnist clean --delete",
        )

    def run(self, args: argparse.Namespace) -> int:
        import deeplake

        if args.name is None:
            if args.delete or args.rename:
                args.refuse("name the branch that is meant")
            return self._list(args)
        ds = deeplake.load(args.path, read_only=False, verbose=False)
        if args.delete:
            ds.delete_branch(args.name)
        elif args.rename:
            ds.rename_branch(args.name, args.rename)
        else:
            ds.create_branch(args.name)
        return self._list(args) if args.json else 0

    def _list(self, args: argparse.Namespace) -> int:
        import deeplake

        path = args.path.partition("@")[0]
        rows: list[dict[str, Any]] = []
        for name in deeplake.load(path, read_only=True, verbose=False).branches:
            ds = deeplake.load(f"{path}@{name}", read_only=True, verbose=False)
            last = ds.get_commit_details(ds.commit_id) if ds.commit_id else {}
            rows.append(
                {
                    "name": name, "commit": ds.commit_id, "uncommitted": ds.has_head_changes,
                    "time": last.get("time"), "message": last.get("message"),
                }
            )  # fmt: skip
        if args.json:
            print_json(rows)
            return 0
        print_table(
            ("branch", "commit", "uncommitted", "time", "message"),
            (
                (row["name"], (row["commit"] or "")[:10], "yes" if row["uncommitted"] else "no",
                 row["time"], row["message"])
                for row in rows
            ),
        )  # fmt: skip
        return 0


class Tag(Command, api=(1, 0)):
    """``deeplake tag PATH [NAME]``."""

    help = "list, create or delete tags: names of commits"

    def configure(self, parser: argparse.ArgumentParser) -> None:
        add_path(parser)
        parser.set_defaults(refuse=parser.error)
        parser.add_argument("name", metavar="NAME", nargs="?", help="the tag; none: list them")
        parser.add_argument(
            "--delete", action="store_true", help="delete the tag; its commit stays"
        )
        add_json(parser)
        explain(
            parser,
            "Without NAME, list the tags. With it, give the last commit of the version that PATH "
            "names a name that stays: what is not committed is not part of it.",
            "deeplake tag ./mnist",
            "deeplake tag ./mnist v1.0",
            "deeplake tag ./mnist@side side-2024",
            "deeplake tag ./mnist v1.0 --delete",
        )

    def run(self, args: argparse.Namespace) -> int:
        import deeplake

        if args.name is None and args.delete:
            args.refuse("name the tag that is meant")
        writes = args.name is not None
        ds = deeplake.load(args.path, read_only=not writes, verbose=False)
        if writes and args.delete:
            try:
                ds.delete_tag(args.name)
            except KeyError as error:
                from deeplake.errors import CheckoutError

                raise CheckoutError(str(error.args[0])) from error
        elif writes:
            ds.create_tag(args.name, ds.commit_id)
        if args.json:
            print_json(ds.tags)
        elif not writes:
            print_table(
                ("tag", "commit", "time", "message"),
                (
                    (name, commit[:10], details["time"], details["message"])
                    for name, commit in ds.tags.items()
                    for details in [ds.get_commit_details(commit)]
                ),
            )
        return 0


class Merge(Command, api=(1, 0)):
    """``deeplake merge PATH TARGET``."""

    help = "merge another version into a branch, and commit that"

    def configure(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument(
            "path", metavar="PATH",
            help="path or URL of a dataset, with @branch for another branch than main",
        )  # fmt: skip
        parser.add_argument(
            "target", metavar="TARGET", help="the branch, tag or commit to merge into PATH's branch"
        )
        side = parser.add_mutually_exclusive_group()
        for name in ("ours", "theirs"):
            whose = "PATH's" if name == "ours" else "TARGET's"
            side.add_argument(
                f"--{name}", action="store_const", const=name, dest="resolution",
                help=f"where both changed the same row or key of info, {whose} change counts",
            )  # fmt: skip
        parser.add_argument(
            "--delete-removed-tensors", action="store_true",
            help="delete tensors that were deleted in TARGET",
        )  # fmt: skip
        parser.add_argument(
            "--force", action="store_true", help="names do not clash: PATH's names count"
        )
        add_json(parser)
        explain(
            parser,
            "Rows are matched by their ids: what was added, updated and deleted in TARGET since the "
            "common ancestor is done in PATH's branch too. If both changed the same row, nothing is "
            "changed and the exit code is 1, unless --ours or --theirs says what counts.",
            "deeplake merge ./mnist cleaned",
            "deeplake merge ./mnist@release v1.1 --theirs",
            codes="failed, or both sides changed the same thing; the reason is on stderr",
        )

    def run(self, args: argparse.Namespace) -> int:
        import deeplake
        from deeplake.errors import MergeConflictError

        ds = deeplake.load(args.path, read_only=False, verbose=False)
        before = ds.commit_id
        said = io.StringIO()
        with contextlib.redirect_stdout(said), hint(MergeConflictError, "--ours or --theirs"):
            ds.merge(args.target, args.resolution, args.delete_removed_tensors, args.force)
        merged = ds.commit_id != before
        if args.json:
            print_json({"branch": ds.branch, "merged": merged, "commit": ds.commit_id})
        elif merged:
            print(f"merged {args.target} into {ds.branch}: commit {ds.commit_id}")
        else:
            print(said.getvalue().rstrip())
        return 0


def _positive(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number above 0")
    return value


__all__ = ["Branch", "Diff", "Log", "Merge", "Tag"]
