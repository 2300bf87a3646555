"""Settings: defaults, the file, the environment of systemd, --set, and how wrong ones are refused."""

from __future__ import annotations

import os
import re
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec
import pytest

from edge.errors import SettingsError
from edge.settings import Settings, load_settings
from tests.conftest import CHECKOUT

NOBODY = 65534

EXAMPLE = CHECKOUT / "systemd/edgereel.yaml"
HOME = {"HOME": "/home/somebody"}


def load(text: str, tmp_path: Path, *overrides: str) -> Settings:
    """Settings from a file with this text."""
    path = tmp_path / "edgereel.yaml"
    path.write_text(text, encoding="utf-8")
    return load_settings(path, overrides=overrides, env=HOME, root=tmp_path)


def keys_of(kind: type, prefix: str = "") -> set[str]:
    """Every dotted key of a settings tree."""
    found = set()
    for field in msgspec.structs.fields(kind):
        nested = isinstance(field.type, type) and issubclass(field.type, msgspec.Struct)
        found |= keys_of(field.type, f"{prefix}{field.name}.") if nested else {f"{prefix}{field.name}"}
    return found


def documented_keys(text: str) -> dict[str, bool]:
    """Every dotted key of the example, commented out or not, and whether a comment stands above it."""
    found: dict[str, bool] = {}
    path: list[str] = []
    explained = False
    for line in text.splitlines():
        match = re.match(r"( *)(?:# )?([a-z_0-9]+):(?: |$)(?! *[A-Z])", line)
        if match and not line.startswith("#"):
            depth = len(match[1]) // 2
            path = [*path[:depth], match[2]]
            found[".".join(path)] = explained or depth == 2
        explained = line.lstrip().startswith("#") and not match
    return found


def test_without_any_file_there_are_defaults_that_work(tmp_path: Path) -> None:
    settings = load_settings(None, env=HOME, root=tmp_path)

    assert settings.broker.host == "127.0.0.1"
    assert settings.models.video == "tinyreel"
    assert settings.paths.models == Path("/home/somebody/.local/share/edgereel/models")
    assert settings.governor.calm_s == 60


def test_the_example_file_says_every_key_and_why() -> None:
    documented = documented_keys(EXAMPLE.read_text(encoding="utf-8"))
    sections = {field.name for field in msgspec.structs.fields(Settings)}
    rows = {"governor.direct", "governor.lite", "governor.spare", "governor.paused"}

    assert set(documented) - sections - rows == keys_of(Settings)
    assert [key for key, explained in documented.items() if not explained and key not in sections | rows] == []


def test_the_example_file_holds_the_defaults() -> None:
    example = load_settings(EXAMPLE, env=HOME, root=Path("/nowhere"))

    assert example == load_settings(None, env=HOME, root=Path("/nowhere"))


def test_a_value_of_the_file_is_used_and_set_overrules_it(tmp_path: Path) -> None:
    text = "broker: {host: broker.lan, port: 8883}\nengine: {small_board: yes}\nqueue:\n"

    settings = load(text, tmp_path, "broker.port=1884")

    assert (settings.broker.host, settings.broker.port) == ("broker.lan", 1884)
    assert settings.engine.small_board == "yes"


def test_one_limit_of_a_row_can_be_set_alone(tmp_path: Path) -> None:
    settings = load("governor: {lite: {some_avg10: 33}}", tmp_path)

    assert settings.governor.lite.some_avg10 == 33
    assert settings.governor.lite.mem_available_percent == 12


def test_systemd_says_where_state_cache_and_password_are(tmp_path: Path) -> None:
    (tmp_path / "mqtt-password").write_text("secret\n", encoding="utf-8")
    env = {"STATE_DIRECTORY": "/var/lib/edgereel", "CACHE_DIRECTORY": "/var/cache/edgereel"}

    settings = load_settings(None, env={**env, "CREDENTIALS_DIRECTORY": str(tmp_path)}, root=tmp_path)

    assert settings.paths.clips == Path("/var/lib/edgereel/clips")
    assert settings.paths.cache == Path("/var/cache/edgereel")
    assert settings.broker.password() == "secret"


@pytest.mark.parametrize(("content", "token"), [("t0ken\n", "t0ken"), ("\n", None), ("", None)])
def test_systemd_hands_over_the_token_of_the_clip_server_or_an_empty_line_for_none(
    tmp_path: Path, content: str, token: str | None
) -> None:
    (tmp_path / "http-token").write_text(content, encoding="utf-8")
    env = {**HOME, "CREDENTIALS_DIRECTORY": str(tmp_path)}

    assert load_settings(None, env=env, root=tmp_path).http.token() == token
    assert load_settings(None, overrides=['http.token_file=""'], env=env, root=tmp_path).http.token() is None


@pytest.mark.parametrize(("held", "name"), [("-----BEGIN PRIVATE KEY-----\n", "mqtt-key"), ("\n", "")])
def test_the_key_of_the_certificate_is_a_credential_of_the_service(held: str, name: str, tmp_path: Path) -> None:
    (tmp_path / "mqtt-key").write_text(held, encoding="utf-8")

    settings = load_settings(None, env={"CREDENTIALS_DIRECTORY": str(tmp_path)}, root=tmp_path)

    assert settings.broker.key_file == (str(tmp_path / name) if name else "")
    assert settings.broker.password() is None


def test_an_empty_password_file_means_no_password(tmp_path: Path) -> None:
    (tmp_path / "empty").write_text("", encoding="utf-8")

    assert load(f"broker: {{password_file: {tmp_path}/empty}}", tmp_path).broker.password() is None


def test_a_password_file_that_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"broker.password_file /nowhere/secret: No such file"):
        load("broker: {password_file: /nowhere/secret}", tmp_path).broker.password()


def test_a_user_who_may_not_look_into_the_services_folder_has_models_of_its_own() -> None:
    users = os.getresuid()
    with TemporaryDirectory() as name:
        kept = Path(name, "var/lib/edgereel")
        (kept / "models").mkdir(parents=True)
        Path(name).chmod(0o711)
        kept.chmod(0)
        try:
            if 0 in users:  # to whom nothing is closed
                os.setresuid(NOBODY, NOBODY, 0)
            settings = load_settings(None, env={"HOME": "/home/pi"}, root=Path(name))
        finally:
            os.setresuid(*users)
            kept.chmod(0o700)

    assert settings.paths.models == Path("/home/pi/.local/share/edgereel/models")


def test_a_board_keeps_its_id_and_another_board_has_another(tmp_path: Path) -> None:
    ids = []
    for machine in ("aaaa", "aaaa", "bbbb"):
        (tmp_path / "etc").mkdir(exist_ok=True)
        (tmp_path / "etc/machine-id").write_text(machine, encoding="ascii")
        ids.append(load_settings(None, env=HOME, root=tmp_path).node.id)

    assert ids[0] == ids[1] != ids[2]
    assert re.fullmatch(r"edgereel-[0-9a-f]{8}", ids[0])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("broker: {prot: 1}", r"Unknown setting broker.prot in .*\. Did you mean broker.port\?"),
        ("brokr: {}", r"Unknown setting brokr .* Did you mean broker\?"),
        ("zzz: 1", r"Unknown setting zzz .* Known here: node, paths, broker"),
        ("broker: 3", "broker in .* is a section"),
        ("broker: {port: 70000}", "Setting broker.port in .*: Expected `int` <= 65535"),
        ("broker: {port: many}", "Setting broker.port in .*: Expected `int`, got `str`"),
        ("engine: {small_board: maybe}", "Setting engine.small_board in .*: Invalid enum value 'maybe'"),
        ("node: {id: a/b}", "Setting node.id in .*: Expected `str` matching"),
        ("paths: {clips: clips}", "Setting paths.clips in .*: Expected an absolute path, got 'clips'"),
        ("[1, 2]", "is not a mapping of sections"),
        ("broker: {", "edgereel.yaml: .*"),
    ],
)
def test_a_wrong_file_is_refused_with_the_key_and_what_to_do(text: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=said) as caught:
        load(text, tmp_path)

    assert caught.value.hint
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("override", ["threads", "=3", "engine.=3", "engine.threads.more=3", "engine.nice=["])
def test_a_set_that_makes_no_sense_is_refused(override: str, tmp_path: Path) -> None:
    with pytest.raises(SettingsError):
        load("engine: {threads: 2}", tmp_path, override)


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="No such file or directory"):
        load_settings(tmp_path / "none.yaml", env=HOME)
