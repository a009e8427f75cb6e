"""Ways: from each subnet to the internet, and from the administrators to the manager."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from ipaddress import IPv4Address

from infra.aws.network import GIVEN, Subnet
from infra.aws.preflight.facts import Facts, Route, RouteTable
from infra.aws.preflight.finding import Finding
from infra.aws.preflight.place import chosen, place
from infra.settings import Settings

# Some address of the internet, one of Amazon's own: its ip-ranges.json lists 52.94.0.0/22.
INTERNET = IPv4Address("52.94.0.1")
# Endpoints of a firewall, and machines that pass packets on both ways: public addresses behind them work.
# https://docs.aws.amazon.com/vpc/latest/userguide/gwlb-route.html
MIDDLE = ("vpce-", "eni-")


def ways_out(settings: Settings, facts: Facts) -> Iterator[Finding]:
    """Nodes fetch packages and ask AWS's services: each subnet needs a way to the internet."""
    found = place(settings, facts)
    for subnet in found.subnets:
        table = table_of(subnet.id, found.vpc_id, facts.route_tables.get())
        route = to_internet(table)
        if route and _is_hidden(route, subnet, facts):
            yield Finding(
                severity="not checked",
                key="way to the internet",
                value=f"{subnet.id} by {route.target}",
                problem="another account owns them, and shows this one no NAT gateways.",
            )
        elif table and table.by_list and route is None:
            yield Finding(
                severity="not checked",
                key="way to the internet",
                value=f"{subnet.id} by {', '.join(table.by_list)}",
                problem=f"{table.id} has it in a prefix list, if it has one.",
            )
        elif problem := _problem(subnet, table, route, facts):
            yield Finding(
                severity="error",
                key="subnet_ids",
                value=subnet.id,
                problem=problem,
                fix=_fix(chosen(settings).region, subnet, table, route),
            )


def way_in(settings: Settings, facts: Facts) -> Iterator[Finding]:
    """How administrators reach the manager: at a public address, or at its own one."""
    found = place(settings, facts)
    first, networks = found.subnets[0], chosen(settings).admin_cidrs
    if first.public:
        route = to_internet(table_of(first.id, found.vpc_id, facts.route_tables.get()))
        if route and route.target.startswith(MIDDLE):
            yield Finding(
                severity="not checked",
                key="way to the manager",
                problem=f"{route.target} stands between {first.id} and the internet, such as a firewall: it "
                "must let you in on port 22, and answers out.",
            )
        elif route and not route.target.startswith("igw-"):
            yield Finding(
                severity="error",
                key="subnet_ids",
                value=first.id,
                problem="the manager gets a public address there, but the subnet's way to the internet is "
                f"{route.target}, no internet gateway: nobody reaches that address.",
                fix=GIVEN,
            )
    elif all(network.is_global for network in networks):
        yield Finding(
            severity="error",
            key="subnet_ids",
            value=first.id,
            problem="the manager gets no public address there, and all of admin_cidrs "
            f"{[str(network) for network in networks]} are public networks, which reach no private address.",
            fix="name a subnet with public addresses first, or in admin_cidrs the network of your VPN",
        )
    else:
        yield Finding(
            severity="not checked",
            key="way to the manager",
            problem=f"it has no public address; this machine needs a way into {first.block} of its own.",
        )


def blocked(settings: Settings, facts: Facts) -> Iterator[Finding]:
    """Block Public Access stands before route tables and security groups, and nobody sees it there.

    Only NAT gateways pass where it blocks what comes in. Of a VPC of another account that one's counts.
    https://docs.aws.amazon.com/vpc/latest/userguide/security-vpc-bpa.html
    """
    mode = facts.blocked.get()
    if not mode:
        return
    found, excluded = place(settings, facts), facts.excluded.get()
    for subnet in found.subnets:
        route = to_internet(table_of(subnet.id, found.vpc_id, facts.route_tables.get()))
        target = route.target if route else ""
        enough = ["allow-bidirectional"]
        where = subnet.id
        if target.startswith("nat-") and mode != "block-ingress":
            gateway = facts.nat_gateways.get().get(target)
            where = gateway.subnet if gateway else ""
            enough = ["allow-egress", *enough]
        elif not target.startswith("igw-"):
            continue
        if any(excluded.get(each) in enough for each in (where, found.vpc_id)):
            continue
        also = ", and nobody reaches the manager's public address"
        yield Finding(
            severity="warning" if subnet.id in facts.shared.get() else "error",
            key="subnet_ids",
            value=subnet.id,
            problem=f"the account blocks public access of its VPCs ({mode}), and does not exclude "
            f"{where or found.vpc_id}: nodes fetch no packages through {target}"
            f"{also if subnet is found.subnets[0] and subnet.public else ''}.",
            fix="aws ec2 create-vpc-block-public-access-exclusion "
            f"--region {chosen(settings).region} --vpc-id {found.vpc_id} "
            f"--internet-gateway-exclusion-mode {enough[0]}",
        )


def table_of(subnet: str, vpc: str, tables: Sequence[RouteTable]) -> RouteTable | None:
    """The subnet's own table, else its VPC's main one."""
    own = [table for table in tables if subnet in table.subnets]
    main = [table for table in tables if table.main and table.vpc_id == vpc]
    return next(iter(own + main), None)


def to_internet(table: RouteTable | None) -> Route | None:
    """The most specific route to some address of the internet."""
    routes = [route for route in table.routes if INTERNET in route.block] if table else []
    return max(routes, key=lambda route: route.block.prefixlen, default=None)


def _is_hidden(route: Route, subnet: Subnet, facts: Facts) -> bool:
    """Who may use the subnet of another account sees its routes, but not its NAT gateways.

    https://docs.aws.amazon.com/vpc/latest/userguide/vpc-share-limitations.html
    """
    if not (route.works and route.target.startswith("nat-")):
        return False
    return route.target not in facts.nat_gateways.get() and subnet.id in facts.shared.get()


def _problem(subnet: Subnet, table: RouteTable | None, route: Route | None, facts: Facts) -> str:
    where = table.id if table else "no route table"
    if route is None:
        return f"it has no route to the internet ({where}): its nodes fetch no packages."
    if not route.works:
        return f"its route to the internet leads nowhere ({where}: {route.target} is gone or stopped)."
    if route.target.startswith("igw-") and not subnet.public:
        return (
            f"its route to the internet ({where}) is an internet gateway, and its instances get no public "
            "addresses: its nodes fetch no packages."
        )
    return _problem_of_nat(route.target, subnet, facts) if route.target.startswith("nat-") else ""


def _problem_of_nat(identifier: str, subnet: Subnet, facts: Facts) -> str:
    gateway = facts.nat_gateways.get().get(identifier)
    if gateway is None or gateway.state != "available":
        return f"its NAT gateway {identifier} is {gateway.state if gateway else 'gone'}."
    if not gateway.public:
        return f"its NAT gateway {identifier} is a private one, which does not lead to the internet."
    if gateway.regional:
        return ""
    onward = to_internet(table_of(gateway.subnet, subnet.vpc_id, facts.route_tables.get()))
    if not (onward and onward.works and onward.target.startswith("igw-")):
        return f"its NAT gateway {identifier} is in {gateway.subnet}, which has no internet gateway."
    return ""


def _fix(region: str, subnet: Subnet, table: RouteTable | None, route: Route | None) -> str:
    if route and route.works and route.target.startswith("igw-"):
        change = f"modify-subnet-attribute --subnet-id {subnet.id} --map-public-ip-on-launch"
    elif route and route.works:
        change = f"describe-nat-gateways --nat-gateway-ids {route.target}"
    else:
        gateway = "--gateway-id IGW" if subnet.public else "--nat-gateway-id NAT"
        change = (
            f"{'replace' if route else 'create'}-route --route-table-id {table.id if table else 'RTB'} "
            f"--destination-cidr-block {route.block if route else '0.0.0.0/0'} {gateway}"
        )
    return f"aws ec2 {change} --region {region}"
