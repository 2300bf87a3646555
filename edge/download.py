"""How a client gets the clip of a result: out of the message itself, or from the board's clip server.

Nothing that was announced is believed before it is proven, and no address but the announced one is asked: the token goes
to nobody else.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from edge import __version__
from edge.errors import OutputError, RequestError, SettingsError
from edge.request import ID_PATTERN
from edge.sections import TOKEN_PATTERN
from edge.transfer import Transfer, open_web
from edge.whole_file import check_writable, whole_file

MAX_BYTES = 512 * 1024 * 1024
URL_PATTERN = re.compile(r"https?://[\x21-\x7e]+\Z")


@dataclass(frozen=True, kw_only=True)
class Announced:
    """What a result says of its clip."""

    bytes: int
    sha256: str


def download(
    result: dict[str, Any],
    folder: Path,
    *,
    job_id: str,
    token: str | None = None,
    ca_file: str = "",
    cert_file: str = "",
    key_file: str = "",
    timeout_s: float = 600.0,
    pause_s: float = 0.5,
) -> Path:
    """Bring the clip of a result to `folder`/<job id>.mp4 and return that path; there is all of it or nothing.

    `result` has `sha256` and `bytes`, and the clip as base64 in `inline` or its address in `url`. A transfer that breaks
    goes on where it stopped, after `pause_s` seconds and then after longer pauses, for `timeout_s` seconds in all.
    `ca_file` is whose word counts for https (empty: the system's), `cert_file` and `key_file` our own certificate.
    Raises RequestError for a wrong id, SettingsError for a wrong token or certificate file, and OutputError when the
    result names no clip, its clip cannot be had or is not what was announced, or the file cannot be written.
    """
    if not ID_PATTERN.match(job_id):
        raise RequestError(f"{job_id[:80]!r} is no job id.", hint="An id is 1 to 64 of A-Z a-z 0-9 _ and -.")
    announced = _announced(result)
    path = folder / f"{job_id}.mp4"
    inline = result.get("inline")
    if isinstance(inline, str):
        content = _decoded(inline, announced)
        with _proven(path, announced) as part:
            part.write_bytes(content)
    else:
        url = _checked(result.get("url"))
        opener = open_web(url, ca_file=ca_file, cert_file=cert_file, key_file=key_file)
        transfer = Transfer(url, size=announced.bytes, headers=_headers(token), opener=opener)
        with _proven(path, announced) as part:
            transfer.into(part, until=time.monotonic() + timeout_s, pause_s=pause_s)
    return path


@contextmanager
def _proven(path: Path, announced: Announced) -> Iterator[Path]:
    """Give a place to write to, which becomes `path` if it then holds what was announced. Raises OutputError."""
    check_writable(path)
    with whole_file(path) as part:
        yield part
        with part.open("rb") as file:
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        if sha256 != announced.sha256 or part.stat().st_size != announced.bytes:
            raise OutputError(
                "The clip is not the one that the result announced (sha256).", hint="Nothing was kept; ask again."
            )


def _announced(result: dict[str, Any]) -> Announced:
    size, sha256 = result.get("bytes"), result.get("sha256")
    if not (type(size) is int and size > 0 and isinstance(sha256, str) and re.fullmatch("[0-9a-f]{64}", sha256)):
        raise OutputError("The result announces no clip.", hint="Did the job end as done? `edgereel jobs` tells.")
    if size > MAX_BYTES:
        raise OutputError(
            f"The clip is refused: it has {size} bytes.", hint=f"No clip is larger than {MAX_BYTES} bytes."
        )
    return Announced(bytes=size, sha256=sha256)


def _checked(url: object) -> str:
    """Only http and https, and only what can stand in a request line. Raises OutputError."""
    try:
        if isinstance(url, str) and URL_PATTERN.match(url) and urlsplit(url).hostname and urlsplit(url).port != 0:
            return url  # what is no port raises
    except ValueError:
        pass
    raise OutputError(
        "The result holds no clip and no web address of one.",
        hint="Turn on the board's clip server (http.port), or copy the clip from its folder.",
    )


def _headers(token: str | None) -> dict[str, str]:
    headers = {"User-Agent": f"edgereel/{__version__}", "Accept-Encoding": "identity"}
    if not token:
        return headers
    if not TOKEN_PATTERN.match(token):
        raise SettingsError("The token is not one word of ASCII.", hint="Give the board's token as it is in its file.")
    return headers | {"Authorization": f"Bearer {token}"}


def _decoded(inline: str, announced: Announced) -> bytes:
    if len(inline) > 4 * (announced.bytes // 3 + 1):
        raise OutputError("The result holds more than the clip it announces.", hint="Nothing was kept.")
    try:
        return base64.b64decode(inline, validate=True)
    except (binascii.Error, ValueError) as exc:
        raise OutputError("The clip in the result is not base64.", hint="Nothing was kept; ask again.") from exc
