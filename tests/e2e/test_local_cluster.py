"""The user's own commands on a real swarm of node containers; the tests are one story, in this order."""

from __future__ import annotations

import hashlib
import json
import re
import secrets
import shutil
import subprocess
import sys
import urllib.request
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from xmlrpc.client import ServerProxy

import pytest
from playwright.sync_api import expect

from infra import heartbeat
from runtime import names
from services.convergence import ConvergedProvider, ServiceError
from testing.cluster import Cluster, finish
from testing.commands import FOLLOW
from testing.oodt import catalogued
from testing.tools import missing
from testing.waiting import BUSY, until
from tests.e2e import bad_day, killed_up, rollout
from tests.e2e.chaos import troubles
from tests.e2e.chaos.mix import Sizes
from tests.e2e.chaos.storm import Storm
from tests.integration.browser import Console, chromium
from toolchain.paths import REPOSITORY

# Settings of a Workflow Manager without a broker.
NOBODYS_JOBS = "--env WORKFLOW_QUEUE=test-workflow --env RABBITMQ_USER_URL=amqp://nobody:x@nowhere:5672/%2F"
HAS_MANAGER = "docker ps --all --quiet --filter name={prefix}-manager"
JOBS = ("--metadata", "Dataset=abc", "--metadata", "Project=123", "--metadata", "Seconds=1")


def catalogue(cluster: Cluster) -> ServerProxy:
    return ServerProxy(cluster.output("filemgr_url"))


def products_of(cluster: Cluster, type_name: str = "TestFile") -> int:
    """Number of products of a type in the File Manager's catalogue."""
    filemgr = catalogue(cluster)
    product_type = filemgr.filemgr.getProductTypeByName(type_name)
    return int(str(filemgr.filemgr.getNumProducts(product_type)))


def running_jobs(cluster: Cluster) -> int:
    """Running jobs of the example workflow, as the status service knows of them."""
    jobs: dict[str, dict[str, int]] = cluster.status().overview()["jobs"]
    return jobs.get("test-workflow", {}).get("RUNNING", 0)


def docker_objects(prefix: str) -> str:
    listings = (["ps", "-aq"], ["volume", "ls", "-q"], ["network", "ls", "-q"])
    return "".join(listed(*listing, prefix=prefix) for listing in listings)


def listed(*listing: str, prefix: str) -> str:
    line = ["docker", *listing, "--filter", f"name={prefix}"]
    return subprocess.run(line, capture_output=True, text=True, check=True, timeout=BUSY * 10).stdout


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("wm_replicas", "0"),
        ("wm_replicas", "-1"),
        ("wm_replicas", "four"),
        ("target", "moon"),
        ("wm_replcas", "4"),
    ],
)
def test_a_bad_setting_fails_before_anything_is_touched(new_cluster: Cluster, key: str, value: str) -> None:
    new_cluster.pulumi("config", "set", "--", key, value)
    try:
        text = new_cluster.pulumi("up", "--yes", "--skip-preview", check=False)
    finally:
        new_cluster.pulumi("config", "rm", key)
    assert f"{key} is '{value}'" in text
    assert "fix: pulumi config" in text
    assert docker_objects(new_cluster.prefix) == ""


def test_a_list_is_set_by_its_parts_or_as_one_text(new_cluster: Cluster) -> None:
    entry = {"event": "no-such-event", "dir": "workflows/test-workflow"}
    for key, value in entry.items():
        new_cluster.pulumi("config", "set", "--path", f"workflows[0].{key}", value)
    by_parts = new_cluster.pulumi("preview", check=False)
    new_cluster.pulumi("config", "set", "workflows", json.dumps([entry]))
    as_text = new_cluster.pulumi("preview", check=False)
    new_cluster.pulumi("config", "rm", "workflows")
    for text in (by_parts, as_text):
        assert "workflows[0].event is 'no-such-event'" in text
        assert "fix: pulumi config set workflows '[{" in text


def test_a_preview_works_before_anything_exists(new_cluster: Cluster) -> None:
    text = new_cluster.pulumi("preview")
    assert "oodt-wmgr" in text
    assert docker_objects(new_cluster.prefix) == ""


def test_the_state_has_no_file_that_pulumi_does_not_put_in_place_whole(new_cluster: Cluster) -> None:
    files = [path for path in (new_cluster.folder / ".state").rglob("*") if path.is_file()]
    assert any(path.name == f"{new_cluster.stack}.json" for path in files)
    assert not [path for path in files if path.suffix == ".attrs"]


def test_a_destroy_after_a_killed_up_leaves_nothing(new_cluster: Cluster, built: None) -> None:
    killed_up.kill(new_cluster, "manager", HAS_MANAGER.format(prefix=new_cluster.prefix))
    new_cluster.pulumi("destroy", "--yes", "--skip-preview")
    assert docker_objects(new_cluster.prefix) == ""


@pytest.mark.parametrize(
    ("resource", "listing"),
    [
        ("network", "docker network ls --quiet --filter name={prefix}"),
        ("share-volume", "docker volume ls --quiet --filter name={prefix}-share"),
    ],
)
def test_a_destroy_after_an_up_that_was_killed_before_the_nodes_leaves_nothing(
    new_cluster: Cluster, built: None, resource: str, listing: str
) -> None:
    killed_up.kill(new_cluster, resource, listing.format(prefix=new_cluster.prefix))
    # The engine may have gone on to them, which it does not before it has recorded what they need.
    if made := listed("ps", "-aq", prefix=new_cluster.prefix).split():
        line = ["docker", "rm", "--force", *made]
        subprocess.run(line, check=True, timeout=BUSY * 30, capture_output=True)
    new_cluster.pulumi("destroy", "--yes", "--skip-preview")
    assert docker_objects(new_cluster.prefix) == ""


def test_an_up_that_was_killed_is_typed_again(new_cluster: Cluster, built: None) -> None:
    """The fixture ``cluster`` types it again after the last kill; jobs run there."""
    prefix = new_cluster.prefix
    on_swarm = f"docker exec {prefix}-manager docker"
    killed_up.kill(new_cluster, "network", f"docker network ls --quiet --filter name={prefix}")
    killed_up.kill(new_cluster, "manager", HAS_MANAGER.format(prefix=prefix))
    for resource, kind in (
        (names.NETWORK, "network"),
        ("rabbitmq-user-url", "secret"),
        (names.REGISTRY_SERVICE, "service"),
    ):
        killed_up.kill(new_cluster, resource, f"{on_swarm} {kind} ls --quiet --filter name={resource}")


def test_ten_jobs_leave_twenty_products_in_archive_and_catalogue(cluster: Cluster) -> None:
    report = cluster.run_jobs("--jobs", "10", *JOBS)
    assert (report["submitted"], report["succeeded"], report["failed"]) == (10, 10, 0)
    assert len(cluster.products()) == 20
    assert products_of(cluster) == 20
    assert {job["node"] for job in report["jobs"]} == {"worker1", "worker2"}


def test_the_users_programs_have_no_route_to_the_nodes_and_need_none(cluster: Cluster) -> None:
    if cluster.group is None:
        missing("iptables cannot close a group's way to a network: it needs root and the owner match")
    manager = cluster.on_node("manager", "hostname -i").split()[0]
    reach = f"import socket; socket.create_connection(({manager!r}, 22), 5)"
    line = [sys.executable, "-c", reach]
    tried = subprocess.run(line, capture_output=True, text=True, timeout=30, check=False, group=cluster.group)
    assert "ConnectionRefusedError" in tried.stderr
    page = urllib.request.urlopen(cluster.output(names.STATUS_URL_OUTPUT), timeout=30)
    assert page.status == HTTPStatus.OK
    assert urlsplit(cluster.output(names.STATUS_URL_OUTPUT)).hostname == "127.0.0.1"


def test_the_products_metadata_is_in_the_catalogue(cluster: Cluster) -> None:
    filemgr = catalogue(cluster)
    product_type = filemgr.filemgr.getProductTypeByName("TestFile")
    page = filemgr.filemgr.getFirstPage(product_type)
    metadata = filemgr.filemgr.getMetadata(page["pageProducts"][0])  # type: ignore[index, call-overload]
    assert metadata["Dataset"] == ["abc"]  # type: ignore[index, call-overload]
    assert metadata["Project"] == ["123"]  # type: ignore[index, call-overload]


def test_a_second_up_and_a_refresh_change_nothing(cluster: Cluster) -> None:
    assert cluster.up() == {}
    cluster.pulumi("refresh", "--yes", "--skip-preview")
    assert cluster.up() == {}


def test_a_heartbeat_that_somebody_changed_is_seen_by_a_refresh_and_mended(cluster: Cluster) -> None:
    cluster.manager("docker swarm update --dispatcher-heartbeat 2m")
    cluster.pulumi("refresh", "--yes", "--skip-preview")
    assert cluster.up() == {"update": 1}
    assert int(cluster.manager(f"docker {heartbeat.LOOK}")) == heartbeat.USUAL * heartbeat.SECOND


def test_a_job_whose_program_fails_is_dead_and_leaves_no_product(cluster: Cluster) -> None:
    before = cluster.products()
    report = cluster.run_jobs("--jobs", "1", *JOBS, "--metadata", "ExitCode2=1")
    (job,) = report["jobs"]
    assert (report["failed"], job["state"], job["attempts"]) == (1, "DEAD", 3)
    assert "exit" in job["reason"]
    assert cluster.products() == before
    assert products_of(cluster) == len(before)


def test_scaling_during_a_run_restarts_no_workflow_manager_and_loses_no_job(cluster: Cluster) -> None:
    before = cluster.tasks(names.WMGR_SERVICE)
    run = cluster.start(
        "runtime.submit", "--event", "test-workflow", "--jobs", "24", *JOBS, "--wait", "--json"
    )
    cluster.up(wm_replicas="4")
    grown = cluster.tasks(names.WMGR_SERVICE)
    assert len(grown) == 4
    assert before.items() <= grown.items()
    assert Counter(grown.values()) == {"worker1": 2, "worker2": 2}
    cluster.up(wm_replicas="2")
    report = finish(run, 300)
    assert report["succeeded"] == 24
    assert [len(job["products"]) for job in report["jobs"]] == [2] * 24


@pytest.mark.slow
def test_edits_of_a_program_leave_the_file_manager_what_it_needs_to_start_again(cluster: Cluster) -> None:
    for number in range(
        11
    ):  # one more than the copies that are kept; each stands for an edit and a `pulumi up`
        copy = f"/shared-data/config/workflows-{number}"
        cluster.manager(f"mkdir {copy}")
    program = cluster.folder / "workflows" / "test-workflow" / "pges" / "pge.py"
    program.write_text(f"{program.read_text()}# edited\n")
    cluster.up()
    cluster.manager(f"docker kill $(docker ps -q --filter name={names.FILEMGR_SERVICE})")
    until(lambda: not cluster.tasks(names.FILEMGR_SERVICE), what="the kill to be noticed")
    until(lambda: len(cluster.tasks(names.FILEMGR_SERVICE)) == 1, what="a File Manager")
    cluster.manager("rm -r /shared-data/config/policies-*")
    cluster.pulumi("refresh", "--yes", "--skip-preview")
    assert cluster.up() == {"create": 1}
    assert cluster.up() == {}


def expected_rounds(number: int) -> list[tuple[list[str], list[str]]]:
    return [([f"version {each - 1}"], [f"version {each}"]) for each in range(1, number + 1)]


def test_jobs_that_are_sent_as_soon_as_up_returns_run_on_the_new_workflow(cluster: Cluster) -> None:
    assert rollout.rounds(cluster, 2) == expected_rounds(2)


@pytest.mark.slow
def test_twenty_times_jobs_that_are_sent_as_soon_as_up_returns_run_on_the_new_workflow(
    cluster: Cluster,
) -> None:
    assert rollout.rounds(cluster, 20) == expected_rounds(20)


def test_a_killed_workflow_manager_container_costs_no_job_and_makes_no_second_product(
    cluster: Cluster,
) -> None:
    until(lambda: len(cluster.tasks(names.WMGR_SERVICE)) == 2, what="two Workflow Managers")
    before = products_of(cluster)
    jobs = (*JOBS, "--metadata", "Seconds=4")
    run = cluster.start(
        "runtime.submit", "--event", "test-workflow", "--jobs", "8", *jobs, "--wait", "--json"
    )
    running = "ls -d /shared-data/jobs/test-workflow/*/ 2>/dev/null | wc -l"
    known = int(cluster.on_node("worker1", running))
    until(lambda: int(cluster.on_node("worker1", running)) >= known + 6, what="jobs to run")
    cluster.on_node("worker1", f"docker kill -s KILL $(docker ps -q --filter name={names.WMGR_SERVICE})")
    report = finish(run, 300)
    assert report["succeeded"] == 8
    assert products_of(cluster) == before + 16
    assert len(cluster.products()) == before + 16


def what_a_wait_says(cluster: Cluster, declaration: str, what: str) -> str:
    """Start a service that cannot converge, from the Workflow Managers' image; what the wait for it says."""
    form = "'{{.Spec.TaskTemplate.ContainerSpec.Image}}'"
    image = cluster.manager(f"docker service inspect {names.WMGR_SERVICE} --format {form}").strip()
    cluster.manager(
        "docker service create --quiet --detach --name crasher --restart-delay 1s "
        f"--constraint node.role==worker {declaration} {image} {what}"
    )
    try:
        with pytest.raises(ServiceError) as caught:
            ConvergedProvider().create(
                {
                    "docker_host": f"ssh://{cluster.output('ssh').split()[-1]}:22",
                    "folder": str(cluster.folder / ".ssh" / cluster.stack),
                    "service": "crasher",
                    "declaration": {},
                }
            )
    finally:
        cluster.manager("docker service rm crasher")
    return str(caught.value)


def test_a_service_that_crashes_at_every_start_is_named_with_its_last_words(cluster: Cluster) -> None:
    words = "no such thing as a free port"
    # Without a health check docker calls a task running, for a moment, that is about to end.
    entry = "--entrypoint 'sh -c' --health-cmd true --health-interval 30s"
    said = what_a_wait_says(cluster, entry, f"'echo {words}; exit 7'")
    assert re.search(r"service crasher: \d+ tasks failed", said)
    assert "exit (7)" in said
    assert words in said


def test_workflow_managers_that_cannot_read_their_policy_crash_with_the_parsers_words(
    cluster: Cluster,
) -> None:
    broken = "/shared-data/broken"
    cluster.manager(
        f"cp -r $(ls -dt /shared-data/config/workflows-*/ | head -n 1)workflows {broken} "
        f"&& echo '<tasks>' > {broken}/policy/tasks.xml"
    )
    mount = f"--mount type=bind,source={broken},target=/usr/local/oodt/workflows,readonly"
    health = "--health-cmd 'oodt-health wmgr' --health-interval 3s --health-start-period 300s"
    said = what_a_wait_says(cluster, f"--replicas 3 {mount} {health} {NOBODYS_JOBS}", "wmgr")
    cluster.manager(f"rm -r {broken}")
    assert re.search(r"service crasher: \d+ tasks failed", said)
    assert "non-zero exit (1)" in said
    assert "tasks.xml" in said
    assert len(said.splitlines()) < 70


def test_a_worker_joins_by_itself_and_leaves_after_its_jobs(cluster: Cluster) -> None:
    cluster.up(worker_nodes="3")
    nodes = "docker node ls --format '{{.Hostname}} {{.Status}}'"
    assert "worker3 Ready" in cluster.manager(nodes).splitlines()
    cluster.up(worker_nodes="2")
    assert "worker3" not in cluster.manager(nodes)
    assert docker_objects(f"{cluster.prefix}-worker3") == ""


def test_another_workflow_runs_without_knowing_of_job_ids(cluster: Cluster) -> None:
    cluster.up(
        workflow_dir=str(REPOSITORY / "testing" / "workflows" / "foreign"), workflow_queue="snow-cover"
    )
    before = len(cluster.products())
    # Each has a station of its own: jobs of one station have the same files in the archive.
    report = cluster.run_jobs("--jobs", "3", "--counter", "Station", event="snow-cover")
    assert report["succeeded"] == 3
    assert products_of(cluster, "SnowSheet") == 6
    assert len(cluster.products()) == before + 6
    cluster.up(workflow_dir="workflows/test-workflow", workflow_queue="test-workflow")


NEEDS = """<cmd>test "$MODEL" = "v 2" -a "[MODEL]" = "v 2" || exit 91</cmd>
<cmd>test "$(cat "$TOKEN_FILE")" = s3cr3t || exit 92</cmd>
<cmd>test "$(echo 6*7 | bc)" = 42 || exit 93</cmd>
<cmd>cd [JobDir]</cmd>"""


def originals_layout(folder: Path) -> Path:
    """The foreign workflow as the tutorial would have it, with a link, and in need of what it is given."""
    foreign = REPOSITORY / "testing" / "workflows" / "foreign"
    workflow = folder / "workflows" / "foreign"
    for part in ("policy", "pge-configs"):
        shutil.copytree(foreign / part, workflow / part)
    (folder / "pges").mkdir()
    (folder / "pges" / "foreign").symlink_to(foreign / "pges")
    measure = workflow / "pge-configs" / "measure.pgeconfig.xml"
    measure.write_text(measure.read_text().replace("<cmd>cd [JobDir]</cmd>", NEEDS))
    (workflow / "packages.txt").write_text("bc\n")
    return folder


def test_a_workflow_of_the_originals_layout_has_variables_secrets_and_packages_of_its_own(
    cluster: Cluster, tmp_path: Path
) -> None:
    cluster.pulumi("config", "set", "--secret", "--path", "workflow_secrets.TOKEN", "s3cr3t")
    own = {"workflow_queue": "snow-cover", "workflow_environment": '{"MODEL": "v 2"}', "wm_memory": "1024"}
    cluster.up(workflow_dir=str(originals_layout(tmp_path / "original")), **own)
    report = cluster.run_jobs("--jobs", "1", "--counter", "Station", event="snow-cover")
    assert report["succeeded"] == 1, report
    assert cluster.up() == {}
    assert "s3cr3t" not in cluster.pulumi("stack", "export")
    catalogues = cluster.tasks(names.FILEMGR_SERVICE)
    managers = cluster.tasks(names.WMGR_SERVICE)
    cluster.up(workflow_environment='{"MODEL": "v 3"}')
    assert not managers.keys() & cluster.tasks(names.WMGR_SERVICE).keys()
    assert cluster.tasks(names.FILEMGR_SERVICE) == catalogues
    for key in ("workflow_secrets", "workflow_environment", "wm_memory"):
        cluster.pulumi("config", "rm", key)
    cluster.up(workflow_dir="workflows/test-workflow", workflow_queue="test-workflow")


def test_a_new_workflow_is_checked_tried_brought_up_and_its_products_fetched(
    cluster: Cluster, tmp_path: Path
) -> None:
    """From nothing, by the commands that each step names next."""
    program = cluster.folder / "count.py"
    program.write_text("#!/usr/bin/python3\nimport sys\nopen(sys.argv[2], 'w').write(sys.argv[1] * 2)\n")
    program.chmod(0o755)
    folder = tmp_path / "counting"
    what = ("--command", "./count.py [Input] [Output]", "--metadata", "Input", "--output", r".*\.txt")
    event = cluster.command("runtime.new", str(folder), *what)["event"]
    assert cluster.command("runtime.check", str(folder), "--metadata", "Input=ab")["findings"] == []
    tried = ("runtime.dry_run", str(folder), "--metadata", "Input=ab", "--to", str(tmp_path / "tried"))
    [product] = cluster.command(*tried)["products"]
    assert Path(product["archived"][0]).read_text() == "abab"
    program.unlink()
    cluster.up(workflow_dir=str(folder), workflow_queue=event)
    report = cluster.run_jobs(
        "--jobs", "2", "--metadata", "Input=xy", "--counter", "N", "--batch-id", "counted", event=event
    )
    assert report["succeeded"] == 2, report
    fetched = cluster.command("runtime.fetch", "--batch", "counted", "--to", str(tmp_path / "results"))
    assert (fetched["fetched"], fetched["failed"]) == (2, 0)
    assert [path.read_text() for path in (tmp_path / "results").rglob("*.txt")] == ["xyxy"] * 2
    cluster.up(workflow_dir="workflows/test-workflow", workflow_queue="test-workflow")


def test_the_status_service_tells_what_became_of_jobs(cluster: Cluster) -> None:
    cluster.run_jobs("--jobs", "2", *JOBS, "--batch-id", "told")
    batch = cluster.command("runtime.status", "--batch", "told", *FOLLOW)
    assert (batch["jobs"], batch["states"]) == (2, {"SUCCEEDED": 2})
    job = cluster.command("runtime.status", "--job", "told.1")
    assert (job["state"], len(job["products"])) == ("SUCCEEDED", 2)
    nodes = cluster.command("runtime.status")["nodes"]
    assert {node["node"]: node["slots"] for node in nodes} == {"worker1": 4, "worker2": 4}


def test_the_products_of_a_batch_come_to_the_operators_machine(cluster: Cluster, tmp_path: Path) -> None:
    fetch = ("runtime.fetch", "--batch", "told", "--to", str(tmp_path))
    done = cluster.command(*fetch)
    assert (done["products"], done["fetched"], done["failed"]) == (4, 4, 0)
    archive = cluster.output("archive")
    sums = cluster.manager(f"cd {archive} && find . -name '*told.*' -type f -exec sha256sum {{}} +")
    brought = [path for path in tmp_path.rglob("*.dat") if path.is_file()]
    assert {
        str(path.relative_to(tmp_path)): hashlib.sha256(path.read_bytes()).hexdigest() for path in brought
    } == {line.split()[1].removeprefix("./"): line.split()[0] for line in sums.splitlines()}
    beside = json.loads(brought[0].with_name(f"{brought[0].name}.oodt.json").read_text())
    assert (beside["metadata"]["Dataset"], beside["job"][:5]) == (["abc"], "told.")
    again = cluster.command(*fetch)
    assert (again["fetched"], again["present"]) == (0, 4)


def test_where_only_ssh_is_let_in_submit_opens_a_tunnel_and_opens_it_again(
    cluster: Cluster, tmp_path: Path
) -> None:
    outputs = json.loads(cluster.pulumi("stack", "output", "--json", "--show-secrets"))
    nearby = re.sub("@[^:]+:[0-9]+", f"@localhost:{names.AMQP_PORT}", outputs["rabbitmq_user_url"])
    outputs |= {"rabbitmq_user_url": nearby, "tunnel": "ssh"}
    (tmp_path / "outputs.json").write_text(json.dumps(outputs))
    (tmp_path / "pulumi").write_text(f"#!/bin/sh\ncat {tmp_path}/outputs.json\n")
    (tmp_path / "pulumi").chmod(0o755)
    path = f"{tmp_path}:{cluster.environment['PATH']}"
    outside = replace(cluster, environment={**cluster.environment, "PATH": path})
    jobs = (
        "--jobs",
        "2",
        "--metadata",
        "Dataset=abc",
        "--metadata",
        "Project=123",
        "--metadata",
        "Seconds=15",
    )
    run = outside.start("runtime.submit", "--event", "test-workflow", *jobs, "--wait", "--json")
    find = ["pgrep", "-P", str(run.pid), "ssh"]
    until(lambda: running_jobs(cluster) == 2, what="running jobs")
    tunnel = subprocess.run(find, check=True, capture_output=True, text=True, timeout=10).stdout
    subprocess.run(["kill", *tunnel.split()], check=True, timeout=10)
    assert finish(run, 300)["succeeded"] == 2


def test_a_cancelled_batch_frees_the_cluster_and_leaves_no_product(cluster: Cluster) -> None:
    before = cluster.products()
    long = ("--metadata", "Dataset=abc", "--metadata", "Project=123", "--metadata", "Seconds=300")
    run = cluster.start(
        *("runtime.submit", "--event", "test-workflow", "--jobs", "12", *long),
        *("--batch-id", "cancelled", "--wait", "--json"),
    )
    until(lambda: running_jobs(cluster) == 8, what="running jobs")
    assert cluster.command("runtime.cancel", "--batch", "cancelled") == {"batch": "cancelled", "stopped": 8}
    assert finish(run, 300)["cancelled"] == 12
    until(lambda: cluster.products() == before, what="the products of before")


def test_the_swarm_is_seen_and_a_worker_is_drained_after_its_jobs_and_let_in_again(cluster: Cluster) -> None:
    def swarm() -> dict[str, Any]:
        return cluster.command("runtime.status", "--nodes")

    def whats() -> list[str]:
        return [change["what"] for change in swarm()["changes"]]

    def fresh() -> dict[str, Any] | None:
        seen = swarm()
        return seen if seen["fresh"] and all(each["machine"]["fresh"] for each in seen["nodes"]) else None

    seen = until(fresh, what="fresh facts")
    nodes = {node["name"]: node for node in seen["nodes"]}
    assert {name: node["role"] for name, node in nodes.items()} == {
        "manager": "manager",
        "worker1": "worker",
        "worker2": "worker",
    }
    for node in nodes.values():
        assert 0 < node["machine"]["disk_free"] < node["machine"]["disk"]
        assert abs(node["machine"]["clock_offset"]) < 10  # all of this machine's containers have one clock
    services = {service["name"]: service["running"] for service in seen["services"]}
    assert services[names.WMGR_SERVICE] == 2 and services[names.SWARM_SERVICE] == 1
    jobs = (*JOBS, "--metadata", "Seconds=20", "--batch-id", "drained")
    run = cluster.start(
        *("runtime.submit", "--event", "test-workflow", "--jobs", "8", *jobs, "--wait", "--json")
    )
    until(lambda: running_jobs(cluster) == 8, what="running jobs")
    would = cluster.command("runtime.drain", "worker1", "--dry-run")
    assert (would["running"], would["containers"]) == (4, 1)
    assert cluster.command("runtime.drain", "worker1")["done"]
    drained = {node["name"]: node["availability"] for node in swarm()["nodes"]}
    assert drained == {"manager": "active", "worker1": "drain", "worker2": "active"}
    report = finish(run, 300)
    assert (report["succeeded"], {job["attempts"] for job in report["jobs"]}) == (8, {1})
    assert {job["node"] for job in report["jobs"]} == {"worker1", "worker2"}
    until(
        lambda: list(cluster.tasks(names.WMGR_SERVICE).values()) == ["worker2"] * 2, what="both on one worker"
    )
    cluster.command("runtime.undrain", "worker1")
    cluster.on_node("worker2", f"docker kill $(docker ps -q --filter name={names.WMGR_SERVICE} | head -n 1)")
    until(
        lambda: set(cluster.tasks(names.WMGR_SERVICE).values()) == {"worker1", "worker2"}, what="one on each"
    )
    until(lambda: any("ended (failed" in what for what in whats()), seconds=10, what="the killed container")
    assert {"availability: active, now drain", "availability: drain, now active"} <= set(whats())
    assert cluster.up() == {}


def test_cleaning_up_leaves_neither_product_nor_job_folder(cluster: Cluster) -> None:
    planned = cluster.command("runtime.clean")
    assert planned["products"]["files"] == len(cluster.products()) > 0
    done = cluster.command("runtime.clean", "--yes")
    assert done["products"] == planned["products"]
    assert done["history"]["jobs"] > 0
    # Also those of the other workflow: the File Manager does not know its product type any more.
    assert cluster.products() == [] and catalogued(cluster.output("filemgr_url")) == []
    assert cluster.manager(f"find {cluster.output('jobs')} -mindepth 2").strip() == ""


def test_jobs_survive_a_short_storm(cluster: Cluster, tmp_path: Path) -> None:
    seed = secrets.randbelow(10**6)
    sizes = Sizes(jobs=20, seconds=(3, 8), cancelled=2, nameless=4)
    Storm(seed=seed, sizes=sizes, troubles=troubles.WITHOUT_WAITING, acting=30).over(cluster, tmp_path)


@pytest.mark.slow
def test_a_bad_day_ends_with_all_jobs_done_by_clicks_alone(
    cluster: Cluster, record_property: Callable[[str, object], None]
) -> None:
    """A node is dead, the catalogue's disk full, and sixty jobs fail for three reasons."""
    shots = REPOSITORY / "test-results"
    with ExitStack() as stack:
        stack.enter_context(bad_day.closed_archive(cluster))
        stack.enter_context(bad_day.full_catalogue(cluster))
        bad_day.submit(cluster)
        until(lambda: running_jobs(cluster) == 8, what="running jobs")
        stack.enter_context(bad_day.dead_node(cluster))
        page = stack.enter_context(chromium()).new_page(viewport={"width": 1280, "height": 900})
        console = Console(page=page, url=cluster.output(names.STATUS_URL_OUTPUT).rstrip("/"))
        console.log_in(cluster.output("status_token"), name="Ada")
        operator = bad_day.Operator(page=page)

        operator.sees(operator.alarm("The disk of the catalogue has 0"))
        operator.sees(operator.alarm(f"Node {bad_day.NODE} is down"))
        record_property("seconds-until-node-and-disk-are-known", operator.seconds)
        bad_day.make_room(cluster)
        for _, reason in bad_day.BATCHES.values():
            known = page.locator("th.reason").filter(has_text=reason).first
            operator.sees(known, bad_day.DEATHS_SECONDS)
        record_property("seconds-until-all-reasons-are-known", operator.seconds)
        for batch, (_, reason) in bad_day.BATCHES.items():
            operator.sees_jobs(batch, "DEAD", bad_day.JOBS, bad_day.DEATHS_SECONDS)
            operator.sees(operator.reason(reason))
        page.screenshot(path=shots / "console-bad-day.png", full_page=True)
        all_dead = operator.seconds

        operator.click(operator.reason(bad_day.BATCHES["no-archive"][1]))
        operator.sees(page.get_by_role("heading", name="20 dead jobs of test-workflow"))
        page.screenshot(path=shots / "console-dead-jobs.png")
        bad_day.open_archive(cluster)
        operator.click(page.get_by_role("button", name="Redrive all"))
        operator.confirm("20 jobs of 1 batch")
        for batch, label, value in (("no-project", "Project", "123"), ("wrong-code", "ExitCode", "0")):
            operator.overview()
            operator.click(operator.reason(bad_day.BATCHES[batch][1]))
            operator.type(label, value)
            operator.click(page.get_by_role("button", name="Run again"))
            operator.confirm("20 jobs of 1 batch")
        operator.overview()
        record_property("seconds-of-work", operator.seconds - all_dead)
        for batch in bad_day.BATCHES:
            operator.sees_jobs(batch, "SUCCEEDED", bad_day.JOBS, bad_day.DONE_SECONDS)
        for _, reason in bad_day.BATCHES.values():
            expect(operator.reason(reason)).to_have_count(0)
        record_property("clicks", operator.clicks)
        record_property("seconds-until-all-is-done", operator.seconds)
        assert operator.clicks <= 14
        assert console.complaints == []


def test_the_cluster_resumes_when_the_machines_docker_was_restarted(cluster: Cluster) -> None:
    nodes = subprocess.run(
        ["docker", "ps", "-q", "--filter", f"name={cluster.prefix}"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    subprocess.run(["docker", "restart", *nodes], check=True, capture_output=True, timeout=120)
    controls = "docker info --format '{{.Swarm.ControlAvailable}}'"
    until(lambda: cluster.manager(controls, check=False) == "true\n", seconds=60, what="the swarm")
    until(lambda: len(cluster.tasks(names.WMGR_SERVICE)) == 2, seconds=180, what="two Workflow Managers")
    assert cluster.run_jobs("--jobs", "4", *JOBS)["succeeded"] == 4
    assert cluster.up() == {}


def test_nothing_is_left_after_a_destroy(cluster: Cluster) -> None:
    cluster.destroy()
    assert docker_objects(cluster.prefix) == ""
    assert not (cluster.folder / ".ssh").exists()
