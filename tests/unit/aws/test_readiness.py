"""What `pulumi up` waits for, with SSM from moto and a stand-in for the manager's shell."""

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


def test_the_manager_is_ready_once_it_has_the_swarm_and_the_host_key_of_the_record(
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
    monkeypatch.setattr(readiness._ManagerProvider, "limit", 0.05)
    with pytest.raises(waiting.NotReadyError, match="the manager i-1 to write /oodt/test/swarm") as caught:
        readiness._ManagerProvider().create(props(tmp_path))
    assert "ParameterNotFound" in str(caught.value)


def test_deleting_the_record_removes_the_token_and_no_token_is_no_error(tmp_path: Path) -> None:
    write(RECORD)
    provider = readiness._JoinRecordProvider()
    provider.delete(PARAMETER, props(tmp_path))
    provider.delete(PARAMETER, props(tmp_path))
    client = boto3.client("ssm", region_name="us-west-2")
    assert client.get_parameters(Names=[PARAMETER])["InvalidParameters"] == [PARAMETER]


class Group:
    """The workers' Auto Scaling group: what each look finds of its instances, and its newest refresh.

    An instance is the version of its template, with a minus before it if it is drained.
    """

    def __init__(self, looks: list[list[str]], refresh: dict[str, str] | None = None) -> None:
        self.looks = looks
        self.refresh = refresh

    def describe_auto_scaling_groups(self, **_: Any) -> dict[str, Any]:
        versions = self.looks.pop(0) if len(self.looks) > 1 else self.looks[0]
        instances = [
            {
                "InstanceId": f"i-{number}",
                "LaunchTemplate": {"Version": version.strip("-")},
                "LifecycleState": "Terminating:Wait" if version.startswith("-") else "InService",
            }
            for number, version in enumerate(versions)
        ]
        return {"AutoScalingGroups": [{"Instances": instances}]}

    def describe_instance_refreshes(self, **_: Any) -> dict[str, Any]:
        return {"InstanceRefreshes": [self.refresh] if self.refresh else []}


def workers(folder: Path, version: str = "2") -> dict[str, Any]:
    host = "ssh://ec2-user@203.0.113.9:22"
    region = {"region": "us-west-2", "profile": "", "group": "workers", "version": version}
    return {"count": 2, "docker_host": host, "folder": str(folder), **region}


def test_workers_are_ready_only_when_those_of_an_older_template_are_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    group = Group([["1", "1"], ["1", "2"], ["2", "2"]], {"Status": "InProgress"})
    monkeypatch.setattr(readiness, "_client", lambda *_: group)
    monkeypatch.setattr(ssh, "run", lambda *_, **__: "Ready Active\nReady Active\n")
    readiness._WorkersProvider().create(workers(tmp_path))
    assert group.looks == [["2", "2"]]


def test_a_worker_of_an_older_template_that_only_finishes_its_jobs_is_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    group = Group([["1", "2"], ["-1", "2", "2"], ["2", "2"]], {"Status": "InProgress"})
    monkeypatch.setattr(readiness, "_client", lambda *_: group)
    monkeypatch.setattr(ssh, "run", lambda *_, **__: "Ready Active\nReady Active\n")
    readiness._WorkersProvider().create(workers(tmp_path))
    assert group.looks == [["2", "2"]]


def test_an_instance_refresh_that_failed_is_an_error_with_the_line_that_starts_it_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    refresh = {"Status": "Failed", "StatusReason": "no capacity"}
    monkeypatch.setattr(readiness, "_client", lambda *_: Group([["1", "2"]], refresh))
    with pytest.raises(readiness.WorkersError, match=r"i-0 .* Failed \(no capacity\); type: aws autoscaling"):
        readiness._WorkersProvider().create(workers(tmp_path))


def test_another_version_of_the_template_is_waited_for_again(tmp_path: Path) -> None:
    provider = readiness._WorkersProvider()
    assert provider.diff("workers", workers(tmp_path), workers(tmp_path, "3")).changes
    assert not provider.diff("workers", workers(tmp_path), workers(tmp_path)).changes


def test_workers_are_ready_when_there_are_enough(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    answers = ["Ready Active\nDown Active\n", "Ready Active\nReady Drain\n", "Ready Active\nReady Active\n"]
    monkeypatch.setattr(ssh, "run", lambda *_, **__: answers.pop(0))
    readiness._WorkersProvider().create(workers(tmp_path))
    assert answers == []
