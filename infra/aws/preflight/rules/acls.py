"""Network ACLs: unlike security groups they refuse answers too, and nobody sees it before nodes wait."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from ipaddress import IPv4Address, IPv4Network

from infra.aws.network import Subnet
from infra.aws.preflight.facts import AclRule, Facts
from infra.aws.preflight.finding import Finding
from infra.aws.preflight.place import chosen, place
from infra.aws.preflight.rules.routes import INTERNET
from infra.aws.security import AMONG_NODES, NFS_PORT, SSH_PORT
from infra.settings import Settings

HTTPS = 443
# Both ends of the ports that Linux takes for connections which it begins.
ANSWERS = (32768, 60999)
NUMBERS = {"tcp": "6", "udp": "17"}  # of protocols, as an ACL has them
ALL = "-1"


def acls(settings: Settings, facts: Facts) -> Iterator[Finding]:
    found = place(settings, facts)
    rules = facts.acls.get()
    administrators = [each for each in chosen(settings).admin_cidrs if isinstance(each, IPv4Network)]
    for subnet in found.subnets:
        if subnet.id not in rules:
            continue
        blocks = [each.block for each in found.subnets if each.block]
        refused = list(_refused(rules[subnet.id], subnet, blocks))
        if subnet is found.subnets[0]:
            refused += [
                f"tcp {SSH_PORT} in from {network}"
                for network in administrators
                if not permits(rules[subnet.id], False, "tcp", SSH_PORT, network[0])
            ]
        if refused:
            yield Finding(
                severity="error",
                key="subnet_ids",
                value=subnet.id,
                problem=f"its network ACL refuses what the nodes need: {', '.join(refused)}.",
                fix=f"aws ec2 describe-network-acls --region {chosen(settings).region} "
                f"--filters Name=association.subnet-id,Values={subnet.id}",
            )


def _refused(rules: Sequence[AclRule], subnet: Subnet, blocks: Sequence[IPv4Network]) -> Iterator[str]:
    """Connections to the internet with their answers, and what nodes say to each other and to the share."""
    if not permits(rules, True, "tcp", HTTPS, INTERNET):
        yield f"tcp {HTTPS} out to the internet"
    for port in ANSWERS:
        if not permits(rules, False, "tcp", port, INTERNET):
            yield f"tcp {port} in from the internet, for answers"
    for block in blocks:
        if block == subnet.block:
            continue  # an ACL stands between subnets
        for protocol, port in (*((each[1], each[2]) for each in AMONG_NODES), ("tcp", NFS_PORT)):
            for egress, way in ((True, "out to"), (False, "in from")):
                if not permits(rules, egress, protocol, port, block[0]):
                    yield f"{protocol} {port} {way} {block}"


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
