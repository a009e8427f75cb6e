"""The swarm as the swarm service and the containers tell of it, and the changes that this shows."""

import asyncio
import logging
import sqlite3
import time
import uuid
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from runtime import names
from runtime.messaging.broker import Broker
from runtime.messaging.facts import (
    Answer,
    Certificate,
    Machine,
    Node,
    Secret,
    Service,
    Swarm,
    Wish,
    clock_offset,
    decode,
    is_fresh,
    wish,
)
from runtime.messaging.session import Delivery
from runtime.status_service.changes import Change, Changes

log = logging.getLogger(__name__)

MOST_AT_ONCE = 200
PAUSE_SECONDS = 2.0
# A wish that has waited for longer is void.
ANSWER_SECONDS = 15.0
# Docker's states of a container that is at work, or about to be.
ENDED_BY_ITSELF = {"complete", "failed", "rejected"}


class SwarmAway(ConnectionError):
    """The swarm service does not answer."""


@dataclass(frozen=True, kw_only=True)
class Heard:
    """What a machine told last, when that came, and how far its clock is ahead of the broker's."""

    machine: Machine
    at: float
    offset: float | None


@dataclass(frozen=True, kw_only=True)
class NodeNow:
    """A node at this moment. What only it can tell is unknown while it does not: then MACHINE is None."""

    name: str
    up: bool
    machine: Machine | None
    offset: float | None


@dataclass(frozen=True, kw_only=True)
class Aging:
    """Certificates and secrets of the swarm, as far as a manager can tell."""

    certificates: tuple[Certificate, ...]
    secrets: tuple[Secret, ...]


class SwarmWatch:
    """The newest facts. Before the first of them came, there are none."""

    def __init__(self, broker: Broker, changes: Changes) -> None:
        self._broker = broker
        self._changes = changes
        self._arrived: asyncio.Queue[Delivery] = asyncio.Queue()
        self._before: Swarm | None = None
        self._swarm: Swarm | None = None
        self._heard_at = 0.0
        self._machines: dict[str, Heard] = {}
        self._wished: dict[str, asyncio.Future[Answer]] = {}

    async def run(self) -> None:
        """Take facts in until the task is cancelled."""
        self._before = await asyncio.to_thread(self._changes.swarm)
        await self._broker.consume(names.FACTS_QUEUE, prefetch=MOST_AT_ONCE, handler=self._arrived.put_nowait)
        while True:
            delivery = await self._arrived.get()
            delivery.ack()
            try:
                fact = decode(delivery.body)
                if isinstance(fact, Answer):
                    answered = self._wished.get(fact.wish)
                    if answered and not answered.done():
                        answered.set_result(fact)
                elif isinstance(fact, Machine):
                    offset = clock_offset(fact, delivery.properties)
                    self._machines[fact.node] = Heard(machine=fact, at=time.time(), offset=offset)
                else:
                    await asyncio.to_thread(self._take, fact)
            except ValueError as error:
                log.warning("passed over a message: %s", error)
            except sqlite3.OperationalError as error:
                # A full disk, most likely. The changes are found again with the next facts.
                log.error("the swarm's changes could not be recorded: %s", error)
                await asyncio.sleep(PAUSE_SECONDS)

    def _take(self, swarm: Swarm) -> None:
        found = list(changes(self._before, swarm))
        try:
            if found or self._before is None:
                self._changes.add(found, swarm=swarm)
            self._before = swarm
        finally:
            # What is seen of the swarm has its changes on record, unless they cannot be recorded.
            self._swarm, self._heard_at = swarm, time.time()

    async def wish(self, node: str, availability: str) -> Answer:
        """Let the swarm service set a node's availability; raises SwarmAway, BrokerDown, Rejected."""
        wished = Wish(id=uuid.uuid4().hex, node=node, availability=availability)
        answered: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._wished[wished.id] = answered
        try:
            await wish(self._broker, wished)
            async with asyncio.timeout(ANSWER_SECONDS):
                return await answered
        except TimeoutError as error:
            raise SwarmAway(
                f"{names.SWARM_SERVICE} did not answer within {ANSWER_SECONDS:g} s: see whether it runs"
            ) from error
        finally:
            del self._wished[wished.id]

    @property
    def fresh(self) -> bool:
        """Whether the swarm is known as it is now."""
        return is_fresh(self._heard_at)

    def node(self, name: str) -> Node | None:
        """The node of this host name or id, as far as it is known."""
        nodes = self._swarm.nodes if self._swarm else ()
        return next((node for node in nodes if name in {node.name, node.id}), None)

    def view(self) -> dict[str, Any]:
        """The swarm for a reader: nodes with machine and containers, services."""
        swarm = self._swarm or Swarm(at=0.0)
        return {
            "at": self._heard_at or None,
            "fresh": self.fresh,
            "nodes": [self._node_view(swarm, node) for node in swarm.nodes],
            "services": [_service_view(swarm, service) for service in swarm.services],
            "certificates": [asdict(each) for each in swarm.certificates],
            "secrets": [asdict(each) for each in swarm.secrets],
        }

    def nodes(self) -> list[NodeNow] | None:
        """How the nodes are; None if that is not known now."""
        if not self.fresh or self._swarm is None:
            return None
        return [_now(node, self._machines.get(node.name)) for node in self._swarm.nodes]

    def aging(self) -> Aging | None:
        """What expires or gets old; None if that is not known now."""
        if not self.fresh or self._swarm is None:
            return None
        return Aging(certificates=self._swarm.certificates, secrets=self._swarm.secrets)

    def _node_view(self, swarm: Swarm, node: Node) -> dict[str, Any]:
        heard = self._machines.get(node.name)
        machine = None
        if heard:
            machine = {**asdict(heard.machine), "clock_offset": heard.offset, "at": heard.at}
            machine["fresh"] = is_fresh(heard.at)
            del machine["node"]
        containers = [
            {"service": task.service, "slot": task.slot, "id": task.container, "state": task.state}
            | {"wanted": task.wanted, "since": task.since}
            for task in swarm.tasks
            if task.node == node.name and task.state not in ENDED_BY_ITSELF
        ]
        return {**asdict(node), "machine": machine, "containers": containers}


def _now(node: Node, heard: Heard | None) -> NodeNow:
    fresh = heard if heard and is_fresh(heard.at) else None
    return NodeNow(
        name=node.name,
        up=node.state == "ready",
        machine=fresh.machine if fresh else None,
        offset=fresh.offset if fresh else None,
    )


def _service_view(swarm: Swarm, service: Service) -> dict[str, Any]:
    running = sum(
        task.service == service.name and task.state == task.wanted == "running" for task in swarm.tasks
    )
    fields = asdict(service)
    del fields["declared"]
    return {**fields, "running": running}


def changes(before: Swarm | None, after: Swarm) -> Iterator[Change]:
    """What is different. A container that ended by itself is a change of its own, found by its id."""
    if before is not None:
        yield from _node_changes(before, after)
        yield from _service_changes(before, after)
    for task in after.tasks:
        if task.state in ENDED_BY_ITSELF:
            end = f"{task.state}: {task.error}" if task.error else f"{task.state}, although it should run on"
            where = f"a container on {task.node}" if task.node else "a container"
            yield Change(
                at=task.since,
                kind="container",
                subject=task.service,
                what=f"{where} ended ({end})",
                key=f"task {task.id}",
            )


def _node_changes(before: Swarm, after: Swarm) -> Iterator[Change]:
    old, new = ({node.id: node for node in each.nodes} for each in (before, after))

    def change(node: Node, what: str) -> Change:
        return Change(at=after.at, kind="node", subject=node.name, what=what)

    for id in old.keys() | new.keys():
        was, node = old.get(id), new.get(id)
        if node is None:
            assert was is not None
            yield change(was, "has left the swarm")
        elif was is None:
            yield change(node, f"has joined the swarm as {node.role}")
        else:
            for name in ("state", "availability", "role", "engine"):
                if getattr(was, name) != getattr(node, name):
                    yield change(node, f"{name}: {getattr(was, name)}, now {getattr(node, name)}")


def _service_changes(before: Swarm, after: Swarm) -> Iterator[Change]:
    old, new = ({each.id: each for each in swarm.services} for swarm in (before, after))

    def change(service: Service, what: str) -> Change:
        at = service.updated if service.id in new else after.at
        return Change(at=at, kind="service", subject=service.name, what=what)

    for id in old.keys() | new.keys():
        was, service = old.get(id), new.get(id)
        if service is None:
            assert was is not None
            yield change(was, "was removed")
        elif was is None:
            yield change(service, f"was created with {service.replicas} containers")
        else:
            if was.replicas != service.replicas:
                yield change(service, f"scaled from {was.replicas} to {service.replicas} containers")
            if was.image != service.image:
                yield change(service, f"deployed with image {service.image}")
            elif was.declared != service.declared:
                yield change(service, "deployed with another declaration, same image")
