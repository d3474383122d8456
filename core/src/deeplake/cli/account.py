"""Commands about an account: ``login``, ``logout``, ``register``. None is needed, and there is none."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import ClassVar

from deeplake.cli.arguments import add_json, explain
from deeplake.cli.output import print_json
from deeplake.spi import Command

TOLD = "There is no service to have an account with, and nothing needs one: nothing was sent or stored."


class Account(Command, api=(1, 0)):
    """A command of the program that came with Deep Lake 3, which scripts call.

    Attributes:
        OPTIONS: Short and long options, and what each is.
        TEXT: What the command is.
        EXAMPLE: A use.
    """

    OPTIONS: ClassVar[Sequence[tuple[str, str, str]]] = ()
    TEXT: ClassVar[str]
    EXAMPLE: ClassVar[str]

    def configure(self, parser: argparse.ArgumentParser) -> None:
        for short, long, what in self.OPTIONS:
            parser.add_argument(short, long, help=f"accepted and forgotten: {what}")
        add_json(parser)
        explain(parser, self.TEXT, self.EXAMPLE)

    def run(self, args: argparse.Namespace) -> int:
        if args.json:
            print_json({"account": None})
        else:
            print(TOLD)
        return 0


_NAME = ("-u", "--username", "a name")
_PASSWORD = ("-p", "--password", "a password")


class Login(Account, api=(1, 0)):
    """``deeplake login``."""

    help = "say that nothing needs a login"
    OPTIONS = (_NAME, _PASSWORD, ("-t", "--token", "a token"))
    TEXT = "Say that nothing needs a login. Scripts for Deep Lake 3 call it."
    EXAMPLE = "deeplake login"


class Logout(Account, api=(1, 0)):
    """``deeplake logout``."""

    help = "say that nobody is logged in"
    TEXT = "Say that nobody is logged in. Scripts for Deep Lake 3 call it."
    EXAMPLE = "deeplake logout"


class Register(Account, api=(1, 0)):
    """``deeplake register``."""

    help = "say that nothing needs an account"
    OPTIONS = (_NAME, ("-e", "--email", "an address"), _PASSWORD)
    TEXT = "Say that nothing needs an account. Scripts for Deep Lake 3 call it."
    EXAMPLE = "deeplake register"


__all__ = ["Login", "Logout", "Register"]
