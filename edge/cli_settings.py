"""What a command line asks for: the settings of `--config` and `--set`, and the request of a prompt's options."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from edge.request import Request, make_request, path_from_text
from edge.settings import Settings, load_settings


def settings_of(args: argparse.Namespace) -> Settings:
    """The settings that this command line asks for. Raises SettingsError."""
    path = Path(args.config).expanduser() if args.config else None
    return load_settings(path, overrides=args.set, env=os.environ)


def request_of(args: argparse.Namespace) -> Request:
    """The request that a prompt and its options make. Raises RequestError."""
    path = path_from_text(args.path) if args.path is not None else None
    image = _image(args.image) if args.image is not None else None
    sent = {name: getattr(args, name, None) for name in ("ttl", "deliver")}
    return make_request(
        args.prompt, mode=args.mode, seconds=args.seconds, seed=args.seed, path=path, image=image, **sent
    )  # fmt: skip


def _image(named: str) -> str:
    if named.startswith("job:"):
        return named
    from edge.photo import photo_text

    return photo_text(Path(named).expanduser())
