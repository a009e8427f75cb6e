"""The trial on a real account: it cannot cost more than it may, and destroys whatever happens."""

from __future__ import annotations

import calendar
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from botocore.validate import validate_parameters
from moto import mock_aws

from infra.aws.preflight import own_address
from tools.day_one import __main__ as program
from tools.day_one import day, processes, spot_notice
from tools.day_one.account import Account
from tools.day_one.limits import (
    BY_USE,
    DESTROY_MINUTES,
    SWITCH_MINUTES,
    Limits,
    OverBudgetError,
    ShortSessionError,
)
from tools.day_one.report import Report
from tools.day_one.stack import Stack
from tools.day_one.steps import STORY, Step, StepError, Trial
from tools.day_one.switch import Switch

REGION = "us-west-2"
IMAGE = "ami-12c6146b"  # one of moto's
# Writes what it was asked for; fails at what FAILS names.
PULUMI = """#!/bin/sh
echo "$PULUMI_STACK: $*" >>"$ASKED"
case "$*" in *"$FAILS"*) exit 1;; esac
"""


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch) -> Iterator[Account]:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    with mock_aws():
        yield Account(region=REGION, profile="", project="oodt", stack="day-one-1")


@pytest.fixture
def asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], list[str]]:
    """What `pulumi` was asked for."""
    folder, log = tmp_path / "bin", tmp_path / "asked"
    folder.mkdir()
    (folder / "pulumi").write_text(PULUMI)
    (folder / "pulumi").chmod(0o755)
    log.touch()
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    monkeypatch.setenv("ASKED", str(log))
    monkeypatch.setenv("FAILS", "nothing")
    return lambda: log.read_text().splitlines()


def lived(
    account: Account, folder: Path, *steps: Step, minutes: float = 60
) -> tuple[bool, Report, dict[str, str]]:
    """The day with these steps: whether it went well, its report, its steps' states."""
    report = Report(folder=folder / "report", facts={})
    stack = Stack(name="day-one-1", log=report.folder / "settings.log")
    switch = Switch(account)
    switch.make(minutes)
    limits = Limits(hourly=1, minutes=minutes, budget=10)
    well = day.run(Trial(stack=stack, account=account), steps, limits, report, switch)
    return well, report, {each.step: each.state for each in report.outcomes}


def step(name: str, run: Callable[[Trial], None] = lambda _: None, *, needed: bool = False) -> Step:
    return Step(name=name, what=name, minutes=1, run=run, needed=needed)


def fail(_: Trial) -> None:
    raise StepError("not as hoped")


def schedules(account: Account) -> list[dict[str, Any]]:
    scheduler = account.clients["scheduler"]
    return [scheduler.get_schedule(Name=each["Name"]) for each in scheduler.list_schedules()["Schedules"]]


def test_a_budget_that_the_time_limit_could_exceed_is_refused_with_what_fits() -> None:
    Limits(hourly=1.2, minutes=120, budget=4.2 + BY_USE).check()
    with pytest.raises(OverBudgetError, match=r"give --minutes 80 or --budget 4\.20") as caught:
        Limits(hourly=1.2, minutes=120, budget=3.4).check()
    assert f"{DESTROY_MINUTES + SWITCH_MINUTES} more to destroy" in str(caught.value)
    with pytest.raises(OverBudgetError, match=r"give --budget"):
        Limits(hourly=1.2, minutes=120, budget=1).check()


def test_a_step_that_fails_is_told_and_the_next_ones_go_on_until_all_is_destroyed(
    account: Account, tmp_path: Path, asked: Callable[[], list[str]]
) -> None:
    well, report, states = lived(account, tmp_path, step("a"), step("b", fail), step("c"))
    assert not well
    assert states == {"a": "done", "b": "failed", "c": "done", "destroy": "done"}
    assert "not as hoped" in (report.folder / "report.md").read_text()
    assert asked() == [
        "day-one-1: --non-interactive --color never cancel --yes",
        "day-one-1: --non-interactive --color never destroy --yes --skip-preview",
        "day-one-1: --non-interactive --color never stack rm --yes",
    ]
    assert schedules(account) == []
    assert account.clients["iam"].list_roles()["Roles"] == []


def test_what_needs_a_step_that_failed_is_left_out(
    account: Account, tmp_path: Path, asked: Callable[[], list[str]]
) -> None:
    _, _, states = lived(account, tmp_path, step("up", fail, needed=True), step("jobs"))
    assert states == {"up": "failed", "destroy": "done"}


def test_after_the_time_limit_no_step_begins_and_all_is_destroyed(
    account: Account, tmp_path: Path, asked: Callable[[], list[str]]
) -> None:
    late = step("late", lambda trial: time.sleep(max(0.0, trial.left()) + 0.1))
    _, report, states = lived(account, tmp_path, late, step("later"), minutes=0.05)
    assert states == {"late": "done", "later": "skipped", "destroy": "done"}
    assert report.outcomes[0].limit <= 3


@pytest.mark.parametrize(
    ("number", "by"), [(signal.SIGINT, "Ctrl-C"), (signal.SIGTERM, "SIGTERM"), (signal.SIGHUP, "SIGHUP")]
)
def test_whatever_ends_the_program_leads_to_destroy(
    account: Account, tmp_path: Path, asked: Callable[[], list[str]], number: int, by: str
) -> None:
    ended = step("ended", lambda _: os.kill(os.getpid(), number))
    well, report, states = lived(account, tmp_path, ended, step("next"))
    assert not well
    assert "next" not in states
    assert states["destroy"] == "done"
    assert f"it was ended: {by}" in report.notes


def test_if_destroy_fails_it_is_tried_again_and_then_aws_ends_the_instances_itself(
    account: Account, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, asked: Callable[[], list[str]]
) -> None:
    monkeypatch.setenv("FAILS", "destroy")
    well, report, states = lived(account, tmp_path, step("a"))
    assert (well, states["destroy"]) == (False, "failed")
    assert sum("destroy" in line for line in asked()) == 2
    assert not any("stack rm" in line for line in asked())
    assert len(schedules(account)) == 3
    assert any("PULUMI_STACK=day-one-1 pulumi destroy" in note for note in report.notes)


def test_the_schedules_end_all_instances_of_the_stack_after_destroys_time(account: Account) -> None:
    began = time.time()
    Switch(account).make(90)
    found = {each["Name"].removeprefix("oodt-day-one-1-"): each for each in schedules(account)}
    assert set(found) == {"empty-group", "terminate", "sweep"}
    for schedule in found.values():
        service, _, operation = schedule["Target"]["Arn"].rpartition(":aws-sdk:")[2].partition(":")
        given = json.loads(schedule["Target"]["Input"])
        model = boto3.client(service, region_name=REGION).meta.service_model
        shape = model.operation_model(operation[0].upper() + operation[1:]).input_shape
        validate_parameters(given, shape)
    for name in ("empty-group", "terminate"):
        expression = found[name]["ScheduleExpression"] + " UTC"
        minutes = (calendar.timegm(time.strptime(expression, "at(%Y-%m-%dT%H:%M:%S) %Z")) - began) / 60
        assert 90 + DESTROY_MINUTES < minutes <= 90 + DESTROY_MINUTES + SWITCH_MINUTES
    sweep = found["sweep"]
    assert 0 < sweep["StartDate"].timestamp() - began - 60 * (90 + DESTROY_MINUTES) <= 60 * SWITCH_MINUTES
    assert sweep["ScheduleExpression"] == "rate(20 minutes)"
    assert 60 <= (sweep["EndDate"] - sweep["StartDate"]).total_seconds() / 60 < 80
    group = json.loads(found["empty-group"]["Target"]["Input"])
    assert (group["AutoScalingGroupName"], group["DesiredCapacity"]) == ("oodt-day-one-1-workers", 0)


@pytest.mark.parametrize(("region", "partition"), [(REGION, "aws"), ("cn-north-1", "aws-cn")])
def test_the_schedules_may_start_their_automations_in_the_regions_partition(
    account: Account, region: str, partition: str
) -> None:
    there = Account(region=region, profile="", project="oodt", stack="day-one-1")
    Switch(there).make(90)
    policy = there.clients["iam"].get_role_policy(RoleName="oodt-day-one-1-switch", PolicyName="day-one")
    statements = policy["PolicyDocument"]["Statement"]
    (started,) = [each for each in statements if "ssm:StartAutomationExecution" in each["Action"]]
    ssm = f"arn:{partition}:ssm:{region}"
    assert {
        f"{ssm}::document/AWS-TerminateEC2Instance",
        f"{ssm}:*:document/oodt-day-one-1-sweep",
        f"{ssm}:*:automation-definition/AWS-TerminateEC2Instance:*",
        f"{ssm}:*:automation-execution/*",
    } <= set(started["Resource"])
    named = json.dumps([statements, [each["Target"]["Arn"] for each in schedules(there)]])
    assert named.count('"arn:') == named.count(f'"arn:{partition}:')


def test_what_aws_runs_by_itself_removes_all_that_costs_and_nothing_of_others(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = remaining(account)
    own, other = make_what_costs(account, account.tags), make_what_costs(account, {"Stack": "other"})
    Switch(account).make(90)
    called: set[str] = set()
    monkeypatch.setattr(time, "sleep", lambda _: None)
    answer, role = swept(account, called)
    assert answer == {"problems": []}
    assert remaining(account) - before == other
    assert len(own) == len(other) == 7  # the disk of the instance too
    allowed = {action for each in role for action in each["Action"]}
    assert called <= allowed
    # What ends things is allowed on the trial's own only, but for what has no tags.
    free = {action for each in role if "Condition" not in each for action in each["Action"]}
    ending = {action for action in called if not action.partition(":")[2].startswith("Describe")}
    assert ending & free == {"autoscaling:DeleteAutoScalingGroup", "ec2:DisassociateAddress"}


def test_what_aws_runs_by_itself_goes_on_where_something_is_in_use(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_what_costs(account, account.tags)
    ec2 = account.clients["ec2"]
    (busy,) = (each["VolumeId"] for each in ec2.describe_volumes()["Volumes"] if not each["Attachments"])
    instance = ec2.run_instances(ImageId=IMAGE, MinCount=1, MaxCount=1)["Instances"][0]["InstanceId"]
    ec2.attach_volume(VolumeId=busy, InstanceId=instance, Device="/dev/sdf")
    Switch(account).make(90)
    monkeypatch.setattr(time, "sleep", lambda _: None)
    answer, _ = swept(account, set())
    assert len(answer["problems"]) == 1
    assert busy in {each["VolumeId"] for each in ec2.describe_volumes()["Volumes"]}
    assert not boto3.client("efs", region_name=REGION).describe_file_systems()["FileSystems"]
    ec2.detach_volume(VolumeId=busy, InstanceId=instance)
    assert swept(account, set())[0] == {"problems": []}
    assert busy not in {each["VolumeId"] for each in ec2.describe_volumes()["Volumes"]}


def swept(account: Account, called: set[str]) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Run the automation's script; the answer, and what its role may do. ``called`` gets what it called."""
    (schedule,) = [each for each in schedules(account) if each["Name"].endswith("-sweep")]
    document = json.loads(schedule["Target"]["Input"])["DocumentName"]
    content = json.loads(account.clients["ssm"].get_document(Name=document)["Content"])
    (main,) = content["mainSteps"]
    session = boto3.Session(region_name=REGION)

    def note(model: Any, params: Any, **_: Any) -> None:
        called.add(f"{model.service_model.signing_name}:{model.name}")
        # moto knows no owners; in AWS all snapshots would be gone through that anybody shares with everybody.
        assert model.name != "DescribeSnapshots" or params["body"]["Owner.1"] == "self"

    session.events.register("before-call", note)
    names: dict[str, Any] = {}
    exec(compile(main["inputs"]["Script"], "sweep", "exec"), names)
    names["boto3"] = session
    answer = names[main["inputs"]["Handler"]](main["inputs"]["InputPayload"], None)
    name = content["assumeRole"].rpartition("/")[2]
    policy = account.clients["iam"].get_role_policy(RoleName=name, PolicyName="day-one")
    return answer, policy["PolicyDocument"]["Statement"]


def make_what_costs(account: Account, tags: dict[str, str]) -> set[str]:
    """A group with an instance, a volume, its snapshot, an address, a file system; what there is of them."""
    before = remaining(account)
    ec2, efs = account.clients["ec2"], boto3.client("efs", region_name=REGION)
    listed = [{"Key": key, "Value": value} for key, value in tags.items()]

    def tagged(kind: str) -> dict[str, Any]:
        return {"TagSpecifications": [{"ResourceType": kind, "Tags": listed}]}

    (subnet,) = ec2.describe_subnets(Filters=[{"Name": "availability-zone", "Values": [f"{REGION}a"]}])[
        "Subnets"
    ]
    template = {"ImageId": IMAGE, "InstanceType": "t2.micro"}
    name = f"{tags['Stack']}-group"
    ec2.create_launch_template(LaunchTemplateName=name, LaunchTemplateData=template)
    account.clients["autoscaling"].create_auto_scaling_group(
        AutoScalingGroupName=name,
        LaunchTemplate={"LaunchTemplateName": name},
        MinSize=1,
        MaxSize=1,
        AvailabilityZones=[f"{REGION}a"],
        Tags=[{**each, "PropagateAtLaunch": True} for each in listed],
    )
    interface = ec2.create_network_interface(SubnetId=subnet["SubnetId"])["NetworkInterface"]
    address = ec2.allocate_address(Domain="vpc", **tagged("elastic-ip"))["AllocationId"]
    ec2.associate_address(AllocationId=address, NetworkInterfaceId=interface["NetworkInterfaceId"])
    volume = ec2.create_volume(AvailabilityZone=f"{REGION}a", Size=1, **tagged("volume"))["VolumeId"]
    ec2.create_snapshot(VolumeId=volume, **tagged("snapshot"))
    system = efs.create_file_system(CreationToken=name, Tags=listed)["FileSystemId"]
    efs.create_mount_target(FileSystemId=system, SubnetId=subnet["SubnetId"])
    return remaining(account) - before


def remaining(account: Account) -> set[str]:
    """What costs in the account, and what moto has in each."""
    ec2, efs = account.clients["ec2"], boto3.client("efs", region_name=REGION)
    return {
        *(
            each["AutoScalingGroupName"]
            for each in account.clients["autoscaling"].describe_auto_scaling_groups()["AutoScalingGroups"]
        ),
        *(
            instance["InstanceId"]
            for each in ec2.describe_instances()["Reservations"]
            for instance in each["Instances"]
            if instance["State"]["Name"] != "terminated"
        ),
        *(each["VolumeId"] for each in ec2.describe_volumes()["Volumes"]),
        *(each["SnapshotId"] for each in ec2.describe_snapshots(OwnerIds=["self"])["Snapshots"]),
        *(each["AllocationId"] for each in ec2.describe_addresses()["Addresses"]),
        *(each["FileSystemId"] for each in efs.describe_file_systems()["FileSystems"]),
    }


def test_what_is_left_is_reported_with_the_line_that_removes_it_but_not_the_trials_own_role(
    account: Account, tmp_path: Path, asked: Callable[[], list[str]]
) -> None:
    ec2 = account.clients["ec2"]
    volume = ec2.create_volume(AvailabilityZone=f"{REGION}a", Size=1)["VolumeId"]
    ec2.create_tags(
        Resources=[volume], Tags=[{"Key": key, "Value": value} for key, value in account.tags.items()]
    )
    well, report, _ = lived(account, tmp_path, step("a"))
    assert not well
    assert [each.identifier for each in report.leftovers] == [volume]
    line = f"aws ec2 delete-volume --volume-id {volume} --region {REGION}"
    assert line in (report.folder / "report.md").read_text()
    assert not any("stack rm" in text for text in asked())
    assert len(schedules(account)) == 3


@pytest.mark.parametrize(
    ("service", "call", "left"),
    [
        ("scheduler", "delete_schedule", "aws scheduler delete-schedule --name oodt-day-one-1-sweep"),
        ("ssm", "delete_document", "aws ssm delete-document --name oodt-day-one-1-sweep"),
        ("iam", "delete_role", "aws iam delete-role --role-name oodt-day-one-1-switch"),
    ],
)
@pytest.mark.usefixtures("asked")
def test_what_aws_does_not_let_go_of_at_the_end_is_left_too(
    account: Account,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    *,
    service: str,
    call: str,
    left: str,
) -> None:
    def refuse(**_: object) -> None:
        raise ClientError({"Error": {"Code": "ExpiredToken", "Message": "the session has ended"}}, call)

    monkeypatch.setattr(account.clients[service], call, refuse)
    well, report, states = lived(account, tmp_path, step("a"))
    assert (well, states["destroy"]) == (False, "done")
    assert left in (report.folder / "report.md").read_text()


def test_nothing_is_said_to_be_left_where_aws_let_nothing_be_created(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    def deny(operation: str) -> Callable[..., None]:
        def call(**_: object) -> None:
            raise ClientError({"Error": {"Code": "AccessDenied", "Message": "not yours"}}, operation)

        return call

    monkeypatch.setattr(account.clients["iam"], "create_role", deny("CreateRole"))
    for service, call in (
        ("iam", "delete_role"),
        ("scheduler", "delete_schedule"),
        ("ssm", "delete_document"),
    ):
        monkeypatch.setattr(account.clients[service], call, deny("Delete"))
    switch = Switch(account)
    with pytest.raises(ClientError):
        switch.make(60)
    assert switch.remove() == []


def test_schedules_that_are_gone_already_are_not_left(
    account: Account, tmp_path: Path, asked: Callable[[], list[str]]
) -> None:
    """AWS deletes those that have acted."""

    def act(_: Trial) -> None:
        for each in schedules(account):
            account.clients["scheduler"].delete_schedule(Name=each["Name"])

    well, report, _ = lived(account, tmp_path, step("a", act))
    assert (well, report.leftovers) == (True, [])
    assert asked()[-1].endswith("stack rm --yes")


def test_an_account_that_does_not_tell_what_is_left_is_noted_and_the_stack_stays(
    account: Account, tmp_path: Path, asked: Callable[[], list[str]]
) -> None:
    account.profile = "lost"
    well, report, states = lived(account, tmp_path, step("a"))
    assert (well, states["destroy"]) == (False, "done")
    assert any("leftovers were not looked for: " in note and "lost" in note for note in report.notes)
    assert not any("stack rm" in text for text in asked())


def test_the_spot_notice_leaves_nothing_of_its_own_behind(account: Account) -> None:
    spot_notice.give(account, seconds=20)
    assert account.clients["fis"].list_experiment_templates()["experimentTemplates"] == []
    assert account.clients["iam"].list_roles()["Roles"] == []


def test_a_program_ends_at_its_limit_whatever_it_makes_of_signals(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processes, "GRACE", 0.3)
    deaf = (
        "from signal import *; import time; signal(SIGINT, SIG_IGN); print('on', flush=True); time.sleep(60)"
    )
    began = time.monotonic()
    with pytest.raises(processes.ProgramError, match="did not end within 8 s: on"):
        processes.run([sys.executable, "-c", deaf], tmp_path / "log", seconds=8, environment=os.environ)
    assert time.monotonic() - began < 50


def test_each_step_has_a_limit_and_all_together_fit_into_a_day() -> None:
    assert all(0 < each.minutes <= 45 for each in STORY)
    assert sum(each.minutes for each in STORY) < 24 * 60 / 6
    assert len({each.name for each in STORY}) == len(STORY)


def test_too_small_a_budget_makes_nothing(
    account: Account,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    asked: Callable[[], list[str]],
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(own_address, "look_up", lambda: "10.9.8.7")
    line = ["aws-day-one", "--region", REGION, "--budget", "1", "--hourly", "0.9"]
    monkeypatch.setattr(sys, "argv", [*line, "--report", str(tmp_path / "report")])
    assert program.main() == program.REFUSED_INPUT
    assert "--budget is 1.00: give --budget" in capsys.readouterr().err
    assert not (tmp_path / "report").exists()
    assert asked()[-1].endswith("stack rm --yes")
    assert not any(" up " in text for text in asked())
    assert schedules(account) == []


@pytest.mark.parametrize(("number", "by"), [(signal.SIGINT, "Ctrl-C"), (signal.SIGTERM, "SIGTERM")])
def test_whatever_ends_the_program_while_the_schedules_are_made_leaves_none(
    account: Account,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    asked: Callable[[], list[str]],
    *,
    number: int,
    by: str,
) -> None:
    make = Switch._schedule

    def ended(self: Switch, name: str, *given: Any) -> None:
        make(self, name, *given)
        os.kill(os.getpid(), number)

    monkeypatch.setattr(Switch, "_schedule", ended)
    monkeypatch.setattr(own_address, "look_up", lambda: "10.9.8.7")
    line = ["aws-day-one", "--region", REGION, "--budget", "9", "--hourly", "0.9"]
    monkeypatch.setattr(sys, "argv", [*line, "--report", str(tmp_path / "report")])
    assert program.main() == program.REFUSED_INPUT
    assert f"nothing is begun: {by}\n" in capsys.readouterr().err
    assert schedules(account) == []
    assert account.clients["iam"].list_roles()["Roles"] == []
    assert asked()[-1].endswith("stack rm --yes")


def test_a_session_that_ends_before_destroy_is_refused_with_what_fits() -> None:
    limits = Limits(hourly=1, minutes=60, budget=10)
    end = datetime.now(UTC) + timedelta(minutes=60 + DESTROY_MINUTES - 10.5)
    with pytest.raises(ShortSessionError, match="or give --minutes 49"):
        limits.check_session(end.isoformat())
    with pytest.raises(ShortSessionError, match=r"take a longer one$"):
        limits.check_session((end - timedelta(minutes=60)).strftime("%Y-%m-%dT%H:%M:%SZ"))
    limits.check_session((end + timedelta(minutes=11)).isoformat())
    for unknown in ("", "soon", "2026-01-01T00:00:00"):
        limits.check_session(unknown)


def test_a_stack_that_is_not_forgotten_is_noted_in_the_report(
    account: Account, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, asked: Callable[[], list[str]]
) -> None:
    monkeypatch.setenv("FAILS", "stack rm")
    well, report, _ = lived(account, tmp_path, step("a"))
    assert well
    assert "the empty stack day-one-1 stays" in (report.folder / "report.md").read_text()
    assert "USD by the clock" in (report.folder / "report.md").read_text()


def test_the_help_says_what_it_does_and_that_it_costs_money() -> None:
    root = Path(__file__).parents[3]
    done = subprocess.run(
        [str(root / "tools" / "aws-day-one"), "--help"],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
        env={**os.environ, "COLUMNS": "120"},
    )
    assert "It costs money" in done.stdout
    assert "--budget USD" in done.stdout
