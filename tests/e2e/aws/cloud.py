"""A stack on target aws whose instances boot: `pulumi up` in an account, and containers for instances."""

from __future__ import annotations

import base64
import json
import secrets
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from testing.addresses import free_network
from testing.cluster import Cluster
from testing.tools import missing
from testing.waiting import until
from tests.e2e.aws import bridge, ec2
from tests.e2e.aws.account import REGION, Account, account
from tests.e2e.aws.ec2 import Ec2, Instance

WORKERS = 3
BOOT_TIMEOUT = 150  # seconds
LAUNCH_TIMEOUT = 150  # seconds from the start of `pulumi up` to its instances


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


@contextmanager
def booted(folder: Path, program: Path | None, up_timeout: float) -> Iterator[Cloud]:
    """Bring the stack up with ``program`` instead of the project's own; remove all of it at the end."""
    bridge.provider()
    if not ec2.can_run():
        missing("block devices cannot be made here: no losetup, or no /dev/loop-control")
    ec2.build_image()
    with ExitStack() as end:
        hardware = Ec2(name=f"oodt-boot-{secrets.token_hex(2)}", block=free_network(16), folder=folder)
        end.callback(hardware.close)
        hardware.open()
        found = end.enter_context(account(folder, hardware.gateway))
        hardware.endpoint = found.url
        stack = make_stack(folder / "stack", found, hardware, program)
        log = end.enter_context((folder / "up.log").open("w"))
        up = subprocess.Popen(
            ["pulumi", "up", "--yes", "--skip-preview", "--non-interactive"],
            cwd=stack.folder,
            env=stack.environment,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        end.callback(up.kill)
        manager, workers = boot(found, hardware, up)
        up.wait(timeout=up_timeout)
        assert up.returncode == 0, (folder / "up.log").read_text()[-6000:]
        yield Cloud(account=found, stack=stack, ec2=hardware, manager=manager, workers=workers)


def make_stack(folder: Path, found: Account, hardware: Ec2, program: Path | None) -> Cluster:
    """A stack in a private subnet of the account, where instances are reached at their own addresses."""
    client = found.client("ec2")
    vpc = client.create_vpc(CidrBlock=str(hardware.block))["Vpc"]["VpcId"]
    subnet = client.create_subnet(VpcId=vpc, CidrBlock=str(hardware.subnet), AvailabilityZone=f"{REGION}a")[
        "Subnet"
    ]
    folder.mkdir()
    stack = Cluster.make(folder, "10.213.0.0/24")
    if program:
        (folder / "__main__.py").write_text(program.read_text())
    home = folder / ".pulumi"
    bridge.install(home)
    stack.environment |= {**found.environment, "PULUMI_HOME": str(home)}
    stack.pulumi("stack", "select", stack.stack)
    for key, value in {
        "target": "aws",
        "admin_cidrs": f'["{hardware.block}"]',
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
    """Boot the account's instances; the workers first, so that they have to wait for their manager."""

    def launched() -> list[dict[str, Any]] | None:
        assert up.poll() is None, (hardware.folder / "up.log").read_text()[-6000:]
        both = ec2.described(found, "Swarm Worker Node") + ec2.described(found, "Swarm Manager Node")
        return both if len(both) == WORKERS + 1 else None

    *workers, manager = until(launched, seconds=LAUNCH_TIMEOUT, what="the account's instances")
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
