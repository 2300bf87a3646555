"""What a message asks of the queue: a new job, a cancel, or a refusal that says why."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from contextlib import suppress

import msgspec

from edge.errors import RequestError
from edge.job import Job, JobState
from edge.jobqueue import JobQueue
from edge.mode import Mode
from edge.request import ID_PATTERN, MAX_BODY_BYTES, Request, from_json, make_request, new_id
from edge.wire import COMMANDS, LATER, Incoming, cancelled_id, decode, pool_of, reply_of

JSON_STARTS = (b"{", b"[", b'"')

log = logging.getLogger(__name__)


def handle(
    message: Incoming,
    *,
    queue: JobQueue,
    room: Callable[[], bool] = lambda: True,
    command: Callable[[str], None] = log.info,
    known: Callable[[Job], object] = lambda _: None,
    wall: Callable[[], float] = time.time,
) -> None:
    """Put one message into the queue. When this returns, its effect is on disk and the message may be acked.

    `room` says whether the disk has room for another clip; `command` is called with a word of COMMANDS; `known`
    with a job that waits and is nobody else's, to answer it with a clip that is there already. `wall` is the
    clock that deadlines are told by; the one of the queue may be days off on a board that was set right after its start.
    Raises sqlite3.Error when nothing could be saved.
    """
    if (job_id := cancelled_id(message.topic)) is not None:
        if message.retain:
            log.warning("A retained cancel of %s is ignored; clear it at the broker.", job_id)
        else:
            queue.cancel(job_id, now=queue.now())
    elif message.topic.endswith("/mode/set"):
        _wish(message, queue=queue)
    elif message.topic.endswith("/cmd"):
        _command(message, command)
    elif not message.topic.endswith("/cancel") and (message.payload or not message.retain):
        with suppress(RequestError):  # whoever asked has been told; an empty retained message only clears a topic
            accept(message, queue=queue, room=room, known=known, wall=wall)


def accept(
    message: Incoming,
    *,
    queue: JobQueue,
    room: Callable[[], bool] = lambda: True,
    known: Callable[[Job], object] = lambda _: None,
    wall: Callable[[], float] = time.time,
) -> Job | None:
    """Put one request into the queue; returns its job, or None when it was handed on to another board.

    Raises RequestError when it is refused, which its sender has been told, and sqlite3.Error.
    """
    default_id = _correlated_id(message) or new_id()
    try:
        job = _put(message, default_id=default_id, queue=queue, room=room, wall=wall())
    except RequestError as exc:
        if exc.code in LATER:
            exc.retry_after_s = queue.runs.free_in_s()
        job_id = _named_id(message) or default_id
        log.warning("Request %s is refused: %s", job_id, exc)
        queue.refuse(job_id, exc, now=queue.now(), reply=reply_of(message))
        raise
    if job and job.state is JobState.QUEUED and not job.may_be_elsewhere:
        known(job)
    return job


def read_request(message: Incoming, *, default_id: str) -> Request:
    """Read a request from JSON or, when it does not look like JSON, take the text as the prompt.

    Raises RequestError for what is retained, too large, not UTF-8, not JSON, or out of bounds.
    """
    if message.retain:
        raise RequestError(
            "A retained request is refused, since it would run at every reconnect.", hint="Send it without retain."
        )
    if len(message.payload) > MAX_BODY_BYTES:
        raise RequestError(
            f"The request has {len(message.payload)} bytes; {MAX_BODY_BYTES} is the most.", hint="Send less."
        )
    if not message.payload.lstrip().startswith(JSON_STARTS):
        return make_request(_text(message.payload), id=default_id)
    try:
        body = msgspec.json.decode(message.payload)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as exc:
        raise RequestError(
            f"The request is not valid JSON: {exc}.", hint='Send {"prompt": "..."} or plain text.'
        ) from exc
    return from_json(body, default_id=default_id)


def _put(message: Incoming, *, default_id: str, queue: JobQueue, room: Callable[[], bool], wall: float) -> Job | None:
    now, pool, reply = queue.now(), pool_of(message.topic), reply_of(message)
    request = read_request(message, default_id=default_id)
    try:
        _check_room(request, queue=queue, room=room)
        expires_at = _expires_at(request, message, now=now, wall=wall)
        return queue.put(request, now=now, reply=reply, pool=pool, expires_at=expires_at)
    except RequestError as exc:
        later = pool and exc.code in LATER
        if not (later and queue.sharing.pass_on(request, pool=pool, reply=reply, now=now)):
            raise
        log.info("Request %s is handed on: %s", request.id, exc.message)
        return None


def _check_room(request: Request, *, queue: JobQueue, room: Callable[[], bool]) -> None:
    if not room() and queue.get(request.id) is None:
        raise RequestError("The disk is full.", hint="Remove clips there, or lower clips.max_mib.", code="disk_full")


def _expires_at(request: Request, message: Incoming, *, now: float, wall: float) -> float | None:
    """When the request is too late to begin, by its own words and by what the broker still gave it.

    A deadline is a time of day: it is compared with the clock of the wall, which may be right where `now` is not.
    """
    waits = [wait for wait in (request.ttl, message.expiry_s) if wait is not None and request.ttl is not None]
    if request.deadline is not None:
        waits.append(request.deadline - wall)
    return now + min(waits) if waits else None


def _command(message: Incoming, command: Callable[[str], None]) -> None:
    word = message.payload[:64].decode("utf-8", errors="replace").strip()
    if message.retain or word not in COMMANDS:
        log.warning("A command is ignored: send %s, without retain.", ", ".join(COMMANDS))
    else:
        command(word)


def _wish(message: Incoming, *, queue: JobQueue) -> None:
    """Take in the best mode that somebody sets, as a word or as {"mode": "..."}."""
    word = message.payload[:64].decode("utf-8", errors="replace").strip()
    if word.startswith("{"):
        word = str(decode(message.payload[:256]).get("mode"))
    if message.retain or word not in ("auto", *Mode):
        log.warning("A mode to set is ignored: send auto, %s, without retain.", ", ".join(Mode))
    else:
        queue.wishes.set_mode(word)


def _correlated_id(message: Incoming) -> str | None:
    text = (message.correlation or b"").decode("ascii", errors="replace")
    return text if ID_PATTERN.match(text) else None


def _named_id(message: Incoming) -> str | None:
    """The id in a refused body, so that its sender learns of it."""
    if len(message.payload) > MAX_BODY_BYTES:
        return None
    named = decode(message.payload).get("id")
    return named if isinstance(named, str) and ID_PATTERN.match(named) else None


def _text(payload: bytes) -> str:
    try:
        return payload.decode()
    except UnicodeDecodeError as exc:
        raise RequestError(
            "The request is not UTF-8 text.", hint='Send {"prompt": "..."} or plain text in UTF-8.'
        ) from exc
