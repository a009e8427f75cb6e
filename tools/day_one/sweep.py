"""What AWS itself runs when this program cannot: removes all of the trial that costs, by its tags.

An automation of Systems Manager has these lines only, and Python with boto3. What is still in use is left to
its next run.
"""

import time
from typing import Any

import boto3

WAIT = 240  # seconds for what is ended to be gone; a script has 600
LOOK_INTERVAL = 10


def sweep(events: dict[str, str], _context: object) -> dict[str, Any]:
    """Of ``events`` it takes region, project and stack. The answer says what went wrong."""
    own = {"Project": events["project"], "Stack": events["stack"]}
    tagged = [{"Name": f"tag:{key}", "Values": [value]} for key, value in own.items()]
    ec2, efs, autoscaling = (
        boto3.client(service, region_name=events["region"]) for service in ("ec2", "efs", "autoscaling")
    )
    problems: list[str] = []

    def tried(call: Any, **given: Any) -> None:
        try:
            call(**given)
        except Exception as problem:
            problems.append(str(problem))

    def listed(client: Any, action: str, key: str, **given: Any) -> list[Any]:
        pages = client.get_paginator(action).paginate(**given)
        return [each for page in pages for each in page[key]]

    def until_gone(look: Any) -> None:
        limit = time.monotonic() + WAIT
        while look() and time.monotonic() < limit:
            time.sleep(LOOK_INTERVAL)

    def alive() -> list[Any]:
        states = {"Name": "instance-state-name", "Values": ["pending", "running", "stopping", "stopped"]}
        found = listed(ec2, "describe_instances", "Reservations", Filters=[*tagged, states])
        return [instance["InstanceId"] for each in found for instance in each["Instances"]]

    def ending() -> list[Any]:
        states = {"Name": "instance-state-name", "Values": ["shutting-down"]}
        return listed(ec2, "describe_instances", "Reservations", Filters=[*tagged, states])

    def is_own(system: dict[str, Any]) -> bool:
        given = {tag["Key"]: tag["Value"] for tag in system.get("Tags", [])}
        return own.items() <= given.items()

    for group in listed(autoscaling, "describe_auto_scaling_groups", "AutoScalingGroups", Filters=tagged):
        name = group["AutoScalingGroupName"]
        tried(autoscaling.delete_auto_scaling_group, AutoScalingGroupName=name, ForceDelete=True)
    if instances := alive():
        tried(ec2.terminate_instances, InstanceIds=instances)
    systems = [
        each["FileSystemId"] for each in listed(efs, "describe_file_systems", "FileSystems") if is_own(each)
    ]

    def targets() -> list[Any]:
        return [
            each["MountTargetId"]
            for system in systems
            for each in listed(efs, "describe_mount_targets", "MountTargets", FileSystemId=system)
        ]

    for target in targets():
        tried(efs.delete_mount_target, MountTargetId=target)
    until_gone(lambda: alive() or ending() or targets())
    for address in ec2.describe_addresses(Filters=tagged)["Addresses"]:
        if "AssociationId" in address:
            tried(ec2.disassociate_address, AssociationId=address["AssociationId"])
        tried(ec2.release_address, AllocationId=address["AllocationId"])
    for volume in listed(ec2, "describe_volumes", "Volumes", Filters=tagged):
        tried(ec2.delete_volume, VolumeId=volume["VolumeId"])
    # Without an owner EC2 goes through all snapshots that anybody shares with everybody.
    for snapshot in listed(ec2, "describe_snapshots", "Snapshots", Filters=tagged, OwnerIds=["self"]):
        tried(ec2.delete_snapshot, SnapshotId=snapshot["SnapshotId"])
    for system in systems:
        tried(efs.delete_file_system, FileSystemId=system)
    return {"problems": problems}
