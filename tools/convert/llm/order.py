"""What is asked of a conversion, and all that is known of it before anything is written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from edge.memory import available_mib
from tools.convert.llm.checkpoint import Checkpoint, read_checkpoint
from tools.convert.llm.estimate import Estimate, check_room, estimate
from tools.convert.llm.llamacpp import Source
from tools.convert.llm.speech import Speech, read_speech
from tools.convert.room import free_bytes
from tools.convert.steps import Steps
from tools.convert.target import Target, check_target

MIB = 1 << 20


@dataclass(frozen=True, kw_only=True)
class Order(Target):
    """What is asked for. Packs go to `out`/`name`-TYPE; the work lies beside them until it is done."""

    folder: Path
    kinds: Sequence[str]
    title: str = ""
    licence: str = ""
    template: str = ""
    pre: str = ""
    text: Path | None = None
    text_tokens: int = 2048
    threads: int = 1

    def pack(self, kind: str) -> Path:
        """The folder of a finished pack."""
        return self.out / f"{self.name}-{kind.lower()}"


@dataclass(frozen=True, kw_only=True)
class Look:
    """The checkpoint, how it is spoken to, and what its conversion takes."""

    checkpoint: Checkpoint
    speech: Speech
    needs: Estimate


def look(order: Order, *, source: Source, root: Path = Path("/")) -> Look:
    """Read what is small and say what it takes. Raises ModelError or ResourceError: nothing has been written then."""
    checkpoint = read_checkpoint(
        order.folder, known=source.architectures, version=source.version, licence=order.licence
    )
    speech = read_speech(order.folder, template=order.template)
    memory = int(available_mib(root) * MIB)
    tokens = order.text_tokens if order.text else 0
    needs = estimate(checkpoint, order.kinds, memory_free=memory, threads=order.threads, tokens=tokens)
    held = sum(path.stat().st_size for path in order.work.rglob("*.gguf"))  # of a run that is gone on with
    check_room(needs, disk_free=free_bytes(order.out) + held, memory_free=memory, where=str(order.out))
    return Look(checkpoint=checkpoint, speech=speech, needs=needs)


def check_names(order: Order, steps: Steps) -> None:
    """Raise ModelError where a pack of that name is there that is not of this work: nothing is written over."""
    for kind in order.kinds:
        check_target(order.pack(kind), made_by=f"pack {kind}", steps=steps)
