"""How alike plans are, with the shipped pack: what people would call near is near."""

from __future__ import annotations

import numpy as np
import pytest

from edge.errors import ModelError
from edge.expand import LexiconExpander
from edge.manifest import VideoManifest
from edge.packs import Pack, find_video_pack, shipped_root
from edge.plan import Shot
from edge.sections import Library
from edge.vectors import LENGTH, MIDDLE, dims_of, recipe_of, similarity
from edge.video.conditioner import Conditioner
from edge.video.likeness import vector
from edge.video.session import open_session

BALLOON = "a red balloon rises over snowy mountains"
ENOUGH = Library().similarity


class Measure:
    """Says how alike two prompts are."""

    def __init__(self, pack: Pack[VideoManifest]) -> None:
        self.manifest = pack.manifest
        part = self.manifest.parts["conditioner"]
        session, _ = open_session(pack.file(part.file), part, threads=1)
        self._conditioner = Conditioner(session, self.manifest.vocabulary)
        self._expander = LexiconExpander(self.manifest, seconds=4.0)

    def of(self, *shots: Shot) -> bytes:
        return vector(shots, self._conditioner, self.manifest)

    def shot(self, prompt: str) -> Shot:
        return self._expander.expand(prompt, seconds=None, seed=1).shots[0]

    def __call__(self, one: str, other: str) -> float:
        return similarity(self.of(self.shot(one)), self.of(self.shot(other)))


@pytest.fixture(scope="module")
def alike() -> Measure:
    return Measure(find_video_pack("tinyreel", roots=[shipped_root()]))


def test_other_words_for_the_same_are_the_same(alike: Measure) -> None:
    assert alike(BALLOON, "a red balloon floats up over snowy peaks") == 1.0


@pytest.mark.parametrize(
    "other",
    ["a small red balloon rises over snowy mountains", "a red balloon rises fast over snowy mountains",
     "a red balloon rises over snowy mountains, zoom in", "two red balloons rise over snowy mountains",
     "a red balloon rises over snowy mountains with sparkles"],
)  # fmt: skip
def test_a_detail_is_near_enough(alike: Measure, other: str) -> None:
    assert ENOUGH <= alike(BALLOON, other) < 1


@pytest.mark.parametrize(
    "other",
    ["a blue balloon rises over snowy mountains", "an orange balloon rises over snowy mountains",
     "a red balloon falls over snowy mountains", "a red balloon rises in the deep sea",
     "a red balloon rises in the sky", "a red balloon rises over snowy mountains, neon",
     "a red kite rises over snowy mountains", "two blue fish in the deep sea"],
)  # fmt: skip
def test_another_colour_movement_place_style_or_subject_is_not(alike: Measure, other: str) -> None:
    assert alike(BALLOON, other) < ENOUGH


def test_what_looks_alike_is_nearer_than_what_does_not(alike: Measure) -> None:
    def place(name: str) -> float:
        return alike(BALLOON, f"a red balloon rises {name}")

    assert place("in the sky") > place("over the city") > place("in the deep sea")
    assert alike(BALLOON, BALLOON.replace("red", "orange")) > alike(BALLOON, BALLOON.replace("red", "blue"))


def test_shots_count_by_their_seconds(alike: Measure) -> None:
    balloon, fish = alike.shot(BALLOON), alike.shot("two blue fish in the deep sea")
    one = alike.of(balloon)
    mostly = alike.of(Shot(slots=balloon.slots, seconds=3.0), Shot(slots=fish.slots, seconds=1.0))
    hardly = alike.of(Shot(slots=balloon.slots, seconds=1.0), Shot(slots=fish.slots, seconds=3.0))
    assert 1 > similarity(one, mostly) > similarity(one, hardly) > similarity(one, alike.of(fish))


def test_a_vector_has_length_one_and_is_the_same_every_time(alike: Measure) -> None:
    made = alike.of(alike.shot(BALLOON))
    assert made == alike.of(alike.shot(BALLOON))
    assert len(made) == dims_of(alike.manifest) == 128
    assert np.linalg.norm((np.frombuffer(made, np.uint8).astype(float) - MIDDLE) / LENGTH) == pytest.approx(1, abs=0.02)


def test_a_value_that_the_pack_does_not_know_is_an_error(alike: Measure) -> None:
    with pytest.raises(ModelError, match="cannot draw subject"):
        alike.of(Shot(slots={"subject": "submarine"}, seconds=1.0))


def test_vectors_of_another_pack_are_not_compared(alike: Measure) -> None:
    assert recipe_of(alike.manifest, "a" * 64) != recipe_of(alike.manifest, "b" * 64)
