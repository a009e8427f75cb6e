"""What becomes of a call while the File Manager is away."""

from __future__ import annotations

import asyncio
import xmlrpc.client
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from runtime import gateway
from runtime.gateway import Gateway
from runtime.oodt import xml_rpc
from runtime.proxy.evidence import Evidence
from runtime.records.ledger import Ledger

URL = "http://oodt-filemgr:9000"
AWAY = xml_rpc.Unreachable(f"{URL} is not reachable")
METHOD = "filemgr.getNumProducts"


@pytest.fixture(autouse=True)
def _no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gateway, "FILE_MANAGER_PAUSE_SECONDS", 0)


def called(monkeypatch: pytest.MonkeyPatch, folder: Path, *fates: Exception | int) -> tuple[Any, list[str]]:
    """What a client gets that calls METHOD once: an answer or a Fault. Then what the File Manager was asked.

    ``fates`` are what becomes of each call to the File Manager, in order.
    """
    asked: list[str] = []

    async def post(_client: object, _url: str, body: bytes, *, seconds: float) -> bytes:
        fate = fates[len(asked)]
        asked.append(xmlrpc.client.loads(body)[1] or "")
        if isinstance(fate, Exception):
            raise fate
        return xml_rpc.answer(fate)

    async def read() -> bytes:
        return xml_rpc.encoded(METHOD)

    monkeypatch.setattr(xml_rpc, "post", post)
    evidence = Evidence(folder, Ledger(folder, node="one", lease=30))
    settings = cast(Any, SimpleNamespace(filemgr_url=URL, events=()))
    answering = Gateway(settings, client=cast(Any, None), broker=None, evidence=evidence)
    request = cast(Any, SimpleNamespace(method="POST", content_length=None, read=read))
    response = cast(Any, asyncio.run(answering.file_manager(request)))
    try:
        return xml_rpc.answer_of(response.body, "the gateway"), asked
    except xml_rpc.Fault as fault:
        return fault, asked


def test_a_call_waits_for_a_file_manager_that_is_away_and_is_made_once(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    alive = "filemgr.isAlive"
    answer, asked = called(monkeypatch, tmp_path, AWAY, AWAY, xml_rpc.NoAnswer("it starts"), 1, 7)
    assert (answer, asked) == (7, [METHOD, alive, alive, alive, METHOD])


def test_a_call_waits_again_if_the_file_manager_goes_again(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    answer, asked = called(monkeypatch, tmp_path, AWAY, 1, AWAY, 1, 7)
    assert (answer, asked.count(METHOD)) == (7, 3)


def test_a_file_manager_that_stays_away_is_a_fault_that_says_so(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(gateway, "FILE_MANAGER_SECONDS", 0)
    answer, _ = called(monkeypatch, tmp_path, AWAY)
    assert answer.faultString == f"{URL} is not reachable"


def test_a_call_that_may_have_been_carried_out_is_not_made_again(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    answer, asked = called(monkeypatch, tmp_path, xml_rpc.NoAnswer(f"{URL} closed the connection"))
    assert (answer.faultString, asked) == (f"{URL} closed the connection", [METHOD])
