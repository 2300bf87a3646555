"""`edge.video.textures` for batches of crops: the same features under the same samples, found with torch."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from edge.video.places import REACH
from edge.video.slot_map import FAR_X, NEAR_X, PER_KEY
from edge.video.textures import BODY, OFFSETS, POSES, SAMPLES, WAVES
from tools.convert.tinyvideo.bake import Textures

GRID = SAMPLES**2


class LookUp(nn.Module):
    """layout [n, l, h, w], places int64 [n] to features [n, features, keys * GRID * h, w]."""

    def __init__(self, textures: Textures, keys: int) -> None:
        super().__init__()
        self.keys = keys
        for name in ("far", "near", "subjects"):
            self.register_buffer(name, torch.from_numpy(getattr(textures, name)), persistent=False)

    @torch.no_grad()
    def forward(self, layout: Tensor, places: Tensor) -> Tensor:
        n, _, h, w = layout.shape
        moving = layout[:, -self.keys * len(PER_KEY) :].reshape(n, self.keys, len(PER_KEY), h, w)
        keys = dict(zip(PER_KEY, moving.unbind(dim=2), strict=True))
        found = [self._subject(keys)]
        for name, pictures, (low, high) in (("far", self.far, FAR_X), ("near", self.near, NEAR_X)):
            step = keys[f"{name}_step"]
            x = _between(keys[f"{name}_x"], step / (high - low), torch.zeros(()))
            found.append(_sampled(pictures[places].float(), x, _between(keys[f"{name}_y"], torch.zeros(()), step)))
        return torch.cat(found, dim=1).flatten(2, 3)

    def _subject(self, keys: dict[str, Tensor]) -> Tensor:
        """The subjects' features as their phases have them; a map shows at most two kinds of subject."""
        u, v = (REACH / BODY * _between(keys[axis], keys[f"{axis}_right"], keys[f"{axis}_down"]) for axis in ("u", "v"))
        kinds = torch.stack([keys["subject"].amin(dim=(1, 2, 3)), keys["subject"].amax(dim=(1, 2, 3))], dim=1)
        pictures = self.subjects[kinds.long()].float()
        count, rows = pictures.shape[1], pictures.shape[3]
        pictures = pictures.transpose(1, 2).flatten(2, 3)  # the two stand below each other
        edge = 1 - 1 / rows  # half a texel from the border, so that neither shines through
        second = (keys["subject"] > kinds[:, :1, None, None]).float().repeat_interleave(GRID, dim=1)
        found = _sampled(pictures, u, (second + (v.clamp(-edge, edge) + 1) / 2) * (2 / count) - 1)
        inside = ((u.abs() < 1) & (v.abs() < 1)).float()
        at = torch.atan2(*(keys[name] for name in WAVES)) / (2 * math.pi) * POSES
        away = (at[:, None] - torch.arange(POSES, dtype=at.dtype)[:, None, None, None]).remainder(POSES)
        near = (1 - torch.minimum(away, POSES - away)).clamp(min=0)  # [n, POSES, keys, h, w]
        mix = inside[:, None] * near.repeat_interleave(GRID, 2)
        return torch.stack([(part * mix).sum(dim=1) for part in found.split(POSES, dim=1)], dim=1)


def place_of(attributes: Tensor, noise: Tensor, *, slot: int, variants: int, chooser: int) -> Tensor:
    """The number int64 [n] of the picture of the place that each row shows."""
    share = 0.5 * (1 + torch.erf(noise[:, chooser] / math.sqrt(2)))
    return attributes[:, slot] * variants + (share * variants).floor().clamp(max=variants - 1).long()


def _between(middle: Tensor, right: Tensor, down: Tensor) -> Tensor:
    """Coordinates [n, keys * GRID, h, w] of the samples, from those of the cells' middles [n, keys, h, w]."""
    dy, dx = (side.reshape(1, 1, -1, 1, 1) for side in torch.meshgrid(*[torch.from_numpy(OFFSETS)] * 2, indexing="ij"))
    right, down = (step[:, :, None] if step.ndim else step for step in (right, down))
    return (middle[:, :, None] + right * dx + down * dy).flatten(1, 2)


def _sampled(pictures: Tensor, x: Tensor, y: Tensor) -> Tensor:
    """[n, c, s, h, w] of pictures [n, c, rows, columns] at `x`, `y` [n, s, h, w]."""
    n, s, h, w = x.shape
    grid = torch.stack([x, y], dim=4).reshape(n, s * h, w, 2)
    return functional.grid_sample(pictures, grid, padding_mode="border", align_corners=False).reshape(n, -1, s, h, w)
