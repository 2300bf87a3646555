"""What a command line asks for: the settings of `--config` and `--set`, and the request of a prompt's options."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from edge.extras import Extras, make_extras
from edge.manifest import MANIFEST
from edge.request import Request, make_request, path_from_text
from edge.settings import Settings, load_settings


def settings_of(args: argparse.Namespace) -> Settings:
    """The settings that this command line asks for. Raises SettingsError."""
    path = Path(args.config).expanduser() if args.config else None
    pack = getattr(args, "pack", None)
    overrides = args.set if pack is None else [*args.set, f"models.video={_pack(pack)}"]
    return load_settings(path, overrides=overrides, env=os.environ)


def request_of(args: argparse.Namespace, *, prompt: str | None = None, request_id: str | None = None) -> Request:
    """The request that a prompt and its options make; another prompt may take the place of theirs. Raises RequestError."""
    path = path_from_text(args.path) if args.path is not None else None
    image = _image(args.image) if args.image is not None else None
    sent = {name: getattr(args, name, None) for name in ("ttl", "deliver", "reuse")}
    return make_request(
        args.prompt if prompt is None else prompt, id=request_id, mode=args.mode, seconds=args.seconds, seed=args.seed, path=path, image=image, **sent
    )  # fmt: skip


def extras_of(args: argparse.Namespace, *, preview: Path | None = None) -> Extras:
    """What the options want of a clip beyond its prompt; another `preview` may take the place of theirs.

    Raises RequestError.
    """
    return make_extras(
        crop=args.crop, watermark=args.watermark, max_bytes=args.max_bytes, loop=args.loop, fps=args.fps,
        preview=args.preview if preview is None else str(preview),
    )  # fmt: skip


def _pack(named: str) -> str:
    """The name of a pack, or the whole path of its folder, which has a slash."""
    folder = Path(named).expanduser()
    return str(folder.resolve()) if os.sep in named or (folder / MANIFEST).is_file() else named


def _image(named: str) -> str:
    if named.startswith("job:"):
        return named
    from edge.photo import photo_text

    return photo_text(Path(named).expanduser())
