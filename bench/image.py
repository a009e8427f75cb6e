"""The OODT image: its size beyond the base, and the time until a new container begins its first job."""

import time

from bench.cluster import EVENT, Cluster
from bench.measurement import Measurement
from testing.commands import finish, start_submit
from testing.oodt import docker


def size(image: str, base: str) -> Measurement:
    sizes = [int(docker("image", "inspect", "--format", "{{.Size}}", name).stdout) for name in (image, base)]
    beyond = (sizes[0] - sizes[1]) / 1e6
    return Measurement(name="image beyond its base", unit="MB", values=(beyond,), limit=350)


def start(cluster: Cluster, *, repetitions: int) -> Measurement:
    """The time from the start of a worker to its first job, which waits for it: no other worker runs."""
    taken = []
    for node in cluster.nodes:
        docker("stop", "--time", "30", node.name)
    for repetition in range(repetitions):
        command = start_submit(
            cluster.vhost.url,
            *("--event", EVENT, "--jobs", "1", "--metadata", "Dataset=abc", "--metadata", "Project=123"),
            *("--metadata", "Seconds=0", "--wait", "--json", "--timeout", "120"),
        )
        before = len(cluster.ended)
        started = time.time()
        node = cluster.add_worker(f"new{repetition}")
        done = finish(command)
        if done.code != 0:
            raise RuntimeError(f"the job ended with {done.code}: {done.stderr}")
        taken.append((cluster.ended[before].started or 0) - started)
        docker("rm", "--force", node.name)
    return Measurement(name="container start to first job taken", unit="s", values=tuple(taken), limit=8)
