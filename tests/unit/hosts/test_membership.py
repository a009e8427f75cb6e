"""How hosts become nodes and leave, by the commands that run on them."""

from __future__ import annotations

import subprocess
from typing import Any

import pytest

from infra import ssh
from infra.hosts import membership
from infra.hosts.membership import SwarmLostError

MANAGER, WORKER = "ssh://ops@head", "ssh://ops@one"


class Shells:
    """Stands for ssh: notes what is run where, and answers docker's questions."""

    def __init__(self) -> None:
        self.ran: list[tuple[str, str]] = []
        self.answers = {
            "with .Swarm.Cluster": "swarm-1",
            "{{.Swarm.NodeID}}'": "node-1",
            "service ls": "registry\ntheirs\noodt-wmgr",
            "docker ps": "theirs",
        }
        self.unreachable: set[str] = set()

    def run(self, _identity: object, url: str, script: str, *, timeout: float, **_: object) -> str:
        if url in self.unreachable:
            raise ssh.UnreachableError(f"{url}: exit 255: no route to host")
        self.ran.append((url, script))
        return next((answer for words, answer in self.answers.items() if words in script), "")

    def where(self, words: str) -> list[str]:
        return [url for url, script in self.ran if words in script]

    def position(self, words: str) -> int:
        return next(number for number, (_, script) in enumerate(self.ran) if words in script)


@pytest.fixture
def shells(monkeypatch: pytest.MonkeyPatch) -> Shells:
    found = Shells()
    monkeypatch.setattr(ssh, "run", found.run)
    return found


def manager(**changes: Any) -> dict[str, Any]:
    props = {
        "host": MANAGER,
        "folder": "",
        "address": "10.0.0.10",
        "found": "",
        "pool": "10.255.208.0/20",
        "share": "/shared-data",
        "workers": [WORKER],
        "job_folders": ["my flow"],
        "keep_data": True,
        "docker_host": None,
        "node": "node-0",
    }
    return props | changes


def worker(**changes: Any) -> dict[str, Any]:
    props = {
        "host": WORKER,
        "folder": "",
        "address": "10.0.0.11",
        "found": "",
        "share": "/shared-data",
        "swarm": "swarm-1",
        "node": "node-1",
    }
    return props | changes


def test_the_manager_makes_its_folders_then_its_swarm_and_is_known_by_it(shells: Shells) -> None:
    result = membership._ManagerProvider().create(manager())
    assert result.id == "swarm-1"
    assert result.outs
    assert (result.outs["docker_host"], result.outs["node"]) == (MANAGER, "node-1")
    folders, script = shells.ran[0][1], shells.ran[1][1]
    assert "install -d -o 1001 -g 1000 -m 0700 /shared-data/ledger" in folders
    assert "install -d -o 1000 -g 1000 -m 2775 '/shared-data/jobs/my flow'" in folders
    assert script.startswith("exec python3 - manager --address 10.0.0.10 ")
    assert script.endswith("--token-file /shared-data/.swarm/token.json")
    assert "--pool 10.255.208.0/20 " in script


def test_a_manager_found_in_the_stacks_swarm_is_left_as_it_is() -> None:
    provider, olds = membership._ManagerProvider(), manager()
    assert not provider.diff("swarm-1", olds, manager(found="swarm-1")).changes
    assert provider.diff("swarm-1", olds, manager(found="swarm-1", workers=[])).changes
    # Hosts have got other routes meanwhile; a stack from before there was a pool has none in its state.
    for pool in ({"pool": "10.200.16.0/20"}, {}):
        earlier = {key: value for key, value in olds.items() if key != "pool"} | pool
        assert not provider.diff("swarm-1", earlier, manager(found="swarm-1")).changes


def test_a_swarm_that_is_gone_or_would_have_to_move_is_an_error_with_what_to_do() -> None:
    provider = membership._ManagerProvider()
    with pytest.raises(SwarmLostError, match="pulumi refresh"):
        provider.diff("swarm-1", manager(), manager(found=""))
    with pytest.raises(SwarmLostError, match="pulumi destroy"):
        provider.diff("swarm-1", manager(), manager(found="swarm-1", address="10.0.0.99"))


def test_a_refresh_forgets_a_manager_whose_swarm_is_gone(shells: Shells) -> None:
    provider = membership._ManagerProvider()
    assert provider.read("swarm-1", manager()).id == "swarm-1"
    shells.answers["with .Swarm.Cluster"] = ""
    assert not provider.read("swarm-1", manager()).id


def test_a_worker_joins_again_only_if_it_is_another_node_than_before(shells: Shells) -> None:
    provider = membership._WorkerProvider()
    result = provider.create(worker(node=None))
    assert result.outs and result.outs["node"] == "node-1"
    assert not provider.diff("id", worker(), worker(found="node-1")).changes
    assert provider.diff("id", worker(), worker(found="")).changes
    assert provider.diff("id", worker(), worker(found="node-1", swarm="swarm-2")).changes


def test_a_node_of_the_stacks_swarm_stays_as_it_is(shells: Shells) -> None:
    """As after a lost state, or where the operator had it join: its containers go on."""
    result = membership._WorkerProvider().create(worker(node=None, found="node-1"))
    assert result.outs and result.outs["node"] == "node-1"
    assert [script for _, script in shells.ran] == ["docker info --format '{{.Swarm.NodeID}}'"]


def test_the_join_script_gets_no_right_to_take_a_host_out_of_a_swarm(shells: Shells) -> None:
    membership._WorkerProvider().create(worker(node=None))
    (script,) = [script for _, script in shells.ran if "python3" in script]
    assert "--membership-file" not in script


def test_a_worker_leaves_only_as_the_node_that_it_became(shells: Shells) -> None:
    membership._WorkerProvider().delete("id", worker())
    ((url, script),) = shells.ran
    assert url == WORKER
    assert 'case " node-1 " in' in script
    assert "--force" not in script


def test_a_worker_that_is_not_reached_is_named_and_is_no_error(
    shells: Shells, capfd: pytest.CaptureFixture[str]
) -> None:
    shells.unreachable.add(WORKER)
    membership._WorkerProvider().delete("id", worker())
    assert "ssh ops@one docker swarm leave" in capfd.readouterr().out


def test_teardown_removes_services_then_workers_then_manager_and_the_data_stay(shells: Shells) -> None:
    membership._ManagerProvider().delete("swarm-1", manager())
    order = [
        shells.position(words) for words in ("service rm", " node-0 ", "leave --force", ".swarm/token.json")
    ]
    assert order == sorted(order)
    assert shells.where("docker service rm registry oodt-wmgr") == [MANAGER]
    assert shells.where(" node-0 ") == [WORKER]
    assert shells.where("leave --force") == [MANAGER]
    assert not shells.where("volume rm")
    assert not shells.where("rm -rf")


def test_data_are_removed_if_that_is_set_and_what_stays_is_named(
    shells: Shells, capfd: pytest.CaptureFixture[str]
) -> None:
    shells.answers["rm -rf"] = "/shared-data/archive"
    membership._ManagerProvider().delete("swarm-1", manager(keep_data=False))
    assert "has not made it: /shared-data/archive" in capfd.readouterr().out
    removal = shells.ran[-1][1]
    assert "if noted 10.0.0.10/rabbitmq-data; then docker volume rm -f rabbitmq-data" in removal
    assert "if noted 'jobs/my flow'; then $root rm -rf '/shared-data/jobs/my flow'" in removal


@pytest.mark.parametrize("cluster", ["", "swarm-2"])
def test_a_manager_without_the_stacks_swarm_keeps_what_it_has_and_its_workers_leave(
    shells: Shells, cluster: str
) -> None:
    shells.answers["with .Swarm.Cluster"] = cluster
    membership._ManagerProvider().delete("swarm-1", manager())
    assert not shells.where("service rm")
    assert not shells.where("leave --force")
    assert shells.where("docker swarm leave") == [WORKER]


def test_workers_leave_without_a_dead_manager_and_a_message_says_what_to_do_when_it_is_back(
    shells: Shells, capfd: pytest.CaptureFixture[str]
) -> None:
    shells.unreachable.add(MANAGER)
    membership._ManagerProvider().delete("swarm-1", manager(keep_data=False))
    said = capfd.readouterr().out
    assert "ssh ops@head docker swarm leave --force" in said
    assert "nothing was deleted" in said
    assert shells.where("docker swarm leave") == [WORKER]
    assert shells.where("rm -f /shared-data/.swarm/token.json") == [WORKER]
    assert not shells.where("rm -rf")


def test_a_teardown_that_reaches_no_host_is_an_error(shells: Shells) -> None:
    shells.unreachable |= {MANAGER, WORKER}
    with pytest.raises(ssh.UnreachableError, match="pulumi stack rm --force"):
        membership._ManagerProvider().delete("swarm-1", manager())


LEAVING = """docker() {{ if [ "$1" = info ]; then echo "{known}"; else echo "$@"; fi; }}
"""


@pytest.mark.parametrize(
    ("known", "leaves"),
    [("w1 m0 ", True), ("w1 m7 m0 ", True), ("w9 m7 ", False), (" ", False), ("w m ", False)],
)
def test_a_worker_is_recognised_by_its_swarms_managers(known: str, leaves: bool, shells: Shells) -> None:
    shells.answers["with .Swarm.Cluster"] = ""
    membership._ManagerProvider().delete("swarm-1", manager(node="m0"))
    (script,) = [script for url, script in shells.ran if url == WORKER]
    line = ["sh", "-c", LEAVING.format(known=known) + script]
    said = subprocess.run(line, capture_output=True, text=True, check=True, timeout=10).stdout
    assert said == ("swarm leave\n" if leaves else "")
