"""Where commands look for the broker's address, and what they say where nobody tells it."""

from pathlib import Path

import pytest

from runtime.cli import stack
from runtime.cli.addresses import NoBrokerAddress, broker_url, priority

GIVEN = {"RABBITMQ_USER_URL": "amqp://user:secret@broker:5672/%2F"}


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
    assert broker_url({}) == "amqp://u:p@h/"


def test_an_events_priority_is_told_by_who_has_told_the_brokers_address(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = 'echo \'{"rabbitmq_user_url": "amqp://u:p@h/", "priorities": {"a": "high", "b": "normal"}}\''
    fake_pulumi(tmp_path, monkeypatch, script)
    assert [priority(event, {}) for event in ("a", "b", "unknown")] == ["high", "normal", "normal"]
    container = {**GIVEN, "EVENTS": '[{"event": "b", "priority": "high"}]'}
    assert [priority(event, container) for event in ("a", "b")] == ["normal", "high"]
    assert priority("a", GIVEN) == "normal"


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
    monkeypatch.setattr(stack, "SECONDS", 0.5 if "sleep" in script else 60)
    fake_pulumi(tmp_path, monkeypatch, script)
    with pytest.raises(NoBrokerAddress) as caught:
        broker_url({})
    assert complaint in str(caught.value)
    assert "set RABBITMQ_USER_URL" in str(caught.value)


def test_without_pulumi_the_fix_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    stack.outputs.cache_clear()
    with pytest.raises(
        NoBrokerAddress,
        match="RABBITMQ_USER_URL is not set and there is no pulumi on PATH: set RABBITMQ_USER_URL",
    ):
        broker_url({})
