"""The command `oodt new`: a folder that passes the check, and what it refuses."""

from __future__ import annotations

import errno
import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from runtime.new import COMMAND
from runtime.policy.checks import check
from runtime.policy.places import find

LINE = "./process.py [Input] [Output]"
SECONDS = 20


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def new(line: str = LINE, output: str = r".*\.nc", *more: str) -> int:
    return COMMAND.main(["my-workflow", "--command", line, "--metadata", "Input", "--output", output, *more])


@pytest.mark.parametrize(
    ("line", "output"),
    [
        (LINE, r".*\.nc"),
        (LINE, ".*"),
        (LINE, r"result_.*_v1\.nc"),
        ("python3 ./bin/process.py --from '[Input]' --to [Output]", r".*_v1\.tar\.gz"),
        ('./process.py [Input] && echo "done <&>" > log', r"result_\d{2}[\"'<]?\.csv"),
        ("cp [Input] [Output]", r".*\.txt"),
    ],
)
def test_a_new_folder_passes_the_check(here: Path, line: str, output: str) -> None:
    assert new(line, output) == 0
    assert [str(each) for each in check(find(here / "my-workflow"), metadata={"Input": "a"})] == []


def test_each_file_says_what_it_is_for(here: Path) -> None:
    assert new() == 0
    files = [path for path in (here / "my-workflow").rglob("*") if path.is_file()]
    assert len(files) == 10
    assert all(path.read_text().splitlines()[1].startswith(("<!-- ", '"""')) for path in files)


@pytest.mark.parametrize("line", [LINE, f"python3 {LINE}"])
def test_the_example_of_a_program_writes_the_output_that_it_is_told(here: Path, line: str) -> None:
    assert new(line) == 0
    program = here / "my-workflow" / "pges" / "process.py"
    subprocess.run([str(program), "a b", "out.nc"], check=True, timeout=SECONDS)
    assert (here / "out.nc").read_text() == "a b\nout.nc\n"


def test_a_program_that_is_there_is_copied_and_made_executable(here: Path) -> None:
    (here / "process.py").write_text("#!/usr/bin/env python3\nprint('mine')\n")
    assert new() == 0
    program = here / "my-workflow" / "pges" / "process.py"
    assert program.read_text().endswith("print('mine')\n")
    assert os.access(program, os.X_OK)


def test_the_result_names_files_event_and_what_comes_next(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert new() == 0
    assert (
        "  oodt submit --event my-workflow --jobs 1 --metadata Input=VALUE --wait\n"
        in capsys.readouterr().out
    )
    (here / "my-workflow").rename(here / "first")
    assert new(LINE, r".*\.nc", "--json") == 0
    answer = json.loads(capsys.readouterr().out)
    assert (answer["folder"], answer["event"], answer["findings"]) == (
        f"{here}/my-workflow",
        "my-workflow",
        [],
    )
    assert "pges/process.py" in answer["files"]


@pytest.mark.parametrize("how", [OSError(errno.ENOSPC, "No space left on device"), KeyboardInterrupt()])
def test_a_command_that_was_stopped_leaves_no_half_folder_and_is_typed_again(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], how: BaseException
) -> None:
    def copyfile(*_: object) -> None:
        raise how

    (here / "process.py").write_text("#!/usr/bin/env python3\n")
    monkeypatch.setattr(shutil, "copyfile", copyfile)
    if isinstance(how, OSError):
        assert new() == 2
        assert "No space left" in capsys.readouterr().err
    else:
        with pytest.raises(KeyboardInterrupt):
            new()
    assert not (here / "my-workflow").exists()
    monkeypatch.undo()
    assert COMMAND.main([str(here / "my-workflow"), "--command", "echo ./a", "--output", ".*"]) == 0
    assert {path.name for path in here.iterdir()} == {"process.py", "my-workflow"}
    assert not (here / "my-workflow" / "pges" / "process.py").exists()


def test_a_folder_that_is_there_is_left_alone(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "my-workflow").mkdir()
    assert new() == 2
    assert list((here / "my-workflow").iterdir()) == []
    assert "there is something of that name" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("line", "output", "said"),
    [
        ("./process.py [Input] [Date]", r".*\.nc", "nothing defines [Date]: add --metadata Date"),
        (LINE, r"result\.nc", "it has one .* in it"),
        ("./process.py '", r".*\.nc", "close the quotes"),
        ("  ", r".*\.nc", "--command is empty"),
    ],
)
def test_what_cannot_become_a_workflow_is_refused(
    here: Path, line: str, output: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert new(line, output) == 2
    assert said in capsys.readouterr().err
    assert list(here.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--output", "*.nc"], "no regular expression"),
        (["--metadata", "JobId"], "cannot name metadata"),
        (["--metadata", "a b"], "cannot name metadata"),
    ],
)
def test_options_that_oodt_could_not_use_are_refused(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as end:
        new(LINE, r".*\.nc", *arguments)
    assert end.value.code == 2
    assert said in capsys.readouterr().err


def test_a_name_that_cannot_be_an_event_is_refused(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert COMMAND.main(["my workflow", "--command", LINE, "--output", ".*"]) == 2
    assert "cannot name an event" in capsys.readouterr().err
