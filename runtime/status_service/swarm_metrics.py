"""The swarm's numbers for Prometheus: nodes and their machines, services and their containers."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from runtime.status_service.swarm import NodeNow


class NodeNumbers(Collector):
    """How the nodes are, as the alarms see them."""

    def __init__(self, nodes: Iterable[NodeNow]) -> None:
        self._nodes = nodes

    def collect(self) -> Iterator[Metric]:
        up = GaugeMetricFamily("oodt_node_up", "1 if docker says that the node is ready.", labels=["node"])
        clock = GaugeMetricFamily(
            "oodt_node_clock_offset_seconds",
            "How far a node's clock is ahead of the broker's.",
            labels=["node"],
        )
        disk = GaugeMetricFamily(
            "oodt_node_disk_bytes", "The own disk of a node: size and free.", labels=["node", "kind"]
        )
        for node in self._nodes:
            up.add_metric([node.name], float(node.up))
            if node.offset is not None:
                clock.add_metric([node.name], node.offset)
            if node.machine is not None:
                disk.add_metric([node.name, "size"], node.machine.disk)
                disk.add_metric([node.name, "free"], node.machine.disk_free)
        yield from (up, clock, disk)


class SwarmNumbers(Collector):
    """Of a view of the swarm. What is not known now is left out."""

    def __init__(self, view: Mapping[str, Any]) -> None:
        self._view = view

    def collect(self) -> Iterator[Metric]:
        known = GaugeMetricFamily("oodt_swarm_known", "1 if the swarm service tells of the swarm.")
        known.add_metric([], float(self._view["fresh"]))
        yield known
        if not self._view["fresh"]:
            return
        drained = GaugeMetricFamily("oodt_node_drained", "1 if the node was drained.", labels=["node"])
        memory = GaugeMetricFamily(
            "oodt_node_memory_bytes", "The memory of a node: size and free.", labels=["node", "kind"]
        )
        load = GaugeMetricFamily(
            "oodt_node_load", "Processes that run or wait to run, over the last minute.", labels=["node"]
        )
        for node in self._view["nodes"]:
            drained.add_metric([node["name"]], float(node["availability"] == "drain"))
            machine = node["machine"]
            if machine and machine["fresh"]:
                memory.add_metric([node["name"], "size"], machine["memory"])
                memory.add_metric([node["name"], "free"], machine["memory_free"])
                load.add_metric([node["name"]], machine["load"])
        containers = GaugeMetricFamily(
            "oodt_service_containers", "A service's containers: wanted, running.", labels=["service", "state"]
        )
        for service in self._view["services"]:
            containers.add_metric([service["name"], "wanted"], service["replicas"])
            containers.add_metric([service["name"], "running"], service["running"])
        yield from (drained, memory, load, containers)
        yield from _certificates(self._view["certificates"])
        yield _secrets(self._view["secrets"])


def _certificates(view: Iterable[Mapping[str, Any]]) -> Iterator[Metric]:
    begin = GaugeMetricFamily(
        "oodt_certificate_begin_timestamp_seconds",
        "From when a certificate of the swarm is valid.",
        labels=["certificate"],
    )
    end = GaugeMetricFamily(
        "oodt_certificate_end_timestamp_seconds",
        "Until when a certificate of the swarm is valid.",
        labels=["certificate"],
    )
    for each in view:
        begin.add_metric([each["name"]], each["begins"])
        end.add_metric([each["name"]], each["ends"])
    yield from (begin, end)


def _secrets(view: Iterable[Mapping[str, Any]]) -> Metric:
    made = GaugeMetricFamily(
        "oodt_secret_made_timestamp_seconds",
        "When docker got a secret, which pulumi up has generated or somebody has chosen.",
        labels=["secret", "kind"],
    )
    for each in view:
        made.add_metric([each["name"], "generated" if each["generated"] else "chosen"], each["made"])
    return made
