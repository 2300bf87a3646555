"""Which bytes of a file a Range header asks for."""

from __future__ import annotations

import re

RANGE_PATTERN = re.compile(r"\s*bytes\s*=\s*([0-9]*)\s*-\s*([0-9]*)\s*", re.IGNORECASE)
MAX_DIGITS = 18  # beyond any file, and short enough to be a number at no cost


def byte_range(header: str, *, size: int) -> range | None:
    """The bytes that `header` asks for, of a file of `size` bytes; None means the whole file.

    None is also for what may be passed over: no range, more than one, or one that is badly written. An empty range
    means that the file has no such bytes.
    """
    found = RANGE_PATTERN.fullmatch(header)
    if not found or found.groups() == ("", ""):
        return None
    first, last = (_number(digits) if digits else None for digits in found.groups())
    if first is None:
        return range(max(0, size - (last or 0)), size)
    if last is not None and last < first:
        return None
    stop = size if last is None else min(last + 1, size)
    return range(min(first, stop), stop)


def _number(digits: str) -> int:
    digits = digits.lstrip("0") or "0"
    return int(digits) if len(digits) <= MAX_DIGITS else 10**MAX_DIGITS
