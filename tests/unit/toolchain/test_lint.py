"""The linters of what is not Python: what they are given, and when `make lint` fails."""

from pathlib import Path

import pytest

from toolchain import lint


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
