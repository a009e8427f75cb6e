"""Gateway and consumer as processes with a Workflow Manager that takes no time, on queues of their own."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.cluster import EVENT
from runtime.messaging.event import Event
from testing.rabbitmq import RabbitMQ, VirtualHost
from testing.worker import Site, Worker


@contextmanager
def instant_worker(
    server: RabbitMQ, folder: Path, settings: dict[str, str]
) -> Iterator[tuple[VirtualHost, Worker]]:
    """Queues, and a worker whose parts are still to be started. ``folder`` is made."""
    folder.mkdir()
    vhost = VirtualHost.make(server, (Event(name=EVENT),))
    site = Site(folder=folder, broker_url=vhost.url)
    worker = Worker(site=site, manager="instant_workflow_manager.py", settings=settings)
    try:
        site.start()
        yield vhost, worker
    finally:
        worker.close()
        site.stop()
        vhost.remove()
