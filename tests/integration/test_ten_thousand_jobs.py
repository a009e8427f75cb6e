"""Ten thousand jobs through gateway and consumer, with a Workflow Manager that finishes each at once."""

import xmlrpc.client
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from runtime.records.ledger import Ledger
from testing.commands import finish, start_submit
from testing.rabbitmq import VirtualHost
from testing.waiting import until
from testing.worker import LEASE_SECONDS, Part, Site, Worker

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]

JOBS = 5000  # in each of the two ways
FAIL_EACH = 100
CLIENTS = 8
SUBMIT_SECONDS = 600
PARTS: tuple[Part, Part] = ("consumer", "gateway")
SETTINGS = {"MAX_WORKFLOWS": "64", "MAX_ATTEMPTS": "1", "PROXY": "true"}


def send(url: str, numbers: range) -> int:
    """The number of events that the gateway accepted."""
    with xmlrpc.client.ServerProxy(url) as server:
        taken = [server.workflowmgr.handleEvent("test-workflow", {"Run": str(number)}) for number in numbers]
    return taken.count(True)


def test_each_of_ten_thousand_jobs_has_the_verdict_that_it_deserves(
    make_worker: Callable[..., Worker],
    site: Site,
    vhost: VirtualHost,
    tmp_path: Path,
) -> None:
    worker = make_worker(manager="instant_workflow_manager.py", settings=SETTINGS)
    worker.start()
    batch = tmp_path / "jobs.csv"
    lines = (f"{number},{'yes' if number % FAIL_EACH == 0 else ''}" for number in range(JOBS))
    batch.write_text("\n".join(["Run,Fail", *lines]))
    queued = ("--event", "test-workflow", "--batch", str(batch), "--batch-id", "first")
    waiting = start_submit(vhost.url, *queued, "--wait", "--json", "--timeout", str(SUBMIT_SECONDS))
    folder = site.folder / "ledger" / "test-workflow"
    until(lambda: folder.exists() and len(list(folder.iterdir())) > 1000, seconds=120, what="jobs")
    for part in PARTS:
        print(f"{part} after 1,000 jobs: {worker.resident(part)} KiB")
    report = finish(waiting, seconds=SUBMIT_SECONDS).result
    print(f"{JOBS / report['seconds']:.0f} jobs per second")
    failed = {job["id"] for job in report["jobs"] if job["state"] == "DEAD"}
    assert failed == {f"first.{number + 1}" for number in range(0, JOBS, FAIL_EACH)}
    assert report["succeeded"] == JOBS - len(failed)

    with ThreadPoolExecutor(CLIENTS) as pool:
        shares = [range(client, JOBS, CLIENTS) for client in range(CLIENTS)]
        assert sum(pool.map(lambda share: send(worker.gateway_url, share), shares)) == JOBS
    until(lambda: len(list(folder.iterdir())) == 2 * JOBS, seconds=SUBMIT_SECONDS, what="all jobs")
    until(lambda: vhost.messages("test-workflow") == 0, seconds=60, what="empty queue")
    ledger = Ledger(site.folder / "ledger", node="test", lease=LEASE_SECONDS)
    verdicts = [ledger.verdict("test-workflow", job.name) for job in folder.iterdir()]
    assert [verdict.state for verdict in verdicts if verdict].count("SUCCEEDED") == 2 * JOBS - len(failed)
    for part in PARTS:
        print(f"{part} after 10,000 jobs: {worker.resident(part)} KiB")
