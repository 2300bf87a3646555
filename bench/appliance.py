"""The daemon: how soon it is ready, what it takes when idle, how soon it answers, cancels and delivers."""

from __future__ import annotations

import random
import tempfile
import time
from pathlib import Path

from bench.daemon import NODE, Running, a_broker, running
from bench.figures import percentile
from bench.store import Row
from bench.watch import children, cpu_s
from edge.memory import read_process

PROMPT = "a red balloon rises over snowy mountains"
OURS = "edgereel serve"
LONG_S = 60


def daemon(*, quick: bool) -> list[Row]:
    """One daemon after the other, each with folders of its own but the same cache of prepared networks."""
    with tempfile.TemporaryDirectory() as name, a_broker(Path(name)) as broker:
        folder = Path(name)
        ready = []
        for _ in range(2 if quick else 7):
            with running(folder, broker) as one:
                ready.append(one.ready_s)
        with running(folder, broker, "engine.idle_exit_s=3600") as one:
            rows = _idle(one, seconds=5 if quick else 30)
            one.ask("prepare", prompt=PROMPT, mode="no_think", seconds=2)  # caches are filled, as after the first day
            one.ear.wait_end("prepare")
        with running(folder, broker, "engine.idle_exit_s=3600") as one:
            rows += _clips(one, quick=quick)
            rows += _answers(one, quick=quick)
            rows += _cancels(one, count=3 if quick else 20)
        return [_row("start to online", "s", ready), *rows]


def _idle(one: Running, *, seconds: float) -> list[Row]:
    time.sleep(3)
    before, began = cpu_s(one.process.pid), time.monotonic()
    time.sleep(seconds)
    used = (cpu_s(one.process.pid) - before) / (time.monotonic() - began)
    memory = read_process(Path("/"), pid=one.process.pid)
    return [_row("idle, PSS", "MiB", [memory["pss_mib"]]), _row("idle, of a core", "%", [100 * used])]


def _clips(one: Running, *, quick: bool) -> list[Row]:
    """From publish to done: the first with the start of the engine, then with it there; then a queue of them."""
    rows = []
    for mode, count in (("direct", 2 if quick else 6), ("no_think", 1 if quick else 5)):
        took = [_clip(one, f"{mode}-{number}", mode) for number in range(count)]
        if mode == "direct":
            rows.append(_row("request to clip, direct, engine starts", "s", took[:1]))
            took = took[1:]
        rows.append(_row(f"request to clip, {mode}", "s", took))
    jobs = [f"many-{number}" for number in range(3 if quick else 10)]
    asked = [one.ask(job, prompt=PROMPT, mode="direct", seconds=4, seed=number) for number, job in enumerate(jobs)]
    ends = [one.ear.wait_end(job)[0].at for job in jobs]
    rows.append(_row("clips of 4 s an hour, direct", "1/h", [3600 * len(jobs) / (ends[-1] - asked[0])]))
    engines = [read_process(Path("/"), pid=pid) for pid in children(one.process.pid)]
    return [*rows, _row("engine afterwards, PSS", "MiB", [sum(engine.get("pss_mib", 0.0) for engine in engines)])]


def _clip(one: Running, job: str, mode: str) -> float:
    asked = one.ask(job, prompt=PROMPT, mode=mode, seconds=4, seed=1)
    return one.ear.wait_end(job)[0].at - asked


def _answers(one: Running, *, quick: bool) -> list[Row]:
    """Told to answer, the board says who it is: idle, and while it draws a long clip."""
    count = 20 if quick else 200
    idle = [_answer(one) for _ in range(count)]
    one.ask("long", prompt=PROMPT, mode="direct", seconds=LONG_S)
    one.ear.wait(lambda heard: heard.state_of("long") == "running")
    busy = []
    while len(busy) < count and not any(heard.state_of("long") == "done" for heard in one.ear.seen[-50:]):
        busy.append(_answer(one))
    one.ear.say("job/long/cancel")
    if not any(heard.state_of("long") == "done" for heard in one.ear.seen):
        one.ear.wait_end("long")
    return [
        _row(
            f"status answer {name}, p{100 * share:.0f}", "ms", [1000 * percentile(took, share)], note=f"of {len(took)}"
        )
        for name, took in (("idle", idle), ("while generating", busy))
        for share in (0.5, 0.99)
    ]


def _answer(one: Running) -> float:
    asked = one.ear.say(f"node/{NODE}/cmd", "ping")
    told = one.ear.wait(lambda heard: heard.topic.endswith(f"{NODE}/birth") and heard.at > asked)
    time.sleep(0.01)
    return told.at - asked


def _cancels(one: Running, *, count: int) -> list[Row]:
    """From the word to the job's end, at random moments of a long clip."""
    rng, took = random.Random(1), []  # noqa: S311 - moments, not secrets
    for number in range(count):
        job = f"cancel-{number}"
        one.ask(job, prompt=PROMPT, mode="direct", seconds=LONG_S, seed=number)
        one.ear.wait(lambda heard, job=job: heard.state_of(job) == "running")  # type: ignore[misc]
        time.sleep(rng.uniform(0.2, 1.5))
        asked = one.ear.say(f"job/{job}/cancel")
        took.append(1000 * (one.ear.wait_end(job)[0].at - asked))
    return [_row("cancel to cancelled", "ms", took), _row("cancel to cancelled, longest", "ms", [max(took)])]


def _row(column: str, unit: str, values: list[float], *, note: str = "") -> Row:
    return Row(way=OURS, column=column, unit=unit, values=values, note=note)
