"""Swap is counted by kind, and the way to get more is that of the system."""

from __future__ import annotations

from pathlib import Path

from edge.swap import how_to_get_swap, read_swap, real_mib
from tests.test_pressure import write

HEAD = "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n"


def test_zram_gives_no_room_and_files_and_partitions_do(tmp_path: Path) -> None:
    lines = "/dev/zram0 partition 1024000 5120 100\n/var/swap file 512000 0 -2\n/dev/sda2 partition 2048000 1024 -3\n"
    write(tmp_path, "proc/swaps", HEAD + lines)

    swaps = read_swap(tmp_path)

    assert [(swap.kind, swap.size_mib, swap.used_mib) for swap in swaps] == [
        ("zram", 1000, 5), ("file", 500, 0), ("partition", 2000, 1),
    ]  # fmt: skip
    assert real_mib(swaps) == 2500
    assert str(swaps[0]) == "zram 1000 MiB"


def test_a_swap_file_on_an_sd_card_says_so(tmp_path: Path) -> None:
    write(tmp_path, "proc/swaps", HEAD + "/var/swap file 512000 0 -2\n")
    write(tmp_path, "var/swap", "")
    number = (tmp_path / "var/swap").stat().st_dev
    card = tmp_path / "sys/devices/mmcblk0"
    write(tmp_path, "sys/devices/mmcblk0/device/type", "SD\n")
    (card / "mmcblk0p2").mkdir()
    link = tmp_path / f"sys/dev/block/{number >> 8 & 0xFFF}:{number & 0xFF}"
    link.parent.mkdir(parents=True)
    link.symlink_to(card / "mmcblk0p2")

    assert str(read_swap(tmp_path)[0]) == "file 500 MiB on SD card"


def test_no_file_and_rubbish_are_no_swap(tmp_path: Path) -> None:
    assert read_swap(tmp_path) == []
    write(tmp_path, "proc/swaps", HEAD + "rubbish\n/x file many 0 1\n")
    assert read_swap(tmp_path) == []


def test_each_release_has_its_own_way(tmp_path: Path) -> None:
    assert "fallocate" in how_to_get_swap(tmp_path)
    write(tmp_path, "etc/rpi/swap.conf", "")
    assert "FixedSizeMiB=2048" in how_to_get_swap(tmp_path)
    write(tmp_path, "etc/dphys-swapfile", "")
    assert "CONF_SWAPSIZE=2048" in how_to_get_swap(tmp_path)
