"""The torch renderer draws the same pictures as the OpenCV one, within a tolerance that no eye sees."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from tools.convert.scenes.raster_torch import paint, render_torch  # noqa: E402
from tools.convert.scenes.render import render  # noqa: E402
from tools.convert.scenes.scene import Scene, make_scene  # noqa: E402
from tools.convert.scenes.subjects import SUBJECTS  # noqa: E402
from tools.convert.scenes.tables import tables  # noqa: E402
from tools.convert.tinyvideo.vocabulary import load_vocabulary  # noqa: E402

VALUES = {name: list(slot.values) for name, slot in load_vocabulary().items()}
FRAMES = [3, 20]
MOST_MEAN = 2.0  # levels
LEAST_PSNR = 32.0


def scene(number: int, **slots: str) -> Scene:
    """A scene that walks through all values of all slots as the number counts up."""
    turning = {name: values[(number * (1 + k)) % len(values)] for k, (name, values) in enumerate(VALUES.items())}
    return make_scene({**turning, **slots}, seed=number, seconds=1.0)


def difference(what: Scene, height: int) -> tuple[float, float]:
    """Mean absolute difference in levels, and PSNR in dB, of the two renderers' pictures."""
    ours = np.stack(list(render(what, FRAMES, height=height))).astype(float)
    theirs = render_torch(what, FRAMES, height=height).numpy()
    assert theirs.shape == ours.shape
    assert theirs.dtype == np.uint8
    gap = ours - theirs
    return float(np.abs(gap).mean()), float(10 * np.log10(255**2 / max(float((gap**2).mean()), 1e-9)))


@pytest.mark.parametrize("subject", SUBJECTS)
def test_every_subject_is_drawn_alike(subject: str) -> None:
    number = list(SUBJECTS).index(subject)

    mean, psnr = difference(scene(number, subject=subject, style=VALUES["style"][number % 4]), height=120)

    assert mean <= MOST_MEAN
    assert psnr >= LEAST_PSNR


@pytest.mark.parametrize("style", VALUES["style"])
@pytest.mark.parametrize("light", VALUES["light"])
def test_every_style_is_drawn_alike_in_every_light(style: str, light: str) -> None:
    mean, psnr = difference(scene(5, style=style, light=light, second="cat", second_colour="blue"), height=240)

    assert mean <= MOST_MEAN
    assert psnr >= LEAST_PSNR


@pytest.mark.parametrize("kind", VALUES["particles"])
@pytest.mark.parametrize("camera", ["static", "zoom_in"])
def test_every_kind_of_particle_is_drawn_alike(kind: str, camera: str) -> None:
    mean, psnr = difference(scene(9, particles=kind, camera=camera, style="cartoon"), height=240)

    assert mean <= MOST_MEAN
    assert psnr >= LEAST_PSNR


def test_the_tolerance_would_catch_a_missing_subject() -> None:
    what = scene(2, subject="heart", size="large", light="natural", style="cartoon")
    ours = np.stack(list(render(what, FRAMES, height=120))).astype(float)
    bare = tables(what, FRAMES, height=120)
    bare.roles.clear()

    gap = ours - paint(bare).numpy()

    assert 10 * np.log10(255**2 / (gap**2).mean()) < LEAST_PSNR


def test_several_scenes_are_drawn_as_each_alone() -> None:
    scenes = [scene(1), scene(2)]

    together = render_torch(scenes, FRAMES, height=60)

    assert together.shape == (2, 2, 60, 108, 3)
    for one, alone in zip(together, scenes, strict=True):
        assert torch.equal(one, render_torch(alone, FRAMES, height=60))


def test_the_same_scene_gives_the_same_picture_again() -> None:
    assert torch.equal(render_torch(scene(7), FRAMES, height=120), render_torch(scene(7), FRAMES, height=120))
