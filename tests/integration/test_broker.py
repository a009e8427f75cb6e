"""A connection to the broker that is lost at an awkward moment."""

import asyncio

from runtime import names
from runtime.broker import Broker
from runtime.messages import properties_of
from tests.integration.rabbitmq import VirtualHost
from tests.integration.wire import Wire

EVENT = "test-workflow"


def test_a_message_unconfirmed_when_a_young_connection_is_lost_goes_out_on_the_next(
    vhost: VirtualHost,
) -> None:
    wire = Wire(vhost.server.port)

    async def publish() -> None:
        async with Broker(vhost.url_at(f"127.0.0.1:{wire.port}"), name="test") as broker:
            await broker.wait_connected(20)
            wire.cut()
            sending = asyncio.create_task(
                broker.publish(names.EXCHANGE, EVENT, b"{}", properties_of("job-1"), seconds=20)
            )
            await asyncio.sleep(0)  # it waits for its confirm now
            wire.sever()
            wire.mend()
            await sending

    try:
        asyncio.run(asyncio.wait_for(publish(), 30))
    finally:
        wire.close()
    assert vhost.messages(EVENT) >= 1
