"""The options of `docker run` for a container that runs docker itself, as the nodes of target local do."""

from pathlib import Path

from infra.local import engine

UNCONFINED = ("seccomp=unconfined", "apparmor=unconfined", "systempaths=unconfined")


def node_options() -> list[str]:
    legacy = not Path("/sys/fs/cgroup/cgroup.controllers").exists()
    return [
        *("--cap-add", "ALL", *(f"--cap-drop={name}" for name in engine.missing_capabilities())),
        *(word for option in UNCONFINED for word in ("--security-opt", option)),
        *("--tmpfs", "/run"),
        *(("-v", "/sys/fs/cgroup:/sys/fs/cgroup") if legacy else ()),
        *("--cgroupns", "host" if legacy else "private"),
    ]
