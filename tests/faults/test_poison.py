"""Ten thousand payloads that nobody should send, thrown at a daemon that is at work: it stays as it was."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable

import psutil

from tests.boards import Board
from tests.faults.conftest import Report
from tests.faults.fuzz import HUGE, NODE, POISON, Message, messages
from tests.faults.publisher import Publisher, publisher
from tests.faults.test_repeats import body
from tests.mosquitto import Mosquitto

BATCH = 200  # stays below what the broker queues for one client
MOST_GROWTH_MIB = 5.0
MOST_LOG_BYTES = 600  # for each payload
MIB = 1 << 20


def throw(client: Publisher, some: Iterable[Message]) -> None:
    """Send all of them, and see after each batch that the board still listens and answers."""
    batch: list[Message] = []
    for message in (*some, None):
        if message is None or len(batch) == BATCH:
            for one in batch:
                client.send(one.topic, one.payload, retain=one.retain, **one.properties)
            refused = client.answered(f"{NODE}/req", b'{"prompt": ""}')
            assert (refused["state"], refused["error"]["code"]) == ("rejected", "bad_request")
            batch.clear()
        if message:
            batch.append(message)


def rss_mib(board: Board) -> float:
    return float(psutil.Process(board.pid).memory_info().rss / MIB)


def test_a_daemon_takes_any_payload_and_serves_the_next_good_request(
    server: Mosquitto, make_board: Callable[..., Board], much: Callable[[int, int], int], report: Report
) -> None:
    warm_up, count = much(250, 500), much(500, 10_000)
    first, second = list(messages(warm_up, seed=1)), list(messages(count, seed=2))
    board = make_board(server, fake=True)
    with publisher(server) as client, server.listen(f"{NODE}/load", f"{NODE}/status") as seen:
        client.await_board()
        throw(client, first)
        throw(client, [Message(f"{NODE}/req", payload) for payload in (*POISON, HUGE)])
        before, log_before = rss_mib(board), board.log.stat().st_size
        started = time.monotonic()
        throw(client, second)
        throw(client, [Message(f"{NODE}/{leaf}", HUGE) for leaf in ("req", "mode/set", "cmd")])
        seconds = time.monotonic() - started
        client.send(f"{NODE}/cmd", b"cancel_all")
        client.send(f"{NODE}/mode/set", b"auto")
        assert client.answered(f"{NODE}/req", body("good"))["state"] == "done"
        growth, logged = rss_mib(board) - before, board.log.stat().st_size - log_before
        load = seen.wait(lambda m: m["topic"].endswith("/load") and m["body"].get("last", {}).get("id") == "good")
        assert load["body"]["mqtt"] == {"reconnects": 0}
        assert [m["payload"] for m in seen.messages() if m["topic"].endswith("/status")] == ["online"]
    text = board.log.read_text(errors="replace")
    assert "broke the intake" not in text
    assert "Traceback" not in text
    assert not {character for character in text if not character.isprintable()} - {"\n"}
    assert growth < MOST_GROWTH_MIB
    assert logged / count < MOST_LOG_BYTES
    report("F13", "poison and fuzz to the topics for requests, modes, commands and cancels", requests=1,
           note=f"{count} payloads in {seconds:.0f} s after a warm-up of {warm_up}, fake engine; parent {growth:+.1f} MiB, "
           f"{logged / count:.0f} bytes of log each, no reconnect; the next good request is served")  # fmt: skip
