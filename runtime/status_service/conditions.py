"""When somebody has to look, as far as the status service itself can tell, and what to do then.

The names and texts are those of the alarms for Prometheus (images/prometheus/alarms.yml), which watches more.
"""

import time
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from runtime.status_service.disks import CATALOGUE, SHARE, DisksNow
from runtime.status_service.management import Snapshot
from runtime.status_service.swarm import Aging, NodeNow

DEATHS_SECONDS = 900.0
# Of a disk. With less it is red in the console, too.
LEAST_FREE = 0.1
LEAST_LEFT, LEAST_LEFT_SECONDS = 0.1, 10 * 86400.0
OLD_SECONDS = 365 * 86400.0


@dataclass(frozen=True, kw_only=True)
class Condition:
    """An alarm begins when it has held for HOLDS seconds. ``needs`` is what it cannot be judged without."""

    name: str
    severity: str
    holds: float
    summary: str
    description: str
    needs: str | None = None


@dataclass(frozen=True, kw_only=True)
class Holding:
    """A condition that holds now, and for what. Its labels tell it from others of the condition."""

    condition: Condition
    labels: Mapping[str, str] = field(default_factory=dict)
    values: Mapping[str, str] = field(default_factory=dict)

    @property
    def summary(self) -> str:
        return self.condition.summary.format(**self.labels, **self.values)

    @property
    def description(self) -> str:
        return self.condition.description.format(**self.labels)


BROKER_DOWN = Condition(
    name="OodtBrokerDown",
    severity="critical",
    holds=120,
    summary="The broker does not answer",
    description="No job begins and none can be submitted. Look at the broker: docker service ps "
    "oodt-rabbitmq, and docker service logs --tail 50 oodt-rabbitmq. It goes on with its queues once it runs "
    "again.",
)
BROKER_SHORT = Condition(
    name="OodtBrokerShort",
    severity="critical",
    holds=60,
    summary="The broker is short of {resource}: it takes no message",
    description="Nobody can submit, and workers cannot report: what runs goes on and is reported later. Disk "
    "is that of the manager, with 1 GB left: docker system df there, docker image prune --all, or a larger "
    "disk. Memory is used by messages and connections: oodt clean dead throws dead messages away, fewer "
    "submitters at once help too. It takes messages again by itself.",
    needs="broker",
)
NO_CONSUMER = Condition(
    name="OodtNoConsumer",
    severity="critical",
    holds=120,
    summary="Jobs of {event} wait, and no Workflow Manager takes them",
    description="Look at the Workflow Managers: docker service ps oodt-wmgr, and the log of one: docker "
    "service logs --tail 50 oodt-wmgr. wm_replicas says how many there are to be.",
    needs="broker",
)
JOBS_DIE = Condition(
    name="OodtJobsDie",
    severity="warning",
    holds=0,
    summary="Jobs of {event} died in the last 15 minutes",
    description="oodt status tells the reasons, oodt logs --job ID what happened to one. When the cause is "
    "mended: oodt redrive --event {event}",
)
NODE_DOWN = Condition(
    name="OodtNodeDown",
    severity="critical",
    holds=60,
    summary="Node {node} is down",
    description="Its jobs run again on other nodes. Look at the machine and at its docker: docker node ls on "
    "the manager says what it knows. When it is up again, it joins by itself.",
    needs="swarm",
)
DISK_FULL = Condition(
    name="OodtDiskFull",
    severity="critical",
    holds=300,
    summary="The disk of the {place} has {left} left",
    description="On a full share no job can begin or end, on a full catalogue none can end. What can go "
    "from the share: oodt clean jobs logs; with --yes it is deleted, with --older-than 7d only what is "
    "older. Products go by oodt clean products. Catalogue and history are on the manager's own disk: docker "
    "system df there. Jobs that wait go on by themselves then; those that died: oodt redrive",
)
DISK_UNKNOWN = Condition(
    name="OodtDiskUnknown",
    severity="critical",
    holds=300,
    summary="The share does not answer",
    description="No job can begin or end. Look whether it is mounted on the manager, and whether its server "
    "answers: df on the manager, then the log of oodt-status.",
)
CATALOGUE_UNKNOWN = Condition(
    name="OodtCatalogueUnknown",
    severity="critical",
    holds=300,
    summary="The File Manager does not answer",
    description="Runs that would ingest wait ten minutes, then fail an attempt, and nothing is known of the "
    "catalogue's disk. Look at it: docker service ps oodt-filemgr, and docker service logs --tail 50 "
    "oodt-filemgr. It has its catalogue again once it runs. Then bring back the jobs that died: oodt redrive",
)
CERTIFICATE_ENDS = Condition(
    name="OodtCertificateEnds",
    severity="critical",
    holds=3600,
    summary="{certificate}: certificate ends in {left}",
    description="Docker renews the certificates of nodes by itself, and has not. When it has ended, nodes "
    "that start do not come back into the swarm. On the manager, this renews the root and all nodes: docker "
    "swarm ca --rotate",
    needs="swarm",
)
PASSWORD_OLD = Condition(
    name="OodtPasswordOld",
    severity="warning",
    holds=3600,
    summary="Password {secret} is {age} old",
    description="This makes a new one: pulumi up --replace '**Password::{secret}'. Services that have it "
    "start anew; their jobs end, or run again. The commands find it by themselves; producers of your own "
    "need the new stack output, browsers a new log-in.",
    needs="swarm",
)
SECRET_OLD = Condition(
    name="OodtSecretOld",
    severity="warning",
    holds=3600,
    summary="Secret {secret} is {age} old",
    description="Somebody has chosen it: get a new one where it comes from. Then pulumi config set --secret, "
    "with the key that has it (alarm_webhook, workflow_secrets or an entry of workflows), and pulumi up.",
    needs="swarm",
)
CONDITIONS = (
    *(BROKER_DOWN, BROKER_SHORT, NO_CONSUMER, JOBS_DIE, NODE_DOWN, DISK_FULL, DISK_UNKNOWN),
    *(CATALOGUE_UNKNOWN, CERTIFICATE_ENDS, PASSWORD_OLD, SECRET_OLD),
)


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What is known at one moment.

    ``deaths`` are jobs that died in the last DEATHS_SECONDS, by event. ``paused`` are events; None if they
    are not known.
    """

    snapshot: Snapshot | None
    deaths: Mapping[str, int]
    disks: DisksNow
    nodes: Sequence[NodeNow] | None
    paused: Collection[str] | None = ()
    aging: Aging | None = None
    at: float = field(default_factory=time.time)

    def holding(self) -> list[Holding]:
        """The conditions that hold."""
        return [
            *_of_broker(self.snapshot, self.paused),
            *_of_jobs(self.deaths),
            *_of_nodes(self.nodes or ()),
            *_of_disks(self.disks),
            *(_of_aging(self.aging, self.at) if self.aging else ()),
        ]

    def leave_open(self, name: str, labels: Mapping[str, str]) -> bool:
        """Whether nothing is known of a condition, so that its alarm goes on."""
        if name == DISK_FULL.name and labels.get("place") in self.disks.silent:
            return True
        if name == NO_CONSUMER.name and self.paused is None:
            return True
        needs = next((each.needs for each in CONDITIONS if each.name == name), None)
        return (needs == "broker" and self.snapshot is None) or (needs == "swarm" and self.nodes is None)


def _of_nodes(nodes: Iterable[NodeNow]) -> Iterator[Holding]:
    for node in nodes:
        if not node.up:
            yield Holding(condition=NODE_DOWN, labels={"node": node.name})


def _of_broker(snapshot: Snapshot | None, paused: Collection[str] | None) -> Iterator[Holding]:
    if snapshot is None:
        yield Holding(condition=BROKER_DOWN)
        return
    for resource in dict.fromkeys(snapshot.short):
        yield Holding(condition=BROKER_SHORT, labels={"resource": resource})
    for queues in snapshot.queues:
        waits = queues.queued and not queues.consumers
        if waits and paused is not None and queues.event not in paused:
            yield Holding(condition=NO_CONSUMER, labels={"event": queues.event})


def _of_jobs(deaths: Mapping[str, int]) -> Iterator[Holding]:
    for event, jobs in deaths.items():
        if jobs:
            yield Holding(condition=JOBS_DIE, labels={"event": event})


def _of_aging(aging: Aging, at: float) -> Iterator[Holding]:
    for certificate in aging.certificates:
        left = certificate.ends - at
        # Docker renews one when half to four fifths of its time are over.
        if left < min(LEAST_LEFT_SECONDS, LEAST_LEFT * (certificate.ends - certificate.begins)):
            labels, values = {"certificate": certificate.name}, {"left": days(left)}
            yield Holding(condition=CERTIFICATE_ENDS, labels=labels, values=values)
    for secret in aging.secrets:
        if at - secret.made > OLD_SECONDS:
            condition = PASSWORD_OLD if secret.generated else SECRET_OLD
            labels, values = {"secret": secret.name}, {"age": days(at - secret.made)}
            yield Holding(condition=condition, labels=labels, values=values)


def days(seconds: float) -> str:
    """As Prometheus writes a duration of days."""
    return f"{seconds / 86400:.0f} days"


def _of_disks(disks: DisksNow) -> Iterator[Holding]:
    if SHARE in disks.silent:
        yield Holding(condition=DISK_UNKNOWN)
    if CATALOGUE in disks.silent:
        yield Holding(condition=CATALOGUE_UNKNOWN)
    for disk in disks.told:
        if disk.free < LEAST_FREE * disk.size:
            left = f"{100 * disk.free / disk.size:.3g}%"
            yield Holding(condition=DISK_FULL, labels={"place": disk.place}, values={"left": left})
