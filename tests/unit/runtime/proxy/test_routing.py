"""Where a workflow instance is."""

import asyncio
from pathlib import Path
from typing import Any, cast

import aiohttp
import pytest

from runtime.oodt import xml_rpc
from runtime.outcome import Outcome
from runtime.proxy.routing import Place, instance_of, is_known, place_of
from runtime.records.ledger import Ledger, Run

UUID = "01234567-89ab-cdef-0123-456789abcdef"


def claim(root: Path, job: str, node: str) -> None:
    ledger = Ledger(root, node=node, lease=30, gateway=f"http://{node}:9001")
    run = ledger.claim("test-workflow", job)
    assert isinstance(run, Run)
    ledger.end(run, Outcome(result="failed", reason="exit 1"))


@pytest.mark.parametrize(
    ("instance", "node"),
    [
        ("b.1", "one"),
        ("b.1~2", "two"),
        (f"b.1~2~{UUID}", "two"),
        ("b.1-2", "three"),
        (f"b.1.{UUID}", "four"),
        ("b.1~3", None),
        ("unknown", None),
        ("../b.1", None),
        ("*", None),
    ],
)
def test_each_run_is_where_it_was_begun(tmp_path: Path, instance: str, node: str | None) -> None:
    for job, begun in (("b.1", "one"), ("b.1", "two"), ("b.1-2", "three"), (f"b.1.{UUID}", "four")):
        claim(tmp_path, job, begun)
    expected = Place(node=node, gateway=f"http://{node}:9001") if node else None
    assert place_of(tmp_path, instance) == expected


def test_an_instance_is_named_by_its_id_or_by_its_whole_structure() -> None:
    assert instance_of(("job", "STARTED")) == "job"
    assert instance_of(({"id": "job", "status": "STARTED"},)) == "job"
    assert instance_of(()) is instance_of((7,)) is instance_of(({},)) is None


NOT_THERE = xml_rpc.Fault(0, "java.lang.Exception: java.lang.NullPointerException")
DOWN = xml_rpc.Unreachable("nothing listens")


@pytest.mark.parametrize(
    ("metadata", "structure", "known"),
    [
        ({"Run": ["1"]}, NOT_THERE, True),
        ({}, {"id": "job"}, True),
        ({}, NOT_THERE, False),
        (NOT_THERE, NOT_THERE, False),
        (DOWN, DOWN, True),
    ],
)
def test_a_workflow_manager_knows_what_it_can_tell_something_of(
    monkeypatch: pytest.MonkeyPatch, metadata: object, structure: object, known: bool
) -> None:
    answers = {"getWorkflowInstanceMetadata": metadata, "getWorkflowInstanceById": structure}

    async def call(_client: Any, _url: str, method: str, instance: str, *, seconds: float) -> object:
        answer = answers[method.removeprefix("workflowmgr.")]
        if isinstance(answer, Exception):
            raise answer
        return answer

    monkeypatch.setattr(xml_rpc, "call", call)
    client = cast(aiohttp.ClientSession, None)
    assert asyncio.run(is_known(client, "http://localhost:8001", "job")) is known
