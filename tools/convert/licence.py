"""Under which licence a model is: as the head of its card says."""

from __future__ import annotations

import re
from pathlib import Path

from edge.errors import ModelError

CARDS = ("README.md", "MODEL_CARD.md", "model_card.md")


def licence_of(folder: Path) -> str:
    """The `license` of the card's front matter. Raises ModelError where there is none."""
    for card in (folder / name for name in CARDS):
        text = card.read_text(encoding="utf-8", errors="replace") if card.is_file() else ""
        front = re.match(r"---\n(.*?)\n---", text, re.DOTALL)
        fields = dict(re.findall(r"^(license\w*): *(\S.*?) *$", front[1] if front else "", re.MULTILINE))
        named = fields.get("license_name") if fields.get("license") in ("other", None) else fields["license"]
        if named:
            return named.strip("'\"")
    raise ModelError(
        f"{folder} does not say under which licence the model is: no `license` in the head of its README.md. A pack "
        "without a licence is not made. Nothing was written.",
        hint="Read the model's page, then say it: --licence Apache-2.0 (or whatever it is).",
    )
