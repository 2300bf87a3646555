"""TLS towards the broker: whom we trust, who we are, and in plain words why a handshake failed.

With TLS 1.3 a broker refuses a client's certificate only after the client's handshake has ended, so the reason comes
with the first read. paho passes that error over, so the socket keeps it (`Context.alert`).
"""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Any

from edge.errors import BrokerError, SettingsError
from edge.sections import Broker

MAKE_NEW = "Make a new one (systemd/make-certificates.sh client NAME) for broker.cert_file and broker.key_file."
TEXTS_AND_HINTS = (
    # How OpenSSL names what the broker said, whole or as an end.
    ("ALERT_CERTIFICATE_EXPIRED", "our certificate has expired",
     f"{MAKE_NEW} If it has not, the broker's crlfile has."),
    ("ALERT_CERTIFICATE_REVOKED", "our certificate was revoked", MAKE_NEW),
    ("ALERT_UNKNOWN_CA", "our certificate is of an authority that it does not trust",
     "Have it signed by the broker's authority (its cafile)."),
    ("ALERT_CERTIFICATE_REQUIRED", "it asks for our certificate",
     "Set broker.cert_file and broker.key_file; systemd/README.md says how to make them."),
    ("ALERT_HANDSHAKE_FAILURE", "no agreement was reached; perhaps it asks for our certificate",
     "Set broker.cert_file and broker.key_file; see the broker's log."),
    ("ALERT_BAD_CERTIFICATE", "our certificate is damaged or not valid yet", f"Check the clocks. {MAKE_NEW}"),
    ("ALERT_UNSUPPORTED_CERTIFICATE", "our certificate is not made for clients", MAKE_NEW),
    ("ALERT_PROTOCOL_VERSION", "it speaks no TLS that is safe", "Let the broker speak TLS 1.2 or newer."),
    ("WRONG_VERSION_NUMBER", "it does not speak TLS on this port",
     "Set broker.port to its TLS port, mostly 8883, or broker.tls to false."),
)  # fmt: skip
OUR_CLOCK = "If the clock of this board is wrong, set it; else the broker needs a new certificate."
VERIFY_HINTS = (
    ("has expired", OUR_CLOCK),
    ("not yet valid", OUR_CLOCK),
    ("mismatch", "Set broker.host to a name or address that the broker's certificate holds."),
    ("not valid for", "Set broker.host to a name or address that the broker's certificate holds."),
)
OTHER_AUTHORITY = "Set broker.ca_file to the certificate of the authority that signed the broker's."


class Context(ssl.SSLContext):
    """A client's context whose sockets keep the last TLS error here."""

    alert: ssl.SSLError | None = None


class _Socket(ssl.SSLSocket):
    """Keeps what the other side said when a read or a write fails, and is closed when the handshake does."""

    def do_handshake(self, block: bool = False) -> None:  # noqa: FBT001, FBT002 - as in the standard library
        try:
            super().do_handshake(block)
        except OSError:
            self.close()  # paho forgets it
            raise

    def recv(self, buflen: int = 1024, flags: int = 0) -> bytes:
        try:
            return super().recv(buflen, flags)
        except ssl.SSLError as exc:
            self._keep(exc)
            raise

    def send(self, data: Any, flags: int = 0) -> int:
        try:
            return super().send(data, flags)
        except ssl.SSLWantWriteError:
            raise
        except OSError:
            self._look()  # the broker has hung up; its reason may lie here unread
            raise

    def _look(self) -> None:
        try:
            super().recv(1)
        except ssl.SSLError as exc:
            self._keep(exc)
        except OSError:
            return

    def _keep(self, exc: ssl.SSLError) -> None:
        if isinstance(self.context, Context) and not isinstance(exc, ssl.SSLWantReadError | ssl.SSLWantWriteError):
            self.context.alert = exc


def client_context(broker: Broker) -> Context | None:
    """TLS 1.2 or newer with these settings; None when they want none.

    Raises SettingsError when they do not fit together or a certificate or key cannot be read.
    """
    if not broker.tls:
        _refuse_certificate_without_tls(broker)
        return None
    context = Context(ssl.PROTOCOL_TLS_CLIENT)
    context.sslsocket_class = _Socket
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    _load_authority(context, broker)
    _load_certificate(context, broker)
    return context


def refusal(broker: Broker, exc: ssl.SSLError) -> BrokerError:
    """What a failed handshake says, as far as it can be known."""
    where = f"{broker.host}:{broker.port}"
    if isinstance(exc, ssl.SSLCertVerificationError):
        said = exc.verify_message.rstrip(".")
        hint = next((hint for part, hint in VERIFY_HINTS if part in said), OTHER_AUTHORITY)
        return BrokerError(f"We refuse the certificate of the broker {where}: {said}.", hint=hint)
    name = exc.reason or ""
    for end, text, hint in TEXTS_AND_HINTS:
        if name.endswith(end):
            return BrokerError(f"The broker {where} refuses the TLS connection: {text}.", hint=hint)
    told = name.replace("_", " ").lower() or str(exc)
    return BrokerError(
        f"The TLS connection to the broker {where} failed: {told}.", hint="See the broker's log for why."
    )


def _refuse_certificate_without_tls(broker: Broker) -> None:
    for key in ("cert_file", "key_file"):
        if getattr(broker, key):
            raise SettingsError(
                f"broker.{key} is set, but broker.tls is not.", hint="Set broker.tls: true, or leave it out."
            )


def _load_authority(context: ssl.SSLContext, broker: Broker) -> None:
    if not broker.ca_file:
        context.load_default_certs()
        return
    try:
        context.load_verify_locations(broker.ca_file)
    except OSError as exc:  # an ssl.SSLError is one
        raise _unreadable(
            "ca_file", broker.ca_file, exc, hint="Give the CA certificate that signed the broker's."
        ) from exc


def _load_certificate(context: ssl.SSLContext, broker: Broker) -> None:
    cert, key = broker.cert_file, broker.key_file
    if not cert and not key:
        return
    if not (cert and key):
        lacking, given = ("key_file", "cert_file") if cert else ("cert_file", "key_file")
        raise SettingsError(
            f"broker.{given} is set without broker.{lacking}.", hint="A certificate and its key go together."
        )
    for name, path in (("cert_file", cert), ("key_file", key)):
        try:
            Path(path).read_bytes()
        except OSError as exc:
            raise _unreadable(name, path, exc, hint="Give an existing file that this user may read.") from exc
    try:
        context.load_cert_chain(cert, key, password=_no_password)
    except (ssl.SSLError, ValueError) as exc:
        raise _unreadable("cert_file and key_file", f"{cert}, {key}", exc,
                          hint="Give a certificate and the key that it was made from, both as PEM, no password.") from exc  # fmt: skip


def _no_password() -> bytes:
    """A daemon cannot be asked for the password of a key, so none is tried; without this OpenSSL would ask."""
    return b""


def _unreadable(name: str, path: str, exc: Exception, *, hint: str) -> SettingsError:
    match exc:
        case ssl.SSLError():
            told = (exc.reason or "cannot be used").replace("_", " ").lower()
        case OSError():
            told = exc.strerror or str(exc)
        case _:
            told = str(exc)
    return SettingsError(f"broker.{name} {path}: {told}.", hint=hint)
