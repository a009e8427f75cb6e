"""Asks all hosts at once, before any is changed, what they have and whether they reach each other."""

from __future__ import annotations

import secrets
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path

from infra import ssh
from infra.hosts import checks, layout
from infra.hosts.checks import Problem
from infra.hosts.facts import Docker, Facts, Share, parse
from infra.hosts.session import Session, SessionError
from infra.hosts.settings import HostsSettings
from infra.ssh import Identity
from infra.swarm import USUAL_MTU

PROBE = Path(__file__).parent / "node" / "probe.py"

# Seconds for an answer; the probe's own limits add up to less, unless a disk hangs.
GREET_TIMEOUT = 30
LOOK_TIMEOUT = 60
LISTEN_TIMEOUT = 10
REACH_TIMEOUT = 60


class HostsError(RuntimeError):
    """Hosts that cannot be a cluster yet; the message says what to do, host by host."""


def inspect(
    settings: HostsSettings,
    identity: Identity,
    job_folders: Sequence[str],
    service_ports: Sequence[layout.Port],
) -> dict[str, Facts]:
    """Ask all hosts, and return the facts of each. Raises HostsError if anything is wrong with any.

    ``job_folders`` are the names of the workflows' own folders, ``service_ports`` what the services publish.
    """
    inspection = _Inspection(settings, identity, job_folders, tuple(service_ports))
    try:
        inspection.run()
    finally:
        inspection.close()
    if inspection.problems:
        raise HostsError(_report(settings, inspection.problems))
    return inspection.facts


def _report(settings: HostsSettings, problems: dict[str, list[Problem]]) -> str:
    number = sum(map(len, problems.values()))
    lines = [
        f"target hosts: {number} to fix on {len(problems)} of {len(settings.hosts)} hosts, none was changed"
    ]
    for host in settings.hosts:
        if host in problems:
            lines.append(f"{'manager' if host == settings.manager else 'worker'} {host}")
        for problem in problems.get(host, []):
            lines += [f"  - {problem.what}", f"    fix: {problem.fix}"]
    return "\n".join(lines)


@dataclass
class _Inspection:
    settings: HostsSettings
    identity: Identity
    job_folders: Sequence[str]
    service_ports: tuple[layout.Port, ...]
    facts: dict[str, Facts] = field(default_factory=dict)
    problems: dict[str, list[Problem]] = field(default_factory=lambda: defaultdict(list))

    def __post_init__(self) -> None:
        self._pool = ThreadPoolExecutor(len(self.settings.hosts))
        self._sessions = {host: Session(self.identity, host, PROBE) for host in self.settings.hosts}
        nonce = secrets.token_hex(8)
        self._marks = {
            host: f".oodt-check-{nonce}-{number}" for number, host in enumerate(self.settings.hosts)
        }

    def close(self) -> None:
        list(self._pool.map(Session.close, self._sessions.values()))
        self._pool.shutdown()

    def run(self) -> None:
        self._each(self.settings.hosts, self._ask)
        self.facts = {host: self.facts[host] for host in self.settings.hosts if host in self.facts}
        manager = self.facts.get(self.settings.manager)
        for host, facts in self.facts.items():
            path, is_manager = self.settings.shared_path, facts is manager
            self._note(host, checks.host_problems(facts, path, self.job_folders, is_manager=is_manager))
            if manager:
                judge = checks.manager_problems if facts is manager else checks.worker_problems
                self._note(host, judge(facts, manager))
                login = ssh.login_line(self.identity, host)
                self._note(host, checks.registry_problems(facts, manager, login))
                self._note(host, checks.address_problems(facts, manager))
        self._compare_names()
        self._listening: dict[str, tuple[layout.Port, ...]] = {}
        reachable = [host for host, facts in self.facts.items() if checks.can_be_reached(facts.address)]
        self._each(reachable, self._listen)
        self._each(list(self._listening), self._reach)

    def _note(self, host: str, problems: Iterable[Problem]) -> None:
        if found := list(problems):
            self.problems[host] += found

    def _each(self, hosts: Iterable[str], do: Callable[[str], None]) -> None:
        """Do something with all these hosts at once; a host that does not answer has that as a problem."""

        def guarded(host: str) -> None:
            try:
                do(host)
            except SessionError as problem:
                login = ssh.login_line(self.identity, host)
                self._note(host, [checks.not_reached(str(problem), login)])

        list(self._pool.map(guarded, hosts))

    def _ask(self, host: str) -> None:
        session = self._sessions[host]
        greeting = session.ask({"do": "greet"}, GREET_TIMEOUT)
        question = {
            "do": "look",
            "share": self.settings.shared_path,
            "mark": self._marks[host],
            "folders": list(layout.owners(self.job_folders)),
        }
        asked_at = time.time()
        self.facts[host] = parse(host, greeting, session.ask(question, LOOK_TIMEOUT), asked_at)

    def _compare_names(self) -> None:
        """Docker names nodes after their hosts, and a job's node is known by that name."""
        first: dict[str, str] = {}
        for host, facts in self.facts.items():
            if isinstance(facts.docker, Docker):
                other = first.setdefault(facts.docker.name, host)
                if other != host:
                    self._note(host, [checks.same_name(facts.docker.name, other)])

    def _listen(self, host: str) -> None:
        """Have a host listen on the ports that the cluster will use there."""
        facts, is_manager = self.facts[host], host == self.settings.manager
        inner = layout.NODE_PORTS + layout.MANAGER_PORTS * is_manager
        if isinstance(facts.docker, Docker) and facts.docker.in_swarm:
            # Its docker listens on TCP already, and another listener on UDP could get in its way.
            answering = (layout.MEMBERSHIP_PORT, layout.SWARM_PORT)
            self._listening[host] = tuple(port for port in inner if port in answering)
            return
        ports = inner + self.service_ports * is_manager
        question = {
            "do": "listen",
            "address": facts.address,
            "everywhere": layout.EVERYWHERE,
            "ports": ports,
        }
        answer = self._sessions[host].ask(question, LISTEN_TIMEOUT)
        taken = [(protocol, port) for protocol, port in answer["taken"]]
        self._listening[host] = tuple(port for port in inner if port not in taken)
        self._note(host, map(checks.port_taken, taken))

    def _reach(self, host: str) -> None:
        """Have a host look for the manager's mark on the share, and connect to the ports of the others."""
        ports = [
            (protocol, self.facts[other].address, port)
            for other, listening in self._listening.items()
            if other != host
            for protocol, port in listening
        ]
        manager = self.settings.manager
        both = self._has_share(host) and self._has_share(manager)
        mark = self._marks[manager] if both else ""
        ways = [
            (self.facts[other].address, layout.OVERLAY_PORT[1] if layout.OVERLAY_PORT in listening else 0)
            for other, listening in self._listening.items()
            if other != host
        ]
        question = {
            "do": "reach",
            "share": self.settings.shared_path,
            "mark": mark,
            "ports": ports,
            "ways": ways,
            "sizes": layout.PACKETS,
        }
        answer = self._sessions[host].ask(question, REACH_TIMEOUT)
        self._note(host, checks.share_differs(answer["mark"], self.settings.shared_path))
        closed = [tuple(port) for port in answer["closed"]]
        self._note(host, checks.closed_ports(closed))
        silent = {address for protocol, address, port in closed if (protocol, port) == layout.OVERLAY_PORT}
        packets = {
            address: size
            for (address, _), size in zip(ways, answer["packets"], strict=True)
            if address not in silent
        }
        self._note(host, checks.small_packets(packets))
        self.facts[host] = replace(self.facts[host], mtu=min(packets.values(), default=USUAL_MTU))

    def _has_share(self, host: str) -> bool:
        return host in self.facts and isinstance(self.facts[host].share, Share)
