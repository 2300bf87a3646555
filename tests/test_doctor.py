"""The doctor: what it finds on a good board, on a bad one, and that each fault comes with its fix."""

from __future__ import annotations

import json
import shutil
import socket
import time
from pathlib import Path

import pytest

from edge.certificate import read_certificate
from edge.doctor import Finding, Level, examine
from edge.settings import Settings, load_settings
from tests.conftest import DATA, Cli
from tests.fleet import certify, certify_for

SWAPS = "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n"


def settings_for(tmp_path: Path, *overrides: str) -> Settings:
    """Settings with the tiny pack and folders of their own."""
    paths = [f"paths.{name}={tmp_path}/{name}" for name in ("state", "clips", "cache")]
    fixed = ["models.video=tinypack", f"paths.models={DATA}", 'models.llm=""']
    return load_settings(None, overrides=[*fixed, *paths, *overrides], env={"HOME": str(tmp_path)}, root=tmp_path)


def good_board(root: Path) -> Path:
    """/proc, /sys as on a 2 GB Pi 5 with everything switched on."""
    files = {
        "proc/meminfo": "MemTotal: 2048000 kB\nMemAvailable: 1500000 kB\n",
        "proc/swaps": SWAPS + "/var/swap file 2097148 0 -2\n",
        "proc/pressure/memory": "some avg10=0.00 avg60=0.00 avg300=0.00 total=0\n",
        "proc/cpuinfo": "processor : 0\nFeatures : fp asimd aes asimdhp asimddp\n",
        "sys/fs/cgroup/cgroup.controllers": "cpuset cpu io memory pids\n",
    }
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, encoding="ascii")
    return root


def found(settings: Settings, root: Path) -> dict[str, Finding]:
    """The findings by name."""
    return {finding.name: finding for finding in examine(settings, root=root)}


def test_a_good_board_has_no_fault_of_its_own(tmp_path: Path) -> None:
    findings = found(settings_for(tmp_path), good_board(tmp_path))

    kernel = ("swap", "pressure", "memory limits", "processor", "memory", "memory lock", "python", "video pack")
    assert {name: findings[name].level for name in kernel} == dict.fromkeys(kernel, Level.OK)


@pytest.mark.parametrize(
    ("file", "text", "name", "fix"),
    [
        ("proc/swaps", SWAPS, "swap", "fallocate -l 2G"),
        ("proc/swaps", SWAPS + "/dev/zram0 partition 2097148 0 100\n", "swap", "swapon"),
        ("proc/swaps", SWAPS + "/var/swap file 102396 0 -2\n", "swap", "swapon"),
        ("proc/pressure/memory", None, "pressure", "psi=1"),
        ("sys/fs/cgroup/cgroup.controllers", "cpuset cpu io pids\n", "memory limits", "cgroup_enable=memory"),
        ("sys/fs/cgroup/cgroup.controllers", None, "memory limits", "cgroup_enable=memory"),
        ("proc/cpuinfo", "Features : fp asimd\n", "processor", "--mode lite"),
        ("proc/meminfo", "MemTotal: 512000 kB\nMemAvailable: 300000 kB\n", "memory", "--mode spare"),
    ],
)
def test_what_a_board_lacks_is_a_warning_with_its_fix(
    file: str, text: str | None, name: str, fix: str, tmp_path: Path
) -> None:
    root = good_board(tmp_path)
    (root / file).unlink()
    if text is not None:
        (root / file).write_text(text, encoding="ascii")

    finding = found(settings_for(tmp_path), root)[name]
    assert finding.level is Level.WARN
    assert fix in finding.fix


@pytest.mark.parametrize(
    ("marker", "fix"), [("etc/dphys-swapfile", "CONF_SWAPSIZE=2048"), ("etc/rpi/x", "FixedSizeMiB")]
)
def test_the_swap_fix_is_that_of_the_release(marker: str, fix: str, tmp_path: Path) -> None:
    root = good_board(tmp_path)
    (root / "proc/swaps").write_text(SWAPS, encoding="ascii")
    (root / marker).parent.mkdir(parents=True, exist_ok=True)
    (root / marker).touch()

    assert fix in found(settings_for(tmp_path), root)["swap"].fix


def test_a_missing_or_damaged_pack_is_an_error(tmp_path: Path) -> None:
    shutil.copytree(DATA, tmp_path / "packs")
    pack = tmp_path / "packs/tinypack"
    settings = settings_for(tmp_path, f"paths.models={tmp_path}/packs")
    assert found(settings, tmp_path)["video pack"].level is Level.OK

    weights = next(pack.glob("*.onnx"))
    weights.write_bytes(weights.read_bytes()[:-1])
    assert found(settings, tmp_path)["video pack"].level is Level.ERROR

    assert found(settings_for(tmp_path, "models.video=none"), tmp_path)["video pack"].level is Level.ERROR


def test_a_pack_that_nobody_trusted_is_an_error_with_how_to(tmp_path: Path) -> None:
    shutil.copytree(DATA / "tinypack", tmp_path / "packs/tinypack")

    finding = found(settings_for(tmp_path, f"paths.models={tmp_path}/packs"), tmp_path)["video pack"]
    assert finding.level is Level.ERROR
    assert "edgereel models trust tinypack" in finding.fix


@pytest.mark.parametrize("key", ["password_file", "key_file"])
def test_a_secret_that_everybody_can_read_is_a_warning(key: str, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("secret")
    settings = settings_for(tmp_path, f"broker.{key}={secret}")

    for mode, level in ((0o644, Level.WARN), (0o600, Level.OK), (0o640, Level.OK)):
        secret.chmod(mode)
        assert found(settings, tmp_path)[f"broker {key}"].level is level
    secret.unlink()
    assert found(settings, tmp_path)[f"broker {key}"].level is Level.WARN
    assert f"broker {key}" not in found(settings_for(tmp_path), tmp_path)


def test_a_certificate_for_another_name_or_near_its_end_is_a_warning(tmp_path: Path) -> None:
    certify(tmp_path, "client", "board-1")
    certify(tmp_path, "client", "late", DAYS="20")
    cases = (("board-1", "board-1", Level.OK, ""), ("board-1", "n1", Level.WARN, "Set node.id to board-1"),
             ("late", "late", Level.WARN, "make-certificates.sh client late"))  # fmt: skip
    for name, node, level, fix in cases:
        settings = settings_for(tmp_path, f"broker.cert_file={tmp_path}/{name}.crt", f"node.id={node}")
        finding = found(settings, tmp_path)["broker cert_file"]
        assert (finding.level, fix in finding.fix) == (level, True)
    assert read_certificate(tmp_path / "late.key") is None
    old = read_certificate(certify_for(tmp_path, "late", first="20200101", last="20210101"))
    assert old and old.name == "late" and old.days_left(now=time.time()) < 0


def test_a_folder_that_cannot_be_written_is_an_error_that_names_its_setting(tmp_path: Path) -> None:
    finding = found(settings_for(tmp_path, "paths.clips=/proc/clips"), tmp_path)["folder clips"]

    assert finding.level is Level.ERROR
    assert "paths.clips" in finding.fix


def test_a_broker_that_answers_is_told_from_one_that_does_not(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        settings = settings_for(tmp_path, f"broker.port={server.getsockname()[1]}")
        assert found(settings, tmp_path)["broker"].level is Level.OK

    assert found(settings, tmp_path)["broker"].level is Level.WARN


def test_the_command_exits_with_0_on_warnings_and_with_6_on_an_error(cli: Cli, board: list[str]) -> None:
    good = cli("doctor", *board, "--json")
    bad = cli("doctor", *board, "--set", "models.video=none")

    assert good.code == 0, good.out
    assert {"name", "level", "text", "fix"} == set(json.loads(good.out)["findings"][0])
    assert bad.code == 6
    assert "fix: " in bad.out
