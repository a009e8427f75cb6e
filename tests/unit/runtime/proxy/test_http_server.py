"""The gateway's HTTP side, as clients meet it that ask before they send, or send what is not wanted."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from aiohttp import web

from runtime.proxy import http_server, metrics

ANSWER_SECONDS = 60
POST = b"POST / HTTP/1.1\r\nHost: here\r\nContent-Length: 4\r\n"

Client = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def talk(client: Client) -> None:
    """Let a client talk to a server that answers with what it was sent, after a moment."""

    async def echo(request: web.Request) -> web.StreamResponse:
        body = await http_server.body_of(request)
        await asyncio.sleep(0.05)
        return web.Response(body=body)

    async def both() -> None:
        # What a client was told not to send is not waited for.
        runner = web.AppRunner(http_server.application(echo), shutdown_timeout=0.1)
        await runner.setup()
        try:
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            reader, writer = await asyncio.open_connection(*runner.addresses[0])
            async with asyncio.timeout(ANSWER_SECONDS):
                await client(reader, writer)
            writer.close()
        finally:
            await runner.cleanup()

    asyncio.run(both())


async def head(reader: asyncio.StreamReader) -> bytes:
    return await reader.readuntil(b"\r\n\r\n")


def test_a_client_that_asks_first_is_told_to_go_on_and_then_answered() -> None:
    async def client(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for _ in range(2):
            writer.write(POST + b"Expect: 100-continue\r\n\r\n")
            assert await head(reader) == b"HTTP/1.1 100 Continue\r\n\r\n"
            writer.write(b"body")
            assert (await head(reader)).startswith(b"HTTP/1.1 200 OK\r\n")
            assert await reader.readexactly(4) == b"body"

    talk(client)


@pytest.mark.parametrize(
    ("request_head", "status"),
    [
        (POST.replace(b"POST", b"PUT") + b"Expect: 100-continue\r\n\r\n", b"405"),
        (POST.replace(b": 4", b": 99999999999") + b"Expect: 100-continue\r\n\r\n", b"413"),
        (POST + b"Expect: a-miracle\r\n\r\n", b"417"),
    ],
)
def test_a_client_whose_body_is_not_wanted_is_told_at_once(request_head: bytes, status: bytes) -> None:
    async def client(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(request_head)
        assert (await head(reader)).split()[1] == status

    talk(client)


def test_a_client_of_the_old_protocol_is_not_told_to_go_on() -> None:
    async def client(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(POST.replace(b"1.1", b"1.0") + b"Expect: 100-continue\r\n\r\nbody")
        assert (await head(reader)).split()[1] == b"200"

    talk(client)


@pytest.mark.parametrize("sent", [b"", POST, POST + b"\r\nbo"])
def test_a_call_that_ends_halfway_is_waited_for_no_longer(sent: bytes) -> None:
    async def client(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(sent)
        await asyncio.sleep(0.02)
        writer.write_eof()
        assert await reader.read() == b""

    talk(client)


def test_the_gateways_numbers_are_asked_for_by_get() -> None:
    async def story() -> bytes:
        async def nobody(_: web.Request) -> web.StreamResponse:
            raise AssertionError

        made = http_server.application(nobody, gets={"/metrics": metrics.metrics})
        runner = web.AppRunner(made)
        await runner.setup()
        try:
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            reader, writer = await asyncio.open_connection(*runner.addresses[0])
            writer.write(b"GET /metrics HTTP/1.0\r\n\r\n")
            async with asyncio.timeout(ANSWER_SECONDS):
                answer = await reader.read()
            writer.close()
        finally:
            await runner.cleanup()
        return answer

    metrics.INGESTS.labels("failed").inc()
    answer = asyncio.run(story())
    assert answer.startswith(b"HTTP/1.0 200 OK") and b'oodt_gateway_ingests_total{result="failed"}' in answer
