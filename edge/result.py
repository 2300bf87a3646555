"""What comes of one request: the clip, how it was made and what it cost."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from edge.clip import Clip
from edge.mode import Mode
from edge.plan import Plan


@dataclass(frozen=True, kw_only=True)
class ModeChoice:
    """What was asked for, what was done, and why they differ (empty when they do not)."""

    requested: str
    effective: Mode
    reason: str = ""


@dataclass(frozen=True, kw_only=True)
class Result:
    """A finished job.

    `timings_s` has expand, text, denoise, decode, encode and total in seconds;
    `memory` has peak_pss_mib and what else was measured, in MiB; `weights` what the kernel said of each weight file
    while it was used; `usage` cpu_s, major_faults, minor_faults, threads, and how fast the models were.
    `models` maps each pack used to the sha256 of its manifest's files. `extras` says what was done to the clip beyond its
    prompt, and is left out of the JSON where that is nothing.
    """

    state: str
    mode: ModeChoice
    plan: Plan
    clip: Clip
    seed: int
    timings_s: dict[str, float]
    memory: dict[str, float]
    weights: dict[str, dict[str, float]] = field(default_factory=dict)
    usage: dict[str, float] = field(default_factory=dict)
    models: dict[str, dict[str, str]] = field(default_factory=dict)
    extras: dict[str, object] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values, the object that `--json` prints and MQTT carries."""
        body = asdict(self)
        return body if self.extras else {key: value for key, value in body.items() if key != "extras"}
