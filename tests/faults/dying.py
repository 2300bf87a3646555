"""A daemon that kills itself, once for each job, at one point of a job's way; the points are those of F1.

It is the real daemon: one of its real steps is preceded or followed by a SIGKILL.
"""

from __future__ import annotations

POINTS = ("before the insert", "after the commit, before the ack", "in the middle", "after the rename, before the commit",
          "after the commit, before the publish")  # fmt: skip

SCRIPT = """
import os, signal, sys
from pathlib import Path
from edge import connection, daemon, jobqueue, session, worker
from edge.settings import load_settings
from edge.wire import decode

settings = load_settings(None, overrides=sys.argv[1:], env=os.environ)
died = settings.paths.state / "died"
died.mkdir(parents=True, exist_ok=True)

def die(job_id):
    try:
        os.close(os.open(died / job_id, os.O_CREAT | os.O_EXCL))
    except FileExistsError:
        return
    os.kill(os.getpid(), signal.SIGKILL)

def before(owner, name, job_of):
    real = getattr(owner, name)
    def dying(self, *args, **kwargs):
        if job_id := job_of(self, *args, **kwargs):
            die(job_id)
        return real(self, *args, **kwargs)
    setattr(owner, name, dying)

match {point}:
    case 0:
        before(jobqueue.JobQueue, "put", lambda self, request, **_: request.id)
    case 1:
        handled = []
        before(jobqueue.JobQueue, "put", lambda self, request, **_: handled.append(request.id))
        before(session.Client, "ack", lambda self, *_: handled.pop() if handled else None)
    case 2:
        before(daemon.Daemon, "_progress", lambda self, job, step: job.id)
    case 3:
        before(jobqueue.JobQueue, "finish", lambda self, job_id, *_, **__: job_id)
    case 4:
        def done(self, message):
            body = decode(message.payload)
            return body.get("id") if body.get("state") == "done" else None
        before(connection.Connection, "publish", done)
sys.exit(daemon.serve(settings))
"""


def dying_at(point: int) -> str:
    """The script of a daemon that dies at POINTS[point]."""
    return SCRIPT.replace("{point}", str(point))
