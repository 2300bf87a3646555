"""The broker of a fleet as it is shipped, against those who have a certificate and want more than is theirs."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from edge.errors import BrokerError
from edge.link import open_link
from edge.sections import Broker
from tests.fleet import SYSTEMD, Fleet, certify, peer

NODE = "edgereel/v1/node"
JOB = "edgereel/v1/job"
POOL = "edgereel/v1/pool/pi4-2g/req"
NOT_ALLOWED, NOBODY = 0x87, 0x10
OTHERS = ("mallory", "kiosk", "board-2")
OWN = ("status", "birth", "mode", "load", "event", "thumb", "poster")


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    fleet = Fleet(tmp_path_factory.mktemp("fleet"))
    fleet.start()
    yield fleet
    fleet.stop()


def posing(fleet: Fleet, name: str, tmp_path: Path) -> Broker:
    """Settings of somebody who has a certificate of their own, and the board's user name and password."""
    secret = tmp_path / "password"
    secret.write_text("the right one")
    return msgspec.structs.replace(fleet.settings(name), username="board-1", password_file=str(secret))


def test_a_board_may_do_all_that_a_board_does(fleet: Fleet) -> None:
    with (
        peer(fleet.settings("board-1"), client_id="edgereel-board-1", will=f"{NODE}/board-1/status") as board,
        peer(fleet.settings("kiosk"), client_id="c") as kiosk,
    ):
        for topic in (*(f"{NODE}/+/{leaf}" for leaf in OWN), f"{JOB}/+/state", f"{JOB}/+/progress",
                      "edgereel/v1/reply/kiosk/#"):  # fmt: skip
            kiosk.subscribe(topic)
        said = [f"{NODE}/board-1/{leaf}" for leaf in OWN]
        said += [f"{JOB}/j/state", f"{JOB}/j/progress", "edgereel/v1/reply/kiosk/1"]
        assert [board.publish(topic) for topic in said] == [0] * len(said)
        assert [kiosk.next().topic for _ in said] == said

        for topic in (f"{NODE}/board-1/req", f"$share/pi4-2g/{POOL}", f"{JOB}/+/cancel", f"{JOB}/j/state"):
            board.subscribe(topic)
        asked = [f"{NODE}/board-1/req", POOL, f"{JOB}/j/cancel"]
        assert [kiosk.publish(topic) for topic in asked] == [0] * len(asked)
        assert [board.next().topic for _ in asked] == asked
        assert board.publish(POOL, b"handed back") == 0
        assert board.publish(f"{JOB}/j/state", b"{}") == 0
        assert [board.next().topic, board.next().topic] == [POOL, f"{JOB}/j/state"]


@pytest.mark.parametrize("name", OTHERS)
def test_nobody_else_can_say_what_a_board_says(name: str, fleet: Fleet, tmp_path: Path) -> None:
    with (
        peer(fleet.settings("kiosk"), client_id="watcher") as watcher,
        peer(posing(fleet, name, tmp_path), client_id="edgereel-board-1") as impostor,
    ):
        for leaf in OWN:
            watcher.subscribe(f"{NODE}/+/{leaf}")
        answers = [impostor.publish(f"{NODE}/board-1/{leaf}", b"forged", retain=True) for leaf in OWN]
        assert answers == [NOT_ALLOWED] * len(OWN)
        assert impostor.publish(f"{NODE}/{name}/status", b"mine") == 0  # so it does speak, and the watcher does hear
        heard = [watcher.next()]
        while heard[-1].payload != b"mine":
            heard.append(watcher.next())
    assert b"forged" not in [message.payload for message in heard]


@pytest.mark.parametrize("name", ["mallory", "kiosk"])
def test_only_a_listed_board_tells_how_a_job_stands(name: str, fleet: Fleet, tmp_path: Path) -> None:
    with (
        peer(fleet.settings("kiosk"), client_id="watcher") as watcher,
        peer(posing(fleet, name, tmp_path), client_id="edgereel-board-1") as impostor,
        peer(fleet.settings("board-2"), client_id="edgereel-board-2") as board,
    ):
        for topic in (f"{JOB}/+/state", f"{JOB}/+/progress", "edgereel/v1/reply/kiosk/#"):
            watcher.subscribe(topic)
        forged = (f"{JOB}/k/state", f"{JOB}/k/progress", "edgereel/v1/reply/kiosk/1")
        assert [impostor.publish(topic, b"forged") for topic in forged] == [NOT_ALLOWED] * 3
        assert board.publish(f"{JOB}/k/state", b"true") == 0
        assert watcher.next().payload == b"true"


@pytest.mark.parametrize("name", OTHERS)
def test_nobody_else_reads_what_a_board_is_asked(name: str, fleet: Fleet, tmp_path: Path) -> None:
    wanted = ("#", "edgereel/v1/#", f"{NODE}/+/req", f"{NODE}/board-1/req", f"$share/any/{NODE}/board-1/req",
              f"{NODE}/board-1/mode/set", f"{NODE}/board-1/cmd")  # fmt: skip
    with (
        peer(fleet.settings("kiosk"), client_id="asker") as asker,
        peer(fleet.settings("board-2"), client_id="edgereel-board-2") as other,
        peer(posing(fleet, name, tmp_path), client_id="edgereel-board-1") as impostor,
    ):
        # mosquitto 2.0 grants what its ACL forbids, so only what comes tells.
        assert all(impostor.subscribe(topic) < 0x80 for topic in wanted)
        asker.publish(f"{NODE}/board-1/req", b"secret")
        other.publish(f"edgereel/v1/reply/{name}/1", b"for you")
        heard = [impostor.next().payload]
        while b"for you" not in heard:
            heard.append(impostor.next().payload)
    assert b"secret" not in heard


@pytest.mark.parametrize("name", ["mallory", "kiosk"])
def test_who_is_no_board_of_a_pool_reads_none_of_its_requests(name: str, fleet: Fleet, tmp_path: Path) -> None:
    with (
        peer(posing(fleet, name, tmp_path), client_id="edgereel-board-1") as impostor,
        peer(fleet.settings("board-2"), client_id="edgereel-board-2") as board,
        peer(fleet.settings("kiosk"), client_id="asker") as asker,
    ):
        assert impostor.subscribe(f"$share/other/{POOL}") < 0x80
        assert impostor.subscribe(POOL) < 0x80
        board.subscribe(f"$share/pi4-2g/{POOL}")
        asker.publish(POOL, b"secret")
        assert board.next().payload == b"secret"
        assert impostor.heard() == []


def test_who_takes_the_client_id_of_a_board_gets_none_of_what_waits_for_it(fleet: Fleet, tmp_path: Path) -> None:
    with peer(fleet.settings("board-1"), client_id="edgereel-board-1", session_s=60) as board:
        board.subscribe(f"{NODE}/board-1/req")
    with peer(fleet.settings("kiosk"), client_id="asker") as asker:
        assert asker.publish(f"{NODE}/board-1/req", b"secret") == 0
        with peer(posing(fleet, "mallory", tmp_path), client_id="edgereel-board-1", session_s=60) as impostor:
            asker.publish(f"{NODE}/board-1/req", b"another")
            impostor.subscribe("edgereel/v1/reply/mallory/#")
            with peer(fleet.settings("board-2"), client_id="edgereel-board-2") as other:
                other.publish("edgereel/v1/reply/mallory/1", b"for you")
            assert impostor.next().payload == b"for you"
            assert impostor.heard() == []


def test_a_last_will_is_told_only_of_oneself(fleet: Fleet, tmp_path: Path) -> None:
    with peer(fleet.settings("kiosk"), client_id="watcher") as watcher:
        watcher.subscribe(f"{NODE}/+/status")
        with peer(posing(fleet, "mallory", tmp_path), client_id="x", will=f"{NODE}/board-1/status") as impostor:
            impostor.die()
        with peer(fleet.settings("board-2"), client_id="edgereel-board-2", will=f"{NODE}/board-2/status") as board:
            board.die()
        heard = [watcher.next()]
        while (heard[-1].topic, heard[-1].payload) != (f"{NODE}/board-2/status", b"offline"):
            heard.append(watcher.next())
    assert f"{NODE}/board-1/status" not in [message.topic for message in heard if message.payload == b"offline"]


def test_the_commands_of_the_readme_make_what_it_tells_to_copy(tmp_path: Path) -> None:
    readme = (SYSTEMD / "README.md").read_text(encoding="utf-8")
    commands = re.findall(r"^systemd/make-certificates\.sh (.*)$", readme, re.MULTILINE)
    assert len(commands) == 2
    for command in commands:
        certify(tmp_path / "fleet", *command.split())
    wanted = ("ca.crt", "ca.crl", "broker.crt", "broker.key", "board-1.crt", "board-1.key", "kiosk.crt", "kiosk.key")
    assert [name for name in wanted if not (tmp_path / "fleet" / name).is_file() or name not in readme] == []
    open_to_others = [key.name for key in (tmp_path / "fleet").glob("*.key") if key.stat().st_mode & 0o077]
    assert open_to_others == []


@pytest.mark.parametrize("name", ["+", "#", "a/b", "%u", "a b", "", "ca", "broker"])
def test_no_certificate_is_made_for_a_name_that_means_something_else(name: str, tmp_path: Path) -> None:
    refused = certify(tmp_path / "fleet", "client", "fine", name, check=False)
    assert (refused.returncode, "is no name" in refused.stderr) == (2, True)
    assert not (tmp_path / "fleet").exists()


def test_revoking_a_name_revokes_every_certificate_it_was_given(tmp_path: Path) -> None:
    for _ in range(2):
        certify(tmp_path, "client", "board-1", "board-2")
    certify(tmp_path, "revoke", "board-1")
    told = [line.split("\t") for line in (tmp_path / "index.txt").read_text().splitlines()]
    assert sorted((fields[0], fields[-1]) for fields in told) == [
        ("R", "/CN=board-1"),
        ("R", "/CN=board-1"),
        ("V", "/CN=board-2"),
        ("V", "/CN=board-2"),
    ]
    assert certify(tmp_path, "revoke", "nobody", check=False).returncode == 1


@pytest.mark.parametrize("tls", [[], ["--cafile", "ca.crt"]])
def test_who_shows_no_certificate_gets_nowhere(tls: list[str], fleet: Fleet) -> None:
    words = ["mosquitto_sub", "-V", "5", "-h", "127.0.0.1", "-p", str(fleet.port), "-t", "#", "-W", "3", *tls]
    done = subprocess.run(words, cwd=fleet.certificates, capture_output=True, text=True, timeout=20, check=False)
    assert (done.returncode != 0, done.stdout) == (True, "")

    bare = msgspec.structs.replace(
        fleet.settings("kiosk"), tls=bool(tls), cert_file="", key_file="", username="board-1"
    )
    with pytest.raises(BrokerError) as refused, open_link(bare):
        pass
    assert ("broker.cert_file" if tls else "broker.tls") in refused.value.hint


def test_home_assistant_sees_and_asks_boards_which_write_only_their_own_device(fleet: Fleet) -> None:
    certify(fleet.certificates, "client", "homeassistant")
    device = "homeassistant/device/board-1/config"
    with (
        peer(fleet.settings("board-1"), client_id="edgereel-board-1") as board,
        peer(fleet.settings("homeassistant"), client_id="ha") as home,
    ):
        home.subscribe("homeassistant/#")
        assert board.publish("homeassistant/device/board-2/config", b"{}") == NOT_ALLOWED
        assert board.publish(device, b"{}") == 0
        assert home.next().topic == device
        for topic in ("homeassistant/status", f"{NODE}/board-1/req", f"{NODE}/board-1/mode/set", f"{NODE}/board-1/cmd"):
            board.subscribe(topic)
            assert home.publish(topic) == 0
            assert board.next().topic == topic
        assert home.publish(f"{NODE}/board-1/status") == NOT_ALLOWED


def test_a_board_is_added_by_the_line_in_the_acl(fleet: Fleet) -> None:
    certify(fleet.certificates, "client", "board-9")
    with peer(fleet.settings("board-9"), client_id="edgereel-board-9") as board:
        assert board.publish(f"{NODE}/board-9/status") in (0, NOBODY)
        assert board.publish(f"{JOB}/n/state") == NOT_ALLOWED

    acl = fleet.folder / "edgereel.acl"
    shipped = (SYSTEMD / "edgereel.acl").read_text(encoding="utf-8")
    found = re.search(r"^#   (sed .*)$", shipped, re.MULTILINE)
    assert found
    line = found[1].replace("NAME", "board-9").replace("/etc/mosquitto/edgereel.acl", str(acl))
    subprocess.run(["/bin/sh", "-c", line], cwd=SYSTEMD.parent, check=True, timeout=20)
    fleet.reload()
    with peer(fleet.settings("board-9"), client_id="edgereel-board-9") as board:
        assert board.publish(f"{JOB}/n/state") in (0, NOBODY)
        assert board.publish(f"{NODE}/board-1/status") == NOT_ALLOWED
