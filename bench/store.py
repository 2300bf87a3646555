"""What was measured, kept as JSON: a measurement that failed or was cut off loses nothing of the others."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Self

CHECKOUT = Path(__file__).resolve().parent.parent
WORK = CHECKOUT / ".bench"
RAW = WORK / "raw"
DAEMON_CODE = ("edge/*.py", "edge/expand/**/*.py")
LLM_CODE = (*DAEMON_CODE, "models/smollm2-*/manifest.yaml")
PROMPT_CODE = (*LLM_CODE, "tools/convert/tinyvideo/vocabulary.yaml")
CODE = ("edge/**/*.py", "models/tinyreel/manifest.yaml", "models/smollm2-*/manifest.yaml")


@dataclass(frozen=True, kw_only=True)
class Row:
    """Values of one figure, `column` in `unit`, for one `way` of doing a thing; `note` says why there are none."""

    way: str
    column: str
    unit: str
    values: list[float] = field(default_factory=list)
    note: str = ""


@dataclass(frozen=True, kw_only=True)
class Record:
    """All rows of one measurement, and under what circumstances they came about.

    `others` is how many cores others used meanwhile; `noisy` that this was too much; `code` tells apart what was measured.
    """

    name: str
    at: str
    seconds: float
    code: str
    quick: bool
    noisy: bool
    others: float
    rows: list[Row]
    about: dict[str, Any] = field(default_factory=dict)
    error: str = ""

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Self:
        """As `save` wrote it."""
        return cls(**data | {"rows": [Row(**row) for row in data["rows"]]})

    def values(self, way: str, column: str) -> list[float]:
        """The values of one cell; empty when it was not measured."""
        return next((row.values for row in self.rows if (row.way, row.column) == (way, column)), [])


def save(record: Record, *, folder: Path = RAW) -> None:
    """Write one record whole."""
    folder.mkdir(parents=True, exist_ok=True)
    part = folder / f"{record.name}.part"
    part.write_text(json.dumps(asdict(record), indent=1), encoding="utf-8")
    part.replace(folder / f"{record.name}.json")


def load(name: str, *, folder: Path = RAW) -> Record | None:
    """The newest record of a measurement, if there is one that can be read."""
    try:
        return Record.from_json(json.loads((folder / f"{name}.json").read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError, KeyError):
        return None


def counts(record: Record | None, *, code: str, quick: bool, noisy: bool) -> bool:
    """Whether a record need not be made anew: of this code, whole, and neither quicker nor noisier than is asked for."""
    return (
        record is not None and not record.error and record.code == code
        and (quick or not record.quick) and (noisy or not record.noisy)
    )  # fmt: skip


def code_digest(patterns: Iterable[str] = CODE, *, root: Path = CHECKOUT) -> str:
    """What the product's code and manifests are, in twelve digits: those that can change a measurement."""
    digest = hashlib.sha256()
    for path in sorted(path for pattern in patterns for path in root.glob(pattern)):
        digest.update(f"{path.relative_to(root)}\n".encode() + path.read_bytes())
    return digest.hexdigest()[:12]
