"""What an operator chooses on target hosts, typed and checked without asking any host."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import PurePosixPath

from infra import ssh
from infra.values import Values

KEYS = ("manager", "workers", "shared_path", "keep_data")
MOST_WORKERS = 50
HIGHEST_PORT = 65535
ADDRESS = r"ssh://[A-Za-z0-9_][A-Za-z0-9_.-]*@[A-Za-z0-9_]([A-Za-z0-9_.-]*[A-Za-z0-9_])?(:[0-9]{1,5})?"
ADDRESS_MEANING = (
    "how ssh reaches the host, as ssh://USER@HOST or ssh://USER@HOST:PORT; HOST is a name, an alias of "
    "your ssh configuration or an IPv4 address, of letters, digits, '.', '-' and '_'"
)
MANAGER_EXAMPLE = "ssh://operator@host0.example.org"
WORKERS_EXAMPLE = '["ssh://operator@host1.example.org", "ssh://operator@host2.example.org"]'
# Letters that need no quoting in a shell: the path is part of commands on the hosts.
SHARED_PATH = r"/[A-Za-z0-9_.@+-]+(/[A-Za-z0-9_.@+-]+)*"


@dataclass(frozen=True, kw_only=True)
class HostsSettings:
    """The keys of this target; hosts as ``ssh://USER@HOST[:PORT]``, all of them different."""

    manager: str
    workers: tuple[str, ...]
    shared_path: str
    keep_data: bool

    @property
    def hosts(self) -> tuple[str, ...]:
        return (self.manager, *self.workers)


def load_hosts(values: Values) -> HostsSettings:
    """Read the keys of this target. Raises ConfigurationError."""
    manager = values.matching("manager", ADDRESS, ADDRESS_MEANING, MANAGER_EXAMPLE)
    _check_port(values, "manager", manager, MANAGER_EXAMPLE)
    return HostsSettings(
        manager=manager,
        workers=_workers(values, manager),
        shared_path=_shared_path(values),
        keep_data=values.choice("keep_data", ("true", "false")) == "true",
    )


def _workers(values: Values, manager: str) -> tuple[str, ...]:
    key, example = "workers", WORKERS_EXAMPLE
    workers = values.json_list(key, str, example)
    for worker in workers:
        if not re.fullmatch(ADDRESS, worker):
            raise values.error(key, f"{worker!r} is not {ADDRESS_MEANING}.", example)
        _check_port(values, key, worker, example)
    if not 1 <= len(workers) <= MOST_WORKERS:
        raise values.error(key, f"it must name 1 to {MOST_WORKERS} hosts.", example)
    places = [ssh.place(host)[1:] for host in (manager, *workers)]
    for worker, place in zip(workers, places[1:], strict=True):
        if places.count(place) > 1:
            other = "the manager too" if place == places[0] else "named twice"
            raise values.error(key, f"{worker} is {other}; every host has one part.", example)
    return tuple(workers)


def _check_port(values: Values, key: str, host: str, example: str) -> None:
    port = host.rpartition("@")[2].partition(":")[2]
    if port and not 1 <= int(port) <= HIGHEST_PORT:
        raise values.error(key, f"{port} is no port.", example)


def _shared_path(values: Values) -> str:
    key, example = "shared_path", "/shared-data"
    path = values.matching(
        key, SHARED_PATH, "the absolute path of a folder on a disk that all hosts mount there", example
    )
    if ".." in PurePosixPath(path).parts:
        raise values.error(key, "it must not go up with '..'.", example)
    return path
