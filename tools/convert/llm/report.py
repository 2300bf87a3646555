"""What a conversion did, for people (report.md) and for programs (report.json), beside the pack that it made."""

from __future__ import annotations

from importlib import metadata
from pathlib import Path
from typing import Any

import msgspec

from edge import __version__
from edge.manifest import CONTEXT_TOKENS, LlmManifest
from tools.convert.llm.checkpoint import Checkpoint
from tools.convert.llm.estimate import Estimate
from tools.convert.llm.llamacpp import Source
from tools.convert.llm.pack import board_memory, instruction
from tools.convert.llm.parity import BARS
from tools.convert.llm.speech import Speech
from tools.convert.proof import proof, write_both

LIBRARIES = ("llama-cpp-python", "transformers", "tokenizers", "torch", "numpy")
MIB = 1 << 20
ROOMY = 0.85  # of the context; the rest is for the request and the answer


def write_report(
    folder: Path, *, checkpoint: Checkpoint, speech: Speech, needs: Estimate, manifest: LlmManifest, kind: str,
    facts: dict[str, Any], seconds: dict[str, float], source: Source,
) -> None:  # fmt: skip
    """Write both files."""
    model = manifest.files[manifest.file]
    report = {
        "pack": manifest.name, "type": kind, "licence": manifest.licence,
        "architecture": checkpoint.architecture, "parameters": checkpoint.parameters, "inputs": facts["inputs"],
        "versions": {"edgereel": __version__, **{name: metadata.version(name) for name in LIBRARIES}},
        "converter_sha256": source.sha256, "file": manifest.file, "sha256": model.sha256, "bytes": model.bytes,
        "bytes_expected": needs.results[kind], "largest_weight": facts["sound"]["largest"], "tokens": facts["tokens"],
        "template_from": speech.template_source, "template": msgspec.to_builtins(manifest.template),
        "thinking": msgspec.to_builtins(manifest.thinking), "notes": speech.chat.notes,
        "groups": facts["groups"], "parity_exact": facts["exact"], "parity": facts["parity"], "bars": BARS,
        "instruction_tokens": len(speech.cut(instruction(manifest))), "context_tokens": CONTEXT_TOKENS,
        "reference_float32": needs.full, "kv_type": manifest.kv_type, "board_memory_mib": board_memory(manifest),
        "seconds": seconds,
    }  # fmt: skip
    write_both(folder, report, page=markdown(report))


def markdown(report: dict[str, Any]) -> str:
    """The report as a page."""
    thinking, tokens = report["thinking"], report["tokens"]
    lines = [
        f"# {report['pack']}",
        "",
        (
            f"{report['architecture']}, {report['parameters'] / 1e6:.1f} million weights, as {report['type']}: "
            f"`{report['file']}`, {report['bytes'] / MIB:.1f} MiB. Licence: {report['licence']}."
        ),
        "",
        "## Parity with the checkpoint in transformers",
        "",
        "| file | cosine of logits | worst position | same likeliest token | perplexity (checkpoint's) |",
        "|---|---|---|---|---|",
        *(_parity_row(name, report[key]) for name, key in (("16 bits", "parity_exact"), (report["type"], "parity"))),
        "",
        (
            f"{report['parity']['positions']} positions of fixed prompts; the checkpoint ran in "
            f"{'float32' if report['reference_float32'] else 'its own type'}, the file as on a board (keys and values in "
            f"{report['kv_type']})."
        ),
        "",
        "## Errors of the weights",
        "",
        "| group | stored as | tensors | MiB | relative error |",
        "|---|---|---|---|---|",
        *(
            f"| {row['group']} | {row['stored']} | {row['tensors']} | {row['mib']:.2f} | {row['error']:.4f} |"
            for row in report["groups"]
        ),
        "",
        "## On a board, as edgereel plans it",
        "",
        "| | MiB |",
        "|---|---|",
        *(f"| {name.replace('_', ' ')} | {mib:.0f} |" for name, mib in report["board_memory_mib"].items()),
        "",
        "## How it is spoken to",
        "",
        (
            f"The template is {report['template_from']}. Thinking: {thinking['kind']}, between `{thinking['open']!r}` and "
            f"`{thinking['close']!r}`. Tokens: pre-tokenizer `{tokens['pre'] or 'none needed'}` ({tokens['how']}), the same as "
            f"the tokenizer's on {tokens['equal']} of {tokens['texts']} texts."
        ),
        "",
        *(f"* {note}" for note in report["notes"]),
        f"* The instruction before every request takes {report['instruction_tokens']} of the {report['context_tokens']} "
        "tokens that a board gives a language model"
        + (
            "." if report["instruction_tokens"] < ROOMY * report["context_tokens"] else ": **too many to answer well**."
        ),
        "",
        *proof(report, files={report["file"]: report["sha256"]}),
    ]
    return "\n".join(lines)


def _parity_row(name: str, parity: dict[str, Any]) -> str:
    perplexity = "not asked for"
    if parity["perplexity"] is not None:
        perplexity = f"{parity['perplexity']:.3f} ({parity['reference_perplexity']:.3f})"
    return f"| {name} | {parity['cosine']:.5f} | {parity['worst']:.5f} | {parity['same_first']:.1%} | {perplexity} |"
