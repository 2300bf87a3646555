"""The `edgereel` command: what was typed becomes one call, and what went wrong becomes one paragraph.

Why nothing else is imported up here: `--help` must come at once and the parent of `serve` must stay small, so each verb
imports what it needs when it is called. Even argparse takes longer than Python itself to start.
"""

from __future__ import annotations

import os
import sys

from edge.errors import EdgereelError

HELP = """\
usage: edgereel VERB ...        edgereel VERB --help for the options of a verb
       edgereel --help | --version

A sentence in, a short video clip out, on a small board, offline.

verbs:
  generate  make a clip here and now, without a daemon
  plan      show how a prompt is understood, without making a clip
  serve     run the daemon: take requests over MQTT until stopped
  submit    send a prompt to a board or a pool over MQTT; --download brings the clip
  jobs      list the jobs in this board's queue; --stats and --plot show what they took
  warm      make the prompts of a list in idle time, so that they are there when they are asked for
  top       show what a board says of itself, live
  fleet     show all boards of a broker, live
  models    list, pull, verify or trust model packs
  doctor    check this board; each finding comes with its fix

examples:
  edgereel models pull smollm2-135m                     get the small language model, once
  edgereel generate "a red balloon rises over mountains" --out balloon.mp4
  edgereel generate "/think a fish, then the moon" --seed 7 --json
  edgereel plan "红色气球升空" --mode no_think            how a prompt is understood
  edgereel plan "a red balloon" --draw plan.png          where everything will be
  edgereel serve                                         the daemon: requests over MQTT
  edgereel submit "a glowing jellyfish" --broker 127.0.0.1:1883 --wait
  edgereel submit "a snowy day" --pool kitchen --download .
  edgereel warm prompts.txt                              have often asked clips made while nothing else is to do
  edgereel jobs --plot runs.png                          seconds and memory of every run
  edgereel top                                           memory, pressure, mode and queue of a board, live
  edgereel doctor                                        is this board ready?

exit codes:
  0    done
  1    an error that is not listed here
  2    the command line itself is wrong
  3    the request is wrong: prompt, mode, seconds, seed, path
  4    the settings file or a --set is wrong
  5    a model pack is missing, damaged or does not fit its manifest
  6    not enough memory, disk or rights on this board
  7    the clip or poster cannot be written where it was asked for
  8    the MQTT broker cannot be reached or refuses us
  9    a model run failed or the engine process died
  10   the job was cancelled
  11   the job must go on in a cheaper mode (inside the daemon only)
  130  stopped with Ctrl-C (143: by SIGTERM)
"""


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
