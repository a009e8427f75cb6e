"""The networks that a Linux machine is in or has routes to, from what its kernel shows."""

from __future__ import annotations

import re
from ipaddress import IPv4Network
from pathlib import Path

TABLE = Path("/proc/net/fib_trie")  # all routing tables, and the machine's own addresses
LEAF = re.compile(r"\|-- ([0-9.]+)$|/([0-9]+) \w+ (UNICAST|LOCAL)\b")
SHORTEST_PREFIX = (
    8  # a shorter one is a default route, whole or in halves: it says of no network that it is there
)
LOOPBACK = IPv4Network("127.0.0.0/8")


def networks(table: str) -> tuple[IPv4Network, ...]:
    """Routes to networks, and addresses as networks of one, each once."""
    found: dict[IPv4Network, None] = {}
    address = ""
    for line in table.splitlines():
        if not (match := LEAF.search(line)):
            continue
        if match[1]:
            address = match[1]
            continue
        network = IPv4Network((address, int(match[2])), strict=False)
        if network.prefixlen >= SHORTEST_PREFIX and not network.overlaps(LOOPBACK):
            found[network] = None
    return tuple(found)


def own() -> tuple[IPv4Network, ...]:
    """Those of this machine; none where it does not tell, as where it is not Linux."""
    return networks(TABLE.read_text()) if TABLE.exists() else ()
