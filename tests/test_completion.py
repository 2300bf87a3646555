"""`edgereel completion`: bash asks the real script, and every file knows every verb and option of the command line."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from edge.cli_completion import known_words
from edge.cli_help import HELP
from edge.cli_options import FILLS, build_parser
from edge.command_tree import Command, read_commands
from edge.manual import man_page, read_rows, read_sections
from edge.request import MODES
from tests.conftest import Cli

COMMANDS = read_commands(build_parser(*FILLS), read_rows(read_sections(HELP)["verbs"]))
LEAVES = [leaf for command in COMMANDS for leaf in (command.commands or (command,))]


@pytest.fixture
def bash_file(cli: Cli, tmp_path: Path) -> Path:
    path = tmp_path / "edgereel.bash"
    path.write_text(cli("completion", "bash").out, encoding="utf-8")
    return path


def complete(bash_file: Path, line: str) -> set[str]:
    """What bash offers for the last word of a line, as it asks the function on Tab."""
    words = line.split(" ")
    script = 'set -u; . "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _edgereel 2>/dev/null; printf "%s\\n" "${COMPREPLY[@]}"'
    done = subprocess.run(["bash", "-c", script, "-", bash_file, *words], capture_output=True, text=True, timeout=30,
                          check=True, cwd=bash_file.parent)  # fmt: skip
    return set(done.stdout.split())


def test_bash_completes_verbs_actions_options_values_and_files(bash_file: Path) -> None:
    (bash_file.parent / "a b.yaml").touch()

    assert complete(bash_file, "edgereel s") == {"serve", "submit"}
    assert complete(bash_file, "edgereel ") >= set(FILLS)
    assert complete(bash_file, "edgereel models p") == {"pull"}
    assert complete(bash_file, "edgereel models pull qw") == {"qwen3-0.6b"}
    assert complete(bash_file, "edgereel generate --mode ") == set(MODES)
    assert complete(bash_file, "edgereel generate 'a fish' --cr") == {"--crop"}
    assert complete(bash_file, "edgereel jobs --cr") == set()
    assert complete(bash_file, "edgereel serve --set engine.th") == {"engine.threads="}
    assert complete(bash_file, "edgereel serve --config edge") == {"edgereel.bash"}
    assert complete(bash_file, "edgereel --mode d generate --seed ") == set()


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish", "man"])
def test_every_verb_and_every_option_is_in_every_file(shell: str, cli: Cli) -> None:
    text = cli("completion", shell).out.replace("\\-", "-")
    dash = "-l " if shell == "fish" else "--"

    missing = [
        (leaf.words, flag)
        for leaf in LEAVES
        for option in leaf.options
        for flag in option.flags
        if flag.startswith("--") and flag != "--help" and f"{dash}{flag[2:]}" not in text
    ]
    assert [leaf.words for leaf in LEAVES if leaf.words[-1] not in text] + missing == []


def test_every_verb_is_explained(cli: Cli) -> None:
    assert [leaf.words for leaf in (*COMMANDS, *LEAVES) if not leaf.help] == []
    assert [option for leaf in LEAVES for option in leaf.options if not option.help] == []


def test_the_man_page_has_the_examples_and_the_exit_codes_of_help() -> None:
    page = man_page(COMMANDS, HELP, version="1.2.3").replace("\\-", "-")

    assert [code for code in read_rows(read_sections(HELP)["exit codes"]) if f"\\fB{code}\\fR" not in page] == []
    assert 'edgereel generate "a red balloon rises over mountains" --out balloon.mp4' in page
    assert "edgereel 1.2.3" in page


def test_no_line_of_the_man_page_is_taken_for_a_request_of_roff() -> None:
    odd = Command(
        words=("odd",), help=".starts with a dot", text="'quote\n.dot\nback\\slash", usage="edgereel odd", options=(),
        arguments=(), commands=(),
    )  # fmt: skip
    page = man_page([odd], HELP, version="1")

    assert [line for line in page.splitlines() if re.match(r"['.](?!(TH|SH|SS|TP|PP|B|I|BR|nf|fi)\b)", line)] == []
    assert "back\\eslash" in page


def test_groff_has_nothing_to_say_about_the_man_page(cli: Cli, tmp_path: Path) -> None:
    path = tmp_path / "edgereel.1"
    path.write_text(cli("completion", "man").out, encoding="utf-8")
    done = subprocess.run(["groff", "-man", "-ww", "-Kutf8", "-Tutf8", path], capture_output=True, text=True, timeout=60,
                          check=True)  # fmt: skip

    assert "EXIT STATUS" in re.sub(r"\x1b\[\d+m|.\x08", "", done.stdout)
    assert done.stderr == ""


def test_the_settings_that_are_offered_are_those_there_are() -> None:
    keys = known_words()["--set"]

    assert {"engine.threads=", "governor.spare.temperature_celsius=", "paths.state="} <= set(keys)
    assert len(keys) == len(set(keys)) > 50


def test_an_unknown_shell_is_refused_with_those_there_are(cli: Cli) -> None:
    outcome = cli("completion", "csh")

    assert outcome.code == 2
    assert "bash" in outcome.err
