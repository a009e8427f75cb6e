"""What `source ./activate` gives to a shell: the command `oodt`, and completion where somebody types."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
SECONDS = 120


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """The project in a folder that it was moved to, its packages included."""
    moved = tmp_path / "moved here"
    for folder in ("runtime", "toolchain"):
        shutil.copytree(ROOT / folder, moved / folder, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "activate", moved)
    (moved / ".venv").symlink_to((ROOT / ".venv").resolve())
    pulumi = tmp_path / "bin" / "pulumi"
    pulumi.parent.mkdir()
    pulumi.write_text("#!/bin/sh\n")
    pulumi.chmod(0o755)
    return moved


def shell(project: Path, script: str, *options: str) -> subprocess.CompletedProcess[str]:
    """Run the script in another folder than the project's, which has a `runtime` of its own."""
    elsewhere = project.parent / "elsewhere"
    (elsewhere / "runtime").mkdir(parents=True)
    (elsewhere / "runtime" / "__init__.py").write_text("raise SystemExit('the wrong one')\n")
    home = project.parent / "home"
    return subprocess.run(
        ["bash", "--norc", *options, "-c", f"source '{project}/activate' && {script}"],
        cwd=elsewhere,
        env={
            "PATH": f"{project.parent}/bin:{os.environ['PATH']}",
            "HOME": str(home),
            "PULUMI_HOME": str(home / ".pulumi"),
            "PULUMI_BACKEND_URL": f"file://{home}",
            "DOCKER_HOST": "unix:///nowhere",
        },
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )


def test_oodt_is_on_path_wherever_the_shell_is(project: Path) -> None:
    done = shell(project, "command -v oodt && oodt status --help")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"{project}/toolchain/bin/oodt\nusage: oodt status ")


def test_a_script_loads_no_completion(project: Path) -> None:
    done = shell(project, "! complete -p oodt")
    assert done.returncode == 0, done.stderr


def test_an_interactive_shell_completes_the_commands(project: Path) -> None:
    done = shell(project, "complete -p oodt", "-i")
    assert done.returncode == 0, done.stderr
    assert "-F _shtab_oodt oodt" in done.stdout


def test_a_shell_without_the_library_for_completion_is_as_good_otherwise(project: Path) -> None:
    missing = "def script(shell: str) -> str:\n    raise SystemExit(2)\n"
    (project / "runtime" / "cli" / "completion.py").write_text(missing)
    done = shell(project, "! complete -p oodt && command -v oodt", "-i")
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
