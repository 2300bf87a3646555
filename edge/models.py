"""Which models this board runs with: the packs that the settings name, the threads, and whether memory is scarce."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from edge.cpu import choose_threads, fast_cores
from edge.diffusers_manifest import DiffusersManifest
from edge.errors import ModelError
from edge.manifest import AnyVideoManifest, LlmManifest, ModelManifest
from edge.memory import available_mib, total_mib
from edge.memory_plan import Needs, best_that_fits
from edge.mode import Mode
from edge.packs import Pack, find_llm_pack, find_video_pack, shipped_root
from edge.settings import Settings

SMALL_BOARD_MIB = 2100  # a "2 GB" board reports a little less than 2048, a "4 GB" one far more


@dataclass(frozen=True, kw_only=True)
class Models:
    """What to run with: the packs, the threads, whether to save memory over speed, and a folder that may be emptied.

    `cores` are those to run on, of which those count that are free; none where the settings say how many threads.
    """

    video: Pack[AnyVideoManifest]
    llm: Pack[LlmManifest] | None
    threads: int
    cores: frozenset[int] = frozenset()
    small_board: bool
    cache: Path


def pack_roots(settings: Settings) -> tuple[Path, ...]:
    """Where packs are looked for: the board's own folder first, then what edgereel ships."""
    return (settings.paths.models, shipped_root())


def models_of(settings: Settings, *, root: Path = Path("/")) -> Models:
    """The models that the settings name; `llm` is None when its weights are not here, or the video pack reads by itself.

    Looks for a fifth of a second at which cores are free, unless engine.threads says how many to use.
    Raises ModelError when a pack is not known or is of the wrong kind.
    """
    cores = frozenset[int]() if settings.engine.threads else fast_cores(root=root)
    video = find_video_pack(settings.models.video, roots=pack_roots(settings))
    return Models(
        cores=cores,
        video=video,
        llm=None if isinstance(video.manifest, DiffusersManifest) else language_model(settings),
        threads=settings.engine.threads or choose_threads(root=root, cores=cores),
        small_board=is_small_board(settings, root=root),
        cache=settings.paths.cache,
    )


def language_model(settings: Settings) -> Pack[LlmManifest] | None:
    """The language model that the settings name, or None when they name none or its weights are not here.

    Raises ModelError when the name is not that of a language model.
    """
    if not settings.models.llm:
        return None
    pack = find_llm_pack(settings.models.llm, roots=pack_roots(settings))
    return pack if has_weights(pack) else None


def has_weights(pack: Pack[ModelManifest]) -> bool:
    """True when every file of the pack is on this machine (whether it is the right one is for verify_pack)."""
    try:
        return all(pack.file(name).is_file() for name in pack.manifest.files)
    except ModelError:
        return False


def choose_mode(requested: str, *, has_llm: bool) -> tuple[Mode, str]:
    """The mode to run `auto` or a named mode in, and why it is not the best one (empty when it is)."""
    if requested != "auto":
        return Mode(requested), ""
    if has_llm:
        return Mode.NO_THINK, ""
    return Mode.DIRECT, "no language model is here"


def fitting_mode(asked: Mode, models: Models, *, free_mib: float) -> tuple[Mode, str]:
    """The best mode from `asked` down that fits into `free_mib`, and why it is not `asked`; PAUSED when none does."""
    return best_that_fits(asked, needs_of(models), free_mib=free_mib)


def free_mib(settings: Settings, *, root: Path = Path("/"), held_mib: float = 0.0) -> float:
    """What a job may take now: available memory, less the reserve, and `held_mib` that its process has already."""
    return available_mib(root) + held_mib - settings.engine.reserve_mib


def needs_of(models: Models) -> Needs:
    """How much memory each mode takes with these models."""
    llm = models.llm.manifest if models.llm else None
    return Needs(models.cache, video=models.video.manifest, llm=llm, small_board=models.small_board)


def is_small_board(settings: Settings, *, root: Path = Path("/")) -> bool:
    """True where memory is to be saved at the cost of speed."""
    if settings.engine.small_board == "auto":
        return total_mib(root) <= SMALL_BOARD_MIB
    return settings.engine.small_board == "yes"
