"""Prompts planned as a board plans them, and which of them a pack can draw."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from edge.expand import LexiconExpander
from edge.manifest import Slot, VideoManifest
from edge.mode import Mode
from edge.plan import Plan
from tools.convert.tinyvideo.prompts import SETS, Prompt, load_prompts

DIRECT_SECONDS = Mode.DIRECT.row.seconds


@dataclass(frozen=True, kw_only=True)
class Task:
    """A planned prompt. `asked` is what a judge should see: the plan's values, and above them what was stated."""

    name: str
    prompt: str
    plan: Plan
    asked: dict[str, str]
    understood: bool


def load_set(name: str) -> list[Prompt]:
    """The prompts of a committed set, or of any YAML file like them. Raises ValueError naming the sets there are."""
    if name.endswith(".yaml"):
        return msgspec.yaml.decode(Path(name).read_bytes(), type=list[Prompt])
    if name not in SETS:
        raise ValueError(f"no prompt set {name!r}; there are {', '.join(SETS)}, or a YAML file")
    return load_prompts(name)


def plan_tasks(name: str, prompts: Sequence[Prompt], manifest: VideoManifest, *, seed: int) -> list[Task]:
    """Plan prompts as the board does in direct mode; those with a stated value that the pack lacks are left out."""
    expander = LexiconExpander(manifest, seconds=DIRECT_SECONDS)
    tasks = []
    for prompt in prompts:
        if can_draw(prompt, manifest.vocabulary):
            plan = expander.expand(prompt.prompt, seconds=prompt.seconds, seed=seed)
            slots = plan.shots[0].slots
            understood = all(slots.get(slot) == value for slot, value in prompt.slots.items())
            tasks.append(
                Task(name=name, prompt=prompt.prompt, plan=plan, asked=slots | prompt.slots, understood=understood)
            )
    return tasks


def can_draw(prompt: Prompt, vocabulary: Mapping[str, Slot]) -> bool:
    """Whether the pack knows every value that the prompt states (a second subject is a subject)."""
    kinds = {"second": "subject", "second_colour": "colour"}
    return all(
        kinds.get(slot, slot) in vocabulary and value in vocabulary[kinds.get(slot, slot)].values
        for slot, value in prompt.slots.items()
    )
