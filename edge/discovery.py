"""What Home Assistant is told about a board, so that it appears there by itself: one retained message for the device.

Only Home Assistant's own rules decide what is written here. A component needs a platform and a unique id, and `qos` of
its own: that of the device is not looked at by every release. One that is gone stays in its list, with its platform and
nothing else: left out, it would stay in Home Assistant for ever.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import msgspec

from edge.events import EVENT_TYPES
from edge.mode import Mode
from edge.sections import HomeAssistant
from edge.settings import Settings
from edge.wire import Outgoing, node_topic

BIRTH_TOPIC = "homeassistant/status"  # by default; another prefix does not move it
MAX_STATE_CHARS = 255
STALE_LOADS = 5  # a sensor is unknown after so many load messages have not come
LEAST_STALE_S = 60
# Two requests of one id are one job, so every press of a button needs an id of its own.
PROMPT = (
    '{"v":1,"id":"ha-{{ (now().timestamp()*1000)|int }}-{{ range(10000,99999)|random }}","prompt":{{ value|tojson }}}'
)
HOW_TO_UPDATE = (
    "This is what the board runs; it does not look for newer ones. To update: pull the new version on the board, install"
    " it as systemd/README.md says, and restart the service. Queue and settings stay."
)
Component = dict[str, Any]


class Published(msgspec.Struct, frozen=True, kw_only=True):
    """What the broker was last told: where, a hash of it, its components with their platforms, and what has to go.

    The hash is empty while nobody knows whether the broker has it.
    """

    topic: str = ""
    digest: str = ""
    components: dict[str, str] = {}
    gone: tuple[str, ...] = ()


def birth_topics(settings: HomeAssistant) -> tuple[str, ...]:
    """Where Home Assistant says that it has started; nothing when it is not to be told of this board."""
    return tuple(dict.fromkeys((BIRTH_TOPIC, f"{settings.prefix}/status"))) if settings.discovery else ()


def discovery_message(
    settings: Settings, *, version: str, board: str, image_by_url: bool, before: Published
) -> Outgoing | None:
    """The device as Home Assistant reads it; None when it is not to be told of this board.

    `board` is what it is called by its maker. Components that were told of `before` and are no more are taken back.
    """
    home, node = settings.home_assistant, settings.node.id
    if not home.discovery:
        return None
    topic = f"{home.prefix}/device/{node}/config"
    components = _components(settings, image_by_url=image_by_url)
    told = before.components if before.topic == topic else {}
    removed = {key: {"platform": platform} for key, platform in told.items() if key not in components}
    body = {
        "device": {
            "identifiers": [f"edgereel_{node}"],
            "name": node if node.startswith("edgereel") else f"edgereel {node}",
            "manufacturer": "edgereel",
            "model": board,
            "sw_version": version,
        },
        "origin": {"name": "edgereel", "sw_version": version},
        "availability_topic": node_topic(node, "status"),
        "components": {
            key: component | {"unique_id": f"edgereel_{node}_{key}", "qos": 1} for key, component in components.items()
        }
        | removed,
    }
    return Outgoing(topic=topic, payload=msgspec.json.encode(body), retain=True)


def published(message: Outgoing, *, gone: tuple[str, ...], taken: bool) -> Published:
    """What to remember of a discovery message: before it is sent, and once the broker has `taken` it.

    `gone` is what still has to be removed.
    """
    components = msgspec.json.decode(message.payload)["components"]
    return Published(
        topic=message.topic,
        digest=digest_of(message) if taken else "",
        components={key: component["platform"] for key, component in components.items()},
        gone=gone,
    )


def digest_of(message: Outgoing) -> str:
    """Sha256 of what is told."""
    return hashlib.sha256(message.payload).hexdigest()


def moved(before: Published, *, topic: str) -> Published:
    """What is remembered, once the board is told of under `topic`, or nowhere when that is empty."""
    gone = dict.fromkeys((*before.gone, *((before.topic,) if before.topic else ())))
    rest = tuple(one for one in gone if one != topic)
    return msgspec.structs.replace(before, gone=rest) if before.topic == topic else Published(gone=rest)


def board_name(root: Path) -> str:
    """What the board is called by its maker, from the device tree below `root`; else what it is."""
    try:
        name = (root / "proc/device-tree/model").read_text(encoding="ascii", errors="replace")
    except OSError:
        name = ""
    return name.strip("\0 \n") or "clip board"


def _components(settings: Settings, *, image_by_url: bool) -> dict[str, Component]:
    node = settings.node.id
    stale_s = max(LEAST_STALE_S, round(STALE_LOADS * settings.governor.tick_s))
    text = {"prompt_text": _text(node)} if settings.home_assistant.text else {}
    return {
        "prompt": {
            "platform": "notify",
            "name": "Make a clip",
            "icon": "mdi:movie-open-plus",
            "command_topic": node_topic(node, "req"),
            "command_template": PROMPT,
        },
        **text,
        "picture": _picture(node, by_url=image_by_url),
        "event": {
            "platform": "event",
            "name": "Clip",
            "icon": "mdi:movie-open-check",
            "state_topic": node_topic(node, "event"),
            "event_types": list(EVENT_TYPES),
        },
        **_modes(node),
        **_sensors(node, stale_s=stale_s),
        "cancel": _button(node, "cancel_all", name="Cancel all clips", icon="mdi:cancel"),
        "drain": _button(node, "drain", name="Drain", icon="mdi:tray-arrow-up") | {"entity_category": "config"},
        "resume": _button(node, "resume", name="Resume", icon="mdi:tray-arrow-down") | {"entity_category": "config"},
        "version": {
            "platform": "update",
            "name": "Version",
            "title": "edgereel",
            "entity_category": "diagnostic",
            "release_summary": HOW_TO_UPDATE,
            "state_topic": node_topic(node, "birth"),
            "value_template": "{{ {'installed_version': value_json.version, 'latest_version': value_json.version}"
            " | tojson }}",
        },
    }


def _text(node: str) -> Component:
    return {
        "platform": "text",
        "name": "Prompt",
        "icon": "mdi:form-textbox",
        "command_topic": node_topic(node, "req"),
        "command_template": PROMPT,
        "min": 1,
        "max": MAX_STATE_CHARS,
    }


def _picture(node: str, *, by_url: bool) -> Component:
    """The last clip's poster: its address, or the picture itself where Home Assistant could not fetch it."""
    where = (
        {"url_topic": node_topic(node, "poster")}
        if by_url
        else {"image_topic": node_topic(node, "thumb"), "content_type": "image/jpeg"}
    )
    return {"platform": "image", "name": "Last clip", **where}


def _modes(node: str) -> dict[str, Component]:
    topic = node_topic(node, "mode")
    return {
        "mode": {
            "platform": "select",
            "name": "Best mode allowed",
            "icon": "mdi:speedometer",
            "options": ["auto", *Mode],
            "command_topic": node_topic(node, "mode/set"),
            "state_topic": topic,
            "value_template": "{{ value_json.requested }}",
            "json_attributes_topic": topic,
        },
        "running_mode": {
            "platform": "sensor",
            "name": "Mode in force",
            "icon": "mdi:speedometer-medium",
            "device_class": "enum",
            "options": list(Mode),
            "state_topic": topic,
            "value_template": "{{ value_json.effective }}",
            "json_attributes_topic": topic,
        },
    }


def _sensors(node: str, *, stale_s: int) -> dict[str, Component]:
    """What the load messages say, rounded: Home Assistant writes every change of a state to its disk."""
    load = {"state_topic": node_topic(node, "load"), "expire_after": stale_s}
    number = load | {"platform": "sensor", "state_class": "measurement"}
    aside = {"entity_category": "diagnostic"}
    return {
        "memory": number | aside | {
            "name": "Memory available", "device_class": "data_size", "unit_of_measurement": "MiB",
            "value_template": _rounded("value_json.mem.available_mb", -1),
        },
        "temperature": number | aside | {
            "name": "Temperature", "device_class": "temperature", "unit_of_measurement": "°C",
            "value_template": _rounded("value_json.temp_c", 0),
        },
        "pressure": number | aside | {
            "name": "Memory pressure", "icon": "mdi:gauge", "unit_of_measurement": "%",
            "value_template": _rounded("value_json.psi.memory.some10", 0),
        },
        "queue": number | {
            "name": "Clips waiting", "icon": "mdi:tray-full", "value_template": "{{ value_json.queue.depth }}",
        },
        "duration": number | {
            "name": "Last clip took", "device_class": "duration", "unit_of_measurement": "s",
            "value_template": _rounded("value_json.get('last', {}).get('seconds')", 1),
        },
        "error": load | aside | {
            "platform": "sensor", "name": "Last error", "icon": "mdi:alert-circle-outline",
            "value_template": f"{{{{ value_json.error.message[:{MAX_STATE_CHARS}] if value_json.error is defined"
            " else 'none' }}",
            "json_attributes_topic": node_topic(node, "load"),
            "json_attributes_template": "{{ value_json.get('error', {}) | tojson }}",
        },
        "problem": load | aside | {
            "platform": "binary_sensor", "name": "Problem", "device_class": "problem",
            "value_template": "{{ 'ON' if value_json.deaf or value_json.get('waiting') or value_json.get('throttled')"
            " or not value_json.accepting else 'OFF' }}",
            "json_attributes_topic": node_topic(node, "load"),
            "json_attributes_template": "{{ {'deaf': value_json.deaf, 'waiting': value_json.get('waiting'), 'throttled':"
            " value_json.get('throttled'), 'accepting': value_json.accepting, 'reason': value_json.get('reason')}"
            " | tojson }}",
        },
    }  # fmt: skip


def _rounded(value: str, digits: int) -> str:
    """A number as it may be recorded; a board that cannot tell it says nothing."""
    rounded = f"x | round({digits})" if digits > 0 else f"x | round({digits}) | int"
    return f"{{% set x = {value} %}}{{{{ {rounded} if x is number else None }}}}"


def _button(node: str, word: str, *, name: str, icon: str) -> Component:
    command = {"command_topic": node_topic(node, "cmd"), "payload_press": word}
    return {"platform": "button", "name": name, "icon": icon, **command}
