"""Frames into an H.264 MP4, for looking at."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

Frame = NDArray[np.uint8]
X264 = {"preset": "veryfast", "crf": "18"}


def write_mp4(frames: Iterable[Frame], path: Path, *, fps: int) -> int:
    """Write RGB uint8 [h, w, 3] frames of even height and width; returns how many there were."""
    count = 0
    with av.open(str(path), "w", format="mp4", options={"movflags": "+faststart"}) as container:
        stream = container.add_stream("libx264", rate=fps, options=X264)
        stream.pix_fmt = "yuv420p"
        for frame in frames:
            if not count:
                stream.height, stream.width = frame.shape[:2]
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
            count += 1
        container.mux(stream.encode(None))
    return count
