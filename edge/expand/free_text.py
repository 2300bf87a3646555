"""The expander for packs that read the prompt themselves: nothing is added to what was said."""

from __future__ import annotations

from collections.abc import Callable

from edge.plan import Plan, Shot

SLOT = "prompt"


class FreeText:
    """See Expander. The prompt is the one slot of the one shot; `seconds` is how long the clip is by default."""

    def __init__(self, *, seconds: float) -> None:
        self._seconds = seconds
        self.usage: dict[str, float] = {}

    def expand(  # nothing is drawn by lot here
        self,
        prompt: str,
        *,
        seconds: float | None,
        seed: int,  # noqa: ARG002
        progress: Callable[[float], None] | None = None,
    ) -> Plan:
        """The plan whose caption is the prompt."""
        if progress is not None:
            progress(1.0)
        said = " ".join(prompt.split())
        shot = Shot(slots={SLOT: said}, seconds=seconds or self._seconds)
        return Plan(shots=(shot,), caption=said, coverage=1.0, said=(SLOT,), expander="none: the pack reads the prompt")
