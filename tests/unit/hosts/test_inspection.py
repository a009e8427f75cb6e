"""The check of hosts, with the real program on each: what it says of them, and that it leaves nothing."""

from __future__ import annotations

import contextlib
import getpass
import json
import os
import socket
import threading
from collections.abc import Iterator, Sequence
from dataclasses import replace
from ipaddress import IPv4Network
from pathlib import Path

import pytest

from infra import routes
from infra.hosts import checks, inspection, layout
from infra.hosts.facts import Docker, Facts, Share
from infra.hosts.inspection import HostsError
from infra.hosts.node import probe
from infra.hosts.settings import HostsSettings
from infra.ssh import Identity
from tests.unit.hosts.conftest import Machine

# The ports of a real broker or registry on this machine are not the test's affair. The machines are addresses
# of this one: each has a port to itself as long as none asks for it everywhere.
PORTS = {
    "NODE_PORTS": (("tcp", 27946), ("udp", 27946)),
    "OVERLAY_PORT": ("udp", 27946),
    "MEMBERSHIP_PORT": ("tcp", 27946),
    "MANAGER_PORTS": (("tcp", 22377),),
    "SWARM_PORT": ("tcp", 22377),
    "EVERYWHERE": (),
}

JOB_FOLDERS = ("my flow",)


@pytest.fixture
def share(tmp_path: Path) -> Path:
    folder = tmp_path / "share"
    folder.mkdir()
    return folder


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Loopback addresses will do here, and so will the room there is."""
    for name, ports in PORTS.items():
        monkeypatch.setattr(layout, name, ports)
    for name in ("MANAGER_SPACE", "WORKER_SPACE", "SHARE_SPACE"):
        monkeypatch.setattr(layout, name, 1)
    monkeypatch.setattr(checks, "can_be_reached", lambda address: address.startswith("127.77."))


def inspect(
    machines: list[Machine], share: Path, service_ports: Sequence[layout.Port] = ()
) -> dict[str, Facts]:
    manager, *workers = [machine.url for machine in machines]
    chosen = HostsSettings(manager=manager, workers=tuple(workers), shared_path=str(share), keep_data=True)
    return inspection.inspect(chosen, Identity(folder=""), JOB_FOLDERS, service_ports)


def problems(
    machines: list[Machine], share: Path, service_ports: Sequence[layout.Port] = ()
) -> dict[str, list[str]]:
    """What was found wrong, by host, without the fixes."""
    with pytest.raises(HostsError) as caught:
        inspect(machines, share, service_ports)
    found: dict[str, list[str]] = {}
    host = ""
    for line in str(caught.value).splitlines()[1:]:
        if line.startswith("  - "):
            found[host].append(line.removeprefix("  - "))
        elif not line.startswith("    fix: "):
            host = line.split()[1]
            found[host] = []
    return found


def needs_root() -> None:
    if os.getuid():
        pytest.skip("folders for other users can be made by root only")


def test_hosts_with_nothing_wrong_are_known_afterwards_and_nothing_is_left(
    machines: list[Machine], share: Path
) -> None:
    needs_root()
    found = inspect(machines, share)
    assert [facts.address for facts in found.values()] == [machine.address for machine in machines]
    assert all(abs(facts.ahead) < 60 for facts in found.values())
    assert list(share.iterdir()) == []


def test_everything_wrong_is_said_at_once_host_by_host(machines: list[Machine], share: Path) -> None:
    needs_root()
    manager, one, two = machines
    manager.info(ServerVersion="19.03.1")
    (one.home / "docker").unlink()
    two.info(Name=f"host-{manager.address}", Architecture="aarch64")
    gone = Machine(home=Path("/nowhere"), address="127.77.0.9")
    found = problems([*machines, gone], share)
    assert found[manager.url] == ["docker is 19.03.1; 20.10 or newer is needed"]
    assert found[one.url] == ["there is no docker command"]
    assert "it is linux/arm64, the manager is linux/amd64; images are built for one" in found[two.url]
    assert f"its host name is host-{manager.address}, and so is that of {manager.url}" in found[two.url]
    assert found[gone.url] == ["it cannot be asked: ssh: connect to host 127.77.0.9: Connection refused"]
    assert list(share.iterdir()) == []


def test_a_docker_that_the_user_may_not_use_and_one_that_is_off_are_different_errors(
    machines: list[Machine], share: Path
) -> None:
    _, one, two = machines
    for machine, words in ((one, "permission denied while trying to connect"), (two, "Is it running?")):
        (machine.home / "info.json").write_text(json.dumps({"ServerErrors": [words]}))
    found = problems(machines, share)
    assert found[one.url] == [f"{getpass.getuser()} may not use docker"]
    assert found[two.url] == ["docker does not answer: Is it running?"]


def test_a_host_without_the_share_is_an_error(machines: list[Machine], share: Path) -> None:
    share.rmdir()
    found = problems(machines, share)
    assert all(f"{share} is no folder there" in found[machine.url] for machine in machines)


def test_a_port_in_use_is_named(machines: list[Machine], share: Path) -> None:
    with socket.create_server((machines[1].address, 27946)):
        found = problems(machines, share)
    assert found[machines[1].url] == ["TCP port 27946 is in use by another program"]


ONE_SERVICE = [("tcp", 28080)]


@pytest.fixture
def only_services(monkeypatch: pytest.MonkeyPatch) -> None:
    """The hosts need no ports but those of services, which docker has at all addresses of the manager."""
    for name in ("NODE_PORTS", "MANAGER_PORTS"):
        monkeypatch.setattr(layout, name, ())
    monkeypatch.setattr(layout, "EVERYWHERE", ("0.0.0.0", "::"))


@pytest.mark.usefixtures("only_services")
@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
def test_a_program_at_the_managers_loopback_is_in_dockers_way_too(
    machines: list[Machine], share: Path, address: str
) -> None:
    needs_root()
    if ":" in address and not has_ipv6():
        pytest.skip("there is no IPv6")
    with socket.create_server((address, 28080), family=socket.AF_INET6 if ":" in address else socket.AF_INET):
        found = problems(machines, share, ONE_SERVICE)
    assert found == {machines[0].url: ["TCP port 28080 is in use by another program"]}


@pytest.mark.usefixtures("only_services")
def test_a_port_that_nobody_has_is_free(machines: list[Machine], share: Path) -> None:
    needs_root()
    assert len(inspect(machines, share, ONE_SERVICE)) == 3


def has_ipv6() -> bool:
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        return False
    return True


def test_a_docker_with_live_restore_is_refused_before_it_refuses_the_swarm(
    machines: list[Machine], share: Path
) -> None:
    needs_root()
    machines[1].info(LiveRestoreEnabled=True)
    with pytest.raises(HostsError) as caught:
        inspect(machines, share)
    text = str(caught.value)
    assert "its docker has live-restore on, with which it can be in no swarm" in text
    assert 'set "live-restore": false in its /etc/docker/daemon.json' in text


def test_a_docker_that_gives_containers_labels_is_refused(machines: list[Machine], share: Path) -> None:
    needs_root()
    machines[1].info(SecurityOptions=["name=seccomp,profile=builtin", "name=selinux", "name=cgroupns"])
    with pytest.raises(HostsError, match="its docker has selinux-enabled") as caught:
        inspect(machines, share)
    assert 'set "selinux-enabled": false in its /etc/docker/daemon.json' in str(caught.value)


def test_hosts_of_another_swarm_are_refused(machines: list[Machine], share: Path) -> None:
    manager, one, two = machines
    one.swarm("stranger")
    two.swarm("boss", cluster="swarm-2", nodes=("boss",))
    found = problems(machines, share)
    assert "it is in another swarm (node stranger, active)" in found[one.url]
    assert "it is in another swarm (node boss, active)" in found[two.url]
    manager.swarm("m", cluster="swarm-3", nodes=("m",))
    assert "it is in swarm-3, which is not this stack's" in problems(machines, share)[manager.url]


@pytest.fixture
def own_swarm(machines: list[Machine], share: Path) -> Iterator[None]:
    """The first two hosts are a swarm whose record is on the share; what their dockers answer at is open."""
    manager, one, _ = machines
    manager.swarm("m", cluster="swarm-1", nodes=("m", "w"))
    one.swarm("w")
    (share / ".swarm").mkdir()
    (share / ".swarm" / "token.json").write_text(json.dumps({"swarm": "swarm-1", "token": "secret"}))
    with (
        socket.create_server((manager.address, 22377)),
        socket.create_server((manager.address, 27946)),
        socket.create_server((one.address, 27946)),
    ):
        yield


@pytest.mark.usefixtures("own_swarm")
def test_hosts_of_this_swarm_stay_as_they_are(machines: list[Machine], share: Path) -> None:
    needs_root()
    assert len(inspect(machines, share, ONE_SERVICE)) == 3


@pytest.mark.usefixtures("own_swarm")
def test_a_closed_port_is_named_for_each_host_that_needs_it(
    machines: list[Machine], share: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    needs_root()
    monkeypatch.setattr(layout, "MANAGER_PORTS", (("tcp", 22378),))
    monkeypatch.setattr(layout, "SWARM_PORT", ("tcp", 22378))
    manager, one, two = machines
    closed = f"it does not reach {manager.address} at TCP 22378"
    assert problems(machines, share) == {one.url: [closed], two.url: [closed]}


@pytest.mark.usefixtures("own_swarm")
def test_a_new_host_with_an_address_of_the_swarms_network_is_named_and_those_that_are_in_it_are_not(
    machines: list[Machine], share: Path
) -> None:
    needs_root()
    address = next(str(network) for network in routes.own() if network.prefixlen < 32)
    machines[0].overlay(address)
    # All three stand for this machine, so have its routes. The first two are in the swarm already.
    (problem,) = problems(machines, share)[machines[2].url]
    assert (
        problem
        == f"it is in {address} or has a route there, and the swarm's network swarm-network has {address}"
    )
    assert set(problems(machines, share)) == {machines[2].url}


def test_a_host_in_a_larger_network_than_the_swarms_can_join(machines: list[Machine], share: Path) -> None:
    needs_root()
    manager, one, _ = inspect(machines, share).values()
    assert isinstance(manager.docker, Docker) and isinstance(manager.share, Share)
    docker = replace(
        manager.docker, control=True, cluster="s", overlays=(("swarm-network", IPv4Network("10.0.1.0/24")),)
    )
    boss = replace(manager, docker=docker, share=replace(manager.share, swarm="s"))
    for networks, number in ((("10.0.0.0/16", "10.0.0.7/32"), 0), (("10.0.0.0/16", "10.0.1.7/32"), 1)):
        host = replace(one, networks=tuple(map(IPv4Network, networks)))
        assert len(list(checks.address_problems(host, boss))) == number


def test_hosts_that_get_whole_packets_to_each_other_have_the_usual_mtu(
    machines: list[Machine], share: Path
) -> None:
    needs_root()
    assert {facts.mtu for facts in inspect(machines, share).values()} == {1500}


@pytest.mark.usefixtures("own_swarm")
def test_hosts_at_whose_port_docker_listens_have_the_mtu_that_the_kernel_knows(
    machines: list[Machine], share: Path
) -> None:
    needs_root()
    assert {facts.mtu for facts in inspect(machines, share).values()} == {1500}


@pytest.mark.parametrize(("let_through", "found"), [(1500, 1500), (1450, 1450), (1499, 1492), (1279, 0)])
def test_the_largest_packet_that_comes_through_is_found(let_through: int, found: int) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listener:
        listener.bind(("127.0.0.1", 0))

        listener.settimeout(0.1)
        ended = threading.Event()

        def answer() -> None:
            while not ended.is_set():
                with contextlib.suppress(TimeoutError):
                    content, sender = listener.recvfrom(65536)
                    if len(content) + probe.HEADERS <= let_through:
                        listener.sendto(content[: probe.LABEL], sender)

        thread = threading.Thread(target=answer)
        thread.start()
        try:
            port = listener.getsockname()[1]
            assert probe.largest_packet("127.0.0.1", port, list(layout.PACKETS)) == found
        finally:
            ended.set()
            thread.join(5)


def test_a_way_that_only_small_packets_take_is_an_error_and_a_smaller_mtu_is_not() -> None:
    (problem,) = checks.small_packets({"10.0.0.1": 1500, "10.0.0.2": 0, "10.0.0.3": 1280})
    assert problem.what == (
        "UDP packets of 1280 bytes do not get from it to 10.0.0.2 at port 27946, though small ones do"
    )


@pytest.mark.parametrize(
    ("mark", "words"), [("missing", "it is another disk"), ("denied", "the join token"), ("seen", "")]
)
def test_the_managers_file_shows_whether_the_disk_is_the_same(mark: str, words: str) -> None:
    found = list(checks.share_differs(mark, "/shared-data"))
    assert len(found) == bool(words)
    assert all(words in problem.what for problem in found)


def test_a_docker_that_refuses_the_registry_is_an_error_with_the_line_to_add_and_the_command_that_adds_it(
    machines: list[Machine], share: Path
) -> None:
    needs_root()
    registry = f"{machines[0].address}:5000"
    machines[1].info(RegistryConfig={"IndexConfigs": {}, "InsecureRegistryCIDRs": []})
    named = {"IndexConfigs": {registry: {"Secure": False}}, "InsecureRegistryCIDRs": None}
    machines[2].info(RegistryConfig=named)
    with pytest.raises(HostsError) as caught:
        inspect(machines, share)
    text = str(caught.value)
    assert text.startswith("target hosts: 1 to fix on 1 of 3 hosts, none was changed")
    assert f'"insecure-registries": ["{registry}"]' in text
    assert "ssh root@127.77.0.2" in text
    assert f"python3 - {registry} <infra/hosts/node/accept_registry.py" in text


def test_a_clock_that_differs_from_the_managers_is_named_with_the_seconds(
    machines: list[Machine], share: Path
) -> None:
    needs_root()
    manager, one, _ = inspect(machines, share).values()
    late = replace(one, ahead=manager.ahead - 3600)
    (problem,) = checks.worker_problems(late, manager)
    assert problem.what == "its clock is 3600 s behind the manager's"
    assert not list(checks.worker_problems(replace(one, ahead=manager.ahead + 1), manager))


def test_folders_of_other_users_are_an_error() -> None:
    mine = Share(free=1 << 40, owners={"archive": 1000, "jobs": 0}, gives_away=True, swarm="")
    (problem,) = checks.share_problems(mine, "/shared-data", [])
    assert problem.what == "/shared-data/jobs belongs to uid 0, but uid 1000 is to write there"
    assert "sudo chown -R 1000:1000 /shared-data/jobs" in problem.fix


def test_folders_that_root_cannot_make_on_the_disk_are_an_error() -> None:
    squashed = Share(free=1 << 40, owners={"archive": 1000}, gives_away=False, swarm="")
    (problem,) = checks.share_problems(squashed, "/shared-data", [])
    assert problem.fix.endswith(
        "install -d -o 1000 -g 1000 -m 2775 /shared-data/jobs && "
        "install -d -o 1001 -g 1000 -m 0700 /shared-data/ledger"
    )


def test_the_folder_of_each_workflow_is_among_those_to_make_and_named_if_it_is_anothers() -> None:
    made = {"archive": 1000, "jobs": 1000, "ledger": 1001}
    squashed = Share(free=1 << 40, owners=made | {"jobs/old": 0}, gives_away=False, swarm="")
    anothers, missing = checks.share_problems(squashed, "/shared-data", ["my flow", "old"])
    assert "/shared-data/jobs/old belongs to uid 0, but uid 1000" in anothers.what
    assert missing.fix.endswith(": install -d -o 1000 -g 1000 -m 2775 '/shared-data/jobs/my flow'")


def test_a_folder_where_its_owner_may_not_write_is_found_on_each_host(
    machines: list[Machine], share: Path
) -> None:
    """As where the file server takes all users for one."""
    needs_root()
    for name, uid in layout.UIDS.items():
        (share / name).mkdir()
        os.chown(share / name, uid, 1000)
    (share / "ledger").chmod(0o500)
    found = problems(machines, share)
    assert [len(of_host) for of_host in found.values()] == [1, 1, 1]
    assert all("ledger belongs to uid 1001, which may not write there" in each for (each,) in found.values())


def test_a_workflow_whose_folder_is_missing_is_found_where_root_cannot_make_it(
    machines: list[Machine], share: Path
) -> None:
    """Without chown the manager's disk gives nothing away."""
    needs_root()
    (machines[0].home / "chown").unlink()
    (machines[0].home / "chown").symlink_to("/bin/false")
    for name, uid in layout.UIDS.items():
        (share / name).mkdir()
        os.chown(share / name, uid, 1000)
    with pytest.raises(HostsError, match=r"fix: as root.*/jobs/my flow'$"):
        inspect(machines, share)
    (share / "jobs" / "my flow").mkdir()
    os.chown(share / "jobs" / "my flow", 1000, 1000)
    assert len(inspect(machines, share)) == 3
