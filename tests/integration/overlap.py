"""How many things run at once, counted from the times at which each began and ended."""

from collections.abc import Iterable

from runtime.records.ledger import Ledger, Verdict
from testing.worker import LEASE_SECONDS, Site

EVENT = "test-workflow"


def most_at_once(spans: Iterable[tuple[float, float]]) -> int:
    """The largest number of spans (begin, end) that overlap; one may begin where another ends."""
    changes = sorted(change for begin, end in spans for change in ((begin, 1), (end, -1)))
    running = [sum(change for _, change in changes[: count + 1]) for count in range(len(changes))]
    return max(running, default=0)


def verdicts(site: Site) -> list[Verdict]:
    """The verdicts that are in the ledger."""
    ledger = Ledger(site.folder / "ledger", node="test", lease=LEASE_SECONDS)
    found = [ledger.verdict(EVENT, job.name) for job in (site.folder / "ledger" / EVENT).glob("*")]
    return [verdict for verdict in found if verdict]


def most_jobs_at_once(site: Site) -> int:
    """The largest number of jobs that had begun and not ended, by the ledger."""
    return most_at_once((verdict.started or 0, verdict.ended) for verdict in verdicts(site))
