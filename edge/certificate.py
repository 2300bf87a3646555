"""Whom a certificate names and until when it holds, as the openssl command tells: Python reads only those of peers."""

from __future__ import annotations

import re
import ssl
import subprocess
from dataclasses import dataclass
from pathlib import Path

TIMEOUT_S = 10
DAY_S = 86400


@dataclass(frozen=True, kw_only=True)
class Certificate:
    """The name (CN) in a certificate, and its end in seconds since 1970."""

    name: str
    ends_at: float

    def days_left(self, *, now: float) -> int:
        """Whole days until the end, negative after it."""
        return int((self.ends_at - now) // DAY_S)


def read_certificate(path: Path) -> Certificate | None:
    """The first certificate of a PEM file; None where there is no openssl or it cannot read the file."""
    command = ["openssl", "x509", "-in", str(path), "-noout", "-subject", "-enddate", "-nameopt", "RFC2253"]
    try:
        said = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_S, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        return None
    name, end = (
        re.search(r"^subject=(?:.*,)?CN=([^,\n]*)", said, re.MULTILINE),
        re.search(r"^notAfter=(.*)$", said, re.MULTILINE),
    )
    if not name or not end:
        return None
    return Certificate(name=name[1], ends_at=float(ssl.cert_time_to_seconds(end[1])))
