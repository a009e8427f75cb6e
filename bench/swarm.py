"""The local cluster by `pulumi up`, in a copy of the project with a stack of its own."""

import re
import time
from pathlib import Path

from bench.measurement import Measurement
from tests.e2e.addresses import free_network
from tests.e2e.cluster import UP_TIMEOUT, Cluster

IMAGE_MADE = re.compile(r"docker:index:Image +(\S+) +created +\((\d+)s\)")


def measure(folder: Path) -> list[Measurement]:
    """One cluster: up from nothing, unchanged, with four workers instead of two."""
    cluster = Cluster.make(folder, str(free_network(24)))
    try:
        elapsed, text = _up(cluster)
        # They are built on the new manager, one after another on its docker; the services wait for them.
        images = sum(int(seconds) for _, seconds in IMAGE_MADE.findall(text))
        second, _ = _up(cluster)
        cluster.pulumi("config", "set", "wm_replicas", "4")
        scaled, _ = _up(cluster)
    finally:
        cluster.destroy()
    return [
        Measurement(name="`pulumi up` from nothing", unit="s", values=(elapsed,)),
        Measurement(name="building and pushing its images, added up", unit="s", values=(float(images),)),
        Measurement(name="`pulumi up` that changes nothing", unit="s", values=(second,), limit=6),
        Measurement(name="`pulumi up` from 2 to 4 WMs", unit="s", values=(scaled,), limit=12),
    ]


def _up(cluster: Cluster) -> tuple[float, str]:
    started = time.monotonic()
    text = cluster.pulumi("up", "--yes", "--skip-preview", timeout=UP_TIMEOUT)
    return time.monotonic() - started, text
