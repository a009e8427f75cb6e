"""The ports of this machine at which docker publishes the services: nobody needs a route to a node."""

from __future__ import annotations

import itertools
import socket
from collections.abc import Iterator, Mapping
from typing import Any

from infra import patience
from runtime import names

ADDRESS = "127.0.0.1"
# A container cannot get another port later, so Prometheus's is there before Prometheus is.
SERVICES = (
    names.AMQP_PORT,
    names.MANAGEMENT_PORT,
    names.FILEMGR_PORT,
    names.STATUS_PORT,
    names.PROMETHEUS_PORT,
)
CONNECT_TIMEOUT = 1  # seconds


def choose() -> dict[int, int]:
    """A free port of this machine for each service's: the same number, or the next one that is free."""
    chosen: dict[int, int] = {}
    for port in SERVICES:
        chosen[port] = next(each for each in _from(port, chosen) if _is_free(each))
    return chosen


def published(container: Mapping[str, Any]) -> dict[int, int]:
    """The ports of this machine by those of a container, as `docker inspect` tells of it.

    The container may be anybody's, and have ports without a number of their own.
    """
    bindings = container["HostConfig"]["PortBindings"] or {}
    numbers = {port.partition("/")[0]: own[0]["HostPort"] for port, own in bindings.items() if own}
    return {int(port): int(number) for port, number in numbers.items() if number.isdecimal()}


def _from(port: int, chosen: Mapping[int, int]) -> Iterator[int]:
    others = {*SERVICES, *chosen.values()} - {port}
    return (each for each in itertools.count(port) if each not in others)


def _is_free(port: int) -> bool:
    with socket.socket() as other:
        other.settimeout(patience.stretched(CONNECT_TIMEOUT))
        if (
            other.connect_ex((ADDRESS, port)) == 0
        ):  # it may listen at all addresses, which hinders no bind here
            return False
    with socket.socket() as own:
        own.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            own.bind((ADDRESS, port))
        except OSError:
            return False
    return True
