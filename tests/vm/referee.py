"""Has processes on several machines use one ledger at the same moment; contestant.py is their side."""

from __future__ import annotations

import json
import shlex
import socket
import subprocess
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from tests.vm.room import COMMAND_TIMEOUT, PATIENCE, REFEREE, Machine

PROGRAM = Path(__file__).with_name("contestant.py")
PLACE = "/opt/contest"
ANSWER_TIMEOUT = 60 * PATIENCE  # seconds: a mount may stand for a while


@dataclass(frozen=True, kw_only=True)
class Contestant:
    """A process on a machine; of each question there is one answer."""

    node: str
    stream: IO[str]

    def ask(self, **question: Any) -> dict[str, Any]:
        return together([self], **question)[0]


def together(contestants: Sequence[Contestant], **question: Any) -> list[dict[str, Any]]:
    """Ask all of them the same, at once."""
    return each((contestant, question) for contestant in contestants)


def each(questions: Iterable[tuple[Contestant, dict[str, Any]]]) -> list[dict[str, Any]]:
    """Ask each its own question, all at once."""
    asked = [(contestant, json.dumps(question)) for contestant, question in questions]
    for contestant, line in asked:
        print(line, file=contestant.stream, flush=True)
    return [_answer(contestant) for contestant, _ in asked]


def _answer(contestant: Contestant) -> dict[str, Any]:
    line = contestant.stream.readline()
    assert line, f"the contestant {contestant.node} has ended"
    answer: dict[str, Any] = json.loads(line)
    return answer


def install(machine: Machine, repository: Path) -> None:
    machine.put(repository, ["runtime"], PLACE)
    machine.put(PROGRAM.parent, [PROGRAM.name], PLACE)


@contextmanager
def contest(
    machines: Sequence[Machine], ledger: str, *, processes: int, lease: float
) -> Iterator[list[list[Contestant]]]:
    """So many processes on each machine, as long as the context lasts."""
    with ExitStack() as stack:
        listener = stack.enter_context(socket.create_server((REFEREE, 0)))
        listener.settimeout(COMMAND_TIMEOUT * PATIENCE)
        port = str(listener.getsockname()[1])
        found: dict[str, Contestant] = {}
        for machine in machines:
            for number in range(processes):
                node = f"{machine.name}-{number}"
                line = shlex.join(
                    ["python3", f"{PLACE}/{PROGRAM.name}", REFEREE, port, ledger, node, str(lease)]
                )
                process = subprocess.Popen(machine.ssh(line), stdin=subprocess.DEVNULL)
                stack.callback(process.wait, COMMAND_TIMEOUT * PATIENCE)
                connection = stack.enter_context(listener.accept()[0])
                connection.settimeout(ANSWER_TIMEOUT)
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                stream = stack.enter_context(connection.makefile("rw", encoding="utf-8"))
                assert json.loads(stream.readline())["node"] == node
                found[node] = Contestant(node=node, stream=stream)
        yield [[found[f"{machine.name}-{number}"] for number in range(processes)] for machine in machines]
