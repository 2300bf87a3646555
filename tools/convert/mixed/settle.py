"""From what every layer costs to a pack that meets its target: chosen, written, compared, and chosen again where that fell short."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from math import isfinite

from edge.errors import ModelError
from tools.convert.mixed.choose import Chosen, Option, path, smallest, to_fit, to_hold, total
from tools.convert.mixed.compare import error_of, psnr
from tools.convert.mixed.layers import FULL
from tools.convert.steps import Facts

MB = 1e6
TRIES = 6
CARE = 0.8  # of what the last try would have allowed
Store = Callable[
    [str, Mapping[str, str]], Facts
]  # a part and the kinds of its groups: its bytes and how like itself it is
Weighed = Mapping[str, Facts]
Key = tuple[str, str]


def settle(weighed: Weighed, store: Store, *, kept: int, most_mb: float, least_db: float) -> dict[str, Facts]:
    """Of each part the kinds of its groups, its bytes and how like itself it is.

    Errors of layers that were measured alone need not add up: what counts is the network that was written. Raises
    ModelError where the target cannot be met, and says what can.
    """
    if not isfinite(most_mb):
        return {part: _held(part, facts, store, least_db=least_db) for part, facts in weighed.items()}
    made = _fitted(weighed, store, kept=kept, most_mb=most_mb)
    worst = min(facts["psnr_db"] for facts in made.values())
    if worst < least_db:
        raise ModelError(
            f"Within {most_mb:g} MB a PSNR of {least_db:g} dB cannot be met: the best is {worst:.1f} dB. No pack was made.",
            hint="Give one of both targets, or more --types. What was measured is kept for the next run.",
        )
    return made


def curve(weighed: Weighed, *, kept: int, points: int = 9) -> list[tuple[float, float]]:
    """Megabytes of a whole pack and the PSNR of its worst part, as errors that add up would have it; best first."""
    rest = kept + sum(facts["rest"] for facts in weighed.values())
    found = []
    for chosen in path(_options(weighed)):
        errors = dict.fromkeys(weighed, 0.0)
        for (part, _), option in chosen.items():
            errors[part] += option.error
        found.append(((rest + total(chosen)[0]) / MB, psnr(max(errors.values()))))
    step = max((len(found) - 1) / (points - 1), 1)
    return [found[round(number * step)] for number in range(points) if round(number * step) < len(found)]


def _held(part: str, facts: Facts, store: Store, *, least_db: float) -> Facts:
    """The smallest that is like itself enough; nothing is stored otherwise where nothing else is."""
    options, allowed = _options({part: facts}), error_of(least_db)
    for _ in range(TRIES):
        made = _stored(part, to_hold(options, most_error=allowed), store)
        if made["psnr_db"] >= least_db:
            return made
        allowed *= CARE * error_of(least_db) / made["error"]
    return _stored(part, {key: one for key, ones in options.items() for one in ones if one.kind == FULL}, store)


def _fitted(weighed: Weighed, store: Store, *, kept: int, most_mb: float) -> dict[str, Facts]:
    """The best that is small enough."""
    options = _options(weighed)
    room = int(most_mb * MB) - kept - sum(facts["rest"] for facts in weighed.values())
    for _ in range(TRIES):
        chosen = to_fit(options, most_bytes=room)
        made = {part: _stored(part, chosen, store) for part in weighed}
        size = kept + sum(facts["bytes"] for facts in made.values())
        if size <= most_mb * MB:
            return made
        if chosen == smallest(options):
            break
        room -= size - int(most_mb * MB)
    worst = min(facts["psnr_db"] for facts in made.values())
    raise ModelError(
        f"--max-mb {most_mb:g} cannot be met: the least is {size / MB:.2f} MB, with a PSNR of {worst:.1f} dB; "
        f"{kept / MB:.2f} MB of it are files that stay as they are. No pack was made.",
        hint="Allow more megabytes, or smaller types: --types int8,fp8,q4. What was measured is kept for the next run.",
    )


def _stored(part: str, chosen: Chosen[Key], store: Store) -> Facts:
    kinds = {group: option.kind for (owner, group), option in chosen.items() if owner == part}
    return {**store(part, kinds), "kinds": kinds}


def _options(weighed: Weighed) -> dict[Key, list[Option]]:
    return dict(_pairs(weighed))


def _pairs(weighed: Weighed) -> Iterator[tuple[Key, list[Option]]]:
    for part, facts in weighed.items():
        for group, options in facts["groups"].items():
            yield (part, group), [Option(**option) for option in options]
