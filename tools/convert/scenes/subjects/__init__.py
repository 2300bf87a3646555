"""The subjects: each is a few shapes drawn with a pen, at a phase 0..2 pi of its own small motion, which repeats.

Bodies reach about 1 from the centre; nothing reaches beyond `REACH` (local u, v), so that layouts can keep them inside.
"""

from __future__ import annotations

from collections.abc import Callable

from tools.convert.scenes.pen import Pen
from tools.convert.scenes.subjects.creatures import bird, butterfly, cat, fish, jellyfish
from tools.convert.scenes.subjects.feasts import cake, candle, fireworks, heart, lantern
from tools.convert.scenes.subjects.forces import atom, ripple
from tools.convert.scenes.subjects.plants import flower, leaf, tree
from tools.convert.scenes.subjects.skies import cloud, moon, star, sun
from tools.convert.scenes.subjects.travellers import balloon, boat, car, kite, rocket

SUBJECTS: dict[str, Callable[[Pen, float], None]] = {
    "balloon": balloon, "jellyfish": jellyfish, "fish": fish, "bird": bird, "butterfly": butterfly, "boat": boat,
    "car": car, "rocket": rocket, "heart": heart, "star": star, "flower": flower, "moon": moon,
    "atom": atom, "cloud": cloud, "sun": sun, "tree": tree, "cake": cake, "fireworks": fireworks,
    "lantern": lantern, "kite": kite, "cat": cat, "leaf": leaf, "candle": candle, "ripple": ripple,
}  # fmt: skip
REACH = 1.3  # to the left, to the right and up
TAIL_REACH = 1.8  # downwards, for what hangs or stands below a body
