"""Who may use the page: a token that was typed once and is a cookie since, and a request that comes from the page itself.

Why not the token in the cookie: a cookie ends, and is read by whoever reads the browser's files. What stands in it opens
this page alone, until its time is over or the token is another one.
"""

from __future__ import annotations

import hmac
import ipaddress
from dataclasses import dataclass
from email.message import Message
from urllib.parse import urlsplit

from edge.clip_access import Access, Address
from edge.sections import Http

SESSION_S = 30 * 24 * 3600
MAX_DIGITS = 12  # of a time: short enough to be a number at no cost
JSON = "application/json"


@dataclass(frozen=True, kw_only=True)
class PageAccess:
    """`names` are the hosts that the page may be called by where nothing else says who asks; empty where something does.

    Why: a page of anywhere can have its own name resolved to this board, and then read what is open to this board.
    """

    access: Access
    cookie_name: str
    secure: bool
    url_host: str
    names: frozenset[str]

    @property
    def asks(self) -> bool:
        """Whether somebody without a certificate has to show a token."""
        return self.access.token is not None

    def cookie(self, token: str, *, now: float) -> str | None:
        """What the browser is to keep after a login; None for the wrong token. `now` is seconds since 1970."""
        shown = token.encode("utf-8", "replace")
        if self.access.token is None or not hmac.compare_digest(shown, self.access.token.encode()):
            return None
        until = str(int(now) + SESSION_S)
        return self._set_cookie(f"{until}.{self._seal(until)}", for_s=SESSION_S)

    def no_cookie(self) -> str:
        """What makes the browser forget."""
        return self._set_cookie("", for_s=0)

    def knows(self, cookies: str, *, now: float) -> bool:
        """Whether a Cookie header holds what a login gave, and its time is not over."""
        if self.access.token is None:
            return False
        for part in cookies.split(";"):
            name, _, value = part.strip().partition("=")
            until, _, seal = value.partition(".")
            if name != self.cookie_name or not (until.isascii() and until.isdecimal() and len(until) <= MAX_DIGITS):
                continue
            right = hmac.compare_digest(seal.encode("utf-8", "replace"), self._seal(until).encode())
            if right and now < int(until):
                return True
        return False

    def called_rightly(self, host: str) -> bool:
        """Whether the page is called by a name that is ours."""
        return not self.names or _host(f"//{host}") in self.names

    def from_the_page(self, headers: Message, *, must_tell: bool) -> bool:
        """Whether a POST comes from this page, or from no page at all; with `must_tell` it has to say the former.

        No other page can send JSON here unasked, nor an Origin that is not its own.
        """
        if headers.get("Content-Type", "").partition(";")[0].strip().lower() != JSON:
            return False
        site, origin = headers.get("Sec-Fetch-Site"), headers.get("Origin")
        if site is None and origin is None:
            return not must_tell
        return site in (None, "same-origin") and (origin is None or self._ours(origin, headers.get("Host", "")))

    def _ours(self, origin: str, host: str) -> bool:
        named = _host(origin, port=True)
        return bool(named) and named in (host.lower(), self.url_host)

    def _seal(self, until: str) -> str:
        key = (self.access.token or "").encode()
        return hmac.new(key, f"page {self.cookie_name} {until}".encode(), "sha256").hexdigest()

    def _set_cookie(self, value: str, *, for_s: int) -> str:
        secure = "; Secure" if self.secure else ""
        return f"{self.cookie_name}={value}; Max-Age={for_s}; Path=/; HttpOnly; SameSite=Strict{secure}"


def page_access_of(http: Http, *, access: Access, address: Address, node: str) -> PageAccess:
    """Who may use the page under these settings. Boards behind one name keep a cookie each."""
    open_to_all = access.token is None and not access.certificates
    here = {"localhost", "127.0.0.1", "::1", address.host, http.host.lower(), _host(http.url)} - {""}
    return PageAccess(
        access=access,
        cookie_name=f"edgereel-{node}",
        secure=bool(http.cert_file) or http.url.startswith("https:"),
        url_host=_host(http.url, port=True),
        names=frozenset(here) if open_to_all else frozenset(),
    )


def _host(url: str, *, port: bool = False) -> str:
    """The host of an address, in lower case; empty when there is none."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError:
        return ""
    return parts.netloc.lower() if port else _plain(host)


def _plain(host: str) -> str:
    """An IP address in its usual spelling, a name as it is."""
    try:
        return str(ipaddress.ip_address(host))
    except ValueError:
        return host.rstrip(".")
