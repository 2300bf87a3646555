"""Prompt expansion: a sentence becomes a plan in the words of the video pack."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from edge.diffusers_manifest import DiffusersManifest
from edge.errors import ModelError
from edge.expand.free_text import FreeText
from edge.expand.lexicon import Lexicon
from edge.expand.storyboard import complete, make_plan
from edge.manifest import AnyVideoManifest, LlmManifest, VideoManifest
from edge.mode import Mode
from edge.packs import Pack
from edge.plan import Plan
from edge.stop import Stop

Progress = Callable[[float], None]


class Expander(Protocol):
    """Turns prompts into plans."""

    @property
    def usage(self) -> dict[str, float]:
        """What that took so far: tokens, tokens_per_s; empty without a language model."""
        ...

    def expand(self, prompt: str, *, seconds: float | None, seed: int, progress: Progress | None = None) -> Plan:
        """The plan of a prompt: `seconds` long in all, or as long as the mode makes it.

        Any text gives a valid plan; the same prompt, seed and pack give the same one. `progress` gets 0..1.
        Raises Cancelled or Preempted when the stop flag is set meanwhile.
        """
        ...


class LexiconExpander:
    """The expander without a language model: what was said, completed by what suits it."""

    def __init__(self, manifest: VideoManifest, *, seconds: float) -> None:
        self._vocabulary = manifest.vocabulary
        self._lexicon = Lexicon(manifest.vocabulary)
        self._seconds = seconds
        self.usage: dict[str, float] = {}

    def expand(self, prompt: str, *, seconds: float | None, seed: int, progress: Progress | None = None) -> Plan:  # noqa: ARG002 - nothing is drawn by lot here
        """See Expander."""
        reading = self._lexicon.read(prompt)
        if progress is not None:
            progress(1.0)
        return make_plan(
            [complete(reading.said, self._vocabulary)],
            seconds=seconds or self._seconds,
            coverage=reading.coverage,
            said=tuple(reading.said),
            vocabulary=self._vocabulary,
        )


@contextmanager
def open_expander(
    mode: Mode,
    *,
    video: AnyVideoManifest,
    llm: Pack[LlmManifest] | None,
    threads: int,
    small_board: bool,
    cache: Path,
    stop: Stop,
    cores: Collection[int] = (),
) -> Iterator[Expander]:
    """The expander of a mode; a language model is in memory only inside the `with` block.

    It begins with `threads`, and then uses as many of `cores` as others leave free, where there are any.

    Raises ModelError when the mode needs a language model and there is none, or its file is damaged.
    """
    if isinstance(video, DiffusersManifest):
        yield FreeText(seconds=video.seconds or mode.row.seconds)
        return
    if not mode.row.language_model:
        yield LexiconExpander(video, seconds=mode.row.seconds)
        return
    if llm is None:
        raise ModelError(
            f"Mode {mode} needs a language model and there is none.",
            hint="Run `edgereel models pull smollm2-135m-expand`, or ask for mode direct.",
        )
    # Imported only here: the native library costs memory that the cheaper modes must not pay.
    from edge.expand.director import Director  # noqa: PLC0415
    from edge.expand.llama import open_llama  # noqa: PLC0415

    with open_llama(llm, threads=threads, cores=cores, small_board=small_board, cache=cache, stop=stop) as model:
        yield Director(model, llm=llm.manifest, video=video, mode=mode)
