"""What was measured on and with: processor, memory, kernel, versions and hashes."""

from __future__ import annotations

import hashlib
import os
import platform
import subprocess
from pathlib import Path

from bench.child import PEERS, call
from bench.llm import sha256_of, shipped
from bench.llm_peers import BIN
from bench.store import CHECKOUT
from bench.versions import found
from edge import __version__
from edge.errors import EdgereelError
from edge.packs import find_video_pack, shipped_root

PACKAGES = ("llama-cpp-python", "onnxruntime", "numpy", "opencv-python-headless", "av", "msgspec", "paho-mqtt")
PEER_PACKAGES = ("openvino", "onnx", "onnxruntime", "torch", "diffusers")
FLAGS = ("avx2", "avx512f", "avx512_vnni", "avx_vnni", "amx_int8", "asimddp", "i8mm", "fphp")


def facts() -> list[tuple[str, str]]:
    """Names and values for the head of the results."""
    info = _cpuinfo()
    flags = set((info.get("flags") or info.get("Features") or "").split())
    extensions = ", ".join(name for name in FLAGS if name in flags) or "none of the extensions looked for"
    return [
        ("processor", f"{info.get('model name') or platform.machine()}, {os.cpu_count()} cores; {extensions}"),
        ("memory", f"{_memory_gib():.0f} GiB"),
        ("system", f"{platform.system()} {platform.release()}, Python {platform.python_version()}"),
        ("edgereel", f"{__version__}, commit {_commit()}"),
        ("packages", _said(found(PACKAGES))),
        ("peers", f"{_peer_versions()}; llama-bench {_file(BIN / 'llama-bench')}, llama-server {_file(BIN / 'llama-server')}"),
        ("language model", _language_model()),
        ("generator", _generator()),
    ]  # fmt: skip


def _cpuinfo() -> dict[str, str]:
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    rows = (line.split(":", 1) for line in lines if ":" in line)
    return {row[0].strip(): row[1].strip() for row in rows}


def _memory_gib() -> float:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30


def _commit() -> str:
    command = ["git", "describe", "--always", "--dirty", "--abbrev=10"]
    done = subprocess.run(command, cwd=CHECKOUT, check=False, capture_output=True, text=True)
    return done.stdout.strip() or "unknown"


def _peer_versions() -> str:
    if not PEERS.is_file():
        return "no environment"
    return _said(call("bench.versions:found", {"names": PEER_PACKAGES}, python=PEERS).told)


def _said(versions: dict[str, str]) -> str:
    return ", ".join(f"{name} {version}" for name, version in versions.items())


def _file(path: Path) -> str:
    return f"sha256 {_sha256(path)[:12]}" if path.is_file() else "not built"


def _language_model() -> str:
    try:
        pack = shipped()
        return f"{pack.manifest.file}, sha256 {sha256_of(pack)[:12]}"
    except EdgereelError as exc:
        return str(exc)


def _generator() -> str:
    pack = find_video_pack("tinyreel", roots=[shipped_root()])
    files = ", ".join(
        f"{part.file} {pack.manifest.files[part.file].sha256[:12]}" for part in pack.manifest.parts.values()
    )
    return f"{pack.manifest.name} {pack.manifest.version}: {files}"


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
