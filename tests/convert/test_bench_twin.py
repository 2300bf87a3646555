"""The networks in fp32 that the bench compares with: they must compute what the shipped ones do."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.generator import _inputs
from bench.generator_ways import compare
from bench.twin import make
from edge.packs import find_video_pack, shipped_root


def test_a_twin_answers_as_the_shipped_network_does(tmp_path: Path) -> None:
    pack = find_video_pack("tinyreel", roots=[shipped_root()])
    about = make(str(pack.folder), str(tmp_path))
    far = compare(str(pack.folder), str(tmp_path), _inputs(pack.manifest))

    assert far["conditioner"] == pytest.approx(0, abs=1e-6)
    assert far["trunk"] < 0.0080  # without the Relus that INT8 holds in its ranges 0.0086,
    assert far["tail"] < 0.0050  # and 0.045
    assert all(1.5 < one["twin_mib"] / one["mib"] < 4.2 for name, one in about.items() if name != "conditioner")
    assert about["denoiser"]["gflop"] > about["conditioner"]["gflop"] > 0
