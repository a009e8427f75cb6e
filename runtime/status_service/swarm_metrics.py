"""The swarm's numbers for Prometheus: nodes that are drained, their memory and load, containers."""

from collections.abc import Iterator, Mapping
from typing import Any

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector


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
