"""The local cluster by `pulumi up`, in a copy of the project with a stack of its own."""

import re
import subprocess
import time
import uuid
from pathlib import Path

from bench.measurement import Measurement
from testing.addresses import free_network
from testing.cluster import UP_TIMEOUT, Cluster

FIRST_STAGE = re.compile(r"^FROM .*$", re.MULTILINE)
LABEL = "oodt.bench"
DOCKER_SECONDS = 120
# ext4 does not reuse the inodes of deleted files for this long, and looks at each of them whenever it needs a
# new one: unpacking images right after a cluster was destroyed takes twice as much processor time.
RECENTLY_DELETED_SECONDS = 40


def measure(folder: Path) -> list[Measurement]:
    """One cluster: up from nothing, unchanged, with four workers instead of two; up again after a destroy."""
    cluster = Cluster.make(folder, str(free_network(24)))
    mark = uuid.uuid4().hex
    _forget_builds(folder, mark)
    try:
        try:
            nothing = _up(cluster)
            second = _up(cluster)
            cluster.pulumi("config", "set", "wm_replicas", "4")
            scaled = _up(cluster)
        finally:
            cluster.destroy()
        cluster.pulumi("config", "set", "wm_replicas", "2")
        time.sleep(RECENTLY_DELETED_SECONDS)
        try:
            built = _up(cluster)
        finally:
            cluster.destroy()
    finally:
        _remove_images(mark)
    return [
        Measurement(name="`pulumi up` from nothing", unit="s", values=(nothing,)),
        Measurement(name="`pulumi up` with images built", unit="s", values=(built,), limit=45),
        Measurement(name="`pulumi up` that changes nothing", unit="s", values=(second,), limit=6),
        Measurement(name="`pulumi up` from 2 to 4 WMs", unit="s", values=(scaled,), limit=12),
    ]


def _up(cluster: Cluster) -> float:
    started = time.monotonic()
    cluster.pulumi("up", "--yes", "--skip-preview", timeout=UP_TIMEOUT)
    return time.monotonic() - started


def _forget_builds(folder: Path, mark: str) -> None:
    """Add a label to the first stage of each image, so that docker finds nothing of it in its cache."""
    for dockerfile in folder.glob("images/*/Dockerfile"):
        # The label has the image's name too. Images are built side by side; if their first layers were the
        # same, docker would look for later steps only below the newest of them.
        label = f"LABEL {LABEL}={mark} {LABEL}.image={dockerfile.parent.name}"
        text = dockerfile.read_text()
        dockerfile.write_text(FIRST_STAGE.sub(rf"\g<0>\n{label}", text, count=1))


def _remove_images(mark: str) -> None:
    """Remove all images that were built with the label, also those of earlier stages."""
    left: list[str] = []
    while ids := _docker("image", "ls", "--all", "--quiet", "--filter", f"label={LABEL}={mark}").split():
        if ids == left:
            raise RuntimeError(f"docker does not remove what was built for the row: {' '.join(ids)}")
        left = ids
        # Fails for images that were removed with another one, and for images that others are made from.
        _docker("image", "rm", "--force", *ids, check=False)


def _docker(*arguments: str, check: bool = True) -> str:
    return subprocess.run(
        ["docker", *arguments], check=check, capture_output=True, text=True, timeout=DOCKER_SECONDS
    ).stdout
