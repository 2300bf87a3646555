"""A poster made small enough for MQTT: `python -m edge.thumbnail FILE MAX_BYTES` writes a JPEG to stdout.

A process of its own, since the daemon is to stay without what reads pictures; most posters never need it.
"""

from __future__ import annotations

import sys
from pathlib import Path

import cv2
import numpy as np

QUALITIES = (85, 75, 60, 45, 30)
SCALES = (1.0, 0.75, 0.5, 0.25)


def thumbnail(poster: bytes, *, max_bytes: int) -> bytes:
    """The same picture as a JPEG of at most `max_bytes`; the largest that is still good, else the smallest there is.

    Empty when it is no picture, or nothing that small can be made of it.
    """
    picture = cv2.imdecode(np.frombuffer(poster, np.uint8), cv2.IMREAD_COLOR) if poster else None
    if picture is None:
        return b""
    for scale in SCALES:
        small = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        for quality in QUALITIES:
            _, jpeg = cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, quality])
            if len(data := jpeg.tobytes()) <= max_bytes:
                return data
    return b""


if __name__ == "__main__":
    cv2.setNumThreads(1)
    sys.stdout.buffer.write(thumbnail(Path(sys.argv[1]).read_bytes(), max_bytes=int(sys.argv[2])))
