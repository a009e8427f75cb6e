"""The user data that the engine rendered, run unchanged by cloud-init on instances that are containers.

`pulumi up` runs meanwhile, waiting at its real gates. The tests are one story, in this order.
"""

from __future__ import annotations

import base64
import json
import secrets
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import pytest

from tests.e2e.aws import bridge, ec2
from tests.e2e.aws.account import REGION, Account, account
from tests.e2e.aws.ec2 import Ec2, Instance
from tests.e2e.cluster import ROOT, Cluster, eventually
from tests.tools import missing

PROGRAM = ROOT / "tests" / "e2e" / "aws" / "without_services.py"
BLOCK = "10.214.0.0/16"
SUBNET = "10.214.0.0/24"  # of the account; the gateway and replaced workers are outside
GATEWAY = "10.214.255.1"
WORKERS = 3
BOOT_TIMEOUT = 300  # seconds
UP_TIMEOUT = 600


@dataclass(kw_only=True)
class Cloud:
    """The account, the stack in it, and the instances that stand for the account's."""

    account: Account
    stack: Cluster
    ec2: Ec2
    manager: Instance
    workers: list[Instance]

    def nodes(self) -> dict[str, str]:
        """Status and availability by host name, of nodes that are not down."""
        listed = self.manager.run(
            "docker node ls --format '{{.Hostname}} {{.Status}} {{.Availability}}'", check=False
        )
        rows = [line.split() for line in listed.splitlines()]
        return {row[0]: " ".join(row[1:]) for row in rows if row[1] != "Down"}

    def whole(self) -> bool:
        found = self.nodes()
        return len(found) == WORKERS + 1 and set(found.values()) == {"Ready Active"}

    def swarm_id(self) -> str:
        return self.manager.run("docker info --format '{{.Swarm.Cluster.ID}}'").strip()

    def record(self) -> dict[str, str]:
        """What the manager wrote for its workers."""
        name = f"/oodt/{self.stack.stack}/swarm"
        parameter = self.account.client("ssm").get_parameter(Name=name, WithDecryption=True)["Parameter"]
        assert parameter["Type"] == "SecureString"
        found: dict[str, str] = json.loads(parameter["Value"])
        return found


@pytest.fixture(scope="module")
def cloud(docker_daemon: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    bridge.provider()
    if not ec2.can_run():
        missing("block devices cannot be made here: no losetup, or no /dev/loop-control")
    ec2.build_image()
    folder = tmp_path_factory.mktemp("boot")
    with ExitStack() as end:
        hardware = Ec2(name=f"oodt-boot-{secrets.token_hex(2)}", block=BLOCK, gateway=GATEWAY, folder=folder)
        end.callback(hardware.close)
        hardware.open()
        found = end.enter_context(account(folder, GATEWAY))
        hardware.endpoint = found.url
        stack = make_stack(tmp_path_factory, found)
        up = subprocess.Popen(
            ["pulumi", "up", "--yes", "--skip-preview", "--non-interactive"],
            cwd=stack.folder,
            env=stack.environment,
            stdout=(folder / "up.log").open("w"),
            stderr=subprocess.STDOUT,
        )
        end.callback(up.kill)
        manager, workers = boot(found, hardware, up)
        up.wait(timeout=UP_TIMEOUT)
        assert up.returncode == 0, (folder / "up.log").read_text()[-6000:]
        yield Cloud(account=found, stack=stack, ec2=hardware, manager=manager, workers=workers)


def make_stack(tmp_path_factory: pytest.TempPathFactory, found: Account) -> Cluster:
    """A stack in a private subnet of the account, where instances are reached at their own addresses."""
    client = found.client("ec2")
    vpc = client.create_vpc(CidrBlock=BLOCK)["Vpc"]["VpcId"]
    subnet = client.create_subnet(VpcId=vpc, CidrBlock=SUBNET, AvailabilityZone=f"{REGION}a")["Subnet"]
    folder = tmp_path_factory.mktemp("stack")
    stack = Cluster.make(folder, "10.213.0.0/24")
    (folder / "__main__.py").write_text(PROGRAM.read_text())
    home = folder / ".pulumi"
    bridge.install(home)
    stack.environment |= {**found.environment, "PULUMI_HOME": str(home)}
    stack.pulumi("stack", "select", stack.stack)
    for key, value in {
        "target": "aws",
        "admin_cidrs": f'["{BLOCK}"]',
        "vpc_id": vpc,
        "subnet_ids": json.dumps([subnet["SubnetId"]]),
        "worker_nodes": str(WORKERS),
        "aws:region": REGION,
        "aws:skipCredentialsValidation": "true",
        "aws:maxRetries": "2",
    }.items():
        stack.pulumi("config", "set", key, value)
    return stack


def boot(found: Account, hardware: Ec2, up: subprocess.Popen[bytes]) -> tuple[Instance, list[Instance]]:
    """Boot the account's instances, the workers first: they have to wait for their manager."""

    def launched() -> list[dict[str, Any]] | None:
        assert up.poll() is None, (hardware.folder / "up.log").read_text()[-6000:]
        both = ec2.described(found, "Swarm Worker Node") + ec2.described(found, "Swarm Manager Node")
        return both if len(both) == WORKERS + 1 else None

    *workers, manager = eventually(launched, "the account's instances", UP_TIMEOUT)
    (key,) = found.client("ec2").describe_key_pairs(IncludePublicKey=True)["KeyPairs"]
    hardware.public_key = key["PublicKey"]
    script = base64.b64decode(ec2.template(found)["UserData"]).decode()
    booted = [
        hardware.launch(worker["InstanceId"], worker["PrivateIpAddress"], script, worker["InstanceId"])
        for worker in workers
    ]
    identifier = manager["InstanceId"]
    return (
        hardware.launch(
            identifier, manager["PrivateIpAddress"], ec2.user_data(found, identifier), "manager-data"
        ),
        booted,
    )


def test_manager_and_workers_make_a_swarm_by_themselves(cloud: Cloud) -> None:
    """`pulumi up` has ended, so that its gates have seen the same."""
    assert cloud.whole(), cloud.nodes()
    assert cloud.record()["swarm"] == cloud.swarm_id()


def test_docker_has_its_data_on_the_data_volume_and_every_node_the_same_share(cloud: Cloud) -> None:
    cloud.manager.run("touch /shared-data/archive/seen")
    for node in [cloud.manager, *cloud.workers]:
        assert node.run("findmnt -no FSTYPE,SIZE /var/lib/docker").split()[0] == "xfs"
        assert node.run("docker info --format '{{.DockerRootDir}}'").strip() == "/var/lib/docker"
        assert node.run("ls /shared-data/archive").split() == ["seen"]


def test_the_ecs_agent_does_not_run_and_the_operator_may_use_docker(cloud: Cloud) -> None:
    assert cloud.manager.run("systemctl is-active ecs.service", check=False).strip() == "inactive"
    line = [*cloud.stack.output("ssh").split(), "-o", "BatchMode=yes", "docker node ls -q | wc -l"]
    assert ec2.run(*line).strip() == str(WORKERS + 1)


def test_the_managers_host_key_was_known_before_the_first_connection(cloud: Cloud) -> None:
    known = (cloud.stack.folder / ".ssh" / cloud.stack.stack / "known_hosts").read_text()
    key = " ".join(cloud.manager.run("cat /etc/ssh/ssh_host_ed25519_key.pub").split()[:2])
    assert known == f"{cloud.manager.address} {key}\n"
    assert cloud.record()["host_key"] == key


def test_the_join_token_is_in_no_log_no_process_and_no_state(cloud: Cloud) -> None:
    token = cloud.record()["token"]
    assert token.startswith("SWMTKN-")
    texts = [node.logs() for node in [cloud.manager, *cloud.workers]]
    texts += [cloud.stack.pulumi("stack", "export", "--show-secrets")]
    texts += [(cloud.ec2.folder / "up.log").read_text()]
    assert not any(token in text for text in texts)


def test_a_second_up_changes_nothing(cloud: Cloud) -> None:
    assert cloud.stack.up() == {}


def test_a_leaving_worker_is_drained_before_its_group_may_end_it(cloud: Cloud) -> None:
    """Its task takes 8 seconds to end, as a Workflow Manager with running jobs does."""
    leaving = cloud.workers[0]
    hostname = leaving.run("hostname").strip()
    for worker in cloud.workers:
        worker.run("tar -C /bin -c busybox | docker import - busybox")
    slow = "trap 'busybox sleep 8; exit 0' TERM; while :; do busybox sleep 1; done"
    cloud.manager.run(
        "docker service create -d --name slow --no-resolve-image --mode global --stop-grace-period 60s "
        f'--constraint node.role==worker busybox /busybox sh -c "{slow}"'
    )
    eventually(lambda: len(running(cloud, "slow")) == WORKERS, "a task on each worker", 60)
    leaving.metadata("autoscaling/target-lifecycle-state", "Terminated")
    eventually(lambda: cloud.nodes().get(hostname) == "Ready Drain", "the drain")
    assert hostname in running(cloud, "slow", "docker service ps slow --format '{{.Node}} {{.CurrentState}}'")
    assert completed(cloud) == []
    eventually(lambda: hostname not in cloud.nodes(), "the worker to leave")
    assert completed(cloud) == [leaving.identifier]
    eventually(lambda: hostname not in cloud.manager.run("docker node ls"), "the worker to be forgotten")
    cloud.ec2.terminate(leaving)
    cloud.workers.remove(leaving)


def test_a_worker_that_replaces_it_joins(cloud: Cloud) -> None:
    script = base64.b64decode(ec2.template(cloud.account)["UserData"]).decode()
    cloud.workers.append(cloud.ec2.launch("i-replacement", "10.214.1.1", script, "i-replacement"))
    eventually(cloud.whole, "the new worker", BOOT_TIMEOUT)
    eventually(lambda: len(running(cloud, "slow")) >= WORKERS - 1, "the service's tasks")


@pytest.mark.slow
def test_every_worker_comes_back_after_a_reboot(cloud: Cloud) -> None:
    for worker in cloud.workers:
        worker.reboot()
        eventually(cloud.whole, f"{worker.container} to come back", BOOT_TIMEOUT)


def test_the_manager_resumes_after_a_reboot(cloud: Cloud) -> None:
    before = cloud.swarm_id()
    cloud.manager.reboot()
    eventually(cloud.whole, "the swarm", BOOT_TIMEOUT)
    assert cloud.swarm_id() == before


def test_the_manager_is_replaced_and_the_swarm_resumes_from_its_data_volume(cloud: Cloud) -> None:
    before = cloud.swarm_id(), cloud.record()["host_key"]
    old = cloud.manager
    script = ec2.user_data(cloud.account, old.identifier)
    cloud.ec2.terminate(old)
    cloud.manager = cloud.ec2.launch("i-manager-2", old.address, script, "manager-data")
    eventually(
        lambda: cloud.manager.run("docker info", check=False) and cloud.whole(), "the swarm", BOOT_TIMEOUT
    )
    eventually(lambda: cloud.record()["host_key"] != before[1], "the new manager's record")
    assert cloud.swarm_id() == before[0]
    assert "slow" in cloud.manager.run("docker service ls")


def running(cloud: Cloud, service: str, command: str = "") -> list[str]:
    """Nodes on which a task of the service runs."""
    wanted = "--filter desired-state=running --format '{{.Node}} {{.CurrentState}}'"
    listed = cloud.manager.run(command or f"docker service ps {service} {wanted}", check=False)
    rows = [line.split() for line in listed.splitlines()]
    return [row[0] for row in rows if len(row) > 1 and row[1] == "Running"]


def completed(cloud: Cloud) -> list[str]:
    """Instances that the manager let go, as moto's stand-in noted it."""
    answer = cloud.account.client("autoscaling").describe_notification_configurations()
    return [entry["TopicARN"] for entry in answer["NotificationConfigurations"]]
