"""Limits of control groups, on trees of files as the kernel writes them."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge.cgroup import read_memory_group
from edge.memory import available_mib, total_mib
from tests.test_pressure import write

MIB = 1 << 20


def version_2(root: Path, folder: str, *, limit: str, high: str = "max", used: int = 100, droppable: int = 30) -> None:
    base = f"sys/fs/cgroup/{folder}"
    write(root, f"{base}/memory.max", f"{limit}\n")
    write(root, f"{base}/memory.high", f"{high}\n")
    write(root, f"{base}/memory.current", f"{used * MIB}\n")
    write(root, f"{base}/memory.stat", f"anon 5\ninactive_file {droppable * MIB}\nactive_file 0\n")
    write(root, f"{base}/memory.events", "low 0\nhigh 3\nmax 4\noom 1\noom_kill 1\n")


def test_a_service_of_version_2_has_what_its_limit_leaves(tmp_path: Path) -> None:
    write(tmp_path, "proc/self/cgroup", "0::/system.slice/edgereel.service\n")
    version_2(tmp_path, "system.slice/edgereel.service", limit=str(400 * MIB))

    group = read_memory_group(tmp_path)

    assert group is not None
    assert (group.limit_mib, group.available_mib, group.events, group.oom_kills) == (400, 330, 7, 1)


def test_the_softer_limit_counts_when_it_is_the_lower_one(tmp_path: Path) -> None:
    write(tmp_path, "proc/self/cgroup", "0::/a\n")
    version_2(tmp_path, "a", limit=str(400 * MIB), high=str(200 * MIB))

    assert (group := read_memory_group(tmp_path)) and group.limit_mib == 200


def test_of_nested_groups_the_one_with_the_least_left_counts(tmp_path: Path) -> None:
    write(tmp_path, "proc/self/cgroup", "0::/outer/inner\n")
    version_2(tmp_path, "outer", limit=str(500 * MIB), used=480)
    version_2(tmp_path, "outer/inner", limit=str(400 * MIB), used=100)

    assert (group := read_memory_group(tmp_path)) and group.limit_mib == 500


def test_version_1_is_read_too(tmp_path: Path) -> None:
    write(tmp_path, "proc/self/cgroup", "5:pids:/x\n4:memory:/board\n0::/\n")
    base = "sys/fs/cgroup/memory/board"
    write(tmp_path, f"{base}/memory.limit_in_bytes", f"{600 * MIB}\n")
    write(tmp_path, f"{base}/memory.usage_in_bytes", f"{350 * MIB}\n")
    write(tmp_path, f"{base}/memory.stat", f"total_inactive_file {40 * MIB}\ntotal_active_file {10 * MIB}\n")
    write(tmp_path, f"{base}/memory.failcnt", "12\n")
    write(tmp_path, f"{base}/memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill 2\n")

    group = read_memory_group(tmp_path)

    assert group is not None
    assert (group.limit_mib, group.available_mib, group.events, group.oom_kills) == (600, 300, 12, 2)


def test_rubbish_about_groups_is_no_group(tmp_path: Path) -> None:
    write(tmp_path, "proc/self/cgroup", "rubbish\n0:\n\n")
    assert read_memory_group(tmp_path) is None


@pytest.mark.parametrize("limit", ["max", "9223372036854771712", "rubbish"])
def test_no_limit_is_no_group(tmp_path: Path, limit: str) -> None:
    write(tmp_path, "proc/self/cgroup", "0::/a\n")
    version_2(tmp_path, "a", limit=limit)

    assert read_memory_group(tmp_path) is None


def test_a_board_without_control_groups_is_not_limited(tmp_path: Path) -> None:
    assert read_memory_group(tmp_path) is None


def test_the_lower_of_board_and_group_is_what_there_is(tmp_path: Path) -> None:
    write(tmp_path, "proc/meminfo", "MemTotal: 1024000 kB\nMemAvailable: 204800 kB\n")
    assert (total_mib(tmp_path), available_mib(tmp_path)) == (1000, 200)

    write(tmp_path, "proc/self/cgroup", "0::/a\n")
    version_2(tmp_path, "a", limit=str(150 * MIB), used=100, droppable=0)

    assert (total_mib(tmp_path), available_mib(tmp_path)) == (150, 50)
