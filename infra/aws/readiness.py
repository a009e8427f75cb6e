"""Gates of `pulumi up` on target aws: the manager's record, the manager itself, its workers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import boto3
import pulumi
from botocore.config import Config
from botocore.exceptions import ClientError
from pulumi.dynamic import CreateResult, DiffResult, Resource, ResourceProvider, UpdateResult

from infra import ssh
from infra.aws.settings import AwsSettings
from infra.ssh import Identity
from infra.waiting import until

MANAGER_TIMEOUT = (
    900  # seconds for an instance to boot, install its packages, mount the share and start docker
)
WORKERS_TIMEOUT = 900  # seconds for a worker to come or to be replaced
COMMAND_TIMEOUT = 30  # seconds for one docker command on the manager
CALLS = Config(connect_timeout=5, read_timeout=10, retries={"total_max_attempts": 3})


class WorkersError(RuntimeError):
    """Workers that stay what they were; the message says why."""


def _client(props: dict[str, Any], service: Any) -> Any:
    session = boto3.Session(region_name=props["region"], profile_name=props["profile"] or None)
    return session.client(service, config=CALLS)


class _JoinRecordProvider(ResourceProvider):
    def create(self, props: dict[str, Any]) -> CreateResult:
        return CreateResult(props["parameter"], props)

    def diff(self, _id: str, olds: dict[str, Any], news: dict[str, Any]) -> DiffResult:
        moved = [key for key in ("parameter", "region") if olds[key] != news[key]]
        return DiffResult(changes=olds != news, replaces=moved)

    def update(self, _id: str, _olds: dict[str, Any], news: dict[str, Any]) -> UpdateResult:
        return UpdateResult(news)

    def delete(self, _id: str, props: dict[str, Any]) -> None:
        try:
            _client(props, "ssm").delete_parameter(Name=props["parameter"])
        except ClientError as problem:
            if problem.response["Error"]["Code"] != "ParameterNotFound":
                raise


class JoinRecord(Resource, module="aws", name="JoinRecord"):
    """Stands for the parameter that the manager writes: all that is known of it here is its name.

    It exists before the manager and is deleted after it, so that no token stays in the account, even where
    the manager never became ready.
    """

    def __init__(
        self, name: str, chosen: AwsSettings, parameter: str, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        props = {"parameter": parameter, "region": chosen.region, "profile": chosen.profile}
        super().__init__(_JoinRecordProvider(), name, props, opts)


class _ManagerProvider(ResourceProvider):
    def create(self, props: dict[str, Any]) -> CreateResult:
        return CreateResult(props["host"], _ready_manager(props))

    def diff(self, _id: str, olds: dict[str, Any], news: dict[str, Any]) -> DiffResult:
        file = Identity(folder=news["folder"]).known_hosts_file
        known = file.exists() and file.read_text() == olds["known_hosts"]
        same = all(olds.get(key) == value for key, value in news.items() if value is not None)
        return DiffResult(changes=not (known and same))

    def update(self, _id: str, _olds: dict[str, Any], news: dict[str, Any]) -> UpdateResult:
        return UpdateResult(_ready_manager(news))


def _ready_manager(props: dict[str, Any]) -> dict[str, Any]:
    """Wait until the manager that the record speaks of controls its swarm, reached by the key in the record.

    The record is the manager's own word, which only its role may write: the first connection need not trust
    whoever answers.
    """
    ssm, identity = _client(props, "ssm"), Identity(folder=props["folder"])
    docker_host = f"ssh://{props['user']}@{props['host']}:22"

    def look() -> str | None:
        answer = ssm.get_parameter(Name=props["parameter"], WithDecryption=True)
        record = json.loads(answer["Parameter"]["Value"])
        known_hosts = f"{props['host']} {record['host_key']}\n"
        Path(identity.known_hosts_file).write_text(known_hosts)
        question = "docker info --format '{{if .Swarm.ControlAvailable}}{{.Swarm.Cluster.ID}}{{end}}'"
        swarm = ssh.run(identity, docker_host, question, timeout=COMMAND_TIMEOUT).strip()
        return known_hosts if swarm == record["swarm"] else None

    what = f"the manager {props['generation']} to write {props['parameter']} and to answer at {props['host']}"
    return {**props, "known_hosts": until(what, look, timeout=MANAGER_TIMEOUT)}


class ManagerReady(Resource, module="aws", name="ManagerReady"):
    """Done when the manager's docker answers over ssh and controls the swarm of its record.

    ``generation`` names the manager's incarnation: another one is waited for again.
    """

    known_hosts: pulumi.Output[str]

    def __init__(
        self,
        name: str,
        chosen: AwsSettings,
        *,
        parameter: str,
        user: str,
        host: pulumi.Input[str],
        identity: Identity,
        generation: pulumi.Input[str],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        props = {
            "parameter": parameter,
            "region": chosen.region,
            "profile": chosen.profile,
            "user": user,
            "host": host,
            "folder": identity.folder,
            "generation": generation,
            "known_hosts": None,
        }
        super().__init__(_ManagerProvider(), name, props, opts)


class _WorkersProvider(ResourceProvider):
    def create(self, props: dict[str, Any]) -> CreateResult:
        _wait_for_workers(props)
        return CreateResult("workers", props)

    def diff(self, _id: str, olds: dict[str, Any], news: dict[str, Any]) -> DiffResult:
        return DiffResult(changes=olds != news)

    def update(self, _id: str, _olds: dict[str, Any], news: dict[str, Any]) -> UpdateResult:
        _wait_for_workers(news)
        return UpdateResult(news)


def _wait_for_workers(props: dict[str, Any]) -> None:
    """Wait until no instance is of an older template, and as many workers as there should be are ready.

    Raises WorkersError where the group gave up replacing them.
    """
    identity, wanted = Identity(folder=props["folder"]), int(props["count"])
    autoscaling = _client(props, "autoscaling")
    question = "docker node ls --filter role=worker --format '{{.Status}} {{.Availability}}'"

    def look() -> bool | str | None:
        older = _older_instances(autoscaling, props["group"], props["version"])
        if older:
            gave_up = _gave_up(autoscaling, props["group"])
            if gave_up:
                return f"{', '.join(older)} are of an older launch template: {gave_up}"
            raise RuntimeError(f"{', '.join(older)} are still to be replaced")
        nodes = ssh.run(identity, props["docker_host"], question, timeout=COMMAND_TIMEOUT).splitlines()
        ready = nodes.count("Ready Active")
        if ready < wanted:
            raise RuntimeError(f"{ready} of {wanted}")
        return True

    # A refresh replaces them one after another, each with a new one's start and an old one's drain.
    timeout = WORKERS_TIMEOUT * (1 + wanted)
    found = until(f"{wanted} workers to join the swarm", look, timeout=timeout)
    if isinstance(found, str):
        raise WorkersError(found)


def _older_instances(autoscaling: Any, group: str, version: str) -> list[str]:
    """Instances of the group that an instance refresh has yet to replace."""
    if not version.isdecimal():  # the newest, whichever that is
        return []
    groups = autoscaling.describe_auto_scaling_groups(AutoScalingGroupNames=[group])["AutoScalingGroups"]
    return [
        instance["InstanceId"]
        for found in groups
        for instance in found["Instances"]
        if instance.get("LaunchTemplate", {}).get("Version", version) != version
    ]


def _gave_up(autoscaling: Any, group: str) -> str | None:
    """Why the newest instance refresh has ended before its time; None while it has not."""
    answer = autoscaling.describe_instance_refreshes(AutoScalingGroupName=group, MaxRecords=1)
    for newest in answer["InstanceRefreshes"]:
        if newest["Status"] in ("Failed", "Cancelled", "RollbackFailed", "RollbackSuccessful"):
            ended = f"the group's instance refresh is {newest['Status']} ({newest.get('StatusReason', '')})"
            return f"{ended}; type: aws autoscaling start-instance-refresh --auto-scaling-group-name {group}"
    return None


class WorkersReady(Resource, module="aws", name="WorkersReady"):
    """Done when as many workers as there should be are ready nodes; fewer are left to the lifecycle hook.

    ``version`` is that of the launch template in ``group``: workers of another one are waited for to go.
    """

    def __init__(
        self,
        name: str,
        chosen: AwsSettings,
        *,
        count: int,
        docker_host: pulumi.Input[str],
        identity: Identity,
        group: pulumi.Input[str],
        version: pulumi.Input[str],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        props = {
            "count": count,
            "region": chosen.region,
            "profile": chosen.profile,
            "docker_host": docker_host,
            "folder": identity.folder,
            "group": group,
            "version": version,
        }
        super().__init__(_WorkersProvider(), name, props, opts)
