"""VPCs whose endpoints answer for AWS's services, and refuse nodes what they need."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.unit.aws.preflight.accounts import ALLOW, REGION, Account

BUCKET = f"arn:aws:s3:::al2023-repos-{REGION}-de612dc2/*"


def allowed(action: str, resource: str = "*", **more: Any) -> dict[str, Any]:
    statement = {"Effect": "Allow", "Principal": "*", "Action": action, "Resource": resource, **more}
    return {"Version": "2012-10-17", "Statement": [statement]}


def endpoint(account: Account, service: str, policy: dict[str, Any], **more: Any) -> str:
    answer = account.client("ec2").create_vpc_endpoint(
        VpcId=account.default_vpc,
        ServiceName=f"com.amazonaws.{REGION}.{service}",
        PolicyDocument=json.dumps(policy),
        **more,
    )
    return str(answer["VpcEndpoint"]["VpcEndpointId"])


def interface(account: Account, policy: dict[str, Any], *, port: int = 443, **more: Any) -> tuple[str, str]:
    """One for Systems Manager, and its security group, which lets the VPC in on this port."""
    ec2 = account.client("ec2")
    group = ec2.create_security_group(GroupName="in", Description="in", VpcId=account.default_vpc)["GroupId"]
    ec2.authorize_security_group_ingress(
        GroupId=group, IpProtocol="tcp", FromPort=port, ToPort=port, CidrIp="172.31.0.0/16"
    )
    given = {"VpcEndpointType": "Interface", "PrivateDnsEnabled": True, "SecurityGroupIds": [group]}
    return endpoint(account, "ssm", policy, **{**given, **more}), group


def main_table(account: Account) -> str:
    (table,) = account.client("ec2").describe_route_tables()["RouteTables"]
    return str(table["RouteTableId"])


def test_endpoints_that_let_nodes_do_their_work_give_no_finding(account: Account) -> None:
    interface(account, ALLOW)
    endpoint(account, "s3", allowed("s3:Get*", BUCKET), RouteTableIds=[main_table(account)])
    endpoint(account, "dynamodb", allowed("dynamodb:ListTables"), RouteTableIds=[main_table(account)])
    assert account.findings() == ()


def test_an_endpoint_whose_security_group_keeps_nodes_out_is_told(account: Account) -> None:
    identifier, group = interface(account, ALLOW, port=22)
    (found,) = account.findings()
    assert (found.severity, found.key, found.value) == ("error", "vpc endpoint", identifier)
    assert "172.31.0.0/20" in found.problem
    assert "let nobody of" in found.problem
    assert f"--group-id {group} --protocol tcp --port 443" in found.fix


def test_an_endpoint_that_answers_to_a_name_of_its_own_only_is_nobodys_concern(account: Account) -> None:
    interface(account, allowed("ec2:*"), port=22, PrivateDnsEnabled=False)
    assert account.findings() == ()


def test_an_endpoint_whose_policy_refuses_the_join_record_is_told(account: Account) -> None:
    identifier, _ = interface(account, allowed("ssm:Get*"))
    (found,) = account.findings()
    assert (found.severity, found.value) == ("error", identifier)
    assert found.problem.endswith("does not let them do ssm:PutParameter.")


@pytest.mark.parametrize(
    "policy",
    [
        allowed("s3:GetObject", "arn:aws:s3:::own/*"),
        allowed("s3:GetObject", BUCKET, Condition={"StringEquals": {"aws:PrincipalAccount": "1"}}),
    ],
    ids=["other buckets", "with credentials"],
)
def test_an_endpoint_that_keeps_nodes_from_their_packages_is_told(
    account: Account, policy: dict[str, Any]
) -> None:
    identifier = endpoint(account, "s3", policy, RouteTableIds=[main_table(account)])
    (found,) = account.findings()
    assert (found.severity, found.key, found.value) == ("error", "vpc endpoint", identifier)
    assert "s3:GetObject" in found.problem


def test_a_gateway_that_no_table_of_the_nodes_subnets_leads_to_is_nobodys_concern(account: Account) -> None:
    other = account.client("ec2").create_route_table(VpcId=account.default_vpc)["RouteTable"]["RouteTableId"]
    endpoint(account, "s3", allowed("s3:GetObject", "arn:aws:s3:::own/*"), RouteTableIds=[other])
    assert account.findings() == ()
