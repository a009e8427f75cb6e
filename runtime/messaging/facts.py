"""What is told of the swarm and its machines every few seconds, and what is wished of the swarm.

Of facts only the newest counts, and some may be lost. The routing key is told.KIND for a fact, and wish.
"""

import json
import time
from dataclasses import asdict, dataclass
from typing import Any

import pika

from runtime import names
from runtime.messaging.broker import Broker

TELL_SECONDS = 2.0
PUBLISH_SECONDS = 10.0
# The broker adds the time at which it got a message.
BROKERS_TIME = "timestamp_in_ms"


@dataclass(frozen=True, kw_only=True)
class Node:
    """A node of the swarm, in docker's words. ``name`` is its host name."""

    id: str
    name: str
    role: str
    availability: str
    state: str
    address: str
    leader: bool
    processors: float
    memory: int
    engine: str


@dataclass(frozen=True, kw_only=True)
class Service:
    """A service of the swarm. ``declared`` differs if what its containers are made from does.

    ``memory`` and ``processors`` are the limits of a container; none is None.
    """

    id: str
    name: str
    image: str
    replicas: int
    declared: str
    updated: float
    memory: int | None = None
    processors: float | None = None


@dataclass(frozen=True, kw_only=True)
class Task:
    """A container of a service, as docker plans and sees it. ``since`` is when it came into its state."""

    id: str
    service: str
    slot: int
    node: str
    container: str
    state: str
    wanted: str
    error: str
    since: float


@dataclass(frozen=True, kw_only=True)
class Certificate:
    """A certificate of the swarm, and from when to when it is valid."""

    name: str
    begins: float
    ends: float


@dataclass(frozen=True, kw_only=True)
class Secret:
    """A secret of a service, and when docker got it. ``generated`` by `pulumi up`, or chosen by somebody."""

    name: str
    generated: bool
    made: float


@dataclass(frozen=True, kw_only=True)
class Swarm:
    """The whole swarm at one moment, in unix seconds."""

    at: float
    nodes: tuple[Node, ...] = ()
    services: tuple[Service, ...] = ()
    tasks: tuple[Task, ...] = ()
    certificates: tuple[Certificate, ...] = ()
    secrets: tuple[Secret, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Machine:
    """A node as a container on it sees it. ``at`` is the time of its clock.

    Sizes are in bytes. Those of the share are unknown where it is not mounted.
    """

    node: str
    at: float
    disk: int
    disk_free: int
    memory: int
    memory_free: int
    load: float
    share: int | None = None
    share_free: int | None = None


@dataclass(frozen=True, kw_only=True)
class Wish:
    """A node is to get this availability: active, or drain. ``id`` differs each time."""

    id: str
    node: str
    availability: str


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What became of a wish: it is granted, unless there is a problem."""

    wish: str
    problem: str | None = None


Fact = Swarm | Machine | Answer


async def tell(broker: Broker, fact: Fact) -> None:
    """Publish it; raises BrokerDown, Rejected."""
    await _publish(broker, f"told.{type(fact).__name__.lower()}", fact)


async def wish(broker: Broker, wished: Wish) -> None:
    """Publish it; raises BrokerDown, Rejected."""
    await _publish(broker, "wish", wished)


async def _publish(broker: Broker, key: str, content: Fact | Wish) -> None:
    properties = pika.BasicProperties(content_type="application/json")
    body = json.dumps(asdict(content)).encode()
    await broker.publish(
        names.FACTS_EXCHANGE, key, body, properties, seconds=PUBLISH_SECONDS, mandatory=False
    )


def decode(body: bytes) -> Fact:
    """The fact that was told. Keys of a later version are ignored. Raises ValueError for anything else."""
    try:
        fields = json.loads(body)
        if "wish" in fields:
            return Answer(wish=fields["wish"], problem=fields.get("problem"))
        return _made(Machine, fields) if "disk" in fields else swarm_of(fields)
    except (TypeError, LookupError, AttributeError, ValueError) as error:
        raise ValueError(f"not a fact of this cluster: {error!r}") from error


def decode_wish(body: bytes) -> Wish:
    """What was wished; raises ValueError for anything else."""
    try:
        fields = json.loads(body)
        return Wish(**{key: str(fields[key]) for key in ("id", "node", "availability")})
    except (TypeError, LookupError, ValueError) as error:
        raise ValueError(f"not a wish of this cluster: {error!r}") from error


def swarm_of(fields: dict[str, Any]) -> Swarm:
    """The swarm that these fields tell of; raises TypeError, LookupError."""
    return Swarm(
        at=float(fields["at"]),
        nodes=tuple(_made(Node, each) for each in fields["nodes"]),
        services=tuple(_made(Service, each) for each in fields["services"]),
        tasks=tuple(_made(Task, each) for each in fields["tasks"]),
        certificates=tuple(_made(Certificate, each) for each in fields.get("certificates", ())),
        secrets=tuple(_made(Secret, each) for each in fields.get("secrets", ())),
    )


def clock_offset(machine: Machine, properties: pika.BasicProperties) -> float | None:
    """Seconds that the machine's clock is ahead of the broker's; None if the broker tells no time."""
    stamp = (properties.headers or {}).get(BROKERS_TIME)
    return machine.at - stamp / 1000 if isinstance(stamp, int) else None


def is_fresh(at: float) -> bool:
    """Whether something that was heard AT this time, in unix seconds, still holds."""
    return time.time() - at < 5 * TELL_SECONDS


def _made(kind: Any, fields: dict[str, Any]) -> Any:
    return kind(**{key: fields[key] for key in kind.__dataclass_fields__ if key in fields})
