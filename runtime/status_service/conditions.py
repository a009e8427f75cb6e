"""When somebody has to look, as far as the status service itself can tell, and what to do then.

The names and texts are those of the alarms for Prometheus (images/prometheus/alarms.yml), which watches more.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from runtime.status_service.disks import Disk
from runtime.status_service.management import Snapshot
from runtime.status_service.swarm import NodeNow

DEATHS_SECONDS = 900.0
LEAST_FREE = 0.1


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
    description="On a full share no job can end. See what can go, then delete it: oodt clean jobs logs "
    "--older-than 7d, and the same with --yes. Products go by oodt clean products. The history's disk is the "
    "manager's.",
)
DISK_UNKNOWN = Condition(
    name="OodtDiskUnknown",
    severity="critical",
    holds=300,
    summary="The share does not answer",
    description="No job can begin or end. Look whether it is mounted on the manager, and whether its server "
    "answers: df on the manager, then the log of oodt-status.",
)
CONDITIONS = (BROKER_DOWN, NO_CONSUMER, JOBS_DIE, NODE_DOWN, DISK_FULL, DISK_UNKNOWN)


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What is known at one moment.

    ``deaths`` are jobs that died in the last DEATHS_SECONDS, by event. ``paused`` are events.
    """

    snapshot: Snapshot | None
    deaths: Mapping[str, int]
    disks: Sequence[Disk]
    nodes: Sequence[NodeNow] | None
    paused: Collection[str] = ()

    def holding(self) -> list[Holding]:
        """The conditions that hold."""
        return [
            *_of_broker(self.snapshot, self.paused),
            *_of_jobs(self.deaths),
            *_of_nodes(self.nodes or ()),
            *_of_disks(self.disks),
        ]

    def leave_open(self, name: str) -> bool:
        """Whether nothing is known of a condition, so that its alarms go on."""
        needs = next((each.needs for each in CONDITIONS if each.name == name), None)
        return (needs == "broker" and self.snapshot is None) or (needs == "swarm" and self.nodes is None)


def _of_nodes(nodes: Iterable[NodeNow]) -> Iterator[Holding]:
    for node in nodes:
        if not node.up:
            yield Holding(condition=NODE_DOWN, labels={"node": node.name})


def _of_broker(snapshot: Snapshot | None, paused: Collection[str]) -> Iterator[Holding]:
    if snapshot is None:
        yield Holding(condition=BROKER_DOWN)
        return
    for queues in snapshot.queues:
        if queues.queued and not queues.consumers and queues.event not in paused:
            yield Holding(condition=NO_CONSUMER, labels={"event": queues.event})


def _of_jobs(deaths: Mapping[str, int]) -> Iterator[Holding]:
    for event, jobs in deaths.items():
        if jobs:
            yield Holding(condition=JOBS_DIE, labels={"event": event})


def _of_disks(disks: Sequence[Disk]) -> Iterator[Holding]:
    if "share" not in {disk.place for disk in disks}:
        yield Holding(condition=DISK_UNKNOWN)
    for disk in disks:
        if disk.free < LEAST_FREE * disk.size:
            left = f"{100 * disk.free / disk.size:.3g}%"
            yield Holding(condition=DISK_FULL, labels={"place": disk.place}, values={"left": left})
