"""The real vocabulary, and packs of a few bytes, for the tests of packs, pull and prompt expansion."""

from __future__ import annotations

import hashlib
import zipfile
from functools import cache
from pathlib import Path

import yaml

from edge.manifest import Slot, VideoManifest, load_manifest

CHECKOUT = Path(__file__).resolve().parent.parent
WEIGHTS = b"GGUF" + bytes(range(256)) * 4096  # a megabyte: enough for a cut in the middle


@cache
def vocabulary() -> dict[str, Slot]:
    """The vocabulary of the shipped video pack."""
    manifest = load_manifest(CHECKOUT / "models/tinyreel")
    assert isinstance(manifest, VideoManifest)
    return manifest.vocabulary


def llm_manifest(source: dict[str, object], *, weights: bytes = WEIGHTS, name: str = "tiny-llm") -> dict[str, object]:
    """A language model manifest whose one file holds `weights`."""
    return {
        "kind": "llm", "format": 1, "name": name, "version": "1", "description": "a test", "licence": "none",
        "source": source, "file": "model.gguf",
        "files": {"model.gguf": {"sha256": hashlib.sha256(weights).hexdigest(), "bytes": len(weights)}},
        "template": {"system": "S{text}\n", "user": "U{text}\n", "assistant": "A", "stop": ["</s>"]},
        "thinking": {"kind": "scratchpad"},
        "context_tokens": 512, "kv_kib_per_token": 1.0, "vocabulary_size": 100,
    }  # fmt: skip


def write_pack(root: Path, manifest: dict[str, object], *, weights: bytes | None = None) -> Path:
    """Put a pack into `root`; returns its folder."""
    folder = root / str(manifest["name"])
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "manifest.yaml").write_text(yaml.safe_dump(manifest, allow_unicode=True))
    if weights is not None:
        (folder / "model.gguf").write_bytes(weights)
    return folder


def make_wheel(folder: Path, member: str, content: bytes) -> None:
    """A real wheel, by hand: what pip needs and one member."""
    info = "tinyweights-1.0.dist-info"
    folder.mkdir(exist_ok=True)
    with zipfile.ZipFile(folder / "tinyweights-1.0-py3-none-any.whl", "w") as wheel:
        wheel.writestr(member, content)
        wheel.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: tinyweights\nVersion: 1.0\n")
        wheel.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nGenerator: hand\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        wheel.writestr(f"{info}/RECORD", "")
