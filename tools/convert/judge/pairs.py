"""Judging clips against their originals, such as an autoencoder's reconstructions: accuracy kept, PSNR, flicker."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tools.convert.judge.clips import Clip, whole_clip
from tools.convert.judge.features import Features, distances
from tools.convert.judge.measures import MOVING, Measures, mean_measures, measure, ratios, still_pixels
from tools.convert.judge.verdicts import SLOTS, Seen, named
from tools.convert.tinyvideo.recogniser import Recogniser, judge_view

Bytes = NDArray[np.uint8]


@dataclass(frozen=True, kw_only=True)
class Pair:
    """An original and what was made of it, frame by frame; without `slots` the verdict on the original is the truth."""

    original: Clip
    made: Clip
    slots: Mapping[str, str] | None = None


def judge_pairs(pairs: Iterable[Pair], recogniser: Recogniser) -> dict[str, float]:
    """Figures of the made clips, and as oracle.KEY those of the originals.

    `accuracy_ratio` is the mean accuracy over all slots on made clips against that on originals; `psnr_db` and
    `moving_psnr_db` are of luma, the latter where the original changes by more than ten grey levels within a burst.
    """
    right: dict[str, list[tuple[bool, bool]]] = {}
    errors: list[tuple[float, float]] = []
    measured: list[tuple[Measures, Measures]] = []
    features = Features(), Features()
    for pair in pairs:
        views = np.stack([judge_view(clip.evenly()) for clip in (pair.made, pair.original)])
        verdict = recogniser.verdict(views)
        made, original = named(verdict, recogniser.shape.values)
        for slot, flags in _right(pair.slots or original, made, original).items():
            right.setdefault(slot, []).append(flags)
        for index, side in enumerate(features):
            side.add(verdict, index)
        errors.append(_errors(pair))
        measured.append(_measured(pair))
    figures = _accuracies(right) | _decibels(errors)
    own, truth = (mean_measures([pair[side] for pair in measured]) for side in (0, 1))
    figures |= own | ratios(own, truth) | {f"oracle.{name}": value for name, value in truth.items()}
    if len(measured) > 1:
        plain = distances(features[0], features[0], features[1])
        figures |= {name: value for name, value in plain.items() if not name.endswith("_ratio")}
    return figures | {"clips": float(len(measured))}


def read_pairs(originals: Path, made: Path) -> Iterator[Pair]:
    """Pairs from two folders with files of the same names: NAME.npy, uint8 [frames, h * 3 / 2, w] planar 4:2:0.

    NAME.json beside an original may hold the slots that it shows.
    """
    for path in sorted(originals.glob("*.npy")):
        slots = path.with_suffix(".json")
        yield Pair(
            original=whole_clip(list(np.load(path))),
            made=whole_clip(list(np.load(made / path.name))),
            slots=json.loads(slots.read_text(encoding="utf-8")) if slots.exists() else None,
        )


def _right(
    asked: Mapping[str, str], made: Mapping[str, str], original: Mapping[str, str]
) -> dict[str, tuple[bool, bool]]:
    both = [Seen(asked=asked, seen=side, motion_rule="", camera_rule="") for side in (made, original)]
    return {slot: (both[0].right(slot), both[1].right(slot)) for slot in SLOTS if slot in asked and slot in made}


def _accuracies(right: Mapping[str, list[tuple[bool, bool]]]) -> dict[str, float]:
    figures: dict[str, float] = {}
    for slot, flags in right.items():
        figures[f"{slot}_acc"], figures[f"oracle.{slot}_acc"] = (float(value) for value in np.mean(flags, axis=0))
    made, original = (sum(figures[f"{side}{slot}_acc"] for slot in right) for side in ("", "oracle."))
    return figures | {"accuracy_ratio": made / max(original, 1e-9), "oracle.accuracy_ratio": 1.0}


def _errors(pair: Pair) -> tuple[float, float]:
    """Mean squared error of luma over everything that is kept of the clip, and over what moves."""
    whole, moving = [], []
    for first, second in zip(pair.original.bursts(), pair.made.bursts(), strict=True):
        truth, error = np.stack(first), (np.stack(first).astype(np.float32) - np.stack(second)) ** 2
        whole.append(float(error.mean()))
        where = np.ptp(truth, axis=0) > MOVING
        if where.any():
            moving.append(float(error[:, where].mean()))
    return float(np.mean(whole)), float(np.mean(moving)) if moving else float("nan")


def _decibels(errors: list[tuple[float, float]]) -> dict[str, float]:
    means = np.nanmean(np.array([*errors, (np.nan, np.nan)]), axis=0) if errors else np.array([np.nan, np.nan])
    whole, moving = 10 * np.log10(255**2 / np.maximum(means, 1e-6))
    return {"psnr_db": float(whole), "moving_psnr_db": float(moving)}


def _measured(pair: Pair) -> tuple[Measures, Measures]:
    bursts = pair.original.bursts()
    still, fps = still_pixels(bursts), pair.original.total / pair.original.seconds
    return measure(pair.made.bursts(), still=still, fps=fps), measure(bursts, still=still, fps=fps)
