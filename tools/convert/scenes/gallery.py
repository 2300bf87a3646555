"""The gallery: every value of the vocabulary on one labelled sheet, for the eye of someone who has not read the code."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from tools.convert.scenes import sheet
from tools.convert.scenes.render import render
from tools.convert.scenes.scene import make_scene
from tools.convert.tinyvideo.vocabulary import load_vocabulary

Frame = NDArray[np.uint8]
Slots = Mapping[str, str]

WIDTH = 1680
FINER = 2  # pictures are drawn this much finer than they are shown
SECONDS, SEED, MIDDLE = 4.0, 7, 20
MOMENTS = (3, 33, 63, 93)  # frames of a strip
BASE = {
    "subject": "balloon", "count": "one", "size": "large", "colour": "red", "motion": "hover", "speed": "normal",
    "background": "sky", "particles": "none", "style": "cartoon", "camera": "static", "light": "natural",
}  # fmt: skip
CAT = {"subject": "cat", "colour": "grey", "background": "forest"}
LANTERN = {"subject": "lantern", "colour": "orange", "background": "room"}
STYLED = (("boat", "red", "beach"), ("tree", "orange", "city"))
PAIRS = (
    ("cat", "grey", "butterfly", "orange", "meadow"), ("rocket", "white", "moon", "yellow", "space"),
    ("fish", "orange", "jellyfish", "pink", "deep_sea"), ("boat", "red", "sun", "yellow", "sunset"),
    ("cake", "pink", "balloon", "turquoise", "room"), ("kite", "blue", "bird", "white", "beach"),
)  # fmt: skip


def draw_gallery() -> Frame:
    """The whole sheet as RGB uint8 [h, WIDTH, 3]."""
    moments = ", ".join(str(frame) for frame in MOMENTS)
    sections = [
        _section("24 subjects", [_one(_dressed(name), f"{name} ({_dressed(name)['colour']})", 8) for name in _values("subject")], 8),
        _section("12 colours", [_one({"colour": name, "background": "beach"}, name, 12) for name in _values("colour")], 12),
        _section("12 backgrounds", [_one({"background": name}, name, 6, empty=True) for name in _values("background")], 6),
        _section("4 styles", _styles(), 8),
        _section("7 particles", [_one(CAT | {"particles": name}, name, 7) for name in _values("particles")], 7),
        _section("3 lights, 3 counts, 3 sizes", _manners(), 9),
        _section("two subjects", [_pair(*pair) for pair in PAIRS], 6),
        _section(f"10 motions: frames {moments} of 96", _motions(), 3),
        _section("3 speeds", _speeds(), 3),
        _section("5 cameras", _cameras(), 3),
    ]  # fmt: skip
    return np.concatenate([*sections, np.full((8, WIDTH, 3), sheet.PAGE, np.uint8)])


def stills(slots: Slots, frames: Sequence[int], *, height: int, empty: bool = False) -> list[Frame]:
    """Frames of a scene, RGB uint8 [height, 1.8 * height, 3]; `empty` leaves the subjects out."""
    scene = make_scene({**BASE, **slots}, seed=SEED, seconds=SECONDS)
    if empty:
        scene = replace(scene, layout=replace(scene.layout, tracks=()))
    size = (round(height * 1.8), height)
    drawn = render(scene, frames, height=FINER * height)
    return [np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8) for picture in drawn]


def _section(title: str, cells: Sequence[Frame], columns: int) -> Frame:
    return sheet.section(title, cells, columns=columns, width=WIDTH)


def _values(slot: str) -> list[str]:
    return list(load_vocabulary()[slot].values)


def _dressed(subject: str) -> dict[str, str]:
    """A subject in the colour and before the background that suit it."""
    wish = load_vocabulary()["subject"].values[subject].suits
    return {"subject": subject, "colour": wish.get("colour", "red"), "background": wish.get("background", "sky")}


def _one(slots: Slots, label: str, columns: int, *, empty: bool = False) -> Frame:
    height = sheet.height_of(columns, width=WIDTH)
    return sheet.cell(stills(slots, [MIDDLE], height=height, empty=empty)[0], label.replace("_", " "))


def _strip(slots: Slots, label: str) -> Frame:
    height = sheet.height_of(4 * 3, width=WIDTH)
    return sheet.cell(sheet.strip(stills(slots, MOMENTS, height=height)), label.replace("_", " "))


def _styles() -> list[Frame]:
    return [
        _one({"style": style, "subject": subject, "colour": colour, "background": place}, f"{style}: {subject}, {place}", 8)
        for subject, colour, place in STYLED for style in _values("style")
    ]  # fmt: skip


def _manners() -> list[Frame]:
    return [
        _one(LANTERN | {"size": "medium"} | {slot: value}, f"{slot} {value}", 9)
        for slot in ("light", "count", "size") for value in _values(slot)
    ]  # fmt: skip


def _pair(subject: str, colour: str, second: str, second_colour: str, background: str) -> Frame:
    slots = {"subject": subject, "colour": colour, "second": second, "second_colour": second_colour}
    return _one(slots | {"background": background}, f"{colour} {subject}, {second_colour} {second}", 6)


def _motions() -> list[Frame]:
    return [_strip({"motion": name, "subject": "bird", "size": "medium"}, name) for name in _values("motion")]


def _speeds() -> list[Frame]:
    car = {"motion": "move_right", "subject": "car", "size": "small", "background": "desert"}
    return [_strip(car | {"speed": name}, name) for name in _values("speed")]


def _cameras() -> list[Frame]:
    cat = {"subject": "cat", "colour": "black", "background": "snowy_mountains"}
    return [_strip(cat | {"camera": name}, name) for name in _values("camera")]
