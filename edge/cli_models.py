"""`edgereel models list|pull|add|verify|trust`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from edge.adopt import adopt
from edge.cli_settings import settings_of
from edge.errors import ModelError
from edge.grant import give_trust
from edge.manifest import LlmManifest, ModelManifest
from edge.models import has_weights, pack_roots
from edge.packs import Pack, find_pack, known_packs, open_pack, verify_pack
from edge.pull import pull
from edge.settings import Settings
from edge.show import print_json, print_table, progress
from edge.trust import Trust


def models(args: argparse.Namespace) -> int:
    """Do the action that was asked for; returns the exit code."""
    settings = settings_of(args)
    match args.action:
        case "list":
            return _list(settings, as_json=args.json)
        case "pull":
            return _pull(args.name, settings, trust=args.trust)
        case "add":
            return _add(Path(args.folder).expanduser(), settings, trust=args.trust, replace=args.replace)
        case "trust":
            return _trust(args.name, settings)
        case _:
            return _verify(args.name, settings)


def _list(settings: Settings, *, as_json: bool) -> int:
    packs = known_packs(pack_roots(settings))
    if as_json:
        print_json({"packs": [_row(pack) for pack in packs]})
        return 0
    heads = ("name", "kind", "version", "MiB", "weights", "trust", "what it is")
    print_table(heads, [tuple(str(cell) for cell in _row(pack).values()) for pack in packs])
    return 0


def _row(pack: Pack[ModelManifest]) -> dict[str, str | int]:
    manifest = pack.manifest
    return {
        "name": manifest.name,
        "kind": "llm" if isinstance(manifest, LlmManifest) else "video",
        "version": manifest.version,
        "mib": sum(file.bytes for file in manifest.files.values()) >> 20,
        "weights": "here" if has_weights(pack) else "not pulled",
        "trust": str(pack.trust),
        "description": " ".join(manifest.description.split()),
    }


def _pull(name: str, settings: Settings, *, trust: bool) -> int:
    with progress(f"pull {name}") as report:
        path = pull(
            name,
            roots=pack_roots(settings),
            into=settings.paths.models,
            progress=lambda done, total: report(f"of {total >> 20} MiB", done / max(total, 1)),
        )
    print(path)
    return _offer_trust(name, settings, trust=trust)


def _add(folder: Path, settings: Settings, *, trust: bool, replace: bool) -> int:
    with progress(f"add {folder.name}") as report:
        path = adopt(
            folder,
            into=settings.paths.models,
            replace=replace,
            progress=lambda done, total: report(f"of {total >> 20} MiB", done / max(total, 1)),
        )
    print(path)
    return _offer_trust(path.name, settings, trust=trust)


def _offer_trust(name: str, settings: Settings, *, trust: bool) -> int:
    """Trust the pack where that was asked for, or where the person at the terminal says so now."""
    if not trust and find_pack(name, roots=pack_roots(settings)).trust is Trust.NONE:
        print(f"{name} is not trusted yet: `edgereel models trust --help` says why.", file=sys.stderr)
        trust = (
            sys.stdin.isatty() and sys.stderr.isatty() and _says_yes(f"Do you know who made {name}? Trust it? [y/N] ")
        )
    return _trust(name, settings) if trust else 0


def _says_yes(question: str) -> bool:
    print(question, end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def _trust(name: str, settings: Settings) -> int:
    pack = open_pack(name, roots=pack_roots(settings))
    if pack.trust is Trust.NONE:
        settings.paths.models.mkdir(parents=True, exist_ok=True)
        give_trust(pack.name, pack.sha256, root=settings.paths.models)
    reason = "comes with edgereel" if pack.trust is Trust.SHIPPED else f"is trusted: manifest sha256 {pack.sha256}"
    print(f"{pack.name} {reason}")
    return 0


def _verify(name: str | None, settings: Settings) -> int:
    roots = pack_roots(settings)
    packs = [open_pack(name, roots=roots)] if name else [pack for pack in known_packs(roots) if has_weights(pack)]
    if not packs:
        raise ModelError("No model pack has its weights here.", hint="Run `edgereel models pull smollm2-135m-expand`.")
    for pack in packs:
        verify_pack(pack)
        print(f"{pack.name}: {len(pack.manifest.files)} files as the manifest says")
    return 0
