"""The history of jobs, on a real broker."""

from tests.integration.cell import Cell, Site
from tests.integration.commands import submit
from tests.integration.status import Status
from tests.integration.waiting import until

WAIT = ("--wait", "--json", "--timeout", "60")


def test_a_batch_and_its_jobs_are_remembered(cell: Cell, site: Site, status: Status) -> None:
    done = submit(site.broker_url, "--jobs", "3", "--batch-id", "three", *WAIT)
    assert done.code == 0, done.stderr
    batch = until(lambda: (b := status.get("batches/three"))["ended"] == 3 and b, what="history")
    assert (batch["jobs"], batch["submitted"], batch["states"]) == (3, 3, {"SUCCEEDED": 3})
    job = status.get("jobs/test-workflow/three.1")
    assert (job["state"], job["attempts"], job["node"], len(job["products"])) == ("SUCCEEDED", 1, "node1", 2)
    assert [(run["run"], run["state"]) for run in job["runs"]] == [(1, "SUCCEEDED")]


def test_the_broker_itself_tells_queues_and_slots(cell: Cell, status: Status) -> None:
    overview = until(
        lambda: (o := status.get("overview"))["nodes"] and o, seconds=30, what="consumers in the overview"
    )
    assert overview["nodes"] == [{"node": "node1", "consumers": 1, "slots": 4, "busy": 0, "free": 4}]
    assert "test-workflow" in {queue["event"] for queue in overview["queues"]}
