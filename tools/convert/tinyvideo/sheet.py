"""The contact sheet of a pack: 24 prompts through the lexicon and the runtime, one row each."""

from __future__ import annotations

from pathlib import Path

from edge.expand import LexiconExpander
from tools.convert.tinyvideo.evaluate import contact_sheet, open_pack

# Six in the vocabulary's own words, twelve as people say it, six in Chinese (with what they say).
PROMPTS = (
    ("a red balloon rises over snowy mountains", ""),
    ("a blue bird flies left over the meadow", ""),
    ("two orange fish swim to the right under water", ""),
    ("a purple butterfly zigzags over a flowering meadow, watercolour", ""),
    ("a white boat sways at sunset, the camera pans right", ""),
    ("a yellow car drives right through the city, paper cut", ""),
    ("to the stars! a little green rocket blasting off through space, all neon", ""),
    ("a big pink heart for my girlfriend, floating in the sky, with sparkles please", ""),
    ("can you show three yellow stars at night while the camera zooms out", ""),
    ("our grey cat hopping up and down in the living room", ""),
    ("a turquoise kite going round and round above the beach", ""),
    ("autumn: one brown leaf slowly coming down in the forest", ""),
    ("my kid let go of her yellow balloon and off it went into the blue sky", ""),
    ("something cosy: a candle burning in a dark living room", ""),
    ("fireworks and a purple lantern drifting up over the town at night", ""),
    ("jellyfish, glowing pink, deep down where it is dark", ""),
    ("imagine a snow-covered tree and it just keeps snowing", ""),
    ("a black car coming closer and closer on a desert road", ""),
    ("一只红色气球升上雪山", "a red balloon rises over snowy mountains"),
    ("蓝色的鱼在深海向左游", "a blue fish swims left in the deep sea"),
    ("三只黄色的小鸟飞过草地", "three small yellow birds fly over a meadow"),
    ("霓虹风格的紫色火箭在太空上升", "neon: a purple rocket rises in space"),
    ("水彩画:粉色的花在沙漠里摇摆", "watercolour: a pink flower sways in the desert"),
    ("夕阳下的白色小船,镜头拉近", "a white boat at sunset, zoom in"),
)
COLUMNS, SECONDS, SEED = 8, 3.0, 7


def draw(pack: Path, target: Path) -> None:
    """Write the sheet to `target`."""
    expander = LexiconExpander(open_pack(pack).manifest, seconds=SECONDS)
    shots = [
        (f"{number}  {said or prompt}{'  (in Chinese)' * bool(said)}",
         expander.expand(prompt, seconds=None, seed=SEED).shots[0])
        for number, (prompt, said) in enumerate(PROMPTS, 1)
    ]  # fmt: skip
    contact_sheet(pack, shots, columns=COLUMNS, seed=SEED, path=target)
    print(f"wrote {target}")
