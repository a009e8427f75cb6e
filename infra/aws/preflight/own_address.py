"""The address that this machine has on the internet, as AWS sees it."""

from __future__ import annotations

import urllib.error
import urllib.request
from ipaddress import IPv4Address, IPv6Address, ip_address

from infra.aws.preflight.facts import NotRead

URL = "https://checkip.amazonaws.com"  # AWS's own; who asks it tells nobody else his address
TIMEOUT = 4  # seconds


def look_up() -> IPv4Address | IPv6Address:
    """Ask AWS, without a proxy: ssh takes none either. Raises NotRead."""
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with direct.open(URL, timeout=TIMEOUT) as answer:
            return ip_address(answer.read(64).decode("ascii").strip())
    except (OSError, ValueError) as problem:
        reason = problem.reason if isinstance(problem, urllib.error.URLError) else problem
        raise NotRead(f"{URL} does not tell it ({reason})") from None
