"""What can be measured on a clip without asking a network: flicker, warping error, dynamics, smoothness, sharpness.

Named after VBench (Huang et al. 2023, arXiv 2311.17982), with DIS flow (Kroeger et al. 2016, arXiv 1603.03590) in place
of its networks. A clip is measured at a few bursts of consecutive frames; every figure is meant as a ratio to the same
figure of the renderer's clip of the same plan and seed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from tools.convert.judge.sharpness import detail, edge_widths

Bytes = NDArray[np.uint8]
Reals = NDArray[np.float32]

BURST = 4  # consecutive frames
BURSTS = 4  # per clip
STILL = 1.5  # grey levels: what changes less within a burst stands still
MOVING = 10.0  # and what changes more moves
HALF_LEVEL = 0.5  # added to both sides of a ratio of small changes, so that nothing is divided by zero
FLOW_HEIGHT = 240
FASTEST_SHARE = 0.05  # of the pixels: their flow is the dynamic degree
OCCLUDED = 1.0  # pixels between there and back
LEAST_STILL = 0.02  # share of the picture: below it flicker is not measured


@dataclass(frozen=True, kw_only=True)
class Measures:
    """Means over a clip; NaN where a clip has nothing to measure.

    `flicker` mean change in grey levels from frame to frame of the pixels that stand still in the reference;
    `warping` mean change along the flow, outside occlusions; `dynamic_degree` flow of the fastest twentieth, in heights
    per second; `jerk` mean error in grey levels of a frame guessed from its neighbours; `edge_width` median 10-90 %
    width in pixels of strong edges, `subject_edge_width` of those near subjects; `laplacian` mean absolute Laplacian.
    """

    flicker: float
    warping: float
    dynamic_degree: float
    jerk: float
    edge_width: float
    subject_edge_width: float
    laplacian: float


def burst_numbers(frames: int) -> list[list[int]]:
    """The frame numbers of the bursts, spread over the clip; overlapping where it is short."""
    starts = np.linspace(0, max(frames - BURST, 0), BURSTS)
    return [[min(round(start) + i, frames - 1) for i in range(BURST)] for start in starts]


def still_pixels(bursts: Sequence[Sequence[Bytes]]) -> list[NDArray[np.bool_]]:
    """Where the luma [h, w] of each burst stands still; taken from the reference and used for both clips."""
    return [np.ptp(np.stack(burst), axis=0) < STILL for burst in bursts]


def measure(
    bursts: Sequence[Sequence[Bytes]], *, still: Sequence[NDArray[np.bool_]], fps: float,
    subjects: Sequence[NDArray[np.bool_]] | None = None,
) -> Measures:  # fmt: skip
    """Measure bursts of consecutive luma frames uint8 [h, w].

    `still` holds a mask per burst, `subjects` a mask of what is near a subject in the first frame of each burst.
    """
    flows = [_flow_figures([_half(frame) for frame in burst], fps) for burst in bursts]
    firsts = [burst[0] for burst in bursts]
    widths = [edge_widths(frame) for frame in firsts]
    near = [edge_widths(frame, mask) for frame, mask in zip(firsts, subjects or [], strict=bool(subjects))]
    return Measures(
        flicker=_mean([_flicker(burst, mask) for burst, mask in zip(bursts, still, strict=True)]),
        warping=_mean([f[0] for f in flows]),
        dynamic_degree=_mean([f[1] for f in flows]),
        jerk=_mean([f[2] for f in flows]),
        edge_width=_median(widths),
        subject_edge_width=_median(near),
        laplacian=_mean([detail(frame) for frame in firsts]),
    )


def mean_measures(clips: Sequence[Measures]) -> dict[str, float]:
    """The mean of every figure over the clips that have it."""
    rows = [asdict(clip) for clip in clips]
    return {name: _mean([row[name] for row in rows]) for name in (rows[0] if rows else ())}


def ratios(made: dict[str, float], reference: dict[str, float]) -> dict[str, float]:
    """Each figure against the reference's, as NAME_ratio. Changes get half a grey level on both sides."""
    extra = {"flicker": HALF_LEVEL, "warping": HALF_LEVEL, "jerk": HALF_LEVEL}
    return {
        f"{name}_ratio": (value + extra.get(name, 0.0)) / max(reference[name] + extra.get(name, 0.0), 1e-6)
        for name, value in made.items()
    }


def _flicker(burst: Sequence[Bytes], still: NDArray[np.bool_]) -> float:
    if still.mean() < LEAST_STILL:
        return float("nan")
    change = np.abs(np.diff(np.stack(burst).astype(np.int16), axis=0))
    return float(change[:, still].mean())


def _flow_figures(burst: list[Bytes], fps: float) -> tuple[float, float, float]:
    """Warping error, dynamic degree and jerk of one burst, from the flow of its first three frames."""
    first, middle, last = burst[0], burst[1], burst[2]
    there, back = _flow(first, middle), _flow(middle, first)
    seen = np.linalg.norm(there + _pull(back, there), axis=-1) < OCCLUDED
    error = np.abs(_pull(middle.astype(np.float32), there) - first)[seen]
    speed = np.sort(np.linalg.norm(there, axis=-1).reshape(-1))
    fastest = float(speed[-round(FASTEST_SHARE * speed.size) :].mean()) * fps / FLOW_HEIGHT
    return _mean(error), fastest, float(np.abs(_between(first, last) - middle).mean())


def _between(first: Bytes, last: Bytes) -> Reals:
    """The frame in the middle between two, each drawn half the way along its flow."""
    there, back = _flow(first, last), _flow(last, first)
    return (_pull(first.astype(np.float32), back / 2) + _pull(last.astype(np.float32), there / 2)) / 2


def _flow(before: Bytes, after: Bytes) -> Reals:
    dis = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_FAST)
    return np.asarray(dis.calc(before, after, None), np.float32)


def _pull(picture: Reals, flow: Reals) -> Reals:
    """`picture` looked up where the flow [h, w, 2] points to."""
    y, x = np.mgrid[: flow.shape[0], : flow.shape[1]].astype(np.float32)
    return np.asarray(
        cv2.remap(picture, x + flow[..., 0], y + flow[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE),
        np.float32,
    )


def _half(luma: Bytes) -> Bytes:
    size = (round(luma.shape[1] * FLOW_HEIGHT / luma.shape[0]), FLOW_HEIGHT)
    return np.asarray(cv2.resize(luma, size, interpolation=cv2.INTER_AREA), np.uint8)


def _mean(values: Sequence[float] | Reals) -> float:
    array = np.asarray(values, np.float64)
    known = array[np.isfinite(array)]
    return float(known.mean()) if known.size else float("nan")


def _median(parts: Sequence[Reals]) -> float:
    every = np.concatenate([*parts, np.zeros(0, np.float32)])
    return float(np.median(every)) if every.size else float("nan")
