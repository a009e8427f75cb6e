"""The OODT image as containers: how they start, stop, and come back."""

import re
from contextlib import suppress
from http.client import HTTPException
from pathlib import Path
from shutil import copytree
from threading import Thread
from typing import Any

from runtime.records import verdict
from services.convergence import SHOWN_LINES
from testing.oodt import (
    HOME,
    JOB_SECONDS,
    METADATA,
    Oodt,
    docker,
    journal,
    products,
    run_to_end,
    send,
    wait_for,
)
from testing.waiting import until

RESTART_SECONDS = 30
INGESTS_BEFORE_THE_KILL = 20


def test_a_run_waits_for_a_file_manager_that_is_away(oodt: Oodt, run: str) -> None:
    docker("kill", oodt.filemgr.name)
    send(oodt.wmgr, "test-workflow", JobKey=run, **METADATA)
    said = "oodt-filemgr:9000 is not reachable"
    until(lambda: said in docker("logs", oodt.wmgr.name).stdout, seconds=JOB_SECONDS, what="a call to wait")
    docker("start", oodt.filemgr.name)
    oodt.filemgr.wait_until_healthy("filemgr")
    outcome = verdict.judge([wait_for(oodt.wmgr, run)])
    assert outcome.result == "succeeded", outcome.reason
    assert len(products(oodt.filemgr.server(9000), "JobKey", run)) == 2


def test_a_catalogue_outlives_a_killed_file_manager(oodt: Oodt, run: str) -> None:
    run_to_end(oodt.wmgr, "test-workflow", run, **METADATA)
    docker("kill", oodt.filemgr.name)
    docker("start", oodt.filemgr.name)
    oodt.filemgr.wait_until_healthy("filemgr")
    assert len(products(oodt.filemgr.server(9000), "JobKey", run)) == 2


def test_a_product_that_was_acknowledged_is_there_after_a_kill_in_the_midst_of_ingests(
    oodt: Oodt, run: str
) -> None:
    acknowledged: list[str] = []

    def ingest() -> None:
        filemgr: Any = oodt.filemgr.server(9000).filemgr
        product = {"name": run, "structure": "Flat", "transferStatus": "TRANSFERING", "references": []}
        product["type"] = filemgr.getProductTypes()[0]
        # Until the connection breaks.
        with suppress(OSError, HTTPException):
            while True:
                acknowledged.append(filemgr.catalogProduct(product))

    client = Thread(target=ingest)
    client.start()
    until(lambda: len(acknowledged) >= INGESTS_BEFORE_THE_KILL, what="ingests")
    docker("kill", oodt.filemgr.name)
    client.join()
    docker("start", oodt.filemgr.name)
    oodt.filemgr.wait_until_healthy("filemgr")
    filemgr: Any = oodt.filemgr.server(9000).filemgr
    assert {filemgr.getProductById(id)["name"] for id in acknowledged} == {run}
    for id in acknowledged:
        filemgr.removeProduct(filemgr.getProductById(id))


def test_a_killed_workflow_manager_is_revived_without_its_old_programs(oodt: Oodt, run: str) -> None:
    boot = oodt.wmgr.run("cat", "/run/oodt/wm-boot")
    send(oodt.wmgr, "test-workflow", JobKey=run, **METADATA | {"Seconds": "300"})
    program = ("pgrep", "--full", f"pge.py .*{run}")
    until(lambda: oodt.wmgr.run(*program, check=False), what="program of the job")
    oodt.wmgr.run("pkill", "-KILL", "java")
    until(
        lambda: oodt.wmgr.run("cat", "/run/oodt/wm-boot") != boot,
        seconds=RESTART_SECONDS,
        what="boot of the Workflow Manager",
    )
    assert not oodt.wmgr.run(*program, check=False)
    assert journal(oodt.wmgr, run) == []  # no consumer waits for its verdict
    oodt.wmgr.wait_until_healthy("wmgr")


def test_the_consumer_stops_before_what_it_needs(oodt: Oodt) -> None:
    container = oodt.run_wmgr()
    container.wait_until_healthy("wmgr")
    docker("stop", "--time", "120", container.name)
    stopped = re.findall(r"stopped: ([\w-]+)", container.log())
    assert stopped == ["consumer", "gateway", "wmgr", "exit-on-fatal"]
    assert container.exit_code() == 0


def test_a_part_that_cannot_be_revived_takes_the_container_down(oodt: Oodt) -> None:
    container = oodt.run_wmgr(FILEMGR_URL="http://localhost:9001")  # the gateway's other port
    until(container.has_ended, seconds=RESTART_SECONDS, what="end of the container")
    assert "gateway cannot be started: this container ends" in container.log()
    assert container.exit_code() == 1


def test_a_workflow_manager_with_a_broken_policy_ends_as_one_that_failed(oodt: Oodt, tmp_path: Path) -> None:
    copytree(oodt.folder / "workflows", tmp_path, dirs_exist_ok=True)
    (tmp_path / "policy" / "tasks.xml").write_text("<cas:tasks>\n")
    container = oodt.run_wmgr("--volume", f"{tmp_path}:/broken:ro", OODT_CONFIG="/broken")
    until(container.has_ended, seconds=RESTART_SECONDS, what="end of the container")
    assert container.exit_code() == 1
    last = "\n".join(container.log().splitlines()[-SHOWN_LINES:])
    assert "tasks.xml" in last and "must start and end within the same entity" in last


def test_a_setting_that_is_missing_is_named(oodt: Oodt) -> None:
    container = oodt.run_wmgr(WORKFLOW_QUEUE="")
    until(container.has_ended, what="end of the container")
    assert "WORKFLOW_QUEUE is ''" in container.log()


def test_a_workflow_without_policy_is_named(oodt: Oodt) -> None:
    container = oodt.run_wmgr(OODT_CONFIG="/nowhere")
    until(container.has_ended, what="end of the container")
    assert "mount one so that /nowhere/policy/events.xml exists" in container.log()


def test_no_launcher_is_left_that_a_java_of_today_cannot_run(oodt: Oodt) -> None:
    found = oodt.wmgr.run("grep", "--recursive", "-l", "java.ext.dirs", HOME, "--include=*", check=False)
    assert [path for path in found.splitlines() if "/bin/" in path] == []
    assert "--productPath" in oodt.wmgr.run("crawler_launcher", "--help", check=False)
    assert "operations:" in oodt.wmgr.run("filemgr-client", check=False)


def test_the_folders_of_the_archive_are_there_before_their_first_products(oodt: Oodt) -> None:
    assert oodt.filemgr.run("stat", "--format", "%U", f"{HOME}/archive/snow") == "oodt\n"


def test_the_archive_of_classes_fits_the_class_path(oodt: Oodt) -> None:
    assert "sharing" in oodt.wmgr.run("oodt-java", "-Xshare:on", "-version")


def test_variables_in_policy_are_resolved_before_oodt_reads_it(oodt: Oodt) -> None:
    for container in (oodt.wmgr, oodt.filemgr):
        policy = container.run("sh", "-c", "cat /run/oodt/policy/*/*.xml", user="oodt")
        assert f"{HOME}/" in policy
        assert not re.search(r"\[(OODT_|FILEMGR_URL|WORKFLOW_URL)", policy)
