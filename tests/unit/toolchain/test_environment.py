"""What `source ./activate` leaves to the user."""

import json
from pathlib import Path

import pytest

from toolchain import environment


def test_without_a_login_the_user_has_no_backend(tmp_path: Path) -> None:
    assert not environment.has_backend({}, tmp_path)
    (tmp_path / "credentials.json").write_text(json.dumps({"current": ""}))
    assert not environment.has_backend({}, tmp_path)


def test_the_local_backend_of_an_earlier_activation_is_not_the_users(tmp_path: Path) -> None:
    assert not environment.has_backend({"PULUMI_BACKEND_URL": environment.LOCAL_BACKEND}, tmp_path)


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
