"""sd_notify against a real datagram socket."""

from __future__ import annotations

import secrets
import socket
from pathlib import Path

import pytest

from edge.notify import notify


@pytest.mark.parametrize("abstract", [False, True])
def test_the_state_reaches_the_socket_that_systemd_named(tmp_path: Path, *, abstract: bool) -> None:
    name = f"edgereel-{secrets.token_hex(6)}" if abstract else str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as server:
        server.bind(("\0" + name) if abstract else name)
        server.settimeout(5)
        assert notify("READY=1", env={"NOTIFY_SOCKET": ("@" if abstract else "") + name})
        assert server.recv(100) == b"READY=1"


def test_it_is_silent_where_nobody_asked() -> None:
    assert not notify("READY=1", env={})


def test_a_socket_that_is_gone_is_an_error_and_not_silence(tmp_path: Path) -> None:
    with pytest.raises(OSError):
        notify("READY=1", env={"NOTIFY_SOCKET": str(tmp_path / "gone")})
