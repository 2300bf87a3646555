"""A look over this board before anybody waits for it: each finding says what is wrong and how to put it right.

Why swap is counted by kind: zram gives no room for weights, which hardly compress; only a file or partition does.
The kernel features named here (PSI, the memory controller) are off by default on Raspberry Pi OS.
"""

from __future__ import annotations

import importlib.util
import os
import resource
import socket
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path

from edge.errors import EdgereelError, ModelError
from edge.memory import read_meminfo
from edge.models import language_model, pack_roots
from edge.packs import find_video_pack, verify_pack
from edge.settings import Paths, Settings
from edge.whole_file import check_writable

SWAP_WANTED_MIB = 2000
MEMORY_WANTED_MIB = 900
CONNECT_TIMEOUT_S = 3.0
CMDLINE = "/boot/firmware/cmdline.txt"
LIBRARIES = ("av", "cv2", "llama_cpp", "msgspec", "numpy", "onnxruntime", "paho.mqtt", "psutil", "yaml")


class Level(StrEnum):
    """How bad a finding is: an error stops the main job, a warning makes it slower or less safe."""

    OK = "ok"
    WARN = "warn"
    ERROR = "error"


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing that was looked at; `fix` is what to do, empty when all is well."""

    name: str
    level: Level
    text: str
    fix: str = ""

    def to_json(self) -> dict[str, str]:
        """Plain JSON values."""
        return asdict(self)


def examine(settings: Settings, *, root: Path = Path("/")) -> list[Finding]:
    """Look at everything; `root` is where /proc, /sys and /boot are found. Raises nothing."""
    looks: tuple[Callable[[], Iterator[Finding]], ...] = (
        _python,
        lambda: _packs(settings),
        lambda: _folders(settings.paths),
        lambda: _memory(root),
        lambda: _lock_limit(settings),
        lambda: _swap(root),
        lambda: _kernel(root),
        lambda: _processor(root),
        lambda: _broker(settings),
    )
    return [finding for look in looks for finding in look()]


def _ok(name: str, text: str) -> Finding:
    return Finding(name=name, level=Level.OK, text=text)


def _warn(name: str, text: str, fix: str) -> Finding:
    return Finding(name=name, level=Level.WARN, text=text, fix=fix)


def _error(name: str, text: str, fix: str) -> Finding:
    return Finding(name=name, level=Level.ERROR, text=text, fix=fix)


def _python() -> Iterator[Finding]:
    # Looked up, not imported: the daemon asks this too, and its parent process must stay small.
    missing = [name for name in LIBRARIES if not _installed(name)]
    version = ".".join(map(str, sys.version_info[:3]))
    if missing:
        yield _error("python", f"Python {version} lacks {', '.join(missing)}", "pip install -r requirements.lock")
    else:
        yield _ok("python", f"Python {version} has all {len(LIBRARIES)} libraries")


def _installed(name: str) -> bool:
    try:
        return importlib.util.find_spec(name) is not None
    except ModuleNotFoundError:  # the parent package of a dotted name
        return False


def _packs(settings: Settings) -> Iterator[Finding]:
    try:
        video = find_video_pack(settings.models.video, roots=pack_roots(settings))
        verify_pack(video)
        yield _ok("video pack", f"{video.name} {video.manifest.version} is as its manifest says")
    except ModelError as exc:
        yield _error("video pack", exc.message, exc.hint)
    try:
        llm = language_model(settings)
        if llm is None:
            fix = f"edgereel models pull {settings.models.llm or 'smollm2-135m'}"
            yield _warn("language model", "none here: think and no_think cannot run", fix)
            return
        verify_pack(llm)
        yield _ok("language model", f"{llm.name} {llm.manifest.version} is as its manifest says")
    except ModelError as exc:
        yield _error("language model", exc.message, exc.hint)


def _folders(paths: Paths) -> Iterator[Finding]:
    for name in ("state", "clips", "models", "cache"):
        folder: Path = getattr(paths, name)
        try:
            check_writable(folder / "probe")
            yield _ok(f"folder {name}", f"{folder} can be written")
        except EdgereelError as exc:
            fix = f"Make it writable for uid {os.getuid()}, or set paths.{name}."
            yield _error(f"folder {name}", exc.message, fix)


def _memory(root: Path) -> Iterator[Finding]:
    found = read_meminfo(root)
    total, free = found.get("MemTotal", 0.0), found.get("MemAvailable", 0.0)
    text = f"{total:.0f} MiB, {free:.0f} MiB available; pages of {os.sysconf('SC_PAGESIZE') // 1024} KiB"
    if total < MEMORY_WANTED_MIB:
        yield _warn("memory", text, "1 GB is the smallest board that edgereel was made for; use --mode spare.")
    else:
        yield _ok("memory", text)


def _lock_limit(settings: Settings) -> Iterator[Finding]:
    soft, _ = resource.getrlimit(resource.RLIMIT_MEMLOCK)
    wanted = _weight_bytes(settings)
    if soft == resource.RLIM_INFINITY or soft >= wanted or os.geteuid() == 0:
        yield _ok("memory lock", f"{wanted >> 20} MiB of weights may be locked")
        return
    text = f"{soft >> 10} KiB may be locked, the weights have {wanted >> 20} MiB: under pressure they are pushed out"
    fix = "Run as the service (LimitMEMLOCK=1G), or raise memlock in /etc/security/limits.conf."
    yield _warn("memory lock", text, fix)


def _weight_bytes(settings: Settings) -> int:
    try:
        packs = (find_video_pack(settings.models.video, roots=pack_roots(settings)), language_model(settings))
    except ModelError:
        return 0
    return sum(file.bytes for pack in packs if pack is not None for file in pack.manifest.files.values())


def _swap(root: Path) -> Iterator[Finding]:
    by_kind = swap_mib(root)
    real = by_kind.get("file", 0.0) + by_kind.get("partition", 0.0)
    text = ", ".join(f"{kind} {mib:.0f} MiB" for kind, mib in by_kind.items()) or "none"
    if real >= SWAP_WANTED_MIB:
        yield _ok("swap", text)
        return
    if (root / "etc/dphys-swapfile").exists():
        fix = "Set CONF_SWAPSIZE=2048 in /etc/dphys-swapfile, then: sudo systemctl restart dphys-swapfile"
    elif (root / "etc/rpi").is_dir():
        fix = ("Write [Main] Mechanism=swapfile and [File] FixedSizeMiB=2048 to /etc/rpi/swap.conf.d/edgereel.conf, "
               "then reboot.")  # fmt: skip
    else:
        fix = "sudo sh -c 'fallocate -l 2G /swapfile && chmod 600 /swapfile && mkswap /swapfile && swapon /swapfile'"
    yield _warn("swap", f"{text}; 2048 MiB as a file or partition are wanted (zram does not count)", fix)


def swap_mib(root: Path) -> dict[str, float]:
    """Swap in MiB by kind: `zram`, `file` or `partition`."""
    try:
        lines = (root / "proc/swaps").read_text(encoding="utf-8").splitlines()[1:]
    except OSError:
        return {}
    by_kind: dict[str, float] = {}
    for path, kind, size_kib, *_ in (line.split() for line in lines if line.strip()):
        name = "zram" if "/zram" in path else kind
        by_kind[name] = by_kind.get(name, 0.0) + int(size_kib) / 1024
    return by_kind


def _kernel(root: Path) -> Iterator[Finding]:
    if (root / "proc/pressure/memory").exists():
        yield _ok("pressure", "the kernel reports memory pressure (PSI)")
    else:
        yield _warn("pressure", "the kernel does not report pressure (PSI)", f"Add psi=1 to {CMDLINE} and reboot.")
    try:
        controllers = (root / "sys/fs/cgroup/cgroup.controllers").read_text(encoding="ascii").split()
    except OSError:
        controllers = []
    if "memory" in controllers:
        yield _ok("memory limits", "the memory controller of cgroups is on")
    else:
        fix = f"Add cgroup_enable=memory to {CMDLINE} and reboot; until then MemoryHigh= and MemoryMax= do nothing."
        yield _warn("memory limits", "the memory controller of cgroups is off", fix)


def _processor(root: Path) -> Iterator[Finding]:
    try:
        lines = (root / "proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    found = {flag for line in lines if line.startswith(("Features", "flags")) for flag in line.split(":")[1].split()}
    fast = {"asimddp", "avx2"} & found
    if fast:
        yield _ok("processor", f"{os.cpu_count()} cores with {', '.join(sorted(fast))}")
    else:
        yield _warn(
            "processor", "no asimddp and no avx2: INT8 runs slowly here", "Use --mode lite or spare on this board."
        )


def _broker(settings: Settings) -> Iterator[Finding]:
    broker = settings.broker
    where = f"{broker.host}:{broker.port}"
    try:
        socket.create_connection((broker.host, broker.port), timeout=CONNECT_TIMEOUT_S).close()
        yield _ok("broker", f"{where} answers")
    except OSError as exc:
        fix = "sudo apt-get install mosquitto, or set broker.host; `edgereel generate` needs no broker."
        yield _warn("broker", f"{where}: {exc.strerror or exc}", fix)
