"""Which method a call is for, however its XML is written."""

import asyncio
import time
import xmlrpc.client

import pytest

from runtime.oodt import xml_rpc

NAME = "workflowmgr.handleEvent"
CALL = f"<methodCall><methodName>{NAME}</methodName><params></params></methodCall>"
OTHER = "<methodName>workflowmgr.getRegisteredEvents</methodName>"


def method_of(body: bytes) -> str | None:
    return asyncio.run(xml_rpc.method_of(body))


@pytest.mark.parametrize(
    "call",
    [
        CALL,
        f"<?xml version='1.0' encoding='ISO-8859-1'?>\n{CALL}",
        f"<!--{'x' * 2000}-->{CALL}",
        f"<!--{OTHER}-->{CALL}",
        CALL.replace(NAME, f"\n {NAME} "),
        CALL.replace(NAME, f"<![CDATA[{NAME}]]>"),
        CALL.replace(NAME, "workflowmgr&#46;handleEvent"),
        CALL.replace(NAME, "workflowmgr.<!-- -->handleEvent"),
        CALL.replace("<methodName>", "<methodName >"),
        f"<!DOCTYPE c [<!ENTITY name '{NAME}'>]>{CALL.replace(NAME, '&name;')}",
    ],
)
def test_a_call_is_known_however_it_is_written(call: str) -> None:
    assert method_of(call.encode()) == NAME


def test_a_call_is_known_in_two_bytes_a_character() -> None:
    assert method_of(f"<?xml version='1.0' encoding='UTF-16'?>{CALL}".encode("utf-16")) == NAME


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"no XML",
        CALL.replace("</methodName>", "").encode(),
        CALL.replace(NAME, "workflowmgr.handle<x/>Event").encode(),
        # OODT's server goes by the last one.
        CALL.replace(f"<methodName>{NAME}", f"{OTHER}<methodName>{NAME}").encode(),
        CALL.replace("</params>", f"</params>{OTHER}").encode(),
        f"<params></params>{CALL}".encode(),
        CALL.replace(NAME, " ").encode(),
        b"<?xml version='1.0' encoding='no-such'?><!-- -->" + CALL.encode(),
        "<methodCall></methodCall>".encode("utf-16"),
    ],
)
def test_what_has_no_single_method_is_no_call(body: bytes) -> None:
    assert method_of(body) is None


def test_a_value_that_speaks_of_methods_hides_nothing() -> None:
    value = "<param><value>&lt;methodName> and methodName</value></param>"
    assert method_of(CALL.replace("<params>", f"<params>{value}").encode()) == NAME


def test_a_large_body_that_is_no_call_is_not_read_to_its_end() -> None:
    began = time.monotonic()
    assert method_of(b"<a>" * 10_000_000) is None
    assert method_of(b" " * 30_000_000) is None
    assert time.monotonic() - began < 5


@pytest.mark.parametrize("text", ["  ", "\t\n", " a ", "a\r\nb", "<string> </string>", ""])
def test_white_space_is_written_so_that_no_parser_drops_it(text: str) -> None:
    body = xml_rpc.encoded(NAME, {"Key": [text, " "]})
    assert xmlrpc.client.loads(body) == (({"Key": [text, " "]},), NAME)
    assert b"\r" not in body
    assert body.count(b"<string>") == body.count(b"</string>") == 2
    for content in body.split(b"<string>")[1:]:
        written = content.partition(b"</string>")[0]
        assert written.strip() or not written
