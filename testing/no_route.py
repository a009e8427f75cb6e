"""A group of processes that this machine keeps from a network, as where docker is in a virtual machine."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import IPv4Network

GROUP = 64_213  # of nobody else; docker's own processes are not in it
TIMEOUT = 30  # seconds


@contextmanager
def forbidden(network: IPv4Network) -> Iterator[int | None]:
    """The group to run programs in while its way to the network is closed; None where that cannot be done."""
    rule = ["OUTPUT", "-d", str(network), "-m", "owner", "--gid-owner", str(GROUP), "-j", "REJECT"]
    if not _iptables("-I", rule):
        yield None
        return
    try:
        yield GROUP
    finally:
        _iptables("-D", rule)


def _iptables(action: str, rule: list[str]) -> bool:
    if not shutil.which("iptables"):
        return False
    line = ["iptables", "-w", action, *rule]
    return subprocess.run(line, capture_output=True, timeout=TIMEOUT, check=False).returncode == 0
