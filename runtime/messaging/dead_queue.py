"""The messages of an event's dead jobs, which one program at a time looks through.

What a program has read and not acknowledged is returned when its connection ends. Until then others do not
see it: a second redrive would find nothing. So whoever reads declares a queue that only his connection may
use.
"""

import time
from collections.abc import Iterator

import pika
import pika.exceptions
from pika.adapters.blocking_connection import BlockingChannel

from runtime import names

# Delivery tag, properties, body.
Message = tuple[int, pika.BasicProperties, bytes]

LOOK_SECONDS = 0.2
TURN_SECONDS = 60.0
RETURN_SECONDS = 10.0
ACCESS_REFUSED, RESOURCE_LOCKED = 403, 405


class Taken(TimeoutError):
    """Another program looks through these dead jobs."""


class DeadQueue:
    """The dead queue of an event, from one's turn on until the channel's connection ends."""

    def __init__(self, channel: BlockingChannel, event: str, *, turn_within: float = TURN_SECONDS) -> None:
        """Wait for one's turn; raises Taken if it does not come within so many seconds, and as pika does."""
        self._channel = channel
        self._name = names.dead_queue(event)
        self._read = 0
        _take_turn(channel, event, turn_within)
        self.messages = self._count()

    def __iter__(self) -> Iterator[Message]:
        """The messages that are there now, each delivered and not yet removed; raises as pika does.

        What is put there meanwhile is left alone. ``messages`` is their number from the first one on.
        """
        left: int | None = None
        while left != 0:
            method, properties, body = self._channel.basic_get(self._name)
            if method is None:
                return
            self._read += 1
            if left is None:
                # A quorum queue has what was returned before it answers; a count may be from before that.
                self.messages = method.message_count + 1
                left = self.messages
            left -= 1
            yield method.delivery_tag, properties, body

    def remove(self, tag: int) -> None:
        """Take a message that was read out of the queue; raises as pika does."""
        self._channel.basic_ack(tag)
        self._read -= 1

    def hand_back(self) -> None:
        """Return what was read and not removed, and wait until the queue has it. Raises as pika does."""
        self._channel.basic_nack(0, multiple=True)
        deadline = time.monotonic() + RETURN_SECONDS
        # If somebody empties the queue meanwhile, they never come.
        while self._count() < self._read and time.monotonic() < deadline:
            self._channel.connection.sleep(LOOK_SECONDS)
        self._read = 0

    def _count(self) -> int:
        found: int = self._channel.queue_declare(self._name, passive=True).method.message_count
        return found


def _take_turn(channel: BlockingChannel, event: str, within: float) -> None:
    deadline = time.monotonic() + within
    while not _is_ours(channel, event):
        if time.monotonic() > deadline:
            raise Taken(
                f"another redrive, clean or reconcile has had the dead jobs of {event} for {within:g} s: "
                "try again when it has ended"
            )
        channel.connection.sleep(LOOK_SECONDS)


def _is_ours(channel: BlockingChannel, event: str) -> bool:
    asking = channel.connection.channel()  # a refusal closes it
    try:
        asking.queue_declare(
            names.reading_queue(event), exclusive=True, arguments={"x-queue-type": "classic"}
        )
    except pika.exceptions.ChannelClosedByBroker as error:
        if error.reply_code == ACCESS_REFUSED:  # a broker of somebody else's, which has not such queues
            return True
        if error.reply_code != RESOURCE_LOCKED:
            raise
        return False
    asking.close()
    return True
