"""What readers are told of a policy: of tests, examples and strangers, and of one that cannot be read."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Sequence
from pathlib import Path

import pytest

from runtime.new import COMMAND as NEW
from runtime.policy.outline import Condition, Outline, Workflow, outline
from runtime.workflow_copy import archive
from tests.unit.runtime.policy.flow import Flow
from toolchain.paths import REPOSITORY

FOREIGN, EXAMPLE = REPOSITORY / "testing/workflows/foreign", REPOSITORY / "workflows/test-workflow"


def deployed(folder: Path, *workflows: Path) -> Path:
    """The folder of workflows as a container sees it."""
    with tarfile.open(fileobj=io.BytesIO(archive(workflows, ["policy"]))) as copy:
        copy.extractall(folder, filter="data")
    return folder / "workflows"


def tasks(found: Outline, event: str) -> list[str]:
    return [task.name for workflow in found.events[event] for task in workflow.tasks]


def test_workflows_of_any_origin_are_told_together(tmp_path: Path) -> None:
    command = ("--command", "cp [Input] [Output]", "--metadata", "Input", "--output", r".*\.nc")
    NEW.main([str(tmp_path / "made"), *command])
    found = outline(deployed(tmp_path / "config", EXAMPLE, FOREIGN, tmp_path / "made"))
    assert found.problems == ()
    assert tasks(found, "test-workflow") == ["Test Workflow Task 1", "Test Workflow Task 2"]
    assert tasks(found, "snow-cover") == ["Measure", "Map", "Review"]
    assert len(tasks(found, "made")) == 1
    assert found.events["snow-cover"][0].file == "foreign/policy/cover.workflow.xml"


def test_a_task_is_told_with_its_conditions_its_settings_and_what_a_job_needs(tmp_path: Path) -> None:
    flow = Flow(tmp_path)
    configured = "><configuration><property name='a' value='1'/></configuration></condition>"
    flow.change("policy/conditions.xml", "/>", configured)
    [workflow] = outline(deployed(tmp_path / "config", flow.folder)).events["flow"]
    [task] = workflow.tasks
    assert (task.id, task.name, task.required) == ("t", "Task", ("Input",))
    assert task.pge_config == "/usr/local/oodt/workflows/flow/pge-configs/task.xml"
    assert task.properties["PCS_FileManagerUrl"] == "http://localhost:9000"
    assert "PGETask_ConfigFilePath" not in task.properties
    [condition] = task.conditions
    assert (condition.name, condition.class_name.rpartition(".")[2]) == ("C", "TrueCondition")
    assert condition.properties == {"a": "1"}


def test_a_value_that_differs_from_container_to_container_is_told_as_it_is_written(tmp_path: Path) -> None:
    flow = Flow(tmp_path)
    flow.change("policy/tasks.xml", 'value="met"', 'value="[HOSTNAME]" envReplace="true"')
    [workflow] = outline(deployed(tmp_path / "config", flow.folder)).events["flow"]
    assert workflow.tasks[0].properties["PCS_MetFileExtension"] == "[HOSTNAME]"


def test_several_workflows_of_one_event_are_told_in_their_order(tmp_path: Path) -> None:
    flow = Flow(tmp_path)
    flow.change("policy/events.xml", '<workflow id="w"/>', '<workflow id="v"/><workflow id="w"/>')
    flow.write("policy/other.workflow.xml", '<w id="v" name="Other"><tasks><task id="t"/></tasks></w>')
    found = outline(deployed(tmp_path / "config", flow.folder)).events["flow"]
    assert [(each.id, each.name) for each in found] == [("v", "Other"), ("w", "")]


@pytest.mark.parametrize(
    ("file", "old", "new", "lost"),
    [
        ("policy/events.xml", 'id="w"', 'id="x"', "workflow"),
        ("policy/flow.workflow.xml", 'task id="t"', 'task id="x"', "task"),
        ("policy/tasks.xml", 'condition id="c"', 'condition id="x"', "condition"),
    ],
)
def test_what_nothing_defines_is_told_as_such(
    tmp_path: Path, file: str, old: str, new: str, lost: str
) -> None:
    flow = Flow(tmp_path)
    flow.change(file, old, new)
    [workflow] = outline(deployed(tmp_path / "config", flow.folder)).events["flow"]
    conditions = [each for task in workflow.tasks for each in task.conditions]
    parts: dict[str, Sequence[Condition | Workflow]] = {
        "workflow": [workflow],
        "task": workflow.tasks,
        "condition": conditions,
    }
    assert [(each.id, each.defined) for each in parts[lost]] == [("x", False)]


@pytest.mark.parametrize("broken", ["<tasks>", "", "\x00", '<?xml version="1.0" encoding="none"?><t/>'])
def test_a_file_that_is_no_xml_is_told_with_its_place_and_the_rest_too(tmp_path: Path, broken: str) -> None:
    flow = Flow(tmp_path)
    flow.write("policy/tasks.xml", broken)
    found = outline(deployed(tmp_path / "config", flow.folder, EXAMPLE))
    assert found.problems[0].startswith("policy/tasks.xml, line ")
    assert "this is no XML that can be read" in found.problems[0]
    assert not found.events["flow"][0].tasks[0].defined
    assert len(tasks(found, "test-workflow")) == 2


def test_a_file_that_is_missing_and_one_that_is_a_folder_are_told(tmp_path: Path) -> None:
    flow = Flow(tmp_path)
    flow.path("policy/conditions.xml").unlink()
    flow.path("policy/odd.workflow.xml").mkdir()
    config = deployed(tmp_path / "config", flow.folder)
    assert outline(config).problems == ("policy/conditions.xml, line 1: this file is missing",)


def test_where_there_is_no_policy_this_is_told(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert outline(tmp_path / "empty").problems == (f"there is no policy in {tmp_path}/empty",)
    assert "cannot be read (No such file" in outline(tmp_path / "none").problems[0]
