"""What the account may have at most, against what it has and what the settings need."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from infra.aws import disks
from infra.aws.preflight.facts import Facts
from infra.aws.preflight.finding import Finding
from infra.aws.preflight.place import chosen, manager_exists, place
from infra.settings import Settings

# Instance families, the letters before the generation, that the quotas on vCPUs call standard.
STANDARD = frozenset(("a", "c", "d", "h", "i", "im", "is", "m", "r", "t", "z"))
DISKS_OF_A_NODE = disks.ROOT_SIZE + disks.DATA_SIZE  # GiB
GIB_OF_A_TIB = 1024


@dataclass(frozen=True, kw_only=True)
class Quota:
    """Names and codes are those of `aws service-quotas list-service-quotas --service-code SERVICE`."""

    service: str
    code: str
    name: str


ON_DEMAND = Quota(service="ec2", code="L-1216C47A", name="vCPUs of standard instances on demand")
SPOT = Quota(service="ec2", code="L-34B43A08", name="vCPUs of standard spot instances")
ADDRESSES = Quota(service="ec2", code="L-0263D0A3", name="Elastic IP addresses")
FILE_SYSTEMS = Quota(service="elasticfilesystem", code="L-848C634D", name="EFS file systems")
GP3 = Quota(service="ebs", code="L-7A658B76", name="TiB of gp3 volumes")
QUOTAS = (ON_DEMAND, SPOT, ADDRESSES, FILE_SYSTEMS, GP3)


def on_demand(settings: Settings, facts: Facts) -> Iterator[Finding]:
    nodes = 1 if chosen(settings).worker_spot else settings.worker_nodes + 1
    yield from _vcpus(settings, facts, ON_DEMAND, nodes, spot=False)


def spot(settings: Settings, facts: Facts) -> Iterator[Finding]:
    if chosen(settings).worker_spot:
        yield from _vcpus(settings, facts, SPOT, settings.worker_nodes, spot=True)


def addresses(settings: Settings, facts: Facts) -> Iterator[Finding]:
    if place(settings, facts).subnets[0].public and not manager_exists(facts):
        yield from _judged(settings, facts, ADDRESSES, has=facts.addresses.get(), more=1)


def file_systems(settings: Settings, facts: Facts) -> Iterator[Finding]:
    if not chosen(settings).efs_id and not manager_exists(facts):
        yield from _judged(settings, facts, FILE_SYSTEMS, has=facts.file_systems.get(), more=1)


def volumes(settings: Settings, facts: Facts) -> Iterator[Finding]:
    existing = sum(1 for instance in facts.instances.get() if instance.role)
    more = max(0, settings.worker_nodes + 1 - existing) * DISKS_OF_A_NODE / GIB_OF_A_TIB
    yield from _judged(settings, facts, GP3, has=facts.gp3.get() / GIB_OF_A_TIB, more=more)


def _vcpus(settings: Settings, facts: Facts, quota: Quota, nodes: int, *, spot: bool) -> Iterator[Finding]:
    name, found = chosen(settings).instance_type, facts.type.get()
    if found is None:
        return
    if not is_standard(name):
        yield Finding(
            severity="not checked",
            key="quota on vCPUs",
            problem=f"{name} counts in another quota than standard instances.",
        )
        return
    of_kind = [each for each in facts.instances.get() if each.spot == spot and is_standard(each.type)]
    others = sum(instance.vcpus for instance in of_kind if not instance.role)
    # Nodes that exist count as they will be: a change of type replaces them.
    yield from _judged(settings, facts, quota, has=others, more=nodes * found.vcpus)


def is_standard(type_name: str) -> bool:
    found = re.match("[a-z]+", type_name)
    return bool(found) and found[0] in STANDARD  # type: ignore[index]


def _judged(settings: Settings, facts: Facts, quota: Quota, *, has: float, more: float) -> Iterator[Finding]:
    limit = facts.quotas[quota.code].get()
    if more and has + more > limit:
        yield Finding(
            severity="error",
            key=f"quota {quota.code}",
            value=f"{limit:g}",
            problem=f"{quota.name}: besides this stack the account has {has:.4g}, the stack needs {more:.4g} "
            "more.",
            fix=f"aws service-quotas request-service-quota-increase --region {chosen(settings).region} "
            f"--service-code {quota.service} --quota-code {quota.code} --desired-value {int(has + more) + 1}",
        )
