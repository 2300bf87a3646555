"""`edgereel serve` as a process of its own: the real pipeline, a real (tiny) pack, a real mosquitto, real kills."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from edge.job import JobState
from edge.jobqueue import JobQueue, queue_file
from edge.wire import Origin
from tests.boards import Board, tiny_settings
from tests.mosquitto import Listener, Mosquitto

REQ = "edgereel/v1/node/n1/req"
HEAVY = ("numpy", "onnxruntime", "llama_cpp", "cv2", "av")


def online(seen: Listener, times: int = 1) -> None:
    seen.wait(lambda _: sum(m.get("payload") == "online" for m in seen.messages()) >= times)


def request(job_id: str, prompt: str = "two blue fish", **fields: Any) -> str:
    return json.dumps({"id": job_id, "prompt": prompt, "mode": "lite", **fields})


def check_clip(state: dict[str, Any]) -> None:
    clip = state["result"]["clip"]
    data = Path(clip["path"]).read_bytes()
    assert hashlib.sha256(data).hexdigest() == clip["sha256"]
    assert len(data) == clip["bytes"]
    assert Path(clip["poster"]).is_file()


def ended(seen: Listener, job_id: str) -> list[str]:
    """The final states of a job that were published, each rev once: a message may be sent twice, an end may not."""
    ends = {
        state["rev"]: state["state"]
        for state in seen.states(job_id)
        if state["state"] in ("done", "failed", "cancelled")
    }
    return list(ends.values())


def test_one_request_by_a_foreign_client_gives_one_final_reply(
    real_board: Board, server: Mosquitto, seen: Listener
) -> None:
    online(seen)
    command = ["mosquitto_rr", "-V", "5", "-q", "1", "-p", str(server.port), "-t", REQ, "-e", "edgereel/v1/reply/x"]
    body = '{"prompt":"a glowing jellyfish in the deep sea"}'
    done = subprocess.run([*command, "-m", body, "-W", "300"], capture_output=True, check=True, timeout=300)
    state = json.loads(done.stdout)
    assert state["state"] == "done"
    assert state["requested_mode"] == "auto"
    assert state["effective_mode"] == "direct"
    assert "jellyfish" in json.dumps(state["result"]["plan"])
    check_clip(state)
    birth = seen.wait(lambda m: m["topic"].endswith("n1/birth"))["body"]
    assert birth["models"] == {"tinypack": birth["models"]["tinypack"]}
    seen.wait(lambda m: m["topic"].endswith("/progress"))
    load = seen.wait(lambda m: m["topic"].endswith("n1/load"))["body"]
    assert load["queue"]["limit"] == 64
    assert load["mem"]["available_mb"] > 0


def test_an_engine_killed_in_the_middle_of_a_job_is_replaced_and_the_job_is_done_once(
    real_board: Board, server: Mosquitto, seen: Listener
) -> None:
    online(seen)
    server.publish(REQ, request("k", seconds=6))
    seen.wait(lambda m: m["topic"].endswith("k/progress"))
    pid = real_board.engine_pid()
    assert pid
    os.kill(pid, signal.SIGKILL)
    state = seen.wait_state("k", "done", timeout_s=120)
    assert state["runs"] == 2
    assert state["degraded_because"] == "an earlier run crashed"
    check_clip(state)
    assert ended(seen, "k") == ["done"]


def test_a_daemon_killed_in_the_middle_of_a_job_goes_on_after_its_restart_and_the_job_is_done_once(
    real_board: Board, server: Mosquitto, seen: Listener
) -> None:
    online(seen)
    server.publish(REQ, request("k", seconds=6))
    server.publish(REQ, request("next"))
    seen.wait(lambda m: m["topic"].endswith("k/progress"))
    real_board.kill()
    seen.wait(lambda m: m.get("payload") == "offline")
    real_board.start()
    state = seen.wait_state("k", "done", timeout_s=120)
    assert state["runs"] == 2
    check_clip(state)
    seen.wait_state("next", "done", timeout_s=120)
    assert ended(seen, "k") == ["done"]
    assert ended(seen, "next") == ["done"]
    assert sorted(path.name for path in (real_board.folder / "clips").iterdir()) == [
        "k.jpg",
        "k.mp4",
        "next.jpg",
        "next.mp4",
    ]


def test_sigterm_ends_cleanly_and_the_unfinished_job_goes_on_after_the_restart(
    real_board: Board, server: Mosquitto, seen: Listener
) -> None:
    online(seen)
    server.publish(REQ, request("k", seconds=6))
    seen.wait(lambda m: m["topic"].endswith("k/progress"))
    started = time.monotonic()
    assert real_board.terminate() == 0
    assert time.monotonic() - started < 10
    seen.wait(lambda m: m.get("payload") == "offline")
    with closing(JobQueue(queue_file(tiny_settings(real_board.folder)), origin=Origin(node="t", boot="t"))) as queue:
        job = queue.get("k")
        assert job
        assert (job.state, job.crashes) == (JobState.QUEUED, 0)
    real_board.start()
    check_clip(seen.wait_state("k", "done", timeout_s=120))
    assert ended(seen, "k") == ["done"]


def test_a_queued_and_a_running_job_are_cancelled_and_the_next_is_served(
    fake_board: Board, server: Mosquitto, seen: Listener
) -> None:
    online(seen)
    server.publish(REQ, request("runs", "long"))
    server.publish(REQ, request("waits"))
    seen.wait_state("runs", "running")
    server.publish("edgereel/v1/job/waits/cancel", "")
    seen.wait_state("waits", "cancelled")
    server.publish("edgereel/v1/job/runs/cancel", '{"reason":"no"}')
    seen.wait_state("runs", "cancelled", timeout_s=10)
    server.publish("edgereel/v1/job/future/cancel", "")
    server.publish(REQ, request("future"))
    seen.wait_state("future", "cancelled")
    server.publish(REQ, request("good"))
    seen.wait_state("good", "done")
    assert not any(state["state"] == "running" for job_id in ("waits", "future") for state in seen.states(job_id))


@pytest.mark.parametrize(
    "payload",
    [
        '{"prompt": ',
        '{"prompt":""}',
        json.dumps({"prompt": "x" * 20_000}),
        '{"prompt":"a fish","mode":"turbo"}',
        "RETAINED",
    ],
)
def test_a_bad_request_is_rejected_and_the_next_good_one_is_served(
    fake_board: Board, server: Mosquitto, seen: Listener, payload: str
) -> None:
    online(seen)
    options = ["-r"] if payload == "RETAINED" else []
    server.publish(REQ, payload, "-D", "publish", "correlation-data", "bad", *options)
    state = seen.wait_state("bad", "rejected")
    assert state["error"]["message"]
    assert state["error"]["hint"]
    server.publish(REQ, request("good"))
    seen.wait_state("good", "done")
    assert "Traceback" not in fake_board.log.read_text()


def test_every_state_goes_to_who_asks_for_all_of_them(fake_board: Board, server: Mosquitto, seen: Listener) -> None:
    online(seen)
    with server.listen("r/x") as replies:
        server.publish(
            REQ,
            request("a", reply="all"),
            "-D",
            "publish",
            "response-topic",
            "r/x",
            "-D",
            "publish",
            "correlation-data",
            "k",
        )
        replies.wait(lambda m: m["body"].get("state") == "done")
    told = [m for m in replies.messages() if m["topic"] == "r/x"]
    assert [m["body"]["state"] for m in told] == ["accepted", "running", "done"]
    assert {m["properties"]["correlation-data"] for m in told} == {"k"}


def test_a_request_sent_twice_runs_once(fake_board: Board, server: Mosquitto, seen: Listener) -> None:
    online(seen)
    for _ in range(3):
        server.publish(REQ, request("a", "slow"))
    seen.wait_state("a", "done")
    server.publish(REQ, request("b"))
    seen.wait_state("b", "done")
    assert ended(seen, "a") == ["done"]
    assert len({state["rev"] for state in seen.states("a") if state["state"] == "running"}) == 1


def test_a_second_daemon_with_the_same_state_is_refused(fake_board: Board, seen: Listener) -> None:
    online(seen)
    options = [part for value in fake_board.values for part in ("--set", value)]
    second = subprocess.run(
        [sys.executable, "-m", "edge", "serve", *options], capture_output=True, text=True, timeout=60, check=False
    )
    assert second.returncode == 6
    assert "already serves" in second.stderr
    assert "Traceback" not in second.stderr


def test_a_missing_model_is_refused_at_start(tmp_path: Path, server: Mosquitto) -> None:
    board = Board(tmp_path, server)
    board.command += ["--set", "models.video=nothing"]
    board.start()
    try:
        assert board.process
        assert board.process.wait(30) == 5
        assert "Traceback" not in board.log.read_text()
        assert "nothing" in board.log.read_text()
    finally:
        board.end()


def test_ctrl_c_is_a_clean_end_too(fake_board: Board, seen: Listener) -> None:
    online(seen)
    assert fake_board.terminate(signal.SIGINT) == 0


def test_the_parent_never_imports_what_runs_models() -> None:
    code = f"import sys, edge.daemon, edge.submit; print([name for name in {HEAVY!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "[]"
