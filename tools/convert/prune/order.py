"""What is asked of a pruning, and all that is known of it before anything is written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from edge.errors import ModelError, RequestError
from edge.manifest import VideoManifest, load_manifest
from edge.memory import available_mib
from tools.convert.room import free_bytes, need_disk, need_memory
from tools.convert.target import Target

MIB = 1 << 20
MOST_SHARE = 0.9
NETWORKS = ("conditioner", "denoiser")
HELD = 1  # shard of a run that is only looked at
BASE_BYTES = 700 * MIB  # torch and onnxruntime themselves
WORKING = 90_000  # bytes for each cell of a slot while its gradients are computed
CHECKPOINT = 20  # bytes of a checkpoint for each byte of the networks, which are INT8 and float16
# Guesses for one desktop core. Only the order of magnitude is meant.
SCENE_S, CLIP_S, EXPORT_S = 1.0, 6.0, 60.0
READ_S = 30.0


@dataclass(frozen=True, kw_only=True)
class Order(Target):
    """What is asked for. Packs go to `out`/`name`-pSHARE; the work lies beside them until it is done.

    `linear` is the share of the conditioner's hidden channels; `minutes` of tuning are for each share. `scenes` are looked at,
    `clips` judged (0 leaves the judges out), `shards` are rendered truth.
    """

    folder: Path
    shares: Sequence[float]
    linear: float = 0.0
    minutes: float = 60.0
    scenes: int = 48
    calibrate: int = 24
    clips: int = 0
    shards: Path | None = None
    threads: int = 1

    def pack(self, share: float) -> Path:
        """The folder of a finished pack."""
        return self.out / f"{self.name}-{label(share)}"


@dataclass(frozen=True, kw_only=True)
class Look:
    """The pack, and what its pruning takes: bytes of disk and memory, and seconds."""

    manifest: VideoManifest
    disk: int
    memory: int
    seconds: float


def label(share: float) -> str:
    """What a share is called in names: p30 for 0.3, p12.5 for 0.125."""
    return f"p{100 * share:g}"


def look(order: Order, *, root: Path = Path("/")) -> Look:
    """Read what is small and say what it takes. Raises ModelError, RequestError or ResourceError: nothing is written."""
    _check(order)
    manifest = load_manifest(order.folder)
    if not isinstance(manifest, VideoManifest):
        raise ModelError(
            f"{order.folder} is not a pack of edgereel's own generator but {manifest.description or 'another'}: there is "
            "nothing in it that prune knows. Nothing was written.",
            hint="Take a pack that tools/convert/tinyvideo made, such as models/tinyreel.",
        )
    made = sum(manifest.files[manifest.parts[part].file].bytes for part in NETWORKS)
    whole = sum(file.bytes for file in manifest.files.values())
    cells = manifest.latent.height * manifest.latent.width
    disk = len(order.shares) * (CHECKPOINT * made + whole) + 64 * MIB
    memory = BASE_BYTES + whole * 4 + cells * WORKING * max(manifest.steps)
    need_disk(
        disk, free=free_bytes(order.out), where=str(order.out), why="checkpoints of the tuning, beside the result",
        hint="Free some space, give --out on a larger disk, or fewer --share at once.",
    )  # fmt: skip
    need_memory(
        memory, free=int(available_mib(root) * MIB), why="most of it for gradients",
        hint="Close other programs, or use a machine with more memory.",
    )  # fmt: skip
    each = order.minutes * 60 + EXPORT_S + order.clips * CLIP_S
    seconds = READ_S + order.scenes * SCENE_S + order.clips * CLIP_S + len(order.shares) * each
    return Look(manifest=manifest, disk=disk, memory=memory, seconds=seconds)


def _check(order: Order) -> None:
    for what, share, low in (*(("--share", share, 0.01) for share in order.shares), ("--linear", order.linear, 0.0)):
        if not low <= share <= MOST_SHARE:
            raise RequestError(f"{what} {share:g}: {low:g} to {MOST_SHARE:g} can go.", hint="Try --share 0.3.")
    for what, count in (("--scenes", order.scenes), ("--calibrate", order.calibrate)):
        if count < 1:
            raise RequestError(
                f"{what} {count}: at least one is needed.", hint=f"Leave {what} out for the usual number."
            )
    if order.minutes < 0:
        raise RequestError(f"--minutes {order.minutes:g} is no time.", hint="Give 0 for no tuning at all.")
    if order.clips < 0:
        raise RequestError(f"--judge {order.clips} is no number of clips.", hint="Give 0 for none.")
    if order.shards is not None and len(list(order.shards.glob("*.latents.npy"))) <= HELD:
        raise RequestError(
            f"--shards {order.shards} holds no shards of a training run.",
            hint="`python -m tools.convert.tinyvideo shards` writes them; without --shards nothing is rendered.",
        )
