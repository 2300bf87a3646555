"""What a board says of itself, as it says it: its load and mode messages, in words for people."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

from edge.errors import BrokerError
from edge.link import open_link
from edge.sections import Broker
from edge.wire import decode, node_topic

Body = dict[str, Any]


def loads(broker: Broker, *, node: str = "", patience_s: float = 10.0) -> Iterator[Body]:
    """Every load message of a board; an empty `node` means the one board that is online.

    Raises BrokerError when the broker cannot be reached, and when nothing comes for `patience_s` seconds.
    """
    with open_link(broker) as link:
        node = node or link.find_node()
        topic = node_topic(node, "load")
        link.subscribe(topic)
        while message := link.next_message(until=time.monotonic() + patience_s):
            if message.topic == topic and (body := decode(message.payload)):
                yield body
        raise BrokerError(
            f"Board {node} has said nothing for {patience_s:g} s.", hint="Is it online? See its log and --node."
        )


def rows(body: Body) -> list[tuple[str, str]]:
    """A load message as names and values; what the board cannot tell is left out."""
    memory, psi, cores, queue = (body.get(name) or {} for name in ("mem", "psi", "cores", "queue"))
    engine, last = body.get("engine"), body.get("last")
    told = [
        ("board", f"{body.get('node')}, {body.get('ts')}"),
        ("mode", _with_reason(str(body.get("mode")), body.get("reason"))),
        ("queue", f"{queue.get('depth')} of {queue.get('limit')}; running: {body.get('running') or 'nothing'}"),
        ("waiting", str(body.get("waiting") or "")),
        ("memory", f"{_mib(memory.get('available_mb'))} of {_mib(memory.get('total_mb'))} available"),
        ("pressure", ", ".join(f"{name} {one['some10']:g} %" for name, one in psi.items() if one.get("some10") is not None)),
        ("swap", ", ".join(_swap(swap) for swap in body.get("swap") or ()) or "none"),
        ("cores", f"{cores.get('free')} of {cores.get('all')} free"),
        ("heat", _heat(body)),
        ("disk", f"{_mib(body.get('disk_free_mb'))} free"),
        ("engine", "not running" if not engine else ", ".join(
            f"{name.removesuffix('_mib')} {value:.0f} MiB" for name, value in engine.items())),
        ("last job", _last(last) if last else ""),
        ("broker", f"{body.get('outbox')} messages wait, {(body.get('mqtt') or {}).get('reconnects')} reconnects"),
    ]  # fmt: skip
    return [(name, value) for name, value in told if value]


def _with_reason(mode: str, reason: str | None) -> str:
    return f"{mode} because of {reason}" if reason else mode


def _mib(value: float | None) -> str:
    return "?" if value is None else f"{value:.0f} MiB"


def _swap(swap: Body) -> str:
    return f"{swap['kind']} {swap['used_mib']:.0f} of {swap['size_mib']:.0f} MiB used"


def _heat(body: Body) -> str:
    degrees, share = body.get("temp_c"), body.get("clock_share")
    parts = [
        f"{degrees:.0f} °C" if degrees is not None else "",
        f"clock at {share:.0%}" if share is not None else "",
        "throttled now" if body.get("throttled") else "",
    ]
    return ", ".join(filter(None, parts))


def _last(last: Body) -> str:
    speeds = [(f"{last[name]:.3g} {unit}") for name, unit in (("tokens_per_s", "tokens/s"), ("ms_per_step", "ms/step"))
              if name in last]  # fmt: skip
    return ", ".join([f"{last['seconds']:g} s in {last['mode_path']}", *speeds])
