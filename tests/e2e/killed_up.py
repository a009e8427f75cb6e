"""`pulumi up`, killed when docker has something of which the state does not know yet."""

from __future__ import annotations

import json
import shlex
import subprocess

from testing.cluster import Cluster
from testing.waiting import until

KILL_TIMEOUT = 30  # seconds
ANSWER_TIMEOUT = 30  # of docker, or of ps
OWN = ("pulumi.dynamic", "language_host.py")  # of the processes that `up` starts


def kill(cluster: Cluster, resource: str, listing: str) -> None:
    """Kill `up` when docker lists a resource, before its answer is recorded; nothing of it goes on."""

    def listed() -> bool:
        found = subprocess.run(
            shlex.split(listing), capture_output=True, text=True, timeout=ANSWER_TIMEOUT, check=False
        )
        return found.returncode == 0 and bool(found.stdout)

    said = cluster.folder / f"killed-{resource}.log"
    with said.open("w") as file:
        up = subprocess.Popen(
            ["pulumi", "--non-interactive", "up", "--yes", "--skip-preview"],
            cwd=cluster.folder,
            env=cluster.environment,
            stdout=file,
            stderr=file,
            start_new_session=True,
            group=cluster.group,
        )
    try:
        until(lambda: listed() or up.poll() is not None, seconds=150, what=f"{resource} by `pulumi up`")
        assert up.returncode is None, said.read_text()
    finally:
        if up.poll() is None:
            up.kill()
            up.wait(KILL_TIMEOUT)
    until(lambda: not _processes(up.pid), what="the end of all that `pulumi up` has started")
    cluster.pulumi("cancel", "--yes")
    # The engine may have been quick enough to record it.
    for urn in _recorded(cluster, resource):
        cluster.pulumi("state", "delete", "--yes", "--target-dependents", urn)
    assert listed(), f"docker has lost {resource}"
    assert not _recorded(cluster, resource)


def _processes(session: int) -> list[str]:
    """Those of the project in a session; the engine gives each of its plugins a group of its own there."""
    line = ["ps", "-s", str(session), "-o", "args="]
    listed = subprocess.run(line, capture_output=True, text=True, timeout=ANSWER_TIMEOUT, check=False)
    return [each for each in listed.stdout.splitlines() if any(own in each for own in OWN)]


def _recorded(cluster: Cluster, resource: str) -> list[str]:
    """URNs of the docker resource in the state."""
    state = json.loads(cluster.pulumi("stack", "export"))["deployment"]
    urns = (each["urn"] for each in state.get("resources", ()) if each["type"].startswith("docker:"))
    return [urn for urn in urns if urn.endswith(f"::{resource}")]
