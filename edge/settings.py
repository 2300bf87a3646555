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
from typing import Annotated, Any, Literal

import msgspec

from edge.errors import SettingsError
from edge.mode import Mode

SYSTEM_FILE = "etc/edgereel/edgereel.yaml"
HINT_EVERY_KEY = "systemd/edgereel.yaml lists every key."

Name = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
Port = Annotated[int, msgspec.Meta(ge=1, le=65535)]
Count = Annotated[int, msgspec.Meta(ge=1)]
Seconds = Annotated[float, msgspec.Meta(gt=0)]
Percent = Annotated[float, msgspec.Meta(ge=0, le=100)]


class Node(msgspec.Struct, frozen=True, kw_only=True):
    """Who this board is on the network."""

    id: Name


class Broker(msgspec.Struct, frozen=True, kw_only=True):
    """The MQTT broker; an empty `username`, `password_file` or `ca_file` means "none"."""

    host: Annotated[str, msgspec.Meta(min_length=1)] = "127.0.0.1"
    port: Port = 1883
    username: str = ""
    password_file: str = ""
    tls: bool = False
    ca_file: str = ""
    keepalive_s: Annotated[int, msgspec.Meta(ge=5, le=3600)] = 30
    session_expiry_s: Annotated[int, msgspec.Meta(ge=0)] = 86400

    def password(self) -> str | None:
        """The password, read from its file; None when there is none. Raises SettingsError when it cannot be read."""
        if not self.password_file:
            return None
        try:
            return Path(self.password_file).read_text(encoding="utf-8").strip() or None
        except OSError as exc:
            raise SettingsError(
                f"broker.password_file {self.password_file}: {exc.strerror}.",
                hint="Write the password into that file and let the service read it.",
            ) from exc


class ModelChoice(msgspec.Struct, frozen=True, kw_only=True):
    """The packs to use, by name; an empty `llm` means that there is none."""

    video: Name = "tinyreel"
    llm: Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9._-]{0,64}$")] = "smollm2-135m"


class Engine(msgspec.Struct, frozen=True, kw_only=True):
    """How models are run; `threads` 0 means "choose from the cores that are free".

    A mode is entered only if it leaves `reserve_mib` of the available memory to others.
    """

    threads: Annotated[int, msgspec.Meta(ge=0, le=64)] = 0
    idle_exit_s: Seconds = 300.0
    nice: Annotated[int, msgspec.Meta(ge=0, le=19)] = 5
    small_board: Literal["auto", "yes", "no"] = "auto"
    reserve_mib: Annotated[float, msgspec.Meta(ge=0)] = 32.0
    max_attempts: Annotated[int, msgspec.Meta(ge=1, le=10)] = 3


class Queue(msgspec.Struct, frozen=True, kw_only=True):
    """The durable queue."""

    limit: Count = 64
    lease_s: Seconds = 60.0


class Paths(msgspec.Struct, frozen=True, kw_only=True):
    """Absolute folders: `state` holds the queue, `clips` the results, `models` pulled weights, `cache` may be emptied."""

    state: Path
    clips: Path
    models: Path
    cache: Path


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """Past any one of these, the board may not run a better mode than the row that holds them.

    `mem_available_percent` is of MemTotal less what we locked; `some_avg10` and `full_avg10` are memory PSI in percent.
    `refault_mib_s` counts only where the kernel does not report PSI.
    """

    mem_available_percent: Percent
    some_avg10: Percent
    full_avg10: Percent
    swap_in_mib_s: Annotated[float, msgspec.Meta(ge=0)]
    refault_mib_s: Annotated[float, msgspec.Meta(ge=0)]
    temperature_celsius: Annotated[float, msgspec.Meta(ge=0, le=150)]


class GovernorLimits(msgspec.Struct, frozen=True, kw_only=True):
    """When to step down. A row is left again after `calm_s` seconds without any of its limits being passed.

    The board is looked at every `look_s`, and told of every `tick_s`. `without_swap` is the best mode of a small board
    that has less than 2 GB of real swap.
    """

    look_s: Seconds = 0.5
    tick_s: Seconds = 2.0
    calm_s: Seconds = 60.0
    without_swap: Mode = Mode.NO_THINK
    direct: Limits = Limits(
        mem_available_percent=20, some_avg10=5, full_avg10=1, swap_in_mib_s=0.5, refault_mib_s=4, temperature_celsius=75
    )
    lite: Limits = Limits(
        mem_available_percent=12, some_avg10=15, full_avg10=2, swap_in_mib_s=1, refault_mib_s=8, temperature_celsius=80
    )
    spare: Limits = Limits(
        mem_available_percent=7, some_avg10=40, full_avg10=10, swap_in_mib_s=4, refault_mib_s=16, temperature_celsius=83
    )
    paused: Limits = Limits(
        mem_available_percent=4,
        some_avg10=80,
        full_avg10=40,
        swap_in_mib_s=16,
        refault_mib_s=32,
        temperature_celsius=88,
    )


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """The whole tree; each part of edgereel is given only its own section."""

    node: Node
    paths: Paths
    broker: Broker = Broker()
    models: ModelChoice = ModelChoice()
    engine: Engine = Engine()
    queue: Queue = Queue()
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
    credential = Path(env.get("CREDENTIALS_DIRECTORY", "")) / "mqtt-password"
    if env.get("CREDENTIALS_DIRECTORY") and credential.is_file():
        tree["broker"] = {"password_file": str(credential)}
    return tree


def _system_models(root: Path) -> Path | None:
    folder = root / "var/lib/edgereel/models"
    return folder if folder.is_dir() and os.access(folder, os.W_OK) else None


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
