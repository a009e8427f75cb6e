"""Exchanges, queues and policies of the broker as data: clients declare them, the broker loads them.

An event's queue is declared without arguments. Producers written for the original declare it so, and RabbitMQ
refuses a second declaration that differs. The rest comes from the virtual host's default queue type (quorum)
and from one policy per queue, since RabbitMQ applies only one. On a broker without these definitions the
other queues, which no producer declares, get the same settings as arguments.

A job waits for its next run in a retry queue, whose messages expire back into the event's queue. No consumer
sleeps meanwhile. Each step of the back-off has two such queues, and a failed job picks one at random, so that
jobs that failed together do not come back together.
"""

import base64
import hashlib
import random
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from runtime import names
from runtime.messaging.event import Event

# Seconds before the second, third, ... run of a job: the two waits of each step of the back-off.
RETRY_WAITS = ((5, 8), (20, 30), (80, 120), (320, 480))
# Seconds that a deferred job waits: it cannot run here now, through no fault of its own.
DEFER_WAIT = RETRY_WAITS[0][0]

# The last defence against a message that kills each of its consumers. Returned deliveries count too. With the
# broker's own default of 20, a job would be dead after its message was returned by a few consumers that stop.
DELIVERY_LIMIT = 100
UNLIMITED = -1
# A message that came back so often is published anew, and is counted from 0 again. A queue of somebody else's
# may have the broker's default limit, and no dead letters: there the message would be lost.
MOST_RETURNS = 15
# The lowest limit that leaves time for this: RabbitMQ 4's default.
LEAST_LIMIT = 20
LIMIT = "x-delivery-limit"


@dataclass(frozen=True, kw_only=True)
class Exchange:
    name: str
    kind: Literal["direct", "topic"]


@dataclass(frozen=True, kw_only=True)
class Queue:
    """A durable queue. ``policy`` is what our broker applies; ``arguments`` are given when it is made."""

    name: str
    exchange: str = names.EXCHANGE
    key: str
    policy: dict[str, Any] = field(default_factory=dict)
    arguments: dict[str, Any] = field(default_factory=dict)

    def arguments_for(self, version: str) -> dict[str, Any] | None:
        """The arguments for a broker of this RabbitMQ version.

        Before 4.0 a quorum queue has no delivery limit unless it is told one. A negative one is 0 to it: it
        would drop a message when that is returned for the first time.
        """
        unlimited = {LIMIT: UNLIMITED}.items()
        return {
            name: value
            for name, value in self.arguments.items()
            if not (_is_before_4(version) and (name, value) in unlimited)
        } or None


@dataclass(frozen=True, kw_only=True)
class Topology:
    exchanges: tuple[Exchange, ...]
    queues: tuple[Queue, ...]


EVENTS_EXCHANGE = Exchange(name=names.EVENTS_EXCHANGE, kind="topic")
# Not the exchange of the announcements: so many facts would push history out of its queue.
FACTS_EXCHANGE = Exchange(name=names.FACTS_EXCHANGE, kind="topic")
FOLLOWER_EXPIRES_SECONDS = 600

# Announcements that the status service has not read yet. If it is away for long, history may be lost. Jobs
# must not stop because history has filled the broker's disk.
STATUS_QUEUE = Queue(
    name=names.STATUS_QUEUE,
    exchange=names.EVENTS_EXCHANGE,
    key="#",
    policy={"delivery-limit": UNLIMITED, "max-length-bytes": 512 * 1024 * 1024, "overflow": "drop-head"},
)


# What is told of the swarm, and what is wished of it, in queues where nothing gets old.
FACTS_QUEUE = Queue(
    name=names.FACTS_QUEUE,
    exchange=names.FACTS_EXCHANGE,
    key="told.#",
    arguments={"x-queue-type": "classic", "x-message-ttl": 20_000},
)
WISHES_QUEUE = Queue(
    name=names.WISHES_QUEUE,
    exchange=names.FACTS_EXCHANGE,
    key="wish",
    arguments={"x-queue-type": "classic", "x-message-ttl": 10_000},
)


def topology(events: Sequence[Event]) -> Topology:
    """All that the given events need on the broker."""
    return Topology(
        exchanges=(Exchange(name=names.EXCHANGE, kind="direct"), EVENTS_EXCHANGE),
        queues=tuple(queue for event in events for queue in _queues(event)),
    )


def status_topology() -> Topology:
    """What the status service reads: all announcements."""
    return Topology(exchanges=(EVENTS_EXCHANGE,), queues=(STATUS_QUEUE,))


def facts_topology(*queues: Queue) -> Topology:
    """What facts need, and wishes: an exchange, and these of their queues."""
    return Topology(exchanges=(FACTS_EXCHANGE,), queues=queues)


def follower_topology(event: str, follower: str) -> Topology:
    """A private queue for the event's state changes that outlives a broken connection for some minutes."""
    queue = Queue(
        name=f"{names.FOLLOWER_QUEUES}{follower}",
        exchange=names.EVENTS_EXCHANGE,
        key=f"{event}.*",
        # Not a quorum queue: one that was declared a moment before the broker was killed stays broken, and
        # then no state change is confirmed to anybody.
        arguments={"x-queue-type": "classic", "x-expires": FOLLOWER_EXPIRES_SECONDS * 1000},
    )
    return Topology(exchanges=(EVENTS_EXCHANGE,), queues=(queue,))


def is_low_limit(limit: int, version: str) -> bool:
    """Whether a queue with this limit drops messages that are returned too few times."""
    return limit < LEAST_LIMIT and (limit >= 0 or _is_before_4(version))


def retry_wait(failures: int) -> int:
    """Seconds that a job waits after its FAILURES-th failed run."""
    return random.choice(RETRY_WAITS[min(failures, len(RETRY_WAITS)) - 1])


def definitions(events: Sequence[Event], *, user_password: str, admin_password: str) -> dict[str, Any]:
    """Content of the broker's definitions file. The same input gives the same content, hashes included."""
    jobs = topology(events)
    declared = Topology(exchanges=jobs.exchanges, queues=(*jobs.queues, *status_topology().queues))
    users: tuple[tuple[str, str, list[str]], ...] = (
        (names.MESSAGE_USER, user_password, []),
        (names.ADMIN_USER, admin_password, ["administrator"]),
    )
    everything = {"vhost": names.VIRTUAL_HOST, "configure": ".*", "write": ".*", "read": ".*"}
    return {
        "vhosts": [{"name": names.VIRTUAL_HOST, "default_queue_type": "quorum"}],
        "users": [
            {
                "name": user,
                "password_hash": password_hash(user, password),
                "hashing_algorithm": "rabbit_password_hashing_sha256",
                "tags": tags,
            }
            for user, password, tags in users
        ],
        "permissions": [{"user": user, **everything} for user, _, _ in users],
        "exchanges": [
            {
                "name": exchange.name,
                "vhost": names.VIRTUAL_HOST,
                "type": exchange.kind,
                "durable": True,
                "auto_delete": False,
                "internal": False,
                "arguments": {},
            }
            for exchange in declared.exchanges
        ],
        "queues": [
            {
                "name": queue.name,
                "vhost": names.VIRTUAL_HOST,
                "durable": True,
                "auto_delete": False,
                "arguments": {},
            }
            for queue in declared.queues
        ],
        "bindings": [
            {
                "source": queue.exchange,
                "vhost": names.VIRTUAL_HOST,
                "destination": queue.name,
                "destination_type": "queue",
                "routing_key": queue.key,
                "arguments": {},
            }
            for queue in declared.queues
        ],
        "policies": [
            {
                "vhost": names.VIRTUAL_HOST,
                "name": queue.name,
                "pattern": f"^{re.escape(queue.name)}$",
                "apply-to": "quorum_queues",
                "priority": 0,
                "definition": queue.policy,
            }
            for queue in declared.queues
        ],
    }


def password_hash(user: str, password: str) -> str:
    """RabbitMQ's salted hash. The salt comes from the two, so that nothing changes without a new password."""
    salt = hashlib.sha256(f"{user}:{password}".encode()).digest()[:4]
    return base64.b64encode(salt + hashlib.sha256(salt + password.encode()).digest()).decode()


def _is_before_4(version: str) -> bool:
    return version.partition(".")[0] in {"0", "1", "2", "3"}


def _queues(event: Event) -> list[Queue]:
    dead_letters = names.dead_letter_queue(event.name)
    jobs = Queue(
        name=event.name,
        key=event.name,
        policy={
            **_dead_letters_to(dead_letters),
            "delivery-limit": DELIVERY_LIMIT,
            # A message may wait for a slot while another job runs, before its own run.
            "consumer-timeout": (2 * event.job_timeout + 600) * 1000,
        },
    )
    kept = [
        _own(name, {"delivery-limit": UNLIMITED}) for name in (names.dead_queue(event.name), dead_letters)
    ]
    steps = RETRY_WAITS[: max(event.max_attempts - 1, 1)]
    waiting = [
        _own(
            names.retry_queue(event.name, seconds),
            {**_dead_letters_to(event.name), "message-ttl": seconds * 1000},
        )
        for step in steps
        for seconds in step
    ]
    return [jobs, *kept, *waiting]


def _own(name: str, policy: dict[str, Any]) -> Queue:
    """A queue that only we use."""
    arguments = {"x-queue-type": "quorum", **{f"x-{key}": value for key, value in policy.items()}}
    return Queue(name=name, key=name, policy=policy, arguments=arguments)


def _dead_letters_to(queue: str) -> dict[str, Any]:
    # At-least-once needs overflow=reject-publish; without it RabbitMQ may lose a message on its way between
    # two queues.
    return {
        "dead-letter-exchange": names.EXCHANGE,
        "dead-letter-routing-key": queue,
        "dead-letter-strategy": "at-least-once",
        "overflow": "reject-publish",
    }
