"""The runtime's wheel in an OODT container and with a broker that are not the project's."""

import json
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from testing import images
from testing.commands import WAIT, finish, start_submit
from testing.oodt import HOME, SHARED, Container, Oodt, docker
from testing.rabbitmq import RabbitMQ, VirtualHost
from testing.waiting import until

HERE = Path(__file__).parent / "own_container"
IMAGE = "oodt-test-own-container"
BROKER = "my-broker"
QUEUE = "test-workflow"


@pytest.fixture(scope="module")
def image(oodt_image: str) -> str:
    images.build_file(IMAGE, str(HERE / "Dockerfile"), PROJECT=oodt_image, BASE=images.base())
    return IMAGE


@pytest.fixture
def vhost(rabbitmq: RabbitMQ) -> Iterator[VirtualHost]:
    host = VirtualHost.bare(rabbitmq)
    yield host
    host.remove()


@pytest.fixture
def start(image: str, oodt: Oodt, vhost: VirtualHost) -> Iterator[Callable[..., Container]]:
    """Starts the container with these properties and this addition to its class path."""
    with ExitStack() as end:
        docker("network", "connect", "--alias", BROKER, oodt.name, vhost.server.name)
        end.callback(docker, "network", "disconnect", oodt.name, vhost.server.name)

        def begin(properties: str, addition: str) -> Container:
            container = Container(name=f"{oodt.name}-own-{uuid.uuid4().hex[:4]}")
            environment = {
                "PROPERTIES": f"/opt/own/{properties}.properties",
                "ADDITION": addition,
                "OODT_HOME": HOME,
                "OODT_CONFIG": f"{HOME}/workflows",
                "OODT_ARCHIVE": f"{HOME}/archive",
                "OODT_JOBS": f"{HOME}/jobs",
                "OODT_LEDGER": "/var/lib/ledger",
                "WORKFLOW_QUEUE": QUEUE,
                "MAX_ATTEMPTS": "1",
                "WORKFLOW_URL": "http://localhost:9001",
                "PROXIED_WORKFLOW_URL": "http://localhost:8001",
                "FILEMGR_URL": "http://localhost:9000",
                "PROXIED_FILEMGR_URL": "http://oodt-filemgr:9000",
                "RABBITMQ_USER_URL": vhost.url_at(f"{BROKER}:5672"),
            }
            options = [f"--env={key}={value}" for key, value in environment.items()]
            options += [f"--volume={oodt.name}-{part}:{HOME}/{part}" for part in SHARED]
            options += [f"--volume={oodt.folder / part}:{HOME}/{part}:ro" for part in ("workflows", "pges")]
            options += [f"--volume={HERE}:/opt/own:ro"]
            place = ("--name", container.name, "--network", oodt.name)
            docker("run", "--detach", "--init", *place, *options, image, QUEUE, "2")
            end.callback(docker, "rm", "--force", "--volumes", container.name)
            return container

        yield begin


def test_ten_jobs_run_there_and_the_one_that_fails_is_told_from_the_others(
    start: Callable[..., Container], vhost: VirtualHost, tmp_path: Path
) -> None:
    start("mended", "/addition/oodt-cluster.jar")
    until(lambda: vhost.has(f"{QUEUE}.dead"), what="the consumer's queues")
    batch = tmp_path / "jobs.jsonl"
    common = {"Dataset": "abc", "Project": "own", "Seconds": "0"}
    jobs = [{**common, "Run": str(n), "ExitCode": "1" if n == 7 else "0"} for n in range(1, 11)]
    batch.write_text("".join(f"{json.dumps(job)}\n" for job in jobs))
    queued = ("--event", QUEUE, "--batch", str(batch), "--batch-id", "own")
    done = finish(start_submit(vhost.url, *queued, *WAIT))
    ended = {job["id"]: (job["state"], len(job["products"])) for job in done.result["jobs"]}
    assert ended == {f"own.{n}": ("DEAD", 0) if n == 7 else ("SUCCEEDED", 2) for n in range(1, 11)}


def test_a_workflow_manager_without_the_addition_is_told_what_it_lacks(
    start: Callable[..., Container], vhost: VirtualHost
) -> None:
    container = start("stock", "")
    until(lambda: "Put oodt-cluster.jar on its class path" in container.log(), what="a word of advice")
    vhost.publish(QUEUE, b'{"Run": "1"}')
    assert not container.has_ended()
