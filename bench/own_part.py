"""The throughput of gateway and consumer alone: the Workflow Manager is a stand-in that takes no time."""

import http.client
import time
import xmlrpc.client
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from statistics import median, quantiles
from urllib.parse import urlsplit

from bench.cluster import EVENT, unique_name
from bench.instant import instant_worker
from bench.measurement import Measurement
from bench.submitting import submit
from testing.rabbitmq import RabbitMQ, VirtualHost

CLIENTS = 16
CALLS = 2000
SETTINGS = {"MAX_WORKFLOWS": "64", "PROXY": "true"}
SUBMIT_SECONDS = 900
CALL_SECONDS = 30


def measure(image: str, folder: Path, *, repetitions: int, jobs: int) -> list[Measurement]:
    server = RabbitMQ(image=image, name=unique_name())
    consumed, sent, more_at_median, more_at_p99 = [], [], [], []
    try:
        server.start(folder)
        for repetition in range(repetitions):
            with instant_worker(server, folder / f"site{repetition}", SETTINGS) as (vhost, worker):
                worker.start("manager", "gateway")
                direct, through = _latencies(worker.manager_url), _latencies(worker.gateway_url)
                more_at_median.append(1000 * (median(through) - median(direct)))
                more_at_p99.append(1000 * (_p99(through) - _p99(direct)))
                sent.append(_send_events(worker.gateway_url, CALLS))
                server.request("DELETE", f"queues/{vhost.name}/{EVENT}/contents")
                worker.start("consumer")
                consumed.append(_consume(vhost, jobs))
    finally:
        server.remove()
    return [
        Measurement(
            name="jobs a second by one consumer beside a WM that answers at once",
            unit="jobs/s",
            values=tuple(consumed),
            limit=1000,
            direction="at least",
            note=f"{jobs:,} jobs, with verdict and ack",
        ),
        Measurement(
            name="handleEvent through the gateway, confirmed by the broker",
            unit="calls/s",
            values=tuple(sent),
            limit=1500,
            direction="at least",
            note=f"{CLIENTS} clients",
        ),
        Measurement(
            name="a call passed through, beyond the WM alone, median",
            unit="ms",
            values=tuple(more_at_median),
            limit=1,
        ),
        Measurement(
            name="a call passed through, beyond the WM alone, 99th percentile",
            unit="ms",
            values=tuple(more_at_p99),
            limit=3,
        ),
    ]


def _consume(vhost: VirtualHost, jobs: int) -> float:
    batch = ("--event", EVENT, "--jobs", str(jobs), "--metadata", "Dataset=abc")
    waiting = ("--wait", "--timeout", str(SUBMIT_SECONDS))
    return jobs / float(submit(vhost.url, *batch, *waiting, seconds=SUBMIT_SECONDS)["seconds"])


def _send_events(url: str, calls: int) -> float:
    body = xmlrpc.client.dumps((EVENT, {"Dataset": "abc", "Run": "1"}), "workflowmgr.handleEvent").encode()

    def client(number: int) -> None:
        with closing(_connection(url)) as connection:
            for _ in range(calls // CLIENTS):
                if b"<boolean>1</boolean>" not in _call(connection, body):
                    raise RuntimeError("the gateway did not take an event")

    started = time.monotonic()
    with ThreadPoolExecutor(CLIENTS) as pool:
        list(pool.map(client, range(CLIENTS)))
    return calls / (time.monotonic() - started)


def _latencies(url: str) -> list[float]:
    body = xmlrpc.client.dumps((), "workflowmgr.getRegisteredEvents").encode()
    taken = []
    with closing(_connection(url)) as connection:
        for _ in range(CALLS):
            started = time.perf_counter()
            _call(connection, body)
            taken.append(time.perf_counter() - started)
    return taken


def _connection(url: str) -> http.client.HTTPConnection:
    return http.client.HTTPConnection(urlsplit(url).netloc, timeout=CALL_SECONDS)


def _call(connection: http.client.HTTPConnection, body: bytes) -> bytes:
    connection.request("POST", "/", body, {"Content-Type": "text/xml"})
    return connection.getresponse().read()


def _p99(values: list[float]) -> float:
    return quantiles(values, n=100)[98]
