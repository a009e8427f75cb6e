"""A cluster that an earlier commit of the program brought up is updated in place by this one."""

from __future__ import annotations

import json
import shutil
import subprocess
import tarfile
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from runtime import names
from testing.addresses import free_network
from testing.cluster import COMMAND_TIMEOUT, Cluster, copy_project
from testing.tools import require
from toolchain.paths import REPOSITORY

# The last commit in which the stack was the parent of all services.
EARLIER = "6b79805bd212"
PROGRAM = (
    *("Pulumi.yaml", "__main__.py", "images", "infra", "runtime", "services", "toolchain"),
    *("pyproject.toml", "requirements.txt", "constraints.txt"),
)
# Nodes are made of these: another image makes other nodes, whatever the program.
NODE_IMAGE = ("images/node", "infra/node")
# Docker's secrets are named by their content, and this one's is the runtime's to change.
DEFINITIONS = ("docker:index/secret:Secret", "rabbitmq-definitions")
# What the program declares since then.
ADDED = {names.SWARM_SERVICE, f"{names.SWARM_SERVICE}-converged", "status-look-token"}
JOBS = ("--jobs", "4", "--metadata", "Dataset=abc", "--metadata", "Project=123")


def earlier_program() -> bytes:
    """The earlier commit's files as a tar. A clone without history is no fault of the machine: it skips."""
    line = [require("git"), "archive", EARLIER, *PROGRAM]
    done = subprocess.run(line, cwd=REPOSITORY, capture_output=True, timeout=COMMAND_TIMEOUT, check=False)
    if done.returncode:
        pytest.skip(f"commit {EARLIER} is not here ({done.stderr.decode().strip()}); git fetch --unshallow")
    return done.stdout


@pytest.fixture(scope="module")
def earlier(tmp_path_factory: pytest.TempPathFactory, docker_daemon: None) -> Iterator[Cluster]:
    """A stack of the earlier program that nothing was made of yet."""
    require("ssh")
    require("ssh-keyscan")
    content = earlier_program()
    folder = tmp_path_factory.mktemp("cluster")
    cluster = Cluster.make(folder, str(free_network(24)))
    for name in PROGRAM:
        remove(folder / name)
    with tarfile.open(fileobj=BytesIO(content)) as tar:
        tar.extractall(folder, filter="data")
    for name in NODE_IMAGE:
        remove(folder / name)
        shutil.copytree(REPOSITORY / name, folder / name)
    yield cluster
    cluster.destroy()


def remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink()


def things(cluster: Cluster) -> dict[tuple[str, str], str]:
    """What the stack has outside itself: ids by kind and name. Components have none."""
    file = cluster.folder / "state.json"
    cluster.pulumi("stack", "export", "--file", str(file))
    resources = json.loads(file.read_text())["deployment"]["resources"]
    file.unlink()
    return {
        (each["type"], each["urn"].rpartition("::")[2]): each["id"] for each in resources if each["custom"]
    }


@pytest.mark.slow
def test_an_earlier_cluster_is_updated_in_place_and_goes_on(earlier: Cluster) -> None:
    earlier.up()
    earlier.run_jobs(*JOBS)
    products, before = earlier.products(), things(earlier)
    for name in PROGRAM:
        remove(earlier.folder / name)
    copy_project(earlier.folder)
    assert "delete" not in earlier.up()
    after = things(earlier)
    assert before.keys() - after.keys() == set()
    assert {name for _, name in after.keys() - before.keys()} == ADDED
    assert {what for what in before if after[what] != before[what]} <= {DEFINITIONS}
    assert earlier.up() == {}
    assert earlier.products() == products
    assert earlier.run_jobs(*JOBS)["succeeded"] == 4


@pytest.mark.slow
def test_a_manager_made_anew_publishes_the_services_and_has_its_volumes(earlier: Cluster) -> None:
    """It goes on with the cluster that the test above has updated."""
    products = earlier.products()
    line = ["docker", "rm", "--force", f"{earlier.prefix}-manager"]
    subprocess.run(line, check=True, capture_output=True, timeout=COMMAND_TIMEOUT)
    earlier.up()
    assert urlsplit(earlier.output(names.STATUS_URL_OUTPUT)).hostname == "127.0.0.1"
    assert earlier.products() == products
    assert earlier.run_jobs(*JOBS)["succeeded"] == 4
    assert earlier.up() == {}
