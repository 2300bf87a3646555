"""Manifests are read strictly: an error names the key."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from expand_fixtures import llm_manifest, vocabulary, write_pack

from edge.errors import ModelError
from edge.manifest import LlmManifest, load_manifest, parse_manifest

SOURCE = {"from": "path", "path": "model.gguf"}


def parsed(**changes: object) -> object:
    return parse_manifest(yaml.safe_dump({**llm_manifest(SOURCE), **changes}).encode(), where="here")


def test_a_good_manifest_is_read() -> None:
    manifest = parsed()
    assert isinstance(manifest, LlmManifest)
    assert manifest.files["model.gguf"].bytes == 4 + 256 * 4096


@pytest.mark.parametrize(
    ("changes", "names"),
    [
        ({"licens": "MIT"}, "licens"),
        ({"context_tokens": "many"}, "context_tokens"),
        ({"format": 2}, "format"),
        ({"kind": "audio"}, "kind"),
        ({"source": {"from": "ftp"}}, "source"),
    ],
)
def test_an_unknown_or_wrong_key_is_named(changes: dict[str, object], names: str) -> None:
    with pytest.raises(ModelError, match=names):
        parsed(**changes)


def test_a_missing_key_is_named() -> None:
    body = llm_manifest(SOURCE)
    del body["template"]
    with pytest.raises(ModelError, match="template"):
        parse_manifest(yaml.safe_dump(body).encode(), where="here")


def test_text_that_is_no_yaml_is_refused_with_its_line() -> None:
    with pytest.raises(ModelError, match=r"here: .*(\n.*)*line 1"):
        parse_manifest(b"kind: [llm", where="here")


def test_a_file_outside_the_pack_is_refused(tmp_path: Path) -> None:
    body = llm_manifest(SOURCE)
    folder = write_pack(tmp_path, {**body, "files": {"../evil": {"sha256": "0", "bytes": 1}}})
    with pytest.raises(ModelError, match="not a plain file name"):
        load_manifest(folder)


def test_the_vocabulary_agrees_with_itself() -> None:
    slots = vocabulary()
    for name, slot in slots.items():
        assert slot.default in slot.values
        for value, said in slot.values.items():
            assert said.en and (said.zh or name == "style"), f"{name} {value} has no words"
            for other, wish in said.suits.items():
                assert wish in slots[other].values, f"{name} {value} suits {other} {wish}"
