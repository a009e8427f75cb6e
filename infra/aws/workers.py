"""The workers: a launch template, and the Auto Scaling group that keeps as many as there should be."""

from __future__ import annotations

import base64
from collections.abc import Sequence

import pulumi
import pulumi_aws as aws

from infra.aws import disks, machine_image
from infra.aws.instance_type import InstanceType
from infra.aws.machine_image import MachineImage
from infra.aws.network import Subnet
from infra.aws.roles import Role
from infra.aws.tags import tags
from infra.settings import Settings

TAG = "Swarm Worker Node"
HOOK = "drain"
JOIN_TIME = 300  # seconds from launch to a worker that takes tasks


def group_name(settings: Settings) -> str:
    """A fixed name: the manager's user data and policy need it before the group exists."""
    return f"{settings.prefix}-workers"


class Workers(pulumi.ComponentResource):
    """``worker_nodes`` instances, which start once ``after`` exist.

    One that is to go is kept until the manager says that it is drained. If the manager says nothing for
    ``patience`` seconds, it goes.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        subnets: Sequence[Subnet],
        instance_type: InstanceType,
        image: MachineImage,
        group_ids: Sequence[pulumi.Input[str]],
        role: Role,
        user_data: pulumi.Output[str],
        patience: int,
        after: list[pulumi.Resource],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("oodt:aws:Workers", "workers", {}, opts)
        assert settings.aws
        self._settings = settings
        self._tags = tags(settings, TAG)
        template = self._create_template(
            instance_type, image, group_ids, role, user_data, spot=settings.aws.worker_spot
        )
        # Until the newest version is known, EC2 takes it by this name.
        self.version = template.latest_version.apply(lambda version: str(version) if version else "$Latest")
        self.group = self._create_group(template, subnets, [*role.ready, *after])
        self.hook = aws.autoscaling.LifecycleHook(
            HOOK,
            name=HOOK,
            autoscaling_group_name=self.group.name,
            lifecycle_transition="autoscaling:EC2_INSTANCE_TERMINATING",
            heartbeat_timeout=patience,
            default_result="CONTINUE",
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.register_outputs({})

    def _create_template(
        self,
        instance_type: InstanceType,
        image: MachineImage,
        group_ids: Sequence[pulumi.Input[str]],
        role: Role,
        user_data: pulumi.Output[str],
        *,
        spot: bool,
    ) -> aws.ec2.LaunchTemplate:
        return aws.ec2.LaunchTemplate(
            "worker",
            image_id=image.id,
            instance_type=instance_type.name,
            iam_instance_profile=aws.ec2.LaunchTemplateIamInstanceProfileArgs(name=role.profile.id),
            vpc_security_group_ids=list(group_ids),
            block_device_mappings=[
                _disk(machine_image.ROOT_DEVICE, disks.ROOT_SIZE),
                _disk(machine_image.DATA_DEVICE, disks.DATA_SIZE),
            ],
            metadata_options=aws.ec2.LaunchTemplateMetadataOptionsArgs(
                http_endpoint="enabled", http_tokens="required", http_put_response_hop_limit=1
            ),
            instance_market_options=(
                aws.ec2.LaunchTemplateInstanceMarketOptionsArgs(market_type="spot") if spot else None
            ),
            # EC2 takes a template's user data encoded, an instance's as plain text.
            user_data=user_data.apply(lambda script: base64.b64encode(script.encode()).decode()),
            tag_specifications=[
                aws.ec2.LaunchTemplateTagSpecificationArgs(resource_type=kind, tags=self._tags)
                for kind in ("instance", "volume", "network-interface")
            ],
            update_default_version=True,
            tags=self._tags,
            opts=pulumi.ResourceOptions(parent=self, ignore_changes=image.ignored("imageId")),
        )

    def _create_group(
        self, template: aws.ec2.LaunchTemplate, subnets: Sequence[Subnet], after: list[pulumi.Resource]
    ) -> aws.autoscaling.Group:
        count = self._settings.worker_nodes
        return aws.autoscaling.Group(
            "workers",
            name=group_name(self._settings),
            min_size=count,
            max_size=count,
            desired_capacity=count,
            vpc_zone_identifiers=[subnet.id for subnet in subnets],
            launch_template=aws.autoscaling.GroupLaunchTemplateArgs(id=template.id, version=self.version),
            # A changed template reaches the workers one after another, a new one before an old one goes.
            instance_refresh=aws.autoscaling.GroupInstanceRefreshArgs(
                strategy="Rolling",
                preferences=aws.autoscaling.GroupInstanceRefreshPreferencesArgs(
                    min_healthy_percentage=100,
                    max_healthy_percentage=110,
                    instance_warmup=str(JOIN_TIME),
                    skip_matching=True,
                ),
            ),
            # The gate waits, and shows meanwhile what the group fails at. The provider gives up at the first
            # launch that fails, although the group would try another zone, or waits without a word.
            wait_for_capacity_timeout="0",
            # Destroying the stack ends its jobs anyway; it need not wait for workers to be drained.
            force_delete=True,
            tags=[
                aws.autoscaling.GroupTagArgs(key=key, value=value, propagate_at_launch=True)
                for key, value in self._tags.items()
            ],
            opts=pulumi.ResourceOptions(parent=self, depends_on=after),
        )


def _disk(device: str, size: int) -> aws.ec2.LaunchTemplateBlockDeviceMappingArgs:
    return aws.ec2.LaunchTemplateBlockDeviceMappingArgs(
        device_name=device,
        ebs=aws.ec2.LaunchTemplateBlockDeviceMappingEbsArgs(
            volume_size=size,
            volume_type=disks.VOLUME_TYPE,
            encrypted="true",
            delete_on_termination="true",
        ),
    )
