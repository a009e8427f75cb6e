"""Target hosts on a machine where SELinux enforces Debian's policy: what docker does and the check says."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from infra.ssh import CONFIGURATION
from testing.waiting import until
from tests.vm.conftest import Timed
from tests.vm.hosts import (
    SHARED,
    WITHOUT_DOCKER,
    accept_registry,
    check,
    make_folders,
    mount,
    saying,
    serve,
    wait_for_docker,
)
from tests.vm.room import COMMAND_TIMEOUT, PATIENCE, Machine, room
from toolchain.machine_disk import Disk

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3600)]

ENFORCING = ("security=selinux", "selinux=1", "enforcing=1")
SHELL = ("bin/dash", "lib/x86_64-linux-gnu/libc.so.6", "lib64/ld-linux-x86-64.so.2")
IMAGE = "shell"
UID = 1000  # owns the folder of jobs


@pytest.fixture(scope="module")
def machines(disk: Disk) -> Iterator[list[Machine]]:
    """A file server that squashes root, and one machine that mounts its share, with docker and an image."""
    with room(disk) as made, pytest.MonkeyPatch.context() as patch:
        patch.setenv(CONFIGURATION, str(made.configuration))
        server = made.add("server", without=WITHOUT_DOCKER, memory=512)
        head = made.add("head", parameters=ENFORCING)
        made.wait()
        serve(server)
        mount(head)
        wait_for_docker(head)
        head.run(f"tar -C / -ch {' '.join(SHELL)} | docker import - {IMAGE}")
        yield [server, head]


def container_writes(head: Machine, path: str) -> bool:
    """Whether a container that has a folder of the machine at /there may make a file in it."""
    write = "/bin/dash -c 'echo written >/there/written'"
    line = f"docker run --rm --network none --user {UID} -v {path}:/there {IMAGE} {write}"
    # Not as root, whom the file server takes for nobody.
    remove = f"setpriv --reuid={UID} --clear-groups rm {path}/written"
    return head.run(f"{line} && {remove} && echo yes", check=False) == "yes\n"


def test_the_share_is_refused_until_selinux_lets_containers_use_it(
    machines: list[Machine], timed: Timed
) -> None:
    server, head = machines
    assert head.run("cat /sys/fs/selinux/enforce") == "1"
    with timed("the check of an enforcing machine"):
        found = check(machines)
    make_folders(server, saying(found, head, f"folders in {SHARED} cannot be made"))
    setting = saying(found, head, f"SELinux keeps docker's containers from {SHARED}, which is NFS")
    accept_registry(saying(found, head, "its docker does not accept the cluster's registry"))
    wait_for_docker(head)
    assert not container_writes(head, f"{SHARED}/jobs")
    head.run(setting)
    assert check(machines) == {}
    assert container_writes(head, f"{SHARED}/jobs")


def test_a_docker_that_labels_its_containers_is_refused_until_it_does_not(
    machines: list[Machine], timed: Timed
) -> None:
    _, head = machines
    set_labels(head, wanted=True)
    with timed("the check of a docker with selinux-enabled"):
        fix = saying(check(machines), head, "its docker has selinux-enabled")
    assert 'set "selinux-enabled": false' in fix
    set_labels(head, wanted=False)
    assert check(machines) == {}


def set_labels(machine: Machine, *, wanted: bool) -> None:
    content = json.loads(machine.run("cat /etc/docker/daemon.json")) | {"selinux-enabled": wanted}
    machine.run(f"echo '{json.dumps(content)}' >/etc/docker/daemon.json && systemctl restart docker")
    options = "docker info --format '{{json .SecurityOptions}}'"
    until(
        lambda: ("name=selinux" in machine.run(options, check=False)) is wanted,
        seconds=COMMAND_TIMEOUT * PATIENCE,
        what=f"docker on {machine.name}",
    )
