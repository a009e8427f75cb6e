"""Accounts whose network is not fit for nodes: the preflight names what is wrong, and nothing else."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.unit.aws.preflight.accounts import REGION, Account, said

ANYWHERE = "0.0.0.0/0"


def vpc_of(
    account: Account, block: str = "10.20.0.0/16", part: str = "10.20.0.0/24", *, public: bool = True
) -> tuple[str, str, str]:
    """A VPC with DNS, a subnet with a way to the internet, and the subnet's route table."""
    ec2 = account.client("ec2")
    vpc = ec2.create_vpc(CidrBlock=block)["Vpc"]["VpcId"]
    ec2.modify_vpc_attribute(VpcId=vpc, EnableDnsHostnames={"Value": True})
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock=part, AvailabilityZone=f"{REGION}a")
    identifier = subnet["Subnet"]["SubnetId"]
    ec2.modify_subnet_attribute(SubnetId=identifier, MapPublicIpOnLaunch={"Value": public})
    table = ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"]
    ec2.associate_route_table(RouteTableId=table, SubnetId=identifier)
    return vpc, identifier, table


def gateway_of(account: Account, vpc: str) -> str:
    ec2 = account.client("ec2")
    gateway = str(ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"])
    ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
    return gateway


def lead(account: Account, table: str, **target: Any) -> None:
    account.client("ec2").create_route(RouteTableId=table, DestinationCidrBlock=ANYWHERE, **target)


def given(vpc: str, *subnets: str) -> dict[str, Any]:
    return {"vpc_id": vpc, "subnet_ids": json.dumps(subnets)}


@pytest.fixture
def network(account: Account) -> tuple[str, str, str]:
    """A sound VPC that is given: a public subnet whose route leads to an internet gateway."""
    vpc, subnet, table = vpc_of(account)
    lead(account, table, GatewayId=gateway_of(account, vpc))
    return vpc, subnet, table


def test_a_sound_vpc_that_is_given_gives_no_finding(account: Account, network: tuple[str, str, str]) -> None:
    assert account.findings(**given(*network[:2])) == ()


@pytest.mark.parametrize("attribute", ["EnableDnsSupport", "EnableDnsHostnames"])
def test_a_vpc_without_names_is_told_with_the_attribute(
    account: Account, network: tuple[str, str, str], attribute: str
) -> None:
    off: dict[str, Any] = {attribute: {"Value": False}}
    account.client("ec2").modify_vpc_attribute(VpcId=network[0], **off)
    (found,) = account.findings(**given(*network[:2]))
    assert (found.severity, found.key) == ("error", "vpc_id")
    assert f"{attribute[0].lower()}{attribute[1:]} is off" in found.problem
    assert found.fix.startswith("aws ec2 modify-vpc-attribute")


def test_dns_servers_of_a_sites_own_are_a_warning(account: Account, network: tuple[str, str, str]) -> None:
    ec2 = account.client("ec2")
    servers = [{"Key": "domain-name-servers", "Values": ["10.1.1.1"]}]
    options = ec2.create_dhcp_options(DhcpConfigurations=servers)["DhcpOptions"]["DhcpOptionsId"]
    ec2.associate_dhcp_options(DhcpOptionsId=options, VpcId=network[0])
    (found,) = account.findings(**given(*network[:2]))
    assert found.severity == "warning"
    assert "10.1.1.1" in found.problem


def test_a_subnet_without_a_route_to_the_internet_is_told(account: Account) -> None:
    vpc, subnet, _ = vpc_of(account)
    (found,) = account.findings(**given(vpc, subnet))
    assert (found.key, found.value) == ("subnet_ids", subnet)
    assert "no route to the internet" in found.problem


def test_a_route_by_a_prefix_list_is_not_called_none(account: Account) -> None:
    ec2 = account.client("ec2")
    vpc, subnet, table = vpc_of(account)
    gateway = gateway_of(account, vpc)
    listed = ec2.create_managed_prefix_list(
        PrefixListName="out", AddressFamily="IPv4", MaxEntries=1, Entries=[{"Cidr": "0.0.0.0/0"}]
    )["PrefixList"]["PrefixListId"]
    ec2.create_route(RouteTableId=table, DestinationPrefixListId=listed, GatewayId=gateway)
    (found,) = account.findings(**given(vpc, subnet))
    assert (found.severity, found.value) == ("not checked", f"{subnet} by {gateway}")


def test_the_addresses_of_one_service_are_no_way_to_the_internet(account: Account) -> None:
    vpc, subnet, table = vpc_of(account)
    account.client("ec2").create_vpc_endpoint(
        VpcId=vpc, ServiceName=f"com.amazonaws.{REGION}.s3", RouteTableIds=[table]
    )
    (found,) = account.findings(**given(vpc, subnet))
    assert "no route to the internet" in found.problem


def test_an_internet_gateway_serves_no_subnet_without_public_addresses(
    account: Account, network: tuple[str, str, str]
) -> None:
    vpc, subnet, _ = network
    account.client("ec2").modify_subnet_attribute(SubnetId=subnet, MapPublicIpOnLaunch={"Value": False})
    found = account.findings(**given(vpc, subnet))
    assert "its instances get no public addresses" in found[0].problem
    assert "--map-public-ip-on-launch" in found[0].fix


def nat_of(account: Account, vpc: str, *, connected: bool) -> str:
    """A NAT gateway in a subnet of its own, which has a way to the internet or none."""
    ec2 = account.client("ec2")
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.20.9.0/24", AvailabilityZone=f"{REGION}a")
    identifier = subnet["Subnet"]["SubnetId"]
    if connected:
        table = ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"]
        ec2.associate_route_table(RouteTableId=table, SubnetId=identifier)
        lead(account, table, GatewayId=gateway_of(account, vpc))
    address = ec2.allocate_address(Domain="vpc")["AllocationId"]
    made = ec2.create_nat_gateway(SubnetId=identifier, AllocationId=address)
    return str(made["NatGateway"]["NatGatewayId"])


def test_a_private_subnet_behind_a_nat_gateway_needs_a_way_of_the_operators_own(account: Account) -> None:
    vpc, subnet, table = vpc_of(account, public=False)
    nat = nat_of(account, vpc, connected=True)
    lead(account, table, NatGatewayId=nat)
    (found,) = account.findings(**given(vpc, subnet))
    assert (found.severity, found.key) == ("not checked", "way to the manager")


def test_a_nat_gateway_without_an_internet_gateway_is_told(account: Account) -> None:
    vpc, subnet, table = vpc_of(account, public=False)
    nat = nat_of(account, vpc, connected=False)
    lead(account, table, NatGatewayId=nat)
    assert f"{nat} is in" in account.findings(**given(vpc, subnet))[0].problem


def test_a_regional_nat_gateway_is_in_no_subnet_and_leads_to_the_internet(account: Account) -> None:
    vpc, subnet, table = vpc_of(account, public=False)
    nat = nat_of(account, vpc, connected=False)
    lead(account, table, NatGatewayId=nat)
    regional = {"NatGatewayId": nat, "State": "available", "VpcId": vpc, "AvailabilityMode": "regional"}
    answers = {"describe_nat_gateways": {"NatGateways": [{**regional, "RouteTableId": "rtb-1"}]}}
    (found,) = account.findings(**given(vpc, subnet), answers=answers)
    assert found.key == "way to the manager"


def test_in_a_subnet_of_another_account_what_that_one_does_not_show_is_not_checked(account: Account) -> None:
    vpc, subnet, table = vpc_of(account, public=False)
    nat = nat_of(account, vpc, connected=True)
    lead(account, table, NatGatewayId=nat)
    answers = {
        "describe_nat_gateways": {"NatGateways": []},
        "get_caller_identity": {"Account": "210987654321", "Arn": "arn:aws:iam::210987654321:root"},
    }
    found = account.findings(**given(vpc, subnet), answers=answers)
    assert {each.severity for each in found} == {"not checked"}
    assert f"{subnet} by {nat}: another account owns them" in said(found)
    assert f"launch of the manager: another account owns {subnet}" in said(found)


def test_a_public_address_behind_a_nat_gateway_is_told(account: Account) -> None:
    vpc, subnet, table = vpc_of(account, public=True)
    nat = nat_of(account, vpc, connected=True)
    lead(account, table, NatGatewayId=nat)
    (found,) = account.findings(**given(vpc, subnet))
    assert "nobody reaches that address" in found.problem


def test_a_manager_without_a_public_address_is_not_reached_from_public_networks(account: Account) -> None:
    vpc, subnet, table = vpc_of(account, public=False)
    nat = nat_of(account, vpc, connected=True)
    lead(account, table, NatGatewayId=nat)
    (found,) = account.findings(**given(vpc, subnet), admin_cidrs='["52.94.7.0/24"]')
    assert (found.severity, found.key, found.value) == ("error", "subnet_ids", subnet)
    assert "no public address" in found.problem


def test_a_subnet_with_too_few_free_addresses_is_told(account: Account) -> None:
    vpc, _, table = vpc_of(account)
    ec2 = account.client("ec2")
    lead(account, table, GatewayId=gateway_of(account, vpc))
    small = ec2.create_subnet(VpcId=vpc, CidrBlock="10.20.7.0/28", AvailabilityZone=f"{REGION}a")["Subnet"]
    ec2.modify_subnet_attribute(SubnetId=small["SubnetId"], MapPublicIpOnLaunch={"Value": True})
    ec2.associate_route_table(RouteTableId=table, SubnetId=small["SubnetId"])
    for _ in range(8):
        ec2.create_network_interface(SubnetId=small["SubnetId"])
    (found,) = account.findings(**given(vpc, small["SubnetId"]))
    assert found.key == "subnet_ids"
    assert "3 free addresses, 6 are needed" in found.problem


@pytest.mark.parametrize(
    ("pool", "met"),
    [
        ("", None),
        ("172.20.0.0/18", None),
        ("10.0.0.0/18", "it meets 10.0.8.0/24, the subnet"),
        ("10.0.64.0/18", "it meets 10.0.0.0/16, of the VPC"),
    ],
)
def test_the_addresses_of_the_swarm_are_apart_from_the_vpcs(
    account: Account, pool: str, met: str | None
) -> None:
    vpc, subnet, table = vpc_of(account, "10.0.0.0/16", "10.0.8.0/24")
    lead(account, table, GatewayId=gateway_of(account, vpc))
    named: dict[str, Any] = {"overlay_pool": pool} if pool else {}
    found = account.findings(**given(vpc, subnet), **named)
    assert [(each.severity, each.key) for each in found] == ([("error", "overlay_pool")] if met else [])
    assert not met or met in str(found[0])


def test_an_acl_that_refuses_ssh_and_answers_is_told(account: Account, network: tuple[str, str, str]) -> None:
    vpc, subnet, _ = network
    ec2 = account.client("ec2")
    (default,) = ec2.describe_network_acls(Filters=[{"Name": "association.subnet-id", "Values": [subnet]}])[
        "NetworkAcls"
    ]
    (association,) = [each for each in default["Associations"] if each["SubnetId"] == subnet]
    acl = ec2.create_network_acl(VpcId=vpc)["NetworkAcl"]["NetworkAclId"]
    ec2.create_network_acl_entry(
        NetworkAclId=acl, RuleNumber=1, Protocol="-1", RuleAction="allow", Egress=True, CidrBlock=ANYWHERE
    )
    ec2.replace_network_acl_association(
        AssociationId=association["NetworkAclAssociationId"], NetworkAclId=acl
    )
    (found,) = account.findings(**given(vpc, subnet))
    assert "tcp 32768 in from the internet" in found.problem
    assert "tcp 22 in from 10.9.8.7/32" in found.problem


def test_subnets_that_are_missing_or_in_another_vpc_are_told(
    account: Account, network: tuple[str, str, str]
) -> None:
    vpc, subnet, _ = network
    missing = account.findings(**given(vpc, "subnet-0123456789abcdef0"))
    assert "no such subnet" in said(missing)
    assert f"is in {vpc}" in said(account.findings(**given(account.default_vpc, subnet)))


def test_an_account_without_a_default_vpc_is_told(account: Account) -> None:
    ec2 = account.client("ec2")
    for subnet in account.subnets().values():
        ec2.delete_subnet(SubnetId=subnet)
    assert "has no default subnet" in said(account.findings())


def test_a_subnet_in_a_zone_without_the_instance_type_is_told(account: Account) -> None:
    subnet = account.subnets()[f"{REGION}d"]
    found = account.findings(instance_type="t2.xlarge", **given(account.default_vpc, subnet))
    assert f"{subnet} in us-west-2d: there is t2.xlarge only in us-west-2a" in said(found)
