"""XML-RPC calls with a time limit. OODT's structures arrive as dicts (Hashtable) and lists (Vector)."""

import asyncio
import re
import xmlrpc.client
from collections.abc import Mapping
from typing import Any
from xml.parsers import expat
from xml.parsers.expat import ExpatError

import aiohttp

Fault = xmlrpc.client.Fault

# Answers are passed on as they are, so they must not be compressed: the client may not understand that.
HEADERS = {"Content-Type": "text/xml", "Accept-Encoding": "identity"}
BLANK_TEXT = re.compile(r"(?<=<string>)[ \t\r\n]+(?=</string>)")
METHOD_NAME = "methodName"
METHOD_NAME_WITHIN = 1000
# The usual form of a call. Any other, such as one with a comment before it, is left to a parser.
USUAL_CALL = re.compile(
    rb"\s*(?:<\?xml [^<>]*\?>\s*)?<methodCall>\s*<methodName>\s*([A-Za-z0-9_.:/]+)\s*</methodName>"
)


class Unreachable(ConnectionError):
    """Nothing listens there, so the call was certainly not carried out."""


class NoAnswer(ConnectionError):
    """The call was sent and no usable answer came: it may have been carried out."""


def session() -> aiohttp.ClientSession:
    """A client whose every call has a connection of its own.

    OODT's server closes idle connections silently. A POST that meets a closed one cannot be distinguished
    from one that was carried out. On the same host a connection costs 0.1 ms.
    """
    return aiohttp.ClientSession(connector=aiohttp.TCPConnector(force_close=True, limit=0))


async def call(client: aiohttp.ClientSession, url: str, method: str, *params: Any, seconds: float) -> Any:
    """The answer to METHOD; raises Fault, Unreachable, NoAnswer."""
    return answer_of(await post(client, url, encoded(method, *params), seconds=seconds), url)


def encoded(method: str, *params: Any) -> bytes:
    """The body of a call whose texts arrive at OODT as they are.

    Its parser drops a text of white space alone, and takes a carriage return for a line break, unless they
    are written as references.
    """
    text = xmlrpc.client.dumps(params, method)
    text = BLANK_TEXT.sub(lambda blank: "".join(f"&#{ord(each)};" for each in blank[0]), text)
    return text.replace("\r", "&#13;").encode()


async def post(
    client: aiohttp.ClientSession,
    url: str,
    body: bytes,
    *,
    seconds: float,
    headers: Mapping[str, str] | None = None,
) -> bytes:
    """The body of the answer, unread; raises Unreachable, NoAnswer."""
    limits = aiohttp.ClientTimeout(total=seconds, sock_connect=min(seconds, 10))
    try:
        async with client.post(
            url, data=body, headers={**HEADERS, **(headers or {})}, timeout=limits
        ) as response:
            answer = await response.read()
    except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
        raise Unreachable(f"{url} is not reachable: {getattr(error, 'strerror', None) or error}") from error
    except TimeoutError as error:
        raise NoAnswer(f"{url} did not answer within {seconds:g} s") from error
    except (aiohttp.ClientError, OSError) as error:
        raise NoAnswer(f"{url} did not answer: {error}") from error
    if response.status != 200:
        raise NoAnswer(f"{url} answered with HTTP status {response.status}")
    return answer


async def method_of(body: bytes) -> str | None:
    """The method that a call is for; None if it is no call that can be read."""
    usual = USUAL_CALL.match(body, 0, METHOD_NAME_WITHIN)
    # OODT's server uses the last method name that it meets, so there must be only one.
    if usual and body.count(METHOD_NAME.encode()) == 2:
        return usual.group(1).decode()
    return await asyncio.to_thread(_parsed_method, body)


def _parsed_method(body: bytes) -> str | None:
    name: list[str] = []
    expected = iter(("methodCall", METHOD_NAME))

    def start(element: str, _: object) -> None:
        # A large body that is no call must not be read to its end.
        if element != next(expected, None):
            raise ValueError(f"element {element} is out of place")
        if element == METHOD_NAME:
            parser.CharacterDataHandler = name.append
            parser.EndElementHandler = end

    def end(_: str) -> None:
        parser.CharacterDataHandler = parser.EndElementHandler = None
        parser.StartElementHandler = after

    def after(element: str, _: object) -> None:
        if element == METHOD_NAME:
            raise ValueError("the call has several methods")

    parser = expat.ParserCreate()
    parser.StartElementHandler = start
    try:
        parser.Parse(body, True)
    except (ExpatError, ValueError, LookupError):
        return None
    return "".join(name).strip() or None


def answer_of(body: bytes, source: str) -> Any:
    """The value in an answer; raises Fault, NoAnswer."""
    try:
        values, _ = xmlrpc.client.loads(body)
    except Fault:
        raise
    except (ExpatError, ValueError, LookupError, TypeError, xmlrpc.client.Error) as error:
        raise NoAnswer(f"{source} answered with something that is not XML-RPC: {error}") from error
    return values[0]


def answer(value: Any) -> bytes:
    return xmlrpc.client.dumps((value,), methodresponse=True).encode()


def fault(text: str) -> bytes:
    return xmlrpc.client.dumps(Fault(0, text)).encode()
