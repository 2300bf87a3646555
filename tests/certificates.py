"""Certificates for tests, made by openssl: an authority, a server for 127.0.0.1, and clients."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")


@dataclass(frozen=True)
class Pair:
    """A certificate with its key, as PEM files."""

    cert: str
    key: str


class Authority:
    """Signs what it is asked to."""

    def __init__(self, folder: Path, name: str = "authority") -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self.pair = self._pair(name)
        self.file = self.pair.cert
        openssl("req", "-x509", *KEY, "-keyout", self.pair.key, "-out", self.file, "-subj", f"/CN={name}", "-days", "2")

    def sign(self, name: str, *, address: str = "127.0.0.1") -> Pair:
        pair, wish, extra = self._pair(name), self._folder / f"{name}.csr", self._folder / f"{name}.ext"
        openssl("req", *KEY, "-keyout", pair.key, "-out", str(wish), "-subj", f"/CN={name}")
        extra.write_text(f"subjectAltName=IP:{address}\n", encoding="ascii")
        with_authority = ("-CA", self.file, "-CAkey", self.pair.key, "-CAcreateserial")
        openssl(
            "x509", "-req", "-in", str(wish), *with_authority, "-out", pair.cert, "-days", "2", "-extfile", str(extra)
        )
        return pair

    def _pair(self, name: str) -> Pair:
        return Pair(str(self._folder / f"{name}.pem"), str(self._folder / f"{name}.key"))


def openssl(*args: str) -> None:
    subprocess.run(["openssl", *args], check=True, capture_output=True, timeout=60)
