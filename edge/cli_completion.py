"""`edgereel completion bash|zsh|fish|man`: what a shell or man wants to know of this command, on stdout."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from typing import Any

import msgspec

from edge import __version__
from edge.cli_help import HELP
from edge.command_tree import read_commands
from edge.completion import SHELLS
from edge.manual import man_page, read_rows, read_sections
from edge.packs import shipped_root
from edge.request import MODES
from edge.settings import Settings


def completion(shell: str, parser: argparse.ArgumentParser) -> int:
    """Print it; returns the exit code."""
    commands = read_commands(parser, read_rows(read_sections(HELP)["verbs"]))
    if shell == "man":
        print(man_page(commands, HELP, version=__version__), end="")
    else:
        print(SHELLS[shell](commands, known_words()), end="")
    return 0


def known_words() -> dict[str, list[str]]:
    """What may follow an option, or stand for an argument, as far as it is known beforehand."""
    packs = sorted(path.parent.name for path in shipped_root().glob("*/manifest.yaml"))
    return {"--mode": list(MODES), "--set": [f"{key}=" for key in _keys(Settings)], "NAME": packs}


def _keys(kind: Any, prefix: str = "") -> Iterator[str]:
    for field in msgspec.structs.fields(kind):
        below = isinstance(field.type, type) and issubclass(field.type, msgspec.Struct)
        name = f"{prefix}{field.encode_name}"
        if below:
            yield from _keys(field.type, f"{name}.")
        else:
            yield name
