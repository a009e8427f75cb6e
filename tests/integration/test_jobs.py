"""Jobs from submission to verdict, on a real broker."""

from tests.integration.cell import Cell, Site
from tests.integration.commands import submit
from tests.integration.rabbitmq import VirtualHost
from tests.integration.waiting import until


def test_ten_jobs_succeed_with_two_products_each(cell: Cell, site: Site, vhost: VirtualHost) -> None:
    done = submit(vhost.url, "--jobs", "10", "--wait", "--json", "--timeout", "60")

    assert done.code == 0, done.stderr
    assert {key: done.result[key] for key in ("submitted", "succeeded", "failed")} == {
        "submitted": 10,
        "succeeded": 10,
        "failed": 0,
    }
    assert {len(job["products"]) for job in done.result["jobs"]} == {2}
    assert len(site.products()) == len(site.archived()) == 20
    until(lambda: vhost.messages("test-workflow") == 0, what="queue")


def test_a_job_that_always_exits_1_is_dead_after_three_attempts_and_leaves_no_product(
    cell: Cell, site: Site, vhost: VirtualHost
) -> None:
    done = submit(vhost.url, "--jobs", "1", "--metadata", "Fail=exit", "--wait", "--json", "--timeout", "60")

    assert done.code == 1
    [job] = done.result["jobs"]
    assert (job["state"], job["attempts"]) == ("DEAD", 3)
    assert job["reason"] == "task urn:test:TaskOne: its program did not exit with 0"
    assert site.products() == site.archived() == []
    taken = vhost.take("test-workflow.dead")
    assert taken is not None
    assert taken[0].message_id == job["id"]
    assert taken[0].headers["oodt-reason"] == job["reason"]
