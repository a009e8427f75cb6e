"""Settings from environment variables, and what is said of wrong ones."""

import json
from pathlib import Path

import pytest

from runtime import names, stack
from runtime.environment import (
    NoBrokerAddress,
    SettingError,
    command_admin_url,
    command_broker_url,
    command_priority,
    worker_settings,
)
from runtime.topology import Event

GOOD = {"RABBITMQ_USER_URL": "amqp://user:secret@broker:5672/%2F", "WORKFLOW_QUEUE": "test-workflow"}


def test_two_variables_are_enough() -> None:
    settings = worker_settings(GOOD)
    assert settings.events == (Event(name="test-workflow"),)
    assert settings.wmgr_url == "http://localhost:8001"
    assert settings.filemgr_url == "http://oodt-filemgr:9000"
    assert (settings.gateway_port, settings.filemgr_gateway_port, settings.proxy) == (9001, 9000, False)


def test_the_originals_variables_set_the_limits_of_each_event() -> None:
    settings = worker_settings({**GOOD, "WORKFLOW_QUEUE": "a, b", "MAX_WORKFLOWS": "7", "JOB_TIMEOUT": "60"})
    assert settings.events == tuple(Event(name=name, max_workflows=7, job_timeout=60) for name in "ab")


def test_a_list_of_events_wins() -> None:
    events = [{"event": "a", "max_workflows": 2, "priority": "high"}, {"event": "b"}]
    assert worker_settings({**GOOD, "EVENTS": json.dumps(events)}).events == (
        Event(name="a", max_workflows=2, priority="high"),
        Event(name="b"),
    )


@pytest.mark.parametrize(
    ("variables", "complaint"),
    [
        ({"MAX_WORKFLOWS": "0"}, "MAX_WORKFLOWS is '0': set it to a whole number of at least 1"),
        ({"MAX_WORKFLOWS": "70000"}, "MAX_WORKFLOWS is '70000': set it to a whole number of at most 65535"),
        (
            {"EVENTS": '[{"event": "a", "max_workflows": 70000}]'},
            "max_workflows is 70000: set it to at most 65535",
        ),
        ({"MAX_WORKFLOWS": "four"}, "MAX_WORKFLOWS is 'four': set it to a whole number of at least 1"),
        ({"PROXY": "yes"}, "PROXY is 'yes': set it to true or false"),
        ({"WORKFLOW_QUEUE": ""}, "WORKFLOW_QUEUE is '': set it to the OODT event"),
        ({"WORKFLOW_QUEUE": "a b"}, "WORKFLOW_QUEUE: event is 'a b'"),
        ({"WORKFLOW_QUEUE": "a,a"}, "event a is listed twice"),
        (
            {"PROXIED_FILEMGR_URL": "filemgr:9000"},
            "PROXIED_FILEMGR_URL is 'filemgr:9000': set it to an address",
        ),
        ({"WORKFLOW_URL": "http://localhost:x"}, "WORKFLOW_URL is 'http://localhost:x'"),
        ({"EVENTS": "["}, "EVENTS is not JSON"),
        ({"EVENTS": "[]"}, "EVENTS is '[]': set it to a list"),
        ({"EVENTS": '[{"event": "a", "retries": 1}]'}, "unknown key retries"),
        ({"EVENTS": '[{"max_workflows": 1}]'}, "no key event"),
        (
            {"EVENTS": '[{"event": "a", "max_workflows": "2"}]'},
            "max_workflows is '2': set it to a whole number",
        ),
        ({"EVENTS": '[{"event": "a", "priority": "low"}]'}, "priority is 'low': set it to normal or high"),
        ({"EVENTS": '[{"event": 7}]'}, "EVENTS: event is 7"),
        ({"RABBITMQ_USER_URL": ""}, "RABBITMQ_USER_URL is not set"),
    ],
)
def test_a_wrong_setting_is_told_by_name_value_and_fix(variables: dict[str, str], complaint: str) -> None:
    with pytest.raises(SettingError) as caught:
        worker_settings({**GOOD, **variables})
    assert complaint in str(caught.value)


@pytest.mark.parametrize("url", ["http://user:secret@broker", "amqp://user:secret@:x/", "secret"])
def test_a_wrong_broker_address_is_refused_without_telling_the_password(url: str) -> None:
    with pytest.raises(SettingError) as caught:
        worker_settings({**GOOD, "RABBITMQ_USER_URL": url})
    assert "secret" not in str(caught.value)


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
        command_broker_url({"RABBITMQ_USER_URL": f"{GOOD['RABBITMQ_USER_URL']}{ending}"})
    assert complaint in str(caught.value)
    assert "secret" not in str(caught.value)


def test_an_address_with_a_user_and_no_password_is_refused() -> None:
    with pytest.raises(SettingError, match="has a user without a password"):
        command_broker_url({"RABBITMQ_USER_URL": "amqp://user@broker/"})


@pytest.mark.parametrize("url", ["http://broker:15672", "http://user:secret@[", "secret"])
def test_a_wrong_address_of_the_management_is_refused_without_telling_the_password(url: str) -> None:
    with pytest.raises(SettingError, match="correct RABBITMQ_ADMIN_URL") as caught:
        command_admin_url({"RABBITMQ_ADMIN_URL": url})
    assert "secret" not in str(caught.value)


def test_the_secret_serves_where_the_variable_is_not_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = tmp_path / "rabbitmq_user_url"
    secret.write_text(GOOD["RABBITMQ_USER_URL"] + "\n")
    monkeypatch.setattr(names, "RABBITMQ_USER_SECRET", str(secret))
    assert command_broker_url({}) == GOOD["RABBITMQ_USER_URL"]


def fake_pulumi(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    program = tmp_path / "pulumi"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    stack.outputs.cache_clear()
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")


def test_a_command_asks_the_stack_for_the_brokers_address(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_pulumi(
        tmp_path,
        monkeypatch,
        '[ "$*" = "stack output --json --show-secrets" ] && echo \'{"rabbitmq_user_url": "amqp://u:p@h/"}\'',
    )
    assert command_broker_url({}) == "amqp://u:p@h/"


def test_an_events_priority_is_told_by_who_has_told_the_brokers_address(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = 'echo \'{"rabbitmq_user_url": "amqp://u:p@h/", "priorities": {"a": "high", "b": "normal"}}\''
    fake_pulumi(tmp_path, monkeypatch, script)
    assert [command_priority(event, {}) for event in ("a", "b", "unknown")] == ["high", "normal", "normal"]
    container = {**GOOD, "EVENTS": '[{"event": "b", "priority": "high"}]'}
    assert [command_priority(event, container) for event in ("a", "b")] == ["normal", "high"]
    assert command_priority("a", GOOD) == "normal"


@pytest.mark.parametrize(
    ("script", "complaint"),
    [
        ("echo 'error: no stack selected' >&2; exit 255", "error: no stack selected"),
        ("echo '{}'", "the stack has no output rabbitmq_user_url, which `pulumi up` makes"),
        ("echo nonsense", "pulumi's answer is not JSON: 'nonsense"),
        ("exec sleep 30", "pulumi did not answer within"),
    ],
)
def test_a_stack_that_does_not_tell_is_explained(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str, complaint: str
) -> None:
    monkeypatch.setattr(stack, "SECONDS", 0.5)
    fake_pulumi(tmp_path, monkeypatch, script)
    with pytest.raises(NoBrokerAddress) as caught:
        command_broker_url({})
    assert complaint in str(caught.value)
    assert "set RABBITMQ_USER_URL" in str(caught.value)


def test_without_pulumi_the_fix_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    stack.outputs.cache_clear()
    with pytest.raises(
        NoBrokerAddress,
        match="RABBITMQ_USER_URL is not set and there is no pulumi on PATH: set RABBITMQ_USER_URL",
    ):
        command_broker_url({})
