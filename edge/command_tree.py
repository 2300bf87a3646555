"""The command line as plain values, read out of argparse: what completions and the man page are made from."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Option:
    """One option; `metavar` is empty for a switch, and `value` says in one word what may follow where that is known."""

    flags: tuple[str, ...]
    metavar: str
    help: str


@dataclass(frozen=True, kw_only=True)
class Argument:
    """One word that is no option; `choices` are all there are, empty where it can be anything."""

    metavar: str
    help: str
    choices: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Command:
    """A verb, or an action of one; `words` is what is typed, such as ("models", "pull")."""

    words: tuple[str, ...]
    help: str
    text: str
    usage: str
    options: tuple[Option, ...]
    arguments: tuple[Argument, ...]
    commands: tuple[Command, ...]


def read_commands(
    parser: argparse.ArgumentParser, helps: Mapping[str, str], *, words: tuple[str, ...] = ()
) -> tuple[Command, ...]:
    """The verbs of a parser; `helps` has their one-line explanations where the parser was given none."""
    below = _subparsers(parser)
    if below is None:
        return ()
    told = dict(helps) | {action.dest: action.help for action in below._choices_actions if action.help}  # noqa: SLF001
    return tuple(_command(child, told, words=(*words, name)) for name, child in below.choices.items())


def _command(parser: argparse.ArgumentParser, helps: Mapping[str, str], *, words: tuple[str, ...]) -> Command:
    actions = [action for action in _actions(parser) if not isinstance(action, argparse._SubParsersAction)]  # noqa: SLF001
    return Command(
        words=words,
        help=helps.get(words[-1], ""),
        text="\n".join(text for text in (parser.description, parser.epilog) if text),
        usage=" ".join(parser.format_usage().removeprefix("usage: ").split()),
        options=tuple(_option(action) for action in actions if action.option_strings),
        arguments=tuple(_argument(action) for action in actions if not action.option_strings),
        commands=read_commands(parser, {}, words=words),
    )


def _option(action: argparse.Action) -> Option:
    metavar = "" if action.nargs == 0 else str(action.metavar or action.dest.upper())
    return Option(flags=tuple(action.option_strings), metavar=metavar, help=action.help or "")


def _argument(action: argparse.Action) -> Argument:
    choices = tuple(str(choice) for choice in action.choices or ())
    return Argument(metavar=str(action.metavar or action.dest), help=action.help or "", choices=choices)


def _subparsers(parser: argparse.ArgumentParser) -> argparse._SubParsersAction[argparse.ArgumentParser] | None:
    return next((action for action in _actions(parser) if isinstance(action, argparse._SubParsersAction)), None)  # noqa: SLF001


def _actions(parser: argparse.ArgumentParser) -> list[argparse.Action]:
    return parser._actions  # noqa: SLF001 - argparse has no public way to list what it was told
