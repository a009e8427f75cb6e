"""What may die without losing a job: each test counts products, messages and verdicts afterwards."""

from collections.abc import Callable
from functools import partial

import pytest

from runtime.messaging.broker import HEARTBEAT_SECONDS
from testing.commands import WAIT, Done, finish, start_submit
from testing.rabbitmq import RabbitMQ, VirtualHost
from testing.waiting import until
from testing.worker import LEASE_SECONDS, Part, Site, Worker
from tests.integration.wire import Wire

JOBS = 6
SECONDS = "1"
PARTS: tuple[Part, ...] = ("consumer", "manager", "gateway")


class Batch:
    """Some jobs under way, which end once they may, after two seconds at the earliest."""

    def __init__(self, vhost: VirtualHost, site: Site) -> None:
        self._vhost = vhost
        self._site = site
        self._gate = site.folder / "go-on"
        self._command = start_submit(
            vhost.url,
            *("--event", "test-workflow", "--jobs", str(JOBS), "--metadata", f"Seconds={SECONDS}"),
            *("--metadata", f"Until={self._gate}"),
            *("--batch-id", "batch", *WAIT),
        )

    def wait_until_running(self, worker: Worker, *, runs: int = 1) -> None:
        until(lambda: _running(worker) >= runs, what="runs")

    def let_end(self) -> None:
        self._gate.touch()

    def check(self, *, attempts: frozenset[int] | set[int] = frozenset({1})) -> Done:
        """Let the jobs end: each has succeeded with exactly its two products, and no message is left."""
        self.let_end()
        done = finish(self._command)
        assert done.code == 0, done.stderr
        assert {(job["state"], len(job["products"])) for job in done.result["jobs"]} == {("SUCCEEDED", 2)}
        assert {job["attempts"] for job in done.result["jobs"]} <= attempts
        assert len(self._site.products()) == len(self._site.archived()) == 2 * JOBS
        for queue in ("test-workflow", "test-workflow.retry.5", "test-workflow.dead"):
            until(partial(_is_empty, self._vhost, queue), what=f"empty queue {queue}")
        return done


def _is_empty(vhost: VirtualHost, queue: str) -> bool:
    return vhost.messages(queue) == 0


def _running(worker: Worker) -> int:
    """Runs whose first program has begun."""
    journals = (worker.run_dir / "runs").glob("batch.*")
    return sum("PGETask_Running" in journal.read_text() for journal in journals)


@pytest.fixture
def batch(vhost: VirtualHost, site: Site) -> Batch:
    return Batch(vhost, site)


def test_a_killed_consumer_goes_on_with_the_runs_that_it_began(
    worker: Worker, batch: Batch, site: Site
) -> None:
    batch.wait_until_running(worker, runs=4)
    worker.kill("consumer")
    worker.start("consumer")
    worker.wait_for_log("consumer", "goes on")
    batch.check()
    # The runs were adopted, not begun again.
    assert not [name for name in site.products() if "~2_" in name]


def test_a_killed_workflow_manager_costs_its_runs_no_attempt(worker: Worker, batch: Batch) -> None:
    batch.wait_until_running(worker)
    worker.kill("manager")
    worker.start("manager")
    worker.wait_for_log("consumer", "the Workflow Manager was restarted during the run")
    batch.check()


def test_a_killed_gateway_costs_no_job(worker: Worker, batch: Batch) -> None:
    batch.wait_until_running(worker)
    batch.let_end()
    worker.freeze("manager")  # so that no further run meets a gateway that is starting
    worker.kill("gateway")
    worker.start("gateway")
    worker.thaw("manager")
    batch.check(attempts={1, 2})


def test_the_jobs_of_a_node_that_dies_are_run_elsewhere(
    make_worker: Callable[..., Worker], batch: Batch, site: Site
) -> None:
    dying, living = make_worker(name="dying"), make_worker(name="living")
    dying.start()
    batch.wait_until_running(dying)
    dying.freeze("manager")  # so that it does not do all jobs while the other starts
    living.start()
    dying.close()
    done = batch.check()
    assert {job["node"] for job in done.result["jobs"]} >= {"living"}


@pytest.mark.parametrize("how", ["restart", "kill"])
def test_a_broker_that_goes_and_comes_back_costs_no_job(
    worker: Worker, batch: Batch, rabbitmq: RabbitMQ, site: Site, how: str
) -> None:
    batch.wait_until_running(worker)
    batch.let_end()
    if how == "restart":
        rabbitmq.restart()
    else:
        rabbitmq.kill()
        rabbitmq.start_again()
    rabbitmq.wait()
    batch.check()
    assert not [name for name in site.products() if "~2_" in name]


def test_a_file_manager_that_is_away_for_a_while_costs_no_attempt(
    worker: Worker, site: Site, vhost: VirtualHost
) -> None:
    site.stop()
    command = start_submit(vhost.url, "--event", "test-workflow", "--jobs", "2", *WAIT)
    worker.wait_for_log("gateway", "the call waits for it")
    site.start()
    done = finish(command)
    assert done.code == 0, done.stderr
    assert len(site.products()) == 4
    assert not [name for name in site.products() if "~2_" in name]


def test_a_worker_that_was_frozen_does_not_settle_a_job_that_another_has_taken_over(
    make_worker: Callable[..., Worker], batch: Batch, vhost: VirtualHost
) -> None:
    frozen, living = make_worker(name="frozen", settings={"MAX_WORKFLOWS": "2"}), make_worker(name="living")
    frozen.start()
    batch.wait_until_running(frozen)
    for part in PARTS:
        frozen.freeze(part)
    batch.let_end()
    living.start()
    # The broker does this when no heartbeat comes. The lease expires because it is not renewed.
    vhost.cut_connections()
    living.wait_for_log("consumer", "~2 succeeded", seconds=60)
    for part in reversed(PARTS):
        frozen.thaw(part)
    frozen.wait_for_log("consumer", "does not count", seconds=4 * LEASE_SECONDS)
    batch.check()


def test_a_consumer_that_is_told_to_stop_finishes_its_runs_and_hands_the_others_back(
    make_worker: Callable[..., Worker], batch: Batch, site: Site
) -> None:
    leaving, staying = (
        make_worker(name="leaving", settings={"MAX_WORKFLOWS": "2"}),
        make_worker(name="staying"),
    )
    leaving.start()
    batch.wait_until_running(leaving)
    leaving.terminate("consumer")
    batch.let_end()
    assert leaving.wait_stopped("consumer") == 0
    assert "interrupted" not in leaving.log("consumer").read_text()
    # Its runs are settled, so no lease has to expire.
    assert list((leaving.run_dir / "runs").iterdir()) == []
    staying.start()
    done = batch.check()
    assert {job["node"] for job in done.result["jobs"]} == {"leaving", "staying"}


def test_what_a_consumer_cannot_finish_in_its_grace_is_run_elsewhere(
    make_worker: Callable[..., Worker], batch: Batch, site: Site
) -> None:
    leaving = make_worker(name="leaving", settings={"STOP_GRACE_SECONDS": "5"})
    leaving.start()
    batch.wait_until_running(leaving)
    leaving.terminate("consumer")
    assert leaving.wait_stopped("consumer") == 0
    leaving.close()
    make_worker(name="staying").start()
    batch.check()


@pytest.mark.slow
def test_a_job_goes_on_while_its_worker_is_cut_off_for_three_heartbeats(
    make_worker: Callable[..., Worker], site: Site, rabbitmq: RabbitMQ, vhost: VirtualHost
) -> None:
    wire = Wire(rabbitmq.port)
    cut_off = make_worker(
        name="cut-off", settings={"RABBITMQ_USER_URL": vhost.url.replace(str(rabbitmq.port), str(wire.port))}
    )
    cut_off.start()
    # Two tasks: the job takes longer than the cut.
    outage = 3 * HEARTBEAT_SECONDS
    command = start_submit(
        vhost.url,
        *("--event", "test-workflow", "--jobs", "1", "--metadata", f"Seconds={outage}"),
        *("--batch-id", "batch", *WAIT),
    )
    until(lambda: _running(cut_off), what="run")
    wire.cut()
    other = make_worker(name="other")
    other.start()
    cut_off.wait_for_log("consumer", "no connection to", seconds=outage)
    # The broker delivers the job to the other worker, which sees that its lease is alive.
    other.wait_for_log("consumer", "it runs on cut-off", seconds=outage)
    wire.mend()
    done = finish(command, seconds=300)
    wire.close()
    [job] = done.result["jobs"]
    assert (done.code, job["attempts"], job["node"]) == (0, 1, "cut-off")
    assert site.products() == ["batch.1_1.dat", "batch.1_2.dat"]
    for queue in ("test-workflow", "test-workflow.retry.5"):
        until(partial(_is_empty, vhost, queue), what=f"empty queue {queue}")
