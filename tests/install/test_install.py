"""install.sh on a fresh Debian 12, first without and then with a running systemd; each test goes on from the one before."""

from __future__ import annotations

import os
import re
import signal
import stat
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge.schema import MIGRATIONS
from tests.install.machine import SOURCE, Machine, Outcome

INSTALL = f"PIP_NO_INDEX=1 {SOURCE}/systemd/install.sh --wheels /root/wheels"
SETTINGS = "etc/edgereel/edgereel.yaml"
UNWATCHED = {"proc", "sys", "dev", "run", "tmp", "root"}  # what no installation is made of, and our own home
LOGS = ("var/log", "var/tmp", "var/lib/systemd", "var/cache/ldconfig")
NEXT_SCHEMA = len(MIGRATIONS) + 1
SCHEMA = '    ("CREATE TABLE later (x INTEGER) STRICT",),\n)\n\nCACHE_KIB'


@pytest.fixture(scope="module")
def machine() -> Iterator[Machine]:
    machine = Machine()
    machine.make()
    yield machine
    machine.remove()


@pytest.fixture(scope="module")
def fresh(machine: Machine) -> dict[str, str]:
    """What the system holds before anything is installed."""
    return files(machine)


@pytest.fixture(scope="module")
def board(machine: Machine) -> Machine:
    """The same system, booted."""
    machine.power_on()
    return machine


def files(machine: Machine) -> dict[str, str]:
    """Every path with its kind, owner and time, a link with its target; a folder's time says nothing."""
    found = {}
    for path, folders, names in os.walk(machine.root):
        below = os.path.relpath(path, machine.root)
        folders[:] = [name for name in folders if not (below == "." and name in UNWATCHED)]
        if below.startswith(LOGS):
            folders.clear()
            continue
        for name in (*folders, *names):
            found[os.path.normpath(f"{below}/{name}")] = facts(Path(path, name))
    return found


def facts(path: Path) -> str:
    found = path.lstat()
    told = f"{stat.filemode(found.st_mode)} {found.st_uid}:{found.st_gid}"
    if path.is_symlink():
        return f"{told} -> {path.readlink()}"
    return told if path.is_dir() else f"{told} {found.st_size} {found.st_mtime_ns}"


def succeeded(outcome: Outcome) -> str:
    assert outcome.code == 0, outcome.out
    return outcome.out


def edit(machine: Machine, name: str, old: str, new: str) -> None:
    path = machine.root / "root/edgereel" / name
    text = path.read_text(encoding="utf-8")
    assert re.search(old, text), f"{name} has no {old}"
    path.write_text(re.sub(old, new, text, count=1), encoding="utf-8")


def set_version(machine: Machine, version: str) -> None:
    edit(machine, "edge/__init__.py", r'__version__ = ".*"', f'__version__ = "{version}"')


def version(machine: Machine) -> str:
    return machine.run("edgereel --version").out.split()[-1]


def main_pid(machine: Machine) -> int:
    assert machine.run("systemctl is-active edgereel").out == "active\n"
    return int(machine.run("systemctl show -P MainPID edgereel").out)


def job_ids(machine: Machine) -> list[str]:
    lines = machine.run("STATE_DIRECTORY=/var/lib/edgereel edgereel jobs").out.splitlines()[1:]
    return [line.split()[0] for line in lines]


def schema(machine: Machine) -> int:
    code = "import sqlite3; print(*sqlite3.connect('/var/lib/edgereel/queue.sqlite').execute('SELECT max(number) FROM migration').fetchone())"
    return int(machine.run(f'python3 -c "{code}"').out)


def test_a_dry_run_tells_every_step_and_does_none(machine: Machine, fresh: dict[str, str]) -> None:
    machine.chroot("chmod 0755 /root")  # so that nobody reaches the checkout
    said = succeeded(
        machine.chroot(f"{INSTALL} --dry-run".replace("PIP_NO_INDEX=1", "setpriv --reuid=65534 --clear-groups"))
    )
    assert [
        word for word in ("user", "release", "model", "write /etc", "try", "switch", "doctor") if word not in said
    ] == []
    assert files(machine) == fresh


def test_it_installs_without_a_network_and_without_a_running_systemd(machine: Machine) -> None:
    said = succeeded(machine.chroot(f"{INSTALL} --no-model"))

    assert "systemd does not run here" in said
    assert "ok     video pack" in said
    assert machine.chroot("edgereel --version").out.startswith("edgereel ")


def test_the_model_is_fetched_by_a_later_run(machine: Machine) -> None:
    said = succeeded(machine.chroot(f"{SOURCE}/systemd/install.sh --wheels /root/wheels", network=True))

    assert "fetch the language model" in said
    assert "ok     language model" in said
    assert "releases/" not in said.split("fetch")[0]


def test_a_second_run_changes_nothing(machine: Machine) -> None:
    before = files(machine)
    succeeded(machine.chroot(INSTALL))

    assert files(machine) == before


def test_systemd_accepts_the_unit_as_it_is_installed(machine: Machine) -> None:
    assert machine.chroot("systemd-analyze verify edgereel.service") == Outcome(0, "")


def test_each_shell_completes_and_man_has_a_page(machine: Machine) -> None:
    fish = machine.chroot("""fish -c "complete -C 'edgereel models p'" """).out
    bash = "source /usr/share/bash-completion/bash_completion; _completion_loader edgereel; complete -p edgereel"
    zsh = "autoload -U compinit; compinit -D; (( $+_comps[edgereel] )) && zsh -n $^fpath/_edgereel(N)"

    assert fish.split("\t")[0] == "pull"
    assert succeeded(machine.chroot(f"bash -c '{bash}'")) == "complete -F _edgereel edgereel\n"
    assert succeeded(machine.chroot(f"zsh -c '{zsh}'")) == ""
    assert "EXIT STATUS" in succeeded(machine.chroot("man edgereel"))


def test_a_booted_board_answers_a_request(board: Machine) -> None:
    said = succeeded(board.run(f"{INSTALL} --mosquitto"))

    assert "ok     broker" in said
    assert main_pid(board) > 0
    assert "done" in succeeded(board.run("edgereel submit 'a red balloon' --mode spare --seconds 1 --wait"))


def test_an_upgrade_that_is_cut_leaves_the_old_one_running_and_the_next_run_finishes_it(board: Machine) -> None:
    path = board.root / SETTINGS
    text = path.read_text(encoding="utf-8")
    changed = re.sub(r"mem_available_percent: \d+", "mem_available_percent: 99", text)  # so that jobs wait
    path.write_text(changed, encoding="utf-8")
    succeeded(board.run("systemctl restart edgereel && edgereel submit 'a blue fish' && edgereel submit 'a car'"))
    old, jobs, pid = version(board), job_ids(board), main_pid(board)
    set_version(board, "0.2.0")
    edit(board, "systemd/edgereel.yaml", "limit: 64", "limit: 65")
    edit(board, "edge/schema.py", r"\)\n\nCACHE_KIB", SCHEMA)

    cut(board)
    assert (version(board), main_pid(board)) == (old, pid)

    said = succeeded(board.run(INSTALL))
    assert "which you changed" in said
    assert version(board) == "0.2.0"
    assert path.read_text(encoding="utf-8") == changed
    assert "limit: 65" in (path.parent / "edgereel.yaml.new").read_text(encoding="utf-8")
    assert (job_ids(board), len(jobs), schema(board)) == (jobs, 3, NEXT_SCHEMA)
    assert main_pid(board) != pid
    assert len(list((board.root / "opt/edgereel/releases").iterdir())) == 1


def cut(machine: Machine) -> None:
    """Kill an upgrade while it installs the new version."""
    before = set((machine.root / "opt/edgereel/releases").iterdir())
    process = machine.start(INSTALL)
    until = time.monotonic() + 120
    while not any(
        path.glob("lib/python3*/site-packages/numpy")
        for path in set((machine.root / "opt/edgereel/releases").iterdir()) - before
    ):
        assert process.poll() is None and time.monotonic() < until
        time.sleep(0.1)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait(timeout=30)


def test_a_version_that_makes_no_clip_never_takes_the_place_of_one_that_does(board: Machine) -> None:
    pid = main_pid(board)
    set_version(board, "0.3.0")
    edit(board, "edge/pipeline.py", r"\Z", "\nraise RuntimeError('broken on purpose')\n")
    outcome = board.run(INSTALL)

    assert outcome.code == 1
    assert "makes no clip" in outcome.out
    assert "What worked before still does" in outcome.out
    assert (version(board), main_pid(board)) == ("0.2.0", pid)
    edit(board, "edge/pipeline.py", r"\nraise RuntimeError\('broken on purpose'\)\n", "")


def test_a_version_that_does_not_start_gives_back_its_place_and_the_queue(board: Machine) -> None:
    jobs = job_ids(board)
    set_version(board, "0.4.0")
    edit(board, "edge/schema.py", r"\)\n\nCACHE_KIB", SCHEMA.replace("later", "still_later"))
    edit(board, "edge/startup.py", r"    return queue\n", "    raise ResourceError('broken.', hint='On purpose.')\n")
    outcome = board.run(INSTALL)

    assert outcome.code == 1
    assert "Going back" in outcome.out
    assert (version(board), schema(board)) == ("0.2.0", NEXT_SCHEMA)
    assert main_pid(board) > 0
    assert job_ids(board) == jobs
    assert "limit: 64" in (board.root / SETTINGS).read_text(encoding="utf-8")


def test_uninstall_leaves_what_it_names_and_purge_not_even_that(board: Machine, fresh: dict[str, str]) -> None:
    said = succeeded(board.run(f"{SOURCE}/systemd/install.sh --uninstall"))
    named = re.findall(r"^  /(\S+)  ", said, re.MULTILINE)
    links = {"var/lib/edgereel": "var/lib/private/edgereel"}
    left = {*named, *(links[name] for name in named if name in links)}
    assert {path for path in added(board, fresh) if not path.startswith(tuple(left))} == set()
    assert (board.root / "var/lib/private/edgereel/queue.sqlite").exists()
    assert (board.root / SETTINGS).exists()

    succeeded(board.run(f"{SOURCE}/systemd/install.sh --purge"))
    assert added(board, fresh) == {"etc/mosquitto/conf.d/edgereel.conf"}
    assert board.run("getent passwd edgereel").code == 2


def added(machine: Machine, fresh: dict[str, str]) -> set[str]:
    """Paths that were not there in the beginning and are edgereel's by their name or their place."""
    return {path for path in files(machine).keys() - fresh.keys() if not path.startswith(BOOT)}


# What a first boot and a user account leave on any Debian.
BOOT = ("etc/machine-id", "var/lib/dbus", "var/lib/private", "var/cache/private", "var/lib/mosquitto", "etc/group-", "etc/passwd-",
        "etc/shadow-", "etc/gshadow-", "etc/.pwd.lock", "var/cache/man", "var/lib/apt")  # fmt: skip
