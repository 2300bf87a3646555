"""The rules of the house: linters, types, layers, lengths, and that the shipped files are what they say."""

from __future__ import annotations

import ast
import re
import socket
import subprocess
import sys
import time
from pathlib import Path

import msgspec
import pytest

from edge import manifest
from tests.conftest import CHECKOUT
from tests.mosquitto import MOSQUITTO

MAX_LINES = 300
CODE = [path for top in ("edge", "tools", "tests") for path in sorted((CHECKOUT / top).rglob("*.py"))]
UNIT = CHECKOUT / "systemd/edgereel.service"


def passes(*command: str) -> None:
    """Run a tool of this environment in the checkout and show what it says when it is not content."""
    program = Path(sys.executable).with_name(command[0])
    done = subprocess.run(
        [program, *command[1:]], cwd=CHECKOUT, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, f"{' '.join(command)}:\n{done.stdout}{done.stderr}"


def test_ruff_finds_nothing() -> None:
    passes("ruff", "check")


def test_the_code_is_formatted() -> None:
    passes("ruff", "format", "--check")


def test_mypy_strict_finds_nothing() -> None:
    passes("mypy")


def test_imports_keep_to_their_layers() -> None:
    passes("lint-imports")


@pytest.mark.parametrize("path", CODE, ids=lambda path: str(path.relative_to(CHECKOUT)))
def test_a_file_is_short_and_says_first_what_it_is(path: Path) -> None:
    text = path.read_text(encoding="utf-8")

    assert text.count("\n") <= MAX_LINES
    assert not text.strip() or ast.get_docstring(ast.parse(text)), "no module docstring"


def test_no_module_is_called_utils() -> None:
    assert [path for path in CODE if re.search(r"utils?|helpers?|common|misc", path.stem)] == []


def test_only_the_edges_catch_everything() -> None:
    # The two process edges, the network thread's callback, and ONNX Runtime, whose errors have no base of their own.
    edges = {"cli.py", "engine.py", "broker.py", "session.py"}
    broad = {path.name for path in (CHECKOUT / "edge").rglob("*.py") if "except Exception" in path.read_text("utf-8")}

    assert broad <= edges


def test_the_command_line_alone_prints() -> None:
    printing = {
        path.name for path in (CHECKOUT / "edge").rglob("*.py") if re.search(r"\bprint\(", path.read_text("utf-8"))
    }

    assert {name for name in printing if not name.startswith(("cli", "show"))} == set()


def test_every_target_of_make_is_explained() -> None:
    text = (CHECKOUT / "Makefile").read_text(encoding="utf-8")
    phony = set(re.findall(r"^\.PHONY: (\S+)", text, re.MULTILINE))

    assert phony == set(re.findall(r"^([a-z-]+):.*## ", text, re.MULTILINE))


def test_every_dependency_is_pinned_in_the_lock() -> None:
    lock = (CHECKOUT / "requirements.lock").read_text(encoding="utf-8")
    pinned = set(re.findall(r"^([a-z0-9-]+)==", lock, re.MULTILINE))
    section = (CHECKOUT / "pyproject.toml").read_text(encoding="utf-8").split("dependencies = [")[1].split("\n]")[0]

    assert set(re.findall(r'"([a-z0-9-]+)>=', section)) <= pinned


def test_every_verb_and_exit_code_is_explained() -> None:
    page = (CHECKOUT / "docs/commands.md").read_text(encoding="utf-8")
    command = Path(sys.executable).with_name("edgereel")
    shown = subprocess.run([command, "--help"], capture_output=True, text=True, check=True, timeout=60).stdout
    verbs = re.findall(r"^  ([a-z]+)  ", shown.split("verbs:")[1].split("examples:")[0], re.MULTILINE)

    assert {"generate", "serve", "doctor"} <= set(verbs)
    assert [verb for verb in verbs if f"`edgereel {verb}" not in page] == []
    assert [code for code in (*range(10), 10, 130) if not re.search(rf"^\| {code} \|", page, re.MULTILINE)] == []


def test_every_page_that_a_page_names_is_there() -> None:
    pages = [*CHECKOUT.glob("*.md"), *CHECKOUT.glob("*/*.md"), *CHECKOUT.glob("models/*/*.md")]
    links = [
        (page, link) for page in pages for link in re.findall(r"\]\(([^)#:]+)\)", page.read_text(encoding="utf-8"))
    ]

    assert len(links) > 40
    assert [f"{page.name}: {link}" for page, link in links if not (page.parent / link).exists()] == []


def test_every_key_of_a_manifest_is_explained() -> None:
    readme = (CHECKOUT / "models/README.md").read_text(encoding="utf-8")
    structs = [kind for kind in vars(manifest).values() if isinstance(kind, type) and issubclass(kind, msgspec.Struct)]
    keys = {field.encode_name for kind in structs for field in msgspec.structs.fields(kind)}

    assert {"sha256", "vocabulary", "suits", "kv_kib_per_token"} <= keys
    assert [key for key in sorted(keys) if f"`{key}`" not in readme] == []


def test_the_broker_recipe_is_one_that_mosquitto_takes(tmp_path: Path) -> None:
    text = (CHECKOUT / "systemd/mosquitto-recipe.conf").read_text(encoding="utf-8")
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    recipe = tmp_path / "recipe.conf"
    recipe.write_text(text.replace("listener 1883", f"listener {port}"), encoding="utf-8")
    with subprocess.Popen([MOSQUITTO, "-c", recipe], stderr=subprocess.PIPE, text=True) as broker:
        try:
            assert reached(port), broker.stderr.read() if broker.poll() is not None and broker.stderr else "no answer"
        finally:
            broker.terminate()


def reached(port: int, *, within_s: float = 10.0) -> bool:
    """True when somebody listens on this port before the time is over."""
    until = time.monotonic() + within_s
    while time.monotonic() < until:
        with socket.socket() as sock:
            if sock.connect_ex(("127.0.0.1", port)) == 0:
                return True
        time.sleep(0.05)
    return False


def test_systemd_accepts_the_unit(tmp_path: Path) -> None:
    unit = tmp_path / UNIT.name
    text = UNIT.read_text(encoding="utf-8")
    unit.write_text(re.sub(r"(?m)^ExecStart=\S+", "ExecStart=/bin/true", text), encoding="utf-8")
    command = ["systemd-analyze", "verify", "--man=no", unit]  # the man page is there once edgereel is installed
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)

    assert (done.returncode, [line for line in done.stderr.splitlines() if UNIT.name in line]) == (0, [])


def test_the_exposure_of_the_unit_is_1_5_at_most() -> None:
    command = ["systemd-analyze", "security", "--offline=yes", "--threshold=15", "--no-pager", UNIT]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)

    assert done.returncode == 0, done.stdout[-400:]
