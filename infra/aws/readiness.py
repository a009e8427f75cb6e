"""What `pulumi up` waits for on target aws: the manager's record, the manager itself, its workers."""

from __future__ import annotations

import json
from typing import Any

import boto3
import pulumi
from botocore.config import Config
from botocore.exceptions import ClientError
from pulumi.dynamic import Resource

from infra import patience, ssh
from infra.aws.settings import AwsSettings
from infra.dynamic import Props, Provider
from infra.ssh import Identity
from infra.waiting import until

MANAGER_TIMEOUT = 900  # seconds for an instance to boot, install packages, mount the share, start docker
WORKERS_TIMEOUT = 900  # seconds for a worker to come or to be replaced
COMMAND_TIMEOUT = 30  # seconds for one docker command on the manager
CONNECT_TIMEOUT, READ_TIMEOUT = 5, 10  # seconds for one call of AWS, which is tried three times


class WorkersError(RuntimeError):
    """Workers that were not replaced; the message says why."""


def _client(props: Props, service: Any) -> Any:
    session = boto3.Session(region_name=props["region"], profile_name=props["profile"] or None)
    calls = Config(
        connect_timeout=patience.stretched(CONNECT_TIMEOUT),
        read_timeout=patience.stretched(READ_TIMEOUT),
        retries={"total_max_attempts": 3},
    )
    return session.client(service, config=calls)


class _JoinRecordProvider(Provider):
    updated_by = ("profile",)
    replaced_by = ("parameter", "region")

    def act(self, props: Props) -> tuple[str, Props]:
        return props["parameter"], props

    def delete(self, _id: str, props: Props) -> None:
        try:
            _client(props, "ssm").delete_parameter(Name=props["parameter"])
        except ClientError as problem:
            if problem.response["Error"]["Code"] != "ParameterNotFound":
                raise


class JoinRecord(Resource, module="aws", name="JoinRecord"):
    """The parameter that the manager writes; only its name is known here.

    The resource is created before the manager and deleted after it, so that no token stays in the account,
    even if the manager never became ready.
    """

    def __init__(
        self, name: str, chosen: AwsSettings, parameter: str, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        props = {"parameter": parameter, "region": chosen.region, "profile": chosen.profile}
        super().__init__(_JoinRecordProvider(), name, props, opts)


class _ManagerProvider(Provider):
    updated_by = ("parameter", "region", "profile", "user", "host", "folder", "generation")
    limit = MANAGER_TIMEOUT

    def act(self, props: Props) -> tuple[str, Props]:
        """Wait until the manager of the record controls its swarm, reached by the key in the record.

        The record is the manager's own word, which only its role may write: the first connection need not
        trust whoever answers.
        """
        ssm, identity = _client(props, "ssm"), self.identity(props)
        docker_host = f"ssh://{props['user']}@{props['host']}:22"

        def look() -> str | None:
            answer = ssm.get_parameter(Name=props["parameter"], WithDecryption=True)
            record = json.loads(answer["Parameter"]["Value"])
            known_hosts = f"{props['host']} {record['host_key']}\n"
            identity.known_hosts_file.write_text(known_hosts)
            question = "docker info --format '{{if .Swarm.ControlAvailable}}{{.Swarm.Cluster.ID}}{{end}}'"
            swarm = ssh.run(identity, docker_host, question, timeout=COMMAND_TIMEOUT).strip()
            return known_hosts if swarm == record["swarm"] else None

        host, manager = props["host"], f"the manager {props['generation']}"
        what = f"{manager} to write {props['parameter']} and to answer at {host}"
        return host, {**props, "known_hosts": self.wait(what, look)}

    def is_lost(self, olds: Props, news: Props) -> bool:
        # This looks at a file, at each update: a machine that has not used this stack yet lacks the file, and
        # ssh needs it before anything can be looked at on a host.
        return not self.identity(news).knows(olds["known_hosts"])


class ManagerReady(Resource, module="aws", name="ManagerReady"):
    """Done when the manager's docker answers over ssh and controls the swarm of its record.

    ``generation`` changes when the manager is replaced: then the new one is waited for.
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


class _WorkersProvider(Provider):
    updated_by = ("count", "region", "profile", "docker_host", "folder", "group", "version")
    limit = COMMAND_TIMEOUT

    def act(self, props: Props) -> tuple[str, Props]:
        """Wait until no instance is of an older template, and as many workers as there should be are ready.

        Raises WorkersError where the group gave up replacing them.
        """
        wanted, autoscaling = int(props["count"]), _client(props, "autoscaling")
        question = "docker node ls --filter role=worker --format '{{.Status}} {{.Availability}}'"

        def look() -> bool | str | None:
            older = _older_instances(autoscaling, props["group"], props["version"])
            if older:
                gave_up = _gave_up(autoscaling, props["group"])
                if gave_up:
                    return f"{', '.join(older)} are of an older launch template: {gave_up}"
                raise RuntimeError(f"{', '.join(older)} are still to be replaced")
            ready = self.run(props, question).splitlines().count("Ready Active")
            if ready < wanted:
                raise RuntimeError(f"{ready} of {wanted}")
            return True

        # A refresh replaces them one after another, each with a new one's start and an old one's drain.
        timeout = WORKERS_TIMEOUT * (1 + wanted)
        found = until(f"{wanted} workers to join the swarm", look, timeout=timeout)
        if isinstance(found, str):
            raise WorkersError(found)
        return "workers", props


def _older_instances(autoscaling: Any, group: str, version: str) -> list[str]:
    """Instances of the group that an instance refresh has yet to replace.

    One that is drained takes no new job, and may have hours of work left.
    """
    if not version.isdecimal():  # the newest, whichever that is
        return []
    groups = autoscaling.describe_auto_scaling_groups(AutoScalingGroupNames=[group])["AutoScalingGroups"]
    return [
        instance["InstanceId"]
        for found in groups
        for instance in found["Instances"]
        if instance.get("LaunchTemplate", {}).get("Version", version) != version
        and not instance["LifecycleState"].startswith("Terminating")
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

    ``version`` is that of the launch template in ``group``: workers of another version must go first.
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
