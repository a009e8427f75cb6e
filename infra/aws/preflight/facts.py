"""What the account has, as plain values that the rules judge; each may be one that could not be read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv4Network, IPv6Address
from typing import Any, Generic, Literal, TypeVar

from infra.aws.network import Subnet

T = TypeVar("T")


HIDDEN = "hidden"  # state of an image that is there for others


class NotRead(Exception):
    """A fact that a rule needs could not be read; the text says which call, and why."""


@dataclass(frozen=True)
class Fact(Generic[T]):
    """A value that was read, or ``failure``, which says why it was not."""

    value: T | None = None
    failure: str = ""

    def get(self) -> T:
        """The value. Raises NotRead."""
        if self.failure:
            raise NotRead(self.failure)
        return self.value  # type: ignore[return-value] # T itself may be optional


@dataclass(frozen=True, kw_only=True)
class Caller:
    account: str
    arn: str


@dataclass(frozen=True, kw_only=True)
class Vpc:
    """``dedicated`` where instances get machines of their own unless they ask for others."""

    id: str
    blocks: tuple[IPv4Network, ...]
    dedicated: bool = False


@dataclass(frozen=True, kw_only=True)
class Names:
    """How a VPC's machines find names; ``servers`` as its DHCP options have them."""

    resolved: bool  # enableDnsSupport
    given: bool  # enableDnsHostnames
    servers: tuple[str, ...] = ("AmazonProvidedDNS",)


@dataclass(frozen=True, kw_only=True)
class Route:
    """``target`` is the id of what the route leads to: a gateway, an interface."""

    block: IPv4Network
    target: str
    works: bool = True


@dataclass(frozen=True, kw_only=True)
class RouteTable:
    """``by_list`` is what routes lead to whose addresses are in a prefix list, which is not read."""

    id: str
    vpc_id: str
    main: bool
    subnets: frozenset[str]
    routes: tuple[Route, ...]
    by_list: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class NatGateway:
    """A ``regional`` one is in no subnet, and has a route table of its own that leads to the internet.

    https://docs.aws.amazon.com/vpc/latest/userguide/nat-gateways-regional.html
    """

    state: str
    public: bool
    subnet: str
    regional: bool = False


@dataclass(frozen=True, kw_only=True)
class Endpoint:
    """A VPC endpoint that answers for an AWS service in place of the internet.

    A gateway is in route tables; an interface answers to the networks in ``lets_in``, None if unknown.
    """

    id: str
    service: str
    policy: Mapping[str, Any]
    gateway: bool
    tables: frozenset[str] = frozenset()
    groups: tuple[str, ...] = ()
    lets_in: tuple[IPv4Network, ...] | None = None


@dataclass(frozen=True, kw_only=True)
class AclRule:
    """A rule of a network ACL: ``protocol`` is a number or -1 for all, ports are inclusive."""

    number: int
    egress: bool
    protocol: str
    block: IPv4Network
    first: int = 0
    last: int = 65535
    allows: bool


@dataclass(frozen=True, kw_only=True)
class Type:
    """``sold`` is how AWS sells it: on demand, as spot capacity, or by blocks that are reserved."""

    architectures: tuple[str, ...]
    memory: int  # MiB
    vcpus: int
    sold: tuple[str, ...] = ("on-demand", "spot")


@dataclass(frozen=True, kw_only=True)
class Image:
    """``deprecated`` is the day since when its owner calls it out of date; empty if he does not."""

    id: str
    architecture: str
    state: str
    root_device: str
    root_size: int  # GiB
    name: str = ""
    of_amazon: bool = False
    deprecated: str = ""


@dataclass(frozen=True, kw_only=True)
class Instance:
    """An instance that runs; ``role`` is manager or worker if it is one of this stack's nodes."""

    id: str
    type: str
    architecture: str
    zone: str
    vcpus: int
    spot: bool
    role: str = ""


@dataclass(frozen=True, kw_only=True)
class Key:
    """A key of KMS: ``role`` is Auto Scaling's, ``let_in`` whether policy or a grant let it use the key."""

    arn: str  # its own; an account's default may be an alias
    state: str
    role: str
    let_in: bool


@dataclass(frozen=True, kw_only=True)
class MountTarget:
    id: str
    vpc_id: str
    zone: str
    state: str
    subnet: str = ""
    address: IPv4Address | None = None
    only_ipv6: bool = False


@dataclass(frozen=True, kw_only=True)
class FileSystem:
    """``copy`` where another file system is replicated to it: nobody else may write there."""

    state: str
    encrypted: bool
    copy: bool = False


@dataclass(frozen=True, kw_only=True)
class Refused:
    """A call that AWS refused when it was tried out: by which of its codes, and what it said."""

    call: str
    code: str
    said: str


@dataclass(frozen=True, kw_only=True)
class Denied:
    """A call that IAM's simulator says the deployer may not make; ``by`` is what keeps him from it."""

    action: str
    by: Literal["policy", "organization", "nothing allows it"]


@dataclass(frozen=True, kw_only=True)
class Facts:
    """Everything that is read of an account for one stack. None stands for what the account has not."""

    caller: Fact[Caller]
    own_address: Fact[IPv4Address | IPv6Address]
    session_left: Fact[float | None]  # seconds of credentials in the environment, where it tells that
    region_known: Fact[bool]
    region_enabled: Fact[bool]
    boundary: Fact[Mapping[str, Any] | None]
    refused_instance: Fact[Refused | None]  # the manager's
    refused_group: Fact[Refused | None]  # a security group
    denied: Fact[tuple[Denied, ...]]
    linked_roles: Fact[frozenset[str]]  # services that have theirs
    iam_room: Fact[Mapping[str, int]]  # how many roles and instance profiles can still be made
    vpc: Fact[Vpc | None]
    names: Fact[Names | None]
    subnets: Fact[tuple[Subnet, ...]]
    free: Fact[Mapping[str, int]]  # addresses by subnet
    shared: Fact[frozenset[str]]  # subnets that another account owns and lets this one use
    elsewhere: Fact[Mapping[str, str]]  # by subnet that is in no usual zone: where it is
    blocked: Fact[str]  # how the account blocks its VPCs' public access; empty: it does not
    excluded: Fact[Mapping[str, str]]  # from that: by VPC or subnet, what AWS calls the way in which
    endpoints: Fact[tuple[Endpoint, ...]]
    route_tables: Fact[tuple[RouteTable, ...]]
    nat_gateways: Fact[Mapping[str, NatGateway]]
    acls: Fact[Mapping[str, tuple[AclRule, ...]]]  # by subnet
    type: Fact[Type | None]
    offers: Fact[frozenset[str]]  # zones
    image: Fact[Image | None]
    instances: Fact[tuple[Instance, ...]]
    group: Fact[bool]  # whether there is an Auto Scaling group of the name that the workers' will have
    addresses: Fact[int]
    file_systems: Fact[int]
    gp3: Fact[int]  # GiB
    disk_key: Fact[str]  # KMS key of disks for which none is named; empty: AWS's own
    disk_key_use: Fact[Key | None]
    file_system: Fact[FileSystem | None]
    targets: Fact[tuple[MountTarget, ...]]
    target_groups: Fact[Mapping[str, tuple[str, ...]]]  # by mount target
    share_policy: Fact[Mapping[str, Any] | None]
    quotas: Mapping[str, Fact[float]] = field(default_factory=dict)  # by code
