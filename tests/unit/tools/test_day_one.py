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
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto import mock_aws

from infra.aws.preflight import own_address
from tools.day_one import __main__ as program
from tools.day_one import day, processes, spot_notice
from tools.day_one.account import Account
from tools.day_one.limits import BY_USE, DESTROY_MINUTES, SWITCH_MINUTES, Limits, OverBudgetError
from tools.day_one.report import Report
from tools.day_one.stack import Stack
from tools.day_one.steps import STORY, Step, StepError, Trial
from tools.day_one.switch import Switch

REGION = "us-west-2"
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
    limits = Limits(hourly=1, minutes=minutes, budget=10)
    switch = Switch(account)
    switch.make(minutes)
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
    _, report, states = lived(account, tmp_path, late, step("later"), minutes=0.02)
    assert states == {"late": "done", "later": "skipped", "destroy": "done"}
    assert report.outcomes[0].limit < 2


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_whatever_ends_the_program_leads_to_destroy(
    account: Account, tmp_path: Path, asked: Callable[[], list[str]], number: int
) -> None:
    ended = step("ended", lambda _: os.kill(os.getpid(), number))
    well, report, states = lived(account, tmp_path, ended, step("next"))
    assert not well
    assert "next" not in states
    assert states["destroy"] == "done"
    assert any("it was ended" in note for note in report.notes)


def test_if_destroy_fails_it_is_tried_again_and_then_aws_ends_the_instances_itself(
    account: Account, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, asked: Callable[[], list[str]]
) -> None:
    monkeypatch.setenv("FAILS", "destroy")
    well, report, states = lived(account, tmp_path, step("a"))
    assert (well, states["destroy"]) == (False, "failed")
    assert sum("destroy" in line for line in asked()) == 2
    assert not any("stack rm" in line for line in asked())
    assert len(schedules(account)) == 2
    assert any("PULUMI_STACK=day-one-1 pulumi destroy" in note for note in report.notes)


def test_the_schedules_end_all_instances_of_the_stack_after_destroys_time(account: Account) -> None:
    began = time.time()
    Switch(account).make(90)
    found = {each["Target"]["Arn"].rpartition(":aws-sdk:")[2]: each for each in schedules(account)}
    assert set(found) == {"autoscaling:updateAutoScalingGroup", "ssm:startAutomationExecution"}
    for call, schedule in found.items():
        at = time.strptime(schedule["ScheduleExpression"] + " UTC", "at(%Y-%m-%dT%H:%M:%S) %Z")
        minutes = (calendar.timegm(at) - began) / 60
        assert 90 + DESTROY_MINUTES < minutes <= 90 + DESTROY_MINUTES + SWITCH_MINUTES
        service, _, operation = call.partition(":")
        given = json.loads(schedule["Target"]["Input"])
        model = boto3.client(service, region_name=REGION).meta.service_model
        assert set(given) <= set(
            model.operation_model(operation[0].upper() + operation[1:]).input_shape.members
        )
    group = json.loads(found["autoscaling:updateAutoScalingGroup"]["Target"]["Input"])
    assert (group["AutoScalingGroupName"], group["DesiredCapacity"]) == ("oodt-day-one-1-workers", 0)


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
    assert len(schedules(account)) == 2


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
    with pytest.raises(processes.ProgramError, match="did not end within 2 s: on"):
        processes.run([sys.executable, "-c", deaf], tmp_path / "log", seconds=2, environment=os.environ)
    assert time.monotonic() - began < 30


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
