"""The instances: their type, their machine image, and those that exist already."""

from __future__ import annotations

from collections.abc import Iterator

from infra.aws import disks, instance_type, machine_image, manager
from infra.aws.cost import burstable
from infra.aws.preflight.facts import HIDDEN, Facts
from infra.aws.preflight.finding import Finding, Severity
from infra.aws.preflight.place import chosen, kind, manager_exists
from infra.aws.workers import group_name
from infra.settings import Settings

SCALING_ROLE = "AWSServiceRoleForAutoScaling"
GRANTED = (
    "Encrypt Decrypt ReEncryptFrom ReEncryptTo GenerateDataKey GenerateDataKeyWithoutPlaintext DescribeKey "
    "CreateGrant"
)
# A key whose primary region is being changed encrypts as before.
# https://docs.aws.amazon.com/kms/latest/developerguide/multi-region-update.html
USABLE = ("Enabled", "Updating")
KIND_OF_IMAGE = "al2023-ami-ecs"  # how Amazon's names of such images begin


def memory(settings: Settings, facts: Facts) -> Iterator[Finding]:
    found = facts.type.get()
    instance_type.check_memory(settings, kind(settings, facts), found.memory if found else None)
    yield from ()


def offered(settings: Settings, facts: Facts) -> Iterator[Finding]:
    name = chosen(settings).instance_type
    if not facts.offers.get():
        raise instance_type.unusable(name, "no zone offers it")
    yield from ()


def sold(settings: Settings, facts: Facts) -> Iterator[Finding]:
    """That AWS sells the type as the manager and the workers are bought."""
    name, found = chosen(settings).instance_type, facts.type.get()
    if found and "on-demand" not in found.sold:
        raise instance_type.unusable(name, f"AWS sells it as {', '.join(found.sold)} only, not on demand")
    if found and chosen(settings).worker_spot and "spot" not in found.sold:
        yield Finding(
            severity="error",
            key="worker_spot",
            value="'true'",
            problem=f"{name} is no type that AWS sells as spot capacity: the group would launch no worker.",
            fix="pulumi config set worker_spot false",
        )


def steady(settings: Settings, facts: Facts) -> Iterator[Finding]:
    name = chosen(settings).instance_type
    if problem := burstable.warning(name):
        yield Finding(
            severity="warning",
            key="instance_type",
            value=repr(name),
            problem=problem,
            fix=f"pulumi config set instance_type {burstable.steady(name)}",
        )


def image(settings: Settings, facts: Facts) -> Iterator[Finding]:
    """That it exists, boots on these instances, and has its root disk where the nodes' disks expect it."""
    named, found = chosen(settings).ami, facts.image.get()
    if found is None:
        if named:
            raise machine_image.unusable(named, "this account sees no such image")
        yield Finding(
            severity="error",
            key="aws:region",
            value=repr(chosen(settings).region),
            problem="it has no ECS-optimised Amazon Linux 2023 for these instances.",
            fix="pulumi config set ami ami-0123456789abcdef0",
        )
        return
    if found.state == HIDDEN:
        yield Finding(
            severity="error",
            key="ami",
            value=found.id,
            problem="AWS recommends it for this region, and this account does not see it: its allowed AMIs "
            "leave Amazon's out.",
            fix=f"aws ec2 get-allowed-images-settings --region {chosen(settings).region}",
        )
        return
    if found.state != "available":
        raise machine_image.unusable(found.id, f"it is {found.state}")
    machine_image.check_architecture(found.id, found.architecture, kind(settings, facts))
    if found.root_device != machine_image.ROOT_DEVICE:
        problem = f"its root device is {found.root_device}, that of Amazon Linux {machine_image.ROOT_DEVICE}"
        raise machine_image.unusable(found.id, problem)
    if found.root_size > disks.ROOT_SIZE:
        problem = f"its root disk needs {found.root_size} GiB, nodes have {disks.ROOT_SIZE}"
        raise machine_image.unusable(found.id, problem)
    if found.of_amazon and found.name and not found.name.startswith(KIND_OF_IMAGE):
        problem = f"it is {found.name}; nodes need an ECS-optimised Amazon Linux 2023, which has docker"
        raise machine_image.unusable(found.id, problem)
    if named and found.deprecated:
        newest = machine_image.newest_parameter(found.architecture)
        yield Finding(
            severity="warning",
            key="ami",
            value=repr(named),
            problem=f"its owner calls it out of date since {found.deprecated}. Nodes come up with it until "
            "he deregisters it; workers that their group replaces after that do not.",
            # Without a name nodes that exist keep theirs, and the workers' template too.
            fix='pulumi config set ami "$(aws ssm get-parameter --query Parameter.Value --output text '
            f'--region {chosen(settings).region} --name {newest})"',
        )


def disk_key(settings: Settings, facts: Facts) -> Iterator[Finding]:
    """Whoever starts a node uses it: for the manager the deployer, for workers the role of Auto Scaling."""
    name, region = facts.disk_key.get(), chosen(settings).region
    if not name:
        return
    key = facts.disk_key_use.value
    if key is None:
        yield _of_key(
            "warning",
            name,
            f"it must let you use it, and {SCALING_ROLE}, or workers end as soon as they start; that is not "
            f"to be read ({facts.disk_key_use.failure}).",
            f"aws kms list-grants --region {region} --key-id {name}",
        )
    elif key.state not in USABLE:
        fix = f"aws ec2 reset-ebs-default-kms-key-id --region {region}   # back to AWS's own, or enable it"
        yield _of_key("error", name, f"it is {key.state}: no node starts.", fix)
    elif not key.let_in:
        yield _of_key(
            "error",
            name,
            f"neither its policy nor a grant lets {SCALING_ROLE} use it: workers end as soon as they start.",
            f"aws kms create-grant --region {region} --key-id {key.arn} --grantee-principal {key.role} "
            f"--operations {GRANTED}",
        )


def _of_key(severity: Severity, name: str, problem: str, fix: str) -> Finding:
    problem = f"disks are encrypted with this key of the account's own: {problem}"
    return Finding(severity=severity, key="key of the disks", value=name, problem=problem, fix=fix)


def change(settings: Settings, facts: Facts) -> Iterator[Finding]:
    """That nodes which exist can become ones of this type."""
    wanted = kind(settings, facts)
    for instance in facts.instances.get():
        if instance.role == "manager" and instance.type != wanted.name:
            manager.check_change(wanted, instance.type, instance.architecture, instance.zone)
    yield from ()


def group(settings: Settings, facts: Facts) -> Iterator[Finding]:
    """The workers' group has a fixed name: a second one of it is refused when all else is there already."""
    if facts.group.get() and not manager_exists(facts):
        yield Finding(
            severity="warning",
            key="group of workers",
            value=group_name(settings),
            problem="it is there, and no manager of this stack is. Unless somebody ended the manager, an "
            "earlier stack of this name left the group, and pulumi up fails at it.",
            fix="oodt preflight aws --leftovers   # says what else is left, and how to remove it",
        )
