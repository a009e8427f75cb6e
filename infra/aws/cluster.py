"""The swarm on AWS: its parts in the order in which they need each other."""

from __future__ import annotations

from ipaddress import IPv4Network

import pulumi

from infra.addresses import Addresses, choose
from infra.aws import instance_type, machine_image, network, roles, share, user_data
from infra.aws.cost import prices
from infra.aws.cost.estimate import estimate
from infra.aws.machine_image import MachineImage
from infra.aws.manager import Manager, ManagerAddress, check_existing, existing_pool
from infra.aws.preflight import report
from infra.aws.readiness import JoinRecord, ManagerReady, WorkersReady
from infra.aws.roles import Role
from infra.aws.security import SecurityGroups
from infra.aws.share import Share
from infra.aws.workers import HOOK, Workers, group_name
from infra.settings import Settings
from infra.ssh import Identity
from infra.ssh_key import SshKey
from infra.swarm import Swarm
from infra.values import ConfigurationError
from runtime.names import DEFAULT_STOP_GRACE_SECONDS

USER = "ec2-user"
# Seconds that a worker may take to shut down: its containers' usual grace, and all that happens around it.
PATIENCE = DEFAULT_STOP_GRACE_SECONDS + 300
# A group keeps an instance that is to go for so many times its hook's timeout, as long as it is asked to.
# https://docs.aws.amazon.com/autoscaling/ec2/userguide/lifecycle-hooks-overview.html
MOST_HEARTBEATS = 100


def create(settings: Settings, identity: Identity) -> Swarm:
    """Declare the manager, the workers and all that they need.

    Raises pulumi.RunError where AWS has not what the settings name; a preview says all that is wrong at once.
    """
    assert settings.aws
    if pulumi.runtime.is_dry_run():
        report.preview(settings)
    efs_id = settings.aws.efs_id
    targets = share.MountTargets()
    try:
        kind = instance_type.look_up(settings, settings.aws.instance_type)
        check_existing(settings, kind)
        image = machine_image.look_up(settings.aws.ami, kind)
        place = network.look_up(settings.aws).within(kind.zones, f"there is {kind.name}")
        if efs_id:
            targets = share.look_up(efs_id, place.vpc_id)
            place = place.within(targets.zones, f"{efs_id} has a mount target")
        place.check_room(settings.worker_nodes + 1)
        addresses = _addresses(settings, place)
    except ConfigurationError as problem:
        raise pulumi.RunError(str(problem)) from None
    if pulumi.runtime.is_dry_run():
        pulumi.log.info(str(estimate(settings, prices.look_up(settings.aws), _public(settings, place))))
    return AwsNodes(
        settings, place, identity, kind=kind, image=image, targets=targets, addresses=addresses
    ).swarm


def _public(settings: Settings, place: network.Network) -> int:
    """How many nodes have public addresses: the manager is in the first subnet, the workers in all."""
    workers = settings.worker_nodes if any(subnet.public for subnet in place.subnets) else 0
    return workers + place.subnets[0].public


def _addresses(settings: Settings, place: network.Network) -> Addresses | None:
    """Those that the cluster has: others in their user data would only replace its nodes."""
    assert settings.aws
    kept = existing_pool(settings)
    if kept is None:
        return choose(settings.overlay_pool, place.taken(settings.aws))
    return Addresses(pool=IPv4Network(kept)) if kept else None


class AwsNodes(pulumi.ComponentResource):
    """A manager instance and a group of worker instances that share a file system."""

    swarm: Swarm

    def __init__(
        self,
        settings: Settings,
        place: network.Network,
        identity: Identity,
        *,
        kind: instance_type.InstanceType,
        image: MachineImage,
        targets: share.MountTargets,
        addresses: Addresses | None,
    ) -> None:
        super().__init__("oodt:aws:Nodes", "nodes")
        assert settings.aws
        child = pulumi.ResourceOptions(parent=self)
        parameter = f"/{settings.project}/{settings.stack}/swarm"
        parameter_arn = roles.parameter_arn(settings.aws.region, parameter)

        key = SshKey("key", identity, child)
        groups = SecurityGroups(settings, place.vpc_id, targets.groups, child)
        manager_role, worker_role = Role("manager", settings, child), Role("worker", settings, child)
        shared = Share(settings, place, groups.share, [manager_role, worker_role], child)
        address = ManagerAddress(settings, place.subnets[0], groups, subnet_given=place.given, opts=child)
        record = JoinRecord("join-record", settings.aws, parameter, first=True, opts=child)
        reachable: list[pulumi.Resource] = [*groups.rules, *shared.mountable]
        variables: dict[str, pulumi.Input[str]] = {
            "REGION": settings.aws.region,
            "PARAMETER": parameter,
            "MANAGER_ADDRESS": address.private,
            "FILE_SYSTEM": shared.file_system,
            "ACCESS_POINT": shared.access_point,
            "BRIDGE_POOL": str(addresses.bridges) if addresses else "",
        }

        own_record = manager_role.allow("record", ["ssm:PutParameter"], parameter_arn)
        manager = Manager(
            settings,
            subnet=place.subnets[0],
            subnet_given=place.given,
            instance_type=kind,
            image=image,
            address=address,
            role=manager_role,
            addresses=addresses,
            public_key=key.public_key,
            user_data=user_data.manager(
                group=group_name(settings),
                hook=HOOK,
                pool=str(addresses.swarm) if addresses else "",
                patience=PATIENCE,
                variables=variables,
            ),
            after=[*reachable, own_record, record],
            opts=child,
        )

        group_arn = roles.group_arn(settings.aws.region, group_name(settings))
        workers = Workers(
            settings,
            subnets=place.subnets,
            instance_type=kind,
            image=image,
            group_ids=[groups.nodes.id],
            role=worker_role,
            user_data=user_data.worker(patience=PATIENCE, variables=variables),
            patience=max(PATIENCE, -(-(settings.leave_within + PATIENCE) // MOST_HEARTBEATS)),
            after=[
                *reachable,
                worker_role.allow("record", ["ssm:GetParameter"], parameter_arn),
                worker_role.allow("health", ["autoscaling:SetInstanceHealth"], group_arn),
            ],
            opts=child,
        )
        manager_role.allow(
            "drain",
            ["autoscaling:CompleteLifecycleAction", "autoscaling:RecordLifecycleActionHeartbeat"],
            workers.group.arn.apply(lambda arn: arn or group_arn),
        )

        # Made after all nodes, and so deleted before them: by this they know that the stack is destroyed, and
        # none waits for a drain. The first one deletes what the manager may have written since.
        JoinRecord(
            "join-record-end",
            settings.aws,
            parameter,
            first=False,
            opts=pulumi.ResourceOptions(
                parent=self, depends_on=[manager.instance, workers.group, workers.hook]
            ),
        )

        ready = ManagerReady(
            "manager-ready",
            settings.aws,
            parameter=parameter,
            user=USER,
            host=address.reachable,
            identity=identity,
            generation=manager.instance.id,
            opts=pulumi.ResourceOptions(parent=self, depends_on=[manager.attachment]),
        )
        # Known before the manager is ready, used only after: the preview of a replacement knows it.
        docker_host = pulumi.Output.all(address.reachable, ready.urn).apply(
            lambda found: f"ssh://{USER}@{found[0]}:22"
        )
        joined = WorkersReady(
            "workers-ready",
            settings.aws,
            count=settings.worker_nodes,
            docker_host=docker_host,
            identity=identity,
            group=workers.group.name,
            version=workers.version,
            opts=child,
        )
        self.swarm = Swarm(
            docker_host=docker_host,
            identity=identity,
            manager_address=address.private,
            share=user_data.SHARE,
            platform=kind.platform,
            workers=settings.worker_nodes,
            manager=manager.instance,
            members=(joined,),
            tunnelled=True,
            addresses=addresses,
        )
        self.register_outputs({})
