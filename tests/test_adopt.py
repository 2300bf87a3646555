"""`models add`: a pack from any folder lies whole in the folder of models, or not at all."""

from __future__ import annotations

import os
import pty
import select
import subprocess
import sys
import time
from pathlib import Path

import pytest
from expand_fixtures import WEIGHTS, llm_manifest, write_pack

from edge.adopt import adopt
from edge.errors import EdgereelError, ModelError
from edge.packs import find_pack, verify_pack
from edge.trust import Trust
from tests.conftest import CHECKOUT, Cli

SOURCE = {"from": "path", "path": "model.gguf"}


@pytest.fixture
def pack(tmp_path: Path) -> Path:
    return write_pack(tmp_path / "made", llm_manifest(SOURCE), weights=WEIGHTS)


def test_a_pack_is_copied_proven_and_found(pack: Path, tmp_path: Path) -> None:
    shares: list[tuple[int, int]] = []
    models = tmp_path / "models"

    assert adopt(pack, into=models, progress=lambda *share: shares.append(share)) == models / "tiny-llm"
    found = find_pack("tiny-llm", roots=[models])
    verify_pack(found)
    assert found.trust is Trust.NONE
    assert shares[-1] == (len(WEIGHTS), len(WEIGHTS)) and shares == sorted(shares)


def test_what_is_there_and_right_is_not_copied_again(pack: Path, tmp_path: Path) -> None:
    weights = adopt(pack, into=tmp_path / "models") / "model.gguf"
    before = weights.stat().st_ino
    adopt(pack, into=tmp_path / "models")
    assert weights.stat().st_ino == before

    weights.write_bytes(b"damaged")
    adopt(pack, into=tmp_path / "models")
    assert weights.read_bytes() == WEIGHTS


def test_a_damaged_file_leaves_nothing_that_looks_like_a_pack(pack: Path, tmp_path: Path) -> None:
    (pack / "model.gguf").write_bytes(WEIGHTS[:-1] + b"x")
    with pytest.raises(ModelError, match="damaged"):
        adopt(pack, into=tmp_path / "models")
    (pack / "model.gguf").unlink()
    with pytest.raises(ModelError, match="missing"):
        adopt(pack, into=tmp_path / "models")
    assert [path.name for path in (tmp_path / "models/tiny-llm").iterdir()] == [".pull.lock"]


def test_another_pack_of_that_name_is_replaced_only_on_purpose(pack: Path, tmp_path: Path) -> None:
    models = tmp_path / "models"
    adopt(pack, into=models)
    other = write_pack(tmp_path / "other", {**llm_manifest(SOURCE), "version": "2"}, weights=WEIGHTS)
    with pytest.raises(ModelError, match="Another pack named tiny-llm"):
        adopt(other, into=models)
    assert find_pack("tiny-llm", roots=[models]).manifest.version == "1"
    adopt(other, into=models, replace=True)
    assert find_pack("tiny-llm", roots=[models]).manifest.version == "2"


@pytest.mark.parametrize("folder", ["nowhere", "models/tiny-llm"])
def test_no_pack_and_the_folder_of_models_itself_are_refused(folder: str, pack: Path, tmp_path: Path) -> None:
    adopt(pack, into=tmp_path / "models")
    with pytest.raises(EdgereelError, match=r"No model pack|already"):
        adopt(tmp_path / folder, into=tmp_path / "models")


def test_the_command_adds_and_trusts_when_told_to(pack: Path, cli: Cli, tmp_path: Path) -> None:
    where = ("--set", f"paths.models={tmp_path / 'models'}")
    first = cli("models", "add", str(pack), *where)
    assert (first.code, first.out) == (0, f"{tmp_path / 'models/tiny-llm'}\n")
    assert "not trusted yet" in first.err and find_pack("tiny-llm", roots=[tmp_path / "models"]).trust is Trust.NONE
    assert cli("models", "add", str(pack), "--trust", *where).code == 0
    assert find_pack("tiny-llm", roots=[tmp_path / "models"]).trust is Trust.GIVEN


@pytest.mark.parametrize(("answer", "trust"), [(b"y\n", Trust.GIVEN), (b"\n", Trust.NONE)])
def test_at_a_terminal_trust_is_asked_for(pack: Path, tmp_path: Path, answer: bytes, trust: Trust) -> None:
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "edge", "models", "add", str(pack), "--set", f"paths.models={tmp_path / 'models'}"]
    with subprocess.Popen(
        command, stdin=theirs, stdout=subprocess.DEVNULL, stderr=theirs, cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(CHECKOUT)}
    ) as process:  # fmt: skip
        os.close(theirs)
        said, until = b"", time.monotonic() + 60
        while b"[y/N]" not in said and time.monotonic() < until:
            if select.select([ours], [], [], 1.0)[0]:
                said += os.read(ours, 4096)
        os.write(ours, answer)
        assert process.wait(60) == 0
    os.close(ours)
    assert b"[y/N]" in said
    assert find_pack("tiny-llm", roots=[tmp_path / "models"]).trust is trust
