"""Completions for bash, zsh and fish, written out of the command tree.

Why none asks `edgereel` while a person waits: Python takes a quarter of a second to start on a board. What can be known
beforehand, modes, setting keys and the names of packs, stands in the script.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence

from edge.command_tree import Argument, Command, Option

Words = Mapping[str, Sequence[str]]


def bash(commands: Sequence[Command], words: Words) -> str:
    """A function for bash; `words` are what may follow an option, or stand for an argument, by flag or metavar."""
    every = list(_flat(commands))
    takes = {flag: option for command in every for option in command.options if option.metavar for flag in option.flags}
    lines = [
        "# bash completion for edgereel",
        "_edgereel() {",
        '    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]} command="" words="" i',
        "    for ((i = 1; i < COMP_CWORD; i++)); do",
        '        case "$command ${COMP_WORDS[i]}" in',
        *(f'            "{" ".join(("", *c.words)[-2:])}") command="{" ".join(c.words)}" ;;' for c in every),
        "        esac",
        "    done",
        '    case "$before" in',
        *(f"        {flag}) {_bash_value(option, words)} ;;" for flag, option in sorted(takes.items())),
        "    esac",
        '    case "$command" in',
        f'        "") words="{" ".join(c.words[-1] for c in commands)} --help --version" ;;',
        *(f'        "{" ".join(c.words)}") words="{" ".join(_first_words(c, words))}" ;;' for c in every),
        "    esac",
        '    mapfile -t COMPREPLY < <(compgen -W "$words" -- "$word")',
        "}",
        "complete -F _edgereel edgereel",
    ]
    return "\n".join(lines) + "\n"


def zsh(commands: Sequence[Command], words: Words) -> str:
    """A file for a folder of zsh's fpath, where it is to be called _edgereel."""
    lines = ["#compdef edgereel", *_zsh_function("_edgereel", (), commands, words), '_edgereel "$@"']
    return "\n".join(lines) + "\n"


def fish(commands: Sequence[Command], words: Words) -> str:
    """A file for a folder of fish's completions."""
    names = " ".join(command.words[0] for command in commands)
    outside = f"-n 'not __fish_seen_subcommand_from {names}'"
    lines = ["# fish completion for edgereel", "complete -c edgereel -f"]
    lines += [f"complete -c edgereel {outside} -l {flag}" for flag in ("help", "version")]
    lines += [f"complete -c edgereel {outside} -a {c.words[0]} -d {_quoted(c.help)}" for c in commands]
    for command in _flat(commands):
        lines += _fish_command(command, words)
    return "\n".join(lines) + "\n"


def _bash_value(option: Option, words: Words) -> str:
    known = _known(option, words)
    if known:
        # A key is not the end of the word: its value follows the equals sign.
        space = "compopt -o nospace; " if known[0].endswith("=") else ""
        return f'{space}mapfile -t COMPREPLY < <(compgen -W "{" ".join(known)}" -- "$word"); return'
    if kind := _path_kind(option):
        return f'compopt -o filenames; mapfile -t COMPREPLY < <(compgen -{kind} -- "$word"); return'
    return "return"


def _zsh_function(name: str, words: tuple[str, ...], commands: Sequence[Command], known: Words) -> Iterator[str]:
    yield f"{name}() {{"
    yield "  local -a verbs; local state line context; typeset -A opt_args"
    yield f"  verbs=({' '.join(_quoted(f'{c.words[-1]}:{c.help}') for c in commands)})"
    top = "" if words else " '--help[how to use it]' '--version[the version]'"
    yield f"  _arguments -C{top} '1: :->verb' '*:: :->rest'"
    yield "  case $state in"
    yield "    verb) _describe verb verbs ;;"
    yield "    rest) case $words[1] in"
    for command in commands:
        call = f"{name}_{command.words[-1]}" if command.commands else _zsh_arguments(command, known)
        yield f"      {command.words[-1]}) {call} ;;"
    yield "    esac ;;"
    yield "  esac"
    yield "}"
    for command in commands:
        if command.commands:
            yield from _zsh_function(f"{name}_{command.words[-1]}", command.words, command.commands, known)


def _zsh_arguments(command: Command, words: Words) -> str:
    specs = []
    for option in command.options:
        value = f":{option.metavar}:{_zsh_value(_known(option, words), _path_kind(option))}" if option.metavar else ""
        many = "*" if option.metavar == "KEY=VALUE" else ""
        specs += [_quoted(f"{many}{flag}[{_zsh_text(option.help)}]{value}") for flag in option.flags]
    for argument in command.arguments:
        specs.append(_quoted(f":{argument.metavar}:{_zsh_value(_known(argument, words), '')}"))
    return " ".join(["_arguments -S", *specs])


def _zsh_value(known: Sequence[str], path_kind: str) -> str:
    if known and known[0].endswith("="):
        return f"{{compadd -S '' - {' '.join(known)}}}"
    if known:
        return f"({' '.join(known)})"
    return {"f": "_files", "d": "_files -/", "": " "}[path_kind]


def _fish_command(command: Command, words: Words) -> Iterator[str]:
    seen = " ; and ".join(f"__fish_seen_subcommand_from {word}" for word in command.words)
    head = f"complete -c edgereel -n {_quoted(seen)}"
    if command.commands:
        inside = f"{seen} ; and not __fish_seen_subcommand_from {' '.join(c.words[-1] for c in command.commands)}"
        for child in command.commands:
            yield f"complete -c edgereel -n {_quoted(inside)} -a {child.words[-1]} -d {_quoted(child.help)}"
    for option in command.options:
        flags = " ".join(f"-l {flag[2:]}" if flag.startswith("--") else f"-s {flag[1:]}" for flag in option.flags)
        known = _known(option, words)
        path = {"f": " -r -F", "d": " -x -a '(__fish_complete_directories)'", "": " -x"}[_path_kind(option)]
        value = (f" -x -a {_quoted(' '.join(known))}" if known else path) if option.metavar else ""
        yield f"{head} {flags}{value} -d {_quoted(option.help)}"
    for argument in command.arguments:
        if known := _known(argument, words):
            yield f"{head} -a {_quoted(' '.join(known))}"


def _first_words(command: Command, words: Words) -> list[str]:
    known = [word for argument in command.arguments for word in _known(argument, words)]
    flags = [flag for option in command.options for flag in option.flags if flag.startswith("--")]
    return [*(child.words[-1] for child in command.commands), *known, *flags]


def _known(thing: Option | Argument, words: Words) -> Sequence[str]:
    if isinstance(thing, Argument):
        return thing.choices or words.get(thing.metavar, ())
    return next((words[flag] for flag in thing.flags if flag in words), ())


def _path_kind(option: Option) -> str:
    """As compgen calls it: f for a file, d for a folder, nothing for anything else."""
    return "f" if "FILE" in option.metavar else "d" if "FOLDER" in option.metavar else ""


def _flat(commands: Sequence[Command]) -> Iterator[Command]:
    for command in commands:
        yield command
        yield from _flat(command.commands)


def _zsh_text(text: str) -> str:
    return re.sub(r"([\[\]:\\])", r"\\\1", text)


def _quoted(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "'\\''") + "'"


SHELLS: Mapping[str, Callable[[Sequence[Command], Words], str]] = {"bash": bash, "zsh": zsh, "fish": fish}
