"""The `edgereel` command: what was typed becomes one call, and what went wrong becomes one paragraph.

Why nothing else is imported up here: `--help` must come at once and the parent of `serve` must stay small, so each verb
imports what it needs when it is called. Even argparse takes longer than Python itself to start.
"""

from __future__ import annotations

import os
import sys

from edge.cli_help import HELP
from edge.errors import EdgereelError


def main(argv: list[str] | None = None) -> int:
    """Run one command and return its exit code; an EdgereelError is told on stderr, never as a traceback."""
    try:
        words = sys.argv[1:] if argv is None else argv
        if words in (["--help"], ["-h"]):
            print(HELP, end="")
            return 0
        return _run(words)
    except EdgereelError as exc:
        complain(str(exc))
        return exc.exit_code
    except KeyboardInterrupt:
        complain("Stopped.")
        return 130
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # so that the flush at exit is quiet
        return 1
    except Exception as exc:  # the process edge: a person gets a sentence, a developer sets the variable
        if os.environ.get("EDGEREEL_TRACEBACK"):
            raise
        complain(
            f"Internal error: {type(exc).__name__}: {exc}. Set EDGEREEL_TRACEBACK=1 to see where, and please report it."
        )
        return 1


def complain(text: str) -> None:
    """Say one paragraph on stderr."""
    print("edgereel: " + " ".join(text.split()), file=sys.stderr, flush=True)


def _run(words: list[str]) -> int:
    from edge.cli_options import build_parser

    verb = next((word for word in words if not word.startswith("-")), "")
    args = build_parser(verb).parse_args(words)
    code: int = args.verb(args)
    return code
