"""The peak of memory: what is read, that it is a peak, and that native work is seen."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from edge.memory import MemoryPeak, available_mib, read_meminfo, read_process, total_mib


def write_rollup(root: Path, *, pss_kib: int) -> None:
    """A smaps_rollup as the kernel writes it."""
    folder = root / "proc/self"
    folder.mkdir(parents=True, exist_ok=True)
    head = "55d0c0000000-7ffd0b3f5000 ---p 00000000 00:00 0    [rollup]\n"
    body = f"Rss:   9000 kB\nPss:   {pss_kib} kB\nPss_Anon: 5 kB\nAnonymous: 2048 kB\nLocked: 1024 kB\n"
    (folder / "smaps_rollup").write_text(head + body, encoding="ascii")
    (folder / "status").write_text("Name:\tx\nVmLck:\t    3072 kB\n", encoding="ascii")


def test_fields_are_read_in_mib(tmp_path: Path) -> None:
    write_rollup(tmp_path, pss_kib=4096)

    assert read_process(tmp_path) == {"pss_mib": 4.0, "anonymous_mib": 2.0, "locked_mib": 3.0, "held_mib": 5.0}


def test_another_process_is_read_by_its_number_and_one_that_is_gone_gives_nothing(tmp_path: Path) -> None:
    write_rollup(tmp_path, pss_kib=4096)
    (tmp_path / "proc/self").rename(tmp_path / "proc/77")

    assert read_process(tmp_path, pid=77)["pss_mib"] == 4.0
    assert read_process(tmp_path, pid=78) == {}


def test_the_largest_value_is_kept_when_memory_falls(tmp_path: Path) -> None:
    write_rollup(tmp_path, pss_kib=1024)
    with MemoryPeak(root=tmp_path, period_s=60) as memory:
        write_rollup(tmp_path, pss_kib=8192)
        memory.sample()
        write_rollup(tmp_path, pss_kib=512)

        assert memory.mib()["peak_pss_mib"] == 8.0


def test_a_kernel_without_the_file_gives_nothing_rather_than_zero(tmp_path: Path) -> None:
    with MemoryPeak(root=tmp_path) as memory:
        assert memory.mib() == {}
    assert read_meminfo(tmp_path) == {}
    assert total_mib(tmp_path) == available_mib(tmp_path) == float("inf")


CAME_AND_WENT = """
import time
import numpy as np
from edge.memory import MemoryPeak
with MemoryPeak(period_s=0.02) as memory:
    before = memory.mib()["peak_pss_mib"]
    block = np.ones(64 << 20, np.uint8)
    time.sleep(0.5)
    del block
    print(memory.mib()["peak_pss_mib"] - before)
"""


def test_memory_that_came_and_went_between_two_looks_of_ours_is_seen_by_the_thread() -> None:
    # In a process of its own: in this one, what earlier tests leave behind may be given back meanwhile.
    done = subprocess.run([sys.executable, "-c", CAME_AND_WENT], capture_output=True, text=True, timeout=60, check=True)

    assert float(done.stdout) > 50
