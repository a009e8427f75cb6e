"""RabbitMQ for short programs that do one thing after another, where runtime.broker would be too much."""

import contextlib
from collections.abc import Iterator

import pika
from pika.adapters.blocking_connection import BlockingChannel

from runtime import amqp_values

CONNECT_SECONDS = 15.0
BLOCKED_SECONDS = 60.0


@contextlib.contextmanager
def connection(url: str, *, name: str) -> Iterator[tuple[BlockingChannel, BlockingChannel]]:
    """Two channels, to take messages and to send them with confirms; raises pika's AMQPError."""
    amqp_values.accept_all()
    parameters = pika.URLParameters(url)
    parameters.socket_timeout = parameters.stack_timeout = CONNECT_SECONDS
    parameters.blocked_connection_timeout = BLOCKED_SECONDS
    parameters.client_properties = {"connection_name": name}
    with pika.BlockingConnection(parameters) as opened:
        sending = opened.channel()
        sending.confirm_delivery()
        yield opened.channel(), sending


def publish(
    channel: BlockingChannel,
    exchange: str,
    key: str,
    body: bytes,
    properties: pika.BasicProperties | None = None,
    *,
    mandatory: bool = True,
) -> None:
    """Return once the broker has the message on its disk; raises pika's AMQPError."""
    properties = properties or pika.BasicProperties(
        content_type="application/json", delivery_mode=pika.DeliveryMode.Persistent.value
    )
    channel.basic_publish(exchange, key, body, properties, mandatory=mandatory)
