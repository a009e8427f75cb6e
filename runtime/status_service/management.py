"""The broker's management API: how many messages each queue has, and who consumes them."""

import asyncio
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal
from urllib.parse import quote, unquote, urlsplit, urlunsplit

import aiohttp

from runtime import names

ANSWER_SECONDS = 10.0
# The broker's own numbers are five seconds old.
FRESH_SECONDS = 2.0

# What the management tells of memory and disk of a broker.
SUPPLIES = ("mem_alarm", "mem_used", "mem_limit", "disk_free_alarm", "disk_free", "disk_free_limit")

Rows = list[dict[str, Any]]


class ManagementDown(ConnectionError):
    """The management API did not answer."""


@dataclass(frozen=True, kw_only=True)
class EventQueues:
    """Messages of one event: queued, unacknowledged (``taken``), waiting for another run, dead.

    A broker that has just started does not count for some ten seconds; until then ``counted`` is false.
    ``consumers`` are the Workflow Managers that take jobs of the event. It is ``over`` if what its batches
    lack never comes, which the management does not know.
    """

    event: str
    queued: int
    taken: int
    retrying: int
    dead: int
    counted: bool
    consumers: int = 0
    over: bool = False


@dataclass(frozen=True, kw_only=True)
class Node:
    """The consumers of one node: how many jobs they may have at once, and how many they have."""

    node: str
    consumers: int
    slots: int
    busy: int

    @property
    def free(self) -> int:
        return max(0, self.slots - self.busy)


Resource = Literal["memory", "disk"]


@dataclass(frozen=True, kw_only=True)
class Supply:
    """A resource of the broker. When it is ``short``, the broker takes no message.

    Memory is bytes used, and the most. Disk is bytes free, and the least.
    """

    resource: Resource
    short: bool
    now: int
    limit: int


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    """The broker at one moment. ``blocked`` connections wait until it takes messages again."""

    queues: tuple[EventQueues, ...]
    nodes: tuple[Node, ...]
    supplies: tuple[Supply, ...] = ()
    blocked: int = 0

    @property
    def short(self) -> list[Resource]:
        """What the broker is short of."""
        return [each.resource for each in self.supplies if each.short]


class Management:
    """The management API of one virtual host."""

    def __init__(self, client: aiohttp.ClientSession, admin_url: str, broker_url: str) -> None:
        parts = urlsplit(admin_url)
        host = f"{parts.hostname}:{parts.port or names.MANAGEMENT_PORT}"
        self._client = client
        self._base = urlunsplit((parts.scheme, host, "/api", "", ""))
        self._login = aiohttp.BasicAuth(unquote(parts.username or ""), unquote(parts.password or ""))
        self._vhost = quote(unquote(urlsplit(broker_url).path[1:]) or names.VIRTUAL_HOST, safe="")
        self._latest: Snapshot | None = None
        self._taken_at = 0.0
        self._lock = asyncio.Lock()

    async def snapshot(self) -> Snapshot:
        """The broker now, or a moment ago; raises ManagementDown."""
        async with self._lock:
            if self._latest is None or time.monotonic() - self._taken_at > FRESH_SECONDS:
                queues, consumers, channels, connections, brokers = await asyncio.gather(
                    self._get(f"queues/{self._vhost}", "name,messages_ready,messages_unacknowledged"),
                    self._get(f"consumers/{self._vhost}"),
                    self._get(f"vhosts/{self._vhost}/channels", "name,messages_unacknowledged"),
                    self._get(
                        f"vhosts/{self._vhost}/connections", "name,state,client_properties.connection_name"
                    ),
                    # Without its name a broker that has measured nothing yet would be an empty list.
                    self._get("nodes", ",".join(("name", *SUPPLIES))),
                )
                try:
                    self._latest = read(queues, consumers, channels, connections, brokers)
                except (AttributeError, LookupError, TypeError) as error:
                    raise ManagementDown(f"{self._base} answered in another form: {error!r}") from error
                self._taken_at = time.monotonic()
            return self._latest

    async def _get(self, path: str, columns: str = "") -> Rows:
        url = f"{self._base}/{path}" + (f"?columns={columns}" if columns else "")
        limit = aiohttp.ClientTimeout(total=ANSWER_SECONDS)
        try:
            async with self._client.get(url, auth=self._login, timeout=limit) as response:
                if response.status != 200:
                    raise ManagementDown(f"{self._base} answered with HTTP status {response.status}")
                rows: Rows = await response.json()
                return rows
        except TimeoutError as error:
            raise ManagementDown(f"{self._base} did not answer within {ANSWER_SECONDS:g} s") from error
        except aiohttp.ClientError as error:
            raise ManagementDown(f"{self._base} is not reachable: {error}") from error


def read(queues: Rows, consumers: Rows, channels: Rows, connections: Rows, brokers: Rows) -> Snapshot:
    """The answers put together; raises AttributeError, LookupError, TypeError if one has another form."""
    found = with_consumers(event_queues(queues), consumers)
    return Snapshot(
        queues=found,
        nodes=nodes({each.event for each in found}, consumers, channels, connections),
        supplies=tuple(supplies(brokers)),
        blocked=sum(row.get("state") in {"blocked", "blocking"} for row in connections),
    )


def event_queues(rows: Iterable[Mapping[str, Any]]) -> tuple[EventQueues, ...]:
    """Messages by event. An event's queue is one that has a dead queue beside it."""
    rows = list(rows)
    uncounted = {row["name"] for row in rows if "messages_ready" not in row}
    depth = {
        row["name"]: (row.get("messages_ready", 0), row.get("messages_unacknowledged", 0)) for row in rows
    }
    found = []
    for event, (ready, taken) in sorted(depth.items()):
        dead = names.dead_queue(event)
        if dead not in depth:
            continue
        retry = {name for name in depth if names.is_retry_queue(name, event)}
        retry |= {names.dead_letter_queue(event)} & depth.keys()
        found.append(
            EventQueues(
                event=event,
                queued=ready,
                taken=taken,
                retrying=sum(sum(depth[name]) for name in retry),
                dead=sum(depth[dead]),
                counted=uncounted.isdisjoint({event, dead, *retry}),
            )
        )
    return tuple(found)


def with_consumers(
    queues: Iterable[EventQueues], consumers: Iterable[Mapping[str, Any]]
) -> tuple[EventQueues, ...]:
    taking = Counter(consumer["queue"]["name"] for consumer in consumers)
    return tuple(replace(each, consumers=taking[each.event]) for each in queues)


def supplies(brokers: Iterable[Mapping[str, Any]]) -> Iterator[Supply]:
    """Memory and disk of the brokers that run."""
    for row in brokers:
        if all(isinstance(row.get(name), int) for name in SUPPLIES):
            memory_short, memory, most, disk_short, disk, least = (row[name] for name in SUPPLIES)
            yield Supply(resource="memory", short=bool(memory_short), now=memory, limit=most)
            yield Supply(resource="disk", short=bool(disk_short), now=disk, limit=least)


def nodes(
    events: set[str],
    consumers: Iterable[Mapping[str, Any]],
    channels: Iterable[Mapping[str, Any]],
    connections: Iterable[Mapping[str, Any]],
) -> tuple[Node, ...]:
    """Who takes jobs. A consumer's connection is named after its node."""
    unsettled = {row["name"]: row.get("messages_unacknowledged", 0) for row in channels}
    node_of = {
        row["name"]: row.get("client_properties", {}).get("connection_name", "").removesuffix(" jobs")
        for row in connections
    }
    slots: dict[str, int] = {}
    channels_of: dict[str, set[str]] = {}
    for consumer in consumers:
        if consumer["queue"]["name"] not in events:
            continue
        channel = consumer["channel_details"]
        node = node_of.get(channel["connection_name"]) or channel["peer_host"]
        slots[node] = slots.get(node, 0) + consumer["prefetch_count"]
        channels_of.setdefault(node, set()).add(channel["name"])
    return tuple(
        Node(
            node=node,
            consumers=len(channels_of[node]),
            slots=slots[node],
            busy=sum(unsettled.get(channel, 0) for channel in channels_of[node]),
        )
        for node in sorted(slots)
    )
