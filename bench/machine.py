"""The machine and the versions that the figures were measured with."""

import os
import platform
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pika

from bench import peers

QUERY_SECONDS = 20


def describe() -> dict[str, str]:
    """Machine and versions, by name."""
    cpu = next(
        (line.partition(":")[2].strip() for line in _lines("/proc/cpuinfo") if line.startswith("model name")),
        platform.machine(),
    )
    memory = int(next(line for line in _lines("/proc/meminfo") if line.startswith("MemTotal")).split()[1])
    docker = ("docker", "version", "--format", "{{.Server.Version}}")
    return {
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
        "processor": f"{os.cpu_count()} x {cpu}",
        "memory": f"{memory / 2**20:.0f} GiB",
        "kernel": platform.release(),
        "docker": _output(*docker),
        "python": platform.python_version(),
        "pika": pika.__version__,
        "celery": peers.version("celery"),
        "flower": peers.version("flower"),
        "commit": _output("git", "rev-parse", "--short", "HEAD"),
        "load when it began": f"{os.getloadavg()[0]:.2f}",
    }


def _lines(path: str) -> list[str]:
    return Path(path).read_text().splitlines()


def _output(*command: str) -> str:
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=QUERY_SECONDS)
    return done.stdout.strip() or "unknown"
