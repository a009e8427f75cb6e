"""Calls between processes: XML-RPC over HTTP, with answers that come late, or never, or are lost."""

import asyncio
import xmlrpc.client
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from runtime.oodt import xml_rpc
from runtime.oodt.xml_rpc import Fault, NoAnswer, Unreachable
from tests.simulation.clock import Process

if TYPE_CHECKING:
    from tests.simulation.world import World


@dataclass(frozen=True, kw_only=True)
class Server:
    """A process that answers at an address: bytes of a call in, bytes of an answer out."""

    process: Process
    answer: Callable[[bytes], Awaitable[bytes]]


class Network:
    def __init__(self, world: "World") -> None:
        self._world = world
        self.servers: dict[str, Server] = {}

    async def post(
        self, _client: object, url: str, body: bytes, *, seconds: float, headers: object = None
    ) -> bytes:
        """As runtime.oodt.xml_rpc.post."""
        method = _method(body)
        self._world.step("call", method)
        await asyncio.sleep(self._world.latency())
        server = self.servers.get(url)
        if server is None or not server.process.alive:
            raise Unreachable(f"{url} is not reachable")
        if self._world.happens("request lost", method):
            raise NoAnswer(f"{url} closed the connection")
        answered: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

        def broken() -> None:
            if not answered.done():
                answered.set_exception(NoAnswer(f"{url} closed the connection"))
                answered.exception()

        async def serve() -> None:
            answer = await server.answer(body)
            delay = self._world.latency()
            if self._world.happens("slow answer", method):
                delay += self._world.random.choice(self._world.slow_seconds)
            await asyncio.sleep(delay)
            if not answered.done() and not self._world.happens("answer lost", method):
                answered.set_result(answer)
            else:
                broken()

        server.process.spawn(serve())
        server.process.ends.append(broken)
        try:
            async with asyncio.timeout(seconds):
                answer = await answered
        except TimeoutError:
            raise NoAnswer(f"{url} did not answer within {seconds:g} s") from None
        finally:
            if broken in server.process.ends:
                server.process.ends.remove(broken)
        self._world.step("answer", method)
        return answer

    async def call(self, url: str, method: str, *params: Any, seconds: float = 3600.0) -> Any:
        """As a client of OODT's calls; raises Fault, Unreachable, NoAnswer."""
        body = xmlrpc.client.dumps(params, method).encode()
        return xml_rpc.answer_of(await self.post(None, url, body, seconds=seconds), url)


def server_of(handle: Callable[..., Awaitable[Any]]) -> Callable[[bytes], Awaitable[bytes]]:
    """Reads calls for HANDLE, and writes its answers and faults."""

    async def answer(body: bytes) -> bytes:
        params, method = xmlrpc.client.loads(body)
        try:
            return xml_rpc.answer(await handle(method, *params))
        except Fault as fault:
            return xml_rpc.fault(fault.faultString)

    return answer


def _method(body: bytes) -> str:
    return body.partition(b"<methodName>")[2].partition(b"</methodName>")[0].decode()
