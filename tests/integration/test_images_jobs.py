"""Messages become products: broker, consumer, gateway and both OODT services from the project's images."""

from collections.abc import Iterator

import pytest

from runtime.topology import Event
from tests.integration.commands import Done, submit
from tests.integration.oodt import HOME, Container, Oodt, docker, products
from tests.integration.rabbitmq import RabbitMQ, VirtualHost

EVENTS = (Event(name="test-workflow"), Event(name="snow-cover"))
BROKER = "oodt-rabbitmq"


@pytest.fixture(scope="module")
def vhost(rabbitmq: RabbitMQ) -> Iterator[VirtualHost]:
    host = VirtualHost.make(rabbitmq, EVENTS)
    yield host
    host.remove()


@pytest.fixture(scope="module")
def wmgr(oodt: Oodt, vhost: VirtualHost) -> Iterator[Container]:
    """A Workflow Manager that takes jobs."""
    docker("network", "connect", "--alias", BROKER, oodt.name, vhost.server.name)
    container = oodt.run_wmgr(user_url=vhost.url_at(f"{BROKER}:5672"))
    container.wait_until_healthy("wmgr")
    yield container
    docker("rm", "--force", container.name)
    docker("network", "disconnect", oodt.name, vhost.server.name)


def test_messages_become_products(oodt: Oodt, wmgr: Container, vhost: VirtualHost) -> None:
    done = run_jobs(vhost, "test-workflow", jobs=3, Dataset="abc", Seconds="0")
    assert done.code == 0, done.stdout
    assert [len(job["products"]) for job in done.result["jobs"]] == [2, 2, 2]
    for job in done.result["jobs"]:
        assert len(products(oodt.filemgr.server(9000), "JobKey", job["id"])) == 2


def test_a_job_whose_second_program_fails_leaves_no_product(
    oodt: Oodt, wmgr: Container, vhost: VirtualHost
) -> None:
    done = run_jobs(vhost, "test-workflow", Dataset="abc", Seconds="0", ExitCode2="1")
    assert done.code == 1, done.stdout
    [job] = done.result["jobs"]
    assert job["state"] == "DEAD"
    assert job["reason"] == "task urn:oodt:TestWorkflowTask2: its program did not exit with 0 but with 1"
    assert products(oodt.filemgr.server(9000), "JobKey", job["id"]) == []
    assert job["id"] not in oodt.filemgr.run("ls", f"{HOME}/archive/test-workflow")


def test_a_foreign_workflow_gets_its_verdict(oodt: Oodt, wmgr: Container, vhost: VirtualHost) -> None:
    done = run_jobs(vhost, "snow-cover", Station="alpine")
    assert done.code == 0, done.stdout
    assert len(done.result["jobs"][0]["products"]) == 2


def run_jobs(vhost: VirtualHost, event: str, *, jobs: int = 1, **metadata: str) -> Done:
    pairs = [f"{key}={value}" for key, value in {"Project": "123", **metadata}.items()]
    options = [word for pair in pairs for word in ("--metadata", pair)]
    return submit(
        vhost.url,
        *("--event", event, "--jobs", str(jobs), *options),
        *("--wait", "--json", "--timeout", "60"),
    )
