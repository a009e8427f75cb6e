"""The gates of `pulumi up`, with SSM from moto and a stand-in for the manager's shell."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto import mock_aws

from infra import ssh, waiting
from infra.aws import readiness
from infra.ssh import Identity

RECORD = {
    "swarm": "swarm-1",
    "token": "SWMTKN-secret",
    "address": "10.0.0.9:2377",
    "host_key": "ssh-ed25519 KEY",
}
PARAMETER = "/oodt/test/swarm"


@pytest.fixture(autouse=True)
def account(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    monkeypatch.setattr(waiting, "INTERVAL", 0.01)
    with mock_aws():
        yield


def write(record: dict[str, str]) -> None:
    client = boto3.client("ssm", region_name="us-west-2")
    client.put_parameter(Name=PARAMETER, Value=json.dumps(record), Type="SecureString", Overwrite=True)


def props(folder: Path) -> dict[str, Any]:
    return {
        "parameter": PARAMETER,
        "region": "us-west-2",
        "profile": "",
        "user": "ec2-user",
        "host": "203.0.113.9",
        "folder": str(folder),
        "generation": "i-1",
    }


def test_the_gate_opens_for_the_swarm_of_the_record_by_the_host_key_of_the_record(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = ["", "an-older-swarm\n", "swarm-1\n"]
    monkeypatch.setattr(ssh, "run", lambda *_, **__: answers.pop(0))
    write(RECORD)
    outputs = readiness._ManagerProvider().create(props(tmp_path)).outs
    assert answers == []
    assert Identity(folder=str(tmp_path)).known_hosts_file.read_text() == "203.0.113.9 ssh-ed25519 KEY\n"
    assert "SWMTKN" not in json.dumps(outputs)


def test_a_manager_that_does_not_come_is_named_with_what_was_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(readiness, "MANAGER_TIMEOUT", 0.05)
    with pytest.raises(waiting.NotReadyError, match="the manager i-1 to write /oodt/test/swarm") as caught:
        readiness._ManagerProvider().create(props(tmp_path))
    assert "ParameterNotFound" in str(caught.value)


def test_deleting_the_record_removes_the_token_also_where_there_is_none(tmp_path: Path) -> None:
    write(RECORD)
    provider = readiness._JoinRecordProvider()
    provider.delete(PARAMETER, props(tmp_path))
    provider.delete(PARAMETER, props(tmp_path))
    client = boto3.client("ssm", region_name="us-west-2")
    assert client.get_parameters(Names=[PARAMETER])["InvalidParameters"] == [PARAMETER]


def test_the_workers_gate_counts_ready_workers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    answers = ["Ready Active\nDown Active\n", "Ready Active\nReady Drain\n", "Ready Active\nReady Active\n"]
    monkeypatch.setattr(ssh, "run", lambda *_, **__: answers.pop(0))
    wanted = {"count": 2, "docker_host": "ssh://ec2-user@203.0.113.9:22", "folder": str(tmp_path)}
    readiness._WorkersProvider().create(wanted)
    assert answers == []
