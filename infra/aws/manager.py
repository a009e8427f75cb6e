"""The manager: an instance that can be replaced, while its address and its data volume stay."""

from __future__ import annotations

from collections.abc import Iterator

import pulumi
import pulumi_aws as aws

from infra.addresses import Addresses
from infra.aws import disks, machine_image
from infra.aws.instance_type import InstanceType, architecture_of
from infra.aws.machine_image import MachineImage
from infra.aws.network import Subnet
from infra.aws.roles import Role
from infra.aws.security import SecurityGroups
from infra.aws.tags import tags
from infra.settings import Settings
from infra.values import ConfigurationError

TAG = "Swarm Manager Node"
POOL_TAG = "AddressPool"


def existing_pool(settings: Settings) -> str | None:
    """The address pool of the stack's manager, if it has one; empty for one from before there were any."""
    pools = [(manager.tags or {}).get(POOL_TAG, "") for manager in _existing(settings)]
    return pools[0] if pools else None


def check_existing(settings: Settings, kind: InstanceType) -> None:
    """Raises ConfigurationError if the stack has a manager that cannot change to this type."""
    for manager in _existing(settings):
        name, zone = manager.instance_type, manager.availability_zone
        if not name or name == kind.name:
            continue
        existing = aws.ec2.get_instance_type(instance_type=name)
        check_change(kind, name, architecture_of(existing.supported_architectures), zone or "")


def check_change(kind: InstanceType, existing: str, architecture: str, zone: str) -> None:
    """Raises ConfigurationError if a manager of the ``existing`` type cannot change to this one.

    Its machine image and the containers' images on its data volume stay, and the volume is in one zone.
    """
    fix = f"pulumi config set instance_type {existing}"
    if architecture != kind.architecture:
        raise ConfigurationError(
            "instance_type",
            kind.name,
            f"it is {kind.architecture}; the stack's nodes are {architecture} and stay it. For another "
            "architecture type first: pulumi destroy.",
            fix,
        )
    if zone and kind.zones and zone not in kind.zones:
        raise ConfigurationError(
            "instance_type", kind.name, f"it is not offered in {zone}, where the manager is.", fix
        )


def _existing(settings: Settings) -> Iterator[aws.ec2.GetInstanceResult]:
    found = aws.ec2.get_instances(
        instance_tags=tags(settings, TAG),
        instance_state_names=["pending", "running", "stopping", "stopped"],
    )
    for identifier in found.ids or []:
        yield aws.ec2.get_instance(instance_id=identifier)


class ManagerAddress(pulumi.ComponentResource):
    """The manager's network interface: ``private`` for the nodes, ``reachable`` for the operator.

    In a subnet that has public addresses the interface gets one that stays, too: an instance with an
    interface of its own is given none.
    """

    def __init__(
        self,
        settings: Settings,
        subnet: Subnet,
        groups: SecurityGroups,
        *,
        subnet_given: bool,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("oodt:aws:ManagerAddress", "manager-address", {}, opts)
        own = tags(settings, f"{settings.prefix} manager")
        self.interface = aws.ec2.NetworkInterface(
            "manager",
            subnet_id=subnet.id,
            security_groups=[groups.nodes.id, groups.manager.id],
            description=f"{settings.prefix}: manager",
            tags=own,
            opts=pulumi.ResourceOptions(parent=self, ignore_changes=_ignored(subnet_given, "subnetId")),
        )
        self.private = self.interface.private_ip.apply(lambda address: address or "")
        self.reachable = self.private
        if subnet.public:
            address = aws.ec2.Eip(
                "manager",
                domain="vpc",
                network_interface=self.interface.id,
                tags=own,
                opts=pulumi.ResourceOptions(parent=self),
            )
            self.reachable = address.public_ip.apply(lambda address: address or "")
        self.register_outputs({})


class Manager(pulumi.ComponentResource):
    """The manager's instance, which starts once ``after`` exist, and its data volume."""

    def __init__(
        self,
        settings: Settings,
        *,
        subnet: Subnet,
        subnet_given: bool,
        instance_type: InstanceType,
        image: MachineImage,
        address: ManagerAddress,
        role: Role,
        addresses: Addresses | None,
        public_key: pulumi.Input[str],
        user_data: pulumi.Input[str],
        after: list[pulumi.Resource],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("oodt:aws:Manager", "manager", {}, opts)
        assert settings.aws
        data_tags = tags(settings, f"{settings.prefix} manager data")
        key = aws.ec2.KeyPair(
            "operator",
            public_key=pulumi.Output.from_input(public_key).apply(lambda key: key or ""),
            tags=tags(settings, f"{settings.prefix} operator"),
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.instance = aws.ec2.Instance(
            "manager",
            ami=image.id,
            instance_type=instance_type.name,
            key_name=key.id,
            iam_instance_profile=role.profile.id,
            primary_network_interface=aws.ec2.InstancePrimaryNetworkInterfaceArgs(
                network_interface_id=address.interface.id
            ),
            root_block_device=aws.ec2.InstanceRootBlockDeviceArgs(
                volume_size=disks.ROOT_SIZE,
                volume_type=disks.VOLUME_TYPE,
                encrypted=True,
                delete_on_termination=True,
                tags=tags(settings, f"{settings.prefix} manager root"),
            ),
            metadata_options=aws.ec2.InstanceMetadataOptionsArgs(
                http_endpoint="enabled", http_tokens="required", http_put_response_hop_limit=1
            ),
            user_data=user_data,
            user_data_replace_on_change=True,
            tags=tags(settings, TAG) | ({POOL_TAG: str(addresses.pool)} if addresses else {}),
            opts=pulumi.ResourceOptions(
                parent=self,
                # Two instances cannot hold the same interface and volume.
                delete_before_replace=True,
                ignore_changes=image.ignored("ami"),
                depends_on=[*role.ready, *after],
            ),
        )
        volume = aws.ebs.Volume(
            "manager-data",
            availability_zone=subnet.zone or f"{settings.aws.region}a",
            size=disks.DATA_SIZE,
            type=disks.VOLUME_TYPE,
            encrypted=True,
            tags=data_tags,
            opts=pulumi.ResourceOptions(
                parent=self,
                protect=settings.aws.protect,
                ignore_changes=_ignored(subnet_given, "availabilityZone"),
            ),
        )
        self.attachment = aws.ec2.VolumeAttachment(
            "manager-data",
            device_name=machine_image.DATA_DEVICE,
            volume_id=volume.id,
            instance_id=self.instance.id,
            stop_instance_before_detaching=True,  # docker writes to it until the end
            # It ends with its instance: nothing is to be detached from one that is gone.
            opts=pulumi.ResourceOptions(parent=self, delete_before_replace=True, deleted_with=self.instance),
        )
        self.register_outputs({})


def _ignored(subnet_given: bool, name: str) -> list[str]:
    """A manager stays where it is: which default subnet is the first may change, its data may not."""
    return [] if subnet_given else [name]
