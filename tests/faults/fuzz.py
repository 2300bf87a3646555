"""Payloads that nobody should send: bytes of good requests gone wrong, JSON of every shape, and old acquaintances."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from dataclasses import dataclass, field

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

NODE = "edgereel/v1/node/n1"
GOOD = [
    json.dumps(body, ensure_ascii=False).encode()
    for body in (
        {"v": 1, "id": "fuzz-1", "prompt": "a red fish", "mode": "spare", "seconds": 0.5, "seed": 7, "attempt": 1},
        {"prompt": "两只鸟飞过大海", "min_mode": "lite", "ttl": 600, "reply": "all", "deliver": "inline", "hops": 2},
        {"id": "fuzz-2", "prompt": "a ball", "path": [[0.1, 0.2], [0.5, 0.5, 0.3]], "image": "job:fuzz-1"},
        {"id": "fuzz-3", "prompt": "/think a fox", "deadline": "2036-11-21T10:00:00Z", "image": "/9j/4AAQSkZJRg=="},
    )
]
WORDS = [b"auto", b"paused", b"spare", b'{"mode": "lite"}', b"ping", b"drain", b"resume", b"cancel_all", b"probe", b""]
POISON = [
    b"", b"\x00", b"\x00" * 1000, b"\xff\xfe\xfd", b'{"prompt": "\xff"}', b'{"prompt": "\x00"}', b'{"prompt": "a\\u0000b"}',
    b"[]", b"{}", b"null", b'"text"', b"[1, 2", b'{"prompt"', b'{"prompt": null}', b'{"prompt": []}', b'{"prompt": {}}',
    b"[" * 100_000, b'{"prompt":' * 50_000, b'{"prompt": "x", "path": ' + b"[" * 50_000 + b"]" * 50_000 + b"}",
    b'{"prompt": "x", "seconds": 1e400}', b'{"prompt": "x", "seconds": -1e-400}', b'{"prompt": "x", "seed": ' + b"9" * 5000 + b"}",
    b'{"prompt": "x", "deadline": 1e308}', b'{"prompt": "x", "deadline": "0001-01-01T00:00:00+23:59"}',
    b'{"prompt": "x", "deadline": "9999-12-31T23:59:59-23:59"}', b'{"prompt": "x", "ttl": NaN}', b'{"prompt": "x", "v": 1e999}',
    b'{"prompt": "x", "id": "+"}', b'{"prompt": "x", "id": "a/#"}', b'{"prompt": "x", "id": "$SYS/x"}', b'{"prompt": "x", "id": ""}',
    b'{"prompt": "x", "id": "../../etc/passwd"}', b'{"prompt": "x", "id": "' + b"i" * 65 + b'"}', b'{"prompt": "x", "id": 7}',
    b'{"prompt": "\\ud800"}', b'{"prompt": "x", "id": "\\udfff"}', b'{"prompt": "x", "mode": "\\ud800"}',
    b'{"prompt": "x", "prompt": 5}', b'\xef\xbb\xbf{"prompt": "x", "mode": 1}', '{"prompt": "x"}'.encode("utf-16"),
    b'{"prompt": "' + b"y" * 400_000 + b'"}', b'{"prompt": "x", "image": "' + b"A" * 290_000 + b'"}',
    b'{"prompt": "x", "image": "http://10.0.0.1/secret"}', b'{"prompt": "x", "image": "data:text/html;base64,AAAA"}',
    b'{"prompt": "\\u202e\\u0007\\u001b[31m", "mode": "\\u001b[2J\\n\\nERROR: fake line"}', b"9" * 400_000,
]  # fmt: skip
MOST_SHAPES = 2000  # hypothesis takes its time
HUGE = b"{" + b" " * 10_000_000 + b"}"
CORRELATIONS = (b"", b"\x00\xff\xfe", b"a/b/#", b"fuzz-1", b"c" * 60_000)
TOPICS = (
    "edgereel/v1/node/n1/req",
    "edgereel/v1/job/x/state",
    "$SYS/x",
    "a/+",
    "#",
    "no/one/" + "x" * 5000,
    "é/ü",
    "/",
    "/" * 250,
)
IDS = ("fuzz-1", "fuzz-2", "nobody", "a b", "é", "x" * 300, "$SYS", "-", "..", "%s", "'; DROP TABLE job; --")


@dataclass(frozen=True)
class Message:
    """One message; the properties have paho's names."""

    topic: str
    payload: bytes
    retain: bool = False
    properties: dict[str, object] = field(default_factory=dict)


def messages(count: int, *, seed: int) -> Iterator[Message]:
    """`count` messages, most of them requests: half of them JSON that hypothesis made up, half bytes gone wrong."""
    chance = random.Random(seed)
    shapes = json_payloads(min(count // 2, MOST_SHAPES), seed=seed)
    for number in range(count):
        payload = shapes[number % len(shapes)] if number % 2 else _wrong(chance)
        kind = chance.random()
        topic = f"{NODE}/req"
        if kind < 0.05:
            topic, payload = f"{NODE}/mode/set", chance.choice((payload, _mutated(chance, WORDS)))
        elif kind < 0.1:
            topic, payload = f"{NODE}/cmd", chance.choice((payload, _mutated(chance, WORDS)))
        elif kind < 0.15:
            topic = f"edgereel/v1/job/{chance.choice(IDS)}/cancel"
        yield Message(topic, payload, chance.random() < 0.02, _properties(chance))


def json_payloads(count: int, *, seed: int) -> list[bytes]:
    """JSON objects with the keys of a request and values of every type, the same for the same seed."""
    keys = ("v", "id", "prompt", "mode", "min_mode", "seconds", "seed", "reply", "path", "image", "ttl", "deadline",
            "deliver", "attempt", "hops", "reuse")  # fmt: skip
    plain = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from(["a fish", "spare"])
    inner = st.lists(plain, max_size=3) | st.dictionaries(st.text(max_size=4), plain, max_size=3)
    value = plain | inner | st.lists(inner, max_size=3)
    body = st.dictionaries(st.sampled_from(keys), value, max_size=6)
    found: list[bytes] = []

    @settings(
        max_examples=max(1, count), database=None, deadline=None, derandomize=True,
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(st.one_of(body, body, body, value))
    def collect(one: object) -> None:
        found.append(json.dumps(one, ensure_ascii=len(found) % 2 == 0).encode("utf-8", "surrogatepass"))

    collect()
    random.Random(seed).shuffle(found)
    return found


def _wrong(chance: random.Random) -> bytes:
    return chance.choice(POISON) if chance.random() < 0.2 else _mutated(chance, GOOD)


def _mutated(chance: random.Random, seeds: list[bytes]) -> bytes:
    data = bytearray(chance.choice(seeds))
    for _ in range(chance.randint(1, 6)):
        at = chance.randint(0, len(data))
        match chance.randint(0, 6):
            case 0:
                data[at : at + 1] = chance.randbytes(1)
            case 1:
                data[at:at] = chance.randbytes(chance.randint(1, 8))
            case 2:
                del data[at : at + chance.randint(1, 12)]
            case 3:
                del data[at:]
            case 4:
                data[at:at] = data[: chance.randint(0, len(data))]
            case 5:
                data[at:at] = chance.choice(
                    (b"\x00", b'"', b"{", b"[", b"9" * 400, b"1e999", b"\xed\xa0\x80", b"\\u0000")
                )
            case 6:
                data[at:] = chance.choice(seeds)[chance.randint(0, 40) :]
    return bytes(data)


def _properties(chance: random.Random) -> dict[str, object]:
    found: dict[str, object] = {}
    if chance.random() < 0.2:
        found["CorrelationData"] = chance.choice(CORRELATIONS)
    if chance.random() < 0.1:
        found["ResponseTopic"] = chance.choice(TOPICS)
    if chance.random() < 0.1:
        found["MessageExpiryInterval"] = chance.choice((1, 4_294_967_295))
    if chance.random() < 0.05:
        found["PayloadFormatIndicator"] = 1
        found["ContentType"] = "text/" + "x" * chance.randint(0, 500)
        found["UserProperty"] = [("k" * 200, "v" * 200)] * 20
    return found
