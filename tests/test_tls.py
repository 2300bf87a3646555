"""TLS with the broker: a handshake that fails says why and what to do, and is not tried without end."""

from __future__ import annotations

import logging
import shutil
import ssl
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import msgspec
import pytest

from edge import mqtt
from edge.broker import Broker
from edge.errors import BrokerError, SettingsError
from edge.jobqueue import JobQueue
from edge.link import open_link
from edge.sections import Broker as Settings
from edge.tls import client_context
from edge.wire import Origin, Outgoing
from tests.fleet import Fleet, certify, certify_for, peer
from tests.mosquitto import Mosquitto

STATUS = "edgereel/v1/node/board-1/status"
LONG_AGO = {"first": "20200101", "last": "20210101"}


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    fleet = Fleet(tmp_path_factory.mktemp("fleet"))
    fleet.start()
    yield fleet
    fleet.stop()


@pytest.fixture(scope="module")
def stranger(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Another authority, with certificates of the same names."""
    folder = tmp_path_factory.mktemp("stranger")
    certify(folder, "broker", "127.0.0.1")
    certify(folder, "client", "board-1")
    return folder


@pytest.fixture(params=["TLS 1.3", "TLS 1.2"])
def either_version(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both, since they tell a refused certificate at different times: 1.3 after the handshake."""
    if request.param == "TLS 1.2":
        make = mqtt.client_context

        def older(broker: Settings) -> ssl.SSLContext | None:
            context = make(broker)
            assert context
            context.maximum_version = ssl.TLSVersion.TLSv1_2
            return context

        monkeypatch.setattr(mqtt, "client_context", older)


def shown(fleet: Fleet, stranger: Path, what: str) -> Settings:
    """The settings of board-1 with a certificate that the broker must refuse."""
    settings, folder = fleet.settings("board-1"), fleet.certificates
    change = msgspec.structs.replace
    match what:
        case "none":
            return change(settings, cert_file="", key_file="")
        case "expired":
            return change(settings, cert_file=str(certify_for(folder, "board-1", **LONG_AGO)))
        case "not yet valid":
            return change(settings, cert_file=str(certify_for(folder, "board-1", first="20800101", last="20810101")))
        case "other authority":
            return change(settings, cert_file=f"{stranger}/board-1.crt", key_file=f"{stranger}/board-1.key")
        case "the broker's own":
            return fleet.settings("broker")
    certify(folder, "client", "lost")
    certify(folder, "revoke", "lost")
    fleet.reload()
    return fleet.settings("lost")


@pytest.mark.usefixtures("either_version")
@pytest.mark.parametrize(
    ("what", "said", "hint"),
    [
        ("none", "certificate", "broker.cert_file"),
        ("expired", "our certificate has expired", "make-certificates.sh"),
        ("not yet valid", "not valid yet", "clock"),
        ("other authority", "an authority that it does not trust", "cafile"),
        ("revoked", "our certificate was revoked", "make-certificates.sh"),
        ("the broker's own", "not made for clients", "make-certificates.sh"),
    ],
)
def test_a_certificate_that_the_broker_refuses_is_told_with_its_reason(
    what: str, said: str, hint: str, fleet: Fleet, stranger: Path
) -> None:
    started = time.monotonic()
    with pytest.raises(BrokerError, match=said) as refused, open_link(shown(fleet, stranger, what)):
        pass
    assert hint in refused.value.hint
    assert time.monotonic() - started < mqtt.CONNECT_TIMEOUT_S


def test_a_broker_that_cannot_prove_itself_is_refused_with_the_reason(fleet: Fleet, stranger: Path) -> None:
    settings = fleet.settings("board-1")
    for change, said, hint in (
        ({"ca_file": f"{stranger}/ca.crt"}, "self-signed", "broker.ca_file"),
        ({"ca_file": ""}, "self-signed", "broker.ca_file"),
        ({"host": "127.0.0.2"}, "mismatch", "broker.host"),
    ):
        with pytest.raises(BrokerError, match=said) as refused, open_link(msgspec.structs.replace(settings, **change)):
            pass
        assert hint in refused.value.hint


def test_a_broker_with_an_expired_certificate_or_that_of_a_board_is_refused(tmp_path: Path) -> None:
    fleet = Fleet(tmp_path)
    folder = fleet.certificates
    good = folder / "broker.crt"
    for made, said in (
        (certify_for(folder, "broker", kind="broker", **LONG_AGO), "expired"),
        (certify_for(folder, "broker", kind="client", first="20250101", last="20800101"), "purpose"),
    ):
        shutil.copyfile(made, good)
        fleet.start()
        try:
            with pytest.raises(BrokerError, match=said), open_link(fleet.settings("board-1")):
                pass
        finally:
            fleet.stop()


def test_a_port_without_tls_is_told_apart(server: Mosquitto, stranger: Path) -> None:
    settings = Settings(port=server.port, tls=True, ca_file=f"{stranger}/ca.crt")
    with pytest.raises(BrokerError) as refused, open_link(settings):
        pass
    assert "broker.port" in refused.value.hint


def test_tls_is_1_2_or_newer_and_off_when_it_is_off(fleet: Fleet) -> None:
    context = client_context(fleet.settings("board-1"))
    assert context and context.minimum_version is ssl.TLSVersion.TLSv1_2
    assert context.check_hostname and context.verify_mode is ssl.CERT_REQUIRED
    assert client_context(Settings()) is None


def test_settings_that_do_not_fit_together_are_refused_with_the_key_to_set(fleet: Fleet, tmp_path: Path) -> None:
    good = fleet.settings("board-1")
    locked = tmp_path / "locked.key"
    words = ["openssl", "ec", "-in", good.key_file, "-aes256", "-passout", "pass:x", "-out", str(locked)]
    subprocess.run(words, check=True, capture_output=True, timeout=20)
    for change, said in (
        ({"key_file": ""}, "without broker.key_file"),
        ({"cert_file": ""}, "without broker.cert_file"),
        ({"tls": False}, "broker.tls is not"),
        ({"key_file": "/none.key"}, "broker.key_file /none.key: No such file"),
        ({"cert_file": "/none.crt"}, "broker.cert_file /none.crt: No such file"),
        ({"ca_file": "/none.crt"}, "broker.ca_file /none.crt: No such file"),
        ({"ca_file": "/etc/passwd"}, "broker.ca_file /etc/passwd: no certificate"),
        ({"key_file": fleet.settings("kiosk").key_file}, "key values mismatch"),
        ({"key_file": str(locked)}, "cannot be used"),
    ):
        with pytest.raises(SettingsError, match=said) as refused:
            client_context(msgspec.structs.replace(good, **change))
        assert refused.value.hint


def broker_of(settings: Settings, queue: JobQueue) -> Broker:
    hello = [Outgoing(topic="edgereel/v1/node/board-1/birth", payload=b"{}", retain=True)]
    return Broker(settings, node="board-1", queue=queue, handle=lambda _: None, hello=lambda: hello)


def test_the_daemon_connects_with_its_certificate(fleet: Fleet, tmp_path: Path) -> None:
    with (
        closing(JobQueue(tmp_path / "q", origin=Origin(node="board-1", boot="b"))) as queue,
        peer(fleet.settings("kiosk"), client_id="watcher") as watcher,
    ):
        watcher.subscribe(STATUS)
        broker = broker_of(fleet.settings("board-1"), queue)
        broker.start()
        assert watcher.next().payload == b"online"
        broker.close(flush_s=1)
        assert watcher.next().payload == b"offline"


@pytest.mark.parametrize("what", ["none", "expired", "other authority", "revoked"])
def test_a_daemon_that_is_refused_says_why_and_waits_longer_each_time(
    what: str, fleet: Fleet, stranger: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    settings = shown(fleet, stranger, what)
    with closing(JobQueue(tmp_path / "q", origin=Origin(node="board-1", boot="b"))) as queue:
        broker = broker_of(settings, queue)
        before_s = time.process_time()
        with caplog.at_level(logging.WARNING):
            broker.start()
            time.sleep(3.0)
        spent_s = time.process_time() - before_s
        assert broker.alive and not broker.connected
        broker.close(flush_s=0)
    told = [record.getMessage() for record in caplog.records if "Next try" in record.getMessage()]
    assert 1 <= len(told) <= 3  # after 0.5 to 1.5, then 1 to 3, then 2 to 6 seconds
    assert all("certificate" in line for line in told)
    assert spent_s < 1.0
