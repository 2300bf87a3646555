"""The judge command on a tiny pack, with a recogniser that has learned nothing. Needs torch."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch

from edge.plan import Plan, Shot
from edge.stop import Stop
from tools.convert.judge import __main__ as command
from tools.convert.judge.chain import judge_chain
from tools.convert.judge.clips import Clip, direct_row, open_pack, rendered, whole_clip
from tools.convert.judge.fresh import judge_renders
from tools.convert.judge.judge import SEED, Order, judge_pack, tasks_of
from tools.convert.judge.pairs import Pair, judge_pairs, read_pairs
from tools.convert.judge.verdicts import Seen, accuracies, confusions
from tools.convert.tinyvideo.recogniser import Recogniser, Shape, judge_view, save_recogniser
from tools.convert.tinyvideo.views import slot_values
from tools.convert.tinyvideo.vocabulary import load_vocabulary

TINY = Path(__file__).parents[1] / "data" / "tinypack"
BASE = {name: slot.default for name, slot in load_vocabulary().items()}
KEYS = {
    *(f"{slot}_acc" for slot in ("subject", "colour", "motion", "background", "camera", "style", "particles", "count")),
    "motion_rule_acc", "camera_rule_acc", "joint_acc", "fd_ratio", "fd_content_ratio", "fd_motion_ratio", "mmd_ratio",
    "mmd_content_ratio", "mmd_motion_ratio", "flicker_ratio", "warping_ratio", "dynamic_degree_ratio", "jerk_ratio",
    "edge_width_ratio", "laplacian_ratio", "diversity_ratio", "subject_consistency_ratio",
    "background_consistency_ratio",
}  # fmt: skip
PROMPTS = """\
- {prompt: a red balloon rises over snowy mountains, slots: {subject: balloon, colour: red, motion: rise}, seconds: 1.0}
- {prompt: a teapot in space, slots: {subject: teapot, background: space}, seconds: 1.0}
- {prompt: two blue fish swim to the left, slots: {subject: fish, count: two, motion: move_left}, seconds: 1.0}
"""


@pytest.fixture(scope="module")
def recogniser() -> Recogniser:
    torch.set_num_threads(1)
    torch.manual_seed(1)
    return Recogniser(Shape(values=slot_values(), content=(8, 8, 8, 16), motion=(8, 8, 8))).eval()


@pytest.fixture(scope="module")
def prompts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("prompts") / "mine.yaml"
    path.write_text(PROMPTS, encoding="utf-8")
    return path


def test_the_command_judges_a_pack_and_writes_every_key(
    recogniser: Recogniser, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    weights = tmp_path / "r.pt"
    save_recogniser(recogniser, weights)
    options = {"--pack": TINY, "--set": "p1", "--clips": 4, "--weights": weights, "--out": tmp_path, "--threads": 1}
    words = [str(part) for pair in options.items() for part in pair]
    monkeypatch.setattr("sys.argv", ["judge", *words, "--diverse", "1", "--seeds", "2"])

    assert command.main() == 0

    figures = json.loads((tmp_path / "judge.json").read_text())
    assert set(figures) >= KEYS
    assert {f"oracle.{key}" for key in KEYS} <= set(figures)
    assert figures["clips"] == 4
    assert figures["left_out"] == 0
    assert figures["oracle.motion_rule_acc"] >= 0.75
    assert figures["fd_ratio"] > figures["oracle.fd_ratio"] == 1
    assert (tmp_path / "judge.png").stat().st_size > 10_000
    assert "beyond the pack" in capsys.readouterr().out


def test_a_prompt_that_the_pack_cannot_draw_is_left_out(recogniser: Recogniser, prompts: Path) -> None:
    judged = judge_pack(Order(pack=TINY, sets=[str(prompts)], diverse=0, threads=1), recogniser)

    assert [task.asked["subject"] for task in judged.tasks] == ["balloon", "fish"]
    assert judged.figures["left_out"] == 1
    assert judged.figures["understood"] == 1
    assert judged.figures["steps"] == 2


def test_the_same_order_gives_the_same_figures(recogniser: Recogniser, prompts: Path) -> None:
    order = Order(pack=TINY, sets=[str(prompts)], diverse=0, threads=1)

    one, again = (judge_pack(order, recogniser).figures for _ in range(2))

    assert [key for key in one if not key.startswith("seconds") and _differ(one[key], again[key])] == []


def test_an_unknown_set_is_refused_by_name(recogniser: Recogniser) -> None:
    with pytest.raises(ValueError, match="no prompt set 'p99'"):
        judge_pack(Order(pack=TINY, sets=["p99"]), recogniser)


def test_two_sets_have_their_accuracies_and_the_gap_between_seen_and_held_out(recogniser: Recogniser) -> None:
    figures = judge_pack(Order(pack=TINY, sets=["p1", "p2"], clips=1, diverse=0, threads=1), recogniser).figures

    assert {"p1.subject_acc", "p2.subject_acc", "held_out_gap_points", "oracle.held_out_gap_points"} <= set(figures)


def test_of_a_chain_the_last_segment_is_judged_by_its_own_frames(
    recogniser: Recogniser, prompts: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    views: list[np.ndarray] = []
    see = recogniser.verdict
    monkeypatch.setattr(recogniser, "verdict", lambda view: views.append(view) or see(view))
    order = Order(pack=TINY, sets=[str(prompts)], clips=1, threads=1)

    figures = judge_chain(order, recogniser)

    with open_pack(TINY, threads=1) as generator:
        shot = tasks_of(order, generator)[0][0].plan.shots[0]
        plan = Plan(shots=(shot, shot), caption="", coverage=1.0)
        frames = list(generator.frames(plan, row=direct_row(None), seed=SEED, stop=Stop()))
    half = len(frames) // 2
    for view, segment in zip(views, (frames[:half], frames[half:]), strict=True):
        assert np.array_equal(view, judge_view(whole_clip(segment).evenly())[None])
    assert figures["lost_points"] == 100 * (figures["first.subject_acc"] - figures["last.subject_acc"])


def test_fresh_renders_are_judged_and_broken_clips_are_far_off(recogniser: Recogniser) -> None:
    fresh = judge_renders(recogniser, clips=12, lengths=[2.0])

    assert fresh.figures["motion_rule_acc"] >= 0.75
    assert fresh.figures["camera_rule_acc"] >= 0.75
    assert fresh.figures["control_frozen_ratio"] > 1.5
    assert len(fresh.seen) == 12


def test_a_copy_is_as_good_as_its_original_and_a_blurred_one_is_not(recogniser: Recogniser) -> None:
    clip = rendered(Shot(slots={**BASE, "motion": "rise"}, seconds=1.0), seed=3)

    same = judge_pairs([Pair(original=clip, made=clip, slots=BASE)] * 2, recogniser)
    blurred = judge_pairs([Pair(original=clip, made=_blurred(clip), slots=BASE)] * 2, recogniser)

    assert (same["accuracy_ratio"], same["flicker_ratio"]) == (1.0, 1.0)
    assert same["psnr_db"] > 80
    assert blurred["psnr_db"] < 40
    assert blurred["moving_psnr_db"] < blurred["psnr_db"]
    assert blurred["edge_width_ratio"] > 1.3


def test_pairs_are_read_from_two_folders_with_their_slots(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        np.save(tmp_path / name / "one.npy", np.full((8, 36, 40), ord(name), np.uint8))
    (tmp_path / "a" / "one.json").write_text('{"subject": "cat"}')

    (pair,) = read_pairs(tmp_path / "a", tmp_path / "b")

    assert (pair.original.frames[0][0, 0], pair.made.frames[0][0, 0]) == (ord("a"), ord("b"))
    assert pair.slots == {"subject": "cat"}


def test_of_two_subjects_either_may_be_named() -> None:
    asked = {**BASE, "subject": "boat", "second": "moon", "second_colour": "red", "colour": "white"}
    seen = Seen(asked=asked, seen={**asked, "subject": "moon"}, motion_rule=asked["motion"], camera_rule="pan_left")

    assert seen.right("subject")
    assert not Seen(**{**vars(seen), "seen": {**asked, "subject": "car"}}).right("subject")


def test_mistakes_are_counted_by_slot() -> None:
    right = Seen(asked=BASE, seen=BASE, motion_rule=BASE["motion"], camera_rule=BASE["camera"])
    wrong = Seen(asked=BASE, seen={**BASE, "colour": "grey"}, motion_rule="fall", camera_rule=BASE["camera"])

    found = accuracies([right, wrong, wrong, right])

    assert (found["colour_acc"], found["motion_rule_acc"], found["joint_acc"], found["style_acc"]) == (0.5, 0.5, 0.5, 1)
    assert found["rule_gap_points"] == 50
    assert confusions([right, wrong, wrong])["colour"] == f"{BASE['colour']} seen as grey (2)"


def _blurred(clip: Clip) -> Clip:
    frames = {number: _soft(frame) for number, frame in clip.frames.items()}
    return Clip(frames=frames, total=clip.total, seconds=clip.seconds)


def _soft(frame: np.ndarray) -> np.ndarray:
    import cv2

    height = frame.shape[0] * 2 // 3
    return np.concatenate([cv2.GaussianBlur(frame[:height], (0, 0), 2.5), frame[height:]])


def _differ(one: float, other: float) -> bool:
    return one != other and not (math.isnan(one) and math.isnan(other))
