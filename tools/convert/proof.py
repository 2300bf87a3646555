"""What every report has: its two files, and at its end what went in, what came out, by which versions, in which time."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from edge.whole_file import whole_file


def write_both(folder: Path, report: Mapping[str, Any], *, page: str) -> None:
    """Write `report.json` and its page `report.md`, each whole or not at all."""
    texts = {"report.json": json.dumps(report, indent=1, ensure_ascii=False) + "\n", "report.md": page}
    for name, text in texts.items():
        with whole_file(folder / name) as part:
            part.write_text(text, encoding="utf-8")


def proof(report: Mapping[str, Any], *, files: Mapping[str, str], took: str = "") -> list[str]:
    """Lines of Markdown. `files` are the sha256 of what came out by their names; `took` is a sentence before the seconds."""
    seconds = f"Seconds: {', '.join(f'{title} {spent}' for title, spent in report['seconds'].items())}."
    return [
        "## Inputs and versions",
        "",
        "| file | sha256 |",
        "|---|---|",
        *(f"| {name} | `{sha256}` |" for name, sha256 in report["inputs"].items()),
        *(f"| **{name}** | `{sha256}` |" for name, sha256 in files.items()),
        "",
        ", ".join(f"{name} {version}" for name, version in report["versions"].items()) + ".",
        "",
        f"{took} {seconds}".lstrip(),
        "",
    ]


def sums(report: Mapping[str, Any]) -> dict[str, str]:
    """The sha256 of a report's `files`."""
    return {name: file["sha256"] for name, file in report["files"].items()}
