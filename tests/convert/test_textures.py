"""Baked textures, and that training looks them up as the board does."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from edge.video.textures import BODY, POSES
from edge.video.textures import Textures as Board
from tools.convert.tinyvideo import bake
from tools.convert.tinyvideo.config import Config, load_config
from tools.convert.tinyvideo.data import attributes, load_vocabulary, random_scene, scene_map
from tools.convert.tinyvideo.textures import LookUp, place_of

VOCABULARY = load_vocabulary()
KEYS, VARIANTS, CHOOSER = 4, 4, 2


@pytest.fixture(scope="module")
def config() -> Config:
    return load_config(Path(bake.__file__).with_name("tiny.yaml"))


@pytest.fixture(scope="module")
def textures(config: Config, tmp_path_factory: pytest.TempPathFactory) -> bake.Textures:
    out = tmp_path_factory.mktemp("textures")
    bake.bake(config, out)
    return bake.load_textures(out)


def test_every_place_and_subject_has_its_own_picture(config: Config, textures: bake.Textures) -> None:
    places, subjects = len(VOCABULARY["background"].values) * VARIANTS, len(VOCABULARY["subject"].values)

    assert textures.far.shape[:3] == textures.near.shape[:3] == (places, config.features, config.rows)
    assert textures.subjects.shape == (subjects, config.features * POSES, config.texels, config.texels)
    for pictures in (textures.far, textures.subjects):
        assert len(np.unique(pictures.reshape(len(pictures), -1), axis=0)) == len(pictures)


def test_the_middle_of_a_subject_is_painted_and_its_corner_is_not(textures: bake.Textures) -> None:
    first = np.abs(textures.subjects[list(VOCABULARY["subject"].values).index("balloon"), 0].astype(int))

    assert first[first.shape[0] // 2, first.shape[1] // 2] > 20 * max(1, first[0, 0])


@pytest.mark.parametrize("seed", range(8))
def test_training_looks_up_what_the_board_looks_up(config: Config, textures: bake.Textures, seed: int) -> None:
    scene = random_scene(VOCABULARY, seed=seed)
    layout = scene_map(config.autoencoder, VOCABULARY, scene.layout, 1)
    board = Board(
        textures.far, textures.near, textures.subjects, variants=VARIANTS, chooser=CHOOSER, photo=textures.photo
    )
    row = attributes(VOCABULARY, scene.shot.slots)
    slot = list(VOCABULARY).index("background")

    place = board.place(int(row[slot]), scene.z)
    found = board.look_up(layout, keys=KEYS, place=place)
    rows, noise = torch.from_numpy(row)[None], torch.from_numpy(scene.z)[None]
    places = place_of(rows, noise, slot=slot, variants=VARIANTS, chooser=CHOOSER)
    taught = LookUp(textures, KEYS)(torch.from_numpy(layout), places).numpy()

    assert np.array_equal(textures.far[int(places)], place.far)
    assert taught.shape == found.shape
    assert np.sqrt(np.mean((taught - found) ** 2)) < 0.03 * np.sqrt(np.mean(found**2))


def test_a_subject_is_looked_up_no_further_than_its_body(config: Config, textures: bake.Textures) -> None:
    scene = random_scene(VOCABULARY, seed=4)  # of one subject
    layout = scene_map(config.autoencoder, VOCABULARY, scene.layout, 0)
    board = Board(
        textures.far, textures.near, textures.subjects, variants=VARIANTS, chooser=CHOOSER, photo=textures.photo
    )
    found = board.look_up(layout, keys=KEYS, place=board.place(0, scene.z)).reshape(-1, KEYS, 16, *layout.shape[2:])

    seen = np.abs(found[: config.features, 0]).max(axis=(0, 1)) > 0
    track = scene.layout.tracks[0]
    y, x = np.argwhere(seen).mean(axis=0) / layout.shape[2]
    assert abs(x - track.x[1]) < track.radius[1]
    assert abs(y - track.y[1]) < track.radius[1]
    assert 0 < seen.mean() < 2 * (2 * BODY * track.radius.max()) ** 2
