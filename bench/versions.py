"""Which versions of packages this interpreter has."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version


def found(names: Sequence[str]) -> dict[str, str]:
    """Those of the packages that are there."""
    told = {}
    for name in names:
        try:
            told[name] = version(name)
        except PackageNotFoundError:
            continue
    return told
