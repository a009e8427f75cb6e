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
import socket
import sys
import threading
import time

from infra.aws.node import metadata
from infra.aws.node.parameter import ParameterStore
from infra.node import join

JOIN_LIMIT = 600  # seconds to wait for the manager; systemd starts this program anew after that
LOOK_INTERVAL = 5  # seconds between two looks for a notice: spot capacity is gone 120 s after its own
MEMBERSHIP_INTERVAL = 60  # seconds between two looks whether the swarm is still the manager's
SILENCE_LIMIT = 60  # seconds without a manager, after which a worker that shuts down expects no drain
DRAIN_INTERVAL = 3  # seconds between two looks whether there is still somebody to drain it
UNFIT = 3  # exit code: the manager is there, and this machine cannot become a member


class Worker:
    def __init__(self, arguments: argparse.Namespace) -> None:
        self.address = arguments.address
        self.membership = pathlib.Path(arguments.membership_file)
        self.requests = pathlib.Path(arguments.requests)
        self.patience = arguments.patience
        self.store = ParameterStore(arguments.parameter, arguments.region, {})
        self.heard = time.monotonic()  # of the manager
        self.record: dict[str, str] | None = {}  # as it was read last

    def join(self) -> None:
        try:
            join.work(self.store, self.address, self.membership, time.monotonic() + JOIN_LIMIT)
        except SystemExit as problem:
            # Who only waits for a manager waits on: another machine would wait too.
            if _answers(self.store.read()):
                join.say(str(problem))
                sys.exit(UNFIT)
            raise

    def is_member(self) -> bool:
        """Whether this node is in the swarm of the manager's record, if there is one."""
        record, swarm = self.store.read(), self.membership.read_text()
        return join.swarm_state()["LocalNodeState"] == "active" and (not record or record["swarm"] == swarm)

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

        Whoever takes the machine back also says when. Once it shuts down, patience is the limit, if there is
        somebody to drain it.
        """
        request = self.requests / f"{join.swarm_state()['NodeID']}.json"
        join.say(f"asking to be drained: {reason}")
        draft = request.with_suffix(".new")
        draft.write_text(json.dumps({"instance": metadata.get("instance-id")}))
        draft.replace(request)
        while not self.drained(request) and not stopping.wait(1):
            pass
        self.heard = time.monotonic()
        deadline = self.heard + self.patience
        while not self.drained(request) and time.monotonic() < deadline and self.has_manager():
            time.sleep(DRAIN_INTERVAL)
        join.docker("POST", "/swarm/leave?force=true")
        self.membership.unlink()
        join.say("left the swarm")

    def has_manager(self) -> bool:
        """Whether there is still somebody to drain this node.

        The record is deleted before the nodes when the stack is destroyed.
        """
        try:
            self.record = self.store.read()
        except OSError as problem:
            join.say(str(problem))
        if self.record is None:
            join.say("the stack is destroyed: nobody drains this node")
            return False
        if _answers(self.record):
            self.heard = time.monotonic()
        if time.monotonic() < self.heard + SILENCE_LIMIT:
            return True
        join.say(f"the manager has not answered for {SILENCE_LIMIT} s: nobody drains this node")
        return False

    def drained(self, request: pathlib.Path) -> bool:
        """Whether the manager has removed the request: by the listing, which an NFS client gets anew.

        A share that is gone has none.
        """
        try:
            return request.name not in os.listdir(self.requests)
        except OSError:
            return False


def _answers(record: dict[str, str] | None) -> bool:
    """Whether somebody listens where the record says that the manager is."""
    if not record:
        return False
    host, _, port = record["address"].rpartition(":")
    try:
        socket.create_connection((host, int(port)), timeout=DRAIN_INTERVAL).close()
    except OSError:
        return False
    return True


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
    print("oodt: ready", flush=True)
    stopping = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stopping.set())
    worker.leave(worker.until_farewell(stopping), stopping)


if __name__ == "__main__":
    main()
