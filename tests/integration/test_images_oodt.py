"""The OODT image at work: workflows, products, and the journals that verdicts are made from."""

import uuid
from itertools import pairwise
from typing import Any

import pytest

from runtime.records import verdict
from testing.oodt import (
    ADMIN_URL,
    HOME,
    METADATA,
    Line,
    Oodt,
    kinds,
    products,
    run_to_end,
    send,
    wait_for,
)
from tests.integration.overlap import most_at_once

TASK_1 = "urn:oodt:TestWorkflowTask1"


@pytest.fixture
def catalogue(oodt: Oodt) -> Any:
    return oodt.filemgr.server(9000)


def test_the_shipped_client_lists_the_events_of_all_workflows(oodt: Oodt) -> None:
    client = f"{HOME}/cas-workflow/bin/wmgr-client"
    answer = oodt.wmgr.run(client, "--url", "http://localhost:9001", "--operation", "--getRegisteredEvents")
    assert sorted(answer.splitlines()) == ["Event: [name=snow-cover]", "Event: [name=test-workflow]"]


def test_a_job_leaves_a_product_of_each_task_in_archive_and_catalogue(
    oodt: Oodt, run: str, catalogue: Any
) -> None:
    lines = run_to_end(oodt.wmgr, "test-workflow", run, **METADATA)
    archived = oodt.filemgr.run("ls", f"{HOME}/archive/test-workflow").split()
    expected = [f"output_Run_1_Task_{task}_{run}.dat" for task in (1, 2)]
    assert [name for name in archived if run in name] == expected
    found = products(catalogue, "JobKey", run)
    assert [metadata["CAS.ProductName"] for metadata in found] == [[name] for name in expected]
    assert [metadata["TaskNumber"] for metadata in found] == [["1"], ["2"]]
    assert found[0]["Dataset"] == ["abc"]
    assert found[0]["WorkflowInstId"] == [run]
    assert verdict.judge([lines]).result == "succeeded"


def test_the_journal_tells_each_step_of_a_run(oodt: Oodt, run: str) -> None:
    lines = run_to_end(oodt.wmgr, "test-workflow", run, **METADATA)
    told = [
        kind for kind in kinds(lines) if kind.split()[0] in {"instance", "status", "expects", "task-ended"}
    ]
    of_a_task = ["STARTED", "PGETask_Building_Config_File", "PGETask_Running", "PGETask_Crawling"]
    steps = ["instance", "status CREATED TestWorkflowTask1", "status QUEUED TestWorkflowTask1"]
    for task in ("TestWorkflowTask1", "TestWorkflowTask2"):
        statuses = [f"status {status} {task}" for status in of_a_task]
        steps += [*statuses[:3], f"expects {task}", statuses[3], f"task-ended {task}"]
    assert told == [*steps, "status FINISHED TestWorkflowTask2"]
    times = [line["at"] for line in lines if line["kind"] in {"status", "task-ended"}]
    assert all(earlier <= later for earlier, later in pairwise(times))
    [instance] = [line for line in lines if line["kind"] == "instance"]
    assert instance["wm"] == oodt.wmgr.run("cat", "/run/oodt/wm-boot")
    assert instance["tasks"][0] == {
        "id": TASK_1,
        "class": "org.apache.oodt.cas.pge.StdPGETaskInstance",
        "pge": True,
    }
    expects = [line for line in lines if line["kind"] == "expects"]
    folder = f"{HOME}/pges/test-workflow/jobs/{run}"
    assert expects[0]["files"] == [f"{folder}/task-1/output_Run_1_Task_1_{run}.dat"]
    assert expects[0]["problems"] == []


def test_a_program_that_exits_1_is_never_reported_as_crawling(oodt: Oodt, run: str) -> None:
    lines = run_to_end(oodt.wmgr, "test-workflow", run, **METADATA, ExitCode2="1")
    told = kinds(lines)
    assert "status FINISHED TestWorkflowTask2" in told
    assert "status PGETask_Crawling TestWorkflowTask1" in told
    assert "status PGETask_Crawling TestWorkflowTask2" not in told
    [failure] = [line for line in lines if line["kind"] == "task-failed"]
    assert failure["error"] == "its program did not exit with 0 but with 1"
    assert verdict.judge([lines]).reason == f"task {failure['task']}: {failure['error']}"


def test_after_a_task_that_failed_the_next_is_not_run(oodt: Oodt, run: str) -> None:
    lines = run_to_end(oodt.wmgr, "test-workflow", run, **METADATA, ExitCode="137")
    told = kinds(lines)
    assert told[-4:] == [
        "task-failed TestWorkflowTask1",
        "log TestWorkflowTask1",
        "task-ended TestWorkflowTask1",
        "status FINISHED TestWorkflowTask1",
    ]
    assert lines[-4]["error"] == "its program did not exit with 0 but with 137"
    assert not [line for line in lines if line["kind"] == "expects"]
    assert verdict.judge([lines]).result == "failed"


def test_missing_metadata_are_named(oodt: Oodt, run: str) -> None:
    lines = run_to_end(oodt.wmgr, "test-workflow", run, Dataset="abc", Seconds="0")
    assert lines[-1]["status"] == "METMISS"
    assert lines[-1]["missing"] == ["Project", "Run"]


def test_work_that_no_consumer_submitted_gets_an_id_of_its_own(oodt: Oodt) -> None:
    marker = uuid.uuid4().hex
    send(oodt.wmgr, "test-workflow", **METADATA | {"Run": marker})
    manager: Any = oodt.wmgr.server(8001)
    [instance] = [
        instance
        for instance in manager.workflowmgr.getWorkflowInstances()
        if instance["sharedContext"].get("Run") == [marker]
    ]
    assert instance["sharedContext"]["JobKey"] == [instance["id"]]
    assert uuid.UUID(instance["id"])
    assert verdict.judge([wait_for(oodt.wmgr, instance["id"])]).result == "succeeded"


def test_as_many_workflows_run_at_once_as_all_events_allow_together(oodt: Oodt, run: str) -> None:
    runs = [f"{run}-{number}" for number in range(4)]
    manager: Any = oodt.wmgr.server(8001)
    for name in runs:
        manager.workflowmgr.handleEvent("test-workflow", METADATA | {"JobKey": name, "Seconds": "0.5"})
    journals = [wait_for(oodt.wmgr, name) for name in runs]
    assert most_at_once((first(lines, "STARTED"), first(lines, "FINISHED")) for lines in journals) == 2


def test_all_pages_of_the_instances_are_there(oodt: Oodt, run: str) -> None:
    run_to_end(oodt.wmgr, "test-workflow", run, **METADATA)
    manager: Any = oodt.wmgr.server(8001)
    total = manager.workflowmgr.getNumWorkflowInstances()
    page, ids = manager.workflowmgr.getFirstPage(), []
    while page["pageWorkflows"]:
        ids += [instance["id"] for instance in page["pageWorkflows"]]
        page = manager.workflowmgr.getNextPage(page)
    assert ids[-1] == run
    assert len(ids) == total
    answer = oodt.wmgr.run("wmgr-client", "--url", "http://localhost:8001", "--operation", "--getLastPage")
    assert f"[id={run}, status=FINISHED" in answer


def test_a_foreign_workflow_runs_unchanged(oodt: Oodt, run: str, catalogue: Any) -> None:
    lines = run_to_end(oodt.wmgr, "snow-cover", run, Station=run)
    assert verdict.judge([lines]).result == "succeeded"
    expects = {line["task"]: line["files"] for line in lines if line["kind"] == "expects"}
    assert expects["urn:snow:Measure"] == []
    folder = f"{HOME}/pges/foreign/jobs/{run}"
    mapped = f"{folder}/sheet_{run}_mapped_{oodt.wmgr.run('hostname').strip()}.csv"
    assert sorted(expects["urn:snow:Map"]) == [f"{folder}/measured_{run}.csv", mapped]
    assert [sorted(metadata) for metadata in products(catalogue, "Station", run)] == [
        ["Station"],
        ["Station"],
    ]
    filemgr: Any = catalogue.filemgr
    name = f"measured_{run}.csv"
    assert filemgr.hasProduct(name)
    assert oodt.filemgr.run("cat", f"{HOME}/archive/snow/{name}/{name}") == "uid,1000\n"


def test_programs_of_a_workflow_see_neither_secrets_nor_ledger(oodt: Oodt) -> None:
    gateway = oodt.wmgr.run("pgrep", "--full", "runtime.gateway").strip()
    for place in ("/run/secrets/rabbitmq_admin_url", f"{HOME}/ledger", f"/proc/{gateway}/environ"):
        assert "Permission denied" in oodt.wmgr.run("cat", place, user="oodt", check=False)
    environment = "tr '\\0' '\\n' < /proc/$(pgrep --oldest java)/environ"
    assert "RABBITMQ" not in oodt.wmgr.run("sh", "-c", environment, user="oodt")


def test_the_runtime_sees_the_secrets(oodt: Oodt) -> None:
    assert oodt.wmgr.run("cat", "/run/secrets/rabbitmq_admin_url", user="runtime") == ADMIN_URL


def first(lines: list[Line], status: str) -> float:
    return float(next(line["at"] for line in lines if line.get("status") == status))
