"""The options of each verb, for argparse; a verb is a function that is imported when it is called."""

from __future__ import annotations

import argparse

from edge import __version__
from edge.cli_help import COMPLETION_EPILOG, GENERATE_EPILOG, TRUST_TEXT, WARM_EPILOG

EPILOGS = {"generate": GENERATE_EPILOG, "warm": WARM_EPILOG, "completion": COMPLETION_EPILOG}


class Help(argparse.RawDescriptionHelpFormatter):
    """Help as it was written, 100 columns wide; to ask the terminal would import more than all of the rest."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, max_help_position=24, width=100)


def build_parser(*wanted: str) -> argparse.ArgumentParser:
    """The command line with the options of these verbs: to make those of all would double the time to start."""
    parser = argparse.ArgumentParser(prog="edgereel", formatter_class=Help)
    parser.add_argument("--version", action="version", version=f"edgereel {__version__}")
    verbs = parser.add_subparsers(title="verbs", metavar="VERB", required=True, prog="edgereel")
    for name, fill in FILLS.items():
        added = verbs.add_parser(name, epilog=EPILOGS.get(name), formatter_class=Help)
        if name in wanted:
            fill(added)
    return parser


def _fill_generate(parser: argparse.ArgumentParser) -> None:
    _add_prompt(parser, optional=True)
    parser.add_argument(
        "-f", "--file", metavar="FILE", help="no prompt: one prompt a line of this file, clips to --out"
    )
    parser.add_argument(
        "--out", metavar="FILE", help="the MP4 to write (default: named after the prompt, here); with -f a folder"
    )
    parser.add_argument("--poster", metavar="FILE", help="also write this JPEG of the middle frame; with -f: jpg")
    _add_pack(parser)
    _add_common(parser)
    _add_extras(parser)
    parser.set_defaults(verb=_generate)


def _fill_plan(parser: argparse.ArgumentParser) -> None:
    _add_prompt(parser)
    parser.add_argument("--draw", metavar="FILE", help="draw where everything is in every shot into this PNG")
    _add_pack(parser)
    _add_common(parser)
    parser.set_defaults(verb=_plan)


def _fill_serve(parser: argparse.ArgumentParser) -> None:
    _add_common(parser, json=False)
    parser.set_defaults(verb=_serve)


def _fill_submit(parser: argparse.ArgumentParser) -> None:
    _add_prompt(parser, optional=True)
    parser.add_argument("--broker", metavar="HOST:PORT", help="the broker (default: that of the settings)")
    who = parser.add_mutually_exclusive_group()
    who.add_argument("--node", metavar="ID", help="the board that shall do it (default: the one that is online)")
    who.add_argument("--pool", metavar="NAME", help="any board of this pool shall do it")
    parser.add_argument("--wait", action="store_true", help="wait for the end of the job and print its state")
    parser.add_argument("--download", metavar="FOLDER", help="wait, and bring the clip to this folder")
    parser.add_argument("--token", metavar="FILE", help="file with the token of the board's clip server")
    parser.add_argument("--ttl", type=float, metavar="S", help="seconds after which it need not be begun any more")
    parser.add_argument(
        "--reuse",
        metavar="R",
        help="may a clip that the board has answer: never, same, or near under pressure (default: as the board is set)",
    )
    parser.add_argument(
        "--resume", action="store_true", help="no prompt: go on with every request whose end was not seen yet"
    )
    parser.add_argument("--timeout", type=float, default=600.0, metavar="S", help="seconds to wait (default: 600)")
    _add_common(parser)
    parser.set_defaults(verb=_submit)


def _fill_jobs(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--stats", action="store_true", help="percentiles of what the runs took, by mode")
    parser.add_argument("--plot", metavar="FILE", help="as --stats, and draw seconds and memory of every run as PNG")
    _add_common(parser)
    parser.set_defaults(verb=_jobs)


def _fill_warm(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", metavar="FILE", nargs="?", help="a text file with one prompt a line, put on the list")
    parser.add_argument("--mode", default="auto", metavar="M", help="auto, think, no_think, direct, lite or spare")
    parser.add_argument("--seconds", type=float, metavar="N", help="length of the clips (default: by the mode)")
    parser.add_argument("--list", action="store_true", help="show every prompt of the list and what became of it")
    parser.add_argument("--status", action="store_true", help="show how far the list is (default without FILE)")
    parser.add_argument(
        "--wait", action="store_true", help="show how it goes on until all are made; Ctrl-C only stops looking"
    )
    parser.add_argument("--clear", action="store_true", help="empty the list; clips that are made stay")
    _add_common(parser)
    parser.set_defaults(verb=_warm)


def _fill_top(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--broker", metavar="HOST:PORT", help="the broker (default: that of the settings)")
    parser.add_argument("--node", metavar="ID", help="the board to look at (default: the one that is online)")
    parser.add_argument("--once", action="store_true", help="end after the first message; else show until Ctrl-C")
    _add_common(parser)
    parser.set_defaults(verb=_top)


def _fill_fleet(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--broker", metavar="HOST:PORT", help="the broker (default: that of the settings)")
    parser.add_argument("--once", action="store_true", help="end after the first look; else show until Ctrl-C")
    _add_common(parser)
    parser.set_defaults(verb=_fleet)


def _fill_doctor(parser: argparse.ArgumentParser) -> None:
    _add_common(parser)
    parser.set_defaults(verb=_doctor)


def _fill_models(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(title="actions", metavar="ACTION", required=True, dest="action")
    for name, text in (
        ("list", "the packs that are known, and whether their weights are here"),
        ("pull", "fetch the weights of a pack, check them and put them in place"),
        ("add", "check a pack in a folder of yours and copy it to where packs are looked for"),
        ("verify", "check the sha256 of every file of one pack, or of all that are here"),
        ("trust", "allow a pack that does not come with edgereel to be opened"),
    ):
        action = actions.add_parser(
            name, help=text, description=TRUST_TEXT if name == "trust" else None, formatter_class=Help
        )
        if name == "add":
            action.add_argument("folder", metavar="FOLDER", help="the pack's folder, with its manifest.yaml")
            action.add_argument("--replace", action="store_true", help="also over another pack of that name")
        elif name != "list":
            what = "the pack" if name == "pull" else "the pack; with a slash its folder"
            action.add_argument("name", metavar="NAME", nargs="?" if name == "verify" else None, help=what)
        if name in {"add", "pull"}:
            action.add_argument(
                "--trust", action="store_true", help="also trust it: see `edgereel models trust --help`"
            )
        _add_common(action, json=name == "list")
    parser.set_defaults(verb=_models)


def _fill_completion(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("shell", metavar="SHELL", choices=("bash", "zsh", "fish", "man"), help="bash, zsh, fish or man")
    parser.set_defaults(verb=_completion)


FILLS = {
    "generate": _fill_generate,
    "plan": _fill_plan,
    "serve": _fill_serve,
    "submit": _fill_submit,
    "jobs": _fill_jobs,
    "warm": _fill_warm,
    "top": _fill_top,
    "fleet": _fill_fleet,
    "models": _fill_models,
    "doctor": _fill_doctor,
    "completion": _fill_completion,
}


def _add_prompt(parser: argparse.ArgumentParser, *, optional: bool = False) -> None:
    count = "?" if optional else None
    parser.add_argument("prompt", metavar="PROMPT", nargs=count, help="what to show, in English or Chinese")
    parser.add_argument("--mode", default="auto", metavar="M", help="auto, think, no_think, direct, lite or spare")
    parser.add_argument(
        "--seconds", type=float, metavar="N", help="length of the clip, 0.5 to 60 (default: by the mode)"
    )
    parser.add_argument("--seed", type=int, metavar="N", help="the same seed gives the same clip (default: random)")
    parser.add_argument(
        "--path",
        metavar="POINTS",
        help='lead the subject through 2-16 points "x,y x,y,size": shares of the frame, y down',
    )
    parser.add_argument(
        "--image",
        metavar="FILE",
        help="begin with this JPEG or PNG, and play in it; job:ID takes the last frame of an earlier clip",
    )


def _add_extras(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("what is done to the clip")
    group.add_argument(
        "--crop", metavar="W:H", help="another shape, such as 9:16 or 1:1; the window follows the subject softly"
    )
    group.add_argument("--fps", type=int, metavar="N", help="another rate, 1 to 60 (drawn: 24); frames are not mixed")
    group.add_argument("--loop", action="store_true", help="the end meets the beginning: see below")
    group.add_argument("--watermark", metavar="FILE|TEXT", help="a PNG, or words, in the lower right corner")
    group.add_argument(
        "--max-bytes", metavar="SIZE", help="never larger than this, such as 500kB or 20MB: made coarser until it fits"
    )
    group.add_argument(
        "--preview", metavar="FILE", help="also write a small .gif or .webp that plays everywhere; with -f: gif or webp"
    )


def _add_pack(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--pack", metavar="P", help="the video pack, by name or by its folder (default: models.video)")


def _add_common(parser: argparse.ArgumentParser, *, json: bool = True) -> None:
    if json:
        parser.add_argument("--json", action="store_true", help="print one JSON object as the last line of stdout")
    parser.add_argument("--config", metavar="FILE", help="settings file (default: /etc/edgereel/edgereel.yaml)")
    parser.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", help="one setting, e.g. engine.threads=2; repeatable"
    )


def _generate(args: argparse.Namespace) -> int:
    if args.file is not None:
        from edge.cli_bulk import bulk

        return bulk(args)
    from edge.cli_generate import generate

    return generate(args)


def _plan(args: argparse.Namespace) -> int:
    from edge.cli_generate import plan

    return plan(args)


def _serve(args: argparse.Namespace) -> int:
    from edge.cli_board import serve

    return serve(args)


def _submit(args: argparse.Namespace) -> int:
    from edge.cli_client import submit

    return submit(args)


def _jobs(args: argparse.Namespace) -> int:
    from edge.cli_board import jobs

    return jobs(args)


def _warm(args: argparse.Namespace) -> int:
    from edge.cli_warm import warm

    return warm(args)


def _top(args: argparse.Namespace) -> int:
    from edge.cli_client import top

    return top(args)


def _fleet(args: argparse.Namespace) -> int:
    from edge.cli_client import fleet

    return fleet(args)


def _doctor(args: argparse.Namespace) -> int:
    from edge.cli_board import doctor

    return doctor(args)


def _models(args: argparse.Namespace) -> int:
    from edge.cli_models import models

    return models(args)


def _completion(args: argparse.Namespace) -> int:
    from edge.cli_completion import completion

    return completion(args.shell, build_parser(*FILLS))
