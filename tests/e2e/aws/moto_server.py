"""moto's server with additions and repairs that target aws needs; started as a program.

Lacking: StartInstanceRefresh, CompleteLifecycleAction and RecordLifecycleActionHeartbeat. Here the first two
only note what was asked, which DescribeInstanceRefreshes and DescribeNotificationConfigurations hand out to
tests. DeleteFileSystemPolicy too. GetConsoleOutput answers a fixed text; here it answers what the container
that stands for the instance wrote on its console. What the preflight asks of VPCs' public access, of the key
of disks and of IAM's simulator is answered as in an account where nobody changed anything.
Wrong: a launch template's own tags become part of its data, and lifecycle hooks get a role and a target that
were not asked for. Both look like changes at every later update. The network interface of a mount target has
no description; in AWS it names the file system. A network interface without a wish gets any address of its
subnet, at times one that an instance has, or the network's own; here it gets the next free one.
Noted: who asks for which action, on stderr.
"""

from __future__ import annotations

import base64
import re
import subprocess
import sys
from typing import Any

from moto.autoscaling.models import LifecycleHook
from moto.autoscaling.responses import AutoScalingResponse
from moto.core.responses import ActionResult, BaseResponse, EmptyResult
from moto.ec2.models.elastic_network_interfaces import NetworkInterface, NetworkInterfaceBackend
from moto.ec2.models.launch_templates import LaunchTemplate
from moto.ec2.responses.general import General
from moto.efs.models import EFSBackend, MountTarget
from moto.efs.responses import EFSResponse
from moto.iam.responses import IamResponse
from moto.server import main

INSTANCE_LABEL = "oodt-test-instance"  # of the containers that stand for instances, with their id
CREDENTIAL = re.compile(r"Credential=([^/]+)/[^/]+/[^/]+/([^/]+)/")
REFRESHES: list[dict[str, Any]] = []
COMPLETED: list[dict[str, Any]] = []


def note_call(response: BaseResponse, resource: str = "*") -> None:
    """Where moto would ask IAM: writes who asks for which action, as IAM names it."""
    signed = CREDENTIAL.search(response.headers.get("Authorization", ""))
    if signed:
        # At once, with its end of line: several threads write.
        sys.stderr.write(f"called by {signed[1]}: {signed[2]}:{response._get_action()}\n")


def start_instance_refresh(response: AutoScalingResponse) -> ActionResult:
    asked = response._get_params()
    REFRESHES.append(
        {
            "InstanceRefreshId": f"refresh-{len(REFRESHES)}",
            "AutoScalingGroupName": asked["AutoScalingGroupName"],
            "Status": "Successful",
            "Preferences": asked.get("Preferences", {}),
        }
    )
    return ActionResult({"InstanceRefreshId": REFRESHES[-1]["InstanceRefreshId"]})


def describe_instance_refreshes(_response: AutoScalingResponse) -> ActionResult:
    """The newest first, as in AWS."""
    return ActionResult({"InstanceRefreshes": REFRESHES[::-1]})


def complete_lifecycle_action(response: AutoScalingResponse) -> ActionResult:
    COMPLETED.append(response._get_params())
    return EmptyResult()


def record_lifecycle_action_heartbeat(_response: AutoScalingResponse) -> ActionResult:
    return EmptyResult()


def delete_file_system_policy(response: EFSResponse) -> tuple[str, dict[str, str]]:
    response.efs_backend.file_systems_by_id[response._get_param("FileSystemId")].file_system_policy = ""
    return "", {"Content-Type": "application/json"}


def get_console_output(response: General) -> ActionResult:
    identifier = response._get_param("InstanceId")
    found = subprocess.run(
        ["docker", "ps", "--all", "--quiet", "--filter", f"label={INSTANCE_LABEL}={identifier}"],
        capture_output=True,
        text=True,
        timeout=10,
        check=False,
    ).stdout.split()
    written = b""
    for container in found[:1]:
        line = ["docker", "logs", "--tail", "200", container]
        written = subprocess.run(line, capture_output=True, timeout=10, check=False).stdout
    return ActionResult({"InstanceId": identifier, "Output": base64.b64encode(written).decode()})


def describe_notification_configurations(_response: AutoScalingResponse) -> ActionResult:
    """The completed lifecycle actions, as (group, instance), in the shape of another answer."""
    return ActionResult(
        {
            "NotificationConfigurations": [
                {"AutoScalingGroupName": asked["AutoScalingGroupName"], "TopicARN": asked["InstanceId"]}
                for asked in COMPLETED
            ]
        }
    )


def describe_vpc_block_public_access_options(_response: General) -> ActionResult:
    return ActionResult({"VpcBlockPublicAccessOptions": {"InternetGatewayBlockMode": "off"}})


def get_ebs_default_kms_key_id(_response: General) -> ActionResult:
    return ActionResult({"KmsKeyId": "alias/aws/ebs"})


def simulate_principal_policy(_response: IamResponse) -> ActionResult:
    return ActionResult({"EvaluationResults": [], "IsTruncated": False})


def repair() -> None:
    for action in (
        start_instance_refresh,
        describe_instance_refreshes,
        complete_lifecycle_action,
        record_lifecycle_action_heartbeat,
        describe_notification_configurations,
    ):
        setattr(AutoScalingResponse, action.__name__, action)
    EFSResponse.delete_file_system_policy = delete_file_system_policy  # type: ignore[attr-defined]
    General.get_console_output = get_console_output  # type: ignore[assignment, method-assign]
    for asked in (describe_vpc_block_public_access_options, get_ebs_default_kms_key_id):
        setattr(General, asked.__name__, asked)
    IamResponse.simulate_principal_policy = simulate_principal_policy  # type: ignore[attr-defined]

    BaseResponse._authenticate_and_authorize_normal_action = note_call  # type: ignore[assignment, method-assign]

    make_hook = LifecycleHook.__init__

    def hook(self: LifecycleHook, *arguments: Any) -> None:
        make_hook(self, *arguments)
        self.role_arn = self.notification_target_arn = None  # type: ignore[assignment]

    make_template = LaunchTemplate.__init__

    def template(self: LaunchTemplate, backend: Any, name: str, data: dict[str, Any], *more: Any) -> None:
        kept = [entry for entry in data["TagSpecifications"] if entry["ResourceType"] != "launch-template"]
        make_template(self, backend, name, {**data, "TagSpecifications": kept}, *more)

    make_target = EFSBackend.create_mount_target

    def target(self: EFSBackend, *arguments: Any, **named: Any) -> MountTarget:
        made = make_target(self, *arguments, **named)
        interface = self.ec2_backend.enis[made.network_interface_id or ""]
        interface.description = f"EFS mount target for {made.file_system_id} ({made.mount_target_id})"
        return made

    make_interface = NetworkInterfaceBackend.create_network_interface

    def interface(
        self: NetworkInterfaceBackend, subnet: Any, wish: Any, wishes: Any = None, *more: Any, **named: Any
    ) -> NetworkInterface:
        if not wish and not wishes:
            wish = subnet.get_available_subnet_ip(self)
        return make_interface(self, subnet, wish, wishes, *more, **named)

    NetworkInterfaceBackend.create_network_interface = interface  # type: ignore[assignment, method-assign]
    EFSBackend.create_mount_target = target  # type: ignore[method-assign]
    LifecycleHook.__init__ = hook  # type: ignore[assignment, method-assign]
    LaunchTemplate.__init__ = template  # type: ignore[assignment, method-assign]


if __name__ == "__main__":
    repair()
    main(sys.argv[1:])
