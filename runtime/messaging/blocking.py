"""RabbitMQ for short programs that do one step after another, without an event loop."""

import contextlib
from collections.abc import Iterator

import pika
import pika.exceptions
from pika.adapters.blocking_connection import BlockingChannel

from runtime.messaging import pika_values

CONNECT_SECONDS = 15.0
BLOCKED_SECONDS = 60.0
# What the functions here raise. pika passes on the system's error if the host's name is unknown.
FAILURES = (pika.exceptions.AMQPError, OSError)


@contextlib.contextmanager
def connection(
    url: str, *, name: str, within: float = CONNECT_SECONDS
) -> Iterator[tuple[BlockingChannel, BlockingChannel]]:
    """Two channels: one to receive messages, one to send them with confirms. Raises FAILURES.

    WITHIN is the time limit, in seconds, of the connection and of its login.
    """
    pika_values.accept_all()
    parameters = pika.URLParameters(url)
    parameters.socket_timeout = parameters.stack_timeout = within
    parameters.blocked_connection_timeout = BLOCKED_SECONDS
    parameters.client_properties = {"connection_name": name}
    with pika.BlockingConnection(parameters) as opened:
        sending = opened.channel()
        sending.confirm_delivery()
        yield opened.channel(), sending


def description(url: str, error: Exception) -> str:
    """What went wrong with the broker at this address. The password is left out."""
    # pika wraps the system's error in some of its own.
    while isinstance(inner := getattr(error, "exception", None) or next(iter(error.args), None), Exception):
        error = inner
    parameters = pika.URLParameters(url)
    return f"{parameters.host}:{parameters.port}: {type(error).__name__} {error}".strip()


def publish(
    channel: BlockingChannel,
    exchange: str,
    key: str,
    body: bytes,
    properties: pika.BasicProperties | None = None,
    *,
    mandatory: bool = True,
) -> None:
    """Return once the broker has the message on its disk; raises FAILURES."""
    properties = properties or pika.BasicProperties(
        content_type="application/json", delivery_mode=pika.DeliveryMode.Persistent.value
    )
    channel.basic_publish(exchange, key, body, properties, mandatory=mandatory)
