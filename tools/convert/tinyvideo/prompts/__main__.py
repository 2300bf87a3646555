"""python -m tools.convert.tinyvideo.prompts: write the generated prompt sets p1, p2, p4 and p6, always the same."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from itertools import product

import numpy as np

from edge.expand.lexicon import Lexicon
from tools.convert.captions import tell
from tools.convert.scenes.scene import held_out
from tools.convert.tinyvideo.prompts import Prompt, prompt_file
from tools.convert.tinyvideo.vocabulary import load_vocabulary

SEED = 20
VALUES = {name: list(slot.values) for name, slot in load_vocabulary().items()}
LEXICON = Lexicon(load_vocabulary())
ALWAYS = ("subject", "count", "colour", "motion", "background", "second", "second_colour")
SOMETIMES = 0.5  # share of the other slots that a prompt states
TRIES = 200
HEADS = {
    "p1": "200 combinations that training has seen, values balanced.",
    "p2": "100 combinations of subject, colour and motion that training never saw.",
    "p4": "40 with two subjects, none held out.",
    "p6": "20 of eight seconds.",
}


def main() -> None:
    """Write all four sets beside this file, and print their sizes."""
    for name, text in generated().items():
        prompt_file(name).write_text(text, encoding="utf-8")
        print(f"{name}: {text.count(chr(10)) - 1}")


def generated() -> dict[str, str]:
    """The text of each generated file."""
    texts: dict[str, str] = {}
    for number, (name, scenes) in enumerate(_sets().items()):
        rng = np.random.default_rng([SEED, number])
        seconds = 8.0 if name == "p6" else 4.0
        prompts = [_prompt(slots, rng, seconds, chinese=index % 4 == 3) for index, slots in enumerate(scenes)]
        lines = [f"- {json.dumps(_plain(prompt), ensure_ascii=False)}" for prompt in prompts]
        head = f"# {HEADS[name]} Written by `python -m tools.convert.tinyvideo.prompts`."
        texts[name] = "\n".join([head, *lines]) + "\n"
    return texts


def _sets() -> dict[str, list[dict[str, str]]]:
    rng = np.random.default_rng(SEED)
    return {
        "p1": list(_balanced(200, rng)),
        "p2": _held_out(100, rng),
        "p4": list(_balanced(40, rng, pairs=True)),
        "p6": list(_balanced(20, rng)),
    }


def _balanced(count: int, rng: np.random.Generator, *, pairs: bool = False) -> Iterator[dict[str, str]]:
    """Scenes in which every value of a slot comes about equally often; held-out ones get another motion."""
    columns = {name: _column(values, count, rng) for name, values in VALUES.items()}
    seconds, colours = (_column(VALUES[name], count, rng) for name in ("subject", "colour"))
    for index in range(count):
        slots = {name: column[index] for name, column in columns.items()}
        if pairs:
            slots |= {"count": "one", "second": seconds[index], "second_colour": colours[index]}
            while slots["second"] == slots["subject"]:
                slots["second"] = str(rng.choice(VALUES["subject"]))
        while held_out(slots):
            slots["motion"] = str(rng.choice(VALUES["motion"]))
        yield slots


def _held_out(count: int, rng: np.random.Generator) -> list[dict[str, str]]:
    """Held-out combinations, always the next one whose values were least used so far."""
    names = ("subject", "colour", "motion")
    combinations = [dict(zip(names, values, strict=True)) for values in product(*(VALUES[name] for name in names))]
    left = [slots for slots in combinations if held_out(slots)]
    left = [left[index] for index in rng.permutation(len(left))]
    used: Counter[str] = Counter()
    others = list(_balanced(count, rng))
    chosen: list[dict[str, str]] = []
    for rest in others:
        best = min(left, key=lambda slots: sum(used[value] * len(VALUES[name]) for name, value in slots.items()))
        left.remove(best)
        used.update(best.values())
        chosen.append({**rest, **best})
    return chosen


def _column(values: list[str], count: int, rng: np.random.Generator) -> list[str]:
    rounds = [values[index] for _ in range(-(-count // len(values))) for index in rng.permutation(len(values))]
    return rounds[:count]


def _prompt(slots: Mapping[str, str], rng: np.random.Generator, seconds: float, *, chinese: bool) -> Prompt:
    """A prompt that the lexicon reads back whole: these sets judge the generator, p3 the reading."""
    language = "zh" if chinese else "en"
    for _ in range(TRIES):
        stated = {name: value for name, value in slots.items() if name in ALWAYS or rng.uniform() < SOMETIMES}
        text = tell(stated, slots, rng, language=language)
        said = LEXICON.read(text).said
        if all(said.get(name) == value for name, value in stated.items() if name in VALUES):
            return Prompt(prompt=text, slots=stated, language=language, seconds=seconds)
    raise RuntimeError(f"No caption of {slots} is read back whole; look at the phrase book of {language}.")


def _plain(prompt: Prompt) -> dict[str, object]:
    entry: dict[str, object] = {"prompt": prompt.prompt, "slots": prompt.slots, "language": prompt.language}
    return {**entry, "seconds": prompt.seconds} if prompt.seconds != 4.0 else entry


if __name__ == "__main__":
    main()
