"""Reads all facts at once, each in a thread of its own, and gives up on those that take too long."""

from __future__ import annotations

import dataclasses
import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from ipaddress import IPv4Network
from typing import Any

from infra.aws import machine_image, manager, workers
from infra.aws.instance_type import architecture_of
from infra.aws.network import Subnet
from infra.aws.preflight import facts, own_address
from infra.aws.preflight.calls import Calls
from infra.aws.preflight.facts import Fact, Facts, NotRead
from infra.aws.preflight.place import chosen
from infra.aws.preflight.rules.quotas import QUOTAS
from infra.aws.tags import tags
from infra.settings import Settings

LIMIT = 6  # seconds for all facts
ALIVE = ("pending", "running", "stopping", "stopped")
COUNTED = ("pending", "running")  # against quotas on vCPUs


def read(settings: Settings) -> Facts:
    """Everything that could be read within the limit."""
    names = [field.name for field in dataclasses.fields(Facts) if field.name != "quotas"]
    try:
        reader = Reader(settings)
    except NotRead as problem:
        refused = Fact[Any](failure=str(problem))
        return Facts(**dict.fromkeys(names, refused), quotas={quota.code: refused for quota in QUOTAS})
    looks: dict[str, Callable[[], Any]] = {
        name: getattr(reader, name) for name in names if name != "own_address"
    }
    looks["own_address"] = own_address.look_up
    looks |= {quota.code: partial(reader.quota, quota.service, quota.code) for quota in QUOTAS}
    found = _all(looks)
    quotas = {quota.code: found.pop(quota.code) for quota in QUOTAS}
    return Facts(**found, quotas=quotas)


def _all(looks: Mapping[str, Callable[[], Any]]) -> dict[str, Fact[Any]]:
    """What each look finds. Threads that still wait at the limit are left to their own limits."""
    found: dict[str, Fact[Any]] = {}

    def look_up(name: str, look: Callable[[], Any]) -> None:
        try:
            found[name] = Fact(value=look())
        except NotRead as problem:
            found[name] = Fact(failure=str(problem))
        except Exception as problem:  # an answer of another form than AWS documents
            found[name] = Fact(failure=f"the answer is not understood ({problem!r})")

    threads = [
        threading.Thread(target=look_up, args=(name, look), daemon=True) for name, look in looks.items()
    ]
    deadline = time.monotonic() + LIMIT
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(max(0.0, deadline - time.monotonic()))
    late = Fact[Any](failure=f"there was no answer within {LIMIT} s")
    return {name: found.get(name, late) for name in looks}


class Reader:
    """A method for each fact, of the fact's name. Each raises NotRead."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._chosen = chosen(settings)
        self._calls = Calls(self._chosen)

    def caller(self) -> facts.Caller:
        found = self._calls.ask("sts", "get_caller_identity")
        return facts.Caller(account=found["Account"], arn=found["Arn"])

    def region_enabled(self) -> bool:
        (region,) = self._calls.ask(
            "ec2", "describe_regions", AllRegions=True, RegionNames=[self._chosen.region]
        )["Regions"]
        return bool(region["OptInStatus"] != "not-opted-in")

    def boundary(self) -> bool:
        arn = self._chosen.permissions_boundary
        return not arn or bool(self._calls.ask("iam", "get_policy", ("NoSuchEntity",), PolicyArn=arn))

    def vpc(self) -> facts.Vpc | None:
        if self._chosen.vpc_id:
            which = _filter("vpc-id", self._chosen.vpc_id)
        else:
            which = _filter("is-default", "true")
        for found in self._calls.ask("ec2", "describe_vpcs", Filters=which)["Vpcs"]:
            blocks = [each["CidrBlock"] for each in found.get("CidrBlockAssociationSet", [])]
            return facts.Vpc(
                id=found["VpcId"], blocks=tuple(map(IPv4Network, blocks or [found["CidrBlock"]]))
            )
        return None

    def names(self) -> facts.Names | None:
        which = _filter("vpc-id", self._chosen.vpc_id or self._default_vpc())
        for found in self._calls.ask("ec2", "describe_vpcs", Filters=which)["Vpcs"]:
            resolved, given = (
                self._calls.ask("ec2", "describe_vpc_attribute", VpcId=found["VpcId"], Attribute=attribute)
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
        answer = self._calls.ask(
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
        if self._chosen.subnet_ids:
            which = _filter("subnet-id", *self._chosen.subnet_ids)
        else:
            which = _filter("default-for-az", "true")
        found: list[dict[str, Any]] = self._calls.ask("ec2", "describe_subnets", Filters=which)["Subnets"]
        return found

    def subnets(self) -> tuple[Subnet, ...]:
        return tuple(
            Subnet(
                id=found["SubnetId"],
                vpc_id=found["VpcId"],
                zone=found["AvailabilityZone"],
                block=IPv4Network(found["CidrBlock"]),
                public=found["MapPublicIpOnLaunch"],
            )
            for found in self._subnets()
        )

    def free(self) -> dict[str, int]:
        return {found["SubnetId"]: found["AvailableIpAddressCount"] for found in self._subnets()}

    def route_tables(self) -> tuple[facts.RouteTable, ...]:
        answer = self._calls.ask("ec2", "describe_route_tables")
        return tuple(
            facts.RouteTable(
                id=found["RouteTableId"],
                vpc_id=found["VpcId"],
                main=any(each.get("Main") for each in found["Associations"]),
                subnets=frozenset(each["SubnetId"] for each in found["Associations"] if each.get("SubnetId")),
                routes=tuple(_routes(found["Routes"])),
            )
            for found in answer["RouteTables"]
        )

    def nat_gateways(self) -> dict[str, facts.NatGateway]:
        return {
            found["NatGatewayId"]: facts.NatGateway(
                state=found["State"],
                public=found.get("ConnectivityType", "public") == "public",
                subnet=found.get("SubnetId", ""),
            )
            for found in self._calls.ask("ec2", "describe_nat_gateways")["NatGateways"]
        }

    def acls(self) -> dict[str, tuple[facts.AclRule, ...]]:
        answer = self._calls.ask("ec2", "describe_network_acls")
        return {
            association["SubnetId"]: tuple(_acl_rules(found["Entries"]))
            for found in answer["NetworkAcls"]
            for association in found["Associations"]
        }

    def type(self) -> facts.Type | None:
        answer = self._calls.ask(
            "ec2",
            "describe_instance_types",
            ("InvalidInstanceType",),
            InstanceTypes=[self._chosen.instance_type],
        )
        for found in answer["InstanceTypes"] if answer else ():
            return facts.Type(
                architectures=tuple(found["ProcessorInfo"]["SupportedArchitectures"]),
                memory=found["MemoryInfo"]["SizeInMiB"],
                vcpus=found["VCpuInfo"]["DefaultVCpus"],
            )
        return None

    def offers(self) -> frozenset[str]:
        answer = self._calls.ask(
            "ec2",
            "describe_instance_type_offerings",
            LocationType="availability-zone",
            Filters=_filter("instance-type", self._chosen.instance_type),
        )
        return frozenset(found["Location"] for found in answer["InstanceTypeOfferings"])

    def image(self) -> facts.Image | None:
        identifier = self._chosen.ami or self._newest_image()
        if not identifier:
            return None
        answer = self._calls.ask("ec2", "describe_images", Filters=_filter("image-id", identifier))
        for found in answer["Images"]:
            root = found.get("RootDeviceName", "")
            sizes = [
                mapping["Ebs"].get("VolumeSize", 0)
                for mapping in found.get("BlockDeviceMappings", [])
                if mapping.get("DeviceName") == root and "Ebs" in mapping
            ]
            return facts.Image(
                id=identifier,
                architecture=found["Architecture"],
                state=found["State"],
                root_device=root,
                root_size=max(sizes, default=0),
            )
        return None

    def _newest_image(self) -> str:
        found = self.type()
        name = machine_image.newest_parameter(architecture_of(found.architectures if found else ()))
        answer = self._calls.ask("ssm", "get_parameter", ("ParameterNotFound",), Name=name)
        return str(answer["Parameter"]["Value"]) if answer else ""

    def instances(self) -> tuple[facts.Instance, ...]:
        answer = self._calls.ask("ec2", "describe_instances", Filters=_filter("instance-state-name", *ALIVE))
        listed = [each for reservation in answer["Reservations"] for each in reservation["Instances"]]
        vcpus = self._vcpus({each["InstanceType"] for each in listed})
        roles = {"manager": tags(self._settings, manager.TAG), "worker": tags(self._settings, workers.TAG)}
        found = []
        for each in listed:
            own = {tag["Key"]: tag["Value"] for tag in each.get("Tags", [])}
            role = next((role for role, wanted in roles.items() if wanted.items() <= own.items()), "")
            if not role and each["State"]["Name"] not in COUNTED:
                continue
            found.append(
                facts.Instance(
                    id=each["InstanceId"],
                    type=each["InstanceType"],
                    architecture=each.get("Architecture", ""),
                    zone=each["Placement"]["AvailabilityZone"],
                    vcpus=vcpus.get(each["InstanceType"], 0),
                    spot=each.get("InstanceLifecycle") == "spot",
                    role=role,
                )
            )
        return tuple(found)

    def _vcpus(self, types: set[str]) -> dict[str, int]:
        if not types:
            return {}
        answer = self._calls.ask(
            "ec2", "describe_instance_types", Filters=_filter("instance-type", *sorted(types))
        )
        return {found["InstanceType"]: found["VCpuInfo"]["DefaultVCpus"] for found in answer["InstanceTypes"]}

    def addresses(self) -> int:
        return len(self._calls.ask("ec2", "describe_addresses")["Addresses"])

    def file_systems(self) -> int:
        return len(self._calls.ask("efs", "describe_file_systems")["FileSystems"])

    def gp3(self) -> int:
        answer = self._calls.ask("ec2", "describe_volumes", Filters=_filter("volume-type", "gp3"))
        return sum(found["Size"] for found in answer["Volumes"])

    def file_system(self) -> facts.FileSystem | None:
        if not self._chosen.efs_id:
            return None
        answer = self._calls.ask(
            "efs", "describe_file_systems", ("FileSystemNotFound",), FileSystemId=self._chosen.efs_id
        )
        for found in answer["FileSystems"] if answer else ():
            return facts.FileSystem(state=found["LifeCycleState"], encrypted=bool(found.get("Encrypted")))
        return None

    def targets(self) -> tuple[facts.MountTarget, ...]:
        if not self._chosen.efs_id:
            return ()
        answer = self._calls.ask(
            "efs", "describe_mount_targets", ("FileSystemNotFound",), FileSystemId=self._chosen.efs_id
        )
        return tuple(
            facts.MountTarget(
                id=found["MountTargetId"],
                vpc_id=found.get("VpcId", ""),
                zone=found.get("AvailabilityZoneName", ""),
                state=found["LifeCycleState"],
            )
            for found in (answer["MountTargets"] if answer else ())
        )

    def target_groups(self) -> dict[str, tuple[str, ...]]:
        found = {}
        for target in self.targets():
            answer = self._calls.ask("efs", "describe_mount_target_security_groups", MountTargetId=target.id)
            found[target.id] = tuple(answer.get("SecurityGroups", ()))
        return found

    def share_policy(self) -> dict[str, Any] | None:
        if not self._chosen.efs_id:
            return None
        answer = self._calls.ask(
            "efs",
            "describe_file_system_policy",
            ("PolicyNotFound", "FileSystemNotFound"),
            FileSystemId=self._chosen.efs_id,
        )
        found: dict[str, Any] | None = json.loads(answer["Policy"]) if answer else None
        return found

    def quota(self, service: str, code: str) -> float:
        """The account's own value, else the one that AWS gives everybody."""
        which = {"ServiceCode": service, "QuotaCode": code}
        for action in ("get_service_quota", "get_aws_default_service_quota"):
            answer = self._calls.ask("service-quotas", action, ("NoSuchResourceException",), **which)
            if answer:
                return float(answer["Quota"]["Value"])
        raise NotRead(f"AWS names no quota {code} of {service} here")


def _filter(name: str, *values: str) -> list[dict[str, Any]]:
    return [{"Name": name, "Values": list(values)}]


def _routes(listed: list[dict[str, Any]]) -> Iterator[facts.Route]:
    keys = ("GatewayId", "NatGatewayId", "TransitGatewayId", "NetworkInterfaceId", "VpcPeeringConnectionId")
    others = ("LocalGatewayId", "CarrierGatewayId", "CoreNetworkArn", "InstanceId")
    for each in listed:
        if "DestinationCidrBlock" in each:
            yield facts.Route(
                block=IPv4Network(each["DestinationCidrBlock"]),
                target=next((each[key] for key in (*keys, *others) if each.get(key)), ""),
                works=each.get("State", "active") == "active",
            )


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
