"""The manifest of a pack whose networks are stored otherwise: that of the source, with what changed."""

from __future__ import annotations

from math import ceil

from msgspec.structs import replace

from edge.diffusers_manifest import DiffusersManifest
from edge.manifest import AnyVideoManifest
from tools.convert.diffusion.measure import measure
from tools.convert.mixed.work import Work
from tools.convert.pack import save_manifest, weight_file

HEAD = "# {name}, stored anew by `python -m tools.convert quantize`; report.md beside this file says how.\n"


def finish(work: Work, *, costlier_mib: float) -> AnyVideoManifest:
    """Write the manifest of what lies in `making`; `costlier_mib` is how much more memory its networks take than before."""
    order, source, folder = work.order, work.seen.source, work.making
    assert source.manifest
    was = source.manifest
    parts = {name: work.part(name) if name in work.seen.parts else part for name, part in was.parts.items()}
    names = (*(file for part in parts.values() for file in part.files), *source.others)
    made = replace(
        was, name=order.name, source=f"{was.source}; stored anew from {was.name} by `python -m tools.convert quantize`",
        parts=parts, files={name: weight_file(folder / name) for name in names},
    )  # fmt: skip
    head = HEAD.format(name=was.name)
    save_manifest(folder, made, head=head)
    if isinstance(made, DiffusersManifest):
        memory = {name: measure(folder, name, threads=order.threads) for name in work.seen.parts}
        made = replace(made, memory_mib={**made.memory_mib, **memory})
    else:
        made = replace(made, anonymous_mib=made.anonymous_mib + ceil(max(costlier_mib, 0.0)))
    save_manifest(folder, made, head=head)
    return made
