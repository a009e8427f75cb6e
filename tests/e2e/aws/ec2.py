"""Instances for tests: containers that boot with the user data, metadata, disks and addresses of EC2's."""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
import time
from dataclasses import dataclass, field
from ipaddress import IPv4Network
from pathlib import Path
from typing import Any

from testing import images
from tests.e2e.aws.account import Account
from tests.e2e.aws.moto_server import INSTANCE_LABEL
from toolchain.paths import REPOSITORY

IMAGE = "oodt-test-instance"
HERE = REPOSITORY / "tests" / "e2e" / "aws" / "instance"
DISK_SIZE = 6 << 30  # bytes; a sparse file
STOP_TIMEOUT = 120  # seconds that a shutdown may take: a worker is drained meanwhile
EC2_PATIENCE = 900  # seconds after which a container is killed that does not shut down
CREDENTIALS = {
    "Code": "Success",
    "Type": "AWS-HMAC",
    "AccessKeyId": "test",
    "SecretAccessKey": "test",
    "Token": "test",
    "Expiration": "2099-01-01T00:00:00Z",
}


def run(*line: str, timeout: float = 120, check: bool = True) -> str:
    done = subprocess.run(line, capture_output=True, text=True, timeout=timeout, check=False)
    if check and done.returncode:
        raise AssertionError(f"{' '.join(line)} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    return done.stdout


def build_image() -> None:
    images.build_file(IMAGE, str(HERE / "Dockerfile"), context=str(HERE), BASE=images.base())


@dataclass(frozen=True, kw_only=True)
class Instance:
    """One container; ``identifier`` is the id that the account, or the test, gave the instance."""

    container: str
    identifier: str
    address: str

    def run(self, command: str, *, check: bool = True, timeout: float = 120) -> str:
        return run("docker", "exec", self.container, "sh", "-c", command, check=check, timeout=timeout)

    def metadata(self, path: str, text: str) -> None:
        self.run(f"mkdir -p $(dirname /var/lib/metadata/{path}) && printf '{text}' >/var/lib/metadata/{path}")

    def reboot(self) -> None:
        run("docker", "restart", "-t", str(STOP_TIMEOUT), self.container, timeout=STOP_TIMEOUT + 60)

    def shut_down(self) -> float:
        """Stop as EC2 stops an instance; the seconds that it took."""
        began = time.monotonic()
        run("docker", "stop", "-t", str(EC2_PATIENCE), self.container, timeout=EC2_PATIENCE + 60)
        return time.monotonic() - began

    def start(self) -> None:
        run("docker", "start", self.container)

    def console(self) -> str:
        return run("docker", "logs", self.container)

    def logs(self) -> str:
        """Everything that the instance logged, in files, in the journal and on the console."""
        everything = "journalctl --no-pager; cat /var/log/cloud-init*.log; ps axww -o args"
        return self.run(everything, check=False) + self.console()


@dataclass(kw_only=True)
class Ec2:
    """A network, a shared disk and the instances; ``close`` removes all of them."""

    name: str
    block: IPv4Network
    folder: Path
    endpoint: str = ""
    public_key: str = ""
    instances: list[Instance] = field(default_factory=list)
    loops: dict[str, str] = field(default_factory=dict)
    launched: int = 0

    @property
    def subnet(self) -> IPv4Network:
        """The subnet of the account's instances; the gateway and replaced workers are outside."""
        return next(self.block.subnets(new_prefix=24))

    @property
    def gateway(self) -> str:
        return str(self.block[-2])

    def open(self) -> None:
        run("docker", "network", "create", "--subnet", str(self.block), "--gateway", self.gateway, self.name)
        run("docker", "volume", "create", self.name)

    def close(self) -> None:
        for instance in list(self.instances):
            self.terminate(instance)
        for loop in self.loops.values():
            run("losetup", "-d", loop, check=False)
        run("docker", "volume", "rm", self.name, check=False)
        run("docker", "network", "rm", self.name, check=False)

    def disk(self, name: str) -> str:
        """The device of the disk of this name; it is blank at first and keeps its content afterwards."""
        if name not in self.loops:
            file = self.folder / f"{name}.disk"
            with file.open("wb") as stream:
                stream.truncate(DISK_SIZE)
            self.loops[name] = run("losetup", "--find", "--show", str(file)).strip()
        return self.loops[name]

    def launch(
        self, identifier: str, address: str, user_data: str, disk: str, *, fault: str = ""
    ) -> Instance:
        """Boot an instance. With ``fault`` no-mirror it gets no packages, with no-share no file system."""
        self.launched += 1
        seed = self.folder / f"{identifier}-{self.launched}"
        seed.mkdir()
        (seed / "user-data").write_text(user_data)
        (seed / "meta-data").write_text(
            json.dumps({"instance-id": identifier, "public-keys": [self.public_key]})
        )
        metadata = self.folder / f"{seed.name}-metadata"
        role = metadata / "iam" / "security-credentials"
        role.mkdir(parents=True)
        (role / "node").write_text(json.dumps(CREDENTIALS))
        (metadata / "instance-id").write_text(identifier)
        if fault:
            (metadata / fault).touch()
        environment = self.folder / "environment.conf"
        environment.write_text(f"[Manager]\nDefaultEnvironment=AWS_ENDPOINT_URL={self.endpoint}\n")
        container = f"{self.name}-{seed.name}"
        # On a machine with control groups of version 1, systemd has to be told to use them.
        legacy = not Path("/sys/fs/cgroup/cgroup.controllers").exists()
        options = [
            # A terminal is the instance's serial console, which `docker logs` shows.
            *("--tty", "--label", f"{INSTANCE_LABEL}={identifier}"),
            *("--name", container, "--hostname", f"ip-{address.replace('.', '-')}"),
            *("--network", self.name, "--ip", address),
            *("--cap-add", "ALL", *_missing_capabilities()),
            *("--security-opt", "seccomp=unconfined", "--security-opt", "apparmor=unconfined"),
            *("--security-opt", "systempaths=unconfined"),
            *("--tmpfs", "/run", "--tmpfs", "/tmp", "-e", "container=docker"),
            *(["-v", "/sys/fs/cgroup:/sys/fs/cgroup"] if legacy else ["--cgroupns", "private"]),
            *("-v", f"{self.name}:/efs", "--device", f"{self.disk(disk)}:/dev/sdf"),
            *("-v", f"{seed}:/var/lib/cloud/seed/nocloud", "-v", f"{metadata}:/var/lib/metadata"),
            *(
                "-v",
                "/etc/resolv.conf:/etc/resolv.conf:ro",
            ),  # docker in the instance cannot use docker's own resolver
            *("-v", f"{environment}:/etc/systemd/system.conf.d/environment.conf:ro"),
        ]
        kernel = ["systemd.unified_cgroup_hierarchy=0", "SYSTEMD_CGROUP_ENABLE_LEGACY_FORCE=1"]
        run("docker", "run", "-d", *options, IMAGE, *(kernel if legacy else []))
        instance = Instance(container=container, identifier=identifier, address=address)
        self.instances.append(instance)
        return instance

    def terminate(self, instance: Instance) -> None:
        """End an instance without a shutdown."""
        self.instances.remove(instance)
        run("docker", "rm", "-f", "-v", instance.container, timeout=STOP_TIMEOUT)


def _missing_capabilities() -> list[str]:
    status = Path("/proc/self/status").read_text().splitlines()
    bounding = next(line for line in status if line.startswith("CapBnd:")).split()[1]
    return [] if int(bounding, 16) >> 24 & 1 else ["--cap-drop", "SYS_RESOURCE"]


def user_data(account: Account, instance: str) -> str:
    """What the engine gave this instance."""
    answer = account.client("ec2").describe_instance_attribute(InstanceId=instance, Attribute="userData")
    return base64.b64decode(answer["UserData"]["Value"]).decode()


def template(account: Account) -> dict[str, Any]:
    """What the engine gave the workers' launch template."""
    answer = account.client("ec2").describe_launch_template_versions(Versions=["$Latest"])
    (version,) = answer["LaunchTemplateVersions"]
    data: dict[str, Any] = version["LaunchTemplateData"]
    return data


def described(account: Account, name: str) -> list[dict[str, Any]]:
    """The account's instances of this name that are not terminated."""
    filters = [
        {"Name": "tag:Name", "Values": [name]},
        {"Name": "instance-state-name", "Values": ["pending", "running", "stopped"]},
    ]
    reservations = account.client("ec2").describe_instances(Filters=filters)["Reservations"]
    return [instance for reservation in reservations for instance in reservation["Instances"]]


def can_run() -> bool:
    """Whether this machine lets tests make block devices."""
    return shutil.which("losetup") is not None and Path("/dev/loop-control").exists()
