"""Tries out calls of EC2, which makes nothing. Policies of all kinds count, the organization's too."""

from __future__ import annotations

from typing import Any

from infra.aws import disks, machine_image, manager
from infra.aws.network import Subnet
from infra.aws.preflight import facts, place
from infra.aws.preflight.facts import NotRead
from infra.aws.preflight.part_account import AccountPart
from infra.aws.preflight.part_network import NetworkPart
from infra.aws.preflight.part_nodes import NodesPart
from infra.aws.tags import tags
from infra.values import ConfigurationError


class TrialsPart(AccountPart, NodesPart, NetworkPart):
    """What comes first in `pulumi up`, where it will be. None where the settings mean no such place."""

    def refused_instance(self) -> facts.Refused | None:
        """The manager, as the AWS provider launches it: its root disk gets tags only afterwards.

        https://github.com/hashicorp/terraform-provider-aws/blob/main/internal/service/ec2/ec2_instance.go
        """
        image, subnet = self.chosen.ami or self._newest_image(), self._first_subnet()
        if not (image and subnet):
            return None
        if subnet.id in self.shared():
            # The trial would take the VPC's default security group, the manager has groups of its own.
            raise NotRead(f"another account owns {subnet.id}, and lets nobody else use its security groups")
        disk = {"VolumeSize": disks.ROOT_SIZE, "VolumeType": disks.VOLUME_TYPE, "Encrypted": True}
        return self.calls.refusal(
            "run_instances",
            ImageId=image,
            InstanceType=self.chosen.instance_type,
            MinCount=1,
            MaxCount=1,
            SubnetId=subnet.id,
            BlockDeviceMappings=[{"DeviceName": machine_image.ROOT_DEVICE, "Ebs": disk}],
            MetadataOptions={"HttpTokens": "required", "HttpPutResponseHopLimit": 1},
            TagSpecifications=self._tagged("instance", manager.TAG),
        )

    def refused_group(self) -> facts.Refused | None:
        subnet = self._first_subnet()
        if not subnet:
            return None
        return self.calls.refusal(
            "create_security_group",
            GroupName=f"{self.settings.prefix}-nodes",
            Description="nodes",
            VpcId=subnet.vpc_id,
            TagSpecifications=self._tagged("security-group", f"{self.settings.prefix} nodes"),
        )

    def _first_subnet(self) -> Subnet | None:
        """The manager's; None where the rule about subnets will say what is wrong."""
        try:
            found = place.meant(self.chosen, self.vpc(), self.subnets())
            return place.fit(self.chosen, found, self.offers(), self.targets()).subnets[0]
        except ConfigurationError:
            return None

    def _tagged(self, kind: str, name: str) -> list[dict[str, Any]]:
        named = [{"Key": key, "Value": value} for key, value in tags(self.settings, name).items()]
        return [{"ResourceType": kind, "Tags": named}]
