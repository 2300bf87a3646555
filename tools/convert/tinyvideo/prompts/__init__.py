"""The prompt sets that packs are judged by, each entry with the slots that it states.

p1 200 combinations that training has seen, p2 100 held out from it, p3 60 in people's own words, p4 40 with two
subjects, p6 20 of eight seconds, p7 20 that the world does not hold. p1, p2, p4 and p6 are written by
`python -m tools.convert.tinyvideo.prompts`; p3 and p7 by hand.
"""

from __future__ import annotations

from pathlib import Path

import msgspec

SETS = ("p1", "p2", "p3", "p4", "p6", "p7")


class Prompt(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One prompt, the slots it states (beside those of the vocabulary perhaps `second` and `second_colour`)."""

    prompt: str
    slots: dict[str, str]
    language: str = "en"
    seconds: float = 4.0


def prompt_file(name: str) -> Path:
    """Where a set stands."""
    return Path(__file__).with_name(f"{name}.yaml")


def load_prompts(name: str) -> list[Prompt]:
    """The prompts of one of `SETS`, in order. Raises FileNotFoundError for another name."""
    return msgspec.yaml.decode(prompt_file(name).read_bytes(), type=list[Prompt])
