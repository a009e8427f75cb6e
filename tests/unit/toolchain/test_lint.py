"""The linters of what is not Python: what they are given, and when `make lint` fails."""

import shutil
from pathlib import Path

import pytest

from toolchain import lint
from toolchain.versions import CHECKSTYLE


def test_a_shell_script_is_known_by_its_first_line(tmp_path: Path) -> None:
    for name, first_line in {
        "bin/start": "#!/bin/sh",
        ".ci/run": "#!/bin/bash",
        "bin/program": "#!/usr/bin/python3",
        "module.py": 'SCRIPT = """\\',
        ".venv/bin/activate": "#!/bin/sh",
    }.items():
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"{first_line}\n#!/bin/sh\n")
    found = [str(path.relative_to(tmp_path)) for path in lint.scripts(tmp_path)]
    assert found == [".ci/run", "bin/start"]


@pytest.mark.parametrize(("ci", "status"), [("", 0), ("true", 1)])
def test_a_linter_that_the_machine_lacks_fails_in_ci_only(
    ci: str, status: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def missing() -> bool:
        raise lint.LinterMissing("it is not on PATH: install it")

    monkeypatch.setenv("CI", ci)
    monkeypatch.setattr(lint, "CHECKS", {"mylint": missing})
    assert lint.main() == status
    assert "mylint: left out: it is not on PATH: install it" in capsys.readouterr().out


def test_one_complaint_fails_after_all_linters_have_run(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(lint, "CHECKS", {"first": lambda: False, "second": lambda: True})
    assert lint.main() == 1
    assert "second: no complaint" in capsys.readouterr().out


# Begins a download as it is told, and fails for good where a part of one is there, as jgo does.
JGO = """#!/bin/sh
set -e
env={folder}/jgo/envs/com/puppycrawl/tools/checkstyle/1234
if ! [ -e {folder}/maven ]; then
    mkdir {folder}/maven
    {end}
    mkdir -p $env/modules
    touch $env/jgo.lock.toml $env/modules/checkstyle-{version}.jar
fi
[ -e $env ]
"""


def test_checkstyle_is_downloaded_again_where_that_was_cut_short_and_else_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def jgo(end: str) -> None:
        text = JGO.format(folder=tmp_path, version=CHECKSTYLE, end=end)
        (tmp_path / "jgo-command").write_text(text)
        (tmp_path / "jgo-command").chmod(0o755)

    monkeypatch.setattr(lint, "MAVEN", tmp_path / "maven")
    monkeypatch.setattr(lint, "JGO", tmp_path / "jgo")
    monkeypatch.setattr(lint, "_linter", lambda _name: str(tmp_path / "jgo-command"))
    monkeypatch.setattr(lint, "find_spec", lambda _name: None)
    monkeypatch.setattr(shutil, "which", lambda _name: "java")
    jgo(end="kill -KILL $$")
    assert not lint.CHECKS["checkstyle"]()
    jgo(end=":")
    assert lint.CHECKS["checkstyle"]()
    jgo(end="exit 1")
    assert lint.CHECKS["checkstyle"]()
