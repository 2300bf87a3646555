"""sd_notify: tell systemd how the service is. Silent only where systemd did not ask."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping


def notify(state: str, *, env: Mapping[str, str] = os.environ) -> bool:
    """Send e.g. `READY=1` or `STATUS=...`; lines are joined by newlines. Returns False when nobody listens.

    Raises OSError when $NOTIFY_SOCKET names a socket that cannot be written to.
    """
    address = env.get("NOTIFY_SOCKET", "")
    if not address:
        return False
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sock:
        sock.connect("\0" + address[1:] if address.startswith("@") else address)
        sock.sendall(state.encode())
    return True
