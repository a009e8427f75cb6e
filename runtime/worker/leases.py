"""Renews the leases of this container's runs, so that no other worker takes the runs over."""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Iterator

from runtime import json_log
from runtime.records.ledger import Ledger, Run, Superseded
from runtime.worker import metrics

log = logging.getLogger(__name__)


class Lease:
    """A run's lease. It is ``lost`` once the job was cancelled or another worker has taken it over."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self.lost = False
        # Called when the lease is lost.
        self.on_lost: Callable[[], None] = lambda: None

    def lose(self) -> None:
        self.lost = True
        metrics.LEASES_LOST.inc()
        self.on_lost()


class Leases:
    """The leases of one process."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._held: dict[Lease, None] = {}  # in the order in which they began

    @contextlib.contextmanager
    def held(self, run: Run) -> Iterator[Lease]:
        """The lease of a run that was claimed, renewed for as long as the block lasts."""
        lease = Lease(run)
        self._held[lease] = None
        try:
            yield lease
        finally:
            self._held.pop(lease, None)

    async def keep(self) -> None:
        """Renew all leases in time, until the task is cancelled."""
        while True:
            await asyncio.sleep(self._ledger.lease / 3)
            for lease in list(self._held):
                await self._renew(lease)

    async def _renew(self, lease: Lease) -> None:
        json_log.about(run=lease.run.id)
        try:
            await asyncio.to_thread(self._ledger.renew, lease.run)
        except Superseded:
            lease.lose()
        except (OSError, ValueError) as error:
            # ValueError: an entry that cannot be read. The other leases have to be renewed all the same.
            metrics.LEASE_ERRORS.inc()
            log.warning("the lease of run %s could not be renewed: %s", lease.run.id, error)
