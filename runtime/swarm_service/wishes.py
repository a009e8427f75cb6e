"""Carries out what is wished of the swarm: a worker is drained, or let in again, and nothing else."""

import asyncio
import logging

from runtime import names
from runtime.messaging.broker import Broker, BrokerDown
from runtime.messaging.facts import Answer, Wish, decode_wish, tell
from runtime.messaging.session import Delivery, Rejected
from runtime.swarm_service.engine import Engine, EngineDown
from runtime.swarm_service.telling import Telling

log = logging.getLogger(__name__)

AVAILABILITIES = {"active", "drain"}


async def grant_wishes(engine: Engine, broker: Broker, telling: Telling) -> None:
    """Fetch wishes and carry them out, until the task is cancelled."""
    arrived: asyncio.Queue[Delivery] = asyncio.Queue()
    await broker.consume(names.WISHES_QUEUE, prefetch=10, handler=arrived.put_nowait)
    while True:
        delivery = await arrived.get()
        delivery.ack()
        try:
            wish = decode_wish(delivery.body)
        except ValueError as error:
            log.warning("passed over a message: %s", error)
            continue
        problem = None
        try:
            problem = await _grant(engine, wish)
            # The facts first: whoever hears the answer looks at them.
            await telling.tell()
        except EngineDown as error:
            problem = str(error)
        except (BrokerDown, Rejected) as error:
            log.warning("the swarm's facts could not be told: %s", error)
        log.info("node %s: %s: %s", wish.node, wish.availability, problem or "done")
        try:
            await tell(broker, Answer(wish=wish.id, problem=problem))
        except (BrokerDown, Rejected) as error:
            log.warning("it could not be told what became of a wish: %s", error)


async def _grant(engine: Engine, wish: Wish) -> str | None:
    """The problem, if it cannot be; raises EngineDown."""
    if wish.availability not in AVAILABILITIES:
        return f"availability is {wish.availability!r}: use active or drain"
    nodes = await engine.get("/nodes")
    found = [node for node in nodes if wish.node in {node["ID"], node["Description"]["Hostname"]}]
    if not found:
        return f"no node {wish.node} is in the swarm"
    if len(found) > 1:
        return f"several nodes are called {wish.node}: {', '.join(node['ID'] for node in found)}"
    (node,) = found
    if node["Spec"]["Role"] != "worker":
        # This service would go with the others, and could not let the manager in again.
        return f"{wish.node} is a manager: the broker and the File Manager would stop with it"
    if node["Spec"]["Availability"] != wish.availability:
        spec = {**node["Spec"], "Availability": wish.availability}
        await engine.post(f"/nodes/{node['ID']}/update?version={node['Version']['Index']}", spec)
    return None
