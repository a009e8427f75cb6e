"""A real broker for all integration tests, and a site of stand-ins for each."""

import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from runtime.messaging.event import Event
from testing import images
from testing.oodt import Container, Oodt, docker
from testing.rabbitmq import RabbitMQ, VirtualHost
from testing.waiting import until
from testing.worker import Site, Worker
from tests.integration.status import Status

REGISTRY_START_SECONDS = 30
EVENTS = (Event(name="test-workflow"), Event(name="other-workflow"), Event(name="unknown-event"))


@pytest.fixture(scope="session")
def rabbitmq_image(docker_daemon: None) -> str:
    """The project's broker image."""
    return images.build("rabbitmq")


@pytest.fixture(scope="session")
def oodt_image(docker_daemon: None) -> str:
    """The project's image of both OODT services."""
    return images.build("oodt")


@pytest.fixture(scope="session")
def prometheus_image(docker_daemon: None) -> str:
    """Prometheus with the cluster's targets and alarms."""
    return images.build("prometheus")


@pytest.fixture(scope="session")
def registry(docker_daemon: None) -> Iterator[Container]:
    """The cluster's registry, which answers."""
    container = Container(name=f"oodt-test-registry-{uuid.uuid4().hex[:8]}")
    docker(
        "run", "--detach", "--name", container.name, "--publish", "127.0.0.1::5000", images.build("registry")
    )
    try:
        until(
            lambda: docker("exec", container.name, "registry-health", check=False).returncode == 0,
            seconds=REGISTRY_START_SECONDS,
            what="health of the registry",
        )
        yield container
    finally:
        docker("rm", "--force", "--volumes", container.name)


@pytest.fixture(scope="session")
def registry_address(registry: Container) -> str:
    """The registry's address; docker needs no entry in its list of insecure registries for "localhost"."""
    port = docker("port", registry.name, "5000").stdout.splitlines()[0].rpartition(":")[2]
    return f"localhost:{port}"


@pytest.fixture(scope="session")
def rabbitmq(
    rabbitmq_image: str,
    tmp_path_factory: pytest.TempPathFactory,
    record_testsuite_property: Callable[[str, object], None],
) -> Iterator[RabbitMQ]:
    server = RabbitMQ(image=rabbitmq_image)
    try:
        server.start(tmp_path_factory.mktemp("rabbitmq"))
        record_testsuite_property("rabbitmq", server.version())
        yield server
    finally:
        server.remove()


@pytest.fixture
def vhost(rabbitmq: RabbitMQ) -> Iterator[VirtualHost]:
    host = VirtualHost.make(rabbitmq, EVENTS)
    yield host
    rabbitmq.wait()
    host.remove()


@pytest.fixture
def site(vhost: VirtualHost, tmp_path: Path) -> Iterator[Site]:
    site = Site(folder=tmp_path, broker_url=vhost.url)
    site.start()
    yield site
    site.stop()


@pytest.fixture
def make_worker(site: Site) -> Iterator[Callable[..., Worker]]:
    """Makes workers, to be started: ``make_worker(name=..., settings={...})``. They end with the test."""
    with ExitStack() as stack:

        def make(**options: object) -> Worker:
            worker = Worker(site=site, **options)  # type: ignore[arg-type]
            stack.callback(worker.close)
            return worker

        yield make


@pytest.fixture
def worker(make_worker: Callable[..., Worker]) -> Worker:
    """A worker that runs."""
    worker = make_worker()
    worker.start()
    return worker


@pytest.fixture(scope="session")
def oodt(
    oodt_image: str,
    tmp_path_factory: pytest.TempPathFactory,
    record_testsuite_property: Callable[[str, object], None],
) -> Iterator[Oodt]:
    """A real File Manager and a real Workflow Manager for two workflows at once."""
    oodt = Oodt(image=oodt_image, folder=tmp_path_factory.mktemp("oodt"))
    try:
        oodt.start()
        record_testsuite_property("processor", oodt.wmgr.run("uname", "-m").strip())
        yield oodt
    finally:
        oodt.remove()


@pytest.fixture
def run() -> str:
    """A run id of the test's own."""
    return f"job-{uuid.uuid4().hex[:12]}"


@pytest.fixture
def status(site: Site, vhost: VirtualHost) -> Iterator[Status]:
    """The status service, running."""
    service = Status(site=site, vhost=vhost)
    service.start()
    yield service
    service.stop()
