"""One run of one job in the engine: followed, stopped when asked, and killed when it does not answer."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Literal

from edge.child import Child, Lost
from edge.errors import Cancelled, Preempted
from edge.library import Known
from edge.pipe import Done, Failed, Go, Halt, HaltReason, Planned, Run, Step

TURN_S = 0.2
HALT_GRACE_S = 5.0
SILENT_S = 900.0  # longer than the slowest step on the slowest board; after that the engine hangs
CODES = {"cancel": Cancelled.code, "preempt": Preempted.code}

log = logging.getLogger(__name__)


Ask = Literal["cancel", "preempt", "end"]


def attempt(
    order: Run, child: Child, *, ask: Callable[[], Ask | None], progress: Callable[[Step], None],
    planned: Callable[[Planned], Known | None] = lambda _: None,
) -> Done | Failed | Lost | Known:  # fmt: skip
    """Run one job; return the engine's answer, or Lost when its process died of itself.

    `planned` is asked once the plan is there, before anything is drawn: the clip that it gives is the answer then.

    `ask` is called every TURN_S seconds or sooner, and says whether the job has to stop: at its next step, or with
    `end` by killing the engine, whose memory is needed now. An engine that was killed because it had to stop, or did
    not stop in time, counts as stopped. `progress` is called for every step.
    """
    child.tell(order)
    halted: HaltReason | None = None
    known: Known | None = None
    halted_at, heard_at = 0.0, time.monotonic()
    steps = 0
    while True:
        match child.listen(timeout_s=TURN_S):
            case Done() | Failed() as answer:
                return known or answer
            case Lost() if known:
                return known
            case Lost(how=how, clean=clean) as lost:
                stopped = halted or ("preempt" if clean and not steps else None)  # it left before it saw the job
                return Failed(code=CODES[stopped], message=how, hint="") if stopped else lost
            case Step() as step:
                heard_at, steps = time.monotonic(), steps + 1
                progress(step)
            case Planned() as plan:
                heard_at, known = time.monotonic(), None if halted else planned(plan)
                child.tell(Halt("cancel") if known else Go())
        now = time.monotonic()
        wish = ask()
        if wish == "end":
            halted = halted or "preempt"
            child.kill()
        elif halted is None and wish:
            halted, halted_at = wish, now
            child.tell(Halt(wish))
        elif (halted and now - halted_at > HALT_GRACE_S) or now - heard_at > SILENT_S:
            log.warning("The engine does not %s; it is killed.", "stop" if halted else "make progress")
            child.kill()
