"""Reads what the nodes are made of, and how much of it the account has and may have."""

from __future__ import annotations

import json
from datetime import UTC, datetime

from infra.aws import machine_image, manager, workers
from infra.aws.instance_type import architecture_of
from infra.aws.preflight import facts
from infra.aws.preflight.calls import Part, filters
from infra.aws.preflight.facts import NotRead
from infra.aws.preflight.statements import listed, may_allow, names
from infra.aws.tags import tags

ALIVE = ("pending", "running", "stopping", "stopped")
OWN_KEY = "alias/aws/ebs"  # AWS's own of each account
# It cannot be given rights but by the key: by its policy, or by a grant. A statement for the whole account
# only lets IAM decide, and nobody may add to the policies of this role.
# https://docs.aws.amazon.com/autoscaling/ec2/userguide/key-policy-requirements-EBS-encryption.html
SCALING_ROLE = "aws-service-role/autoscaling.amazonaws.com/AWSServiceRoleForAutoScaling"
GRANT = "kms:CreateGrant"
COUNTED = ("pending", "running")  # against quotas on vCPUs


class NodesPart(Part):
    """Type, image, instances, and the numbers that quotas are about."""

    def type(self) -> facts.Type | None:
        answer = self.calls.ask(
            "ec2",
            "describe_instance_types",
            ("InvalidInstanceType",),
            InstanceTypes=[self.chosen.instance_type],
        )
        for found in answer["InstanceTypes"] if answer else ():
            return facts.Type(
                architectures=tuple(found["ProcessorInfo"]["SupportedArchitectures"]),
                memory=found["MemoryInfo"]["SizeInMiB"],
                vcpus=found["VCpuInfo"]["DefaultVCpus"],
                sold=tuple(found.get("SupportedUsageClasses", facts.Type.sold)),
            )
        return None

    def offers(self) -> frozenset[str]:
        answer = self.calls.ask(
            "ec2",
            "describe_instance_type_offerings",
            LocationType="availability-zone",
            Filters=filters("instance-type", self.chosen.instance_type),
        )
        return frozenset(found["Location"] for found in answer["InstanceTypeOfferings"])

    def image(self) -> facts.Image | None:
        identifier = self.chosen.ami or self._newest_image()
        if not identifier:
            return None
        answer = self.calls.ask(
            "ec2", "describe_images", Filters=filters("image-id", identifier), IncludeDeprecated=True
        )
        for found in answer["Images"]:
            root = found.get("RootDeviceName", "")
            sizes = [
                mapping["Ebs"].get("VolumeSize", 0)
                for mapping in found.get("BlockDeviceMappings", [])
                if mapping.get("DeviceName") == root and "Ebs" in mapping
            ]
            return facts.Image(
                id=identifier,
                architecture=found["Architecture"],
                state=found["State"],
                root_device=root,
                root_size=max(sizes, default=0),
                name=found.get("Name", ""),
                of_amazon=found.get("ImageOwnerAlias") == "amazon",
                deprecated=_passed(found.get("DeprecationTime", "")),
            )
        if self.chosen.ami:
            return None
        return facts.Image(id=identifier, architecture="", state=facts.HIDDEN, root_device="", root_size=0)

    def _newest_image(self) -> str:
        found = self.type()
        name = machine_image.newest_parameter(architecture_of(found.architectures if found else ()))
        answer = self.calls.ask("ssm", "get_parameter", ("ParameterNotFound",), Name=name)
        return str(answer["Parameter"]["Value"]) if answer else ""

    def instances(self) -> tuple[facts.Instance, ...]:
        answer = self.calls.ask("ec2", "describe_instances", Filters=filters("instance-state-name", *ALIVE))
        there = [each for reservation in answer["Reservations"] for each in reservation["Instances"]]
        vcpus = self._vcpus({each["InstanceType"] for each in there})
        roles = {"manager": tags(self.settings, manager.TAG), "worker": tags(self.settings, workers.TAG)}
        found = []
        for each in there:
            own = {tag["Key"]: tag["Value"] for tag in each.get("Tags", [])}
            role = next((role for role, wanted in roles.items() if wanted.items() <= own.items()), "")
            if not role and each["State"]["Name"] not in COUNTED:
                continue
            found.append(
                facts.Instance(
                    id=each["InstanceId"],
                    type=each["InstanceType"],
                    architecture=each.get("Architecture", ""),
                    zone=each["Placement"]["AvailabilityZone"],
                    vcpus=vcpus.get(each["InstanceType"], 0),
                    spot=each.get("InstanceLifecycle") == "spot",
                    role=role,
                )
            )
        return tuple(found)

    def group(self) -> bool:
        named = [workers.group_name(self.settings)]
        answer = self.calls.ask("autoscaling", "describe_auto_scaling_groups", AutoScalingGroupNames=named)
        return bool(answer["AutoScalingGroups"])

    def _vcpus(self, types: set[str]) -> dict[str, int]:
        if not types:
            return {}
        answer = self.calls.ask(
            "ec2", "describe_instance_types", Filters=filters("instance-type", *sorted(types))
        )
        return {found["InstanceType"]: found["VCpuInfo"]["DefaultVCpus"] for found in answer["InstanceTypes"]}

    def addresses(self) -> int:
        return len(self.calls.ask("ec2", "describe_addresses")["Addresses"])

    def file_systems(self) -> int:
        return len(self.calls.ask("efs", "describe_file_systems")["FileSystems"])

    def gp3(self) -> int:
        answer = self.calls.ask("ec2", "describe_volumes", Filters=filters("volume-type", "gp3"))
        return sum(found["Size"] for found in answer["Volumes"])

    def disk_key(self) -> str:
        key = str(self.calls.ask("ec2", "get_ebs_default_kms_key_id")["KmsKeyId"])
        return "" if key.endswith(OWN_KEY) else key

    def disk_key_use(self) -> facts.Key | None:
        """Whoever has made the key the account's default may have deleted it since."""
        name = self.disk_key()
        if not name:
            return None
        answer = self.calls.ask("kms", "describe_key", ("NotFoundException",), KeyId=name)
        if answer is None:
            return facts.Key(arn=name, state="gone", role="", let_in=False)
        key = answer["KeyMetadata"]
        account = self.calls.ask("sts", "get_caller_identity")["Account"]
        role = f"arn:{key['Arn'].split(':')[1]}:iam::{account}:role/{SCALING_ROLE}"
        # What asks KMS for policies and grants takes no alias.
        document = self.calls.ask("kms", "get_key_policy", KeyId=key["Arn"], PolicyName="default")["Policy"]
        grants = self.calls.ask("kms", "list_grants", KeyId=key["Arn"])["Grants"]
        return facts.Key(
            arn=key["Arn"],
            state=key["KeyState"],
            role=role,
            let_in=any(names(each, role) and may_allow(each, GRANT) for each in listed(json.loads(document)))
            or any(each["GranteePrincipal"] == role for each in grants),
        )

    def quota(self, service: str, code: str) -> float:
        """The account's own value, else the one that AWS gives everybody."""
        which = {"ServiceCode": service, "QuotaCode": code}
        for action in ("get_service_quota", "get_aws_default_service_quota"):
            answer = self.calls.ask("service-quotas", action, ("NoSuchResourceException",), **which)
            if answer:
                return float(answer["Quota"]["Value"])
        raise NotRead(f"AWS names no quota {code} of {service} here")


def _passed(time: str) -> str:
    """The day of this time, as AWS writes times, if it is over; else empty."""
    return time.partition("T")[0] if time and datetime.fromisoformat(time) <= datetime.now(UTC) else ""
