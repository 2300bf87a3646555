"""The four styles of scenery: what paper, light or scissors make of a painted background.

Each function takes the scenery as painted and its height in pixels, and gives scenery again, so that a style costs
nothing per frame.
"""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

from tools.convert.scenes.backgrounds.scenery import Scenery

Image = NDArray[np.float32]

LUMA = np.array([0.299, 0.587, 0.114], np.float32)


def cartoon(scenery: Scenery, height: int) -> Scenery:
    """As it was painted."""
    del height
    return scenery


def watercolour(scenery: Scenery, height: int) -> Scenery:
    """Thin washes on white paper: uneven pigment, wavering edges, darker where a wash ended."""
    waver = [0.007 * height * (_noise(scenery.cover.shape, height, 0.06, seed) - 0.5) * 2 for seed in (1, 2)]
    cover = _displaced(scenery.cover, waver)
    pigment = 0.65 * _noise(cover.shape, height, 0.26, 3) + 0.35 * _noise(cover.shape, height, 0.09, 4)
    far = _wash(_displaced(scenery.far, waver), pigment, height, np.zeros_like(cover))
    near = _wash(_displaced(scenery.near, waver), pigment, height, _ring(cover, height))
    return Scenery(far, near, cover, 0.6 * _displaced(scenery.pulse, waver))


def _wash(rgb: Image, pigment: Image, height: int, rim: Image) -> Image:
    """Colours as thin ink: lighter where there is little pigment, darker along every edge."""
    smooth = cv2.bilateralFilter(rgb, 0, 26, 0.01 * height)
    rim = np.maximum(rim, _edges(smooth, height, 0.004))
    ink = (255 - smooth) * 0.82
    ink *= (1 + 0.5 * (pigment - 0.5) * (1 - 0.55 * _share(ink)) - 0.12 * rim)[..., None]
    darker = 1 - 0.36 * rim * (0.35 + 0.65 * _share(ink))
    return np.clip((255 - ink) * darker[..., None], 0, 255)


def neon(scenery: Scenery, height: int) -> Scenery:
    """Night, with bright tubes along every edge in the place's own hues."""
    outline = _ring(scenery.cover, height)
    far = _tubes(scenery.far, np.zeros_like(outline), height)
    near = _tubes(scenery.near, outline, height)
    return Scenery(far, near, scenery.cover, 0.5 * scenery.pulse)


def _tubes(rgb: Image, outline: Image, height: int) -> Image:
    line = np.clip(np.maximum(_edges(rgb, height, 0.003) * 1.5, outline), 0, 1)
    hue = _vivid(_blur(rgb, 0.012 * height))
    dark = _blur(rgb, 0.006 * height)
    dark = _vivid(dark) * (0.035 + 0.14 * dark @ LUMA / 255)[..., None] + (8, 6, 16)
    halo = _blur(line, 0.022 * height)
    return np.clip(dark + hue * (0.92 * line + 0.5 * np.clip(halo - 0.05, 0, 1))[..., None], 0, 255)


def _vivid(rgb: Image) -> Image:
    """The same hues, as strong and bright as they go; greys turn to a cool blue."""
    low, high = rgb.min(axis=2, keepdims=True), rgb.max(axis=2, keepdims=True)
    pure = 255 * (rgb - 0.8 * low) / np.maximum(high - 0.8 * low, 8)
    grey = np.clip(1 - (high - low) / 40, 0, 1)
    return np.asarray(pure + (np.array([90, 150, 255], np.float32) - pure) * 0.55 * grey, np.float32)


def paper_cut(scenery: Scenery, height: int) -> Scenery:
    """Sheets of coloured paper, each with a pale cut edge and a soft shadow on the sheet behind it."""
    far = _sheets(scenery.far, height)
    shade = 0.66 * _blur(_moved(scenery.cover, 0.008, -0.010, height), 0.018 * height) * (1 - scenery.cover)
    far = far * (1 - np.clip(shade, 0, 1))[..., None]
    near = _sheets(scenery.near, height)
    near += (np.array([252, 248, 238], np.float32) - near) * (0.55 * _ring(scenery.cover, height, 0.004))[..., None]
    return Scenery(far, near, scenery.cover, 0.6 * scenery.pulse)


SHEETS = 6


def _sheets(rgb: Image, height: int) -> Image:
    """A picture as sheets of flat paper, the darker ones in front; small things are pasted on without a shadow."""
    smooth = cv2.bilateralFilter(rgb, 0, 30, 0.012 * height)
    luma = smooth @ LUMA / 255
    level = np.clip(np.floor(luma * SHEETS), 0, SHEETS - 1)
    flat = smooth * (1 + 0.8 * ((level + 0.5) / SHEETS / np.maximum(luma, 0.03) - 1))[..., None]
    grey = (flat @ LUMA)[..., None]
    flat = np.clip(grey + (flat - grey) * 0.9, 0, 255) * 0.95 + 9
    size = 2 * round(0.014 * height) + 1
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size))
    soft = _blur(luma, 0.002 * height)
    for cut in range(1, SHEETS):
        front = np.clip((cut / SHEETS - soft) * 0.25 * height + 0.5, 0, 1).astype(np.float32)
        front = cv2.morphologyEx(cv2.morphologyEx(front, cv2.MORPH_OPEN, disc), cv2.MORPH_CLOSE, disc)
        shade = 0.42 * _blur(_moved(front, 0.004, 0.004, height), 0.012 * height) * (1 - front)
        flat = flat * (1 - shade)[..., None] + 24 * _ring(front, height, 0.003)[..., None]
    return np.clip(flat, 0, 255).astype(np.float32)


WASHES: dict[str, Callable[[Scenery, int], Scenery]] = {
    "cartoon": cartoon, "watercolour": watercolour, "neon": neon, "paper_cut": paper_cut,
}  # fmt: skip


def _blur(image: Image, sigma: float) -> Image:
    return np.asarray(cv2.GaussianBlur(image, (0, 0), max(0.4, sigma), borderType=cv2.BORDER_REPLICATE), np.float32)


def _edges(rgb: Image, height: int, width: float) -> Image:
    """0..1 along the edges of a picture, about `width` canvas heights wide."""
    soft = _blur(rgb, width * height)
    across = cv2.Sobel(soft, cv2.CV_32F, 1, 0, scale=1 / 8), cv2.Sobel(soft, cv2.CV_32F, 0, 1, scale=1 / 8)
    steep = np.sqrt((across[0] ** 2 + across[1] ** 2).sum(axis=2)) * width * height
    return np.clip((steep - 3.0) / 22, 0, 1).astype(np.float32)


def _ring(cover: Image, height: int, width: float = 0.006) -> Image:
    """0..1 along the inside of the edge of a cover."""
    size = max(3, 2 * round(width * height) + 1)
    shrunk = cv2.erode(cover, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size)))
    return np.asarray(np.clip(cover - shrunk, 0, 1), np.float32)


def _moved(image: Image, right: float, down: float, height: int) -> Image:
    matrix = np.array([[1, 0, right * height], [0, 1, down * height]], np.float64)
    size = (image.shape[1], image.shape[0])
    return np.asarray(cv2.warpAffine(image, matrix, size, borderMode=cv2.BORDER_REPLICATE), np.float32)


def _share(ink: Image) -> Image:
    return np.asarray(ink.mean(axis=2) / 255, np.float32)


def _noise(shape: tuple[int, ...], height: int, grain: float, seed: int) -> Image:
    """Smooth noise 0..1 with features of about `grain` canvas heights; the same places at every height."""
    rows, columns = round(1 / grain) + 2, round(shape[1] / height / grain) + 2
    coarse = np.random.default_rng([seed, 0x5C]).uniform(size=(rows, columns)).astype(np.float32)
    return np.asarray(cv2.resize(coarse, (shape[1], shape[0]), interpolation=cv2.INTER_CUBIC).clip(0, 1), np.float32)


def _displaced(image: Image, by: list[Image]) -> Image:
    rows, columns = image.shape[:2]
    x, y = np.meshgrid(np.arange(columns, dtype=np.float32), np.arange(rows, dtype=np.float32))
    moved = cv2.remap(image, x + by[0], y + by[1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(moved, np.float32)
