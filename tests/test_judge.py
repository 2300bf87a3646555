"""The judges that have learned nothing: each measure reacts as it must, and the tracker names what it is shown."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from edge.plan import Shot
from tools.convert.judge.clips import Clip, rendered, subject_mask, whole_clip
from tools.convert.judge.controls import frozen, shuffled
from tools.convert.judge.distances import frechet, kernel_distance, spread
from tools.convert.judge.measures import Measures, measure, ratios, still_pixels
from tools.convert.judge.motion import MOTIONS, Path, best_motion, misfits
from tools.convert.judge.report import Bar, table, warnings
from tools.convert.judge.sharpness import edge_widths
from tools.convert.judge.tracker import Tracked, subjects_asked, track
from tools.convert.tinyvideo.vocabulary import load_vocabulary

BASE = {name: slot.default for name, slot in load_vocabulary().items()} | {"particles": "none", "camera": "static"}
CAMERAS = tuple(load_vocabulary()["camera"].values)


def clip_of(seed: int = 5, seconds: float = 4.0, **slots: str) -> Clip:
    return rendered(Shot(slots={**BASE, **slots}, seconds=seconds), seed=seed)


def tracked(clip: Clip, *, subjects: int = 1) -> Tracked:
    return track(clip.for_tracking(), subjects=subjects, seconds=clip.seconds)


def luma(i420: np.ndarray) -> np.ndarray:
    return i420[: i420.shape[0] * 2 // 3]


@pytest.fixture(scope="module")
def clip() -> Clip:
    return clip_of(subject="heart", colour="red", motion="move_right", background="meadow")


def figures(bursts: list[list[np.ndarray]], reference: Clip) -> Measures:
    return measure(bursts, still=still_pixels(reference.bursts()), fps=24)


@pytest.mark.parametrize("motion", MOTIONS)
def test_the_tracker_names_the_motion_of_a_render(motion: str) -> None:
    shown = [
        tracked(clip_of(seed, subject=subject, colour=colour, background=background, motion=motion)).motion
        for seed, subject, colour, background in ((11, "fish", "orange", "deep_sea"), (12, "star", "yellow", "city"))
    ]

    assert shown == [motion, motion]


@pytest.mark.parametrize("camera", CAMERAS)
def test_the_tracker_names_the_camera_and_the_motion_in_spite_of_it(camera: str) -> None:
    found = tracked(clip_of(21, subject="heart", colour="red", background="meadow", motion="bounce", camera=camera))

    assert (found.camera.kind, found.motion) == (camera, "bounce")


def test_the_members_of_a_group_are_followed_one_by_one() -> None:
    found = tracked(
        clip_of(31, subject="star", colour="red", count="three", motion="rise", background="meadow"), subjects=3
    )

    starts = [path.x.mean() for path in found.paths]
    assert found.motion == "rise"
    assert starts == sorted(starts)
    assert min(np.diff(starts)) > 0.15


def test_a_clip_of_another_motion_is_called_wrong(clip: Clip) -> None:
    backwards = [clip.frames[number] for number in sorted(clip.frames, reverse=True)]

    assert tracked(clip).motion == "move_right"
    assert tracked(whole_clip(backwards, fps=len(backwards) / clip.seconds)).motion == "move_left"


def test_a_clip_that_stands_still_is_called_hovering(clip: Clip) -> None:
    still = [clip.frames[0]] * 96

    found = tracked(whole_clip(still))

    assert (found.motion, found.camera.kind) == ("hover", "static")


def test_falling_particles_are_no_subject() -> None:
    found = tracked(clip_of(41, subject="heart", colour="red", motion="move_left", background="city", particles="snow"))

    assert found.motion == "move_left"


def test_a_second_subject_is_one_more_to_follow() -> None:
    assert subjects_asked({"count": "two"}) == 2
    assert subjects_asked({"count": "one", "second": "moon"}) == 2


@pytest.mark.parametrize(
    ("motion", "x", "y"),
    [
        ("rise", lambda t: 0.9 + 0 * t, lambda t: 0.7 - 0.1 * t),
        ("move_left", lambda t: 1.3 - 0.2 * t, lambda t: 0.5 + 0 * t),
        ("orbit", lambda t: 0.9 + 0.3 * np.cos(2.5 * t), lambda t: 0.5 + 0.2 * np.sin(2.5 * t)),
        ("bounce", lambda t: 0.9 + 0 * t, lambda t: 0.7 - 0.3 * np.abs(np.sin(3 * t))),
        ("sway", lambda t: 0.9 + 0.2 * np.sin(4 * t), lambda t: 0.5 + 0 * t),
        ("hover", lambda t: 0.9 + 0.02 * np.sin(3 * t), lambda t: 0.5 + 0.02 * np.cos(2 * t)),
    ],
)
def test_a_path_is_named_by_its_shape(motion: str, x: object, y: object) -> None:
    t = np.linspace(0, 4, 32)
    path = Path(seconds=t, x=x(t), y=y(t), size=np.ones(32), weight=np.ones(32))

    assert best_motion(misfits(path)) == motion


def test_what_grows_in_its_place_approaches() -> None:
    t = np.linspace(0, 4, 32)
    path = Path(seconds=t, x=0.9 + 0 * t, y=0.5 + 0 * t, size=np.exp(0.2 * t), weight=np.ones(32))

    assert best_motion(misfits(path)) == "approach"


def test_a_blurred_clip_has_wider_edges_and_less_detail(clip: Clip) -> None:
    blurred = [[cv2.GaussianBlur(frame, (0, 0), 3) for frame in burst] for burst in clip.bursts()]

    found = ratios(vars(figures(blurred, clip)), vars(figures(clip.bursts(), clip)))

    assert found["edge_width_ratio"] > 1.8
    assert found["laplacian_ratio"] < 0.5


@pytest.mark.parametrize("sigma", [2.0, 4.0])
def test_the_width_of_an_edge_is_its_rise_in_pixels(sigma: float) -> None:
    step = np.zeros((80, 160), np.uint8)
    step[:, 80:] = 200

    found = float(np.median(edge_widths(cv2.GaussianBlur(step, (0, 0), sigma))))

    assert found == pytest.approx(2.563 * np.hypot(sigma, 0.7), rel=0.15)  # 10-90 % of a Gaussian's integral


def test_edges_are_measured_only_inside_the_mask(clip: Clip) -> None:
    frame = clip.bursts()[0][0]

    assert edge_widths(frame, np.zeros(frame.shape, bool)).size == 0
    assert edge_widths(frame, np.ones(frame.shape, bool)).size == edge_widths(frame).size > 0


def test_a_noisy_clip_flickers_and_warps_badly(clip: Clip) -> None:
    rng = np.random.default_rng(1)
    noisy = [[_noisy(frame, rng) for frame in burst] for burst in clip.bursts()]

    found = ratios(vars(figures(noisy, clip)), vars(figures(clip.bursts(), clip)))

    assert found["flicker_ratio"] > 3
    assert found["warping_ratio"] > 1.5


def test_a_frozen_clip_has_no_dynamics(clip: Clip) -> None:
    still = [[burst[0]] * len(burst) for burst in clip.bursts()]

    assert figures(still, clip).dynamic_degree < 0.01
    assert figures(clip.bursts(), clip).dynamic_degree > 0.05


def test_a_jerky_clip_is_not_smooth(clip: Clip) -> None:
    jerky = [[burst[0], burst[0], *burst[2:]] for burst in clip.bursts()]

    assert figures(jerky, clip).jerk > 1.2 * figures(clip.bursts(), clip).jerk


def test_a_clip_against_itself_gives_one_everywhere(clip: Clip) -> None:
    own = vars(figures(clip.bursts(), clip))

    assert all(value == 1.0 or np.isnan(value) for value in ratios(own, own).values())


def test_distances_are_zero_to_oneself_and_grow_with_the_shift() -> None:
    rng = np.random.default_rng(2)
    one, other = rng.normal(size=(2, 300, 8)).astype(np.float32)

    for distance in (frechet, kernel_distance):
        assert distance(one, one) == pytest.approx(0, abs=1e-6)
        assert distance(one, other) < 0.3 * distance(one + 0.5, other) < 0.3 * distance(one + 1, other)


def test_the_frechet_distance_is_that_of_two_normal_distributions() -> None:
    rng = np.random.default_rng(3)
    one, other = rng.normal(size=(20_000, 2)), 2 * rng.normal(size=(20_000, 2)) + 1

    assert frechet(one.astype(np.float32), other.astype(np.float32)) == pytest.approx(2 + 2 * (2 - 1) ** 2, rel=0.05)


def test_spread_is_the_variance_over_the_seeds() -> None:
    assert spread(np.array([[1.0, 0.0], [3.0, 0.0]], np.float32)) == pytest.approx(2.0)


def test_broken_clips_keep_their_pictures_but_not_their_order() -> None:
    views = np.arange(16, dtype=np.uint8)[None, :, None].repeat(2, axis=0)

    assert set(frozen(views)[0, :, 0]) == {8}
    assert not np.array_equal(shuffled(views), views)
    assert np.array_equal(np.sort(shuffled(views), axis=1), views)


def test_the_mask_lies_where_the_layout_puts_the_subject(clip: Clip) -> None:
    from tools.convert.judge.clips import layout_of

    layout = layout_of(Shot(slots={**BASE, "subject": "heart", "motion": "move_right"}, seconds=4.0), seed=5)
    mask = subject_mask(layout, 48, height=240, width=424)

    rows, columns = np.nonzero(mask)
    assert columns.mean() == pytest.approx(float(layout.tracks[0].x[48]) * 240 - 4, abs=2)
    assert rows.mean() == pytest.approx(float(layout.tracks[0].y[48]) * 240, abs=2)


def test_the_table_marks_what_misses_its_bar_for_the_tier() -> None:
    bars = {"subject_acc": Bar(low=0.88, reduced=0.75), "flicker_ratio": Bar(high=1.4)}
    figures = {"subject_acc": 0.8, "oracle.subject_acc": 0.98, "flicker_ratio": 1.5}

    full, reduced = (table(figures, bars, tier=tier).splitlines() for tier in ("full", "reduced"))

    assert full[1].split() == ["subject_acc", "80.0", "%", "98.0", "%", ">=", "0.88", "/", "0.75", "NO"]
    assert reduced[1].endswith("ok")
    assert reduced[2].endswith("NO")


def test_a_broken_metric_is_said_loudly() -> None:
    assert warnings({"metric_broken": 0.0, "rule_gap_points": 3.0}) == []
    assert "BROKEN" in warnings({"metric_broken": 1.0})[0]
    assert "disagree" in warnings({"rule_gap_points": -9.0})[0]


def _noisy(frame: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return np.clip(frame + rng.normal(0, 6, frame.shape), 0, 255).astype(np.uint8)
