"""What an operator may set on target hosts, and what the errors say."""

from __future__ import annotations

import pytest

from infra import settings
from infra.hosts.settings import HostsSettings
from infra.settings import ConfigurationError
from tests.unit import project

GOOD = {
    "target": "hosts",
    "manager": "ssh://root@10.0.0.10",
    "workers": '["ssh://ops@host1.example.org:2222", "ssh://ops@host2.example.org"]',
    "shared_path": "/shared-data/test",
}


def load(changes: dict[str, str]) -> HostsSettings | None:
    config = {f"oodt:{key}": text for key, text in (project.defaults() | changes).items()}
    return settings.load(config, project="oodt", stack="test", root=project.ROOT).hosts


def test_the_hosts_are_read_in_their_order_with_the_manager_first() -> None:
    chosen = load(GOOD)
    assert chosen
    assert chosen.hosts == (
        "ssh://root@10.0.0.10",
        "ssh://ops@host1.example.org:2222",
        "ssh://ops@host2.example.org",
    )
    assert (chosen.shared_path, chosen.keep_data) == ("/shared-data/test", True)


@pytest.mark.parametrize("alias", ["Host0", "my_host", "_gate", "10.0.0.12"])
def test_a_host_may_be_any_alias_that_ssh_takes(alias: str) -> None:
    chosen = load(GOOD | {"manager": f"ssh://op@{alias}"})
    assert chosen and chosen.manager == f"ssh://op@{alias}"


def test_a_character_that_a_host_cannot_have_is_refused_with_those_that_it_can() -> None:
    with pytest.raises(ConfigurationError, match="of letters, digits, "):
        load(GOOD | {"manager": "ssh://op@my+host"})


@pytest.mark.parametrize(
    ("key", "value", "problem"),
    [
        ("manager", "", "it must be how ssh reaches the host"),
        ("manager", "root@10.0.0.10", "it must be how ssh reaches the host"),
        ("manager", "ssh://10.0.0.10", "it must be how ssh reaches the host"),
        ("manager", "ssh://-oProxyCommand=x@host", "it must be how ssh reaches the host"),
        ("manager", "ssh://root@-oProxyCommand=x", "it must be how ssh reaches the host"),
        ("manager", "ssh://root@host:99999", "99999 is no port"),
        ("workers", "[]", "it must name 1 to 50 hosts"),
        ("workers", "ssh://root@10.0.0.11", "it is not JSON"),
        ("workers", '["10.0.0.11"]', "'10.0.0.11' is not how ssh reaches the host"),
        ("workers", '["ssh://a@h1", "ssh://b@h1"]', "ssh://a@h1 is named twice"),
        ("workers", '["ssh://ops@10.0.0.10"]', "ssh://ops@10.0.0.10 is the manager too"),
        ("shared_path", "", "it must be the absolute path"),
        ("shared_path", "shared-data", "it must be the absolute path"),
        ("shared_path", "/", "it must be the absolute path"),
        ("shared_path", "/shared data", "it must be the absolute path"),
        ("shared_path", "/shared/../etc", "it must not go up"),
        ("keep_data", "yes", "it must be true or false"),
    ],
)
def test_a_bad_value_is_refused_with_the_line_to_type(key: str, value: str, problem: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load(GOOD | {key: value})
    message = str(caught.value)
    assert message.startswith(f"{key} is {value!r}: ")
    assert problem in message
    assert f"fix: pulumi config set {key} " in message


def test_the_keys_are_not_looked_at_on_another_target() -> None:
    assert load({"target": "local", "manager": "nonsense", "workers": "not even JSON"}) is None
