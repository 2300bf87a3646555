"""What the camera does, read off the scenery's motion: one global fit over a whole clip.

Corners are followed over short gaps (pyramidal Lucas-Kanade, there and back), and every pan and every zoom that a
camera could do is given the share of corners that agree with it. A camera keeps its speed through a shot; a subject
agrees with nobody for long, and what falls agrees with no camera at all.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

Lumas = NDArray[np.uint8]
Points = NDArray[np.float32]

GAP_SHARE = 0.19  # of the clip, from one look at a corner to the next
CORNERS = 160
TOLERANCE = 0.004  # canvas heights between a corner's motion and the camera's
LEAST_SUPPORT = 0.005  # share of the corners: below it nothing is known, and a camera is taken to stand
STAND = 0.6  # what a standing camera's support counts: some particles stand before a camera that moves
PANS = np.linspace(-0.5, 0.5, 101)  # canvas heights per clip
ZOOMS = np.linspace(-0.36, 0.36, 73)  # logarithm of the growth per clip
LEAST_PAN, LEAST_ZOOM = 0.055, 0.115


@dataclass(frozen=True, kw_only=True)
class CameraMotion:
    """One shot's camera. Either `pan` or `zoom` is zero.

    `pan` is how far the scenery goes to the left over the clip, in canvas heights (the camera goes right); `zoom` the
    natural logarithm of its growth; `support` the share of corners, 0..1, that agree.
    """

    pan: float = 0.0
    zoom: float = 0.0
    support: float = 0.0

    @property
    def kind(self) -> str:
        """The value of the camera slot."""
        if abs(self.zoom) > LEAST_ZOOM:
            return "zoom_in" if self.zoom > 0 else "zoom_out"
        if abs(self.pan) > LEAST_PAN:
            return "pan_right" if self.pan > 0 else "pan_left"
        return "static"


def camera_motion(lumas: Lumas) -> CameraMotion:
    """Fit the camera to luma uint8 [frames, h, w], evenly spread over one shot."""
    gap = max(1, round(GAP_SHARE * (len(lumas) - 1)))
    points, moves = follow_corners(lumas, gap)
    if len(points) == 0:
        return CameraMotion()
    share = gap / (len(lumas) - 1)
    pans = np.array([_support(moves + np.array([pan * share, 0.0])) for pan in PANS])
    pans *= np.where(np.abs(PANS) > LEAST_PAN, 1, STAND)
    zooms = np.array([_support(moves - np.expm1(zoom * share) * points) for zoom in ZOOMS])
    zooms *= np.where(np.abs(ZOOMS) > LEAST_ZOOM, 1, STAND)
    pan, zoom = int(np.argmax(pans)), int(np.argmax(zooms))
    support = float(max(pans[pan], zooms[zoom]))
    if support < LEAST_SUPPORT:
        return CameraMotion(support=support)
    if zooms[zoom] > pans[pan]:
        return CameraMotion(zoom=float(ZOOMS[zoom]), support=support)
    return CameraMotion(pan=float(PANS[pan]), support=support)


def follow_corners(lumas: Lumas, gap: int) -> tuple[Points, Points]:
    """Corners [n, 2] of the frames, from the picture's centre, and their moves [n, 2] over `gap` frames; in heights."""
    height, width = lumas.shape[1:]
    starts, moves = [np.zeros((0, 2), np.float32)], [np.zeros((0, 2), np.float32)]
    for first in range(0, len(lumas) - gap, max(1, gap // 3)):
        start, move = _follow(lumas[first], lumas[first + gap])
        starts.append(start)
        moves.append(move)
    return (np.concatenate(starts) - np.float32([width / 2, height / 2])) / height, np.concatenate(moves) / height


def _follow(before: Lumas, after: Lumas) -> tuple[Points, Points]:
    """Corners in pixels that are found again after the way back."""
    corners = cv2.goodFeaturesToTrack(before, CORNERS, 0.004, 5)
    if corners is None:
        return np.zeros((0, 2), np.float32), np.zeros((0, 2), np.float32)
    window = (13, 13)
    there, found, _ = cv2.calcOpticalFlowPyrLK(before, after, corners, None, winSize=window)
    back, again, _ = cv2.calcOpticalFlowPyrLK(after, before, there, None, winSize=window)
    good = (found & again)[:, 0].astype(bool) & (np.abs(back - corners).max(axis=(1, 2)) < 0.5)
    return corners[good, 0], (there - corners)[good, 0]


def _support(residual: Points) -> float:
    """Mean agreement of moves [n, 2] that should be zero."""
    return float((1 / (1 + (residual**2).sum(axis=1) / TOLERANCE**2)).mean())
