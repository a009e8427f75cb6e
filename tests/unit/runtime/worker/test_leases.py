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


def test_a_run_in_hand_is_nobody_elses_long_after_its_first_lease(tmp_path: Path) -> None:
    async def hold() -> object:
        ledger = Ledger(tmp_path, node="node1", lease=LEASE)
        leases = Leases(ledger)
        with leases.held(claimed(ledger, "job")):
            renewal = asyncio.create_task(leases.keep())
            await asyncio.sleep(3 * LEASE)
            renewal.cancel()
            return Ledger(tmp_path, node="node2", lease=LEASE).claim(EVENT, "job")

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
    async def hold() -> float:
        ledger = Ledger(tmp_path, node="node1", lease=LEASE)
        leases = Leases(ledger)
        broken, sound = claimed(ledger, "broken"), claimed(ledger, "sound")
        with leases.held(broken), leases.held(sound):
            entry = sound.folder / f"{sound.entry:04}.json"
            (broken.folder / f"{broken.entry:04}.json").write_bytes(b"")
            os.utime(entry, (0, 0))
            renewal = asyncio.create_task(leases.keep())
            await asyncio.sleep(2 * LEASE)
            assert not renewal.done()
            renewal.cancel()
            return entry.stat().st_mtime

    assert asyncio.run(hold()) > 0
