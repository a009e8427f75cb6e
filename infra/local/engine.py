"""What the user's own docker can do, asked before anything is declared."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path

ANSWER_TIMEOUT = 15  # seconds
PLATFORMS = {"x86_64": "amd64", "aarch64": "arm64"}  # docker info's words for what images call otherwise


class EngineError(RuntimeError):
    """The user's docker cannot host the nodes; the message says why and what to do."""


@dataclass(frozen=True, kw_only=True)
class Engine:
    """The user's docker; ``missing_capabilities`` are those that it cannot give to a container."""

    platform: str
    cgroup_version: int
    missing_capabilities: tuple[str, ...]


def inspect() -> Engine:
    """Ask the docker that the environment points at.

    Raises EngineError when it does not answer or does not run Linux containers.
    """
    try:
        done = subprocess.run(
            ["docker", "info", "--format", "{{json .}}"],
            capture_output=True,
            text=True,
            timeout=ANSWER_TIMEOUT,
            check=False,
        )
    except FileNotFoundError:
        raise EngineError("there is no docker command; install Docker, or type: make toolchain") from None
    except subprocess.TimeoutExpired:
        raise EngineError(
            f"docker did not answer within {ANSWER_TIMEOUT} s; restart it and try again"
        ) from None
    info = json.loads(done.stdout) if done.stdout.strip() else {}
    if not info.get("OSType"):
        reason = done.stderr.strip() or "; ".join(info.get("ServerErrors") or ["no answer"])
        raise EngineError(f"docker does not answer ({reason}); start it, or type: make toolchain")
    if info["OSType"] != "linux":
        raise EngineError(f"docker runs {info['OSType']} containers; the nodes need Linux ones")
    return Engine(
        platform=f"linux/{PLATFORMS.get(info['Architecture'], info['Architecture'])}",
        cgroup_version=int(info.get("CgroupVersion") or 1),
        missing_capabilities=_missing_capabilities(Path("/proc/self/status")),
    )


def _missing_capabilities(status: Path) -> tuple[str, ...]:
    """SYS_RESOURCE (bit 24) where this machine's bounding set lacks it: docker could not give it either."""
    sys_resource = 24
    if not status.exists():
        return ()
    bounding = next(line for line in status.read_text().splitlines() if line.startswith("CapBnd:")).split()[1]
    return () if int(bounding, 16) >> sys_resource & 1 else ("CAP_SYS_RESOURCE",)
