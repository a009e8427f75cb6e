"""A real broker for all integration tests, and a site of stand-ins for each."""

import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from runtime.topology import Event
from tests.integration.cell import Cell, Site
from tests.integration.rabbitmq import RabbitMQ, VirtualHost
from tests.tools import missing
from toolchain.versions import BASE_IMAGE, SUBSTITUTE_BASE_IMAGE

ROOT = Path(__file__).parents[2]
BUILD_SECONDS = 900

EVENTS = (Event(name="test-workflow"), Event(name="other-workflow"))


@pytest.fixture(scope="session")
def rabbitmq_image(docker_daemon: None) -> str:
    """The project's broker image."""
    base = next((image for image in (BASE_IMAGE, SUBSTITUTE_BASE_IMAGE) if _is_there(image)), None)
    if base is None:
        missing(
            f"neither {BASE_IMAGE} nor {SUBSTITUTE_BASE_IMAGE} is on this machine; `make toolchain` gets one"
        )
    tag = "oodt-test-rabbitmq"
    subprocess.run(
        ["docker", "build", "--quiet", "--build-arg", f"BASE={base}", "--tag", tag]
        + ["--file", "images/rabbitmq/Dockerfile", "."],
        cwd=ROOT,
        check=True,
        timeout=BUILD_SECONDS,
    )
    return tag


@pytest.fixture(scope="session")
def rabbitmq(rabbitmq_image: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RabbitMQ]:
    server = RabbitMQ(image=rabbitmq_image)
    try:
        server.start(tmp_path_factory.mktemp("rabbitmq"))
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
    site.close()


@pytest.fixture
def make_cell(site: Site) -> Iterator[Callable[..., Cell]]:
    """Makes containers that end with the test: ``make_cell(name=..., settings={...})``; start them yourself."""
    with ExitStack() as stack:

        def make(**options: object) -> Cell:
            cell = Cell(site=site, **options)  # type: ignore[arg-type]
            stack.callback(cell.close)
            return cell

        yield make


@pytest.fixture
def cell(make_cell: Callable[..., Cell]) -> Cell:
    """A container that runs."""
    cell = make_cell()
    cell.start()
    return cell


def _is_there(image: str) -> bool:
    found = subprocess.run(
        ["docker", "image", "inspect", image], check=False, capture_output=True, timeout=20
    )
    return found.returncode == 0
