"""What a message asks of the queue: a new job, a cancel, or a refusal that says why."""

from __future__ import annotations

import logging
import time

import msgspec

from edge.errors import RequestError
from edge.jobqueue import JobQueue
from edge.mode import Mode
from edge.request import ID_PATTERN, MAX_BODY_BYTES, Request, from_json, make_request, new_id
from edge.wire import Incoming, cancelled_id, decode, reply_of

JSON_STARTS = (b"{", b"[", b'"')

log = logging.getLogger(__name__)


def handle(message: Incoming, *, queue: JobQueue) -> None:
    """Put one message into the queue. When this returns, its effect is on disk and the message may be acked.

    Raises sqlite3.Error when nothing could be saved.
    """
    if (job_id := cancelled_id(message.topic)) is not None:
        if message.retain:
            log.warning("A retained cancel of %s is ignored; clear it at the broker.", job_id)
        else:
            queue.cancel(job_id, now=time.time())
    elif message.topic.endswith("/mode/set"):
        _wish(message, queue=queue)
    elif not message.topic.endswith("/cancel") and (message.payload or not message.retain):
        _request(message, queue=queue)  # an empty retained message only clears a topic


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


def _request(message: Incoming, *, queue: JobQueue) -> None:
    now = time.time()
    reply = reply_of(message)
    default_id = _correlated_id(message) or new_id()
    try:
        queue.put(read_request(message, default_id=default_id), now=now, reply=reply)
    except RequestError as exc:
        job_id = _named_id(message) or default_id
        log.warning("Request %s is refused: %s", job_id, exc)
        queue.refuse(job_id, exc, now=now, reply=reply)


def _wish(message: Incoming, *, queue: JobQueue) -> None:
    """Take in the best mode that somebody sets, as a word or as {"mode": "..."}."""
    word = message.payload[:64].decode("utf-8", errors="replace").strip()
    if word.startswith("{"):
        word = str(decode(message.payload[:256]).get("mode"))
    if message.retain or word not in ("auto", *Mode):
        log.warning("A mode to set is ignored: send auto, %s, without retain.", ", ".join(Mode))
    else:
        queue.wish(word)


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
