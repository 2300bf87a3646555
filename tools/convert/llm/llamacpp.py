"""llama.cpp's own converter, of the very version that is installed: from the source package of llama-cpp-python.

It is fetched once with pip, proven by its sha256 and unpacked into a cache. None of it is part of this repository.
"""

from __future__ import annotations

import ast
import os
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from edge.errors import ModelError
from edge.manifest import file_sha256

PACKAGE = "llama-cpp-python"
# Of each version that was tested; a version that is not here has to be looked at first.
SHA256 = {"0.3.36": "832db0699007f1be95a7e41ef12e88926b02ba836461e36a36372db2760c1a2e"}
INSIDE = "vendor/llama.cpp"
WANTED = ("convert_hf_to_gguf.py", "conversion/", "gguf-py/gguf/", "models/templates/", "LICENSE")
TIMEOUT_S = 1800


@dataclass(frozen=True, kw_only=True)
class Source:
    """The unpacked converter. `architectures` are the class names that it knows."""

    folder: Path
    version: str
    sha256: str

    @property
    def architectures(self) -> frozenset[str]:
        """The text models of its own table, read without running it."""
        tree = ast.parse((self.folder / "conversion/__init__.py").read_text(encoding="utf-8"))
        for node in tree.body:
            if isinstance(node, ast.AnnAssign) and getattr(node.target, "id", "") == "TEXT_MODEL_MAP" and node.value:
                return frozenset(ast.literal_eval(node.value))
        raise ModelError(f"{self.folder} has no table of models.", hint="Delete that folder and run it again.")


def cache_folder() -> Path:
    """Where it is kept: below XDG_CACHE_HOME, as the rest of what edgereel caches."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "edgereel" / "llama.cpp"


def converter_source(*, sdist: Path | None = None, cache: Path | None = None) -> Source:
    """The converter of the installed llama-cpp-python; `sdist` is its source package where there is no network.

    Raises ModelError: a version that nobody tested, no network, or a package that is not the tested one.
    """
    version = metadata.version(PACKAGE)
    wanted = SHA256.get(version)
    if wanted is None:
        raise ModelError(
            f"{PACKAGE} {version} is installed; its converter was not tested.",
            hint=f"Install one of {', '.join(SHA256)}, or add its sha256 to tools/convert/llm/llamacpp.py.",
        )
    folder = (cache or cache_folder()) / f"{version}-{wanted[:12]}"
    if not folder.is_dir():
        part = folder.with_name(f".{folder.name}.part")
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir(parents=True)
        try:
            package = sdist or _download(version, wanted, part)
            _prove(package, wanted)
            _unpack(package, part / "source")
            (part / "source").replace(folder)
        finally:
            shutil.rmtree(part, ignore_errors=True)
    return Source(folder=folder, version=version, sha256=wanted)


def _download(version: str, sha256: str, folder: Path) -> Path:
    """Let pip fetch the source package; it proves the hash before it looks inside."""
    wanted = folder / "wanted.txt"
    wanted.write_text(f"{PACKAGE}=={version} --hash=sha256:{sha256}\n", encoding="ascii")
    command = [
        sys.executable, "-m", "pip", "download", "--no-deps", "--no-binary", PACKAGE, "--require-hashes", "--no-input",
        "--disable-pip-version-check", "--dest", str(folder), "-r", str(wanted),
    ]  # fmt: skip
    env = {**os.environ, "TMPDIR": str(folder)}
    done = subprocess.run(command, capture_output=True, text=True, env=env, timeout=TIMEOUT_S, check=False)
    package = next(folder.glob("*.tar.gz"), None)
    if done.returncode or package is None:
        said = (done.stderr.strip() or done.stdout.strip() or "nothing").splitlines()[-1]
        raise ModelError(
            f"The source package of {PACKAGE} {version}, which holds llama.cpp's converter, cannot be fetched: {said}",
            hint="It is 77 MB. Without a network give the file: --sdist PATH.",
        )
    return package


def _prove(package: Path, sha256: str) -> None:
    try:
        found = file_sha256(package)
    except OSError as exc:
        raise ModelError(f"{package}: {exc.strerror}.", hint="Give the .tar.gz of llama-cpp-python.") from exc
    if found != sha256:
        raise ModelError(
            f"{package} has sha256 {found[:12]}…, the tested source package {sha256[:12]}…; it is not opened.",
            hint="Fetch the version that requirements.lock pins.",
        )


def _unpack(package: Path, folder: Path) -> None:
    with tarfile.open(package) as archive:
        archive.extractall(folder, members=_members(archive), filter="data")


def _members(archive: tarfile.TarFile) -> Iterator[tarfile.TarInfo]:
    """What is wanted of llama.cpp, at the top."""
    for member in archive:
        name = member.name.partition("/")[2].removeprefix(f"{INSIDE}/")
        if member.isfile() and INSIDE in member.name and name.startswith(WANTED):
            yield member.replace(name=name, deep=False)
