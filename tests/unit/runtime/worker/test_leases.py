"""A run that is in hand keeps its lease, and whoever waits for it learns that the lease is lost."""

import asyncio
import os
from pathlib import Path

from runtime.records.ledger import Ledger, Run, RunsElsewhere
from runtime.worker.leases import Leases

LEASE = 0.3
EVENT = "event"


def claimed(ledger: Ledger, job: str) -> Run:
    run = ledger.claim(EVENT, job)
    assert isinstance(run, Run)
    return run


def lease_of(run: Run) -> Path:
    return run.folder / f"{run.entry:04}.json"


async def renewed(entry: Path) -> None:
    async with asyncio.timeout(10):
        while entry.stat().st_mtime == 0:
            await asyncio.sleep(0.01)


def test_a_run_in_hand_is_nobody_elses_when_its_first_lease_is_over(tmp_path: Path) -> None:
    async def hold() -> object:
        ledger = Ledger(tmp_path, node="node1", lease=LEASE)
        leases = Leases(ledger)
        run = claimed(ledger, "job")
        with leases.held(run):
            os.utime(lease_of(run), (0, 0))
            renewal = asyncio.create_task(leases.keep())
            await renewed(lease_of(run))
            renewal.cancel()
            return Ledger(tmp_path, node="node2", lease=30).claim(EVENT, "job")

    assert asyncio.run(hold()) == RunsElsewhere(node="node1")


def test_the_loss_of_a_lease_is_told(tmp_path: Path) -> None:
    async def lose() -> bool:
        ledger = Ledger(tmp_path, node="node1", lease=LEASE)
        leases = Leases(ledger)
        told = asyncio.Event()
        with leases.held(claimed(ledger, "job")) as lease:
            lease.on_lost = told.set
            ledger.cancel(EVENT, "job")
            renewal = asyncio.create_task(leases.keep())
            async with asyncio.timeout(10):
                await told.wait()
            renewal.cancel()
            return lease.lost

    assert asyncio.run(lose())


def test_a_lease_that_cannot_be_renewed_takes_no_other_with_it(tmp_path: Path) -> None:
    async def hold() -> bool:
        ledger = Ledger(tmp_path, node="node1", lease=LEASE)
        leases = Leases(ledger)
        broken, sound = claimed(ledger, "broken"), claimed(ledger, "sound")
        with leases.held(broken), leases.held(sound):
            lease_of(broken).write_bytes(b"")
            renewal = asyncio.create_task(leases.keep())
            for _ in range(2):
                os.utime(lease_of(sound), (0, 0))
                await renewed(lease_of(sound))
            over = renewal.done()
            renewal.cancel()
            return over

    assert not asyncio.run(hold())
