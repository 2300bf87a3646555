"""The colours that a subject may be asked for, far enough apart to stay apart under a jitter and a tint."""

from __future__ import annotations

from tools.convert.scenes.ink import Rgb

COLOURS: dict[str, Rgb] = {
    "red": (222, 38, 44), "orange": (250, 132, 24), "yellow": (252, 214, 40), "green": (58, 168, 66),
    "blue": (38, 92, 222), "purple": (132, 58, 190), "pink": (250, 128, 184), "white": (242, 242, 246),
    "turquoise": (34, 200, 190), "brown": (126, 76, 40), "grey": (138, 142, 148), "black": (36, 36, 44),
}  # fmt: skip
