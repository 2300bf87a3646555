"""The man page of the command, written out of the command tree and the text of --help."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from edge.command_tree import Command

Sections = Mapping[str, str]

ENVIRONMENT = {
    "EDGEREEL_CONFIG": "the settings file, instead of /etc/edgereel/edgereel.yaml",
    "EDGEREEL_MODELS": "the folder of pulled models",
    "EDGEREEL_TRACEBACK": "set to 1: an internal error shows where it happened",
}
FILES = {
    "/etc/edgereel/edgereel.yaml": "the settings; every key is explained in it",
    "/var/lib/edgereel": "queue, clips and models of the service",
    "/var/cache/edgereel": "what can be made again",
    "~/.local/share/edgereel": "clips and models of a person",
}


def read_sections(text: str) -> Sections:
    """The parts of a help text whose heads stand at the margin and end in a colon, by head."""
    parts = re.split(r"^([a-z ]+):\n", text, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def read_rows(section: str) -> dict[str, str]:
    """The rows of such a part: a word, two spaces or more, what it means."""
    return dict(re.findall(r"^  (\S+)  +(\S.*)$", section, flags=re.MULTILINE))


def man_page(commands: Sequence[Command], help_text: str, *, version: str) -> str:
    """The page in roff."""
    sections = read_sections(help_text)
    lines = [
        f'.TH EDGEREEL 1 "" "edgereel {version}" "User Commands"',
        ".SH NAME",
        r"edgereel \- a sentence in, a short video clip out, on a small board, offline",
        ".SH SYNOPSIS",
        r".B edgereel",
        r".I VERB",
        r"[\fIOPTION\fR ...]",
        ".SH VERBS",
        *_rows({command.words[0]: command.help for command in commands}),
        ".SH EXAMPLES",
        *_literal(sections["examples"]),
        *(line for command in commands for line in _verb(command)),
        ".SH EXIT STATUS",
        *_rows(read_rows(sections["exit codes"])),
        ".SH FILES",
        *_rows(FILES),
        ".SH ENVIRONMENT",
        *_rows(ENVIRONMENT),
        ".SH SEE ALSO",
        r".BR mosquitto (8), systemctl (1), journalctl (1)",
    ]
    return "\n".join(lines) + "\n"


def _verb(command: Command) -> Iterator[str]:
    yield f'.SH "{" ".join(("edgereel", *command.words)).upper()}"' if len(command.words) == 1 else _head(command)
    yield _roff(f"{command.help[:1].upper()}{command.help[1:]}.")
    if command.commands:
        for child in command.commands:
            yield from _verb(child)
        return
    yield from (".PP", rf"Usage: \fB{_roff(command.usage)}\fR")
    yield from _rows({argument.metavar: argument.help for argument in command.arguments})
    yield from _rows(
        {" ".join((", ".join(option.flags), option.metavar)).strip(): option.help for option in command.options}
    )
    if command.text:
        yield ".PP"
        yield from _literal(command.text)


def _head(command: Command) -> str:
    return f'.SS "edgereel {" ".join(command.words)}"'


def _rows(rows: Mapping[str, str]) -> Iterator[str]:
    for name, text in rows.items():
        yield from (".TP", rf"\fB{_roff(name)}\fR", _roff(text))


def _literal(text: str) -> Iterator[str]:
    """Lines as they are: examples would not survive being filled."""
    yield ".nf"
    yield from (_roff(line) for line in text.strip("\n").splitlines())
    yield ".fi"


def _roff(text: str) -> str:
    """Text in which roff sees nothing of its own: backslashes, hyphens that are to be copied, dots at the margin."""
    plain = (
        text.replace("\\", r"\e").replace("-", r"\-").replace("`", r"\(ga").replace("~", r"\(ti").replace("^", r"\(ha")
    )
    return r"\&" + plain if plain.startswith((".", "'")) else plain
