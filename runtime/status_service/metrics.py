"""The numbers for Prometheus, made anew for each scrape from broker and history."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4 as CONTENT_TYPE
from prometheus_client.registry import Collector

from runtime.status_service.disks import DisksNow
from runtime.status_service.management import Snapshot
from runtime.status_service.store import BOUNDS
from runtime.status_service.swarm import NodeNow
from runtime.status_service.swarm_metrics import NodeNumbers, SwarmNumbers

__all__ = ["CONTENT_TYPE", "render"]

COUNTERS = {
    "succeeded": "Jobs that have succeeded.",
    "dead": "Jobs that were given up.",
    "cancelled": "Jobs that were cancelled.",
    "retries": "Runs that failed or were broken off and are followed by another.",
}
TOTAL_OF = {"retries": "retrying"}
HISTOGRAMS = {
    "queued": "Seconds from a job's submission to the start of its first run.",
    "run": "Seconds from the start of a run to its end.",
}

Totals = Mapping[str, Mapping[str, float]]
States = Mapping[str, Mapping[str, int]]
NO_DISKS = DisksNow()


def render(
    snapshot: Snapshot | None,
    states: States,
    totals: Totals,
    disks: DisksNow = NO_DISKS,
    nodes: Iterable[NodeNow] = (),
    *,
    paused: Collection[str] | None = (),
    swarm: Mapping[str, Any] | None = None,
) -> bytes:
    """The text that Prometheus reads; without the broker's numbers while it does not answer.

    SWARM is the view of the swarm, PAUSED are events, None if nobody knows.
    """
    registry = CollectorRegistry()
    registry.register(_Numbers(snapshot, states, totals, paused))
    registry.register(_Disks(disks))
    registry.register(NodeNumbers(nodes))
    if swarm is not None:
        registry.register(SwarmNumbers(swarm))
    return generate_latest(registry)


class _Numbers(Collector):
    def __init__(
        self, snapshot: Snapshot | None, states: States, totals: Totals, paused: Collection[str] | None
    ) -> None:
        self._paused = paused
        self._snapshot = snapshot
        self._states = states
        self._totals = totals

    def collect(self) -> Iterator[Metric]:
        up = GaugeMetricFamily("oodt_broker_up", "1 if the broker's management answers.")
        up.add_metric([], float(self._snapshot is not None))
        yield up
        if self._snapshot is not None:
            yield from _broker(self._snapshot)
            if self._paused is not None:
                yield _flags(self._snapshot, self._paused)
        running = GaugeMetricFamily("oodt_jobs_running", "Jobs that run now.", labels=["event"])
        for event, counts in self._states.items():
            running.add_metric([event], counts.get("RUNNING", 0))
        yield running
        for name, text in COUNTERS.items():
            counter = CounterMetricFamily(f"oodt_jobs_{name}", text, labels=["event"])
            for event, totals in self._totals.items():
                counter.add_metric([event], totals.get(TOTAL_OF.get(name, name), 0))
            yield counter
        for name, text in HISTOGRAMS.items():
            yield self._histogram(name, text)

    def _histogram(self, name: str, text: str) -> HistogramMetricFamily:
        family = HistogramMetricFamily(f"oodt_job_{name}_seconds", text, labels=["event"])
        for event, totals in self._totals.items():
            buckets, count = [], 0.0
            for bound in (*(str(bound) for bound in BOUNDS), "+Inf"):
                count += totals.get(f"{name}:{bound}", 0)
                buckets.append((bound, count))
            family.add_metric([event], buckets, totals.get(f"{name}:sum", 0))
        return family


class _Disks(Collector):
    def __init__(self, disks: DisksNow) -> None:
        self._disks = disks

    def collect(self) -> Iterator[Metric]:
        answers = GaugeMetricFamily(
            "oodt_disk_answers",
            "1 if it is known how full the disk of a place is, 0 if the share or the File Manager is silent.",
            labels=["place"],
        )
        size = GaugeMetricFamily(
            "oodt_disk_bytes",
            "Disks of the share, the history and the catalogue: size and free.",
            labels=["place", "kind"],
        )
        for disk in self._disks.told:
            answers.add_metric([disk.place], 1)
            size.add_metric([disk.place, "size"], disk.size)
            size.add_metric([disk.place, "free"], disk.free)
        for place in self._disks.silent:
            answers.add_metric([place], 0)
        yield from (answers, size)


def _flags(snapshot: Snapshot, paused: Collection[str]) -> Metric:
    flags = GaugeMetricFamily(
        "oodt_event_paused", "1 if no worker takes jobs of the event.", labels=["event"]
    )
    for queues in snapshot.queues:
        flags.add_metric([queues.event], float(queues.event in paused))
    return flags


def _broker(snapshot: Snapshot) -> Iterator[Metric]:
    depth = GaugeMetricFamily(
        "oodt_queue_messages",
        "Messages of an event: queued, taken by a consumer, waiting for another run (retrying), dead.",
        labels=["event", "state"],
    )
    for queues in snapshot.queues:
        for state in ("queued", "taken", "retrying", "dead"):
            depth.add_metric([queues.event, state], getattr(queues, state))
    yield depth
    consumers = GaugeMetricFamily(
        "oodt_consumers", "Workflow Managers that take jobs of an event.", labels=["event"]
    )
    for queues in snapshot.queues:
        consumers.add_metric([queues.event], queues.consumers)
    yield consumers
    short = GaugeMetricFamily(
        "oodt_broker_short",
        "1 if the broker takes no message, for it is short of memory or disk.",
        labels=["resource"],
    )
    supply = GaugeMetricFamily(
        "oodt_broker_supply_bytes",
        "Memory that the broker uses and disk that it has free: now, and where it begins to be short.",
        labels=["resource", "kind"],
    )
    for each in snapshot.supplies:
        short.add_metric([each.resource], float(each.short))
        supply.add_metric([each.resource, "now"], each.now)
        supply.add_metric([each.resource, "limit"], each.limit)
    blocked = GaugeMetricFamily("oodt_broker_blocked_connections", "Connections that wait to publish.")
    blocked.add_metric([], snapshot.blocked)
    yield from (short, supply, blocked)
    slots = GaugeMetricFamily(
        "oodt_slots", "Jobs that a node may have in hand: busy and free.", labels=["node", "state"]
    )
    for node in snapshot.nodes:
        slots.add_metric([node.node, "busy"], node.busy)
        slots.add_metric([node.node, "free"], node.free)
    yield slots
