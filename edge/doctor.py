"""A look over this board before anybody waits for it: each finding says what is wrong and how to put it right.

Why swap is counted by kind: zram gives no room for weights, which hardly compress; only a file or partition does.
The kernel features named here (PSI, the memory controller) are off by default on Raspberry Pi OS.
"""

from __future__ import annotations

import importlib.util
import math
import os
import socket
import stat
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path

from edge.certificate import read_certificate
from edge.cpu import choose_threads, fast_cores
from edge.errors import EdgereelError, ModelError
from edge.memory import available_mib, read_meminfo, total_mib
from edge.mode import Mode
from edge.models import fitting_mode, free_mib, is_small_board, language_model, models_of, pack_roots
from edge.packs import check_trusted, find_video_pack, verify_pack
from edge.pressure import read_pressure
from edge.sections import Broker, Paths
from edge.settings import Settings
from edge.swap import WANTED_MIB, how_to_get_swap, read_swap, real_mib
from edge.weights import lock_limit_mib
from edge.whole_file import check_writable

MIB = 1 << 20
MEMORY_WANTED_MIB = 900
NEEDED = ("state", "clips")  # folders without which nothing can be served
CONNECT_TIMEOUT_S = 3.0
RENEW_DAYS = 60
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
        lambda: _fits(settings, root),
        lambda: _lock_limit(settings),
        lambda: _swap(root, settings),
        lambda: _kernel(root),
        lambda: _processor(root),
        lambda: _heat(root, settings),
        lambda: _broker(settings),
        lambda: _secrets(settings.broker),
        lambda: _certificate(settings),
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
        check_trusted(video)
        verify_pack(video)
        yield _ok("video pack", f"{video.name} {video.manifest.version} ({video.trust}) is as its manifest says")
    except ModelError as exc:
        yield _error("video pack", exc.message, exc.hint)
    try:
        llm = language_model(settings)
        if llm is None:
            fix = f"edgereel models pull {settings.models.llm or 'smollm2-135m-expand'}"
            yield _warn("language model", "none here: think and no_think cannot run", fix)
            return
        check_trusted(llm)
        verify_pack(llm)
        yield _ok("language model", f"{llm.name} {llm.manifest.version} ({llm.trust}) is as its manifest says")
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
            tell = _error if name in NEEDED else _warn
            yield tell(f"folder {name}", exc.message, fix)


def _memory(root: Path) -> Iterator[Finding]:
    found = read_meminfo(root)
    total, free = min(total_mib(root), 1e9), min(available_mib(root), 1e9)
    limit = " (limit of the control group)" if total < found.get("MemTotal", 0.0) else ""
    text = f"{total:.0f} MiB{limit}, {free:.0f} MiB available; pages of {os.sysconf('SC_PAGESIZE') // 1024} KiB"
    if total < MEMORY_WANTED_MIB:
        yield _warn("memory", text, "1 GB is the smallest board that edgereel was made for; use --mode spare.")
    else:
        yield _ok("memory", text)


def _lock_limit(settings: Settings) -> Iterator[Finding]:
    limit, wanted = lock_limit_mib(), _weight_bytes(settings) / MIB
    if limit >= wanted:
        yield _ok("memory lock", f"{wanted:.0f} MiB of weights may be locked")
        return
    text = f"{limit:.0f} MiB may be locked, the weights have {wanted:.0f} MiB: under pressure they are pushed out"
    fix = (f"Run as the service (LimitMEMLOCK=1G), or write `* - memlock {math.ceil(wanted + 64) * 1024}` to "
           "/etc/security/limits.d/edgereel.conf and log in again.")  # fmt: skip
    yield _warn("memory lock", text, fix)


def _fits(settings: Settings, root: Path) -> Iterator[Finding]:
    try:
        models = models_of(settings, root=root)
    except ModelError:
        return  # told by `_packs`
    free = free_mib(settings, root=root)
    best = Mode.NO_THINK if models.llm else Mode.DIRECT
    mode, reason = fitting_mode(best, models, free_mib=free)
    if mode is best:
        yield _ok("memory plan", f"{best.value} fits: {free:.0f} MiB are free beside the reserve")
        return
    told = "no mode fits" if mode is Mode.PAUSED else f"{mode.value} is the best mode that fits"
    yield _warn("memory plan", f"{told}; {reason}", "End something else, or lower engine.reserve_mib.")


def _weight_bytes(settings: Settings) -> int:
    try:
        packs = (find_video_pack(settings.models.video, roots=pack_roots(settings)), language_model(settings))
    except ModelError:
        return 0
    return sum(file.bytes for pack in packs if pack is not None for file in pack.manifest.files.values())


def _swap(root: Path, settings: Settings) -> Iterator[Finding]:
    swaps = read_swap(root)
    text = ", ".join(map(str, swaps)) or "none"
    if real_mib(swaps) >= WANTED_MIB:
        yield _ok("swap", text)
        return
    small = is_small_board(settings, root=root)
    cost = "; think is not run without it (governor.without_swap)" if small else ""
    yield _warn("swap", f"{text}; 2048 MiB as a file or partition are wanted (zram does not count){cost}",
                how_to_get_swap(root))  # fmt: skip


def _kernel(root: Path) -> Iterator[Finding]:
    if (root / "proc/pressure/memory").exists():
        yield _ok("pressure", "the kernel reports memory pressure (PSI)")
    else:
        yield _warn("pressure", "the kernel does not report pressure (PSI)", f"Add psi=1 to {CMDLINE} and reboot.")
    try:
        controllers = (root / "sys/fs/cgroup/cgroup.controllers").read_text(encoding="ascii").split()
    except OSError:
        controllers = []
    if "memory" in controllers or (root / "sys/fs/cgroup/memory/memory.stat").exists():
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
    cores = fast_cores(root=root)
    used = f"{len(cores)} of {os.cpu_count()} cores are used, {choose_threads(root=root, cores=cores)} free now"
    if fast:
        yield _ok("processor", f"{used}; has {', '.join(sorted(fast))}")
    else:
        yield _warn("processor", f"{used}; no asimddp and no avx2: INT8 runs slowly here",
                    "Use --mode lite or spare on this board.")  # fmt: skip


def _heat(root: Path, settings: Settings) -> Iterator[Finding]:
    reading = read_pressure(root, disk=settings.paths.clips)
    if reading.throttled:
        yield _warn("throttling", "the firmware holds the processor back now (voltage or heat)",
                    "Use the board's own power supply, a short cable, and a heat sink.")  # fmt: skip
    if reading.temperature_celsius is None:
        yield _ok("temperature", "no thermometer here")
    elif reading.temperature_celsius > settings.governor.direct.temperature_celsius:
        yield _warn("temperature", f"{reading.temperature_celsius:.0f} °C: modes are lowered", "Cool the board.")
    else:
        yield _ok("temperature", f"{reading.temperature_celsius:.0f} °C")


def _broker(settings: Settings) -> Iterator[Finding]:
    broker = settings.broker
    where = f"{broker.host}:{broker.port}"
    try:
        socket.create_connection((broker.host, broker.port), timeout=CONNECT_TIMEOUT_S).close()
        yield _ok("broker", f"{where} answers")
    except OSError as exc:
        fix = "sudo apt-get install mosquitto, or set broker.host; `edgereel generate` needs no broker."
        yield _warn("broker", f"{where}: {exc.strerror or exc}", fix)


def _secrets(broker: Broker) -> Iterator[Finding]:
    for key in ("password_file", "key_file"):
        path = Path(getattr(broker, key))
        try:
            open_to_all = bool(path.name) and bool(path.stat().st_mode & (stat.S_IROTH | stat.S_IWOTH))
        except OSError as exc:
            yield _warn(f"broker {key}", f"{path}: {exc.strerror}", f"Correct broker.{key}.")
            continue
        if open_to_all:
            yield _warn(f"broker {key}", f"everybody on this board can read {path}", f"chmod o= {path}")
        elif path.name:
            yield _ok(f"broker {key}", f"{path} is not open to everybody")


def _certificate(settings: Settings) -> Iterator[Finding]:
    path, node = settings.broker.cert_file, settings.node.id
    found = read_certificate(Path(path)) if path else None
    if found is None:
        return  # there is none, or whoever opens it says what is wrong with it
    name, days = "broker cert_file", found.days_left(now=time.time())
    if found.name != node:
        yield _warn(name, f"{path} is for {found.name!r}, node.id is {node!r}: a broker that goes by the certificate lets "
                    "this board say nothing", f"Set node.id to {found.name}, or make a certificate for {node}.")  # fmt: skip
    elif days < RENEW_DAYS:
        yield _warn(name, f"{path} ends in {days} days" if days >= 0 else f"{path} has expired",
                    f"systemd/make-certificates.sh client {node}")  # fmt: skip
    else:
        yield _ok(name, f"{path} is for {node} and holds for {days} days")
