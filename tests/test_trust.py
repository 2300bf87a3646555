"""Trust: what does not come with edgereel is opened only after somebody said so, and nothing unproven is parsed."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import stat
from pathlib import Path

import pytest
from expand_fixtures import WEIGHTS, llm_manifest, write_pack

from edge.errors import ModelError
from edge.expand.llama import open_llama
from edge.grant import give_trust
from edge.mode import Mode
from edge.models import Models
from edge.packs import check_trusted, find_llm_pack, find_pack, find_video_pack, shipped_root, verified_file
from edge.pipeline import run
from edge.request import make_request
from edge.stop import Stop
from edge.trust import RECORD, Trust, read_record
from tests.conftest import DATA, Cli

PROMPT = "a red balloon rises"
NOWHERE = {"from": "path", "path": "model.gguf"}


@pytest.fixture
def models(tmp_path: Path) -> Path:
    """A folder of models with a copy of the tiny pack, which nobody trusted."""
    shutil.copytree(DATA / "tinypack", tmp_path / "models/tinypack")
    return tmp_path / "models"


def trust(name: str, root: Path) -> None:
    give_trust(name, find_pack(name, roots=[root]).sha256, root=root)


def rewrite(pack: Path, old: str, new: str) -> None:
    manifest = pack / "manifest.yaml"
    manifest.write_text(manifest.read_text().replace(old, new))


def test_what_edgereel_ships_is_trusted_wherever_it_lies(tmp_path: Path) -> None:
    shutil.copytree(shipped_root() / "smollm2-135m", tmp_path / "smollm2-135m")
    assert find_pack("tinyreel", roots=[shipped_root()]).trust is Trust.SHIPPED
    assert find_pack("smollm2-135m", roots=[tmp_path, shipped_root()]).trust is Trust.SHIPPED


def test_a_manifest_of_a_shipped_name_with_other_content_is_not_trusted(tmp_path: Path) -> None:
    write_pack(tmp_path, llm_manifest(NOWHERE, name="smollm2-135m"), weights=WEIGHTS)
    pack = find_llm_pack("smollm2-135m", roots=[tmp_path, shipped_root()])
    with pytest.raises(ModelError, match="not trusted"):
        check_trusted(pack)


def test_trust_is_given_once_and_ends_when_the_manifest_changes(models: Path) -> None:
    assert find_pack("tinypack", roots=[models]).trust is Trust.NONE
    trust("tinypack", models)
    assert find_pack("tinypack", roots=[models]).trust is Trust.GIVEN
    rewrite(models / "tinypack", "version: 0.3.0", "version: 0.3.1")
    assert find_pack("tinypack", roots=[models]).trust is Trust.NONE


def test_trust_in_one_pack_is_none_in_another(models: Path) -> None:
    write_pack(models, llm_manifest(NOWHERE))
    trust("tinypack", models)
    assert find_pack("tiny-llm", roots=[models]).trust is Trust.NONE
    trust("tiny-llm", models)
    assert set(read_record(models)) == {"tiny-llm", "tinypack"}


def test_the_record_is_for_the_owner_of_the_folder_alone(models: Path) -> None:
    if os.geteuid() == 0:  # as when root trusts a pack for the service
        os.chown(models, 65534, 65534)
    trust("tinypack", models)
    record, folder = (models / RECORD).stat(), models.stat()
    assert (stat.S_IMODE(record.st_mode), record.st_uid, record.st_gid) == (0o600, folder.st_uid, folder.st_gid)


@pytest.mark.parametrize(("text", "mode", "said"), [
    ("[a list", 0o600, "Delete it"), ("- a list", 0o600, "Delete it"), ("tinypack: abc", 0o666, "chmod 600"),
])  # fmt: skip
def test_a_record_that_is_damaged_or_open_to_everybody_is_refused(
    text: str, mode: int, said: str, models: Path
) -> None:
    (models / RECORD).write_text(text)
    (models / RECORD).chmod(mode)
    with pytest.raises(ModelError) as refused:
        find_pack("tinypack", roots=[models])
    assert said in refused.value.hint
    assert find_pack("tinyreel", roots=[models, shipped_root()]).trust is Trust.SHIPPED


def test_no_file_of_a_pack_that_is_not_trusted_is_given_to_a_parser(models: Path, tmp_path: Path) -> None:
    write_pack(models, llm_manifest(NOWHERE), weights=WEIGHTS)  # no GGUF: llama.cpp would say so
    llm = find_llm_pack("tiny-llm", roots=[models])
    with (
        pytest.raises(ModelError, match="not trusted"),
        open_llama(llm, threads=1, small_board=True, cache=tmp_path, stop=Stop()),
    ):
        pass
    video = find_video_pack("tinypack", roots=[models])
    with pytest.raises(ModelError, match="not trusted"):
        verified_file(video, "tail.onnx", cache=tmp_path)
    chosen = Models(video=video, llm=None, threads=1, small_board=True, cache=tmp_path)
    with pytest.raises(ModelError, match="not trusted"):
        next(iter(run(make_request(PROMPT), mode=Mode.DIRECT, reason="", models=chosen, out=tmp_path / "clip.mp4",
                      poster=None, stop=Stop())))  # fmt: skip


@pytest.mark.parametrize("name", ["tail.onnx", "far.npz"])
def test_no_file_that_is_not_as_the_manifest_says_is_given_to_a_parser(
    name: str, models: Path, cli: Cli, board: list[str]
) -> None:
    """What comes is the error of the check, never that of ONNX Runtime or of the unpacker."""
    trust("tinypack", models)
    (models / "tinypack" / name).write_bytes(os.urandom((models / "tinypack" / name).stat().st_size))
    mine = [*board, "--set", f"paths.models={models}"]

    for command in (("generate", PROMPT, "--mode", "lite"), ("models", "verify", "tinypack")):
        outcome = cli(*command, *mine)
        assert (outcome.code, "is damaged: sha256" in outcome.err) == (5, True), outcome.err
    assert "is damaged: sha256" in cli("doctor", *mine).out


@pytest.mark.parametrize(("old", "new"), [("file: tail.onnx", "file: evil.onnx"), ("far: far.npz", "far: ../evil.npz")])
def test_a_part_whose_file_nobody_proved_is_refused(old: str, new: str, models: Path) -> None:
    assert old in (models / "tinypack/manifest.yaml").read_text()
    rewrite(models / "tinypack", old, new)
    with pytest.raises(ModelError, match="has no sha256 for .*evil"):
        find_pack("tinypack", roots=[models])


def test_generate_says_why_and_how_and_works_after_models_trust(models: Path, cli: Cli, board: list[str]) -> None:
    mine = [*board, "--set", f"paths.models={models}"]
    asked = ("generate", PROMPT, "--mode", "lite", "--seconds", "0.5", *mine)

    refused = cli(*asked)
    assert refused.code == 5
    assert "native code" in refused.err and "edgereel models trust tinypack" in refused.err
    assert "memory bugs" in cli("models", "trust", "--help").out

    given = cli("models", "trust", "tinypack", *mine)
    sha256 = hashlib.sha256((models / "tinypack/manifest.yaml").read_bytes()).hexdigest()
    assert (given.code, given.out) == (0, f"tinypack is trusted: manifest sha256 {sha256}\n")
    assert cli(*asked).code == 0


def test_models_list_shows_trust(models: Path, cli: Cli, board: list[str]) -> None:
    def listed() -> dict[str, str]:
        outcome = cli("models", "list", *board, "--set", f"paths.models={models}", "--json")
        return {pack["name"]: pack["trust"] for pack in json.loads(outcome.out)["packs"]}

    assert listed() | {"tinypack": "not trusted", "tinyreel": "shipped"} == listed()
    trust("tinypack", models)
    assert listed()["tinypack"] == "trusted"


def test_a_pull_trusts_only_when_told_to(models: Path, cli: Cli, board: list[str], tmp_path: Path) -> None:
    (tmp_path / "mine.gguf").write_bytes(WEIGHTS)
    write_pack(models, llm_manifest({"from": "path", "path": f"{tmp_path}/mine.gguf"}))
    mine = [*board, "--set", f"paths.models={models}"]

    outcome = cli("models", "pull", "tiny-llm", *mine)
    assert (outcome.code, "not trusted yet" in outcome.err) == (0, True)
    assert find_pack("tiny-llm", roots=[models]).trust is Trust.NONE
    assert cli("models", "pull", "tiny-llm", "--trust", *mine).code == 0
    assert find_pack("tiny-llm", roots=[models]).trust is Trust.GIVEN


def test_a_shipped_pack_needs_no_record(cli: Cli, board: list[str], tmp_path: Path) -> None:
    (tmp_path / "models").mkdir()
    outcome = cli("models", "trust", "tinyreel", *board, "--set", f"paths.models={tmp_path}/models")
    assert outcome.out == "tinyreel comes with edgereel\n"
    assert not (tmp_path / "models" / RECORD).exists()
