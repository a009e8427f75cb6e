"""A worker's part: join, stay a member of the manager's swarm, and go only after being drained.

A worker cannot drain itself. It puts a request on the share, under its node id; the manager removes the
request when nothing runs on the node any more.
"""

from __future__ import annotations

import argparse
import json
import os
import pathlib
import signal
import threading
import time

from infra.aws.node import metadata
from infra.aws.node.parameter import ParameterStore
from infra.node import join

JOIN_LIMIT = 600  # seconds to wait for the manager; systemd starts this program anew after that
LOOK_INTERVAL = 5  # seconds between two looks for a notice: spot capacity is gone 120 s after its own
MEMBERSHIP_INTERVAL = 60  # seconds between two looks whether the swarm is still the manager's


class Worker:
    def __init__(self, arguments: argparse.Namespace) -> None:
        self.address = arguments.address
        self.membership = pathlib.Path(arguments.membership_file)
        self.requests = pathlib.Path(arguments.requests)
        self.patience = arguments.patience
        self.store = ParameterStore(arguments.parameter, arguments.region, {})

    def join(self) -> None:
        join.work(self.store, self.address, self.membership, time.monotonic() + JOIN_LIMIT)

    def is_member(self) -> bool:
        """Whether this node is in the swarm of the manager's record."""
        swarm = self.store.read()["swarm"]
        return join.swarm_state()["LocalNodeState"] == "active" and self.membership.read_text() == swarm

    def until_farewell(self, stopping: threading.Event) -> str:
        """Stay in the swarm, also in a new one that takes its place, until there is a reason to go."""
        due = time.monotonic() + MEMBERSHIP_INTERVAL
        while not stopping.wait(LOOK_INTERVAL):
            try:
                reason = metadata.farewell()
                if reason:
                    return reason
                if time.monotonic() > due:
                    due = time.monotonic() + MEMBERSHIP_INTERVAL
                    if not self.is_member():
                        self.join()
            except (OSError, join.DockerError) as problem:
                join.say(str(problem))
        return "it shuts down"

    def leave(self, reason: str, stopping: threading.Event) -> None:
        """Ask for the drain, wait until it is done, then leave the swarm.

        Whoever takes the machine back also says when. Once it shuts down, patience is the limit.
        """
        request = self.requests / f"{join.swarm_state()['NodeID']}.json"
        join.say(f"asking to be drained: {reason}")
        draft = request.with_suffix(".new")
        draft.write_text(json.dumps({"instance": metadata.get("instance-id")}))
        draft.replace(request)
        while not self.drained(request) and not stopping.wait(1):
            pass
        deadline = time.monotonic() + self.patience
        while not self.drained(request) and time.monotonic() < deadline:
            time.sleep(1)
        join.docker("POST", "/swarm/leave?force=true")
        self.membership.unlink()
        join.say("left the swarm")

    def drained(self, request: pathlib.Path) -> bool:
        """Whether the manager has removed the request: by the listing, which an NFS client gets anew.

        A share that is gone has none.
        """
        try:
            return request.name not in os.listdir(self.requests)
        except OSError:
            return False


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--address", required=True, help="this node's address")
    parser.add_argument("--parameter", required=True, help="SSM parameter with the manager's record")
    parser.add_argument("--region", required=True)
    parser.add_argument("--membership-file", required=True, help="where it notes its swarm")
    parser.add_argument("--requests", required=True, help="folder of the share for requests to be drained")
    parser.add_argument(
        "--patience", type=float, required=True, help="seconds that a shutdown waits for the drain"
    )
    worker = Worker(parser.parse_args())
    join.INTERVAL = 3  # the parameter store limits the calls of all nodes together
    worker.join()
    stopping = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stopping.set())
    worker.leave(worker.until_farewell(stopping), stopping)


if __name__ == "__main__":
    main()
