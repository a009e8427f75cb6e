"""Target hosts on machines that exist already; the tests are one story, in this order."""

from __future__ import annotations

import json
import re
import secrets
import subprocess
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import pytest

from testing.addresses import free_network
from testing.cluster import Cluster, finish
from testing.tools import require
from testing.waiting import until
from tests.e2e.hosts.machines import SHARE, Machine, Room, build_image, fixes

KEPT = [".oodt-made", "archive", "config", "jobs", "ledger"]
JOBS = ("--metadata", "Dataset=abc", "--metadata", "Project=123", "--metadata", "Seconds=1")
LATE = (
    "import time; now = time.time; time.time = lambda: now() - 3600"  # for Python: containers share a clock
)
LIVE_RESTORE = (
    """echo '{"live-restore": true}' >/etc/docker/daemon.json && kill -HUP $(cat /var/run/docker.pid)"""
)
HOLD_PORT = "import socket, time; held = socket.create_server(('127.0.0.1', 8080)); time.sleep(600)"
NODES = "docker node ls --format '{{.Hostname}} {{.Status}} {{.Availability}}'"


class Hosts(NamedTuple):
    head: Machine
    one: Machine
    two: Machine
    stranger: Machine
    shareless: Machine
    late: Machine


@pytest.fixture(scope="module")
def room(docker_daemon: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Room]:
    require("ssh")
    require("ssh-keyscan")
    name = f"oodt-hosts-{secrets.token_hex(2)}"
    found = Room(name=name, subnet=free_network(24), folder=tmp_path_factory.mktemp("room"))
    try:
        found.open()
        yield found
    finally:
        found.close()


@pytest.fixture(scope="module")
def hosts(room: Room) -> Hosts:
    """Three good hosts, of which one has a tunnel's MTU.

    One more in a swarm of its own, one without the share, one late and with live-restore.
    """
    image = build_image()
    head, one, two = (room.start(name, image) for name in ("head", "one", "two"))
    stranger, shareless = room.start("stranger", image), room.start("shareless", image, shares=False)
    late = room.start("late", image)
    room.wait()
    two.run("ip link set eth0 mtu 1400")
    stranger.run("docker swarm init --advertise-addr eth0")
    late.run(f"echo '{LATE}' | tee -a /etc/python3.*/sitecustomize.py")
    late.run(LIVE_RESTORE)
    until(lambda: late.docker_info("LiveRestoreEnabled") == "true", what="docker to read its configuration")
    return Hosts(head, one, two, stranger, shareless, late)


@pytest.fixture(scope="module")
def cluster(room: Room, hosts: Hosts, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    made = Cluster.make(tmp_path_factory.mktemp("cluster"), "10.213.0.0/24")
    made.environment["OODT_SSH_CONFIG"] = str(room.configuration)
    for key, value in (("target", "hosts"), ("manager", hosts.head.url), ("shared_path", SHARE)):
        made.pulumi("config", "set", key, value)
    yield made
    made.destroy()


def listed(*machines: Machine) -> str:
    return json.dumps([machine.url for machine in machines])


def problems(text: str) -> dict[str, list[str]]:
    """What the check says of each host, from the output of pulumi."""
    assert "target hosts: " in text, text
    found: dict[str, list[str]] = {}
    host = ""
    for line in text.splitlines():
        if heading := re.match(r"\s*(?:manager|worker) (ssh://\S+)$", line):
            host = heading[1]
            found.setdefault(host, [])
        elif host and (problem := re.match(r"\s*- (.+)", line)):
            found[host].append(problem[1])
    return found


def states(machines: Sequence[Machine]) -> set[str]:
    return {machine.swarm_state() for machine in machines}


def test_everything_that_is_wrong_is_said_of_each_host_before_anything_is_changed(
    cluster: Cluster, hosts: Hosts
) -> None:
    workers = listed(hosts.one, hosts.stranger, hosts.shareless, hosts.late)
    cluster.pulumi("config", "set", "workers", workers)
    text = cluster.pulumi("up", "--yes", "--skip-preview", check=False)
    found = problems(text)
    cannot_write = f"scientist cannot write to {SHARE}: Permission denied"
    assert cannot_write in found[hosts.head.url]
    assert cannot_write in found[hosts.one.url]
    assert f"{SHARE} is no folder there" in found[hosts.shareless.url]
    assert any(re.match("it is in another swarm", problem) for problem in found[hosts.stranger.url])
    assert any(
        re.match(r"its clock is 3[56]\d\d s behind the manager's", problem)
        for problem in found[hosts.late.url]
    )
    assert "its docker has live-restore on, with which it can be in no swarm" in found[hosts.late.url]
    assert all(any("registry" in problem for problem in of_host) for of_host in found.values())
    assert states([hosts.head, hosts.one, hosts.shareless, hosts.late]) == {"inactive"}
    assert hosts.stranger.swarm_state() == "active"
    assert hosts.head.run(f"ls -A {SHARE}") == ""


def test_after_what_it_said_to_do_the_good_hosts_pass(cluster: Cluster, hosts: Hosts) -> None:
    hosts.head.run(f"chown scientist {SHARE}")
    cluster.pulumi("config", "set", "workers", listed(hosts.one, hosts.two))
    text = cluster.pulumi("preview", check=False)
    commands = fixes(text, "accept_registry")
    assert len(commands) == 3, text
    for command in commands:
        subprocess.run(command, shell=True, cwd=cluster.folder, check=True, capture_output=True, timeout=60)
    text = cluster.pulumi("preview")
    assert "oodt-wmgr" in text
    assert states([hosts.head, hosts.one, hosts.two]) == {"inactive"}
    assert hosts.head.run(f"ls -A {SHARE}") == ""


def test_another_disk_in_the_shares_place_is_not_the_share(cluster: Cluster, hosts: Hosts) -> None:
    hosts.shareless.run(f"mkdir {SHARE} && chown scientist {SHARE}")
    cluster.pulumi("config", "set", "workers", listed(hosts.one, hosts.shareless))
    found = problems(cluster.pulumi("preview", check=False))
    assert any("it is another disk" in problem for problem in found[hosts.shareless.url])
    cluster.pulumi("config", "set", "workers", listed(hosts.one, hosts.two))


def test_a_port_that_the_firewall_keeps_shut_is_named(cluster: Cluster, hosts: Hosts) -> None:
    rule = "INPUT -p tcp --dport 2377 -j DROP"
    hosts.head.run(f"iptables -I {rule}")
    try:
        text = cluster.pulumi("preview", check=False)
    finally:
        hosts.head.run(f"iptables -D {rule}")
    closed = f"it does not reach {hosts.head.address} at TCP 2377"
    assert problems(text) == {hosts.one.url: [closed], hosts.two.url: [closed]}


def test_a_firewall_that_lets_small_packets_of_the_overlay_through_and_no_large_ones_is_named(
    cluster: Cluster, hosts: Hosts
) -> None:
    rule = "INPUT -p udp --dport 4789 -m length --length 1000:65535 -j DROP"
    hosts.head.run(f"iptables -I {rule}")
    try:
        text = cluster.pulumi("preview", check=False)
    finally:
        hosts.head.run(f"iptables -D {rule}")
    small = f"UDP packets of 1280 bytes do not get from it to {hosts.head.address} at port 4789"
    found = {host: [problem.partition(",")[0] for problem in of] for host, of in problems(text).items()}
    assert found == {hosts.one.url: [small], hosts.two.url: [small]}


def test_a_pool_that_a_host_has_a_route_to_is_refused_and_none_is_chosen_that_one_has(
    cluster: Cluster, hosts: Hosts
) -> None:
    # No network of a test is there.
    routes = ("10.253.3.0/24", "10.255.0.0/16")
    for route in routes:
        hosts.one.run(f"ip route add {route} dev eth0")
    cluster.pulumi("config", "set", "overlay_pool", "10.253.0.0/16")
    refused = cluster.pulumi("preview", check=False)
    cluster.pulumi("config", "rm", "overlay_pool")
    chosen = cluster.pulumi("preview", "--diff")
    for route in routes:
        hosts.one.run(f"ip route del {route}")
    assert f"it meets {routes[0]}, which {hosts.one.url} is in or has a route to" in refused
    assert "fix: pulumi config set overlay_pool 10.254.192.0/18" in refused
    assert "10.254.192.0/20" in chosen


def test_the_overlay_is_to_send_no_larger_packets_than_the_smallest_way_takes(cluster: Cluster) -> None:
    assert re.search(r'com\.docker\.network\.driver\.mtu: "1400"', cluster.pulumi("preview", "--diff"))


def test_a_program_at_the_managers_loopback_is_in_the_way_of_a_service(
    cluster: Cluster, hosts: Hosts
) -> None:
    held = hosts.head.run(f'python3 -c "{HOLD_PORT}" >/dev/null 2>&1 & echo $!').strip()
    try:
        text = cluster.pulumi("preview", check=False)
    finally:
        hosts.head.run(f"kill {held}")
    assert problems(text) == {hosts.head.url: ["TCP port 8080 is in use by another program"]}


@pytest.mark.slow
def test_ten_jobs_leave_twenty_products(cluster: Cluster, hosts: Hosts) -> None:
    cluster.up()
    report = cluster.run_jobs("--jobs", "10", *JOBS)
    assert (report["submitted"], report["succeeded"], report["failed"]) == (10, 10, 0)
    assert {job["node"] for job in report["jobs"]} == {"one", "two"}
    assert len(cluster.products()) == 20


@pytest.mark.slow
def test_packets_within_the_overlay_leave_room_for_its_headers(cluster: Cluster, hosts: Hosts) -> None:
    container = hosts.one.run("docker ps -q --filter name=oodt-wmgr").split()[0]
    interfaces = hosts.one.run(f"docker exec {container} sh -c 'grep . /sys/class/net/eth*/mtu'").split()
    assert "1350" in {line.rpartition(":")[2] for line in interfaces}


@pytest.mark.slow
def test_a_second_up_and_a_refresh_change_nothing(cluster: Cluster) -> None:
    assert cluster.up() == {}
    cluster.pulumi("refresh", "--yes", "--skip-preview")
    assert cluster.up() == {}


@pytest.mark.slow
def test_networks_and_smaller_packets_that_come_later_are_told_of_and_change_nothing(
    cluster: Cluster, hosts: Hosts
) -> None:
    hosts.one.run("ip route add 10.255.0.0/16 dev eth0")
    hosts.two.run("ip link set eth0 mtu 1300")
    text = cluster.pulumi("preview", "--expect-no-changes")
    hosts.two.run("ip link set eth0 mtu 1400")
    hosts.one.run("ip route del 10.255.0.0/16")
    assert "sends packets of up to 1400 bytes, but nodes take 1300" in text


@pytest.mark.slow
def test_the_join_token_is_in_no_state_and_only_its_users_to_read(cluster: Cluster, hosts: Hosts) -> None:
    record = f"{SHARE}/.swarm/token.json"
    token = json.loads(hosts.one.run(f"cat {record}"))["token"]
    assert token.startswith("SWMTKN-")
    assert token not in cluster.pulumi("stack", "export", "--show-secrets")
    assert hosts.one.run(f"stat -c '%a %U' {record}").split() == ["600", "scientist"]


@pytest.mark.slow
def test_a_host_removed_during_a_run_costs_no_job(cluster: Cluster, hosts: Hosts) -> None:
    before = len(cluster.products())
    jobs = ("--jobs", "16", *JOBS, "--metadata", "Seconds=4")
    run = cluster.start("runtime.submit", "--event", "test-workflow", *jobs, "--wait", "--json")
    folders = f"ls {SHARE}/jobs/test-workflow | wc -l"
    until(lambda: int(hosts.head.run(folders)) >= 14, what="jobs to run on both hosts")
    cluster.up(workers=listed(hosts.one))
    assert hosts.two.swarm_state() == "inactive"
    assert "two" not in cluster.manager(NODES)
    assert hosts.two.run("docker ps -aq") == ""
    report = finish(run, 300)
    assert (report["succeeded"], report["failed"]) == (16, 0)
    assert len(cluster.products()) == before + 32


@pytest.mark.slow
def test_a_host_is_added_by_naming_it(cluster: Cluster, hosts: Hosts) -> None:
    cluster.up(workers=listed(hosts.one, hosts.two))
    assert "two Ready Active" in cluster.manager(NODES).splitlines()


@pytest.mark.slow
def test_a_node_of_this_swarm_is_taken_as_it_is(cluster: Cluster, hosts: Hosts) -> None:
    cluster.up(workers=listed(hosts.one))
    token = hosts.head.run("docker swarm join-token -q worker").strip()
    hosts.two.run(f"docker swarm join --token {token} {hosts.head.address}:2377")
    node = hosts.two.docker_info("Swarm.NodeID")
    cluster.up(workers=listed(hosts.one, hosts.two))
    assert hosts.two.docker_info("Swarm.NodeID") == node
    assert [line.split()[0] for line in cluster.manager(NODES).splitlines()].count("two") == 1


@pytest.mark.slow
def test_a_host_that_has_died_is_named_and_can_be_taken_off_the_list(cluster: Cluster, hosts: Hosts) -> None:
    subprocess.run(["docker", "stop", hosts.two.container], check=True, capture_output=True, timeout=60)
    found = problems(cluster.pulumi("up", "--yes", "--skip-preview", check=False))
    assert [problem[:19] for problem in found[hosts.two.url]] == ["it cannot be asked:"]
    cluster.up(workers=listed(hosts.one))
    assert "two" not in cluster.manager(NODES)
    assert cluster.run_jobs("--jobs", "2", *JOBS)["succeeded"] == 2


@pytest.mark.slow
def test_a_manager_that_has_died_is_got_rid_of_by_destroy(cluster: Cluster, hosts: Hosts) -> None:
    subprocess.run(["docker", "stop", hosts.head.container], check=True, capture_output=True, timeout=60)
    text = cluster.destroy()
    advice = re.search(r"When it is back, so are its services: (ssh .+)", text)
    assert advice, text
    assert hosts.one.swarm_state() == "inactive"
    assert hosts.one.run("docker ps -aq") == ""
    assert hosts.one.run(f"ls -A {SHARE}").split() == KEPT
    subprocess.run(["docker", "start", hosts.head.container], check=True, capture_output=True, timeout=60)
    until(hosts.head.answers, what="docker on the manager")
    assert hosts.head.swarm_state() != "inactive"
    subprocess.run(advice[1], shell=True, check=True, capture_output=True, timeout=60)
    assert states([hosts.head, hosts.one]) == {"inactive"}


@pytest.mark.slow
def test_destroy_leaves_no_swarm_and_the_data_on_the_share(cluster: Cluster, hosts: Hosts) -> None:
    cluster.up()
    products = cluster.products()
    assert products
    cluster.destroy()
    assert states([hosts.head, hosts.one]) == {"inactive"}
    assert hosts.head.run("docker ps -aq") + hosts.one.run("docker ps -aq") == ""
    assert sorted(hosts.head.run(f"find {SHARE}/archive -type f").splitlines()) == products
    assert hosts.head.run(f"ls -A {SHARE}").split() == KEPT
    assert "filemgr-data" in hosts.head.run("docker volume ls -q").split()


@pytest.mark.slow
def test_destroy_removes_what_the_cluster_made_and_nothing_else_where_that_is_asked_for(
    cluster: Cluster, hosts: Hosts
) -> None:
    hosts.head.run(f"rm -r {SHARE}/config && sed -i /^config$/d {SHARE}/.oodt-made")
    hosts.head.run(
        f"mkdir -m 0777 {SHARE}/config && touch {SHARE}/config/theirs && docker volume create theirs"
    )
    cluster.up(keep_data="false")
    text = cluster.destroy()
    assert f"left, since the cluster has not made it: {SHARE}/config" in text
    assert hosts.head.run(f"ls -A {SHARE}").split() == ["config"]
    assert "theirs" in hosts.head.run(f"ls {SHARE}/config").split()
    assert hosts.head.run("docker volume ls -q").split() == ["theirs"]
