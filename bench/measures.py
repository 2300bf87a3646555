"""What `make bench` measures: each by its name, with what it says and about how long it takes on two quiet cores."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from bench import appliance, clips, fleet, generator, llm, llm_small, think, video
from bench.store import CODE, DAEMON_CODE, LLM_CODE, PROMPT_CODE, Row


@dataclass(frozen=True, kw_only=True)
class Measure:
    """One measurement; `group` is what --only takes, `code` the files that it is measured anew for when they change."""

    name: str
    group: str
    title: str
    about: str
    minutes: float
    run: Callable[..., list[Row]]
    code: tuple[str, ...] = CODE


MEASURES = (
    Measure(
        name="llm-speed", group="llm", title="Language model, alone", minutes=16, run=llm.speed, code=LLM_CODE,
        about="SmolLM2-135M Q4_1, the shipped one. `reads` is prefill of 256 tokens, `writes` 128 tokens without drawing, "
              "as llama-bench does both; `writes and draws` with the drawing of each token. `edgereel beside it` is what "
              "edgereel did directly before or after each run of that peer. With llama-bench it takes short turns in one "
              "sitting, 128 tokens read or 32 written; a thread count that does not come close has eight of them.",
    ),
    Measure(
        name="llm-contended", group="llm", title="Language model, one core busy", minutes=9, run=llm.contended,
        code=LLM_CODE, about="The same beside one process that counts all the time; 64 tokens read, 24 written.",
    ),
    Measure(
        name="llm-first", group="llm", title="Language model, time to the first token", minutes=2, run=llm.first_token,
        code=PROMPT_CODE,
        about="The stock model's prompt: 560 constant tokens, then the request. edgereel opens the model for every job and "
              "loads the state after the constant part from a file; the others stay in memory and keep it there.",
    ),
    Measure(
        name="llm-small", group="llm", title="Language model, smallest memory", minutes=7,
        run=llm_small.smallest_groups, code=LLM_CODE,
        about="Random weights in the shape of Qwen3-0.6B, Q4_0, a context of 1024. The smallest control group without swap "
              "in which 16 tokens are written within three times the time they take with room, found by halving with a short "
              "prompt in steps of 32 MiB, then proven with the context filled. Where all weights have to be locked, that is part of it.",
    ),
    Measure(
        name="generator", group="generator", title="Generator, part by part", minutes=9, run=generator.parts,
        about="Each value is the median of ten runs in a process of its own. One pass of all parts makes 12 frames.",
    ),
    Measure(
        name="video", group="generator", title="Generator, against published shapes", minutes=6, run=video.generators,
        about="Random weights in torch, fp32, 848x480, text encoders left out; one run each. Bounded pieces, named as such; "
              "the work of a 4 s clip is counted, not run: 96 frames of SD-Turbo, one step each; 4 steps of Wan.",
    ),
    Measure(
        name="appliance", group="appliance", title="Appliance", minutes=5, run=appliance.daemon,
        about="The daemon as it is installed, small-board settings, over a real broker on loopback.",
    ),
    Measure(
        name="clips", group="appliance", title="Cost of a clip by its length", minutes=3, run=clips.lengths,
        about="Direct mode, one process for each clip; the engine's start is not in the time.",
    ),
    Measure(
        name="ladder", group="appliance", title="Cost of a clip by its mode", minutes=2, run=clips.ladder,
        about="Each mode with its own length, expanding included; think may draw four shots of 4 s.",
    ),
    Measure(
        name="boards", group="appliance", title="Many boards, one pool", minutes=2, run=fleet.boards, code=DAEMON_CODE,
        about="The generator is a stand-in that sleeps a second: this is what queue, broker and sharing allow. All boards "
              "run on this one machine.",
    ),
    Measure(
        name="think", group="think", title="Thinking, saved prompts, forced text", minutes=6, run=think.modes,
        code=PROMPT_CODE,
        about="The model is open already; six requests. The tuned model is spoken to in one line, the stock one with vocabulary "
              "and examples: what a saved prompt saves differs.",
    ),
)  # fmt: skip
GROUPS = tuple(dict.fromkeys(one.group for one in MEASURES))
