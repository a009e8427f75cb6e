"""What `pulumi up` waits for on target aws: the manager's record, the manager itself, its workers."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import pulumi
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, SSOError, TokenRetrievalError
from pulumi.dynamic import ConfigureRequest, CreateResult, Resource

from infra import patience, ssh
from infra.aws import access, console
from infra.aws.settings import ADMIN_CIDRS_FIX, AwsSettings
from infra.dynamic import Props, Provider
from infra.ssh import Identity
from infra.waiting import HopelessError, until

MANAGER_TIMEOUT = 600  # seconds for an instance to boot, install packages, mount the share, start docker
WORKERS_TIMEOUT = 900  # seconds for workers to come, one that is replaced for its failed set-up included
REPLACEMENT_TIMEOUT = 900  # seconds for a worker of an older template to be replaced: its jobs run on
COMMAND_TIMEOUT = 30  # seconds for one docker command on the manager
CONNECT_TIMEOUT, READ_TIMEOUT = 5, 10  # seconds for one call of AWS, which is tried three times
EXPIRED = ("ExpiredToken", "ExpiredTokenException", "RequestExpired")  # as AWS's services call it
LATE, MOST_FAILURES = timedelta(hours=1), 3  # of what the group failed at, and is shown

T = TypeVar("T")


class SessionError(HopelessError):
    """Credentials that are over; the message says what to do."""


class TakenError(RuntimeError):
    """A name that something else in the account has; the message says what to type."""


class WorkersError(HopelessError):
    """Workers that were not replaced; the message says why."""


class ManagerError(HopelessError):
    """A manager that gave up its set-up; the message says what to type."""


class _AwsProvider(Provider):
    """A provider that asks AWS as the AWS provider does, by the configuration of whoever runs `pulumi`.

    Nothing of that is in the state.
    """

    _access = access.Access()

    def configure(self, req: ConfigureRequest) -> None:
        super().configure(req)
        self._access = access.load(req.config.get)

    def client(self, props: Props, service: str) -> Any:
        return _client(self._access, props["region"], service)


def _client(own: access.Access, region: str, service: str) -> Any:
    calls = Config(
        connect_timeout=patience.stretched(CONNECT_TIMEOUT),
        read_timeout=patience.stretched(READ_TIMEOUT),
        retries={"total_max_attempts": 3},
    )
    return own.client(own.session(region), service, calls)


def _until(
    what: str, look: Callable[[], T | None], *, timeout: float, more: Callable[[], str] | None = None
) -> T:
    """As ``until``; it ends too when the credentials do, which only somebody who logs in can renew."""

    def looked() -> T | None:
        try:
            return look()
        except (BotoCoreError, ClientError) as problem:
            if not _is_over(problem):
                raise
            raise SessionError(
                f"the credentials ended while pulumi up waited for {what}: {problem}\n"
                "  fix: log in again, such as by aws sso login, and go on by: pulumi up"
            ) from None

    return until(what, looked, timeout=timeout, more=more)


def _is_over(problem: BotoCoreError | ClientError) -> bool:
    """Whether AWS, or what renews the credentials, says that their time is over."""
    if isinstance(problem, ClientError):
        return problem.response["Error"]["Code"] in EXPIRED
    return isinstance(problem, SSOError | TokenRetrievalError)


class _JoinRecordProvider(_AwsProvider):
    replaced_by = ("parameter", "region")

    def create(self, props: Props) -> CreateResult:
        """Raises TakenError where there is a record before this stack has a manager: both would use it."""
        name, region = props["parameter"], props["region"]
        if props["first"] and self._is_there(props):
            raise TakenError(
                f"{name} is there already in {region}: another stack of this name has a cluster in the "
                "account, or an earlier one left it. The nodes of both would join each other.\n"
                f"  fix: if nobody needs it: aws ssm delete-parameter --region {region} --name {name}; and "
                "look for more: oodt preflight aws --leftovers. Else give this stack another name"
            )
        return super().create(props)

    def _is_there(self, props: Props) -> bool:
        try:
            self.client(props, "ssm").get_parameter(Name=props["parameter"])
        except ClientError as problem:
            if problem.response["Error"]["Code"] != "ParameterNotFound":
                raise
            return False
        return True

    def act(self, props: Props) -> tuple[str, Props]:
        return props["parameter"], props

    def delete(self, _id: str, props: Props) -> None:
        try:
            self.client(props, "ssm").delete_parameter(Name=props["parameter"])
        except ClientError as problem:
            if problem.response["Error"]["Code"] != "ParameterNotFound":
                raise


class JoinRecord(Resource, module="aws", name="JoinRecord"):
    """The parameter that the manager writes; only its name is known here.

    The resource is created before the manager and deleted after it, so that no token stays in the account,
    even if the manager never became ready. The ``first`` of a stack finds no such parameter.
    """

    def __init__(
        self,
        name: str,
        chosen: AwsSettings,
        parameter: str,
        *,
        first: bool,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        props = {"parameter": parameter, "region": chosen.region, "first": first}
        super().__init__(_JoinRecordProvider(), name, props, opts)


class _ManagerProvider(_AwsProvider):
    updated_by = ("parameter", "region", "user", "host", "folder", "generation")
    limit = MANAGER_TIMEOUT

    def act(self, props: Props) -> tuple[str, Props]:
        """Wait until the manager of the record controls its swarm, reached by the key in the record.

        The record is the manager's own word, which only its role may write: the first connection need not
        trust whoever answers.
        """
        ssm, ec2, identity = self.client(props, "ssm"), self.client(props, "ec2"), self.identity(props)
        docker_host = f"ssh://{props['user']}@{props['host']}:22"
        host, instance, region = props["host"], props["generation"], props["region"]

        def look() -> str | None:
            answer = ssm.get_parameter(Name=props["parameter"], WithDecryption=True)
            record = json.loads(answer["Parameter"]["Value"])
            known_hosts = f"{host} {record['host_key']}\n"
            identity.known_hosts_file.write_text(known_hosts)
            question = "docker info --format '{{if .Swarm.ControlAvailable}}{{.Swarm.Cluster.ID}}{{end}}'"
            try:
                swarm = ssh.run(identity, docker_host, question, timeout=COMMAND_TIMEOUT).strip()
            except ssh.UnreachableError as problem:
                raise RuntimeError(
                    f"{problem}. If your address is not in admin_cidrs: {ADMIN_CIDRS_FIX}"
                ) from None
            return known_hosts if swarm == record["swarm"] else None

        def tell() -> str:
            told = console.describe(ec2, instance, region)
            if told.startswith(f"{instance}: {console.GAVE_UP}"):
                raise ManagerError(
                    f"the manager gave up its set-up\n{told}\n  fix: mend the cause, then: aws ec2 "
                    f"terminate-instances --region {region} --instance-ids {instance}; pulumi up --refresh"
                )
            return told

        what = f"the manager {instance} to write {props['parameter']} and to answer at {host}"
        return host, {**props, "known_hosts": _until(what, look, timeout=self.limit, more=tell)}

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
            "user": user,
            "host": host,
            "folder": identity.folder,
            "generation": generation,
            "known_hosts": None,
        }
        super().__init__(_ManagerProvider(), name, props, opts)


class _WorkersProvider(_AwsProvider):
    updated_by = ("count", "region", "docker_host", "folder", "group", "version")
    limit = COMMAND_TIMEOUT

    def act(self, props: Props) -> tuple[str, Props]:
        """Wait until no instance is of an older template, and as many workers as there should be are ready.

        Raises WorkersError where the group gave up replacing them.
        """
        wanted, group, region = int(props["count"]), props["group"], props["region"]
        autoscaling, ec2 = self.client(props, "autoscaling"), self.client(props, "ec2")
        question = "docker node ls --filter role=worker --format '{{.Status}} {{.Availability}}'"

        def replaced() -> bool:
            older = _older_instances(autoscaling, group, props["version"])
            gave_up = _gave_up(autoscaling, group) if older else None
            if gave_up:
                raise WorkersError(f"{', '.join(older)} are of an older launch template: {gave_up}")
            if older:
                raise RuntimeError(f"{', '.join(older)} are still to be replaced")
            return True

        def joined() -> bool:
            ready = self.run(props, question).splitlines().count("Ready Active")
            if ready < wanted:
                raise RuntimeError(f"{ready} of {wanted}")
            return True

        def tell() -> str:
            try:
                instances = _instances(autoscaling, group)
            except (BotoCoreError, ClientError) as problem:
                return f"{group}: its instances are not to be listed ({problem})"
            consoles = (console.describe(ec2, instance, region) for instance in instances)
            return "\n".join([*consoles, *_failures(autoscaling, group)])

        older = _until(
            group, lambda: _older_instances(autoscaling, group, props["version"]), timeout=self.limit
        )
        if older:
            # A refresh replaces them one after another, each with a new one's start and an old one's drain.
            _until(
                f"{len(older)} workers of an older template to be replaced, whose jobs run to their end",
                replaced,
                timeout=REPLACEMENT_TIMEOUT * (1 + len(older)),
            )
        _until(f"{wanted} workers to join the swarm", joined, timeout=WORKERS_TIMEOUT, more=tell)
        return "workers", props


def _instances(autoscaling: Any, group: str) -> list[str]:
    """The group's instances that are there to stay."""
    groups = autoscaling.describe_auto_scaling_groups(AutoScalingGroupNames=[group])["AutoScalingGroups"]
    return [
        instance["InstanceId"]
        for found in groups
        for instance in found["Instances"]
        if not instance["LifecycleState"].startswith("Terminating")
    ]


def _failures(autoscaling: Any, group: str) -> list[str]:
    """What the group could not do of late, such as launch where there is no capacity: the newest first."""
    try:
        activities = autoscaling.describe_scaling_activities(AutoScalingGroupName=group)["Activities"]
    except (BotoCoreError, ClientError) as problem:
        return [f"{group}: its activities are not to be read ({problem})"]
    since = datetime.now(UTC) - LATE
    newest: dict[str, datetime] = {}
    for each in activities:
        if each["StatusCode"] == "Failed" and each["StartTime"] > since:
            newest.setdefault(each.get("StatusMessage", each["Description"]), each["StartTime"])
    return [
        f"{group}: failed at {at.astimezone(UTC):%H:%M:%S} UTC: {message}"
        for message, at in list(newest.items())[:MOST_FAILURES]
    ]


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
            "docker_host": docker_host,
            "folder": identity.folder,
            "group": group,
            "version": version,
        }
        super().__init__(_WorkersProvider(), name, props, opts)
