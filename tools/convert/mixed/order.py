"""What is asked of a quantisation, and all that is known of it before anything is written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import inf
from pathlib import Path

from edge.errors import ModelError, RequestError
from edge.memory import available_mib
from tools.convert.mixed.layers import ALIASES, BITS, FULL, KINDS, TYPES
from tools.convert.mixed.source import Source, open_source
from tools.convert.room import free_bytes, need_disk, need_memory
from tools.convert.target import OnePack

MIB, MB = 1 << 20, 1e6
BASE_BYTES = 500 << 20  # the libraries themselves
COPIES = 3.5  # of the largest network in fp32 in memory at once: read, put in INT8, and written
SURE = 0.9  # of the least size that is estimated: what lies below it is not tried
# Guesses for one desktop core; only the order of magnitude is meant.
START_S, CANDIDATE_S, BYTES_PER_S = 30.0, 1.0, 40e6


@dataclass(frozen=True, kw_only=True)
class Order(OnePack):
    """What is asked for. The pack goes to `out`/`name`; the work lies beside it till then."""

    path: Path
    types: tuple[str, ...]
    parts: tuple[str, ...] = ()
    most_mb: float = inf
    least_db: float = -inf
    clips: int = 6
    groups: int = 40
    rounds: int = 3
    threads: int = 1


@dataclass(frozen=True, kw_only=True)
class Sketch:
    """A network as it is and as it may become: weights by operator, bytes now, in fp32 and at the least.

    `candidates` is how many ways to store a layer are tried, at the most.
    """

    weights: Mapping[str, int]
    now: int
    full: int
    least: int
    candidates: int


@dataclass(frozen=True, kw_only=True)
class Look:
    """The source, the networks that will change, and what that takes: bytes of disk and memory, seconds."""

    source: Source
    parts: Mapping[str, Sketch]
    kept: int
    candidates: int
    disk: int
    memory: int
    seconds: float

    @property
    def least(self) -> int:
        """Bytes of the smallest pack that these types can make, about."""
        return self.kept + sum(one.least for one in self.parts.values())


def read_types(text: str) -> tuple[str, ...]:
    """The kinds that a list with commas names. Raises RequestError."""
    named = [one.strip() for one in text.split(",") if one.strip()]
    wrong = [one for one in named if one not in (*TYPES, *ALIASES)]
    if wrong or not named:
        raise RequestError(
            f"--types {text[:60]!r} names {wrong[0] if wrong else 'nothing'}, which is not known.",
            hint=f"Known are int8 (static and dynamic) and {', '.join(TYPES)}.",
        )
    return tuple(kind for kind in TYPES if any(kind in ALIASES.get(one, (one,)) for one in named))


def look(order: Order, *, root: Path = Path("/")) -> Look:
    """Read what is small and say what it takes. Raises ModelError, RequestError or ResourceError: nothing is written."""
    source = open_source(order.path)
    unknown = [part for part in order.parts if part not in source.parts]
    if unknown:
        raise RequestError(
            f"--parts {unknown[0]}: {order.path} has {', '.join(source.parts)}. Nothing was written.",
            hint="Name one of these, or leave the option out for all.",
        )
    parts = {name: _sketch(source, name, order) for name in order.parts or source.parts}
    full = sum(one.full for one in parts.values())
    largest = max(one.full for one in parts.values())
    found = Look(
        source=source, parts=parts, kept=_kept(source, parts), candidates=sum(one.candidates for one in parts.values()),
        disk=(full + _kept(source, parts)) * (3 + len(order.types)), memory=BASE_BYTES + int(COPIES * largest),
        seconds=START_S + sum(one.candidates * (CANDIDATE_S + one.full / BYTES_PER_S) for one in parts.values()),
    )  # fmt: skip
    _check(found, order, memory_free=int(available_mib(root) * MIB))
    return found


def _sketch(source: Source, name: str, order: Order) -> Sketch:
    layers = source.weights(name)
    rest = 4 * sum(layers.pop("", []))
    weights = {operator: sum(sizes) for operator, sizes in layers.items()}
    bits = {
        operator: min(BITS[kind] for kind in (FULL, *order.types) if kind in (FULL, *KINDS[operator]))
        for operator in layers
    }
    groups = {
        operator: min(len(sizes), 1 + round(weights[operator] / sum(weights.values()) * order.groups))
        for operator, sizes in layers.items()
    }
    return Sketch(
        weights=weights, now=source.bytes(name), full=rest + 4 * sum(weights.values()),
        least=rest + int(sum(count * bits[operator] / 8 for operator, count in weights.items())),
        candidates=sum(count * len({*order.types} & {*KINDS[operator]}) for operator, count in groups.items()),
    )  # fmt: skip


def _kept(source: Source, parts: Mapping[str, Sketch]) -> int:
    """Bytes of what stays as it is."""
    others = sum((source.folder / name).stat().st_size for name in source.others)
    return others + sum(source.bytes(part) for part in source.parts if part not in parts)


def _check(found: Look, order: Order, *, memory_free: int) -> None:
    if order.most_mb * MB < SURE * found.least:
        raise ModelError(
            f"--max-mb {order.most_mb:g} cannot be met: with {', '.join(order.types)} the least is about "
            f"{found.least / MB:.2f} MB, {found.kept / MB:.2f} MB of it files that stay as they are. Nothing was written.",
            hint="Allow more megabytes, or smaller types: --types int8,fp8,q4.",
        )
    need_disk(
        found.disk, free=free_bytes(order.out), where=str(order.out),
        why="the networks in fp32 and once in each type, beside the result",
        hint="Free some space, or give --out on a larger disk.",
    )  # fmt: skip
    need_memory(
        found.memory, free=memory_free, why="most of it to store the largest network anew",
        hint="Close other programs, or take one network after the other: --parts.",
    )  # fmt: skip
