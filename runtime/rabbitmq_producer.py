"""The original's module for scripts that submit workflows: its class, its functions, its command line.

python -m rabbitmq_producer QUEUE NUMBER [KEY=VALUE ...]
"""

import base64
import http.client
import json
import sys
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote, unquote, urlsplit, urlunsplit

import pika
import pika.exceptions

from runtime import names
from runtime.cli import addresses
from runtime.cli.addresses import NoBrokerAddress
from runtime.cli.command import complain, exit_with
from runtime.cli.results import BAD_INPUT, DONE, NO_BROKER
from runtime.cli.waiting import SETTLED_SECONDS, Outage
from runtime.environment import SettingError
from runtime.messaging import messages
from runtime.messaging.blocking import FAILURES, connection, description, publish
from runtime.messaging.broker import BrokerDown
from runtime.messaging.event import AMQP_PRIORITY, Event
from runtime.messaging.session import Rejected

ANSWER_SECONDS = 30.0
# How long to wait for a broker that cannot be reached or goes away.
PATIENCE_SECONDS = 60.0
PAUSE_SECONDS = 1.0
# Another try does not help: access refused, a queue with other arguments, no such virtual host.
FINAL_REPLIES = (403, 406, 530)

USAGE = "usage: python -m rabbitmq_producer QUEUE NUMBER [KEY=VALUE ...]"


class RabbitmqProducer:
    """Submits NUM_MESSAGES jobs with the same metadata."""

    EXCHANGE = names.EXCHANGE
    EXCHANGE_TYPE = "direct"

    def __init__(
        self,
        amqp_url: str,
        workflow_event: str,
        num_messages: int,
        msg_dict: Mapping[str, Any],
        *,
        priority: int | None = None,
    ) -> None:
        Event(name=workflow_event)
        # The original's library had this name for it, and scripts for the original set it.
        self._url = amqp_url.replace("heartbeat_interval=", "heartbeat=")
        self._queue = workflow_event
        self._left = num_messages
        self._body = messages.encode(messages.metadata_from_object(msg_dict))
        self._priority = priority
        self._next = self._properties()

    def run(self) -> None:
        """Return when the broker has all messages on its disk; raises BrokerDown, Rejected.

        If the connection breaks before a confirm, the message is sent again with the same id: it is one job.
        """
        outage = Outage("the broker")
        since = time.monotonic()
        while self._left > 0:
            left = self._left
            try:
                self._publish(outage)
            except FAILURES as error:
                problem = description(self._url, error)
                if _is_final(error):
                    raise Rejected(f"the broker refuses: {problem}") from error
                _tell(outage.update(reachable=False))
                if self._left < left:
                    since = time.monotonic()
                elif time.monotonic() - since > PATIENCE_SECONDS:
                    raise BrokerDown(
                        f"no broker for {PATIENCE_SECONDS:g} s at {problem}; {self._left} jobs not sent: "
                        f"correct {names.RABBITMQ_USER_URL}, or start the broker"
                    ) from error
                time.sleep(PAUSE_SECONDS)

    def _publish(self, outage: Outage) -> None:
        with connection(self._url, name=f"producer {self._queue}") as (channel, sending):
            channel.exchange_declare(self.EXCHANGE, self.EXCHANGE_TYPE, durable=True)
            channel.queue_declare(self._queue, durable=True)
            channel.queue_bind(self._queue, self.EXCHANGE, self._queue)
            _tell(outage.update(reachable=True))
            while self._left > 0:
                publish(sending, self.EXCHANGE, self._queue, self._body, self._next)
                self._left -= 1
                self._next = self._properties()

    def _properties(self) -> pika.BasicProperties:
        return messages.properties_of(uuid.uuid4().hex, priority=self._priority, at=time.time())


def publish_messages(msg_queue: str, num_msgs: int, msg_dict: Mapping[str, Any]) -> None:
    """Submit NUM_MSGS jobs with the same metadata. They are on the broker's disk when this returns."""
    url = addresses.broker_url()
    priority = AMQP_PRIORITY[addresses.priority(msg_queue)]
    RabbitmqProducer(url, msg_queue, num_msgs, msg_dict, priority=priority).run()


def wait_for_queue(queue_name: str, delay_secs: float = 0) -> None:
    """Return when all jobs of this queue are done, as wait_for_queues does for all queues."""
    _wait(delay_secs, 1, queue_name)


def wait_for_queues(delay_secs: float = 0, sleep_secs: float = 1) -> None:
    """Return when all jobs of all queues are done: none is queued, runs or waits for another attempt.

    It looks after DELAY_SECS, then every SLEEP_SECS. Dead jobs count as done. If the broker goes away, this
    says so on stderr and waits for it.
    """
    _wait(delay_secs, sleep_secs)


def _wait(delay_secs: float, sleep_secs: float, only: str | None = None) -> None:
    def has_work(queue: Mapping[str, Any]) -> bool:
        name = str(queue["name"])
        return (only is None or name == only or names.is_retry_queue(name, only)) and _has_work(queue)

    url = addresses.management_url()
    vhost = pika.URLParameters(addresses.broker_url()).virtual_host
    time.sleep(delay_secs)
    outage = Outage("the broker")
    listed = _queues(url, vhost)
    if only is not None and only not in [queue["name"] for queue in listed]:
        raise ValueError(f"the broker has no queue {only}: name the event of one of the cluster's workflows")
    queues: list[dict[str, Any]] | None = listed
    empty_since: float | None = None
    while empty_since is None or time.monotonic() - empty_since < SETTLED_SECONDS:
        if queues is None or any(map(has_work, queues)):
            empty_since = None
        elif empty_since is None:
            empty_since = time.monotonic()
        time.sleep(sleep_secs)
        try:
            queues = _queues(url, vhost)
        except BrokerDown:
            queues = None
        _tell(outage.update(reachable=queues is not None))


def _has_work(queue: Mapping[str, Any]) -> bool:
    """Whether a queue of jobs has messages, unacknowledged ones included.

    A broker that has just started may not have counted them: then it may have some.
    """
    name = str(queue["name"])
    if (
        name.endswith(names.dead_queue(""))
        or name == names.STATUS_QUEUE
        or name.startswith(names.FOLLOWER_QUEUES)
    ):
        return False
    return queue.get("messages") != 0


def _queues(admin_url: str, vhost: str) -> list[dict[str, Any]]:
    """The queues, by the broker's management; raises BrokerDown, and SettingError if it refuses the login."""
    parts = urlsplit(admin_url)
    host = f"{parts.hostname}:{parts.port or names.MANAGEMENT_PORT}"
    path = f"/api/queues/{quote(vhost, safe='')}"
    request = urllib.request.Request(urlunsplit((parts.scheme, host, path, "columns=name,messages", "")))
    login = f"{unquote(parts.username or '')}:{unquote(parts.password or '')}"
    request.add_header("Authorization", f"Basic {base64.b64encode(login.encode()).decode()}")
    try:
        with urllib.request.urlopen(request, timeout=ANSWER_SECONDS) as answer:
            queues: list[dict[str, Any]] = json.load(answer)
            return queues
    except urllib.error.HTTPError as error:
        problem = f"the broker's management at {host} answered with HTTP status {error.code} {error.reason}"
        if error.code < 500:
            raise SettingError(f"{problem}: correct {names.RABBITMQ_ADMIN_URL}") from None
        raise BrokerDown(problem) from None
    except (OSError, ValueError, http.client.HTTPException) as error:
        raise BrokerDown(
            f"no answer from the broker's management at {host}: {error}: correct {names.RABBITMQ_ADMIN_URL}"
        ) from None


def _is_final(error: Exception) -> bool:
    return getattr(error, "reply_code", None) in FINAL_REPLIES or isinstance(
        error, (pika.exceptions.ProbableAuthenticationError, pika.exceptions.NackError)
    )


def _tell(line: str | None) -> None:
    if line is not None:
        print(line, file=sys.stderr, flush=True)


def main(arguments: Sequence[str] | None = None) -> int:
    given = sys.argv[1:] if arguments is None else arguments
    pairs = [argument.partition("=") for argument in given[2:]]
    number = int(given[1]) if len(given) > 1 and given[1].isdecimal() else 0
    if number < 1 or not all(key and sep for key, sep, _ in pairs):
        return complain(USAGE, BAD_INPUT)
    try:
        publish_messages(given[0], number, {key: value for key, _, value in pairs})
    except (BrokerDown, Rejected, NoBrokerAddress) as error:
        return complain(str(error), NO_BROKER)
    except ValueError as error:
        return complain(str(error), BAD_INPUT)
    return DONE


if __name__ == "__main__":
    exit_with(main)
