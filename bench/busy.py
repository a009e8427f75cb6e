"""A busy cluster as the status service sees it: jobs, workers, facts of the swarm, consoles that follow."""

import http.client
import json
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict

import pika

from bench.history import EVENTS, JOBS_A_SECOND, NODES, RUN_SECONDS, Job, batch_name, event_of
from runtime import names
from runtime.messaging import facts
from runtime.messaging.announcements import Announcement, StateChange, Submission, encode, routing_key
from testing.rabbitmq import VirtualHost
from tests.integration.status import TOKEN, Status

SLOTS = 4
FOLLOWED = ("/", "/jobs", "/batches")
STEP_SECONDS = 0.05
ANSWER_SECONDS = 30
GIB = 2**30


@contextmanager
def cluster(vhost: VirtualHost, status: Status, *, batch: int) -> Iterator[None]:
    """Jobs of this batch come and end; each node has a worker; a console is open on each of FOLLOWED."""
    stop = threading.Event()
    with ExitStack() as stack:
        for node in NODES:
            stack.callback(_worker(vhost, node).close)
        threads = [threading.Thread(target=work, args=(vhost, stop, batch)) for work in (_jobs, _facts)]
        threads += [threading.Thread(target=_follow, args=(status, stop, view)) for view in FOLLOWED]
        for thread in threads:
            thread.start()
            stack.callback(thread.join)
        stack.callback(stop.set)
        yield


def announce(channel: pika.adapters.blocking_connection.BlockingChannel, announcement: Announcement) -> None:
    channel.basic_publish(
        names.EVENTS_EXCHANGE,
        routing_key(announcement),
        encode(announcement),
        pika.BasicProperties(content_type="application/json", delivery_mode=2),
    )


def submission(batch: int, jobs: int) -> Submission:
    return Submission(batch=batch_name(batch), event=event_of(batch), jobs=jobs, submitted=jobs)


def _jobs(vhost: VirtualHost, stop: threading.Event, batch: int) -> None:
    """JOBS_A_SECOND jobs begin, and end after RUN_SECONDS."""
    due: deque[tuple[float, StateChange]] = deque()
    with pika.BlockingConnection(pika.URLParameters(vhost.url)) as connection:
        channel = connection.channel()
        announce(channel, submission(batch, 1_000_000))
        begun, number = time.time(), 0
        while not stop.wait(STEP_SECONDS):
            now = time.time()
            while number < (now - begun) * JOBS_A_SECOND:
                number += 1
                *before, end = Job(batch=batch, number=number).changes(now)
                for change in before:
                    announce(channel, change)
                due.append((now + RUN_SECONDS, end))
            while due and due[0][0] <= now:
                announce(channel, due.popleft()[1])


def _worker(vhost: VirtualHost, node: str) -> pika.BlockingConnection:
    """A connection that takes as many messages of each event as the node has slots."""
    parameters = pika.URLParameters(vhost.url)
    parameters.heartbeat = 0
    parameters.client_properties = {"connection_name": f"{node} jobs"}
    connection = pika.BlockingConnection(parameters)
    channel = connection.channel()
    channel.basic_qos(prefetch_count=SLOTS)
    channel.basic_consume(EVENTS[0], lambda *_: None)
    return connection


def _facts(vhost: VirtualHost, stop: threading.Event, _: int) -> None:
    with pika.BlockingConnection(pika.URLParameters(vhost.url)) as connection:
        channel = connection.channel()
        while not stop.wait(facts.TELL_SECONDS):
            told: list[facts.Swarm | facts.Machine] = [_swarm(), *(_machine(node) for node in NODES)]
            for fact in told:
                key = f"told.{type(fact).__name__.lower()}"
                channel.basic_publish(names.FACTS_EXCHANGE, key, json.dumps(asdict(fact)).encode())


def _swarm() -> facts.Swarm:
    nodes = tuple(
        facts.Node(
            id=f"id-{node}",
            name=node,
            role="worker",
            availability="active",
            state="ready",
            address="10.0.0.1",
            leader=False,
            processors=4,
            memory=16 * GIB,
            engine="26.1",
        )
        for node in NODES
    )
    service = facts.Service(
        id="wm", name="oodt-wmgr", image="oodt", replicas=len(NODES), declared="1", updated=1.0
    )
    tasks = tuple(
        facts.Task(
            id=f"task-{node}",
            service=service.name,
            slot=slot,
            node=node,
            container=f"{slot:012x}",
            state="running",
            wanted="running",
            error="",
            since=1.0,
        )
        for slot, node in enumerate(NODES, start=1)
    )
    return facts.Swarm(at=time.time(), nodes=nodes, services=(service,), tasks=tasks)


def _machine(node: str) -> facts.Machine:
    return facts.Machine(
        node=node,
        at=time.time(),
        disk=100 * GIB,
        disk_free=50 * GIB,
        memory=16 * GIB,
        memory_free=9 * GIB,
        load=1.5,
    )


def _follow(status: Status, stop: threading.Event, view: str) -> None:
    """As a browser does: ask for the view anew at each change."""
    headers = {"Authorization": f"Bearer {TOKEN}"}
    stream = http.client.HTTPConnection("127.0.0.1", status.port, timeout=ANSWER_SECONDS)
    with suppress(OSError, http.client.HTTPException):
        stream.request("GET", "/live", headers=headers)
        changes = stream.getresponse()
        while not stop.is_set():
            if changes.readline().startswith(b"data:"):
                status.request("GET", view)
    stream.close()
