"""The machine image of new nodes: the newest ECS-optimised Amazon Linux 2023."""

from __future__ import annotations

import pulumi_aws as aws

FAMILY = "/aws/service/ecs/optimized-ami/amazon-linux-2023"
ROOT_DEVICE = "/dev/xvda"  # as Amazon Linux names it in its images
DATA_DEVICE = "/dev/sdf"  # of the data volume; the instance may see it under another name


def newest(architecture: str) -> str:
    """The image's id now, or the reference by which EC2 looks it up itself.

    Resources that use it ignore later changes: a newer image replaces no node.
    """
    infix = "/arm64" if architecture == "arm64" else ""
    name = f"{FAMILY}{infix}/recommended/image_id"
    return aws.ssm.get_parameter(name=name).value or f"resolve:ssm:{name}"
