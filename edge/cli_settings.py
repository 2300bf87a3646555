"""Settings for one command: the file of `--config` and the values of `--set`."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from edge.settings import Settings, load_settings


def settings_of(args: argparse.Namespace) -> Settings:
    """The settings that this command line asks for. Raises SettingsError."""
    path = Path(args.config).expanduser() if args.config else None
    return load_settings(path, overrides=args.set, env=os.environ)
