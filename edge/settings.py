"""Settings: one frozen tree, read once from YAML; a wrong key is refused with a suggestion.

Where a value comes from, the later one winning: the default below, the folders that systemd hands out
(`STATE_DIRECTORY`, `CACHE_DIRECTORY`, `CREDENTIALS_DIRECTORY`), the YAML file, `--set section.key=value`.
`systemd/edgereel.yaml` documents every key with its unit and its reason.
"""

from __future__ import annotations

import difflib
import hashlib
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from edge.errors import SettingsError
from edge.sections import (
    Broker,
    Clips,
    Engine,
    Fleet,
    GovernorLimits,
    HomeAssistant,
    Http,
    Library,
    ModelChoice,
    Node,
    Paths,
    Queue,
)

SYSTEM_FILE = "etc/edgereel/edgereel.yaml"
HINT_EVERY_KEY = "systemd/edgereel.yaml lists every key."


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """The whole tree; each part of edgereel is given only its own section."""

    node: Node
    paths: Paths
    broker: Broker = Broker()
    models: ModelChoice = ModelChoice()
    engine: Engine = Engine()
    queue: Queue = Queue()
    fleet: Fleet = Fleet()
    http: Http = Http()
    clips: Clips = Clips()
    library: Library = Library()
    home_assistant: HomeAssistant = HomeAssistant()
    governor: GovernorLimits = GovernorLimits()


def load_settings(
    path: Path | None, *, overrides: Sequence[str] = (), env: Mapping[str, str], root: Path = Path("/")
) -> Settings:
    """Read the settings; `path` None means $EDGEREEL_CONFIG, else /etc/edgereel/edgereel.yaml if it is there.

    `overrides` are `section.key=value` with the value in YAML. Raises SettingsError for a file that cannot be
    read, an unknown key (with the nearest known one), and a value of the wrong type or out of bounds.
    """
    found = path or _default_file(env, root=root)
    tree = _read_tree(found) if found else {}
    where = (str(found) if found else "the settings") + (" with --set" if overrides else "")
    for override in overrides:
        _apply(tree, override)
    _check_keys(tree, Settings, where=where, prefix="")
    _merge(tree, _environment_defaults(env, root=root))
    return _convert(tree, where=where)


def _default_file(env: Mapping[str, str], *, root: Path) -> Path | None:
    if named := env.get("EDGEREEL_CONFIG"):
        return Path(named)
    return root / SYSTEM_FILE if (root / SYSTEM_FILE).is_file() else None


def _read_tree(path: Path) -> dict[str, Any]:
    try:
        tree = msgspec.yaml.decode(path.read_bytes())
    except OSError as exc:
        raise SettingsError(
            f"Settings file {path}: {exc.strerror}.", hint="Give an existing file to --config."
        ) from exc
    except msgspec.MsgspecError as exc:
        raise SettingsError(f"Settings file {path}: {_one_line(exc)}.", hint="Correct the YAML.") from exc
    if not isinstance(tree, dict | None):
        raise SettingsError(f"Settings file {path} is not a mapping of sections.", hint=HINT_EVERY_KEY)
    return tree or {}


def _apply(tree: dict[str, Any], override: str) -> None:
    name, equals, value = override.partition("=")
    keys = name.strip().split(".")
    if not equals or not all(keys):
        raise SettingsError(f"--set {override!r} is not section.key=value.", hint="For example --set engine.threads=2.")
    for key in keys[:-1]:
        below = tree.setdefault(key, {})
        if not isinstance(below, dict):
            raise SettingsError(f"--set {override!r}: {key} is a value, not a section.", hint=HINT_EVERY_KEY)
        tree = below
    try:
        tree[keys[-1]] = msgspec.yaml.decode(value.encode())
    except msgspec.MsgspecError as exc:
        raise SettingsError(f"--set {override!r}: {_one_line(exc)}.", hint="Quote the value as YAML wants it.") from exc


def _check_keys(tree: dict[str, Any], kind: Any, *, where: str, prefix: str) -> None:
    """Refuse unknown keys with a suggestion, and turn YAML's `yes`/`no` back into words where words are wanted."""
    fields = {field.name: field.type for field in msgspec.structs.fields(kind)}
    for key, value in tree.items():
        if key not in fields:
            near = difflib.get_close_matches(str(key), fields, n=1)
            hint = f"Did you mean {prefix}{near[0]}?" if near else f"Known here: {', '.join(fields)}."
            raise SettingsError(f"Unknown setting {prefix}{key} in {where}.", hint=hint)
        wanted = fields[key]
        if isinstance(wanted, type) and issubclass(wanted, msgspec.Struct):
            section = tree[key] = {} if value is None else value  # a head with nothing under it
            if not isinstance(section, dict):
                raise SettingsError(f"{prefix}{key} in {where} is a section, not a value.", hint=HINT_EVERY_KEY)
            _check_keys(section, wanted, where=where, prefix=f"{prefix}{key}.")
        elif isinstance(value, bool) and wanted is not bool:
            tree[key] = "yes" if value else "no"


def _environment_defaults(env: Mapping[str, str], *, root: Path) -> dict[str, Any]:
    home = Path(env.get("HOME") or "/")
    data = Path(env.get("XDG_DATA_HOME") or home / ".local/share") / "edgereel"
    state = Path(env["STATE_DIRECTORY"]) if env.get("STATE_DIRECTORY") else data
    cache = env.get("CACHE_DIRECTORY") or Path(env.get("XDG_CACHE_HOME") or home / ".cache") / "edgereel"
    models = env.get("EDGEREEL_MODELS") or _system_models(root) or state / "models"
    tree: dict[str, Any] = {
        "node": {"id": _board_id(root)},
        "paths": {"state": str(state), "clips": str(state / "clips"), "models": str(models), "cache": str(cache)},
        "governor": msgspec.to_builtins(GovernorLimits()),  # so that one limit can be set without its whole row
    }
    if env.get("CREDENTIALS_DIRECTORY"):
        credentials = Path(env["CREDENTIALS_DIRECTORY"])
        if (password := credentials / "mqtt-password").is_file():
            tree["broker"] = {"password_file": str(password)}
        if _holds_a_line(token := credentials / "http-token"):
            tree["http"] = {"token_file": str(token)}
        if _holds_a_line(key := credentials / "mqtt-key"):
            tree.setdefault("broker", {})["key_file"] = str(key)
    return tree


def _holds_a_line(path: Path) -> bool:
    """False for an empty credential, which stands for none. One that cannot be read is left for its reader to name."""
    try:
        return bool(path.read_bytes().strip())
    except OSError:
        return path.is_file()


def _system_models(root: Path) -> Path | None:
    folder = root / "var/lib/edgereel/models"
    return folder if os.access(folder, os.W_OK) else None  # systemd keeps it from other users than the service's


def _board_id(root: Path) -> str:
    """An id that survives a new host name and differs between copies of one SD card image."""
    try:
        machine = (root / "etc/machine-id").read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        machine = ""
    if not machine:
        return re.sub(r"[^a-z0-9-]", "-", os.uname().nodename.lower())[:64] or "edgereel"
    return "edgereel-" + hashlib.sha256(b"edgereel" + machine.encode()).hexdigest()[:8]


def _merge(tree: dict[str, Any], defaults: dict[str, Any]) -> None:
    for key, value in defaults.items():
        if isinstance(value, dict):
            _merge(tree.setdefault(key, {}), value)
        else:
            tree.setdefault(key, value)


def _convert(tree: dict[str, Any], *, where: str) -> Settings:
    try:
        return msgspec.convert(tree, Settings, dec_hook=_path_from_text)
    except msgspec.ValidationError as exc:
        what, _, key = str(exc).partition(" - at `$.")
        raise SettingsError(f"Setting {key.rstrip('`')} in {where}: {what}.", hint=HINT_EVERY_KEY) from exc


def _one_line(exc: Exception) -> str:
    return " ".join(str(exc).split())


def _path_from_text(kind: type, value: object) -> object:
    if kind is Path and isinstance(value, str) and value.startswith(("/", "~/")):
        return Path(value).expanduser()
    raise ValueError(f"Expected an absolute path, got {value!r}")
