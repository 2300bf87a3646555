"""A pack that was a diffusers pipeline draws clips: a small one with random weights, made by the workshop."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path

import av
import msgspec
import numpy as np
import pytest
import yaml

from edge.diffusers_manifest import DiffusersManifest
from edge.errors import Cancelled, ModelError
from edge.manifest import load_manifest
from edge.memory_plan import estimate_mib
from edge.mode import Mode
from edge.models import Models
from edge.packs import Pack, find_video_pack
from edge.pipeline import expand
from edge.plan import Plan, Shot
from edge.recall import look_up
from edge.request import make_request
from edge.stop import Stop
from edge.vectors import dims_of
from edge.video.diffusion.generator import DiffusionGenerator
from edge.video.loop import Loop
from tests.boards import Board
from tests.conftest import Cli
from tests.mosquitto import Listener, Mosquitto

DATA = Path(__file__).resolve().parent / "data"
FOLDER = DATA / "tinydiffusers"


@pytest.fixture(scope="module")
def manifest() -> DiffusersManifest:
    found = load_manifest(FOLDER)
    assert isinstance(found, DiffusersManifest)
    return found


def plan(prompt: str = "a red balloon", *, seconds: float = 0.375) -> Plan:
    return Plan(shots=(Shot(slots={"prompt": prompt}, seconds=seconds),), caption=prompt, coverage=1.0)


def drawn(
    manifest: DiffusersManifest, wanted: Plan | None = None, *, seed: int = 1, mode: Mode = Mode.DIRECT,
    loop: Loop | None = None, folder: Path = FOLDER,
) -> Sequence[np.ndarray]:  # fmt: skip
    generator = DiffusionGenerator(Pack(folder, manifest), threads=1)
    return list(generator.frames(wanted or plan(), row=mode.row, seed=seed, stop=Stop(), loop=loop))


def test_the_same_prompt_and_seed_give_the_same_frames_and_others_give_others(manifest: DiffusersManifest) -> None:
    frames = drawn(manifest)
    assert len(frames) == 9 and frames[0].shape == (24, 16) and frames[0].dtype == np.uint8
    assert np.array_equal(frames, drawn(manifest))
    assert not np.array_equal(frames, drawn(manifest, plan("a blue boat")))
    assert not np.array_equal(frames, drawn(manifest, seed=2))


def test_a_cheaper_mode_takes_fewer_steps(manifest: DiffusersManifest) -> None:
    for mode, steps in ((Mode.SPARE, 1), (Mode.DIRECT, 2)):
        generator = DiffusionGenerator(Pack(FOLDER, manifest), threads=1)
        list(generator.frames(plan(), row=mode.row, seed=1, stop=Stop()))
        assert generator.steps == steps


def test_frames_follow_each_other_at_the_packs_own_rate(manifest: DiffusersManifest) -> None:
    frames = drawn(manifest, plan(seconds=0.625))  # three frames at 8 a second, shown 24 times a second, and back
    for first, other in ((0, 1), (0, 2), (3, 5), (6, 8), (3, 9), (0, 12)):
        assert np.array_equal(frames[first], frames[other])
    assert not np.array_equal(frames[0], frames[3]) and not np.array_equal(frames[3], frames[6])
    looped = drawn(manifest, plan(seconds=0.625), loop=Loop())
    assert len(looped) == 15 and not np.array_equal(frames[0], looped[8])


def test_a_pack_of_single_pictures_nears_them(manifest: DiffusersManifest) -> None:
    frames = drawn(msgspec.structs.replace(manifest, frames=1))
    assert len(frames) == 9 and not np.array_equal(frames[0], frames[-1])


def test_guidance_drives_the_picture_away_from_what_is_not_wanted(manifest: DiffusersManifest) -> None:
    guided = [
        drawn(msgspec.structs.replace(manifest, guidance=4.0, negative=text)) for text in ("", "a grey cloud")
    ]  # fmt: skip
    assert not np.array_equal(guided[0], guided[1])
    same = drawn(msgspec.structs.replace(manifest, guidance=4.0, negative="a red balloon"))
    assert np.array_equal(same, drawn(manifest))


def test_progress_is_told_and_a_job_stops_between_two_steps(manifest: DiffusersManifest) -> None:
    told: list[float] = []
    stop = Stop()

    def tell(share: float) -> None:
        told.append(share)
        stop.request("cancel")

    generator = DiffusionGenerator(Pack(FOLDER, manifest), threads=1, progress=tell)
    with pytest.raises(Cancelled):
        list(generator.frames(plan(), row=Mode.DIRECT.row, seed=1, stop=stop))
    assert told == [pytest.approx(generator.ahead / 2)] and generator.steps == 1


def test_every_file_that_is_opened_must_have_its_sha256(tmp_path: Path) -> None:
    for missing in ("unet.data", "decoder.onnx", "tokenizer.json"):
        body = yaml.safe_load((FOLDER / "manifest.yaml").read_text())
        del body["files"][missing]
        (tmp_path / "manifest.yaml").write_text(yaml.safe_dump(body))
        with pytest.raises(ModelError, match=f"no sha256 for {missing}"):
            load_manifest(tmp_path)


def test_a_part_that_is_damaged_says_so(manifest: DiffusersManifest, tmp_path: Path) -> None:
    shutil.copytree(FOLDER, tmp_path / "pack")
    (tmp_path / "pack/unet.data").write_bytes(b"")
    with pytest.raises(ModelError, match="models verify"):
        drawn(manifest, folder=tmp_path / "pack")


def models(folder: Path, cache: Path) -> Models:
    pack = find_video_pack(str(folder), roots=[DATA])
    return Models(video=pack, llm=None, threads=1, small_board=False, cache=cache)


def test_the_prompt_is_the_plan_in_every_mode(tmp_path: Path) -> None:
    for mode in (Mode.THINK, Mode.DIRECT, Mode.SPARE):
        made = expand(
            make_request("  Two   boats, 朝霞 "), mode=mode, models=models(FOLDER, tmp_path), seed=1, stop=Stop()
        )  # fmt: skip
        assert made.caption == "Two boats, 朝霞" and made.seconds == pytest.approx(0.375)
        assert [shot.slots for shot in made.shots] == [{"prompt": "Two boats, 朝霞"}]


def test_the_memory_plan_counts_the_largest_part(manifest: DiffusersManifest) -> None:
    large = msgspec.structs.replace(manifest, memory_mib={"text_encoder": 130.0, "unet": 900.0, "decoder": 40.0})
    assert estimate_mib(Mode.THINK.row, video=large, llm=None) == 900


def test_the_library_takes_only_the_same_words_for_alike(manifest: DiffusersManifest, tmp_path: Path) -> None:
    vectors = []
    for prompt in ("a red balloon", "A red  balloon", "a red boat"):
        vector, near = look_up(plan(prompt), models=models(FOLDER, tmp_path), file=tmp_path / "none")
        assert len(vector) == dims_of(manifest) and near == []
        vectors.append(vector)
    assert vectors[0] == vectors[1] != vectors[2]


def test_generate_makes_a_clip_with_a_pack_from_any_folder_once_it_is_trusted(
    cli: Cli, board: list[str], tmp_path: Path
) -> None:
    folder = tmp_path / "mine" / "tinydiffusers"
    shutil.copytree(FOLDER, folder)
    own = [*board, "--set", f"paths.models={tmp_path / 'models'}"]
    refused = cli("generate", "a red balloon", "--pack", str(folder), *own)
    assert refused.code == ModelError.exit_code
    assert f"edgereel models trust {folder}" in refused.err
    assert cli("models", "trust", str(folder), *own).code == 0
    done = cli("generate", "a red balloon", "--pack", str(folder), "--out", "clip.mp4", "--json", *own)
    assert done.code == 0, done.err
    result = json.loads(done.out.splitlines()[-1])
    assert result["plan"]["caption"] == "a red balloon" and set(result["models"]) == {"tinydiffusers"}
    assert {"text 2%", "denoise", "decode"} <= {word for word in ("text 2%", "denoise", "decode") if word in done.err}
    with av.open(tmp_path / "clip.mp4") as clip:
        assert sum(1 for _ in clip.decode(video=0)) == 9


def test_what_such_a_pack_cannot_do_is_said(cli: Cli, board: list[str]) -> None:
    for verb, options, said in (
        ("generate", ["--path", "0.1,0.8 0.5,0.2"], "takes no path"),
        ("plan", ["--draw", "plan.png"], "Leave out --draw"),
    ):
        done = cli(verb, "a red balloon", "--pack", "tinydiffusers", *options, *board)
        assert done.code == 3 and said in done.err


def test_a_daemon_draws_with_such_a_pack_and_knows_the_same_words_again(
    tmp_path: Path, server: Mosquitto, seen: Listener
) -> None:
    board = Board(tmp_path, server, "models.video=tinydiffusers", "library.reuse=same")
    board.start()
    try:
        seen.wait(lambda message: message.get("payload") == "online")
        states = {}
        for job, prompt in (("a", "a red balloon"), ("b", "A red balloon."), ("c", "a blue boat")):
            server.publish("edgereel/v1/node/n1/req", json.dumps({"id": job, "prompt": prompt, "mode": "think"}))
            states[job] = seen.wait_state(job, "done", "failed")
            assert states[job]["state"] == "done", board.log.read_text()
        clips = {job: state["result"]["clip"]["sha256"] for job, state in states.items()}
        assert clips["a"] == clips["b"] != clips["c"]
        server.publish("edgereel/v1/node/n1/req", json.dumps({"id": "d", "prompt": "a boat", "path": [[0, 0], [1, 1]]}))
        assert "takes no path" in seen.wait_state("d", "done", "failed")["error"]["message"]
    finally:
        board.end()
