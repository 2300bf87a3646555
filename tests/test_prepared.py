"""Networks that were optimised on this board once: the same answers, mapped weights, and never a reason to fail."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnxruntime as ort
import pytest

from edge.manifest import VideoManifest
from edge.packs import Pack, find_video_pack
from edge.video import prepared
from edge.video.session import open_session
from tests.boards import DATA


@pytest.fixture(scope="module")
def pack() -> Pack[VideoManifest]:
    return find_video_pack("tinypack", roots=[DATA])


def opened(pack: Pack[VideoManifest], cache: Path | None) -> tuple[ort.InferenceSession, Path | None]:
    return open_session(pack.file("denoiser.onnx"), pack.manifest.parts["denoiser"], threads=1, cache=cache)


def answer(session: ort.InferenceSession) -> np.ndarray:
    rng = np.random.default_rng(1)
    feed = {
        item.name: rng.normal(size=[size if isinstance(size, int) else 1 for size in item.shape]).astype(np.float32)
        for item in session.get_inputs()
    }
    return np.asarray(session.run(None, feed)[0])


def test_a_prepared_network_says_what_the_original_says(pack: Pack[VideoManifest], tmp_path: Path) -> None:
    plain, nothing = opened(pack, None)
    made, weights = opened(pack, tmp_path)
    again, _ = opened(pack, tmp_path)

    assert nothing is None and weights is not None and weights.stat().st_size > 0
    assert np.array_equal(answer(plain), answer(made))
    assert np.array_equal(answer(plain), answer(again))


def test_it_is_made_once_and_its_weights_are_mapped(pack: Pack[VideoManifest], tmp_path: Path) -> None:
    opened(pack, tmp_path)
    first = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*") if path.is_file()}
    _session, weights = opened(pack, tmp_path)

    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*") if path.is_file()} == first
    assert str(weights) in Path("/proc/self/maps").read_text()


def test_another_version_or_processor_makes_its_own_and_the_old_one_goes(
    pack: Pack[VideoManifest], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened(pack, tmp_path)
    (before,) = (tmp_path / "sessions").iterdir()
    monkeypatch.setattr(prepared.ort, "__version__", "0.0.1")
    opened(pack, tmp_path)

    (after,) = (tmp_path / "sessions").iterdir()
    assert after != before


def test_a_damaged_one_is_thrown_away_and_the_original_serves(pack: Pack[VideoManifest], tmp_path: Path) -> None:
    opened(pack, tmp_path)
    (folder,) = (tmp_path / "sessions").iterdir()
    (folder / "model.onnx").write_bytes(b"damaged")

    session, weights = opened(pack, tmp_path)

    assert weights is None and not folder.exists()
    assert np.array_equal(answer(session), answer(opened(pack, None)[0]))


def test_a_cache_that_cannot_be_written_stops_nothing(pack: Pack[VideoManifest]) -> None:
    session, weights = opened(pack, Path("/proc/nowhere"))
    assert weights is None
    assert answer(session).size
