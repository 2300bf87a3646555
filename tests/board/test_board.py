"""One emulated board, from its first boot to its third; each test goes on from the one before."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from edge.manifest import LlmManifest
from edge.packs import Pack
from tests.board.board import Board
from tests.board.image import CHECKOUT, WORK, make_card
from tests.board.stick import make_stick

CMDLINE = "cat /boot/firmware/cmdline.txt"
AS_THE_SERVICE = "sudo STATE_DIRECTORY=/var/lib/edgereel CACHE_DIRECTORY=/var/cache/edgereel"
DECODE = "import av, sys; print(sum(1 for _ in av.open(sys.argv[1]).decode(video=0)), 'frames')"
OUTBOX = """import sqlite3; db = sqlite3.connect("/var/lib/edgereel/queue.sqlite"); \
print(*db.execute("SELECT count(*) FROM outbox").fetchone(), "left to tell")"""
CORTEX_A72 = "0xd08"
LANGUAGE_MODEL_MIB = 93
LISTEN = """[Unit]
After=mosquitto.service
[Service]
ExecStart=mosquitto_sub -V 5 -q 1 -R -i listener -c -x 86400 -t edgereel/v1/job/+/state
StandardOutput=append:/var/log/listener
Restart=always
[Install]
WantedBy=multi-user.target
"""


@pytest.fixture(scope="module")
def board(request: pytest.FixtureRequest, smollm: Pack[LlmManifest]) -> Iterator[Board]:
    make_card()
    make_stick(smollm.file(smollm.manifest.file))
    board = Board()
    failed = request.session.testsfailed
    try:
        yield board
    finally:
        board.machine.pull_the_plug()
        whole = request.session.testsfailed == failed and board.finished
        board.transcript.write(CHECKOUT / "docs/board.md" if whole else WORK / "board.md")


def test_a_board_of_1_gb_boots_without_pressure_and_memory_limits(board: Board) -> None:
    board.step("A fresh board, with what a Raspberry Pi leaves off")
    board.machine.insert_card()
    board.machine.power_on("console=ttyAMA0 root=/dev/vda rw")

    assert "psi=0 cgroup_disable=memory" in board.type("cat /proc/cmdline")
    assert "aarch64" in board.type("uname -srm")
    assert CORTEX_A72 in board.type("grep -m 1 'CPU part' /proc/cpuinfo")
    total = int(re.findall(r"\d+", board.type("grep MemTotal /proc/meminfo"))[0])
    assert 900 < total / 1024 < 1024
    assert "No such file" in board.type("ls /proc/pressure", code=2)
    assert "memory" not in board.type("cat /sys/fs/cgroup/cgroup.controllers").split()


def test_the_installer_puts_edgereel_there_without_a_network(board: Board) -> None:
    board.step("The installation, from a stick")
    board.type("sudo mount -o ro /dev/vdb /mnt && cp -r /mnt/edgereel . && ls /mnt/wheels/armv*")
    board.type("sudo mkdir -p /var/lib/edgereel/models && sudo cp -r /mnt/smollm2-135m /var/lib/edgereel/models/")
    install = "PIP_NO_INDEX=1 edgereel/systemd/install.sh --wheels /mnt/wheels --mosquitto"
    assert "armv8.0/llama_cpp_python-" in board.type(f"{install} --dry-run")

    said = board.type(f"sudo {install}")

    assert "ok     video pack" in said
    assert "ok     language model" in said
    board.offers = re.findall(r"^  (sudo .*|echo .*)$", said.partition("Offered")[2], re.MULTILINE)
    assert len(board.offers) >= 3


def test_systemd_is_told_that_it_is_ready(board: Board) -> None:
    board.step("The service is ready")
    properties = dict(line.split("=", 1) for line in board.type(
        "systemctl show edgereel -p Type -p ActiveState -p SubState -p StatusText -p NRestarts").splitlines())  # fmt: skip
    assert (properties["Type"], properties["ActiveState"], properties["SubState"]) == ("notify", "active", "running")
    assert properties["NRestarts"] == "0"
    assert "Started edgereel.service" in board.type("journalctl -u edgereel -o cat --no-pager")


def test_doctor_says_what_is_off_and_how_to_turn_it_on(board: Board) -> None:
    board.step("What doctor says of this board")
    said = board.type(f"{AS_THE_SERVICE} edgereel doctor")

    assert "warn   pressure: the kernel does not report pressure (PSI)" in said
    assert "fix: Add psi=1 to /boot/firmware/cmdline.txt and reboot." in said
    assert "warn   memory limits: the memory controller of cgroups is off" in said
    assert "fix: Add cgroup_enable=memory to /boot/firmware/cmdline.txt" in said
    assert "warn   swap: none" in said


def test_a_request_over_mqtt_is_answered_done_with_locked_weights(board: Board) -> None:
    board.step("A request over MQTT")
    answer, locked = ask(board, {"prompt": "a red balloon", "mode": "direct", "seconds": 0.5})

    assert answer["effective_mode"] == "direct"
    assert locked > 0
    assert clip_of(board, answer) == round(answer["result"]["seconds"] * 24)


def test_a_request_with_the_language_model_is_answered_done(board: Board) -> None:
    board.step("A request that the language model plans")
    answer, locked = ask(board, {"prompt": "two blue fish in the deep sea", "mode": "no_think", "seconds": 0.5})

    assert answer["effective_mode"] == "no_think"
    assert locked >= LANGUAGE_MODEL_MIB
    assert clip_of(board, answer) == round(answer["result"]["seconds"] * 24)


def ask(board: Board, request: dict[str, Any]) -> tuple[dict[str, Any], float]:
    """The answer to one request, and the most MiB that the engine held locked meanwhile."""
    node = board.node()
    with board.watch_locked() as watch:
        said = board.type(f"mosquitto_rr -V 5 -q 1 -t edgereel/v1/node/{node}/req -e edgereel/v1/reply/pi "
                          f"-m '{json.dumps(request)}' -W 3600")  # fmt: skip
    answer: dict[str, Any] = json.loads(said.splitlines()[-1])
    assert answer["state"] == "done", said
    board.show("VmLck of the engine meanwhile", watch.lines)
    return answer, watch.most_mib


def clip_of(board: Board, answer: dict[str, Any]) -> int:
    """How many frames the board decodes of the clip of an answer."""
    python, path = "/opt/edgereel/current/bin/python", answer["result"]["clip"]["path"]
    return int(board.type(f'sudo {python} -c "{DECODE}" {path}').split()[0])


def test_it_stops_and_starts(board: Board) -> None:
    board.step("systemctl stop, systemctl start")
    before = board.type("sudo systemctl stop edgereel; systemctl show edgereel -p ActiveState -p Result")
    assert before.split() == ["Result=success", "ActiveState=inactive"]
    assert board.type("pgrep -af 'python.* -m edge[.]'", code=1) == ""
    assert "offline" in board.type("mosquitto_sub -C 1 -t edgereel/v1/node/+/status")

    board.type("sudo systemctl start edgereel; systemctl is-active edgereel")

    assert "online" in board.type("mosquitto_sub -C 1 -t edgereel/v1/node/+/status")
    assert board.type(f"{AS_THE_SERVICE} edgereel jobs").count("done") == 2


def test_a_job_that_a_power_cut_interrupts_ends_once(board: Board) -> None:
    board.step("The plug is pulled in the middle of a job")
    board.note(
        "Before, a listener that the broker keeps messages for is set up; it writes down every state of every job."
    )
    board.run(f"echo '{LISTEN}' | sudo tee /etc/systemd/system/listener.service")
    board.run("sudo systemctl enable --now listener && sync")  # or the plug takes its file away
    said = board.type("edgereel submit 'a yellow boat on a lake' --mode direct --seconds 4 --json")
    job = json.loads(said.splitlines()[-1])["id"]
    board.type(f"mosquitto_sub -C 3 -t edgereel/v1/job/{job}/progress")
    assert "running" in board.type(f"{AS_THE_SERVICE} edgereel jobs")
    line = board.run(CMDLINE)

    board.machine.pull_the_plug()
    board.note("*The plug is pulled; then the board is powered on again.*")
    board.machine.power_on(line)

    assert f"{job}  done" in board.type("edgereel submit --resume --timeout 3600")
    assert "ran when the daemon died" in board.type(f"journalctl -b -u edgereel -o cat --no-pager | grep {job}")
    states = [
        body for line in board.run("cat /var/log/listener").splitlines() if (body := json.loads(line))["id"] == job
    ]
    board.show("What the listener wrote down of this job", [f"{body['ts']}  {body['state']}" for body in states])
    assert [body["state"] for body in states].count("done") == 1
    assert {body["state"] for body in states} == {"accepted", "running", "done"}
    jobs = json.loads(board.run(f"{AS_THE_SERVICE} edgereel jobs --json"))["jobs"]
    assert [one["state"] for one in jobs if one["id"] == job] == ["done"]
    assert board.type(f"sudo python3 -c '{OUTBOX}'").split() == ["0", "left", "to", "tell"]
    assert board.type(f"sudo find /var/lib/edgereel/clips/ -name '{job}*' | sort").split() == [
        f"/var/lib/edgereel/clips/{job}{suffix}" for suffix in (".jpg", ".mp4")
    ]


def test_what_the_installer_offers_turns_all_of_it_on(board: Board) -> None:
    board.step("What the installer offered, done")
    for line in board.offers:
        if line != "sudo reboot":
            board.type(line)
    line = board.type(CMDLINE)
    board.note("*The board is rebooted.*")
    board.machine.shut_down()
    board.machine.power_on(line)

    assert "memory" in board.type("cat /sys/fs/cgroup/cgroup.controllers").split()
    board.type("cat /proc/cmdline /proc/pressure/memory /proc/swaps")
    said = board.type(f"{AS_THE_SERVICE} edgereel doctor")
    for finding in ("pressure", "memory limits", "swap"):
        assert f"ok     {finding}: " in said


def test_a_request_is_answered_done_within_the_memory_limits(board: Board) -> None:
    board.step("A request with pressure, limits and swap")
    answer, locked = ask(board, {"prompt": "a green car in a city", "mode": "direct", "seconds": 0.5})

    assert answer["effective_mode"] == "direct"
    assert locked > 0
    group = "/sys/fs/cgroup/system.slice/edgereel.service"
    limit, peak = map(int, board.type(f"cat {group}/memory.max {group}/memory.peak").split())
    assert peak < limit < 1 << 30
    assert "oom_kill 0" in board.type(f"cat {group}/memory.events")
    board.finished = True
