"""What the painter learns from is what the renderer draws: a portrait laid on the empty stage gives the whole picture."""

from __future__ import annotations

import numpy as np
import pytest

from edge.video.painter import PHASES, lay
from edge.video.textures import BODY
from tools.convert.scenes.palette import COLOURS
from tools.convert.scenes.render import render
from tools.convert.scenes.scene import make_scene
from tools.convert.scenes.stage import vary
from tools.convert.tinyvideo.portraits import portray, random_portrait
from tools.convert.tinyvideo.vocabulary import load_vocabulary

HEIGHT = 480
USUAL = {name: slot.default for name, slot in load_vocabulary().items()}


def psnr(one: np.ndarray, other: np.ndarray) -> float:
    return float(10 * np.log10(255**2 / np.mean((one.astype(float) - other) ** 2)))


@pytest.mark.parametrize("style", ["cartoon", "watercolour", "neon", "paper_cut"])
@pytest.mark.parametrize("subject", ["fish", "boat"])
def test_the_stage_with_a_portrait_on_it_is_the_renderers_picture(subject: str, style: str) -> None:
    slots = USUAL | {"subject": subject, "colour": "red", "style": style, "motion": "zigzag", "particles": "none"}
    scene = make_scene(slots, seed=3, seconds=2.0)
    number, track = 17, scene.layout.tracks[0]
    whole, stage = (next(render(scene, [number], height=HEIGHT, bodies=bodies)) for bodies in (True, False))
    x, y, radius, angle, flip, phase = (
        float(way[number]) for way in (track.x, track.y, track.radius, track.angle, track.flip, track.phase)
    )
    picture = portray(
        subject, phase, vary(COLOURS["red"], scene.u), style=style, light="natural", radius=radius, size=192
    )

    planes = [np.ascontiguousarray(plane) for plane in np.moveaxis(stage, 2, 0)]
    place = x * HEIGHT, y * HEIGHT, BODY * radius * HEIGHT, angle, flip
    lay(planes, (0, 1, 2), [np.ascontiguousarray(np.moveaxis(picture, 0, 2))], place, share=1.0)

    reach = BODY * radius * HEIGHT
    around = np.s_[
        max(0, int(y * HEIGHT - reach)) : int(y * HEIGHT + reach),
        max(0, int(x * HEIGHT - reach)) : int(x * HEIGHT + reach),
    ]
    made = np.stack(planes, axis=2)
    assert psnr(made[around], whole[around]) > psnr(stage[around], whole[around]) + 10
    assert psnr(made[around], whole[around]) > 23


def test_the_stage_differs_from_the_whole_picture_only_around_the_subjects() -> None:
    scene = make_scene(USUAL | {"subject": "balloon"}, seed=1, seconds=2.0)
    whole, stage = (next(render(scene, [20], height=HEIGHT, bodies=bodies)) for bodies in (True, False))
    track = scene.layout.tracks[0]

    rows, columns = np.nonzero((whole != stage).any(axis=2))

    assert len(rows)
    away = np.hypot(rows / HEIGHT - track.y[20], columns / HEIGHT - track.x[20])
    assert away.max() < 2.5 * track.radius[20]


def test_portraits_are_of_every_kind_and_fade_towards_their_border() -> None:
    rng = np.random.default_rng(1)
    seen = [random_portrait(load_vocabulary(), rng, size=48) for _ in range(60)]

    for name in ("subject", "colour", "style", "light"):
        assert len({one.slots[name] for one in seen}) > 0.6 * min(len(load_vocabulary()[name].values), 40)
    assert {one.phase for one in seen} <= set(range(PHASES))
    for one in seen:
        assert one.picture.shape == (4, 48, 48)
        assert one.picture.max() > 60
        border = np.concatenate([one.picture[:, 0], one.picture[:, -1], one.picture[:, :, 0], one.picture[:, :, -1]])
        assert border.max() <= 60
