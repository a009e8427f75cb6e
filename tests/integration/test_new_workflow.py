"""A workflow that `oodt new` has written runs on OODT as it is."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from runtime.records import verdict
from testing.oodt import HOME, SUPERVISORCTL, Container, Oodt, products, run_to_end
from toolchain.paths import REPOSITORY

NAME = "my-workflow"
NEW_SECONDS = 60


@pytest.fixture
def site(oodt_image: str, tmp_path: Path) -> Iterator[Oodt]:
    command = (
        NAME,
        "--command",
        "./process.py [Input] [Output]",
        "--metadata",
        "Input",
        "--output",
        r".*\.nc",
    )
    subprocess.run(
        [sys.executable, "-m", "runtime.new", *command],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
        check=True,
        timeout=NEW_SECONDS,
    )
    (tmp_path / "site").mkdir()
    oodt = Oodt(image=oodt_image, folder=tmp_path / "site", workflows=[tmp_path / NAME])
    try:
        oodt.start_file_manager()
        yield oodt
    finally:
        oodt.remove()


@pytest.fixture
def wmgr(site: Oodt) -> Container:
    container = site.run_wmgr(WORKFLOW_QUEUE=NAME)
    container.wait_until_healthy("wmgr")
    container.run(*SUPERVISORCTL, "stop", "consumer")
    return container


def test_a_job_of_a_new_workflow_leaves_its_product(site: Oodt, wmgr: Container, run: str) -> None:
    lines = run_to_end(wmgr, NAME, run, Input="a file; with [blanks].txt")
    assert verdict.judge([lines]).result == "succeeded"
    (metadata,) = products(site.filemgr.server(9000), "JobKey", run)
    assert (metadata["CAS.ProductName"], metadata["Input"]) == (
        [f"output_{run}.nc"],
        ["a file; with [blanks].txt"],
    )
    written = site.filemgr.run("cat", f"{HOME}/archive/{NAME}/output_{run}.nc")
    assert written.splitlines()[0] == "a file; with [blanks].txt"
