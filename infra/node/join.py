#!/usr/bin/env python3
"""Make this machine a node of the swarm: the same script on every target, run at each boot.

The manager initialises the swarm once, or finds itself in it again, and puts {swarm, token, address} into
the token store. A worker reads the store until it is there and joins; it leaves a swarm that is not the
store's any more. It talks to docker's socket and not to its command line, so that the token is never a
process argument; nothing here prints it. Only the standard library of Python 3.9 and later is needed.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import pathlib
import socket
import sys
import time
from typing import Any, Protocol

DOCKER_SOCKET = "/var/run/docker.sock"
CALL_TIMEOUT = 60  # seconds; joining waits for the manager's certificate
INTERVAL = 0.5  # seconds between two looks


class DockerError(Exception):
    """Docker's refusal, in its own words."""


class _SocketConnection(http.client.HTTPConnection):
    def __init__(self) -> None:
        super().__init__("localhost", timeout=CALL_TIMEOUT)

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(DOCKER_SOCKET)


def docker(method: str, path: str, body: dict[str, Any] | None = None) -> Any:
    """Call docker's API and return the decoded answer, or raise DockerError or OSError."""
    connection = _SocketConnection()
    try:
        content = None if body is None else json.dumps(body)
        connection.request(method, path, content, {"Content-Type": "application/json", "Host": "docker"})
        answer = connection.getresponse()
        text = answer.read().decode()
    finally:
        connection.close()
    decoded = json.loads(text) if text.strip() else None
    if answer.status >= 300:
        message = decoded.get("message", text) if isinstance(decoded, dict) else text
        raise DockerError(message.strip())
    return decoded


class Store(Protocol):
    """Where the manager leaves {swarm, token, address} for its workers."""

    def write(self, record: dict[str, str]) -> None: ...

    def read(self) -> dict[str, str] | None: ...


def say(text: str) -> None:
    print(f"join: {text}", flush=True)


def wait_for(what: str, look: Any, deadline: float) -> Any:
    """Call ``look`` until it returns something that is not None; end the program at the deadline."""
    last = "no answer"
    while time.monotonic() < deadline:
        try:
            found = look()
            if found is not None:
                return found
        except (OSError, DockerError, http.client.HTTPException) as problem:
            last = str(problem)
        time.sleep(INTERVAL)
    sys.exit(f"join: gave up waiting for {what}; last seen: {last}")


def swarm_state() -> dict[str, Any]:
    state: dict[str, Any] = docker("GET", "/info")["Swarm"]
    return state


def settled_state() -> dict[str, Any] | None:
    """The swarm state once docker has made up its mind after a start."""
    state = swarm_state()
    return None if state["LocalNodeState"] == "pending" else state


def manage(store: Store, address: str, deadline: float, pool: str = "") -> None:
    """A new swarm takes the addresses of its networks from ``pool``, a network of /24 after the other."""
    state = wait_for("docker", settled_state, deadline)
    if state["LocalNodeState"] == "inactive":
        say(f"initialising a swarm at {address}")
        networks = {"DefaultAddrPool": [pool], "SubnetSize": 24} if pool else {}
        docker("POST", "/swarm/init", {"ListenAddr": "0.0.0.0:2377", "AdvertiseAddr": address, **networks})
    else:
        say("this node is in a swarm already")
    swarm = wait_for("this manager's swarm", lambda: docker("GET", "/swarm"), deadline)
    store.write({"swarm": swarm["ID"], "token": swarm["JoinTokens"]["Worker"], "address": f"{address}:2377"})
    say(f"manager of swarm {swarm['ID']}")


def work(store: Store, address: str, membership: pathlib.Path | None, deadline: float) -> None:
    record = wait_for("the manager's record in the token store", store.read, deadline)
    known = membership and membership.exists() and membership.read_text() == record["swarm"]
    # Docker never makes up its mind about a swarm whose manager is gone and has left its address to another.
    state = wait_for("docker", settled_state if known else swarm_state, deadline)
    if state["LocalNodeState"] != "inactive":
        if known and state["LocalNodeState"] == "active":  # else its manager has forgotten it meanwhile
            say(f"this node is in swarm {record['swarm']} already")
            return
        if membership is None:
            sys.exit("join: this machine is in a swarm already, and it is not ours to take out of it")
        say("leaving a swarm that is not there any more")
        docker("POST", "/swarm/leave?force=true")
    wait_for("the swarm to take this node", lambda: join(store, address, membership), deadline)


def join(store: Store, address: str, membership: pathlib.Path | None) -> bool:
    """Join with what the store says now: when everything starts anew, its first record may be an old one."""
    record = store.read()
    if record is None:
        raise DockerError("the token store is empty")
    if swarm_state()["LocalNodeState"] != "inactive":  # an earlier try that docker goes on with by itself
        docker("POST", "/swarm/leave")
    body = {
        "ListenAddr": "0.0.0.0:2377",
        "AdvertiseAddr": address,
        "RemoteAddrs": [record["address"]],
        "JoinToken": record["token"],
    }
    docker("POST", "/swarm/join", body)
    if membership:
        membership.parent.mkdir(parents=True, exist_ok=True)
        membership.write_text(record["swarm"])
    say(f"joined swarm {record['swarm']}")
    return True


class FileStore:
    """The token store of targets whose nodes have a disk in common: a file that only root can read."""

    def __init__(self, path: str) -> None:
        self.path = pathlib.Path(path)

    def write(self, record: dict[str, str]) -> None:
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        draft = self.path.with_suffix(".new")
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            json.dump(record, file)
        draft.replace(self.path)

    def read(self) -> dict[str, str] | None:
        try:
            # An NFS client may remember for a minute that they are not there. A listing makes it ask.
            for folder in (self.path.parent.parent, self.path.parent):
                os.listdir(folder)
            record: dict[str, str] = json.loads(self.path.read_text())
            return record
        except (FileNotFoundError, json.JSONDecodeError):
            return None


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("role", choices=("manager", "worker"))
    parser.add_argument("--address", required=True, help="this node's address in the cluster's network")
    parser.add_argument(
        "--token-file", required=True, help="token store: a file on the disk that all nodes share"
    )
    parser.add_argument(
        "--membership-file",
        type=pathlib.Path,
        help="where a worker notes its swarm, on its own disk; without it, it leaves none that it is in",
    )
    parser.add_argument("--pool", default="", help="addresses for a new swarm's networks; else docker's own")
    parser.add_argument(
        "--timeout", type=float, default=300.0, help="seconds to wait for docker and the manager"
    )
    arguments = parser.parse_args()
    deadline = time.monotonic() + arguments.timeout
    store = FileStore(arguments.token_file)
    try:
        if arguments.role == "manager":
            manage(store, arguments.address, deadline, arguments.pool)
        else:
            work(store, arguments.address, arguments.membership_file, deadline)
    except DockerError as problem:
        sys.exit(f"join: docker refuses: {problem}")


if __name__ == "__main__":
    main()
