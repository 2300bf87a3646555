"""Weights are mapped, locked as far as the system lets us, and proven to be: with real files and the real kernel."""

from __future__ import annotations

import mmap
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from edge.memory import read_process
from edge.weights import give_back, locked, prove

MIB = 1 << 20
ROOT = Path(__file__).parents[1]


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    path = tmp_path / "weights.bin"
    path.write_bytes(os.urandom(4 * MIB))
    return path


def vm_locked() -> float:
    return read_process(Path("/"))["locked_mib"]


def test_a_file_is_locked_for_the_time_of_the_block_and_the_kernel_says_so(weights: Path) -> None:
    before = vm_locked()
    with locked([weights]) as lock:
        assert (lock.wanted_mib, lock.locked_mib, lock.refused) == (4.0, 4.0, "")
        assert vm_locked() - before == 4.0
        proof = prove([weights])["weights.bin"]
        assert (proof.wanted_mib, proof.locked_mib, proof.anonymous_mib) == (4.0, 4.0, 0.0)
    assert vm_locked() == before


def test_a_second_map_of_the_file_costs_no_memory(weights: Path) -> None:
    with locked([weights]), weights.open("rb") as file, mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ) as other:
        assert sum(other[:: mmap.PAGESIZE]) > 0
        proof = prove([weights])["weights.bin"]
        assert proof.resident_mib == pytest.approx(4.0, abs=0.1)
        assert proof.locked_mib == pytest.approx(4.0, abs=0.1)


def test_what_is_mapped_but_not_locked_is_told_apart(weights: Path) -> None:
    with weights.open("rb") as file, mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ) as unlocked:
        assert sum(unlocked[:: mmap.PAGESIZE]) > 0
        proof = prove([weights])["weights.bin"]
    assert proof.resident_mib == pytest.approx(4.0, abs=0.1)
    assert proof.locked_mib == 0.0


def test_more_than_there_is_room_for_is_not_locked(weights: Path) -> None:
    before = vm_locked()
    with locked([weights], room_mib=3.5) as lock:
        assert lock.locked_mib == 0.0
        assert "4 MiB wanted" in lock.refused
        assert vm_locked() == before


def test_a_refusal_of_the_system_is_told_with_the_limit_and_the_work_goes_on() -> None:
    """As an ordinary user with a limit of 1 MiB: root is not held by the limit."""
    script = (
        "import os, resource, sys\n"
        "from pathlib import Path\n"
        "from edge.weights import lock_limit_mib, locked\n"
        "lock_limit_mib()  # what it imports may lie where the other user may not look\n"
        "resource.setrlimit(resource.RLIMIT_MEMLOCK, (1 << 20, 1 << 20))\n"
        "if os.geteuid() == 0: os.setuid(65534)\n"
        "with locked([Path(sys.argv[1])]) as lock: print(lock.locked_mib, lock.refused)\n"
    )
    with tempfile.NamedTemporaryFile(dir="/tmp") as file:
        file.truncate(4 * MIB)
        Path(file.name).chmod(0o644)
        done = subprocess.run(
            [sys.executable, "-c", script, file.name], check=False, capture_output=True, text=True, cwd=ROOT
        )
    assert done.stdout.startswith("0.0 Cannot allocate memory: 4 MiB wanted, RLIMIT_MEMLOCK is 1 MiB"), done.stderr


def test_a_missing_file_is_an_error_not_a_silence(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), locked([tmp_path / "missing.bin"]):
        pass


def test_pages_given_back_leave_memory_and_can_be_read_again(weights: Path) -> None:
    wanted = weights.read_bytes()
    with weights.open("rb") as file, mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ) as mapped:
        assert bytes(mapped) == wanted
        assert prove([weights])["weights.bin"].resident_mib == pytest.approx(4.0, abs=0.1)

        give_back(weights)

        assert prove([weights])["weights.bin"].resident_mib == 0.0
        assert bytes(mapped) == wanted


def test_anonymous_memory_between_two_maps_is_not_taken_for_that_of_the_file(weights: Path, tmp_path: Path) -> None:
    file = tmp_path / "proc/self/smaps"
    file.parent.mkdir(parents=True)
    file.write_text(
        f"7f00-7f10 r--s 00000000 fe:00 7 {weights.resolve()}\nRss: 2048 kB\nPss: 1024 kB\nAnonymous: 0 kB\n"
        "Locked: 1024 kB\nVmFlags: rd sh\n7f20-7f30 rw-p 00000000 00:00 0\nRss: 9216 kB\nPss: 9216 kB\n"
        "Anonymous: 9216 kB\nLocked: 0 kB\n"
    )
    proof = prove([weights], root=tmp_path)["weights.bin"]
    assert (proof.resident_mib, proof.locked_mib, proof.anonymous_mib) == (1.0, 2.0, 0.0)


def test_without_smaps_nothing_is_claimed(weights: Path, tmp_path: Path) -> None:
    assert prove([weights], root=tmp_path) == {}
