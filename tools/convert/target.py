"""Where a finished pack goes: nothing that is there is written over."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from edge.errors import ModelError
from edge.manifest import MANIFEST, read_manifest
from tools.convert.steps import Steps


@dataclass(frozen=True, kw_only=True)
class Target:
    """A name in the folder `out`; the work lies beside what it makes till that is done."""

    out: Path
    name: str

    @property
    def work(self) -> Path:
        """The folder of what is half done."""
        return self.out / f".{self.name}.work"


class OnePack(Target):
    """A target that is one pack."""

    @property
    def pack(self) -> Path:
        """The folder of the finished pack."""
        return self.out / self.name


def check_target(target: Path, *, made_by: str, steps: Steps) -> None:
    """Raise ModelError where something is there that the step `made_by` of this very work has not made."""
    if target.exists() and not steps.has(made_by):
        said = read_manifest(target)[0].description if (target / MANIFEST).is_file() else "not a pack"
        raise ModelError(
            f"{target} is there already ({said}). Nothing was written.",
            hint="Remove that folder, or give another --name or --out.",
        )


def drop_work(work: Path) -> None:
    """Leave nothing of a work that cannot be ended."""
    shutil.rmtree(work)
    if not any(work.parent.iterdir()):
        work.parent.rmdir()
