"""The engine's side of the library: the vector of a plan, and which clips are near it."""

from __future__ import annotations

from pathlib import Path

from edge.diffusers_manifest import DiffusersManifest
from edge.models import Models
from edge.packs import verified_file
from edge.plan import Plan
from edge.vectors import recipe_of
from edge.video.conditioner import Conditioner
from edge.video.likeness import of_words, vector
from edge.video.nearest import nearest
from edge.video.session import open_session


def look_up(plan: Plan, *, models: Models, file: Path) -> tuple[bytes, list[tuple[int, float]]]:
    """The vector of a plan, and the places of the nearest in `file` with how near they are, nearest first.

    Only the pack's conditioner is opened for it, where it has one. Raises ModelError when that is damaged.
    """
    manifest = models.video.manifest
    if isinstance(manifest, DiffusersManifest):
        made = of_words(plan.caption)
        return made, nearest(made, file=file, recipe=recipe_of(manifest, models.video.sha256))
    part = manifest.parts["conditioner"]
    path = verified_file(models.video, part.file, cache=models.cache)
    session, _ = open_session(path, part, threads=models.threads, cache=models.cache)
    made = vector(plan.shots, Conditioner(session, manifest.vocabulary), manifest)
    return made, nearest(made, file=file, recipe=recipe_of(manifest, models.video.sha256))
