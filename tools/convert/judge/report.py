"""The judges' table: every figure with the renderer's beside it, and the bar where there is one."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class Bar:
    """A range that a figure has to be in, `low` to `high`; `reduced` replaces the bound that it names for that tier."""

    low: float = -math.inf
    high: float = math.inf
    reduced: float | None = None

    def text(self) -> str:
        """The bar for people: full tier, then reduced tier where it is another."""
        if math.isfinite(self.low) and math.isfinite(self.high):
            return f"{self.low:g} to {self.high:g}"
        sign, bound = (">=", self.low) if math.isfinite(self.low) else ("<=", self.high)
        return f"{sign} {bound:g}" + (f" / {self.reduced:g}" if self.reduced is not None else "")

    def holds(self, value: float, *, tier: str) -> bool:
        """Whether the value is in the range of a tier, full or another."""
        low, high = self.low, self.high
        if self.reduced is not None and tier != "full":
            low, high = (self.reduced, high) if math.isfinite(low) else (low, self.reduced)
        return low <= value <= high


PACK_BARS = {
    "subject_acc": Bar(low=0.88, reduced=0.75),
    "colour_acc": Bar(low=0.95, reduced=0.92),
    "motion_acc": Bar(low=0.92, reduced=0.85),
    "motion_rule_acc": Bar(low=0.92, reduced=0.85),
    "background_acc": Bar(low=0.92, reduced=0.85),
    "camera_acc": Bar(low=0.85, reduced=0.75),
    "rule_gap_points": Bar(low=-8, high=8),
    "held_out_gap_points": Bar(high=12),
    "edge_width_ratio": Bar(high=1.4, reduced=1.8),
    "flicker_ratio": Bar(high=1.4),
    "warping_ratio": Bar(high=1.4),
    "dynamic_degree_ratio": Bar(low=0.7, high=1.3),
    "diversity_ratio": Bar(low=0.6, high=1.2),
    "control_frozen_ratio": Bar(low=3),
    "control_shuffled_ratio": Bar(low=3),
}
RENDER_BARS = {
    "subject_acc": Bar(low=0.97),
    "colour_acc": Bar(low=0.98),
    "motion_acc": Bar(low=0.95),
    "motion_rule_acc": Bar(low=0.95),
    "background_acc": Bar(low=0.96),
    "camera_acc": Bar(low=0.94),
    "camera_rule_acc": Bar(low=0.94),
    "control_frozen_ratio": Bar(low=3),
    "control_shuffled_ratio": Bar(low=3),
}
CHAIN_BARS = {"lost_points": Bar(high=8)}
PAIR_BARS = {
    "psnr_db": Bar(low=33, reduced=30),
    "moving_psnr_db": Bar(low=27, reduced=24),
    "flicker_ratio": Bar(high=1.15, reduced=1.3),
    "accuracy_ratio": Bar(low=0.97, reduced=0.93),
}


def table(figures: Mapping[str, float], bars: Mapping[str, Bar], *, tier: str) -> str:
    """Lines of metric, value, the oracle's value, the bar and whether it holds; percentages for accuracies."""
    names = [name for name in figures if not name.startswith("oracle.")]
    names.sort(key=lambda name: (name not in bars, "." in name))
    lines = [("metric", "value", "oracle", "bar (full / reduced)", "")]
    for name in names:
        bar = bars.get(name)
        mark = (
            "" if bar is None or math.isnan(figures[name]) else ("ok" if bar.holds(figures[name], tier=tier) else "NO")
        )
        lines.append(
            (
                name,
                _number(name, figures[name]),
                _number(name, figures.get(f"oracle.{name}")),
                bar.text() if bar else "",
                mark,
            )
        )
    widths = [max(len(line[column]) for line in lines) for column in range(5)]
    return "\n".join(_row(line, widths) for line in lines)


def warnings(figures: Mapping[str, float]) -> list[str]:
    """What has to be said before anybody believes the table."""
    said = []
    if figures.get("metric_broken"):
        said.append(
            "THE MOTION METRIC IS BROKEN: frozen or shuffled clips are not three times as far off as whole ones."
        )
    if abs(figures.get("rule_gap_points", 0.0)) > 8:
        said.append("Recogniser and tracker disagree on motion by more than 8 points: one of them is being fooled.")
    return said


def write_json(path: Path, figures: Mapping[str, float]) -> None:
    """Write flat keys; what could not be measured is null."""
    path.parent.mkdir(parents=True, exist_ok=True)
    plain = {name: None if math.isnan(value) else round(value, 6) for name, value in figures.items()}
    path.write_text(json.dumps(plain, indent=1) + "\n", encoding="utf-8")


def _number(name: str, value: float | None) -> str:
    if value is None:
        return ""
    return f"{100 * value:.1f} %" if name.endswith("_acc") and not math.isnan(value) else f"{value:.3f}"


def _row(line: Sequence[str], widths: Sequence[int]) -> str:
    name, value, oracle, bar, mark = line
    return f"{name:<{widths[0]}}  {value:>{widths[1]}}  {oracle:>{widths[2]}}  {bar:<{widths[3]}}  {mark}".rstrip()
