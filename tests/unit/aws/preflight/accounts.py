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

from infra.aws.preflight import at_once, reader
from infra.aws.preflight.calls import Calls
from infra.aws.preflight.finding import Finding
from infra.aws.preflight.judgement import judge
from infra.aws.preflight.rules import quotas
from tests.unit.aws.test_aws_settings import aws_settings

REGION = "us-west-2"
OWN_ADDRESS = IPv4Address("10.9.8.7")
# One for all tests: each new session reads the descriptions of AWS's services anew, which takes seconds.
SESSION = boto3.Session(aws_access_key_id="test", aws_secret_access_key="test", region_name=REGION)
# Seconds for all facts: moto and the threads that ask it share this process, on a machine that may be busy.
LIMIT = 60
ALLOW: dict[str, Any] = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}],
}
# What moto does not answer, as AWS answers where nothing was changed.
LACKING: Mapping[str, Any] = {
    "describe_vpc_block_public_access_options": {
        "VpcBlockPublicAccessOptions": {"InternetGatewayBlockMode": "off"}
    },
    "describe_vpc_block_public_access_exclusions": {"VpcBlockPublicAccessExclusions": []},
    "get_ebs_default_kms_key_id": {"KmsKeyId": "alias/aws/ebs"},
    "simulate_principal_policy": {"EvaluationResults": []},
}
SERVICES = ("autoscaling", "elasticfilesystem", "spot")  # that have made their roles
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
        limit: float = LIMIT,
        answers: Mapping[str, Any] = {},
        **changes: Any,
    ) -> tuple[Finding, ...]:
        """The preflight of a stack with these settings; moto knows no quotas but those of VPCs.

        ``answers`` are those of calls that moto does not know, or that are to be answered otherwise.
        """
        settings, ask, known = aws_settings(self.folder, **changes), Calls.ask, {**LACKING, **answers}

        def answer(calls: Calls, service: str, action: str, *missing: Any, **given: Any) -> Any:
            return known[action] if action in known else ask(calls, service, action, *missing, **given)

        def quota(_backend: Any, service_code: str, quota_code: str) -> dict[str, Any]:
            if quota_code not in quotas:
                raise NoSuchResource
            return {"QuotaCode": quota_code, "ServiceCode": service_code, "Value": quotas[quota_code]}

        with (
            mock.patch.object(ServiceQuotasBackend, "get_service_quota", quota),
            mock.patch.object(boto3, "Session", lambda **_: session),
            mock.patch("infra.aws.preflight.own_address.look_up", own_address),
            mock.patch.object(at_once, "LIMIT", limit),
            mock.patch.object(Calls, "ask", answer),
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
        for service in SERVICES:
            found.client("iam").create_service_linked_role(AWSServiceName=f"{service}.amazonaws.com")
        yield found
