"""A real RabbitMQ from the project's own image, with a virtual host for each test."""

import base64
import contextlib
import json
import subprocess
import urllib.error
import urllib.request
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pika

from runtime.messaging.event import Event
from runtime.messaging.topology import definitions
from testing.ports import free_port
from testing.waiting import BUSY, until

USER, ADMIN = "oodt-user", "oodt-admin"
PASSWORD = "only-for-tests"
START_SECONDS = 120
REQUEST_SECONDS = BUSY * 10
COUNT_MILLISECONDS = 100
# Quorum queues count their messages anew this often, not every five seconds.
COUNT_OFTEN = f"-rabbit quorum_tick_interval {COUNT_MILLISECONDS}"
IMPORT_SECONDS = 30


@dataclass(kw_only=True)
class RabbitMQ:
    """The broker's container."""

    image: str
    name: str = field(default_factory=lambda: f"oodt-test-rabbitmq-{uuid.uuid4().hex[:8]}")
    port: int = field(default_factory=free_port)
    management_port: int = field(default_factory=free_port)
    metrics_port: int = field(default_factory=free_port)

    def start(self, folder: Path) -> None:
        """Start it; ports stay the same when it is restarted."""
        file = folder / "definitions.json"
        content = definitions([], user_password=PASSWORD, admin_password=PASSWORD)
        # RabbitMQ 3 knows no such policies. Each test makes its own.
        file.write_text(json.dumps({part: content[part] for part in ("vhosts", "users", "permissions")}))
        self._docker(
            "run",
            *("--detach", "--name", self.name, "--hostname", "broker"),
            *("--publish", f"127.0.0.1:{self.port}:5672"),
            *("--publish", f"127.0.0.1:{self.management_port}:15672"),
            *("--publish", f"127.0.0.1:{self.metrics_port}:15692"),
            *("--volume", f"{file}:/definitions.json:ro", "--env", "RABBITMQ_DEFINITIONS=/definitions.json"),
            *("--env", f"RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS={COUNT_OFTEN}"),
            self.image,
        )
        self.wait()

    def wait(self) -> None:
        """Return once it takes connections."""
        until(self._answers, seconds=START_SECONDS, what="RabbitMQ")

    def version(self) -> str:
        return str(self.request("GET", "overview")["rabbitmq_version"])

    def restart(self) -> None:
        self._docker("restart", "--time", "10", self.name)

    def stop(self) -> None:
        self._docker("stop", "--time", "10", self.name)

    def kill(self) -> None:
        self._docker("kill", self.name)

    def start_again(self) -> None:
        self._docker("start", self.name)

    def remove(self) -> None:
        self._docker("rm", "--force", "--volumes", self.name)

    def control(self, *arguments: str) -> None:
        """Run rabbitmqctl, which takes a second of a processor to start."""
        self._docker("exec", self.name, "rabbitmqctl", "--quiet", *arguments)

    def metrics(self, query: str) -> str:
        """The broker's counters as Prometheus reads them. They are current."""
        address = f"http://127.0.0.1:{self.metrics_port}/metrics/detailed?{query}"
        with urllib.request.urlopen(address, timeout=REQUEST_SECONDS) as answer:
            text: str = answer.read().decode()
        return text

    def request(self, method: str, path: str, content: object = None) -> Any:
        """A call of the management API."""
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.management_port}/api/{path}",
            method=method,
            data=None if content is None else json.dumps(content).encode(),
            headers={"Content-Type": "application/json"},
        )
        token = f"{ADMIN}:{PASSWORD}".encode()
        request.add_header("Authorization", f"Basic {base64.b64encode(token).decode()}")
        with urllib.request.urlopen(request, timeout=REQUEST_SECONDS) as answer:
            body = answer.read()
        return json.loads(body) if body else None

    def _answers(self) -> bool:
        try:
            self.request("GET", "overview")
            pika.BlockingConnection(
                pika.URLParameters(f"amqp://{USER}:{PASSWORD}@127.0.0.1:{self.port}/%2F")
            ).close()
        except (OSError, urllib.error.URLError, pika.exceptions.AMQPError):
            return False
        return True

    @staticmethod
    def _docker(*arguments: str) -> str:
        done = subprocess.run(["docker", *arguments], check=True, capture_output=True, timeout=START_SECONDS)
        return done.stdout.decode()


@dataclass(frozen=True, kw_only=True)
class VirtualHost:
    """The queues of one test. Messages wait a tenth of the time that the product's policies say."""

    server: RabbitMQ
    name: str

    @classmethod
    def make(cls, server: RabbitMQ, events: Sequence[Event]) -> "VirtualHost":
        host = cls.bare(server, default_queue_type="quorum")
        content = definitions(events, user_password=PASSWORD, admin_password=PASSWORD)
        for policy in content["policies"]:
            if "message-ttl" in policy["definition"]:
                policy["definition"]["message-ttl"] //= 10
        parts = {key: content[key] for key in ("exchanges", "queues", "bindings", "policies")}
        for entry in (entry for part in parts.values() for entry in part):
            del entry["vhost"]
        # A busy broker may be too slow for one of so many queues. Importing them again does no harm.
        until(lambda: host._imported(parts), seconds=IMPORT_SECONDS, what="import of the definitions")
        return host

    @classmethod
    def bare(cls, server: RabbitMQ, **settings: str) -> "VirtualHost":
        """A virtual host without queues and policies, as on a broker that knows nothing of this project."""
        host = cls(server=server, name=f"test-{uuid.uuid4().hex[:8]}")
        server.request("PUT", f"vhosts/{host.name}", settings)
        for user in (USER, ADMIN):
            rights = {"configure": ".*", "write": ".*", "read": ".*"}
            server.request("PUT", f"permissions/{host.name}/{user}", rights)
        return host

    def _imported(self, parts: Mapping[str, object]) -> bool:
        try:
            self.server.request("POST", f"definitions/{self.name}", parts)
        except urllib.error.HTTPError as error:
            print(f"definitions: {error.read().decode(errors='replace')}")
            return False
        return True

    @property
    def url(self) -> str:
        return self.url_at(f"127.0.0.1:{self.server.port}")

    def url_at(self, address: str) -> str:
        """The URL for a container that reaches the broker at another address."""
        return f"amqp://{USER}:{PASSWORD}@{address}/{quote(self.name, safe='')}"

    def remove(self) -> None:
        # A busy broker may take longer than the time limit. What is left is removed with its container.
        with contextlib.suppress(TimeoutError):
            self.server.request("DELETE", f"vhosts/{self.name}")

    def publish(self, queue: str, body: bytes, properties: pika.BasicProperties | None = None) -> None:
        """Publish as the original's producers do: declare without arguments, with confirms."""
        with pika.BlockingConnection(pika.URLParameters(self.url)) as connection:
            channel = connection.channel()
            channel.exchange_declare("oodt-exchange", "direct", durable=True)
            channel.queue_declare(queue, durable=True)
            channel.queue_bind(queue, "oodt-exchange", queue)
            channel.confirm_delivery()
            channel.basic_publish(
                "oodt-exchange",
                queue,
                body,
                properties or pika.BasicProperties(delivery_mode=2),
                mandatory=True,
            )

    def take(self, queue: str) -> tuple[pika.BasicProperties, bytes] | None:
        """Take one message out of a queue."""
        with pika.BlockingConnection(pika.URLParameters(self.url)) as connection:
            method, properties, body = connection.channel().basic_get(queue, auto_ack=True)
            return (properties, body) if method else None

    def messages(self, queue: str) -> int:
        """Messages in a quorum queue, those included that a consumer has not acknowledged.

        The number may be COUNT_MILLISECONDS old: wait for what a message brings about before its end.
        """
        assert self.has(queue), f"there is no queue {queue}"
        counted = self.server.metrics(f"vhost={self.name}&family=queue_coarse_metrics")
        start = f'rabbitmq_detailed_queue_messages{{vhost="{self.name}",queue="{queue}"}} '
        numbers = [line.removeprefix(start) for line in counted.splitlines() if line.startswith(start)]
        return int(numbers[0]) if numbers else 0  # a new queue has not counted yet

    def has(self, queue: str) -> bool:
        try:
            self.server.request("GET", f"queues/{self.name}/{queue}")
        except urllib.error.HTTPError as error:
            if error.code == HTTPStatus.NOT_FOUND:
                return False
            raise
        return True

    def cut_connections(self) -> None:
        """Close all connections, as the broker does when heartbeats are missing."""
        self.server.control("close_all_connections", "--vhost", self.name, "a test cuts them")
