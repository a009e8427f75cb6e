"""What `oodt submit --dry-run` says of a batch's cost, and what it leaves open."""

import json
from pathlib import Path
from typing import Any

import pytest

from runtime import submit
from runtime.cli import batch_cost, program
from tests.unit.runtime.cli.service import answering

EVENT = ("--event", "test-workflow")
NOBODY = {"STATUS_URL": "http://127.0.0.1:9", "STATUS_TOKEN": "token"}
CLUSTER = {"hourly": 0.6, "lease_hour": 0.0005, "text": "estimated cost in us-east-1: 0.60"}


@pytest.fixture
def on_aws(monkeypatch: pytest.MonkeyPatch) -> None:
    answer = {"cost": {**CLUSTER, "slots": {"test-workflow": 8}}}
    monkeypatch.setattr(program, "ask", lambda *_: json.loads(json.dumps(answer)))


def said(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    environment: dict[str, str],
    *arguments: str,
) -> tuple[int, str, str]:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    try:
        code = submit.COMMAND.main([*EVENT, "--dry-run", *arguments])
    except SystemExit as end:
        code = int(str(end.code))
    captured = capsys.readouterr()
    return code, captured.out, captured.err


@pytest.mark.usefixtures("on_aws")
def test_a_batch_costs_the_clusters_hours_for_as_long_as_jobs_like_it_took(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    jobs: list[dict[str, Any]] = [
        {"started": 100.0, "ended": 160.0},
        {"started": 100.0, "ended": 220.0},
        {"started": None, "ended": 300.0},
    ]
    with answering({"jobs": jobs}) as status:
        code, text, _ = said(monkeypatch, capsys, status, "--jobs", "100")
        assert code == 0
        # 13 rounds of 90 s, and 100 leases of 90 s.
        assert "8 jobs run at once; a job took 1 min 30 s" in text
        assert "the batch takes 19 min 30 s, 0.20 USD" in text
        assert "not in it: jobs that are tried again" in text
        assert "the cluster costs the same without jobs" in text
        code, text, _ = said(monkeypatch, capsys, status, "--jobs", "100", "--json")
    found = json.loads(text)
    assert (found["jobs"], found["submitted"]) == (100, 0)
    assert found["cost"]["usd"] == pytest.approx((0.6 * 1170 + 0.0005 * 9000) / 3600)


@pytest.mark.usefixtures("on_aws")
def test_without_a_history_the_cost_is_that_of_a_jobs_minute(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    code, text, _ = said(monkeypatch, capsys, NOBODY, "--jobs", "16", "--json")
    assert code == 0
    assert json.loads(text)["cost"]["usd"] is None
    _, text, _ = said(monkeypatch, capsys, NOBODY, "--jobs", "16")
    assert "how long a job takes is not known (no answer from the status service" in text
    assert "for each minute of it, the batch takes 2 min 0 s, 0.02 USD" in text


@pytest.mark.usefixtures("on_aws")
def test_a_batch_file_is_checked_and_nothing_is_sent(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    file = tmp_path / "jobs.csv"
    file.write_text("Run\n1\n2\n3\n")
    environment = {**NOBODY, "RABBITMQ_USER_URL": "amqp://user:secret@127.0.0.1:9/%2F"}
    code, text, _ = said(monkeypatch, capsys, environment, "--batch", str(file))
    assert code == 0
    assert text.startswith("3 jobs of test-workflow: checked, none submitted\n")
    file.write_text('{"Run": 1\n')
    assert said(monkeypatch, capsys, environment, "--batch", str(file))[0] == 2


@pytest.mark.usefixtures("on_aws")
def test_an_event_that_the_stack_does_not_have_is_told_with_those_that_it_has(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    code, _, error = said(monkeypatch, capsys, NOBODY, "--event", "other", "--jobs", "1")
    assert code == 2
    assert "--event is 'other': the stack's workflows have the events test-workflow" in error


def test_on_another_target_there_is_no_cost(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(program, "ask", lambda *_: {"cost": None})
    code, text, _ = said(monkeypatch, capsys, NOBODY, "--jobs", "1")
    assert (code, text.splitlines()[1]) == (0, "cost: only clusters on target aws have one")


def test_where_the_program_is_not_the_jobs_are_checked_all_the_same(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(program, "PROGRAM", "not_installed_here")
    code, text, _ = said(monkeypatch, capsys, NOBODY, "--jobs", "1")
    assert code == 0
    assert "1 jobs of test-workflow: checked, none submitted\ncost: the Pulumi program is not here" in text


def test_a_dry_run_does_not_wait(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    code, _, error = said(monkeypatch, capsys, NOBODY, "--jobs", "1", "--wait")
    assert code == 2
    assert "--dry-run submits nothing that --wait could follow" in error


def test_a_cluster_without_a_price_gets_no_figure() -> None:
    cluster = {**CLUSTER, "hourly": None, "lease_hour": None}
    found = batch_cost.BatchCost(jobs=8, slots=8, seconds=60.0, why="", cluster=cluster)
    assert found.usd is None
    assert "the batch takes 1 min 0 s, without a price here" in found.lines()[0]
