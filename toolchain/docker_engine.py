"""The docker engine: the machine's own if one answers, else a dockerd that the toolchain starts and stops.

As a program: `python -m toolchain.docker_engine start|stop|status`.
"""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from toolchain import system_packages
from toolchain.paths import LOGS, TOOLCHAIN
from toolchain.steps import Log, Step, StepFailed, run_steps

PID_FILE = TOOLCHAIN / "dockerd.pid"
DAEMON_LOG = LOGS / "dockerd.log"

USUAL_SOCKET = "unix:///var/run/docker.sock"

QUERY_TIMEOUT = 20
START_TIMEOUT = 60
STOP_TIMEOUT = 60
POLL_INTERVAL = 0.2
DISK_NEEDED = 8 << 30  # images, their layers in each node, build caches


def ensure(log: Log) -> str:
    """Make sure that a docker engine answers and has room."""
    root, outcome = _up(log)
    # The folder is not visible where the engine runs in a virtual machine or on another host.
    if root.exists() and (free := shutil.disk_usage(root).free) < DISK_NEEDED:
        raise StepFailed(
            f"{root} has {free >> 20} MiB free, the cluster needs {DISK_NEEDED >> 20} MiB: make room"
        )
    return outcome


def ensure_answer(log: Log) -> str:
    """Make sure that a docker engine answers, which is all that removing takes: it makes room."""
    return _up(log)[1]


def stop() -> str:
    """Stop the engine that the toolchain started, never another."""
    pid = started_pid()
    if pid is None:
        return "none of ours runs"
    os.kill(pid, signal.SIGTERM)
    deadline = time.monotonic() + STOP_TIMEOUT
    while started_pid() is not None:
        if time.monotonic() > deadline:
            raise StepFailed(
                f"dockerd (pid {pid}) has not ended {STOP_TIMEOUT} s after SIGTERM; its log: {DAEMON_LOG}"
            )
        time.sleep(POLL_INTERVAL)
    PID_FILE.unlink(missing_ok=True)
    return f"stopped (pid {pid})"


def stop_unless_used(own: str) -> str:
    """Stop the engine that the toolchain started, unless containers not named `own`... run in it."""
    pid = started_pid()
    if pid is None:
        return "none of ours runs"
    if others := [name for name in _running() if not name.startswith(own)]:
        return (
            f"goes on (pid {pid}): {', '.join(others)} {'run' if len(others) > 1 else 'runs'} in it; "
            "`toolchain/docker-daemon stop` stops it all the same"
        )
    return stop()


def started_pid() -> int | None:
    """The pid of the engine that the toolchain started; None if the pid is now another program's."""
    try:
        pid = int(PID_FILE.read_text())
        command = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except (OSError, ValueError):
        return None
    return pid if str(PID_FILE).encode() in command else None


def context_socket() -> str | None:
    """The socket of the docker command's current context, where that is not the usual one.

    Docker Desktop and rootless docker have one. The docker command knows contexts, Pulumi's plugin does not.
    """
    try:
        answer = subprocess.run(
            ["docker", "context", "inspect", "--format", "{{.Endpoints.docker.Host}}"],
            check=True,
            timeout=QUERY_TIMEOUT,
            capture_output=True,
            text=True,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    host = answer.stdout.strip()
    return host if host.startswith("unix://") and host != USUAL_SOCKET else None


def _root() -> Path | None:
    """The folder of the engine that answers, None when none does."""
    try:
        answer = subprocess.run(
            ["docker", "info", "--format", "{{.DockerRootDir}}"],
            check=True,
            timeout=QUERY_TIMEOUT,
            capture_output=True,
            text=True,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    # Without an engine some clients print an empty line and exit with 0.
    return Path(answer.stdout.strip()) if answer.stdout.strip() else None


def _running() -> list[str]:
    """Names of the containers that run in the engine that the toolchain started, wherever DOCKER_HOST points.

    Raises StepFailed when it does not answer.
    """
    answer = subprocess.run(
        ["docker", "--host", USUAL_SOCKET, "ps", "--format", "{{.Names}}"],
        check=False,
        timeout=QUERY_TIMEOUT,
        capture_output=True,
        text=True,
    )
    if answer.returncode:
        raise StepFailed(
            f"dockerd does not tell what runs in it ({answer.stderr.strip()}); "
            "`toolchain/docker-daemon stop` stops it all the same"
        )
    return sorted(answer.stdout.split())


def _up(log: Log) -> tuple[Path, str]:
    """The folder of the engine, which is started if none answers, and what was done."""
    if root := _root():
        return root, "answers"
    return _start(log), f"started dockerd (pid {started_pid()}, `make destroy` stops it)"


def _start(log: Log) -> Path:
    if os.geteuid() != 0 or sys.platform != "linux":
        raise StepFailed(
            "`docker info` gets no answer. Start docker (sudo systemctl start docker, or Docker Desktop), "
            "or let this user use it (sudo usermod -aG docker $USER, then log in again)"
        )
    system_packages.ensure({"dockerd": ("docker.io",), "iptables": ("iptables",)}, log)
    # Installing the package may have started it. One that an interrupted run started may not answer yet.
    if root := _answer_while(lambda: started_pid() is not None):
        return root
    if pid := started_pid():
        raise StepFailed(
            f"dockerd (pid {pid}) does not answer; its log: {DAEMON_LOG}; "
            "`toolchain/docker-daemon stop` stops it"
        )
    daemon = _launch()
    root = _answer_while(lambda: daemon.poll() is None or started_pid() is not None)
    if root is None:
        daemon.terminate()
        log.note(DAEMON_LOG.read_text(errors="replace"))
        raise StepFailed(f"dockerd does not answer; its log: {DAEMON_LOG}")
    return root


def _answer_while(runs: Callable[[], bool]) -> Path | None:
    """The folder of the engine once it answers; None if none `runs` any more, or it takes too long."""
    deadline = time.monotonic() + START_TIMEOUT
    while (root := _root()) is None and runs() and time.monotonic() < deadline:
        time.sleep(POLL_INTERVAL)
    return root


def _launch() -> subprocess.Popen[bytes]:
    # dockerd would not start while any program has the number of one that was killed.
    PID_FILE.unlink(missing_ok=True)
    DAEMON_LOG.parent.mkdir(parents=True, exist_ok=True)
    with DAEMON_LOG.open("ab") as output:
        return subprocess.Popen(
            ["dockerd", "--pidfile", str(PID_FILE)],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def main() -> None:
    match sys.argv[1:]:
        case ["start"]:
            run_steps([Step(name="docker-engine", title="docker engine", run=ensure)])
        case ["stop"]:
            run_steps(
                [Step(name="docker-engine", title="docker engine of the toolchain", run=lambda _log: stop())]
            )
        case ["status"]:
            pid = started_pid()
            print(f"started by the toolchain, pid {pid}" if pid else "not started by the toolchain")
        case _:
            sys.exit("usage: docker-daemon start|stop|status")


if __name__ == "__main__":
    main()
