"""python -m tools.convert VERB: models of anyone's become packs that a board can open. Every verb has --help."""

from __future__ import annotations

import argparse
import sys

from edge.errors import EdgereelError
from tools.convert.diffusion import command as diffusion
from tools.convert.distil import command as distil
from tools.convert.llm import command as llm
from tools.convert.mixed import command as mixed
from tools.convert.prune import command as prune

VERBS = {"llm": llm, "onnx": diffusion, "quantize": mixed, "prune": prune, "distil": distil}
EPILOG = """\
The workshop needs its own environment: `make .venv-convert/.made`, then .venv-convert/bin/python -m tools.convert ...
docs/convert.md shows whole runs. Exit codes are those of edgereel.
"""


def main(argv: list[str] | None = None) -> int:
    """Parse, do the verb, and say an error in one paragraph."""
    parser = argparse.ArgumentParser(
        prog="python -m tools.convert", description=__doc__, epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    verbs = parser.add_subparsers(title="verbs", metavar="VERB", required=True)
    for name, verb in VERBS.items():
        one = verbs.add_parser(
            name, help=verb.SUMMARY, description=f"Convert {verb.SUMMARY}.",
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )  # fmt: skip
        verb.add_options(one)
        one.set_defaults(run=verb.run)
    args = parser.parse_args(argv)
    try:
        return int(args.run(args))
    except EdgereelError as exc:
        print(f"edgereel convert: {exc}", file=sys.stderr)
        return exc.exit_code
    except KeyboardInterrupt:
        print("Stopped; the same command goes on from here.", file=sys.stderr)
        return 130


if __name__ == "__main__":
    raise SystemExit(main())
