"""What `source ./activate` leaves to the user."""

import json
import os
from pathlib import Path

import pytest

from testing.full_disk import full_disk
from toolchain import docker_engine, environment
from toolchain.paths import PULUMI_HOME, STATE


def test_without_a_login_the_user_has_no_backend(tmp_path: Path) -> None:
    assert not environment.has_backend({}, tmp_path)
    (tmp_path / "credentials.json").write_text(json.dumps({"current": ""}))
    assert not environment.has_backend({}, tmp_path)


def test_the_local_backend_of_an_earlier_activation_is_not_the_users(tmp_path: Path) -> None:
    assert not environment.has_backend({"PULUMI_BACKEND_URL": environment.LOCAL_BACKEND}, tmp_path)


def test_the_local_backend_of_an_older_version_is_not_the_users(tmp_path: Path) -> None:
    older = f"file://{STATE}"
    assert not environment.has_backend({"PULUMI_BACKEND_URL": older}, tmp_path)


@pytest.mark.parametrize("variable", ["PULUMI_BACKEND_URL", "PULUMI_ACCESS_TOKEN"])
def test_a_backend_named_in_the_environment_is_the_users(variable: str, tmp_path: Path) -> None:
    assert environment.has_backend({variable: "of the user"}, tmp_path)


def test_a_logged_in_user_has_a_backend(tmp_path: Path) -> None:
    (tmp_path / "credentials.json").write_text(json.dumps({"current": "https://pulumi.example"}))
    assert environment.has_backend({}, tmp_path)


def test_only_the_salt_of_a_lost_passphrase_is_forgotten(tmp_path: Path) -> None:
    settings = tmp_path / "Pulumi.dev.yaml"
    settings.write_text("encryptionsalt: v1:abc=:v1:def\nconfig:\n  oodt:wm_replicas: '4'\n")
    environment.forget_salt(settings)
    assert settings.read_text() == "config:\n  oodt:wm_replicas: '4'\n"


def test_settings_without_a_salt_are_not_written(tmp_path: Path) -> None:
    settings = tmp_path / "Pulumi.dev.yaml"
    settings.write_text("config: {}\n")
    os.utime(settings, (0, 0))
    environment.forget_salt(settings)
    assert settings.stat().st_mtime == 0


@pytest.mark.parametrize("secret", ["secure: v1:ghi", "- secure: v1:ghi", "- - secure: v1:ghi"])
def test_the_salt_stays_where_a_secret_of_the_users_needs_it(tmp_path: Path, secret: str) -> None:
    """By itself, or in a list, as pulumi config set --path 'keys[0]' --secret writes it."""
    settings = tmp_path / "Pulumi.dev.yaml"
    kept = f"encryptionsalt: v1:abc=:v1:def\nconfig:\n  oodt:webhook:\n    {secret}\n"
    settings.write_text(kept)
    environment.forget_unused_salt(settings)
    assert settings.read_text() == kept
    settings.write_text("encryptionsalt: v1:abc=:v1:def\nconfig:\n  oodt:webhook: secure\n")
    environment.forget_unused_salt(settings)
    assert settings.read_text() == "config:\n  oodt:webhook: secure\n"


def test_a_full_disk_leaves_the_settings_as_they_are(tmp_path: Path) -> None:
    settings = tmp_path / "Pulumi.dev.yaml"
    settings.write_text("encryptionsalt: v1:abc=:v1:def\nconfig: {}\n")
    with full_disk():
        environment.forget_salt(settings)
    assert settings.read_text() == "encryptionsalt: v1:abc=:v1:def\nconfig: {}\n"


def test_settings_without_their_salt_keep_their_mode(tmp_path: Path) -> None:
    settings = tmp_path / "Pulumi.dev.yaml"
    settings.write_text("encryptionsalt: v1:abc=:v1:def\nconfig: {}\n")
    settings.chmod(0o664)
    environment.forget_salt(settings)
    assert settings.stat().st_mode & 0o777 == 0o664


def test_a_passphrase_is_readable_by_its_owner_only(tmp_path: Path) -> None:
    environment.make_passphrase(tmp_path / "passphrase")
    assert (tmp_path / "passphrase").stat().st_mode & 0o777 == 0o600
    assert len((tmp_path / "passphrase").read_text()) >= 32


@pytest.fixture
def passphrase(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file of the passphrase in a folder where the toolchain has nothing yet."""
    monkeypatch.setattr(environment, "PASSPHRASE", tmp_path / "passphrase")
    monkeypatch.setattr(environment, "STATE", tmp_path / "state")
    monkeypatch.setattr(environment, "STACK_SETTINGS", tmp_path / "Pulumi.dev.yaml")
    return tmp_path / "passphrase"


def prepare() -> None:
    environment.prepare({"PULUMI_BACKEND_URL": "ours", "PULUMI_CONFIG_PASSPHRASE_FILE": "ours"})


def make_stack(passphrase: Path, name: str) -> None:
    """Make a stack as Pulumi does in its state; with another ending it is what Pulumi keeps of an old one."""
    folder = passphrase.with_name("state") / ".pulumi" / "stacks" / "oodt"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text("{}")


def test_a_passphrase_is_made_once(passphrase: Path) -> None:
    prepare()
    made = passphrase.read_text()
    prepare()
    assert passphrase.read_text() == made


def test_a_full_disk_leaves_no_empty_passphrase(passphrase: Path) -> None:
    with full_disk():
        prepare()
    assert not passphrase.exists()
    prepare()
    assert len(passphrase.read_text()) >= 32


@pytest.mark.parametrize("old", ["dev.json.bak", "dev.json.attrs", "dev.json.gz.bak"])
def test_an_empty_passphrase_that_no_stack_was_encrypted_with_is_none(passphrase: Path, old: str) -> None:
    make_stack(passphrase, old)
    passphrase.touch()
    environment.STACK_SETTINGS.write_text("encryptionsalt: v1:abc=:v1:def\nconfig: {}\n")
    prepare()
    assert len(passphrase.read_text()) >= 32
    assert environment.STACK_SETTINGS.read_text() == "config: {}\n"


@pytest.mark.parametrize("stack", ["dev.json", "another.json.gz"])
def test_an_empty_passphrase_that_a_stack_may_be_encrypted_with_stays(passphrase: Path, stack: str) -> None:
    make_stack(passphrase, stack)
    passphrase.touch()
    prepare()
    assert passphrase.read_text() == ""


@pytest.fixture
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A PULUMI_HOME of the user's, without plugins, who has none on PATH either."""
    monkeypatch.setattr(docker_engine, "context_socket", lambda: None)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setenv("PULUMI_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("OODT_USER_PULUMI_HOME", raising=False)
    monkeypatch.delenv("PULUMI_BACKEND_URL", raising=False)
    monkeypatch.delenv("PULUMI_ACCESS_TOKEN", raising=False)
    return tmp_path / "home"


def activate(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    found = environment.variables()
    for name, value in found.items():
        monkeypatch.setenv(name, value)
    return found


def test_a_second_activation_changes_nothing(own_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own_home.mkdir()
    (own_home / "credentials.json").write_text(json.dumps({"current": "https://pulumi.example"}))
    first = activate(monkeypatch)
    assert first["PULUMI_HOME"] == str(PULUMI_HOME)
    assert activate(monkeypatch) == first


def test_a_plugin_that_the_user_installs_after_an_activation_is_taken_at_the_next(
    own_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    activate(monkeypatch)
    plugin = own_home / "plugins" / "resource-docker-v5.2.0" / "pulumi-resource-docker"
    plugin.parent.mkdir(parents=True)
    plugin.touch()
    assert activate(monkeypatch)["PULUMI_HOME"] == str(own_home)
    assert "PULUMI_HOME" not in activate(monkeypatch)
