"""All rules applied to the facts: every finding at once, and what was not checked for want of a fact."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from infra.aws.preflight.facts import Facts, NotRead
from infra.aws.preflight.finding import SEVERITIES, Finding, of_setting
from infra.aws.preflight.rules import (
    account,
    acls,
    endpoints,
    network,
    nodes,
    quotas,
    rights,
    routes,
    share,
)
from infra.settings import Settings
from infra.values import ConfigurationError

Rule = Callable[[Settings, Facts], Iterator[Finding]]
# What each rule is about, as a finding says that it was not checked.
RULES: dict[str, Rule] = {
    "region": account.region,
    "end of your session": account.session,
    "your own address": account.own_address,
    "width of admin_cidrs": account.wide,
    "rights to look": rights.look_ups,
    "launch of the manager": rights.refused_instance,
    "making of security groups": rights.refused_group,
    "rights that come later": rights.denied,
    "roles of AWS's services": rights.linked_roles,
    "permissions_boundary": rights.boundary,
    "quotas of IAM": rights.iam_room,
    "subnets": network.subnets,
    "the VPC's names": network.names,
    "ways to the internet": routes.ways_out,
    "the manager's address": routes.way_in,
    "blocked public access": routes.blocked,
    "network ACLs": acls.acls,
    "network ACLs of NAT gateways": acls.of_nat,
    "VPC endpoints": endpoints.endpoints,
    "zones of the subnets": network.usual_zones,
    "tenancy of the VPC": network.tenancy,
    "free addresses": network.room,
    "the swarm's addresses": network.swarm_addresses,
    "memory of instance_type": nodes.memory,
    "zones of instance_type": nodes.offered,
    "how instance_type is sold": nodes.sold,
    "steady work on instance_type": nodes.steady,
    "the machine image": nodes.image,
    "the key of the disks": nodes.disk_key,
    "nodes that exist": nodes.change,
    "name of the workers' group": nodes.group,
    "quota on vCPUs": quotas.on_demand,
    "quota on spot vCPUs": quotas.spot,
    "quota on Elastic IP addresses": quotas.addresses,
    "quota on file systems": quotas.file_systems,
    "quota on volumes": quotas.volumes,
    "efs_id": share.file_system,
    "mount targets": share.mount_targets,
    "the file system's policy": share.policy,
}


def judge(settings: Settings, facts: Facts) -> tuple[Finding, ...]:
    """The findings, errors first, each once."""
    unknown = tuple(account.caller(settings, facts))
    if unknown:
        return unknown
    found: list[Finding] = []
    unread: dict[str, list[str]] = {}
    for about, rule in RULES.items():
        try:
            found.extend(rule(settings, facts))
        except ConfigurationError as problem:
            found.append(of_setting(problem))
        except NotRead as problem:
            unread.setdefault(str(problem), []).append(about)
    found += [
        Finding(severity="not checked", key=", ".join(about), problem=f"{why}.")
        for why, about in unread.items()
    ]
    return tuple(sorted(dict.fromkeys(found), key=lambda finding: SEVERITIES.index(finding.severity)))
