"""Teardown of a swarm of hosts: services, workers, manager, and their data if `keep_data` is false."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from infra import ssh
from infra.hosts import layout, storage
from infra.hosts.actions import LEAVE_TIMEOUT, Host, leave
from infra.share import THERE
from infra.waiting import NotReadyError, until

STOP_TIMEOUT = 60  # seconds for the containers on the manager to stop by themselves
FORGET_TIMEOUT = 60
SERVICE_OF = '{{.Label "com.docker.swarm.service.name"}}'


@dataclass(frozen=True, kw_only=True)
class Stack:
    """A stack on hosts: ``manager`` manages ``swarm``, and is ``node`` in it."""

    manager: Host
    address: str
    swarm: str
    node: str
    workers: tuple[Host, ...]
    job_folders: tuple[str, ...]
    keep_data: bool


def tear_down(stack: Stack) -> None:
    """Remove the services, have the workers leave, then the manager; with ``keep_data`` the data stay.

    It is no error if the manager is in no swarm any more; if it is in another swarm, it stays there. If it is
    not reached, the workers leave without it. Raises UnreachableError if no host is reached.
    """
    manager = stack.manager
    try:
        there = manager.cluster() == stack.swarm
    except ssh.UnreachableError as problem:
        _without_manager(stack, problem)
        return
    if there:
        _end_services(manager)
    _leave(stack)
    if there:
        manager.run("docker swarm leave --force", timeout=LEAVE_TIMEOUT)
    _forget(manager, stack.swarm)
    if not stack.keep_data:
        for what in storage.remove(manager, stack.address, stack.job_folders):
            print(f"left, since the cluster has not made it: {what}", flush=True)


def _leave(stack: Stack) -> list[Host]:
    """Have the workers leave; returns those that were reached."""
    with ThreadPoolExecutor(len(stack.workers)) as pool:
        reached = pool.map(lambda worker: leave(worker, [stack.node]), stack.workers)
        return [worker for worker, was in zip(stack.workers, reached, strict=True) if was]


def _without_manager(stack: Stack, problem: ssh.UnreachableError) -> None:
    """Have the workers leave, and say what is left to do when the manager is back.

    If no host is reached, the cause is rather on this machine than on all hosts.
    """
    manager = stack.manager
    reached = _leave(stack)
    if not reached:
        raise ssh.UnreachableError(
            f"no host of the stack is reached ({problem}). If it is not for want of a key or a network here, "
            "and all of them are gone for good: pulumi stack rm --force --preserve-config"
        )
    _forget(reached[0], stack.swarm)
    advice = [
        f"{manager.url} is not reached ({problem}). Its workers have left the swarm without it.",
        f"When it is back, so are its services: {manager.login} docker swarm leave --force",
    ]
    if not stack.keep_data:
        folders = ", ".join((*layout.UIDS, layout.CONFIGURATION))
        advice.append(
            f"keep_data is false, but without the manager nothing was deleted: not {folders} in "
            f"{manager.share}, and not the volumes {', '.join(layout.VOLUMES)} there."
        )
    print(*advice, sep="\n", flush=True)


def _forget(host: Host, swarm: str) -> None:
    """Remove the swarm's record from the share, unless it is another swarm's by now."""
    record = f"{host.share}/{layout.RECORD}"
    script = (
        f"{THERE}there -e {record} || exit 0\ngrep -qsF '\"{swarm}\"' {record} || exit 0\n"
        f"rm -f {record}; rmdir $(dirname {record}) 2>/dev/null || true"
    )
    host.run(script, timeout=FORGET_TIMEOUT)


def _end_services(manager: Host) -> None:
    """Remove the stack's services, and wait a while for their containers on the manager to stop."""
    services = _of_the_stack(manager.docker("service ls --format '{{.Name}}'"))
    if not services:
        return
    manager.docker(f"service rm {' '.join(services)}")

    def ended() -> bool | None:
        return None if _of_the_stack(manager.docker(f"ps --format '{SERVICE_OF}'")) else True

    with contextlib.suppress(NotReadyError):  # leaving the swarm stops those that are left
        until("the services' containers to end", ended, timeout=STOP_TIMEOUT)


def _of_the_stack(names: str) -> Sequence[str]:
    """Those of these names that are the stack's services."""
    return [name for name in names.split() if name in layout.SERVICES]
