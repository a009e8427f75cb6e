"""The consumer's numbers for Prometheus, on a port of the cluster's network."""

import contextlib
import logging
from collections.abc import Iterator

from prometheus_client import Counter, Gauge, start_http_server

from runtime import names

log = logging.getLogger(__name__)

INFO = Gauge("oodt_consumer_info", "Where this consumer is.", ["node"])
RUNS = Counter("oodt_consumer_runs", "Runs that ended here, by what they came to.", ["event", "result"])
JOBS = Gauge("oodt_consumer_jobs", "Jobs that this container has in hand.")
ERRORS = Counter(
    "oodt_consumer_errors", "Jobs that went back to their queue for an error of the worker or of the share."
)
LEASE_ERRORS = Counter("oodt_consumer_lease_errors", "Leases that could not be renewed on the share.")
LEASES_LOST = Counter(
    "oodt_consumer_leases_lost", "Runs that another worker took over, or that were cancelled."
)


@contextlib.contextmanager
def served(node: str) -> Iterator[None]:
    """Answer as the consumer of NODE, while the block lasts. Without a free port jobs run all the same."""
    INFO.labels(node).set(1)
    try:
        server, thread = start_http_server(names.CONSUMER_METRICS_PORT)
    except OSError as error:
        log.warning("no metrics on port %d: %s", names.CONSUMER_METRICS_PORT, error)
        yield
        return
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
