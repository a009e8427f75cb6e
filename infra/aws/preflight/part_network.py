"""Reads the VPC and what belongs to it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from ipaddress import IPv4Network
from typing import Any

from infra.aws.network import Subnet
from infra.aws.preflight import facts
from infra.aws.preflight.calls import Part, filters

USUAL = "availability-zone"  # others are local zones and those of telecommunication networks
HTTPS_PORT = 443
EXCLUDED = ("create-complete", "update-in-progress", "update-complete", "update-failed")  # states


class NetworkPart(Part):
    """The VPC and subnets of the settings; tables, gateways and ACLs of the whole region."""

    def vpc(self) -> facts.Vpc | None:
        given = self.chosen.vpc_id
        which = filters("vpc-id", given) if given else filters("is-default", "true")
        for found in self.calls.ask("ec2", "describe_vpcs", Filters=which)["Vpcs"]:
            blocks = [each["CidrBlock"] for each in found.get("CidrBlockAssociationSet", [])]
            return facts.Vpc(
                id=found["VpcId"],
                blocks=tuple(map(IPv4Network, blocks or [found["CidrBlock"]])),
                dedicated=found.get("InstanceTenancy") == "dedicated",
            )
        return None

    def names(self) -> facts.Names | None:
        which = filters("vpc-id", self.chosen.vpc_id or self._default_vpc())
        for found in self.calls.ask("ec2", "describe_vpcs", Filters=which)["Vpcs"]:
            resolved, given = (
                self.calls.ask("ec2", "describe_vpc_attribute", VpcId=found["VpcId"], Attribute=attribute)
                for attribute in ("enableDnsSupport", "enableDnsHostnames")
            )
            return facts.Names(
                resolved=resolved["EnableDnsSupport"]["Value"],
                given=given["EnableDnsHostnames"]["Value"],
                servers=self._name_servers(found.get("DhcpOptionsId", "default")),
            )
        return None

    def _name_servers(self, options: str) -> tuple[str, ...]:
        if not options.startswith("dopt-"):
            return ("AmazonProvidedDNS",)
        answer = self.calls.ask(
            "ec2", "describe_dhcp_options", ("InvalidDhcpOptionID.NotFound",), DhcpOptionsIds=[options]
        )
        return tuple(
            value["Value"]
            for each in (answer or {}).get("DhcpOptions", [])
            for setting in each["DhcpConfigurations"]
            if setting["Key"] == "domain-name-servers"
            for value in setting["Values"]
        ) or ("AmazonProvidedDNS",)

    def _default_vpc(self) -> str:
        vpc = self.vpc()
        return vpc.id if vpc else ""

    def _subnets(self) -> list[dict[str, Any]]:
        if self.chosen.subnet_ids:
            which = filters("subnet-id", *self.chosen.subnet_ids)
        else:
            which = filters("default-for-az", "true")
        found: list[dict[str, Any]] = self.calls.ask("ec2", "describe_subnets", Filters=which)["Subnets"]
        return found

    def subnets(self) -> tuple[Subnet, ...]:
        return tuple(
            Subnet(
                id=found["SubnetId"],
                vpc_id=found["VpcId"],
                zone=found["AvailabilityZone"],
                block=IPv4Network(found["CidrBlock"]) if found.get("CidrBlock") else None,
                public=found["MapPublicIpOnLaunch"],
            )
            for found in self._subnets()
        )

    def free(self) -> dict[str, int]:
        return {found["SubnetId"]: found["AvailableIpAddressCount"] for found in self._subnets()}

    def shared(self) -> frozenset[str]:
        own = self.calls.ask("sts", "get_caller_identity")["Account"]
        return frozenset(each["SubnetId"] for each in self._subnets() if each.get("OwnerId", own) != own)

    def elsewhere(self) -> dict[str, str]:
        listed = self.calls.ask("ec2", "describe_availability_zones")["AvailabilityZones"]
        kinds = {each["ZoneName"]: each.get("ZoneType", USUAL) for each in listed}
        found = {each["SubnetId"]: kinds.get(each["AvailabilityZone"], USUAL) for each in self._subnets()}
        found |= {each["SubnetId"]: "outpost" for each in self._subnets() if each.get("OutpostArn")}
        return {subnet: kind for subnet, kind in found.items() if kind != USUAL}

    def blocked(self) -> str:
        answer = self.calls.ask("ec2", "describe_vpc_block_public_access_options")
        mode = str(answer["VpcBlockPublicAccessOptions"].get("InternetGatewayBlockMode", "off"))
        return "" if mode == "off" else mode

    def excluded(self) -> dict[str, str]:
        if not self.blocked():
            return {}
        answer = self.calls.ask("ec2", "describe_vpc_block_public_access_exclusions")
        return {
            each["ResourceArn"].rpartition("/")[2]: each["InternetGatewayExclusionMode"]
            for each in answer["VpcBlockPublicAccessExclusions"]
            if each["State"] in EXCLUDED
        }

    def endpoints(self) -> tuple[facts.Endpoint, ...]:
        which = filters("vpc-id", self.chosen.vpc_id or self._default_vpc())
        listed = [
            each
            for each in self.calls.ask("ec2", "describe_vpc_endpoints", Filters=which)["VpcEndpoints"]
            if each["State"].lower() == "available" and (_is_gateway(each) or each.get("PrivateDnsEnabled"))
        ]
        networks = self._let_in({group["GroupId"] for each in listed for group in each.get("Groups", [])})
        return tuple(
            facts.Endpoint(
                id=each["VpcEndpointId"],
                service=each["ServiceName"].rpartition(".")[2],
                policy=json.loads(each.get("PolicyDocument") or "{}"),
                gateway=_is_gateway(each),
                tables=frozenset(each.get("RouteTableIds", [])),
                groups=tuple(group["GroupId"] for group in each.get("Groups", [])),
                lets_in=_union([networks[group["GroupId"]] for group in each.get("Groups", [])]),
            )
            for each in listed
        )

    def _let_in(self, groups: set[str]) -> dict[str, tuple[IPv4Network, ...] | None]:
        """The networks that each group lets in by HTTPS; None if it names them by a list of AWS's."""
        if not groups:
            return {}
        answer = self.calls.ask("ec2", "describe_security_groups", GroupIds=sorted(groups))
        found: dict[str, tuple[IPv4Network, ...] | None] = {}
        for group in answer["SecurityGroups"]:
            rules = [each for each in group["IpPermissions"] if _is_https(each)]
            blocks = [IPv4Network(each["CidrIp"]) for rule in rules for each in rule.get("IpRanges", [])]
            listed = any(rule.get("PrefixListIds") for rule in rules)
            found[group["GroupId"]] = None if listed else tuple(blocks)
        return found

    def route_tables(self) -> tuple[facts.RouteTable, ...]:
        answer = self.calls.ask("ec2", "describe_route_tables")
        return tuple(
            facts.RouteTable(
                id=found["RouteTableId"],
                vpc_id=found["VpcId"],
                main=any(each.get("Main") for each in found["Associations"]),
                subnets=frozenset(each["SubnetId"] for each in found["Associations"] if each.get("SubnetId")),
                routes=tuple(_routes(found["Routes"])),
                by_list=tuple(_by_list(found["Routes"])),
            )
            for found in answer["RouteTables"]
        )

    def nat_gateways(self) -> dict[str, facts.NatGateway]:
        return {
            found["NatGatewayId"]: facts.NatGateway(
                state=found["State"],
                public=found.get("ConnectivityType", "public") == "public",
                subnet=found.get("SubnetId", ""),
                regional=found.get("AvailabilityMode") == "regional",
            )
            for found in self.calls.ask("ec2", "describe_nat_gateways")["NatGateways"]
        }

    def acls(self) -> dict[str, tuple[facts.AclRule, ...]]:
        answer = self.calls.ask("ec2", "describe_network_acls")
        return {
            association["SubnetId"]: tuple(_acl_rules(found["Entries"]))
            for found in answer["NetworkAcls"]
            for association in found["Associations"]
        }


def _is_gateway(endpoint: dict[str, Any]) -> bool:
    return str(endpoint.get("VpcEndpointType", "Gateway")) == "Gateway"


def _is_https(rule: dict[str, Any]) -> bool:
    ports = range(rule.get("FromPort", 0), rule.get("ToPort", 65535) + 1)
    return rule["IpProtocol"] == "-1" or (rule["IpProtocol"] == "tcp" and HTTPS_PORT in ports)


def _union(networks: list[tuple[IPv4Network, ...] | None]) -> tuple[IPv4Network, ...] | None:
    """All of them; None if some are not known, or there is no group that could keep anybody out."""
    known = [each for each in networks if each is not None]
    if not known or len(known) < len(networks):
        return None
    return tuple(block for each in known for block in each)


def _routes(listed: list[dict[str, Any]]) -> Iterator[facts.Route]:
    for each in listed:
        if "DestinationCidrBlock" in each:
            yield facts.Route(
                block=IPv4Network(each["DestinationCidrBlock"]),
                target=_target(each),
                works=each.get("State", "active") == "active",
            )


def _by_list(listed: list[dict[str, Any]]) -> Iterator[str]:
    for each in listed:
        # A gateway endpoint's list has the addresses of one service of AWS.
        if "DestinationPrefixListId" in each and not _target(each).startswith("vpce-"):
            yield _target(each)


def _target(route: dict[str, Any]) -> str:
    keys = ("GatewayId", "NatGatewayId", "TransitGatewayId", "NetworkInterfaceId", "VpcPeeringConnectionId")
    others = ("LocalGatewayId", "CarrierGatewayId", "CoreNetworkArn", "InstanceId")
    return next((str(route[key]) for key in (*keys, *others) if route.get(key)), "")


def _acl_rules(listed: list[dict[str, Any]]) -> Iterator[facts.AclRule]:
    for each in listed:
        if "CidrBlock" in each:
            ports = each.get("PortRange", {})
            yield facts.AclRule(
                number=int(each["RuleNumber"]),
                egress=bool(each["Egress"]),
                protocol=str(each["Protocol"]),
                block=IPv4Network(each["CidrBlock"]),
                first=ports.get("From", 0),
                last=ports.get("To", 65535),
                allows=each["RuleAction"] == "allow",
            )
