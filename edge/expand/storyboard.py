"""From slots to a plan: open slots filled tastefully, shot lengths, and one readable sentence as the caption."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from edge.errors import ModelError
from edge.manifest import Slot
from edge.plan import Plan, Shot

MIN_SHOT_S = 1.0
STEP_S = 0.5
# Whose wishes count first when a slot is open.
ADVISERS = ("subject", "motion", "background")
PLACES = {
    "sky": "in the sky", "sunset": "at sunset", "night_sky": "in the night sky", "deep_sea": "in the deep sea",
    "snowy_mountains": "over snowy mountains", "meadow": "in a meadow", "city": "in the city", "desert": "in the desert",
    "forest": "in a forest", "beach": "on a beach", "space": "in space", "room": "in a room",
}  # fmt: skip
MOVES = {
    "move_left": ("moves", "to the left"),
    "move_right": ("moves", "to the right"),
    "approach": ("comes", "closer"),
}
ONE, MANY = {"fireworks": "firework"}, {"leaf": "leaves"}
CAMERAS = {"pan_left": "pans left", "pan_right": "pans right", "zoom_in": "zooms in", "zoom_out": "zooms out"}
SPEEDS = {"slow": "slowly", "fast": "fast"}


def complete(said: Mapping[str, str], vocabulary: Mapping[str, Slot]) -> dict[str, str]:
    """A value for every slot: what was said, else what suits subject, motion or background, else the default."""
    slots = {name: value for name, value in said.items() if name in vocabulary and value in vocabulary[name].values}
    for adviser in ADVISERS:
        if adviser in vocabulary:
            slots.setdefault(
                adviser, vocabulary[adviser].default if adviser == "subject" else _wish(slots, adviser, vocabulary)
            )
            chosen = vocabulary[adviser].values[slots[adviser]]
            for name, value in chosen.suits.items():
                if name in vocabulary and value in vocabulary[name].values:
                    slots.setdefault(name, value)
    return {name: slots.get(name, slot.default) for name, slot in vocabulary.items()}


def shot_lengths(total_s: float, *, most: int) -> list[float]:
    """Split `total_s` into at most `most` shots of at least one second: equal, in half seconds, the rest in the last."""
    count = max(1, min(most, int(total_s // MIN_SHOT_S)))
    each = max(STEP_S, total_s / count // STEP_S * STEP_S)
    return [each] * (count - 1) + [round(total_s - each * (count - 1), 3)]


def make_plan(
    shots: Sequence[Mapping[str, str]],
    *,
    seconds: float,
    coverage: float,
    said: Sequence[str],
    vocabulary: Mapping[str, Slot],
    expander: str = "lexicon",
    reasoning: str = "",
) -> Plan:
    """A Plan of these shots over `seconds` in all. Raises ModelError when a shot does not fit the vocabulary."""
    for shot in shots:
        _check(shot, vocabulary)
    lengths = shot_lengths(seconds, most=len(shots))
    return Plan(
        shots=tuple(Shot(slots=dict(shot), seconds=length) for shot, length in zip(shots, lengths, strict=False)),
        caption=caption(shots[0]),
        coverage=coverage,
        said=tuple(said),
        expander=expander,
        reasoning=reasoning,
    )


def caption(slots: Mapping[str, str]) -> str:
    """One English sentence for a shot, for people: "A large red balloon rises over snowy mountains."""
    plural = slots.get("count", "one") != "one"
    subject = slots.get("subject", "thing")
    noun = ONE.get(subject, _plain(subject))
    described = [_plain(slots[name]) for name in ("size", "colour") if slots.get(name, "medium") != "medium"]
    glow = ["glowing"] if slots.get("light") == "glowing" else []
    words = [*described[:1], *glow, *described[1:], _many(noun) if plural else noun]
    article = slots["count"].capitalize() if plural else ("An" if words[0][0] in "aeiou" else "A")
    scene = " ".join([article, *words, *_movement(slots, plural=plural), _place(slots)])
    details = [f"with {_plain(slots['particles'])}"] if slots.get("particles", "none") != "none" else []
    details += ["in dim light"] if slots.get("light") == "dim" else []
    details += [f"{_plain(slots['style'])} style"] if slots.get("style", "cartoon") != "cartoon" else []
    details += [f"the camera {CAMERAS[slots['camera']]}"] if slots.get("camera") in CAMERAS else []
    return ", ".join([scene, *details]) + "."


def _wish(slots: Mapping[str, str], name: str, vocabulary: Mapping[str, Slot]) -> str:
    for adviser in ADVISERS:
        if adviser in slots and adviser != name:
            value = vocabulary[adviser].values[slots[adviser]].suits.get(name)
            if value in vocabulary[name].values:
                return str(value)
    return vocabulary[name].default


def _check(shot: Mapping[str, str], vocabulary: Mapping[str, Slot]) -> None:
    for name, slot in vocabulary.items():
        if shot.get(name) not in slot.values:
            raise ModelError(
                f"A shot has {name} {shot.get(name)!r}, which the video pack does not know.",
                hint=f"Use one of: {', '.join(slot.values)}.",
            )


def _movement(slots: Mapping[str, str], *, plural: bool) -> list[str]:
    motion = slots.get("motion", "hover")
    verb, rest = MOVES.get(motion, (f"{_plain(motion)}s", ""))
    words = [verb.removesuffix("s") if plural else verb, rest, SPEEDS.get(slots.get("speed", ""), "")]
    return [word for word in words if word]


def _place(slots: Mapping[str, str]) -> str:
    background = slots.get("background", "")
    return PLACES.get(background, f"before a {_plain(background)}" if background else "somewhere")


def _many(noun: str) -> str:
    if noun.endswith("fish") or noun in MANY:
        return MANY.get(noun, noun)
    return f"{noun[:-1]}ies" if noun.endswith("y") else f"{noun}s"


def _plain(value: str) -> str:
    return value.replace("_", " ")
