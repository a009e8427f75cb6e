"""What `pulumi preview` says of workflows before anything is declared."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from infra.workflow_folder import WorkflowFolderError, check
from runtime.policy.places import Places
from tests.unit.aws.cloud import Cloud, run_program, workflow_folder
from tests.unit.runtime.policy.flow import Flow


def test_all_errors_of_all_workflows_are_told_at_once(tmp_path: Path) -> None:
    one, two = Flow(tmp_path, "one"), Flow(tmp_path, "two")
    for file in two.folder.glob("*/*.xml"):  # ids of its own
        file.write_text(re.sub(r'(\bid|event name)="(\w+)"', r'\1="second-\2"', file.read_text()))
    one.change("policy/flow.workflow.xml", 'task id="t"', 'task id="u"')
    two.change("pge-configs/task.xml", "run.py", "walk.py")
    with pytest.raises(WorkflowFolderError) as caught:
        check([Places.of(one.folder), Places.of(two.folder)], ["flow", "second-flow"])
    told = str(caught.value)
    assert f"{one.folder}/policy/flow.workflow.xml:2: error: task u is defined nowhere" in told
    assert f"{two.folder}/pge-configs/task.xml:4: error: the program /usr/local/oodt/pges/two/walk.py" in told


def test_what_only_may_be_wrong_is_returned(tmp_path: Path) -> None:
    flow = Flow(tmp_path)
    flow.change("pge-configs/task.xml", "[Input]", "[Inptu]")
    (warning,) = check([Places.of(flow.folder)], ["flow"])
    assert warning.startswith(f"{flow.folder}/pge-configs/task.xml:4: warning: ")


def test_an_error_ends_the_program_before_anything_is_declared(tmp_path: Path) -> None:
    folder = workflow_folder(tmp_path / "broken", "first")
    (folder / "pges" / "run.py").unlink()
    cloud = Cloud()
    with pytest.raises(Exception, match=r"run\.py is not there"):
        run_program(cloud, tmp_path, target="local", workflow_dir=str(folder), workflow_queue="first")
    assert cloud.declared == []
