"""What tuning changed, as a file that edge/tuned/delta.py reads: thin matrices in int8, evened out so that little is lost."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float32]
MOST = 127


def write_delta(path: Path, changes: Mapping[str, tuple[Matrix, Matrix]], *, base_sha256: str) -> None:
    """Write the changes `up @ down` ([out, rank] and [rank, in], scaled already) of the matrices of one file."""
    arrays: dict[str, NDArray[np.generic]] = {"base": np.frombuffer(bytes.fromhex(base_sha256), np.uint8)}
    for name, (up, down) in sorted(changes.items()):
        even_up, even_down = even(up, down)
        arrays[f"{name}/up"], arrays[f"{name}/up_scale"] = to_int8(even_up)
        arrays[f"{name}/down"], scale = to_int8(even_down.T)
        arrays[f"{name}/down"] = np.ascontiguousarray(arrays[f"{name}/down"].T)
        arrays[f"{name}/down_scale"] = scale
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.part")
    with part.open("wb") as file:
        np.savez_compressed(file, **arrays)  # type: ignore[arg-type]
    part.replace(path)


def read_delta(path: Path) -> tuple[str, dict[str, tuple[Matrix, Matrix]]]:
    """The sha256 of the base, and the changes as `write_delta` took them but for the rounding."""
    with np.load(path, allow_pickle=False) as file:
        names = {name.rpartition("/")[0] for name in file.files if "/" in name}
        return file["base"].tobytes().hex(), {
            name: (file[f"{name}/up"] * file[f"{name}/up_scale"][:, None], file[f"{name}/down"] * file[f"{name}/down_scale"])
            for name in names
        }  # fmt: skip


def even(up: Matrix, down: Matrix) -> tuple[Matrix, Matrix]:
    """Two matrices with the same product whose columns (rows) are all of about the same length.

    The singular values are split evenly between both, then all are mixed by a fixed rotation, so that no
    component is too small for the scale that it shares with the others.
    """
    left, left_rest = np.linalg.qr(up.astype(np.float64))
    right, right_rest = np.linalg.qr(down.T.astype(np.float64))
    u, values, v = np.linalg.svd(left_rest @ right_rest.T)
    root = np.sqrt(values)
    turn, _ = np.linalg.qr(np.random.default_rng(0).standard_normal((len(root), len(root))))
    return ((left @ u) * root @ turn).astype(np.float32), (turn.T @ (root[:, None] * (v @ right.T))).astype(np.float32)


def to_int8(rows: Matrix) -> tuple[NDArray[np.int8], Matrix]:
    """Rows as int8, and the scale [n] of each."""
    scale = (np.abs(rows).max(axis=1) / MOST).astype(np.float32)
    safe = np.where(scale == 0, np.float32(1), scale)
    return np.rint(rows / safe[:, None]).astype(np.int8), scale
