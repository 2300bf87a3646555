"""The recognisers: networks that name what a clip shows, for judging (R_eval) and, another one, for losses (R_train).

A clip is seen as a judge view, uint8 [16, 6, 60, 108]. Two towers: *content* looks at single frames (a network on
stacked frames cannot tell shapes), *motion* at where every frame differs from the clip's mean and from the frame before,
with factorised space and time convolutions (R(2+1)D: Tran et al. 2018, arXiv 1711.11248).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import msgspec
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

WEIGHTS = Path(__file__).parents[1] / "judge" / "weights"
R_EVAL = WEIGHTS / "r_eval.pt"
VIEW_FRAMES = 16
VIEW_HEIGHT, VIEW_WIDTH = 120, 216
BATCH = 16
STILL_SLOTS = ("subject", "count", "size", "colour", "background", "particles", "style", "light")
MOVING_SLOTS = ("motion", "speed", "camera")
Bytes = NDArray[np.uint8]


class Shape(msgspec.Struct, frozen=True):
    """The architecture of one recogniser; `values` maps each slot to its values, in order."""

    values: dict[str, list[str]]
    content: tuple[int, int, int, int] = (24, 48, 96, 160)
    motion: tuple[int, int, int] = (32, 48, 64)
    kernel: int = 5
    looks: int = 4


@dataclass(frozen=True)
class Verdict:
    """`logits` float32 [n, values] per slot; `content` [n, 128] and `motion` [n, 128] features for distances."""

    logits: dict[str, NDArray[np.float32]]
    content: NDArray[np.float32]
    motion: NDArray[np.float32]


def judge_view(frames: Sequence[Bytes]) -> Bytes:
    """Planar 4:2:0 frames [h * 3 / 2, w] of any one size to a judge view uint8 [16, 6, 60, 108].

    Sixteen frames evenly spread, scaled to a height of 120, cropped or padded alike on both sides to a width of 216;
    channels are the four luma samples of a 2 x 2 square, then U and V.
    """
    chosen = [frames[round(i)] for i in np.linspace(0, len(frames) - 1, VIEW_FRAMES)]
    return np.stack([_pack(frame) for frame in chosen])


def _pack(frame: Bytes) -> Bytes:
    h, w = frame.shape[0] * 2 // 3, frame.shape[1]
    chroma = frame[h:].reshape(2, h // 2, w // 2)
    y = _fit(frame[:h], VIEW_HEIGHT, VIEW_WIDTH)
    uv = [_fit(plane, VIEW_HEIGHT // 2, VIEW_WIDTH // 2) for plane in chroma]
    return np.stack([y[0::2, 0::2], y[0::2, 1::2], y[1::2, 0::2], y[1::2, 1::2], *uv])


def _fit(plane: Bytes, height: int, width: int) -> Bytes:
    scaled = round(plane.shape[1] * height / plane.shape[0])
    small = np.asarray(cv2.resize(plane, (scaled, height), interpolation=cv2.INTER_AREA), np.uint8)
    missing = width - scaled
    if missing <= 0:
        return small[:, -missing // 2 : -missing // 2 + width]
    return np.pad(small, ((0, 0), (missing // 2, missing - missing // 2)), mode="edge")


class Content(nn.Module):
    """Single frames float [n, 6, 60, 108] to features [n, 128]."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        a, b, c, d = shape.content
        self.layers = nn.Sequential(
            _conv(6, a, shape.kernel), _conv(a, b, 3, stride=2), _conv(b, b, 3), _conv(b, c, 3, stride=2), _conv(c, c, 3),
            _conv(c, d, 3, stride=2), _conv(d, d, 3),
        )  # fmt: skip
        self.out = nn.Linear(2 * d, 128)

    def forward(self, frames: Tensor) -> Tensor:
        x = self.layers(frames)
        return functional.relu(self.out(torch.cat([x.mean(dim=(2, 3)), x.amax(dim=(2, 3))], dim=1)))


class Motion(nn.Module):
    """Clips float [n, 16, 6, 60, 108] to features [n, 128]."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        a, b, c = shape.motion
        self.space = nn.Sequential(_conv(8, a, 5, stride=2), _conv(a, b, 3))
        self.time1 = _time(b, b)
        self.down = _conv(b, c, 3, stride=2)
        self.time2 = _time(c, c)
        self.path = nn.Sequential(
            nn.Conv1d(2 * c, 128, 3, padding=1), nn.BatchNorm1d(128), nn.ReLU(),
            nn.Conv1d(128, 128, 3, padding=1, stride=2), nn.BatchNorm1d(128), nn.ReLU(),
            nn.Conv1d(128, 128, 3, padding=1), nn.BatchNorm1d(128), nn.ReLU(),
        )  # fmt: skip
        self.out = nn.Linear(128 * (VIEW_FRAMES // 2), 128)

    def forward(self, clips: Tensor) -> Tensor:
        n, t = clips.shape[:2]
        small = functional.avg_pool2d(torch.cat([clips[:, :, :4].mean(dim=2, keepdim=True), clips[:, :, 4:]], dim=2)
                                      .flatten(0, 1), 2).reshape(n, t, 3, 30, 54)  # fmt: skip
        change = small.diff(dim=1, append=small[:, -1:])
        x = torch.cat([small - small.mean(dim=1, keepdim=True), 4 * change], dim=2).flatten(0, 1)
        rows = torch.linspace(-1, 1, 30, device=x.device)[None, None, :, None].expand(n * t, 1, 30, 54)
        columns = torch.linspace(-1, 1, 54, device=x.device)[None, None, None, :].expand(n * t, 1, 30, 54)
        x = _over_time(self.time1, self.space(torch.cat([x, rows, columns], dim=1)), n)
        x = _over_time(self.time2, self.down(x), n)
        pooled = torch.cat([x.mean(dim=(2, 3)), x.amax(dim=(2, 3))], dim=1).reshape(n, t, -1)
        return functional.relu(self.out(self.path(pooled.transpose(1, 2)).flatten(1)))


class Recogniser(nn.Module):
    """Both towers and one linear head per slot."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape
        self.content, self.motion = Content(shape), Motion(shape)
        self.heads = nn.ModuleDict({
            slot: nn.Linear(128 if slot in STILL_SLOTS else 256, len(values)) for slot, values in shape.values.items()
        })  # fmt: skip

    def forward(self, clips: Tensor, looks: Sequence[int] | None = None) -> tuple[dict[str, Tensor], Tensor, Tensor]:
        """Clips float [n, 16, 6, 60, 108], centred and scaled as `scale` does, to logits and the two features."""
        looks = looks or [round(i) for i in np.linspace(1, VIEW_FRAMES - 2, self.shape.looks)]
        n = clips.shape[0]
        seen = self.content(clips[:, list(looks)].flatten(0, 1)).reshape(n, len(looks), -1).mean(dim=1)
        moved = self.motion(clips)
        both = torch.cat([moved, seen], dim=1)
        return {slot: head(seen if slot in STILL_SLOTS else both) for slot, head in self.heads.items()}, seen, moved

    def still(self, frames: Tensor) -> dict[str, Tensor]:
        """Logits of the still slots for single frames or crops of them, float [n, 6, h, w]."""
        seen = self.content(frames)
        return {slot: head(seen) for slot, head in self.heads.items() if slot in STILL_SLOTS}

    @torch.no_grad()
    def verdict(self, views: Bytes) -> Verdict:
        """What the network says of judge views uint8 [n, 16, 6, 60, 108]."""
        self.eval()
        parts = [self(scale(torch.from_numpy(views[i : i + BATCH]))) for i in range(0, len(views), BATCH)]
        logits = {slot: torch.cat([part[0][slot] for part in parts]).numpy() for slot in self.heads}
        content, motion = (torch.cat([part[i] for part in parts]).numpy() for i in (1, 2))
        return Verdict(logits, content, motion)


def scale(views: Tensor) -> Tensor:
    """Bytes to floats around zero."""
    return views.float() / 128 - 1


def save_recogniser(model: Recogniser, path: Path) -> None:
    """Write shape and weights (16 bit) to one file."""
    weights = {name: value.half() if value.is_floating_point() else value for name, value in model.state_dict().items()}
    torch.save({"shape": msgspec.json.encode(model.shape).decode(), "weights": weights}, path)


def load_recogniser(path: Path) -> Recogniser:
    """Read what `save_recogniser` wrote, ready to judge."""
    state = torch.load(path, weights_only=True)
    model = Recogniser(msgspec.json.decode(state["shape"], type=Shape))
    model.load_state_dict({name: value.float() if value.is_floating_point() else value
                           for name, value in state["weights"].items()})  # fmt: skip
    return model.eval()


def _conv(inputs: int, outputs: int, kernel: int, stride: int = 1) -> nn.Sequential:
    layer = nn.Conv2d(inputs, outputs, kernel, stride=stride, padding=kernel // 2, bias=False)
    return nn.Sequential(layer, nn.BatchNorm2d(outputs), nn.ReLU())


def _time(inputs: int, outputs: int) -> nn.Sequential:
    layer = nn.Conv3d(inputs, outputs, (3, 1, 1), padding=(1, 0, 0), bias=False)
    return nn.Sequential(layer, nn.BatchNorm3d(outputs), nn.ReLU())


def _over_time(layer: nn.Module, x: Tensor, clips: int) -> Tensor:
    """Apply a time convolution to frames [clips * t, c, h, w]."""
    grouped = x.reshape(clips, -1, *x.shape[1:]).transpose(1, 2)
    return layer(grouped).transpose(1, 2).flatten(0, 1)
