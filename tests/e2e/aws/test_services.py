"""The services of the program itself on instances that booted from its user data, and jobs that run there."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.e2e.aws.cloud import WORKERS, Cloud, booted

UP_TIMEOUT = 1800  # seconds: every image is built on the manager

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3600)]


@pytest.fixture(scope="module")
def cloud(docker_daemon: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    with booted(tmp_path_factory.mktemp("services"), None, UP_TIMEOUT) as found:
        yield found


def test_ten_jobs_that_come_through_a_tunnel_run_to_their_end(cloud: Cloud) -> None:
    report = cloud.stack.run_jobs("--jobs", "10", "--metadata", "Dataset=abc", "--metadata", "Project=123")
    assert (report["succeeded"], report["failed"]) == (10, 0)
    assert len(cloud.stack.products()) >= 10
    nodes = {job["node"] for job in report["jobs"]}
    assert nodes <= {worker.run("hostname").strip() for worker in cloud.workers}


def test_a_second_up_changes_nothing(cloud: Cloud) -> None:
    assert cloud.stack.up() == {}


def test_more_workflow_managers_come_in_place(cloud: Cloud) -> None:
    assert cloud.stack.up(wm_replicas=str(WORKERS))["update"] >= 1
    assert len(cloud.stack.tasks("oodt-wmgr")) == WORKERS
