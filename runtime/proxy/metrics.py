"""The gateway's numbers for Prometheus, at /metrics of port 9001."""

from aiohttp import web
from prometheus_client import Counter, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4 as CONTENT_TYPE

CALLS = Counter("oodt_gateway_calls", "Calls of clients, by the service that they are for.", ["service"])
EVENTS = Counter(
    "oodt_gateway_events", "handleEvent calls with PROXY=true: queued, or refused.", ["event", "result"]
)
UNREACHABLE = Counter(
    "oodt_gateway_unreachable", "Calls that the service behind did not answer.", ["service"]
)
INGESTS = Counter("oodt_gateway_ingests", "Products: ingested, refused before, or failed.", ["result"])


async def metrics(_: web.Request) -> web.Response:
    return web.Response(body=generate_latest(), headers={"Content-Type": CONTENT_TYPE})
