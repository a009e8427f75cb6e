"""Accounts in this process, by moto: a sound one, and clients that put something wrong with it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any
from unittest import mock

import boto3
from moto import mock_aws
from moto.servicequotas.exceptions import NoSuchResource
from moto.servicequotas.models import ServiceQuotasBackend

from infra.aws.preflight import reader
from infra.aws.preflight.finding import Finding
from infra.aws.preflight.judgement import judge
from infra.aws.preflight.rules import quotas
from tests.unit.aws.test_aws_settings import aws_settings

REGION = "us-west-2"
OWN_ADDRESS = IPv4Address("10.9.8.7")
# One for all tests: each new session reads the descriptions of AWS's services anew, which takes seconds.
SESSION = boto3.Session(aws_access_key_id="test", aws_secret_access_key="test", region_name=REGION)
ENOUGH = {quota.code: 100.0 for quota in quotas.QUOTAS}


@dataclass(frozen=True, kw_only=True)
class Account:
    """An account with a default VPC as AWS makes it."""

    folder: Path

    def client(self, service: str) -> Any:
        return SESSION.client(service)  # type: ignore[call-overload]

    @property
    def default_vpc(self) -> str:
        (vpc,) = self.client("ec2").describe_vpcs(Filters=[{"Name": "is-default", "Values": ["true"]}])[
            "Vpcs"
        ]
        return str(vpc["VpcId"])

    def subnets(self) -> dict[str, str]:
        """The default subnets by zone."""
        listed = self.client("ec2").describe_subnets(Filters=[{"Name": "default-for-az", "Values": ["true"]}])
        return {found["AvailabilityZone"]: found["SubnetId"] for found in listed["Subnets"]}

    def findings(
        self,
        quotas: Mapping[str, float] = ENOUGH,
        *,
        session: boto3.Session = SESSION,
        own_address: Callable[[], Any] = lambda: OWN_ADDRESS,
        **changes: Any,
    ) -> tuple[Finding, ...]:
        """The preflight of a stack with these settings; moto knows no quotas but those of VPCs."""
        settings = aws_settings(self.folder, **changes)

        def quota(_backend: Any, service_code: str, quota_code: str) -> dict[str, Any]:
            if quota_code not in quotas:
                raise NoSuchResource
            return {"QuotaCode": quota_code, "ServiceCode": service_code, "Value": quotas[quota_code]}

        with (
            mock.patch.object(ServiceQuotasBackend, "get_service_quota", quota),
            mock.patch.object(boto3, "Session", lambda **_: session),
            mock.patch("infra.aws.preflight.own_address.look_up", own_address),
        ):
            facts = reader.read(settings)
        return judge(settings, facts)


def said(findings: Iterable[Finding]) -> str:
    return "\n".join(map(str, findings))


@contextmanager
def sound_account(folder: Path) -> Iterator[Account]:
    with mock_aws():
        found = Account(folder=folder)
        ec2 = found.client("ec2")
        gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
        ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=found.default_vpc)
        (table,) = ec2.describe_route_tables(Filters=[{"Name": "vpc-id", "Values": [found.default_vpc]}])[
            "RouteTables"
        ]
        ec2.create_route(
            RouteTableId=table["RouteTableId"], DestinationCidrBlock="0.0.0.0/0", GatewayId=gateway
        )
        yield found
