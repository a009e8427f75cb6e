"""What the program declares on target aws: the sizes and names of the original, and nothing looser."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest
from pulumi.runtime.config import get_config
from pulumi.runtime.settings import get_engine

from infra.aws import user_data
from infra.aws.roles import SESSIONS
from infra.aws.share import ACTIONS
from infra.local import nodes
from infra.local.engine import Engine
from tests.unit.aws.cloud import Cloud, run_program

INSTANCE = "aws:ec2/instance:Instance"
TEMPLATE = "aws:ec2/launchTemplate:LaunchTemplate"
GROUP = "aws:autoscaling/group:Group"
INGRESS = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"


def test_the_manager_is_an_instance_of_the_originals_size_and_name(cloud: Cloud) -> None:
    manager = cloud.one(INSTANCE)
    assert manager["instanceType"] == "m6i.xlarge"
    assert manager["ami"] == ("ami for /aws/service/ecs/optimized-ami/amazon-linux-2023/recommended/image_id")
    assert manager["tags"]["Name"] == "Swarm Manager Node"
    assert manager["primaryNetworkInterface"] == {"networkInterfaceId": "manager-id"}
    assert manager["userDataReplaceOnChange"] is True


def test_every_disk_has_100_gb_and_is_encrypted(cloud: Cloud) -> None:
    root = cloud.one(INSTANCE)["rootBlockDevice"]
    data = cloud.one("aws:ebs/volume:Volume")
    disks = [mapping["ebs"] for mapping in cloud.one(TEMPLATE)["blockDeviceMappings"]]
    assert [root["volumeSize"], data["size"], *(disk["volumeSize"] for disk in disks)] == [100] * 4
    assert root["encrypted"] is True
    assert data["encrypted"] is True
    assert [disk["encrypted"] for disk in disks] == ["true", "true"]
    assert [mapping["deviceName"] for mapping in cloud.one(TEMPLATE)["blockDeviceMappings"]] == [
        "/dev/xvda",
        "/dev/sdf",
    ]


def test_the_managers_data_are_a_volume_of_their_own_in_its_zone(cloud: Cloud) -> None:
    attachment = cloud.one("aws:ec2/volumeAttachment:VolumeAttachment")
    assert attachment["volumeId"] == "manager-data-id"
    assert attachment["instanceId"] == "manager-id"
    assert attachment["deviceName"] == "/dev/sdf"
    assert cloud.one("aws:ebs/volume:Volume")["availabilityZone"] == "us-west-2a"
    assert cloud.one("aws:ec2/networkInterface:NetworkInterface")["subnetId"] == "subnet-a"


def test_metadata_need_a_token_and_do_not_reach_containers(cloud: Cloud) -> None:
    for options in (cloud.one(INSTANCE)["metadataOptions"], cloud.one(TEMPLATE)["metadataOptions"]):
        assert options == {"httpEndpoint": "enabled", "httpTokens": "required", "httpPutResponseHopLimit": 1}


def test_the_workers_are_a_group_of_worker_nodes_instances(cloud: Cloud) -> None:
    group = cloud.one(GROUP)
    assert (group["minSize"], group["maxSize"], group["desiredCapacity"]) == (2, 2, 2)
    assert group["vpcZoneIdentifiers"] == ["subnet-a", "subnet-b"]
    assert group["launchTemplate"] == {"id": "worker-id", "version": "1"}
    assert group["instanceRefresh"]["strategy"] == "Rolling"
    tags = {tag["key"]: (tag["value"], tag["propagateAtLaunch"]) for tag in group["tags"]}
    assert tags["Name"] == ("Swarm Worker Node", True)
    assert cloud.one(TEMPLATE)["instanceType"] == "m6i.xlarge"
    assert "instanceMarketOptions" not in cloud.one(TEMPLATE)


def test_the_gate_waits_for_workers_and_not_the_provider_which_gives_up_at_the_first_launch_that_fails(
    cloud: Cloud,
) -> None:
    assert cloud.one(GROUP)["waitForCapacityTimeout"] == "0"


def test_a_worker_that_is_terminated_is_kept_until_the_manager_has_drained_it(cloud: Cloud) -> None:
    hook = cloud.one("aws:autoscaling/lifecycleHook:LifecycleHook")
    assert hook["lifecycleTransition"] == "autoscaling:EC2_INSTANCE_TERMINATING"
    assert hook["autoscalingGroupName"] == cloud.one(GROUP)["name"] == "oodt-test-workers"
    assert hook["heartbeatTimeout"] > 330  # seconds that a container may take to end its jobs
    assert "--group oodt-test-workers --hook drain" in cloud.one(INSTANCE)["userData"]


def test_a_group_can_be_asked_to_wait_for_a_worker_as_long_as_its_jobs_may_take(tmp_path: Path) -> None:
    cloud = Cloud()
    longest = {"job_timeout": "172000", "leave_within": "172000"}
    run_program(cloud, tmp_path, target="aws", admin_cidrs='["10.9.8.7/32"]', **longest)
    hook = cloud.one("aws:autoscaling/lifecycleHook:LifecycleHook")
    assert 100 * hook["heartbeatTimeout"] > 172000
    assert hook["heartbeatTimeout"] <= 7200


def test_only_administrators_reach_ssh_and_only_the_cluster_reaches_the_rest(cloud: Cloud) -> None:
    rules = {
        (
            rule.inputs["securityGroupId"],
            rule.inputs["ipProtocol"],
            rule.inputs["fromPort"],
            rule.inputs["toPort"],
        ): (rule.inputs.get("referencedSecurityGroupId") or rule.inputs.get("cidrIpv4"))
        for rule in cloud.all(INGRESS)
    }
    assert rules == {
        ("nodes-id", "tcp", 2377, 2377): "nodes-id",
        ("nodes-id", "tcp", 7946, 7946): "nodes-id",
        ("nodes-id", "udp", 7946, 7946): "nodes-id",
        ("nodes-id", "udp", 4789, 4789): "nodes-id",
        ("nodes-id", "tcp", 5000, 5000): "nodes-id",
        ("share-id", "tcp", 2049, 2049): "nodes-id",
        ("manager-id", "tcp", 22, 22): "10.9.8.7/32",
    }


def test_no_security_group_has_rules_beside_those(cloud: Cloud) -> None:
    for group in cloud.all("aws:ec2/securityGroup:SecurityGroup"):
        assert not {"ingress", "egress"} & set(group.inputs)
    assert not cloud.all("aws:ec2/securityGroupRule:SecurityGroupRule")


def test_nodes_are_in_the_groups_that_their_ports_need(cloud: Cloud) -> None:
    interface = cloud.one("aws:ec2/networkInterface:NetworkInterface")
    assert interface["securityGroups"] == ["nodes-id", "manager-id"]
    assert cloud.one(TEMPLATE)["vpcSecurityGroupIds"] == ["nodes-id"]
    for target in cloud.all("aws:efs/mountTarget:MountTarget"):
        assert target.inputs["securityGroups"] == ["share-id"]


def test_the_share_is_encrypted_and_has_a_mount_target_per_zone(cloud: Cloud) -> None:
    assert cloud.one("aws:efs/fileSystem:FileSystem")["encrypted"] is True
    targets = cloud.all("aws:efs/mountTarget:MountTarget")
    assert {target.inputs["subnetId"] for target in targets} == {"subnet-a", "subnet-b"}
    assert len(targets) == 2
    assert cloud.one("aws:efs/accessPoint:AccessPoint")["rootDirectory"]["path"] == "/oodt-test"


def test_only_the_nodes_roles_mount_the_share_encrypted_and_through_the_stacks_access_point(
    cloud: Cloud,
) -> None:
    policy = cloud.one("aws:efs/fileSystemPolicy:FileSystemPolicy")
    assert policy["fileSystemId"] == "share-id"
    allow, deny = json.loads(policy["policy"])["Statement"]
    assert allow["Principal"] == {"AWS": ["arn:aws:test:::manager", "arn:aws:test:::worker"]}
    assert allow["Condition"] == {
        "Bool": {"aws:SecureTransport": "true"},
        "StringEquals": {"elasticfilesystem:AccessPointArn": "arn:aws:test:::share"},
    }
    assert (allow["Effect"], deny["Effect"]) == ("Allow", "Deny")
    assert deny["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
    mounts = (user_data.INFRA / "aws/node/mounts.sh").read_text()
    assert 'mount -t efs -o "tls,iam,accesspoint=$ACCESS_POINT"' in mounts


def test_each_role_may_do_only_what_it_needs_on_one_resource(cloud: Cloud) -> None:
    parameter = "arn:aws:ssm:us-west-2:123456789012:parameter/oodt/test/swarm"
    named = "arn:aws:autoscaling:us-west-2:123456789012:autoScalingGroup:*:autoScalingGroupName/"
    drain = ["autoscaling:CompleteLifecycleAction", "autoscaling:RecordLifecycleActionHeartbeat"]
    assert cloud.policies() == {
        "manager-record": [{"Effect": "Allow", "Action": ["ssm:PutParameter"], "Resource": parameter}],
        "manager-drain": [{"Effect": "Allow", "Action": drain, "Resource": "arn:aws:test:::workers"}],
        "manager-session": [{"Effect": "Allow", "Action": SESSIONS, "Resource": "*"}],
        "worker-record": [{"Effect": "Allow", "Action": ["ssm:GetParameter"], "Resource": parameter}],
        "worker-health": [
            {
                "Effect": "Allow",
                "Action": ["autoscaling:SetInstanceHealth"],
                "Resource": f"{named}oodt-test-workers",
            }
        ],
        "worker-session": [{"Effect": "Allow", "Action": SESSIONS, "Resource": "*"}],
    }
    assert not cloud.all("aws:iam/rolePolicyAttachment:RolePolicyAttachment")


def test_the_roles_have_the_boundary_that_is_named(tmp_path: Path, cloud: Cloud) -> None:
    boundary, bounded = "arn:aws:iam::123456789012:policy/boundary", Cloud()
    run_program(bounded, tmp_path, target="aws", admin_cidrs='["10.9.8.7/32"]', permissions_boundary=boundary)
    roles = bounded.all("aws:iam/role:Role")
    assert [role.inputs["permissionsBoundary"] for role in roles] == [boundary] * 2
    assert not any("permissionsBoundary" in role.inputs for role in cloud.all("aws:iam/role:Role"))


def test_everything_that_takes_tags_has_those_of_stack_and_project(cloud: Cloud) -> None:
    without = {
        "aws:iam/rolePolicy:RolePolicy",
        "aws:efs/mountTarget:MountTarget",
        "aws:efs/fileSystemPolicy:FileSystemPolicy",
        "aws:ec2/volumeAttachment:VolumeAttachment",
        "aws:autoscaling/lifecycleHook:LifecycleHook",
    }
    for resource in cloud.declared:
        if not resource.kind.startswith("aws:") or resource.kind in without:
            continue
        found = resource.inputs["tags"]
        if isinstance(found, list):
            found = {tag["key"]: tag["value"] for tag in found}
        assert (found["Project"], found["Stack"]) == ("oodt", "test"), resource.name
        assert found["Name"], resource.name
    for specification in cloud.one(TEMPLATE)["tagSpecifications"]:
        assert specification["tags"]["Stack"] == "test"


def test_no_join_token_and_no_password_is_in_what_aws_is_given(cloud: Cloud) -> None:
    given = json.dumps([resource.inputs for resource in cloud.declared if resource.kind.startswith("aws:")])
    worker = base64.b64decode(cloud.one(TEMPLATE)["userData"]).decode()
    for text in (given, worker):
        assert "SWMTKN" not in text
        assert "PRIVATE KEY" not in text
        assert "password" not in text.replace("PasswordAuthentication", "").lower()


def test_a_given_file_system_is_used_and_no_other_is_created(tmp_path: Path) -> None:
    cloud = Cloud()
    run_program(cloud, tmp_path, target="aws", admin_cidrs='["10.9.8.0/24"]', efs_id="fs-0a1b")
    assert not cloud.all("aws:efs/fileSystem:FileSystem")
    assert not cloud.all("aws:efs/mountTarget:MountTarget")
    assert "FILE_SYSTEM=fs-0a1b" in cloud.one(INSTANCE)["userData"]
    assert not cloud.all("aws:efs/fileSystemPolicy:FileSystemPolicy")
    for role in ("manager", "worker"):
        (statement,) = cloud.policies()[f"{role}-share"]
        assert statement["Resource"] == (
            "arn:aws:elasticfilesystem:us-west-2:123456789012:file-system/fs-0a1b"
        )
        assert statement["Action"] == ACTIONS
        assert statement["Condition"] == {
            "StringEquals": {"elasticfilesystem:AccessPointArn": "arn:aws:test:::share"}
        }


def test_the_mount_targets_of_a_given_file_system_let_the_nodes_in(tmp_path: Path) -> None:
    cloud = Cloud()
    run_program(cloud, tmp_path, target="aws", admin_cidrs='["10.9.8.0/24"]', efs_id="fs-0a1b")
    rule = cloud.one(INGRESS, "share-nfs-sg-given")
    assert (rule["securityGroupId"], rule["referencedSecurityGroupId"]) == ("sg-given", "nodes-id")
    assert (rule["fromPort"], rule["toPort"]) == (2049, 2049)


def test_nodes_are_only_in_default_subnets_whose_zones_have_the_instance_type_and_the_given_share(
    tmp_path: Path,
) -> None:
    cloud = Cloud(
        answers={
            "aws:ec2/getSubnets:getSubnets": {"ids": ["subnet-c", "subnet-b", "subnet-a"]},
            "aws:ec2/getInstanceTypeOfferings:getInstanceTypeOfferings": {
                "locations": ["us-west-2b", "us-west-2c"]
            },
        }
    )
    run_program(cloud, tmp_path, target="aws", admin_cidrs='["10.9.8.0/24"]')
    assert cloud.one("aws:ec2/networkInterface:NetworkInterface")["subnetId"] == "subnet-b"
    assert cloud.one("aws:ebs/volume:Volume")["availabilityZone"] == "us-west-2b"
    assert cloud.one(GROUP)["vpcZoneIdentifiers"] == ["subnet-b", "subnet-c"]
    cloud.declared.clear()
    run_program(cloud, tmp_path, target="aws", admin_cidrs='["10.9.8.0/24"]', efs_id="fs-0a1b")
    assert cloud.one(GROUP)["vpcZoneIdentifiers"] == ["subnet-b"]


def test_all_nodes_have_the_machine_image_that_is_named(tmp_path: Path) -> None:
    cloud = Cloud(answers={"aws:ec2/getAmi:getAmi": {"architecture": "x86_64"}})
    run_program(cloud, tmp_path, target="aws", admin_cidrs='["10.9.8.0/24"]', ami="ami-0a1b")
    assert cloud.one(INSTANCE)["ami"] == cloud.one(TEMPLATE)["imageId"] == "ami-0a1b"


def test_an_image_that_is_named_is_looked_up_among_deprecated_ones_too(tmp_path: Path) -> None:
    cloud = Cloud(answers={"aws:ec2/getAmi:getAmi": {"architecture": "x86_64"}})
    run_program(cloud, tmp_path, target="aws", admin_cidrs='["10.9.8.0/24"]', ami="ami-0a1b")
    (asked,) = [given for token, given in cloud.asked if token == "aws:ec2/getAmi:getAmi"]
    assert asked["includeDeprecated"] is True


def test_spot_workers_are_asked_for_in_the_template(tmp_path: Path) -> None:
    cloud = Cloud()
    run_program(cloud, tmp_path, target="aws", admin_cidrs='["10.9.8.0/24"]', worker_spot="true")
    assert cloud.one(TEMPLATE)["instanceMarketOptions"] == {"marketType": "spot"}


def test_a_manager_in_a_private_subnet_has_no_public_address(tmp_path: Path) -> None:
    private = {
        "availabilityZone": "us-west-2a",
        "cidrBlock": "10.0.0.0/24",
        "mapPublicIpOnLaunch": False,
        "vpcId": "vpc-2",
    }
    cloud = Cloud(answers={"aws:ec2/getSubnet:getSubnet": private})
    run_program(
        cloud,
        tmp_path,
        target="aws",
        admin_cidrs='["10.0.0.0/8"]',
        vpc_id="vpc-2",
        subnet_ids='["subnet-1","subnet-2"]',
    )
    assert not cloud.all("aws:ec2/eip:Eip")
    assert len(cloud.all("aws:efs/mountTarget:MountTarget")) == 1  # both subnets are in one zone


def networks_of(cloud: Cloud) -> tuple[str, str, str]:
    """Addresses of the services' network; the manager's tag; its user data."""
    manager = cloud.one(INSTANCE)
    (config,) = cloud.one("docker:index/network:Network").get("ipamConfigs") or [{"subnet": ""}]
    return config["subnet"], manager["tags"].get("AddressPool", ""), manager["userData"]


def test_the_swarms_networks_meet_neither_the_vpc_nor_an_administrators(tmp_path: Path) -> None:
    associated = [{"associationId": "a", "cidrBlock": "10.255.0.0/16", "state": "associated"}]
    vpc = {"id": "vpc-1", "cidrBlock": "10.0.0.0/16", "cidrBlockAssociations": associated}
    cloud = Cloud(answers={"aws:ec2/getVpc:getVpc": vpc})
    run_program(cloud, tmp_path, target="aws", admin_cidrs='["10.254.0.0/16"]')
    subnet, tag, user_data = networks_of(cloud)
    assert (subnet, tag) == ("10.253.192.0/20", "10.253.192.0/18")
    assert "--pool 10.253.208.0/20" in user_data
    assert "BRIDGE_POOL=10.253.224.0/20" in user_data


@pytest.mark.parametrize(
    ("tags", "kept"), [({"AddressPool": "10.200.0.0/16"}, "10.200.0.0/20"), ({"Name": "older"}, "")]
)
def test_a_cluster_that_exists_keeps_its_addresses_or_what_docker_gave_it(
    tmp_path: Path, tags: dict[str, str], kept: str
) -> None:
    manager = {"instanceType": "m6i.xlarge", "availabilityZone": "us-west-2a", "tags": tags}
    cloud = Cloud(
        answers={
            "aws:ec2/getInstances:getInstances": {"ids": ["i-1"]},
            "aws:ec2/getInstance:getInstance": manager,
        }
    )
    run_program(cloud, tmp_path, target="aws", admin_cidrs='["10.200.0.0/16"]')
    subnet, tag, user_data = networks_of(cloud)
    assert (subnet, tag) == (kept, tags.get("AddressPool", ""))
    assert ("--pool" in user_data.partition("NODE_OPTIONS=")[2].splitlines()[0]) == bool(kept)


def test_target_local_runs_the_same_services_and_declares_nothing_of_aws(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cloud: Cloud
) -> None:
    engine = Engine(platform="linux/amd64", cgroup_version=2, missing_capabilities=(), subnets={})
    monkeypatch.setattr(nodes, "inspect", lambda: engine)
    local = Cloud()
    run_program(local, tmp_path, target="local", admin_cidrs="not even JSON", efs_id="nonsense")
    assert len(local.all("docker:index/container:Container")) == 3
    assert not [resource for resource in local.declared if resource.kind.startswith("aws:")]
    assert service_names(local) == service_names(cloud)


def test_what_runs_next_finds_nothing_of_a_program_that_ran(cloud: Cloud) -> None:
    assert cloud.declared
    assert get_engine() is None
    assert not get_config("oodt:target")


def service_names(cloud: Cloud) -> set[str]:
    names = {service.name for service in cloud.all("docker:index/service:Service")}
    assert {"registry", "oodt-rabbitmq", "oodt-filemgr", "oodt-wmgr"} <= names
    return names
