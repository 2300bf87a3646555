"""The sections of the settings: what there is to choose, its bounds and its defaults."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Literal

import msgspec

from edge.errors import SettingsError
from edge.mode import Mode

Name = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
Port = Annotated[int, msgspec.Meta(ge=1, le=65535)]
Count = Annotated[int, msgspec.Meta(ge=1)]
Seconds = Annotated[float, msgspec.Meta(gt=0)]
Percent = Annotated[float, msgspec.Meta(ge=0, le=100)]
TOKEN_PATTERN = re.compile(r"[\x21-\x7e]{1,512}\Z")  # what fits into a header as it is


class Node(msgspec.Struct, frozen=True, kw_only=True):
    """Who this board is on the network."""

    id: Name


class Broker(msgspec.Struct, frozen=True, kw_only=True):
    """The MQTT broker; an empty `username` or file means "none". `cert_file` and `key_file` are our own certificate."""

    host: Annotated[str, msgspec.Meta(min_length=1)] = "127.0.0.1"
    port: Port = 1883
    username: str = ""
    password_file: str = ""
    tls: bool = False
    ca_file: str = ""
    cert_file: str = ""
    key_file: str = ""
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
    """The packs to use, by name; an empty `llm` means that there is none. A `video` with a slash is a pack's folder."""

    video: Annotated[str, msgspec.Meta(pattern=r"^([A-Za-z0-9._-]{1,64}|.{0,500}/.{0,500})$")] = "tinyreel"
    llm: Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9._-]{0,64}$")] = "smollm2-135m-expand"


class Engine(msgspec.Struct, frozen=True, kw_only=True):
    """How models are run; `threads` 0 means "choose from the cores that are free".

    A mode is entered only if it leaves `reserve_mib` of the available memory to others.
    """

    threads: Annotated[int, msgspec.Meta(ge=0, le=64)] = 0
    idle_exit_s: Seconds = 300.0
    nice: Annotated[int, msgspec.Meta(ge=0, le=19)] = 5
    small_board: Literal["auto", "yes", "no"] = "auto"
    reserve_mib: Annotated[float, msgspec.Meta(ge=0)] = 32.0
    max_attempts: Annotated[int, msgspec.Meta(ge=1, le=100)] = 3


class Queue(msgspec.Struct, frozen=True, kw_only=True):
    """The durable queue."""

    limit: Count = 64
    lease_s: Seconds = 60.0


class Fleet(msgspec.Struct, frozen=True, kw_only=True):
    """The pools that this board takes work from, and when it leaves them and comes back.

    It leaves when `high` jobs wait or run, and comes back when no more than `low` have done so for about `calm_s`.
    """

    pools: tuple[Name, ...] = ()
    high: Count = 4
    low: Annotated[int, msgspec.Meta(ge=0)] = 1
    calm_s: Seconds = 30.0
    session_expiry_s: Annotated[int, msgspec.Meta(ge=1)] = 60


class Http(msgspec.Struct, frozen=True, kw_only=True):
    """The server that clips are fetched from; `port` 0 means that there is none.

    Whoever asks needs the token in `token_file`, or a certificate that `client_ca_file` signed; on a loopback `host`
    both may be empty. `cert_file` and `key_file` are for https. `url` is how others reach it, where host and port differ.
    With `page` there is also a page, on which clips are watched and asked for.
    """

    port: Annotated[int, msgspec.Meta(ge=0, le=65535)] = 0
    host: Annotated[str, msgspec.Meta(min_length=1)] = "127.0.0.1"
    token_file: str = ""
    cert_file: str = ""
    key_file: str = ""
    client_ca_file: str = ""
    url: Annotated[str, msgspec.Meta(pattern=r"^(https?://\S+[^/\s])?$")] = ""
    page: bool = False

    def token(self) -> str | None:
        """The token, read from its file; None when none is set.

        Raises SettingsError when the file cannot be read, is empty, or holds what cannot be sent in a header.
        """
        if not self.token_file:
            return None
        try:
            token = Path(self.token_file).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as exc:
            why = exc.strerror if isinstance(exc, OSError) else "it is not text"
            raise SettingsError(
                f"http.token_file {self.token_file}: {why}.",
                hint="Write the token into that file and let the service read it.",
            ) from exc
        if not TOKEN_PATTERN.match(token):
            raise SettingsError(
                f"http.token_file {self.token_file} is {'not one word of ASCII' if token else 'empty'}.",
                hint="Write a token into it, for example with `openssl rand -hex 24`, or set http.token_file to nothing.",
            )
        return token


class Clips(msgspec.Struct, frozen=True, kw_only=True):
    """How much is kept: past `max_mib` or `max_days` the oldest clip goes, those first that were delivered.

    With less than `reserve_mib` free on the disk no new request is accepted.
    """

    max_mib: Annotated[float, msgspec.Meta(gt=0)] = 2048.0
    max_days: Annotated[float, msgspec.Meta(gt=0)] = 90.0
    reserve_mib: Annotated[float, msgspec.Meta(ge=0)] = 64.0


class Library(msgspec.Struct, frozen=True, kw_only=True):
    """When a clip that is there already may answer a request that does not say so itself.

    A near one is near enough from `similarity` on. Hot prompts are made after `warm_after_s` without any work.
    """

    reuse: Literal["never", "same", "near"] = "same"
    similarity: Annotated[float, msgspec.Meta(ge=0, le=1)] = 0.93
    warm_after_s: Annotated[float, msgspec.Meta(ge=0)] = 30.0


class HomeAssistant(msgspec.Struct, frozen=True, kw_only=True):
    """Whether this board appears in Home Assistant by itself, under which prefix, and whether with a field of text."""

    discovery: bool = True
    prefix: Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9_-]+(/[A-Za-z0-9_-]+)*$")] = "homeassistant"
    text: bool = False


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
