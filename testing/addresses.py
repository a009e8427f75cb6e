"""Addresses for the networks of tests that no network of the user's docker has."""

from __future__ import annotations

import secrets
from ipaddress import IPv4Network

from infra.local.engine import inspect

# Swarms take their overlay networks from the start of 10.0.0.0/8.
FIRST, LAST = 100, 249


def free_network(prefix: int) -> IPv4Network:
    """A network of this prefix length (16 or more) somewhere in 10.100.0.0 to 10.249.255.255."""
    taken = inspect().subnets
    while True:
        block = IPv4Network(f"10.{secrets.randbelow(LAST - FIRST + 1) + FIRST}.0.0/16")
        network = list(block.subnets(new_prefix=prefix))[secrets.randbelow(2 ** (prefix - 16))]
        if not any(network.overlaps(other) for other in taken):
            return network
