"""The backgrounds: painted places that are the same in every scene; layouts show other parts of them.

A background is a function of place, so that a generator can learn it as one from the scenery coordinates it is given.
Its only parameter is `lift` 0..1, the height of its hills or its horizon, which takes `VARIANTS` levels.
"""

from __future__ import annotations

from collections.abc import Callable

from tools.convert.scenes.backgrounds.land import desert, meadow, snowy_mountains
from tools.convert.scenes.backgrounds.scenery import LEFT, RIGHT, Image, Scenery, grid
from tools.convert.scenes.backgrounds.skies import night_sky, sky, space, sunset
from tools.convert.scenes.backgrounds.town import city, room
from tools.convert.scenes.backgrounds.water import beach, deep_sea
from tools.convert.scenes.backgrounds.woods import forest

__all__ = ["BACKGROUNDS", "LEFT", "RIGHT", "VARIANTS", "Image", "Scenery", "paint"]

VARIANTS = 4
BACKGROUNDS: dict[str, Callable[[Image, Image, float], Scenery]] = {
    "sky": sky, "sunset": sunset, "night_sky": night_sky, "deep_sea": deep_sea, "snowy_mountains": snowy_mountains,
    "meadow": meadow, "city": city, "desert": desert, "forest": forest, "beach": beach, "space": space, "room": room,
}  # fmt: skip


def paint(name: str, variant: int, *, height: int) -> Scenery:
    """Paint the named background with lift `variant` / (VARIANTS - 1), at `height` pixels for one canvas height."""
    x, y = grid(height)
    return BACKGROUNDS[name](x, y, variant / (VARIANTS - 1))
