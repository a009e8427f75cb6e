"""The original's module for scripts that submit workflows, with its two functions.

python -m runtime.rabbitmq_producer QUEUE NUMBER [KEY=VALUE ...]
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

from runtime import messages, names
from runtime.blocking import connection, publish
from runtime.command import SETTLED_SECONDS
from runtime.environment import command_admin_url, command_broker_url, command_priority
from runtime.outage import Outage
from runtime.topology import AMQP_PRIORITY

ANSWER_SECONDS = 30.0

USAGE = "usage: python -m runtime.rabbitmq_producer QUEUE NUMBER [KEY=VALUE ...]"


def publish_messages(workflow_queue: str, num_msgs: int, msg_dict: Mapping[str, Any]) -> None:
    """Submit NUM_MSGS jobs with the same metadata; they are on the broker's disk when this returns."""
    body = messages.encode(messages.metadata_from_object(msg_dict))
    url = command_broker_url()
    priority = AMQP_PRIORITY[command_priority(workflow_queue)]
    with connection(url, name=f"producer {workflow_queue}") as (channel, sending):
        channel.exchange_declare(names.EXCHANGE, "direct", durable=True)
        channel.queue_declare(workflow_queue, durable=True)
        channel.queue_bind(workflow_queue, names.EXCHANGE, workflow_queue)
        for _ in range(num_msgs):
            properties = messages.properties_of(uuid.uuid4().hex, priority=priority, at=time.time())
            publish(sending, names.EXCHANGE, workflow_queue, body, properties)


def wait_for_queues(delay_secs: float = 10, sleep_secs: float = 1) -> None:
    """Return when all jobs of all queues are done: none is queued, runs or waits for another attempt.

    Looks first after DELAY_SECS, then every SLEEP_SECS. Dead jobs count as done. A broker that goes away
    meanwhile is waited for, which stderr says.
    """
    url = command_admin_url()
    vhost = pika.URLParameters(command_broker_url()).virtual_host
    time.sleep(delay_secs)
    outage = Outage("the broker")
    queues: list[dict[str, Any]] | None = _queues(url, vhost)
    empty_since: float | None = None
    while empty_since is None or time.monotonic() - empty_since < SETTLED_SECONDS:
        if queues is None or any(map(_has_work, queues)):
            empty_since = None
        elif empty_since is None:
            empty_since = time.monotonic()
        time.sleep(sleep_secs)
        queues = _queues_if_there(url, vhost)
        if line := outage.see(away=queues is None):
            print(line, file=sys.stderr, flush=True)


def _has_work(queue: Mapping[str, Any]) -> bool:
    """Whether a queue of jobs has messages, taken ones included, or is not counted yet after a start."""
    name = str(queue["name"])
    if name.endswith(names.dead_queue("")) or name == names.STATUS_QUEUE or name.startswith(names.WATCHERS):
        return False
    return queue.get("messages") != 0


def _queues_if_there(admin_url: str, vhost: str) -> list[dict[str, Any]] | None:
    try:
        return _queues(admin_url, vhost)
    except urllib.error.HTTPError as error:
        if error.code < 500:
            raise
    except (OSError, ValueError, http.client.HTTPException):
        pass
    return None


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
