"""An installed wheel works without the checkout: it brings its packs, its manifests and its settings example."""

from __future__ import annotations

import sys
import zipfile
from pathlib import Path

import pytest

from tests.conftest import CHECKOUT, Outcome, run_process

PACKS = sorted(path.parent.name for path in (CHECKOUT / "models").glob("*/manifest.yaml"))


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel that `pip install .` would install."""
    folder = tmp_path_factory.mktemp("wheel")
    pip = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "-q", "-w", str(folder)]
    built = run_process([*pip, str(CHECKOUT)], cwd=folder, env={}, timeout_s=300)
    assert built.code == 0, built.err
    return next(folder.glob("edgereel-*.whl"))


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with only this wheel in it; the libraries are those of the test environment."""
    folder = tmp_path_factory.mktemp("site")
    pip = [sys.executable, "-m", "pip", "install", "--no-deps", "--no-index", "-q", "--target", str(folder)]
    done = run_process([*pip, str(wheel)], cwd=folder, env={}, timeout_s=300)
    assert done.code == 0, done.err
    return folder


def run_installed(installed: Path, tmp_path: Path, *args: str) -> Outcome:
    """The installed command, far from the checkout, for a person who has pulled nothing."""
    env = {"PYTHONPATH": str(installed), "HOME": str(tmp_path)}
    return run_process([sys.executable, "-m", "edge", *args], cwd=tmp_path, env=env, timeout_s=120)


def test_the_wheel_holds_every_pack_and_no_pulled_weights(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()

    assert [name for name in PACKS if f"edge/_models/{name}/manifest.yaml" not in names] == []
    assert [name for name in names if name.endswith((".gguf", ".part"))] == []
    assert {"edge/_systemd/edgereel.yaml", "edge/_systemd/edgereel.service", "edge/py.typed"} <= set(names)
    assert "edge/expand/glosses/chinese.tsv" in names
    assert any(name.endswith("/LICENSE") for name in names)


def test_it_is_the_wheel_that_is_tested_and_not_the_checkout(installed: Path, tmp_path: Path) -> None:
    code = "import edge, edge.packs; print(edge.__file__, edge.packs.shipped_root())"
    env = {"PYTHONPATH": str(installed)}
    done = run_process([sys.executable, "-c", code], cwd=tmp_path, env=env, timeout_s=60)

    assert done.out.split() == [str(installed / "edge/__init__.py"), str(installed / "edge/_models")]


def test_an_installed_edgereel_knows_its_packs(installed: Path, tmp_path: Path) -> None:
    outcome = run_installed(installed, tmp_path, "models", "list")

    assert outcome.code == 0, outcome.err
    assert [name for name in PACKS if name not in outcome.out] == []


def test_an_installed_edgereel_makes_a_clip_with_the_pack_it_brings(installed: Path, tmp_path: Path) -> None:
    args = ("generate", "a red balloon rises", "--mode", "lite", "--seed", "1", "--out", "clip.mp4")
    outcome = run_installed(installed, tmp_path, *args)

    assert outcome.code == 0, outcome.err
    assert (tmp_path / "clip.mp4").stat().st_size > 1000
