"""What is wanted of a clip beyond its prompt: another shape, another rate, a mark on it, a bound on its bytes, a loop."""

from __future__ import annotations

import re
from dataclasses import dataclass
from math import gcd
from pathlib import Path

from edge.errors import RequestError

MIN_FPS, MAX_FPS = 1, 60
MOST_UNEVEN = 5.0  # times as long as wide: less than that much of the frame is hardly a picture
SIZE_PATTERN = re.compile(r"(\d+(?:\.\d+)?)\s*([a-z]*)", re.IGNORECASE)
BYTES = {"": 1, "b": 1, "kb": 1000, "mb": 1000**2, "gb": 1000**3, "kib": 1024, "mib": 1024**2, "gib": 1024**3}
PREVIEWS = ("gif", "webp")


@dataclass(frozen=True, kw_only=True)
class Extras:
    """`crop` is width to height, `watermark` a PNG file or text, `preview` a .gif or .webp; None is "not wanted"."""

    crop: tuple[int, int] | None = None
    watermark: str | None = None
    max_bytes: int | None = None
    preview: Path | None = None
    loop: bool = False
    fps: int | None = None


NO_EXTRAS = Extras()


def make_extras(
    *, crop: str | None = None, watermark: str | None = None, max_bytes: str | None = None, preview: str | None = None,
    loop: bool = False, fps: int | None = None,
) -> Extras:  # fmt: skip
    """Check what was typed; what is None is not wanted.

    Raises RequestError that says what to type instead.
    """
    if fps is not None and not MIN_FPS <= fps <= MAX_FPS:
        raise RequestError(
            f"--fps {fps} is out of bounds.", hint=f"Use {MIN_FPS} to {MAX_FPS}; the clip is drawn with 24."
        )
    if watermark is not None and not watermark.strip():
        raise RequestError("--watermark is empty.", hint="Give a PNG file or a few words.")
    return Extras(
        crop=None if crop is None else _crop(crop),
        watermark=watermark,
        max_bytes=None if max_bytes is None else _bytes(max_bytes),
        preview=None if preview is None else _preview(preview),
        loop=loop,
        fps=fps,
    )


def in_units(count: int) -> str:
    """Bytes for a person to read."""
    for size, unit in ((1000**2, "MB"), (1000, "kB")):
        if count >= size:
            return f"{count / size:.3g} {unit}"
    return f"{count} B"


def _crop(text: str) -> tuple[int, int]:
    match = re.fullmatch(r"(\d{1,4}):(\d{1,4})", text.strip())
    width, height = (int(match[1]), int(match[2])) if match else (0, 0)
    if not width or not height:
        raise RequestError(f"--crop {text[:40]!r} is no shape.", hint="Use width:height, for example 9:16 or 1:1.")
    if max(width / height, height / width) > MOST_UNEVEN:
        raise RequestError(f"--crop {text} is too thin.", hint=f"At most {MOST_UNEVEN:g}:1 or 1:{MOST_UNEVEN:g}.")
    common = gcd(width, height)
    return width // common, height // common


def _bytes(text: str) -> int:
    match = SIZE_PATTERN.fullmatch(text.strip())
    unit = BYTES.get(match[2].lower()) if match else None
    size = int(float(match[1]) * unit) if match and unit else 0
    if not size:
        raise RequestError(
            f"--max-bytes {text[:40]!r} is no size.", hint="Use a number and B, kB, MB, KiB or MiB, for example 20MB."
        )
    return size


def _preview(text: str) -> Path:
    path = Path(text).expanduser()
    if path.suffix.lower().removeprefix(".") not in PREVIEWS:
        raise RequestError(f"--preview {text[:80]!r} is neither GIF nor WebP.", hint="Name a file .gif or .webp.")
    return path
