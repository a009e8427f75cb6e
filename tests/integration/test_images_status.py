"""The OODT image as the status service."""

import json
import urllib.request
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from testing.oodt import ADMIN_URL, USER_URL, Container, docker

TOKEN = "token-of-tests"
REQUEST_SECONDS = 10


@pytest.fixture
def status(oodt_image: str, tmp_path: Path) -> Iterator[Container]:
    """The service with a broker that is out of reach."""
    for name, content in (
        ("rabbitmq_user_url", USER_URL),
        ("rabbitmq_admin_url", ADMIN_URL),
        ("status_token", TOKEN),
    ):
        (tmp_path / name).write_text(content)
        (tmp_path / name).chmod(0o644)
    container = Container(name=f"oodt-test-status-{uuid.uuid4().hex[:8]}")
    docker(
        *("run", "--detach", "--name", container.name, "--publish", "127.0.0.1::8080"),
        *("--volume", f"{tmp_path}:/run/secrets", "--volume", "/var/lib/oodt-status", oodt_image, "status"),
    )
    yield container
    docker("rm", "--force", "--volumes", container.name)


def test_the_status_service_answers_without_a_broker_and_is_healthy(status: Container) -> None:
    status.wait_until_healthy("status")
    address = docker("port", status.name, "8080").stdout.splitlines()[0]
    request = urllib.request.Request(f"http://{address}/api/v1/overview")
    request.add_header("Authorization", f"Bearer {TOKEN}")
    with urllib.request.urlopen(request, timeout=REQUEST_SECONDS) as answer:
        overview = json.load(answer)
    assert overview["broker"]["connected"] is False
    assert "is not reachable" in overview["broker"]["problem"]


def test_the_status_service_is_not_root_and_shows_no_secret(status: Container) -> None:
    status.wait_until_healthy("status")
    processes = status.run("ps", "-eo", "user=,args=")
    assert "runtime  python -m runtime.status_service" in processes
    assert status.run("stat", "--format", "%U", "/var/lib/oodt-status/history.sqlite").strip() == "runtime"
    assert status.run("stat", "--format", "%U %a", "/run/secrets").strip() == "runtime 500"
    for secret in (TOKEN, "secret-of-tests"):
        assert secret not in processes + status.log()


def test_the_old_module_of_producers_is_there(status: Container) -> None:
    status.run("python", "-c", "import rabbitmq_producer as p; p.publish_messages, p.wait_for_queues")
