"""Network ACLs: unlike security groups they refuse answers too, and nobody sees it before nodes wait."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from ipaddress import IPv4Address, IPv4Network

from infra.aws.network import Subnet
from infra.aws.preflight.facts import AclRule, Facts, MountTarget
from infra.aws.preflight.finding import Finding
from infra.aws.preflight.place import chosen, place
from infra.aws.preflight.rules.routes import INTERNET, table_of, to_internet
from infra.aws.security import AMONG_NODES, NFS_PORT, SSH_PORT
from infra.settings import Settings

HTTPS = 443
# Both ends of the ports that Linux takes for connections which it begins.
ANSWERS = (32768, 60999)
# A NAT gateway takes any of these. https://docs.aws.amazon.com/vpc/latest/userguide/custom-network-acl.html
OF_NAT = (1024, 65535)
NUMBERS = {"tcp": "6", "udp": "17"}  # of protocols, as an ACL has them
ALL = "-1"


def acls(settings: Settings, facts: Facts) -> Iterator[Finding]:
    found = place(settings, facts)
    rules = facts.acls.get()
    blocks = [each.block for each in found.subnets if each.block]
    for subnet in found.subnets:
        if subnet.id in rules:
            refused = list(_refused(rules[subnet.id], subnet, blocks))
            if subnet is found.subnets[0]:
                for network in chosen(settings).admin_cidrs:
                    if isinstance(network, IPv4Network):
                        refused += _of_served(rules[subnet.id], SSH_PORT, network[0], str(network))
            yield from _told(settings, subnet.id, refused)
    if chosen(settings).efs_id:
        for target in facts.targets.get():
            for subnet in found.subnets:
                if subnet.zone == target.zone and subnet.id != target.subnet:
                    yield from _of_target(settings, rules, subnet, target)


def of_nat(settings: Settings, facts: Facts) -> Iterator[Finding]:
    """What the ACL of a NAT gateway's subnet keeps from the nodes that are behind the gateway."""
    found, tables = place(settings, facts), facts.route_tables.get()
    for subnet in found.subnets:
        route = to_internet(table_of(subnet.id, found.vpc_id, tables))
        if not (route and subnet.block and route.target.startswith("nat-")):
            continue
        gateway = facts.nat_gateways.get().get(route.target)
        rules = facts.acls.get().get(gateway.subnet) if gateway else None
        if gateway and rules is not None and gateway.subnet != subnet.id:
            refused = list(_of_served(rules, HTTPS, subnet.block[0], str(subnet.block)))
            refused += _of_asked(rules, HTTPS, INTERNET, "the internet", OF_NAT)
            yield from _told(settings, gateway.subnet, refused, f"to {route.target} from {subnet.id}")


def _told(settings: Settings, subnet: str, refused: Sequence[str], way: str = "") -> Iterator[Finding]:
    if refused:
        yield Finding(
            severity="error",
            key="subnet_ids",
            value=subnet,
            problem=f"its network ACL refuses what the nodes need{way and ' '}{way}: {', '.join(refused)}.",
            fix=f"aws ec2 describe-network-acls --region {chosen(settings).region} "
            f"--filters Name=association.subnet-id,Values={subnet}",
        )


def _refused(rules: Sequence[AclRule], subnet: Subnet, blocks: Sequence[IPv4Network]) -> Iterator[str]:
    """Connections to the internet with their answers, and what nodes say to each other and to the share."""
    yield from _of_asked(rules, HTTPS, INTERNET, "the internet")
    for block in blocks:
        if block == subnet.block:
            continue  # an ACL stands between subnets
        for egress, way in ((True, "out to"), (False, "in from")):
            for protocol, port in (*((each[1], each[2]) for each in AMONG_NODES), ("tcp", NFS_PORT)):
                if not permits(rules, egress, protocol, port, block[0]):
                    yield f"{protocol} {port} {way} {block}"
            yield from _of_answers(rules, egress, block[0], f"{way} {block}")


def _of_target(
    settings: Settings, rules: Mapping[str, Sequence[AclRule]], subnet: Subnet, target: MountTarget
) -> Iterator[Finding]:
    """What stands between a subnet and a mount target in another one, at both ends."""
    if target.address and subnet.id in rules:
        refused = list(_of_asked(rules[subnet.id], NFS_PORT, target.address, target.id))
        yield from _told(settings, subnet.id, refused)
    if subnet.block and target.subnet in rules:
        refused = list(_of_served(rules[target.subnet], NFS_PORT, subnet.block[0], str(subnet.block)))
        yield from _told(settings, target.subnet, refused)


def _of_asked(
    rules: Sequence[AclRule],
    port: int,
    address: IPv4Address,
    what: str,
    answers: tuple[int, int] = ANSWERS,
) -> Iterator[str]:
    if not permits(rules, True, "tcp", port, address):
        yield f"tcp {port} out to {what}"
    yield from _of_answers(rules, False, address, f"in from {what}", answers)


def _of_served(rules: Sequence[AclRule], port: int, address: IPv4Address, what: str) -> Iterator[str]:
    if not permits(rules, False, "tcp", port, address):
        yield f"tcp {port} in from {what}"
    yield from _of_answers(rules, True, address, f"out to {what}")


def _of_answers(
    rules: Sequence[AclRule],
    egress: bool,
    address: IPv4Address,
    way: str,
    answers: tuple[int, int] = ANSWERS,
) -> Iterator[str]:
    for port in answers:
        if not permits(rules, egress, "tcp", port, address):
            yield f"tcp {port} {way}, for answers"


def permits(rules: Sequence[AclRule], egress: bool, protocol: str, port: int, address: IPv4Address) -> bool:
    """The rule with the lowest number that matches decides; without one it is refused."""
    for rule in sorted(rules, key=lambda each: each.number):
        if (
            rule.egress == egress
            and rule.protocol in (ALL, NUMBERS[protocol])
            and (rule.protocol == ALL or rule.first <= port <= rule.last)
            and address in rule.block
        ):
            return rule.allows
    return False
