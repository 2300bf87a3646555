"""Scenes -> frames in batches with torch: the same picture as `render.py` within a small tolerance.

`render_torch` does everything; where speed matters, `tables` may be made by worker processes while `paint` keeps an
accelerator busy. Agreement with the OpenCV rasteriser is kept by `tests/convert/test_raster_torch.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from tools.convert.scenes.fields import grain, pigment, pigment_corner, vignette
from tools.convert.scenes.fill_torch import Windows, add_glow, coverage, halo, mix_glow, paint_patch
from tools.convert.scenes.scene import Scene
from tools.convert.scenes.scenery import plates
from tools.convert.scenes.stage import HALO_REACH, POOL_REACH, coarse_pixels
from tools.convert.scenes.styles import FINISH, PAPER, Finish
from tools.convert.scenes.tables import Flock, Glow, Patch, Role, Tables, tables

BANK = 256
CHUNK = 48  # frames at a time, which bounds the memory


def render_torch(
    scenes: Scene | Sequence[Scene], frames: Sequence[int], *, height: int = 240, device: str | torch.device = "cpu"
) -> Tensor:
    """RGB uint8 [frames, height, height * ASPECT, 3] of a scene, or [scenes, frames, ...] of several, on the device."""
    if not isinstance(scenes, Scene):
        return torch.stack([render_torch(scene, frames, height=height, device=device) for scene in scenes])
    parts = [frames[start : start + CHUNK] for start in range(0, len(frames), CHUNK)]
    return torch.cat([paint(tables(scenes, part, height=height), device=device) for part in parts])


@torch.inference_mode()
def paint(table: Tables, *, device: str | torch.device = "cpu") -> Tensor:
    """RGB uint8 [frames, height, width, 3] of the frames that the tables are of."""
    place, light = torch.device(device), table.lighting
    room = max((max(role.size) for role in table.roles), default=0)
    size = len(table.pulse), table.height + room, table.width + room, 3  # windows may reach beyond the screen
    image = torch.zeros(size, device=place)
    screen = image[:, : table.height, : table.width]
    screen[...] = _scenery(table, place)
    _drift(screen, table.behind, 1.0)
    if light.pool:
        screen *= _dimmed(table, place)[..., None]
    for role in table.roles:
        if light.halo:
            _halo(screen, role, light.halo)
    for role in table.roles:
        _role(image, role, table)
    _drift(screen, table.before, light.body)
    if table.style == "watercolour":
        screen -= torch.from_numpy(grain(table.height)[..., :3].copy()).to(place)
    return screen.add_(0.5).clamp_(0, 255).to(torch.uint8)


@lru_cache(maxsize=BANK)
def _plates(
    name: str, variant: int, style: str, height: int, device: torch.device
) -> tuple[Tensor, Tensor | None, Tensor, int]:
    """The painted scenery on the device: far and bright [1, 3, h, W], near [1, 4, h - top, W], and top."""
    painted = plates(name, variant, style, height)
    far, near = _planes(painted.far, device)[:, :3], _planes(painted.near, device)
    return far, None if painted.bright is None else _planes(painted.bright, device)[:, :3], near, painted.top


def _planes(layer: NDArray[np.uint8], device: torch.device) -> Tensor:
    return torch.from_numpy(layer).to(device).permute(2, 0, 1)[None].float()


def _scenery(table: Tables, device: torch.device) -> Tensor:
    """float32 [frames, height, width, 3] 0..255, or [1, ...] where nothing moves."""
    far, bright, near, top = _plates(*table.scenery, device)
    tint = torch.from_numpy(table.tint).to(device)[:, None, None]
    far_view, near_view = (torch.from_numpy(look).to(device) for look in (table.far, table.near))
    if np.ptp(table.far, axis=0).max() == 0 and np.ptp(table.near, axis=0).max() == 0:
        far_view, near_view = far_view[:1], near_view[:1]
    size = table.height, table.width
    behind = _seen(far, far_view, size, 0)
    if bright is not None:
        share = torch.from_numpy(table.pulse).to(device)[:, None, None, None]
        behind = behind + (_seen(bright, far_view, size, 0) - behind) * share
    front = _seen(near, near_view, size, top)
    image = (behind * tint).clamp(max=255) * (1 - front[:, 3:] / 255) + (front[:, :3] * tint).clamp(max=255)
    return image.clamp(max=255).permute(0, 2, 3, 1)


def _seen(layer: Tensor, view: Tensor, size: tuple[int, int], top: int) -> Tensor:
    """A layer [1, c, h, W] that starts at row `top`, as the camera sees it: [n, c, *size]."""
    step, x, y = view[:, 0, None], view[:, 1, None], view[:, 2, None]
    across = x + step * torch.arange(size[1], device=view.device)
    down = y + step * torch.arange(size[0], device=view.device) - top
    across, down = 2 * across / (layer.shape[3] - 1) - 1, 2 * down / max(layer.shape[2] - 1, 1) - 1
    grid = torch.stack(torch.broadcast_tensors(across[:, None, :], down[:, :, None]), -1)
    return F.grid_sample(layer.expand(len(view), -1, -1, -1), grid, padding_mode="border", align_corners=True)


def _dimmed(table: Tables, device: torch.device) -> Tensor:
    """What is left of the light [frames, height, width] 0..1, with a pool of it around each subject."""
    left = torch.from_numpy(vignette(table.height, table.lighting)).to(device).float()
    field = left.expand(len(table.pulse), -1, -1)
    small = left.shape[0] / table.height
    corner = torch.zeros((len(table.pulse), 2), device=device)
    for role in table.roles:
        where = torch.from_numpy(role.round).to(device) * small
        pool = halo(where[:, 0], where[:, 1], POOL_REACH * where[:, 2], low=corner, size=(left.shape[1], left.shape[0]))
        field = (field + table.lighting.pool * pool).clamp(max=1)
    full = F.interpolate(field[:, None], (table.height, table.width), mode="bilinear", align_corners=False)
    return full[:, 0]


def _halo(screen: Tensor, role: Role, strength: float) -> None:
    count = len(role.round)
    rounds = role.round * [1, 1, HALO_REACH]
    colour = torch.tensor(role.halo).expand(count, 3).numpy()
    frames = torch.arange(count).numpy()
    mix_glow(screen, Glow(frames=frames, round=rounds.astype("float32"), rgb=colour, share=role.breath), strength)


def _role(image: Tensor, role: Role, table: Tables) -> None:
    """One subject in all frames, into pictures with room beside the screen."""
    columns, rows = role.size
    tiles = torch.zeros((len(image), rows, columns, 4), device=image.device)
    for layer in role.layers:
        if isinstance(layer, Patch):
            paint_patch(tiles, layer)
        else:
            add_glow(tiles, layer)
    frames = torch.arange(len(image), device=image.device)
    if table.style == "watercolour":
        tiles = _diluted(tiles, role, table.height)
    windows = Windows(image, frames, torch.from_numpy(role.low).to(image.device), role.size)
    windows.write(_laid(windows.read(), tiles, role, table))


def _diluted(tiles: Tensor, role: Role, height: int) -> Tensor:
    """Tiles with white mixed in, as much as the pigment is thin there."""
    field = torch.from_numpy(pigment(height)[None, ..., :1]).to(tiles.device)
    corners = [
        pigment_corner(float(x), float(y), low, height) for (x, y), low in zip(role.round[:, :2], role.low, strict=True)
    ]
    first = torch.zeros(len(tiles), dtype=torch.int64, device=tiles.device)
    share = Windows(field, first, torch.tensor(corners, device=tiles.device), role.size).read() / 255
    return tiles + (tiles[..., 3:] - tiles) * share


def _laid(below: Tensor, tiles: Tensor, role: Role, table: Tables) -> Tensor:
    """Tiles laid on pictures [n, rows, columns, 3], their silhouettes finished as the style has it."""
    finish, body, coarse = FINISH[table.style], table.lighting.body, coarse_pixels(table.height)
    alpha = tiles[..., 3] / 255
    size = 2 * max(1, round(finish.line * table.height)) + 1
    if finish.rim:
        ring = alpha + F.max_pool2d(-alpha, size, 1, size // 2)
        edge = torch.tensor(role.edge, device=below.device)
        share = finish.rim * ring[..., None]
        tiles = tiles[..., :3] + (edge - tiles[..., :3]) * share
        if finish.shine:
            below = (below + body * finish.shine * _soft(ring, coarse, 5)[..., None] * edge).clamp(max=255)
    if finish.cut:
        wide = F.max_pool2d(alpha, size, 1, size // 2)
        tiles = tiles[..., :3] + (wide - alpha)[..., None] * torch.tensor(PAPER, device=below.device)
        alpha = wide
    keep = (1 - finish.opacity * alpha) * _shaded(alpha, finish, table.height, coarse)
    return (below * keep[..., None] + body * finish.opacity * tiles[..., :3]).clamp(max=255)


def _shaded(alpha: Tensor, finish: Finish, height: int, coarse: int) -> Tensor | float:
    """What a soft shadow of the silhouettes leaves of the light."""
    if not finish.shadow:
        return 1.0
    right, down = (round(length * height) for length in finish.drop)
    shade = F.pad(_soft(alpha, coarse, 3), (right, 0, down, 0))[:, : alpha.shape[1], : alpha.shape[2]]
    return 1 - finish.shadow * shade


def _soft(image: Tensor, coarse: int, size: int) -> Tensor:
    """As the OpenCV rasteriser blurs: averaged over `coarse` pixels, then over `size` of those, and stretched again."""
    small = F.avg_pool2d(F.avg_pool2d(image[:, None], coarse), size, 1, size // 2)
    return F.interpolate(small, image.shape[1:], mode="bilinear", align_corners=False)[:, 0]


def _drift(screen: Tensor, drift: tuple[list[Flock], list[Glow]], light: float) -> None:
    """Particles: lights first, then swarms, each replacing what the one before it has drawn there.

    Where windows overlap, each writes the same: all of them are read before any is written.
    """
    flocks, glows = drift
    for glow in glows:
        mix_glow(screen, glow, light)
    if not flocks:
        return
    layer = torch.zeros((*screen.shape[:3], 4), device=screen.device)
    for flock in flocks:
        rgba = torch.from_numpy(flock.patch.rgba[0]).to(screen.device)
        colour = torch.cat([light * rgba[:3], torch.full_like(rgba[:1], 255)]) * rgba[3]
        share = coverage(flock.patch, screen.device, union=True)[..., None]
        where = [torch.from_numpy(array).to(screen.device) for array in (flock.frames, flock.low)]
        windows = Windows(layer, *where, flock.size)
        below = windows.read()
        windows.write(below + (colour - below) * Windows(share, *where, flock.size).read())
    screen *= 1 - layer[..., 3:] / 255
    screen += layer[..., :3]
