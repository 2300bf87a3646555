"""Reading the board, on small trees of files that look like /proc and /sys."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from edge.pressure import PressureReading, read_pressure


def write(root: Path, path: str, text: str) -> None:
    (root / path).parent.mkdir(parents=True, exist_ok=True)
    (root / path).write_text(text)


@pytest.fixture
def board(tmp_path: Path) -> Path:
    write(
        tmp_path,
        "proc/meminfo",
        "MemTotal: 1024000 kB\nMemAvailable: 204800 kB\nMlocked: 102400 kB\nSwapTotal: 2048 kB\nSwapFree: 1024 kB\n",
    )
    write(
        tmp_path,
        "proc/pressure/memory",
        "some avg10=7.50 avg60=1.00 avg300=0.00 total=12\nfull avg10=2.25 avg60=0.00 avg300=0.00 total=3\n",
    )
    write(tmp_path, "proc/vmstat", "nr_free_pages 5\npswpin 256\npswpout 9\n")
    write(tmp_path, "sys/class/thermal/thermal_zone0/temp", "61234\n")
    write(tmp_path, "sys/devices/platform/soc/soc:firmware/get_throttled", "50005\n")
    return tmp_path


def test_a_board_with_everything_is_read_in_the_units_of_the_names(board: Path) -> None:
    reading = read_pressure(board, disk=board)
    assert reading.mem_total_mib == 1000
    assert reading.mem_available_mib == 200
    assert reading.mem_locked_mib == 100
    assert reading.swap_used_mib == 1
    assert (reading.some_avg10, reading.full_avg10) == (7.5, 2.25)
    assert reading.swap_in_mib == 256 * os.sysconf("SC_PAGESIZE") / 2**20
    assert reading.temperature_celsius == pytest.approx(61.234)
    assert reading.throttled is True
    assert reading.disk_free_mib and reading.disk_free_mib > 0


def test_locked_memory_is_not_counted_as_pressure(board: Path) -> None:
    assert read_pressure(board, disk=board).available_percent == pytest.approx(100 * 200 / 900)


def test_throttling_that_is_over_is_not_throttling_now(board: Path) -> None:
    write(board, "sys/devices/platform/soc/soc:firmware/get_throttled", "50000\n")
    assert read_pressure(board, disk=board).throttled is False


def test_a_board_with_nothing_reads_as_unknown_and_never_raises(tmp_path: Path) -> None:
    reading = read_pressure(tmp_path, disk=tmp_path / "missing")
    assert reading == PressureReading()
    assert reading.available_percent is None


def test_rubbish_in_the_files_reads_as_unknown(tmp_path: Path) -> None:
    for path in ("proc/meminfo", "proc/pressure/memory", "proc/vmstat", "sys/class/thermal/thermal_zone0/temp"):
        write(tmp_path, path, "rubbish\n\x00some avg10=x\nMemTotal: many kB\n")
    assert read_pressure(tmp_path, disk=tmp_path / "missing") == PressureReading()


def test_this_machine_can_be_read() -> None:
    reading = read_pressure(Path("/"), disk=Path("/"))
    assert reading.mem_total_mib and reading.mem_available_mib
    assert 0 < reading.mem_available_mib <= reading.mem_total_mib


def test_a_reading_travels_with_null_for_what_the_board_cannot_tell() -> None:
    body = PressureReading(mem_total_mib=900, mem_available_mib=100, some_avg10=1.5).to_json()
    assert body["mem"] == {"total_mb": 900, "available_mb": 100, "swap_used_mb": None}
    assert body["psi"] == {
        "memory": {"some10": 1.5, "full10": None}, "cpu": {"some10": None}, "io": {"some10": None},
    }  # fmt: skip
    assert body["temp_c"] is None


def test_what_the_governor_sees_of_memory_is_that_of_the_tighter_group(board: Path) -> None:
    write(board, "proc/self/cgroup", "0::/a\n")
    write(board, "sys/fs/cgroup/a/memory.max", f"{150 << 20}\n")
    write(board, "sys/fs/cgroup/a/memory.current", f"{100 << 20}\n")
    write(board, "sys/fs/cgroup/a/memory.events", "max 3\nhigh 0\noom_kill 1\n")
    reading = read_pressure(board, disk=board)
    assert (reading.mem_total_mib, reading.mem_available_mib) == (150, 50)
    assert (reading.limit_hits, reading.oom_kills) == (3, 1)


def test_refaults_faults_clock_and_the_pressure_of_others_are_told(board: Path) -> None:
    write(board, "proc/vmstat", "pgmajfault 42\nworkingset_refault_file 512\n")
    write(board, "proc/pressure/cpu", "some avg10=40.10 avg60=1.00 avg300=0.00 total=12\n")
    write(board, "sys/devices/system/cpu/cpu0/cpufreq/scaling_cur_freq", "600000\n")
    write(board, "sys/devices/system/cpu/cpu0/cpufreq/cpuinfo_max_freq", "1500000\n")
    reading = read_pressure(board, disk=board)
    assert reading.refault_mib == 512 * os.sysconf("SC_PAGESIZE") / 2**20
    assert (reading.major_faults, reading.cpu_some_avg10, reading.clock_share) == (42, 40.1, 0.4)
