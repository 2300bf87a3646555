"""Packs: found by name, the nearer folder first; files proven before use, and not proven twice."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from expand_fixtures import WEIGHTS, llm_manifest, write_pack

from edge.errors import ModelError
from edge.grant import give_trust
from edge.manifest import ModelManifest
from edge.packs import (
    Pack,
    find_llm_pack,
    find_pack,
    find_video_pack,
    known_packs,
    shipped_root,
    verified_file,
    verify_pack,
)

NOWHERE = {"from": "path", "path": "nowhere.gguf"}


def trusted_pack(root: Path) -> Pack[ModelManifest]:
    """The tiny language model under `root`, trusted."""
    give_trust("tiny-llm", find_pack("tiny-llm", roots=[root]).sha256, root=root)
    return find_pack("tiny-llm", roots=[root])


def test_the_nearer_folder_hides_the_shipped_pack(tmp_path: Path) -> None:
    write_pack(tmp_path / "shipped", llm_manifest(NOWHERE))
    near = write_pack(tmp_path / "near", {**llm_manifest(NOWHERE), "version": "2"}, weights=WEIGHTS)
    pack = find_pack("tiny-llm", roots=[tmp_path / "near", tmp_path / "shipped"])
    assert (pack.folder, pack.manifest.version) == (near, "2")


def test_pulled_weights_are_found_beside_a_shipped_manifest(tmp_path: Path) -> None:
    write_pack(tmp_path / "shipped", llm_manifest(NOWHERE))
    (tmp_path / "models/tiny-llm").mkdir(parents=True)
    (tmp_path / "models/tiny-llm/model.gguf").write_bytes(WEIGHTS)
    pack = find_llm_pack("tiny-llm", roots=[tmp_path / "models", tmp_path / "shipped"])
    assert pack.file("model.gguf").read_bytes() == WEIGHTS


def test_an_unknown_pack_names_those_that_are_there(tmp_path: Path) -> None:
    write_pack(tmp_path, llm_manifest(NOWHERE))
    with pytest.raises(ModelError, match="tiny-llm"):
        find_pack("other", roots=[tmp_path])


@pytest.mark.parametrize("name", ["../etc", "/etc", "", "a/b", ".hidden", "UPPER"])
def test_a_name_cannot_leave_the_models_folder(tmp_path: Path, name: str) -> None:
    with pytest.raises(ModelError, match="not a pack name"):
        find_pack(name, roots=[tmp_path])


def test_a_language_model_is_no_video_pack_and_the_other_way_round(tmp_path: Path) -> None:
    write_pack(tmp_path, llm_manifest(NOWHERE))
    with pytest.raises(ModelError, match="language model"):
        find_video_pack("tiny-llm", roots=[tmp_path])
    with pytest.raises(ModelError, match="video generator"):
        find_llm_pack("tinypack", roots=[Path(__file__).parent / "data"])


def test_every_shipped_manifest_is_valid_and_pins_its_file() -> None:
    packs = {pack.name: pack for pack in known_packs([shipped_root()])}
    for name in ("smollm2-135m", "qwen3-0.6b", "hunyuan-0.5b"):
        pack = find_llm_pack(name, roots=[shipped_root()])
        assert len(pack.wanted(pack.manifest.file).sha256) == 64
        assert name in packs
        assert "{text}" in pack.manifest.template.system
        assert "{text}" in pack.manifest.template.user


@pytest.mark.parametrize(
    ("weights", "what"), [(WEIGHTS[:-1], "bytes"), (b"X" + WEIGHTS[1:], "damaged"), (None, "missing")]
)
def test_a_truncated_damaged_or_missing_file_is_refused(tmp_path: Path, weights: bytes | None, what: str) -> None:
    write_pack(tmp_path, llm_manifest(NOWHERE), weights=weights)
    pack = trusted_pack(tmp_path)
    with pytest.raises(ModelError, match=what) as refused:
        verify_pack(pack)
    assert "models pull tiny-llm" in refused.value.hint
    if weights is not None:
        with pytest.raises(ModelError, match=what):
            verified_file(pack, "model.gguf", cache=tmp_path / "cache")


def test_a_proven_file_is_not_hashed_again_until_it_changes(tmp_path: Path) -> None:
    folder = write_pack(tmp_path, llm_manifest(NOWHERE), weights=WEIGHTS)
    pack, path, cache = trusted_pack(tmp_path), folder / "model.gguf", tmp_path / "cache"
    verified_file(pack, "model.gguf", cache=cache)
    times = (path.stat().st_atime_ns, path.stat().st_mtime_ns)
    path.write_bytes(b"X" + WEIGHTS[1:])
    os.utime(path, ns=times)  # a change that size and time do not show: only a second hash would notice
    assert verified_file(pack, "model.gguf", cache=cache) == path
    os.utime(path)
    with pytest.raises(ModelError, match="damaged"):
        verified_file(pack, "model.gguf", cache=cache)


def test_a_cache_that_cannot_be_written_does_not_matter(tmp_path: Path) -> None:
    write_pack(tmp_path, llm_manifest(NOWHERE), weights=WEIGHTS)
    blocked = tmp_path / "blocked"
    blocked.write_text("a file where a folder should be")
    pack = trusted_pack(tmp_path)
    assert verified_file(pack, "model.gguf", cache=blocked).is_file()


def test_a_file_without_a_sha256_in_the_manifest_is_refused(tmp_path: Path) -> None:
    folder = write_pack(tmp_path, {**llm_manifest(NOWHERE), "files": {}}, weights=WEIGHTS)
    with pytest.raises(ModelError, match=r"no sha256 for model\.gguf"):
        find_pack("tiny-llm", roots=[tmp_path])
    write_pack(tmp_path, llm_manifest(NOWHERE), weights=WEIGHTS)
    (folder / "other.gguf").write_bytes(WEIGHTS)
    with pytest.raises(ModelError, match=r"no sha256 for other\.gguf"):
        verified_file(trusted_pack(tmp_path), "other.gguf", cache=tmp_path / "cache")


def test_a_manifest_in_a_folder_of_another_name_is_refused(tmp_path: Path) -> None:
    write_pack(tmp_path, llm_manifest(NOWHERE)).rename(tmp_path / "tinyreel")
    with pytest.raises(ModelError, match="is of 'tiny-llm'"):
        find_pack("tinyreel", roots=[tmp_path])
