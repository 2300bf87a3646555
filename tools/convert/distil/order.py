"""What is asked of a distillation, and all that is known of it before anything is written."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from edge.errors import ModelError, RequestError
from edge.expand.lexicon import Lexicon
from edge.manifest import Slot
from edge.memory import available_mib
from edge.video.layout import FPS
from tools.convert.clips.clip import ClipError, ClipSource
from tools.convert.clips.folder import FolderSource
from tools.convert.diffusion.folder import INDEX, read_pipeline
from tools.convert.distil.teacher import Teacher, TeacherSource
from tools.convert.distil.vocabulary import read_vocabulary
from tools.convert.room import free_bytes, need_disk, need_memory
from tools.convert.target import OnePack
from tools.convert.tinyvideo.config import Config, load_config

MIB = 1 << 20
LEAST_S = 1.0  # two latent slots
TEACHER_S = 600.0  # of one core, for a clip of a teacher of a usual size: only the order of magnitude is meant
READ_S, CLIP_S, BAKE_S, EXPORT_S = 0.7, 1.8, 30.0, 90.0
BASE_MIB = 1400
SHARD_SHARE = 0.5  # of the clips' own bytes, beside them
SPARE_MIB = 256


@dataclass(frozen=True, kw_only=True)
class Order(OnePack):
    """What is asked for. The pack goes to `out`/`name`; the work lies beside it until it is done.

    `teacher` says how `folder` is asked where that is a pipeline. `minutes` are those of the training in all.
    """

    folder: Path
    vocabulary: Path
    config: Path
    teacher: Teacher
    prompts: Path | None = None
    seconds: float = 4.0
    minutes: float | None = None
    licence: str = ""


@dataclass(frozen=True, kw_only=True)
class Given:
    """What can be learnt from: clips of at most `clip_s`, each of which takes `work_s` to get; the captions of its videos
    or prompts, and those that are `left_out` because they name no subject; every file that it depends on."""

    source: ClipSource
    kind: str
    licence: str
    captions: Sequence[str]
    left_out: dict[str, str]
    inputs: Sequence[Path]
    clip_s: float
    work_s: float


@dataclass(frozen=True, kw_only=True)
class Look:
    """What is given, how `often` captions say each value of each slot, and what it all takes."""

    given: Given
    vocabulary: dict[str, Slot]
    often: dict[str, Counter[str]]
    config: Config
    disk_mib: float
    seconds: float


def look(order: Order, *, root: Path = Path("/")) -> Look:
    """Read what is small and say what it takes. Raises RequestError, ModelError or ResourceError: nothing is written."""
    vocabulary = read_vocabulary(order.vocabulary)
    config = _config(order)
    ask = _pipeline if (order.folder / INDEX).is_file() else _films
    given = ask(order, vocabulary, config.autoencoder.height)
    if not given.captions:
        raise RequestError(
            f"No caption names a subject of {order.vocabulary}; the first is {next(iter(given.left_out.values()))!r}. "
            "Nothing was written.",
            hint="Add its subjects to the vocabulary; --propose counts the words of the captions.",
        )
    lexicon, clips, ae = Lexicon(vocabulary), len(given.source), config.autoencoder
    readings = [lexicon.read(text).said for text in given.captions]
    found = Look(
        given=given, vocabulary=vocabulary, config=config,
        often={name: Counter(one[name] for one in readings if name in one) for name in vocabulary},
        disk_mib=clips * given.clip_s * FPS * ae.height * ae.width * 1.5 * (1 + SHARD_SHARE) / MIB + SPARE_MIB,
        seconds=clips * (given.work_s + CLIP_S) + 60 * (ae.minutes + config.minutes) + BAKE_S + EXPORT_S,
    )  # fmt: skip
    _check_room(found, order, memory_free=int(available_mib(root) * MIB))
    return found


def _films(order: Order, vocabulary: Mapping[str, Slot], height: int) -> Given:
    """A folder of captioned videos."""
    if not order.licence:
        raise ModelError(
            "A pack without a licence is not made, and videos do not say theirs. Nothing was written.",
            hint="Say under which licence what is learnt from them may be used: --licence CC-BY-4.0, or --licence private.",
        )
    try:
        films = FolderSource(
            order.folder, height=height, seconds=order.seconds, vocabulary=vocabulary, about="subject", shortest=LEAST_S
        )
    except ClipError as exc:
        raise RequestError(str(exc)) from exc
    return Given(
        source=films, kind="videos", licence=order.licence, captions=list(films.captions.values()),
        left_out={path.name: text for path, text in films.left_out.items()}, inputs=tuple(films.captions),
        clip_s=order.seconds, work_s=READ_S,
    )  # fmt: skip


def _pipeline(order: Order, vocabulary: Mapping[str, Slot], height: int) -> Given:
    """A diffusers pipeline and the prompts that it is asked."""
    prompts, asked = read_prompts(order.prompts), order.teacher
    pipeline = read_pipeline(order.folder, licence=order.licence, motion=asked.motion)
    if not pipeline.moves:
        raise ModelError(
            f"{order.folder} draws single pictures, which have no motion to learn. Nothing was written.",
            hint="Give an AnimateDiff pipeline, or a motion adapter by --motion FOLDER.",
        )
    if asked.seconds < LEAST_S:
        raise RequestError(
            f"A clip of the teacher is {asked.seconds:.2f} s long; {LEAST_S:g} s are the least.",
            hint="Ask for more --frames, or show them slower with --fps.",
        )
    lexicon = Lexicon(vocabulary)
    said = {text: lexicon.read(text).said for text in prompts}
    taken = [text for text in prompts if "subject" in said[text]]
    return Given(
        source=TeacherSource(asked, taken, [said[text] for text in taken], height), kind=pipeline.kind,
        licence=pipeline.licence, captions=taken, inputs=pipeline.files, clip_s=asked.seconds, work_s=TEACHER_S,
        left_out={f"line {number}": text for number, text in enumerate(prompts, 1) if "subject" not in said[text]},
    )  # fmt: skip


def read_prompts(path: Path | None) -> list[str]:
    """The lines of a file. Raises RequestError where there are none."""
    if path is None:
        raise RequestError("A pipeline has to be told what to draw.", hint="Give --prompts FILE, one on each line.")
    try:
        lines = [line.strip() for line in path.read_text(encoding="utf-8-sig").splitlines()]
    except (OSError, UnicodeDecodeError) as exc:
        raise RequestError(f"{path} cannot be read: {exc}.", hint="Prompts are lines of a text file.") from exc
    found = [line for line in lines if line]
    if not found:
        raise RequestError(f"{path} holds no prompts.", hint="Write one on each line.")
    return found


def _config(order: Order) -> Config:
    """The sizes of the config under the pack's own name; `minutes` are shared out as the config shares its own."""
    try:
        config = load_config(order.config)
    except (OSError, msgspec.DecodeError) as exc:
        raise RequestError(
            f"{order.config} is no config: {exc}.", hint=f"Start from {Path(__file__).with_name('own.yaml')}."
        ) from exc
    ae = config.autoencoder
    share = (order.minutes or config.minutes + ae.minutes) / (config.minutes + ae.minutes)
    ae = msgspec.structs.replace(ae, name=order.name, minutes=ae.minutes * share)
    return msgspec.structs.replace(config, autoencoder=ae, minutes=config.minutes * share)


def _check_room(seen: Look, order: Order, *, memory_free: int) -> None:
    held = sum(path.stat().st_size for path in order.work.rglob("*") if path.is_file())  # of a run that is gone on with
    need_disk(
        int(seen.disk_mib * MIB), free=free_bytes(order.out) + held, where=str(order.out),
        why="every clip as plain pictures, and what is learnt from beside it",
        hint="Free some space, give --out on a larger disk, or fewer or shorter clips.",
    )  # fmt: skip
    need_memory(
        BASE_MIB * MIB, free=memory_free, why="most of it to train",
        hint="Close other programs, or use a machine with more memory.",
    )  # fmt: skip
