"""What the rules say of plain facts, where a simulated account cannot be put into such a state."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path
from typing import Any

import pulumi
import pytest

from infra.aws.network import Subnet
from infra.aws.preflight import policy, reader, report
from infra.aws.preflight.facts import (
    HIDDEN,
    AclRule,
    Caller,
    Fact,
    Facts,
    FileSystem,
    Image,
    Instance,
    Key,
    MountTarget,
    Names,
    NatGateway,
    Refused,
    Route,
    RouteTable,
    Type,
    Vpc,
)
from infra.aws.preflight.finding import Finding
from infra.aws.preflight.judgement import judge
from infra.aws.preflight.rules import share as share_rule
from infra.aws.preflight.rules.quotas import QUOTAS, is_standard
from tests.unit.aws.test_aws_settings import aws_settings

ANYWHERE = IPv4Network("0.0.0.0/0")
GATEWAY = Route(block=ANYWHERE, target="igw-1")
SUBNETS = tuple(
    Subnet(
        id=f"subnet-{letter}",
        vpc_id="vpc-1",
        zone=f"us-west-2{letter}",
        block=IPv4Network(f"172.31.{number}.0/24"),
        public=True,
    )
    for number, letter in enumerate("ab")
)
OPEN = tuple(
    AclRule(number=100, egress=egress, protocol="-1", block=ANYWHERE, allows=True) for egress in (False, True)
)


def table(*routes: Route, subnets: frozenset[str] = frozenset(), main: bool = True) -> RouteTable:
    return RouteTable(id="rtb-1", vpc_id="vpc-1", main=main, subnets=subnets, routes=routes)


SOUND = Facts(
    caller=Fact(Caller(account="123456789012", arn="arn:aws:iam::123456789012:user/deployer")),
    own_address=Fact(IPv4Address("10.9.8.7")),
    session_left=Fact(None),
    region_known=Fact(True),
    region_enabled=Fact(True),
    boundary=Fact({}),
    refused_instance=Fact(None),
    refused_group=Fact(None),
    denied=Fact(()),
    linked_roles=Fact(frozenset(policy.LINKED)),
    iam_room=Fact({"roles": 900, "instance profiles": 900}),
    vpc=Fact(Vpc(id="vpc-1", blocks=(IPv4Network("172.31.0.0/16"),))),
    names=Fact(Names(resolved=True, given=True)),
    subnets=Fact(SUBNETS),
    shared=Fact(frozenset()),
    elsewhere=Fact({}),
    blocked=Fact(""),
    excluded=Fact({}),
    endpoints=Fact(()),
    free=Fact({subnet.id: 200 for subnet in SUBNETS}),
    route_tables=Fact((table(GATEWAY),)),
    nat_gateways=Fact({}),
    acls=Fact({subnet.id: OPEN for subnet in SUBNETS}),
    type=Fact(Type(architectures=("x86_64",), memory=16384, vcpus=4)),
    offers=Fact(frozenset(("us-west-2a", "us-west-2b"))),
    image=Fact(
        Image(id="ami-1", architecture="x86_64", state="available", root_device="/dev/xvda", root_size=30)
    ),
    instances=Fact(()),
    group=Fact(False),
    addresses=Fact(0),
    file_systems=Fact(0),
    gp3=Fact(0),
    disk_key=Fact(""),
    disk_key_use=Fact(None),
    file_system=Fact(FileSystem(state="available", encrypted=True)),
    targets=Fact((MountTarget(id="fsmt-1", vpc_id="vpc-1", zone="us-west-2a", state="available"),)),
    target_groups=Fact({"fsmt-1": ("sg-1",)}),
    share_policy=Fact(share_rule.CLOSED),
    quotas={quota.code: Fact(100.0) for quota in QUOTAS},
)


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path


def judged(folder: Path, *, changes: dict[str, str] | None = None, **facts: Any) -> tuple[Finding, ...]:
    """The findings about a sound account in which these facts are others."""
    others: dict[str, Any] = {name: Fact(value) for name, value in facts.items()}
    changed = replace(SOUND, **others)
    return judge(aws_settings(folder, **(changes or {})), changed)


def one(findings: tuple[Finding, ...]) -> Finding:
    (found,) = findings
    return found


EFS = {"efs_id": "fs-0a1b"}


def test_sound_facts_give_no_finding(folder: Path) -> None:
    assert judged(folder) == judged(folder, changes=EFS) == ()


def test_a_region_that_is_not_enabled_is_told(folder: Path) -> None:
    assert one(judged(folder, region_enabled=False)).key == "aws:region"


def test_a_region_that_nobody_knows_is_told(folder: Path) -> None:
    unknown = replace(SOUND, region_known=Fact(False), caller=Fact(failure="sts:GetCallerIdentity failed"))
    found = one(judge(aws_settings(folder), unknown))
    assert (found.key, found.value) == ("aws:region", "'us-west-2'")


def test_a_route_that_leads_nowhere_is_told_for_each_subnet(folder: Path) -> None:
    found = judged(folder, route_tables=(table(replace(GATEWAY, works=False)),))
    assert [each.value for each in found] == ["subnet-a", "subnet-b"]
    assert all("igw-1 is gone" in each.problem for each in found)
    assert all("replace-route" in each.fix for each in found)


def test_the_most_specific_route_counts(folder: Path) -> None:
    halves = [
        Route(block=IPv4Network(block), target="igw-1", works=True) for block in ("0.0.0.0/1", "128.0.0.0/1")
    ]
    assert judged(folder, route_tables=(table(*halves, replace(GATEWAY, works=False)),)) == ()


def test_a_subnets_own_table_counts_and_not_the_main_one(folder: Path) -> None:
    tables = (table(GATEWAY), table(subnets=frozenset(("subnet-b",)), main=False))
    assert one(judged(folder, route_tables=tables)).value == "subnet-b"


@pytest.mark.parametrize(
    ("gateway", "problem"),
    [
        (NatGateway(state="failed", public=True, subnet="subnet-n"), "is failed"),
        (NatGateway(state="available", public=False, subnet="subnet-n"), "a private one"),
    ],
)
def test_a_nat_gateway_that_leads_nowhere_is_told(folder: Path, gateway: NatGateway, problem: str) -> None:
    private = tuple(replace(subnet, public=False) for subnet in SUBNETS)
    nat = table(Route(block=ANYWHERE, target="nat-1"))
    found = judged(folder, subnets=private, route_tables=(nat,), nat_gateways={"nat-1": gateway})
    assert problem in found[0].problem


def test_a_nat_gateway_that_another_account_does_not_show_is_not_checked(folder: Path) -> None:
    private = tuple(replace(subnet, public=False) for subnet in SUBNETS)
    nat, shared = Route(block=ANYWHERE, target="nat-1"), frozenset(("subnet-a", "subnet-b"))
    hidden = judged(folder, subnets=private, route_tables=(table(nat),), shared=shared)
    assert {each.severity for each in hidden} == {"not checked"}
    assert [each.value for each in hidden if each.value] == ["subnet-a by nat-1", "subnet-b by nat-1"]
    gone = judged(folder, subnets=private, route_tables=(table(replace(nat, works=False)),), shared=shared)
    assert "nat-1 is gone or stopped" in gone[0].problem
    own = judged(folder, subnets=private, route_tables=(table(nat),))
    assert "its NAT gateway nat-1 is gone" in own[0].problem


def test_a_manager_is_in_a_subnet_with_room(folder: Path) -> None:
    found = one(judged(folder, free={"subnet-a": 1, "subnet-b": 200}))
    assert found.value == "subnet-a"
    assert "the manager is in the first subnet" in found.problem


def test_nodes_that_exist_need_no_room_and_no_quota(folder: Path) -> None:
    nodes = tuple(
        Instance(
            id=f"i-{role}{number}",
            type="m6i.xlarge",
            architecture="x86_64",
            zone="us-west-2a",
            vcpus=4,
            spot=False,
            role=role,
        )
        for number, role in enumerate(("manager", "worker", "worker"))
    )
    free = dict.fromkeys(("subnet-a", "subnet-b"), 1)
    tight = {quota.code: Fact(limit) for quota, limit in zip(QUOTAS, (12, 0, 1, 1, 0.6), strict=True)}
    changed = replace(
        SOUND,
        instances=Fact(nodes),
        free=Fact(free),
        addresses=Fact(1),
        file_systems=Fact(1),
        gp3=Fact(600),
        quotas=tight,
    )
    assert judge(aws_settings(folder), changed) == ()


def test_a_manager_that_exists_keeps_its_architecture(folder: Path) -> None:
    manager = Instance(
        id="i-1", type="m7g.xlarge", architecture="arm64", zone="a", vcpus=4, spot=False, role="manager"
    )
    assert "the stack's nodes are arm64" in one(judged(folder, instances=(manager,))).problem


def test_an_acl_between_the_nodes_subnets_is_told(folder: Path) -> None:
    other = SUBNETS[1].block
    assert other
    refusal = AclRule(number=1, egress=True, protocol="17", block=other, first=4789, last=4789, allows=False)
    found = one(judged(folder, acls={"subnet-a": (refusal, *OPEN), "subnet-b": OPEN}))
    assert found.value == "subnet-a"
    assert found.problem.endswith(f"udp 4789 out to {other}.")


@pytest.mark.parametrize(
    ("system", "severity"),
    [
        (FileSystem(state="deleting", encrypted=True), "error"),
        (FileSystem(state="available", encrypted=False), "warning"),
    ],
)
def test_a_given_file_system_is_available_and_encrypted(
    folder: Path, system: FileSystem, severity: str
) -> None:
    found = one(judged(folder, changes=EFS, file_system=system))
    assert (found.severity, found.key) == (severity, "efs_id")


def test_a_mount_target_that_is_not_available_is_told(folder: Path) -> None:
    target = MountTarget(id="fsmt-1", vpc_id="vpc-1", zone="us-west-2a", state="creating")
    assert "fsmt-1 is creating" in one(judged(folder, changes=EFS, targets=(target,))).problem


ALL = {"AWS": "*"}
CLIENT = "elasticfilesystem:Client*"
INSECURE = {"Bool": {"aws:SecureTransport": "false"}}
TARGET = {"Bool": {"elasticfilesystem:AccessedViaMountTarget": "true"}}
ELSEWHERE = {"StringEquals": {"aws:SourceVpc": "vpc-9"}}


@pytest.mark.parametrize(
    ("statements", "severities"),
    [
        ([{"Effect": "Allow", "Principal": ALL, "Action": CLIENT, "Condition": TARGET}], {"warning"}),
        ([{"Effect": "Allow", "Principal": "*", "NotAction": "elasticfilesystem:Delete*"}], {"warning"}),
        ([{"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::1:role/x"}, "Action": CLIENT}], set()),
        (share_rule.CLOSED["Statement"], set()),
        (
            [
                {"Effect": "Allow", "Principal": ALL, "Action": [CLIENT]},
                {"Effect": "Deny", "Principal": ALL, "Action": "*", "Condition": INSECURE},
            ],
            {"warning"},
        ),
        ([{"Effect": "Allow", "Principal": ALL, "Action": "elasticfilesystem:ClientMount"}], {"warning"}),
        ([{"Effect": "Allow", "Principal": ALL, "Action": CLIENT, "Condition": ELSEWHERE}], set()),
        (
            [
                {"Effect": "Allow", "Principal": ALL, "Action": CLIENT},
                {"Effect": "Deny", "Principal": ALL, "Action": CLIENT},
            ],
            {"error", "warning"},
        ),
        (
            [
                {"Effect": "Allow", "Principal": ALL, "Action": CLIENT},
                {"Effect": "Deny", "Principal": ALL, "Action": CLIENT, "Condition": ELSEWHERE},
            ],
            {"warning"},
        ),
    ],
    ids=[
        *("mount target", "not action", "a role", "closed", "tls", "read only", "elsewhere", "denied"),
        "perhaps denied",
    ],
)
def test_a_policy_of_the_file_system_is_judged_as_the_nodes_mount_it(
    folder: Path, statements: list[dict[str, Any]], severities: set[str]
) -> None:
    found = judged(folder, changes=EFS, share_policy={"Statement": statements})
    assert {each.severity for each in found} == severities


@pytest.mark.parametrize(
    ("name", "standard"),
    [("t2.xlarge", True), ("im4gn.large", True), ("mac2.metal", False), ("trn1.2xlarge", False)],
)
def test_families_are_told_apart_as_the_quotas_do(name: str, standard: bool) -> None:
    assert is_standard(name) is standard


@pytest.mark.parametrize(
    ("sold", "spot", "key"),
    [
        (("on-demand",), "true", "worker_spot"),
        (("on-demand",), "false", None),
        (("capacity-block",), "false", "instance_type"),
    ],
)
def test_a_type_that_is_not_sold_as_nodes_are_bought_is_told(
    folder: Path, sold: tuple[str, ...], spot: str, key: str | None
) -> None:
    assert SOUND.type.value
    linked = frozenset((*policy.LINKED, "spot.amazonaws.com"))
    found = judged(
        folder,
        changes={"worker_spot": spot},
        type=replace(SOUND.type.value, sold=sold),
        linked_roles=linked,
    )
    assert [(each.severity, each.key) for each in found] == ([("error", key)] if key else [])


def test_a_mount_target_that_only_ipv6_reaches_is_told(folder: Path) -> None:
    assert SOUND.targets.value
    (target,) = SOUND.targets.value
    found = one(judged(folder, changes=EFS, targets=(replace(target, only_ipv6=True),)))
    assert (found.severity, found.key) == ("error", "efs_id")
    assert "IPv6 address only" in found.problem


def test_a_burstable_type_is_warned_of_with_the_type_to_take_instead(folder: Path) -> None:
    found = one(judged(folder, changes={"instance_type": "t2.xlarge"}))
    assert (found.severity, found.value) == ("warning", "'t2.xlarge'")
    assert found.fix == "pulumi config set instance_type m6i.xlarge"


def test_a_type_that_counts_in_another_quota_is_not_checked(folder: Path) -> None:
    found = one(judged(folder, changes={"instance_type": "g5.xlarge"}))
    assert found.severity == "not checked"


def test_a_preview_prints_warnings_and_ends_with_all_errors(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    servers = Names(resolved=True, given=True, servers=("10.1.1.1",))
    changed = replace(SOUND, names=Fact(servers), region_enabled=Fact(False), boundary=Fact(None))
    monkeypatch.setattr(reader, "read", lambda _: changed)
    boundary = "arn:aws:iam::123456789012:policy/boundary"
    with pytest.raises(pulumi.RunError) as caught:
        report.preview(aws_settings(folder, permissions_boundary=boundary))
    assert str(caught.value).count("error: ") == 2
    printed = "".join(capsys.readouterr())
    assert "account 123456789012 in us-west-2" in printed
    assert "warning: vpc_id is 'vpc-1'" in printed


def test_each_fact_that_is_not_read_is_told_with_what_it_was_needed_for(folder: Path) -> None:
    changed = replace(SOUND, subnets=Fact(failure="ec2:DescribeSubnets failed"))
    found = one(judge(aws_settings(folder), changed))
    assert (found.severity, found.problem) == ("not checked", "ec2:DescribeSubnets failed.")
    assert {"subnets", "free addresses", "network ACLs"} <= set(found.key.split(", "))


@pytest.mark.parametrize("fact", ["refused_instance", "refused_group"])
@pytest.mark.parametrize(
    ("code", "fix"),
    [("UnauthorizedOperation", "oodt preflight aws --policy"), ("OptInRequired", "settle that with AWS")],
)
def test_what_aws_would_refuse_is_told_with_who_can_change_that(
    folder: Path, fact: str, code: str, fix: str
) -> None:
    refused: dict[str, Any] = {fact: Refused(call="ec2:RunInstances", code=code, said="You are not.")}
    found = one(judged(folder, **refused))
    assert (found.severity, found.value) == ("error", "ec2:RunInstances")
    assert found.problem == f"AWS would refuse it: {code}, You are not."
    assert found.fix.startswith(fix)


def test_a_subnet_in_no_usual_zone_is_told(folder: Path) -> None:
    found = one(judged(folder, elsewhere={"subnet-b": "local-zone"}))
    assert (found.severity, found.value) == ("error", "subnet-b")
    assert "where EFS has no mount targets" in found.problem


def test_a_subnet_without_ipv4_is_told(folder: Path) -> None:
    found = one(judged(folder, subnets=(SUBNETS[0], replace(SUBNETS[1], block=None))))
    assert (found.severity, found.value) == ("error", "subnet-b")
    assert "IPv6 addresses only" in found.problem


@pytest.mark.parametrize(
    ("server", "foreign"), [("169.254.169.253", False), ("172.31.0.2", False), ("172.31.0.3", True)]
)
def test_the_resolver_of_aws_is_known_by_its_addresses_too(folder: Path, server: str, foreign: bool) -> None:
    found = judged(folder, names=Names(resolved=True, given=True, servers=(server,)))
    assert [(each.severity, each.key) for each in found] == ([("warning", "vpc_id")] if foreign else [])


def test_a_vpc_of_dedicated_machines_is_told_with_its_price(folder: Path) -> None:
    dedicated = Vpc(id="vpc-1", blocks=(IPv4Network("172.31.0.0/16"),), dedicated=True)
    found = one(judged(folder, vpc=dedicated))
    assert (found.severity, found.key) == ("warning", "vpc_id")
    assert "higher price" in found.problem


INGRESS, BOTH = "block-ingress", "block-bidirectional"
IN_AND_OUT, OUT = "allow-bidirectional", "allow-egress"


@pytest.mark.parametrize(
    ("mode", "excluded", "told"),
    [
        (INGRESS, {}, ["subnet-a", "subnet-b"]),
        (BOTH, {}, ["subnet-a", "subnet-b"]),
        (BOTH, {"vpc-1": OUT}, ["subnet-a", "subnet-b"]),
        (BOTH, {"subnet-a": IN_AND_OUT}, ["subnet-b"]),
        (BOTH, {"vpc-1": IN_AND_OUT}, []),
        (INGRESS, {"vpc-1": IN_AND_OUT}, []),
    ],
)
def test_public_access_that_the_account_blocks_is_told_where_it_does_not_exclude_the_subnet(
    folder: Path, mode: str, excluded: dict[str, str], told: list[str]
) -> None:
    found = judged(folder, blocked=mode, excluded=excluded)
    assert [(each.severity, each.value) for each in found] == [("error", subnet) for subnet in told]
    assert all(mode in each.problem and "fetch no packages" in each.problem for each in found)
    assert all(
        each.fix.endswith("--vpc-id vpc-1 --internet-gateway-exclusion-mode " + IN_AND_OUT) for each in found
    )
    assert ["manager" in each.problem for each in found] == [each.value == "subnet-a" for each in found]


@pytest.mark.parametrize(
    ("mode", "excluded", "blocked"),
    [
        (INGRESS, {}, False),
        (BOTH, {}, True),
        (BOTH, {"subnet-a": IN_AND_OUT}, True),
        (BOTH, {"subnet-n": OUT}, False),
        (BOTH, {"vpc-1": OUT}, False),
    ],
)
def test_a_nat_gateway_that_the_account_keeps_from_the_internet_is_told(
    folder: Path, mode: str, excluded: dict[str, str], blocked: bool
) -> None:
    tables = (
        table(Route(block=ANYWHERE, target="nat-1")),
        table(GATEWAY, subnets=frozenset(("subnet-n",)), main=False),
    )
    found = judged(
        folder,
        subnets=tuple(replace(subnet, public=False) for subnet in SUBNETS),
        route_tables=tables,
        nat_gateways={"nat-1": NatGateway(state="available", public=True, subnet="subnet-n")},
        blocked=mode,
        excluded=excluded,
    )
    errors = [each for each in found if each.severity == "error"]
    assert [each.value for each in errors] == (["subnet-a", "subnet-b"] if blocked else [])


@pytest.mark.parametrize("target", ["vpce-1", "eni-1"])
def test_a_public_address_behind_a_firewall_may_be_reached(folder: Path, target: str) -> None:
    found = one(judged(folder, route_tables=(table(Route(block=ANYWHERE, target=target)),)))
    assert (found.severity, found.key) == ("not checked", "way to the manager")
    assert target in found.problem


def test_a_key_of_disks_that_tells_nothing_is_a_warning(folder: Path) -> None:
    key = Fact("arn:aws:kms:us-west-2:123456789012:key/1")
    unread: Fact[Any] = Fact(failure="kms:DescribeKey is denied")
    found = one(judge(aws_settings(folder), replace(SOUND, disk_key=key, disk_key_use=unread)))
    assert (found.severity, found.key) == ("warning", "key of the disks")
    assert "AWSServiceRoleForAutoScaling" in found.problem
    assert "kms:DescribeKey is denied" in found.problem


@pytest.mark.parametrize(("state", "findings"), [("Updating", 0), ("PendingDeletion", 1)])
def test_a_key_whose_primary_region_is_being_changed_is_used_as_before(
    folder: Path, state: str, findings: int
) -> None:
    use: Fact[Key | None] = Fact(
        Key(arn="arn:aws:kms:us-west-2:123456789012:key/k", state=state, role="r", let_in=True)
    )
    facts = replace(SOUND, disk_key=Fact("k"), disk_key_use=use)
    assert len(list(judge(aws_settings(folder), facts))) == findings


@pytest.mark.parametrize(
    ("name", "of_amazon", "fit"),
    [
        ("al2023-ami-ecs-hvm-2023.0.20260922-kernel-6.1-x86_64", True, True),
        ("our-own-image", False, True),
        ("al2023-ami-2023.9.20260922.0-kernel-6.1-x86_64", True, False),
        ("amzn2-ami-ecs-hvm-2.0.20260922-x86_64-ebs", True, False),
    ],
)
def test_an_image_of_amazons_without_docker_is_told(
    folder: Path, name: str, of_amazon: bool, fit: bool
) -> None:
    assert SOUND.image.value
    found = judged(folder, image=replace(SOUND.image.value, name=name, of_amazon=of_amazon))
    assert (found == ()) is fit
    assert fit or f"it is {name}; nodes need an ECS-optimised" in one(found).problem


def test_an_image_that_its_owner_calls_out_of_date_is_a_warning(folder: Path) -> None:
    assert SOUND.image.value
    found = one(
        judged(folder, changes={"ami": "ami-1"}, image=replace(SOUND.image.value, deprecated="2026-08-01"))
    )
    assert (found.severity, found.key, found.value) == ("warning", "ami", "'ami-1'")
    assert "out of date since 2026-08-01" in found.problem


def test_an_image_that_the_account_does_not_allow_is_told(folder: Path) -> None:
    hidden = Image(id="ami-1", architecture="", state=HIDDEN, root_device="", root_size=0)
    found = one(judged(folder, image=hidden))
    assert (found.severity, found.key, found.value) == ("error", "ami", "ami-1")
    assert "get-allowed-images-settings" in found.fix


def test_a_file_system_that_another_one_is_copied_to_is_told(folder: Path) -> None:
    copy = FileSystem(state="available", encrypted=True, copy=True)
    found = one(judged(folder, changes=EFS, file_system=copy))
    assert (found.severity, found.key) == ("error", "efs_id")
    assert "nobody else may write there" in found.problem


@pytest.mark.parametrize(("network", "wide"), [("52.0.0.0/8", True), ("52.94.0.0/16", False)])
def test_networks_of_strangers_among_admin_cidrs_are_told(folder: Path, network: str, wide: bool) -> None:
    changes = {"admin_cidrs": f'["10.9.8.7/32", "{network}"]'}
    found = judged(folder, changes=changes)
    assert [(each.severity, each.key, each.value) for each in found] == (
        [("warning", "admin_cidrs", network)] if wide else []
    )


def among(*ports: tuple[int, int]) -> tuple[AclRule, ...]:
    """An ACL that lets everything in, and out only to these ports."""
    out = (
        AclRule(number=n, egress=True, protocol="6", block=ANYWHERE, first=first, last=last, allows=True)
        for n, (first, last) in enumerate(ports, 1)
    )
    return (OPEN[0], *out)


def test_an_acl_that_keeps_answers_to_administrators_and_nodes_in_is_told(folder: Path) -> None:
    found = judged(folder, acls={"subnet-a": among((443, 443)), "subnet-b": OPEN})
    assert one(found).value == "subnet-a"
    assert "tcp 32768 out to 10.9.8.7/32, for answers" in found[0].problem
    assert "tcp 60999 out to 172.31.1.0/24, for answers" in found[0].problem


def test_an_acl_between_nodes_and_the_mount_target_of_a_given_share_is_told(folder: Path) -> None:
    target = MountTarget(
        id="fsmt-1",
        vpc_id="vpc-1",
        zone="us-west-2a",
        state="available",
        subnet="subnet-efs",
        address=IPv4Address("172.31.9.9"),
    )
    closed = {"subnet-a": OPEN, "subnet-efs": (OPEN[0],)}
    found = one(judged(folder, changes=EFS, targets=(target,), acls=closed))
    assert (found.severity, found.value) == ("error", "subnet-efs")
    assert "tcp 32768 out to 172.31.0.0/24, for answers" in found.problem
    assert judged(folder, changes=EFS, targets=(target,), acls={**closed, "subnet-efs": OPEN}) == ()


@pytest.mark.parametrize(
    ("acl", "told"),
    [
        (OPEN, None),
        ((OPEN[1],), "tcp 443 in from 172.31.0.0/24"),
        ((OPEN[0],), "tcp 443 out to the internet"),
        (
            (AclRule(number=1, egress=False, protocol="6", block=ANYWHERE, last=32767, allows=True), OPEN[1]),
            "tcp 65535 in from the internet, for answers",
        ),
    ],
    ids=["open", "nothing in", "nothing out", "few answers"],
)
def test_an_acl_of_the_nat_gateways_subnet_is_judged_too(
    folder: Path, acl: tuple[AclRule, ...], told: str | None
) -> None:
    private = tuple(replace(subnet, public=False) for subnet in SUBNETS[:1])
    tables = (
        table(Route(block=ANYWHERE, target="nat-1")),
        table(GATEWAY, subnets=frozenset(("subnet-n",)), main=False),
    )
    found = judged(
        folder,
        subnets=private,
        route_tables=tables,
        nat_gateways={"nat-1": NatGateway(state="available", public=True, subnet="subnet-n")},
        acls={"subnet-a": OPEN, "subnet-n": acl},
    )
    errors = [each for each in found if each.severity == "error"]
    assert [each.value for each in errors] == (["subnet-n"] if told else [])
    assert not told or told in errors[0].problem
