"""What `source ./activate` leaves to the user."""

import json
from pathlib import Path

import pytest

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


def test_a_passphrase_is_readable_by_its_owner_only(tmp_path: Path) -> None:
    environment.make_passphrase(tmp_path / "passphrase")
    assert (tmp_path / "passphrase").stat().st_mode & 0o777 == 0o600
    assert len((tmp_path / "passphrase").read_text()) >= 32


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
    (own_home / "plugins" / "resource-docker-v5.2.0").mkdir(parents=True)
    assert activate(monkeypatch)["PULUMI_HOME"] == str(own_home)
    assert "PULUMI_HOME" not in activate(monkeypatch)
