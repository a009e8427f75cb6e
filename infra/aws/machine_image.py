"""The nodes' machine image: the one that the operator names, else the newest Amazon Linux 2023 for ECS."""

from __future__ import annotations

from dataclasses import dataclass

import pulumi_aws as aws

from infra.aws.instance_type import InstanceType
from infra.aws.network import reason
from infra.values import ConfigurationError

FAMILY = "/aws/service/ecs/optimized-ami/amazon-linux-2023"
ROOT_DEVICE = "/dev/xvda"  # as Amazon Linux names it in its images
UNNAMED = "pulumi config rm ami"  # nodes then take the newest
DATA_DEVICE = "/dev/sdf"  # of the data volume; the instance may see it under another name


@dataclass(frozen=True, kw_only=True)
class MachineImage:
    """``named`` by the operator: only then do nodes that exist take another one."""

    id: str
    named: bool

    def ignored(self, name: str) -> list[str]:
        """What to ignore of a resource whose property ``name`` is the image: a newer one replaces no node."""
        return [] if self.named else [name]


def look_up(ami: str, kind: InstanceType) -> MachineImage:
    """The named image, which must be one for these instances, else the newest. Raises ConfigurationError."""
    if not ami:
        return MachineImage(id=newest(kind.architecture), named=False)
    try:
        # Amazon deprecates its images after a while: EC2 goes on launching one that is named, but lists it
        # only to who asks for such ones too.
        # https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/ami-deprecate.html
        found = aws.ec2.get_ami(
            filters=[aws.ec2.GetAmiFilterArgs(name="image-id", values=[ami])], include_deprecated=True
        )
    except Exception as problem:
        raise unusable(ami, reason(problem)) from None
    check_architecture(ami, found.architecture, kind)
    return MachineImage(id=ami, named=True)


def unusable(ami: str, why: str) -> ConfigurationError:
    return ConfigurationError("ami", ami, f"it cannot be used in this region ({why}).", UNNAMED)


def check_architecture(ami: str, architecture: str | None, kind: InstanceType) -> None:
    """Raises ConfigurationError if the image does not boot on these instances."""
    if architecture and architecture != kind.architecture:
        problem = f"it is for {architecture}, {kind.name} is {kind.architecture}."
        raise ConfigurationError("ami", ami, problem, UNNAMED)


def newest(architecture: str) -> str:
    """The image's id now, or the reference by which EC2 looks it up itself."""
    name = newest_parameter(architecture)
    return aws.ssm.get_parameter(name=name).value or f"resolve:ssm:{name}"


def newest_parameter(architecture: str) -> str:
    infix = "/arm64" if architecture == "arm64" else ""
    return f"{FAMILY}{infix}/recommended/image_id"
