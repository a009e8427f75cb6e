"""Gateway and consumer as processes beside a Workflow Manager that takes no time, on queues of their own."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.cluster import EVENT
from runtime.messaging.event import Event
from tests.integration.cell import Cell, Site
from tests.integration.rabbitmq import RabbitMQ, VirtualHost


@contextmanager
def instant_cell(
    server: RabbitMQ, folder: Path, settings: dict[str, str]
) -> Iterator[tuple[VirtualHost, Cell]]:
    """Queues, and a container's parts that are still to be started. ``folder`` is made."""
    folder.mkdir()
    vhost = VirtualHost.make(server, (Event(name=EVENT),))
    site = Site(folder=folder, broker_url=vhost.url)
    cell = Cell(site=site, manager="instant_workflow_manager.py", settings=settings)
    try:
        site.start()
        yield vhost, cell
    finally:
        cell.close()
        site.stop()
        vhost.remove()
