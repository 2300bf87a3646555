"""The client side, against a real mosquitto and a board made of the real broker, queue and worker."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from edge import intake
from edge.broker import Broker
from edge.errors import BrokerError
from edge.jobqueue import JobQueue
from edge.mode import Mode
from edge.request import Request, make_request
from edge.requester import State
from edge.result import ModeChoice
from edge.sections import Broker as BrokerSettings
from edge.submit import submit as submit_with
from edge.wire import Origin
from edge.worker import Worker
from tests.boards import FAKE_ENGINE, tiny_settings
from tests.mosquitto import Mosquitto, free_port


@pytest.fixture(autouse=True)
def _own_file(tmp_path: Path) -> None:
    files.append(tmp_path / "sent.sqlite")


files: list[Path] = []


def submit(request: Request, **options: Any) -> State:
    return submit_with(request, file=files[-1], **options)


def at(server: Mosquitto) -> BrokerSettings:
    return BrokerSettings(host="127.0.0.1", port=server.port)


@contextmanager
def board(folder: Path, server: Mosquitto, node: str = "n1", *, works: bool = True) -> Iterator[JobQueue]:
    settings = tiny_settings(folder / node)
    settings.paths.clips.mkdir(parents=True)
    with closing(JobQueue(folder / node / "q.sqlite", origin=Origin(node=node, boot="b"), limit=2)) as queue:
        worker = Worker(
            queue,
            settings,
            choose=lambda job: ModeChoice(requested=job.request.mode, effective=Mode.DIRECT),
            allowed=lambda: Mode.THINK,
            progress=lambda _job, _step: None,
            command=FAKE_ENGINE,
        )
        broker = Broker(at(server), node=node, queue=queue, handle=partial(intake.handle, queue=queue), hello=list)
        if works:
            worker.start()
        broker.start()
        deadline = time.monotonic() + 10
        while not broker.connected:
            assert time.monotonic() < deadline
            time.sleep(0.02)
        try:
            yield queue
        finally:
            if works:
                worker.stop(timeout_s=10)
            broker.close(flush_s=1)


def ask(prompt: str = "a fish", **fields: object) -> Request:
    return make_request(prompt, **fields)


def test_waiting_returns_the_end_and_tells_every_state_on_the_way(tmp_path: Path, server: Mosquitto) -> None:
    told: list[State] = []
    with board(tmp_path, server):
        request = ask()
        state = submit(request, broker=at(server), node="n1", wait=True, timeout_s=60, on_state=told.append)
    assert (state["id"], state["state"]) == (request.id, "done")
    assert [body["state"] for body in told if "state" in body] == ["accepted", "running", "done"]


def test_without_waiting_the_first_state_is_enough(tmp_path: Path, server: Mosquitto) -> None:
    with board(tmp_path, server, works=False):
        assert submit(ask(), broker=at(server), node="n1")["state"] == "accepted"


def test_the_one_board_that_is_online_is_found(tmp_path: Path, server: Mosquitto) -> None:
    with board(tmp_path, server, works=False):
        assert submit(ask(), broker=at(server))["node"] == "n1"


def test_no_board_and_several_boards_are_errors_that_say_which(tmp_path: Path, server: Mosquitto) -> None:
    with pytest.raises(BrokerError, match="No board is online"):
        submit(ask(), broker=at(server))
    with board(tmp_path, server, "n1", works=False), board(tmp_path, server, "n2", works=False):
        with pytest.raises(BrokerError, match="n1, n2"):
            submit(ask(), broker=at(server))
    with pytest.raises(BrokerError, match="No board is online"):
        submit(ask(), broker=at(server))


def test_a_refusal_comes_back_with_its_reason(tmp_path: Path, server: Mosquitto) -> None:
    with board(tmp_path, server, works=False):
        for _ in range(2):
            submit(ask(), broker=at(server), node="n1")
        state = submit(ask(), broker=at(server), node="n1", wait=True, timeout_s=20)
    assert state["state"] == "rejected"
    assert state["error"]["code"] == "overloaded"


def test_nobody_listening_is_an_error_and_not_a_wait(server: Mosquitto) -> None:
    started = time.monotonic()
    with pytest.raises(BrokerError, match="Nobody listens"):
        submit(ask(), broker=at(server), node="ghost", wait=True)
    assert time.monotonic() - started < 5


def test_a_board_that_is_away_gets_the_request_later(tmp_path: Path, server: Mosquitto) -> None:
    with board(tmp_path, server, works=False):
        pass  # its session stays in the broker
    request = ask()
    state: list[State] = []
    thread = threading.Thread(
        target=lambda: state.append(submit(request, broker=at(server), node="n1", wait=True, timeout_s=60))
    )
    thread.start()
    time.sleep(0.5)
    (tmp_path / "n1" / "clips").rmdir()
    with board(tmp_path, server):
        thread.join(60)
    assert state and state[0]["state"] == "done"


def test_a_broker_that_restarts_does_not_end_the_wait(tmp_path: Path, server: Mosquitto) -> None:
    states: list[State] = []
    with board(tmp_path, server) as queue:
        request = ask("slow")
        thread = threading.Thread(
            target=lambda: states.append(submit(request, broker=at(server), node="n1", wait=True, timeout_s=60))
        )
        thread.start()
        deadline = time.monotonic() + 20
        while not queue.jobs():
            assert time.monotonic() < deadline
            time.sleep(0.02)
        server.kill()
        server.start()
        thread.join(60)
        assert len(queue.jobs()) == 1
    assert states and states[0]["state"] == "done"


def test_a_job_that_does_not_end_in_time_is_an_error(tmp_path: Path, server: Mosquitto) -> None:
    with board(tmp_path, server, works=False), pytest.raises(BrokerError, match="did not end in time"):
        submit(ask(), broker=at(server), node="n1", wait=True, timeout_s=1)


def test_no_broker_and_a_refusing_broker_are_errors_with_a_hint(tmp_path: Path) -> None:
    with pytest.raises(BrokerError) as unreachable:
        submit(ask(), broker=BrokerSettings(host="127.0.0.1", port=free_port()), node="n1")
    assert "mosquitto" in unreachable.value.hint
    closed = Mosquitto(tmp_path / "closed", "allow_anonymous false")
    closed.start()
    try:
        with pytest.raises(BrokerError) as refused:
            submit(ask(), broker=at(closed), node="n1")
    finally:
        closed.stop()
    assert "broker.username" in refused.value.hint
