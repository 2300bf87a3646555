"""The contact sheet of a pack: twelve prompts through the lexicon and the runtime, one row each."""

from __future__ import annotations

from pathlib import Path

from edge.expand import LexiconExpander
from tools.convert.tinyvideo.evaluate import contact_sheet, open_pack

PROMPTS = (
    "a red balloon rises over snowy mountains",
    "a glowing jellyfish in the deep sea",
    "two orange fish swim to the right under water",
    "a blue bird flies left over the meadow",
    "a purple butterfly on a flowering meadow, close up",
    "a white boat sways at sunset",
    "a yellow car drives right through the city",
    "a green rocket lifts off at night",
    "a big pink heart beats in the sky with sparkles",
    "three yellow stars in the night sky, zoom out",
    "a red flower in the desert, zoom in",
    "a white moon over snowy mountains in falling snow",
)
COLUMNS, SECONDS, SEED = 6, 2.0, 7


def draw(pack: Path, target: Path) -> None:
    """Write the sheet to `target`."""
    expander = LexiconExpander(open_pack(pack).manifest, seconds=SECONDS)
    shots = [(prompt, expander.expand(prompt, seconds=None, seed=SEED).shots[0]) for prompt in PROMPTS]
    contact_sheet(pack, shots, columns=COLUMNS, seed=SEED, path=target)
    print(f"wrote {target}")
