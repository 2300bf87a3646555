"""What a client may ask for, and the bounds of it."""

from __future__ import annotations

import base64
import re
import secrets
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from edge.errors import RequestError
from edge.mode import Mode

MAX_PROMPT_CHARS = 2000
MAX_IMAGE_CHARS = 280_000  # of base64: a good JPEG of 848 x 480 has a third of it
MAX_BODY_BYTES = 16 * 1024 + MAX_IMAGE_CHARS
MAX_SECONDS = 60.0
MIN_SECONDS = 0.5
MAX_SEED = 2**31 - 1
MAX_TTL_S = 30 * 24 * 3600.0
MAX_COUNT = 1_000_000  # of attempts and hops
ID_PATTERN = re.compile(r"[A-Za-z0-9_-]{1,64}\Z")
PREFIX_PATTERN = re.compile(r"\s*/(think|no_think)\b[\s:,]*", re.IGNORECASE)
PATH_POINTS = (2, 16)
PATH_SIZES = (0.05, 0.6)
PATH_HINT = "Give 2 to 16 points [x, y] or [x, y, size]: x, y from 0 to 1 (y down), size from 0.05 to 0.6."
IMAGE_STARTS = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n")
IMAGE_PREFIX = re.compile(r"data:image/(?:jpeg|png);base64,")
CLIP_PATTERN = re.compile(r"job:[A-Za-z0-9_-]{1,64}\Z")
IMAGE_HINT = 'Send a JPEG or PNG as base64, or "job:ID" for the last frame of an earlier clip.'
FIELDS = (
    "id", "mode", "min_mode", "seconds", "seed", "reply", "path", "image", "ttl", "deadline", "deliver", "attempt",
    "hops", "reuse",
)  # fmt: skip
REUSE = ("never", "same", "near")
MODES = ("auto", *(mode.value for mode in Mode if mode is not Mode.PAUSED))


@dataclass(frozen=True, kw_only=True)
class Request:
    """One request, checked. `mode` is `auto` or a Mode value; None means "you choose".

    `path` holds points (x, y) or (x, y, size) that the subjects follow: shares of the frame, x to the right, y down,
    size of the frame's height. `image` is the picture that the clip begins with: a JPEG or PNG in base64, or
    `job:ID` for the last frame of an earlier clip.

    `ttl` in seconds from its arrival and `deadline`, seconds since 1970, bound when it may still begin. `deliver` says
    whether the answer names the clip's `url` or holds it `inline`. `attempt` counts how often the sender sent it,
    `hops` how often a board of a pool handed it on. `reuse` says whether a clip that is there already may be the answer.
    """

    id: str
    prompt: str
    mode: str = "auto"
    min_mode: Mode = Mode.SPARE
    seconds: float | None = None
    seed: int | None = None
    reply: str = "final"
    path: tuple[tuple[float, ...], ...] | None = None
    image: str | None = field(default=None, repr=False)
    ttl: float | None = None
    deadline: float | None = None
    deliver: str = "url"
    attempt: int = 1
    hops: int = 0
    reuse: str | None = None

    def to_json(self) -> dict[str, Any]:
        """The JSON body that `from_json` reads back."""
        body = {
            "v": 1, "id": self.id, "prompt": self.prompt, "mode": self.mode, "min_mode": self.min_mode.value,
            "seconds": self.seconds, "seed": self.seed, "reply": self.reply,
            "path": [list(point) for point in self.path] if self.path else None,
            "image": self.image, "ttl": self.ttl, "deadline": self.deadline, "deliver": self.deliver,
            "attempt": self.attempt, "hops": self.hops, "reuse": self.reuse,
        }  # fmt: skip
        return {key: value for key, value in body.items() if value is not None}


def new_id() -> str:
    """A fresh random id."""
    return secrets.token_hex(8)


def make_request(prompt: object, **fields: object) -> Request:
    """Check every field and build a Request; fields that are None count as not given.

    Raises RequestError that says which field, its bound, and what to send instead.
    """
    given = {key: value for key, value in fields.items() if value is not None}
    text, prefix_mode = _prompt(prompt)
    mode = _choice("mode", given.get("mode", "auto"), MODES)
    return Request(
        id=_id(given.get("id", new_id())),
        prompt=text,
        mode=prefix_mode if prefix_mode and mode == "auto" else mode,
        min_mode=Mode(_choice("min_mode", given.get("min_mode", "spare"), MODES[1:])),
        seconds=_number("seconds", given.get("seconds"), MIN_SECONDS, MAX_SECONDS),
        seed=_whole("seed", given.get("seed"), 0, MAX_SEED),
        reply=_choice("reply", given.get("reply", "final"), ("final", "all")),
        path=_path(given.get("path")),
        image=_image(given.get("image")),
        ttl=_number("ttl", given.get("ttl"), 0.0, MAX_TTL_S),
        deadline=_deadline(given.get("deadline")),
        deliver=_choice("deliver", given.get("deliver", "url"), ("url", "inline")),
        attempt=_whole("attempt", given.get("attempt"), 1, MAX_COUNT) or 1,
        hops=_whole("hops", given.get("hops"), 0, MAX_COUNT) or 0,
        reuse=_choice("reuse", given["reuse"], REUSE) if "reuse" in given else None,
    )


def from_json(body: object, *, default_id: str | None = None) -> Request:
    """Build a Request from a decoded JSON body: an object with at least `prompt`; unknown keys are ignored.

    Raises RequestError.
    """
    if not isinstance(body, dict):
        raise RequestError(
            f"The request is a JSON {type(body).__name__}, not an object.", hint='Send {"prompt": "..."} or plain text.'
        )
    if body.get("v", 1) != 1:
        raise RequestError(f"Request version {body['v']!r} is not known.", hint='Send "v": 1 or leave it out.')
    fields = {key: body.get(key) for key in FIELDS}
    fields["id"] = fields["id"] if fields["id"] is not None else default_id
    return make_request(body.get("prompt"), **fields)


def path_from_text(text: str) -> list[list[object]]:
    """The points of a path as they are typed, "0.1,0.8 0.9,0.2,0.3"; what is no number is left for the check to name."""
    return [[_typed(part) for part in point.split(",")] for point in text.split()]


def _typed(text: str) -> object:
    try:
        return float(text)
    except ValueError:
        return text


def _path(value: object) -> tuple[tuple[float, ...], ...] | None:
    if value is None:
        return None
    if not isinstance(value, (list, tuple)):
        raise RequestError(f"path {str(value)[:80]!r} is not a list of points.", hint=PATH_HINT)
    if not PATH_POINTS[0] <= len(value) <= PATH_POINTS[1]:
        raise RequestError(f"The path has {len(value)} points.", hint=PATH_HINT)
    return tuple(_point(number, point) for number, point in enumerate(value, 1))


def _point(number: int, point: object) -> tuple[float, ...]:
    if not isinstance(point, (list, tuple)) or len(point) not in (2, 3):
        raise RequestError(
            f"Point {number} of the path, {str(point)[:80]!r}, is no [x, y] or [x, y, size].", hint=PATH_HINT
        )
    bounds = ((0.0, 1.0), (0.0, 1.0), PATH_SIZES)
    named = zip(("x", "y", "size"), point, bounds, strict=False)
    return tuple(_share(f"path point {number}: {name}", part, *low_high) for name, part, low_high in named)


def _share(name: str, value: object, low: float, high: float) -> float:
    number = _number(name, value, low, high)
    if number is None:
        raise RequestError(f"{name} is missing.", hint=PATH_HINT)
    return number


def _image(value: object) -> str | None:
    if value is None:
        return None
    if not isinstance(value, str):
        raise RequestError(f"image is a {type(value).__name__}, not text.", hint=IMAGE_HINT)
    if CLIP_PATTERN.match(value):
        return value
    if len(value) > MAX_IMAGE_CHARS:
        raise RequestError(
            f"The image has {len(value)} characters of base64; {MAX_IMAGE_CHARS} is the most.",
            hint="Make it smaller: the clip shows 848 x 480 pixels of it.",
        )
    text = IMAGE_PREFIX.sub("", value, count=1)
    if ":" in text[:64]:
        raise RequestError(f"The image {text[:64]!r} is an address; nothing is fetched.", hint=IMAGE_HINT)
    try:
        data = base64.b64decode(text, validate=True)
    except ValueError as exc:
        raise RequestError(f"The image is no base64: {exc}.", hint=IMAGE_HINT) from exc
    if not data.startswith(IMAGE_STARTS):
        raise RequestError("The image is neither JPEG nor PNG.", hint=IMAGE_HINT)
    return text


def _prompt(prompt: object) -> tuple[str, str]:
    if not isinstance(prompt, str):
        raise RequestError("The request has no prompt text.", hint='Send {"prompt": "a red balloon rises"}.')
    text, mode = " ".join(prompt.replace("\x00", " ").split()), ""
    while match := PREFIX_PATTERN.match(text):  # none is left, so that a request that is handed on is read as it was
        text, mode = text[match.end() :], mode or match.group(1).lower()
    if not text:
        raise RequestError("The prompt is empty.", hint='Say what to show, for example "a red balloon rises".')
    if len(text) > MAX_PROMPT_CHARS:
        raise RequestError(
            f"The prompt has {len(text)} characters; {MAX_PROMPT_CHARS} is the most.", hint="Say it in a few sentences."
        )
    return text, mode


def _id(value: object) -> str:
    if not isinstance(value, str) or not ID_PATTERN.match(value):
        raise RequestError(f"The id {str(value)[:80]!r} is not allowed.", hint="Use 1-64 of A-Z a-z 0-9 _ and -.")
    return value


def _choice(name: str, value: object, allowed: tuple[str, ...]) -> str:
    if not isinstance(value, str) or value not in allowed:
        raise RequestError(f"{name} {str(value)[:80]!r} is not known.", hint=f"Use one of: {', '.join(allowed)}.")
    return value


def _number(name: str, value: object, low: float, high: float) -> float | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not low <= value <= high:
        raise RequestError(
            f"{name} {str(value)[:80]!r} is out of bounds.", hint=f"Use a number from {low:g} to {high:g}."
        )
    return float(value)


def _whole(name: str, value: object, low: int, high: int) -> int | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise RequestError(
            f"{name} {str(value)[:80]!r} is out of bounds.", hint=f"Use a whole number from {low} to {high}."
        )
    return value


def _deadline(value: object) -> float | None:
    if value is None or (isinstance(value, (int, float)) and not isinstance(value, bool)):
        return _number("deadline", value, 0.0, 1e11)
    try:
        moment = datetime.fromisoformat(str(value)[:64])
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise RequestError(
            f"deadline {str(value)[:80]!r} is no time.", hint='Send ISO 8601 with its zone, "2026-11-21T10:00:00Z".'
        )
    return moment.timestamp()
