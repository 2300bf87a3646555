"""What a language model reads: the chat turns written out by the pack's own template, the constant part first."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from edge.expand.gloss import gloss
from edge.expand.grammar import write_answer
from edge.expand.storyboard import complete
from edge.manifest import LlmManifest, Slot

EXAMPLES = 4
SHORT_INTRO = "Direct a short animation."
INTRO = (
    "You direct a short animation. Turn the request into one scene line and shot lines.\n"
    "Keep what the request says; choose the rest so that it looks good together. Use only these words:\n"
)


@dataclass(frozen=True, kw_only=True)
class Turn:
    """The text around a request: `before` + the request + `after`. Only these two may hold control tokens."""

    before: str
    after: str


def constant_prefix(manifest: LlmManifest, vocabulary: Mapping[str, Slot]) -> str:
    """The part that is the same for every request: the instruction, the vocabulary, and worked examples.

    For a `short` prompt only one line of instruction.
    """
    if manifest.prompt == "short":
        return manifest.template.system.replace("{text}", SHORT_INTRO)
    words = [f"{name}: {', '.join(slot.values)}" for name, slot in vocabulary.items() if len(slot.values) > 1]
    turns = [manifest.template.system.replace("{text}", INTRO + "\n".join(words))]
    for index, said in enumerate(_stated(vocabulary)):
        request = " ".join(value.replace("_", " ") for value in said.values())
        turn = request_turn(manifest, request, said, vocabulary)
        answer = write_answer(_shots(complete(said, vocabulary), vocabulary, index), vocabulary, said)
        # Past answers show no thought, as native thinkers' own templates have it: else they would learn not to think.
        turns += [turn.before, request, turn.after, manifest.template.assistant, answer, _end(manifest)]
    return "".join(turns)


def request_turn(
    manifest: LlmManifest, request: str, said: Mapping[str, str], vocabulary: Mapping[str, Slot], *, think: bool = False
) -> Turn:
    """The user turn of one request: what was asked, what would suit it, and the pack's hint to think first."""
    before, _, after = manifest.template.user.partition("{text}")
    english = gloss(request) if manifest.glosses else ""
    proposed = ", ".join(f"{name} {value}" for name, value in ideas(said, vocabulary).items())
    lines = [f"\nEnglish: {english}"] if english else []
    lines += [f"\nIdeas: {proposed}"] if proposed or manifest.prompt == "full" else []
    if think and manifest.template.think_hint:
        lines.append(f"\n{manifest.template.think_hint}")
    return Turn(before=f"{before}Request: ", after="".join(lines) + after)


def ideas(said: Mapping[str, str], vocabulary: Mapping[str, Slot]) -> dict[str, str]:
    """What suits the stated slots, as a proposal that the model may follow: small models have little taste."""
    if not said:
        return {}
    proposed = complete(said, vocabulary)
    return {
        name: value
        for name, value in proposed.items()
        if name not in said and value != vocabulary[name].default and name != "subject"
    }


def answer_opening(manifest: LlmManifest) -> str:
    """What opens the model's turn when it must answer at once: for native thinkers an empty thought."""
    return manifest.template.assistant + manifest.template.no_think


def thought_opening(manifest: LlmManifest) -> str:
    """What opens the model's turn when it may think first; `manifest.thinking.close` ends the thought."""
    return manifest.template.assistant + manifest.thinking.open


def _end(manifest: LlmManifest) -> str:
    """The end of an assistant turn in the template: its first stop mark, and the line end if turns have one."""
    return manifest.template.stop[0] + ("\n" if manifest.template.user.endswith("\n") else "")


def _stated(vocabulary: Mapping[str, Slot]) -> list[dict[str, str]]:
    """What the persons of the worked examples say: made from the vocabulary itself, so that they fit any pack.

    The subjects are spread over the vocabulary; beside the subject each says another slot.
    """
    subjects = list(vocabulary["subject"].values) if "subject" in vocabulary else []
    names = [name for name in ("colour", "motion", "background") if name in vocabulary]
    step = max(1, len(subjects) // EXAMPLES)
    examples = []
    for index, subject in enumerate(subjects[::step][:EXAMPLES]):
        name = names[index % len(names)] if names else ""
        values = list(vocabulary[name].values) if name else []
        extra = {name: values[(3 * index + 2) % len(values)]} if name else {}
        examples.append({"subject": subject, **extra})
    return examples


def _shots(scene: dict[str, str], vocabulary: Mapping[str, Slot], index: int) -> list[dict[str, str]]:
    """One to three shots: the camera stands, moves, and stands again. Nothing else changes, so they follow each other."""
    cameras = list(vocabulary["camera"].values) if "camera" in vocabulary else []
    if len(cameras) < 2:
        return [scene]
    moved, still = {**scene, "camera": cameras[-1 - index % 2]}, {**scene, "camera": cameras[0]}
    return [scene, moved, still][: 1 + index % 3]
