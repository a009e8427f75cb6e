"""The check of target hosts on machines with a kernel, systemd and NFS of their own, broken in each way."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from infra.hosts import layout
from infra.ssh import CONFIGURATION
from tests.vm.conftest import Timed
from tests.vm.hosts import (
    EXPORTED,
    SHARED,
    WITHOUT_DOCKER,
    WORKFLOWS,
    accept_registry,
    check,
    make_folders,
    mount,
    saying,
    serve,
    wait_for_docker,
)
from tests.vm.room import Machine, room
from toolchain.machine_disk import USER, Disk

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3600)]

FIREWALL = (
    "nft add table inet broken && nft add chain inet broken in '{ type filter hook input priority 0; }' "
    "&& nft add rule inet broken in udp dport 4789"
)
FLAG = "--insecure-registry other.example.org:5000"


@pytest.fixture(scope="module")
def machines(disk: Disk) -> Iterator[list[Machine]]:
    """A file server that squashes root, and two machines with docker, which mount its share."""
    with room(disk) as made, pytest.MonkeyPatch.context() as patch:
        patch.setenv(CONFIGURATION, str(made.configuration))
        server = made.add("server", without=WITHOUT_DOCKER, memory=512)
        found = [server, *(made.add(name) for name in ("head", "worker"))]
        print(f"\nthree machines answer after {made.wait():.0f} s")
        serve(server)
        for machine in found[1:]:
            mount(machine, "vers=4.2,nocto" if machine.name == "worker" else "vers=4.2")
            wait_for_docker(machine)
        yield found


def test_all_that_is_wrong_with_real_machines_is_said_at_once_and_the_fixes_are_right(
    machines: list[Machine], timed: Timed
) -> None:
    server, head, worker = machines
    worker.run("""echo '{"live-restore": true}' >/etc/docker/daemon.json && systemctl reload docker""")
    worker.run("date -s '-10 minutes' && fallocate -l 12G /filler")
    worker.run(f"{FIREWALL} drop")
    head.run(f"echo 'DOCKER_OPTS=\"{FLAG}\"' >/etc/default/docker && systemctl restart docker")
    head.run(f"{FIREWALL} meta length gt 1200 drop")
    wait_for_docker(head)

    with timed("the check of two machines with nine faults"):
        found = check(machines)
    making = saying(found, head, f"folders in {SHARED} cannot be made for uids 1000 and 1001")
    flag = saying(found, head, "its dockerd has --insecure-registry on its command line")
    saying(found, head, f"does not reach {worker.address} at UDP 4789")
    saying(found, worker, f"{SHARED} is mounted with nocto there")
    saying(found, worker, "its docker has live-restore on")
    saying(found, worker, "s behind the manager's")
    saying(found, worker, "docker's disk has")
    accept = saying(found, worker, "its docker does not accept the cluster's registry")
    saying(found, worker, f"UDP packets of {min(layout.PACKETS)} bytes do not get from it to {head.address}")
    assert sum(map(len, found.values())) == 9, found

    assert f"{SHARED}/jobs/{WORKFLOWS[0]}" in making
    make_folders(server, making)
    registry = layout.registry(head.address)
    assert f"add --insecure-registry {registry} to that command line" in flag
    options = f"{FLAG} --insecure-registry {registry}"
    head.run(f"echo 'DOCKER_OPTS=\"{options}\"' >/etc/default/docker && systemctl restart docker")
    head.run("nft delete table inet broken")
    worker.run(f"nft delete table inet broken && rm /filler && umount {SHARED}")
    mount(worker)
    worker.run("echo '{\"live-restore\": false}' >/etc/docker/daemon.json && systemctl reload docker")
    worker.run(f"date -s @{time.time():.0f}")
    accept_registry(accept)
    wait_for_docker(head)

    with timed("the check after the fixes"):
        assert check(machines) == {}
    assert server.run(f"ls -A {EXPORTED}").split() == ["archive", "jobs", "ledger"]


def test_a_file_server_that_takes_all_users_for_one_is_named_with_each_folder(
    machines: list[Machine], timed: Timed
) -> None:
    server, *hosts = machines
    uid = server.run(f"id -u {USER}").strip()
    server.run(f"sed -i 's/root_squash/all_squash,anonuid={uid}/' /etc/exports && exportfs -r")
    with timed("the check where all users are one"):
        found = check(machines)
    for host in hosts:
        saying(found, host, f"{SHARED}/ledger belongs to uid 1001, which may not write there")
    server.run(f"sed -i 's/all_squash,anonuid={uid}/root_squash/' /etc/exports && exportfs -r")
    assert check(machines) == {}


def test_a_machine_of_another_swarm_is_refused_and_stays_there(machines: list[Machine], timed: Timed) -> None:
    _, _, worker = machines
    worker.run(f"docker swarm init --advertise-addr {worker.address}")
    with timed("the check of a machine that is in another swarm"):
        found = check(machines)
    saying(found, worker, "it is in another swarm")
    assert worker.run("docker info --format '{{.Swarm.LocalNodeState}}'").strip() == "active"
    worker.run("docker swarm leave --force")


def test_a_firewall_that_lets_nothing_in_but_ssh_is_named_with_each_port(
    machines: list[Machine], timed: Timed
) -> None:
    """firewalld as Debian has it; docker knows of it and makes rules of its own."""
    _, head, worker = machines
    head.run("systemctl start firewalld")
    with timed("the check behind firewalld"):
        found = check(machines)
    fix = saying(
        found, worker, f"does not reach {head.address} at TCP 7946, UDP 7946, UDP 4789, TCP 2377, TCP 5000"
    )
    assert fix == f"open these ports for it in the firewall of {head.address}, or of what is between"
    assert sum(map(len, found.values())) == 1, found
    head.run("firewall-cmd -q --add-port={2377,5000,7946}/tcp --add-port={4789,7946}/udp")
    with timed("the check when its ports are open"):
        assert check(machines) == {}
    head.run("systemctl stop firewalld")
