"""What this board has spoken for and sees confirmed before it begins: two boards may have looked at the same moment.

Both saw nothing then, and both spoke; what is retained is the word that came last. So each board waits for longer than it
takes from a look to a word, sees its own word at the beginning and at the end of that time, and only then begins: the timed
mutual exclusion of M. Fischer, in Lamport 1987, A Fast Mutual Exclusion Algorithm, https://doi.org/10.1145/7351.7352.
"""

from __future__ import annotations

import math
import time
from collections.abc import Collection
from dataclasses import dataclass

from edge.errors import BrokerError
from edge.link import open_link
from edge.look import Seen, Verdict, judge, look_at
from edge.sections import Broker as BrokerSettings

CONFIRM_S = 3.0  # longer than from another board's look to its word
TURN_S = 0.9  # from look to look
GIVE_UP_S = 30.0  # a broker that does not tell us our own word tells nobody


@dataclass(kw_only=True)
class Claim:
    """When we spoke, and since when our word has stood; monotonic."""

    spoken_at: float
    stands_since: float | None = None


class Claims:
    """`in` may be asked from any thread; the verbs are for one."""

    def __init__(self, settings: BrokerSettings, *, node: str) -> None:
        self._settings = settings
        self._node = node
        self._claims: dict[str, Claim] = {}
        self._looked_at = -math.inf

    def __contains__(self, job_id: object) -> bool:
        return job_id in self._claims

    def add(self, job_id: str) -> None:
        """Note that we are about to speak for a job."""
        self._claims[job_id] = Claim(spoken_at=time.monotonic())

    def drop(self, job_id: str) -> None:
        """The job may begin, or is no longer ours to begin."""
        self._claims.pop(job_id, None)

    def reset(self) -> None:
        """We were cut off: whether our word stands is to be seen anew."""
        for claim in self._claims.values():
            claim.stands_since = None

    def look(self, waiting: Collection[str]) -> dict[str, Verdict]:
        """What is settled by now: begin, wait for the board that spoke last, or leave it to the one that has done it.

        `waiting` are the jobs that we still speak for; the claims of all others are dropped.
        """
        for job_id in set(self._claims) - set(waiting):
            self.drop(job_id)
        if not self._claims or time.monotonic() - self._looked_at < TURN_S:
            return {}
        self._looked_at = time.monotonic()
        seen = self._seen()
        verdicts = {job_id: self._judge(claim, seen.get(job_id)) for job_id, claim in self._claims.items()}
        return {job_id: verdict for job_id, verdict in verdicts.items() if verdict}

    def _seen(self) -> dict[str, Seen]:
        try:
            with open_link(self._settings) as link:
                return look_at(link, list(self._claims))
        except BrokerError:
            return {}

    def _judge(self, claim: Claim, seen: Seen | None) -> Verdict | None:
        now = time.monotonic()
        if seen and seen.node not in ("", self._node):
            claim.stands_since = None
            verdict = judge(seen, own=self._node, held_s=0)
            return None if verdict is Verdict.START else verdict  # an old word; ours is on its way
        if seen and seen.node:
            claim.stands_since = now if claim.stands_since is None else claim.stands_since
        stands = claim.stands_since is not None and now - claim.stands_since >= CONFIRM_S
        return Verdict.START if stands or now - claim.spoken_at >= GIVE_UP_S else None
