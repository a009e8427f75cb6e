"""Messages become products: broker, consumer, gateway and both OODT services from the project's images."""

import json
import urllib.request
from collections.abc import Iterator
from urllib.parse import urlencode

import pytest

from runtime.messaging.event import Event
from testing.commands import WAIT, Done, finish, start_submit, submit
from testing.oodt import HOME, Container, Oodt, docker, products
from testing.rabbitmq import RabbitMQ, VirtualHost
from testing.waiting import until

EVENTS = (Event(name="test-workflow"), Event(name="snow-cover"))
LIMIT = 60  # seconds; the jobs that succeed need a few
SETTINGS = [
    {"event": "test-workflow", "max_workflows": 1},
    {"event": "snow-cover", "max_workflows": 1, "max_attempts": 1, "job_timeout": LIMIT},
]
# The program of snow-cover when its station is mute, and its children: one has a session, one is a daemon.
HANGING = ("pgrep", "--full", "mute|sleep 700[123]")
BROKER = "oodt-rabbitmq"


@pytest.fixture(scope="module")
def vhost(rabbitmq: RabbitMQ) -> Iterator[VirtualHost]:
    host = VirtualHost.make(rabbitmq, EVENTS)
    yield host
    host.remove()


@pytest.fixture(scope="module")
def wmgr(oodt: Oodt, vhost: VirtualHost) -> Iterator[Container]:
    """A Workflow Manager that takes jobs."""
    docker("network", "connect", "--alias", BROKER, oodt.name, vhost.server.name)
    container = oodt.run_wmgr(EVENTS=json.dumps(SETTINGS), user_url=vhost.url_at(f"{BROKER}:5672"))
    container.wait_until_healthy("wmgr")
    yield container
    docker("rm", "--force", container.name)
    docker("network", "disconnect", oodt.name, vhost.server.name)


def test_messages_become_products(oodt: Oodt, wmgr: Container, vhost: VirtualHost) -> None:
    done = run_jobs(vhost, "test-workflow", jobs=3, Dataset="abc", Seconds="0")
    assert done.code == 0, done.stdout
    assert [len(job["products"]) for job in done.result["jobs"]] == [2, 2, 2]
    for job in done.result["jobs"]:
        assert len(products(oodt.filemgr.server(9000), "JobKey", job["id"])) == 2


def test_a_job_whose_second_program_fails_leaves_no_product(
    oodt: Oodt, wmgr: Container, vhost: VirtualHost
) -> None:
    done = run_jobs(vhost, "test-workflow", Dataset="abc", Seconds="0", ExitCode2="1")
    assert done.code == 1, done.stdout
    [job] = done.result["jobs"]
    assert job["state"] == "DEAD"
    assert job["reason"] == "task urn:oodt:TestWorkflowTask2: its program did not exit with 0 but with 1"
    assert products(oodt.filemgr.server(9000), "JobKey", job["id"]) == []
    assert job["id"] not in oodt.filemgr.run("ls", f"{HOME}/archive/test-workflow")


def test_a_foreign_workflow_gets_its_verdict(oodt: Oodt, wmgr: Container, vhost: VirtualHost) -> None:
    done = run_jobs(vhost, "snow-cover", Station="alpine")
    assert done.code == 0, done.stdout
    assert len(done.result["jobs"][0]["products"]) == 2


def test_a_failed_job_leaves_the_files_of_the_job_whose_names_it_repeats(
    oodt: Oodt, wmgr: Container, vhost: VirtualHost
) -> None:
    filemgr, archived = (
        oodt.filemgr.server(9000),
        ("find", f"{HOME}/archive/snow", "-type", "f", "-name", "*dell*"),
    )
    failed = run_jobs(vhost, "snow-cover", Station="dell", Flaws="3")
    assert (failed.code, products(filemgr, "Station", "dell"), oodt.filemgr.run(*archived)) == (1, [], "")

    done = run_jobs(vhost, "snow-cover", Station="dell")
    kept = sorted(path for product in done.result["jobs"][0]["products"] for path in product["archived"])
    assert sorted(oodt.filemgr.run(*archived).split()) == kept and len(kept) == 2

    failed = run_jobs(vhost, "snow-cover", Station="dell", Flaws="3")
    assert (
        failed.result["jobs"][0]["reason"]
        == "task urn:snow:Review: its program did not exit with 0 but with 3"
    )
    assert sorted(oodt.filemgr.run(*archived).split()) == kept
    assert len(products(filemgr, "Station", "dell")) == 2


def test_the_program_of_a_job_that_hangs_is_killed_with_all_that_it_started(
    wmgr: Container, vhost: VirtualHost
) -> None:
    hanging = start_submit(
        vhost.url, *("--event", "snow-cover", "--jobs", "1", "--metadata", "Station=mute"), *WAIT
    )
    until(lambda: len(wmgr.run(*HANGING, check=False).split()) >= 4, what="programs")
    done = finish(hanging)
    [job] = done.result["jobs"]
    assert (job["state"], job["reason"]) == ("DEAD", f"it did not end within {LIMIT} s")
    assert job["log"] == "asking station mute"
    until(lambda: not wmgr.run(*HANGING, check=False), what="end of the programs")
    # Its slot, the only one, is free.
    assert run_jobs(vhost, "snow-cover", Station="alpine").code == 0


def test_the_program_of_a_job_that_is_cancelled_is_killed(wmgr: Container, vhost: VirtualHost) -> None:
    hanging = start_submit(
        vhost.url,
        *("--event", "snow-cover", "--batch-id", "cancelled", "--jobs", "1", "--metadata", "Station=mute"),
        *WAIT,
    )
    until(lambda: wmgr.run(*HANGING, check=False), what="programs")
    cancel = (
        "from pathlib import Path; from runtime.records.ledger import Ledger; "
        f"Ledger(Path('{HOME}/ledger'), node='test', lease=30).cancel('snow-cover', 'cancelled.1')"
    )
    wmgr.run("python", "-c", cancel, user="runtime")
    assert finish(hanging).result["cancelled"] == 1
    until(lambda: not wmgr.run(*HANGING, check=False), what="end of the programs")
    assert run_jobs(vhost, "snow-cover", Station="alpine").code == 0


def test_a_dead_job_has_what_its_program_wrote_last(wmgr: Container, vhost: VirtualHost) -> None:
    done = run_jobs(vhost, "test-workflow", Dataset="abc", Seconds="0", ExitCode="3")
    [job] = done.result["jobs"]
    assert "1 MB written" in job["log"]


def test_what_the_programs_of_each_run_wrote_stays_on_the_share(wmgr: Container, vhost: VirtualHost) -> None:
    done = run_jobs(vhost, "test-workflow", Dataset="abc", Seconds="0", ExitCode2="3")
    for run in (done.result["jobs"][0]["id"] + end for end in ("", "~2", "~3")):
        for task, text in ((1, "1 MB written"), (2, "bytes read")):
            log = f"{HOME}/jobs/.logs/{run}/urn_oodt_TestWorkflowTask{task}.gz"
            assert text in wmgr.run("zcat", log, user="runtime")


def test_the_lines_of_our_processes_about_a_run_are_found_by_its_id(
    wmgr: Container, vhost: VirtualHost
) -> None:
    [job] = run_jobs(vhost, "test-workflow", Dataset="abc", Seconds="0").result["jobs"]
    log = wmgr.log()
    lines = [json.loads(line) for line in log.splitlines() if line.startswith("{")]
    assert {"supervisor", "consumer", "gateway", "workflow-manager"} <= {line["process"] for line in lines}
    about = {line["process"] for line in lines if line.get("run") == job["id"]}
    assert about == {"consumer", "gateway", "workflow-manager"}
    assert {line["job"] for line in lines if line.get("run") == job["id"] and "job" in line} == {job["id"]}
    password = vhost.url.split("@")[0].rpartition(":")[2]
    assert password not in log


def test_prometheus_finds_gateway_and_consumer_and_reads_what_they_did(
    oodt: Oodt, wmgr: Container, vhost: VirtualHost, prometheus_image: str
) -> None:
    run_jobs(vhost, "test-workflow", Dataset="abc", Seconds="0")
    prometheus = Container(name=f"{oodt.name}-prometheus")
    docker(
        *("run", "--detach", "--name", prometheus.name, "--network", oodt.name),
        *("--link", f"{wmgr.name}:oodt-wmgr", "--publish", "127.0.0.1::9090", prometheus_image),
    )

    def ask(query: str) -> dict[str, float]:
        """The values by the job of the target."""
        address = docker("port", prometheus.name, "9090").stdout.splitlines()[0]
        url = f"http://{address}/api/v1/query?{urlencode({'query': query})}"
        with urllib.request.urlopen(url, timeout=10) as answer:
            found = json.load(answer)["data"]["result"]
        return {each["metric"].get("job", ""): float(each["value"][1]) for each in found}

    try:
        until(
            lambda: docker("exec", prometheus.name, "prometheus-health", check=False).returncode == 0,
            what="it",
        )
        both = {"oodt-gateway": 1.0, "oodt-consumer": 1.0}
        until(lambda: ask('up{job!="oodt-status"}') == both, seconds=60, what="answers of both")
        assert ask('sum by (job) (oodt_consumer_runs_total{result="succeeded"})')["oodt-consumer"] >= 1
        assert ask('sum by (job) (oodt_gateway_ingests_total{result="ingested"})')["oodt-gateway"] >= 2
    finally:
        docker("rm", "--force", "--volumes", prometheus.name)


def run_jobs(vhost: VirtualHost, event: str, *, jobs: int = 1, **metadata: str) -> Done:
    pairs = [f"{key}={value}" for key, value in {"Project": "123", **metadata}.items()]
    options = [word for pair in pairs for word in ("--metadata", pair)]
    return submit(
        vhost.url,
        *("--event", event, "--jobs", str(jobs), *options),
        *WAIT,
    )
