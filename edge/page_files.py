"""The files that the page is made of: read once, and served as they are. They hold nothing that is secret."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from importlib.resources import files

KINDS = {
    "index.html": "text/html; charset=utf-8",
    "page.css": "text/css; charset=utf-8",
    "page.js": "text/javascript; charset=utf-8",
    "api.js": "text/javascript; charset=utf-8",
    "cards.js": "text/javascript; charset=utf-8",
    "icon.svg": "image/svg+xml",
    "page.webmanifest": "application/manifest+json",
}
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; media-src 'self'; connect-src 'self';"
    " manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
GUARDS = {
    "Content-Security-Policy": POLICY,
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}


@dataclass(frozen=True, kw_only=True)
class PageFile:
    """One file, and what its browser is told of it."""

    body: bytes
    kind: str
    etag: str


def page_files() -> dict[str, PageFile]:
    """Every file by the path that it is served under."""
    folder = files("edge") / "page"
    found = {f"/{name}": _page_file((folder / name).read_bytes(), kind) for name, kind in KINDS.items()}
    return found | {"/": found["/index.html"]}


def _page_file(body: bytes, kind: str) -> PageFile:
    return PageFile(body=body, kind=kind, etag=f'"{hashlib.sha256(body).hexdigest()[:16]}"')
