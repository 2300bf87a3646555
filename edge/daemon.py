"""`edgereel serve`: the only place that builds and joins the parts of the parent. Start order, tick, stop order.

The parent stays small: it never imports the libraries that run models; those live in the engine process.
"""

from __future__ import annotations

import logging
import secrets
import signal
import threading
import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from edge import intake
from edge.broker import Broker
from edge.child import ENGINE_COMMAND
from edge.cpu import FreeCores, fast_cores
from edge.errors import EngineError
from edge.gallery import Gallery
from edge.governor import Verdict, choose, step
from edge.home import Home
from edge.job import Job
from edge.jobqueue import JobQueue
from edge.keeper import Keeper
from edge.librarian import Librarian
from edge.library import Known
from edge.memory import held_mib, read_process
from edge.mode import Mode
from edge.models import Models, choose_mode, fitting_mode, free_mib, models_of
from edge.notify import notify
from edge.pipe import Step
from edge.pressure import PressureReading, read_pressure
from edge.report import birth, last_error, last_run
from edge.result import ModeChoice
from edge.settings import Settings
from edge.share import Share
from edge.startup import make_clips_folder, only_one, open_library, open_queue, protect_from_oom_killer, rehearse
from edge.swap import WANTED_MIB, read_swap, real_mib
from edge.warmer import Warmer
from edge.wire import Origin, Outgoing, node_message, progress_message
from edge.worker import Worker

LOAD_PERIODS = 3  # a load message is stale after so many ticks
WORKER_STUCK_S = 30.0
STOP_WORKER_S = 7.0
FLUSH_S = 1.5

log = logging.getLogger(__name__)


def serve(settings: Settings, *, root: Path = Path("/"), command: Sequence[str] = ENGINE_COMMAND) -> int:
    """Run until SIGTERM or SIGINT; returns the exit code. `root` is where /proc and /sys are looked for.

    Raises ModelError when the video pack is not here, ResourceError when another daemon uses the same state folder
    or the queue cannot be opened, OutputError when clips cannot be written, EngineError when a thread died.
    """
    logging.basicConfig(level=logging.INFO, format="%(levelname)s: %(message)s")
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    models = models_of(settings)
    make_clips_folder(settings.paths.clips)
    rehearse(settings, root=root)
    protect_from_oom_killer()
    origin = Origin(node=settings.node.id, boot=secrets.token_hex(4), events=settings.home_assistant.discovery)
    with only_one(settings.paths.state), closing(open_queue(settings, origin)) as queue:
        open_library(queue, settings, video=models.video)
        Daemon(settings, queue, origin=origin, models=models, root=root, command=command).run(stop)
    return 0


class Daemon:
    """The parts, joined."""

    def __init__(
        self,
        settings: Settings,
        queue: JobQueue,
        *,
        origin: Origin,
        models: Models,
        root: Path,
        command: Sequence[str],
    ) -> None:
        self._settings = settings
        self._queue = queue
        self._origin = origin
        self._models = models
        self._root = root
        self._verdict = Verdict(since=time.monotonic())
        self._cap: tuple[Mode, str] = (Mode.THINK, "")
        self._wished = ""
        self._tell_at = 0.0
        self._waiting = ""  # why the job that was looked at last could not start
        self._fast = fast_cores(root=root)
        self._cores = FreeCores(root=root, cores=self._fast, own=lambda: 0.0)
        handle = partial(intake.handle, queue=queue, room=self._has_room, command=self._command, known=self._known)
        accept = partial(intake.accept, queue=queue, room=self._has_room, known=self._known)
        self._gallery = Gallery(settings, queue, accept=accept, handle=handle, has_llm=models.llm is not None)
        self._keeper = Keeper(settings, queue, shown=self._gallery)
        self._librarian = Librarian(
            queue.library, settings.library, models=models, choose=self._choice, told=self._keeper.told, now=queue.now
        )
        self._warmer = Warmer(
            queue.library, self._librarian, clips=settings.paths.clips, after_s=settings.library.warm_after_s,
            calm=self._calm, choose=self._choice,
        )  # fmt: skip
        self._home = Home(settings, queue, handle=handle, poster_url=self._keeper.poster_url, root=root)
        self._broker = Broker(
            settings.broker,
            node=origin.node,
            queue=queue,
            handle=self._home.take,
            hello=lambda: [self._birth(), self._mode()],
            boot=origin.boot,
            extra=self._home.topics,
        )
        self._share = Share(settings, queue, broker=self._broker, handle=handle)
        self._worker = Worker(
            queue,
            settings,
            choose=self._choose,
            allowed=lambda: self._allowed()[0],
            progress=self._progress,
            ours=self._share.may_start,
            answer=self._keeper.told,
            librarian=self._librarian,
            warmer=self._warmer,
            offer=self._offer,
            command=command,
        )

    def run(self, stop: threading.Event) -> None:
        """Start the parts, tick until `stop` is set, stop the parts. Raises EngineError when one of them died."""
        self._tick()
        self._keeper.start()
        self._worker.start()
        self._broker.start()
        self._share.start()
        log.info("Node %s serves.", self._origin.node)
        notify("READY=1")
        try:
            while not stop.wait(self._settings.governor.look_s):
                self._tick()
                self._check_parts()
        finally:
            notify("STOPPING=1")
            log.info("Stopping; an unfinished job goes on at the next start.")
            self._share.leave()
            self._broker.stop_intake()
            self._keeper.close()
            self._home.close()
            self._worker.stop(timeout_s=STOP_WORKER_S)
            self._share.hand_back()
            self._broker.close(flush_s=FLUSH_S)

    def _tick(self) -> None:
        now = time.monotonic()
        tell, before = now >= self._tell_at, (self._verdict.mode, self._cap, self._wished)
        reading = read_pressure(self._root, disk=self._settings.paths.clips)
        if tell or self._queue.wishes.mode != self._wished:
            self._wished = self._queue.wishes.mode
            self._cap = self._capped()
        self._verdict = step(self._verdict, reading, now=now, limits=self._settings.governor)
        if (self._verdict.mode, self._cap, self._wished) != before:
            log.info("The best mode is now %s. %s", *self._allowed())
            self._worker.wake()
            self._broker.publish(self._mode())
        mode, why = self._allowed()
        full = "" if self._keeper.has_room() else "the disk is full"
        self._share.follow(unfit=why if mode is Mode.PAUSED else "", full=full)
        self._keeper.look()
        self._home.look(self._broker.session.connected)
        if tell:
            self._tell_at = now + self._settings.governor.tick_s
            load = self._load(reading)
            self._gallery.tell_load(load)
            self._broker.publish(self._load_message(load))

    def _capped(self) -> tuple[Mode, str]:
        """The best mode that does not depend on pressure: what somebody set, and what the swap allows."""
        caps = [(Mode(self._wished), "set over MQTT")] if self._wished != "auto" else []
        if self._models.small_board and real_mib(read_swap(self._root)) < WANTED_MIB:
            caps.append((self._settings.governor.without_swap, "swap: less than 2 GB as a file or partition"))
        return max(caps, key=lambda cap: cap[0].rank, default=(Mode.THINK, ""))

    def _allowed(self) -> tuple[Mode, str]:
        """The best mode now, and why it is no better."""
        verdict = (self._verdict.mode, self._verdict.reason)
        return max(self._cap, verdict, key=lambda cap: cap[0].rank)

    def _command(self, word: str) -> None:
        log.info("Told to %s.", word)
        match word:
            case "ping":
                self._tell_at = 0.0
                self._broker.publish(self._birth())
            case "drain" | "resume":
                self._queue.wishes.drain(drained=word == "drain")
            case "cancel_all":
                for job in filter(None, (*self._queue.waiting(), self._worker.running)):
                    self._queue.cancel(job.id, now=self._queue.now())

    def _check_parts(self) -> None:
        if not all(part.alive for part in (self._worker, self._broker, self._share, self._keeper)):
            raise EngineError(
                "A thread of the daemon died; its log says why.", hint="Restart the service and report it."
            )
        if time.monotonic() - self._worker.beat < WORKER_STUCK_S:
            notify("WATCHDOG=1")

    def _calm(self) -> bool:
        """Whether there is nothing that speaks against work that nobody waits for."""
        return self._verdict.mode is Mode.THINK and self._keeper.has_room()

    def _choose(self, job: Job) -> ModeChoice | None:
        caps = self._caps(job)
        choice = self._choice(job, caps)
        waiting = "" if choice else max(caps, key=lambda cap: cap[0].rank)[1]
        if waiting and not self._waiting:
            log.warning("Job %s waits: %s.", job.id, waiting)
        self._waiting = waiting
        return choice

    def _choice(self, job: Job, caps: list[tuple[Mode, str]] | None = None) -> ModeChoice | None:
        asked, reason = choose_mode(job.request.mode, has_llm=self._models.llm is not None)
        return choose(job, asked=asked, reason=reason, caps=caps or self._caps(job))

    def _caps(self, job: Job) -> list[tuple[Mode, str]]:
        """What bounds the mode of a job now, and why."""
        asked, _ = choose_mode(job.request.mode, has_llm=self._models.llm is not None)
        engine = self._worker.engine_pid
        free = free_mib(self._settings, root=self._root, held_mib=held_mib(pid=engine) if engine else 0.0)
        caps = [fitting_mode(asked, self._models, free_mib=free), self._allowed()]
        if job.pool and job.request.mode == "auto" and self._share.crowded:
            caps.append((Mode.DIRECT, "queue: jobs of the pool wait"))
        if not self._keeper.has_room():
            caps.append((Mode.PAUSED, "the disk is full"))
        return caps

    def _progress(self, job: Job, at: Step) -> None:
        self._gallery.tell_progress(job, at)
        self._broker.publish(progress_message(job.id, origin=self._origin, phase=at.phase, fraction=at.fraction))

    def _offer(self, job: Job, near: Known) -> None:
        """Say that a near clip is there, to whom that is enough: the job goes on until it is cancelled."""
        told, _ = self._keeper.told(replace(job, id=near.job_id, reply=None), {"clip": near.result["clip"]})
        offer = {"id": near.job_id, "similarity": round(near.similarity, 4)} | told
        self._broker.publish(progress_message(job.id, origin=self._origin, phase="expand", fraction=0.0, near=offer))

    def _birth(self) -> Outgoing:
        body = birth(self._settings, self._models, session=self._broker.connects + 1)
        return node_message("birth", body, origin=self._origin, now=time.time())

    def _mode(self) -> Outgoing:
        mode, reason = self._allowed()
        body = {"requested": self._queue.wishes.mode, "effective": mode, "reason": reason}
        return node_message("mode", body, origin=self._origin, now=time.time())

    def _has_room(self) -> bool:
        return self._keeper.has_room()

    def _known(self, job: Job) -> bool:
        return self._librarian.at_once(job)

    def _load(self, reading: PressureReading) -> dict[str, Any]:
        running, depth, limit = self._worker.running, self._queue.depth(), self._settings.queue.limit
        mode, reason = self._allowed()
        return reading.to_json() | {
            "queue": {"depth": depth, "limit": limit},
            "running": running.id if running else None,
            "accepting": depth < limit and mode is not Mode.PAUSED and self._keeper.has_room(),
            "pools": self._share.to_json(),
            "deaf": self._broker.deaf,
            "mode": mode,
            "reason": reason or None,
            "waiting": (self._waiting or None) if depth else None,
            "cores": {"free": self._cores.count(), "all": len(self._fast)},
            "swap": [swap.to_json() for swap in read_swap(self._root)],
            "engine": read_process(self._root, pid=self._worker.engine_pid) if self._worker.engine_pid else None,
            "last": last_run(self._queue.runs.last()),
            "error": last_error(self._queue.upkeep.last_failed()),
            "outbox": self._queue.outbox.depth(),
            "warm": self._warmer.to_json(),
            "mqtt": {"reconnects": max(0, self._broker.connects - 1)},
        }

    def _load_message(self, body: dict[str, Any]) -> Outgoing:
        expiry_s = max(1, round(LOAD_PERIODS * self._settings.governor.tick_s))
        return node_message("load", body, origin=self._origin, now=time.time(), expiry_s=expiry_s)
