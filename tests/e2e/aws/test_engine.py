"""The real engine with HashiCorp's real provider; facts are read back from the account that moto simulates.

The tests are one story, in this order: up, up again, scale, change, refresh, destroy.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from infra.aws.preflight.policy import actions
from infra.aws.roles import SESSIONS
from testing.cluster import Cluster
from testing.waiting import BUSY
from tests.e2e.aws import bridge
from tests.e2e.aws.account import REGION, Account, account
from toolchain.paths import REPOSITORY

OFFERED = {f"{REGION}{letter}" for letter in "abcd"}  # zones that have m6i.xlarge; the last one has no t2
# What AWS asks for beside a call, what gates ask, and what other accounts and settings lead to.
NOT_CALLED_HERE = {
    *("autoscaling:CreateOrUpdateTags", "elasticfilesystem:TagResource"),
    *("iam:PassRole", "iam:TagRole", "iam:TagInstanceProfile", "iam:CreateServiceLinkedRole"),
    *("autoscaling:DescribeInstanceRefreshes", "autoscaling:DescribeScalingActivities"),
    *("autoscaling:CancelInstanceRefresh", "ec2:GetConsoleOutput"),
    *("kms:DescribeKey", "kms:GetKeyPolicy", "kms:ListGrants"),
    *("kms:CreateGrant", "kms:Decrypt", "kms:GenerateDataKeyWithoutPlaintext"),
    *("kms:ReEncryptFrom", "kms:ReEncryptTo"),
    "pricing:GetProducts",
    *(
        "ec2:DescribeDhcpOptions",
        "ec2:DescribeInstanceCreditSpecifications",
        "ec2:DescribeVpcBlockPublicAccessExclusions",
        "ec2:StartInstances",
        "iam:DeleteRolePermissionsBoundary",
        "iam:PutRolePermissionsBoundary",
    ),
}
CALLED_BY_SLOW_TESTS = {"ec2:GetInstanceUefiData"}
PROGRAM = REPOSITORY / "tests" / "e2e" / "aws" / "without_gates.py"


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Account]:
    bridge.provider()
    with account(tmp_path_factory.mktemp("account")) as found:
        yield found


@pytest.fixture(scope="module")
def empty(cloud: Account, tmp_path_factory: pytest.TempPathFactory) -> Cluster:
    """A stack with target aws that is not up yet."""
    folder = tmp_path_factory.mktemp("stack")
    cluster = Cluster.make(folder, "10.213.0.0/24")
    (folder / "__main__.py").write_text(PROGRAM.read_text())
    home = folder / ".pulumi"
    bridge.install(home)
    cluster.environment |= {**cloud.environment, "PULUMI_HOME": str(home)}
    cluster.pulumi("stack", "select", cluster.stack)
    for key, value in {
        "target": "aws",
        "patience": "4",
        "admin_cidrs": '["10.9.8.7/32", "fd00:9:8::/48"]',
        "aws:region": REGION,
        "aws:skipCredentialsValidation": "true",
        "aws:maxRetries": "2",
    }.items():
        cluster.pulumi("config", "set", key, value)
    return cluster


@pytest.fixture(scope="module")
def stack(empty: Cluster) -> Cluster:
    empty.up()
    return empty


def instances(cloud: Account, name: str) -> list[dict[str, Any]]:
    """The instances of this name that are not terminated."""
    filters = [
        {"Name": "tag:Name", "Values": [name]},
        {"Name": "instance-state-name", "Values": ["pending", "running", "stopped"]},
    ]
    reservations = cloud.client("ec2").describe_instances(Filters=filters)["Reservations"]
    return [instance for reservation in reservations for instance in reservation["Instances"]]


def the_manager(cloud: Account) -> dict[str, Any]:
    (manager,) = instances(cloud, "Swarm Manager Node")
    return manager


def instance_refreshes(cloud: Account, group: dict[str, Any]) -> list[dict[str, Any]]:
    """What was asked for, the newest first."""
    name = group["AutoScalingGroupName"]
    found = cloud.client("autoscaling").describe_instance_refreshes(AutoScalingGroupName=name)
    refreshes: list[dict[str, Any]] = found["InstanceRefreshes"]
    return refreshes


def user_data(cloud: Account, instance: str) -> str:
    answer = cloud.client("ec2").describe_instance_attribute(InstanceId=instance, Attribute="userData")
    return base64.b64decode(answer["UserData"]["Value"]).decode()


def worker_template(cloud: Account) -> dict[str, Any]:
    (version,) = cloud.client("ec2").describe_launch_template_versions(Versions=["$Latest"])[
        "LaunchTemplateVersions"
    ]
    data: dict[str, Any] = version["LaunchTemplateData"]
    return data


@pytest.mark.parametrize(
    ("key", "value", "reason"),
    [
        ("efs_id", "fs-0123456789abcdef0", "there is no such file system"),
        ("instance_type", "t2.nano", "it has 512 MiB of memory"),
        ("instance_type", "z9.huge", "cannot be used in this region"),
        ("ami", "ami-0123456789abcdef0", "cannot be used in this region"),
        ("admin_cidrs", "[]", "at least one network"),
    ],
)
def test_what_aws_has_not_is_refused_before_anything_is_created(
    cloud: Account, empty: Cluster, key: str, value: str, reason: str
) -> None:
    before = empty.pulumi("config", "get", key).strip()
    empty.pulumi("config", "set", key, value)
    try:
        said = empty.pulumi("up", "--yes", "--skip-preview", check=False, timeout=300)
    finally:
        empty.pulumi("config", "set", key, before)
    assert reason in said
    assert not cloud.client("ec2").describe_network_interfaces()["NetworkInterfaces"]


def test_a_preview_gives_no_figure_for_a_region_whose_prices_it_cannot_know(empty: Cluster) -> None:
    said = empty.pulumi("preview")
    assert "estimated cost in us-west-2: no figure" in said
    assert "without a price here: 3 x m6i.xlarge, 600 GiB of gp3, 3 public addresses" in said


def test_a_preview_warns_of_a_type_that_slows_down_under_steady_work(empty: Cluster) -> None:
    said = previewed(empty, instance_type="t2.xlarge")
    assert "instance_type is 't2.xlarge': it is a burstable type: after about 39 minutes" in said
    assert "fix: pulumi config set instance_type m6i.xlarge" in said


def test_a_dry_run_of_a_submission_reckons_with_the_stacks_settings(empty: Cluster) -> None:
    arguments = ("--event", "test-workflow", "--jobs", "16", "--dry-run", "--json")
    process = empty.start("runtime.submit", *arguments)
    written, errors = process.communicate(timeout=BUSY * 60)
    found = json.loads(written)
    assert process.returncode == 0, errors
    assert (found["jobs"], found["submitted"], found["cost"]["slots"]) == (16, 0, 8)
    assert found["cost"]["cluster"]["region"] == REGION
    assert found["cost"]["usd"] is None


def test_the_preflight_tells_what_the_account_lacks(cloud: Account, empty: Cluster) -> None:
    """Here AWS tells neither quotas nor this machine's address, or the address is not the settings' one."""
    process = empty.start("runtime.preflight", "aws", "--json")
    found = json.loads(process.communicate(timeout=BUSY * 60)[0])
    assert (found["account"], found["region"]) == ("123456789012", REGION)
    keys = {each["key"] for each in found["findings"]}
    assert all(key.startswith(("quota ", "your own address", "admin_cidrs")) for key in keys)
    process = empty.start("runtime.preflight", "aws", "--policy")
    assert process.communicate(timeout=BUSY * 60)[0].startswith("{\n")
    assert process.returncode == 0


def test_a_preview_tells_all_faults_at_once_and_ends(cloud: Account, empty: Cluster) -> None:
    said = previewed(empty, ami="ami-0123456789abcdef0", efs_id="fs-0123456789abcdef0")
    assert "error: ami is 'ami-0123456789abcdef0': it cannot be used in this region" in said
    assert "error: efs_id is 'fs-0123456789abcdef0': there is no such file system" in said
    assert "estimated cost" not in said


def test_a_subnet_in_a_zone_without_the_instance_type_is_refused(cloud: Account, empty: Cluster) -> None:
    filters = [{"Name": "availability-zone", "Values": [f"{REGION}d"]}]
    (subnet,) = cloud.client("ec2").describe_subnets(Filters=filters)["Subnets"]
    given = {"vpc_id": subnet["VpcId"], "subnet_ids": json.dumps([subnet["SubnetId"]])}
    said = previewed(empty, instance_type="t2.xlarge", **given)
    assert f"{subnet['SubnetId']} in us-west-2d: there is t2.xlarge only in us-west-2a, us-west-2b" in said


def test_a_given_file_system_lets_the_nodes_in_and_keeps_them_to_its_zones(
    cloud: Account, empty: Cluster
) -> None:
    efs, ec2 = cloud.client("efs"), cloud.client("ec2")
    system = efs.create_file_system(CreationToken="given")["FileSystemId"]
    assert f"efs_id is '{system}': it has no mount target in vpc-" in previewed(empty, efs_id=system)
    subnets = {subnet["AvailabilityZone"]: subnet for subnet in ec2.describe_subnets()["Subnets"]}
    vpc = subnets[f"{REGION}a"]["VpcId"]
    group = ec2.create_security_group(GroupName="given", Description="given", VpcId=vpc)["GroupId"]
    targets = [
        efs.create_mount_target(
            FileSystemId=system, SubnetId=subnets[zone]["SubnetId"], SecurityGroups=[group]
        )["MountTargetId"]
        for zone in (f"{REGION}a", f"{REGION}b")
    ]
    said = previewed(empty, efs_id=system)
    assert f"share-nfs-{group}" in said
    assert subnets[f"{REGION}b"]["SubnetId"] in said
    assert subnets[f"{REGION}c"]["SubnetId"] not in said
    for target in targets:
        efs.delete_mount_target(MountTargetId=target)
    efs.delete_file_system(FileSystemId=system)


def test_up_makes_a_manager_with_two_encrypted_disks(cloud: Account, stack: Cluster) -> None:
    manager = the_manager(cloud)
    assert manager["InstanceType"] == "m6i.xlarge"
    assert manager["PrivateIpAddress"] == stack.output("manager_address")
    assert stack.output("docker_host") == f"ssh://ec2-user@{manager['PublicIpAddress']}:22"
    volumes = [mapping["Ebs"]["VolumeId"] for mapping in manager["BlockDeviceMappings"]]
    described = cloud.client("ec2").describe_volumes(VolumeIds=volumes)["Volumes"]
    assert [(volume["Size"], volume["Encrypted"]) for volume in described] == [(100, True), (100, True)]


def test_the_workers_of_the_group_are_tagged_and_join_by_their_own_user_data(
    cloud: Account, stack: Cluster
) -> None:
    assert len(instances(cloud, "Swarm Worker Node")) == 2
    script = base64.b64decode(worker_template(cloud)["UserData"]).decode()
    assert f"MANAGER_ADDRESS={stack.output('manager_address')}" in script
    assert "ROLE=worker" in script


def test_workers_have_the_same_disks_and_metadata_that_need_a_token(cloud: Account, stack: Cluster) -> None:
    """The template is asked, because moto gives a group's instances neither."""
    template = worker_template(cloud)
    disks = {mapping["DeviceName"]: mapping["Ebs"] for mapping in template["BlockDeviceMappings"]}
    assert set(disks) == {"/dev/xvda", "/dev/sdf"}
    assert all((disk["VolumeSize"], disk["Encrypted"]) == (100, True) for disk in disks.values())
    assert template["MetadataOptions"]["HttpTokens"] == "required"
    assert template["MetadataOptions"]["HttpPutResponseHopLimit"] == 1
    assert template["IamInstanceProfile"]["Name"].startswith("worker-")


def test_user_data_of_the_manager_are_what_the_program_rendered(cloud: Account, stack: Cluster) -> None:
    script = user_data(cloud, the_manager(cloud)["InstanceId"])
    (system,) = cloud.client("efs").describe_file_systems()["FileSystems"]
    assert f"FILE_SYSTEM={system['FileSystemId']}" in script
    assert f"PARAMETER=/oodt/{stack.stack}/swarm" in script
    assert len(script.encode()) < 16 * 1024


def test_only_ssh_is_open_to_the_outside(cloud: Account, stack: Cluster) -> None:
    groups = cloud.client("ec2").describe_security_groups(
        Filters=[{"Name": "tag:Stack", "Values": [stack.stack]}]
    )["SecurityGroups"]
    assert len(groups) == 3
    outside = [
        (permission["FromPort"], source["CidrIp"])
        for group in groups
        for permission in group["IpPermissions"]
        for source in permission["IpRanges"]
    ]
    assert outside == [(22, "10.9.8.7/32")]


def test_the_share_is_encrypted_and_mountable_in_every_zone_of_the_nodes(
    cloud: Account, stack: Cluster
) -> None:
    efs = cloud.client("efs")
    (system,) = efs.describe_file_systems()["FileSystems"]
    assert system["Encrypted"]
    targets = efs.describe_mount_targets(FileSystemId=system["FileSystemId"])["MountTargets"]
    (group,) = cloud.client("autoscaling").describe_auto_scaling_groups()["AutoScalingGroups"]
    subnets = cloud.client("ec2").describe_subnets(SubnetIds=group["VPCZoneIdentifier"].split(","))["Subnets"]
    zones = {subnet["AvailabilityZone"] for subnet in subnets}
    assert {target["AvailabilityZoneName"] for target in targets} == zones == OFFERED
    assert the_manager(cloud)["Placement"]["AvailabilityZone"] in OFFERED


def test_every_policy_names_its_one_resource(cloud: Account, stack: Cluster) -> None:
    iam = cloud.client("iam")
    found = {}
    for role in iam.list_roles()["Roles"]:
        for name in iam.list_role_policies(RoleName=role["RoleName"])["PolicyNames"]:
            document = iam.get_role_policy(RoleName=role["RoleName"], PolicyName=name)["PolicyDocument"]
            (statement,) = document["Statement"]
            found[name.rpartition("-")[0]] = (statement["Resource"], statement["Action"])
    group = cloud.client("autoscaling").describe_auto_scaling_groups()["AutoScalingGroups"][0]
    parameter = f"arn:aws:ssm:{REGION}:123456789012:parameter/oodt/{stack.stack}/swarm"
    named = f"arn:aws:autoscaling:{REGION}:123456789012:autoScalingGroup:*:autoScalingGroupName"
    assert found == {
        "manager-record": (parameter, ["ssm:PutParameter"]),
        "worker-record": (parameter, ["ssm:GetParameter"]),
        "manager-drain": (
            group["AutoScalingGroupARN"],
            ["autoscaling:CompleteLifecycleAction", "autoscaling:RecordLifecycleActionHeartbeat"],
        ),
        "worker-health": (f"{named}/{group['AutoScalingGroupName']}", ["autoscaling:SetInstanceHealth"]),
        "manager-session": ("*", SESSIONS),
        "worker-session": ("*", SESSIONS),
    }


def test_the_shares_policy_names_the_nodes_roles_and_the_access_point(cloud: Account, stack: Cluster) -> None:
    efs, iam = cloud.client("efs"), cloud.client("iam")
    (system,) = efs.describe_file_systems()["FileSystems"]
    found = efs.describe_file_system_policy(FileSystemId=system["FileSystemId"])["Policy"]
    allow, _ = json.loads(found)["Statement"]
    assert sorted(allow["Principal"]["AWS"]) == sorted(role["Arn"] for role in iam.list_roles()["Roles"])
    (point,) = efs.describe_access_points()["AccessPoints"]
    assert point["AccessPointArn"] in json.dumps(allow["Condition"])


def test_the_data_volume_and_the_share_are_protected(stack: Cluster) -> None:
    resources = json.loads(stack.pulumi("stack", "export"))["deployment"]["resources"]
    protected = {resource["type"] for resource in resources if resource.get("protect")}
    assert protected == {"aws:ebs/volume:Volume", "aws:efs/fileSystem:FileSystem"}
    said = stack.pulumi("destroy", "--preview-only", check=False, timeout=300)
    assert "protected" in said


def test_a_second_up_changes_nothing(stack: Cluster) -> None:
    assert stack.up() == {}


def test_nothing_changes_after_a_refresh(stack: Cluster) -> None:
    stack.pulumi("refresh", "--yes", "--skip-preview", timeout=300)
    assert stack.up() == {}


def test_more_workers_come_in_place(cloud: Account, stack: Cluster) -> None:
    before = {instance["InstanceId"] for instance in instances(cloud, "Swarm Worker Node")}
    assert stack.up(worker_nodes="3") == {"update": 1}
    after = {instance["InstanceId"] for instance in instances(cloud, "Swarm Worker Node")}
    assert before < after
    assert len(after) == 3


def test_a_newer_machine_image_replaces_nothing(cloud: Account, stack: Cluster) -> None:
    """The parameter of AWS cannot be changed in moto: another architecture's image stands for a newer one."""
    file = stack.folder / "infra" / "aws" / "machine_image.py"
    original = file.read_text()
    file.write_text(
        original.replace('infix = "/arm64" if architecture == "arm64" else ""', 'infix = "/arm64"')
    )
    try:
        assert stack.up() == {}
    finally:
        file.write_text(original)


@pytest.mark.slow
def test_a_named_machine_image_replaces_the_manager_and_one_for_other_processors_is_refused(
    cloud: Account, stack: Cluster
) -> None:
    images = cloud.client("ec2").describe_images(Owners=["amazon"])["Images"]
    old_ones = sorted(
        (image for image in images if image["Name"].startswith("al2023-ami-ecs-hvm")),
        key=lambda image: image["Name"],
        reverse=True,
    )
    by_architecture = {image["Architecture"]: image["ImageId"] for image in old_ones}
    taken = previewed(stack, ami=by_architecture["x86_64"])
    assert "aws:ec2/instance:Instance: (replace)" in taken
    assert by_architecture["x86_64"] in taken
    assert "it is for arm64, m6i.xlarge is x86_64" in previewed(stack, ami=by_architecture["arm64"])


def test_nodes_are_not_turned_into_ones_of_another_architecture(stack: Cluster) -> None:
    said = previewed(stack, instance_type="m7g.xlarge")
    assert "it is arm64; the stack's nodes are x86_64 and stay it" in said
    assert "fix: pulumi config set instance_type m6i.xlarge" in said


@pytest.mark.slow
def test_the_manager_stays_where_it_is_when_another_default_subnet_comes_first(stack: Cluster) -> None:
    first, last = "key=lambda each: each.id)", "key=lambda each: each.id, reverse=True)"
    with_another_limit(stack, "infra/aws/network.py", first, last)
    assert stack.up() == {}
    with_another_limit(stack, "infra/aws/network.py", last, first)


def test_a_change_of_the_managers_user_data_is_previewed_as_a_replacement_that_keeps_data_and_address(
    cloud: Account, stack: Cluster
) -> None:
    before = the_manager(cloud)
    with_another_limit(stack, "infra/aws/node/manager.py", "FORGET_AFTER = 900", "FORGET_AFTER = 901")
    preview = stack.pulumi("preview", "--diff", timeout=300)
    replaced = set(re.findall(r"^ *\+-(\S+): \(replace\)", preview, re.MULTILINE))
    assert replaced == {"aws:ec2/instance:Instance", "aws:ec2/volumeAttachment:VolumeAttachment"}
    stack.up()
    after = the_manager(cloud)
    assert after["InstanceId"] != before["InstanceId"]
    assert after["PrivateIpAddress"] == before["PrivateIpAddress"]
    assert after["PublicIpAddress"] == before["PublicIpAddress"]
    assert data_volume(after) == data_volume(before)


def test_a_change_of_the_template_asks_for_a_rolling_replacement_of_the_workers(
    cloud: Account, stack: Cluster
) -> None:
    """moto has no StartInstanceRefresh; its stand-in notes what it was asked.

    A provider that does not hear the answer asks again, which AWS makes one replacement of.
    """
    autoscaling = cloud.client("autoscaling")
    (group,) = autoscaling.describe_auto_scaling_groups()["AutoScalingGroups"]
    assert instance_refreshes(cloud, group) == []
    with_another_limit(stack, "infra/aws/node/worker.py", "LOOK_INTERVAL = 5", "LOOK_INTERVAL = 4")
    assert stack.up() == {"update": 2}
    (group,) = autoscaling.describe_auto_scaling_groups()["AutoScalingGroups"]
    assert group["LaunchTemplate"]["Version"] == "2"
    newest, *_ = instance_refreshes(cloud, group)
    assert newest["Preferences"]["MinHealthyPercentage"] == 100
    assert newest["Preferences"]["SkipMatching"]


def test_destroy_leaves_nothing_behind(cloud: Account, stack: Cluster) -> None:
    cloud.client("ssm").put_parameter(
        Name=f"/oodt/{stack.stack}/swarm", Value="{}", Type="SecureString"
    )  # as a manager would have
    stack.up(protect="false")
    process = stack.start("runtime.preflight", "aws", "--leftovers", "--json")
    before = json.loads(process.communicate(timeout=BUSY * 60)[0])["leftovers"]
    assert {found["kind"] for found in before} == {
        *("instance", "address", "key-pair", "launch-template", "network-interface", "security-group"),
        *("volume", "file-system", "mount-target", "access-point", "auto-scaling-group"),
        *("instance-profile", "role", "parameter"),
    }
    assert all(found["id"] in found["line"] for found in before)
    assert process.returncode == 1
    stack.destroy()
    process = stack.start("runtime.preflight", "aws", "--leftovers", "--json")
    assert json.loads(process.communicate(timeout=BUSY * 60)[0])["leftovers"] == []
    assert process.returncode == 0
    tagged = cloud.client("resourcegroupstaggingapi").get_resources(
        TagFilters=[{"Key": "Stack", "Values": [stack.stack]}]
    )["ResourceTagMappingList"]
    remaining = [entry["ResourceARN"] for entry in tagged if not is_gone(cloud, entry["ResourceARN"])]
    assert remaining == []
    assert not cloud.client("efs").describe_file_systems()["FileSystems"]
    assert not cloud.client("iam").list_roles()["Roles"]
    assert not cloud.client("ec2").describe_addresses()["Addresses"]
    assert not cloud.client("ssm").get_parameters(Names=[f"/oodt/{stack.stack}/swarm"])["Parameters"]
    assert not cloud.client("autoscaling").describe_auto_scaling_groups()["AutoScalingGroups"]


def test_the_policy_allows_what_was_called_and_little_else(cloud: Account, stack: Cluster) -> None:
    """The first of the two is allowed to everybody; the provider does without the second where it is not."""
    policy = json.loads(stack.start("runtime.preflight", "aws", "--policy").communicate(timeout=BUSY * 60)[0])
    allowed = actions(policy)
    called = cloud.called() - {"sts:GetCallerIdentity", "iam:GetUser"}
    assert called - allowed == set()
    assert allowed - called - CALLED_BY_SLOW_TESTS == NOT_CALLED_HERE


@pytest.mark.slow
def test_destroy_needs_no_manager_that_is_still_there(cloud: Account, stack: Cluster) -> None:
    stack.up(protect="false")
    cloud.client("ec2").terminate_instances(InstanceIds=[the_manager(cloud)["InstanceId"]])
    stack.destroy()
    assert not cloud.client("efs").describe_file_systems()["FileSystems"]


def previewed(stack: Cluster, **settings: str) -> str:
    """What a preview with these settings says; afterwards the settings are restored."""
    before = {key: stack.pulumi("config", "get", key).strip() for key in settings}
    for key, value in settings.items():
        stack.pulumi("config", "set", key, value)
    try:
        return stack.pulumi("preview", "--diff", check=False, timeout=300)
    finally:
        for key, value in before.items():
            stack.pulumi("config", "set", key, value)


def with_another_limit(stack: Cluster, name: str, old: str, new: str) -> None:
    file = stack.folder / name
    assert old in file.read_text()
    file.write_text(file.read_text().replace(old, new))


def data_volume(instance: dict[str, Any]) -> str:
    (volume,) = [
        mapping["Ebs"]["VolumeId"]
        for mapping in instance["BlockDeviceMappings"]
        if mapping["DeviceName"] == "/dev/sdf"
    ]
    return str(volume)


def is_gone(cloud: Account, arn: str) -> bool:
    """Terminated instances stay listed for a while, as they do in AWS."""
    kind, _, identifier = arn.rpartition(":")[2].partition("/")
    if kind != "instance":
        return False
    described = cloud.client("ec2").describe_instances(InstanceIds=[identifier])["Reservations"]
    return all(
        instance["State"]["Name"] == "terminated"
        for reservation in described
        for instance in reservation["Instances"]
    )
