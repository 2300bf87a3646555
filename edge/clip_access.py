"""Who may fetch clips, from where, and how it is proven: what the settings of the clip server come to.

Why a host is resolved here: whether an address is loopback is known only then, and the address that was judged must be
the one that is listened on.
"""

from __future__ import annotations

import hmac
import ipaddress
import socket
import ssl
from dataclasses import dataclass, field
from urllib.parse import unquote_to_bytes

from edge.errors import SettingsError
from edge.sections import Http

BEARER = "bearer "
PASS_CHARS = 32  # of hex: 128 bits


@dataclass(frozen=True, kw_only=True)
class Address:
    """Where to listen. `loopback` means that nobody outside of this board can come."""

    family: int
    host: str
    loopback: bool
    anywhere: bool


@dataclass(frozen=True, kw_only=True)
class Access:
    """Who may fetch: whoever shows `token`, or came with a certificate that was checked. With neither, everybody."""

    token: str | None = field(default=None, repr=False)
    certificates: bool = False

    def pass_for(self, path: str) -> str:
        """What opens this one path, and can be given away without the token; empty where there is no token."""
        return hmac.new(self.token.encode(), path.encode(), "sha256").hexdigest()[:PASS_CHARS] if self.token else ""

    def allows(self, *, authorization: str, query: str, certificate: bool, path: str = "") -> bool:
        """Judge one request by its Authorization header, query and path, and whether its certificate was checked."""
        if self.certificates and certificate:
            return True
        if self.token is None:
            return not self.certificates
        passes = [part.removeprefix("pass=").encode() for part in query.split("&") if part.startswith("pass=")]
        if path and any(hmac.compare_digest(shown, self.pass_for(path).encode()) for shown in passes):
            return True
        return any(hmac.compare_digest(shown, self.token.encode()) for shown in _shown(authorization, query))


def access_of(http: Http, *, address: Address) -> Access:
    """Who may fetch under these settings. Raises SettingsError when that would be everybody on a network."""
    access = Access(token=http.token(), certificates=bool(http.client_ca_file))
    if not (address.loopback or access.token or access.certificates):
        raise SettingsError(
            f"http.host {http.host} lets others fetch clips, and nothing says who may.",
            hint="Set http.token_file, or http.client_ca_file with http.cert_file; or http.host to 127.0.0.1.",
        )
    return access


def address_of(http: Http) -> Address:
    """The address behind `http.host`. Raises SettingsError when there is none."""
    try:
        found = socket.getaddrinfo(http.host, http.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (OSError, UnicodeError) as exc:
        why = exc.strerror if isinstance(exc, OSError) else "this is no host name"
        raise SettingsError(
            f"http.host {http.host}: {why}.", hint="Give an address of this board, or 127.0.0.1."
        ) from exc
    family, _, _, _, (host, *_) = found[0]
    ip = ipaddress.ip_address(str(host).partition("%")[0])
    return Address(family=family, host=str(host), loopback=ip.is_loopback, anywhere=ip.is_unspecified)


def tls_of(http: Http) -> ssl.SSLContext | None:
    """What https needs; None when there is no certificate. Raises SettingsError that names the file that is wrong."""
    if not http.cert_file:
        for name in ("key_file", "client_ca_file"):
            if getattr(http, name):
                raise SettingsError(f"http.{name} needs a certificate of this board.", hint="Set http.cert_file too.")
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(http.cert_file, http.key_file or None, password="")  # an empty one is never asked for
    except OSError as exc:
        raise SettingsError(
            f"http.cert_file {http.cert_file} with its key: {_why(exc)}.",
            hint="Give a PEM certificate and its key without a pass phrase, which the service may read.",
        ) from exc
    if http.client_ca_file:
        _ask_for_certificates(context, http)
    return context


def _ask_for_certificates(context: ssl.SSLContext, http: Http) -> None:
    try:
        context.load_verify_locations(cafile=http.client_ca_file)
    except OSError as exc:
        raise SettingsError(
            f"http.client_ca_file {http.client_ca_file}: {_why(exc)}.",
            hint="Give the PEM certificate of the authority that signed the clients' certificates.",
        ) from exc
    context.verify_mode = ssl.CERT_OPTIONAL if http.token_file else ssl.CERT_REQUIRED


def _shown(authorization: str, query: str) -> list[bytes]:
    """The tokens that a request shows, as they came."""
    shown = [unquote_to_bytes(part.removeprefix("token=")) for part in query.split("&") if part.startswith("token=")]
    if authorization[: len(BEARER)].lower() == BEARER:
        shown.append(authorization[len(BEARER) :].strip().encode("latin-1", "replace"))
    return shown


def _why(exc: OSError) -> str:
    return " ".join(str(exc.strerror or exc).split())
