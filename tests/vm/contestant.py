"""Runs on a machine: does with the ledger what the referee says, and answers what came of it.

`python3 contestant.py REFEREE PORT LEDGER NODE LEASE`. Each line that comes from the referee is a question,
{"do": WHAT, ...}; each line that goes back is an answer. It needs the package runtime beside it, and only the
standard library.
"""

from __future__ import annotations

import json
import socket
import sys
import threading
import time
from pathlib import Path
from typing import Any

from runtime.outcome import Outcome
from runtime.records.ledger import Ledger, Run, RunsElsewhere, Superseded, Verdict

EVENT = "event"
CONNECT_TIMEOUT = 60  # seconds
LATE = "another node"  # of whom the ledger says that, if two appended the same entry and this one was late


class Contestant:
    def __init__(self, root: Path, node: str, lease: float) -> None:
        self.ledger = Ledger(root, node=node, lease=lease)
        self.heir = Ledger(root, node=node, lease=0)  # for whom every lease is over
        self.node = node
        self.runs: dict[str, Run] = {}
        self.holding: threading.Event | None = None
        self.gaps: list[float] = []

    def answer(self, question: dict[str, Any]) -> dict[str, Any]:
        answer: dict[str, Any] = getattr(self, question.pop("do"))(**question)
        return answer

    def claim(self, job: str, batch: str | None = None, *, inherit: bool = False) -> dict[str, Any]:
        ledger = self.heir if inherit else self.ledger
        claimed = ledger.claim(EVENT, job, batch=batch)
        if isinstance(claimed, Run):
            self.runs[job] = claimed
            return {"run": claimed.number}
        if isinstance(claimed, RunsElsewhere):
            return {"elsewhere": claimed.node, "collided": claimed.node == LATE}
        assert isinstance(claimed, Verdict)
        return {"verdict": claimed.state}

    def end(self, job: str) -> dict[str, Any]:
        """End the run as failed."""
        self.ledger.end(self.runs[job], Outcome(result="failed", reason="as the referee said"))
        return {}

    def settle(self, job: str) -> dict[str, Any]:
        """The job has succeeded, says the worker that has its run."""
        run = self.runs[job]
        ended = Outcome(result="succeeded", reason="")
        try:
            self.ledger.settle(
                run,
                Verdict(outcome=ended, attempts=1, node=self.node, run=run.number, ended=time.time()),
            )
        except Superseded:
            return {"superseded": True}
        return {"superseded": False}

    def cancel(self, job: str) -> dict[str, Any]:
        return {"state": self.ledger.cancel(EVENT, job).state}

    def goes_on(self, job: str) -> dict[str, Any]:
        """Whether the run that this worker has is the job's last, as the gateway and the lease ask."""
        run = self.runs[job]
        current = self.ledger.is_current(run.folder, run.number)
        try:
            self.ledger.renew(run)
        except Superseded:
            return {"current": current, "renewed": False}
        return {"current": current, "renewed": True}

    def cancel_batch(self, batch: str) -> dict[str, Any]:
        self.ledger.cancel_batch(EVENT, batch)
        return {}

    def hold(self, jobs: list[str], every: float) -> dict[str, Any]:
        """Renew the leases of these jobs until `let_go`."""
        self.holding, self.gaps = threading.Event(), []
        threading.Thread(target=self._renew, args=(jobs, every, self.holding), daemon=True).start()
        return {}

    def _renew(self, jobs: list[str], every: float, ended: threading.Event) -> None:
        renewed = dict.fromkeys(jobs, time.monotonic())
        while not ended.wait(every):
            for job in list(renewed):
                begun = time.monotonic()
                try:
                    self.ledger.renew(self.runs[job])
                except Superseded:
                    self.gaps.append(time.monotonic() - renewed.pop(job))
                else:
                    self.gaps.append(time.monotonic() - renewed[job])
                    renewed[job] = begun

    def let_go(self) -> dict[str, Any]:
        """The longest time until a job was renewed, or would have been had nobody taken it over."""
        assert self.holding
        self.holding.set()
        return {"longest": max(self.gaps)}


def main() -> None:
    referee, port, root, node, lease = sys.argv[1:]
    contestant = Contestant(Path(root), node, float(lease))
    with socket.create_connection((referee, int(port)), CONNECT_TIMEOUT) as connection:
        connection.settimeout(None)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        stream = connection.makefile("rw", encoding="utf-8")
        print(json.dumps({"node": node}), file=stream, flush=True)
        for line in stream:
            print(json.dumps(contestant.answer(json.loads(line))), file=stream, flush=True)


if __name__ == "__main__":
    main()
