"""From what captions say and clips show to a world to learn from: a value for every slot of every clip that was seen.

What a caption does not say is measured where that can be (motion, camera, size) and taken from the clip that looks most
like it where it cannot (place, colour). Values that nothing was seen of leave the vocabulary: a pack does not offer them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.errors import RequestError
from edge.manifest import Slot
from edge.video.group import RADIUS
from tools.convert.distil.sight import Sight
from tools.convert.distil.vocabulary import OWN, kept
from tools.convert.distil.world import Entry, Record

Array = NDArray[np.float32]
MOST_VARIANTS = 48  # pictures of one place: a pack carries them all
LEAST_CLIPS = 12  # fewer are no training set
LEAST_OF_A_SUBJECT = 3
THUMBNAIL = (16, 8)


@dataclass(frozen=True, kw_only=True)
class Known:
    """A clip that was seen: its number, the slots that its caption says, the sight, and whether that is `mirrored`."""

    number: int
    stated: Mapping[str, str]
    sight: Sight
    mirrored: bool = False


def settle(known: Sequence[Known], vocabulary: Mapping[str, Slot], *, source: str, licence: str) -> Record:
    """The world that these clips are. Raises RequestError where they are too few."""
    often = Counter(one.stated["subject"] for one in known)
    usable = [one for one in known if often[one.stated["subject"]] >= LEAST_OF_A_SUBJECT]
    if len(usable) < LEAST_CLIPS:
        raise RequestError(
            f"Only {len(usable)} clips show a subject of the vocabulary well enough; {LEAST_CLIPS} are needed at least.",
            hint="Read why in seen.json; clips of single things that move before a scenery that stands are best.",
        )
    places = _nearest("background", usable, [_thumbnail(one.sight) for one in usable], vocabulary)
    colours = _nearest("colour", usable, [_lab(one.sight.colour[None, None])[0, 0] for one in usable], vocabulary)
    entries, held = [], Counter[str]()
    for one, place, colour in zip(usable, places, colours, strict=True):
        slots = _slots(one, vocabulary, background=place, colour=colour)
        if held[place] < MOST_VARIANTS:
            entries.append(Entry(one.number, slots, held[place], one.mirrored))
            held[place] += 1
    order = np.random.default_rng(0x5E).permutation(len(entries))  # so that any stretch of them is a fair share
    entries = [entries[index] for index in order]
    seen = {name: [entry.slots[name] for entry in entries] for name in OWN}
    return Record(vocabulary=kept(vocabulary, seen), entries=entries, source=source, licence=licence)


def _slots(one: Known, vocabulary: Mapping[str, Slot], **found: str) -> dict[str, str]:
    """A value for every slot of one clip."""
    radius = float(np.median(one.sight.tracks[0].radius))
    seen = found | {
        "motion": one.sight.motion, "camera": one.sight.camera_kind,
        "size": min(RADIUS, key=lambda size: abs(np.log(radius / RADIUS[size]))),
    }  # fmt: skip
    made = {}
    for name, slot in vocabulary.items():
        value = found.get(name) or one.stated.get(name) or seen.get(name, slot.default)
        made[name] = value if value in slot.values else slot.default
    return made


def _nearest(name: str, clips: Sequence[Known], looks: Sequence[Array], vocabulary: Mapping[str, Slot]) -> list[str]:
    """The value of a slot for each clip: what its caption says, or what that of the most alike clip says."""
    told = [(look, one.stated[name]) for look, one in zip(looks, clips, strict=True) if name in one.stated]
    made = []
    for look, one in zip(looks, clips, strict=True):
        alike = min(told, key=lambda other: float(np.abs(other[0] - look).mean()), default=None)
        made.append(one.stated.get(name) or (alike[1] if alike else vocabulary[name].default))
    return made


def _thumbnail(sight: Sight) -> Array:
    return _lab(cv2.resize(sight.scenery, THUMBNAIL, interpolation=cv2.INTER_AREA).astype(np.float32) / 255)


def _lab(rgb: Array) -> Array:
    return np.asarray(cv2.cvtColor(rgb.astype(np.float32), cv2.COLOR_RGB2LAB), np.float32)
