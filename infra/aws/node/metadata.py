"""What this EC2 instance is told about itself (IMDSv2): its id, and that it is about to go."""

from __future__ import annotations

import urllib.error
import urllib.request

ADDRESS = "http://169.254.169.254/latest/"
TIMEOUT = 5  # seconds


def get(path: str) -> str | None:
    """The value at this path of the metadata; None where there is none."""
    token = _call("PUT", "api/token", {"X-aws-ec2-metadata-token-ttl-seconds": "60"})
    try:
        return _call("GET", f"meta-data/{path}", {"X-aws-ec2-metadata-token": token})
    except urllib.error.HTTPError as problem:
        if problem.code == 404:
            return None
        raise


def _call(method: str, path: str, headers: dict[str, str]) -> str:
    request = urllib.request.Request(ADDRESS + path, method=method, headers=headers)
    with urllib.request.urlopen(request, timeout=TIMEOUT) as answer:
        return str(answer.read().decode())


def farewell() -> str | None:
    """Why this instance is about to go: its group takes it back, or the spot market does. None: it stays."""
    if get("autoscaling/target-lifecycle-state") == "Terminated":
        return "its Auto Scaling group terminates it"
    if get("spot/instance-action") is not None:
        return "its spot capacity is taken back"
    return None
