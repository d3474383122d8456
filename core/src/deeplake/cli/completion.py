"""``deeplake completion SHELL``: a script that completes commands, options and their values."""

from __future__ import annotations

import argparse
import re
import shlex
from collections.abc import Iterable, Mapping

from deeplake import plugins
from deeplake.cli.arguments import add_json, explain
from deeplake.cli.output import print_json
from deeplake.errors import PluginError
from deeplake.spi import Command

_PROGRAMS = ("deeplake", "activeloop")


class Completion(Command, api=(1, 0)):
    """``deeplake completion SHELL``."""

    help = "print a script that completes command lines in bash, zsh or fish"

    def configure(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument(
            "shell", metavar="SHELL", choices=sorted(_SCRIPTS),
            help="the shell that reads the script: bash, fish or zsh",
        )  # fmt: skip
        add_json(parser)
        explain(
            parser,
            "Print a script that completes commands, options and their values, those of installed "
            "plugins included. It is static: completing starts no Python. Print it again after "
            "installing a plugin.",
            "deeplake completion bash > ~/.local/share/bash-completion/completions/deeplake",
            "deeplake completion zsh > ~/.zfunc/_deeplake    # with: fpath+=~/.zfunc",
            "deeplake completion fish > ~/.config/fish/completions/deeplake.fish",
        )

    def run(self, args: argparse.Namespace) -> int:
        script = _SCRIPTS[args.shell](_commands())
        if args.json:
            print_json({"shell": args.shell, "script": script})
        else:
            print(script)
        return 0


class _Words:
    """What can follow a command.

    Attributes:
        help: What the command does.
        options: Options, with what they do.
        values: Words that an option takes; "": words that stand without one.
        single: Options that take no value.
    """

    def __init__(self, command: Command) -> None:
        self.help = command.help
        self.options: dict[str, str] = {}
        self.values: dict[str, list[str]] = {}
        self.single: set[str] = set()
        parser = argparse.ArgumentParser()
        command.configure(parser)
        for action in parser._actions:
            words = [str(choice) for choice in action.choices or ()]
            for option in action.option_strings:
                self.options[option] = action.help or ""
                if action.nargs == 0:
                    self.single.add(option)
                elif words:
                    self.values[option] = words
            if not action.option_strings and words:
                self.values.setdefault("", []).extend(words)


def _commands() -> dict[str, _Words]:
    found = {}
    for key in plugins.names("command"):
        try:
            found[key] = _Words(plugins.get("command", key))
        except PluginError:
            continue  # deeplake plugins --check says what is wrong with it
    return found


def _list(words: Iterable[str]) -> str:
    return " ".join(words)


def _bash(commands: Mapping[str, _Words]) -> str:
    cases, values = [], []
    for key, words in commands.items():
        here = shlex.quote(_list([*words.options, *words.values.get("", [])]))
        cases.append(f"    {key}) words={here} ;;")
        for option, taken in words.values.items():
            if option:
                values.append(f"    {key},{option}) words={shlex.quote(_list(taken))} ;;")
        takes = [o for o in words.options if o not in words.single and o not in words.values]
        if takes:
            values.append(f"    {'|'.join(f'{key},{o}' for o in takes)}) return ;;")
    return f"""\
# bash completion of deeplake; made by: deeplake completion bash
_deeplake() {{
  local current=${{COMP_WORDS[COMP_CWORD]}} before=${{COMP_WORDS[COMP_CWORD-1]}} command= words= i
  COMPREPLY=()
  for ((i = 1; i < COMP_CWORD; i++)); do
    [[ ${{COMP_WORDS[i]}} != -* ]] && {{ command=${{COMP_WORDS[i]}}; break; }}
  done
  if [[ -z $command ]]; then
    words={shlex.quote(_list([*commands, "--help", "--version"]))}
  else
    case $command in
{chr(10).join(cases)}
    esac
    case $command,$before in
{chr(10).join(values)}
    esac
  fi
  COMPREPLY=($(compgen -W "$words" -- "$current"))
}}
complete -o default -F _deeplake {_list(_PROGRAMS)}"""


def _zsh(commands: Mapping[str, _Words]) -> str:
    described = "\n".join(f"    {_zsh_word(key, words.help)}" for key, words in commands.items())
    cases = []
    for key, words in commands.items():
        lines = []
        for option, about in words.options.items():
            spec = f"{option}[{_plain(about)}]"
            if option in words.values:
                spec += f":value:({_list(words.values[option])})"
            elif option not in words.single:
                spec += ":value:_files"
            lines.append(shlex.quote(spec))
        rest = words.values.get("")
        lines.append(shlex.quote(f"*:word:({_list(rest)})" if rest else "*:path:_files"))
        cases.append(f"    {key}) _arguments {' '.join(lines)} ;;")
    return f"""\
#compdef {_list(_PROGRAMS)}
# zsh completion of deeplake; made by: deeplake completion zsh
_deeplake() {{
  local -a commands
  commands=(
{described}
  )
  if (( CURRENT == 2 )); then
    _describe -t commands 'deeplake command' commands
    return
  fi
  local command=$words[2]
  shift words
  (( CURRENT-- ))
  case $command in
{chr(10).join(cases)}
  esac
}}
if [[ $funcstack[1] = _deeplake ]]; then _deeplake "$@"; else compdef _deeplake {_list(_PROGRAMS)}; fi"""


def _zsh_word(key: str, about: str) -> str:
    return shlex.quote(f"{key}:{_plain(about)}")


def _plain(text: str) -> str:
    """Help without what the shells' own syntax would take for its own."""
    return re.sub(r"[\[\]:'\"`$\\]", " ", " ".join(text.split()))


def _fish(commands: Mapping[str, _Words]) -> str:
    lines = ["# fish completion of deeplake; made by: deeplake completion fish"]
    for program in _PROGRAMS:
        for key, words in commands.items():
            lines.append(
                f"complete -c {program} -n __fish_use_subcommand -f -a {key} "
                f"-d {shlex.quote(_plain(words.help))}"
            )
            here = f"complete -c {program} -n '__fish_seen_subcommand_from {key}'"
            for option, about in words.options.items():
                flag = f"-l {option[2:]}" if option.startswith("--") else f"-s {option[1:]}"
                line = f"{here} {flag} -d {shlex.quote(_plain(about))}"
                if option in words.values:
                    line += f" -x -a {shlex.quote(_list(words.values[option]))}"
                elif option not in words.single:
                    line += " -r"
                lines.append(line)
            if "" in words.values:
                lines.append(f"{here} -f -a {shlex.quote(_list(words.values['']))}")
    return "\n".join(lines)


_SCRIPTS = {"bash": _bash, "fish": _fish, "zsh": _zsh}

__all__ = ["Completion"]
