"""What systemd/install.sh decides, without installing anything; `make install-test` runs all of it on a fresh Debian."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

from edge.doctor import CMDLINE
from edge.swap import WANTED_MIB, how_to_get_swap
from tests.conftest import CHECKOUT, Outcome

INSTALL = CHECKOUT / "systemd/install.sh"
PARTS = sorted((CHECKOUT / "systemd/install.d").glob("*.sh"))
SHELL_FILES = [INSTALL, *PARTS]

# The line of features as the kernels of these boards write it.
ZERO_2 = "Features\t: fp asimd evtstrm crc32 cpuid\n"
PI_4 = "Features\t: fp asimd evtstrm crc32 cpuid\n"
PI_5 = (
    "Features\t: fp asimd evtstrm aes pmull sha1 sha2 crc32 atomics fphp asimdhp cpuid asimdrdm lrcpc dcpop asimddp\n"
)
PC = "flags\t\t: fpu vme sse sse2 avx avx2 fma\n"


def bash(script: str, *args: object, **env: str) -> Outcome:
    """Run a line in a shell that has read the installer and done nothing with it."""
    command = ["bash", "-c", f'. "{INSTALL}"; {script}', "test", *map(str, args)]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=60, check=False, env={**os.environ, **env}, cwd="/"
    )
    return Outcome(done.returncode, done.stdout, done.stderr)


def run(*args: str) -> Outcome:
    done = subprocess.run(["bash", INSTALL, *args], capture_output=True, text=True, timeout=60, check=False, cwd="/")
    return Outcome(done.returncode, done.stdout, done.stderr)


@pytest.mark.parametrize(
    ("machine", "cores", "kind"),
    [
        ("aarch64", [ZERO_2] * 4, "armv8.0"),
        ("aarch64", [PI_4] * 4, "armv8.0"),
        ("aarch64", [PI_5] * 4, "armv8.2"),
        ("aarch64", [PI_4, PI_5], "armv8.0"),  # one core that lacks it is enough to die on
        ("x86_64", [PC] * 2, "x86_64"),
    ],
    ids=["zero-2", "pi-4", "pi-5", "mixed", "pc"],
)
def test_the_wheels_are_chosen_by_what_every_core_has(
    machine: str, cores: list[str], kind: str, tmp_path: Path
) -> None:
    cpuinfo = tmp_path / "cpuinfo"
    cpuinfo.write_text("".join(f"processor\t: {n}\nBogoMIPS\t: 108.00\n{line}" for n, line in enumerate(cores)))

    assert bash('wheel_kind "$1" "$2"', machine, cpuinfo).out == f"{kind}\n"


def test_a_processor_without_wheels_is_refused(tmp_path: Path) -> None:
    assert bash('wheel_kind "$1" "$2"', "armv7l", tmp_path).code == 1


def test_a_wheel_is_found_by_its_version_and_kind(tmp_path: Path) -> None:
    pin = re.search(r"^llama-cpp-python==(.*)$", (CHECKOUT / "requirements.lock").read_text(), re.MULTILINE)
    assert pin is not None
    for kind, version in (("armv8.0", pin[1]), ("armv8.2", f"{pin[1]}+armv8.2"), ("armv8.2", f"{pin[1]}1")):
        (tmp_path / kind).mkdir(exist_ok=True)
        (tmp_path / kind / f"llama_cpp_python-{version}-py3-none-linux_aarch64.whl").touch()
    look = "WHEELS=$1 KIND=$2 OPT=/nowhere; find_llama"

    assert (
        bash(look, tmp_path, "armv8.2").out
        == f"{tmp_path}/armv8.2/llama_cpp_python-{pin[1]}+armv8.2-py3-none-linux_aarch64.whl\n"
    )
    assert f"-{pin[1]}-" in bash(look, tmp_path, "armv8.0").out
    assert bash(look, tmp_path, "x86_64") == Outcome(0, "", "")


def placed(tmp_path: Path, *, new: str, dest: str | None, last: str | None) -> tuple[str, str | None]:
    """What place_settings leaves: the settings, and what lies beside them."""
    for name, text in (("new", new), ("dest", dest), ("last", last)):
        if text is not None:
            (tmp_path / name).write_text(text)
    done = bash('place_settings "$1/new" "$1/dest" "$1/last"', tmp_path)
    assert (done.code, done.err) == (0, "")
    beside = tmp_path / "dest.new"
    return (tmp_path / "dest").read_text(), beside.read_text() if beside.exists() else None


@pytest.mark.parametrize(
    ("dest", "last", "left"),
    [
        (None, None, ("new", None)),
        ("new", None, ("new", None)),
        ("old", "old", ("new", None)),
        ("mine", "old", ("mine", "new")),
        ("mine", None, ("mine", "new")),
        ("mine", "new", ("mine", None)),
    ],
    ids=["none yet", "the same", "unchanged", "changed", "changed, origin unknown", "changed, nothing new"],
)
def test_settings_that_were_changed_are_kept(
    dest: str | None, last: str | None, left: tuple[str, str | None], tmp_path: Path
) -> None:
    assert placed(tmp_path, new="new", dest=dest, last=last) == left


def test_a_dry_run_names_every_step_and_the_wheel() -> None:
    kind = bash('wheel_kind "$(uname -m)" /proc/cpuinfo').out.strip()
    done = run("--dry-run", "--mosquitto") if Path("/etc/mosquitto/conf.d").is_dir() else run("--dry-run")

    assert done.code == 0, done.err
    assert [line for line in done.out.splitlines() if line.startswith(("make", "write", "start", "switch"))] == []
    assert ("would compile" in done.out) != ("would make /opt" in done.out and f"/{kind}/llama_cpp_python" in done.out)
    if "would compile" in done.out:
        assert "it is compiled here" in done.err


def board(root: Path, *, psi: bool, memory: bool, swap_mib: int, cmdline: str | None = None) -> Path:
    """The files of a board that are looked at."""
    for folder in ("proc/pressure", "sys/fs/cgroup", "boot/firmware", "etc/mosquitto/conf.d"):
        (root / folder).mkdir(parents=True)
    if psi:
        (root / "proc/pressure/memory").touch()
    (root / "sys/fs/cgroup/cgroup.controllers").write_text("cpu memory pids\n" if memory else "cpu pids\n")
    rows = f"/dev/zram0 partition 4194300 0 100\n/swap file {swap_mib * 1024} 0 -2\n"
    (root / "proc/swaps").write_text("Filename Type Size Used Priority\n" + rows)
    if cmdline is not None:
        (root / CMDLINE.lstrip("/")).write_text(cmdline)
    return root


def test_a_board_that_lacks_nothing_is_offered_nothing(tmp_path: Path) -> None:
    root = board(tmp_path, psi=True, memory=True, swap_mib=2047)
    (root / "etc/mosquitto/conf.d/edgereel.conf").touch()

    assert bash('offers "$1"', root) == Outcome(0, "", "")


def test_the_boot_line_that_is_offered_is_one_line_with_the_words_that_are_missing(tmp_path: Path) -> None:
    root = board(tmp_path, psi=False, memory=False, swap_mib=0, cmdline="console=tty1 psi=1 rootwait\n")
    offered = bash('offers "$1"', root).out
    (line,) = (line for line in offered.splitlines() if CMDLINE in line)
    subprocess.run(line.replace("sudo ", "").replace(CMDLINE, str(root / CMDLINE.lstrip("/"))), shell=True, check=True)

    assert (root / CMDLINE.lstrip("/")).read_text() == "console=tty1 psi=1 rootwait cgroup_enable=memory\n"
    assert "swap" in offered
    assert "install.sh --mosquitto" in offered


def test_zram_is_no_swap_to_the_installer_as_to_the_doctor(tmp_path: Path) -> None:
    assert "swap" in bash('offers "$1"', board(tmp_path, psi=True, memory=True, swap_mib=100)).out
    assert bash("echo $WANTED_SWAP_MIB").out == f"{WANTED_MIB}\n"


@pytest.mark.parametrize("system", ["etc/dphys-swapfile", "etc/rpi", ""], ids=["bookworm", "trixie", "debian"])
def test_the_installer_offers_the_swap_that_the_doctor_names(system: str, tmp_path: Path) -> None:
    if system:
        (tmp_path / system).mkdir(parents=True)
    told = how_to_get_swap(tmp_path)
    offered = bash('offer_swap "$1"', tmp_path).out

    facts = re.findall(
        r"/(?:etc|swapfile)\S*|CONF_SWAPSIZE=2048|FixedSizeMiB=2048|fallocate -l 2G|mkswap", told.replace(",", "")
    )
    assert len(facts) >= 2
    assert [fact for fact in facts if fact not in offered] == []


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("--frobnicate",), "What is '--frobnicate'?"),
        (("--wheels",), "--wheels wants a value."),
        (("--wheels", "/nowhere/at/all"), "There is no folder /nowhere/at/all."),
    ],
)
def test_a_wrong_command_line_is_told_and_changes_nothing(args: tuple[str, ...], said: str) -> None:
    done = run(*args)

    assert (done.code, done.out) == (2, "")
    assert said in done.err


def test_help_names_every_option() -> None:
    text = run("--help").out

    assert [option for option in re.findall(r"--[a-z-]+(?=[ )|])", INSTALL.read_text()) if option not in text] == []
    assert "--purge" in text


def test_no_command_of_the_installer_changes_what_starts_the_board_or_fetches_a_script() -> None:
    lines = [line.strip() for path in SHELL_FILES for line in path.read_text().splitlines()]
    doing = [line for line in lines if not re.search(r"^#|\becho \"|^die |\bdie \"|^local file=", line)]

    assert len(doing) > 200
    assert [line for line in doing if re.search(r"cmdline\.txt|\bapt-get\b|\bcurl\b|\bwget\b|swapon", line)] == []


def test_shellcheck_finds_nothing() -> None:
    done = subprocess.run(
        ["shellcheck", "-x", INSTALL], cwd=CHECKOUT, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stdout


def test_every_part_is_read_and_short() -> None:
    text = INSTALL.read_text()

    assert [path.name for path in PARTS if f'install.d/{path.name}"' not in text] == []
    assert [path.name for path in SHELL_FILES if path.read_text().count("\n") > 200] == []
