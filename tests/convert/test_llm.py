"""Checkpoints of anyone's become packs: real architectures, the real converter, transformers and llama.cpp side by side."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml
from checkpoints import hunyuan, phi2, qwen3, smollm

from edge.manifest import LlmManifest, file_sha256, load_manifest
from edge.packs import Pack, verify_pack

CHECKOUT = Path(__file__).resolve().parents[2]
DATA = CHECKOUT / "tests/data"
KINDS = ("Q4_0", "Q8_0")
BUILD = {"qwen3": qwen3, "hunyuan": hunyuan, "smollm": smollm, "phi2": phi2}
OPTIONS = {"phi2": ["--chat-template", "instruct"]}


@dataclass(frozen=True)
class Done:
    code: int
    out: str
    err: str


def run(*command: str | Path, cwd: Path) -> Done:
    env = {**os.environ, "PYTHONPATH": str(CHECKOUT)}
    done = subprocess.run(
        [sys.executable, "-m", *map(str, command)], cwd=cwd, env=env, capture_output=True, text=True, timeout=600, check=False
    )  # fmt: skip
    return Done(done.returncode, done.stdout, done.stderr)


def convert(folder: Path, *options: str | Path, cwd: Path) -> Done:
    return run("tools.convert", "llm", folder, "--out", cwd / "packs", "--threads", "1", *options, cwd=cwd)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("llm")


@pytest.fixture(scope="module", params=list(BUILD))
def converted(request: pytest.FixtureRequest, root: Path) -> tuple[str, Path]:
    """The name of an architecture, and the folder with the packs that its checkpoint became."""
    name = request.param
    folder = BUILD[name](root / name)
    (root / "story.txt").write_text("The boat went out. It was dark, and the sea was calm. " * 40)
    types = [word for kind in KINDS for word in ("--type", kind)]
    done = convert(folder, *types, "--text", root / "story.txt", *OPTIONS.get(name, []), cwd=root)
    assert done.code == 0, done.err
    return name, root / "packs"


def test_the_file_says_what_the_checkpoint_says(converted: tuple[str, Path]) -> None:
    name, packs = converted
    reports = {kind: json.loads((packs / f"{name}-{kind.lower()}/report.json").read_text()) for kind in KINDS}

    assert reports["Q8_0"]["parity_exact"]["cosine"] >= 0.999
    assert reports["Q8_0"]["parity"]["cosine"] >= 0.99
    assert 0.85 < reports["Q4_0"]["parity"]["cosine"] < reports["Q8_0"]["parity"]["cosine"]
    parity = reports["Q8_0"]["parity"]
    assert parity["perplexity"] == pytest.approx(parity["reference_perplexity"], rel=0.05)
    errors = {kind: max(row["error"] for row in reports[kind]["groups"]) for kind in KINDS}
    assert errors["Q8_0"] < 0.01 < errors["Q4_0"] < 0.15
    assert reports["Q4_0"]["tokens"]["equal"] == reports["Q4_0"]["tokens"]["texts"]


def test_what_was_expected_before_is_about_what_came(converted: tuple[str, Path]) -> None:
    name, packs = converted
    for kind in KINDS:
        report = json.loads((packs / f"{name}-{kind.lower()}/report.json").read_text())
        assert report["bytes_expected"] == pytest.approx(report["bytes"], rel=0.15)


def test_the_report_holds_what_the_pack_was_made_of(converted: tuple[str, Path]) -> None:
    name, packs = converted
    folder = packs / f"{name}-q8_0"
    report, page = json.loads((folder / "report.json").read_text()), (folder / "report.md").read_text()
    manifest = load_manifest(folder)
    assert isinstance(manifest, LlmManifest)

    verify_pack(Pack(folder, manifest))
    assert report["inputs"]["model.safetensors"] == file_sha256(packs.parent / name / "model.safetensors")
    assert report["sha256"] == manifest.files[manifest.file].sha256 and report["sha256"] in page
    assert report["versions"]["llama-cpp-python"] in page
    assert report["board_memory_mib"]["no_think_in_all"] > report["board_memory_mib"]["direct_in_all"]
    assert manifest.licence == "apache-2.0"


@pytest.mark.parametrize("kind", KINDS)
def test_a_board_opens_it_and_the_grammar_holds(converted: tuple[str, Path], kind: str, root: Path) -> None:
    name, packs = converted
    pack = f"{name}-{kind.lower()}"
    models = root / "models"
    settings = {
        "models.video": "tinypack", "models.llm": pack, "engine.threads": "1", "node.id": "board",
        **{f"paths.{key}": str(root / key) for key in ("state", "clips", "cache", "models")},
    }  # fmt: skip
    where = [word for key, value in settings.items() for word in ("--set", f"{key}={value}")]
    for folder in (packs / pack, DATA / "tinypack"):
        added = run("edge", "models", "add", folder, "--trust", *where, cwd=root)
        assert added.code == 0, added.err
    assert (models / pack / "manifest.yaml").is_file()
    for mode in ("no_think", "think"):
        done = run("edge", "plan", "something for grandma", "--mode", mode, "--seed", "3", "--json", *where, cwd=root)
        assert done.code == 0, done.err
        plan = json.loads(done.out)
        assert plan["mode"]["effective"] == mode, done.out
        vocabulary = yaml.safe_load((DATA / "tinypack/manifest.yaml").read_text())["vocabulary"]
        for shot in plan["plan"]["shots"]:
            assert all(value in vocabulary[slot]["values"] for slot, value in shot["slots"].items())


def test_heads_that_q8_0_cannot_hold_get_a_cache_in_16_bits(converted: tuple[str, Path]) -> None:
    name, packs = converted
    manifest = load_manifest(packs / f"{name}-q4_0")
    assert isinstance(manifest, LlmManifest)
    numbers = {"phi2": 2 * 4 * 80 * 2, "hunyuan": 2 * 2 * 64 * 2}.get(name, 2 * 2 * 64 * 2)
    bytes_each, kind = (2.0, "f16") if name == "phi2" else (34 / 32, "q8_0")
    assert (manifest.kv_type, manifest.kv_kib_per_token) == (kind, pytest.approx(numbers * bytes_each / 1024, abs=1e-3))


def test_thinking_is_what_the_template_says(converted: tuple[str, Path]) -> None:
    name, packs = converted
    manifest = load_manifest(packs / f"{name}-q4_0")
    assert isinstance(manifest, LlmManifest)
    shipped = {"qwen3": "qwen3-0.6b", "hunyuan": "hunyuan-0.5b"}
    if name in shipped:  # what was written by hand for the real models
        wanted = load_manifest(CHECKOUT / "models" / shipped[name])
        assert isinstance(wanted, LlmManifest)
        assert manifest.thinking == wanted.thinking
        assert manifest.template.no_think == wanted.template.no_think
        assert (manifest.template.system, manifest.template.user, manifest.template.assistant) == (
            wanted.template.system, wanted.template.user, wanted.template.assistant
        )  # fmt: skip
        assert manifest.template.stop[0] == wanted.template.stop[0]
    else:
        assert (manifest.thinking.kind, manifest.template.no_think) == ("scratchpad", "")
        assert manifest.template.stop[0] == {"smollm": "<|im_end|>", "phi2": "<|endoftext|>"}[name]
