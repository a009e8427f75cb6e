"""What `pulumi up` waits for, with SSM from moto and a stand-in for the manager's shell."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError, UnauthorizedSSOTokenError
from moto import mock_aws

from infra import ssh, waiting
from infra.aws import console, readiness, user_data
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


class Ec2:
    """Instances by what is on their consoles; ``latest`` as those of newer types give it."""

    def __init__(self, consoles: dict[str, str], *, latest: bool = True) -> None:
        self.consoles = consoles
        self.latest = latest

    def get_console_output(self, InstanceId: str, Latest: bool = False) -> dict[str, str]:
        if Latest and not self.latest:
            raise ClientError({"Error": {"Code": "UnsupportedOperation"}}, "GetConsoleOutput")
        return {"Output": self.consoles[InstanceId]}


BOOTING = (
    "[   12.3] cloud-init[812]: oodt: step 1 of 5: install packages\r\n\x1b[0;32m  OK  \x1b[0m\n"
    "[   42.0] mounts.sh[99]: oodt: step 4 of 5: mount the share\nmounts.sh[99]: oodt: waiting for fs-1\n"
)


@pytest.mark.parametrize("latest", [True, False])
def test_a_gate_says_which_node_is_at_which_step_with_its_last_lines(latest: bool) -> None:
    ec2 = Ec2({"i-1": BOOTING, "i-2": "", "i-3": "Linux\n", "i-4": f"{BOOTING}oodt: ready"}, latest=latest)
    told = console.describe(ec2, "i-1", "us-west-2")
    assert told.startswith("i-1: step 4 of 5: mount the share; log in by: aws ssm start-session --region ")
    assert told.endswith("    mounts.sh[99]: oodt: waiting for fs-1")
    assert "\x1b" not in told
    assert console.describe(ec2, "i-2", "us-west-2").startswith("i-2: its console is empty as yet")
    assert console.describe(ec2, "i-3", "us-west-2").startswith("i-3: booting")
    assert console.describe(ec2, "i-4", "us-west-2").startswith("i-4: ready")


def test_a_wait_for_workers_tells_meanwhile_how_far_each_has_come(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    clients = {"autoscaling": Group([["2", "2"]]), "ec2": Ec2({"i-0": BOOTING, "i-1": "oodt: ready"})}
    monkeypatch.setattr(readiness, "_client", lambda _access, _region, service: clients[service])
    monkeypatch.setattr(readiness, "WORKERS_TIMEOUT", 0.5)
    monkeypatch.setattr(waiting, "FIRST_SHOWN", 0.1)
    monkeypatch.setattr(ssh, "run", lambda *_, **__: "Ready Active\n")
    with pytest.raises(
        waiting.NotReadyError, match="2 workers to join the swarm; last seen: 1 of 2"
    ) as caught:
        readiness._WorkersProvider().create(workers(tmp_path))
    for told in (str(caught.value), capsys.readouterr().out):
        assert "i-0: step 4 of 5: mount the share" in told
        assert "i-1: ready" in told


def activity(minutes: float, message: str, status: str = "Failed") -> dict[str, Any]:
    """One of the group that began so long ago."""
    began = datetime.now(UTC) - timedelta(minutes=minutes)
    return {"StatusCode": status, "StartTime": began, "Description": "Launching", "StatusMessage": message}


def test_a_wait_for_workers_tells_why_the_group_launches_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    activities = [
        activity(1, "no Spot capacity in us-west-2b"),
        activity(2, "no Spot capacity in us-west-2a"),
        activity(3, "no Spot capacity in us-west-2b"),
        activity(4, "launched", "Successful"),
        activity(90, "an older fault"),
    ]
    clients = {"autoscaling": Group([[]], activities=activities), "ec2": Ec2({})}
    monkeypatch.setattr(readiness, "_client", lambda _access, _region, service: clients[service])
    monkeypatch.setattr(readiness, "WORKERS_TIMEOUT", 0.1)
    monkeypatch.setattr(ssh, "run", lambda *_, **__: "")
    with pytest.raises(waiting.NotReadyError, match="last seen: 0 of 2") as caught:
        readiness._WorkersProvider().create(workers(tmp_path))
    told = [line.partition("UTC: ")[2] for line in str(caught.value).splitlines()[1:]]
    assert told == ["no Spot capacity in us-west-2b", "no Spot capacity in us-west-2a"]


class Refusing:
    """Answers so many calls as moto's or the tests' client does, and no more."""

    def __init__(self, client: Any, answered: int, problem: Exception) -> None:
        self.client, self.left, self.problem = client, answered, problem

    def __getattr__(self, name: str) -> Any:
        def call(**given: Any) -> Any:
            self.left -= 1
            if self.left < 0:
                raise self.problem
            return getattr(self.client, name)(**given)

        return call


def refused(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "refused"}}, "Any")


@pytest.mark.parametrize(
    "problem", [refused("ExpiredTokenException"), UnauthorizedSSOTokenError()], ids=["session", "sign-on"]
)
def test_credentials_that_end_meanwhile_end_the_wait_with_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, problem: Exception
) -> None:
    monkeypatch.setattr(readiness, "_client", lambda *_: Refusing(None, 0, problem))
    monkeypatch.setattr(readiness._ManagerProvider, "limit", 5)
    with pytest.raises(readiness.SessionError, match=r"log in again.*pulumi up"):
        readiness._ManagerProvider().create(props(tmp_path))
    monkeypatch.setattr(readiness._WorkersProvider, "limit", 5)
    with pytest.raises(readiness.SessionError, match=r"log in again.*pulumi up"):
        readiness._WorkersProvider().create(workers(tmp_path))


def test_a_call_that_only_would_tell_more_ends_no_wait(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clients = {"autoscaling": Refusing(Group([["2", "2"]]), 1, refused("Throttling")), "ec2": Ec2({})}
    monkeypatch.setattr(readiness, "_client", lambda _access, _region, service: clients[service])
    monkeypatch.setattr(readiness, "WORKERS_TIMEOUT", 0.1)
    monkeypatch.setattr(ssh, "run", lambda *_, **__: "")
    with pytest.raises(waiting.NotReadyError, match="last seen: 0 of 2") as caught:
        readiness._WorkersProvider().create(workers(tmp_path))
    assert "its instances are not to be listed" in str(caught.value)


def test_a_manager_that_gave_up_ends_the_wait_with_the_lines_to_type(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    later = "".join(f"cloud-init[812]: Cloud-init finished, {number}\n" for number in range(9))
    gave_up = "oodt: 420 s were not enough for: dnf\noodt: gave up at the set-up\n"
    console_text = f"{BOOTING}{gave_up}{later}"
    clients = {"ssm": boto3.client("ssm", region_name="us-west-2"), "ec2": Ec2({"i-1": console_text})}
    monkeypatch.setattr(readiness, "_client", lambda _access, _region, service: clients[service])
    monkeypatch.setattr(waiting, "FIRST_SHOWN", 0.1)
    monkeypatch.setattr(readiness._ManagerProvider, "limit", 10)
    with pytest.raises(readiness.ManagerError, match="gave up its set-up") as caught:
        readiness._ManagerProvider().create(props(tmp_path))
    assert "420 s were not enough for: dnf" in str(caught.value)
    assert "aws ec2 terminate-instances --region us-west-2 --instance-ids i-1" in str(caught.value)


def test_a_node_whose_set_up_went_on_after_all_has_not_given_up() -> None:
    ec2 = Ec2({"i-1": f"oodt: gave up at the set-up\n{BOOTING}"})
    assert console.describe(ec2, "i-1", "us-west-2").startswith("i-1: step 4 of 5")


def test_a_manager_that_ssh_does_not_reach_makes_the_gate_name_admin_cidrs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unreachable(*_: Any, **__: Any) -> str:
        raise ssh.UnreachableError("203.0.113.9: exit 255: Connection timed out")

    monkeypatch.setattr(ssh, "run", unreachable)
    monkeypatch.setattr(readiness._ManagerProvider, "limit", 0.05)
    write(RECORD)
    with pytest.raises(waiting.NotReadyError, match="pulumi config set admin_cidrs"):
        readiness._ManagerProvider().create(props(tmp_path))


def test_a_first_creation_is_waited_for_minutes_only() -> None:
    assert max(readiness.MANAGER_TIMEOUT, readiness.WORKERS_TIMEOUT) <= 900
    assert user_data.BOOT_LIMIT < readiness.MANAGER_TIMEOUT


def test_deleting_the_record_removes_the_token_and_no_token_is_no_error(tmp_path: Path) -> None:
    write(RECORD)
    provider = readiness._JoinRecordProvider()
    provider.delete(PARAMETER, props(tmp_path))
    provider.delete(PARAMETER, props(tmp_path))
    client = boto3.client("ssm", region_name="us-west-2")
    assert client.get_parameters(Names=[PARAMETER])["InvalidParameters"] == [PARAMETER]


def test_a_stack_does_not_begin_where_another_cluster_of_its_name_has_a_record(tmp_path: Path) -> None:
    provider, own = readiness._JoinRecordProvider(), {**props(tmp_path), "first": True}
    assert provider.create(own).id == PARAMETER
    write(RECORD)
    with pytest.raises(readiness.TakenError, match="oodt preflight aws --leftovers"):
        provider.create(own)
    assert provider.create({**own, "first": False}).id == PARAMETER  # made when the manager has written it
    assert not provider.diff(PARAMETER, props(tmp_path), own).changes  # of a stack from before


class Group:
    """The workers' Auto Scaling group: what each look finds of its instances, and its newest refresh.

    An instance is the version of its template, with a minus before it if it is drained.
    """

    def __init__(
        self,
        looks: list[list[str]],
        refresh: dict[str, str] | None = None,
        activities: Sequence[dict[str, Any]] = (),
    ) -> None:
        self.looks = looks
        self.refresh = refresh
        self.activities = activities

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

    def describe_scaling_activities(self, AutoScalingGroupName: str) -> dict[str, Any]:
        return {"Activities": list(self.activities)}

    def describe_instance_refreshes(self, **_: Any) -> dict[str, Any]:
        return {"InstanceRefreshes": [self.refresh] if self.refresh else []}


def workers(folder: Path, version: str = "2") -> dict[str, Any]:
    host = "ssh://ec2-user@203.0.113.9:22"
    region = {"region": "us-west-2", "group": "workers", "version": version}
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
