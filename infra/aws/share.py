"""The share of all nodes: an encrypted EFS file system of the stack's own, or a given one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from infra.aws import roles
from infra.aws.network import Network, reason
from infra.aws.roles import Role
from infra.aws.tags import tags
from infra.settings import Settings
from infra.values import ConfigurationError

OWN = "pulumi config rm efs_id"  # the stack then makes a file system of its own
# What a node does there: mount, write, and as root make folders for others.
ACTIONS = [f"elasticfilesystem:Client{what}" for what in ("Mount", "Write", "RootAccess")]


@dataclass(frozen=True, kw_only=True)
class MountTargets:
    """Where a given file system can be mounted, and security groups, one of each mount target.

    ``zones`` is empty if they are not known.
    """

    zones: frozenset[str] = frozenset()
    groups: tuple[str, ...] = ()


def look_up(efs_id: str, vpc_id: str) -> MountTargets:
    """Ask AWS for the mount targets of a given file system: the network interfaces that EFS made for it.

    Raises ConfigurationError where it does not exist or has none in this VPC.
    """
    try:
        aws.efs.get_file_system(file_system_id=efs_id)
    except Exception as problem:
        raise missing(efs_id, reason(problem)) from None
    # AWS's own look-up of mount targets fails where there is more than one.
    filters = {"description": f"EFS mount target for {efs_id} *", "vpc-id": vpc_id}
    found = aws.ec2.get_network_interfaces(
        filters=[
            aws.ec2.GetNetworkInterfacesFilterArgs(name=name, values=[value])
            for name, value in filters.items()
            if value
        ]
    )
    if found.ids == []:
        raise unmountable(efs_id, vpc_id)
    interfaces = [aws.ec2.get_network_interface(id=identifier) for identifier in sorted(found.ids or [])]
    zones = {interface.availability_zone or "" for interface in interfaces}
    return MountTargets(
        zones=frozenset() if "" in zones else frozenset(zones),
        groups=tuple(sorted({min(each.security_groups) for each in interfaces if each.security_groups})),
    )


def missing(efs_id: str, why: str) -> ConfigurationError:
    problem = f"there is no such file system in this region ({why})."
    return ConfigurationError("efs_id", efs_id, problem, OWN)


def unmountable(efs_id: str, vpc_id: str) -> ConfigurationError:
    return ConfigurationError("efs_id", efs_id, f"it has no mount target in {vpc_id}.", OWN)


class Share(pulumi.ComponentResource):
    """``file_system`` and ``access_point`` are what nodes mount, once ``mountable`` exists.

    The access point gives each stack a folder of its own. Nodes show their role when they mount: nobody else
    gets in. A given file system has mount targets already, and a policy that is not the stack's.
    """

    file_system: pulumi.Input[str]

    def __init__(
        self,
        settings: Settings,
        network: Network,
        group: aws.ec2.SecurityGroup,
        nodes: Sequence[Role],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("oodt:aws:Share", "share", {}, opts)
        assert settings.aws
        self._settings = settings
        if settings.aws.efs_id:
            self.file_system = settings.aws.efs_id
            access_point = self._create_access_point()
            arn = roles.file_system_arn(settings.aws.region, settings.aws.efs_id)
            through_it = {"StringEquals": {"elasticfilesystem:AccessPointArn": access_point.arn}}
            self.mountable: list[pulumi.Resource] = [
                node.allow("share", ACTIONS, arn, through_it) for node in nodes
            ]
        else:
            own = self._create_file_system(settings.aws.protect)
            self.file_system = own.id
            access_point = self._create_access_point()
            self.mountable = [
                self._create_policy(own, access_point, nodes),
                *(
                    aws.efs.MountTarget(
                        f"share-{subnet.zone or subnet.id}",
                        file_system_id=self.file_system,
                        subnet_id=subnet.id,
                        security_groups=[group.id],
                        opts=pulumi.ResourceOptions(parent=self),
                    )
                    for subnet in network.one_per_zone()
                ),
            ]
        self.access_point = access_point.id
        self.register_outputs({})

    def _create_file_system(self, protect: bool) -> aws.efs.FileSystem:
        return aws.efs.FileSystem(
            "share",
            encrypted=True,
            throughput_mode="elastic",
            # Most products are read once or never.
            lifecycle_policies=[
                aws.efs.FileSystemLifecyclePolicyArgs(transition_to_ia="AFTER_30_DAYS"),
                aws.efs.FileSystemLifecyclePolicyArgs(transition_to_primary_storage_class="AFTER_1_ACCESS"),
            ],
            tags=tags(self._settings, f"{self._settings.prefix} share"),
            opts=pulumi.ResourceOptions(parent=self, protect=protect),
        )

    def _create_access_point(self) -> aws.efs.AccessPoint:
        """Without a user of its own: jobs, ledger and configuration belong to several."""
        return aws.efs.AccessPoint(
            "share",
            file_system_id=self.file_system,
            root_directory=aws.efs.AccessPointRootDirectoryArgs(
                path=f"/{self._settings.prefix}",
                creation_info=aws.efs.AccessPointRootDirectoryCreationInfoArgs(
                    owner_uid=0, owner_gid=0, permissions="0755"
                ),
            ),
            tags=tags(self._settings, f"{self._settings.prefix} share"),
            opts=pulumi.ResourceOptions(parent=self),
        )

    def _create_policy(
        self, system: aws.efs.FileSystem, access_point: aws.efs.AccessPoint, nodes: Sequence[Role]
    ) -> aws.efs.FileSystemPolicy:
        """Nodes get in, to the stack's folder only, and nobody else: programs of jobs reach the port too."""
        encrypted = {"Bool": {"aws:SecureTransport": "true"}}
        through_it = {"StringEquals": {"elasticfilesystem:AccessPointArn": access_point.arn}}
        statements = [
            {
                "Sid": "Nodes",
                "Effect": "Allow",
                "Principal": {"AWS": [node.arn for node in nodes]},
                "Action": ACTIONS,
                "Resource": system.arn,
                "Condition": encrypted | through_it,
            },
            {
                "Sid": "OnlyEncrypted",
                "Effect": "Deny",
                "Principal": {"AWS": "*"},
                "Action": ACTIONS,
                "Resource": system.arn,
                "Condition": {"Bool": {"aws:SecureTransport": "false"}},
            },
        ]
        return aws.efs.FileSystemPolicy(
            "share",
            file_system_id=system.id,
            policy=pulumi.Output.json_dumps({"Version": "2012-10-17", "Statement": statements}),
            opts=pulumi.ResourceOptions(parent=self),
        )
