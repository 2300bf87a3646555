"""When two requests ask for the same clip: by their words, and by the plan that was made of them."""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Iterable
from typing import Any

import msgspec

from edge.job import NOT_ASKED
from edge.mode import Mode
from edge.request import Request

ASIDE = {*NOT_ASKED, "v", "seed", "mode", "min_mode"}  # what does not say how the clip is to look
IN_PLAN = {"prompt", "seconds", "path"}


def text_key(request: Request, *, asked: Mode, packs: Iterable[str]) -> str:
    """The same for requests of the same words and options in a mode; `packs` are the sha256 of the packs it uses."""
    return _hash([normal(request.prompt), _rest(request, aside=ASIDE | {"prompt"}), asked.value, sorted(packs)])


def plan_key(plan: dict[str, Any], *, request: Request, pack: str) -> str:
    """The same for requests whose plan, as JSON values, is the same in all that is drawn."""
    shots = [[sorted(shot["slots"].items()), shot["seconds"], shot.get("path")] for shot in plan["shots"]]
    return _hash([shots, _rest(request, aside=ASIDE | IN_PLAN), pack])


def plain(request: Request) -> bool:
    """True when a clip of another plan could do: nothing but words and a length was given."""
    return request.path is None and not _rest(request, aside=ASIDE | IN_PLAN)


def normal(prompt: str) -> str:
    """A prompt without what hardly anybody means by it: capitals, wide letters, spaces, a full stop."""
    return " ".join(unicodedata.normalize("NFKC", prompt).casefold().split()).rstrip(" .!。")


def _rest(request: Request, *, aside: set[str]) -> dict[str, Any]:
    return {key: value for key, value in request.to_json().items() if key not in aside}


def _hash(body: list[Any]) -> str:
    return hashlib.sha256(msgspec.json.encode(body, order="sorted")).hexdigest()
