"""The addresses of broker and management, and what is said of wrong ones."""

from pathlib import Path

import pytest

from runtime import names
from runtime.environment import SettingError
from runtime.messaging.address import broker_url, management_url

URL = "amqp://user:secret@broker:5672/%2F"


@pytest.mark.parametrize(
    ("ending", "complaint"),
    [
        ("?heartbeat=abc", "ends with 'heartbeat=abc', which cannot be used: correct RABBITMQ_USER_URL"),
        ("?heartbeat=5&heartbeat=6", "ends with 'heartbeat=5&heartbeat=6'"),
        ("?heartbeats=5", "ends with 'heartbeats=5'"),
        ("?ssl_options={'password':'secret'", "ends with a part after its '?'"),
    ],
)
def test_what_the_client_does_not_take_of_an_address_is_told_without_its_secrets(
    ending: str, complaint: str
) -> None:
    with pytest.raises(SettingError) as caught:
        broker_url({"RABBITMQ_USER_URL": f"{URL}{ending}"})
    assert complaint in str(caught.value)
    assert "secret" not in str(caught.value)


def test_an_address_with_a_user_and_no_password_is_refused() -> None:
    with pytest.raises(SettingError, match="has a user without a password"):
        broker_url({"RABBITMQ_USER_URL": "amqp://user@broker/"})


@pytest.mark.parametrize("url", ["http://broker:15672", "http://user:secret@[", "secret"])
def test_a_wrong_address_of_the_management_is_refused_without_telling_the_password(url: str) -> None:
    with pytest.raises(SettingError, match="correct RABBITMQ_ADMIN_URL") as caught:
        management_url({"RABBITMQ_ADMIN_URL": url})
    assert "secret" not in str(caught.value)


def test_the_secret_serves_where_the_variable_is_not_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = tmp_path / "rabbitmq_user_url"
    secret.write_text(URL + "\n")
    monkeypatch.setattr(names, "RABBITMQ_USER_SECRET", str(secret))
    assert broker_url({}) == URL
