"""An AWS account for tests: moto's server, on an address of this machine, and clients that ask it."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3

from testing.ports import free_port
from testing.waiting import until
from toolchain.paths import REPOSITORY

REGION = "us-west-2"
START_TIMEOUT = 60  # seconds
KEYS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
DEPLOYER = {"AWS_ACCESS_KEY_ID": "deployer", "AWS_SECRET_ACCESS_KEY": "deployer"}
CALLED = re.compile(r"^called by deployer: (\S+)$", re.MULTILINE)


@dataclass(frozen=True, kw_only=True)
class Account:
    """``log`` is what the server was asked."""

    url: str
    log: Path

    @property
    def environment(self) -> dict[str, str]:
        """Variables that make SDKs and the provider use this account and no other."""
        return {
            **DEPLOYER,
            "AWS_ENDPOINT_URL": self.url,
            "AWS_REGION": REGION,
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    def called(self) -> set[str]:
        """The actions that SDKs and the provider have asked for so far, as IAM names them."""
        return set(CALLED.findall(self.log.read_text()))

    def client(self, service: str) -> Any:
        return boto3.client(
            service,  # type: ignore[call-overload]
            endpoint_url=self.url,
            region_name=REGION,
            aws_access_key_id="test",
            aws_secret_access_key="test",
        )


@contextmanager
def account(folder: Path, host: str = "127.0.0.1") -> Iterator[Account]:
    """An account that has only a default VPC, as long as the context lasts."""
    port = free_port()
    log = folder / "account.log"
    with log.open("w") as output:
        server = subprocess.Popen(
            [sys.executable, "-m", "tests.e2e.aws.moto_server", "-H", host, "-p", str(port)],
            stdout=output,
            stderr=output,
            cwd=REPOSITORY,
            env={**os.environ, **KEYS},
        )
    try:
        until(lambda: _answers(host, port), seconds=START_TIMEOUT, what=f"the account's server ({log})")
        found = Account(url=f"http://{host}:{port}", log=log)
        _connect(found.client("ec2"))
        yield found
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait(timeout=30)


def _connect(ec2: Any) -> None:
    """Give the default VPC its internet gateway, which it has in AWS."""
    (vpc,) = ec2.describe_vpcs()["Vpcs"]
    gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc["VpcId"])
    (table,) = ec2.describe_route_tables()["RouteTables"]
    ec2.create_route(RouteTableId=table["RouteTableId"], DestinationCidrBlock="0.0.0.0/0", GatewayId=gateway)


def _answers(host: str, port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((host, port)) == 0
