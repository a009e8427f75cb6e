"""The original's module for scripts that submit workflows, with its two functions.

python -m runtime.rabbitmq_producer QUEUE NUMBER [KEY=VALUE ...]
"""

import base64
import json
import sys
import time
import urllib.request
import uuid
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote, unquote, urlsplit, urlunsplit

import pika

from runtime import messages, names
from runtime.blocking import connection, publish
from runtime.environment import command_admin_url, command_broker_url

ANSWER_SECONDS = 30.0
# The broker's numbers are up to five seconds old, and a job may be on its way from one queue to another.
SETTLED_SECONDS = 7.0

USAGE = "usage: python -m runtime.rabbitmq_producer QUEUE NUMBER [KEY=VALUE ...]"


def publish_messages(workflow_queue: str, num_msgs: int, msg_dict: Mapping[str, Any]) -> None:
    """Submit NUM_MSGS jobs with the same metadata; they are on the broker's disk when this returns."""
    body = messages.encode(messages.metadata_from_object(msg_dict))
    with connection(command_broker_url(), name=f"producer {workflow_queue}") as (channel, sending):
        channel.exchange_declare(names.EXCHANGE, "direct", durable=True)
        channel.queue_declare(workflow_queue, durable=True)
        channel.queue_bind(workflow_queue, names.EXCHANGE, workflow_queue)
        for _ in range(num_msgs):
            properties = messages.properties_of(uuid.uuid4().hex, at=time.time())
            publish(sending, names.EXCHANGE, workflow_queue, body, properties)


def wait_for_queues(delay_secs: float = 10, sleep_secs: float = 1) -> None:
    """Return when all jobs of all queues are done: none is queued, runs or waits for another attempt.

    Looks first after DELAY_SECS, then every SLEEP_SECS. Dead jobs count as done.
    """
    url = command_admin_url()
    vhost = pika.URLParameters(command_broker_url()).virtual_host
    time.sleep(delay_secs)
    empty_since: float | None = None
    while empty_since is None or time.monotonic() - empty_since < SETTLED_SECONDS:
        if any(_depth(queue) for queue in _queues(url, vhost)):
            empty_since = None
        elif empty_since is None:
            empty_since = time.monotonic()
        time.sleep(sleep_secs)


def _depth(queue: Mapping[str, Any]) -> int:
    """Messages that are there or taken and not settled, unless they are none that wait for work."""
    name = str(queue["name"])
    if name.endswith(names.dead_queue("")) or name == names.STATUS_QUEUE or name.startswith(names.WATCHERS):
        return 0
    return int(queue.get("messages", 0))


def _queues(admin_url: str, vhost: str) -> list[dict[str, Any]]:
    parts = urlsplit(admin_url)
    host = f"{parts.hostname}:{parts.port or names.MANAGEMENT_PORT}"
    path = f"/api/queues/{quote(vhost, safe='')}"
    request = urllib.request.Request(urlunsplit((parts.scheme, host, path, "columns=name,messages", "")))
    login = f"{unquote(parts.username or '')}:{unquote(parts.password or '')}"
    request.add_header("Authorization", f"Basic {base64.b64encode(login.encode()).decode()}")
    with urllib.request.urlopen(request, timeout=ANSWER_SECONDS) as answer:
        queues: list[dict[str, Any]] = json.load(answer)
    return queues


def main(arguments: Sequence[str]) -> int:
    pairs = [argument.partition("=") for argument in arguments[2:]]
    if len(arguments) < 2 or not arguments[1].isdecimal() or not all(key and sep for key, sep, _ in pairs):
        print(USAGE, file=sys.stderr)
        return 2
    publish_messages(arguments[0], int(arguments[1]), {key: value for key, _, value in pairs})
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
