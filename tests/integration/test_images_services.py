"""The images of the broker and of the registry."""

import io
import json
import subprocess
import tarfile

from testing.oodt import Container, docker
from testing.rabbitmq import RabbitMQ, VirtualHost

START_SECONDS = 30


def test_the_broker_knows_only_the_users_of_its_definitions(rabbitmq: RabbitMQ) -> None:
    users = {user["name"] for user in rabbitmq.request("GET", "users")}
    assert users == {"oodt-user", "oodt-admin"}


def test_an_old_producers_queue_is_a_quorum_queue_and_its_messages_are_stamped(vhost: VirtualHost) -> None:
    vhost.publish("test-workflow", b"{}")
    assert vhost.server.request("GET", f"queues/{vhost.name}/test-workflow")["type"] == "quorum"
    taken = vhost.take("test-workflow")
    assert taken is not None
    assert taken[0].headers["timestamp_in_ms"] // 1000 == taken[0].timestamp


def test_the_broker_does_not_run_as_root_and_has_a_cookie_of_its_own(rabbitmq: RabbitMQ) -> None:
    broker = Container(name=rabbitmq.name)
    assert broker.run("ps", "-C", "beam.smp", "-o", "user=").strip() == "rabbitmq"
    cookie = broker.run("stat", "--format", "%U %a %s", "/var/lib/rabbitmq/.erlang.cookie")
    assert cookie.split() == ["rabbitmq", "400", "65"]
    broker.run("rabbitmq-health")


def test_a_broker_without_definitions_says_what_it_needs(rabbitmq_image: str) -> None:
    done = docker("run", "--rm", rabbitmq_image, check=False)
    assert done.returncode == 2
    assert "/run/secrets/rabbitmq_definitions is missing" in done.stderr


def test_images_go_into_the_registry_and_come_back_by_digest(
    registry: Container, registry_address: str
) -> None:
    image = f"{registry_address}/nothing"
    subprocess.run(["docker", "import", "-", image], input=empty_tar(), check=True, timeout=START_SECONDS)
    docker("push", image)
    [digest] = json.loads(docker("inspect", "--format", "{{json .RepoDigests}}", image).stdout)
    docker("rmi", image, digest, check=False)
    docker("pull", digest)
    docker("rmi", digest)
    assert registry.run("ls", "-l", "/proc/1/cmdline").split()[2] == "docker-registry"


def empty_tar() -> bytes:
    buffer = io.BytesIO()
    tarfile.open(fileobj=buffer, mode="w").close()
    return buffer.getvalue()
