"""Reads who asks, and the file system that is given."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from ipaddress import IPv4Address, IPv6Address
from typing import Any

import boto3

from infra.aws import access
from infra.aws.preflight import facts, own_address
from infra.aws.preflight.calls import Part


class AccountPart(Part):
    """The caller, his region, and what the settings name by an id."""

    def caller(self) -> facts.Caller:
        found = self.calls.ask("sts", "get_caller_identity")
        return facts.Caller(account=found["Account"], arn=found["Arn"])

    def session_left(self) -> float | None:
        """By what those who hand out sessions say beside them; AWS itself tells it to nobody."""
        end, chosen = access.session_end(), self.chosen.access
        if not end or chosen.profile or chosen.keys or chosen.web_identity:
            return None
        return (datetime.fromisoformat(end) - datetime.now(UTC)).total_seconds()

    def region_enabled(self) -> bool:
        (region,) = self.calls.ask(
            "ec2", "describe_regions", AllRegions=True, RegionNames=[self.chosen.region]
        )["Regions"]
        return bool(region["OptInStatus"] != "not-opted-in")

    def region_known(self) -> bool:
        """By the list that comes with AWS's SDK, which is asked nothing."""
        session = boto3.Session()
        partitions = session.get_available_partitions()
        return any(self.chosen.region in session.get_available_regions("ec2", each) for each in partitions)

    def own_address(self) -> IPv4Address | IPv6Address:
        return own_address.look_up()

    def file_system(self) -> facts.FileSystem | None:
        if not self.chosen.efs_id:
            return None
        answer = self.calls.ask(
            "efs", "describe_file_systems", ("FileSystemNotFound",), FileSystemId=self.chosen.efs_id
        )
        for found in answer["FileSystems"] if answer else ():
            protection = found.get("FileSystemProtection", {}).get("ReplicationOverwriteProtection")
            return facts.FileSystem(
                state=found["LifeCycleState"],
                encrypted=bool(found.get("Encrypted")),
                copy=protection == "REPLICATING",
            )
        return None

    def targets(self) -> tuple[facts.MountTarget, ...]:
        if not self.chosen.efs_id:
            return ()
        answer = self.calls.ask(
            "efs", "describe_mount_targets", ("FileSystemNotFound",), FileSystemId=self.chosen.efs_id
        )
        return tuple(
            facts.MountTarget(
                id=found["MountTargetId"],
                vpc_id=found.get("VpcId", ""),
                zone=found.get("AvailabilityZoneName", ""),
                state=found["LifeCycleState"],
                subnet=found.get("SubnetId", ""),
                address=IPv4Address(found["IpAddress"]) if found.get("IpAddress") else None,
                only_ipv6=bool(found.get("Ipv6Address")) and not found.get("IpAddress"),
            )
            for found in (answer["MountTargets"] if answer else ())
        )

    def target_groups(self) -> dict[str, tuple[str, ...]]:
        found = {}
        for target in self.targets():
            answer = self.calls.ask("efs", "describe_mount_target_security_groups", MountTargetId=target.id)
            found[target.id] = tuple(answer.get("SecurityGroups", ()))
        return found

    def share_policy(self) -> dict[str, Any] | None:
        if not self.chosen.efs_id:
            return None
        answer = self.calls.ask(
            "efs",
            "describe_file_system_policy",
            ("PolicyNotFound", "FileSystemNotFound"),
            FileSystemId=self.chosen.efs_id,
        )
        found: dict[str, Any] | None = json.loads(answer["Policy"]) if answer else None
        return found
