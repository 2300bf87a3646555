"""The verb `llm`: its options, what it prints, and nothing else."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from edge.errors import RequestError
from edge.packs import NAME_PATTERN
from tools.convert.llm.llamacpp import converter_source
from tools.convert.llm.order import Look, Order, check_names, look
from tools.convert.room import default_threads
from tools.convert.steps import Steps
from tools.convert.telling import name_of, say_on_stderr, tell_rows

SUMMARY = "a language model (Hugging Face folder) to GGUF packs"
TYPES = ("Q4_0", "Q4_1", "Q4_K_M", "Q8_0")
EPILOG = """\
what happens
  The checkpoint is read once for NaN, converted to GGUF in 16 bits by llama.cpp's own converter, quantised by llama.cpp,
  and run beside transformers on the same tokens. Each pack is a folder OUT/NAME-TYPE with the model, its manifest.yaml
  and a report (report.md, report.json). A run that was stopped goes on where it was: give the same command again.

which type
  Q4_1    for boards with 1 GB: llama.cpp never copies it into a second form in memory
  Q4_0    for boards with more: cores with dot products (Pi 5) compute faster with that second form
  Q4_K_M  smaller errors than Q4_0 in about the same size
  Q8_0    nearly the model itself, twice the size

examples
  python -m tools.convert llm ~/Qwen3-0.6B --out packs --type Q4_0 --dry-run
  python -m tools.convert llm ~/Qwen3-0.6B --out packs --type Q4_0 --type Q8_0 --text story.txt
  python -m tools.convert llm ~/phi-2 --out packs --chat-template instruct --licence MIT
  edgereel models add packs/qwen3-0.6b-q4_0
"""


def add_options(parser: argparse.ArgumentParser) -> None:
    """The command line of the verb."""
    parser.epilog = EPILOG
    parser.add_argument("checkpoint", type=Path, metavar="FOLDER", help="config.json, *.safetensors, tokenizer files")
    parser.add_argument("--out", type=Path, default=Path("packs"), help="where the pack folders go (%(default)s)")
    parser.add_argument("--name", help="name of the packs, before the type (that of the folder)")
    parser.add_argument(
        "--type", action="append", choices=TYPES, metavar="TYPE", help=f"{', '.join(TYPES)}; may be given again (Q4_0)"
    )
    parser.add_argument("--title", default="", help="what the manifest calls the model (the folder's name)")
    parser.add_argument("--licence", default="", help="where the card does not say it, such as Apache-2.0")
    parser.add_argument(
        "--chat-template", default="", metavar="T", help="a .jinja file, or instruct, or chatml (the tokenizer's own)"
    )
    parser.add_argument(
        "--pre", default="", metavar="NAME", help="llama.cpp's name of the pre-tokenizer (found and proven)"
    )
    parser.add_argument("--text", type=Path, help="also count perplexity on this text file")
    parser.add_argument("--text-tokens", type=int, default=2048, metavar="N", help="of it at most (%(default)s)")
    parser.add_argument("--threads", type=int, help="threads of every library (all)")
    parser.add_argument("--sdist", type=Path, help="source package of llama-cpp-python, where there is no network")
    parser.add_argument("--dry-run", action="store_true", help="only say what it would take")
    parser.add_argument("--json", action="store_true", help="print the reports as JSON")


def run(args: argparse.Namespace) -> int:
    """Do it. Raises EdgereelError."""
    from tools.convert.llm.convert import convert  # noqa: PLC0415 - torch

    order = Order(
        folder=args.checkpoint, out=args.out, name=args.name or name_of(args.checkpoint), title=args.title,
        kinds=list(dict.fromkeys(args.type or ["Q4_0"])), licence=args.licence, template=args.chat_template, pre=args.pre,
        text=args.text, text_tokens=args.text_tokens, threads=args.threads or default_threads(),
    )  # fmt: skip
    _check(order.name, args.text)
    import torch  # noqa: PLC0415

    torch.set_num_threads(order.threads)
    steps = Steps(order.work, say=say_on_stderr())
    check_names(order, steps)
    source = converter_source(sdist=args.sdist)
    seen = look(order, source=source)
    _announce(order, seen)
    if args.dry_run:
        return 0
    made = convert(order, seen, source=source, steps=steps)
    reports = [json.loads((folder / "report.json").read_text(encoding="utf-8")) for folder in made.values()]
    if args.json:
        print(json.dumps(reports, ensure_ascii=False))
        return 0
    for folder, report in zip(made.values(), reports, strict=True):
        print(f"{folder}: {report['bytes'] / 1e6:.1f} MB, cosine of logits {report['parity']['cosine']:.4f}")
        if report["instruction_tokens"] > 0.85 * report["context_tokens"]:
            print("  its tokenizer leaves too little room for an answer on a board: see report.md")
    print(f"Put one on this board with: edgereel models add {next(iter(made.values()))}")
    return 0


def _check(name: str, text: Path | None) -> None:
    if not NAME_PATTERN.match(f"{name}-q4_k_m"):
        raise RequestError(f"{name!r} cannot be the name of a pack.", hint="Give another: --name my-model")
    if text and not text.is_file():
        raise RequestError(f"No text file at {text}.", hint="Any plain text of a few pages will do.")


def _announce(order: Order, seen: Look) -> None:
    checkpoint, needs, chat = seen.checkpoint, seen.needs, seen.speech.chat
    rows = [
        (
            "model",
            f"{checkpoint.architecture}, {checkpoint.parameters / 1e6:,.1f} million weights, licence {checkpoint.licence}",
        ),
        ("spoken to", f"by {seen.speech.template_source} template; thinking: {chat.thinking.kind}"),
        *((kind, f"about {size / 1e6:,.1f} MB, to {order.pack(kind)}") for kind, size in needs.results.items()),
        ("disk", f"{needs.disk / 1e6:,.0f} MB while it works"),
        (
            "memory",
            f"{needs.memory / 1e6:,.0f} MB at the most, parity in {'float32' if needs.full else 'its own type'}",
        ),
        ("time", f"about {max(needs.seconds / 60, 1):,.0f} min with {order.threads} threads"),
    ]
    tell_rows(rows)
