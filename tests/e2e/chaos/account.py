"""The account after a storm: ledger, status, catalogue, archive and queues say the same, and are right."""

from __future__ import annotations

import subprocess
import time
from collections import Counter
from collections.abc import Set
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pika

from runtime import names
from runtime.cli.status_client import StatusClient
from runtime.messaging import messages
from runtime.records import entries
from runtime.records.ledger import Ledger, Verdict
from services.containers import ARCHIVE
from testing import oodt
from testing.cluster import COMMAND_TIMEOUT, Cluster
from testing.waiting import until
from tests.e2e.chaos.mix import EVENT, Mix
from tests.e2e.chaos.places import SHARE, rabbitmq
from tests.e2e.chaos.users import Users

PRODUCTS = 2  # of a job that succeeds
TICK_SECONDS = 6  # RabbitMQ counts the messages of a quorum queue every five
COUNT_TIMEOUT = 60  # seconds until the status service has heard of all
MOST_ROWS = 1000
DEAD = names.dead_queue("")

Key = tuple[str, str]  # a job's event and id


@dataclass(frozen=True, kw_only=True)
class Recorded:
    """A job in the ledger: how it ended at last, and what its runs say of its metadata."""

    verdict: Verdict
    ends: int
    redrives: int
    digest: str

    @property
    def products(self) -> set[str]:
        return {product.id for product in self.verdict.outcome.products}


@dataclass(frozen=True, kw_only=True)
class State:
    """What the cluster holds at one time; the part that earlier tests have left is subtracted."""

    products: frozenset[str]
    jobs: frozenset[Key]
    dead: Counter[Key]

    @classmethod
    def of(cls, cluster: Cluster, folder: Path) -> State:
        return cls(
            products=frozenset(
                product["id"] for product, _ in oodt.catalogued(cluster.output("filemgr_url"))
            ),
            jobs=frozenset(_folders(cluster, folder)),
            dead=dead_letters(cluster),
        )


def check(cluster: Cluster, mix: Mix, users: Users, before: State, folder: Path) -> dict[str, Any]:
    """Compare all records. Returns what was counted; raises AssertionError."""
    recorded = _ledger(cluster, folder, before.jobs)
    _check_verdicts(mix, users, recorded)
    _check_status(cluster, recorded, before.jobs)
    _check_products(cluster, recorded, before.products)
    copies = _check_messages(cluster, recorded, before.dead)
    nameless = {key for key in recorded if key not in {(job.event, job.id) for job in mix.jobs}}
    return {
        "verdicts": dict(Counter(job.verdict.state for job in recorded.values())),
        "products": sum(len(job.products) for job in recorded.values()),
        "dead_messages": copies,
        "jobs_of_messages_without_id": len(nameless),
        "done_meanwhile": dict(users.done),
    }


def _check_verdicts(mix: Mix, users: Users, recorded: dict[Key, Recorded]) -> None:
    """Each job has the end that it must have. Only a redrive gives it another one after an end."""
    sent = {(job.event, job.id): job for job in mix.jobs}
    missing = sent.keys() - recorded.keys()
    assert not missing, f"jobs without a record: {missing}"
    wrong = {
        key: recorded[key].verdict for key, job in sent.items() if recorded[key].verdict.state not in job.ends
    }
    assert not wrong, f"wrong verdicts: {wrong}"
    twice = {key: job.ends for key, job in recorded.items() if job.ends != 1 + job.redrives}
    assert not twice, f"jobs with verdicts that are not one for each redrive and one: {twice}"
    # A message whose connection is lost during its acknowledgement may run again as another job.
    nameless = {key: job for key, job in recorded.items() if key not in sent}
    runs = Counter(job.digest for job in nameless.values())
    for body, number in users.published.items():
        digest = messages.decode(EVENT, pika.BasicProperties(), body).digest
        assert runs.pop(digest, 0) >= number, (
            f"{number} messages without an id, too few jobs: {body.decode()}"
        )
    assert not runs, f"jobs that nobody has sent: {runs}"
    wrong = {key: job.verdict for key, job in nameless.items() if job.verdict.state != "SUCCEEDED"}
    assert not wrong, f"wrong verdicts of messages without an id: {wrong}"


def _check_status(cluster: Cluster, recorded: dict[Key, Recorded], before: Set[Key]) -> None:
    """The status service tells of the same jobs, states and products as the ledger."""
    ledger = {key: (job.verdict.state, sorted(job.products)) for key, job in recorded.items()}
    told: dict[Key, tuple[str, list[str]]] = {}

    def same() -> bool:
        told.clear()
        told.update(_status(cluster, before))
        return told == ledger

    try:
        until(same, seconds=COUNT_TIMEOUT, what="status")
    except AssertionError:
        unequal = {
            key: (told.get(key), ledger.get(key))
            for key in told.keys() | ledger.keys()
            if told.get(key) != ledger.get(key)
        }
        raise AssertionError(f"status and ledger tell of: {unequal}") from None


def _check_products(cluster: Cluster, recorded: dict[Key, Recorded], before: Set[str]) -> None:
    """Verdicts, catalogue and archive name the same products, and each job that succeeded has all of its."""
    for key, job in recorded.items():
        expected = PRODUCTS if job.verdict.state == "SUCCEEDED" else 0
        assert len(job.products) == expected, f"products of job {key}: {job.products}"
    catalogued = oodt.catalogued(cluster.output("filemgr_url"))
    twice = [name for name, n in Counter(product["name"] for product, _ in catalogued).items() if n > 1]
    assert not twice, f"products that are in the catalogue more than once: {twice}"
    ids = {product["id"] for product, _ in catalogued} - before
    named = {product for job in recorded.values() for product in job.products}
    assert named == ids, f"products without a verdict: {ids - named}, or without an entry: {named - ids}"
    files = Counter(cluster.products())
    files.subtract(path.replace(ARCHIVE, f"{SHARE}/archive", 1) for _, paths in catalogued for path in paths)
    unequal = {path: number for path, number in files.items() if number}
    assert not unequal, f"files without a product (1), products without a file (-1): {unequal}"


def _check_messages(cluster: Cluster, recorded: dict[Key, Recorded], before: Counter[Key]) -> int:
    """No message is left but those of dead jobs. Returns how many of these there are.

    A worker that died between the copy and the acknowledgement has left a second message. After a redrive
    that may be one of a job that has succeeded.
    """
    assert idle(cluster), f"messages: {left(cluster)}"
    found = dead_letters(cluster) - before
    dead = {key for key, job in recorded.items() if job.verdict.state == "DEAD"}
    assert dead <= found.keys(), f"dead jobs without a message: {dead - found.keys()}"
    strangers = {key for key in found.keys() - dead if key not in recorded or not recorded[key].redrives}
    assert not strangers, f"messages in the dead queue of jobs that are not dead: {strangers}"
    return found.total()


def _ledger(cluster: Cluster, folder: Path, before: Set[Key]) -> dict[Key, Recorded]:
    """All jobs in the ledger that were not there before."""
    found = {}
    for key, path in _folders(cluster, folder).items():
        if key in before:
            continue
        history = entries.read_all(path)
        verdict = Ledger(path.parent.parent, node="account", lease=0).verdict(*key)
        assert verdict is not None, f"job {key} has no verdict: {history}"
        kinds = Counter(entry["kind"] for entry in history)
        digests = {entry["digest"] for entry in history if entry.get("digest")}
        found[key] = Recorded(
            verdict=verdict,
            ends=kinds["verdict"],
            redrives=kinds["reopened"],
            digest=next(iter(digests), ""),
        )
    return found


def _folders(cluster: Cluster, folder: Path) -> dict[Key, Path]:
    """The jobs' folders in a fresh copy of the ledger."""
    copy = folder / f"ledger-{len(list(folder.glob('ledger-*')))}"
    source = f"{cluster.prefix}-manager:{SHARE}/ledger"
    subprocess.run(["docker", "cp", source, copy], check=True, capture_output=True, timeout=COMMAND_TIMEOUT)
    paths = [path for path in copy.glob("*/*") if path.is_dir() and not path.name.startswith(".")]
    return {(path.parent.name, path.name): path for path in paths}


def _status(cluster: Cluster, before: Set[Key]) -> dict[Key, tuple[str, list[str]]]:
    client = StatusClient(cluster.output(names.STATUS_URL_OUTPUT), cluster.output(names.STATUS_TOKEN_OUTPUT))
    rows = client.jobs(limit=MOST_ROWS)
    while page := client.jobs(limit=MOST_ROWS, before=rows[-1]["number"]):
        rows += page
    return {
        key: (row["state"], sorted(product["id"] for product in row["products"]))
        for row in rows
        if (key := (row["event"], row["job"])) not in before
    }


def left(cluster: Cluster) -> Counter[str]:
    """Messages by queue, of the queues that hold jobs."""
    rows = rabbitmq(cluster, "list_queues name messages")
    return Counter({row["name"]: row["messages"] for row in rows if row["name"].startswith(EVENT)})


def idle(cluster: Cluster) -> bool:
    """Whether no job is queued, runs, or waits for its next run."""
    if not _all_empty(left(cluster)):
        return False
    # A redrive of a moment ago is not counted yet.
    time.sleep(TICK_SECONDS)
    return _all_empty(left(cluster))


def _all_empty(counted: Counter[str]) -> bool:
    return bool(counted) and not any(number for queue, number in counted.items() if not queue.endswith(DEAD))


def dead_letters(cluster: Cluster) -> Counter[Key]:
    """The jobs of the messages in the dead queues, which stay there."""
    found: Counter[Key] = Counter()
    with pika.BlockingConnection(pika.URLParameters(cluster.output("rabbitmq_user_url"))) as connection:
        channel = connection.channel()
        for queue in left(cluster):
            if not queue.endswith(DEAD):
                continue
            event = queue.removesuffix(DEAD)
            while (taken := channel.basic_get(queue))[0]:
                found[event, messages.job_id(event, taken[1], taken[2])] += 1
    return found
