"""The manager's part: start or resume the swarm, drain workers that ask for it, forget gone ones."""

from __future__ import annotations

import argparse
import http.client
import json
import pathlib
import time
import urllib.parse
from typing import Any

import boto3
import botocore.exceptions

from infra.aws.node.parameter import CONFIG, ParameterStore
from infra.node import join

START_LIMIT = 300  # seconds for docker to answer; systemd starts this program anew after that
LOOK_INTERVAL = 3  # seconds between two looks at requests and nodes
FORGET_AFTER = 900  # seconds that a node may be down: longer than a reboot takes
HEARTBEAT_INTERVAL = 120  # seconds between two requests to keep an instance that is still drained
LEAVING = "leaving"  # label of nodes that are drained because they asked for it
PASSING = (OSError, join.DockerError, http.client.HTTPException, botocore.exceptions.BotoCoreError)
ENDED = ("complete", "shutdown", "failed", "rejected", "remove", "orphaned")  # task states


class Manager:
    def __init__(self, arguments: argparse.Namespace) -> None:
        self.requests = pathlib.Path(arguments.requests)
        self.group = arguments.group
        self.hook = arguments.hook
        self.autoscaling = boto3.client("autoscaling", region_name=arguments.region, config=CONFIG)
        self.down_since: dict[str, float] = {}
        self.kept: dict[str, float] = {}

    def watch(self) -> None:
        """Look, and what docker, the share or AWS does not answer is asked again the next time."""
        try:
            self.look()
        except PASSING as problem:
            join.say(str(problem))

    def look(self) -> None:
        nodes = {node["ID"]: node for node in join.docker("GET", "/nodes")}
        for request in self.requests.glob("*.json"):
            node = nodes.get(request.stem)
            instance = json.loads(request.read_text())["instance"]
            if node is None or self.drained(node):
                self.release(instance)
                request.unlink()
            else:
                self.keep(instance)
        self.forget(list(nodes.values()))

    def drained(self, node: dict[str, Any]) -> bool:
        """Whether nothing runs on the node any more; the first time, it is told to take no more tasks."""
        spec = node["Spec"]
        if LEAVING not in spec["Labels"]:
            join.say(f"draining {node['Description']['Hostname']}")
            spec["Availability"] = "drain"
            spec["Labels"][LEAVING] = "true"
            join.docker("POST", f"/nodes/{node['ID']}/update?version={node['Version']['Index']}", spec)
            return False
        if node["Status"]["State"] == "down":
            return True
        filters = urllib.parse.quote(json.dumps({"node": [node["ID"]]}))
        return all(
            task["Status"]["State"] in ENDED for task in join.docker("GET", f"/tasks?filters={filters}")
        )

    def keep(self, instance: str) -> None:
        """Tell the Auto Scaling group to wait on: the instance's jobs have not ended."""
        now = time.monotonic()
        if now < self.kept.get(instance, 0) + HEARTBEAT_INTERVAL:
            return
        self.kept[instance] = now
        try:
            self.autoscaling.record_lifecycle_action_heartbeat(**self.action(instance))
        except botocore.exceptions.ClientError as problem:
            join.say(f"{instance} is still drained ({problem})")

    def action(self, instance: str) -> dict[str, str]:
        return {
            "AutoScalingGroupName": self.group,
            "LifecycleHookName": self.hook,
            "InstanceId": instance,
        }

    def release(self, instance: str) -> None:
        """Tell the Auto Scaling group to go on. It waits for that only where it is the one that asked."""
        try:
            self.autoscaling.complete_lifecycle_action(
                **self.action(instance), LifecycleActionResult="CONTINUE"
            )
            join.say(f"{instance} is drained; its group may end it")
        except botocore.exceptions.ClientError as problem:
            join.say(f"{instance} is drained ({problem})")

    def forget(self, nodes: list[dict[str, Any]]) -> None:
        """Remove nodes that have left, at once, and nodes that stay away, after a while."""
        down = [node for node in nodes if node["Status"]["State"] == "down"]
        now = time.monotonic()
        self.down_since = {node["ID"]: self.down_since.get(node["ID"], now) for node in down}
        for node in down:
            if LEAVING in node["Spec"]["Labels"] or now - self.down_since[node["ID"]] > FORGET_AFTER:
                join.say(f"forgetting {node['Description']['Hostname']}")
                join.docker("DELETE", f"/nodes/{node['ID']}?force=true")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--address", required=True, help="this node's address")
    parser.add_argument("--parameter", required=True, help="SSM parameter for the record that workers read")
    parser.add_argument("--region", required=True)
    parser.add_argument("--host-key-file", required=True, help="public ssh host key, for the record")
    parser.add_argument("--requests", required=True, help="folder of the share with requests to be drained")
    parser.add_argument("--group", required=True, help="Auto Scaling group of the workers")
    parser.add_argument("--hook", required=True, help="its lifecycle hook")
    parser.add_argument("--pool", default="", help="addresses for a new swarm's networks; else docker's own")
    arguments = parser.parse_args()
    host_key = " ".join(pathlib.Path(arguments.host_key_file).read_text().split()[:2])
    store = ParameterStore(arguments.parameter, arguments.region, {"host_key": host_key})
    join.manage(store, arguments.address, time.monotonic() + START_LIMIT, arguments.pool)
    print("oodt: ready", flush=True)
    manager = Manager(arguments)
    while True:
        manager.watch()
        time.sleep(LOOK_INTERVAL)


if __name__ == "__main__":
    main()
