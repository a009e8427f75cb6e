"""What OODT's clients can do with workflows that run in the OODT image."""

from typing import Any

from runtime.records import verdict
from testing.oodt import METADATA, Oodt, journal, kinds, products, send, wait_for
from testing.waiting import BUSY, until

TASK_2_BEGAN = "status STARTED TestWorkflowTask2"


def test_a_paused_workflow_waits_before_its_next_task_until_it_is_resumed(oodt: Oodt, run: str) -> None:
    begin(oodt, run, seconds=30)
    client(oodt, "--pauseWorkflowInst", "--id", run)
    wait_for_end_of_task_1(oodt, run)
    until(lambda: kinds(journal(oodt.wmgr, run))[-1] == "status PAUSED TestWorkflowTask1", what="the pause")
    assert f"[id={run}, status=PAUSED" in client(oodt, "--getFirstPage", "--status", "PAUSED")
    assert TASK_2_BEGAN not in kinds(journal(oodt.wmgr, run))
    client(oodt, "--resumeWorkflowInst", "--id", run)
    assert verdict.judge([wait_for(oodt.wmgr, run)]).result == "succeeded"


def test_a_stopped_workflow_is_finished_and_begins_nothing_more(oodt: Oodt, run: str) -> None:
    begin(oodt, run, seconds=120)
    client(oodt, "--stopWorkflowInst", "--id", run)
    assert "status FINISHED TestWorkflowTask1" in kinds(journal(oodt.wmgr, run))
    wait_for_end_of_task_1(oodt, run)
    assert TASK_2_BEGAN not in kinds(journal(oodt.wmgr, run))
    lines = journal(oodt.wmgr, run)
    assert verdict.ended(lines)
    reason = "task urn:oodt:TestWorkflowTask1: its program did not exit with 0 but with 137"  # it was killed
    assert verdict.judge([lines]).reason == reason


def test_new_metadata_reach_the_next_task(oodt: Oodt, run: str) -> None:
    begin(oodt, run, seconds=15)
    manager: Any = oodt.wmgr.server(8001)
    assert manager.workflowmgr.updateMetadataForWorkflow(run, METADATA | {"Dataset": "new"})
    assert verdict.judge([wait_for(oodt.wmgr, run)]).result == "succeeded"
    found = products(oodt.filemgr.server(9000), "JobKey", run)
    assert [metadata["Dataset"] for metadata in found] == [["abc"], ["new"]]
    assert manager.workflowmgr.getWorkflowInstanceMetadata(run)["Dataset"] == ["new"]


def test_a_workflow_and_its_tasks_have_a_wall_clock(oodt: Oodt, run: str) -> None:
    begin(oodt, run, seconds=3)
    assert 0 < minutes(client(oodt, "--getTaskWallClockTime", "--id", run)) < BUSY
    wait_for(oodt.wmgr, run)
    whole = minutes(client(oodt, "--getWallClockTime", "--id", run))
    assert 6 / 60 < whole < BUSY  # two tasks of 3 s each
    assert minutes(client(oodt, "--getWallClockTime", "--id", run)) == whole


def begin(oodt: Oodt, run: str, *, seconds: int) -> None:
    """Start a job, whose tasks take so long, and wait until the program of its first task runs."""
    send(oodt.wmgr, "test-workflow", JobKey=run, **METADATA | {"Seconds": str(seconds)})
    running = "status PGETask_Running TestWorkflowTask1"
    until(lambda: running in kinds(journal(oodt.wmgr, run)), what="the first task")


def wait_for_end_of_task_1(oodt: Oodt, run: str) -> None:
    ended = "task-ended TestWorkflowTask1"
    until(lambda: ended in kinds(journal(oodt.wmgr, run)), what="end of the first task")


def client(oodt: Oodt, operation: str, *arguments: str) -> str:
    """What OODT's own command answers, through the gateway."""
    place = ("--url", "http://localhost:9001")
    return oodt.wmgr.run("wmgr-client", *place, "--operation", operation, *arguments)


def minutes(answer: str) -> float:
    return float(answer.removesuffix(" minutes\n"))
